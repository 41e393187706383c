// SPDX-License-Identifier: GPL-2.0-only
/*
 * Executing a request: flushes and atomic writes (IBTA vol 1, annex A19: memory
 * placement extensions).
 *
 * The answer to both is a read response without payload: in the order of PSNs it is
 * the requester's word that all that it had sent before is where it should be. The
 * requests of a connection are executed in order, so that a flush finds the
 * writes before it done, and an atomic write is seen by nobody before them.
 *
 * An atomic write takes one of the responder's resources, as an atomic does, and
 * is executed once. A flush takes none: its packet says all, and a duplicate is
 * executed again. What stops that then is no reason for an error: it was executed.
 */
#include "aeth.h"
#include "execute.h"
#include "local_path.h"
#include "qp.h"

/* It took effect; say so. */
static void prxe_placed(struct prxe_qp *qp, struct prxe_request *req)
{
	prxe_accept(qp, req);
	if (req->local)
		return;
	WRITE_ONCE(qp->resp.ack_due, false);	/* the answer is one */
	prxe_resp_done(qp, req->pkt->psn);
}

/* The rights that a flush takes, or 0 for one that means nothing. */
static int prxe_flush_access(const struct prxe_pkt *pkt)
{
	if (pkt->flush_type & ~(IB_FLUSH_GLOBAL | IB_FLUSH_PERSISTENT) ||
	    pkt->flush_level > IB_FLUSH_MR)
		return 0;
	return (pkt->flush_type & IB_FLUSH_GLOBAL ? IB_ACCESS_FLUSH_GLOBAL : 0) |
	       (pkt->flush_type & IB_FLUSH_PERSISTENT ?
		IB_ACCESS_FLUSH_PERSISTENT : 0);
}

/*
 * Return: 0; -EAGAIN: not now, the verdict is PRXE_LATER; or as prxe_mr_flush(). A long
 * one goes on in the work item, where it left off.
 */
static int prxe_flush(struct prxe_qp *qp, struct prxe_request *req, int access)
{
	struct prxe_resp *resp = &qp->resp;
	struct prxe_flush f = {
		.mem = prxe_remote_mem(qp, req->pkt, access),
		.len = req->pkt->length,
		.whole = req->pkt->flush_level == IB_FLUSH_MR,
		.done = req->local ? 0 : resp->flushed,
	};
	int err = prxe_mr_flush(&f);

	if (req->local)
		return err == -EINPROGRESS ? -EAGAIN : err;
	if (err == -EINPROGRESS) {
		resp->flushed = f.done;
		WRITE_ONCE(resp->busy, true);
		prxe_qp_kick(qp);
		return -EAGAIN;
	}
	if (err == -EAGAIN)
		err = prxe_resp_park_fault(qp, &f.mem, f.len, f.len);
	if (err != -EAGAIN)
		resp->flushed = 0;
	return err;
}

enum prxe_verdict prxe_exec_flush(struct prxe_qp *qp, struct prxe_request *req)
{
	int access = prxe_flush_access(req->pkt);
	int err;

	lockdep_assert_held(&qp->resp.lock);

	if (!access || access & ~qp->access)
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	err = prxe_flush(qp, req, access);
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	prxe_placed(qp, req);
	return PRXE_DONE;
}

enum prxe_verdict prxe_flush_again(struct prxe_qp *qp, struct prxe_request *req)
{
	int access = prxe_flush_access(req->pkt);

	lockdep_assert_held(&qp->resp.lock);

	if (!access)
		return PRXE_DONE;
	if (prxe_flush(qp, req, access) == -EAGAIN)
		return PRXE_LATER;
	prxe_resp_done(qp, req->pkt->psn);
	return PRXE_DONE;
}

enum prxe_verdict prxe_exec_atomic_write(struct prxe_qp *qp,
					 struct prxe_request *req)
{
	struct prxe_mem mem = prxe_remote_mem(qp, req->pkt,
					      IB_ACCESS_REMOTE_WRITE);
	const struct prxe_pkt *pkt = req->pkt;
	struct prxe_resp *resp = &qp->resp;
	u64 value;
	int err;

	lockdep_assert_held(&resp->lock);

	if (pkt->length != sizeof(value) || pkt->payload_len != sizeof(value) ||
	    pkt->va % sizeof(value) || !resp->max_rd_atomic ||
	    !(qp->access & IB_ACCESS_REMOTE_WRITE))
		return prxe_refuse(qp, req, PRXE_NAK_INVALID_REQ);
	if (req->local)
		value = req->local->w->atomic_write.value;
	else if (prxe_rx_copy_bits(req->rx, 0, &value, sizeof(value)))
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_OP);
	err = prxe_mr_atomic_write(&mem, value);
	if (err == -EAGAIN && !req->local)
		err = prxe_resp_park_fault(qp, &mem, sizeof(value),
					   sizeof(value));
	if (err == -EAGAIN)
		return PRXE_LATER;
	if (err)
		return prxe_refuse(qp, req, PRXE_NAK_REMOTE_ACCESS);
	prxe_res_new(resp, PRXE_OP_ATOMIC_WRITE, 1);
	prxe_placed(qp, req);
	return PRXE_DONE;
}
