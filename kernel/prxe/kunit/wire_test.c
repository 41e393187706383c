// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trains that are built, and packets that are received out of sk_buffs of every
 * shape: one segment or many, a linear part of any size or of none, fragments of odd
 * sizes, lists of sk_buffs. Headers and ICRC are compared with a plain statement of
 * the rules here, which knows no sk_buffs.
 */
#include <linux/crc32.h>
#include <linux/random.h>
#include <net/dst.h>
#include <net/net_namespace.h>

#include "fake.h"
#include "mr.h"
#include "qp.h"

#define MAX_SEGS	15
#define MAX_BYTES	(MAX_SEGS * (12 + 4096 + 4))
#define NO_QPN		5	/* below PRXE_MIN_QPN: there is none */
#define FIRST_ID	0xfffa	/* wraps in a train */

/**
 * struct wire - a message on its way
 * @f: device and namespace
 * @dst: where it goes: loopback
 * @ops: of @dst
 * @mtu: of @dst
 * @flow: from A to B
 * @bytes: BTH to ICRC of all segments, as they are on the wire
 * @nr: segments
 * @seg_size: bytes of each
 */
struct wire {
	struct prxe_fake *f;
	struct dst_entry dst;
	struct dst_ops ops;
	unsigned int mtu;
	struct prxe_flow flow;
	u8 *bytes;
	unsigned int nr;
	unsigned int seg_size;
};

static unsigned int wire_mtu(const struct dst_entry *dst)
{
	return container_of_const(dst, struct wire, dst)->mtu;
}

static int wire_init(struct kunit *test)
{
	struct wire *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->f = prxe_fake_new(test);
	w->bytes = kunit_kzalloc(test, MAX_BYTES, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w->bytes);
	w->dst.dev = init_net.loopback_dev;
	w->ops.mtu = wire_mtu;
	w->dst.ops = &w->ops;
	w->mtu = 65536;
	w->flow = (struct prxe_flow){
		.dev = &w->f->dev, .dst = &w->dst, .tclass = 0x48, .hop_limit = 61,
		.sport = htons(0xc123), .flow_label = 0x54321, .ip_id = FIRST_ID,
	};
	test->priv = w;
	return 0;
}

static void wire_family(struct wire *w, bool v6)
{
	static const u8 a6[16] = { 0xfd, 0x77, [15] = 1 }, b6[16] = { 0xfd, 0x77, [15] = 2 };

	w->flow.v6 = v6;
	if (v6) {
		memcpy(&w->flow.saddr, a6, 16);
		memcpy(&w->flow.daddr, b6, 16);
	} else {
		ipv6_addr_set_v4mapped(htonl(0x0a4d0001), &w->flow.saddr);
		ipv6_addr_set_v4mapped(htonl(0x0a4d0002), &w->flow.daddr);
	}
}

/* IP and UDP header of a datagram with @len bytes behind them. Return: length. */
static unsigned int wire_headers(const struct wire *w, u8 *p, u16 id,
				 unsigned int len)
{
	const struct prxe_flow *flow = &w->flow;
	unsigned int ip_len = flow->v6 ? 40 : 20;
	u8 *udp = p + ip_len;

	memset(p, 0, ip_len + 8);
	if (flow->v6) {
		put_unaligned_be32(0x6 << 28 | flow->tclass << 20 | flow->flow_label, p);
		put_unaligned_be16(8 + len, p + 4);
		p[6] = IPPROTO_UDP;
		p[7] = flow->hop_limit;
		memcpy(p + 8, &flow->saddr, 16);
		memcpy(p + 24, &flow->daddr, 16);
	} else {
		p[0] = 0x45;
		p[1] = flow->tclass;
		put_unaligned_be16(20 + 8 + len, p + 2);
		put_unaligned_be16(id, p + 4);
		p[6] = 0x40;
		p[8] = flow->hop_limit;
		p[9] = IPPROTO_UDP;
		memcpy(p + 12, (u8 *)&flow->saddr + 12, 4);
		memcpy(p + 16, (u8 *)&flow->daddr + 12, 4);
	}
	put_unaligned_be16(be16_to_cpu(flow->sport), udp);
	put_unaligned_be16(4791, udp + 2);
	put_unaligned_be16(8 + len, udp + 4);
	return ip_len + 8;
}

