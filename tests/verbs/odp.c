// SPDX-License-Identifier: GPL-2.0
/*
 * odp DEVICE DEVICE [CASE]: memory on demand. The regions of the cases are of a
 * shared file that nothing has touched yet, so that dropping the pages of a mapping
 * loses nothing, and every byte can be compared.
 */
#define _GNU_SOURCE
#include "cases.h"
#include "wr_ex.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	4096ul
#define BIG	(2 * 1024 * 1024 + 5 * PAGE)	/* more than one fault brings in */

static uint8_t *mine, *theirs;		/* on demand, at a and at b */
static struct ibv_mr *mymr, *theirmr;

static uint8_t *map_file(size_t len, int prot)
{
	int fd = memfd_create("odp", 0);
	uint8_t *m;

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)len), "memfd: %s", strerror(errno));
	m = mmap(NULL, len, prot, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED, "mmap: %s", strerror(errno));
	close(fd);
	return m;
}

static struct ibv_mr *demand(struct end *e, void *m, size_t len, int rights)
{
	return need_mr(e, m, len, rights | IBV_ACCESS_ON_DEMAND);
}

static void make(void)
{
	mine = map_file(BIG, PROT_READ | PROT_WRITE);
	theirs = map_file(BIG, PROT_READ | PROT_WRITE);
	mymr = demand(&p.a, mine, BIG, all_rights);
	theirmr = demand(&p.b, theirs, BIG, flush_rights);
}

static void drop(void)
{
	CHECK(!ibv_dereg_mr(mymr) && !ibv_dereg_mr(theirmr), "ibv_dereg_mr");
	munmap(mine, BIG);
	munmap(theirs, BIG);
}

static void forget(uint8_t *m, size_t off, size_t len)
{
	CHECK(!madvise(m + off, len, MADV_DONTNEED), "madvise: %s", strerror(errno));
}

static void write_there(size_t off, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(mymr, off, len),
		  (uintptr_t)theirs + off, theirmr->rkey, IBV_SEND_SIGNALED);
}

static void read_back(size_t off, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_READ, 2, sge_of(mymr, off, len),
		  (uintptr_t)theirs + off, theirmr->rkey, IBV_SEND_SIGNALED);
}

/* Off the grid of pages and packets, and over what one fault brings in. */
static const struct { size_t off, len; } ranges[] = {
	{ 0, 1 }, { PAGE - 1, 2 }, { 5000, 12345 }, { 3 * PAGE, PAGE },
	{ 77, BIG - 100 },
};

static void write_and_read(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		size_t off = ranges[i].off, len = ranges[i].len;

		fill(mine + off, len, i);
		forget(mine, 0, BIG);
		forget(theirs, 0, BIG);
		write_there(off, len);
		need_ok(p.a.scq);
		need_pattern(theirs + off, len, i, "written");
		memset(mine + off, 0, len);
		forget(mine, 0, BIG);
		forget(theirs, 0, BIG);
		read_back(off, len);
		need_ok(p.a.scq);
		need_pattern(mine + off, len, i, "read");
	}
}

static void send_and_receive(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		size_t off = ranges[i].off, len = ranges[i].len;

		fill(mine + off, len, 50 + i);
		forget(mine, 0, BIG);
		forget(theirs, 0, BIG);
		need_recv(&p.b, i, sge_of(theirmr, off, len));
		need_send(&p.a, IBV_WR_SEND, i, sge_of(mymr, off, len), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		CHECK(need_ok(p.b.rcq).byte_len == len, "length");
		need_pattern(theirs + off, len, 50 + i, "sent");
	}
}

static void atomics(void)
{
	uint64_t *word = (uint64_t *)(theirs + 9 * PAGE + 24);
	uint64_t *old = (uint64_t *)(mine + 4 * PAGE + 8);
	unsigned int i;

	*word = 1000;
	for (i = 0; i < 6; i++) {
		bool cas = i == 5;

		forget(theirs, 0, BIG);
		forget(mine, 0, BIG);
		need_atomic(&p.a, cas, 7, sge_of(mymr, 4 * PAGE + 8, 8),
			    (uintptr_t)word, theirmr->rkey, cas ? 1050 : 10, 7);
		need_ok(p.a.scq);
		CHECK(*old == 1000 + 10 * i, "%lu before", *old);
	}
	CHECK(*word == 7, "%lu", *word);
}

/* How many pages of @m are in memory. */
static size_t present(uint8_t *m)
{
	unsigned char vec[BIG / PAGE];
	size_t i, n = 0;

	CHECK(!mincore(m, BIG, vec), "mincore: %s", strerror(errno));
	for (i = 0; i < BIG / PAGE; i++)
		n += vec[i] & 1;
	return n;
}

