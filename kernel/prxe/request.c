// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requester: what request packets say, and the requests that are one packet.
 */
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
	default:
		/* of a read, what is still to come */
		pkt->va = w->rdma.remote_addr + wqe->done;
		pkt->rkey = w->rdma.rkey;
		pkt->length = wqe->length - wqe->done;
		pkt->imm = (__force __be32)w->imm_data;
		pkt->inv_rkey = w->imm_data;
		break;
	}
}

/**
 * prxe_req_send_request() - send a request of one packet: a read or an atomic
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
	int op, err;

	op = prxe_request_opcode(sq->lim.transport, wqe->w.opcode, true, true);
	if (op < 0)
		return op;
	prxe_req_pkt(qp, &pkt, op, prxe_psn_add(wqe->first_psn, skip));
	pkt.ackreq = true;
	prxe_req_headers(wqe, &pkt);
	err = prxe_train_begin(&train, &sq->flow, 1,
			       prxe_pkt_wire_len(op, 0));
	if (err)
		return err;
	prxe_train_open(&train, &pkt);
	prxe_train_close(&train);
	err = prxe_train_send(&train);
	return err ?: wqe->npkts;
}
