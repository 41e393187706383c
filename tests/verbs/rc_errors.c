// SPDX-License-Identifier: GPL-2.0
/*
 * rc_errors DEVICE DEVICE [CASE]: what must fail fails with the completion that
 * verbs users know, the right end goes to ERR, everything behind is flushed, and
 * nothing else is disturbed: after every case a fresh connection works on the
 * same protection domains and regions.
 */
#include "cases.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void write_to(uint64_t addr, uint32_t rkey, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, len), addr, rkey,
		  IBV_SEND_SIGNALED);
}

static void read_from(uint64_t addr, uint32_t rkey, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(amr, 0, len), addr, rkey,
		  IBV_SEND_SIGNALED);
}

/* The request at a fails with @status; both ends are in ERR, b said why. */
static void remote_refusal(enum ibv_wc_status status, enum ibv_event_type event)
{
	need_status(p.a.scq, status);
	need_state(p.a.qp, IBV_QPS_ERR);
	need_state(p.b.qp, IBV_QPS_ERR);
	need_event(&p.b, event);
}

static void access_refusal(void)
{
	remote_refusal(IBV_WC_REM_ACCESS_ERR, IBV_EVENT_QP_ACCESS_ERR);
}

static void unknown_rkey(void)
{
	write_to((uintptr_t)bbuf, bmr->rkey ^ 0x00550000, 8);
	access_refusal();
}

static void stale_rkey_variant(void)
{
	write_to((uintptr_t)bbuf, bmr->rkey ^ 1, 8);
	access_refusal();
}

static void rkey_of_other_pd(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(p.b.ctx);
	struct ibv_mr *mr;

	CHECK(pd, "ibv_alloc_pd");
	mr = ibv_reg_mr(pd, bbuf, LEN, all_rights);
	CHECK(mr, "ibv_reg_mr");
	write_to((uintptr_t)bbuf, mr->rkey, 8);
	access_refusal();
	ibv_dereg_mr(mr);
	ibv_dealloc_pd(pd);
}

static void write_before(void)
{
	write_to((uintptr_t)bbuf - 1, bmr->rkey, 8);
	access_refusal();
}

static void write_across_end(void)
{
	memset(bbuf, 0xee, LEN);
	write_to((uintptr_t)bbuf + LEN - 8191, bmr->rkey, 8192);
	access_refusal();
	need_bytes(bbuf, LEN, 0xee, "a write that crosses the end");
}

static void write_wraps(void)
{
	write_to(UINT64_MAX - 3, bmr->rkey, 8);
	access_refusal();
}

static void read_across_end(void)
{
	memset(abuf, 0xee, LEN);
	read_from((uintptr_t)bbuf + LEN - 100, bmr->rkey, 101);
	access_refusal();
	need_bytes(abuf, LEN, 0xee, "a read that crosses the end");
}

static void no_right(int rights, enum ibv_wr_opcode op)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, rights);

	memset(bbuf, 0xee, LEN);
	if (op == IBV_WR_ATOMIC_FETCH_AND_ADD)
		need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
			    mr->rkey, 1, 0);
	else
		need_send(&p.a, op, 1, sge_of(amr, 0, 100), (uintptr_t)bbuf,
			  mr->rkey, IBV_SEND_SIGNALED);
	access_refusal();
	need_bytes(bbuf, LEN, 0xee, "access without the right");
	ibv_dereg_mr(mr);
}

static void no_write_right(void)
{
	no_right(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ |
		 IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_RDMA_WRITE);
}

static void no_read_right(void)
{
	no_right(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		 IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_RDMA_READ);
}

static void no_atomic_right(void)
{
	no_right(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		 IBV_ACCESS_REMOTE_READ, IBV_WR_ATOMIC_FETCH_AND_ADD);
}

static void deregistered_rkey(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, all_rights);
	uint32_t rkey = mr->rkey;

	write_to((uintptr_t)bbuf, rkey, 100);
	need_ok(p.a.scq);
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	write_to((uintptr_t)bbuf, rkey, 100);
	access_refusal();
}

static void misaligned_atomic(void)
{
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf + 4,
		    bmr->rkey, 1, 0);
	remote_refusal(IBV_WC_REM_INV_REQ_ERR, IBV_EVENT_QP_REQ_ERR);
}

