/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The translation of a memory region: a sorted table of extents.
 *
 * Pure: no locks, no allocation, so that user space compiles it for unit tests.
 *
 * An extent is a range of offsets that is contiguous in the CPU's address space.
 * Extents follow each other without gaps from offset 0 on, so each ends where
 * the next begins; a last entry, the sentinel, has the end of the table as its
 * offset. One extent with its sentinel fits into the table itself: a
 * contiguous region needs no memory beside it, however long it is.
 *
 * Offsets count bytes from the beginning of the first page, so that a region may
 * begin inside of a page. Nobody forms a sum of two inputs here before it is
 * known not to overflow.
 */
#ifndef PRXE_EXTENT_H
#define PRXE_EXTENT_H

#include <linux/errno.h>
#include <linux/types.h>

/**
 * struct prxe_extent - a range of offsets
 * @off: the first one
 * @addr: where it is; an I/O address for a region in I/O memory; NULL in the
 *	sentinel
 */
struct prxe_extent {
	u64 off;
	void *addr;
};

/**
 * struct prxe_extents - the table
 * @v: @nr extents and the sentinel; @one, or the owner's memory
 * @nr: number of extents
 * @cap: entries that @v has room for, the sentinel included
 * @one: room for one extent
 */
struct prxe_extents {
	struct prxe_extent *v;
	u32 nr;
	u32 cap;
	struct prxe_extent one[2];
};

/* Make @t an empty table that uses its own room. */
static inline void prxe_extents_init(struct prxe_extents *t)
{
	t->v = t->one;
	t->cap = 2;
	t->nr = 0;
	t->v[0] = (struct prxe_extent){};
}

/* Forget the extents, keep the room. */
static inline void prxe_extents_clear(struct prxe_extents *t)
{
	t->nr = 0;
	t->v[0] = (struct prxe_extent){};
}

/* The offset behind the last extent. */
static inline u64 prxe_extents_end(const struct prxe_extents *t)
{
	return t->v[t->nr].off;
}

/* Offsets of extent @i. */
static inline u64 prxe_extent_len(const struct prxe_extents *t, u32 i)
{
	return t->v[i + 1].off - t->v[i].off;
}

/**
 * prxe_extents_append() - add an extent at the end
 * @t: the table
 * @addr: where it is
 * @len: bytes, not 0
 *
 * Return: 0; -ENOSPC when the table has no room, and nothing changed; -EINVAL
 * for an extent that is empty or would pass the end of the offsets.
 */
static inline int prxe_extents_append(struct prxe_extents *t, void *addr,
				      u64 len)
{
	struct prxe_extent *last = &t->v[t->nr];

	if (!len || len > U64_MAX - last->off)
		return -EINVAL;
	if (t->cap - t->nr < 2)
		return -ENOSPC;
	last[1].off = last->off + len;
	last[1].addr = NULL;
	last->addr = addr;
	t->nr++;
	return 0;
}

/**
 * prxe_extents_extend() - add memory at the end, to the last extent if possible
 * @t: the table
 * @addr: where it is
 * @len: bytes, not 0
 *
 * Return: as prxe_extents_append().
 */
static inline int prxe_extents_extend(struct prxe_extents *t, void *addr,
				      u64 len)
{
	struct prxe_extent *end = &t->v[t->nr];

	if (!t->nr ||
	    (uintptr_t)end[-1].addr + (end->off - end[-1].off) != (uintptr_t)addr)
		return prxe_extents_append(t, addr, len);
	if (!len || len > U64_MAX - end->off)
		return -EINVAL;
	end->off += len;
	return 0;
}

/**
 * prxe_extents_find() - which extent has an offset
 * @t: the table, with one extent or more
 * @off: less than prxe_extents_end()
 * @hint: where it may be, or in the one behind; any number
 *
 * Return: the extent's number.
 */
static inline u32 prxe_extents_find(const struct prxe_extents *t, u64 off,
				    u32 hint)
{
	const struct prxe_extent *v = t->v;
	u32 lo = 0, hi = t->nr;

	/* Invariant: v[lo].off <= off < v[hi].off */
	if (hint < hi && v[hint].off <= off) {
		lo = hint;
		if (off < v[hint + 1].off)
			return hint;
		lo = hint + 1;
		if (off < v[hint + 2].off)
			return lo;
	}
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2;

		if (v[mid].off <= off)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/**
 * prxe_range_ok() - is a range of addresses inside a region?
 * @start: first address of the region
 * @length: bytes of the region
 * @addr: first address of the range
 * @len: bytes of the range
 *
 * A region, and a range, may end at the very end of the address space.
 */
static inline bool prxe_range_ok(u64 start, u64 length, u64 addr, u64 len)
{
	return addr >= start && len <= length && addr - start <= length - len;
}

#endif /* PRXE_EXTENT_H */
