// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receive: from an sk_buff of the UDP port to the half of a queue pair.
 *
 * An sk_buff holds one packet, or a train of packets that are gso_size bytes
 * each but for the last. It is never linearized: headers are copied to the
 * stack, the ICRC is computed and the payload placed by walking the fragments.
 *
 * Nothing that a packet says is acted upon before its ICRC was found right. In
 * order, with what is counted when it fails:
 *
 *	malformed_pkts		IP options; a length, header or opcode that no
 *				packet of ours has
 *	icrc_errors		ICRC
 *	mismatched_pkts		partition key
 *	unknown_qp_pkts		no such queue pair here
 *	mismatched_pkts		transport, state; addresses, which the engines
 *				compare under their locks
 *
 * What is dropped before the queue pair is known is counted at the device of the
 * network device that it came by, or else at the first device.
 *
 * Congestion: nothing of ours slows down. A congestion notification is counted
 * (rcvd_cnp_pkts) and dropped, a packet with a CE mark counted (rcvd_ecn_marked_pkts)
 * and otherwise like any; the ICRC does not cover the mark.
 */
#include <linux/rculist.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <net/inet_ecn.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <rdma/ib_cache.h>

#include "crc.h"
#include "mcast.h"
#include "mr.h"
#include "net_internal.h"
#include "qp.h"
#include "trace.h"

/**
 * struct prxe_seg - a packet in its sk_buff
 * @pnet: the namespace
 * @skb: the sk_buff
 * @off: of the BTH in it
 * @len: from BTH to ICRC
 * @v6: IPv6, else IPv4
 * @ce: a router met congestion
 */
struct prxe_seg {
	struct prxe_net *pnet;
	struct sk_buff *skb;
	unsigned int off;
	unsigned int len;
	bool v6;
	bool ce;
};

/*
 * The network device above a device's own that @skb came by: a VLAN's, or the bond
 * or bridge that its own is a port of; such have GIDs of the device too. NULL: by
 * its own, or by another that has nothing to do with any.
 */
static struct net_device *rx_upper(struct prxe_net *pnet,
				   const struct sk_buff *skb)
{
	struct prxe_dev *dev;

	list_for_each_entry_rcu(dev, &pnet->devs, net_node)
		if (dev->ndev_ifindex == skb->skb_iif)
			return NULL;
	return dev_get_by_index_rcu(pnet->net, skb->skb_iif);
}

/* Did @skb come by the network device of @dev, or by @upper and that is above? */
static bool rx_came_by(const struct prxe_dev *dev, const struct sk_buff *skb,
		       struct net_device *upper)
{
	if (!upper)
		return dev->ndev_ifindex == skb->skb_iif;
	return netdev_has_upper_dev_all_rcu(dev->ndev, upper);
}

static struct prxe_dev *rx_dev(struct prxe_net *pnet, const struct sk_buff *skb)
{
	struct net_device *upper = rx_upper(pnet, skb);
	struct prxe_dev *dev;

	list_for_each_entry_rcu(dev, &pnet->devs, net_node)
		if (rx_came_by(dev, skb, upper))
			return dev;
	return list_first_or_null_rcu(&pnet->devs, struct prxe_dev, net_node);
}

/* What nobody gets is counted, and traced. */
static void rx_drop(struct prxe_dev *dev, enum prxe_stat why, unsigned int len)
{
	if (!dev)
		return;
	this_cpu_inc(dev->stats->v[why]);
	trace_drop_pkt(dev, why, len);
}

/*
 * Call @fn for each contiguous run of bytes; it returns other than 0 to stop.
 * Fragments that cannot be read (device memory) end in -EFAULT.
 */
static int rx_walk(struct sk_buff *skb, unsigned int off, unsigned int len,
		   int (*fn)(void *ctx, const u8 *data, unsigned int len),
		   void *ctx)
{
	struct skb_seq_state st;
	unsigned int done = 0, n;
	const u8 *data;
	int err = 0;

	if (!len)
		return 0;
	skb_prepare_seq_read(skb, off, off + len, &st);
	while (done < len) {
		n = skb_seq_read(done, &data, &st);
		if (!n) {
			err = -EFAULT;
			break;
		}
		n = min(n, len - done);
		err = fn(ctx, data, n);
		if (err)
			break;
		done += n;
	}
	skb_abort_seq_read(&st);
	return err;
}

