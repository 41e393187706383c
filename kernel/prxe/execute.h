/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executing a request: what it does to the responder's memory, receive queue and
 * state; all under resp.lock. How the request came and how the answer goes back
 * is the business of responder.c, which has packets.
 */
#ifndef PRXE_EXECUTE_H
#define PRXE_EXECUTE_H

#include "net.h"

struct prxe_qp;

/**
 * struct prxe_request - a request at a responder
 * @pkt: its headers
 * @rx: the packet with its payload
 */
struct prxe_request {
	const struct prxe_pkt *pkt;
	const struct prxe_rx *rx;
};

/**
 * enum prxe_verdict - how the execution of a request ended
 * @PRXE_DONE: executed, refused or ignored
 * @PRXE_LATER: nothing has changed; the same once more when the memory is there
 */
enum prxe_verdict {
	PRXE_DONE,
	PRXE_LATER,
};

/**
 * prxe_exec() - execute the request that is expected next
 * @qp: the queue pair, resp.lock held; it receives
 * @req: the request; its PSN was looked at
 *
 * Checks, in this order (IBTA 9.7.4): the order of opcodes, the length, the
 * rights. Only then does it have any effect, and only a request that took effect
 * moves epsn. Data are placed before a completion tells of them.
 *
 * Context: bottom halves off. Return: see there.
 */
enum prxe_verdict prxe_exec(struct prxe_qp *qp, struct prxe_request *req);

/**
 * prxe_exec_drop_msg() - unreliable: forget the message and what is still to come
 * @qp: the queue pair, resp.lock held
 *
 * Return: PRXE_DONE.
 */
enum prxe_verdict prxe_exec_drop_msg(struct prxe_qp *qp);

/**
 * prxe_exec_place() - place a part of the payload
 * @qp: the queue pair, resp.lock held
 * @req: the request
 * @from: first byte of its payload
 * @len: bytes
 * @mem: where they go
 *
 * Return: 0; -EAGAIN: not now, the verdict is PRXE_LATER; or as prxe_mr_copy_in().
 */
int prxe_exec_place(struct prxe_qp *qp, struct prxe_request *req, u32 from,
		    u32 len, const struct prxe_mem *mem);

#endif /* PRXE_EXECUTE_H */
