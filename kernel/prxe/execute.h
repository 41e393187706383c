/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executing a request: what it does to the responder's memory, receive queue and
 * state; all under resp.lock. How the request came and how the answer goes back
 * is the business of responder.c, which has packets, or of local_path.c, which
 * has none.
 */
#ifndef PRXE_EXECUTE_H
#define PRXE_EXECUTE_H

#include "aeth.h"
#include "mr.h"
#include "net.h"

struct prxe_local;
struct prxe_qp;
struct prxe_rd_res;
struct prxe_resp;

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
 * @ahead: bytes from there, not less, that are likely to be placed next
 *
 * Return: 0; -EAGAIN: not now, the verdict is PRXE_LATER; or as prxe_mr_copy_in().
 */
int prxe_exec_place(struct prxe_qp *qp, struct prxe_request *req, u32 from,
		    u32 len, const struct prxe_mem *mem, u32 ahead);

/*
 * Parts of it, for the files of single operations. All with resp.lock held.
 */

/**
 * prxe_refuse() - NAK and go to ERR: what the requester did cannot be forgiven
 * @qp: the queue pair
 * @req: the request
 * @code: why
 *
 * Of an unreliable service the message is dropped. Return: PRXE_DONE.
 */
enum prxe_verdict prxe_refuse(struct prxe_qp *qp, struct prxe_request *req,
			      enum prxe_nak_code code);

/**
 * prxe_accept() - the request took effect
 * @qp: the queue pair
 * @req: the request
 */
void prxe_accept(struct prxe_qp *qp, const struct prxe_request *req);

/**
 * prxe_remote_mem() - the memory that a request names by address and key
 * @qp: the queue pair
 * @pkt: the headers
 * @access: rights that it takes
 *
 * Return: the memory.
 */
struct prxe_mem prxe_remote_mem(const struct prxe_qp *qp,
				const struct prxe_pkt *pkt, int access);

/**
 * prxe_res_new() - remember what may have to be answered again
 * @resp: the responder, &prxe_resp.max_rd_atomic is not 0; the request is not
 *	accepted yet
 * @op: see &prxe_rd_res.op
 * @npkts: PSNs that it takes
 *
 * Return: where to note the rest; it overwrites the oldest.
 */
struct prxe_rd_res *prxe_res_new(struct prxe_resp *resp, u32 op, u32 npkts);

/**
 * prxe_exec_flush() - execute a flush
 * @qp: the queue pair
 * @req: the request
 *
 * Context, return: as prxe_exec().
 */
enum prxe_verdict prxe_exec_flush(struct prxe_qp *qp, struct prxe_request *req);

/**
 * prxe_flush_again() - execute a flush once more: its answer was lost
 * @qp: the queue pair
 * @req: the request
 *
 * Context, return: as prxe_exec().
 */
enum prxe_verdict prxe_flush_again(struct prxe_qp *qp, struct prxe_request *req);

/**
 * prxe_exec_atomic_write() - execute an atomic write
 * @qp: the queue pair
 * @req: the request
 *
 * Context, return: as prxe_exec().
 */
enum prxe_verdict prxe_exec_atomic_write(struct prxe_qp *qp,
					 struct prxe_request *req);

#endif /* PRXE_EXECUTE_H */
