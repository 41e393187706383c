// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies to and from I/O memory: every alignment of both sides, many lengths.
 *
 * Twice. Once io_copy.c as it is, on memory that stands in for I/O memory, where
 * this machine's accessors can do that. And once with accessors of ours, which
 * note what is done: naturally aligned accesses of one or eight bytes, each byte
 * of the range once, none beside it.
 */
#include <kunit/test.h>
#include <linux/io.h>
#include <linux/random.h>

#include "io_copy.h"

#define MAX_LEN		600	/* two bounce buffers, nine blocks */
#define SHIFTS		8
#define SIZE		(MAX_LEN + 2 * SHIFTS)

typedef void (*io_copy_fn)(void *dst, void *src, size_t len);

/**
 * struct io_bufs - of a test
 * @src: random bytes
 * @dst: where to
 * @want: what @dst shall be
 * @loads: how often each byte of @src was loaded by an accessor
 * @stores: how often each byte of @dst was stored by an accessor
 * @odd: accesses that were not naturally aligned, or outside
 */
struct io_bufs {
	u8 src[SIZE] __aligned(8);
	u8 dst[SIZE] __aligned(8);
	u8 want[SIZE];
	u8 loads[SIZE];
	u8 stores[SIZE];
	unsigned int odd;
};

static struct io_bufs *io_now;

static void io_note(u8 *times, const u8 *base, const void __iomem *p,
		    unsigned int size)
{
	unsigned long at = (unsigned long)p - (unsigned long)base, i;

	if ((unsigned long)p % size || at > SIZE - size) {
		io_now->odd++;
		return;
	}
	for (i = 0; i < size; i++)
		times[at + i]++;
}

static u64 io_load(const void __iomem *p, unsigned int size)
{
	u64 v = 0;

	io_note(io_now->loads, io_now->src, p, size);
	memcpy(&v, (const void __force *)p, size);
	return v;
}

static void io_store(u64 v, void __iomem *p, unsigned int size)
{
	io_note(io_now->stores, io_now->dst, p, size);
	memcpy((void __force *)p, &v, size);
}

static u8 io_load_byte(const void __iomem *p)
{
	u8 v;

	io_note(io_now->loads, io_now->src, p, 1);
	v = *(const u8 __force *)p;
	return v;
}

static void io_store_byte(u8 v, void __iomem *p)
{
	io_note(io_now->stores, io_now->dst, p, 1);
	*(u8 __force *)p = v;
}

/* io_copy.c once more, under other names and with these accessors. */
#undef __raw_readb
#undef __raw_readq
#undef __raw_writeb
#undef __raw_writeq
#define __raw_readb(p)		io_load_byte(p)
#define __raw_readq(p)		io_load(p, 8)
#define __raw_writeb(v, p)	io_store_byte(v, p)
#define __raw_writeq(v, p)	io_store(v, p, 8)
#define prxe_io_write		noted_io_write
#define prxe_io_read		noted_io_read
#define prxe_io_copy		noted_io_copy
static void noted_io_write(void __iomem *dst, const void *src, size_t len);
static void noted_io_read(void *dst, const void __iomem *src, size_t len);
static void noted_io_copy(void __iomem *dst, const void __iomem *src, size_t len);
#include "../io_copy.c"
#undef prxe_io_write
#undef prxe_io_read
#undef prxe_io_copy

static int io_init(struct kunit *test)
{
	io_now = kunit_kzalloc(test, sizeof(*io_now), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, io_now);
	get_random_bytes(io_now->src, SIZE);
	return 0;
}

/* @n entries of @times from @at on are 1, all others 0. */
static bool io_once(const u8 *times, unsigned int at, unsigned int n)
{
	return !memchr_inv(times, 0, at) && !memchr_inv(times + at, 1, n) &&
	       !memchr_inv(times + at + n, 0, SIZE - at - n);
}

static void io_one(struct kunit *test, io_copy_fn copy, unsigned int to,
		   unsigned int from, unsigned int len)
{
	struct io_bufs *b = io_now;

	memset(b->dst, 0xa5, SIZE);
	memset(b->want, 0xa5, SIZE);
	memset(b->loads, 0, SIZE);
	memset(b->stores, 0, SIZE);
	memcpy(b->want + to, b->src + from, len);
	copy(b->dst + to, b->src + from, len);
	KUNIT_ASSERT_MEMEQ_MSG(test, b->dst, b->want, SIZE,
			       "%u bytes, %u to %u", len, from, to);
	KUNIT_ASSERT_EQ(test, b->odd, 0);
}

/* @loads, @stores: the side that accessors must have gone to. */
static void io_every_way(struct kunit *test, io_copy_fn copy, bool loads,
			 bool stores)
{
	unsigned int to, from, len;

	for (to = 0; to < SHIFTS; to++) {
		for (from = 0; from < SHIFTS; from++) {
			for (len = 0; len <= MAX_LEN; len += 1 + len / 150) {
				io_one(test, copy, to, from, len);
				KUNIT_ASSERT_TRUE(test, io_once(io_now->loads, from,
								loads ? len : 0));
				KUNIT_ASSERT_TRUE(test, io_once(io_now->stores, to,
								stores ? len : 0));
			}
		}
	}
}

static void noted_write(void *dst, void *src, size_t len)
{
	noted_io_write((void __iomem *)dst, src, len);
}

static void noted_read(void *dst, void *src, size_t len)
{
	noted_io_read(dst, (void __iomem *)src, len);
}

static void noted_copy(void *dst, void *src, size_t len)
{
	noted_io_copy((void __iomem *)dst, (void __iomem *)src, len);
}

static void io_write_by_accessors(struct kunit *test)
{
	io_every_way(test, noted_write, false, true);
}

static void io_read_by_accessors(struct kunit *test)
{
	io_every_way(test, noted_read, true, false);
}

static void io_copy_by_accessors(struct kunit *test)
{
	io_every_way(test, noted_copy, true, true);
}

static struct kunit_case io_cases[] = {
	KUNIT_CASE(io_write_by_accessors),
	KUNIT_CASE(io_read_by_accessors),
	KUNIT_CASE(io_copy_by_accessors),
	{}
};

static struct kunit_suite io_suite = {
	.name = "prxe_io_copy",
	.init = io_init,
	.test_cases = io_cases,
};

/* UML with PCI simulates I/O memory: there, memory cannot stand in for it. */
#ifndef CONFIG_INDIRECT_IOMEM
static void real_write(void *dst, void *src, size_t len)
{
	prxe_io_write((void __iomem *)dst, src, len);
}

static void real_read(void *dst, void *src, size_t len)
{
	prxe_io_read(dst, (void __iomem *)src, len);
}

static void real_copy(void *dst, void *src, size_t len)
{
	prxe_io_copy((void __iomem *)dst, (void __iomem *)src, len);
}

static void io_write_for_real(struct kunit *test)
{
	io_every_way(test, real_write, false, false);
}

static void io_read_for_real(struct kunit *test)
{
	io_every_way(test, real_read, false, false);
}

static void io_copy_for_real(struct kunit *test)
{
	io_every_way(test, real_copy, false, false);
}

static struct kunit_case io_real_cases[] = {
	KUNIT_CASE(io_write_for_real),
	KUNIT_CASE(io_read_for_real),
	KUNIT_CASE(io_copy_for_real),
	{}
};

static struct kunit_suite io_real_suite = {
	.name = "prxe_io_copy_real",
	.init = io_init,
	.test_cases = io_real_cases,
};

kunit_test_suites(&io_suite, &io_real_suite);
#else
kunit_test_suite(io_suite);
#endif
