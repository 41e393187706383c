/* SPDX-License-Identifier: GPL-2.0-only */
/* Completion queues. */
#ifndef PRXE_CQ_H
#define PRXE_CQ_H

#include <linux/mutex.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "ring.h"

/**
 * struct prxe_cq - a completion queue
 * @ibcq: the core's
 * @user: user space polls it; constant
 * @resize_mutex: one resize at a time; outside of @lock
 * @lock: protects all below; softirq safe; inner to every QP lock
 * @queue: the ring
 * @producer: entries ever made; our own count, the ring has a copy
 * @consumer: kernel users: entries ever polled
 * @armed: IB_CQ_SOLICITED or IB_CQ_NEXT_COMP when a notification is due, else 0
 * @timestamps: entries carry the time
 * @overflow: an entry was lost; nothing more is added
 * @notify_work: calls a kernel user's handler outside of every lock of ours
 */
struct prxe_cq {
	struct ib_cq ibcq;
	bool user;
	struct mutex resize_mutex;	/* outside of lock */
	spinlock_t lock;
	struct prxe_queue queue;
	u32 producer;
	u32 consumer;
	u8 armed;
	bool timestamps;
	bool overflow;
	struct work_struct notify_work;
};

static inline struct prxe_cq *to_pcq(struct ib_cq *ibcq)
{
	return container_of(ibcq, struct prxe_cq, ibcq);
}

/**
 * prxe_cq_post() - add a completion and notify whoever waits
 * @cq: the completion queue
 * @cqe: the entry; @cqe->timestamp is filled in here
 * @solicited: it completes a solicited receive, or is an error
 *
 * A full ring is an overflow: the entry is lost, the CQ raises IB_EVENT_CQ_ERR
 * once and accepts no more (IBTA 11.6.3.1), and the queue pair is broken. A user
 * handler is called directly; a kernel handler from a BH work item, because it may
 * post and poll.
 *
 * Context: any but hard interrupts; under a QP lock.
 * Return: false if the entry is lost.
 */
bool prxe_cq_post(struct prxe_cq *cq, struct prxe_cqe *cqe, bool solicited);

/* verbs, see struct ib_device_ops */
int prxe_create_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
		   struct uverbs_attr_bundle *attrs);
int prxe_create_user_cq(struct ib_cq *ibcq, const struct ib_cq_init_attr *attr,
			struct uverbs_attr_bundle *attrs);
int prxe_resize_user_cq(struct ib_cq *ibcq, unsigned int cqe,
			struct ib_udata *udata);
int prxe_destroy_cq(struct ib_cq *ibcq, struct ib_udata *udata);
int prxe_poll_cq(struct ib_cq *ibcq, int num_entries, struct ib_wc *wc);
int prxe_req_notify_cq(struct ib_cq *ibcq, enum ib_cq_notify_flags flags);

#endif /* PRXE_CQ_H */
