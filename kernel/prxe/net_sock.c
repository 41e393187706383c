// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets: UDP port 4791 of a network namespace, and one per device to send.
 *
 * Receive. The port is a plain UDP socket without encap_rcv, so that a train
 * arrives whole (udp_allow_gso()); an encapsulation socket would get it cut into
 * packets. The socket queues an sk_buff and calls sk_data_ready, in softirq
 * context, and our callback takes it off the queue again on the spot. One CPU
 * drains a socket at a time; the others leave their packets to it
 * (prxe_port.pending). Order is kept, and a queue pair sees one CPU.
 *
 * Nothing is left behind: who adds a packet queues it, then counts it (a full
 * barrier); who drains reads the count, then (acquire) looks into the queue, and
 * takes from the count what he has read. Whatever he has not seen in the queue
 * was not in that count, so that it does not become zero.
 *
 * Nobody verifies the UDP checksum, on purpose. What it covers beyond the ICRC
 * is nothing: the ICRC is over the addresses, the ports, the lengths and all of
 * the payload, and stronger. Most RoCE devices send zero anyway.
 *
 * Transmit. Packets in flight are charged to an unbound socket of the device
 * with the core's own skb_set_owner_w(); sk_write_space tells when some of them
 * are gone.
 *
 * Teardown. A callback finds its object in sk_user_data under RCU; NULL is put
 * there, the old callback restored, and a grace period waited for, before the
 * object goes. sock_wfree() may call a callback that it loaded before that from
 * a task that was preempted: prxe_wire_exit() waits for such tasks too before
 * the module's text goes.
 *
 * Locks: prxe_net_mutex for all that has to do with being set up; it nests
 * inside of nothing but the device's registration. tx_wait_lock is innermost,
 * interrupts off, because sk_buffs are freed anywhere.
 */
#include <kunit/visibility.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/udp.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/udp_tunnel.h>

#include "net_internal.h"
#include "qp.h"

/* sock_set_rcvbuf() doubles it */
#define PRXE_RCVBUF		(32 << 20)
/* About 120 full trains; see PRXE_TX_MAX_SKBS in train.c for small packets. */
#define PRXE_TX_LIMIT		(8 << 20)
/* sk_buffs that one call drains before others get their turn */
#define PRXE_RX_BUDGET		64

static DEFINE_MUTEX(prxe_net_mutex);
static LIST_HEAD(prxe_nets);	/* prxe_net_mutex */
/* The core's own, the same for all UDP sockets; prxe_net_mutex. */
static void (*prxe_saved_write_space)(struct sock *sk);

/*
 * Drain a port that the caller has the right to drain. @deferred: not in the softirq
 * that brought the packets. Return: false when the
 * budget is used up and the right is still the caller's.
 */
static bool prxe_port_drain(struct prxe_port *port, bool deferred)
{
	struct sock *sk = port->sock->sk;
	struct prxe_rx_run run = { .deferred = deferred };
	int budget = PRXE_RX_BUDGET;
	int seen, off = 0, err;
	struct sk_buff *skb;

	rcu_read_lock();
	do {
		/* The queue is looked into after this, see the top. */
		seen = atomic_read_acquire(&port->pending);
		while ((skb = __skb_recv_udp(sk, MSG_DONTWAIT, &off, &err))) {
			/* shares its memory with udp_dev_scratch */
			skb->dev = NULL;
			prxe_rx_skb(port->pnet, skb, port->v6, &run);
			consume_skb(skb);
			if (!--budget)
				goto out;
		}
	} while (atomic_sub_return(seen, &port->pending));
out:
	prxe_rx_flush(&run);
	rcu_read_unlock();
	return budget;
}

static void prxe_port_work(struct work_struct *work)
{
	struct prxe_port *port = container_of(work, struct prxe_port, work);

	if (!prxe_port_drain(port, true))
		queue_work(system_bh_wq, &port->work);
}

/*
 * Called in softirq context, after something was queued; perhaps on several
 * CPUs at once.
 */
static void prxe_data_ready(struct sock *sk)
{
	struct prxe_port *port;

	rcu_read_lock();
	port = rcu_dereference_sk_user_data(sk);
	if (port && atomic_inc_return(&port->pending) == 1) {
		/* In a transmission a queue pair's lock is held, see qp.h. */
		if (unlikely(__this_cpu_read(prxe_in_tx)) ||
		    !prxe_port_drain(port, false))
			queue_work(system_bh_wq, &port->work);
	}
	rcu_read_unlock();
}

