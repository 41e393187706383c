// SPDX-License-Identifier: GPL-2.0
/*
 * mw DEVICE DEVICE [CASE]: memory windows of both types, invalidation by either end,
 * and regions that are registered anew.
 */
#include "cases.h"

#include <errno.h>
#include <string.h>

enum {
	bindable = all_rights | IBV_ACCESS_MW_BIND,
	all_remote = all_rights & ~IBV_ACCESS_LOCAL_WRITE,
};

static struct ibv_mw *need_mw(enum ibv_mw_type type)
{
	struct ibv_mw *mw = ibv_alloc_mw(p.b.pd, type);

	CHECK(mw, "ibv_alloc_mw: %s", strerror(errno));
	return mw;
}

static struct ibv_mw_bind_info info_of(struct ibv_mr *mr, size_t off, size_t len,
				       int rights)
{
	return (struct ibv_mw_bind_info) {
		.mr = mr, .addr = (uintptr_t)mr->addr + off, .length = len,
		.mw_access_flags = (unsigned int)rights,
	};
}

static void bind1(struct ibv_mw *mw, struct ibv_mw_bind_info info)
{
	struct ibv_mw_bind bind = {
		.wr_id = 31, .send_flags = IBV_SEND_SIGNALED, .bind_info = info,
	};
	int err = ibv_bind_mw(p.b.qp, mw, &bind);

	CHECK(!err, "ibv_bind_mw: %s", strerror(err));
}

static void post_bind2(struct ibv_qp *qp, struct ibv_mw *mw, uint32_t rkey,
		       struct ibv_mw_bind_info info)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = 32, .opcode = IBV_WR_BIND_MW,
		.send_flags = IBV_SEND_SIGNALED,
		.bind_mw = { .mw = mw, .rkey = rkey, .bind_info = info },
	};
	int err = ibv_post_send(qp, &wr, &bad);

	CHECK(!err, "posting a bind: %s", strerror(err));
}

static void bind2(struct ibv_mw *mw, struct ibv_mw_bind_info info)
{
	uint32_t rkey = ibv_inc_rkey(mw->rkey);
	struct ibv_wc wc;

	post_bind2(p.b.qp, mw, rkey, info);
	wc = need_ok(p.b.scq);
	CHECK(wc.opcode == IBV_WC_BIND_MW && wc.wr_id == 32, "%d", wc.opcode);
	mw->rkey = rkey;
}

static void post_inv(struct end *e, enum ibv_wr_opcode op, uint32_t rkey)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = 33, .opcode = op, .send_flags = IBV_SEND_SIGNALED,
		.invalidate_rkey = rkey,
	};
	int err = ibv_post_send(e->qp, &wr, &bad);

	CHECK(!err, "posting an invalidation: %s", strerror(err));
}

static void op_to(enum ibv_wr_opcode op, size_t off, uint32_t rkey, size_t len)
{
	need_send(&p.a, op, 1, sge_of(amr, 0, len), (uintptr_t)bbuf + off, rkey,
		  IBV_SEND_SIGNALED);
}

/* A write through the window arrives. */
static void writes(struct ibv_mw *mw, size_t off, size_t len)
{
	static uint32_t seed;

	fill(abuf, len, ++seed);
	op_to(IBV_WR_RDMA_WRITE, off, mw->rkey, len);
	need_ok(p.a.scq);
	need_pattern(bbuf + off, len, seed, "through a window");
}

static void refused(void)
{
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_state(p.b.qp, IBV_QPS_ERR);
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
}

/* The connection again, after what has ended it. */
static void again(void)
{
	pair_disconnect(&p);
	pair_connect(&p);
}

static void no_write(uint32_t rkey, size_t off, size_t len)
{
	memset(bbuf, 0xee, LEN);
	op_to(IBV_WR_RDMA_WRITE, off, rkey, len);
	refused();
	need_bytes(bbuf, LEN, 0xee, "a write that was refused");
	again();
}

static void type1(void)
{
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_1);
	uint32_t old = mw->rkey;

	no_write(mw->rkey, 100, 10);	/* not bound yet */
	bind1(mw, info_of(bmr, 101, 5001, all_remote));
	CHECK(need_ok(p.b.scq).opcode == IBV_WC_BIND_MW, "opcode");
	CHECK(mw->rkey != old && mw->rkey >> 8 == old >> 8, "key");
	writes(mw, 101, 5001);
	writes(mw, 5101, 1);
	no_write(mw->rkey, 100, 10);
	no_write(mw->rkey, 5101, 2);
	no_write(old, 101, 10);
	writes(mw, 101, 5001);		/* a window outlives queue pairs */

	bind1(mw, info_of(bmr, 20000, 77, IBV_ACCESS_REMOTE_READ));
	need_ok(p.b.scq);
	fill(bbuf + 20000, 77, 5);
	op_to(IBV_WR_RDMA_READ, 20000, mw->rkey, 77);
	need_ok(p.a.scq);
	need_pattern(abuf, 77, 5, "read through a window");
	no_write(mw->rkey, 20000, 77);

	bind1(mw, (struct ibv_mw_bind_info) {});	/* to nothing */
	need_ok(p.b.scq);
	no_write(mw->rkey, 20000, 1);
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
	no_write(old, 20000, 1);
}

