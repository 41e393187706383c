// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * ibv_wr_*(), extended polling and the doorbells, without a device: the rings
 * are memory of this process, and the command file descriptor is a pipe that
 * shows which commands were written to it.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test_wr.h"

static bool unlocked(struct prxe_lock *lock)
{
	if (pthread_spin_trylock(&lock->spin))
		return false;
	pthread_spin_unlock(&lock->spin);
	return true;
}

/* Every builder of RC in one batch: one index update, one doorbell. */
static void test_builders(void)
{
	struct ibv_sge list[2] = { { 0x10, 1, 2 }, { 0x20, 3, 4 } };
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;

	make_qp(&qp, IBV_QPT_RC);
	ex = &qp.vqp.qp_ex;
	ibv_wr_start(ex);
	ex->wr_id = 100;
	ex->wr_flags = IBV_SEND_SIGNALED;
	ibv_wr_send(ex);
	ibv_wr_set_sge(ex, 7, 0x1000, 8);
	ex->wr_id = 101;
	ex->wr_flags = IBV_SEND_FENCE;
	ibv_wr_rdma_write_imm(ex, 0x55, 0x2000, 0x01020304);
	ibv_wr_set_sge_list(ex, 2, list);
	ibv_wr_rdma_read(ex, 0x56, 0x3000);
	ibv_wr_atomic_cmp_swp(ex, 0x57, 0x4000, 5, 6);
	ibv_wr_atomic_fetch_add(ex, 0x58, 0x5000, 9);
	ibv_wr_send_inv(ex, 0x59);
	ibv_wr_local_inv(ex, 0x5a);
	CHECK(qp.sq.q.ring->producer == 0);
	CHECK(!unlocked(&qp.sq_lock));
	CHECK(ibv_wr_complete(ex) == 0);
	CHECK(unlocked(&qp.sq_lock));
	CHECK(qp.sq.q.ring->producer == 7);
	CHECK(send_bells() == 1);

	CHECK(sent(&qp, 0)->wr_id == 100 && sent(&qp, 0)->num_sge == 1);
	CHECK(sent(&qp, 0)->flags == PRXE_SEND_SIGNALED);
	CHECK(sent(&qp, 0)->opcode == IBV_WR_SEND);
	CHECK(sent(&qp, 0)->sge[0].addr == 0x1000);
	CHECK(sent(&qp, 0)->sge[0].length == 8);
	CHECK(sent(&qp, 0)->sge[0].lkey == 7);
	CHECK(sent(&qp, 1)->wr_id == 101 && sent(&qp, 1)->num_sge == 2);
	CHECK(sent(&qp, 1)->opcode == IBV_WR_RDMA_WRITE_WITH_IMM);
	CHECK(sent(&qp, 1)->imm_data == 0x01020304);
	CHECK(sent(&qp, 1)->rdma.rkey == 0x55);
	CHECK(sent(&qp, 1)->rdma.remote_addr == 0x2000);
	CHECK(!memcmp(sent(&qp, 1)->sge, list, sizeof(list)));
	CHECK(sent(&qp, 2)->opcode == IBV_WR_RDMA_READ);
	CHECK(sent(&qp, 2)->num_sge == 0 && sent(&qp, 2)->imm_data == 0);
	CHECK(sent(&qp, 3)->atomic.compare_add == 5);
	CHECK(sent(&qp, 3)->atomic.swap == 6);
	CHECK(sent(&qp, 4)->opcode == IBV_WR_ATOMIC_FETCH_AND_ADD);
	CHECK(sent(&qp, 4)->atomic.compare_add == 9);
	CHECK(sent(&qp, 4)->atomic.rkey == 0x58);
	CHECK(sent(&qp, 5)->imm_data == 0x59 && sent(&qp, 6)->imm_data == 0x5a);
	free_qp(&qp);
}

