// SPDX-License-Identifier: GPL-2.0
/*
 * placement DEVICE DEVICE [CASE]: flushes and atomic writes: what they make sure of,
 * the rights that they take, and how they fail.
 */
#include "cases.h"
#include "wr_ex.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static const uint8_t global = IBV_FLUSH_GLOBAL, persistent = IBV_FLUSH_PERSISTENT;
static const uint8_t range = IBV_FLUSH_RANGE, whole = IBV_FLUSH_MR;

static void flush_bbuf(uint64_t off, size_t len)
{
	need_flush(&p.a, 1, bmr->rkey, (uintptr_t)bbuf + off, len, global, range);
}

/* The request at a fails with @status; both ends are in ERR, b said why. */
static void refused(enum ibv_wc_status status, enum ibv_event_type event)
{
	need_status(p.a.scq, status);
	need_state(p.a.qp, IBV_QPS_ERR);
	need_state(p.b.qp, IBV_QPS_ERR);
	need_event(&p.b, event);
}

static void access_refused(void)
{
	refused(IBV_WC_REM_ACCESS_ERR, IBV_EVENT_QP_ACCESS_ERR);
}

static void request_refused(void)
{
	refused(IBV_WC_REM_INV_REQ_ERR, IBV_EVENT_QP_REQ_ERR);
}

/* The connection again, after what has ended it. */
static void again(void)
{
	pair_disconnect(&p);
	pair_connect(&p);
}

static void capabilities(void)
{
	const uint64_t want = IB_UVERBS_DEVICE_FLUSH_GLOBAL |
			      IB_UVERBS_DEVICE_FLUSH_PERSISTENT |
			      IB_UVERBS_DEVICE_ATOMIC_WRITE;
	struct ibv_device_attr_ex attr;

	CHECK(!ibv_query_device_ex(p.a.ctx, NULL, &attr), "ibv_query_device_ex");
	CHECK((attr.device_cap_flags_ex & want) == want, "%#llx",
	      (unsigned long long)attr.device_cap_flags_ex);
}

/*
 * Messages of which the last word of each is an atomic write. Whoever sees the word
 * sees the message: somebody watches, while all are under way.
 */
#define NOTES	40
#define NOTE	1400

static void *watch(void *arg)
{
	_Atomic uint64_t *words = (void *)bbuf;
	unsigned int i;

	(void)arg;
	for (i = 0; i < NOTES; i++) {
		while (atomic_load_explicit(&words[i], memory_order_acquire) !=
		       ~(uint64_t)i)
			;
		need_pattern(bbuf + 512 + i * NOTE, NOTE, 900 + i, "told of");
	}
	return NULL;
}

static void tells_of_writes(void)
{
	pthread_t t;
	unsigned int i, round;

	for (round = 0; round < 10; round++) {
		memset(bbuf, 0, LEN);
		for (i = 0; i < NOTES; i++)
			fill(abuf + i * NOTE, NOTE, 900 + i);
		CHECK(!pthread_create(&t, NULL, watch, NULL), "pthread_create");
		for (i = 0; i < NOTES; i++) {
			need_send(&p.a, IBV_WR_RDMA_WRITE, 0,
				  sge_of(amr, i * NOTE, NOTE),
				  (uintptr_t)bbuf + 512 + i * NOTE, bmr->rkey, 0);
			need_atomic_write(&p.a, i, bmr->rkey,
					  (uintptr_t)bbuf + 8 * i, ~(uint64_t)i);
			if (i < 20)
				continue;
			CHECK(need_ok(p.a.scq).wr_id == i - 20, "out of order");
		}
		for (i = NOTES - 20; i < NOTES; i++)
			CHECK(need_ok(p.a.scq).wr_id == i, "out of order");
		CHECK(!pthread_join(t, NULL), "pthread_join");
	}
}

