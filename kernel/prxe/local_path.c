// SPDX-License-Identifier: GPL-2.0-only
/*
 * The local path: a reliable connection whose ends are on one device needs no
 * packets. The requester has the responder of its peer execute the request there
 * and then (execute.h), data go from one region to the other in one copy, and the
 * answer is a return value.
 *
 * It is the wire all the same, one on which nothing is ever in flight. A part of a
 * message, so many packets' worth of it, is executed as if those packets had been
 * sent, and acknowledged, before anything else happened. So before and after each
 * part
 *
 *	una == psn == max_psn at the requester == epsn at the responder
 *
 * and all else that both remember (next_off and done, msg, left, offset, msn) is
 * what those packets would have made it. Packets can take over behind any part;
 * whatever the local path cannot do is theirs, and it knows no errors of its own.
 *
 *	wire -> local	at the beginning of a work request: the requester waits until
 *			everything before it is complete, and compares PSNs under
 *			both locks. What is then still under way of earlier packets
 *			is behind epsn: duplicates.
 *	local -> wire	at any part: the peer is busy or in no state to receive, its
 *			memory has moved, the route is gone, somebody switched the
 *			local path off. A work request of which packets were sent
 *			stays with packets to its end (&prxe_swqe.wire), so that its
 *			last one asks for the acknowledgment that ends the waiting.
 *
 * An atomic whose result cannot be stored now, because the requester's memory has
 * moved, is a request whose response was lost: max_psn alone moves on, and the
 * packet that asks again is answered from the responder's memory of it.
 *
 * Locks. The peer's resp.lock is taken under the requester's own sq.lock. This is
 * the only place where two locks of queue pairs are held, and the order is one
 * of kinds: whoever holds a sq.lock may take one resp.lock, whoever holds a
 * resp.lock takes neither; nobody takes two of a kind. There is no circle in that,
 * also when the peer is connected to itself, or both ends send to each other at
 * once. lockdep knows the two kinds as classes and sees to it.
 *
 * No recursion: a completion wakes whoever polls, or queues a work item for a
 * kernel user's handler (cq.h); nobody posts, and no doorbell rings, from inside.
 *
 * Lifetime: the peer is found by its number under RCU, as for a packet, and its
 * destruction waits for us as it waits for packets. All that it owns lives until
 * then, all that it may do it sees in its state, under its lock.
 */
#include <linux/moduleparam.h>
#include <linux/rcupdate.h>
#include <net/ipv6.h>

#include "aeth.h"
#include "execute.h"
#include "local_path.h"
#include "psn.h"
#include "qp.h"
#include "segment.h"
#include "sge.h"
#include "trace.h"

/* Bytes of one part: executed without giving the responder's lock back. */
#define PRXE_LOCAL_BYTES	SZ_64K

static bool prxe_local_path = true;
module_param_named(local_path, prxe_local_path, bool, 0644);
MODULE_PARM_DESC(local_path,
		 "connections between queue pairs of one device need no packets (default: Y)");

/*
 * The requester's own memory does not allow the access to @len bytes, the last piece
 * of @pos.
 */
static int prxe_local_fault(struct prxe_local *local, int err,
			    const struct prxe_mem *mem, u32 len,
			    const struct prxe_sge_pos *pos)
{
	local->err = err;
	local->mem = *mem;
	local->len = len;
	local->ahead = len + prxe_sge_left(pos);
	return -EAGAIN;
}

int prxe_local_place(struct prxe_local *local, u32 from, u32 len,
		     const struct prxe_mem *to)
{
	struct prxe_sge_pos pos = {
		.sge = local->w->sge, .off = local->off + from,
	};
	const struct prxe_mem *fault;
	struct prxe_mem dst = *to;
	int err;

	if (local->w->flags & PRXE_SEND_INLINE)
		return prxe_mr_copy_in(&dst, local->w->inline_data +
				       local->off + from, len);
	while (len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len);
		struct prxe_mem src = {
			.pd = local->pd, .key = piece.lkey, .addr = piece.addr,
		};
		size_t done = 0;

		err = prxe_mr_copy(&dst, &src, piece.length, &done, &fault);
		if (err)
			return fault == &dst ? err :
				prxe_local_fault(local, err, &src, piece.length,
						 &pos);
		dst.addr += piece.length;
		len -= piece.length;
	}
	return 0;
}

