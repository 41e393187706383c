/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The device and the objects that have no header of their own.
 *
 * The data path, by file:
 *
 *   ibv_post_send -> ring.h -> wqe_check.c -> requester.c -> train.c -> net_tx.c
 *     -> UDP -> net_rx.c -> responder.c (read_resp.c, atomic in mr.c) -> mr*.c
 *     -> train.c -> UDP -> net_rx.c -> completer.c -> cq.c -> ibv_poll_cq
 *
 * docs/data-path.md walks along it, docs/locking.md has the lock order.
 */
#ifndef PRXE_H
#define PRXE_H

#include <linux/percpu.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

#include "stats.h"

struct prxe_net;
struct prxe_qp;

/**
 * struct prxe_dev - one RDMA device over one network device
 * @ibdev: the core's device
 * @net: the UDP sockets of the network namespace; a reference
 * @net_node: in &prxe_net.devs, RCU
 * @ndev_ifindex: index of the network device
 * @tx_sk: unbound UDP socket that packets in flight are charged to
 * @tx_limit: bytes (truesize) in flight on @tx_sk before QPs wait
 * @tx_waiting: QPs that wait for @tx_sk to drain; @tx_wait_lock
 * @tx_wait_lock: innermost
 * @mrs: memory regions and windows by key >> 8, RCU lookups (mr.c)
 * @ahs: address handles by number, for user datagrams (ah.c)
 * @gsi_qp: QP 1, RCU
 * @stats: per CPU counters
 */
struct prxe_dev {
	struct ib_device ibdev;
	struct prxe_net *net;
	struct list_head net_node;
	int ndev_ifindex;
	struct socket *tx_sk;
	unsigned int tx_limit;
	struct list_head tx_waiting;
	spinlock_t tx_wait_lock;
	struct xarray mrs;
	struct xarray ahs;
	struct prxe_qp __rcu *gsi_qp;
	struct prxe_stats __percpu *stats;
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

/* One queue for everything that must sleep or that used up a budget. */
extern struct workqueue_struct *prxe_wq;

#endif /* PRXE_H */
