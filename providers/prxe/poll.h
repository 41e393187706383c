/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Completion queue entries to work completions, without locks and system calls.
 */
#ifndef PRXE_POLL_H
#define PRXE_POLL_H

#include <infiniband/verbs.h>

#include "ring.h"

_Static_assert((int)PRXE_WC_GRH == (int)IBV_WC_GRH, "flag");
_Static_assert((int)PRXE_WC_WITH_IMM == (int)IBV_WC_WITH_IMM, "flag");
_Static_assert((int)PRXE_WC_WITH_INVALIDATE == (int)IBV_WC_WITH_INV, "flag");
_Static_assert(sizeof(struct prxe_cqe) == 64, "one cache line");

static inline void prxe_cqe_to_wc(const struct prxe_cqe *cqe,
				  struct ibv_wc *wc)
{
	wc->wr_id = cqe->wr_id;
	wc->status = cqe->status;
	wc->opcode = cqe->opcode;
	wc->vendor_err = cqe->vendor_err;
	wc->byte_len = cqe->byte_len;
	wc->imm_data = cqe->imm_data;
	wc->qp_num = cqe->qp_num;
	wc->src_qp = cqe->src_qp;
	wc->wc_flags = cqe->flags;
	wc->pkey_index = cqe->pkey_index;
	wc->slid = 0;
	wc->sl = 0;
	wc->dlid_path_bits = 0;
}

/**
 * prxe_poll_list() - take up to @num completions
 * @q: the completion queue, locked
 * @num: room in @wc
 * @wc: where to put them
 *
 * Return: the number taken. The kernel hears of them once, at the end.
 */
static inline int prxe_poll_list(struct prxe_queue *q, int num,
				 struct ibv_wc *wc)
{
	const struct prxe_cqe *cqe;
	int n;

	for (n = 0; n < num; n++) {
		cqe = prxe_cq_peek(q);
		if (!cqe)
			break;
		prxe_cqe_to_wc(cqe, &wc[n]);
		q->mine++;
	}
	if (n)
		prxe_cq_publish(q);
	return n;
}

#endif /* PRXE_POLL_H */