static void atomic_of_four(void)
{
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 4), (uintptr_t)bbuf,
		    bmr->rkey, 1, 0);
	need_status(p.a.scq, IBV_WC_LOC_LEN_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

/* The QP, not the region, forbids it. */
static void qp_without(int right, enum ibv_wr_opcode op)
{
	struct ibv_qp_attr attr = {
		.qp_access_flags = (unsigned int)(all_rights & ~right),
	};

	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_ACCESS_FLAGS), "modify_qp");
	if (op == IBV_WR_ATOMIC_FETCH_AND_ADD)
		need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
			    bmr->rkey, 1, 0);
	else
		need_send(&p.a, op, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
			  bmr->rkey, IBV_SEND_SIGNALED);
	remote_refusal(IBV_WC_REM_INV_REQ_ERR, IBV_EVENT_QP_REQ_ERR);
}

static void qp_without_write(void)
{
	qp_without(IBV_ACCESS_REMOTE_WRITE, IBV_WR_RDMA_WRITE);
}

static void qp_without_read(void)
{
	qp_without(IBV_ACCESS_REMOTE_READ, IBV_WR_RDMA_READ);
}

static void qp_without_atomic(void)
{
	qp_without(IBV_ACCESS_REMOTE_ATOMIC, IBV_WR_ATOMIC_FETCH_AND_ADD);
}

/* Length zero touches no memory: the key is not looked at (IBTA 9.7.4.1.5). */
static void zero_length_any_key(void)
{
	write_to(1, 0xdeadbeef, 0);
	need_ok(p.a.scq);
	read_from(1, 0xdeadbeef, 0);
	need_ok(p.a.scq);
}

static void local_key(enum ibv_wr_opcode op, struct ibv_sge sge)
{
	need_send(&p.a, op, 1, sge, (uintptr_t)bbuf, bmr->rkey,
		  IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_LOC_PROT_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
	CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "the peer is disturbed");
}

static void bad_lkey_send(void)
{
	struct ibv_sge sge = sge_of(amr, 0, 100);

	sge.lkey ^= 0x00550000;
	local_key(IBV_WR_RDMA_WRITE, sge);
}

static void lkey_range(void)
{
	local_key(IBV_WR_RDMA_WRITE, sge_of(amr, LEN - 10, 11));
}

static void lkey_of_other_pd(void)
{
	struct ibv_pd *pd = ibv_alloc_pd(p.a.ctx);
	struct ibv_mr *mr = ibv_reg_mr(pd, abuf, LEN, all_rights);

	CHECK(mr, "ibv_reg_mr");
	local_key(IBV_WR_RDMA_WRITE, sge_of(mr, 0, 8));
	ibv_dereg_mr(mr);
	ibv_dealloc_pd(pd);
}

static void read_into_readonly(void)
{
	struct ibv_mr *mr = need_mr(&p.a, abuf, LEN, 0);

	memset(abuf, 0xee, LEN);
	local_key(IBV_WR_RDMA_READ, sge_of(mr, 0, 100));
	need_bytes(abuf, LEN, 0xee, "read into a region without local write");
	ibv_dereg_mr(mr);
}

/* The receiver's own fault: its completion says so, the sender learns less. */
static void receiver_fault(struct ibv_sge sge, enum ibv_wc_status at_receiver,
			   enum ibv_wc_status at_sender)
{
	need_recv(&p.b, 5, sge);
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 100), 0, 0,
		  IBV_SEND_SIGNALED);
	need_status(p.a.scq, at_sender);
	CHECK(need_status(p.b.rcq, at_receiver).wr_id == 5, "wr_id");
	need_state(p.b.qp, IBV_QPS_ERR);
}

static void recv_too_short(void)
{
	memset(bbuf, 0xee, LEN);
	receiver_fault(sge_of(bmr, 0, 99), IBV_WC_LOC_LEN_ERR,
		       IBV_WC_REM_INV_REQ_ERR);
	need_bytes(bbuf + 99, LEN - 99, 0xee, "behind a receive too short");
}

static void recv_bad_lkey(void)
{
	struct ibv_sge sge = sge_of(bmr, 0, 100);

	sge.lkey ^= 0x00550000;
	receiver_fault(sge, IBV_WC_LOC_PROT_ERR, IBV_WC_REM_OP_ERR);
}

static void recv_readonly(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, 0);

	receiver_fault(sge_of(mr, 0, 100), IBV_WC_LOC_PROT_ERR,
		       IBV_WC_REM_OP_ERR);
	ibv_dereg_mr(mr);
}

