/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SHIM_LINUX_UNALIGNED_H
#define SHIM_LINUX_UNALIGNED_H

#include <linux/types.h>
#include <asm/byteorder.h>

#define shim_get_unaligned_t(type, ptr)					\
	(((const struct { type x; } __packed *)(ptr))->x)
#define get_unaligned(ptr)						\
	shim_get_unaligned_t(__typeof__(*(ptr)), (ptr))
#define put_unaligned(val, ptr) do {					\
	((struct { __typeof__(*(ptr)) x; } __packed *)(ptr))->x = (val); \
} while (0)

static inline u16 get_unaligned_le16(const void *p)
{
	return le16_to_cpu(shim_get_unaligned_t(__le16, p));
}

static inline u32 get_unaligned_le32(const void *p)
{
	return le32_to_cpu(shim_get_unaligned_t(__le32, p));
}

static inline u64 get_unaligned_le64(const void *p)
{
	return le64_to_cpu(shim_get_unaligned_t(__le64, p));
}

static inline u16 get_unaligned_be16(const void *p)
{
	return be16_to_cpu(shim_get_unaligned_t(__be16, p));
}

static inline u32 get_unaligned_be32(const void *p)
{
	return be32_to_cpu(shim_get_unaligned_t(__be32, p));
}

static inline u64 get_unaligned_be64(const void *p)
{
	return be64_to_cpu(shim_get_unaligned_t(__be64, p));
}

static inline void put_unaligned_le32(u32 v, void *p)
{
	put_unaligned(cpu_to_le32(v), (__le32 *)p);
}

static inline void put_unaligned_le64(u64 v, void *p)
{
	put_unaligned(cpu_to_le64(v), (__le64 *)p);
}

static inline void put_unaligned_be32(u32 v, void *p)
{
	put_unaligned(cpu_to_be32(v), (__be32 *)p);
}

static inline void put_unaligned_be64(u64 v, void *p)
{
	put_unaligned(cpu_to_be64(v), (__be64 *)p);
}

#endif