/* Annex A17: what routers may change counts as ones. */
static __le32 wire_icrc(const struct wire *w, u16 id, const u8 *seg)
{
	unsigned int ip_len = w->flow.v6 ? 40 : 20;
	u8 h[8 + 48 + 12], *ip = h + 8;
	u32 crc;

	memset(h, 0xff, 8);
	wire_headers(w, ip, id, w->seg_size);
	if (w->flow.v6) {
		put_unaligned_be32(0x6fffffff, ip);
		ip[7] = 0xff;
	} else {
		ip[1] = 0xff;
		ip[8] = 0xff;
		memset(ip + 10, 0xff, 2);
	}
	memset(ip + ip_len + 6, 0xff, 2);
	memcpy(ip + ip_len + 8, seg, 12);
	ip[ip_len + 8 + 4] = 0xff;
	crc = crc32_le(~0, h, 8 + ip_len + 8 + 12);
	crc = crc32_le(crc, seg + 12, w->seg_size - 12 - 4);
	return cpu_to_le32(~crc);
}

/* A message of MIDDLEs, and a LAST that need not fill up its words. */
static void wire_pkt(struct prxe_pkt *pkt, unsigned int i, unsigned int pad)
{
	*pkt = (struct prxe_pkt){
		.opcode = pad ? PRXE_RC_SEND_LAST : PRXE_RC_SEND_MIDDLE,
		.mig = true, .pkey = PRXE_DEFAULT_PKEY, .qpn = NO_QPN,
		.psn = 0xfffff0 + i, .pad = pad,
	};
}

static int wire_build(struct wire *w, unsigned int payload, unsigned int pad)
{
	struct prxe_train t;
	unsigned int i;
	int err;

	err = prxe_train_begin(&t, &w->flow, w->nr, w->seg_size);
	if (err)
		return err;
	for (i = 0; i < w->nr; i++) {
		struct prxe_pkt pkt;
		u8 *p;

		wire_pkt(&pkt, i, pad);
		p = prxe_train_open(&t, &pkt);
		get_random_bytes(p, payload);
		memset(p + payload, 0, pad);
		t.crc = crc32_le(t.crc, p, payload + pad);
		prxe_train_close(&t);
	}
	err = skb_copy_bits(t.skb, 0, w->bytes, w->nr * w->seg_size);
	prxe_train_abort(&t);
	return err;
}

/* Build a train; its bytes are in @w->bytes afterwards. */
static void wire_train(struct kunit *test, bool v6, unsigned int nr,
		       unsigned int payload, unsigned int pad)
{
	struct wire *w = test->priv;
	unsigned int i;
	int err;

	wire_family(w, v6);
	w->nr = nr;
	w->seg_size = 12 + payload + pad + 4;
	KUNIT_ASSERT_LE(test, nr * w->seg_size, MAX_BYTES);

	local_bh_disable();
	err = wire_build(w, payload, pad);
	local_bh_enable();
	KUNIT_ASSERT_EQ(test, err, 0);

	for (i = 0; i < nr; i++) {
		const u8 *seg = w->bytes + i * w->seg_size;
		__le32 icrc = wire_icrc(w, FIRST_ID + i, seg);

		KUNIT_ASSERT_EQ(test, get_unaligned_be32(seg + 8) & 0xffffff,
				(0xfffff0 + i) & 0xffffff);
		KUNIT_ASSERT_MEMEQ_MSG(test, &icrc, seg + w->seg_size - 4, 4,
				       "IPv%u segment %u of %u, %u + %u bytes",
				       v6 ? 6 : 4, i, nr, payload, pad);
	}
}

static const unsigned int wire_payloads[] = { 4, 244, 256, 1024, 1084, 1088, 4096 };

static void wire_trains_are_right(struct kunit *test)
{
	unsigned int i, v6;

	for (v6 = 0; v6 < 2; v6++) {
		for (i = 0; i < ARRAY_SIZE(wire_payloads); i++) {
			wire_train(test, v6, 1, wire_payloads[i], 0);
			wire_train(test, v6, 1, wire_payloads[i] - 3, 3);
			wire_train(test, v6, 2, wire_payloads[i], 0);
			wire_train(test, v6, MAX_SEGS, wire_payloads[i], 0);
		}
	}
}

