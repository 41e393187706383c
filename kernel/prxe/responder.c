// SPDX-License-Identifier: GPL-2.0-only
/*
 * Responder: from request packets to executed requests and answers.
 *
 * A packet is executed where it arrives, in softirq. What it is checked for, in
 * this order (IBTA 9.7.4): the QP's state and the PSN here, the rest by
 * prxe_exec().
 *
 * The responder is *busy* while it waits for the work item (memory that is not
 * valid now) or answers a long read. Packets are parked then, and executed in
 * order by the work item, so that nothing overtakes. A packet that could not
 * finish because of its memory stays first in line.
 *
 * Acknowledgments are due (ack_due) rather than sent: one covers all that came
 * in a run of packets. prxe_resp_flush() sends it.
 */
#include "aeth.h"
#include "execute.h"
#include "psn.h"
#include "qp.h"
#include "rq.h"
#include "segment.h"
#include "trace.h"

/* Parked packets executed without a break. */
#define PRXE_RESP_BATCH		16
/* Batches until the rest of the work item gets its turn. */
#define PRXE_RESP_TURNS		64

/**
 * prxe_resp_park_fault() - have the work item make an access possible
 * @qp: the queue pair, resp.lock held
 * @mem: the access that failed with -EAGAIN
 * @len: bytes of it
 * @ahead: bytes from there, not less, that will be accessed next
 *
 * Return: -EAGAIN; or why it could not, if it tried just now.
 */
int prxe_resp_park_fault(struct prxe_qp *qp, const struct prxe_mem *mem,
			 u64 len, u64 ahead)
{
	struct prxe_resp *resp = &qp->resp;

	lockdep_assert_held(&resp->lock);

	if (resp->fault_err && resp->fault.key == mem->key)
		return resp->fault_err;
	resp->fault = *mem;
	resp->fault_len = len;
	resp->fault_ahead = ahead;
	WRITE_ONCE(resp->busy, true);
	prxe_qp_stat_inc(qp, PARKED);
	trace_park(qp, mem, len, true);
	prxe_qp_kick(qp);
	return -EAGAIN;
}

/* An answer of one packet without payload. */
static void prxe_resp_send(struct prxe_qp *qp, struct prxe_pkt *pkt)
{
	struct prxe_train train;

	pkt->mig = true;
	pkt->pkey = PRXE_DEFAULT_PKEY;
	pkt->qpn = qp->dest_qpn;
	pkt->msn = qp->resp.msn;
	/* if it is lost here, it is lost: the peer will ask again */
	if (prxe_train_begin(&train, &qp->resp.flow, 1,
			     prxe_pkt_wire_len(pkt->opcode, 0))) {
		prxe_qp_stat_inc(qp, TX_DROPS);
		prxe_qp_stat_inc(qp, TX_ERR);
		return;
	}
	prxe_train_open(&train, pkt);
	prxe_train_close(&train);
	prxe_train_send(&train, prxe_qp_stats(qp));
}

/* Acknowledge everything before epsn, now. */
static void prxe_resp_ack(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_pkt pkt = {
		.opcode = PRXE_RC_ACK,
		.psn = prxe_psn_add(resp->epsn, -1),
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
	};

	WRITE_ONCE(resp->ack_due, false);
	prxe_qp_stat_inc(qp, SENT_ACK);
	prxe_resp_send(qp, &pkt);
}

/**
 * prxe_resp_count_nak() - a request is refused, by a packet or without
 * @qp: the queue pair, resp.lock held
 * @syndrome: of an RNR NAK, or of a NAK of ours
 */
void prxe_resp_count_nak(struct prxe_qp *qp, u8 syndrome)
{
	lockdep_assert_held(&qp->resp.lock);

	if (prxe_aeth_kind(syndrome) == PRXE_AETH_RNR) {
		prxe_qp_stat_inc(qp, SENT_RNR);
		return;
	}
	prxe_qp_stat_inc(qp, SENT_NAK);
	prxe_qp_stat_nak(qp, SENT, prxe_aeth_value(syndrome));
}

/**
 * prxe_resp_nak() - refuse
 * @qp: the queue pair, resp.lock held
 * @syndrome: see aeth.h
 * @psn: of the packet that is refused
 *
 * It also acknowledges what came before @psn.
 */
