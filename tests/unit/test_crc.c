// SPDX-License-Identifier: GPL-2.0
/*
 * The CRC-32 engines: published check values, all alignments and lengths, and
 * against each other. Buffers are allocated to the byte.
 */
#include <string.h>

#include "cmocka_all.h"
#include "icrc.h"
#include "random.h"

/* Check values are of the usual CRC-32, which inverts before and after. */
static u32 zlib_way(prxe_crc_fn fn, const void *p, size_t len)
{
	return ~fn(~0u, p, len);
}

static u32 by_copy(u32 crc, const void *p, size_t len)
{
	u8 *dst = malloc(len + !len);

	assert_non_null(dst);
	crc = prxe_crc32_copy_slice16(crc, dst, p, len);
	assert_memory_equal(dst, p, len);
	free(dst);
	return crc;
}

static const prxe_crc_fn engines[] = {
	prxe_crc32_byte, prxe_crc32_slice16, by_copy,
};

/* Bit by bit, without a table. */
static u32 crc_by_definition(u32 crc, const u8 *p, size_t len)
{
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return crc;
}

static void check_values(void **state)
{
	u8 seq[1000];
	unsigned int i, e;

	(void)state;
	for (i = 0; i < sizeof(seq); i++)
		seq[i] = i * 7 + (i >> 8);
	for (e = 0; e < 3; e++) {
		prxe_crc_fn fn = engines[e];

		/* the catalogue's check value; the others are zlib's */
		assert_int_equal(zlib_way(fn, "123456789", 9), 0xcbf43926);
		assert_int_equal(zlib_way(fn, "", 0), 0);
		assert_int_equal(zlib_way(fn, "a", 1), 0xe8b7be43);
		assert_int_equal(zlib_way(fn, "The quick brown fox jumps over "
					  "the lazy dog", 43), 0x414fa339);
		assert_int_equal(zlib_way(fn, seq, 128), 0xc96708ef);
		assert_int_equal(zlib_way(fn, seq, 1000), 0x668f073d);
		assert_int_equal(fn(~0u, "\xff\xff\xff\xff\xff\xff\xff\xff", 8),
				 PRXE_ICRC_SEED);
	}
}

static void all_alignments_and_lengths(void **state)
{
	u8 *src, *dst, byte[300];
	size_t len, so, dof;
	u32 want, crc;

	(void)state;
	for (len = 0; len <= 300; len++) {
		crc = random_u32();
		random_fill(byte, len);
		want = crc_by_definition(crc, byte, len);
		assert_int_equal(prxe_crc32_byte(crc, byte, len), want);
		for (so = 0; so < 16; so++) {
			src = malloc(so + len + 1);
			memcpy(src + so, byte, len);
			/* what follows the end must not count */
			src[so + len] = 0x5a;
			assert_int_equal(prxe_crc32_slice16(crc, src + so, len),
					 want);
			src = realloc(src, so + len + !len);
			assert_int_equal(prxe_crc32_slice16(crc, src + so, len),
					 want);
			for (dof = 0; dof < 8; dof++) {
				dst = malloc(dof + len + !len);
				assert_int_equal(prxe_crc32_copy_slice16(crc,
						dst + dof, src + so, len), want);
				assert_memory_equal(dst + dof, byte, len);
				free(dst);
			}
			free(src);
		}
	}
}

/* Nothing is written outside the destination, on either side. */
static void copy_stays_inside(void **state)
{
	u8 src[300], dst[332];
	size_t len, i;

	(void)state;
	random_fill(src, sizeof(src));
	for (len = 0; len <= 300; len++) {
		memset(dst, 0xa5, sizeof(dst));
		prxe_crc32_copy_slice16(0, dst + 16, src, len);
		assert_memory_equal(dst + 16, src, len);
		for (i = 0; i < 16; i++)
			assert_int_equal(dst[i] & dst[16 + len + i], 0xa5);
	}
}

static void split_anywhere(void **state)
{
	static u8 buf[9000], dst[9000];
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		size_t len = random_below(sizeof(buf)), at, n;
		u32 crc = random_u32(), want, a, b;

		random_fill(buf, 64);
		random_fill(buf + random_below(sizeof(buf) - 64), 64);
		want = prxe_crc32_byte(crc, buf, len);
		a = crc;
		b = crc;
		for (at = 0; at < len; at += n) {
			n = 1 + random_below(round & 1 ? 400 : len - at);
			if (n > len - at)
				n = len - at;
			a = prxe_crc32_slice16(a, buf + at, n);
			b = prxe_crc32_copy_slice16(b, dst + at, buf + at, n);
		}
		assert_int_equal(a, want);
		assert_int_equal(b, want);
		assert_memory_equal(dst, buf, len);
	}
}

static void detects_any_single_bit(void **state)
{
	u8 buf[200];
	unsigned int bit;
	u32 good;

	(void)state;
	random_fill(buf, sizeof(buf));
	good = prxe_crc32_slice16(0, buf, sizeof(buf));
	for (bit = 0; bit < 8 * sizeof(buf); bit++) {
		buf[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(prxe_crc32_slice16(0, buf, sizeof(buf)),
				     good);
		buf[bit / 8] ^= 1 << bit % 8;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check_values),
		cmocka_unit_test(all_alignments_and_lengths),
		cmocka_unit_test(copy_stays_inside),
		cmocka_unit_test(split_anywhere),
		cmocka_unit_test(detects_any_single_bit),
	};

	random_init();
	prxe_crc32_init();
	prxe_crc32_init();	/* does no harm */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
