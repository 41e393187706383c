// SPDX-License-Identifier: GPL-2.0-only
/*
 * Responder: from request packets to memory, receive completions and answers.
 *
 * A packet is executed where it arrives, in softirq. What it is checked for, in
 * this order (IBTA 9.7.4): the QP's state, the PSN, the order of opcodes, the
 * length, the rights. Only then does it have any effect, and only a packet that
 * took effect moves epsn.
 *
 * The responder is *busy* while it waits for the work item (memory that is not
 * valid now) or answers a long read. Packets are parked then, and executed in
 * order by the work item, so that nothing overtakes. A packet that could not
 * finish because of its memory stays first in line and is executed again from
 * the start: its state changes come after its data.
 *
 * On an unreliable connection nobody is answered: a message that does not arrive
 * whole, or is refused, is dropped without a word (IBTA 9.8.3).
 *
 * Acknowledgments are due (ack_due) rather than sent: one covers all that came
 * in a run of packets. prxe_resp_flush() sends it.
 */
#include "aeth.h"
#include "mw.h"
#include "psn.h"
#include "qp.h"
#include "rq.h"
#include "segment.h"
#include "trace.h"

/* Parked packets executed without a break. */
#define PRXE_RESP_BATCH		16
/* Batches until the rest of the work item gets its turn. */
#define PRXE_RESP_TURNS		64

/* How the execution of a packet ended. */
enum prxe_verdict {
	PRXE_DONE,	/* executed, refused or ignored */
	PRXE_LATER,	/* the same packet again when the fault is resolved */
};

/**
 * prxe_resp_park_fault() - have the work item make an access possible
 * @qp: the queue pair, resp.lock held
 * @mem: the access that failed with -EAGAIN
 * @len: bytes of it
 *
 * Return: -EAGAIN; or why it could not, if it tried just now.
 */
int prxe_resp_park_fault(struct prxe_qp *qp, const struct prxe_mem *mem,
			 u64 len)
{
	struct prxe_resp *resp = &qp->resp;

	lockdep_assert_held(&resp->lock);

	if (resp->fault_err && resp->fault.key == mem->key)
		return resp->fault_err;
	resp->fault = *mem;
	resp->fault_len = len;
	WRITE_ONCE(resp->busy, true);
	prxe_stat_inc(qp->dev, PARKED);
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
			     prxe_pkt_wire_len(pkt->opcode, 0)))
		return;
	prxe_train_open(&train, pkt);
	prxe_train_close(&train);
	prxe_train_send(&train);
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
	prxe_stat_inc(qp->dev, SENT_ACK);
	prxe_resp_send(qp, &pkt);
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
	if (prxe_aeth_kind(syndrome) == PRXE_AETH_RNR)
		prxe_stat_inc(qp->dev, SENT_RNR);
	else
		prxe_stat_inc(qp->dev, SENT_NAK);
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

static bool prxe_is_rc(const struct prxe_qp *qp)
{
	return qp->ibqp.qp_type == IB_QPT_RC;
}

/* Unreliable: forget the message and what of it is still to come. */
static enum prxe_verdict prxe_drop_msg(struct prxe_qp *qp)
{
	prxe_rq_abandon(qp);
	qp->resp.msg = PRXE_MSG_NONE;
	return PRXE_DONE;
}

/* NAK and go to ERR: what the requester did cannot be forgiven. */
static enum prxe_verdict prxe_refuse(struct prxe_qp *qp, u32 psn,
				     enum prxe_nak_code code)
{
	if (!prxe_is_rc(qp))
		return prxe_drop_msg(qp);
	prxe_resp_nak(qp, prxe_aeth_nak(code), psn);
	prxe_resp_error(qp, code == PRXE_NAK_REMOTE_ACCESS ?
			IB_EVENT_QP_ACCESS_ERR : IB_EVENT_QP_REQ_ERR);
	return PRXE_DONE;
}