/* Append @len bytes in pages of their own, in odd pieces. Return: those taken. */
static unsigned int skb_add_pieces(struct sk_buff *skb, const u8 *p,
				   unsigned int len, unsigned int most)
{
	unsigned int done = 0;
	int i;

	for (i = 0; i < MAX_SKB_FRAGS && done < len; i++) {
		unsigned int n = 1 + get_random_u32_below(most);
		unsigned int off = get_random_u32_below(64);
		struct page *page = alloc_pages(GFP_KERNEL | __GFP_COMP, 2);

		if (!page)
			break;
		n = min3(n, len - done, (unsigned int)(PAGE_SIZE << 2) - off);
		memcpy(page_address(page) + off, p + done, n);
		skb_add_rx_frag(skb, i, page, off, n, PAGE_SIZE << 2);
		done += n;
	}
	return done;
}

static struct sk_buff *skb_linear(const u8 *p, unsigned int len)
{
	struct sk_buff *skb = alloc_skb(len, GFP_KERNEL);

	if (skb)
		skb_put_data(skb, p, len);
	return skb;
}

/*
 * An sk_buff as the UDP socket gives it, of @len bytes at @p: @linear of them in
 * the linear part, then fragments of @most bytes each, then a list of sk_buffs.
 */
static struct sk_buff *skb_of_shape(const struct wire *w, u16 id, const u8 *p,
				    unsigned int len, unsigned int linear,
				    unsigned int most)
{
	u8 head[48];
	unsigned int hdr = wire_headers(w, head, id, len);
	struct sk_buff *skb, **next;

	linear = min(linear, len);
	skb = alloc_skb(hdr + linear, GFP_KERNEL);
	if (!skb)
		return NULL;
	skb_put_data(skb, head, hdr);
	skb_reset_network_header(skb);
	skb_set_transport_header(skb, hdr - 8);
	skb_put_data(skb, p, linear);
	if (most)
		linear += skb_add_pieces(skb, p + linear, len - linear, most);
	next = &skb_shinfo(skb)->frag_list;
	while (linear < len) {
		unsigned int n = min(1 + get_random_u32_below(3000), len - linear);

		*next = skb_linear(p + linear, n);
		if (!*next) {
			kfree_skb(skb);
			return NULL;
		}
		next = &(*next)->next;
		skb->len += n;
		skb->data_len += n;
		linear += n;
	}
	skb_pull(skb, hdr);
	return skb;
}

static void wire_receive(struct wire *w, struct sk_buff *skb)
{
	struct prxe_rx_run run = {};

	local_bh_disable();
	rcu_read_lock();
	prxe_rx_skb(&w->f->pnet, skb, w->flow.v6, &run);
	prxe_rx_flush(&run);
	rcu_read_unlock();
	local_bh_enable();
}

/* The packets of an sk_buff: so many are right, so many have a wrong ICRC. */
static void wire_expect(struct kunit *test, struct sk_buff *skb, unsigned int good,
			unsigned int bad)
{
	struct wire *w = test->priv;
	u64 no_qp = prxe_fake_count(w->f, PRXE_STAT_RX_NO_QP);
	u64 icrc = prxe_fake_count(w->f, PRXE_STAT_RX_ICRC_ERR);
	u64 malformed = prxe_fake_count(w->f, PRXE_STAT_RX_MALFORMED);
	unsigned int frags = skb_shinfo(skb)->nr_frags, linear = skb_headlen(skb);

	wire_receive(w, skb);
	no_qp = prxe_fake_count(w->f, PRXE_STAT_RX_NO_QP) - no_qp;
	icrc = prxe_fake_count(w->f, PRXE_STAT_RX_ICRC_ERR) - icrc;
	malformed = prxe_fake_count(w->f, PRXE_STAT_RX_MALFORMED) - malformed;
	consume_skb(skb);
	KUNIT_ASSERT_EQ(test, malformed, 0);
	KUNIT_ASSERT_EQ_MSG(test, no_qp, good, "%u linear, %u fragments", linear, frags);
	KUNIT_ASSERT_EQ(test, icrc, bad);
}

static struct sk_buff *wire_any_shape(struct kunit *test, u16 id, const u8 *p,
				      unsigned int len)
{
	/* fragments of any size, small ones, none */
	static const unsigned int most[] = { 7000, 400, 13, 0 };
	struct wire *w = test->priv;
	struct sk_buff *skb;

	skb = skb_of_shape(w, id, p, len, get_random_u32_below(3) *
					  get_random_u32_below(80),
			   most[get_random_u32_below(ARRAY_SIZE(most))]);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	return skb;
}

/* The whole train in one sk_buff, as a veth hands it over. */
static struct sk_buff *wire_as_train(struct kunit *test)
{
	struct wire *w = test->priv;
	struct sk_buff *skb;

