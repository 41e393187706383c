/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The way to the wire and back: flows, trains, sockets.
 *
 * A *flow* is an address vector resolved to a route; a QP has one for its
 * requester and one for its responder, each under the lock of its side, so that
 * nothing here locks. A *train* is one sk_buff that carries one or more RoCE
 * packets of equal size (UDP GSO); the network stack cuts it where it must.
 *
 * Packets in flight are charged to the device's own unbound socket with
 * skb_set_owner_w(), whose destructor is the core's: no packet needs our module
 * text, and unloading waits for none.
 */
#ifndef PRXE_NET_H
#define PRXE_NET_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/dst.h>
#include <rdma/ib_verbs.h>

#include "packet.h"
#include "segment.h"

struct net;
struct prxe_dev;
struct prxe_mem;
struct prxe_qp;
struct prxe_stats;
struct prxe_swqe;

/* Module exit of this layer. There is no device any more; on return no callback
 * of a socket runs our text.
 */
void prxe_wire_exit(void);

/* Bind port 4791 of the device's namespace (shared), and the device's tx socket.
 * -EADDRINUSE when somebody else (rxe) has the port. Process context.
 */
int prxe_net_add_dev(struct prxe_dev *dev, struct net *net);
/* The reverse. On return no packet is in our receive path for this device. */
void prxe_net_del_dev(struct prxe_dev *dev);

/**
 * struct prxe_flow - an address vector, resolved
 * @dev: the device
 * @sgid_attr: a reference to our GID table entry
 * @ifindex: of the network device of that GID
 * @v6: IPv6, else IPv4
 * @saddr: our address; an IPv4 address is the last word
 * @daddr: the peer's
 * @flow_label: IPv6 flow label; also chooses the UDP source port (IBTA A17.9.3.2)
 * @sport: UDP source port
 * @tclass: traffic class or TOS
 * @hop_limit: hop limit or TTL
 * @ip_id: next IPv4 identification
 * @dst: cached route, or NULL
 * @dst_cookie: for dst_check()
 */
struct prxe_flow {
	struct prxe_dev *dev;
	const struct ib_gid_attr *sgid_attr;
	int ifindex;
	bool v6;
	u8 tclass;
	u8 hop_limit;
	__be16 sport;
	u32 flow_label;
	struct in6_addr saddr;
	struct in6_addr daddr;
	u16 ip_id;
	u32 dst_cookie;
	struct dst_entry *dst;
};

/**
 * prxe_flow_init() - resolve an address vector
 * @flow: filled in
 * @dev: the device
 * @attr: with sgid_attr and dgid; validated
 * @sqpn: our QP number; @dqpn: the peer's: entropy of the UDP source port where
 *	the flow label is 0
 *
 * Takes its own reference to @attr's GID. The route is looked up at the first
 * packet. Context: process. Return: 0 or -EINVAL.
 */
int prxe_flow_init(struct prxe_flow *flow, struct prxe_dev *dev,
		   const struct rdma_ah_attr *attr, u32 sqpn, u32 dqpn);
/* Drops the references; the flow may be all zero. Any context. */
void prxe_flow_fini(struct prxe_flow *flow);
/* Does a packet come from the flow's peer to the flow's own address? Under the
 * lock of the flow's owner, for a modify changes it.
 */
bool prxe_flow_matches(const struct prxe_flow *flow, const struct sk_buff *skb);

/**
 * prxe_flow_route() - the route of a flow
 * @flow: its owner's lock is held
 *
 * Looks it up at first, and again after the tables have changed.
 * Context: bottom halves off.
 * Return: the flow's own reference, to be cloned; or an ERR_PTR.
 */
struct dst_entry *prxe_flow_route(struct prxe_flow *flow);

/**
 * prxe_flow_is_local() - would packets come to this very host?
 * @flow: its owner's lock is held
 *
 * By the route that they would take now, which must be up, as must be the device's
 * own network device. Context: bottom halves off.
 */
bool prxe_flow_is_local(struct prxe_flow *flow);
/* Is @other the way back? The locks of both owners are held. */
bool prxe_flow_mirrors(const struct prxe_flow *flow,
		       const struct prxe_flow *other);

/**
 * union prxe_ip_udp - what stands before the BTH
 * @v4: IPv4, without options
 * @v6: IPv6, without extension headers
 */
union prxe_ip_udp {
	struct {
		struct iphdr ip;
		struct udphdr udp;
	} v4;
	struct {
		struct ipv6hdr ip;
		struct udphdr udp;
	} v6;
};

/**
 * struct prxe_train - packets on their way into one sk_buff
 * @flow: where to
 * @skb: what is being built
 * @nr: segments planned
 * @done: segments closed
 * @seg_size: bytes of each, BTH to ICRC
 * @seg: the open segment
 * @hdr_len: bytes of BTH and extensions in the open segment
 * @crc: running ICRC of the open segment
 * @frag: fragment of @skb that the next segment begins in
 * @frag_off: where in it
 * @ip: IP and UDP header as the open segment has them on the wire
 */
struct prxe_train {
	struct prxe_flow *flow;
	struct sk_buff *skb;
	unsigned int nr;
	unsigned int done;
	unsigned int seg_size;
	void *seg;
	unsigned int hdr_len;
	u32 crc;
	unsigned int frag;
	unsigned int frag_off;
	union prxe_ip_udp ip;
};