/* The receive in hand fails for a reason of our own. */
static void prxe_recv_failed(struct prxe_qp *qp, enum ib_wc_status status,
			     u32 vendor_err)
{
	struct prxe_cqe cqe = {
		.status = status,
		.opcode = IB_WC_RECV,
		.vendor_err = vendor_err,
	};

	prxe_rq_complete(qp, &cqe, true);
}

/* A receive of ours that is good for nothing: it completes, and that was it. */
static enum prxe_verdict prxe_recv_fatal(struct prxe_qp *qp, u32 psn,
					 enum ib_wc_status status,
					 u32 vendor_err)
{
	prxe_recv_failed(qp, status, vendor_err);
	if (prxe_is_rc(qp))
		return prxe_refuse(qp, psn, PRXE_NAK_REMOTE_OP);
	prxe_resp_error(qp, -1);
	return PRXE_DONE;
}

/* No receive is posted. Silence until the requester comes back with this PSN. */
static enum prxe_verdict prxe_not_ready(struct prxe_qp *qp, u32 psn)
{
	if (!prxe_is_rc(qp))
		return prxe_drop_msg(qp);
	prxe_resp_nak(qp, prxe_aeth_rnr(qp->resp.min_rnr_timer), psn);
	qp->resp.nak_sent = true;
	return PRXE_DONE;
}

/*
 * Have a receive in hand for a packet that needs one. Return: false if there is
 * none and the packet was answered.
 */
static bool prxe_resp_need_recv(struct prxe_qp *qp, u32 psn)
{
	int err = prxe_rq_get(qp);

	if (!err)
		return true;
	if (err == -ENOENT) {
		prxe_not_ready(qp, psn);
		return false;
	}
	prxe_recv_fatal(qp, psn, IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
	return false;
}

/* The packet took effect. */
static void prxe_accept(struct prxe_qp *qp, const struct prxe_pkt *pkt,
			u32 npkts)
{
	struct prxe_resp *resp = &qp->resp;

	resp->epsn = prxe_psn_add(resp->epsn, npkts);
	resp->nak_sent = false;
	resp->msg = prxe_msg_state_after(pkt->opcode);
	if (pkt->op->flags & PRXE_OP_LAST)
		resp->msn = prxe_msn_add(resp->msn, 1);
	if (pkt->ackreq && prxe_is_rc(qp))
		WRITE_ONCE(resp->ack_due, true);
}

/* The last packet of a message that consumes a receive: complete it. */
static void prxe_recv_done(struct prxe_qp *qp, const struct prxe_pkt *pkt,
			   u32 len, u32 opcode)
{
	struct prxe_cqe cqe = {
		.status = IB_WC_SUCCESS,
		.opcode = opcode,
		.byte_len = len,
		.src_qp = qp->dest_qpn,
	};

	if (pkt->op->flags & PRXE_OP_HAS_IMM) {
		cqe.flags |= PRXE_WC_WITH_IMM;
		cqe.imm_data = (__force u32)pkt->imm;
	}
	if (pkt->op->flags & PRXE_OP_HAS_IETH) {
		cqe.flags |= PRXE_WC_WITH_INVALIDATE;
		cqe.imm_data = pkt->inv_rkey;
	}
	prxe_rq_complete(qp, &cqe, pkt->se);
}

/*
 * Does the payload have the length that its place in the message demands
 * (IBTA 9.7.4.1.6)? @left: bytes of the message to come, if it is known.
 */
static bool prxe_len_ok(const struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	u32 len = pkt->payload_len;

	if (!(pkt->op->flags & PRXE_OP_LAST))
		return len == qp->mtu;
	if (!(pkt->op->flags & PRXE_OP_FIRST) && !len)
		return false;
	return len <= qp->mtu;
}

static enum prxe_verdict prxe_exec_send(struct prxe_qp *qp,
					const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	int err;

	if (!prxe_len_ok(qp, pkt))
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_FIRST)
		resp->offset = 0;
	if (!prxe_resp_need_recv(qp, pkt->psn))
		return PRXE_DONE;
	if (pkt->payload_len > resp->rq.wqe_len - resp->offset) {
		if (!prxe_is_rc(qp))
			return prxe_drop_msg(qp);
		prxe_recv_failed(qp, IB_WC_LOC_LEN_ERR, PRXE_VERR_TOO_LONG);
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	}
	err = prxe_rq_scatter(qp, rx, resp->offset);
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_recv_fatal(qp, pkt->psn, IB_WC_LOC_PROT_ERR,
				       PRXE_VERR_LKEY);
	if (pkt->op->flags & PRXE_OP_HAS_IETH &&
	    prxe_key_invalidate(qp, pkt->inv_rkey, true)) {
		/* IBTA 9.9.3, class J: the peer's fault, and it cost a receive */
		prxe_recv_failed(qp, IB_WC_REM_INV_REQ_ERR, PRXE_VERR_INVALIDATE);
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_REMOTE_ACCESS);
	}
	resp->offset += pkt->payload_len;
	prxe_accept(qp, pkt, 1);
	if (pkt->op->flags & PRXE_OP_LAST)
		prxe_recv_done(qp, pkt, resp->offset, IB_WC_RECV);
	return PRXE_DONE;
}