static int rx_crc(void *ctx, const u8 *data, unsigned int len)
{
	u32 *crc = ctx;

	*crc = prxe_crc(*crc, data, len);
	return 0;
}

static int rx_place(void *ctx, const u8 *data, unsigned int len)
{
	struct prxe_mem *mem = ctx;
	int err;

	err = prxe_mr_copy_in(mem, data, len);
	mem->addr += len;
	return err;
}

int prxe_rx_copy_in(const struct prxe_rx *rx, unsigned int off,
		    unsigned int len, const struct prxe_mem *mem)
{
	struct prxe_mem to = *mem;

	return rx_walk(rx->skb, rx->payload + off, len, rx_place, &to);
}

int prxe_rx_copy_bits(const struct prxe_rx *rx, unsigned int off, void *buf,
		      unsigned int len)
{
	return skb_copy_bits(rx->skb, rx->payload + off, buf, len);
}

static bool rx_is_train(const struct sk_buff *skb)
{
	return skb_is_gso(skb) &&
	       (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4);
}

void prxe_rx_ip_image(union prxe_ip_udp *img, const struct sk_buff *skb,
		      bool v6, unsigned int off, unsigned int len)
{
	unsigned int ulen = sizeof(struct udphdr) + len;

	if (v6) {
		img->v6.ip = *ipv6_hdr(skb);
		img->v6.udp = *udp_hdr(skb);
		if (rx_is_train(skb)) {
			img->v6.ip.payload_len = htons(ulen);
			img->v6.udp.len = htons(ulen);
		}
		return;
	}
	img->v4.ip = *ip_hdr(skb);
	img->v4.udp = *udp_hdr(skb);
	if (rx_is_train(skb)) {
		unsigned int i = off / skb_shinfo(skb)->gso_size;

		img->v4.ip.tot_len = htons(sizeof(img->v4.ip) + ulen);
		img->v4.ip.id = htons(ntohs(ip_hdr(skb)->id) + i);
		img->v4.udp.len = htons(ulen);
		ip_send_check(&img->v4.ip);
	}
}

/* Neither options nor extension headers: the ICRC knows of none. */
static bool rx_plain_ip(const struct sk_buff *skb, bool v6)
{
	int ip_len = skb_transport_offset(skb) - skb_network_offset(skb);

	if (v6)
		return ip_len == sizeof(struct ipv6hdr) &&
		       ipv6_hdr(skb)->nexthdr == IPPROTO_UDP;
	return ip_len == sizeof(struct iphdr) && ip_hdr(skb)->ihl == 5;
}

static bool rx_icrc_ok(const struct prxe_seg *seg, const void *hdr,
		       unsigned int hdr_len)
{
	unsigned int body = seg->len - hdr_len - PRXE_ICRC_LEN;
	union prxe_ip_udp img;
	__le32 icrc;
	u32 crc;

	prxe_rx_ip_image(&img, seg->skb, seg->v6, seg->off, seg->len);
	crc = prxe_icrc_headers(prxe_crc, &img, seg->v6,
				seg->v6 ? &img.v6.udp : &img.v4.udp,
				hdr, hdr_len);
	if (rx_walk(seg->skb, seg->off + hdr_len, body, rx_crc, &crc) ||
	    skb_copy_bits(seg->skb, seg->off + hdr_len + body, &icrc,
			  sizeof(icrc)))
		return false;
	if (likely(icrc == prxe_icrc_final(crc)))
		return true;
	return *(const u8 *)hdr == PRXE_RC_FLUSH &&
	       icrc == prxe_icrc_final(prxe_icrc_rxe_flush(prxe_crc, crc, hdr,
							   hdr_len));
}

/* A congestion notification: a BTH and 16 reserved bytes (IBTA A17.9.3). */
static bool rx_is_cnp(const struct prxe_seg *seg, const struct prxe_bth *bth)
{
	return seg->len == PRXE_CNP_LEN && bth->opcode == PRXE_CNP;
}

void prxe_rx_dgid(const struct sk_buff *skb, union ib_gid *gid)
{
	if (ip_hdr(skb)->version == 6)
		memcpy(gid, &ipv6_hdr(skb)->daddr, sizeof(*gid));
	else
		ipv6_addr_set_v4mapped(ip_hdr(skb)->daddr,
				       (struct in6_addr *)gid);
}