static void type2(void)
{
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);
	uint32_t old;

	bind2(mw, info_of(bmr, 64, 10000, all_remote));
	writes(mw, 64, 10000);
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf + 64,
		    mw->rkey, 1, 0);
	need_ok(p.a.scq);

	old = mw->rkey;
	post_inv(&p.b, IBV_WR_LOCAL_INV, mw->rkey);
	CHECK(need_ok(p.b.scq).opcode == IBV_WC_LOCAL_INV, "opcode");
	bind2(mw, info_of(bmr, 64, 10000, all_remote));
	writes(mw, 64, 10000);
	no_write(old, 64, 10);
	/* it was bound to a queue pair that is gone */
	no_write(mw->rkey, 64, 10);
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

static void zero_based(void)
{
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);

	bind2(mw, info_of(bmr, 1001, 500, all_remote | IBV_ACCESS_ZERO_BASED));
	fill(abuf, 500, 9);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 500), 0, mw->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(bbuf + 1001, 500, 9, "zero based");
	/* aligned in the window, not in memory */
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), 8, mw->rkey, 1, 0);
	refused();
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

/* The peer's send gives the window back, and the receiver is told which. */
static void remote_invalidate(void)
{
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);
	struct ibv_send_wr *bad, wr = {
		.wr_id = 4, .num_sge = 1, .opcode = IBV_WR_SEND_WITH_INV,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct ibv_sge sge = sge_of(amr, 0, 5003);
	struct ibv_wc wc;

	bind2(mw, info_of(bmr, 0, 3000, all_remote));
	writes(mw, 0, 3000);
	need_recv(&p.b, 7, sge_of(bmr, 8192, 5003));
	wr.sg_list = &sge;
	wr.invalidate_rkey = mw->rkey;
	fill(abuf, 5003, 77);
	CHECK(!ibv_post_send(p.a.qp, &wr, &bad), "post");
	CHECK(need_ok(p.a.scq).opcode == IBV_WC_SEND, "opcode");
	wc = need_ok(p.b.rcq);
	CHECK(wc.wc_flags & IBV_WC_WITH_INV && wc.invalidated_rkey == mw->rkey &&
	      wc.byte_len == 5003, "flags %#x, key %#x", wc.wc_flags,
	      wc.invalidated_rkey);
	need_pattern(bbuf + 8192, 5003, 77, "send with invalidate");
	bind2(mw, info_of(bmr, 0, 3000, all_remote));	/* it is free */
	post_inv(&p.b, IBV_WR_LOCAL_INV, mw->rkey);
	need_ok(p.b.scq);
	no_write(mw->rkey, 0, 10);
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

static void remote_invalidate_bad(void)
{
	uint32_t keys[3] = { bmr->rkey, 0x12345678, 0 };
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_1);
	unsigned int i;

	bind1(mw, info_of(bmr, 0, 3000, all_remote));
	need_ok(p.b.scq);
	keys[2] = mw->rkey;
	for (i = 0; i < 3; i++) {
		need_recv(&p.b, 7, sge_of(bmr, 8192, 100));
		post_inv(&p.a, IBV_WR_SEND_WITH_INV, keys[i]);
		need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
		need_status(p.b.rcq, IBV_WC_REM_INV_REQ_ERR);
		need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
		again();
	}
	writes(mw, 0, 3000);
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

/* Type 2B is for the queue pair that bound it. */
static void other_qp(void)
{
	struct ibv_mw *one = need_mw(IBV_MW_TYPE_1), *two = need_mw(IBV_MW_TYPE_2);
	struct end a = p.a, b = p.b;

	bind1(one, info_of(bmr, 0, 100, all_remote));
	need_ok(p.b.scq);
	bind2(two, info_of(bmr, 0, 100, all_remote));
	/* another pair beside it */
	pair_connect(&p);
	writes(one, 0, 100);
	post_inv(&p.b, IBV_WR_LOCAL_INV, two->rkey);
	need_status(p.b.scq, IBV_WC_LOC_QP_OP_ERR);
	again();
	memset(bbuf, 0xee, LEN);
	op_to(IBV_WR_RDMA_WRITE, 0, two->rkey, 10);
	refused();
	need_bytes(bbuf, LEN, 0xee, "through somebody else's window");
	CHECK(!ibv_dealloc_mw(one) && !ibv_dealloc_mw(two), "ibv_dealloc_mw");
	CHECK(!ibv_destroy_qp(b.qp) && !ibv_destroy_cq(b.scq) &&
	      !ibv_destroy_cq(b.rcq) && !ibv_destroy_qp(a.qp) &&
	      !ibv_destroy_cq(a.scq) && !ibv_destroy_cq(a.rcq), "the first pair");
}

static void bad_bind(struct ibv_mw *mw, uint32_t rkey,
		     struct ibv_mw_bind_info info)
{
	post_bind2(p.b.qp, mw, rkey, info);
	post_send(&p.b, IBV_WR_SEND, 50, sge_of(bmr, 0, 8), 0, 0, 0);
	CHECK(need_status(p.b.scq, IBV_WC_MW_BIND_ERR).wr_id == 32, "wr_id");
	CHECK(need_status(p.b.scq, IBV_WC_WR_FLUSH_ERR).wr_id == 50, "wr_id");
	need_state(p.b.qp, IBV_QPS_ERR);
	again();
}

static void bad_binds(void)
{
	struct ibv_mr *plain = need_mr(&p.b, bbuf, LEN, all_rights);
	struct ibv_mr *ro = need_mr(&p.b, bbuf, LEN, IBV_ACCESS_MW_BIND |
				    IBV_ACCESS_REMOTE_READ);
	struct ibv_pd *pd = ibv_alloc_pd(p.b.ctx);
	struct ibv_mr *foreign = ibv_reg_mr(pd, bbuf, LEN, bindable);
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2), *theirs;
	uint32_t key = ibv_inc_rkey(mw->rkey);
	struct ibv_mw_bind_info info;

	CHECK(pd && foreign, "another domain");
	theirs = ibv_alloc_mw(pd, IBV_MW_TYPE_2);
	bad_bind(mw, key, info_of(plain, 0, 10, all_remote));
	bad_bind(mw, key, info_of(ro, 0, 10, IBV_ACCESS_REMOTE_WRITE));
	bad_bind(mw, key, info_of(ro, 0, 10, IBV_ACCESS_REMOTE_ATOMIC));
	bad_bind(mw, key, info_of(foreign, 0, 10, all_remote));
	bad_bind(mw, key, info_of(bmr, LEN - 9, 10, all_remote));
	bad_bind(mw, key, info_of(bmr, -1ul, 10, all_remote));
	bad_bind(mw, key, info_of(bmr, 0, UINT64_MAX, all_remote));
	bad_bind(mw, key, info_of(bmr, 0, 0, all_remote));
	bad_bind(mw, key, info_of(bmr, 0, 10, IBV_ACCESS_MW_BIND));
	bad_bind(mw, key + 0x100, info_of(bmr, 0, 10, all_remote));
	bad_bind(theirs, ibv_inc_rkey(theirs->rkey),
		 info_of(bmr, 0, 10, all_remote));
	info = info_of(bmr, 0, 10, all_remote);
	info.mr = ro;
	bind2(mw, info_of(bmr, 0, 10, all_remote));
	bad_bind(mw, ibv_inc_rkey(mw->rkey), info);	/* bound already */
	CHECK(!ibv_dealloc_mw(mw) && !ibv_dealloc_mw(theirs) &&
	      !ibv_dereg_mr(plain) && !ibv_dereg_mr(ro) &&
	      !ibv_dereg_mr(foreign) && !ibv_dealloc_pd(pd), "destroy");
}

