// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trains: RoCE packets of equal size in one sk_buff.
 *
 * The stack sees one UDP datagram with SKB_GSO_UDP_L4: an IP and a UDP header
 * in the linear part, and all segments behind one another, from BTH to ICRC. It
 * is cut into packets where it must be, by the network device or before it, and
 * on a veth or loopback device not at all.
 *
 * The ICRC covers the IP and UDP headers, so it has to foresee what cutting does
 * to them: the lengths become those of one segment, and an IPv4 identification
 * is counted up from segment to segment (inet_gso_segment()). Checksums, TTL and
 * the like are not covered. prxe_train.ip holds the headers of the open segment
 * as they will be; the real ones are made of it when the train leaves.
 *
 * A packet that is small and alone is linear. Everything else lies in page
 * fragments, each segment contiguous, out of a small ring of pages per CPU
 * whose pages are used again when the last sk_buff has let go of them.
 *
 * The UDP checksum: zero for a packet that is alone, as every RoCE device sends
 * it, also on IPv6 (RFC 6936). GSO cannot do without, so a train has one, left
 * to the device (CHECKSUM_PARTIAL).
 */
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/udp.h>

#include "crc.h"
#include "net_internal.h"
#include "trace.h"

/* A packet up to this size, alone in its sk_buff, is linear. */
#define PRXE_LINEAR_MAX		1100

/*
 * A CPU's backlog takes 1,000 sk_buffs, however small (net.core.netdev_max_backlog),
 * but what is in flight is charged in bytes. So each is charged at least that
 * part of the limit that keeps the count below.
 */
#define PRXE_TX_MAX_SKBS	900

#define PRXE_POOL_PAGES		4
#define PRXE_POOL_ORDER		3

struct prxe_pool_page {
	struct page *page;
	unsigned int size;
	unsigned int off;
};

struct prxe_pool {
	struct prxe_pool_page slot[PRXE_POOL_PAGES];
	unsigned int cur;
};

static DEFINE_PER_CPU(struct prxe_pool, prxe_pools);
DEFINE_PER_CPU(unsigned int, prxe_in_tx);

static bool pool_refill(struct prxe_pool_page *s, unsigned int len)
{
	const gfp_t gfp = GFP_ATOMIC | __GFP_NOWARN | __GFP_COMP;
	unsigned int order = PRXE_POOL_ORDER;

	/* Ours is the last reference: nobody reads what was in it. */
	if (s->page && s->size >= len && page_ref_count(s->page) == 1) {
		s->off = 0;
		return true;
	}
	if (s->page)
		put_page(s->page);
	/* Smaller pages hold fewer packets: go down no more than needed. */
	s->page = alloc_pages(gfp | __GFP_NORETRY, order);
	while (!s->page && order-- > get_order(len))
		s->page = alloc_pages(gfp, order);
	s->size = s->page ? PAGE_SIZE << order : 0;
	s->off = 0;
	return s->page;
}

/* A slot with room for @len contiguous bytes. Bottom halves are off. */
static struct prxe_pool_page *pool_get(unsigned int len)
{
	struct prxe_pool *pool = this_cpu_ptr(&prxe_pools);
	struct prxe_pool_page *s = &pool->slot[pool->cur];

	if (s->page && s->size - s->off >= len)
		return s;
	pool->cur = (pool->cur + 1) % PRXE_POOL_PAGES;
	s = &pool->slot[pool->cur];
	return pool_refill(s, len) ? s : NULL;
}

/**
 * prxe_train_exit() - give recycled pages back
 *
 * Context: module exit; no train is under way.
 */
void prxe_train_exit(void)
{
	int cpu, i;

	for_each_possible_cpu(cpu) {
		struct prxe_pool *pool = per_cpu_ptr(&prxe_pools, cpu);

		for (i = 0; i < PRXE_POOL_PAGES; i++)
			if (pool->slot[i].page)
				put_page(pool->slot[i].page);
		memset(pool, 0, sizeof(*pool));
	}
}

static bool train_add_segment(struct sk_buff *skb, unsigned int len)
{
	int nr = skb_shinfo(skb)->nr_frags;
	struct prxe_pool_page *s = pool_get(len);

	if (!s)
		return false;
	if (skb_can_coalesce(skb, nr, s->page, s->off)) {
		skb_frag_size_add(&skb_shinfo(skb)->frags[nr - 1], len);
	} else if (nr < MAX_SKB_FRAGS) {
		get_page(s->page);
		skb_fill_page_desc(skb, nr, s->page, s->off, len);
	} else {
		return false;
	}
	s->off += len;
	skb->len += len;
	skb->data_len += len;
	skb->truesize += len;
	return true;
}