/* The first packet of a write says where it goes. Return: 0 or a NAK code. */
static int prxe_write_start(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_resp *resp = &qp->resp;

	resp->mem = (struct prxe_mem) {
		.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
		.qpn = qp->ibqp.qp_num,
		.access = IB_ACCESS_REMOTE_WRITE,
	};
	resp->left = pkt->length;
	if (pkt->length > PRXE_MAX_MSG_LEN)
		return PRXE_NAK_INVALID_REQ;
	if (!(qp->access & IB_ACCESS_REMOTE_WRITE))
		return PRXE_NAK_INVALID_REQ;
	/* no bytes, no check of the key (IBTA 9.7.4.1.5) */
	if (pkt->length && prxe_mr_check(&resp->mem, pkt->length))
		return PRXE_NAK_REMOTE_ACCESS;
	return 0;
}

static enum prxe_verdict prxe_exec_write(struct prxe_qp *qp,
					 const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	bool ends;
	int err;

	if (pkt->op->flags & PRXE_OP_FIRST) {
		err = prxe_write_start(qp, pkt);
		if (err)
			return prxe_refuse(qp, pkt->psn, err);
	}
	ends = pkt->payload_len == resp->left;
	if (!prxe_len_ok(qp, pkt) || pkt->payload_len > resp->left ||
	    !!(pkt->op->flags & PRXE_OP_LAST) != ends)
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_RECV &&
	    !prxe_resp_need_recv(qp, pkt->psn))
		return PRXE_DONE;
	if (pkt->payload_len) {
		err = prxe_rx_copy_in(rx, 0, pkt->payload_len, &resp->mem);
		if (err == -EAGAIN)
			err = prxe_resp_park_fault(qp, &resp->mem,
						   pkt->payload_len);
		if (err == -EAGAIN)
			return PRXE_LATER;
		if (err)
			return prxe_refuse(qp, pkt->psn,
					   PRXE_NAK_REMOTE_ACCESS);
	}
	resp->mem.addr += pkt->payload_len;
	resp->left -= pkt->payload_len;
	resp->offset = pkt->op->flags & PRXE_OP_FIRST ? pkt->length :
		resp->offset;
	prxe_accept(qp, pkt, 1);
	if (pkt->op->flags & PRXE_OP_RECV)
		prxe_recv_done(qp, pkt, resp->offset,
			       IB_WC_RECV_RDMA_WITH_IMM);
	return PRXE_DONE;
}

/* Remember what may have to be answered again. Overwrites the oldest. */
static struct prxe_rd_res *prxe_res_new(struct prxe_resp *resp, u32 npkts)
{
	struct prxe_rd_res *res = &resp->res[resp->res_next];

	resp->res_next = (resp->res_next + 1) % resp->max_rd_atomic;
	*res = (struct prxe_rd_res) {
		.psn = resp->epsn, .npkts = npkts, .valid = true,
	};
	return res;
}

