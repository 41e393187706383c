/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Shared receive queues: one ring of receive work requests, several queue pairs
 * that take from it. What is taken belongs to the queue pair that took it; the
 * slot is free again at once.
 */
#ifndef PRXE_SRQ_H
#define PRXE_SRQ_H

#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ring.h"
#include "wqe_check.h"

struct prxe_pd;

/**
 * struct prxe_srq - a shared receive queue
 * @ibsrq: the core's
 * @pd: whose keys its entries name
 * @modify_mutex: one modify at a time; outside of @lock
 * @lock: protects all below; inside of resp.lock, interrupts off
 * @ring: shared with the user, or private and filled by prxe_post_srq_recv()
 * @lim: limits for prxe_recv_wqe_check(); constant
 * @head: entries ever taken
 * @limit: with fewer entries than this left an event is due; 0 for never
 * @event_work: delivers it, outside of every lock of ours
 */
struct prxe_srq {
	struct ib_srq ibsrq;
	struct prxe_pd *pd;
	struct mutex modify_mutex;	/* outside of lock */
	spinlock_t lock;		/* all below */
	struct prxe_queue ring;
	struct prxe_wqe_limits lim;
	u32 head;
	u32 limit;
	struct work_struct event_work;
};

static inline struct prxe_srq *to_psrq(struct ib_srq *ibsrq)
{
	return container_of(ibsrq, struct prxe_srq, ibsrq);
}

/**
 * prxe_srq_take() - take the oldest entry
 * @srq: the queue
 * @wqe: room for one of @srq->ring.stride bytes; a private copy
 * @info: what the check of the copy found
 *
 * Context: bottom halves off, under resp.lock.
 * Return: 0; -ENOENT: there is none; -EINVAL or -EMSGSIZE: it was taken, but is
 * malformed.
 */
int prxe_srq_take(struct prxe_srq *srq, struct prxe_recv_wqe *wqe,
		  struct prxe_wqe_info *info);

/* verbs, see struct ib_device_ops */
int prxe_create_srq(struct ib_srq *ibsrq, struct ib_srq_init_attr *init,
		    struct ib_udata *udata);
int prxe_modify_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr,
		    enum ib_srq_attr_mask mask, struct ib_udata *udata);
int prxe_query_srq(struct ib_srq *ibsrq, struct ib_srq_attr *attr);
int prxe_destroy_srq(struct ib_srq *ibsrq, struct ib_udata *udata);
/* A user's doorbell (no work requests) is good for nothing and does nothing. */
int prxe_post_srq_recv(struct ib_srq *ibsrq, const struct ib_recv_wr *wr,
		       const struct ib_recv_wr **bad_wr);

#endif /* PRXE_SRQ_H */
