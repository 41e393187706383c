// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fast registration: what of fast_reg.c's argument no user can see from outside. An
 * invalidation waits for who is inside; what was looked up before a registration does
 * not hold after it.
 */
#include <kunit/test.h>
#include <linux/hrtimer.h>
#include <linux/scatterlist.h>

#include "fake.h"
#include "fast_reg.h"
#include "mr_internal.h"
#include "qp.h"
#include "section.h"

/**
 * struct fast - a region, and a queue pair of its domain
 * @f: the device
 * @qp: nothing of it counts but its domain
 * @ibmr: the region; @mr: the same
 * @mem: two pages
 * @timer: ends the section of a reader
 * @slot: of that reader; @left: it is out
 */
struct fast {
	struct prxe_fake *f;
	struct prxe_qp *qp;
	struct ib_mr *ibmr;
	struct prxe_mr *mr;
	u8 *mem;
	struct hrtimer timer;
	const void **slot;
	bool left;
};

/* Register @len bytes of the memory by @key. Return: as prxe_fast_register(). */
static int fast_register(struct fast *t, u32 key, unsigned int len)
{
	struct prxe_send_wqe wqe = {};
	struct scatterlist sg;

	sg_init_one(&sg, t->mem, len);
	sg_dma_address(&sg) = (uintptr_t)t->mem;
	sg_dma_len(&sg) = len;
	t->ibmr->page_size = PAGE_SIZE;
	if (prxe_map_mr_sg(t->ibmr, &sg, 1, NULL) != 1)
		return -ENXIO;
	wqe.mw.addr = t->ibmr->iova;
	wqe.mw.length = t->ibmr->length;
	wqe.mw.mr_lkey = t->ibmr->lkey;
	wqe.mw.rkey = key;
	wqe.mw.access = IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE;
	return prxe_fast_register(t->qp, &wqe);
}

static struct fast *fast_new(struct kunit *test)
{
	struct fast *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->f = prxe_fake_new(test);
	t->qp = kunit_kzalloc(test, sizeof(*t->qp), GFP_KERNEL);
	t->mem = kunit_kzalloc(test, 2 * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, t->qp);
	KUNIT_ASSERT_NOT_NULL(test, t->mem);
	t->qp->pd = &t->f->pd;
	t->ibmr = prxe_alloc_mr(&t->f->pd.ibpd, IB_MR_TYPE_MEM_REG, 3);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, t->ibmr);
	/* the core's part of it */
	t->ibmr->device = &t->f->dev.ibdev;
	t->ibmr->pd = &t->f->pd.ibpd;
	t->mr = to_pmr(t->ibmr);
	return t;
}

static void fast_free(struct kunit *test, struct fast *t)
{
	KUNIT_EXPECT_EQ(test, prxe_dereg_mr(t->ibmr, NULL), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&t->f->dev.mrs));
}

static enum hrtimer_restart fast_leave(struct hrtimer *timer)
{
	struct fast *t = container_of(timer, struct fast, timer);

	WRITE_ONCE(t->left, true);
	/* as prxe_section_withdraw(), of the CPU that was interrupted */
	smp_store_release(t->slot, NULL);
	return HRTIMER_NORESTART;
}

