// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which CRC engine.
 *
 * No rule tells which one is the fastest: the kernel's crc32_le() is far ahead
 * where the CPU multiplies without carries, a table of one byte a step where it
 * does not, and a loser where an emulator only pretends that it does; copying in
 * the same pass pays or not. So all are timed when the module is loaded, and when
 * the parameter is written. They give the same result.
 */
#include <kunit/visibility.h>
#include <linux/crc32.h>
#include <linux/errno.h>
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "crc.h"

/* Copied and summed in pieces that stay in the first level cache. */
#define PRXE_CRC_COPY_STEP	4096

/* Timed over so many bytes, so often; the best time counts. */
#define PRXE_CRC_TRY_BYTES	16384
#define PRXE_CRC_TRIES		6

static __always_inline u32 prxe_crc_copy_then(prxe_crc_fn fn, u32 reg,
					      void *dst, const void *src,
					      size_t len)
{
	while (len) {
		size_t n = min_t(size_t, len, PRXE_CRC_COPY_STEP);

		memcpy(dst, src, n);
		reg = fn(reg, dst, n);
		dst += n;
		src += n;
		len -= n;
	}
	return reg;
}

static u32 prxe_crc_copy_kernel(u32 reg, void *dst, const void *src, size_t len)
{
	return prxe_crc_copy_then(crc32_le, reg, dst, src, len);
}

static u32 prxe_crc_copy_slice(u32 reg, void *dst, const void *src, size_t len)
{
	return prxe_crc_copy_then(prxe_crc32_slice16, reg, dst, src, len);
}

VISIBLE_IF_KUNIT const struct prxe_crc_engine prxe_crc_engines[PRXE_CRC_ENGINES] = {
	{ "kernel", crc32_le, prxe_crc_copy_kernel },
	{ "slice", prxe_crc32_slice16, prxe_crc32_copy_slice16 },
	{ "slice", prxe_crc32_slice16, prxe_crc_copy_slice },
};

static const struct prxe_crc_engine *prxe_crc_summer = &prxe_crc_engines[1];

DEFINE_STATIC_CALL(prxe_crc_engine, prxe_crc32_slice16);
DEFINE_STATIC_CALL(prxe_crc_copy_engine, prxe_crc32_copy_slice16);

/* Nanoseconds for summing, or for copying and summing, a buffer: the best. */
static u64 prxe_crc_time(const struct prxe_crc_engine *e, bool copy, u8 *buf)
{
	u64 best = U64_MAX;
	u32 reg = 0;
	int i;

	for (i = 0; i < PRXE_CRC_TRIES; i++) {
		ktime_t start = ktime_get();

		if (copy)
			reg = e->copy(reg, buf + PRXE_CRC_TRY_BYTES, buf,
				      PRXE_CRC_TRY_BYTES);
		else
			reg = e->sum(reg, buf, PRXE_CRC_TRY_BYTES);
		best = min_t(u64, best, ktime_sub(ktime_get(), start));
	}
	/* What was computed must be used somewhere. */
	buf[0] = reg;
	return best;
}

/* The fastest of those that @wanted allows; NULL if there is none such. */
static const struct prxe_crc_engine *prxe_crc_fastest(const char *wanted,
						      bool copy, u8 *buf)
{
	const struct prxe_crc_engine *found = NULL;
	u64 best = U64_MAX;
	int i;

	for (i = 0; i < ARRAY_SIZE(prxe_crc_engines); i++) {
		const struct prxe_crc_engine *e = &prxe_crc_engines[i];
		u64 t;

		if (strcmp(wanted, "auto") && strcmp(wanted, e->name))
			continue;
		t = prxe_crc_time(e, copy, buf);
		if (!found || t < best) {
			found = e;
			best = t;
		}
	}
	return found;
}

/* Packets may be on their way: every engine gives the same result. */
static int prxe_crc_choose(const char *wanted)
{
	const struct prxe_crc_engine *sum, *copy;
	u8 *buf;

	buf = kvzalloc(2 * PRXE_CRC_TRY_BYTES, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	sum = prxe_crc_fastest(wanted, false, buf);
	copy = prxe_crc_fastest(wanted, true, buf);
	kvfree(buf);
	if (!sum || !copy)
		return -EINVAL;

	prxe_crc_summer = sum;
	static_call_update(prxe_crc_engine, sum->sum);
	static_call_update(prxe_crc_copy_engine, copy->copy);
	return 0;
}

/* Under kernel_param_lock(), as @prxe_crc_summer. */
static char prxe_crc_wanted[8] = "auto";
static bool prxe_crc_ready;

static int prxe_crc_set(const char *val, const struct kernel_param *kp)
{
	char wanted[sizeof(prxe_crc_wanted)];
	int err;

	if (strscpy(wanted, val) < 0)
		return -EINVAL;
	strim(wanted);
	/* before init the tables are not there; it will look at the name */
	err = prxe_crc_ready ? prxe_crc_choose(wanted) : 0;
	if (!err)
		strscpy(prxe_crc_wanted, wanted);
	return err;
}

/* The engine in use: which one "auto" found. */
static int prxe_crc_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%s\n", prxe_crc_summer->name);
}

static const struct kernel_param_ops prxe_crc_ops = {
	.set = prxe_crc_set,
	.get = prxe_crc_get,
};

module_param_cb(crc, &prxe_crc_ops, NULL, 0644);
MODULE_PARM_DESC(crc, "CRC engine: auto (default: the fastest), kernel or slice");

/**
 * prxe_crc_init() - choose the engine
 *
 * Context: module init, before the first packet.
 * Return: 0; -ENOMEM; -EINVAL for an unknown engine in the module parameter.
 */
int prxe_crc_init(void)
{
	int err;

	prxe_crc32_init();
	kernel_param_lock(THIS_MODULE);
	err = prxe_crc_choose(prxe_crc_wanted);
	prxe_crc_ready = !err;
	kernel_param_unlock(THIS_MODULE);
	return err;
}
