// SPDX-License-Identifier: GPL-2.0
/*
 * odp_large DEVICE DEVICE [CASE]: large messages whose memory is on demand and not
 * there. What they cost, in packets and faults, grows as they do, and no faster:
 * compared with what the same message costs when the memory is there.
 */
#define _GNU_SOURCE
#include "counters.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	4096ul
#define SIZE	(2 * 1024 * 1024 + 5 * PAGE)
#define HUGE	(12 * 1024 * 1024 + 3 * PAGE)
#define OFF	77
#define PORTION	(256 * 1024)		/* what one fault brings in, kernel/prxe/mr.h */

/* The data go from one to the other; pinned unless a case says something else. */
static uint8_t *from, *to;
static struct ibv_mr *frommr, *tomr;
static size_t size;

static uint8_t *map_file(void)
{
	int fd = memfd_create("odp_large", 0);
	uint8_t *m;

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)size), "memfd: %s", strerror(errno));
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED, "mmap: %s", strerror(errno));
	close(fd);
	return m;
}

static void make(struct end *source, int from_rights, struct end *sink,
		 int to_rights, size_t len)
{
	size = len;
	from = map_file();
	to = map_file();
	frommr = need_mr(source, from, size, all_rights | from_rights);
	tomr = need_mr(sink, to, size, all_rights | to_rights);
}

static void drop(void)
{
	CHECK(!ibv_dereg_mr(frommr) && !ibv_dereg_mr(tomr), "ibv_dereg_mr");
	munmap(from, size);
	munmap(to, size);
}

/* Take all pages of a mapping away from the process; the file keeps them. */
static void forget(uint8_t *m)
{
	CHECK(!madvise(m, size, MADV_DONTNEED), "madvise: %s", strerror(errno));
}

/* Pages of the file that @m is of; what nobody has touched is no page of it. */
static size_t pages_of(uint8_t *m, size_t off, size_t len)
{
	static unsigned char vec[HUGE / PAGE];
	size_t i, n = 0;

	CHECK(!mincore(m + off, len, vec), "mincore: %s", strerror(errno));
	for (i = 0; i < (len + PAGE - 1) / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

/* Of both ends, which may be one device. */
static uint64_t both(const char *name)
{
	if (!strcmp(ibv_get_device_name(p.a.ctx->device),
		    ibv_get_device_name(p.b.ctx->device)))
		return counted(&p.a, name);
	return counted(&p.a, name) + counted(&p.b, name);
}

static uint64_t packets(void)
{
	return both("sent_pkts");
}

static uint64_t parks(void)
{
	return both("parked_accesses");
}

/* How all of it goes from the one to the other. */
static void by_write(void)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(frommr, OFF, size - OFF),
		  (uintptr_t)to + OFF, tomr->rkey, IBV_SEND_SIGNALED);
}

static void by_read(void)
{
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(tomr, OFF, size - OFF),
		  (uintptr_t)from + OFF, frommr->rkey, IBV_SEND_SIGNALED);
}

static void by_send(void)
{
	need_recv(&p.b, 1, sge_of(tomr, OFF, size - OFF));
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(frommr, OFF, size - OFF), 0, 0,
		  IBV_SEND_SIGNALED);
}

/* Lists of three entries of different lengths, at both ends. */
static void by_lists(void)
{
	const size_t third = size / 3 / PAGE * PAGE + 1000;
	struct ibv_sge in[] = {
		sge_of(tomr, OFF, third), sge_of(tomr, OFF + third, 2 * third - 5000),
		sge_of(tomr, OFF + 3 * third - 5000, size - OFF - (3 * third - 5000)),
	};
	struct ibv_sge out[] = {
		sge_of(frommr, OFF, 5), sge_of(frommr, OFF + 5, 2 * third),
		sge_of(frommr, OFF + 5 + 2 * third, size - OFF - 5 - 2 * third),
	};
	struct ibv_recv_wr rwr = { .sg_list = in, .num_sge = 3 }, *rbad;
	struct ibv_send_wr swr = {
		.sg_list = out, .num_sge = 3, .opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
	}, *sbad;

	CHECK(!ibv_post_recv(p.b.qp, &rwr, &rbad) &&
	      !ibv_post_send(p.a.qp, &swr, &sbad), "post");
}

static void by_list_read(void)
{
	const size_t third = size / 3 / PAGE * PAGE + 1000;
	struct ibv_sge in[] = {
		sge_of(tomr, OFF, third), sge_of(tomr, OFF + third, third),
		sge_of(tomr, OFF + 2 * third, size - OFF - 2 * third),
	};
	struct ibv_send_wr wr = {
		.sg_list = in, .num_sge = 3, .opcode = IBV_WR_RDMA_READ,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { .remote_addr = (uintptr_t)from + OFF,
			     .rkey = frommr->rkey },
	}, *bad;

	CHECK(!ibv_post_send(p.a.qp, &wr, &bad), "post");
}

static void go(void (*how)(void), uint32_t seed)
{
	count_from_here();
	how();
	need_ok(p.a.scq);
	need_pattern(to + OFF, size - OFF, seed, "arrived");
}

/* Pinned regions have no need of it. */
static void prefetch(const struct ibv_mr *mr)
{
	struct ibv_sge sge = sge_of(mr, 0, size);
	int err = ibv_advise_mr(mr->pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
				IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1);

	CHECK(!err || err == ENOENT, "ibv_advise_mr: %s", strerror(err));
}

/*
 * With all pages there, and again with those of one side gone. @times: how many times
 * the packets it may take; @stops: how often it may stop for memory.
 */