/* A flush is of what was written, and brings no page in; an atomic write does. */
static void flush_and_atomic_write(void)
{
	const uint64_t word = 0x0123456789abcdefull;
	size_t before;
	unsigned int i;

	for (i = 0; i < 6; i++) {
		size_t off = (i * 77 + 3) * PAGE + 8 * i;

		forget(theirs, 0, BIG);
		need_atomic_write(&p.a, 1, theirmr->rkey, (uintptr_t)theirs + off,
				  word + i);
		need_flush(&p.a, 2, theirmr->rkey, (uintptr_t)theirs + off, 8,
			   IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
		CHECK(need_ok(p.a.scq).wr_id == 1, "wr_id");
		before = present(theirs);
		need_flush(&p.a, 3, theirmr->rkey, 0, 0, IBV_FLUSH_GLOBAL,
			   IBV_FLUSH_MR);
		need_flush(&p.a, 4, theirmr->rkey, (uintptr_t)theirs, BIG,
			   IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
		CHECK(need_ok(p.a.scq).wr_id == 2 && need_ok(p.a.scq).wr_id == 3 &&
		      need_ok(p.a.scq).wr_id == 4, "wr_id");
		CHECK(present(theirs) == before, "%zu pages, %zu before",
		      present(theirs), before);
		CHECK(*(uint64_t *)(theirs + off) == word + i, "atomic write");
	}
	/* what is not mapped any more cannot be written, but needs no flush */
	munmap(theirs + PAGE, PAGE);
	need_flush(&p.a, 5, theirmr->rkey, (uintptr_t)theirs + PAGE, PAGE,
		   IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE);
	need_ok(p.a.scq);
	need_atomic_write(&p.a, 6, theirmr->rkey, (uintptr_t)theirs + PAGE, 1);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
}

/* All the time some pages of either side go away. */
static _Atomic bool stop;

static void *forgetful(void *arg)
{
	unsigned int seed = 1;

	(void)arg;
	while (!stop) {
		size_t off = (size_t)rand_r(&seed) % (BIG / PAGE) * PAGE;
		size_t len = (size_t)rand_r(&seed) % (BIG - off) + 1;

		forget(rand_r(&seed) & 1 ? mine : theirs, off, len);
		usleep(200);
	}
	return NULL;
}

static void storm(void)
{
	pthread_t t;
	unsigned int i;

	stop = false;
	CHECK(!pthread_create(&t, NULL, forgetful, NULL), "pthread_create");
	for (i = 0; i < 20; i++) {
		size_t off = i * 777, len = 300000 + i * 1001;

		fill(mine + off, len, i);
		write_there(off, len);
		need_ok(p.a.scq);
		need_pattern(theirs + off, len, i, "written");
		fill(theirs + off, len, 100 + i);
		read_back(off, len);
		need_ok(p.a.scq);
		need_pattern(mine + off, len, 100 + i, "read");
	}
	stop = true;
	pthread_join(t, NULL);
}

/* Regions end while their pages are being faulted in. */
static void end_in_a_fault(void)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct ibv_mr *mr = demand(&p.b, theirs, BIG, all_rights);

		forget(theirs, 0, BIG);
		need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(mymr, 0, BIG),
			  (uintptr_t)theirs, mr->rkey, IBV_SEND_SIGNALED);
		CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
		/* in time or not */
		if (need_wc(p.a.scq).status == IBV_WC_SUCCESS)
			continue;
		pair_disconnect(&p);
		pair_connect(&p);
	}
}

/* What a child does to its copies of the pages is not seen, and what is written goes
 * to the parent's. */
static void private_and_forked(void)
{
	uint8_t *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct ibv_mr *mr;
	pid_t pid;

	CHECK(m != MAP_FAILED, "mmap");
	mr = demand(&p.b, m, 4 * PAGE, all_rights);
	fill(m, 4 * PAGE, 1);
	fill(mine, 4 * PAGE, 2);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(mymr, PAGE, PAGE),
		  (uintptr_t)m + PAGE, mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid) {
		memset(m, 0xcc, 4 * PAGE);
		pause();
		_exit(0);
	}
	fill(mine, 4 * PAGE, 2);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(mymr, 0, 4 * PAGE),
		  (uintptr_t)m, mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(m, 4 * PAGE, 2, "the parent's");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* dropped for good: zeros */
	forget(m, PAGE, PAGE);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(mymr, 0, 4 * PAGE),
		  (uintptr_t)m, mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_bytes(mine + PAGE, PAGE, 0, "given back");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	munmap(m, 4 * PAGE);
}

static void refused(void)
{
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
	need_state(p.b.qp, IBV_QPS_ERR);
}

static void unmapped_remote(void)
{
	munmap(theirs + PAGE, PAGE);
	write_there(0, 3 * PAGE);
	refused();
}