int prxe_local_fetch(struct prxe_local *local, u32 len,
		     const struct prxe_mem *from)
{
	struct prxe_sge_pos pos = { .sge = local->w->sge, .off = local->off };
	const struct prxe_mem *fault;
	struct prxe_mem src = *from;
	int err;

	while (len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len);
		struct prxe_mem dst = {
			.pd = local->pd, .key = piece.lkey, .addr = piece.addr,
			.access = IB_ACCESS_LOCAL_WRITE,
		};
		size_t done = 0;

		err = prxe_mr_copy(&dst, &src, piece.length, &done, &fault);
		if (err)
			return fault == &src ? err :
				prxe_local_fault(local, err, &dst, piece.length,
						 &pos);
		src.addr += piece.length;
		len -= piece.length;
	}
	return 0;
}

/*
 * What the requester sends must be readable before the responder hears of it: a
 * mistake of the one is no error of the other. @check: prxe_mr_check() or
 * prxe_mr_ready(), as whose errors those are that this returns.
 */
static int prxe_local_check(struct prxe_local *local, u32 len,
			    int (*check)(const struct prxe_mem *mem, u64 len))
{
	struct prxe_sge_pos pos = { .sge = local->w->sge, .off = local->off };
	int err;

	if (local->w->flags & PRXE_SEND_INLINE)
		return 0;
	while (len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len);
		struct prxe_mem mem = {
			.pd = local->pd, .key = piece.lkey, .addr = piece.addr,
		};

		err = check(&mem, piece.length);
		if (err == -EAGAIN)
			return prxe_local_fault(local, err, &mem, piece.length,
						&pos);
		if (err)
			return err;
		len -= piece.length;
	}
	return 0;
}

/*
 * The queue pair that packets would come to, or NULL if packets have to find out.
 * Under RCU.
 */
static struct prxe_qp *prxe_local_peer(struct prxe_qp *qp)
{
	struct prxe_qp *peer = prxe_qp_lookup(qp->dest_qpn);

	if (!peer || peer->dev != qp->dev || peer->ibqp.qp_type != IB_QPT_RC ||
	    !prxe_flow_is_local(&qp->sq.flow))
		return NULL;
	return peer;
}

/* Does nothing wait for an answer? */
static bool prxe_local_drained(const struct prxe_sq *sq)
{
	return sq->tail == sq->next && sq->una == sq->psn &&
	       sq->psn == sq->max_psn;
}

/* Would a packet with this PSN be executed on arrival? Both locks are held. */
static bool prxe_local_meets(const struct prxe_qp *qp,
			     const struct prxe_qp *peer)
{
	const struct prxe_resp *resp = &peer->resp;

	lockdep_assert_held(&qp->sq.lock);
	lockdep_assert_held(&resp->lock);

	return (resp->state == IB_QPS_RTR || resp->state == IB_QPS_RTS) &&
	       !resp->busy && resp->epsn == qp->sq.psn &&
	       peer->dest_qpn == qp->ibqp.qp_num && peer->mtu == qp->mtu &&
	       prxe_flow_mirrors(&qp->sq.flow, &resp->flow);
}

/* The next part as a request: what one packet would say if it were that large. */
static void prxe_local_request(const struct prxe_qp *qp,
			       const struct prxe_swqe *wqe,
			       struct prxe_pkt *pkt, struct prxe_request *req)
{
	u32 at = prxe_seg_index(wqe->first_psn, qp->sq.psn);
	u32 n = prxe_seg_part(wqe->length, qp->mtu, at, PRXE_LOCAL_BYTES);
	bool last = at + n == wqe->npkts;
	int op = prxe_request_opcode(PRXE_RC, wqe->w.opcode, at == 0, last);

	*pkt = (struct prxe_pkt) {
		.op = &prxe_op_table[op],
		.opcode = op,
		.qpn = qp->dest_qpn,
		.psn = qp->sq.psn,
		.se = last && (wqe->w.flags & PRXE_SEND_SOLICITED),
		.payload_len = prxe_seg_bytes(wqe->length, qp->mtu, at, n),
	};
	prxe_req_headers(wqe, pkt);
	req->npkts = n;
	req->more = !last;
	*req->local = (struct prxe_local) {
		.pd = qp->pd,
		.w = &wqe->w,
		.off = at * qp->mtu,
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
	};
}

/* A part was executed, and what it asked for is where it belongs. */
static void prxe_local_done(struct prxe_qp *qp, struct prxe_swqe *wqe,
			    const struct prxe_request *req)
{
	struct prxe_sq *sq = &qp->sq;

	sq->psn = prxe_psn_add(sq->psn, req->npkts);
	sq->una = sq->psn;
	sq->max_psn = sq->psn;
	prxe_sq_progress(sq);
	if (!req->more) {
		prxe_qp_stat_inc(qp, LOCAL_WQES);
		prxe_complete(qp, IB_WC_SUCCESS, PRXE_VERR_NONE);
		return;
	}
	wqe->state = PRXE_WQE_SENDING;
	if (prxe_wqe_is_rd_atomic(wqe))
		wqe->done += req->pkt->payload_len;
	else
		sq->next_off += req->npkts;
}