void prxe_resp_nak(struct prxe_qp *qp, u8 syndrome, u32 psn)
{
	struct prxe_pkt pkt = {
		.opcode = PRXE_RC_ACK,
		.psn = psn,
		.syndrome = syndrome,
	};

	lockdep_assert_held(&qp->resp.lock);

	WRITE_ONCE(qp->resp.ack_due, false);
	prxe_resp_count_nak(qp, syndrome);
	prxe_resp_send(qp, &pkt);
}

/**
 * prxe_resp_atomic() - answer an atomic
 * @qp: the queue pair, resp.lock held
 * @psn: of the request
 * @orig: the value before
 */
void prxe_resp_atomic(struct prxe_qp *qp, u32 psn, u64 orig)
{
	struct prxe_pkt pkt = {
		.opcode = PRXE_RC_ATOMIC_ACK,
		.psn = psn,
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
		.orig = orig,
	};

	lockdep_assert_held(&qp->resp.lock);
	prxe_resp_send(qp, &pkt);
}

/**
 * prxe_resp_done() - answer a flush or an atomic write
 * @qp: the queue pair, resp.lock held
 * @psn: of the request
 */
void prxe_resp_done(struct prxe_qp *qp, u32 psn)
{
	struct prxe_pkt pkt = {
		.opcode = PRXE_RC_READ_RESP_ONLY,
		.psn = psn,
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
	};

	lockdep_assert_held(&qp->resp.lock);
	prxe_resp_send(qp, &pkt);
}

/**
 * prxe_resp_error() - the receive side goes to ERR
 * @qp: the queue pair, resp.lock held
 * @event: asynchronous event to raise, or -1
 *
 * The send queue follows from the work item.
 */
void prxe_resp_error(struct prxe_qp *qp, int event)
{
	lockdep_assert_held(&qp->resp.lock);

	prxe_resp_set_state(qp, IB_QPS_ERR);
	qp->resp.read.active = false;
	if (event >= 0)
		prxe_qp_raise(qp, event);
	prxe_qp_raise(qp, PRXE_QP_EV_ERR);
	prxe_rq_flush(qp);
}

/* The newest first: an old one may have the same PSN from a round before. */
static struct prxe_rd_res *prxe_res_find(struct prxe_resp *resp, u32 psn)
{
	u32 n = resp->max_rd_atomic, i;

	for (i = 1; i <= n; i++) {
		struct prxe_rd_res *res = &resp->res[(resp->res_next + n - i) % n];

		if (res->op && prxe_psn_in_window(psn, res->psn, res->npkts))
			return res;
	}
	return NULL;
}

/* One that has a response of its own: answered from memory, or read again. */
static void prxe_replay(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_rd_res *res = prxe_res_find(&qp->resp, pkt->psn);
	u64 skip;

	if (!res || !(pkt->op->flags & res->op))
		return;
	if (res->op == PRXE_OP_ATOMIC) {
		prxe_resp_atomic(qp, pkt->psn, res->orig);
		return;
	}
	if (res->op == PRXE_OP_ATOMIC_WRITE) {
		prxe_resp_done(qp, pkt->psn);
		return;
	}
	/* it may ask for the rest only, never for something else */
	skip = prxe_seg_offset(res->psn, pkt->psn, qp->mtu);
	if (pkt->rkey != res->mem.key || pkt->va != res->mem.addr + skip ||
	    pkt->length != res->length - skip)
		return;
	prxe_read_resp_start(qp, pkt);
}

/*
 * A request that was executed before (IBTA 9.7.5.1.2, A19.4): reads are read
 * again, flushes executed again, atomics and atomic writes answered from memory,
 * everything else acknowledged.
 */
static enum prxe_verdict prxe_duplicate(struct prxe_qp *qp,
					struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;

	/* once, also if it has to wait for something */
	if (!qp->resp.flushed)
		prxe_qp_stat_inc(qp, DUP_REQ);
	if (pkt->op->flags & PRXE_OP_FLUSH)
		return prxe_flush_again(qp, req);
	if (pkt->op->flags & (PRXE_OP_READ_REQ | PRXE_OP_ATOMIC |
			      PRXE_OP_ATOMIC_WRITE))
		prxe_replay(qp, pkt);
	else
		WRITE_ONCE(qp->resp.ack_due, true);
	return PRXE_DONE;
}

static enum prxe_verdict prxe_out_of_sequence(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;

	prxe_qp_stat_inc(qp, OUT_OF_SEQ_PKTS);
	if (!resp->nak_sent) {
		prxe_qp_stat_inc(qp, OUT_OF_SEQ);
		prxe_resp_nak(qp, prxe_aeth_nak(PRXE_NAK_PSN_SEQUENCE),
			      resp->epsn);
		resp->nak_sent = true;
	}
	return PRXE_DONE;
}