/* The headers of the first segment. */
static void train_init_headers(struct prxe_train *t)
{
	struct prxe_flow *flow = t->flow;
	unsigned int ulen = sizeof(struct udphdr) + t->seg_size;
	struct udphdr *udp;

	if (flow->v6) {
		struct ipv6hdr *ip6 = &t->ip.v6.ip;

		ip6_flow_hdr(ip6, flow->tclass, htonl(flow->flow_label));
		ip6->payload_len = htons(ulen);
		ip6->nexthdr = IPPROTO_UDP;
		ip6->hop_limit = flow->hop_limit;
		ip6->saddr = flow->saddr;
		ip6->daddr = flow->daddr;
		udp = &t->ip.v6.udp;
	} else {
		struct iphdr *ip = &t->ip.v4.ip;

		ip->version = IPVERSION;
		ip->ihl = sizeof(*ip) / 4;
		ip->tos = flow->tclass;
		ip->tot_len = htons(sizeof(*ip) + ulen);
		ip->id = htons(flow->ip_id);
		ip->frag_off = htons(IP_DF);
		ip->ttl = flow->hop_limit;
		ip->protocol = IPPROTO_UDP;
		ip->check = 0;
		ip->saddr = flow->saddr.s6_addr32[3];
		ip->daddr = flow->daddr.s6_addr32[3];
		udp = &t->ip.v4.udp;
	}
	udp->source = flow->sport;
	udp->dest = htons(PRXE_UDP_PORT);
	udp->len = htons(ulen);
	udp->check = 0;
}

static unsigned int ip_hdr_size(const struct prxe_flow *flow)
{
	return flow->v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
}

int prxe_train_begin(struct prxe_train *t, struct prxe_flow *flow,
		     unsigned int nr, unsigned int seg_size)
{
	bool linear = nr == 1 && seg_size <= PRXE_LINEAR_MAX;
	struct dst_entry *dst = prxe_flow_route(flow);
	unsigned int room, i;
	struct sk_buff *skb;

	/* The kinds of "no route" must not be taken for errors of memory. */
	if (IS_ERR(dst))
		return PTR_ERR(dst) == -ENOMEM ? -ENOMEM : -EHOSTUNREACH;
	/* It has shrunk since they connected: IP would drop the packets. */
	if (unlikely(ip_hdr_size(flow) + sizeof(struct udphdr) + seg_size >
		     dst_mtu(dst)))
		return -EMSGSIZE;
	if (WARN_ON_ONCE(!nr || nr > PRXE_TRAIN_MAX_SEGS ||
			 nr * seg_size > PRXE_TRAIN_MAX_BYTES))
		return -EINVAL;

	room = LL_RESERVED_SPACE(dst_dev(dst)) + ip_hdr_size(flow) +
	       sizeof(struct udphdr);
	skb = alloc_skb(room + (linear ? seg_size : 0), GFP_ATOMIC);
	if (!skb)
		return -ENOMEM;
	skb_reserve(skb, room);

	t->flow = flow;
	t->skb = skb;
	t->nr = nr;
	t->done = 0;
	t->seg_size = seg_size;
	t->seg = NULL;
	t->frag = 0;
	t->frag_off = 0;
	if (linear) {
		__skb_put(skb, seg_size);
	} else {
		for (i = 0; i < nr; i++) {
			if (!train_add_segment(skb, seg_size)) {
				kfree_skb(skb);
				return -ENOMEM;
			}
		}
	}
	train_init_headers(t);
	return 0;
}

/* Where the next segment lies. */
static void *train_next(struct prxe_train *t)
{
	const skb_frag_t *frag;
	void *seg;

	if (!skb_is_nonlinear(t->skb))
		return t->skb->data;
	frag = &skb_shinfo(t->skb)->frags[t->frag];
	seg = skb_frag_address(frag) + t->frag_off;
	t->frag_off += t->seg_size;
	if (t->frag_off == skb_frag_size(frag)) {
		t->frag++;
		t->frag_off = 0;
	}
	return seg;
}

void *prxe_train_open(struct prxe_train *t, const struct prxe_pkt *pkt)
{
	const struct prxe_flow *flow = t->flow;

	if (!flow->v6)
		t->ip.v4.ip.id = htons(flow->ip_id + t->done);
	t->seg = train_next(t);
	t->hdr_len = prxe_pkt_build(t->seg, pkt);
	trace_send_pkt(flow->dev, pkt, t->seg_size);
	t->crc = prxe_icrc_headers(prxe_crc, &t->ip, flow->v6,
				   flow->v6 ? &t->ip.v6.udp : &t->ip.v4.udp,
				   t->seg, t->hdr_len);
	return t->seg + t->hdr_len;
}