static void unmapped_local(void)
{
	munmap(mine + PAGE, PAGE);
	write_there(0, 3 * PAGE);
	need_status(p.a.scq, IBV_WC_LOC_PROT_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

static void read_only(void)
{
	fill(theirs, PAGE, 9);
	CHECK(!mprotect(theirs, PAGE, PROT_READ), "mprotect");
	read_back(0, PAGE);
	need_ok(p.a.scq);
	need_pattern(mine, PAGE, 9, "read");
	write_there(0, PAGE);
	refused();
}

/* What the kernel itself cannot see. */
static void secret(void)
{
	int fd = (int)syscall(SYS_memfd_secret, 0);
	struct ibv_mr *mr;
	uint8_t *m;

	if (fd < 0) {
		printf("no secret memory: %s\n", strerror(errno));
		return;
	}
	CHECK(!ftruncate(fd, PAGE), "ftruncate");
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(m != MAP_FAILED, "mmap: %s", strerror(errno));
	memset(m, 1, PAGE);
	mr = demand(&p.b, m, PAGE, all_rights);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(mymr, 0, 8), (uintptr_t)m,
		  mr->rkey, IBV_SEND_SIGNALED);
	refused();
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	munmap(m, PAGE);
	close(fd);
}

static void need_advice(enum ib_uverbs_advise_mr_advice advice, struct ibv_sge sge,
			int want, const char *what)
{
	int err = ibv_advise_mr(p.b.pd, advice, IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1);

	CHECK(err == want, "%s: %s, not %s", what, strerror(err), strerror(want));
}

static void prefetch(void)
{
	const enum ib_uverbs_advise_mr_advice to_read = IBV_ADVISE_MR_ADVICE_PREFETCH;
	const enum ib_uverbs_advise_mr_advice to_write =
		IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE;
	struct ibv_sge sge;

	need_advice(to_read, sge_of(theirmr, 100, BIG - 200), 0, "to read");
	need_advice(to_write, sge_of(theirmr, 100, BIG - 200), 0, "to write");
	forget(theirs, 0, BIG);
	need_advice(IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT, sge_of(theirmr, 0, BIG), 0,
		    "what is there");
	need_advice(99, sge_of(theirmr, 0, 1), EOPNOTSUPP, "other advice");
	need_advice(to_read, sge_of(bmr, 0, 8), ENOENT, "a pinned region");
	sge = sge_of(theirmr, BIG - 8, 8);
	sge.length = 9;
	need_advice(to_read, sge, EFAULT, "behind the end");
	sge = sge_of(theirmr, 0, 8);
	sge.lkey ^= 1;
	need_advice(to_read, sge, ENOENT, "no key");
	munmap(theirs + 4 * PAGE, PAGE);
	need_advice(to_read, sge_of(theirmr, 0, 8 * PAGE), EFAULT, "not mapped");
	/* and all works as before */
	fill(mine, PAGE, 4);
	write_there(0, PAGE);
	need_ok(p.a.scq);
	need_pattern(theirs, PAGE, 4, "written");
}

static void registration(void)
{
	struct ibv_mr *mr;

	/* other rights are another region; the old key is gone */
	mr = demand(&p.a, mine, PAGE, 0);
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			    all_rights | IBV_ACCESS_ON_DEMAND), "ibv_rereg_mr");
	fill(theirs, PAGE, 5);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(mr, 0, PAGE), (uintptr_t)theirs,
		  theirmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(mine, PAGE, 5, "read");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static void capabilities(void)
{
	/* the last two, of flushes and atomic writes, have no name here yet */
	const uint32_t rc = IBV_ODP_SUPPORT_ATOMIC | 1 << 6 | 1 << 7;
	struct ibv_device_attr_ex attr;

	CHECK(!ibv_query_device_ex(p.a.ctx, NULL, &attr), "ibv_query_device_ex");
	CHECK(attr.odp_caps.general_caps ==
	      (IBV_ODP_SUPPORT | IBV_ODP_SUPPORT_IMPLICIT), "general %#lx",
	      attr.odp_caps.general_caps);
	CHECK((attr.odp_caps.per_transport_caps.rc_odp_caps & rc) == rc, "rc %#x",
	      attr.odp_caps.per_transport_caps.rc_odp_caps);
}

#define ODP_CASE(f) static void f##_case(void) { make(); f(); drop(); }
ODP_CASE(write_and_read) ODP_CASE(send_and_receive) ODP_CASE(atomics)
ODP_CASE(flush_and_atomic_write)
ODP_CASE(storm) ODP_CASE(end_in_a_fault) ODP_CASE(private_and_forked)
ODP_CASE(unmapped_remote) ODP_CASE(unmapped_local) ODP_CASE(read_only)
ODP_CASE(secret) ODP_CASE(prefetch) ODP_CASE(registration)

#define ROW(f) { .name = #f, .run = f##_case }
static const struct test_case cases[] = {
	CASE(capabilities),
	ROW(write_and_read), ROW(send_and_receive), ROW(atomics),
	ROW(flush_and_atomic_write), ROW(storm),
	ROW(end_in_a_fault), ROW(private_and_forked), ROW(unmapped_remote),
	ROW(unmapped_local), ROW(read_only), ROW(secret), ROW(prefetch),
	ROW(registration),
};

static void patient(struct pair_opt *opt)
{
	with_placement(opt);
	opt->rnr_retry = 7;
	opt->timeout = 18;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = patient,
	};

	return cases_main(&table, argc, argv);
}
