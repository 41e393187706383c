// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: operations on one word of 64 bits.
 */
#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "mr_cursor.h"

/*
 * I/O memory has no read-modify-write accessor, so accesses to one location take
 * one lock. The location is known by its physical address, of which the bits
 * below a page are those of every mapping of it: they choose the lock. Innermost.
 */
#define PRXE_ATOMIC_LOCKS	64
static spinlock_t prxe_atomic_locks[PRXE_ATOMIC_LOCKS] = {
	[0 ... PRXE_ATOMIC_LOCKS - 1] =
		__SPIN_LOCK_UNLOCKED(prxe_atomic_locks),
};

static_assert(PRXE_ATOMIC_LOCKS * sizeof(u64) <= PAGE_SIZE);

static u64 prxe_mr_atomic_io(void __iomem *p, bool cas, u64 compare,
			     u64 swap_add)
{
	size_t i = (uintptr_t)p / sizeof(u64) % PRXE_ATOMIC_LOCKS;
	u64 old;

	spin_lock(&prxe_atomic_locks[i]);
	old = readq(p);
	if (!cas)
		writeq(old + swap_add, p);
	else if (old == compare)
		writeq(swap_add, p);
	wmb();	/* out of the CPU before the next one reads */
	spin_unlock(&prxe_atomic_locks[i]);
	return old;
}

static void prxe_mr_store_io(void __iomem *p, u64 value)
{
	size_t i = (uintptr_t)p / sizeof(u64) % PRXE_ATOMIC_LOCKS;

	spin_lock(&prxe_atomic_locks[i]);
	wmb();	/* what was written before arrives before */
	__raw_writeq(value, p);
	wmb();	/* out of the CPU before the next one reads */
	spin_unlock(&prxe_atomic_locks[i]);
}

static u64 prxe_mr_atomic_ram(void *p, bool cas, u64 compare, u64 swap_add)
{
	if (cas)
		return cmpxchg64((u64 *)p, compare, swap_add);
	return atomic64_fetch_add(swap_add, p);
}

/*
 * Enter the region of @mem for the one word there. Return: 0, and the region was
 * entered; or an error of mr.h.
 */
static int prxe_mr_enter_word(const struct prxe_mem *mem, struct iosys_map *map)
{
	struct prxe_cursor c;
	int ret;

	ret = prxe_mr_enter(mem, mem->addr, sizeof(u64), PRXE_SLOT_DST, &c);
	if (ret)
		return ret;
	/*
	 * Aligned in the region is aligned in memory: pages map to pages. In a
	 * window that counts from 0 it need not be.
	 */
	if (!IS_ALIGNED(c.off, sizeof(u64)))
		ret = -EFAULT;
	else if (unlikely(!prxe_mr_next(&c, sizeof(u64), map)))
		ret = -EAGAIN;
	if (ret)
		prxe_section_withdraw(PRXE_SLOT_DST);
	return ret;
}

int prxe_mr_atomic(const struct prxe_mem *mem, bool cas, u64 compare,
		   u64 swap_add, u64 *orig)
{
	struct iosys_map map;
	int ret;

	if (!IS_ALIGNED(mem->addr, sizeof(u64)))
		return -EFAULT;

	prxe_section_begin();
	ret = prxe_mr_enter_word(mem, &map);
	if (!ret) {
		if (map.is_iomem)
			*orig = prxe_mr_atomic_io(map.vaddr_iomem, cas, compare,
						  swap_add);
		else
			*orig = prxe_mr_atomic_ram(map.vaddr, cas, compare,
						   swap_add);
		prxe_section_withdraw(PRXE_SLOT_DST);
	}
	prxe_section_end();
	return ret;
}

int prxe_mr_atomic_write(const struct prxe_mem *mem, u64 value)
{
	struct iosys_map map;
	int ret;

	if (!IS_ALIGNED(mem->addr, sizeof(u64)))
		return -EFAULT;

	prxe_section_begin();
	ret = prxe_mr_enter_word(mem, &map);
	if (!ret) {
		if (map.is_iomem)
			prxe_mr_store_io(map.vaddr_iomem, value);
		else
			/* Pairs with whatever its reader orders by. */
			smp_store_release((u64 *)map.vaddr, value);
		prxe_section_withdraw(PRXE_SLOT_DST);
	}
	prxe_section_end();
	return ret;
}
