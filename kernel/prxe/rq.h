/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive queue as the responder and ud.c use it; all under resp.lock. Where
 * the entries come from, a ring of its own or a shared receive queue, is hidden
 * here.
 *
 * At most one receive work request is in hand (&prxe_rq.have): copied once,
 * completed before the next one is taken.
 */
#ifndef PRXE_RQ_H
#define PRXE_RQ_H

#include <rdma/prxe-abi.h>

struct ib_recv_wr;
struct prxe_qp;
struct prxe_queue;
struct prxe_request;
struct prxe_wqe_limits;

/**
 * prxe_recv_copy() - copy an entry out of a ring, each byte once
 * @wqe: room for an entry of @q->stride bytes
 * @q: the ring
 * @idx: free running index of the entry
 *
 * First the header, whose copy says how much follows. Nothing is checked.
 */
void prxe_recv_copy(struct prxe_recv_wqe *wqe, const struct prxe_queue *q,
		    u32 idx);

/**
 * prxe_recv_put() - add the receive of a kernel user to its private ring
 * @q: the ring; its owner's lock is held
 * @lim: limits of the queue
 * @wr: the work request; its successors are not looked at
 *
 * Return: 0, -EINVAL or -ENOMEM (the ring is full).
 */
int prxe_recv_put(struct prxe_queue *q, const struct prxe_wqe_limits *lim,
		  const struct ib_recv_wr *wr);

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
 * prxe_rq_scatter() - place a request's payload
 * @qp: the queue pair, with a work request in hand
 * @req: the request
 * @offset: bytes of the list that are filled already; the caller has checked
 *	that the payload fits behind them
 *
 * Return: as prxe_exec_place().
 */
int prxe_rq_scatter(struct prxe_qp *qp, struct prxe_request *req, u32 offset);

/**
 * prxe_rq_abandon() - the message that a receive was taken for will not come
 * @qp: a queue pair of an unreliable service
 *
 * A receive of the queue pair's own is kept for the next message. One of a shared
 * queue, for which others may wait, completes with IB_WC_REM_INV_REQ_ERR (IBTA
 * 9.9.3, class E); the queue pair goes on.
 */
void prxe_rq_abandon(struct prxe_qp *qp);

/**
 * prxe_rq_flush() - complete all receives with IB_WC_WR_FLUSH_ERR
 * @qp: a queue pair in ERR
 *
 * Of a shared queue that is the one in hand; then the event that no more will be
 * taken is raised.
 */
void prxe_rq_flush(struct prxe_qp *qp);

/**
 * prxe_rq_reset() - forget what was posted
 * @qp: a queue pair on its way to RESET
 */
void prxe_rq_reset(struct prxe_qp *qp);

#endif /* PRXE_RQ_H */
