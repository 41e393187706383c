// SPDX-License-Identifier: GPL-2.0
/*
 * scale DEVICE DEVICE QPS MRS [STOPFILE]: so many queue pairs and regions at once on the
 * first device, and what each costs to make and to destroy, in tenths of them. While
 * they are there, some queue pairs in their midst carry traffic to the second device,
 * out of and into regions in their midst, and all bytes are verified.
 *
 * With STOPFILE it says "holding" then, and goes on with that until the file is there.
 *
 * Status 3: everything worked, but of the first and the last tenth one cost more than
 * FACTOR times what the other did: creation that costs the more the more there are, or
 * destruction that does, or that is the slower the more was destroyed. Other work on the
 * machine can only add to what a slice costs, so the lower quartile counts, of slices
 * shorter than a scheduler's. A very busy machine may still do it: try again.
 */
#include "pair.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define FACTOR		4
#define TENTHS		10
#define SLICES		100	/* of each tenth; the lower quartile counts */
#define PAGE		4096u
#define PAGES		16384u	/* of the buffer that the regions share */
#define PAIRS		64u	/* queue pairs that carry traffic */
#define REGION		(2 * PAGE)

struct costs {
	const char *what;
	double us[TENTHS][SLICES];	/* per object */
};

static struct end a, b;
static uint8_t *buf, *target;
static struct ibv_mr **mrs, *tmr;
static struct ibv_qp **qps, *peers[PAIRS];
static unsigned int nr_qps, nr_mrs;
static struct pair_opt opt;
static bool grows;

static double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int by_value(const void *x, const void *y)
{
	double d = *(const double *)x - *(const double *)y;

	return d < 0 ? -1 : d > 0;
}

static double quartile(const double *slice)
{
	double v[SLICES];

	memcpy(v, slice, sizeof(v));
	qsort(v, SLICES, sizeof(v[0]), by_value);
	return v[SLICES / 4];
}

/* Call @fn for 0 to @n - 1, and print the curve. */
static void measure(const char *what, unsigned int n, void (*fn)(unsigned int i))
{
	const unsigned int slice = n / (TENTHS * SLICES);
	struct costs c = { .what = what };
	unsigned int t, s, i = 0, k;
	double begin, first, last;

	CHECK(slice, "at least %d", TENTHS * SLICES);
	for (t = 0; t < TENTHS; t++) {
		for (s = 0; s < SLICES; s++) {
			begin = now_us();
			for (k = 0; k < slice; k++)
				fn(i++);
			c.us[t][s] = (now_us() - begin) / slice;
		}
	}
	while (i < n)
		fn(i++);
	printf("| %s |", what);
	for (t = 0; t < TENTHS; t++)
		printf(" %.1f |", quartile(c.us[t]));
	first = quartile(c.us[0]);
	last = quartile(c.us[TENTHS - 1]);
	printf(" %.2f |\n", last / first);
	if (last > FACTOR * first || first > FACTOR * last)
		grows = true;
}

static uint8_t *place(unsigned int i)
{
	return buf + (size_t)(i % (PAGES - 1)) * PAGE;
}

static void make_mr(unsigned int i)
{
	mrs[i] = ibv_reg_mr(a.pd, place(i), REGION, opt.access);
	CHECK(mrs[i], "region %u: %s", i, strerror(errno));
}

static void drop_mr(unsigned int i)
{
	CHECK(!ibv_dereg_mr(mrs[i]), "ibv_dereg_mr %u", i);
}

static struct ibv_qp *make(struct end *e)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 16, .max_recv_wr = 16,
			 .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC, .send_cq = e->scq, .recv_cq = e->rcq,
	};
	struct ibv_qp *qp = ibv_create_qp(e->pd, &init);

	CHECK(qp, "ibv_create_qp: %s", strerror(errno));
	return qp;
}

static void make_qp(unsigned int i)
{
	qps[i] = make(&a);
}

static void drop_qp(unsigned int i)
{
	CHECK(!ibv_destroy_qp(qps[i]), "ibv_destroy_qp %u", i);
}

static void end_open(struct end *e, const char *device)
{
	e->ctx = need_device(device);
	e->gid_index = need_gid_index(e->ctx, 4, &e->gid);
	e->pd = ibv_alloc_pd(e->ctx);
	e->scq = ibv_create_cq(e->ctx, 1024, NULL, NULL, 0);
	e->rcq = ibv_create_cq(e->ctx, 1024, NULL, NULL, 0);
	CHECK(e->pd && e->scq && e->rcq, "objects: %s", strerror(errno));
}

static void end_close(struct end *e)
{
	CHECK(!ibv_destroy_cq(e->scq) && !ibv_destroy_cq(e->rcq), "ibv_destroy_cq");
	CHECK(!ibv_dealloc_pd(e->pd) && !ibv_close_device(e->ctx), "close");
}

