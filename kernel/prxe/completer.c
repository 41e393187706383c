// SPDX-License-Identifier: GPL-2.0-only
/*
 * Completer: from acknowledgments and responses to completions.
 *
 * Everything is in the order of PSNs. An acknowledgment covers all requests up
 * to its PSN, except that a read or an atomic needs its own response: an
 * acknowledgment from behind one says that the response was lost, and the
 * requester goes back to it (IBTA 9.7.5.1.3, implied NAK).
 */
#include "aeth.h"
#include "psn.h"
#include "qp.h"
#include "segment.h"

/* completion opcode by enum ib_uverbs_wr_opcode */
static const u8 prxe_wc_opcode[] = {
	[IB_UVERBS_WR_RDMA_WRITE] = IB_UVERBS_WC_RDMA_WRITE,
	[IB_UVERBS_WR_RDMA_WRITE_WITH_IMM] = IB_UVERBS_WC_RDMA_WRITE,
	[IB_UVERBS_WR_SEND] = IB_UVERBS_WC_SEND,
	[IB_UVERBS_WR_SEND_WITH_IMM] = IB_UVERBS_WC_SEND,
	[IB_UVERBS_WR_RDMA_READ] = IB_UVERBS_WC_RDMA_READ,
	[IB_UVERBS_WR_ATOMIC_CMP_AND_SWP] = IB_UVERBS_WC_COMP_SWAP,
	[IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD] = IB_UVERBS_WC_FETCH_ADD,
	[IB_UVERBS_WR_LOCAL_INV] = IB_UVERBS_WC_LOCAL_INV,
	[IB_UVERBS_WR_BIND_MW] = IB_UVERBS_WC_BIND_MW,
	[IB_UVERBS_WR_SEND_WITH_INV] = IB_UVERBS_WC_SEND,
	[IB_UVERBS_WR_FLUSH] = IB_UVERBS_WC_FLUSH,
	[IB_UVERBS_WR_ATOMIC_WRITE] = IB_UVERBS_WC_ATOMIC_WRITE,
	[PRXE_WR_REG_MR] = IB_WC_REG_MR,
};

/**
 * prxe_complete() - the work request at tail is over
 * @qp: the queue pair
 * @status: how it went
 * @vendor_err: enum prxe_vendor_err
 *
 * Adds a completion where one is due, and frees the slot.
 * Context: sq.lock held.
 */
void prxe_complete(struct prxe_qp *qp, enum ib_wc_status status,
		   u32 vendor_err)
{
	struct prxe_sq *sq = &qp->sq;
	const struct prxe_swqe *wqe = prxe_swqe(sq, sq->tail);

	lockdep_assert_held(&sq->lock);

	if (status != IB_WC_WR_FLUSH_ERR && prxe_wqe_is_send(wqe))
		prxe_qp_stat_inc(qp, SENDS);
	if (status != IB_WC_SUCCESS || sq->sig_all ||
	    (wqe->w.flags & PRXE_SEND_SIGNALED)) {
		struct prxe_cqe cqe = {
			.wr_id = wqe->w.wr_id,
			.status = status,
			.vendor_err = vendor_err,
			.qp_num = qp->ibqp.qp_num,
		};

		if (wqe->w.opcode < ARRAY_SIZE(prxe_wc_opcode))
			cqe.opcode = prxe_wc_opcode[wqe->w.opcode];
		if (status == IB_WC_SUCCESS)
			cqe.byte_len = wqe->length;
		/* the slot is free before the user can learn of it */
		if (sq->ring.ring)
			prxe_queue_publish(&sq->ring, sq->tail + 1);
		if (!prxe_cq_post(qp->scq, &cqe, status != IB_WC_SUCCESS))
			prxe_qp_untold(qp, sq->state);
	} else if (sq->ring.ring) {
		prxe_queue_publish(&sq->ring, sq->tail + 1);
	}
	if (sq->next == sq->tail) {
		sq->next++;
		sq->next_off = 0;
	}
	sq->tail++;
}

/**
 * prxe_req_error() - the work request at tail fails, and with it the send queue
 * @qp: the queue pair
 * @status: of that work request
 * @vendor_err: enum prxe_vendor_err
 *
 * The queue pair goes to ERR and everything behind is flushed (IBTA 10.3.1.7),
 * and the receive side follows from the work item; of an unreliable service only
 * the send queue fails and goes to SQE. Context: sq.lock held.
 */