/* More of all kinds than may be outstanding; each sees what came before it. */
static void among_others(void)
{
	const uint64_t word = (uintptr_t)bbuf + 4096;
	uint64_t *got = (uint64_t *)abuf;
	unsigned int i, n = 12;

	for (i = 0; i < n; i++) {
		need_atomic_write(&p.a, 4 * i, bmr->rkey, word, 1000 * i);
		need_flush(&p.a, 4 * i + 1, bmr->rkey, word, 8, global, range);
		need_atomic(&p.a, false, 4 * i + 2, sge_of(amr, 16 * i, 8), word,
			    bmr->rkey, i, 0);
		need_send(&p.a, IBV_WR_RDMA_READ, 4 * i + 3,
			  sge_of(amr, 16 * i + 8, 8), word, bmr->rkey,
			  IBV_SEND_SIGNALED);
	}
	for (i = 0; i < 4 * n; i++)
		CHECK(need_ok(p.a.scq).wr_id == i, "out of order");
	for (i = 0; i < n; i++)
		CHECK(got[2 * i] == 1000 * i && got[2 * i + 1] == 1001 * i,
		      "%u: %lu, %lu", i, got[2 * i], got[2 * i + 1]);
}

/*
 * An atomic write is executed once. Once it is seen, the word changes; whatever
 * packets come again, it stays as it is now. For a network that loses some.
 */
static void once(void)
{
	volatile uint64_t *word = (uint64_t *)(bbuf + 64);
	uint64_t i;

	for (i = 1; i <= 300; i++) {
		need_atomic_write(&p.a, i, bmr->rkey, (uintptr_t)word, i);
		while (*word != i)
			;
		*word = ~i;
		flush_bbuf(0, 64);
		need_ok(p.a.scq);
		need_ok(p.a.scq);
		CHECK(*word == ~i, "%lu was executed again", i);
	}
}

static void no_right(int rights, uint8_t type, uint8_t level)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, rights);

	need_flush(&p.a, 1, mr->rkey, (uintptr_t)bbuf, 8, type, level);
	access_refused();
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static void flush_without_right(void)
{
	no_right(all_rights, global, range);
	again();
	no_right(all_rights, global, whole);
	again();
	no_right(flush_rights, persistent, range);
	again();
	no_right(flush_rights, global | persistent, whole);
}

static void flush_of_nothing_known(void)
{
	need_flush(&p.a, 1, bmr->rkey ^ 0x550000, (uintptr_t)bbuf, 8, global, range);
	access_refused();
	again();
	/* no bytes: the key counts all the same */
	need_flush(&p.a, 1, bmr->rkey ^ 1, (uintptr_t)bbuf, 0, global, range);
	access_refused();
	again();
	need_flush(&p.a, 1, bmr->rkey ^ 1, 0, 0, global, whole);
	access_refused();
}

static void flush_outside(void)
{
	flush_bbuf(LEN, 0);
	need_ok(p.a.scq);
	flush_bbuf(LEN - 1, 1);
	need_ok(p.a.scq);
	flush_bbuf(LEN - 1, 2);
	access_refused();
	again();
	flush_bbuf(LEN + 1, 0);
	access_refused();
	again();
	flush_bbuf(0, UINT32_MAX);
	access_refused();
}

static void flush_deregistered(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, flush_rights);
	uint32_t rkey = mr->rkey;

	need_flush(&p.a, 1, rkey, 0, 0, global, whole);
	need_ok(p.a.scq);
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	need_flush(&p.a, 1, rkey, 0, 0, global, whole);
	access_refused();
}

/* The queue pair, not the region, forbids it. */
static void qp_without(int right)
{
	struct ibv_qp_attr attr = {
		.qp_access_flags = (unsigned int)(p.opt.access & ~right),
	};

	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_ACCESS_FLAGS), "modify_qp");
}

static void qp_without_flush(void)
{
	qp_without(IBV_ACCESS_FLUSH_GLOBAL);
	flush_bbuf(0, 8);
	request_refused();
	again();
	qp_without(IBV_ACCESS_FLUSH_PERSISTENT);
	flush_bbuf(0, 8);
	need_ok(p.a.scq);
	need_flush(&p.a, 1, bmr->rkey, (uintptr_t)bbuf, 8, persistent, range);
	request_refused();
}

static void atomic_write_refused(uint64_t remote, uint32_t rkey)
{
	memset(bbuf, 0xee, LEN);
	need_atomic_write(&p.a, 1, rkey, remote, 1);
}

