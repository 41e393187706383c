/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The CRC engine of this machine: the kernel's crc32_le() or prxe's own table
 * (icrc.h), whichever is faster here.
 */
#ifndef PRXE_CRC_H
#define PRXE_CRC_H

#include <linux/static_call.h>
#include <linux/types.h>

#include "icrc.h"

typedef u32 (*prxe_crc_copy_fn)(u32 reg, void *dst, const void *src,
				size_t len);

/**
 * struct prxe_crc_engine - a way to sum, a way to copy and sum
 * @name: as the module parameter spells it
 * @sum: CRC
 * @copy: copy and CRC
 */
struct prxe_crc_engine {
	const char *name;
	prxe_crc_fn sum;
	prxe_crc_copy_fn copy;
};

#define PRXE_CRC_ENGINES	3

#if IS_ENABLED(CONFIG_KUNIT)
extern const struct prxe_crc_engine prxe_crc_engines[PRXE_CRC_ENGINES];
#endif

/* After prxe_crc_init() these name the chosen engine. */
DECLARE_STATIC_CALL(prxe_crc_engine, prxe_crc32_slice16);
DECLARE_STATIC_CALL(prxe_crc_copy_engine, prxe_crc32_copy_slice16);

/**
 * prxe_crc() - continue a CRC-32
 * @crc: the bare register, see icrc.h
 * @p: bytes
 * @len: how many
 *
 * May be passed as a prxe_crc_fn. Context: any. Return: the register.
 */
static inline u32 prxe_crc(u32 crc, const void *p, size_t len)
{
	return static_call(prxe_crc_engine)(crc, p, len);
}

/**
 * prxe_crc_copy() - memcpy() and continue a CRC-32
 * @crc: the bare register
 * @dst: where to, kernel memory that nobody else writes to
 * @src: where from, not MMIO; may change meanwhile
 * @len: how many bytes
 *
 * The CRC is of what is in @dst on return. Context: any. Return: the register.
 */
static inline u32 prxe_crc_copy(u32 crc, void *dst, const void *src, size_t len)
{
	return static_call(prxe_crc_copy_engine)(crc, dst, src, len);
}

int prxe_crc_init(void);

#endif /* PRXE_CRC_H */
