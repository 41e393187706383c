// SPDX-License-Identifier: GPL-2.0-only
/*
 * Executing a request: see execute.h.
 *
 * A request that could not finish because of its memory changes nothing and is
 * executed again from the start: its state changes come after its data.
 *
 * On an unreliable connection nobody is answered: a message that is refused is
 * dropped without a word (IBTA 9.8.3).
 */
#include "aeth.h"
#include "execute.h"
#include "local_path.h"
#include "mw.h"
#include "psn.h"
#include "qp.h"
#include "rq.h"
#include "segment.h"

static bool prxe_is_rc(const struct prxe_qp *qp)
{
	return qp->ibqp.qp_type == IB_QPT_RC;
}

enum prxe_verdict prxe_exec_drop_msg(struct prxe_qp *qp)
{
	lockdep_assert_held(&qp->resp.lock);

	prxe_rq_abandon(qp);
	qp->resp.msg = PRXE_MSG_NONE;
	return PRXE_DONE;
}

/* Answer other than by "executed". */
static void prxe_answer(struct prxe_qp *qp, struct prxe_request *req,
			u8 syndrome)
{
	if (!req->local) {
		prxe_resp_nak(qp, syndrome, req->pkt->psn);
		return;
	}
	req->local->syndrome = syndrome;
	prxe_resp_count_nak(qp, syndrome);
}

enum prxe_verdict prxe_refuse(struct prxe_qp *qp, struct prxe_request *req,
			      enum prxe_nak_code code)
{
	lockdep_assert_held(&qp->resp.lock);

	if (!prxe_is_rc(qp))
		return prxe_exec_drop_msg(qp);
	prxe_answer(qp, req, prxe_aeth_nak(code));
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
static enum prxe_verdict prxe_recv_fatal(struct prxe_qp *qp,
					 struct prxe_request *req,
					 enum ib_wc_status status,
					 u32 vendor_err)
{
	prxe_recv_failed(qp, status, vendor_err);
	if (prxe_is_rc(qp))
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_OP);
	prxe_resp_error(qp, -1);
	return PRXE_DONE;
}

/* No receive is posted. Silence until the requester comes back with this PSN. */
static enum prxe_verdict prxe_not_ready(struct prxe_qp *qp,
					struct prxe_request *req)
{
	if (!prxe_is_rc(qp)) {
		prxe_qp_stat_inc(qp, NO_RECV);
		return prxe_exec_drop_msg(qp);
	}
	prxe_answer(qp, req, prxe_aeth_rnr(qp->resp.min_rnr_timer));
	qp->resp.nak_sent = !req->local;
	return PRXE_DONE;
}

/*
 * Have a receive in hand for a request that needs one. Return: false if there is
 * none and the request was answered.
 */
