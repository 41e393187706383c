// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: the accesses of the data path.
 *
 * Every access is a row of steps, each a read section (section.h): look the key
 * up, announce the region, see that it is valid, touch a bounded number of bytes,
 * withdraw. The bound is what a stopper may have to wait for. It depends on the
 * memory: a read of uncached I/O memory takes about a microsecond for 8 bytes.
 *
 * I/O memory is touched with the I/O accessors alone (R11). Stores to it may be
 * combined in the CPU: wmb() before the region is left, for the stopper and
 * for the completion that tells of them.
 */
#include <linux/atomic.h>
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "crc.h"
#include "mr_internal.h"
#include "section.h"

/* Two sides in I/O memory meet in a buffer of this size, on the stack. */
#define PRXE_MR_BOUNCE		256

/**
 * struct prxe_cursor - a place in a region that this CPU is inside of
 * @mr: the region
 * @off: offset in the translation
 * @idx: the extent that has it
 */
struct prxe_cursor {
	struct prxe_mr *mr;
	u64 off;
	u32 idx;
};

static int prxe_mr_state_err(u32 state)
{
	switch (state) {
	case PRXE_MR_VALID:
		return 0;
	case PRXE_MR_INVALID:
		return -EAGAIN;
	case PRXE_MR_REVOKED:
		return -EKEYREVOKED;
	default:
		return -EINVAL;
	}
}

/* Not all addresses of the region of all memory are memory. */
static bool prxe_mr_is_memory(u64 addr, u64 len)
{
	return virt_addr_valid((void *)(uintptr_t)addr) &&
	       virt_addr_valid((void *)(uintptr_t)(addr + len - 1));
}

/*
 * Enter the region of @mem and stand at @addr; @len, not 0, bytes from there are
 * what the caller will access, in this step and later ones. In a section. On
 * error the region was left.
 */
static int prxe_mr_enter(const struct prxe_mem *mem, u64 addr, u64 len,
			 enum prxe_section_slot slot, struct prxe_cursor *c)
{
	struct prxe_mr *mr;
	u32 hint;
	int ret;

	mr = prxe_mr_lookup(mem, addr, len);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	if (unlikely(mr->any && !prxe_mr_is_memory(addr, len)))
		return -ERANGE;

	prxe_section_announce(slot, mr);
	ret = prxe_mr_state_err(prxe_mr_state(mr));
	if (unlikely(ret)) {
		prxe_section_withdraw(slot);
		return ret;
	}

	c->mr = mr;
	c->off = addr - mr->iova + mr->first;
	hint = READ_ONCE(mr->hint);
	c->idx = prxe_extents_find(&mr->ext, c->off, hint);
	if (c->idx != hint)
		WRITE_ONCE(mr->hint, c->idx);
	return 0;
}

/* The bytes up to @max that follow in one piece; @c moves behind them. */
static size_t prxe_mr_next(struct prxe_cursor *c, size_t max,
			   struct iosys_map *map)
{
	const struct prxe_extent *e = &c->mr->ext.v[c->idx];
	size_t len = min_t(u64, max, e[1].off - c->off);
	void *addr = e->addr + (c->off - e->off);

	if (c->mr->io)
		iosys_map_set_vaddr_iomem(map, (void __iomem *)addr);
	else
		iosys_map_set_vaddr(map, addr);
	c->off += len;
	if (c->off == e[1].off)
		c->idx++;
	return len;
}

/* How many of @len bytes one section may touch. */
static size_t prxe_mr_step(const struct prxe_mr *mr, size_t len, bool write)
{
	size_t max = PRXE_MR_SECTION_MAX;

	if (mr->io)
		max = write ? PRXE_MR_SECTION_IO_WRITE :
			      PRXE_MR_SECTION_IO_READ;
	return min(len, max);
}

int prxe_mr_check(const struct prxe_mem *mem, u64 len)
{
	struct prxe_mr *mr;

	if (!len)
		return 0;
	guard(rcu)();
	mr = prxe_mr_lookup(mem, mem->addr, len);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	if (unlikely(READ_ONCE(mr->state) == PRXE_MR_REVOKED))
		return -EKEYREVOKED;
	return 0;
}

static void prxe_mr_write(struct prxe_cursor *c, const void *src, size_t len)
{
	bool io = c->mr->io;

	while (len) {
		struct iosys_map map;
		size_t n = prxe_mr_next(c, len, &map);

		iosys_map_memcpy_to(&map, 0, src, n);
		src += n;
		len -= n;
	}
	if (io)
		wmb();	/* out of the CPU before the region is left */
}

int prxe_mr_copy_in(const struct prxe_mem *mem, const void *src, size_t len)
{
	u64 addr = mem->addr;
	int ret = 0;

	while (len) {
		struct prxe_cursor c;
		size_t n;

		prxe_section_begin();
		ret = prxe_mr_enter(mem, addr, len, PRXE_SLOT_DST, &c);
		if (!ret) {
			n = prxe_mr_step(c.mr, len, true);
			prxe_mr_write(&c, src, n);
			prxe_section_withdraw(PRXE_SLOT_DST);
		}
		prxe_section_end();
		if (ret)
			break;
		addr += n;
		src += n;
		len -= n;
	}
	return ret;
}

