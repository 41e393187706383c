/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive queue as the responder and ud.c use it; all under resp.lock.
 *
 * At most one receive work request is in hand (&prxe_rq.have): copied once,
 * completed before the next one is taken.
 */
#ifndef PRXE_RQ_H
#define PRXE_RQ_H

#include <rdma/prxe-abi.h>

struct prxe_qp;
struct prxe_rx;

/**
 * prxe_rq_get() - have a receive work request in hand
 * @qp: the queue pair
 *
 * Idempotent: what was taken stays the current one until prxe_rq_complete().
 *
 * Return: 0: &prxe_rq.wqe is a validated private copy, &prxe_rq.wqe_len the
 * room of its list; -ENOENT: none is posted; -EINVAL or -EMSGSIZE: it is
 * malformed, only its wr_id counts, and the caller completes it in error.
 */
int prxe_rq_get(struct prxe_qp *qp);

/**
 * prxe_rq_complete() - complete the receive work request in hand
 * @qp: the queue pair
 * @cqe: the completion; wr_id and qp_num are filled in here
 * @solicited: the sender asked for an event; errors always notify
 */
void prxe_rq_complete(struct prxe_qp *qp, struct prxe_cqe *cqe, bool solicited);

/**
 * prxe_rq_scatter() - place a packet's payload
 * @qp: the queue pair, with a work request in hand
 * @rx: the packet
 * @offset: bytes of the list that are filled already; the caller has checked
 *	that the payload fits behind them
 *
 * Return: 0; -EAGAIN: prxe_resp_park_fault() was called; or as
 * prxe_mr_copy_in().
 */
int prxe_rq_scatter(struct prxe_qp *qp, const struct prxe_rx *rx, u32 offset);

/**
 * prxe_rq_flush() - complete all receives with IB_WC_WR_FLUSH_ERR
 * @qp: a queue pair in ERR
 */
void prxe_rq_flush(struct prxe_qp *qp);

/**
 * prxe_rq_reset() - forget what was posted
 * @qp: a queue pair on its way to RESET
 */
void prxe_rq_reset(struct prxe_qp *qp);

#endif /* PRXE_RQ_H */