static void test_batch_inline(void)
{
	char text[] = "twelve bytes and more than that, in three pieces";
	struct ibv_data_buf bufs[3] = {
		{ text, 6 }, { text + 6, 0 }, { text + 6, MAX_INLINE - 6 },
	};
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;

	make_qp(&qp, IBV_QPT_RC);
	ex = &qp.vqp.qp_ex;
	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_INLINE | IBV_SEND_SIGNALED;
	ibv_wr_send(ex);
	ibv_wr_set_inline_data(ex, text, 12);
	ibv_wr_rdma_write(ex, 1, 2);
	ibv_wr_set_inline_data_list(ex, 3, bufs);
	ibv_wr_rdma_write(ex, 1, 2);
	ibv_wr_set_sge(ex, 3, 4, 5);	/* in spite of the flag */
	CHECK(ibv_wr_complete(ex) == 0);
	CHECK(send_bells() == 1);
	CHECK(sent(&qp, 0)->flags == (PRXE_SEND_INLINE | PRXE_SEND_SIGNALED));
	CHECK(sent(&qp, 0)->inline_len == 12 && sent(&qp, 0)->num_sge == 0);
	CHECK(!memcmp(sent(&qp, 0)->inline_data, text, 12));
	CHECK(sent(&qp, 1)->inline_len == MAX_INLINE);
	CHECK(!memcmp(sent(&qp, 1)->inline_data, text, MAX_INLINE));
	CHECK(sent(&qp, 2)->flags == PRXE_SEND_SIGNALED);
	CHECK(sent(&qp, 2)->num_sge == 1 && sent(&qp, 2)->inline_len == 0);
	free_qp(&qp);
}

static void fail_batch(struct prxe_qp *qp, int expect)
{
	CHECK(ibv_wr_complete(&qp->vqp.qp_ex) == expect);
	CHECK(unlocked(&qp->sq_lock));
	CHECK(qp->sq.q.ring->producer == 0);
	CHECK(send_bells() == 0);
}

/* The first error decides, and the whole batch is as if never begun. */
static void test_batch_errors(void)
{
	struct ibv_sge list[MAX_SGE + 1] = {};
	char data[MAX_INLINE + 1] = "";
	struct ibv_data_buf bufs[2] = { { data, sizeof(data) }, { data, 1 } };
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;
	int i;

	make_qp(&qp, IBV_QPT_RC);
	ex = &qp.vqp.qp_ex;

	ibv_wr_start(ex);
	for (i = 0; i < SLOTS + 1; i++)
		ibv_wr_send(ex);
	ibv_wr_set_sge_list(ex, MAX_SGE + 1, list);
	fail_batch(&qp, ENOMEM);

	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_sge_list(ex, MAX_SGE + 1, list);
	ibv_wr_send(ex);
	fail_batch(&qp, EINVAL);

	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_inline_data(ex, data, sizeof(data));
	fail_batch(&qp, EINVAL);

	/* What still fits does not make up for what did not. */
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_set_inline_data_list(ex, 2, bufs);
	fail_batch(&qp, EINVAL);

	ibv_wr_start(ex);
	ibv_wr_rdma_read(ex, 1, 2);
	ibv_wr_set_inline_data(ex, data, 1);
	fail_batch(&qp, EINVAL);

	ibv_wr_start(ex);
	ibv_wr_set_sge(ex, 1, 2, 3);
	fail_batch(&qp, EINVAL);

	ibv_wr_start(ex);
	ex->wr_flags = IBV_SEND_IP_CSUM;
	ibv_wr_send(ex);
	fail_batch(&qp, EINVAL);
	ex->wr_flags = 0;

	qp.vqp.qp.state = IBV_QPS_RTR;
	ibv_wr_start(ex);
	ibv_wr_send(ex);
	fail_batch(&qp, EINVAL);
	qp.vqp.qp.state = IBV_QPS_RTS;

	ibv_wr_start(ex);
	fail_batch(&qp, 0);

	ibv_wr_start(ex);
	ibv_wr_send(ex);
	ibv_wr_abort(ex);
	CHECK(unlocked(&qp.sq_lock));
	CHECK(qp.sq.q.ring->producer == 0 && send_bells() == 0);

	/* All slots are there for a good one. */
	ibv_wr_start(ex);
	for (i = 0; i < SLOTS; i++)
		ibv_wr_send(ex);
	CHECK(ibv_wr_complete(ex) == 0);
	CHECK(qp.sq.q.ring->producer == SLOTS && send_bells() == 1);
	free_qp(&qp);
}

static void test_batch_datagram(void)
{
	struct prxe_ah ah = { .number = 3 };
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;

	make_qp(&qp, IBV_QPT_UD);
	ex = &qp.vqp.qp_ex;
	CHECK(!ex->wr_rdma_write && !ex->wr_rdma_read && !ex->wr_bind_mw);
	ibv_wr_start(ex);
	ibv_wr_send_imm(ex, 5);
	ibv_wr_set_ud_addr(ex, &ah.ah, 6, 7);
	ibv_wr_set_sge(ex, 1, 2, 3);
	CHECK(ibv_wr_complete(ex) == 0);
	CHECK(sent(&qp, 0)->ud.ah == 3 && sent(&qp, 0)->ud.remote_qpn == 6);
	CHECK(sent(&qp, 0)->ud.remote_qkey == 7);
	CHECK(sent(&qp, 0)->imm_data == 5 && sent(&qp, 0)->num_sge == 1);
	CHECK(send_bells() == 1);
	free_qp(&qp);
}

