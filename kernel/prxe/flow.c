// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flows: an address vector, and the route to it.
 *
 * The route is looked up when the first packet is sent and again whenever the
 * kernel says that a cached one is no longer good (dst_check()), so that moved
 * addresses and changed tables need no notice to us.
 */
#include <linux/inetdevice.h>
#include <net/addrconf.h>
#include <net/ip6_route.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/route.h>
#include <rdma/ib_cache.h>

#include "net_internal.h"

/*
 * The network device of a GID: ours or one above it, such as a VLAN's, a bond's or
 * a bridge's. It may have moved to another namespace, where we have no sockets.
 * Return: its index, or 0.
 */
static int prxe_gid_ifindex(const struct prxe_dev *dev,
			    const struct ib_gid_attr *attr)
{
	const struct net_device *ndev;

	guard(rcu)();
	ndev = rdma_read_gid_attr_ndev_rcu(attr);
	if (IS_ERR(ndev) || !net_eq(dev_net_rcu(ndev), dev->netns))
		return 0;
	return ndev->ifindex;
}

int prxe_flow_init(struct prxe_flow *flow, struct prxe_dev *dev,
		   const struct rdma_ah_attr *attr, u32 sqpn, u32 dqpn)
{
	const struct ib_global_route *grh = rdma_ah_read_grh(attr);
	const struct ib_gid_attr *sgid_attr = grh->sgid_attr;
	const struct in6_addr *dgid = (const struct in6_addr *)grh->dgid.raw;
	const struct in6_addr *sgid;
	int ifindex;

	if (!(rdma_ah_get_ah_flags(attr) & IB_AH_GRH) || !sgid_attr)
		return -EINVAL;

	sgid = (const struct in6_addr *)sgid_attr->gid.raw;
	if (ipv6_addr_v4mapped(sgid) != ipv6_addr_v4mapped(dgid))
		return -EINVAL;
	ifindex = prxe_gid_ifindex(dev, sgid_attr);
	if (!ifindex)
		return -EINVAL;

	memset(flow, 0, sizeof(*flow));
	rdma_hold_gid_attr(sgid_attr);
	flow->sgid_attr = sgid_attr;
	flow->dev = dev;
	flow->ifindex = ifindex;
	flow->v6 = !ipv6_addr_v4mapped(sgid);
	flow->saddr = *sgid;
	flow->daddr = *dgid;
	flow->tclass = grh->traffic_class;
	flow->hop_limit = grh->hop_limit ?: IPDEFTTL;
	flow->flow_label = grh->flow_label & 0xfffff;
	flow->sport = htons(rdma_get_udp_sport(flow->flow_label, sqpn, dqpn));
	flow->ip_id = get_random_u16();
	return 0;
}

void prxe_flow_fini(struct prxe_flow *flow)
{
	dst_release(flow->dst);
	if (flow->sgid_attr)
		rdma_put_gid_attr(flow->sgid_attr);
	memset(flow, 0, sizeof(*flow));
}

bool prxe_flow_matches(const struct prxe_flow *flow, const struct sk_buff *skb)
{
	if (flow->v6) {
		const struct ipv6hdr *ip6 = ipv6_hdr(skb);

		return ip6->version == 6 &&
		       ipv6_addr_equal(&ip6->saddr, &flow->daddr) &&
		       ipv6_addr_equal(&ip6->daddr, &flow->saddr);
	}
	return ip_hdr(skb)->version == 4 &&
	       ip_hdr(skb)->saddr == flow->daddr.s6_addr32[3] &&
	       ip_hdr(skb)->daddr == flow->saddr.s6_addr32[3];
}

bool prxe_flow_mirrors(const struct prxe_flow *flow,
		       const struct prxe_flow *other)
{
	return ipv6_addr_equal(&flow->saddr, &other->daddr) &&
	       ipv6_addr_equal(&flow->daddr, &other->saddr);
}

/*
 * Packets leave by the network device of the GID; only those to an address of
 * this very host take whatever way the host has to itself.
 */
static struct dst_entry *prxe_route4(struct net *net,
				     const struct prxe_flow *flow)
{
	__be32 daddr = flow->daddr.s6_addr32[3];
	struct flowi4 fl4 = {
		.daddr = daddr,
		.saddr = flow->saddr.s6_addr32[3],
		.flowi4_proto = IPPROTO_UDP,
		.flowi4_dscp = inet_dsfield_to_dscp(flow->tclass),
		.fl4_sport = flow->sport,
		.fl4_dport = htons(PRXE_UDP_PORT),
	};
	struct rtable *rt;

	if (inet_addr_type(net, daddr) != RTN_LOCAL)
		fl4.flowi4_oif = flow->ifindex;
	rt = ip_route_output_key(net, &fl4);
	return IS_ERR(rt) ? ERR_CAST(rt) : &rt->dst;
}

#if IS_ENABLED(CONFIG_IPV6)
static struct dst_entry *prxe_route6(struct net *net,
				     const struct prxe_flow *flow)
{
	struct flowi6 fl6 = {
		.daddr = flow->daddr,
		.saddr = flow->saddr,
		.flowi6_proto = IPPROTO_UDP,
		.flowlabel = ip6_make_flowinfo(flow->tclass,
					       htonl(flow->flow_label)),
		.fl6_sport = flow->sport,
		.fl6_dport = htons(PRXE_UDP_PORT),
	};

	/* IPv4 looks for itself. */
	if (!ipv6_chk_addr(net, &flow->saddr, NULL, 0))
		return ERR_PTR(-EADDRNOTAVAIL);
	if ((ipv6_addr_type(&flow->daddr) & IPV6_ADDR_LINKLOCAL) ||
	    !ipv6_chk_addr(net, &flow->daddr, NULL, 0))
		fl6.flowi6_oif = flow->ifindex;
	return ip6_dst_lookup_flow(net, NULL, &fl6, NULL);
}

static u32 prxe_route6_cookie(const struct dst_entry *dst)
{
	return rt6_get_cookie(dst_rt6_info(dst));
}
#else
static struct dst_entry *prxe_route6(struct net *net,
				     const struct prxe_flow *flow)
{
	return ERR_PTR(-EAFNOSUPPORT);
}

static u32 prxe_route6_cookie(const struct dst_entry *dst)
{
	return 0;
}
#endif

struct dst_entry *prxe_flow_route(struct prxe_flow *flow)
{
	struct net *net = flow->dev->net->net;
	struct dst_entry *dst = flow->dst;

	WARN_ON_ONCE(!in_softirq());

	if (likely(dst && dst_check(dst, flow->dst_cookie)))
		return dst;

	dst_release(dst);
	flow->dst = NULL;

	dst = flow->v6 ? prxe_route6(net, flow) : prxe_route4(net, flow);
	if (IS_ERR(dst))
		return dst;
	if (dst->error) {
		int err = dst->error;

		dst_release(dst);
		return ERR_PTR(err);
	}
	flow->dst = dst;
	flow->dst_cookie = flow->v6 ? prxe_route6_cookie(dst) : 0;
	return dst;
}

bool prxe_flow_is_local(struct prxe_flow *flow)
{
	struct dst_entry *dst = prxe_flow_route(flow);

	if (IS_ERR(dst) || !netif_running(dst_dev(dst)) ||
	    !netif_running(flow->dev->ndev))
		return false;
	if (flow->v6)
		return dst_rt6_info(dst)->rt6i_flags & RTF_LOCAL;
	return dst_rtable(dst)->rt_flags & RTCF_LOCAL;
}
