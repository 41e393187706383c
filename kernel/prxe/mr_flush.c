// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: flushes (IBTA vol 1, annex A19).
 *
 * What was copied into a region has left the CPU by the end of its section
 * (mr_access.c). What that leaves to be done depends on how far the peer wants it
 * to get, and on the memory:
 *
 *	globally visible
 *	    RAM			nothing: caches are coherent. A barrier orders the
 *				answer behind the data
 *	    I/O memory		writes may be on their way to the device still: they
 *				are posted. A read of one byte comes back only when
 *				they have arrived. One for all, as a dma-buf is of one
 *				device, where a read does not pass writes
 *	    on demand		as RAM. No page is faulted in: what is not in the
 *				table has been given back to the process, with all
 *				that was written to it
 *	persistent		the CPU's caches are written back, line by line. Only
 *				persistent memory can be registered for that (mr_user.c):
 *				pinned memory of the process, never on demand, no
 *				dma-buf, for exporters do not tell, and nothing of kernel
 *				users. That it gets from the memory controller to the
 *				medium is the platform's promise (ADR, eADR)
 *
 * Of memory that is not valid now nothing can be said before it has been fetched
 * again, so that such a flush is parked like other accesses.
 */
#include <linux/io.h>
#include <linux/iosys-map.h>
#include <linux/ioport.h>
#include <linux/libnvdimm.h>
#include <linux/mm.h>

#include "mr_cursor.h"

/* Bytes that one call makes persistent. */
#define PRXE_FLUSH_BUDGET	SZ_256K

/**
 * prxe_is_persistent() - does a range of memory keep what it has?
 * @addr: in the direct map
 * @len: bytes; whole pages
 *
 * Page by page, for a range is said to intersect when a part of it does, and
 * nothing is known of the rest. Context: process.
 * Return: true if all of it is persistent memory.
 */
bool prxe_is_persistent(void *addr, size_t len)
{
	phys_addr_t at = virt_to_phys(addr), end = at + len;

	for (; at < end; at += PAGE_SIZE) {
		if (region_intersects(at, PAGE_SIZE, IORESOURCE_MEM,
				      IORES_DESC_PERSISTENT_MEMORY) !=
		    REGION_INTERSECTS)
			return false;
		cond_resched();
	}
	return true;
}

/* Write back a bounded part of what is left. This CPU is inside of the region. */
static void prxe_flush_persist(struct prxe_flush *f, struct prxe_cursor *c)
{
	u64 left = min_t(u64, f->len - f->done, PRXE_MR_SECTION_MAX);

	while (left) {
		struct iosys_map map;
		size_t n = prxe_mr_next(c, left, &map);

		/* neither on demand nor I/O memory has got the right to this */
		if (WARN_ON_ONCE(!n || map.is_iomem)) {
			f->done = f->len;
			return;
		}
		arch_wb_cache_pmem(map.vaddr, n);
		f->done += n;
		left -= n;
	}
	wmb();	/* the lines are out of the CPU */
}

/* Have the device answer. This CPU is inside of the region. */
static void prxe_flush_io(struct prxe_cursor *c)
{
	struct iosys_map map;

	if (prxe_mr_next(c, 1, &map) && map.is_iomem)
		readb(map.vaddr_iomem);
}

/* In a section. Return: 0: all is done; -EINPROGRESS: a step was; or an error. */
static int prxe_flush_step(struct prxe_flush *f)
{
	struct prxe_span span;
	struct prxe_cursor c;
	struct prxe_via via;
	struct prxe_mr *mr;
	u64 off;
	int ret;

	mr = prxe_mr_find(&f->mem, &span, &via);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	if (f->whole) {
		f->mem.addr = span.first;
		f->len = span.length;
	} else if (!prxe_range_ok(span.first, span.length, f->mem.addr, f->len)) {
		return -ERANGE;
	}
	if (f->done >= f->len)
		return 0;
	ret = prxe_mr_announce(mr, &via, PRXE_SLOT_DST);
	if (ret)
		return ret;
	off = f->mem.addr + span.shift - mr->iova + mr->first + f->done;
	if (f->mem.access & IB_ACCESS_FLUSH_PERSISTENT) {
		prxe_cursor_at(&c, mr, off);
		prxe_flush_persist(f, &c);
		ret = f->done < f->len ? -EINPROGRESS : 0;
	} else if (mr->io) {
		prxe_cursor_at(&c, mr, off);
		prxe_flush_io(&c);
	}
	prxe_section_withdraw(PRXE_SLOT_DST);
	return ret;
}

int prxe_mr_flush(struct prxe_flush *f)
{
	u64 end = f->done + PRXE_FLUSH_BUDGET;
	int ret;

	mb();	/* what other CPUs wrote of it, too, and before what is read here */
	do {
		prxe_section_begin();
		ret = prxe_flush_step(f);
		prxe_section_end();
	} while (ret == -EINPROGRESS && f->done < end);
	return ret;
}