static void atomic_write_errors(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, IBV_ACCESS_LOCAL_WRITE |
				    IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC);

	atomic_write_refused((uintptr_t)bbuf + 4, bmr->rkey);
	request_refused();
	again();
	atomic_write_refused((uintptr_t)bbuf + LEN, bmr->rkey);
	access_refused();
	again();
	atomic_write_refused((uintptr_t)bbuf, bmr->rkey ^ 0x550000);
	access_refused();
	again();
	atomic_write_refused((uintptr_t)bbuf, mr->rkey);
	access_refused();
	again();
	qp_without(IBV_ACCESS_REMOTE_WRITE);
	atomic_write_refused((uintptr_t)bbuf, bmr->rkey);
	request_refused();
	need_bytes(bbuf, LEN, 0xee, "an atomic write that was refused");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static void no_resources(struct pair_opt *opt)
{
	opt->rd_atomic = 0;
}

/* They wait for a response of their own: there may be none under way. */
static void without_resources(void)
{
	flush_bbuf(0, 8);
	need_status(p.a.scq, IBV_WC_LOC_QP_OP_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
	again();
	need_atomic_write(&p.a, 1, bmr->rkey, (uintptr_t)bbuf, 1);
	need_status(p.a.scq, IBV_WC_LOC_QP_OP_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

/* A peer that has no resources for us. */
static void peer_without_resources(void)
{
	struct pair_opt opt = p.opt;

	opt.rd_atomic = 0;
	CHECK(!ibv_modify_qp(p.b.qp, &(struct ibv_qp_attr) {
			     .qp_state = IBV_QPS_RESET }, IBV_QP_STATE), "RESET");
	CHECK(!end_to_init(&p.b, &opt) && !end_to_rtr(&p.b, &p.a, &opt), "RTR");
	flush_bbuf(0, 8);		/* takes none */
	need_ok(p.a.scq);
	need_event(&p.b, IBV_EVENT_COMM_EST);
	need_atomic_write(&p.a, 1, bmr->rkey, (uintptr_t)bbuf, 1);
	request_refused();
}

static void bad_words(void)
{
	CHECK(post_flush(&p.a, 1, bmr->rkey, 0, 0, 0, range) == EINVAL, "no type");
	CHECK(post_flush(&p.a, 1, bmr->rkey, 0, 0, 4, range) == EINVAL, "a type");
	CHECK(post_flush(&p.a, 1, bmr->rkey, 0, 0, global, 2) == EINVAL, "a level");
	CHECK(post_flush(&p.a, 1, bmr->rkey, 0, 1ull << 32, global, range) == EINVAL,
	      "more than there can be");
	CHECK(post_send(&p.a, IBV_WR_FLUSH, 1, sge_of(amr, 0, 8), 0, 0, 0) == EINVAL,
	      "ibv_post_send() of a flush");
	CHECK(post_send(&p.a, IBV_WR_ATOMIC_WRITE, 1, sge_of(amr, 0, 8), 0, 0, 0) ==
	      EINVAL, "ibv_post_send() of an atomic write");
	flush_bbuf(0, LEN);
	need_ok(p.a.scq);
}

/* Nothing here persists, and nobody is told that it does. */
static void registration(void)
{
	const int rights = flush_rights | IBV_ACCESS_FLUSH_PERSISTENT;
	struct ibv_mr *mr;

	mr = ibv_reg_mr(p.b.pd, bbuf, LEN, rights);
	CHECK(!mr && errno == EINVAL, "memory that does not persist: %s",
	      strerror(errno));
	mr = ibv_reg_mr(p.b.pd, bbuf, LEN, rights | IBV_ACCESS_ON_DEMAND);
	CHECK(!mr && errno == EINVAL, "memory on demand: %s", strerror(errno));
	mr = need_mr(&p.b, bbuf, LEN, all_rights);
	CHECK(ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0, rights),
	      "later");
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			    flush_rights), "ibv_rereg_mr: %s", strerror(errno));
	need_flush(&p.a, 1, mr->rkey, (uintptr_t)bbuf, 8, global, range);
	need_ok(p.a.scq);
	CHECK(!ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, NULL, NULL, 0,
			    all_rights), "ibv_rereg_mr: %s", strerror(errno));
	need_flush(&p.a, 1, mr->rkey, (uintptr_t)bbuf, 8, global, range);
	access_refused();
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static enum ibv_wc_status bind(struct ibv_mr *mr, struct ibv_mw *mw, int rights)
{
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_BIND_MW, .send_flags = IBV_SEND_SIGNALED,
		.bind_mw = {
			.mw = mw, .rkey = ibv_inc_rkey(mw->rkey),
			.bind_info = {
				.mr = mr, .addr = (uintptr_t)bbuf + 1024,
				.length = 512,
				.mw_access_flags = (unsigned int)rights,
			},
		},
	};
	struct ibv_wc wc;

	CHECK(!ibv_post_send(p.b.qp, &wr, &bad), "posting a bind");
	wc = need_wc(p.b.scq);
	if (wc.status == IBV_WC_SUCCESS)
		mw->rkey = wr.bind_mw.rkey;
	return wc.status;
}

