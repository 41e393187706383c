// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: atomics.
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

static u64 prxe_mr_atomic_ram(void *p, bool cas, u64 compare, u64 swap_add)
{
	if (cas)
		return cmpxchg64((u64 *)p, compare, swap_add);
	return atomic64_fetch_add(swap_add, p);
}

int prxe_mr_atomic(const struct prxe_mem *mem, bool cas, u64 compare,
		   u64 swap_add, u64 *orig)
{
	struct prxe_cursor c;
	struct iosys_map map;
	int ret;

	if (!IS_ALIGNED(mem->addr, sizeof(u64)))
		return -EFAULT;

	prxe_section_begin();
	ret = prxe_mr_enter(mem, mem->addr, sizeof(u64), PRXE_SLOT_DST, &c);
	if (ret)
		goto out;
	/*
	 * Aligned in the region is aligned in memory: pages map to pages. In a
	 * window that counts from 0 it need not be.
	 */
	if (!IS_ALIGNED(c.off, sizeof(u64))) {
		ret = -EFAULT;
		goto withdraw;
	}
	if (unlikely(!prxe_mr_next(&c, sizeof(u64), &map))) {
		ret = -EAGAIN;
		goto withdraw;
	}
	if (map.is_iomem)
		*orig = prxe_mr_atomic_io(map.vaddr_iomem, cas, compare,
					  swap_add);
	else
		*orig = prxe_mr_atomic_ram(map.vaddr, cas, compare, swap_add);
withdraw:
	prxe_section_withdraw(PRXE_SLOT_DST);
out:
	prxe_section_end();
	return ret;
}