/*
 * Unreliable connection (IBTA 9.8.2.2.1): a gap ends the message that it is in.
 * The first packet of a message is welcome at any PSN, everything else only where
 * it is expected.
 */
static enum prxe_verdict prxe_exec_uc(struct prxe_qp *qp,
				      struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	enum prxe_verdict verdict;

	if (pkt->psn != resp->epsn) {
		prxe_qp_stat_inc(qp, OUT_OF_SEQ_PKTS);
		prxe_exec_drop_msg(qp);
		resp->epsn = pkt->psn;	/* it may come here once more */
	} else if (pkt->op->flags & PRXE_OP_FIRST &&
		   resp->msg != PRXE_MSG_NONE) {
		prxe_exec_drop_msg(qp);
	}
	verdict = prxe_exec(qp, req);
	if (verdict == PRXE_DONE)
		resp->epsn = prxe_psn_add(pkt->psn, 1);
	return verdict;
}

/* Execute one packet. */
static enum prxe_verdict prxe_resp_exec(struct prxe_qp *qp,
					const struct prxe_rx *rx)
{
	struct prxe_request req = { .pkt = &rx->pkt, .rx = rx, .npkts = 1 };
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	s32 diff;

	lockdep_assert_held(&resp->lock);

	if (resp->state != IB_QPS_RTR && resp->state != IB_QPS_RTS &&
	    resp->state != IB_QPS_SQD)
		return PRXE_DONE;
	if (qp->ibqp.qp_type != IB_QPT_RC)
		return prxe_exec_uc(qp, &req);
	diff = prxe_psn_diff(pkt->psn, resp->epsn);
	if (diff > 0)
		return prxe_out_of_sequence(qp);
	return diff < 0 ? prxe_duplicate(qp, &req) : prxe_exec(qp, &req);
}

/* Keep a packet for the work item; without memory it is lost like any other. */
static void prxe_park(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_parked *p;

	p = resp->nr_parked < PRXE_MAX_PARKED ? kmalloc_obj(*p, GFP_ATOMIC) :
						NULL;
	if (!p) {
		prxe_qp_stat_inc(qp, BUSY_DROPS);
		/* was it a flush, it begins anew when it comes again */
		if (list_empty(&resp->parked))
			resp->flushed = 0;
		return;
	}
	p->rx = *rx;
	skb_get(rx->skb);
	list_add_tail(&p->node, &resp->parked);
	resp->nr_parked++;
}

static void prxe_unpark(struct prxe_resp *resp, struct prxe_parked *p)
{
	list_del(&p->node);
	resp->nr_parked--;
	consume_skb(p->rx.skb);
	kfree(p);
}

/**
 * prxe_resp_rx() - a request packet for this queue pair
 * @qp: the queue pair
 * @rx: the packet, checked up to its ICRC
 *
 * Context: softirq.
 */
void prxe_resp_rx(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	struct prxe_resp *resp = &qp->resp;

	spin_lock(&resp->lock);
	if (!prxe_flow_matches(&resp->flow, rx->skb))
		prxe_qp_stat_inc(qp, RX_MISMATCH);
	else if (resp->busy || prxe_resp_exec(qp, rx) == PRXE_LATER)
		prxe_park(qp, rx);
	spin_unlock(&resp->lock);
}

/**
 * prxe_resp_flush() - the end of a run of packets
 * @qp: the queue pair
 *
 * Sends the acknowledgment that is due. Context: softirq.
 */
void prxe_resp_flush(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;

	if (!READ_ONCE(resp->ack_due))
		return;
	spin_lock(&resp->lock);
	if (resp->ack_due && !resp->read.active &&
	    (resp->state == IB_QPS_RTR || resp->state == IB_QPS_RTS ||
	     resp->state == IB_QPS_SQD))
		prxe_resp_ack(qp);
	spin_unlock(&resp->lock);
}

