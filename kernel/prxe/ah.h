/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Address handles. A user names one by number, and so does a kernel user's work
 * request in the private copy that the requester works on: what is looked up
 * when the datagram is sent is an RCU object of ours, because the core frees a
 * struct ib_ah as soon as it is destroyed.
 */
#ifndef PRXE_AH_H
#define PRXE_AH_H

#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <rdma/ib_verbs.h>

#include "net.h"

struct prxe_pd;

/**
 * struct prxe_av - what an address handle stands for
 * @lock: protects @flow; bottom halves off; inner to sq.lock
 * @flow: where to; its source port is chosen at each datagram
 * @dead: destroyed, @flow is gone; @lock
 * @pd: the protection domain, to compare only
 * @rcu: for freeing
 */
struct prxe_av {
	spinlock_t lock; /* flow, dead */
	struct prxe_flow flow;
	bool dead;
	struct prxe_pd *pd;
	struct rcu_head rcu;
};

/**
 * struct prxe_ah - an address handle
 * @ibah: the core's
 * @num: its number in &prxe_dev.ahs, which goes to &prxe_send_wqe.ud
 * @av: what it stands for
 * @attr: as created, for query; its sgid_attr is the one that @av holds
 */
struct prxe_ah {
	struct ib_ah ibah;
	u32 num;
	struct prxe_av *av;
	struct rdma_ah_attr attr;
};

static inline struct prxe_ah *to_pah(struct ib_ah *ibah)
{
	return container_of(ibah, struct prxe_ah, ibah);
}

/* The address behind a number, or NULL. Under rcu_read_lock(). */
struct prxe_av *prxe_av_lookup(struct prxe_dev *dev, u32 num);

/* verbs, see struct ib_device_ops: create_ah and create_user_ah are one */
int prxe_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		   struct ib_udata *udata);
int prxe_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr);
int prxe_destroy_ah(struct ib_ah *ibah, u32 flags);

#endif /* PRXE_AH_H */
