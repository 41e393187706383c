// SPDX-License-Identifier: GPL-2.0
/*
 * Headers from and to the wire. Buffers handed to the parser are allocated to
 * the byte, so that ASan sees one read too far; and at odd addresses, so that
 * UBSan sees one that assumes alignment.
 */
#include <errno.h>
#include <string.h>

#include <asm/byteorder.h>

#include "cmocka_all.h"
#include "packet.h"
#include "random.h"

/* Parse @len bytes of @bytes with nothing readable behind @avail. */
static int parse(const void *bytes, unsigned int avail, unsigned int pkt_len,
		 struct prxe_pkt *p)
{
	u8 *buf = malloc(avail + 1);
	int ret;

	assert_non_null(buf);
	memcpy(buf + 1, bytes, avail);
	memset(p, 0xa5, sizeof(*p));
	ret = prxe_pkt_parse(buf + 1, avail, pkt_len, p);
	free(buf);
	return ret;
}

static void write_only_imm_by_hand(void **state)
{
	static const u8 wire[] = {
		0x0b, 0xe0, 0xff, 0xff, 0xc0, 0x12, 0x34, 0x56,
		0x80, 0xab, 0xcd, 0xef,
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08,
		0xde, 0xad, 0xbe, 0xef, 0x00, 0x00, 0x00, 0x06,
		0x11, 0x22, 0x33, 0x44,
	};
	struct prxe_pkt p;

	(void)state;
	assert_int_equal(parse(wire, sizeof(wire), 32 + 8 + 4, &p), 0);
	assert_ptr_equal(p.op, &prxe_op_table[PRXE_RC_WRITE_ONLY_IMM]);
	assert_int_equal(p.opcode, PRXE_RC_WRITE_ONLY_IMM);
	assert_true(p.se && p.mig && p.ackreq && p.fecn && p.becn);
	assert_int_equal(p.pad, 2);
	assert_int_equal(p.pkey, 0xffff);
	assert_int_equal(p.qpn, 0x123456);
	assert_int_equal(p.psn, 0xabcdef);
	assert_true(p.va == 0x0102030405060708ull);
	assert_int_equal(p.rkey, 0xdeadbeef);
	assert_int_equal(p.length, 6);
	assert_memory_equal(&p.imm, &wire[28], 4);
	assert_int_equal(p.hdr_len, 32);
	assert_int_equal(p.payload_len, 6);
	/* what the packet does not have */
	assert_int_equal(p.inv_rkey | p.qkey | p.src_qp | p.msn | p.syndrome, 0);
}