/* Go on with a read and with parked packets. True: there is more to do now. */
static bool prxe_resp_batch(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_parked *p;
	bool busy;
	int n = 0;

	lockdep_assert_held(&resp->lock);

	if (resp->read.active && !resp->fault.pd)
		prxe_read_resp_run(qp);
	while (!resp->read.active && !resp->fault.pd && n++ < PRXE_RESP_BATCH) {
		p = list_first_entry_or_null(&resp->parked, struct prxe_parked,
					     node);
		if (!p)
			break;
		if (prxe_resp_exec(qp, &p->rx) == PRXE_DONE)
			prxe_unpark(resp, p);
	}
	busy = resp->read.active || resp->fault.pd ||
	       !list_empty(&resp->parked);
	WRITE_ONCE(resp->busy, busy);
	if (resp->ack_due && !resp->read.active && resp->state != IB_QPS_ERR)
		prxe_resp_ack(qp);
	/* a read that goes on is continued by whoever kicked us, or will */
	return busy && !resp->read.active && !resp->fault.pd;
}

/* A turn of the work item: how the fault ended, and whether to have another one. */
struct prxe_resp_turn {
	struct prxe_qp *qp;
	bool more;
	int fault_err;
};

/* The fault, if there was one, is resolved, or the access will fail now. */
static int prxe_resp_step(void *arg)
{
	struct prxe_resp_turn *turn = arg;
	struct prxe_resp *resp = &turn->qp->resp;

	spin_lock_bh(&resp->lock);
	resp->fault.pd = NULL;
	resp->fault_err = turn->fault_err;
	turn->more = prxe_resp_batch(turn->qp);
	resp->fault_err = 0;
	resp->lost_races = resp->fault.pd ? resp->lost_races + 1 : 0;
	spin_unlock_bh(&resp->lock);
	return 0;
}

/* Return: false when the memory is moving right now. */
static bool prxe_resp_turn(struct prxe_resp_turn *turn)
{
	struct prxe_resp *resp = &turn->qp->resp;
	struct prxe_mem mem;
	bool persist;
	u64 len, ahead;
	u32 pause;
	int err = 0;

	turn->fault_err = 0;
	spin_lock_bh(&resp->lock);
	pause = resp->pause ? prxe_pause_us(50, resp->pauses - 1) : 0;
	resp->pause = false;
	mem = resp->fault;
	len = resp->fault_len;
	ahead = resp->fault_ahead;
	persist = resp->lost_races >= PRXE_LOST_RACES;
	spin_unlock_bh(&resp->lock);

	if (pause)
		usleep_range(pause, 2 * pause);
	if (mem.pd) {
		err = prxe_mr_fault_run(&mem, len, ahead,
					persist ? prxe_resp_step : NULL, turn);
		if (err == -EAGAIN)
			return false;
		if (persist && !err)
			return true;
	}
	/* answered at the next access, by what it meets or by this */
	if (err)
		turn->fault_err = -ENODEV;
	prxe_resp_step(turn);
	return true;
}

/**
 * prxe_resp_work() - the responder's part of the work item
 * @qp: the queue pair
 *
 * Context: process, no lock held.
 */
void prxe_resp_work(struct prxe_qp *qp)
{
	struct prxe_resp_turn turn = { .qp = qp };
	int n = PRXE_RESP_TURNS;

	if (!READ_ONCE(qp->resp.busy))
		return;
	do {
		if (!prxe_resp_turn(&turn)) {
			usleep_range(50, 100);
			prxe_qp_kick(qp);
			return;
		}
		cond_resched();
	} while (turn.more && --n);
	if (turn.more)
		prxe_qp_kick(qp);
}

/**
 * prxe_resp_init() - prepare
 * @qp: a queue pair that is being created
 */
void prxe_resp_init(struct prxe_qp *qp)
{
	INIT_LIST_HEAD(&qp->resp.parked);
}

/**
 * prxe_resp_reset() - forget everything
 * @qp: a queue pair on its way to RESET, or being destroyed
 *
 * Context: resp.lock held.
 */
void prxe_resp_reset(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_parked *p, *tmp;

	lockdep_assert_held(&resp->lock);

	list_for_each_entry_safe(p, tmp, &resp->parked, node)
		prxe_unpark(resp, p);
	WRITE_ONCE(resp->busy, false);
	resp->fault.pd = NULL;
	resp->lost_races = 0;
	resp->pause = false;
	resp->pauses = 0;
	resp->heard = false;
	resp->read.active = false;
	resp->flushed = 0;
	WRITE_ONCE(resp->ack_due, false);
	resp->nak_sent = false;
	resp->msg = PRXE_MSG_NONE;
	resp->msn = 0;
	resp->offset = 0;
	resp->left = 0;
	resp->res_next = 0;
	if (resp->res)
		memset(resp->res, 0, resp->max_rd_atomic * sizeof(*resp->res));
	prxe_rq_reset(qp);
}
