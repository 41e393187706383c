// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive queue: private copies of receive work requests, and placing data.
 *
 * The responder has at most one in hand (&prxe_rq.have). It was copied once; the
 * slot is given back to the user when its completion is made.
 */
#include "qp.h"
#include "rq.h"
#include "wqe_check.h"

int prxe_rq_get(struct prxe_qp *qp)
{
	struct prxe_rq *rq = &qp->resp.rq;
	const struct prxe_recv_wqe *slot;
	struct prxe_wqe_info info;
	size_t room;
	int err;

	lockdep_assert_held(&qp->resp.lock);

	if (rq->have)
		return 0;
	if (!rq->ring.ring || !prxe_queue_avail(&rq->ring, rq->head))
		return -ENOENT;
	slot = prxe_queue_slot(&rq->ring, rq->head);
	room = rq->ring.stride - sizeof(*slot);
	memcpy(rq->wqe, slot, sizeof(*slot));
	/* From here on the copy alone: nothing is loaded again. */
	barrier();
	memcpy(rq->wqe->sge, slot->sge,
	       min(rq->wqe->num_sge * sizeof(struct prxe_sge), room));
	barrier();
	rq->head++;
	rq->have = true;
	rq->wqe_len = 0;
	err = prxe_recv_wqe_check(rq->wqe, &rq->lim, &info);
	if (err)
		rq->wqe->num_sge = 0;
	else
		rq->wqe_len = info.length;
	return err;
}

void prxe_rq_complete(struct prxe_qp *qp, struct prxe_cqe *cqe, bool solicited)
{
	struct prxe_rq *rq = &qp->resp.rq;

	lockdep_assert_held(&qp->resp.lock);

	cqe->wr_id = rq->wqe->wr_id;
	cqe->qp_num = qp->ibqp.qp_num;
	rq->have = false;
	prxe_queue_publish(&rq->ring, rq->head);
	prxe_cq_post(qp->rcq, cqe, solicited || cqe->status != IB_WC_SUCCESS);
}

int prxe_rq_scatter(struct prxe_qp *qp, const struct prxe_rx *rx, u32 offset)
{
	const struct prxe_sge *sge = qp->resp.rq.wqe->sge;
	u32 left = rx->pkt.payload_len, from = 0;
	int err;

	lockdep_assert_held(&qp->resp.lock);

	while (left) {
		struct prxe_mem mem;
		u32 n;

		if (offset >= sge->length) {
			offset -= sge->length;
			sge++;
			continue;
		}
		n = min(left, sge->length - offset);
		mem = (struct prxe_mem) {
			.pd = qp->pd, .key = sge->lkey,
			.addr = sge->addr + offset,
			.access = IB_ACCESS_LOCAL_WRITE,
		};
		err = prxe_rx_copy_in(rx, from, n, &mem);
		if (err == -EAGAIN)
			err = prxe_resp_park_fault(qp, &mem, n);
		if (err)
			return err;
		from += n;
		left -= n;
		offset += n;
	}
	return 0;
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

	if (!rq->ring.ring)
		return;
	WRITE_ONCE(rq->ring.ring->flags, PRXE_RING_NEED_DOORBELL);
	smp_mb(); /* flag before index, see above */
	for (n = 0; n < rq->ring.nr && prxe_rq_get(qp) != -ENOENT; n++) {
		struct prxe_cqe cqe = {
			.status = IB_WC_WR_FLUSH_ERR,
			.opcode = IB_WC_RECV,
			.vendor_err = PRXE_VERR_FLUSH,
		};

		prxe_rq_complete(qp, &cqe, true);
	}
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
