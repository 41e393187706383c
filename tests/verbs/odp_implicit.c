// SPDX-License-Identifier: GPL-2.0
/*
 * odp_implicit DEVICE DEVICE [CASE]: regions of the whole address space on demand: what
 * can be done with them, and what cannot.
 */
#define _GNU_SOURCE
#include "odp_all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Off all grids, and over the ends of parts. */
static const struct { size_t off, len; } ranges[] = {
	{ 0, 1 }, { PART - 1, 2 }, { PART - 5000, 12345 }, { 2 * PART, PAGE },
	{ 2 * PART - 3, 7 }, { 77, SIZE - 100 }, { SIZE - 1, 1 },
};

static void traffic(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		size_t off = ranges[i].off, len = ranges[i].len;

		fill(mine + off, len, i);
		forget(mine, SIZE);
		forget(theirs, SIZE);
		write_there(off, len);
		need_ok(p.a.scq);
		need_pattern(theirs + off, len, i, "written");

		memset(mine + off, 0, len);
		forget(mine, SIZE);
		forget(theirs, SIZE);
		read_back(off, len);
		need_ok(p.a.scq);
		need_pattern(mine + off, len, i, "read");

		fill(mine + off, len, 50 + i);
		forget(mine, SIZE);
		forget(theirs, SIZE);
		need_recv(&p.b, i, odp_at(theirmr, theirs + off, len));
		need_send(&p.a, IBV_WR_SEND, i, odp_at(mymr, mine + off, len), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		CHECK(need_ok(p.b.rcq).byte_len == len, "length");
		need_pattern(theirs + off, len, 50 + i, "sent");
	}
}

static void atomics(void)
{
	uint64_t *word = (uint64_t *)(theirs + PART - 8);
	uint64_t *old = (uint64_t *)(mine + 2 * PART + 8);
	unsigned int i;

	*word = 1000;
	for (i = 0; i < 4; i++) {
		forget(theirs, SIZE);
		forget(mine, SIZE);
		need_atomic(&p.a, false, 7, odp_at(mymr, old, 8), (uintptr_t)word,
			    theirmr->rkey, 10, 0);
		need_ok(p.a.scq);
		CHECK(*old == 1000 + 10 * i, "%lu before", *old);
	}
	CHECK(*word == 1040, "%lu", *word);
}

/* The heap, the stack, this program: whatever the process has. */
static void any_memory(void)
{
	static const char text[] = "constant";
	uint8_t stack[300] = { 0 };
	uint8_t *heap = malloc(5 * PART);

	CHECK(heap, "malloc");
	fill(heap, 5 * PART, 3);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, heap + PART + 11, sizeof(stack)),
		  (uintptr_t)stack, theirmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(!memcmp(stack, heap + PART + 11, sizeof(stack)), "on the stack");
	need_send(&p.a, IBV_WR_RDMA_WRITE, 2, odp_at(mymr, text, sizeof(text)),
		  (uintptr_t)heap, theirmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(!strcmp((char *)heap, text), "text");
	free(heap);
}

/* The same address, other memory. */
static void mapped_anew(void)
{
	int fd = new_file(SIZE);
	uint8_t *first = mmap(theirs, SIZE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, fd, 0);
	uint8_t *look = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);

	CHECK(first == theirs && look != MAP_FAILED, "mmap");
	close(fd);
	fill(mine, SIZE, 1);
	write_there(0, SIZE);
	need_ok(p.a.scq);
	need_pattern(look, SIZE, 1, "the first");
	CHECK(!munmap(theirs, SIZE), "munmap");
	put_file(theirs, SIZE);
	fill(mine, SIZE, 2);
	write_there(0, SIZE);
	need_ok(p.a.scq);
	need_pattern(theirs, SIZE, 2, "the second");
	need_pattern(look, SIZE, 1, "the first, still");
	munmap(look, SIZE);
}

/* What no process has, and what this one has not. */
static void no_memory(void)
{
	const uint64_t nowhere[] = {
		0, 8, (uintptr_t)theirs + PART, 1ull << 47, (1ull << 47) - PAGE,
		1ull << 56, 0xffff888000000000ull, 0xffffffff81000000ull,
		0xffffffffff600000ull, UINT64_MAX - PART, UINT64_MAX - 16,
	};
	unsigned int i;

	CHECK(!munmap(theirs + PART, PAGE), "munmap");
	for (i = 0; i < ARRAY_SIZE(nowhere); i++) {
		struct ibv_sge sge = { .addr = nowhere[i], .length = 8,
				       .lkey = mymr->lkey };

		need_send(&p.a, IBV_WR_RDMA_WRITE, i, odp_at(mymr, mine, 8), nowhere[i],
			  theirmr->rkey, IBV_SEND_SIGNALED);
		need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
		again();
		need_send(&p.a, IBV_WR_RDMA_READ, i, sge, (uintptr_t)theirs,
			  theirmr->rkey, IBV_SEND_SIGNALED);
		need_status(p.a.scq, IBV_WC_LOC_PROT_ERR);
		again();
	}
	/* what is beside it is there as ever */
	fill(mine + PART + PAGE, PART - PAGE, 5);
	write_there(PART + PAGE, PART - PAGE);
	need_ok(p.a.scq);
	need_pattern(theirs + PART + PAGE, PART - PAGE, 5, "beside it");
}