/* Does the device own the address that the packet was sent to? */
static bool rx_dev_owns_daddr(struct prxe_dev *dev, const struct prxe_seg *seg)
{
	const struct ib_gid_attr *attr;
	union ib_gid gid;

	prxe_rx_dgid(seg->skb, &gid);
	attr = rdma_find_gid_by_port(&dev->ibdev, &gid,
				     IB_GID_TYPE_ROCE_UDP_ENCAP, 1, NULL);
	if (IS_ERR(attr))
		return false;
	rdma_put_gid_attr(attr);
	return true;
}

/*
 * Every device has a QP 1; the address says which is meant. Several may have the
 * address, link-local or that of a VLAN: then it is the one that the packet came by.
 */
static struct prxe_qp *rx_find_gsi(const struct prxe_seg *seg)
{
	struct net_device *upper = rx_upper(seg->pnet, seg->skb);
	struct prxe_qp *qp, *any = NULL;
	struct prxe_dev *dev;

	list_for_each_entry_rcu(dev, &seg->pnet->devs, net_node) {
		qp = rcu_dereference(dev->gsi_qp);
		if (!qp || !rx_dev_owns_daddr(dev, seg))
			continue;
		if (rx_came_by(dev, seg->skb, upper))
			return qp;
		any = any ?: qp;
	}
	return any;
}

static struct prxe_qp *rx_find_qp(const struct prxe_seg *seg, u32 qpn)
{
	struct prxe_qp *qp;

	if (qpn == 1)
		return rx_find_gsi(seg);
	qp = prxe_qp_lookup(qpn);
	return qp && qp->dev->net == seg->pnet ? qp : NULL;
}

/*
 * Is the packet of a kind that the queue pair listens to?
 *
 * A first sieve, without a lock. The engines look at the state again, and at the
 * addresses of a connection, which a modify in SQD may change: under their locks.
 */
static bool rx_qp_accepts(const struct prxe_qp *qp, const struct prxe_seg *seg,
			  const struct prxe_pkt *pkt)
{
	switch (qp->ibqp.qp_type) {
	case IB_QPT_RC:
		return pkt->op->transport == PRXE_RC &&
		       READ_ONCE(qp->resp.state) >= IB_QPS_RTR;
	case IB_QPT_UC:
		return pkt->op->transport == PRXE_UC &&
		       READ_ONCE(qp->resp.state) >= IB_QPS_RTR;
	case IB_QPT_GSI:
		return pkt->op->transport == PRXE_UD;
	case IB_QPT_UD:
		return pkt->op->transport == PRXE_UD &&
		       rx_dev_owns_daddr(qp->dev, seg);
	default:
		return false;
	}
}

void prxe_rx_flush(struct prxe_rx_run *run)
{
	if (run->qp)
		prxe_resp_flush(run->qp);
	run->qp = NULL;
}

static void rx_deliver(struct prxe_qp *qp, const struct prxe_rx *rx,
		       struct prxe_rx_run *run)
{
	if (run->qp != qp)
		prxe_rx_flush(run);
	if (rx->pkt.op->transport == PRXE_UD) {
		prxe_ud_rx(qp, rx);
	} else if (rx->pkt.op->flags & PRXE_OP_RESPONSE) {
		if (run->deferred)
			prxe_qp_stat_inc(qp, ACK_DEFERRED);
		prxe_comp_rx(qp, rx);
	} else {
		run->qp = qp;
		prxe_resp_rx(qp, rx);
	}
}

static void rx_to_member(struct prxe_qp *qp, void *rx)
{
	prxe_ud_rx(qp, rx);
}

/*
 * Each member of the group gets a copy (IBTA 10.5.2.2), at each device that the packet
 * came by; what a member cannot take is its own loss.
 */
static void rx_multicast(const struct prxe_seg *seg, struct prxe_rx *rx,
			 struct prxe_dev *first)
{
	struct net_device *upper = rx_upper(seg->pnet, seg->skb);
	struct prxe_dev *dev;
	bool taken = false;
	union ib_gid gid;