static void test_doorbells(void)
{
	struct ibv_send_wr bad_wr = { .num_sge = MAX_SGE + 1 };
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND, .next = &bad_wr };
	struct ibv_recv_wr recv = {};
	struct ibv_recv_wr *bad_recv = NULL;
	struct ibv_send_wr *bad = NULL;
	struct prxe_qp qp;
	int fd;

	make_qp(&qp, IBV_QPT_RC);

	/* What precedes a bad request is rung for; nothing is not. */
	CHECK(prxe_post_send(&qp.vqp.qp, &wr, &bad) == EINVAL);
	CHECK(bad == &bad_wr && send_bells() == 1);
	CHECK(prxe_post_send(&qp.vqp.qp, &bad_wr, &bad) == EINVAL);
	CHECK(send_bells() == 0);
	CHECK(prxe_post_send(&qp.vqp.qp, NULL, &bad) == 0);
	CHECK(send_bells() == 0);

	wr.next = NULL;
	qp.vqp.qp.state = IBV_QPS_INIT;
	bad = NULL;
	CHECK(prxe_post_send(&qp.vqp.qp, &wr, &bad) == EINVAL && bad == &wr);
	CHECK(send_bells() == 0 && qp.sq.q.ring->producer == 1);
	qp.vqp.qp.state = IBV_QPS_ERR;	/* is flushed by the kernel */
	CHECK(prxe_post_send(&qp.vqp.qp, &wr, &bad) == 0);
	CHECK(send_bells() == 1);

	CHECK(prxe_post_recv(&qp.vqp.qp, &recv, &bad_recv) == 0);
	CHECK(bells(IB_USER_VERBS_CMD_POST_RECV, 12) == 0);
	qp.rq.q.ring->flags = PRXE_RING_NEED_DOORBELL;
	CHECK(prxe_post_recv(&qp.vqp.qp, &recv, &bad_recv) == 0);
	CHECK(bells(IB_USER_VERBS_CMD_POST_RECV, 12) == 1);
	qp.vqp.qp.state = IBV_QPS_RESET;
	CHECK(prxe_post_recv(&qp.vqp.qp, &recv, &bad_recv) == EINVAL);
	CHECK(bad_recv == &recv && qp.rq.q.ring->producer == 2);

	/* The device is gone. */
	qp.vqp.qp.state = IBV_QPS_RTS;
	fd = context.cmd_fd;
	context.cmd_fd = -1;
	bad = NULL;
	CHECK(prxe_post_send(&qp.vqp.qp, &wr, &bad) == EBADF && bad == &wr);
	context.cmd_fd = fd;
	free_qp(&qp);
}

static void test_bind_mw(void)
{
	struct ibv_mr mr = { .lkey = 1 };
	struct ibv_mw mw = { .rkey = 0x1200 };
	struct ibv_mw_bind bind = {
		.wr_id = 4,
		.send_flags = IBV_SEND_SIGNALED,
		.bind_info = { .mr = &mr, .addr = 2, .length = 3 },
	};
	struct prxe_qp qp;

	make_qp(&qp, IBV_QPT_RC);
	CHECK(prxe_bind_mw(&qp.vqp.qp, &mw, &bind) == 0);
	CHECK(mw.rkey != 0x1200 && mw.rkey >> 8 == 0x12);
	CHECK(sent(&qp, 0)->mw.mw_rkey == 0x1200);
	CHECK(sent(&qp, 0)->mw.rkey == mw.rkey && sent(&qp, 0)->wr_id == 4);
	CHECK(send_bells() == 1);
	bind.bind_info.mw_access_flags = IBV_ACCESS_ZERO_BASED;
	CHECK(prxe_bind_mw(&qp.vqp.qp, &mw, &bind) == EINVAL);
	CHECK(send_bells() == 0);
	free_qp(&qp);
}

static void complete(struct prxe_cq *cq, uint64_t n)
{
	struct prxe_cqe *cqe = prxe_queue_slot(&cq->q, cq->q.ring->producer);

	*cqe = (struct prxe_cqe) {
		.wr_id = n, .status = IBV_WC_SUCCESS + n % 2,
		.opcode = IBV_WC_RECV, .byte_len = 10 * n, .imm_data = 20 * n,
		.qp_num = 30 * n, .src_qp = 40 * n, .flags = IBV_WC_WITH_IMM,
		.vendor_err = 50 * n,
		.timestamp = prxe_clock_ns(CLOCK_MONOTONIC_RAW),
	};
	cq->q.ring->producer++;
}