void prxe_train_close(struct prxe_train *t)
{
	__le32 icrc = prxe_icrc_final(t->crc);

	memcpy(t->seg + t->seg_size - PRXE_ICRC_LEN, &icrc, sizeof(icrc));
	t->done++;
}

void prxe_train_abort(struct prxe_train *t)
{
	kfree_skb(t->skb);
	t->skb = NULL;
}

static void train_push_headers(const struct prxe_train *t)
{
	const struct prxe_flow *flow = t->flow;
	struct sk_buff *skb = t->skb;
	unsigned int ulen = sizeof(struct udphdr) + skb->len;

	if (flow->v6) {
		memcpy(__skb_push(skb, sizeof(t->ip.v6)), &t->ip.v6,
		       sizeof(t->ip.v6));
		skb->protocol = htons(ETH_P_IPV6);
	} else {
		memcpy(__skb_push(skb, sizeof(t->ip.v4)), &t->ip.v4,
		       sizeof(t->ip.v4));
		skb->protocol = htons(ETH_P_IP);
	}
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, ip_hdr_size(flow));
	if (!flow->v6)
		ip_hdr(skb)->id = htons(flow->ip_id);
	udp_hdr(skb)->len = htons(ulen);

	if (t->done == 1)
		return;
	/* The IP lengths are set by ip_local_out() and ip6_local_out(). */
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_size = t->seg_size;
	skb_shinfo(skb)->gso_segs = t->done;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct udphdr, check);
	if (flow->v6)
		udp_hdr(skb)->check = ~udp_v6_check(ulen, &flow->saddr,
						    &flow->daddr, 0);
	else
		udp_hdr(skb)->check = ~udp_v4_check(ulen, ip_hdr(skb)->saddr,
						    ip_hdr(skb)->daddr, 0);
}

/* Return: 0, or why this host dropped it. */
static int train_xmit(struct prxe_flow *flow, struct sk_buff *skb)
{
	struct net *net = flow->dev->net->net;
	struct sock *sk = flow->dev->tx_sk->sk;
	int err;

	__this_cpu_inc(prxe_in_tx);
	if (flow->v6)
		err = ip6_local_out(net, sk, skb);
	else
		err = ip_local_out(net, sk, skb);
	__this_cpu_dec(prxe_in_tx);

	return err > 0 ? net_xmit_errno(err) : err;
}

static void train_count(struct prxe_stats __percpu *stats, int err,
			unsigned int pkts, unsigned int bytes)
{
	if (err) {
		this_cpu_inc(stats->v[PRXE_STAT_TX_DROPS]);
		this_cpu_add(stats->v[PRXE_STAT_TX_ERR], pkts);
		return;
	}
	this_cpu_add(stats->v[PRXE_STAT_TX_PKTS], pkts);
	this_cpu_inc(stats->v[PRXE_STAT_TX_TRAINS]);
	this_cpu_add(stats->v[PRXE_STAT_TX_BYTES], bytes);
}

int prxe_train_send(struct prxe_train *t, struct prxe_stats __percpu *stats)
{
	struct prxe_flow *flow = t->flow;
	struct prxe_dev *dev = flow->dev;
	struct sk_buff *skb = t->skb;
	unsigned int floor, bytes;
	int err;

	t->skb = NULL;
	if (!t->done || (t->done < t->nr &&
			 pskb_trim(skb, t->done * t->seg_size))) {
		kfree_skb(skb);
		return t->done ? -ENOBUFS : 0;
	}

	bytes = skb->len;
	trace_send_train(dev, t->done, skb->len);

	t->skb = skb;
	train_push_headers(t);
	t->skb = NULL;
	flow->ip_id += t->done;

	skb->dev = dst_dev(flow->dst);
	skb_dst_set(skb, dst_clone(flow->dst));
	skb->priority = rt_tos2priority(flow->tclass);
	__skb_set_sw_hash(skb, (u32)(__force u16)flow->sport * GOLDEN_RATIO_32,
			  true);
	floor = dev->tx_limit / PRXE_TX_MAX_SKBS;
	if (skb->truesize < floor)
		skb->truesize = floor;
	skb_set_owner_w(skb, dev->tx_sk->sk);
	err = train_xmit(flow, skb);
	train_count(stats, err, t->done, bytes);
	/*
	 * What a filter or the path MTU forbids is like a packet that is lost on the
	 * wire; to send it again at once would not help.
	 */
	return err == -ENOBUFS ? err : 0;
}
