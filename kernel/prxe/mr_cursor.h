/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How an access finds its way through a region. Only mr_*.c includes this;
 * mr_access.c has the functions and the theory.
 */
#ifndef PRXE_MR_CURSOR_H
#define PRXE_MR_CURSOR_H

#include "mr_internal.h"
#include "section.h"

/**
 * struct prxe_cursor - a place in a region that this CPU is inside of
 * @mr: the region
 * @off: offset in the translation
 * @idx: the extent that has it
 * @need: bits that a page of memory on demand must have
 */
struct prxe_cursor {
	struct prxe_mr *mr;
	u64 off;
	u32 idx;
	unsigned long need;
};

/**
 * prxe_mr_announce() - enter a region that was found by its key
 * @mr: the region
 * @via: of the look-up
 * @slot: which
 *
 * On error the region was left. Context: in a section, the one of the look-up.
 * Return: 0, or an error of mr.h.
 */
int prxe_mr_announce(struct prxe_mr *mr, const struct prxe_via *via,
		     enum prxe_section_slot slot);

/**
 * prxe_mr_enter() - enter the region of an access and stand at an address of it
 * @mem: key, domain and rights
 * @addr: the address
 * @len: bytes from there, not 0, that the caller will access, in this section and
 *	later ones
 * @slot: which
 * @c: the place
 *
 * On error the region was left. Context: in a section.
 * Return: 0, or an error of mr.h.
 */
int prxe_mr_enter(const struct prxe_mem *mem, u64 addr, u64 len,
		  enum prxe_section_slot slot, struct prxe_cursor *c);

/**
 * prxe_mr_next() - the bytes that follow in one piece
 * @c: moves behind them
 * @max: how many at most
 * @map: where they are
 *
 * Context: in the section that entered the region.
 * Return: how many; 0 if they have to be faulted in.
 */
size_t prxe_mr_next(struct prxe_cursor *c, size_t max, struct iosys_map *map);

/* Stand at the offset @off of a region with extents that this CPU is inside of. */
static inline void prxe_cursor_at(struct prxe_cursor *c, struct prxe_mr *mr,
				  u64 off)
{
	u32 hint = READ_ONCE(mr->hint);

	c->mr = mr;
	c->off = off;
	c->idx = prxe_extents_find(&mr->ext, off, hint);
	if (c->idx != hint)
		WRITE_ONCE(mr->hint, c->idx);
}

#endif /* PRXE_MR_CURSOR_H */
