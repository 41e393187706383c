// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requester: what request packets say, and the requests that are one packet:
 * reads, atomics, flushes, atomic writes.
 */
#include "crc.h"
#include "icrc.h"
#include "psn.h"
#include "qp.h"

/**
 * prxe_req_pkt() - fields that every request packet has
 * @qp: the queue pair
 * @pkt: filled in
 * @opcode: of the packet
 * @psn: of the packet
 */
void prxe_req_pkt(const struct prxe_qp *qp, struct prxe_pkt *pkt, int opcode,
		  u32 psn)
{
	*pkt = (struct prxe_pkt) {
		.opcode = opcode,
		.mig = true,
		.pkey = PRXE_DEFAULT_PKEY,
		.qpn = qp->dest_qpn,
		.psn = psn,
	};
}

/**
 * prxe_req_headers() - what the extensions of a request say
 * @wqe: the work request
 * @pkt: a packet of it; those of the fields that its opcode has will count
 */
void prxe_req_headers(const struct prxe_swqe *wqe, struct prxe_pkt *pkt)
{
	const struct prxe_send_wqe *w = &wqe->w;

	switch (w->opcode) {
	case IB_UVERBS_WR_ATOMIC_CMP_AND_SWP:
	case IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD:
		pkt->va = w->atomic.remote_addr;
		pkt->rkey = w->atomic.rkey;
		pkt->compare = w->atomic.compare_add;
		pkt->swap_add = w->opcode == IB_UVERBS_WR_ATOMIC_CMP_AND_SWP ?
			w->atomic.swap : w->atomic.compare_add;
		break;
	case IB_UVERBS_WR_FLUSH:
		pkt->va = w->flush.remote_addr;
		pkt->rkey = w->flush.rkey;
		pkt->length = w->flush.length;
		pkt->flush_type = w->flush.type;
		pkt->flush_level = w->flush.level;
		break;
	case IB_UVERBS_WR_ATOMIC_WRITE:
		pkt->va = w->atomic_write.remote_addr;
		pkt->rkey = w->atomic_write.rkey;
		pkt->length = PRXE_ATOMIC_LEN;
		break;
	default:
		/* of a read, what is still to come */
		pkt->va = w->rdma.remote_addr + wqe->done;
		pkt->rkey = w->rdma.rkey;
		pkt->length = wqe->length - wqe->done;
		/*
		 * With no length the key does not count (IBTA C9-88). rxe remembers
		 * that as key 0, and a duplicate with another one gets no answer.
		 */
		if (!wqe->length && w->opcode == IB_UVERBS_WR_RDMA_READ)
			pkt->rkey = 0;
		pkt->imm = (__force __be32)w->imm_data;
		pkt->inv_rkey = w->imm_data;
		break;
	}
}

/*
 * Which of two ICRCs a flush gets: that of the specification, or the one that rxe
 * expects (icrc.h). Who is at the other end is not known; the wrong one is dropped
 * there as if it were lost on the way. So a flush that has to be sent again gets the
 * other one, and the next flush that of the last.
 */
static void prxe_req_flush_icrc(struct prxe_sq *sq, const struct prxe_swqe *wqe,
				struct prxe_train *t, const void *payload)
{
	if (wqe->state != PRXE_WQE_POSTED)
		sq->flush_rxe = !sq->flush_rxe;
	if (sq->flush_rxe)
		t->crc = prxe_icrc_rxe_flush(prxe_crc, t->crc,
					     payload - t->hdr_len, t->hdr_len);
}

/**
 * prxe_req_send_request() - send a request that needs its own response
 * @qp: the queue pair, sq.lock held
 * @wqe: the work request
 *
 * Return: PSNs that it takes, or a negative error.
 */
int prxe_req_send_request(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	struct prxe_sq *sq = &qp->sq;
	struct prxe_train train;
	struct prxe_pkt pkt;
	u32 skip = wqe->done / qp->mtu;
	u32 len = wqe->w.opcode == IB_UVERBS_WR_ATOMIC_WRITE ?
		PRXE_ATOMIC_LEN : 0;
	int op, err;
	void *p;

	op = prxe_request_opcode(sq->lim.transport, wqe->w.opcode, true, true);
	if (op < 0)
		return op;
	prxe_req_pkt(qp, &pkt, op, prxe_psn_add(wqe->first_psn, skip));
	pkt.ackreq = true;
	prxe_req_headers(wqe, &pkt);
	err = prxe_train_begin(&train, &sq->flow, 1,
			       prxe_pkt_wire_len(op, len));
	if (err)
		return err;
	p = prxe_train_open(&train, &pkt);
	if (len)
		train.crc = prxe_crc_copy(train.crc, p,
					  &wqe->w.atomic_write.value, len);
	if (wqe->w.opcode == IB_UVERBS_WR_FLUSH)
		prxe_req_flush_icrc(sq, wqe, &train, p);
	prxe_train_close(&train);
	err = prxe_train_send(&train, prxe_qp_stats(qp));
	return err ?: wqe->npkts;
}
