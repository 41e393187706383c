// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies to and from I/O memory (R11): accesses of eight bytes, naturally
 * aligned on the I/O side, single bytes at the ends. The bytes keep their places
 * whatever the byte order, and nothing orders one access after another.
 */
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#include <linux/unroll.h>

#include "io_copy.h"

#define PRXE_IO_WORDS	8
#define PRXE_IO_BOUNCE	256
#define PRXE_IO_BLOCK	(PRXE_IO_WORDS * sizeof(u64))

/* Bytes up to the next address that is aligned to 8, but at most @len. */
static size_t prxe_io_head(const void __iomem *p, size_t len)
{
	return min(len, -(uintptr_t)p % sizeof(u64));
}

static void prxe_io_write_bytes(u8 __iomem *dst, const u8 *src, size_t len)
{
	while (len--)
		__raw_writeb(*src++, dst++);
}

static void prxe_io_read_bytes(u8 *dst, const u8 __iomem *src, size_t len)
{
	while (len--)
		*dst++ = __raw_readb(src++);
}

/* Unrolled, so that the words stay in registers: that makes it fast. */
static __always_inline void prxe_io_load(u64 *w, const u64 __iomem *src)
{
	int i;

	unrolled_full
	for (i = 0; i < PRXE_IO_WORDS; i++)
		w[i] = __raw_readq(src + i);
}

static __always_inline void prxe_io_store(u64 __iomem *dst, const u64 *w)
{
	int i;

	unrolled_full
	for (i = 0; i < PRXE_IO_WORDS; i++)
		__raw_writeq(w[i], dst + i);
}

static __always_inline void prxe_io_get(u64 *w, const u64 *src)
{
	int i;

	unrolled_full
	for (i = 0; i < PRXE_IO_WORDS; i++)
		w[i] = get_unaligned(src + i);
}

static __always_inline void prxe_io_put(u64 *dst, const u64 *w)
{
	int i;

	unrolled_full
	for (i = 0; i < PRXE_IO_WORDS; i++)
		put_unaligned(w[i], dst + i);
}

/**
 * prxe_io_write() - copy to I/O memory
 * @dst: destination, at any alignment
 * @src: source, at any alignment
 * @len: bytes
 *
 * The stores may still be in the CPU on return; wmb() sends them out.
 * Context: any.
 */
void prxe_io_write(void __iomem *dst, const void *src, size_t len)
{
	size_t head = prxe_io_head(dst, len);
	u64 w[PRXE_IO_WORDS];

	prxe_io_write_bytes(dst, src, head);
	dst += head;
	src += head;
	len -= head;
	for (; len >= PRXE_IO_BLOCK; len -= PRXE_IO_BLOCK) {
		prxe_io_get(w, src);
		prxe_io_store(dst, w);
		dst += PRXE_IO_BLOCK;
		src += PRXE_IO_BLOCK;
	}
	for (; len >= sizeof(u64); len -= sizeof(u64)) {
		__raw_writeq(get_unaligned((const u64 *)src), dst);
		dst += sizeof(u64);
		src += sizeof(u64);
	}
	prxe_io_write_bytes(dst, src, len);
}

/**
 * prxe_io_read() - copy from I/O memory
 * @dst: destination, at any alignment
 * @src: source, at any alignment
 * @len: bytes
 *
 * Reads no byte outside of the range. Context: any.
 */
void prxe_io_read(void *dst, const void __iomem *src, size_t len)
{
	size_t head = prxe_io_head(src, len);
	u64 w[PRXE_IO_WORDS];

	prxe_io_read_bytes(dst, src, head);
	dst += head;
	src += head;
	len -= head;
	for (; len >= PRXE_IO_BLOCK; len -= PRXE_IO_BLOCK) {
		prxe_io_load(w, src);
		prxe_io_put(dst, w);
		dst += PRXE_IO_BLOCK;
		src += PRXE_IO_BLOCK;
	}
	for (; len >= sizeof(u64); len -= sizeof(u64)) {
		put_unaligned(__raw_readq(src), (u64 *)dst);
		dst += sizeof(u64);
		src += sizeof(u64);
	}
	prxe_io_read_bytes(dst, src, len);
}

static void prxe_io_copy_bytes(u8 __iomem *dst, const u8 __iomem *src,
			       size_t len)
{
	while (len--)
		__raw_writeb(__raw_readb(src++), dst++);
}

/* Both sides have the same place in a word: each byte is touched once. */
static void prxe_io_copy_aligned(void __iomem *dst, const void __iomem *src,
				 size_t len)
{
	size_t head = prxe_io_head(src, len);
	u64 w[PRXE_IO_WORDS];

	prxe_io_copy_bytes(dst, src, head);
	dst += head;
	src += head;
	len -= head;
	for (; len >= PRXE_IO_BLOCK; len -= PRXE_IO_BLOCK) {
		prxe_io_load(w, src);
		prxe_io_store(dst, w);
		dst += PRXE_IO_BLOCK;
		src += PRXE_IO_BLOCK;
	}
	for (; len >= sizeof(u64); len -= sizeof(u64)) {
		__raw_writeq(__raw_readq(src), dst);
		dst += sizeof(u64);
		src += sizeof(u64);
	}
	prxe_io_copy_bytes(dst, src, len);
}

/* Sides that are aligned differently. */
static noinline void prxe_io_copy_bounce(void __iomem *dst,
					 const void __iomem *src, size_t len)
{
	u8 buf[PRXE_IO_BOUNCE] __aligned(sizeof(u64));

	while (len) {
		size_t n = min(len, sizeof(buf));

		prxe_io_read(buf, src, n);
		prxe_io_write(dst, buf, n);
		dst += n;
		src += n;
		len -= n;
	}
}

/**
 * prxe_io_copy() - copy between I/O memory and I/O memory
 * @dst: destination, at any alignment
 * @src: source, at any alignment
 * @len: bytes
 *
 * Through the CPU's registers where both sides are aligned alike, else through a
 * buffer on the stack. As prxe_io_write() otherwise. Context: any.
 */
void prxe_io_copy(void __iomem *dst, const void __iomem *src, size_t len)
{
	if (((uintptr_t)dst ^ (uintptr_t)src) % sizeof(u64) == 0)
		prxe_io_copy_aligned(dst, src, len);
	else
		prxe_io_copy_bounce(dst, src, len);
}
