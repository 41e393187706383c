/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The receive queue as responder.c shares it with ud.c; all under resp.lock.
 */
#ifndef PRXE_RQ_H
#define PRXE_RQ_H

#include <rdma/prxe-abi.h>

struct prxe_qp;

/**
 * prxe_rq_get() - take the next receive work request
 * @qp: the queue pair
 *
 * Idempotent: what was taken stays the current one until prxe_rq_complete().
 *
 * Return: 0: resp.rq.wqe holds a validated private copy, resp.rq.wqe_len the
 * room of its list; -ENOENT: none is posted; -EINVAL: it is malformed, only
 * its wr_id counts; the caller completes it in error.
 */
int prxe_rq_get(struct prxe_qp *qp);

/**
 * prxe_rq_complete() - complete the current receive work request
 * @qp: the queue pair
 * @cqe: the completion; wr_id and qp_num are filled in here
 * @solicited: the sender asked for an event, or it is an error
 */
void prxe_rq_complete(struct prxe_qp *qp, struct prxe_cqe *cqe, bool solicited);

#endif /* PRXE_RQ_H */