/* An atomic was executed. */
static int prxe_local_atomic_done(struct prxe_qp *qp, struct prxe_swqe *wqe,
				  const struct prxe_request *req)
{
	struct prxe_sq *sq = &qp->sq;
	int err;

	err = prxe_req_scatter(qp, wqe, 0, NULL, &req->local->orig,
			       sizeof(req->local->orig));
	if (!err) {
		prxe_local_done(qp, wqe, req);
	} else if (err == -EAGAIN) {
		/* as if the response were lost */
		wqe->wire = true;
		wqe->state = PRXE_WQE_SENDING;
		sq->max_psn = prxe_psn_add(sq->psn, 1);
		sq->progress = jiffies;
	}
	return err ?: 1;
}

/* Nothing was executed: whose memory is it? */
static int prxe_local_later(struct prxe_qp *qp, struct prxe_swqe *wqe,
			    const struct prxe_local *local)
{
	if (local->err == -EAGAIN)
		return prxe_req_fault(qp, &local->mem, local->len, local->ahead);
	if (local->err)
		return local->err;
	/* the responder parks the packet, the work item fetches the memory */
	wqe->wire = true;
	return -EREMOTE;
}

/*
 * The peer has no receive. A packet would have been built before it heard of that, so
 * that memory which cannot be read is an error now, and not when there is a receive.
 */
static int prxe_local_not_ready(struct prxe_qp *qp, struct prxe_swqe *wqe,
				const struct prxe_request *req)
{
	struct prxe_local *local = req->local;
	int err;

	err = prxe_local_check(local, req->pkt->payload_len, prxe_mr_ready);
	if (err == -EAGAIN)
		return prxe_req_fault(qp, &local->mem, local->len, local->ahead);
	if (err)
		return err;
	wqe->state = PRXE_WQE_SENDING;	/* begun: SQD waits for it */
	prxe_req_rnr(qp, local->syndrome);
	return 0;
}

static int prxe_local_answered(struct prxe_qp *qp, struct prxe_swqe *wqe,
			       const struct prxe_request *req)
{
	u8 syndrome = req->local->syndrome;

	switch (prxe_aeth_kind(syndrome)) {
	case PRXE_AETH_ACK:
		if (req->pkt->op->flags & PRXE_OP_ATOMIC)
			return prxe_local_atomic_done(qp, wqe, req);
		prxe_local_done(qp, wqe, req);
		return req->npkts;
	case PRXE_AETH_RNR:
		return prxe_local_not_ready(qp, wqe, req);
	default:
		prxe_req_refused(qp, syndrome);
		return 0;
	}
}

int prxe_local_step(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	struct prxe_sq *sq = &qp->sq;
	struct prxe_pkt pkt;
	struct prxe_local local;
	struct prxe_request req = { .pkt = &pkt, .local = &local };
	enum prxe_verdict verdict = PRXE_LATER;
	struct prxe_qp *peer;
	bool meets;
	int err;

	lockdep_assert_held(&sq->lock);

	if (wqe->wire || sq->lim.transport != PRXE_RC ||
	    !READ_ONCE(prxe_local_path))
		return -EREMOTE;
	guard(rcu)();
	peer = prxe_local_peer(qp);
	if (!peer)
		return -EREMOTE;
	/* the completer calls again */
	if (!prxe_local_drained(sq) ||
	    (sq->state == IB_QPS_SQD && wqe->state == PRXE_WQE_POSTED))
		return 0;
	if (wqe->state == PRXE_WQE_POSTED)
		wqe->first_psn = sq->psn;
	prxe_local_request(qp, wqe, &pkt, &req);
	if (!prxe_wqe_is_rd_atomic(wqe)) {
		/* all of it at its beginning: the peer may not be ready for a part */
		err = prxe_local_check(&local, wqe->state == PRXE_WQE_POSTED ?
				       wqe->length : pkt.payload_len,
				       prxe_mr_check);
		if (err)
			return err;
	}
	/* The order of the two locks: see the top of the file. */
	spin_lock(&peer->resp.lock);
	meets = prxe_local_meets(qp, peer);
	if (meets)
		verdict = prxe_exec(peer, &req);
	spin_unlock(&peer->resp.lock);
	if (!meets)
		return -EREMOTE;
	if (verdict == PRXE_LATER)
		return prxe_local_later(qp, wqe, &local);
	pkt.syndrome = local.syndrome;
	trace_local_part(qp->dev, &pkt, pkt.payload_len);
	return prxe_local_answered(qp, wqe, &req);
}
