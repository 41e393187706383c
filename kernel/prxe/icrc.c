// SPDX-License-Identifier: GPL-2.0
/*
 * The ICRC and portable CRC-32 engines.
 *
 * The fast engine is table driven, eight bytes a step ("slicing"), and does
 * four such steps at once on neighbouring words of a 32-byte block, so that the
 * latency of one hides behind the others ("braiding"). Each of the four has a
 * register of its own:
 *
 *	word    0  1  2  3 | 0  1  2  3 | ...
 *	reg     a  b  c  d | a' b' c' d'
 *
 * A word, its register folded in, is carried over the 32 bytes to the same
 * place in the next block; braid_table[] does that. At the last block they are
 * joined: each word is carried over its own eight bytes only, and what comes
 * out is folded into the next. What is left after that goes by 16, by 8, and
 * by single bytes.
 *
 * Nearly all of the time goes into table look-ups, one for each byte, so the
 * engine that copies in the same loop costs hardly more than the one that
 * only reads.
 */
#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include "hdr.h"
#include "icrc.h"

#define CRC32_POLY	0xedb88320u	/* reflected */
#define WORD		8		/* bytes of a step */
#define LANES		4
#define BLOCK		(LANES * WORD)

/* crc_table[n][b]: the register after byte b and n bytes of zero. */
static u32 crc_table[16][256] __ro_after_init;
/* The same for n = BLOCK - 8 ... BLOCK - 1. */
static u32 braid_table[WORD][256] __ro_after_init;

static u32 zero_byte(u32 crc)
{
	return crc_table[0][crc & 0xff] ^ (crc >> 8);
}

void prxe_crc32_init(void)
{
	u32 crc;
	int i, n;

	/* The tables may have been made read-only since they were filled. */
	if (crc_table[0][1])
		return;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (n = 0; n < 8; n++)
			crc = crc & 1 ? (crc >> 1) ^ CRC32_POLY : crc >> 1;
		crc_table[0][i] = crc;
	}
	for (i = 0; i < 256; i++) {
		crc = crc_table[0][i];
		for (n = 1; n < BLOCK; n++) {
			crc = zero_byte(crc);
			if (n < 16)
				crc_table[n][i] = crc;
			if (n >= BLOCK - WORD)
				braid_table[n - (BLOCK - WORD)][i] = crc;
		}
	}
}

static __always_inline u32 step_byte(u32 crc, u8 byte)
{
	return crc_table[0][(crc ^ byte) & 0xff] ^ (crc >> 8);
}

/*
 * The register that the eight bytes of @x leave behind, the first one lowest,
 * and as many bytes of zero after them as the first row of @table stands for.
 */
static __always_inline u32 step_word(const u32 (*table)[256], u64 x)
{
	return table[7][(u8)x] ^ table[6][(u8)(x >> 8)] ^
	       table[5][(u8)(x >> 16)] ^ table[4][(u8)(x >> 24)] ^
	       table[3][(u8)(x >> 32)] ^ table[2][(u8)(x >> 40)] ^
	       table[1][(u8)(x >> 48)] ^ table[0][(u8)(x >> 56)];
}

/*
 * Load a word, and store it if this is a copy. The compiler is kept from
 * loading it again for the sum: the source may be memory that somebody else is
 * writing to. @copy is a constant everywhere.
 */
static __always_inline u64 take_word(bool copy, u8 *dst, const u8 *src,
				     size_t at)
{
	u64 x = get_unaligned_le64(src + at);

	if (copy) {
		OPTIMIZER_HIDE_VAR(x);
		put_unaligned_le64(x, dst + at);
	}
	return x;
}

static __always_inline u8 take_byte(bool copy, u8 *dst, const u8 *src,
				    size_t at)
{
	u8 x = src[at];

	if (copy) {
		OPTIMIZER_HIDE_VAR(x);
		dst[at] = x;
	}
	return x;
}