/* All that was posted, and all that is posted later, is flushed, in order. */
static void flush(void)
{
	unsigned int i;

	for (i = 0; i < 10; i++)
		need_recv(&p.a, 100 + i, sge_of(amr, 0, 8));
	write_to((uintptr_t)bbuf, bmr->rkey ^ 0x00550000, 8);
	for (i = 0; i < 10; i++)
		post_send(&p.a, IBV_WR_RDMA_WRITE, 2 + i, sge_of(amr, 0, 8),
			  (uintptr_t)bbuf, bmr->rkey, 0);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	for (i = 0; i < 10; i++)
		CHECK(need_status(p.a.scq, IBV_WC_WR_FLUSH_ERR).wr_id == 2 + i,
		      "order of flushed sends");
	for (i = 0; i < 10; i++)
		CHECK(need_status(p.a.rcq, IBV_WC_WR_FLUSH_ERR).wr_id == 100 + i,
		      "order of flushed receives");
	need_state(p.a.qp, IBV_QPS_ERR);
	need_send(&p.a, IBV_WR_SEND, 50, sge_of(amr, 0, 8), 0, 0, 0);
	CHECK(need_status(p.a.scq, IBV_WC_WR_FLUSH_ERR).wr_id == 50, "wr_id");
	need_recv(&p.a, 51, sge_of(amr, 0, 8));
	CHECK(need_status(p.a.rcq, IBV_WC_WR_FLUSH_ERR).wr_id == 51, "wr_id");
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
	need_empty(p.a.scq);
	need_empty(p.a.rcq);
}

static void flush_by_modify(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	unsigned int i;

	for (i = 0; i < 7; i++)
		need_recv(&p.a, i, sge_of(amr, 0, 8));
	CHECK(!ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE), "to ERR");
	for (i = 0; i < 7; i++)
		CHECK(need_status(p.a.rcq, IBV_WC_WR_FLUSH_ERR).wr_id == i,
		      "order");
	need_empty(p.a.rcq);
}

static void reset_and_again(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct end *ends[] = { &p.a, &p.b };
	unsigned int i;

	unknown_rkey();
	for (i = 0; i < 3; i++)
		need_recv(&p.b, i, sge_of(bmr, 0, 8));
	while (need_wc(p.b.rcq).wr_id != 2)
		;
	for (i = 0; i < 2; i++)
		CHECK(!ibv_modify_qp(ends[i]->qp, &attr, IBV_QP_STATE), "RESET");
	for (i = 0; i < 2; i++)
		CHECK(!end_to_init(ends[i], &p.opt) &&
		      !end_to_rtr(ends[i], ends[!i], &p.opt) &&
		      !end_to_rts(ends[i], &p.opt), "up again");
	need_recv(&p.b, 9, sge_of(bmr, 0, LEN));
	need_send(&p.a, IBV_WR_SEND, 8, sge_of(amr, 0, 5000), 0, 0,
		  IBV_SEND_SIGNALED);
	CHECK(need_ok(p.a.scq).wr_id == 8, "wr_id");
	CHECK(need_ok(p.b.rcq).wr_id == 9, "wr_id");
}

static void rnr_gives_up(void)
{
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_RNR_RETRY_EXC_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
	CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "the receiver is not at fault");
}

static void rnr_waits(void)
{
	fill(abuf, 10000, 7);
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 10000), 0, 0,
		  IBV_SEND_SIGNALED);
	need_send(&p.a, IBV_WR_RDMA_WRITE_WITH_IMM, 2, sge_of(amr, 0, 10000),
		  (uintptr_t)bbuf + 10000, bmr->rkey, IBV_SEND_SIGNALED);
	usleep(50000);
	need_empty(p.a.scq);
	need_recv(&p.b, 1, sge_of(bmr, 0, 10000));
	need_ok(p.a.scq);
	CHECK(need_ok(p.b.rcq).byte_len == 10000, "byte_len");
	need_pattern(bbuf, 10000, 7, "a send that had to wait");
	usleep(50000);
	need_empty(p.a.scq);
	need_recv(&p.b, 2, sge_of(bmr, 0, 0));
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_pattern(bbuf + 10000, 10000, 7, "a write that had to wait");
}

static void to_state(struct ibv_qp *qp, enum ibv_qp_state state, int mask,
		     uint8_t max_rd_atomic)
{
	struct ibv_qp_attr attr = {
		.qp_state = state,
		.en_sqd_async_notify = 1,
		.max_rd_atomic = max_rd_atomic,
	};

	CHECK(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | mask), "modify to %d",
	      state);
}