/* The one of pair @i that is among the many. */
static struct ibv_qp *among(unsigned int i)
{
	return qps[(size_t)i * nr_qps / PAIRS];
}

static void to_rts(struct end *e, struct ibv_qp *qp, struct end *peer,
		   struct ibv_qp *peer_qp)
{
	e->qp = qp;
	peer->qp = peer_qp;
	CHECK(!end_to_init(e, &opt) && !end_to_rtr(e, peer, &opt) &&
	      !end_to_rts(e, &opt), "to RTS: %s", strerror(errno));
}

static void connect_pairs(void)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++) {
		peers[i] = make(&b);
		to_rts(&a, among(i), &b, peers[i]);
		to_rts(&b, peers[i], &a, among(i));
	}
}

/* Each pair at once: a region is written to the peer, then read into another. */
static void traffic(unsigned int round)
{
	const uint32_t len = REGION - 7;
	struct ibv_mr *from, *to;
	unsigned int i;

	for (i = 0; i < PAIRS; i++) {
		from = mrs[((size_t)i * nr_mrs / PAIRS + round) % nr_mrs];
		/* regions share pages: one pair after the other */
		fill(from->addr, len, round + i);
		a.qp = among(i);
		need_send(&a, IBV_WR_RDMA_WRITE, i, sge_of(from, 0, len),
			  (uintptr_t)target + i * REGION, tmr->rkey,
			  IBV_SEND_SIGNALED);
		CHECK(need_ok(a.scq).wr_id == i, "wr_id");
		need_pattern(target + i * REGION, len, round + i, "write");
	}
	for (i = 0; i < PAIRS; i++) {
		to = mrs[nr_mrs - 1 - ((size_t)i * nr_mrs / PAIRS + round) % nr_mrs];
		memset(to->addr, 0, REGION);
		b.qp = peers[i];
		/* the peer writes by a key in the midst of the others */
		need_send(&b, IBV_WR_RDMA_WRITE, i,
			  sge_of(tmr, i * REGION, len), (uintptr_t)to->addr + 7,
			  to->rkey, IBV_SEND_SIGNALED);
		CHECK(need_ok(b.scq).wr_id == i, "wr_id");
		need_pattern((uint8_t *)to->addr + 7, len, round + i, "written back");
	}
}

/* kB that the kernel has used since the last call; for people */
static long memory_used(void)
{
	static long before;
	char line[128];
	long now = 0, used;
	FILE *f = fopen("/proc/meminfo", "r");

	CHECK(f, "/proc/meminfo");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %ld", &now) == 1)
			break;
	fclose(f);
	used = before - now;
	before = now;
	return used;
}

static void get_buffers(void)
{
	buf = mmap(NULL, (size_t)PAGES * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	target = aligned_alloc(PAGE, PAIRS * REGION);
	mrs = calloc(nr_mrs, sizeof(*mrs));
	qps = calloc(nr_qps, sizeof(*qps));
	CHECK(buf != MAP_FAILED && target && mrs && qps, "no memory");
	memset(buf, 0, (size_t)PAGES * PAGE);
	memset(target, 0, PAIRS * REGION);
	tmr = need_mr(&b, target, PAIRS * REGION, opt.access);
}

static void put_buffers(void)
{
	CHECK(!ibv_dereg_mr(tmr), "ibv_dereg_mr");
	free(mrs);
	free(qps);
	free(target);
	munmap(buf, (size_t)PAGES * PAGE);
}

static void build(void)
{
	memory_used();
	measure("create MR", nr_mrs, make_mr);
	printf("%u MRs: %ld kB\n", nr_mrs, memory_used());
	measure("create QP", nr_qps, make_qp);
	printf("%u QPs: %ld kB\n", nr_qps, memory_used());
	connect_pairs();
}

static void tear_down(void)
{
	unsigned int i;

	measure("destroy QP", nr_qps, drop_qp);
	measure("destroy MR", nr_mrs, drop_mr);
	for (i = 0; i < PAIRS; i++)
		CHECK(!ibv_destroy_qp(peers[i]), "ibv_destroy_qp");
}

int main(int argc, char **argv)
{
	unsigned int round;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 5) {
		fprintf(stderr, "usage: scale DEVICE DEVICE QPS MRS [STOPFILE]\n");
		return 2;
	}
	nr_qps = (unsigned int)atoi(argv[3]);
	nr_mrs = (unsigned int)atoi(argv[4]);
	opt = pair_defaults;
	end_open(&a, argv[1]);
	end_open(&b, argv[2]);
	get_buffers();
	build();
	for (round = 0; round < 3; round++)
		traffic(round);
	if (argc > 5) {
		printf("holding\n");
		while (access(argv[5], F_OK))
			traffic(round++);
	}
	tear_down();
	put_buffers();
	end_close(&a);
	end_close(&b);
	return grows ? 3 : 0;
}