static void every_extension_by_hand(void **state)
{
	static const u8 atomic[40] = {
		0x13, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
		0x80, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0x12, 0x34,
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	};
	static const u8 atomic_ack[24] = {
		0x12, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
		0x1f, 0xfe, 0xdc, 0xba, 8, 7, 6, 5, 4, 3, 2, 1,
	};
	static const u8 flush[32] = {
		0x1c, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
		0xff, 0xff, 0xff, 0xd2,		/* reserved bits are set */
		1, 2, 3, 4, 5, 6, 7, 8, 0xca, 0xfe, 0xf0, 0x0d, 9, 10, 11, 12,
	};
	static const u8 atomic_write[36] = {
		0x1d, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
		1, 2, 3, 4, 5, 6, 7, 8, 0xca, 0xfe, 0xf0, 0x0d, 0, 0, 0, 8,
		1, 2, 3, 4, 5, 6, 7, 8,
	};
	static const u8 inv[16] = {
		0x17, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0xca, 0xfe, 0xf0, 0x0d,
	};
	static const u8 ud[24] = {
		0x65, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2,
		0x80, 1, 0, 0, 0xff, 0x65, 0x43, 0x21, 9, 8, 7, 6,
	};
	struct prxe_pkt p;

	(void)state;
	assert_int_equal(parse(atomic, 40, 44, &p), 0);
	assert_true(p.va == 0x8000000000000008ull && p.rkey == 0x1234);
	assert_true(p.swap_add == 0x0102030405060708ull);
	assert_true(p.compare == 0x090a0b0c0d0e0f10ull);

	assert_int_equal(parse(atomic_ack, 24, 28, &p), 0);
	assert_int_equal(p.syndrome, 0x1f);
	assert_int_equal(p.msn, 0xfedcba);
	assert_true(p.orig == 0x0807060504030201ull);

	assert_int_equal(parse(flush, 32, 36, &p), 0);
	assert_int_equal(p.flush_type, 2);
	assert_int_equal(p.flush_level, 1);
	assert_true(p.va == 0x0102030405060708ull && p.rkey == 0xcafef00d);
	assert_int_equal(p.length, 0x090a0b0c);
	assert_int_equal(p.payload_len, 0);

	assert_int_equal(parse(atomic_write, 36, 40, &p), 0);
	assert_true(p.va == 0x0102030405060708ull && p.rkey == 0xcafef00d);
	assert_int_equal(p.length, 8);
	assert_int_equal(p.payload_len, 8);
	assert_int_equal(p.flush_type | p.flush_level, 0);

	assert_int_equal(parse(inv, 16, 20, &p), 0);
	assert_int_equal(p.inv_rkey, 0xcafef00d);
	assert_int_equal(p.payload_len, 0);

	assert_int_equal(parse(ud, 24, 28, &p), 0);
	assert_int_equal(p.qkey, 0x80010000);
	assert_int_equal(p.src_qp, 0x654321);
	assert_memory_equal(&p.imm, &ud[20], 4);
}

static void malformed(void **state)
{
	u8 h[PRXE_MAX_HDR_LEN] = { PRXE_RC_SEND_ONLY };
	struct prxe_pkt p;
	unsigned int i;

	(void)state;
	assert_int_equal(parse(h, 12, 16, &p), 0);
	/* shorter than a BTH, or no ICRC */
	for (i = 0; i < 12; i++)
		assert_int_equal(parse(h, i, 16, &p), -EINVAL);
	for (i = 0; i < 16; i++)
		assert_int_equal(parse(h, 12, i, &p), -EINVAL);
	/* not a multiple of four */
	for (i = 1; i < 4; i++)
		assert_int_equal(parse(h, 12, 16 + i, &p), -EINVAL);
	/* header version */
	for (i = 1; i < 16; i++) {
		h[1] = i;
		assert_int_equal(parse(h, 12, 16, &p), -EINVAL);
	}
	/* more pad than payload */
	for (i = 1; i < 4; i++) {
		h[1] = i << 4;
		assert_int_equal(parse(h, 12, 16, &p), -EINVAL);
		assert_int_equal(parse(h, 12, 20, &p), 0);
		assert_int_equal(p.payload_len, 4 - i);
	}
	h[1] = 0;
	/* payload or pad where there can be none */
	for (i = 0; i < PRXE_NUM_OPCODES; i++) {
		const struct prxe_op_info *op = &prxe_op_table[i];

		h[0] = i;
		h[1] = 0;
		if (!op->flags || op->flags & PRXE_OP_PAYLOAD)
			continue;
		assert_int_equal(parse(h, 40, op->hdr_len + 4, &p), 0);
		assert_int_equal(parse(h, 40, op->hdr_len + 8, &p), -EINVAL);
		h[1] = 0x10;
		assert_int_equal(parse(h, 40, op->hdr_len + 4, &p), -EINVAL);
	}
}

static void short_by_any_amount(void **state)
{
	u8 h[PRXE_MAX_HDR_LEN] = { 0 };
	struct prxe_pkt p;
	unsigned int op, len, n;

	(void)state;
	for (op = 0; op < PRXE_NUM_OPCODES; op++) {
		if (!prxe_opcode_valid(op))
			continue;
		h[0] = op;
		len = prxe_op_table[op].hdr_len;
		assert_int_equal(parse(h, len, len + 4, &p), 0);
		for (n = 0; n < len; n++) {
			assert_int_equal(parse(h, n, len + 4, &p), -EINVAL);
			assert_int_equal(parse(h, len, n + 4, &p), -EINVAL);
		}
	}
}