static bool prxe_need_recv(struct prxe_qp *qp, struct prxe_request *req)
{
	int err = prxe_rq_get(qp);

	if (!err)
		return true;
	if (err == -ENOENT) {
		prxe_not_ready(qp, req);
		return false;
	}
	prxe_recv_fatal(qp, req, IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
	return false;
}

/* The first request of a connection: one that came in RTR is worth an event. */
static void prxe_heard(struct prxe_qp *qp)
{
	qp->resp.heard = true;
	if (qp->resp.state == IB_QPS_RTR)
		prxe_qp_raise(qp, IB_EVENT_COMM_EST);
}

void prxe_accept(struct prxe_qp *qp, const struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;

	lockdep_assert_held(&resp->lock);

	if (unlikely(!resp->heard))
		prxe_heard(qp);
	resp->epsn = prxe_psn_add(resp->epsn, req->npkts);
	resp->nak_sent = false;
	resp->msg = prxe_msg_state_after(pkt->opcode);
	if (pkt->op->flags & PRXE_OP_LAST && !req->more)
		resp->msn = prxe_msn_add(resp->msn, 1);
	if (pkt->ackreq && prxe_is_rc(qp))
		WRITE_ONCE(resp->ack_due, true);
}

/* The last part of a message that consumes a receive: complete it. */
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
 * (IBTA 9.7.4.1.6)?
 */
static bool prxe_len_ok(const struct prxe_qp *qp, const struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	u32 len = pkt->payload_len;

	if (req->local)
		return true;	/* of whole packets */
	if (!(pkt->op->flags & PRXE_OP_LAST))
		return len == qp->mtu;
	if (!(pkt->op->flags & PRXE_OP_FIRST) && !len)
		return false;
	return len <= qp->mtu;
}

int prxe_exec_place(struct prxe_qp *qp, struct prxe_request *req, u32 from,
		    u32 len, const struct prxe_mem *mem, u32 ahead)
{
	int err;

	if (req->local)
		return prxe_local_place(req->local, from, len, mem);
	err = prxe_rx_copy_in(req->rx, from, len, mem);
	if (err == -EAGAIN)
		err = prxe_resp_park_fault(qp, mem, len, ahead);
	return err;
}

static enum prxe_verdict prxe_exec_send(struct prxe_qp *qp,
					struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	int err;

	if (!prxe_len_ok(qp, req))
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_FIRST)
		resp->offset = 0;
	if (!prxe_need_recv(qp, req))
		return PRXE_DONE;
	if (pkt->payload_len > resp->rq.wqe_len - resp->offset) {
		if (!prxe_is_rc(qp))
			return prxe_exec_drop_msg(qp);
		prxe_recv_failed(qp, IB_WC_LOC_LEN_ERR, PRXE_VERR_TOO_LONG);
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	}
	err = prxe_rq_scatter(qp, req, resp->offset);
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_recv_fatal(qp, req, IB_WC_LOC_PROT_ERR,
				       PRXE_VERR_LKEY);
	if (pkt->op->flags & PRXE_OP_HAS_IETH &&
	    prxe_key_invalidate(qp, pkt->inv_rkey, true)) {
		/* IBTA 9.9.3, class J: the peer's fault, and it cost a receive */
		prxe_recv_failed(qp, IB_WC_REM_INV_REQ_ERR, PRXE_VERR_INVALIDATE);
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	}
	resp->offset += pkt->payload_len;
	prxe_accept(qp, req);
	if (pkt->op->flags & PRXE_OP_LAST)
		prxe_recv_done(qp, pkt, resp->offset, IB_WC_RECV);
	return PRXE_DONE;
}

struct prxe_mem prxe_remote_mem(const struct prxe_qp *qp,
				const struct prxe_pkt *pkt, int access)
{
	return (struct prxe_mem) {
		.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
		.qpn = qp->ibqp.qp_num,
		.access = access,
	};
}

/* The first part of a write says where it goes. Return: 0 or a NAK code. */
static int prxe_write_start(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	struct prxe_resp *resp = &qp->resp;

	resp->mem = prxe_remote_mem(qp, pkt, IB_ACCESS_REMOTE_WRITE);
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
					 struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	bool ends;
	int err;

	if (pkt->op->flags & PRXE_OP_FIRST) {
		err = prxe_write_start(qp, pkt);
		if (err)
			return prxe_refuse(qp, req, err);
	}
	ends = pkt->payload_len == resp->left;
	if (!prxe_len_ok(qp, req) || pkt->payload_len > resp->left ||
	    !!(pkt->op->flags & PRXE_OP_LAST) != ends)
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_RECV && !prxe_need_recv(qp, req))
		return PRXE_DONE;
	if (pkt->payload_len) {
		err = prxe_exec_place(qp, req, 0, pkt->payload_len, &resp->mem,
				      resp->left);
		if (err == -EAGAIN)
			return PRXE_LATER;
		if (err)
			return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	}
	resp->mem.addr += pkt->payload_len;
	resp->left -= pkt->payload_len;
	resp->offset = pkt->op->flags & PRXE_OP_FIRST ? pkt->length :
		resp->offset;
	prxe_accept(qp, req);
	if (pkt->op->flags & PRXE_OP_RECV)
		prxe_recv_done(qp, pkt, resp->offset,
			       IB_WC_RECV_RDMA_WITH_IMM);
	return PRXE_DONE;
}

