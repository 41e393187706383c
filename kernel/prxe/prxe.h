/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device and the objects that have no header of their own.
 *
 * The data path, by file:
 *
 *   ibv_post_send -> ring.h -> wqe_check.c -> requester.c -> train.c -> net_tx.c
 *     -> UDP -> net_rx.c -> responder.c, execute.c, read_resp.c -> mr*.c
 *     -> train.c -> UDP -> net_rx.c -> completer.c -> cq.c -> ibv_poll_cq
 *
 * and between queue pairs of one device from requester.c by local_path.c to
 * execute.c, then cq.c.
 *
 * docs/data-path.md walks along it, docs/locking.md has the lock order.
 */
#ifndef PRXE_H
#define PRXE_H

#include <linux/idr.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

#include "mcast.h"
#include "stats.h"

struct prxe_net;
struct prxe_qp;

/* What one device has room for; told by query_device, enforced where it counts. */
#define PRXE_MAX_RD_ATOMIC	128
#define PRXE_MAX_PKEYS		1
#define PRXE_GID_TBL_LEN	256
#define PRXE_GSI_QPN		1
#define PRXE_MIN_QPN		17
#define PRXE_MAX_QPN		0xfffffe
#define PRXE_MAX_MR		((1 << 24) - 1)

/**
 * struct prxe_dev - one RDMA device over one network device
 * @ibdev: the core's device
 * @node: in the list of all devices, see netdev.c
 * @ndev: the network device; a reference, the last thing that is given back
 * @ndev_tracker: of that reference
 * @netns: the namespace @ndev was in when the link was added; not a reference
 * @guid: node and system image GUID, from the MAC address
 * @net: the UDP sockets of the network namespace; a reference
 * @net_node: in &prxe_net.devs, RCU
 * @ndev_ifindex: index of the network device
 * @tx_sk: unbound UDP socket that packets in flight are charged to
 * @tx_limit: bytes (truesize) in flight on @tx_sk before QPs wait
 * @tx_waiting: QPs that wait for @tx_sk to drain; @tx_wait_lock
 * @tx_wait_lock: innermost
 * @link_up: the port was active when the network device was last heard of;
 *	prxe_devs_mutex (netdev.c)
 * @mrs: memory regions and windows by key >> 8, RCU lookups (mr.c)
 * @ahs: address handles by number, for user datagrams (ah.c)
 * @gsi_qp: QP 1, RCU
 * @mcast: multicast groups
 * @stats: per CPU counters, of queue pairs too that are not bound elsewhere
 * @counters: numbers of the counters that queue pairs are bound to (counter.c)
 */
struct prxe_dev {
	struct ib_device ibdev;
	struct list_head node;
	struct net_device *ndev;
	netdevice_tracker ndev_tracker;
	struct net *netns;
	__be64 guid;
	struct prxe_net *net;
	struct list_head net_node;
	int ndev_ifindex;
	struct socket *tx_sk;
	unsigned int tx_limit;
	struct list_head tx_waiting;
	spinlock_t tx_wait_lock;	/* innermost */
	bool link_up;
	struct xarray mrs;
	struct xarray ahs;
	struct prxe_qp __rcu *gsi_qp;
	struct prxe_mcast mcast;
	struct prxe_stats __percpu *stats;
	struct ida counters;
};

struct prxe_ucontext {
	struct ib_ucontext ibuc;
};

struct prxe_pd {
	struct ib_pd ibpd;
};

static inline struct prxe_dev *to_pdev(struct ib_device *ibdev)
{
	return container_of(ibdev, struct prxe_dev, ibdev);
}

static inline struct prxe_pd *to_ppd(struct ib_pd *ibpd)
{
	return container_of(ibpd, struct prxe_pd, ibpd);
}

/* netdev.c */
int prxe_netdev_init(void);
void prxe_netdev_exit(void);

/**
 * prxe_netdev_attach() - tie a device to its network device
 * @dev: not registered yet, zeroed
 * @ndev: the network device
 *
 * Takes a reference to @ndev and the sockets of its namespace.
 *
 * Context: process, no RTNL.
 * Return: 0; -EEXIST if @ndev has a prxe device already; -EADDRINUSE if the
 * UDP port is taken; or what the sockets answered.
 */
int prxe_netdev_attach(struct prxe_dev *dev, struct net_device *ndev);

/* The reverse; nothing happens to a device that is not attached. */
void prxe_netdev_detach(struct prxe_dev *dev);

/**
 * prxe_netdev_gone() - was the network device lost while we registered?
 * @dev: registered; perhaps unregistered again, but not freed
 * @ndev: the network device; the caller holds a reference
 *
 * Return: true: perhaps nobody was told, the caller has to unregister @dev.
 */
bool prxe_netdev_gone(const struct prxe_dev *dev,
		      const struct net_device *ndev);

/* verbs.c, see struct ib_device_ops */
int prxe_query_device(struct ib_device *ibdev, struct ib_device_attr *attr,
		      struct ib_udata *udata);
int prxe_modify_device(struct ib_device *ibdev, int mask,
		       struct ib_device_modify *modify);
void prxe_get_dev_fw_str(struct ib_device *ibdev, char *str);
int prxe_query_port(struct ib_device *ibdev, u32 port,
		    struct ib_port_attr *attr);
int prxe_query_pkey(struct ib_device *ibdev, u32 port, u16 index, u16 *pkey);
int prxe_get_port_immutable(struct ib_device *ibdev, u32 port,
			    struct ib_port_immutable *im);
enum rdma_link_layer prxe_get_link_layer(struct ib_device *ibdev, u32 port);
int prxe_alloc_ucontext(struct ib_ucontext *ibuc, struct ib_udata *udata);
void prxe_dealloc_ucontext(struct ib_ucontext *ibuc);
void prxe_disassociate_ucontext(struct ib_ucontext *ibuc);
int prxe_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);
int prxe_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata);

/* res_show.c, see struct ib_device_ops */
int prxe_fill_res_qp_entry(struct sk_buff *msg, struct ib_qp *ibqp);
int prxe_fill_res_cq_entry(struct sk_buff *msg, struct ib_cq *ibcq);
int prxe_fill_res_srq_entry(struct sk_buff *msg, struct ib_srq *ibsrq);

/* The path MTU that @dev's network device has room for now. Any context. */
enum ib_mtu prxe_active_mtu(const struct prxe_dev *dev);

/* One queue for everything that must sleep or that used up a budget. */
extern struct workqueue_struct *prxe_wq;

#endif /* PRXE_H */