/* Most segments of a train: UDP_MAX_SEGMENTS. Most bytes: PRXE_TRAIN_MAX_BYTES. */
#define PRXE_TRAIN_MAX_SEGS	128

/**
 * prxe_train_begin() - start a train
 * @t: filled in
 * @flow: where to; its owner's lock is held
 * @nr: number of segments, 1 to PRXE_TRAIN_MAX_SEGS
 * @seg_size: bytes of each, BTH to ICRC; a multiple of 4
 *
 * Small single packets are linear; larger ones are in recycled page fragments,
 * each segment contiguous. Context: bottom halves off.
 * Return: 0; -ENOMEM; -EHOSTUNREACH when there is no route; -EMSGSIZE when it does not
 * take packets of this size (now).
 */
int prxe_train_begin(struct prxe_train *t, struct prxe_flow *flow,
		     unsigned int nr, unsigned int seg_size);

/**
 * prxe_train_open() - start the next segment
 * @t: the train
 * @pkt: its BTH and extensions; written into the segment
 *
 * Return: where the payload goes: seg_size - header - 4 bytes. @t->crc is the
 * running ICRC, already over the masked headers; the caller continues it over
 * the payload and pad bytes (prxe_mr_copy_out() does it while it copies).
 */
void *prxe_train_open(struct prxe_train *t, const struct prxe_pkt *pkt);

/* Finish the open segment: stores the ICRC. */
void prxe_train_close(struct prxe_train *t);

/**
 * prxe_train_send() - hand the train to the network stack
 * @t: all segments closed, or fewer than planned (it is cut to those); consumed
 * @stats: of whom it comes from
 *
 * Return: 0, or -ENOBUFS when the packets were dropped on this host: rewind
 * and try again after a pause.
 */
int prxe_train_send(struct prxe_train *t, struct prxe_stats __percpu *stats);

/* Throw the train away. */
void prxe_train_abort(struct prxe_train *t);

/* May a QP of this device send another train? Racy by nature. */
bool prxe_tx_room(const struct prxe_dev *dev);

/**
 * prxe_tx_wait() - be kicked (prxe_qp_kick()) when there is room again
 * @dev: the device; @qp: the queue pair, &prxe_qp.tx_node
 *
 * Idempotent. Return: false when there is room already and nothing was queued.
 */
bool prxe_tx_wait(struct prxe_dev *dev, struct prxe_qp *qp);
/* The QP goes away: it is not kicked any more on return. */
void prxe_tx_unwait(struct prxe_dev *dev, struct prxe_qp *qp);

/**
 * struct prxe_rx - one received packet, checked up to its ICRC
 * @skb: the sk_buff that holds it, perhaps with others; the callee borrows it
 *	and takes a reference (skb_get()) to keep it
 * @payload: offset of the payload in @skb
 * @pkt: BTH and extensions
 */
struct prxe_rx {
	struct sk_buff *skb;
	unsigned int payload;
	struct prxe_pkt pkt;
};

/**
 * prxe_rx_copy_in() - place payload
 * @rx: the packet
 * @off: first byte of its payload
 * @len: bytes; @off + @len is at most rx->pkt.payload_len
 * @mem: where it goes
 *
 * Walks the fragments of the sk_buff. Context: any up to softirq.
 * Return: 0 or as prxe_mr_copy_in(); a part may have been written.
 */
int prxe_rx_copy_in(const struct prxe_rx *rx, unsigned int off,
		    unsigned int len, const struct prxe_mem *mem);

/**
 * prxe_rx_copy_bits() - read payload into kernel memory
 * @rx: the packet
 * @off: first byte of its payload
 * @buf: where to
 * @len: bytes; @off + @len is at most rx->pkt.payload_len
 *
 * Context: any up to softirq. Return: 0 or -EFAULT.
 */
int prxe_rx_copy_bits(const struct prxe_rx *rx, unsigned int off, void *buf,
		      unsigned int len);

/*
 * net_rx.c finds QP and segment and then calls one of these, per packet in
 * order of arrival, in softirq context under rcu_read_lock(), and at the end of
 * a run of packets for one QP prxe_resp_flush().
 */
void prxe_resp_rx(struct prxe_qp *qp, const struct prxe_rx *rx);
void prxe_comp_rx(struct prxe_qp *qp, const struct prxe_rx *rx);
void prxe_resp_flush(struct prxe_qp *qp);
/* UD and QP 1 */
void prxe_ud_rx(struct prxe_qp *qp, const struct prxe_rx *rx);

/**
 * prxe_ud_send() - send the datagram of a work request
 * @qp: a UD or GSI queue pair, sq.lock held
 * @swqe: a validated SEND, with or without immediate data
 *
 * A datagram that is lost on this host is like one lost on the wire: sent.
 *
 * Return: 0: complete it; 1: @swqe was made PRXE_WQE_BAD: no such address
 * handle, or longer than a packet; else as prxe_req_gather().
 */
int prxe_ud_send(struct prxe_qp *qp, struct prxe_swqe *swqe);

#endif /* PRXE_NET_H */
