/* SPDX-License-Identifier: GPL-2.0-only */
/* Multicast: which datagram queue pairs of a device listen to which group. */
#ifndef PRXE_MCAST_H
#define PRXE_MCAST_H

#include <linux/hashtable.h>
#include <linux/mutex.h>
#include <rdma/ib_verbs.h>

struct prxe_dev;
struct prxe_qp;

/* Told by query_device. */
#define PRXE_MAX_MCAST_GRP	4096
#define PRXE_MAX_MCAST_ATTACH	1024

/* IBTA 10.5.2.1: the destination of every multicast packet */
#define PRXE_MCAST_QPN		0xffffff

/**
 * struct prxe_mcast - the multicast groups of a device
 * @lock: serializes attach and detach; RTNL nests inside
 * @groups: of struct prxe_mcast_group by address; RCU lookups
 * @nr: groups; @lock
 */
struct prxe_mcast {
	struct mutex lock;	/* of all below */
	DECLARE_HASHTABLE(groups, 6);
	u32 nr;
};

void prxe_mcast_init(struct prxe_mcast *mc);
void prxe_mcast_fini(struct prxe_mcast *mc);

/* verbs, see struct ib_device_ops */
int prxe_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);
int prxe_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid);

/* Call @fn for each queue pair of @dev in group @gid; under rcu_read_lock(). */
unsigned int prxe_mcast_each(struct prxe_dev *dev, const union ib_gid *gid,
			     void (*fn)(struct prxe_qp *qp, void *arg),
			     void *arg);

#endif /* PRXE_MCAST_H */