/* A reader is in the region for a while: it is announced here, and a timer ends it. */
static int fast_invalidate_read(struct fast *t, bool remote)
{
	int err;

	hrtimer_setup(&t->timer, fast_leave, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	local_bh_disable();
	preempt_disable();
	t->left = false;
	t->slot = &this_cpu_ptr(&prxe_hazard)->obj[PRXE_SLOT_SRC];
	prxe_section_announce(PRXE_SLOT_SRC, t->mr);
	hrtimer_start(&t->timer, 20 * NSEC_PER_MSEC, HRTIMER_MODE_REL_PINNED_HARD);
	err = prxe_fast_invalidate(t->qp, t->mr->key, remote);
	if (!err && !READ_ONCE(t->left))
		err = -EBUSY;
	preempt_enable();
	local_bh_enable();
	hrtimer_cancel(&t->timer);
	/* however it went, nobody is inside from here on */
	smp_store_release(t->slot, NULL);
	return err;
}

static void fast_invalidation_waits(struct kunit *test)
{
	struct fast *t = fast_new(test);
	u32 key = t->ibmr->lkey;
	int remote;

	for (remote = 0; remote < 2; remote++) {
		KUNIT_EXPECT_EQ(test, fast_register(t, key, PAGE_SIZE), 0);
		KUNIT_EXPECT_EQ(test, fast_invalidate_read(t, remote), 0);
		KUNIT_EXPECT_EQ(test, prxe_mr_state(t->mr), PRXE_MR_FREE);
	}
	fast_free(test, t);
}

/* While one invalidation waits, another one waits as well, and nobody registers. */
static void fast_stopping(struct kunit *test)
{
	struct fast *t = fast_new(test);
	u32 key = t->ibmr->lkey;

	KUNIT_EXPECT_EQ(test, fast_register(t, key, PAGE_SIZE), 0);
	WRITE_ONCE(t->mr->state, PRXE_MR_STOPPING);
	KUNIT_EXPECT_EQ(test, fast_register(t, key, PAGE_SIZE), -EINVAL);
	KUNIT_EXPECT_EQ(test, prxe_fast_invalidate(t->qp, key, true), -EINVAL);
	KUNIT_EXPECT_EQ(test, fast_invalidate_read(t, false), 0);
	KUNIT_EXPECT_EQ(test, prxe_mr_state(t->mr), PRXE_MR_FREE);
	fast_free(test, t);
}

/* Does a look-up of the whole region by @key hold, if this was @done meanwhile? */
static bool fast_lookup_holds(struct kunit *test, struct fast *t, u32 key,
			      int (*done)(struct fast *t, u32 key))
{
	struct prxe_mem mem = {
		.pd = &t->f->pd, .key = key, .addr = t->ibmr->iova,
		.access = IB_ACCESS_REMOTE_WRITE,
	};
	u64 addr = mem.addr;
	struct prxe_via via;
	struct prxe_mr *mr;

	guard(rcu)();
	mr = prxe_mr_lookup(&mem, &addr, 2 * PAGE_SIZE, &via);
	KUNIT_ASSERT_PTR_EQ(test, mr, t->mr);
	KUNIT_EXPECT_EQ(test, done(t, key), 0);
	return prxe_mr_state(mr) == PRXE_MR_VALID && !prxe_via_changed(&via);
}

static int fast_nothing(struct fast *t, u32 key)
{
	return 0;
}

static int fast_invalidate(struct fast *t, u32 key)
{
	return prxe_fast_invalidate(t->qp, key, false);
}

/* The same key, of less memory: valid as before, and not what was looked up. */
static int fast_replace(struct fast *t, u32 key)
{
	return prxe_fast_invalidate(t->qp, key, false) ?:
	       fast_register(t, key, PAGE_SIZE);
}

static void fast_lookup(struct kunit *test)
{
	struct fast *t = fast_new(test);
	u32 key = t->ibmr->lkey;

	KUNIT_EXPECT_EQ(test, fast_register(t, key, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_TRUE(test, fast_lookup_holds(test, t, key, fast_nothing));
	KUNIT_EXPECT_FALSE(test, fast_lookup_holds(test, t, key, fast_replace));
	KUNIT_EXPECT_EQ(test, fast_invalidate(t, key), 0);
	KUNIT_EXPECT_EQ(test, fast_register(t, key, 2 * PAGE_SIZE), 0);
	KUNIT_EXPECT_FALSE(test, fast_lookup_holds(test, t, key, fast_invalidate));
	fast_free(test, t);
}

static struct kunit_case fast_reg_cases[] = {
	KUNIT_CASE(fast_invalidation_waits),
	KUNIT_CASE(fast_stopping),
	KUNIT_CASE(fast_lookup),
	{}
};

static struct kunit_suite fast_reg_suite = {
	.name = "prxe_fast_reg",
	.test_cases = fast_reg_cases,
};

kunit_test_suite(fast_reg_suite);