void prxe_req_error(struct prxe_qp *qp, enum ib_wc_status status,
		    u32 vendor_err)
{
	struct prxe_sq *sq = &qp->sq;

	lockdep_assert_held(&sq->lock);

	if (sq->tail != sq->head)
		prxe_complete(qp, status, vendor_err);
	if (sq->lim.transport != PRXE_RC) {
		prxe_sq_set_state(qp, IB_QPS_SQE);
	} else {
		prxe_sq_set_state(qp, IB_QPS_ERR);
		prxe_qp_raise(qp, PRXE_QP_EV_ERR);
	}
	prxe_req_flush(qp);
}

/**
 * prxe_sq_progress() - the peer is alive and well
 * @sq: the send queue
 *
 * Context: sq.lock held.
 */
void prxe_sq_progress(struct prxe_sq *sq)
{
	lockdep_assert_held(&sq->lock);
	sq->progress = jiffies;
	sq->retries = sq->retry_cnt;
	sq->rnr_left = sq->rnr_retry;
	sq->rnr_row = 0;
	sq->retried_valid = false;
	sq->fault_last = U64_MAX;
	sq->fault_err = 0;
}

/* una moves to @psn; sending goes on from there if it was behind. */
static void prxe_una(struct prxe_sq *sq, u32 psn)
{
	if (psn == sq->una)
		return;
	sq->una = psn;
	prxe_sq_progress(sq);
	if (prxe_psn_diff(sq->psn, psn) < 0) {
		const struct prxe_swqe *wqe = prxe_swqe(sq, sq->next);

		sq->psn = psn;
		/* packets of next that need not be sent again after all */
		if (sq->next != sq->head && !prxe_wqe_is_rd_atomic(wqe) &&
		    (wqe->state == PRXE_WQE_SENDING ||
		     wqe->state == PRXE_WQE_SENT))
			sq->next_off = prxe_seg_index(wqe->first_psn, psn);
	}
}

/**
 * prxe_sq_advance() - complete what needs no answer
 * @qp: a queue pair of an unreliable service
 *
 * Context: sq.lock held.
 */
void prxe_sq_advance(struct prxe_qp *qp)
{
	lockdep_assert_held(&qp->sq.lock);
	while (qp->sq.tail != qp->sq.next)
		prxe_complete(qp, IB_WC_SUCCESS, PRXE_VERR_NONE);
}

/*
 * Everything before @psn arrived. Completes what that completes. Return: false
 * if a read or atomic in front of @psn has no response yet; it is at tail.
 */
static bool prxe_acked(struct prxe_qp *qp, u32 psn)
{
	struct prxe_sq *sq = &qp->sq;

	while (sq->tail != sq->head) {
		struct prxe_swqe *wqe = prxe_swqe(sq, sq->tail);
		u32 end = prxe_psn_add(wqe->first_psn, wqe->npkts);

		if (wqe->state != PRXE_WQE_SENDING &&
		    wqe->state != PRXE_WQE_SENT)
			break;
		if (!wqe->npkts) {
			prxe_complete_local(qp);
			continue;
		}
		if (prxe_psn_diff(psn, wqe->first_psn) <= 0)
			break;
		if (prxe_wqe_is_rd_atomic(wqe))
			return false;
		if (prxe_psn_diff(psn, end) < 0) {
			prxe_una(sq, psn);
			break;
		}
		/* complete it first: next must not point behind una */
		prxe_complete(qp, IB_WC_SUCCESS, PRXE_VERR_NONE);
		prxe_una(sq, end);
	}
	return true;
}

/*
 * A response was lost. Ask again, but only once until something arrives: a peer may
 * send all that it has begun to before it comes to that, and to ask again meanwhile
 * makes it the longer. It is not silent, so the local ACK timeout begins anew; but
 * this is no progress, and gives no retries back.
 */
static void prxe_implied_nak(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;

	if (sq->retried_valid && sq->retried == sq->una) {
		sq->progress = jiffies;
		return;
	}
	sq->retried_valid = true;
	sq->retried = sq->una;
	prxe_qp_stat_inc(qp, COMP_RETRY);
	prxe_req_retry(qp, sq->una);
}

/**
 * prxe_req_rnr() - the peer has no receive for the work request at tail
 * @qp: the queue pair
 * @syndrome: an RNR NAK: how long to wait
 *
 * Context: sq.lock held.
 * Return: true: the requester waits; false: it has waited too often, and failed.
 */
