// SPDX-License-Identifier: GPL-2.0-only
/*
 * Work requests that send nothing: binding a window, registering memory,
 * invalidating a key.
 */
#include "fast_reg.h"
#include "mw.h"
#include "qp.h"

/**
 * prxe_complete_local() - complete operations without packets
 * @qp: the queue pair
 *
 * Those that were executed and whose turn it is: no acknowledgment will do it.
 * Context: sq.lock held.
 */
void prxe_complete_local(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	const struct prxe_swqe *wqe;

	lockdep_assert_held(&sq->lock);

	while (sq->tail != sq->head) {
		wqe = prxe_swqe(sq, sq->tail);
		if (wqe->npkts || wqe->state != PRXE_WQE_SENT)
			break;
		prxe_complete(qp, IB_WC_SUCCESS, PRXE_VERR_NONE);
	}
}

/* What of a local operation went wrong is told when its turn comes. */
static void prxe_req_execute(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	switch (wqe->w.opcode) {
	case IB_UVERBS_WR_BIND_MW:
		if (prxe_mw_bind(qp, &wqe->w))
			prxe_wqe_bad(wqe, IB_WC_MW_BIND_ERR, PRXE_VERR_BIND);
		break;
	case PRXE_WR_REG_MR:
		if (prxe_fast_register(qp, &wqe->w))
			prxe_wqe_bad(wqe, IB_WC_MW_BIND_ERR, PRXE_VERR_FAST_REG);
		break;
	default:
		if (prxe_key_invalidate(qp, wqe->w.imm_data, false))
			prxe_wqe_bad(wqe, IB_WC_LOC_QP_OP_ERR,
				     PRXE_VERR_INVALIDATE);
	}
}

/**
 * prxe_req_local() - an operation without packets is next
 * @qp: the queue pair
 * @wqe: the work request
 *
 * It is executed when it is reached, once, however often the requester goes
 * back behind it, and completed in its turn. An invalidation waits for that turn,
 * so that nothing in front of it has to be sent again with a key that is gone.
 *
 * Context: sq.lock held.
 * Return: 1, or 0 when it has to wait.
 */
int prxe_req_local(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	struct prxe_sq *sq = &qp->sq;

	lockdep_assert_held(&sq->lock);

	if (wqe->state == PRXE_WQE_POSTED) {
		if (sq->state == IB_QPS_SQD ||
		    (wqe->w.flags & PRXE_SEND_FENCE && sq->rd_atomic) ||
		    (wqe->w.opcode == IB_UVERBS_WR_LOCAL_INV &&
		     sq->tail != sq->next))
			return 0;
		wqe->first_psn = sq->psn;
		prxe_req_execute(qp, wqe);
		if (wqe->state == PRXE_WQE_BAD)
			return 1;
	}
	prxe_req_next(sq, wqe);
	prxe_complete_local(qp);
	return 1;
}
