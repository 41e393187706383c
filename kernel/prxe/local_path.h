/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The local path: a connection between two queue pairs of one device. The
 * requester has the peer's responder execute its requests, without packets.
 * local_path.c has the theory.
 */
#ifndef PRXE_LOCAL_PATH_H
#define PRXE_LOCAL_PATH_H

#include "mr.h"

struct prxe_pd;
struct prxe_qp;
struct prxe_send_wqe;
struct prxe_swqe;

/**
 * struct prxe_local - the requester's end of a request without packets
 * @pd: its protection domain
 * @w: its work request
 * @off: of the request's payload in the message
 * @err: 0; or the requester's memory is at fault, in the access to @len bytes
 *	at @mem, behind which more is to come: @ahead with them
 * @syndrome: the answer, as an AETH would have it (aeth.h)
 * @orig: an atomic's answer, the value before
 */
struct prxe_local {
	struct prxe_pd *pd;
	const struct prxe_send_wqe *w;
	u32 off;
	int err;
	struct prxe_mem mem;
	u32 len;
	u32 ahead;
	u8 syndrome;
	u64 orig;
};

/**
 * prxe_local_place() - copy payload from the requester's memory
 * @local: the requester's end
 * @from: first byte of the request's payload
 * @len: bytes
 * @to: the responder's memory
 *
 * Context: bottom halves off.
 * Return: 0; -EAGAIN: not now; &prxe_local.err tells whose fault it is; else as
 * prxe_mr_copy_in(), of the responder's memory.
 */
int prxe_local_place(struct prxe_local *local, u32 from, u32 len,
		     const struct prxe_mem *to);

/**
 * prxe_local_fetch() - copy what is read into the requester's memory
 * @local: the requester's end
 * @len: bytes
 * @from: the responder's memory
 *
 * Context, return: as prxe_local_place().
 */
int prxe_local_fetch(struct prxe_local *local, u32 len,
		     const struct prxe_mem *from);

/**
 * prxe_local_step() - execute the next part of a work request, if the peer is near
 * @qp: the requester, sq.lock held
 * @wqe: the work request at next, that of an operation with packets
 *
 * Context: bottom halves off.
 * Return: packets that this would have been; 0: there is nothing that may be done
 * now; -EREMOTE: it has to be packets; or why the requester's own memory cannot be
 * accessed, as prxe_mr_copy_in().
 */
int prxe_local_step(struct prxe_qp *qp, struct prxe_swqe *wqe);

#endif /* PRXE_LOCAL_PATH_H */