/* A window is what its key names: of all of it, and of nothing beside it. */
static void windows(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN,
				    all_rights | IBV_ACCESS_MW_BIND);
	struct ibv_mw *mw = ibv_alloc_mw(p.b.pd, IBV_MW_TYPE_2);
	const uint64_t at = (uintptr_t)bbuf + 1024;
	uint32_t key;

	CHECK(mw, "ibv_alloc_mw");
	CHECK(bind(mr, mw, IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_FLUSH_GLOBAL) ==
	      IBV_WC_SUCCESS, "bind");
	key = mw->rkey;
	need_flush(&p.a, 1, key, at, 512, global, range);
	need_ok(p.a.scq);
	need_flush(&p.a, 1, key, 0, 0, global, whole);
	need_ok(p.a.scq);
	need_atomic_write(&p.a, 1, key, at + 504, 77);
	need_ok(p.a.scq);
	CHECK(*(uint64_t *)(bbuf + 1528) == 77, "atomic write");
	need_flush(&p.a, 1, key, at, 513, global, range);
	access_refused();

	/* its own rights count, and persistence is the region's to have */
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
	again();
	mw = ibv_alloc_mw(p.b.pd, IBV_MW_TYPE_2);
	CHECK(mw, "ibv_alloc_mw");
	CHECK(bind(mr, mw, IBV_ACCESS_REMOTE_WRITE) == IBV_WC_SUCCESS, "bind");
	need_flush(&p.a, 1, mw->rkey, 0, 0, global, whole);
	access_refused();
	CHECK(!ibv_dealloc_mw(mw), "ibv_dealloc_mw");
	again();
	mw = ibv_alloc_mw(p.b.pd, IBV_MW_TYPE_2);
	CHECK(mw && bind(mr, mw, IBV_ACCESS_FLUSH_PERSISTENT) ==
	      IBV_WC_MW_BIND_ERR, "a window to persistence");
	CHECK(!ibv_dealloc_mw(mw) && !ibv_dereg_mr(mr), "dealloc");
}

static const struct test_case cases[] = {
	CASE(capabilities), CASE(tells_of_writes), CASE(among_others), CASE(once),
	CASE(flush_without_right), CASE(flush_of_nothing_known),
	CASE(flush_outside), CASE(flush_deregistered), CASE(qp_without_flush),
	CASE(atomic_write_errors), CASE(peer_without_resources), CASE(bad_words),
	CASE(without_resources, .options = no_resources),
	CASE(registration), CASE(windows),
};

/* Whatever a case did, the next connection works. */
static void still_works(void)
{
	pair_connect(&p);
	flush_bbuf(0, LEN);
	need_ok(p.a.scq);
	pair_disconnect(&p);
}

static void few_resources(struct pair_opt *opt)
{
	with_placement(opt);
	opt->rd_atomic = 4;
	opt->timeout = 14;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = few_resources,
		.rights = flush_rights, .after = still_works,
	};

	return cases_main(&table, argc, argv);
}