static void bad_local_inv(void)
{
	uint32_t keys[] = { bmr->rkey, 0x12345678, 0 };
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);
	unsigned int i;

	keys[2] = mw->rkey;	/* not bound */
	for (i = 0; i < 3; i++) {
		post_inv(&p.b, IBV_WR_LOCAL_INV, keys[i]);
		need_status(p.b.scq, IBV_WC_LOC_QP_OP_ERR);
		need_state(p.b.qp, IBV_QPS_ERR);
		again();
	}
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

/* A window of a region that is gone is a window to nothing. */
static void region_gone(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, bindable);
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_1);

	bind1(mw, info_of(mr, 0, 1000, all_remote));
	need_ok(p.b.scq);
	writes(mw, 0, 1000);
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	no_write(mw->rkey, 0, 10);
	bind1(mw, info_of(bmr, 0, 1000, all_remote));
	need_ok(p.b.scq);
	writes(mw, 0, 1000);
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

/* Among sends and reads, one list, completed in order; and with loss of none. */
static void in_order(void)
{
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);
	unsigned int i;

	for (i = 0; i < 50; i++) {
		uint32_t key = ibv_inc_rkey(mw->rkey);

		need_recv(&p.a, i, sge_of(amr, 0, 4000));
		need_send(&p.b, IBV_WR_SEND, 1, sge_of(bmr, 0, 4000), 0, 0,
			  IBV_SEND_SIGNALED);
		post_bind2(p.b.qp, mw, key, info_of(bmr, 0, 1000, all_remote));
		mw->rkey = key;
		need_send(&p.b, IBV_WR_RDMA_READ, 3, sge_of(bmr, 9000, 3000),
			  (uintptr_t)abuf, amr->rkey, IBV_SEND_SIGNALED);
		post_inv(&p.b, IBV_WR_LOCAL_INV, mw->rkey);
		need_send(&p.b, IBV_WR_RDMA_READ, 5, sge_of(bmr, 9000, 3000),
			  (uintptr_t)abuf, amr->rkey, IBV_SEND_SIGNALED);
		CHECK(need_ok(p.b.scq).wr_id == 1 && need_ok(p.b.scq).wr_id == 32 &&
		      need_ok(p.b.scq).wr_id == 3 && need_ok(p.b.scq).wr_id == 33 &&
		      need_ok(p.b.scq).wr_id == 5, "order in round %u", i);
		need_ok(p.a.rcq);
	}
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