bool prxe_req_rnr(struct prxe_qp *qp, u8 syndrome)
{
	struct prxe_sq *sq = &qp->sq;
	u32 us;

	lockdep_assert_held(&sq->lock);

	prxe_qp_stat_inc(qp, RCVD_RNR);
	if (!sq->rnr_left) {
		prxe_qp_stat_inc(qp, RNR_EXCEEDED);
		prxe_req_error(qp, IB_WC_RNR_RETRY_EXC_ERR, PRXE_VERR_RNR);
		return false;
	}
	if (sq->rnr_retry != 7)
		sq->rnr_left--;
	us = prxe_rnr_wait_us(prxe_rnr_timer_us(prxe_aeth_value(syndrome)),
			      sq->rnr_row);
	if (sq->rnr_row < U8_MAX)
		sq->rnr_row++;
	sq->progress = jiffies;
	sq->rnr_wait = true;
	prxe_req_wait(qp, (u64)us * NSEC_PER_USEC);
	return true;
}

static void prxe_rcvd_rnr(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	if (!prxe_acked(qp, pkt->psn)) {
		prxe_qp_stat_inc(qp, RCVD_RNR);
		prxe_implied_nak(qp);
	} else if (prxe_req_rnr(qp, pkt->syndrome)) {
		prxe_req_retry(qp, pkt->psn);
	}
}

static enum ib_wc_status prxe_nak_status(u8 code)
{
	switch (code) {
	case PRXE_NAK_INVALID_REQ:
		return IB_WC_REM_INV_REQ_ERR;
	case PRXE_NAK_REMOTE_ACCESS:
		return IB_WC_REM_ACCESS_ERR;
	case PRXE_NAK_INVALID_RD:
		return IB_WC_REM_INV_RD_REQ_ERR;
	}
	return IB_WC_REM_OP_ERR;
}

/**
 * prxe_req_refused() - the peer refuses the work request at tail
 * @qp: the queue pair
 * @syndrome: a NAK, but not for the sequence
 *
 * Context: sq.lock held.
 */
void prxe_req_refused(struct prxe_qp *qp, u8 syndrome)
{
	u8 code = prxe_aeth_value(syndrome);

	prxe_qp_stat_inc(qp, RCVD_ERR_NAK);
	if (code <= PRXE_NAK_REMOTE_OP)
		prxe_qp_stat_nak(qp, RCVD, code);
	prxe_req_error(qp, prxe_nak_status(code), PRXE_VERR_NAK);
}

static void prxe_rcvd_nak(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_sq *sq = &qp->sq;
	u8 code = prxe_aeth_value(pkt->syndrome);

	/* one that names una in the middle of a read is about that read */
	if (!prxe_acked(qp, pkt->psn) && pkt->psn != sq->una) {
		/* an earlier response is missing: first things first */
		prxe_implied_nak(qp);
		return;
	}
	if (code != PRXE_NAK_PSN_SEQUENCE) {
		prxe_req_refused(qp, pkt->syndrome);
		return;
	}
	prxe_qp_stat_nak(qp, RCVD, code);
	if (!sq->retries) {
		prxe_qp_stat_inc(qp, RETRY_EXCEEDED);
		prxe_req_error(qp, IB_WC_RETRY_EXC_ERR, PRXE_VERR_TIMEOUT);
		return;
	}
	sq->retries--;
	sq->progress = jiffies;
	prxe_qp_stat_inc(qp, COMP_RETRY);
	prxe_req_retry(qp, pkt->psn);
}

static void prxe_rcvd_ack(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_sq *sq = &qp->sq;
	u32 out = prxe_psn_add(sq->max_psn, -sq->una);

	if (!prxe_psn_in_window(pkt->psn, sq->una, out))
		return;		/* late, or nonsense */
	switch (prxe_aeth_kind(pkt->syndrome)) {
	case PRXE_AETH_ACK:
		if (!prxe_acked(qp, prxe_psn_add(pkt->psn, 1)))
			prxe_implied_nak(qp);
		break;
	case PRXE_AETH_RNR:
		prxe_rcvd_rnr(qp, pkt);
		break;
	case PRXE_AETH_NAK:
		prxe_rcvd_nak(qp, pkt);
		break;
	default:
		break;
	}
}

/*
 * A response is dropped, as the work item has memory to bring in, and is asked for
 * again then. Once: what the peer sends behind it until then tells nothing new.
 */
static void prxe_drop_response(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;

	sq->retried_valid = true;
	sq->retried = sq->una;
	prxe_req_retry(qp, sq->una);
}

/* Response data could not be stored. */
static void prxe_scatter_failed(struct prxe_qp *qp, int err)
{
	if (err == -EAGAIN) {
		prxe_drop_response(qp);
		return;
	}
	prxe_req_error(qp, IB_WC_LOC_PROT_ERR,
		       err == -EKEYREVOKED || err == -ENODEV ?
		       PRXE_VERR_REVOKED : PRXE_VERR_LKEY);
}

