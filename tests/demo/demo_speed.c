// SPDX-License-Identifier: GPL-2.0
/*
 * RDMA write bandwidth and latency, the same program for all: host memory and
 * VRAM, over a wire and on one device, prxe and rxe. They take turns in every
 * run, so that what disturbs the machine for a while disturbs all.
 */
#include <string.h>

#include "demo.h"

#define WINDOW		(512 * KIB)	/* posted and not complete; at most 32 writes */
#define SLICE_US	10e3
#define SLICES		4	/* a run is made of, for each connection */
#define SPAN		(4 * MIB)	/* that the writes go round in */
#define LATENCY_AT	SPAN	/* behind it, the words for latency */
#define RUNS		5
#define MAX_LANES	6

/* A connection, and memory at both its ends. */
struct lane {
	const char *name;	/* in results */
	enum mem_kind kind;
	struct pair p;
	struct mem a, b;
};

static const size_t sizes[] = {
	4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB
};

#define SIZES	(sizeof(sizes) / sizeof(*sizes))
#define JUDGED	2	/* 64 KiB */

static void lane_open(struct demo *d, struct lane *l, const char *name,
		      const char *a, const char *b, enum mem_kind kind)
{
	struct pair_opt opt = pair_defaults;

	l->name = name;
	l->kind = kind;
	opt.mtu = IBV_MTU_4096;
	pair_open(&l->p, a, b, &opt);
	pair_connect(&l->p);
	mem_make(d, &l->a, kind, SPAN + PAGE);
	mem_make(d, &l->b, kind, SPAN + PAGE);
	mem_register(&l->a, l->p.a.pd);
	mem_register(&l->b, l->p.b.pd);
}

static void lane_close(struct lane *l)
{
	pair_disconnect(&l->p);
	mem_free(&l->a);
	mem_free(&l->b);
	pair_close(&l->p);
}

static void post(struct lane *l, unsigned int n, size_t size)
{
	size_t off = n % (SPAN / size) * size;

	need_send(&l->p.a, IBV_WR_RDMA_WRITE, n, mem_sge(&l->a, off, size),
		  l->b.iova + off, l->b.mr->rkey, IBV_SEND_SIGNALED);
}

/* Which connection is the @k-th of slice @j: forth in one, back in the next. */
static unsigned int place(unsigned int j, unsigned int k, unsigned int n)
{
	return j % 2 ? n - 1 - k : k;
}

/* MiB/s of at least @us microseconds of writes of @size. */
static double bandwidth(struct lane *l, size_t size, double us)
{
	unsigned int window = size < WINDOW / 32 ? 32 : size > WINDOW / 2 ? 2 : WINDOW / size;
	unsigned int posted = 0, done = 0;
	double t0 = now_us();

	while (posted < window)
		post(l, posted++, size);
	while (done < posted) {
		need_ok(l->p.a.scq);
		done++;
		if (now_us() - t0 < us)
			post(l, posted++, size);
	}
	return (double)done * (double)size / MIB / ((now_us() - t0) / 1e6);
}

/* Does the target hold what the source does, once all of it was written? */
static void check_lane(struct demo *d, struct lane *l, uint32_t seed)
{
	size_t wrong;

	for (unsigned int i = 0; i < SPAN / MIB; i++)
		post(l, i, MIB);
	for (unsigned int i = 0; i < SPAN / MIB; i++)
		need_ok(l->p.a.scq);
	mem_cpu_begin(&l->b);
	wrong = count_wrong(l->b.map, SPAN, seed);
	mem_cpu_end(&l->b);
	if (!wrong)
		return;
	printf("  %s: %zu bytes WRONG after the measurements\n", l->name, wrong);
	d->failures++;
}

static void fill_lane(struct lane *l, uint32_t seed)
{
	mem_cpu_begin(&l->a);
	softgpu_fill(l->a.map, SPAN, seed);
	mem_cpu_end(&l->a);
	mem_cpu_begin(&l->b);
	memset(l->b.map, 0, SPAN);
	mem_cpu_end(&l->b);
}

/* Write @value from @from to @to and wait for the CPU to see it there. */
static void volley(struct end *e, struct mem *from, struct mem *to, uint16_t value)
{
	volatile uint16_t *out = (void *)(from->map + LATENCY_AT);
	volatile uint16_t *in = (void *)(to->map + LATENCY_AT);
	double end = now_us() + 60e6;

	*out = value;
	__sync_synchronize();	/* VRAM may be mapped write combining */
	need_send(e, IBV_WR_RDMA_WRITE, value, mem_sge(from, LATENCY_AT, 2),
		  to->iova + LATENCY_AT, to->mr->rkey, IBV_SEND_SIGNALED);
	while (*in != value)
		CHECK(now_us() < end, "the write does not arrive");
}

