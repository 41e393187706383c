// SPDX-License-Identifier: GPL-2.0-only
/*
 * Multicast groups.
 *
 * The address of a group is its IP address: a GID of ff00::/8, or an IPv4 one as
 * ::ffff:a.b.c.d (IBTA annex A17.4.1.2). While a queue pair is attached, the
 * network device is a member of the IP group, so that the host accepts its packets
 * and tells the switch (IGMP, MLD); rdma_cm joins of its own besides, and the kernel
 * counts.
 *
 * Changes hold prxe_mcast.lock; packets look groups and members up under RCU. A
 * queue pair cannot be destroyed while it is attached (ib_core counts), and its
 * memory goes after a grace period.
 */
#include <linux/igmp.h>
#include <linux/inetdevice.h>
#include <linux/jhash.h>
#include <linux/rculist.h>
#include <linux/rtnetlink.h>
#include <net/addrconf.h>
#include <net/ipv6.h>

#include "mcast.h"
#include "prxe.h"
#include "qp.h"

/**
 * struct prxe_mcast_group - a group with members
 * @node: in &prxe_mcast.groups
 * @gid: its address
 * @members: of struct prxe_mcast_member; changes under &prxe_mcast.lock
 * @nr: of them
 * @rcu: frees it
 */
struct prxe_mcast_group {
	struct hlist_node node;
	union ib_gid gid;
	struct list_head members;
	u32 nr;
	struct rcu_head rcu;
};

struct prxe_mcast_member {
	struct list_head node;
	struct prxe_qp *qp;
	struct rcu_head rcu;
};

static u32 mcast_hash(const union ib_gid *gid)
{
	return jhash2((const u32 *)gid->raw, sizeof(*gid) / sizeof(u32), 0);
}

static struct prxe_mcast_group *mcast_find(struct prxe_mcast *mc,
					   const union ib_gid *gid)
{
	struct prxe_mcast_group *grp;

	hash_for_each_possible_rcu(mc->groups, grp, node, mcast_hash(gid),
				   lockdep_is_held(&mc->lock))
		if (!memcmp(&grp->gid, gid, sizeof(*gid)))
			return grp;
	return NULL;
}

static struct prxe_mcast_member *
mcast_find_member(struct prxe_mcast_group *grp, const struct prxe_qp *qp)
{
	struct prxe_mcast_member *m;

	list_for_each_entry(m, &grp->members, node)
		if (m->qp == qp)
			return m;
	return NULL;
}

static bool mcast_is_v4(const union ib_gid *gid)
{
	return ipv6_addr_v4mapped((const struct in6_addr *)gid);
}

/* The IP address of a group, or one that can be none? */
static bool mcast_valid(const union ib_gid *gid)
{
	const struct in6_addr *addr = (const struct in6_addr *)gid;

	if (mcast_is_v4(gid))
		return ipv4_is_multicast(addr->s6_addr32[3]);
	return ipv6_addr_is_multicast(addr);
}

/*
 * ip_mc_inc_group() does not tell whether it had memory.
 *
 * Return: 0; -ENODEV if the network device has no IPv4; -ENOMEM.
 */
static int mcast_ip_join4(struct net_device *ndev, __be32 addr)
{
	struct in_device *in_dev;
	struct ip_mc_list *im;

	ASSERT_RTNL();

	in_dev = __in_dev_get_rtnl(ndev);
	if (!in_dev)
		return -ENODEV;
	ip_mc_inc_group(in_dev, addr);
	for (im = rtnl_dereference(in_dev->mc_list); im;
	     im = rtnl_dereference(im->next_rcu))
		if (im->multiaddr == addr)
			return 0;
	return -ENOMEM;
}

static int mcast_ip_join(struct prxe_dev *dev, const union ib_gid *gid)
{
	const struct in6_addr *addr = (const struct in6_addr *)gid;
	int err;

	rtnl_lock();
	if (mcast_is_v4(gid))
		err = mcast_ip_join4(dev->ndev, addr->s6_addr32[3]);
	else if (IS_ENABLED(CONFIG_IPV6))
		err = ipv6_dev_mc_inc(dev->ndev, addr);
	else
		err = -EAFNOSUPPORT;
	rtnl_unlock();
	return err;
}

/* When the network device goes, so did its memberships. */
static void mcast_ip_leave(struct prxe_dev *dev, const union ib_gid *gid)
{
	const struct in6_addr *addr = (const struct in6_addr *)gid;
	struct in_device *in_dev;

	rtnl_lock();
	if (mcast_is_v4(gid)) {
		in_dev = __in_dev_get_rtnl(dev->ndev);
		if (in_dev)
			ip_mc_dec_group(in_dev, addr->s6_addr32[3]);
	} else if (IS_ENABLED(CONFIG_IPV6)) {
		ipv6_dev_mc_dec(dev->ndev, addr);
	}
	rtnl_unlock();
}