struct prxe_rd_res *prxe_res_new(struct prxe_resp *resp, u32 op, u32 npkts)
{
	struct prxe_rd_res *res = &resp->res[resp->res_next];

	lockdep_assert_held(&resp->lock);

	resp->res_next = (resp->res_next + 1) % resp->max_rd_atomic;
	*res = (struct prxe_rd_res) {
		.psn = resp->epsn, .npkts = npkts, .op = op,
	};
	return res;
}

/* Local path: a part of the read, which is done when this returns. */
static enum prxe_verdict prxe_read_part(struct prxe_qp *qp,
					struct prxe_request *req,
					const struct prxe_mem *mem)
{
	int err = prxe_local_fetch(req->local, req->pkt->payload_len, mem);

	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	prxe_accept(qp, req);
	return PRXE_DONE;
}

static enum prxe_verdict prxe_exec_read(struct prxe_qp *qp,
					struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	struct prxe_mem mem = prxe_remote_mem(qp, pkt, IB_ACCESS_REMOTE_READ);
	struct prxe_rd_res *res;

	if (pkt->length > PRXE_MAX_MSG_LEN || !resp->max_rd_atomic ||
	    !(qp->access & IB_ACCESS_REMOTE_READ))
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	if (pkt->length && prxe_mr_check(&mem, pkt->length))
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	if (req->local)
		return prxe_read_part(qp, req, &mem);
	req->npkts = prxe_seg_count(pkt->length, qp->mtu);
	res = prxe_res_new(resp, PRXE_OP_READ_REQ, req->npkts);
	res->mem = mem;
	res->length = pkt->length;
	prxe_accept(qp, req);
	/* the response acknowledges what was before it */
	WRITE_ONCE(resp->ack_due, false);
	prxe_read_resp_start(qp, pkt);
	return PRXE_DONE;
}

static enum prxe_verdict prxe_exec_atomic(struct prxe_qp *qp,
					  struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	struct prxe_mem mem = prxe_remote_mem(qp, pkt, IB_ACCESS_REMOTE_ATOMIC);
	struct prxe_rd_res *res;
	u64 orig;
	int err;

	/* misalignment: IBTA 9.4.5, o9-17 */
	if (pkt->va & 7 || !resp->max_rd_atomic ||
	    !(qp->access & IB_ACCESS_REMOTE_ATOMIC))
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	err = prxe_mr_atomic(&mem, pkt->opcode == PRXE_RC_COMPARE_SWAP,
			     pkt->compare, pkt->swap_add, &orig);
	if (err == -EAGAIN && !req->local)
		err = prxe_resp_park_fault(qp, &mem, PRXE_ATOMIC_LEN,
					   PRXE_ATOMIC_LEN);
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	res = prxe_res_new(resp, PRXE_OP_ATOMIC, 1);
	res->orig = orig;
	prxe_accept(qp, req);
	if (req->local) {
		req->local->orig = orig;
		return PRXE_DONE;
	}
	WRITE_ONCE(resp->ack_due, false);	/* the answer is one */
	prxe_resp_atomic(qp, pkt->psn, orig);
	return PRXE_DONE;
}

enum prxe_verdict prxe_exec(struct prxe_qp *qp, struct prxe_request *req)
{
	const struct prxe_pkt *pkt = req->pkt;

	lockdep_assert_held(&qp->resp.lock);

	if (!prxe_opcode_follows(qp->resp.msg, pkt->opcode))
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	if (pkt->op->flags & PRXE_OP_SEND)
		return prxe_exec_send(qp, req);
	if (pkt->op->flags & PRXE_OP_WRITE)
		return prxe_exec_write(qp, req);
	if (pkt->op->flags & PRXE_OP_READ_REQ)
		return prxe_exec_read(qp, req);
	if (pkt->op->flags & PRXE_OP_ATOMIC)
		return prxe_exec_atomic(qp, req);
	if (pkt->op->flags & PRXE_OP_FLUSH)
		return prxe_exec_flush(qp, req);
	if (pkt->op->flags & PRXE_OP_ATOMIC_WRITE)
		return prxe_exec_atomic_write(qp, req);
	return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
}