/* The newest first: an old one may have the same PSN from a round before. */
static struct prxe_rd_res *prxe_res_find(struct prxe_resp *resp, u32 psn)
{
	u32 n = resp->max_rd_atomic, i;

	for (i = 1; i <= n; i++) {
		struct prxe_rd_res *res = &resp->res[(resp->res_next + n - i) % n];

		if (res->valid && prxe_psn_in_window(psn, res->psn, res->npkts))
			return res;
	}
	return NULL;
}

static void prxe_read_start(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	qp->resp.read = (struct prxe_read) {
		.active = true,
		.first = true,
		.left = pkt->length,
		.psn = pkt->psn,
		.mem = {
			.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
			.qpn = qp->ibqp.qp_num,
			.access = IB_ACCESS_REMOTE_READ,
		},
	};
	prxe_read_resp_run(qp);
}

static enum prxe_verdict prxe_exec_read(struct prxe_qp *qp,
					const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	struct prxe_rd_res *res;
	struct prxe_mem mem = {
		.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
		.qpn = qp->ibqp.qp_num,
		.access = IB_ACCESS_REMOTE_READ,
	};
	u32 npkts;

	if (pkt->length > PRXE_MAX_MSG_LEN || !resp->max_rd_atomic ||
	    !(qp->access & IB_ACCESS_REMOTE_READ))
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	if (pkt->length && prxe_mr_check(&mem, pkt->length))
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_REMOTE_ACCESS);
	npkts = prxe_seg_count(pkt->length, qp->mtu);
	res = prxe_res_new(resp, npkts);
	res->mem = mem;
	res->length = pkt->length;
	prxe_accept(qp, pkt, npkts);
	/* the response acknowledges what was before it */
	WRITE_ONCE(resp->ack_due, false);
	prxe_read_start(qp, pkt);
	return PRXE_DONE;
}

static void prxe_atomic_ack(struct prxe_qp *qp, u32 psn, u64 orig)
{
	struct prxe_pkt pkt = {
		.opcode = PRXE_RC_ATOMIC_ACK,
		.psn = psn,
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
		.orig = orig,
	};

	prxe_resp_send(qp, &pkt);
}

static enum prxe_verdict prxe_exec_atomic(struct prxe_qp *qp,
					  const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	struct prxe_rd_res *res;
	struct prxe_mem mem = {
		.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
		.qpn = qp->ibqp.qp_num,
		.access = IB_ACCESS_REMOTE_ATOMIC,
	};
	u64 orig;
	int err;

	/* misalignment: IBTA 9.4.5, o9-17 */
	if (pkt->va & 7 || !resp->max_rd_atomic ||
	    !(qp->access & IB_ACCESS_REMOTE_ATOMIC))
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	err = prxe_mr_atomic(&mem, pkt->opcode == PRXE_RC_COMPARE_SWAP,
			     pkt->compare, pkt->swap_add, &orig);
	if (err == -EAGAIN)
		err = prxe_resp_park_fault(qp, &mem, PRXE_ATOMIC_LEN);
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_REMOTE_ACCESS);
	res = prxe_res_new(resp, 1);
	res->atomic = true;
	res->orig = orig;
	prxe_accept(qp, pkt, 1);
	WRITE_ONCE(resp->ack_due, false);	/* the answer is one */
	prxe_atomic_ack(qp, pkt->psn, orig);
	return PRXE_DONE;
}

/*
 * A request that was executed before (IBTA 9.7.5.2.? duplicates): reads are read
 * again, atomics answered from memory, everything else acknowledged.
 */
static void prxe_duplicate(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_rd_res *res;
	u64 skip;

	prxe_stat_inc(qp->dev, DUP_REQ);
	if (!(pkt->op->flags & (PRXE_OP_READ_REQ | PRXE_OP_ATOMIC))) {
		WRITE_ONCE(resp->ack_due, true);
		return;
	}
	res = prxe_res_find(resp, pkt->psn);
	if (!res || res->atomic != !!(pkt->op->flags & PRXE_OP_ATOMIC))
		return;
	if (res->atomic) {
		prxe_atomic_ack(qp, pkt->psn, res->orig);
		return;
	}
	/* it may ask for the rest only, never for something else */
	skip = prxe_seg_offset(res->psn, pkt->psn, qp->mtu);
	if (pkt->rkey != res->mem.key || pkt->va != res->mem.addr + skip ||
	    pkt->length != res->length - skip)
		return;
	prxe_read_start(qp, pkt);
}