/* A send that the peer was not ready for is sent again in SQD, then it is drained. */
static void sqd_sends_again(void)
{
	struct pollfd pfd = { .fd = p.a.ctx->async_fd, .events = POLLIN };

	fill(abuf, 10000, 9);
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 10000), 0, 0,
		  IBV_SEND_SIGNALED);
	to_state(p.a.qp, IBV_QPS_SQD, IBV_QP_EN_SQD_ASYNC_NOTIFY, 0);
	need_send(&p.a, IBV_WR_SEND, 2, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED);
	usleep(50000);
	need_empty(p.a.scq);
	CHECK(poll(&pfd, 1, 0) == 0, "drained with a send outstanding");

	need_recv(&p.b, 1, sge_of(bmr, 0, 10000));
	need_recv(&p.b, 2, sge_of(bmr, 0, 10000));
	CHECK(need_ok(p.a.scq).wr_id == 1, "wr_id");
	CHECK(need_ok(p.b.rcq).wr_id == 1, "wr_id");
	need_pattern(bbuf, 10000, 9, "a send that was drained");
	need_event(&p.a, IBV_EVENT_SQ_DRAINED);
	need_empty(p.b.rcq);

	to_state(p.a.qp, IBV_QPS_RTS, 0, 0);
	CHECK(need_ok(p.a.scq).wr_id == 2, "wr_id");
	CHECK(need_ok(p.b.rcq).wr_id == 2, "wr_id");
}

/* With room for no read at all a read fails; it does not wait for ever. */
static void read_without_resources(void)
{
	to_state(p.a.qp, IBV_QPS_SQD, IBV_QP_EN_SQD_ASYNC_NOTIFY, 0);
	need_event(&p.a, IBV_EVENT_SQ_DRAINED);
	to_state(p.a.qp, IBV_QPS_SQD, IBV_QP_MAX_QP_RD_ATOMIC, 0);
	to_state(p.a.qp, IBV_QPS_RTS, 0, 0);
	read_from((uintptr_t)bbuf, bmr->rkey, 8);
	need_status(p.a.scq, IBV_WC_LOC_QP_OP_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

static void peer_is_gone(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };

	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "RESET");
	write_to((uintptr_t)bbuf, bmr->rkey, 8);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

static void signaling(void)
{
	unsigned int i;

	for (i = 0; i < 30; i++)
		need_send(&p.a, IBV_WR_RDMA_WRITE, i, sge_of(amr, 0, 8),
			  (uintptr_t)bbuf, bmr->rkey,
			  i % 10 == 9 ? IBV_SEND_SIGNALED : 0);
	for (i = 9; i < 30; i += 10)
		CHECK(need_ok(p.a.scq).wr_id == i, "only the signaled ones");
	need_empty(p.a.scq);
}

static void queue_full(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	unsigned int i, n = p.opt.max_wr;
	int err = 0;

	/* nobody answers, so nothing completes */
	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "RESET");
	for (i = 0; i < n; i++)
		write_to((uintptr_t)bbuf, bmr->rkey, 8);
	err = post_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8),
			(uintptr_t)bbuf, bmr->rkey, 0);
	CHECK(err == ENOMEM, "%d", err);
	attr.qp_state = IBV_QPS_ERR;
	CHECK(!ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE), "ERR");
	for (i = 0; i < n; i++)
		need_status(p.a.scq, IBV_WC_WR_FLUSH_ERR);
	need_empty(p.a.scq);
}

static void too_many_sges(void)
{
	struct ibv_sge sge[33] = {};
	struct ibv_send_wr *bad = NULL, wr = {
		.sg_list = sge, .num_sge = (int)p.opt.max_sge + 1,
		.opcode = IBV_WR_SEND,
	};
	int err = ibv_post_send(p.a.qp, &wr, &bad);

	CHECK(err == EINVAL && bad == &wr, "%d", err);
}

