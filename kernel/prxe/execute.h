/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executing a request: what it does to the responder's memory, receive queue and
 * state; all under resp.lock. How the request came and how the answer goes back
 * is the business of responder.c, which has packets, or of local_path.c, which
 * has none.
 */
#ifndef PRXE_EXECUTE_H
#define PRXE_EXECUTE_H

#include "net.h"

struct prxe_local;
struct prxe_qp;

/**
 * struct prxe_request - a request at a responder
 * @pkt: its headers
 * @rx: the packet with its payload; NULL on the local path
 * @local: on the local path, the requester's end, where the answer goes; or NULL
 * @npkts: PSNs that it takes: 1; on the local path, the packets that it stands for;
 *	of a read prxe_exec() finds them out
 * @more: on the local path, more of a read is to come
 *
 * On the local path @pkt's payload is that of all @npkts packets together, and a
 * read is of its @payload_len bytes out of the @length that are still to come.
 */
struct prxe_request {
	const struct prxe_pkt *pkt;
	const struct prxe_rx *rx;
	struct prxe_local *local;
	u32 npkts;
	bool more;
};

/**
 * enum prxe_verdict - how the execution of a request ended
 * @PRXE_DONE: executed, refused or ignored
 * @PRXE_LATER: nothing has changed; the same once more when the memory is there.
 *	The work item was told, but not on the local path
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