static void unknown_opcode(void **state)
{
	u8 h[12] = { 0, 0, 0x12, 0x34, 0, 0, 0, 0x11, 0, 0, 0, 0x22 };
	struct prxe_pkt p;
	unsigned int op, n = 0;

	(void)state;
	for (op = 0; op < PRXE_NUM_OPCODES; op++) {
		if (prxe_opcode_valid(op))
			continue;
		n++;
		h[0] = op;
		assert_int_equal(parse(h, 12, 16, &p), -EOPNOTSUPP);
		assert_null(p.op);
		assert_int_equal(p.opcode, op);
		assert_int_equal(p.pkey, 0x1234);
		assert_int_equal(p.qpn, 0x11);
		assert_int_equal(p.psn, 0x22);
	}
	assert_int_equal(n, 256 - 39);
}

static void random_packet(struct prxe_pkt *p, u8 opcode)
{
	u32 f = prxe_op_table[opcode].flags;

	memset(p, 0, sizeof(*p));
	p->op = &prxe_op_table[opcode];
	p->opcode = opcode;
	p->hdr_len = p->op->hdr_len;
	if (f & PRXE_OP_PAYLOAD)
		p->payload_len = random_below(PRXE_MTU_MAX + 1);
	p->pad = -p->payload_len & 3;
	p->se = random_u32() & 1;
	p->mig = random_u32() & 1;
	p->ackreq = random_u32() & 1;
	p->pkey = random_u32();
	p->qpn = random_below(1 << 24);
	p->psn = random_below(1 << 24);
	if (f & (PRXE_OP_HAS_RETH | PRXE_OP_HAS_ATOMIC_ETH)) {
		p->va = random_u64();
		p->rkey = random_u32();
	}
	if (f & PRXE_OP_HAS_RETH)
		p->length = random_u32();
	if (f & PRXE_OP_HAS_FETH) {
		p->flush_type = random_below(16);
		p->flush_level = random_below(4);
	}
	if (f & PRXE_OP_HAS_ATOMIC_ETH) {
		p->swap_add = random_u64();
		p->compare = random_u64();
	}
	if (f & PRXE_OP_HAS_AETH) {
		p->syndrome = random_u32();
		p->msn = random_below(1 << 24);
	}
	if (f & PRXE_OP_HAS_ATOMIC_ACK)
		p->orig = random_u64();
	if (f & PRXE_OP_HAS_IMM)
		p->imm = cpu_to_be32(random_u32());
	if (f & PRXE_OP_HAS_IETH)
		p->inv_rkey = random_u32();
	if (f & PRXE_OP_HAS_DETH) {
		p->qkey = random_u32();
		p->src_qp = random_below(1 << 24);
	}
}

static void build_then_parse(void **state)
{
	struct prxe_pkt in, out;
	unsigned int i, len;
	u8 *buf;

	(void)state;
	for (i = 0; i < 100000; i++) {
		u8 opcode = random_u32();

		if (!prxe_opcode_valid(opcode))
			continue;
		random_packet(&in, opcode);
		/* exactly the room it needs, odd address */
		buf = malloc(in.hdr_len + 1);
		assert_non_null(buf);
		memset(buf, 0xee, in.hdr_len + 1);
		len = prxe_pkt_build(buf + 1, &in);
		assert_int_equal(len, in.hdr_len);
		len = prxe_pkt_wire_len(opcode, in.payload_len);
		assert_int_equal(len % 4, 0);
		memset(&out, 0, sizeof(out));
		assert_int_equal(prxe_pkt_parse(buf + 1, in.hdr_len, len, &out),
				 0);
		assert_memory_equal(&in, &out, sizeof(in));
		free(buf);
	}
}