	skb = wire_any_shape(test, FIRST_ID, w->bytes, w->nr * w->seg_size);
	skb_shinfo(skb)->gso_type = SKB_GSO_UDP_L4;
	skb_shinfo(skb)->gso_size = w->seg_size;
	skb_shinfo(skb)->gso_segs = w->nr;
	return skb;
}

static void wire_received_from_any_shape(struct kunit *test)
{
	struct wire *w = test->priv;
	unsigned int i, round, v6;

	for (round = 0; round < 40 * ARRAY_SIZE(wire_payloads); round++) {
		v6 = round & 1;
		wire_train(test, v6, round % 5 ? MAX_SEGS : 2,
			   wire_payloads[round % ARRAY_SIZE(wire_payloads)], 0);
		wire_expect(test, wire_as_train(test), w->nr, 0);
		/* cut on the way */
		i = get_random_u32_below(w->nr);
		wire_expect(test, wire_any_shape(test, FIRST_ID + i,
						 w->bytes + i * w->seg_size,
						 w->seg_size), 1, 0);
	}
}

/* One bit, anywhere but in what routers change: one packet is wrong. */
static void wire_one_bit_is_found(struct kunit *test)
{
	struct wire *w = test->priv;
	unsigned int round, at;

	for (round = 0; round < 200; round++) {
		wire_train(test, round & 1, MAX_SEGS, 256, 0);
		at = get_random_u32_below(w->nr) * w->seg_size + 12 +
		     get_random_u32_below(256 + 4);
		w->bytes[at] ^= 1 << get_random_u32_below(8);
		wire_expect(test, wire_as_train(test), w->nr - 1, 1);
	}
}

/* From fragments into memory: every byte in its place, none beside it. */
static void wire_payload_is_placed(struct kunit *test)
{
	struct wire *w = test->priv;
	u8 *to = kunit_kmalloc(test, 4096 + 2, GFP_KERNEL);
	u8 *bits = kunit_kmalloc(test, 4096, GFP_KERNEL);
	struct prxe_mem mem = { .pd = &w->f->pd, .access = IB_ACCESS_LOCAL_WRITE };
	struct ib_mr *mr;
	int round, err = 0;

	KUNIT_ASSERT_NOT_NULL(test, to);
	KUNIT_ASSERT_NOT_NULL(test, bits);
	wire_family(w, false);
	get_random_bytes(w->bytes, 12 + 4096);
	mr = prxe_get_dma_mr(&w->f->pd.ibpd, IB_ACCESS_LOCAL_WRITE);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mr);
	/* the core's part of a registration */
	mr->device = &w->f->dev.ibdev;
	mr->pd = &w->f->pd.ibpd;
	mem.key = mr->lkey;
	mem.addr = (uintptr_t)to + 1;

	for (round = 0; round < 500 && !err; round++) {
		unsigned int off = get_random_u32_below(4096);
		unsigned int len = get_random_u32_below(4096 - off + 1);
		struct prxe_rx rx = { .payload = 12 };

		rx.skb = wire_any_shape(test, 0, w->bytes, 12 + 4096);
		memset(to, 0xa5, 4096 + 2);
		err = prxe_rx_copy_in(&rx, off, len, &mem) ?:
		      prxe_rx_copy_bits(&rx, off, bits, len);
		consume_skb(rx.skb);
		if (err || memcmp(to + 1, w->bytes + 12 + off, len) ||
		    memcmp(bits, w->bytes + 12 + off, len) || to[0] != 0xa5 ||
		    memchr_inv(to + 1 + len, 0xa5, 4096 + 1 - len))
			KUNIT_FAIL(test, "%u bytes at %u: %d", len, off, err ?: 1);
	}
	KUNIT_EXPECT_EQ(test, prxe_dereg_mr(mr, NULL), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&w->f->dev.mrs));
}

static bool wire_match(struct kunit *test, bool swap, int spoil)
{
	struct wire *w = test->priv;
	struct prxe_flow flow = w->flow;
	struct sk_buff *skb;
	bool ret;

	skb = skb_of_shape(w, 0, w->bytes, 16, 16, 0);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	if (spoil >= 0)
		skb_network_header(skb)[(w->flow.v6 ? 8 : 12) + spoil] ^= 1;
	/* it came from A: the flow that is asked is B's */
	if (swap)
		swap(flow.saddr, flow.daddr);
	ret = prxe_flow_matches(&flow, skb);
	consume_skb(skb);
	return ret;
}

