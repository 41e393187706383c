// SPDX-License-Identifier: GPL-2.0
/*
 * parent DEVICE DEVICE [CASE]: parent domains: with allocators, which are asked for
 * the memory of the queues, and with thread domains. What is made in one keeps it
 * alive, and gives back what it got.
 */
#include "cases.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the allocator saw. */
static struct {
	struct ibv_pd *pd;
	int allocs, frees, refuse_at;
	bool by_default;
	size_t bytes;
	uint64_t types;
	void *live[8];
} seen;

static int context;

static void *alloc_cb(struct ibv_pd *pd, void *ctx, size_t size, size_t alignment,
		      uint64_t type)
{
	void *mem;
	int i;

	CHECK(pd == seen.pd && ctx == &context, "another domain, or context");
	CHECK(size && alignment && !(alignment & (alignment - 1)) &&
	      !(size & (alignment - 1)), "%zu bytes aligned to %zu", size, alignment);
	seen.allocs++;
	seen.bytes += size;
	seen.types |= 1u << type;
	if (seen.allocs == seen.refuse_at)
		return NULL;
	if (seen.by_default)
		return IBV_ALLOCATOR_USE_DEFAULT;
	mem = aligned_alloc(alignment, size);
	CHECK(mem, "no memory");
	/* zeros are not promised */
	memset(mem, 0xa5, size);
	for (i = 0; seen.live[i]; i++)
		CHECK(i < 7, "too many");
	seen.live[i] = mem;
	return mem;
}

static void free_cb(struct ibv_pd *pd, void *ctx, void *ptr, uint64_t type)
{
	int i;

	CHECK(pd == seen.pd && ctx == &context, "another domain, or context");
	CHECK(seen.types & 1u << type, "type %d was never asked for", (int)type);
	for (i = 0; i < 8 && seen.live[i] != ptr; i++)
		;
	CHECK(i < 8, "%p is not of the allocator", ptr);
	seen.live[i] = NULL;
	seen.frees++;
	free(ptr);
}

static struct ibv_pd *parent_of(struct ibv_pd *pd, struct ibv_td *td, bool allocators)
{
	struct ibv_parent_domain_init_attr attr = {
		.pd = pd, .td = td,
		.comp_mask = allocators ? IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS |
			IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT : 0,
		.alloc = alloc_cb, .free = free_cb, .pd_context = &context,
	};
	struct ibv_pd *parent = ibv_alloc_parent_domain(pd->context, &attr);

	CHECK(parent, "ibv_alloc_parent_domain: %s", strerror(errno));
	memset(&seen, 0, sizeof(seen));
	seen.pd = parent;
	return parent;
}

/* One end's queues, made in @pd. */
struct queues {
	struct ibv_cq_ex *cq;
	struct ibv_srq *srq;
	struct ibv_qp *qp;
};

static struct ibv_cq_ex *create_cq(struct ibv_pd *pd)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = 100,
		.wc_flags = IBV_WC_STANDARD_FLAGS,
		.comp_mask = IBV_CQ_INIT_ATTR_MASK_PD,
		.parent_domain = pd,
	};

	return ibv_create_cq_ex(pd->context, &attr);
}

static struct ibv_srq *create_srq(struct ibv_pd *pd)
{
	struct ibv_srq_init_attr attr = { .attr = { .max_wr = 32, .max_sge = 2 } };

	return ibv_create_srq(pd, &attr);
}

static struct ibv_qp *create_qp(struct ibv_pd *pd, const struct queues *q)
{
	struct ibv_qp_init_attr attr = {
		.send_cq = ibv_cq_ex_to_cq(q->cq), .recv_cq = ibv_cq_ex_to_cq(q->cq),
		.srq = q->srq, .qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 32, .max_send_sge = 2 },
	};

	return ibv_create_qp(pd, &attr);
}

static void create(struct ibv_pd *pd, struct queues *q)
{
	q->cq = create_cq(pd);
	CHECK(q->cq, "ibv_create_cq_ex: %s", strerror(errno));
	q->srq = create_srq(pd);
	CHECK(q->srq, "ibv_create_srq: %s", strerror(errno));
	q->qp = create_qp(pd, q);
	CHECK(q->qp, "ibv_create_qp: %s", strerror(errno));
}