static void cq_overflow(void)
{
	struct ibv_cq *small = ibv_create_cq(p.a.ctx, 4, NULL, NULL, 0);
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 1, .max_recv_wr = 64, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC, .send_cq = small, .recv_cq = small,
	};
	struct end e = p.a;
	unsigned int i;

	CHECK(small, "ibv_create_cq");
	e.qp = ibv_create_qp(e.pd, &init);
	CHECK(e.qp, "ibv_create_qp");
	CHECK(!end_to_init(&e, &p.opt), "INIT");
	for (i = 0; i < (unsigned int)small->cqe + 4; i++)
		need_recv(&e, i, sge_of(amr, 0, 8));
	CHECK(!ibv_modify_qp(e.qp, &(struct ibv_qp_attr) {
			     .qp_state = IBV_QPS_ERR }, IBV_QP_STATE), "ERR");
	need_event(&p.a, IBV_EVENT_CQ_ERR);
	CHECK(!ibv_destroy_qp(e.qp) && !ibv_destroy_cq(small), "destroy");
	/* the other queue pair of this process does not notice */
	write_to((uintptr_t)bbuf, bmr->rkey, 8);
	need_ok(p.a.scq);
}

static void events(void)
{
	struct pollfd pfd = { .fd = p.b.channel->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *ctx;

	CHECK(!ibv_req_notify_cq(p.b.rcq, 1), "arm, solicited only");
	need_recv(&p.b, 1, sge_of(bmr, 0, 8));
	need_recv(&p.b, 2, sge_of(bmr, 0, 8));
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(poll(&pfd, 1, 100) == 0, "an event for an unsolicited send");
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED | IBV_SEND_SOLICITED);
	CHECK(!ibv_get_cq_event(p.b.channel, &cq, &ctx) && cq == p.b.rcq,
	      "ibv_get_cq_event");
	ibv_ack_cq_events(cq, 1);
	CHECK(need_ok(p.b.rcq).wr_id == 1 && need_ok(p.b.rcq).wr_id == 2, "");
	need_ok(p.a.scq);

	/* armed once, one event, however many completions */
	CHECK(!ibv_req_notify_cq(p.b.rcq, 0), "arm");
	need_recv(&p.b, 3, sge_of(bmr, 0, 8));
	need_recv(&p.b, 4, sge_of(bmr, 0, 8));
	for (int i = 0; i < 2; i++) {
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
	}
	CHECK(!ibv_get_cq_event(p.b.channel, &cq, &ctx), "ibv_get_cq_event");
	ibv_ack_cq_events(cq, 1);
	CHECK(poll(&pfd, 1, 100) == 0, "a second event");
}

static void two_rnr_retries(struct pair_opt *opt)
{
	opt->rnr_retry = 2;
}

static void no_rnr_retry(struct pair_opt *opt)
{
	opt->rnr_retry = 0;
}

static void soon_tired(struct pair_opt *opt)
{
	opt->timeout = 10;	/* 4 ms */
	opt->retry_cnt = 2;
}

static void with_channel(struct pair_opt *opt)
{
	opt->channel = true;
}

static const struct test_case cases[] = {
	CASE(unknown_rkey), CASE(stale_rkey_variant), CASE(rkey_of_other_pd),
	CASE(write_before), CASE(write_across_end), CASE(write_wraps),
	CASE(read_across_end), CASE(no_write_right), CASE(no_read_right),
	CASE(no_atomic_right), CASE(deregistered_rkey), CASE(misaligned_atomic),
	CASE(atomic_of_four), CASE(qp_without_write), CASE(qp_without_read),
	CASE(qp_without_atomic), CASE(zero_length_any_key), CASE(bad_lkey_send),
	CASE(lkey_range), CASE(lkey_of_other_pd), CASE(read_into_readonly),
	CASE(recv_too_short), CASE(recv_bad_lkey), CASE(recv_readonly),
	CASE(flush), CASE(flush_by_modify), CASE(reset_and_again),
	CASE(sqd_sends_again), CASE(read_without_resources),
	CASE(rnr_waits), CASE(signaling), CASE(queue_full), CASE(too_many_sges),
	CASE(cq_overflow),
	CASE(rnr_gives_up, .options = two_rnr_retries),
	{ "rnr_gives_up_at_once", rnr_gives_up, .options = no_rnr_retry },
	CASE(peer_is_gone, .options = soon_tired),
	CASE(events, .options = with_channel),
};

/* Whatever a case did, the next connection works. */
static void still_works(void)
{
	pair_connect(&p);
	fill(abuf, LEN, 3);
	memset(bbuf, 0, LEN);
	write_to((uintptr_t)bbuf, bmr->rkey, LEN);
	need_ok(p.a.scq);
	need_pattern(bbuf, LEN, 3, "after the case");
	pair_disconnect(&p);
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .after = still_works,
	};

	return cases_main(&table, argc, argv);
}