/*
 * The socket layer says "too many open files" where it has no memory for a socket;
 * to users of `rdma link add` that error means that the name is taken.
 */
static int prxe_sock_error(int err)
{
	return err == -ENFILE ? -ENOMEM : err;
}

static int prxe_port_open(struct prxe_port *port, struct prxe_net *pnet,
			  bool v6)
{
	struct udp_port_cfg cfg = {
		.family = v6 ? AF_INET6 : AF_INET,
		.local_udp_port = htons(PRXE_UDP_PORT),
		.ipv6_v6only = v6,
	};
	struct sock *sk;
	int err;

	port->pnet = pnet;
	port->v6 = v6;
	atomic_set(&port->pending, 0);
	INIT_WORK(&port->work, prxe_port_work);
	err = udp_sock_create(pnet->net, &cfg, &port->sock);
	if (err) {
		port->sock = NULL;
		return prxe_sock_error(err);
	}

	sk = port->sock->sk;
	sk->sk_allocation = GFP_ATOMIC;
	sock_set_rcvbuf(sk, PRXE_RCVBUF);
	/* never poll the device from inside of its own softirq */
#ifdef CONFIG_NET_RX_BUSY_POLL
	WRITE_ONCE(sk->sk_ll_usec, 0);
#endif
	/* Lists of sk_buffs (SKB_GSO_FRAGLIST) are better cut by the stack. */
	udp_set_bit(ACCEPT_L4, sk);

	write_lock_bh(&sk->sk_callback_lock);
	port->saved_data_ready = sk->sk_data_ready;
	rcu_assign_sk_user_data(sk, port);
	WRITE_ONCE(sk->sk_data_ready, prxe_data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
	return 0;
}

static void prxe_port_close(struct prxe_port *port)
{
	struct sock *sk;

	if (!port->sock)
		return;
	sk = port->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	WRITE_ONCE(sk->sk_data_ready, port->saved_data_ready);
	write_unlock_bh(&sk->sk_callback_lock);
	synchronize_net();
	/* Only a drainer queues the work item, and it was the last one. */
	cancel_work_sync(&port->work);
	udp_tunnel_sock_release(sk);
	port->sock = NULL;
}

bool prxe_tx_room(const struct prxe_dev *dev)
{
	return sk_wmem_alloc_get(dev->tx_sk->sk) < dev->tx_limit;
}

/* Some packets are gone. Any context but hard interrupts. */
VISIBLE_IF_KUNIT void prxe_write_space(struct sock *sk)
{
	struct prxe_qp *qp, *next;
	struct prxe_dev *dev;
	unsigned long flags;

	rcu_read_lock();
	dev = rcu_dereference_sk_user_data(sk);
	if (!dev)
		goto out;
	/*
	 * Pairs with the barrier in prxe_tx_wait(): either we see the waiter, or
	 * it sees the room.
	 */
	smp_mb();
	if (likely(list_empty(&dev->tx_waiting)) ||
	    sk_wmem_alloc_get(sk) > dev->tx_limit / 2)
		goto out;

	spin_lock_irqsave(&dev->tx_wait_lock, flags);
	list_for_each_entry_safe(qp, next, &dev->tx_waiting, tx_node) {
		list_del_init(&qp->tx_node);
		prxe_qp_kick(qp);
	}
	spin_unlock_irqrestore(&dev->tx_wait_lock, flags);
out:
	rcu_read_unlock();
}

bool prxe_tx_wait(struct prxe_dev *dev, struct prxe_qp *qp)
{
	unsigned long flags;
	bool room, queued;

	spin_lock_irqsave(&dev->tx_wait_lock, flags);
	queued = list_empty(&qp->tx_node);
	if (queued)
		list_add_tail(&qp->tx_node, &dev->tx_waiting);
	smp_mb(); /* see prxe_write_space() */
	room = prxe_tx_room(dev);
	/* if it was there before, its other half waits and needs the kick */
	if (room && queued)
		list_del_init(&qp->tx_node);
	spin_unlock_irqrestore(&dev->tx_wait_lock, flags);
	if (!room)
		prxe_qp_stat_inc(qp, TX_WAITS);
	return !room;
}

void prxe_tx_unwait(struct prxe_dev *dev, struct prxe_qp *qp)
{
	unsigned long flags;

	spin_lock_irqsave(&dev->tx_wait_lock, flags);
	list_del_init(&qp->tx_node);
	spin_unlock_irqrestore(&dev->tx_wait_lock, flags);
}

static int prxe_tx_open(struct prxe_dev *dev, struct net *net)
{
	struct sock *sk;
	int err;

	err = sock_create_kern(net, AF_INET, SOCK_DGRAM, IPPROTO_UDP,
			       &dev->tx_sk);
	if (err) {
		dev->tx_sk = NULL;
		return prxe_sock_error(err);
	}
	dev->tx_limit = PRXE_TX_LIMIT;
	sk = dev->tx_sk->sk;
	write_lock_bh(&sk->sk_callback_lock);
	prxe_saved_write_space = sk->sk_write_space;
	rcu_assign_sk_user_data(sk, dev);
	WRITE_ONCE(sk->sk_write_space, prxe_write_space);
	write_unlock_bh(&sk->sk_callback_lock);
	return 0;
}

static void prxe_tx_close(struct prxe_dev *dev)
{
	struct sock *sk = dev->tx_sk->sk;

	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_sk_user_data(sk, NULL);
	WRITE_ONCE(sk->sk_write_space, prxe_saved_write_space);
	write_unlock_bh(&sk->sk_callback_lock);
	synchronize_net();
	WARN_ON_ONCE(!list_empty(&dev->tx_waiting));
	sock_release(dev->tx_sk);
	dev->tx_sk = NULL;
}

static struct prxe_net *prxe_net_find(struct net *net)
{
	struct prxe_net *pnet;

	lockdep_assert_held(&prxe_net_mutex);
	list_for_each_entry(pnet, &prxe_nets, node)
		if (net_eq(pnet->net, net))
			return pnet;
	return NULL;
}

static struct prxe_net *prxe_net_open(struct net *net)
{
	struct prxe_net *pnet;
	int err;

	pnet = kzalloc_obj(*pnet);
	if (!pnet)
		return ERR_PTR(-ENOMEM);
	pnet->net = net;
	INIT_LIST_HEAD(&pnet->devs);

	err = prxe_port_open(&pnet->port4, pnet, false);
	if (err)
		goto free;
	err = prxe_port_open(&pnet->port6, pnet, true);
	/* a kernel, or a host, without IPv6 */
	if (err && err != -EAFNOSUPPORT && err != -EPFNOSUPPORT)
		goto close;
	list_add(&pnet->node, &prxe_nets);
	return pnet;

close:
	prxe_port_close(&pnet->port4);
free:
	kfree(pnet);
	return ERR_PTR(err);
}

static void prxe_net_close(struct prxe_net *pnet)
{
	list_del(&pnet->node);
	prxe_port_close(&pnet->port4);
	prxe_port_close(&pnet->port6);
	kfree(pnet);
}

int prxe_net_add_dev(struct prxe_dev *dev, struct net *net)
{
	struct prxe_net *pnet;
	int err;

	guard(mutex)(&prxe_net_mutex);

	pnet = prxe_net_find(net);
	if (!pnet)
		pnet = prxe_net_open(net);
	if (IS_ERR(pnet))
		return PTR_ERR(pnet);

	err = prxe_tx_open(dev, net);
	if (err) {
		if (!pnet->users)
			prxe_net_close(pnet);
		return err;
	}
	pnet->users++;
	dev->net = pnet;
	list_add_tail_rcu(&dev->net_node, &pnet->devs);
	return 0;
}

void prxe_net_del_dev(struct prxe_dev *dev)
{
	struct prxe_net *pnet = dev->net;

	guard(mutex)(&prxe_net_mutex);

	list_del_rcu(&dev->net_node);
	/* with a grace period, for the list above as well */
	prxe_tx_close(dev);
	if (!--pnet->users)
		prxe_net_close(pnet);
	dev->net = NULL;
}

void prxe_wire_exit(void)
{
	/* see the top of the file */
	synchronize_rcu_tasks();
	prxe_train_exit();
}