static void prxe_mr_read(struct prxe_cursor *c, void *dst, size_t len, u32 *crc)
{
	while (len) {
		struct iosys_map map;
		size_t n = prxe_mr_next(c, len, &map);

		if (!crc) {
			iosys_map_memcpy_from(dst, &map, 0, n);
		} else if (map.is_iomem) {
			memcpy_fromio(dst, map.vaddr_iomem, n);
			*crc = prxe_crc(*crc, dst, n);
		} else {
			*crc = prxe_crc_copy(*crc, dst, map.vaddr, n);
		}
		dst += n;
		len -= n;
	}
}

int prxe_mr_copy_out(const struct prxe_mem *mem, void *dst, size_t len,
		     u32 *crc)
{
	u64 addr = mem->addr;
	int ret = 0;

	while (len) {
		struct prxe_cursor c;
		size_t n;

		prxe_section_begin();
		ret = prxe_mr_enter(mem, addr, len, PRXE_SLOT_SRC, &c);
		if (!ret) {
			n = prxe_mr_step(c.mr, len, false);
			prxe_mr_read(&c, dst, n, crc);
			prxe_section_withdraw(PRXE_SLOT_SRC);
		}
		prxe_section_end();
		if (ret)
			break;
		addr += n;
		dst += n;
		len -= n;
	}
	return ret;
}

static void prxe_mr_bounce(const struct iosys_map *dst,
			   const struct iosys_map *src, size_t len)
{
	u8 buf[PRXE_MR_BOUNCE];
	size_t done, n;

	for (done = 0; done < len; done += n) {
		n = min(len - done, sizeof(buf));
		iosys_map_memcpy_from(buf, src, done, n);
		memcpy_toio(dst->vaddr_iomem + done, buf, n);
	}
}

static void prxe_mr_move(struct prxe_cursor *to, struct prxe_cursor *from,
			 size_t len)
{
	bool io = to->mr->io;

	while (len) {
		struct prxe_cursor from_was = *from;
		struct iosys_map dst, src;
		size_t n, m;

		n = prxe_mr_next(from, len, &src);
		m = prxe_mr_next(to, n, &dst);
		if (m < n) {
			/* Only the piece that both have. */
			*from = from_was;
			prxe_mr_next(from, m, &src);
		}
		if (!src.is_iomem)
			iosys_map_memcpy_to(&dst, 0, src.vaddr, m);
		else if (!dst.is_iomem)
			iosys_map_memcpy_from(dst.vaddr, &src, 0, m);
		else
			prxe_mr_bounce(&dst, &src, m);
		len -= m;
	}
	if (io)
		wmb();	/* out of the CPU before the region is left */
}

/* One step of a copy. Return: bytes copied, or an error and @fault. */
static ssize_t prxe_mr_copy_step(const struct prxe_mem *dst,
				 const struct prxe_mem *src, size_t done,
				 size_t left, const struct prxe_mem **fault)
{
	struct prxe_cursor to, from;
	size_t n;
	int ret;

	ret = prxe_mr_enter(dst, dst->addr + done, left, PRXE_SLOT_DST, &to);
	if (ret) {
		*fault = dst;
		return ret;
	}
	ret = prxe_mr_enter(src, src->addr + done, left, PRXE_SLOT_SRC, &from);
	if (ret) {
		prxe_section_withdraw(PRXE_SLOT_DST);
		*fault = src;
		return ret;
	}
	n = prxe_mr_step(to.mr, left, true);
	n = prxe_mr_step(from.mr, n, false);
	prxe_mr_move(&to, &from, n);
	prxe_section_withdraw(PRXE_SLOT_SRC);
	prxe_section_withdraw(PRXE_SLOT_DST);
	return n;
}

int prxe_mr_copy(const struct prxe_mem *dst, const struct prxe_mem *src,
		 size_t len, size_t *done, const struct prxe_mem **fault)
{
	while (*done < len) {
		ssize_t n;

		prxe_section_begin();
		n = prxe_mr_copy_step(dst, src, *done, len - *done, fault);
		prxe_section_end();
		if (n < 0)
			return n;
		*done += n;
	}
	return 0;
}

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
	/* Aligned in the region is aligned in memory: pages map to pages. */
	prxe_mr_next(&c, sizeof(u64), &map);
	if (map.is_iomem)
		*orig = prxe_mr_atomic_io(map.vaddr_iomem, cas, compare,
					  swap_add);
	else
		*orig = prxe_mr_atomic_ram(map.vaddr, cas, compare, swap_add);
	prxe_section_withdraw(PRXE_SLOT_DST);
out:
	prxe_section_end();
	return ret;
}
