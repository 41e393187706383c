/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory windows, for the requester, which binds and invalidates, and for the
 * responder, whose peer may ask to invalidate.
 */
#ifndef PRXE_MW_H
#define PRXE_MW_H

#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

struct prxe_qp;
struct prxe_window;

/**
 * struct prxe_mw - the core's object; what the data path sees is @window
 * @ibmw: the core's
 * @window: freed by RCU
 */
struct prxe_mw {
	struct ib_mw ibmw;
	struct prxe_window *window;
};

static inline struct prxe_mw *to_pmw(struct ib_mw *ibmw)
{
	return container_of(ibmw, struct prxe_mw, ibmw);
}

/**
 * prxe_mw_bind() - execute a BIND_MW work request
 * @qp: the queue pair that it was posted to
 * @wqe: the work request
 *
 * On return nobody accesses memory through what the window was bound to before.
 *
 * Context: bottom halves off; spins for as long as a section lasts.
 * Return: 0; -EINVAL, and nothing has changed.
 */
int prxe_mw_bind(struct prxe_qp *qp, const struct prxe_send_wqe *wqe);

/**
 * prxe_key_invalidate() - execute LOCAL_INV, or what SEND_WITH_INV asks for
 * @qp: the queue pair; a window of type 2 must be bound to it
 * @key: of a window, or of a fast registration (prxe_fast_invalidate())
 * @remote: the peer asks
 *
 * On return nobody accesses memory by this key.
 *
 * Context: bottom halves off; spins for as long as a section lasts.
 * Return: 0; -EINVAL for a key that is not of a bound window of type 2, nor of a
 * fast registration.
 */
int prxe_key_invalidate(struct prxe_qp *qp, u32 key, bool remote);

/* verbs, see struct ib_device_ops */
int prxe_alloc_mw(struct ib_mw *ibmw, struct ib_udata *udata);
int prxe_dealloc_mw(struct ib_mw *ibmw);

#endif /* PRXE_MW_H */
