// SPDX-License-Identifier: GPL-2.0
/*
 * The ICRC of real packets, recorded from rdma_rxe; which header bits count and
 * which do not; and the parser and builder on the same packets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmocka_all.h"
#include "golden_packets.h"
#include "icrc.h"
#include "packet.h"
#include "segment.h"

#define N_GOLDEN	(sizeof(golden) / sizeof(golden[0]))

struct bytes {
	u8 *p;		/* exactly len bytes, at an odd address */
	u8 *alloc;
	unsigned int len;
	unsigned int ip_len;
};

static struct bytes unhex(const struct golden *g)
{
	struct bytes b = {
		.len = strlen(g->hex) / 2,
		.ip_len = g->ip == 6 ? PRXE_IPV6_LEN : PRXE_IPV4_LEN,
	};
	unsigned int i, x;

	b.alloc = malloc(b.len + 1);
	assert_non_null(b.alloc);
	b.p = b.alloc + 1;
	for (i = 0; i < b.len; i++) {
		assert_int_equal(sscanf(g->hex + 2 * i, "%2x", &x), 1);
		b.p[i] = x;
	}
	return b;
}

static u8 *bth_of(const struct bytes *b)
{
	return b->p + b->ip_len + PRXE_UDP_LEN;
}

/* As a receiver does it. */
static bool icrc_good(const struct golden *g, const struct bytes *b,
		      prxe_crc_fn fn)
{
	const u8 *udp = b->p + b->ip_len, *bth = bth_of(b);
	unsigned int hdr_len = prxe_op_table[g->opcode].hdr_len;
	__le32 icrc;
	u32 crc;

	crc = prxe_icrc_headers(fn, b->p, g->ip == 6, udp, bth, hdr_len);
	crc = fn(crc, bth + hdr_len, g->payload + g->pad);
	icrc = prxe_icrc_final(crc);
	return !memcmp(&icrc, b->p + b->len - 4, 4);
}

static void golden_icrcs(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < N_GOLDEN; i++) {
		struct bytes b = unhex(&golden[i]), before = unhex(&golden[i]);

		print_message("%s\n", golden[i].name);
		assert_true(icrc_good(&golden[i], &b, prxe_crc32_byte));
		assert_true(icrc_good(&golden[i], &b, prxe_crc32_slice16));
		assert_memory_equal(b.p, before.p, b.len);
		free(b.alloc);
		free(before.alloc);
	}
}

static void golden_headers(void **state)
{
	u8 built[PRXE_MAX_HDR_LEN];
	unsigned int i, len;
	struct prxe_pkt p;

	(void)state;
	for (i = 0; i < N_GOLDEN; i++) {
		const struct golden *g = &golden[i];
		struct bytes b = unhex(g);

		len = b.len - b.ip_len - PRXE_UDP_LEN;
		assert_int_equal(prxe_pkt_parse(bth_of(&b), len, len, &p), 0);
		assert_int_equal(p.opcode, g->opcode);
		assert_int_equal(p.pad, g->pad);
		assert_int_equal(p.pad, prxe_pad(p.payload_len));
		assert_int_equal(p.payload_len, g->payload);
		assert_int_equal(p.pkey, PRXE_DEFAULT_PKEY);
		assert_int_equal(prxe_pkt_wire_len(p.opcode, p.payload_len),
				 len);
		assert_int_equal(prxe_pkt_build(built, &p), p.hdr_len);
		assert_memory_equal(built, bth_of(&b), p.hdr_len);
		free(b.alloc);
	}
}

/* The bits that annex A17 lets routers change, by byte of the packet. */
static u8 variant_bits(const struct golden *g, unsigned int at,
		       unsigned int ip_len)
{
	if (g->ip == 4 && (at == 1 || at == 8 || at == 10 || at == 11))
		return 0xff;
	if (g->ip == 6 && at == 0)
		return 0x0f;
	if (g->ip == 6 && ((at >= 1 && at <= 3) || at == 7))
		return 0xff;
	if (at == ip_len + 6 || at == ip_len + 7)	/* UDP checksum */
		return 0xff;
	if (at == ip_len + 8 + 4)			/* FECN, BECN, resv6 */
		return 0xff;
	return 0;
}

static void exactly_the_variant_bits_do_not_count(void **state)
{
	unsigned int i, at, bit;

	(void)state;
	for (i = 0; i < N_GOLDEN; i++) {
		const struct golden *g = &golden[i];
		struct bytes b = unhex(g);

		for (at = 0; at < b.len; at++) {
			u8 variant = variant_bits(g, at, b.ip_len);

			for (bit = 0; bit < 8; bit++) {
				b.p[at] ^= 1 << bit;
				assert_int_equal(icrc_good(g, &b,
							   prxe_crc32_slice16),
						 variant >> bit & 1);
				b.p[at] ^= 1 << bit;
			}
		}
		free(b.alloc);
	}
}

/* Headers that do not lie next to each other, and nothing readable behind. */
static void scattered_headers(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < N_GOLDEN; i++) {
		const struct golden *g = &golden[i];
		unsigned int hdr_len = prxe_op_table[g->opcode].hdr_len;
		struct bytes b = unhex(g);
		u8 *ip = malloc(b.ip_len), *udp = malloc(PRXE_UDP_LEN);
		u8 *bth = malloc(hdr_len);

		memcpy(ip, b.p, b.ip_len);
		memcpy(udp, b.p + b.ip_len, PRXE_UDP_LEN);
		memcpy(bth, bth_of(&b), hdr_len);
		assert_int_equal(prxe_icrc_headers(prxe_crc32_slice16, ip,
						   g->ip == 6, udp, bth,
						   hdr_len),
				 prxe_icrc_headers(prxe_crc32_byte, b.p,
						   g->ip == 6,
						   b.p + b.ip_len, bth_of(&b),
						   hdr_len));
		free(ip);
		free(udp);
		free(bth);
		free(b.alloc);
	}
}

/* What rxe puts behind its flushes, and what belongs there. */
static void flush_of_rxe(void **state)
{
	const struct golden *g = &golden_flush;
	struct bytes b = unhex(g);
	const u8 *bth = bth_of(&b);
	struct prxe_pkt p;
	__le32 icrc;
	u32 crc;

	(void)state;
	assert_false(icrc_good(g, &b, prxe_crc32_byte));
	crc = prxe_icrc_headers(prxe_crc32_byte, b.p, false, b.p + b.ip_len, bth,
				32);
	icrc = prxe_icrc_final(prxe_icrc_rxe_flush(prxe_crc32_slice16, crc, bth,
						   32));
	assert_memory_equal(&icrc, b.p + b.len - 4, 4);

	assert_int_equal(prxe_pkt_parse(bth, 36, 36, &p), 0);
	assert_int_equal(p.opcode, PRXE_RC_FLUSH);
	assert_int_equal(p.flush_type, 1);
	assert_int_equal(p.flush_level, 0);
	assert_true(p.va == 0x0000550000030000ull && p.rkey == 0x2d714304);
	assert_int_equal(p.length, 8);
	free(b.alloc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_icrcs),
		cmocka_unit_test(golden_headers),
		cmocka_unit_test(exactly_the_variant_bits_do_not_count),
		cmocka_unit_test(scattered_headers),
		cmocka_unit_test(flush_of_rxe),
	};

	prxe_crc32_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
