// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CRC engine.
 *
 * The kernel's crc32_le() is the fastest there is where the CPU helps, and a
 * table of one byte a step elsewhere: seven times slower than ours, and without
 * a copy in the same pass. Both give the same result.
 */
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/string.h>

#include "crc.h"

static char *crc = "auto";
module_param(crc, charp, 0444);
MODULE_PARM_DESC(crc, "CRC engine: auto (default), kernel or slice");

/* Copied and summed in pieces that stay in the first level cache. */
#define PRXE_CRC_COPY_STEP	4096

static u32 prxe_crc_copy_kernel(u32 reg, void *dst, const void *src, size_t len)
{
	while (len) {
		size_t n = min_t(size_t, len, PRXE_CRC_COPY_STEP);

		memcpy(dst, src, n);
		reg = crc32_le(reg, dst, n);
		dst += n;
		src += n;
		len -= n;
	}
	return reg;
}

DEFINE_STATIC_CALL(prxe_crc_engine, prxe_crc32_slice16);
DEFINE_STATIC_CALL(prxe_crc_copy_engine, prxe_crc32_copy_slice16);

/* The engine in use, as the module parameter spells it. */
const char *prxe_crc_name(void)
{
	return static_call_query(prxe_crc_engine) == &crc32_le ? "kernel" :
								 "slice";
}

/**
 * prxe_crc_init() - choose the engine
 *
 * Context: module init, before the first packet.
 * Return: 0, or -EINVAL for an unknown engine in the module parameter.
 */
int prxe_crc_init(void)
{
	bool kernel = crc32_optimizations() & CRC32_LE_OPTIMIZATION;

	if (!strcmp(crc, "kernel"))
		kernel = true;
	else if (!strcmp(crc, "slice"))
		kernel = false;
	else if (strcmp(crc, "auto"))
		return -EINVAL;

	prxe_crc32_init();
	if (kernel) {
		static_call_update(prxe_crc_engine, &crc32_le);
		static_call_update(prxe_crc_copy_engine,
				   &prxe_crc_copy_kernel);
	}
	return 0;
}