static enum prxe_verdict prxe_out_of_sequence(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;

	prxe_stat_inc(qp->dev, OUT_OF_SEQ);
	if (!resp->nak_sent) {
		prxe_resp_nak(qp, prxe_aeth_nak(PRXE_NAK_PSN_SEQUENCE),
			      resp->epsn);
		resp->nak_sent = true;
	}
	return PRXE_DONE;
}

static enum prxe_verdict prxe_exec_op(struct prxe_qp *qp,
				      const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;

	if (!prxe_opcode_follows(qp->resp.msg, pkt->opcode))
		return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_SEND)
		return prxe_exec_send(qp, rx);
	if (pkt->op->flags & PRXE_OP_WRITE)
		return prxe_exec_write(qp, rx);
	if (pkt->op->flags & PRXE_OP_READ_REQ)
		return prxe_exec_read(qp, rx);
	if (pkt->op->flags & PRXE_OP_ATOMIC)
		return prxe_exec_atomic(qp, rx);
	return prxe_refuse(qp, pkt->psn, PRXE_NAK_INVALID_REQ);
}

/*
 * Unreliable connection (IBTA 9.8.2.2.1): a gap ends the message that it is in.
 * The first packet of a message is welcome at any PSN, everything else only where
 * it is expected.
 */
static enum prxe_verdict prxe_exec_uc(struct prxe_qp *qp,
				      const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	enum prxe_verdict verdict;

	if (pkt->psn != resp->epsn) {
		prxe_stat_inc(qp->dev, OUT_OF_SEQ);
		prxe_drop_msg(qp);
		resp->epsn = pkt->psn;	/* it may come here once more */
	} else if (pkt->op->flags & PRXE_OP_FIRST &&
		   resp->msg != PRXE_MSG_NONE) {
		prxe_drop_msg(qp);
	}
	verdict = prxe_exec_op(qp, rx);
	if (verdict == PRXE_DONE)
		resp->epsn = prxe_psn_add(pkt->psn, 1);
	return verdict;
}

/* Execute one packet. */
static enum prxe_verdict prxe_resp_exec(struct prxe_qp *qp,
					const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_resp *resp = &qp->resp;
	s32 diff;

	lockdep_assert_held(&resp->lock);

	if (resp->state != IB_QPS_RTR && resp->state != IB_QPS_RTS &&
	    resp->state != IB_QPS_SQD)
		return PRXE_DONE;
	if (!prxe_is_rc(qp))
		return prxe_exec_uc(qp, rx);
	diff = prxe_psn_diff(pkt->psn, resp->epsn);
	if (diff > 0)
		return prxe_out_of_sequence(qp);
	if (diff < 0) {
		prxe_duplicate(qp, pkt);
		return PRXE_DONE;
	}
	return prxe_exec_op(qp, rx);
}

/* Keep a packet for the work item; without memory it is lost like any other. */
static void prxe_park(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_parked *p;

	if (resp->nr_parked >= PRXE_MAX_PARKED)
		return;
	p = kmalloc_obj(*p, GFP_ATOMIC);
	if (!p)
		return;
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
		prxe_stat_inc(qp->dev, RX_MISMATCH);
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
	bool persist, pause;
	u64 len;
	int err = 0;

	turn->fault_err = 0;
	spin_lock_bh(&resp->lock);
	pause = resp->pause;
	resp->pause = false;
	mem = resp->fault;
	len = resp->fault_len;
	persist = resp->lost_races >= PRXE_LOST_RACES;
	spin_unlock_bh(&resp->lock);

	if (pause)
		usleep_range(50, 100);
	if (mem.pd) {
		err = prxe_mr_fault_run(&mem, len,
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
	resp->read.active = false;
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