static void rights(void)
{
	struct ibv_mr *mr = odp_everything(&p.b, IBV_ACCESS_REMOTE_READ | DEMAND);

	fill(theirs, PAGE, 6);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, odp_at(mymr, mine, PAGE), (uintptr_t)theirs,
		  mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(mine, PAGE, 6, "read");
	need_send(&p.a, IBV_WR_RDMA_WRITE, 2, odp_at(mymr, mine, PAGE), (uintptr_t)theirs,
		  mr->rkey, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	again();
	CHECK(!mprotect(theirs, PAGE, PROT_READ), "mprotect");
	write_there(0, 8);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static void no_mr(uint64_t addr, size_t len, uint64_t iova, int access, int want,
		  const char *what)
{
	struct ibv_mr *mr = ibv_reg_mr_iova(p.a.pd, (void *)(uintptr_t)addr, len, iova,
					    (unsigned int)access);

	CHECK(!mr && errno == want, "%s: %s, not %s", what,
	      mr ? "registered" : strerror(errno), strerror(want));
}

/* As mlx5 answers. */
static void registration(void)
{
	no_mr(0, SIZE_MAX, PAGE, all_rights | DEMAND, EINVAL, "other addresses");
	no_mr(0, SIZE_MAX, 0, all_rights | DEMAND | IBV_ACCESS_HUGETLB, EINVAL,
	      "huge pages");
	no_mr(0, SIZE_MAX, 0, all_rights, EINVAL, "not on demand");
	no_mr(PAGE, SIZE_MAX, PAGE, all_rights | DEMAND, EINVAL, "another address");
	no_mr(0, SIZE_MAX, 0, IBV_ACCESS_REMOTE_WRITE | DEMAND, EINVAL, "rights");
}

static void change_rights(void)
{
	struct ibv_mr *mr = odp_everything(&p.b, IBV_ACCESS_REMOTE_READ | DEMAND);
	struct ibv_pd *pd = ibv_alloc_pd(p.b.ctx);

	CHECK(pd, "ibv_alloc_pd");
	CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			   all_rights) && errno == EOPNOTSUPP, "pinned: %s",
	      strerror(errno));
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, pd, NULL, 0, 0),
	      "another domain: %s", strerror(errno));
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, p.b.pd, NULL, 0, 0),
	      "and back: %s", strerror(errno));
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			    all_rights | DEMAND), "more rights: %s", strerror(errno));
	fill(mine, PAGE, 7);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, mine, PAGE), (uintptr_t)theirs,
		  mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(theirs, PAGE, 7, "written");
	/* a range, and everything again */
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION |
			    IBV_REREG_MR_CHANGE_ACCESS, NULL, theirs, PAGE,
			    all_rights | DEMAND), "a range: %s", strerror(errno));
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, mine, PAGE), (uintptr_t)theirs,
		  mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(!ibv_dereg_mr(mr) && !ibv_dealloc_pd(pd), "dereg");
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
	struct ibv_sge sge = { .addr = 1ull << 60, .length = 8, .lkey = theirmr->lkey };
	struct ibv_pd *pd;
	struct ibv_mr *mr;

	need_advice(to_read, odp_at(theirmr, theirs + 100, SIZE - 200), 0, "to read");
	need_advice(IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
		    odp_at(theirmr, theirs + 100, SIZE - 200), 0, "to write");
	forget(theirs, SIZE);
	need_advice(IBV_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT, odp_at(theirmr, theirs, SIZE),
		    0, "what is there");
	need_advice(to_read, sge, EFAULT, "no address");
	sge.addr = UINT64_MAX - 4;
	need_advice(to_read, sge, EFAULT, "over the end");
	mr = odp_everything(&p.b, IBV_ACCESS_REMOTE_READ | DEMAND);
	need_advice(to_read, odp_at(mr, theirs, 8), 0, "the right to read");
	need_advice(IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE, odp_at(mr, theirs, 8), EPERM,
		    "no right to write");
	pd = ibv_alloc_pd(p.b.ctx);
	CHECK(pd && !ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, pd, NULL, 0, 0), "pd");
	need_advice(to_read, odp_at(mr, theirs, 8), EPERM, "another domain");
	CHECK(!ibv_dereg_mr(mr) && !ibv_dealloc_pd(pd), "dereg");
	CHECK(!munmap(theirs + PART, PAGE), "munmap");
	need_advice(to_read, odp_at(theirmr, theirs, SIZE), EFAULT, "not mapped");
	fill(mine, PART, 4);
	write_there(0, PART);
	need_ok(p.a.scq);
	need_pattern(theirs, PART, 4, "written");
}

ODP_CASE(traffic) ODP_CASE(atomics) ODP_CASE(any_memory) ODP_CASE(mapped_anew)
ODP_CASE(no_memory) ODP_CASE(rights) ODP_CASE(change_rights) ODP_CASE(prefetch)

static const struct test_case cases[] = {
	ODP_ROW(traffic), ODP_ROW(atomics), ODP_ROW(any_memory), ODP_ROW(mapped_anew),
	ODP_ROW(no_memory), ODP_ROW(rights), CASE(registration),
	ODP_ROW(change_rights), ODP_ROW(prefetch),
};

static void patient(struct pair_opt *opt)
{
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