/* Whole blocks, at least one. */
static __always_inline u32 braid(u32 a, bool copy, u8 *dst, const u8 *src,
				 size_t blocks)
{
	u32 b = 0, c = 0, d = 0;
	size_t at;

	for (at = 0; --blocks; at += BLOCK) {
		u64 w0 = take_word(copy, dst, src, at) ^ a;
		u64 w1 = take_word(copy, dst, src, at + 8) ^ b;
		u64 w2 = take_word(copy, dst, src, at + 16) ^ c;
		u64 w3 = take_word(copy, dst, src, at + 24) ^ d;

		a = step_word(braid_table, w0);
		b = step_word(braid_table, w1);
		c = step_word(braid_table, w2);
		d = step_word(braid_table, w3);
	}
	b ^= step_word(crc_table, take_word(copy, dst, src, at) ^ a);
	c ^= step_word(crc_table, take_word(copy, dst, src, at + 8) ^ b);
	d ^= step_word(crc_table, take_word(copy, dst, src, at + 16) ^ c);
	return step_word(crc_table, take_word(copy, dst, src, at + 24) ^ d);
}

/* The compiler makes two functions of it, with and without the copy. */
static __always_inline u32 crc32_fast(u32 crc, bool copy, u8 *dst,
				      const u8 *src, size_t len)
{
	size_t at = 0;

	/* With fewer blocks joining costs more than it gains. */
	if (len >= 3 * BLOCK) {
		at = len / BLOCK * BLOCK;
		crc = braid(crc, copy, dst, src, len / BLOCK);
	}
	for (; len - at >= 16; at += 16) {
		u64 w0 = take_word(copy, dst, src, at) ^ crc;
		u64 w1 = take_word(copy, dst, src, at + 8);

		crc = step_word(&crc_table[8], w0) ^ step_word(crc_table, w1);
	}
	if (len - at >= 8) {
		crc = step_word(crc_table, take_word(copy, dst, src, at) ^ crc);
		at += 8;
	}
	for (; at < len; at++)
		crc = step_byte(crc, take_byte(copy, dst, src, at));
	return crc;
}

u32 prxe_crc32_byte(u32 crc, const void *p, size_t len)
{
	const u8 *pos = p;

	while (len--)
		crc = step_byte(crc, *pos++);
	return crc;
}

u32 prxe_crc32_slice16(u32 crc, const void *p, size_t len)
{
	return crc32_fast(crc, false, NULL, p, len);
}

u32 prxe_crc32_copy_slice16(u32 crc, void *dst, const void *src, size_t len)
{
	return crc32_fast(crc, true, dst, src, len);
}

/* Offsets of what routers may change, in headers without options. */
enum {
	IPV4_TOS	= 1,
	IPV4_TTL	= 8,
	IPV4_CHECK	= 10,
	IPV6_HOP_LIMIT	= 7,
	UDP_CHECK	= 6,
	BTH_RESV8A	= 4,
};

u32 prxe_icrc_headers(prxe_crc_fn crc, const void *iphdr, bool v6,
		      const void *udphdr, const void *bth,
		      unsigned int hdr_len)
{
	unsigned int ip_len = v6 ? PRXE_IPV6_LEN : PRXE_IPV4_LEN;
	u8 copy[PRXE_IPV6_LEN + PRXE_UDP_LEN + PRXE_BTH_LEN];
	u8 *pos = copy;
	u32 reg;

	memcpy(pos, iphdr, ip_len);
	if (v6) {
		/* traffic class and flow label: all but the version */
		pos[0] |= 0x0f;
		memset(pos + 1, 0xff, 3);
		pos[IPV6_HOP_LIMIT] = 0xff;
	} else {
		pos[IPV4_TOS] = 0xff;
		pos[IPV4_TTL] = 0xff;
		memset(pos + IPV4_CHECK, 0xff, 2);
	}
	pos += ip_len;
	memcpy(pos, udphdr, PRXE_UDP_LEN);
	memset(pos + UDP_CHECK, 0xff, 2);
	pos += PRXE_UDP_LEN;
	memcpy(pos, bth, PRXE_BTH_LEN);
	pos[BTH_RESV8A] = 0xff;
	pos += PRXE_BTH_LEN;

	reg = crc(PRXE_ICRC_SEED, copy, pos - copy);
	if (hdr_len > PRXE_BTH_LEN)
		reg = crc(reg, (const u8 *)bth + PRXE_BTH_LEN,
			  hdr_len - PRXE_BTH_LEN);
	return reg;
}
