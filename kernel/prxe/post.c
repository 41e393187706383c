// SPDX-License-Identifier: GPL-2.0-only
/*
 * Doorbells, and the work requests of kernel users.
 *
 * A user has written its work requests to the ring and calls with none: that is
 * the doorbell, and the requester runs right here. A kernel user's are copied to
 * the private ring; it may call with interrupts off (ib_mad does), and then the
 * work item sends.
 */
#include "ah.h"
#include "qp.h"
#include "rq.h"

static_assert((int)PRXE_WR_REG_MR == (int)IB_WR_REG_MR);

static u16 prxe_send_flags(int flags)
{
	return (flags & IB_SEND_FENCE ? PRXE_SEND_FENCE : 0) |
	       (flags & IB_SEND_SIGNALED ? PRXE_SEND_SIGNALED : 0) |
	       (flags & IB_SEND_SOLICITED ? PRXE_SEND_SOLICITED : 0) |
	       (flags & IB_SEND_INLINE ? PRXE_SEND_INLINE : 0);
}

/* What depends on the operation. Return: 0 or -EINVAL. */
static int prxe_copy_op(struct prxe_send_wqe *w, const struct ib_send_wr *wr,
			const struct prxe_wqe_limits *lim)
{
	if (lim->transport == PRXE_UD) {
		if (!ud_wr(wr)->ah)
			return -EINVAL;
		w->ud.ah = to_pah(ud_wr(wr)->ah)->num;
		w->ud.remote_qpn = ud_wr(wr)->remote_qpn;
		w->ud.remote_qkey = ud_wr(wr)->remote_qkey;
		return 0;
	}
	switch (wr->opcode) {
	case IB_WR_RDMA_WRITE:
	case IB_WR_RDMA_WRITE_WITH_IMM:
	case IB_WR_RDMA_READ:
		w->rdma.remote_addr = rdma_wr(wr)->remote_addr;
		w->rdma.rkey = rdma_wr(wr)->rkey;
		return 0;
	case IB_WR_ATOMIC_CMP_AND_SWP:
	case IB_WR_ATOMIC_FETCH_AND_ADD:
		w->atomic.remote_addr = atomic_wr(wr)->remote_addr;
		w->atomic.rkey = atomic_wr(wr)->rkey;
		w->atomic.compare_add = atomic_wr(wr)->compare_add;
		w->atomic.swap = atomic_wr(wr)->swap;
		return 0;
	case IB_WR_REG_MR:
		w->mw.addr = reg_wr(wr)->mr->iova;
		w->mw.length = reg_wr(wr)->mr->length;
		w->mw.mr_lkey = reg_wr(wr)->mr->lkey;
		w->mw.rkey = reg_wr(wr)->key;
		w->mw.access = reg_wr(wr)->access;
		return 0;
	case IB_WR_SEND:
	case IB_WR_SEND_WITH_IMM:
	case IB_WR_SEND_WITH_INV:
	case IB_WR_LOCAL_INV:
		return 0;
	default:
		return -EINVAL;
	}
}

/* Kernel users name inline data by kernel addresses. */
static int prxe_copy_inline(struct prxe_send_wqe *w,
			    const struct ib_send_wr *wr, u32 max)
{
	u32 off = 0;
	int i;

	for (i = 0; i < wr->num_sge; i++) {
		const struct ib_sge *sge = &wr->sg_list[i];

		if (sge->length > max - off)
			return -EINVAL;
		memcpy(w->inline_data + off, (void *)(uintptr_t)sge->addr,
		       sge->length);
		off += sge->length;
	}
	w->inline_len = off;
	w->num_sge = 0;
	return 0;
}

static int prxe_copy_wr(struct prxe_swqe *wqe, const struct ib_send_wr *wr,
			const struct prxe_wqe_limits *lim)
{
	struct prxe_send_wqe *w = &wqe->w;
	int i, err;

	if (wr->num_sge < 0 || wr->num_sge > lim->max_sge)
		return -EINVAL;
	memset(w, 0, sizeof(*w));
	w->wr_id = (uintptr_t)wr->wr_cqe;
	w->opcode = wr->opcode;
	w->flags = prxe_send_flags(wr->send_flags);
	w->num_sge = wr->num_sge;
	w->imm_data = (__force u32)wr->ex.imm_data;
	err = prxe_copy_op(w, wr, lim);
	if (err)
		return err;
	if (w->flags & PRXE_SEND_INLINE)
		return prxe_copy_inline(w, wr, lim->max_inline);
	for (i = 0; i < wr->num_sge; i++) {
		w->sge[i].addr = wr->sg_list[i].addr;
		w->sge[i].length = wr->sg_list[i].length;
		w->sge[i].lkey = wr->sg_list[i].lkey;
	}
	return 0;
}