/* Fields wider than the wire must not run into their neighbours. */
static void build_masks_fields(void **state)
{
	struct prxe_pkt in = {
		.opcode = PRXE_UD_SEND_ONLY,
		.pad = 7,
		.qpn = 0xab000005,
		.psn = 0xff000006,
		.src_qp = 0xcd000007,
	};
	static const u8 want[20] = {
		0x64, 0x30, 0, 0, 0, 0, 0, 5, 0, 0, 0, 6,
		0, 0, 0, 0, 0, 0, 0, 7,
	};
	struct prxe_pkt ack = {
		.opcode = PRXE_RC_ACK,
		.syndrome = 0x1f,
		.msn = 0xff000001,
	};
	static const u8 want_aeth[4] = { 0x1f, 0, 0, 1 };
	struct prxe_pkt flush = {
		.opcode = PRXE_RC_FLUSH,
		.flush_type = 0xfe,
		.flush_level = 0xfd,
	};
	static const u8 want_feth[4] = { 0, 0, 0, 0x1e };
	u8 buf[PRXE_MAX_HDR_LEN];

	(void)state;
	assert_int_equal(prxe_pkt_build(buf, &in), 20);
	assert_memory_equal(buf, want, 20);
	assert_int_equal(prxe_pkt_build(buf, &ack), 16);
	assert_memory_equal(buf + 12, want_aeth, 4);
	assert_int_equal(prxe_pkt_build(buf, &flush), 32);
	assert_memory_equal(buf + 12, want_feth, 4);
}

/* Whatever comes: no read too far, and what is accepted makes sense. */
static void parse_anything(void **state)
{
	unsigned int i, avail, pkt_len, accepted = 0;
	struct prxe_pkt p;
	u8 h[64];

	(void)state;
	for (i = 0; i < 300000; i++) {
		random_fill(h, sizeof(h));
		if (i & 1)
			h[1] &= 0xf0;
		if (i & 2)
			h[0] &= 0x1f;
		avail = random_below(sizeof(h) + 1);
		pkt_len = random_below(i & 4 ? 80 : 70000);
		if (i & 8)
			pkt_len &= ~3u;
		if (parse(h, avail, pkt_len, &p))
			continue;
		accepted++;
		assert_true(prxe_opcode_valid(h[0]));
		assert_true(p.hdr_len <= avail);
		assert_int_equal(p.hdr_len + p.payload_len + p.pad + 4, pkt_len);
		assert_true(p.pad < 4);
		assert_true(p.qpn <= 0xffffff && p.psn <= 0xffffff);
	}
	assert_true(accepted > 1000);
}

static void mtu_from_payload(void **state)
{
	unsigned int mtu;

	(void)state;
	assert_int_equal(prxe_mtu_from_payload(0), 0);
	assert_int_equal(prxe_mtu_from_payload(256 + 43), 0);
	for (mtu = 256; mtu <= 4096; mtu *= 2) {
		assert_int_equal(prxe_mtu_from_payload(mtu + 44), mtu);
		assert_int_equal(prxe_mtu_from_payload(2 * mtu + 43), mtu);
	}
	assert_int_equal(prxe_mtu_from_payload(65507), 4096);
	/* an Ethernet frame of 1500: IPv6 */
	assert_int_equal(prxe_mtu_from_payload(1500 - 48), 1024);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_only_imm_by_hand),
		cmocka_unit_test(every_extension_by_hand),
		cmocka_unit_test(malformed),
		cmocka_unit_test(short_by_any_amount),
		cmocka_unit_test(unknown_opcode),
		cmocka_unit_test(build_then_parse),
		cmocka_unit_test(build_masks_fields),
		cmocka_unit_test(parse_anything),
		cmocka_unit_test(mtu_from_payload),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
