/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the way to the wire share: net_sock.c, net_rx.c, train.c. */
#ifndef PRXE_NET_INTERNAL_H
#define PRXE_NET_INTERNAL_H

#include <linux/atomic.h>
#include <linux/net.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#include "net.h"
#include "prxe.h"

/**
 * struct prxe_port - a bound UDP socket
 * @pnet: the namespace
 * @sock: the socket; NULL without IPv6
 * @v6: IPv6, else IPv4
 * @pending: calls of data_ready that nobody has answered by looking into the
 *	queue; whoever takes it from zero drains and nobody else, until he has
 *	brought it back to zero or passed it on to @work
 * @work: goes on draining, in softirq context
 * @saved_data_ready: the callback that was there
 */
struct prxe_port {
	struct prxe_net *pnet;
	struct socket *sock;
	bool v6;
	atomic_t pending;
	struct work_struct work;
	void (*saved_data_ready)(struct sock *sk);
};

/**
 * struct prxe_net - what the devices of a network namespace share
 * @node: in the list of all namespaces; prxe_net_mutex
 * @net: the namespace
 * @port4: UDP port 4791, IPv4
 * @port6: the same, IPv6
 * @devs: devices in this namespace, RCU
 * @users: devices; the last one closes the ports; prxe_net_mutex
 *
 * A device lives no longer than its namespace, see netdev.c.
 */
struct prxe_net {
	struct list_head node;
	struct net *net;
	struct prxe_port port4;
	struct prxe_port port6;
	struct list_head devs;
	unsigned int users;
};

/**
 * struct prxe_rx_run - packets that came in a row for one queue pair
 * @qp: the queue pair whose responder has to be flushed, or NULL
 * @deferred: a work item is at it, the softirq that they came by has ended
 */
struct prxe_rx_run {
	struct prxe_qp *qp;
	bool deferred;
};

/**
 * prxe_rx_skb() - all packets of one sk_buff
 * @pnet: the namespace that it came to
 * @skb: from BTH on, IP and UDP header in front; borrowed
 * @v6: IPv6, else IPv4
 * @run: continued
 *
 * Context: softirq, under rcu_read_lock() until prxe_rx_flush().
 */
void prxe_rx_skb(struct prxe_net *pnet, struct sk_buff *skb, bool v6,
		 struct prxe_rx_run *run);

/* The end of a run. */
void prxe_rx_flush(struct prxe_rx_run *run);

/**
 * prxe_rx_ip_image() - a segment's IP and UDP header as on the wire
 * @img: filled in; bytes behind an IPv4 image are left alone
 * @skb: the sk_buff
 * @v6: IPv6, else IPv4
 * @off: of the segment's BTH in @skb
 * @len: from BTH to ICRC
 */
void prxe_rx_ip_image(union prxe_ip_udp *img, const struct sk_buff *skb,
		      bool v6, unsigned int off, unsigned int len);

/* The address that a packet was sent to. */
void prxe_rx_dgid(const struct sk_buff *skb, union ib_gid *gid);

/*
 * Not zero while this CPU is inside of a transmission of ours, with a queue
 * pair's lock held: a packet that comes back at once is left to the work item.
 */
DECLARE_PER_CPU(unsigned int, prxe_in_tx);

#if IS_ENABLED(CONFIG_KUNIT)
/* net_sock.c: sk_write_space of a device's socket */
void prxe_write_space(struct sock *sk);
#endif

/* train.c: gives recycled pages back; no train is under way */
void prxe_train_exit(void);

#endif /* PRXE_NET_INTERNAL_H */