static void compare(void (*how)(void), uint8_t *gone, unsigned int times,
		    unsigned int stops)
{
	uint64_t pkts, n;

	fill(from + OFF, size - OFF, 1);
	memset(to, 0, size);
	prefetch(frommr);
	prefetch(tomr);
	go(how, 1);
	pkts = packets();
	CHECK(!parks(), "%lu stops with all there", (unsigned long)parks());

	fill(from + OFF, size - OFF, 2);
	memset(to, 0, size);
	forget(gone);
	go(how, 2);
	n = packets();
	printf("%lu packets, %lu with memory to be brought in, in %lu stops\n",
	       (unsigned long)pkts, (unsigned long)n, (unsigned long)parks());
	/* without any there is nothing to be seen */
	CHECK(!pkts || n <= times * pkts + 100, "packets");
	CHECK(parks() && parks() <= stops, "%lu stops", (unsigned long)parks());
}

#define DEMAND IBV_ACCESS_ON_DEMAND

/* Responses to a read find no memory: one stop, and one more request. */
static void read_into(void)
{
	make(&p.b, 0, &p.a, DEMAND, SIZE);
	compare(by_read, to, 3, 2);
	drop();
}

/* More than is brought in in one go, several times. */
static void read_much_into(void)
{
	make(&p.b, 0, &p.a, DEMAND, HUGE);
	compare(by_read, to, 5, 8);
	drop();
}

static void read_into_list(void)
{
	make(&p.b, 0, &p.a, DEMAND, SIZE);
	compare(by_list_read, to, 5, 6);
	drop();
}

static void read_from(void)
{
	make(&p.b, DEMAND, &p.a, 0, SIZE);
	compare(by_read, from, 2, SIZE / PORTION + 2);
	drop();
}

static void write_into(void)
{
	make(&p.a, 0, &p.b, DEMAND, SIZE);
	compare(by_write, to, 2, SIZE / PORTION + 2);
	drop();
}

static void write_from(void)
{
	make(&p.a, DEMAND, &p.b, 0, SIZE);
	compare(by_write, from, 2, 2);
	drop();
}

/* How much is to come is not known: as much again as there is. */
static void send_into(void)
{
	make(&p.a, 0, &p.b, DEMAND, SIZE);
	compare(by_send, to, 2, SIZE / PORTION + 6);
	drop();
}

static void send_from(void)
{
	make(&p.a, DEMAND, &p.b, 0, SIZE);
	compare(by_send, from, 2, 2);
	drop();
}

static void send_lists(void)
{
	make(&p.a, DEMAND, &p.b, DEMAND, SIZE);
	compare(by_lists, to, 2, SIZE / PORTION + 10);
	compare(by_lists, from, 2, 4);
	drop();
}

/* A short message does not bring in the rest of a large buffer, nor trips over it. */
static void short_message(void)
{
	const size_t len = 3 * PAGE;

	make(&p.a, 0, &p.b, DEMAND, SIZE);
	fill(from, len, 3);
	munmap(to + 64 * PAGE, PAGE);
	need_recv(&p.b, 1, sge_of(tomr, 0, size));
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(frommr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_pattern(to, len, 3, "arrived");
	CHECK(pages_of(to, 0, 64 * PAGE) < 40, "%zu pages", pages_of(to, 0, 64 * PAGE));
	drop();
}

/* Memory that ends before the message: what is in front of the hole is no trouble. */
static void hole(void (*how)(void), enum ibv_wc_status status)
{
	const size_t at = size / PAGE / 2 * PAGE;
	uint64_t pkts;

	fill(from + OFF, size - OFF, 4);
	munmap(to + at, PAGE);
	count_from_here();
	how();
	need_status(p.a.scq, status);
	pkts = packets();
	printf("%lu packets, %lu stops in front of a hole\n", (unsigned long)pkts,
	       (unsigned long)parks());
	CHECK(parks() < 60, "%lu stops", (unsigned long)parks());
	CHECK(pkts < 60 * size / 1024, "%lu packets", (unsigned long)pkts);
	need_pattern(to + OFF, at - OFF - 4 * PAGE, 4, "in front of the hole");
	need_bytes(to + at + PAGE, size - at - PAGE, 0, "behind it");
}

static void write_to_hole(void)
{
	make(&p.a, 0, &p.b, DEMAND, SIZE);
	hole(by_write, IBV_WC_REM_ACCESS_ERR);
	drop();
}

static void read_to_hole(void)
{
	make(&p.b, 0, &p.a, DEMAND, SIZE);
	hole(by_read, IBV_WC_LOC_PROT_ERR);
	drop();
}

/* The region ends where the memory goes on: no page behind it is asked for. */
static void end_of_region(void)
{
	const size_t len = 100 * PAGE;
	struct ibv_mr *mr;

	make(&p.a, 0, &p.b, DEMAND, SIZE);
	mr = need_mr(&p.b, to, len, all_rights | DEMAND);
	fill(from, len, 5);
	need_recv(&p.b, 1, (struct ibv_sge){ .addr = (uintptr_t)to, .lkey = mr->lkey,
					     .length = (uint32_t)size });
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(frommr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_pattern(to, len, 5, "arrived");
	CHECK(!pages_of(to, len, size - len), "pages behind the region");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	drop();
}

static const struct test_case cases[] = {
	CASE(read_into), CASE(read_much_into), CASE(read_into_list), CASE(read_from),
	CASE(write_into), CASE(write_from), CASE(send_into), CASE(send_from),
	CASE(send_lists), CASE(short_message), CASE(write_to_hole),
	CASE(read_to_hole), CASE(end_of_region),
};

static void patient(struct pair_opt *opt)
{
	opt->rnr_retry = 7;
	opt->timeout = 18;
	opt->max_sge = 3;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = patient,
	};

	return cases_main(&table, argc, argv);
}