/* Once the invalidation is complete, no byte is written any more. */
static void stops(void)
{
	const size_t len = 32768;
	struct ibv_mw *mw = need_mw(IBV_MW_TYPE_2);
	unsigned int i, round, refusals = 0;
	struct ibv_wc wc;

	for (round = 0; round < 100; round++) {
		bind2(mw, info_of(bmr, 0, len, all_remote));
		memset(abuf, 0x11, len);
		for (i = 0; i < 20; i++)
			op_to(IBV_WR_RDMA_WRITE, 0, mw->rkey, len);
		post_inv(&p.b, IBV_WR_LOCAL_INV, mw->rkey);
		need_ok(p.b.scq);
		memset(bbuf, 0xee, len);
		for (i = 0; i < 20; i++) {
			wc = need_wc(p.a.scq);
			refusals += wc.status == IBV_WC_REM_ACCESS_ERR;
		}
		need_bytes(bbuf, len, 0xee, "a write after the invalidation");
		if (refusals)
			need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
		if (refusals)
			again();
		refusals = 0;
	}
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
}

static void rereg(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, IBV_ACCESS_LOCAL_WRITE |
				    IBV_ACCESS_REMOTE_READ);
	struct ibv_pd *pd = ibv_alloc_pd(p.b.ctx);
	uint32_t old = mr->rkey;

	no_write(mr->rkey, 0, 10);
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			    bindable), "rights: %s", strerror(errno));
	fill(abuf, 100, 1);
	op_to(IBV_WR_RDMA_WRITE, 0, mr->rkey, 100);
	need_ok(p.a.scq);
	need_pattern(bbuf, 100, 1, "after rights were added");
	if (old != mr->rkey)
		no_write(old, 0, 10);

	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL,
			    bbuf + 4096, 8000, 0), "memory: %s", strerror(errno));
	CHECK(mr->addr == bbuf + 4096 && mr->length == 8000, "addr, length");
	op_to(IBV_WR_RDMA_WRITE, 4096 + 7900, mr->rkey, 100);
	need_ok(p.a.scq);
	no_write(mr->rkey, 4096 + 7900, 101);
	no_write(mr->rkey, 4095, 1);

	/* what fails leaves it as it was */
	CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, NULL,
			   (void *)4096, 8000, 0), "memory that is not there");
	CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			   IBV_ACCESS_REMOTE_WRITE), "without local write");
	op_to(IBV_WR_RDMA_WRITE, 4096, mr->rkey, 100);
	need_ok(p.a.scq);

	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, pd, NULL, 0, 0), "domain");
	CHECK(mr->pd == pd, "pd");
	no_write(mr->rkey, 4096, 100);
	CHECK(ibv_dealloc_pd(pd) == EBUSY, "in use");
	CHECK(!ibv_dereg_mr(mr) && !ibv_dealloc_pd(pd), "destroy");
}

static const struct test_case cases[] = {
	CASE(type1), CASE(type2), CASE(zero_based), CASE(remote_invalidate),
	CASE(remote_invalidate_bad), CASE(other_qp), CASE(bad_binds),
	CASE(bad_local_inv), CASE(region_gone), CASE(in_order), CASE(stops),
	CASE(rereg),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .rights = bindable,
	};

	return cases_main(&table, argc, argv);
}