static void wire_flow_matches(struct kunit *test)
{
	struct wire *w = test->priv;
	unsigned int v6;
	int i;

	for (v6 = 0; v6 < 2; v6++) {
		wire_family(w, v6);
		KUNIT_EXPECT_TRUE(test, wire_match(test, true, -1));
		KUNIT_EXPECT_FALSE(test, wire_match(test, false, -1));
		for (i = 0; i < (v6 ? 32 : 8); i++)
			KUNIT_EXPECT_FALSE(test, wire_match(test, true, i));
	}
}

/* From A to B: B's engines take it, those of another peer count it. */
static u64 wire_mismatches(struct kunit *test, struct prxe_qp *qp, u8 opcode)
{
	struct wire *w = test->priv;
	u64 before = prxe_fake_count(w->f, PRXE_STAT_RX_MISMATCH);
	struct prxe_rx rx = {
		.payload = 12,
		.pkt = { .opcode = opcode, .op = &prxe_op_table[opcode] },
	};

	rx.skb = skb_of_shape(w, 0, w->bytes, 20, 20, 0);
	KUNIT_ASSERT_NOT_NULL(test, rx.skb);
	local_bh_disable();
	if (prxe_op_table[opcode].flags & PRXE_OP_RESPONSE)
		prxe_comp_rx(qp, &rx);
	else
		prxe_resp_rx(qp, &rx);
	local_bh_enable();
	consume_skb(rx.skb);
	return prxe_fake_count(w->f, PRXE_STAT_RX_MISMATCH) - before;
}

/*
 * Each half compares with its own flow. The queue pair is in RESET: a packet that
 * is let through has no effect.
 */
static void wire_engines_look_at_addresses(struct kunit *test)
{
	struct wire *w = test->priv;
	struct prxe_qp *qp = kunit_kzalloc(test, sizeof(*qp), GFP_KERNEL);
	struct prxe_flow stranger, peer;
	unsigned int v6;

	KUNIT_ASSERT_NOT_NULL(test, qp);
	qp->dev = &w->f->dev;
	qp->stats = w->f->dev.stats;
	spin_lock_init(&qp->sq.lock);
	spin_lock_init(&qp->resp.lock);
	INIT_LIST_HEAD(&qp->resp.parked);
	for (v6 = 0; v6 < 2; v6++) {
		wire_family(w, v6);
		peer = w->flow;
		swap(peer.saddr, peer.daddr);
		stranger = peer;
		stranger.daddr.s6_addr[15] ^= 4;

		qp->resp.flow = peer;
		qp->sq.flow = stranger;
		KUNIT_EXPECT_EQ(test, wire_mismatches(test, qp, PRXE_RC_SEND_ONLY), 0);
		KUNIT_EXPECT_EQ(test, wire_mismatches(test, qp, PRXE_RC_ACK), 1);
		qp->resp.flow = stranger;
		qp->sq.flow = peer;
		KUNIT_EXPECT_EQ(test, wire_mismatches(test, qp, PRXE_RC_SEND_ONLY), 1);
		KUNIT_EXPECT_EQ(test, wire_mismatches(test, qp, PRXE_RC_ACK), 0);
	}
	KUNIT_EXPECT_EQ(test, qp->resp.nr_parked, 0);
}

/* What the route does not take is refused, to the byte. */
static void wire_too_large(struct kunit *test)
{
	struct wire *w = test->priv;
	int v6, less, fits;

	w->nr = 3;
	w->seg_size = 12 + 1024 + 4;
	for (v6 = 0; v6 <= 1; v6++) {
		wire_family(w, v6);
		local_bh_disable();
		w->mtu = (v6 ? 40 : 20) + 8 + w->seg_size - 1;
		less = wire_build(w, 1024, 0);
		w->mtu++;
		fits = wire_build(w, 1024, 0);
		local_bh_enable();
		KUNIT_EXPECT_EQ(test, less, -EMSGSIZE);
		KUNIT_EXPECT_EQ(test, fits, 0);
	}
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE(wire_too_large),
	KUNIT_CASE(wire_trains_are_right),
	KUNIT_CASE(wire_received_from_any_shape),
	KUNIT_CASE(wire_one_bit_is_found),
	KUNIT_CASE(wire_payload_is_placed),
	KUNIT_CASE(wire_flow_matches),
	KUNIT_CASE(wire_engines_look_at_addresses),
	{}
};

static struct kunit_suite wire_suite = {
	.name = "prxe_wire",
	.init = wire_init,
	.test_cases = wire_cases,
};

kunit_test_suite(wire_suite);
