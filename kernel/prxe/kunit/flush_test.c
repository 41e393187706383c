// SPDX-License-Identifier: GPL-2.0-only
/*
 * Flushes to persistence, which no machine of ours has memory for: how they go on
 * step by step, and what memory counts as persistent.
 */
#include <kunit/test.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "fake.h"
#include "mr_internal.h"

/* What one call does at most. */
#define BUDGET	SZ_256K

/* The region of all kernel memory, as if it were persistent. */
static struct ib_mr *all_memory(struct kunit *test, struct prxe_fake *f)
{
	struct ib_mr *ibmr = prxe_get_dma_mr(&f->pd.ibpd, IB_ACCESS_LOCAL_WRITE);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ibmr);
	/* the core's part of it */
	ibmr->device = &f->dev.ibdev;
	ibmr->pd = &f->pd.ibpd;
	to_pmr(ibmr)->access |= IB_ACCESS_FLUSH_GLOBAL |
				IB_ACCESS_FLUSH_PERSISTENT;
	return ibmr;
}

static struct prxe_flush flush_of(struct prxe_fake *f, struct ib_mr *ibmr,
				  void *mem, u64 len, int access)
{
	return (struct prxe_flush) {
		.mem = {
			.pd = &f->pd, .key = ibmr->rkey, .access = access,
			.addr = (uintptr_t)mem,
		},
		.len = len,
	};
}

/* Each call does its share and no more, and the last one the rest. */
static void flush_goes_on(struct kunit *test)
{
	static const u32 lens[] = {
		0, 1, BUDGET - 1, BUDGET, BUDGET + 1, SZ_1M + 5,
	};
	struct prxe_fake *f = prxe_fake_new(test);
	struct ib_mr *ibmr = all_memory(test, f);
	u8 *mem = kunit_kzalloc(test, SZ_2M, GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, mem);
	for (i = 0; i < ARRAY_SIZE(lens); i++) {
		struct prxe_flush flush = flush_of(f, ibmr, mem + 77, lens[i],
						   IB_ACCESS_FLUSH_PERSISTENT);
		u64 done = 0;
		int ret;

		while ((ret = prxe_mr_flush(&flush)) == -EINPROGRESS) {
			done += BUDGET;
			KUNIT_ASSERT_EQ(test, flush.done, done);
			KUNIT_ASSERT_LT(test, flush.done, flush.len);
		}
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, flush.done, lens[i]);
		KUNIT_EXPECT_LE(test, lens[i], done + BUDGET);
	}
	KUNIT_EXPECT_EQ(test, prxe_dereg_mr(ibmr, NULL), 0);
}

/* Of all: it becomes one of the range that the key names. Without the right: none. */
static void flush_of_all(struct kunit *test)
{
	struct prxe_fake *f = prxe_fake_new(test);
	struct ib_mr *ibmr = all_memory(test, f);
	struct prxe_flush flush = flush_of(f, ibmr, (void *)-5, 7,
					   IB_ACCESS_FLUSH_GLOBAL);

	KUNIT_EXPECT_EQ(test, prxe_mr_flush(&flush), -ERANGE);
	flush.whole = true;
	KUNIT_EXPECT_EQ(test, prxe_mr_flush(&flush), 0);
	KUNIT_EXPECT_EQ(test, flush.mem.addr, 0);
	KUNIT_EXPECT_EQ(test, flush.len, U64_MAX);
	to_pmr(ibmr)->access &= ~IB_ACCESS_FLUSH_PERSISTENT;
	flush.mem.access = IB_ACCESS_FLUSH_GLOBAL | IB_ACCESS_FLUSH_PERSISTENT;
	KUNIT_EXPECT_EQ(test, prxe_mr_flush(&flush), -EACCES);
	KUNIT_EXPECT_EQ(test, prxe_dereg_mr(ibmr, NULL), 0);
}

/* All of it, as the kernel's map of resources has it. */
static void persistent_memory(struct kunit *test)
{
	u8 *mem = kunit_kzalloc(test, 4 * PAGE_SIZE, GFP_KERNEL);
	struct resource res = {
		.name = "prxe_kunit",
		.flags = IORESOURCE_MEM,
		.desc = IORES_DESC_PERSISTENT_MEMORY,
	};

	KUNIT_ASSERT_NOT_NULL(test, mem);
	KUNIT_EXPECT_FALSE(test, prxe_is_persistent(mem, PAGE_SIZE));
	res.start = virt_to_phys(mem + PAGE_SIZE);
	res.end = res.start + 2 * PAGE_SIZE - 1;
	KUNIT_ASSERT_EQ(test, insert_resource(&iomem_resource, &res), 0);
	KUNIT_EXPECT_TRUE(test, prxe_is_persistent(mem + PAGE_SIZE,
						   2 * PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, prxe_is_persistent(mem + 2 * PAGE_SIZE,
						   PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, prxe_is_persistent(mem, 2 * PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, prxe_is_persistent(mem + 2 * PAGE_SIZE,
						    2 * PAGE_SIZE));
	remove_resource(&res);
	KUNIT_EXPECT_FALSE(test, prxe_is_persistent(mem + PAGE_SIZE, PAGE_SIZE));
}

static struct kunit_case flush_cases[] = {
	KUNIT_CASE(flush_goes_on),
	KUNIT_CASE(flush_of_all),
	KUNIT_CASE(persistent_memory),
	{}
};

static struct kunit_suite flush_suite = {
	.name = "prxe_flush",
	.test_cases = flush_cases,
};

kunit_test_suite(flush_suite);