/* Queue a list. Return: 0 or an error, with *@bad_wr at the culprit. */
static int prxe_queue_wrs(struct prxe_qp *qp, const struct ib_send_wr *wr,
			  const struct ib_send_wr **bad_wr)
{
	struct prxe_sq *sq = &qp->sq;
	int err = 0;

	lockdep_assert_held(&sq->lock);

	for (; wr; wr = wr->next) {
		if (sq->state == IB_QPS_RESET || sq->state == IB_QPS_INIT ||
		    sq->state == IB_QPS_RTR)
			err = -EINVAL;
		else if (sq->head - sq->tail >= sq->nr)
			err = -ENOMEM;
		else
			err = prxe_copy_wr(prxe_swqe(sq, sq->head), wr,
					   &sq->lim);
		if (err) {
			*bad_wr = wr;
			break;
		}
		prxe_req_accept(qp);
	}
	return err;
}

/**
 * prxe_post_send() - verbs: post to the send queue
 * @ibqp: the queue pair
 * @wr: work requests of a kernel user; NULL is a user's doorbell
 * @bad_wr: set to the first that was refused
 *
 * Context: process or softirq; interrupts may be off.
 * Return: 0, -EINVAL or -ENOMEM (the queue is full).
 */
int prxe_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		   const struct ib_send_wr **bad_wr)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_sq *sq = &qp->sq;
	int err;

	if (irqs_disabled()) {
		spin_lock(&sq->lock);
		err = prxe_queue_wrs(qp, wr, bad_wr);
		spin_unlock(&sq->lock);
		prxe_qp_kick(qp);
		return err;
	}
	prxe_sq_lock(qp);
	/* a user's ring is for the user alone to fill */
	if (sq->ring.ring) {
		err = wr ? -EINVAL : 0;
		if (wr)
			*bad_wr = wr;
	} else {
		err = prxe_queue_wrs(qp, wr, bad_wr);
	}
	prxe_req_run(qp);
	prxe_sq_unlock(qp);
	return err;
}

static int prxe_queue_recv(struct prxe_qp *qp, const struct ib_recv_wr *wr)
{
	struct prxe_rq *rq = &qp->resp.rq;

	lockdep_assert_held(&qp->resp.lock);

	/* a user's ring is for the user alone to fill */
	if (rq->srq || rq->ring.user || qp->resp.state == IB_QPS_RESET)
		return -EINVAL;
	return prxe_recv_put(&rq->ring, &rq->lim, wr);
}

/**
 * prxe_post_recv() - verbs: post to the receive queue
 * @ibqp: the queue pair
 * @wr: work requests of a kernel user; NULL is a user's doorbell, which it
 *	rings only where PRXE_RING_NEED_DOORBELL is set
 * @bad_wr: set to the first that was refused
 *
 * Context: process or softirq; interrupts may be off.
 * Return: 0, -EINVAL or -ENOMEM (the queue is full).
 */
int prxe_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		   const struct ib_recv_wr **bad_wr)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_resp *resp = &qp->resp;
	bool irqs_off = irqs_disabled();
	int err = 0;

	/* bottom halves must not be switched on again with interrupts off */
	if (irqs_off)
		spin_lock(&resp->lock);
	else
		spin_lock_bh(&resp->lock);
	for (; wr; wr = wr->next) {
		err = prxe_queue_recv(qp, wr);
		if (err) {
			*bad_wr = wr;
			break;
		}
	}
	if (resp->state == IB_QPS_ERR && !resp->rq.srq)
		prxe_rq_flush(qp);
	if (irqs_off)
		spin_unlock(&resp->lock);
	else
		spin_unlock_bh(&resp->lock);
	return err;
}
