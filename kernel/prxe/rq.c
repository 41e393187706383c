// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive queue: private copies of receive work requests, and placing data.
 *
 * The responder has at most one in hand (&prxe_rq.have). It was copied once; the
 * slot is given back to the user when its completion is made.
 */
#include "execute.h"
#include "qp.h"
#include "rq.h"
#include "sge.h"
#include "srq.h"
#include "wqe_check.h"

void prxe_recv_copy(struct prxe_recv_wqe *wqe, const struct prxe_queue *q,
		    u32 idx)
{
	const struct prxe_recv_wqe *slot = prxe_queue_slot(q, idx);
	size_t room = q->stride - sizeof(*slot);

	memcpy(wqe, slot, sizeof(*slot));
	/* From here on the copy alone: nothing is loaded again. */
	barrier();
	memcpy(wqe->sge, slot->sge,
	       min(wqe->num_sge * sizeof(struct prxe_sge), room));
	barrier();
}

int prxe_recv_put(struct prxe_queue *q, const struct prxe_wqe_limits *lim,
		  const struct ib_recv_wr *wr)
{
	struct prxe_ring *ring = q->ring;
	struct prxe_recv_wqe *w;
	int i;

	if (wr->num_sge < 0 || wr->num_sge > lim->max_sge)
		return -EINVAL;
	if (ring->producer - ring->consumer >= q->nr)
		return -ENOMEM;
	w = prxe_queue_slot(q, ring->producer);
	w->wr_id = (uintptr_t)wr->wr_cqe;
	w->num_sge = wr->num_sge;
	for (i = 0; i < wr->num_sge; i++) {
		w->sge[i].addr = wr->sg_list[i].addr;
		w->sge[i].length = wr->sg_list[i].length;
		w->sge[i].lkey = wr->sg_list[i].lkey;
	}
	ring->producer++;
	return 0;
}

/* Take the oldest entry of the queue pair's own ring. */
static int take(struct prxe_rq *rq, struct prxe_wqe_info *info)
{
	if (!rq->ring.ring || !prxe_queue_avail(&rq->ring, rq->head))
		return -ENOENT;
	prxe_recv_copy(rq->wqe, &rq->ring, rq->head);
	rq->head++;
	return prxe_recv_wqe_check(rq->wqe, &rq->lim, info);
}

int prxe_rq_get(struct prxe_qp *qp)
{
	struct prxe_rq *rq = &qp->resp.rq;
	struct prxe_wqe_info info;
	int err;

	lockdep_assert_held(&qp->resp.lock);

	if (rq->have)
		return 0;
	if (rq->srq)
		err = prxe_srq_take(rq->srq, rq->wqe, &info);
	else
		err = take(rq, &info);
	if (err == -ENOENT)
		return err;
	rq->have = true;
	rq->wqe_len = err ? 0 : info.length;
	if (err)
		rq->wqe->num_sge = 0;
	return err;
}

void prxe_rq_complete(struct prxe_qp *qp, struct prxe_cqe *cqe, bool solicited)
{
	struct prxe_rq *rq = &qp->resp.rq;

	lockdep_assert_held(&qp->resp.lock);

	if (cqe->status == IB_WC_SUCCESS)
		prxe_qp_stat_inc(qp, RECVS);
	cqe->wr_id = rq->wqe->wr_id;
	cqe->qp_num = qp->ibqp.qp_num;
	rq->have = false;
	if (!rq->srq)
		prxe_queue_publish(&rq->ring, rq->head);
	if (!prxe_cq_post(qp->rcq, cqe,
			  solicited || cqe->status != IB_WC_SUCCESS))
		prxe_qp_untold(qp, qp->resp.state);
}

/*
 * How much of @left, what an entry of the list still has room for, will be filled? Of
 * a message nothing is known but that it goes on: as much again as there is of it.
 */
static u32 scatter_ahead(const struct prxe_request *req, u32 offset, u32 left)
{
	if (req->pkt->op->flags & PRXE_OP_LAST)
		return 0;
	return min(left, max_t(u32, offset, SZ_64K));
}

int prxe_rq_scatter(struct prxe_qp *qp, struct prxe_request *req, u32 offset)
{
	struct prxe_sge_pos pos = {
		.sge = qp->resp.rq.wqe->sge, .off = offset,
	};
	u32 from = 0, len = req->pkt->payload_len;
	int err;

	lockdep_assert_held(&qp->resp.lock);

	while (from < len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len - from);
		struct prxe_mem mem = {
			.pd = qp->resp.rq.pd, .key = piece.lkey,
			.addr = piece.addr, .access = IB_ACCESS_LOCAL_WRITE,
		};

		err = prxe_exec_place(qp, req, from, piece.length, &mem,
				      piece.length +
				      scatter_ahead(req, offset,
						    prxe_sge_left(&pos)));
		if (err)
			return err;
		from += piece.length;
	}
	return 0;
}

void prxe_rq_abandon(struct prxe_qp *qp)
{
	struct prxe_cqe cqe = {
		.status = IB_WC_REM_INV_REQ_ERR,
		.opcode = IB_WC_RECV,
		.vendor_err = PRXE_VERR_ABANDONED,
	};

	if (qp->resp.rq.srq && qp->resp.rq.have)
		prxe_rq_complete(qp, &cqe, true);
}

static void flush_one(struct prxe_qp *qp)
{
	struct prxe_cqe cqe = {
		.status = IB_WC_WR_FLUSH_ERR,
		.opcode = IB_WC_RECV,
		.vendor_err = PRXE_VERR_FLUSH,
	};

	prxe_rq_complete(qp, &cqe, true);
}

/*
 * Sets PRXE_RING_NEED_DOORBELL first, so that a receive that is posted later is
 * flushed by its doorbell, or was seen here: the user stores its producer index
 * and then loads the flag, we store the flag and then load the index. Once through
 * the ring is therefore all: what is behind that was posted when the user had seen
 * an entry complete, and with it the flag. A user that moves the index all the
 * time does not keep us here.
 */
void prxe_rq_flush(struct prxe_qp *qp)
{
	struct prxe_rq *rq = &qp->resp.rq;
	u32 n;

	lockdep_assert_held(&qp->resp.lock);

	if (rq->srq) {
		if (rq->have)
			flush_one(qp);
		prxe_qp_raise(qp, IB_EVENT_QP_LAST_WQE_REACHED);
		return;
	}
	if (!rq->ring.ring)
		return;
	WRITE_ONCE(rq->ring.ring->flags, PRXE_RING_NEED_DOORBELL);
	smp_mb(); /* flag before index, see above */
	for (n = 0; n < rq->ring.nr && prxe_rq_get(qp) != -ENOENT; n++)
		flush_one(qp);
}

void prxe_rq_reset(struct prxe_qp *qp)
{
	struct prxe_rq *rq = &qp->resp.rq;

	lockdep_assert_held(&qp->resp.lock);

	rq->have = false;
	if (!rq->ring.ring)
		return;
	WRITE_ONCE(rq->ring.ring->flags, 0);
	rq->head = READ_ONCE(rq->ring.ring->producer);
	prxe_queue_publish(&rq->ring, rq->head);
}
