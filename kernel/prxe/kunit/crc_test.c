// SPDX-License-Identifier: GPL-2.0-only
/*
 * The CRC engines that crc.c chooses from, against the kernel's crc32_le(): which
 * one runs on a machine is decided by a clock, so all must agree.
 */
#include <kunit/test.h>
#include <linux/crc32.h>
#include <linux/random.h>
#include <linux/sizes.h>

#include "crc.h"

/* More than one step of the engines that copy first. */
#define MAX_LEN		(2 * SZ_4K + 100)
#define MAX_SHIFT	16
#define GUARD		16

struct crc_bufs {
	u8 *src;
	u8 *dst;
};

static int crc_init(struct kunit *test)
{
	struct crc_bufs *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->src = kunit_kmalloc(test, MAX_LEN + MAX_SHIFT, GFP_KERNEL);
	b->dst = kunit_kmalloc(test, MAX_LEN + MAX_SHIFT + GUARD, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b->src);
	KUNIT_ASSERT_NOT_NULL(test, b->dst);
	get_random_bytes(b->src, MAX_LEN + MAX_SHIFT);
	test->priv = b;
	return 0;
}

static void crc_compare(struct kunit *test, const struct prxe_crc_engine *e,
			unsigned int from, unsigned int to, unsigned int len)
{
	struct crc_bufs *b = test->priv;
	const u8 *src = b->src + from;
	u8 *dst = b->dst + GUARD + to;
	u32 reg = get_random_u32();
	u32 want = crc32_le(reg, src, len);

	KUNIT_ASSERT_EQ_MSG(test, e->sum(reg, src, len), want,
			    "%s: %u bytes at %u", e->name, len, from);
	memset(dst - GUARD, 0xa5, GUARD);
	dst[len] = 0xa5;
	KUNIT_ASSERT_EQ_MSG(test, e->copy(reg, dst, src, len), want,
			    "%s: %u bytes from %u to %u", e->name, len, from, to);
	KUNIT_ASSERT_MEMEQ(test, dst, src, len);
	KUNIT_ASSERT_NULL(test, memchr_inv(dst - GUARD, 0xa5, GUARD));
	KUNIT_ASSERT_EQ(test, dst[len], 0xa5);
}

static void crc_engines_agree(struct kunit *test)
{
	unsigned int i, len;

	for (i = 0; i < PRXE_CRC_ENGINES; i++) {
		const struct prxe_crc_engine *e = &prxe_crc_engines[i];

		for (len = 0; len <= 300; len++)
			crc_compare(test, e, get_random_u32_below(MAX_SHIFT),
				    get_random_u32_below(MAX_SHIFT), len);
		for (len = SZ_4K - 40; len <= SZ_4K + 40; len++)
			crc_compare(test, e, get_random_u32_below(MAX_SHIFT),
				    get_random_u32_below(MAX_SHIFT), len);
		crc_compare(test, e, 1, 3, MAX_LEN - 1);
	}
}

/* Switching them in the middle of a packet changes nothing either. */
static void crc_engines_continue_each_other(struct kunit *test)
{
	struct crc_bufs *b = test->priv;
	u32 reg = ~0, want = crc32_le(~0, b->src, MAX_LEN);
	unsigned int at, n, i = 0;

	for (at = 0; at < MAX_LEN; at += n) {
		const struct prxe_crc_engine *e =
			&prxe_crc_engines[i % PRXE_CRC_ENGINES];

		n = min(1 + get_random_u32_below(400), MAX_LEN - at);
		if (i++ & 1)
			reg = e->sum(reg, b->src + at, n);
		else
			reg = e->copy(reg, b->dst + at, b->src + at, n);
	}
	KUNIT_EXPECT_EQ(test, reg, want);
}

static struct kunit_case crc_cases[] = {
	KUNIT_CASE(crc_engines_agree),
	KUNIT_CASE(crc_engines_continue_each_other),
	{}
};

static struct kunit_suite crc_suite = {
	.name = "prxe_crc",
	.init = crc_init,
	.test_cases = crc_cases,
};

kunit_test_suite(crc_suite);