/* A group without members, which nobody sees yet. */
static struct prxe_mcast_group *mcast_new_group(struct prxe_dev *dev,
						const union ib_gid *gid)
{
	struct prxe_mcast_group *grp;
	int err;

	lockdep_assert_held(&dev->mcast.lock);

	if (dev->mcast.nr >= PRXE_MAX_MCAST_GRP)
		return ERR_PTR(-ENOMEM);
	grp = kzalloc_obj(*grp);
	if (!grp)
		return ERR_PTR(-ENOMEM);
	grp->gid = *gid;
	INIT_LIST_HEAD(&grp->members);
	err = mcast_ip_join(dev, gid);
	if (err) {
		kfree(grp);
		return ERR_PTR(err);
	}
	hash_add_rcu(dev->mcast.groups, &grp->node, mcast_hash(gid));
	dev->mcast.nr++;
	return grp;
}

static void mcast_drop_if_empty(struct prxe_dev *dev,
				struct prxe_mcast_group *grp)
{
	lockdep_assert_held(&dev->mcast.lock);

	if (grp->nr)
		return;
	hash_del_rcu(&grp->node);
	dev->mcast.nr--;
	mcast_ip_leave(dev, &grp->gid);
	kfree_rcu(grp, rcu);
}

/**
 * prxe_attach_mcast() - verbs: a datagram queue pair joins a group
 * @ibqp: the queue pair; ib_core has seen that it is UD
 * @gid: address of the group
 * @lid: of no meaning on Ethernet
 *
 * Context: process; takes &prxe_mcast.lock and RTNL.
 * Return: 0, also when it is a member already; -EINVAL if @gid is no multicast
 * address; -ENODEV if the network device does not speak its protocol; -ENOMEM, also
 * for more groups or members than query_device tells.
 */
int prxe_attach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_dev *dev = qp->dev;
	struct prxe_mcast_group *grp;
	struct prxe_mcast_member *m;

	if (!mcast_valid(gid))
		return -EINVAL;

	guard(mutex)(&dev->mcast.lock);

	grp = mcast_find(&dev->mcast, gid);
	if (!grp)
		grp = mcast_new_group(dev, gid);
	if (IS_ERR(grp))
		return PTR_ERR(grp);
	if (mcast_find_member(grp, qp))
		return 0;
	m = grp->nr < PRXE_MAX_MCAST_ATTACH ? kzalloc_obj(*m) : NULL;
	if (!m) {
		mcast_drop_if_empty(dev, grp);
		return -ENOMEM;
	}
	m->qp = qp;
	list_add_tail_rcu(&m->node, &grp->members);
	grp->nr++;
	return 0;
}

/**
 * prxe_detach_mcast() - verbs: a queue pair leaves a group
 * @ibqp: the queue pair
 * @gid: address of the group
 * @lid: of no meaning on Ethernet
 *
 * Context: process; takes &prxe_mcast.lock and RTNL.
 * Return: 0, or -EINVAL if it is no member.
 */
int prxe_detach_mcast(struct ib_qp *ibqp, union ib_gid *gid, u16 lid)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_dev *dev = qp->dev;
	struct prxe_mcast_group *grp;
	struct prxe_mcast_member *m;

	guard(mutex)(&dev->mcast.lock);

	grp = mcast_find(&dev->mcast, gid);
	m = grp ? mcast_find_member(grp, qp) : NULL;
	if (!m)
		return -EINVAL;
	list_del_rcu(&m->node);
	kfree_rcu(m, rcu);
	grp->nr--;
	mcast_drop_if_empty(dev, grp);
	return 0;
}

/**
 * prxe_mcast_each() - for each member of a group
 * @dev: the device
 * @gid: address of the group
 * @fn: called for each
 * @arg: for it
 *
 * Context: under rcu_read_lock(); @fn is called in the same context.
 * Return: how many there were.
 */
unsigned int prxe_mcast_each(struct prxe_dev *dev, const union ib_gid *gid,
			     void (*fn)(struct prxe_qp *qp, void *arg),
			     void *arg)
{
	struct prxe_mcast_group *grp = mcast_find(&dev->mcast, gid);
	struct prxe_mcast_member *m;
	unsigned int n = 0;

	if (!grp)
		return 0;
	list_for_each_entry_rcu(m, &grp->members, node) {
		fn(m->qp, arg);
		n++;
	}
	return n;
}

void prxe_mcast_init(struct prxe_mcast *mc)
{
	mutex_init(&mc->lock);
	hash_init(mc->groups);
}

void prxe_mcast_fini(struct prxe_mcast *mc)
{
	WARN_ON_ONCE(mc->nr);
	mutex_destroy(&mc->lock);
}