/* The read or atomic at tail has all of its response. */
static void prxe_response_done(struct prxe_qp *qp, u32 end)
{
	struct prxe_sq *sq = &qp->sq;

	/* it may have been put back for a retry meanwhile */
	if (sq->tail != sq->next && sq->rd_atomic)
		sq->rd_atomic--;
	prxe_complete(qp, IB_WC_SUCCESS, PRXE_VERR_NONE);
	prxe_una(sq, end);
}

static void prxe_rcvd_read(struct prxe_qp *qp, const struct prxe_rx *rx,
			   struct prxe_swqe *wqe)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	u32 left = wqe->length - wqe->done;
	bool last = pkt->op->flags & PRXE_OP_LAST;
	bool ends = left <= qp->mtu;
	int err;

	if (pkt->payload_len != min(left, qp->mtu) || last != ends) {
		prxe_req_error(qp, IB_WC_BAD_RESP_ERR, PRXE_VERR_RESPONSE);
		return;
	}
	err = prxe_req_scatter(qp, wqe, wqe->done, rx, NULL, pkt->payload_len);
	if (err) {
		prxe_scatter_failed(qp, err);
		return;
	}
	wqe->done += pkt->payload_len;
	if (last)
		prxe_response_done(qp, prxe_psn_add(pkt->psn, 1));
	else
		prxe_una(&qp->sq, prxe_psn_add(pkt->psn, 1));
}

static void prxe_rcvd_atomic(struct prxe_qp *qp, const struct prxe_pkt *pkt,
			     struct prxe_swqe *wqe)
{
	int err = prxe_req_scatter(qp, wqe, 0, NULL, &pkt->orig,
				   sizeof(pkt->orig));

	if (err)
		prxe_scatter_failed(qp, err);
	else
		prxe_response_done(qp, prxe_psn_add(pkt->psn, 1));
}

/* A flush or an atomic write is answered by a read response without payload. */
static void prxe_rcvd_done(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	if (pkt->opcode == PRXE_RC_READ_RESP_ONLY && !pkt->payload_len)
		prxe_response_done(qp, prxe_psn_add(pkt->psn, 1));
	else
		prxe_req_error(qp, IB_WC_BAD_RESP_ERR, PRXE_VERR_RESPONSE);
}

/* A read response or an atomic acknowledgment. */
static void prxe_rcvd_response(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	bool is_read = pkt->op->flags & PRXE_OP_READ_RESP;
	struct prxe_sq *sq = &qp->sq;
	struct prxe_swqe *wqe;

	/* it also acknowledges all requests before it */
	if (!prxe_psn_in_window(pkt->psn, sq->una,
				prxe_psn_add(sq->max_psn, -sq->una)))
		return;
	if (!prxe_acked(qp, pkt->psn) && pkt->psn != sq->una) {
		prxe_implied_nak(qp);
		return;
	}
	if (sq->tail == sq->head || pkt->psn != sq->una)
		return;
	wqe = prxe_swqe(sq, sq->tail);
	if ((wqe->state != PRXE_WQE_SENT && wqe->state != PRXE_WQE_SENDING) ||
	    !prxe_wqe_is_rd_atomic(wqe))
		return;
	if (is_read == prxe_wqe_is_atomic(wqe))
		return;
	if (is_read && wqe->w.opcode != IB_UVERBS_WR_RDMA_READ) {
		prxe_rcvd_done(qp, pkt);
		return;
	}
	if (sq->fault.pd) {
		/* perhaps it is a later request's memory that is waited for */
		prxe_drop_response(qp);
		return;
	}
	if (is_read)
		prxe_rcvd_read(qp, rx, wqe);
	else
		prxe_rcvd_atomic(qp, pkt, wqe);
}

/**
 * prxe_comp_rx() - a response packet for this queue pair
 * @qp: the queue pair
 * @rx: the packet, checked up to its ICRC
 *
 * Context: softirq.
 */
void prxe_comp_rx(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	struct prxe_sq *sq = &qp->sq;

	spin_lock(&sq->lock);
	if (!prxe_flow_matches(&sq->flow, rx->skb)) {
		prxe_qp_stat_inc(qp, RX_MISMATCH);
	} else if (sq->state == IB_QPS_RTS || sq->state == IB_QPS_SQD) {
		if (rx->pkt.op->flags & PRXE_OP_ACK)
			prxe_rcvd_ack(qp, &rx->pkt);
		else
			prxe_rcvd_response(qp, rx);
		prxe_complete_local(qp);
		prxe_req_run(qp);
	}
	spin_unlock(&sq->lock);
}