	if (rx->pkt.op->transport != PRXE_UD) {
		rx_drop(first, PRXE_STAT_RX_MISMATCH, seg->len);
		return;
	}
	prxe_rx_dgid(seg->skb, &gid);
	list_for_each_entry_rcu(dev, &seg->pnet->devs, net_node) {
		if (!rx_came_by(dev, seg->skb, upper) ||
		    !prxe_mcast_each(dev, &gid, rx_to_member, rx))
			continue;
		prxe_stat_inc(dev, RX_PKTS);
		prxe_stat_add(dev, RX_BYTES, seg->len);
		taken = true;
	}
	if (!taken)
		rx_drop(first, PRXE_STAT_RX_NO_QP, seg->len);
}

/* @dev: the device that the packet came by, for what is nobody's; may be NULL */
static void rx_packet(const struct prxe_seg *seg, struct prxe_dev *dev,
		      struct prxe_rx_run *run)
{
	unsigned int avail = min_t(unsigned int, seg->len, PRXE_MAX_HDR_LEN);
	struct prxe_rx rx = { .skb = seg->skb };
	u8 buf[PRXE_MAX_HDR_LEN];
	struct prxe_qp *qp;
	const void *hdr;

	hdr = skb_header_pointer(seg->skb, seg->off, avail, buf);
	if (hdr && rx_is_cnp(seg, hdr)) {
		rx_drop(dev, rx_icrc_ok(seg, hdr, PRXE_BTH_LEN) ?
			PRXE_STAT_RX_CNP : PRXE_STAT_RX_ICRC_ERR, seg->len);
		return;
	}
	if (!hdr || prxe_pkt_parse(hdr, avail, seg->len, &rx.pkt)) {
		rx_drop(dev, PRXE_STAT_RX_MALFORMED, seg->len);
		return;
	}
	if (!rx_icrc_ok(seg, hdr, rx.pkt.hdr_len)) {
		rx_drop(dev, PRXE_STAT_RX_ICRC_ERR, seg->len);
		return;
	}
	/* the default partition, full or limited member */
	if ((rx.pkt.pkey & ~PRXE_PKEY_MEMBERSHIP) != PRXE_PKEY_BASE) {
		rx_drop(dev, PRXE_STAT_RX_MISMATCH, seg->len);
		return;
	}
	if (dev)
		trace_recv_pkt(dev, &rx.pkt, seg->len);
	rx.payload = seg->off + rx.pkt.hdr_len;
	if (rx.pkt.qpn == PRXE_MCAST_QPN) {
		rx_multicast(seg, &rx, dev);
		return;
	}
	qp = rx_find_qp(seg, rx.pkt.qpn);
	if (!qp) {
		rx_drop(dev, PRXE_STAT_RX_NO_QP, seg->len);
		return;
	}
	if (!rx_qp_accepts(qp, seg, &rx.pkt)) {
		prxe_qp_stat_inc(qp, RX_MISMATCH);
		trace_drop_pkt(qp->dev, PRXE_STAT_RX_MISMATCH, seg->len);
		return;
	}
	prxe_qp_stat_inc(qp, RX_PKTS);
	prxe_qp_stat_add(qp, RX_BYTES, seg->len);
	if (unlikely(seg->ce))
		prxe_qp_stat_inc(qp, RX_ECN);
	rx_deliver(qp, &rx, run);
}

void prxe_rx_skb(struct prxe_net *pnet, struct sk_buff *skb, bool v6,
		 struct prxe_rx_run *run)
{
	unsigned int stride = rx_is_train(skb) ? skb_shinfo(skb)->gso_size :
						 skb->len;
	struct prxe_seg seg = { .pnet = pnet, .skb = skb, .v6 = v6 };
	struct prxe_dev *dev = rx_dev(pnet, skb);

	if (!skb->len || !stride || !rx_plain_ip(skb, v6)) {
		rx_drop(dev, PRXE_STAT_RX_MALFORMED, skb->len);
		return;
	}
	if (dev)
		prxe_stat_inc(dev, RX_TRAINS);
	seg.ce = INET_ECN_is_ce(v6 ? ipv6_get_dsfield(ipv6_hdr(skb)) :
				ipv4_get_dsfield(ip_hdr(skb)));
	for (; seg.off < skb->len; seg.off += stride) {
		seg.len = min(stride, skb->len - seg.off);
		rx_packet(&seg, dev, run);
	}
}