/* Microseconds of a 2-byte write, one way: half of what there and back take. */
static double latency(struct lane *l, unsigned int n)
{
	static double us[1000];
	unsigned int i;

	for (i = 0; i < n; i++) {
		double t0 = now_us();
		uint16_t value = (uint16_t)(i + 1);

		volley(&l->p.a, &l->a, &l->b, value);
		volley(&l->p.b, &l->b, &l->a, (uint16_t)(value + 0x8000));
		us[i] = (now_us() - t0) / 2;
		need_ok(l->p.a.scq);
		need_ok(l->p.b.scq);
	}
	return median(us, n);
}

struct figures {
	double bw[SIZES][MAX_LANES][RUNS];
	double lat[MAX_LANES][RUNS];
};

/* One run of everything; the lanes take turns, a slice each. */
static void run(struct demo *d, struct lane *lanes, unsigned int n,
		struct figures *f, unsigned int turn)
{
	unsigned int slices = d->quick ? 1 : SLICES;
	double bw[MAX_LANES][2 * SLICES], lat[MAX_LANES][SLICES];

	for (size_t s = 0; s < SIZES; s++) {
		unsigned int k = s == JUDGED ? 2 * slices : slices;

		for (unsigned int j = 0; j < k; j++)
			for (unsigned int m = 0; m < n; m++) {
				unsigned int i = place(j, m, n);

				/* What the one before has left is not measured. */
				bandwidth(&lanes[i], sizes[s], SLICE_US / 10);
				bw[i][j] = bandwidth(&lanes[i], sizes[s], SLICE_US);
			}
		for (unsigned int i = 0; i < n; i++)
			f->bw[s][i][turn] = median(bw[i], k);
	}
	for (unsigned int j = 0; j < slices; j++)
		for (unsigned int m = 0; m < n; m++) {
			unsigned int i = place(j, m, n);

			latency(&lanes[i], 3);
			lat[i][j] = latency(&lanes[i], 30);
		}
	for (unsigned int i = 0; i < n; i++)
		f->lat[i][turn] = median(lat[i], slices);
}

static void print_row(const struct lane *lanes, unsigned int n, const char *what,
		      const char *key, double (*samples)[RUNS], unsigned int runs)
{
	char text[80];

	printf("  %-15s", what);
	for (unsigned int i = 0; i < n; i++) {
		double value = median(samples[i], runs);

		printf("  %10.1f", value);
		snprintf(text, sizeof(text), "speed.%s.%s", lanes[i].name, key);
		result(text, value);
	}
	printf("\n");
}

static void print_all(struct lane *lanes, unsigned int n, struct figures *f,
		      unsigned int runs)
{
	bool rxe = n == MAX_LANES;
	char key[32];

	printf("                   between the two hosts%s  both ends on one device\n",
	       rxe ? "            " : "");
	printf("  %-15s", "writes, MiB/s");
	for (unsigned int i = 0; i < 2; i++)
		printf("  %10s  %10s%s", "prxe host", "prxe VRAM",
		       rxe ? "    rxe host" : "");
	printf("\n");
	for (size_t s = 0; s < SIZES; s++) {
		snprintf(key, sizeof(key), "bw.%zu", sizes[s]);
		print_row(lanes, n, size_text(sizes[s]), key, f->bw[s], runs);
	}
	printf("\n");
	print_row(lanes, n, "2 B, us one way", "lat.2", f->lat, runs);
}

static unsigned int open_lanes(struct demo *d, struct lane *l)
{
	unsigned int n = 0;

	lane_open(d, &l[n++], "wire.host", d->a, d->b, MEM_HOST);
	lane_open(d, &l[n++], "wire.vram", d->a, d->b, MEM_VRAM);
	if (d->c)
		lane_open(d, &l[n++], "wire.rxe", d->c, d->d, MEM_HOST);
	lane_open(d, &l[n++], "local.host", d->a, d->a, MEM_HOST);
	lane_open(d, &l[n++], "local.vram", d->a, d->a, MEM_VRAM);
	if (d->c)
		lane_open(d, &l[n++], "local.rxe", d->c, d->c, MEM_HOST);
	return n;
}

void step_speed(struct demo *d)
{
	unsigned int n, runs = d->quick ? 1 : RUNS;
	struct lane lanes[MAX_LANES];
	static struct figures f;

	n = open_lanes(d, lanes);
	for (unsigned int i = 0; i < n; i++)
		fill_lane(&lanes[i], i);
	for (unsigned int turn = 0; turn < runs; turn++)
		run(d, lanes, n, &f, turn);
	print_all(lanes, n, &f, runs);
	for (unsigned int i = 0; i < n; i++) {
		check_lane(d, &lanes[i], i);
		lane_close(&lanes[i]);
	}
}