static void check_current(struct ibv_cq_ex *ex, uint64_t n)
{
	CHECK(ex->wr_id == n && ex->status == IBV_WC_SUCCESS + n % 2);
	CHECK(ibv_wc_read_opcode(ex) == IBV_WC_RECV);
	CHECK(ibv_wc_read_byte_len(ex) == 10 * n);
	CHECK(ibv_wc_read_imm_data(ex) == 20 * n);
	CHECK(ibv_wc_read_qp_num(ex) == 30 * n);
	CHECK(ibv_wc_read_src_qp(ex) == 40 * n);
	CHECK(ibv_wc_read_vendor_err(ex) == 50 * n);
	CHECK(ibv_wc_read_wc_flags(ex) == IBV_WC_WITH_IMM);
	CHECK(ibv_wc_read_sl(ex) == 0 && ibv_wc_read_slid(ex) == 0);
	CHECK(ibv_wc_read_dlid_path_bits(ex) == 0);
}

static void test_poll_ex(void)
{
	struct ibv_poll_cq_attr none = {};
	struct ibv_poll_cq_attr unknown = { .comp_mask = 1 };
	uint64_t before, after, wall;
	struct prxe_cq cq = {};
	struct ibv_cq_ex *ex = &cq.vcq.cq_ex;
	struct ibv_wc wc;

	make_ring(&cq.q, sizeof(struct prxe_cqe));
	prxe_cq_sync(&cq.q);
	prxe_lock_init(&cq.lock, true);
	prxe_set_cq_ex_ops(&cq, PRXE_WC_EX_FLAGS);

	CHECK(ibv_start_poll(ex, &unknown) == EINVAL && unlocked(&cq.lock));
	CHECK(ibv_start_poll(ex, &none) == ENOENT && unlocked(&cq.lock));

	before = prxe_clock_ns(CLOCK_REALTIME);
	complete(&cq, 1);
	after = prxe_clock_ns(CLOCK_REALTIME);
	complete(&cq, 2);
	CHECK(ibv_start_poll(ex, &none) == 0 && !unlocked(&cq.lock));
	check_current(ex, 1);
	wall = ibv_wc_read_completion_wallclock_ns(ex);
	/* The clocks drift apart by less than this between two readings. */
	CHECK(wall + 1000000000 > before && wall < after + 1000000000);
	CHECK(ibv_wc_read_completion_ts(ex) == cq.cqe->timestamp);
	CHECK(ibv_next_poll(ex) == 0);
	check_current(ex, 2);
	CHECK(cq.q.ring->consumer == 0);
	CHECK(ibv_next_poll(ex) == ENOENT && !unlocked(&cq.lock));
	ibv_end_poll(ex);
	CHECK(unlocked(&cq.lock) && cq.q.ring->consumer == 2);

	/* Stop in the middle: the one that was current is consumed. */
	complete(&cq, 3);
	complete(&cq, 4);
	CHECK(ibv_start_poll(ex, &none) == 0);
	ibv_end_poll(ex);
	CHECK(cq.q.ring->consumer == 3);

	/* The plain way works on the same queue. */
	CHECK(prxe_poll_list(&cq.q, 1, &wc) == 1 && wc.wr_id == 4);
	CHECK(prxe_poll_list(&cq.q, 1, &wc) == 0);
	free(cq.q.ring);

	memset(ex, 0, sizeof(*ex));
	prxe_set_cq_ex_ops(&cq, 0);
	CHECK(!ex->read_byte_len && !ex->read_completion_ts && ex->read_opcode);
}

/* In a thread domain nothing is locked. */
static void test_no_lock(void)
{
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;

	make_qp(&qp, IBV_QPT_RC);
	prxe_lock_init(&qp.sq_lock, false);
	ex = &qp.vqp.qp_ex;
	ibv_wr_start(ex);
	CHECK(unlocked(&qp.sq_lock));
	ibv_wr_abort(ex);
	free_qp(&qp);
}

int main(void)
{
	int fds[2];

	if (pipe(fds) || fcntl(fds[0], F_SETFL, O_NONBLOCK))
		return 2;
	pipe_out = fds[0];
	context.cmd_fd = fds[1];

	test_builders();
	test_placement();
	test_batch_inline();
	test_batch_errors();
	test_batch_datagram();
	test_doorbells();
	test_bind_mw();
	test_poll_ex();
	test_no_lock();
	if (failures)
		fprintf(stderr, "%d checks failed\n", failures);
	return failures != 0;
}