static void destroy(struct queues *q)
{
	CHECK(!ibv_destroy_qp(q->qp) && !ibv_destroy_srq(q->srq) &&
	      !ibv_destroy_cq(ibv_cq_ex_to_cq(q->cq)), "destroy");
}

/* The queues stand in for those of end a, and everything goes through them. */
static void use(struct queues *q)
{
	struct end a = p.a, b = p.b;
	unsigned int i;

	a.qp = q->qp;
	a.scq = ibv_cq_ex_to_cq(q->cq);
	a.rcq = a.scq;
	a.srq = q->srq;
	CHECK(!ibv_modify_qp(b.qp, &(struct ibv_qp_attr) {
			     .qp_state = IBV_QPS_RESET }, IBV_QP_STATE), "RESET");
	CHECK(!end_to_init(&a, &p.opt) && !end_to_rtr(&a, &b, &p.opt) &&
	      !end_to_rts(&a, &p.opt), "connect a");
	CHECK(!end_to_init(&b, &p.opt) && !end_to_rtr(&b, &a, &p.opt) &&
	      !end_to_rts(&b, &p.opt), "connect b");
	for (i = 0; i < 100; i++) {
		fill(abuf, 5001, i);
		memset(abuf + 32768, 0, 5001);
		need_recv(&a, 1, sge_of(amr, 32768, 5001));
		need_send(&a, IBV_WR_RDMA_WRITE, 2, sge_of(amr, 0, 5001),
			  (uintptr_t)bbuf, bmr->rkey, IBV_SEND_SIGNALED);
		need_ok(a.scq);
		need_pattern(bbuf, 5001, i, "written");
		need_send(&b, IBV_WR_SEND, 3, sge_of(bmr, 0, 5001), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(b.scq);
		need_ok(a.rcq);
		need_pattern(abuf + 32768, 5001, i, "sent back");
	}
	CHECK(!ibv_resize_cq(a.scq, 200), "ibv_resize_cq");
}

static void allocators(void)
{
	struct ibv_pd *parent = parent_of(p.a.pd, NULL, true);
	struct queues q;

	create(parent, &q);
	CHECK(seen.allocs == 3 && seen.types == (1 << 1 | 1 << 2 | 1 << 3),
	      "%d allocations, types %#lx", seen.allocs, seen.types);
	use(&q);
	destroy(&q);
	CHECK(seen.frees == 3, "%d given back", seen.frees);
	CHECK(!ibv_dealloc_pd(parent), "ibv_dealloc_pd");
}

/* The allocator may leave it to us; then nothing is given back to it. */
static void use_default(void)
{
	struct ibv_pd *parent = parent_of(p.a.pd, NULL, true);
	struct queues q;

	seen.by_default = true;
	create(parent, &q);
	CHECK(seen.allocs == 3, "%d allocations", seen.allocs);
	use(&q);
	destroy(&q);
	CHECK(!seen.frees, "%d given back", seen.frees);
	CHECK(!ibv_dealloc_pd(parent), "ibv_dealloc_pd");
}

/* No memory: nothing was made, all that was got is given back. */
static void no_memory(void)
{
	struct ibv_pd *parent = parent_of(p.a.pd, NULL, true);
	struct queues q = {};
	int i;

	for (i = 0; i < 2; i++) {
		seen.refuse_at = seen.allocs + 1;
		errno = 0;
		CHECK(!create_cq(parent) && errno == ENOMEM, "%s", strerror(errno));
		seen.refuse_at = seen.allocs + 1;
		errno = 0;
		CHECK(!create_srq(parent) && errno == ENOMEM, "%s", strerror(errno));
		q.cq = create_cq(parent);
		CHECK(q.cq, "ibv_create_cq_ex");
		seen.refuse_at = seen.allocs + 1;
		errno = 0;
		CHECK(!create_qp(parent, &q) && errno == ENOMEM, "%s",
		      strerror(errno));
		CHECK(!ibv_destroy_cq(ibv_cq_ex_to_cq(q.cq)), "ibv_destroy_cq");
	}
	/* what the kernel refuses comes back as well */
	CHECK(!ibv_create_srq(parent, &(struct ibv_srq_init_attr) {
			      .attr = { .max_wr = UINT32_MAX } }), "too large");
	CHECK(seen.frees == seen.allocs - 6, "%d of %d", seen.frees, seen.allocs);
	CHECK(!ibv_dealloc_pd(parent), "ibv_dealloc_pd");
}

/* Nothing goes while something needs it. */
static void keeps(void)
{
	struct ibv_td_init_attr init = {};
	struct ibv_td *td = ibv_alloc_td(p.a.ctx, &init);
	struct ibv_pd *pd = ibv_alloc_pd(p.a.ctx);
	struct ibv_pd *parent;
	struct queues q;

	CHECK(td && pd, "ibv_alloc_td, ibv_alloc_pd");
	parent = parent_of(pd, td, true);
	CHECK(ibv_dealloc_td(td) == EBUSY, "a thread domain in use");
	CHECK(ibv_dealloc_pd(pd) == EBUSY, "a domain in use");
	q.cq = create_cq(parent);
	CHECK(q.cq && ibv_dealloc_pd(parent) == EBUSY, "with a completion queue");
	q.srq = create_srq(parent);
	q.qp = create_qp(parent, &q);
	CHECK(q.srq && q.qp, "create");
	CHECK(!ibv_destroy_qp(q.qp) && ibv_dealloc_pd(parent) == EBUSY,
	      "with a shared receive queue");
	CHECK(!ibv_destroy_cq(ibv_cq_ex_to_cq(q.cq)) &&
	      ibv_dealloc_pd(parent) == EBUSY, "with one still");
	CHECK(!ibv_destroy_srq(q.srq) && !ibv_dealloc_pd(parent), "empty");
	CHECK(!ibv_dealloc_td(td) && !ibv_dealloc_pd(pd), "dealloc");
}

/* Regions and windows are of the domain that the parent domain stands for. */
static void thread_domain(void)
{
	struct ibv_td_init_attr init = {};
	struct ibv_td *td = ibv_alloc_td(p.a.ctx, &init);
	struct ibv_pd *parent;
	struct ibv_mr *mr;
	struct queues q;

	CHECK(td, "ibv_alloc_td");
	parent = parent_of(p.a.pd, td, false);
	mr = ibv_reg_mr(parent, abuf, LEN, all_rights);
	CHECK(mr, "ibv_reg_mr: %s", strerror(errno));
	create(parent, &q);
	use(&q);
	need_send(&(struct end) { .qp = q.qp }, IBV_WR_RDMA_WRITE, 2,
		  sge_of(mr, 0, 8), (uintptr_t)bbuf, bmr->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(ibv_cq_ex_to_cq(q.cq));
	destroy(&q);
	CHECK(!ibv_dereg_mr(mr) && !ibv_dealloc_pd(parent) && !ibv_dealloc_td(td),
	      "dealloc");
}

static int refused(struct ibv_parent_domain_init_attr attr)
{
	errno = 0;
	CHECK(!ibv_alloc_parent_domain(p.a.ctx, &attr), "accepted");
	return errno;
}

static void nonsense(void)
{
	const uint32_t allocs = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
	struct ibv_pd *parent = parent_of(p.a.pd, NULL, false);
	struct ibv_parent_domain_init_attr attr = { .pd = p.a.pd };

	CHECK(refused((struct ibv_parent_domain_init_attr) {}) == EINVAL, "no domain");
	attr.comp_mask = allocs;
	CHECK(refused(attr) == EINVAL, "no functions");
	attr.alloc = alloc_cb;
	CHECK(refused(attr) == EINVAL, "half of them");
	attr.free = free_cb;
	attr.comp_mask = allocs | 1 << 7;
	CHECK(refused(attr) == EOPNOTSUPP, "unknown");
	attr.comp_mask = 0;
	attr.pd = parent;
	CHECK(refused(attr) == EINVAL, "of a parent domain");
	CHECK(!ibv_dealloc_pd(parent), "ibv_dealloc_pd");
}

static const struct test_case cases[] = {
	CASE(allocators), CASE(use_default), CASE(no_memory), CASE(keeps),
	CASE(thread_domain), CASE(nonsense),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases),
	};

	return cases_main(&table, argc, argv);
}
