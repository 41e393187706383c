// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: the accesses of the data path.
 *
 * Every access is a row of steps, each a read section (section.h): look the key
 * up, announce the region, see that it is valid, touch a bounded number of bytes,
 * withdraw. The bound depends on the memory: a read of uncached I/O memory takes
 * about a microsecond for 8 bytes. Such a step looks every now and then whether a
 * stopper waits, and then ends early; the next one finds out why.
 *
 * I/O memory is touched with the I/O accessors alone (R11). Stores to it may be
 * combined in the CPU: wmb() before the region is left, for the stopper and
 * for the completion that tells of them.
 */
#include <linux/iosys-map.h>
#include <linux/mm.h>

#include "crc.h"
#include "io_copy.h"
#include "mr_cursor.h"

/* After so many bytes of I/O memory a step looks for a stopper. */
#define PRXE_MR_IO_PIECE	1024

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

/* What an access needs of a page of memory on demand. */
static unsigned long prxe_mr_page_need(const struct prxe_mem *mem)
{
	bool write = mem->access & (IB_ACCESS_LOCAL_WRITE |
				    IB_ACCESS_REMOTE_WRITE |
				    IB_ACCESS_REMOTE_ATOMIC);

	return PRXE_PAGE_HERE | (write ? PRXE_PAGE_WRITE : 0);
}

/* Where the table of memory on demand has the page at @off; NULL: nowhere yet. */
static const unsigned long *prxe_mr_entry(const struct prxe_mr *mr, u64 off)
{
	const struct prxe_odp_part *part;

	if (likely(mr->pages))
		return &mr->pages[off >> PAGE_SHIFT];
	part = xa_load(&mr->odp.all->parts, off >> PRXE_ODP_PART_SHIFT);
	off &= PRXE_ODP_PART_SIZE - 1;
	return part ? &part->pages[off >> PAGE_SHIFT] : NULL;
}

/*
 * The page of memory on demand that @c is at. Return: its address, or NULL if it has
 * to be faulted in.
 */
static void *prxe_mr_page(const struct prxe_cursor *c)
{
	const unsigned long *pages = prxe_mr_entry(c->mr, c->off);
	unsigned long entry;

	if (unlikely(!pages))
		return NULL;
	/* Pairs with the release in odp_take(). */
	entry = smp_load_acquire(pages);
	return (entry & c->need) == c->need ? (void *)(entry & PAGE_MASK) : NULL;
}

int prxe_mr_announce(struct prxe_mr *mr, const struct prxe_via *via,
		     enum prxe_section_slot slot)
{
	int ret;

	prxe_section_announce(slot, mr);
	ret = prxe_mr_state_err(prxe_mr_state(mr));
	if (unlikely(prxe_via_changed(via)))
		ret = -EINVAL;
	if (unlikely(ret))
		prxe_section_withdraw(slot);
	return ret;
}

int prxe_mr_enter(const struct prxe_mem *mem, u64 addr, u64 len,
		  enum prxe_section_slot slot, struct prxe_cursor *c)
{
	struct prxe_via via;
	struct prxe_mr *mr;
	u64 off;
	int ret;

	mr = prxe_mr_lookup(mem, &addr, len, &via);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	if (unlikely(mr->any && !prxe_mr_is_memory(addr, len)))
		return -ERANGE;
	ret = prxe_mr_announce(mr, &via, slot);
	if (unlikely(ret))
		return ret;

	off = addr - mr->iova + mr->first;
	if (mr->demand) {
		c->mr = mr;
		c->off = off;
		c->need = prxe_mr_page_need(mem);
		if (likely(prxe_mr_page(c)))
			return 0;
		prxe_section_withdraw(slot);
		return -EAGAIN;
	}
	prxe_cursor_at(c, mr, off);
	return 0;
}

/* prxe_mr_next() in memory on demand */
static size_t prxe_mr_next_page(struct prxe_cursor *c, size_t max,
				struct iosys_map *map)
{
	size_t len = min_t(size_t, max, PAGE_SIZE - offset_in_page(c->off));
	void *page = prxe_mr_page(c);

	if (!page)
		return 0;
	iosys_map_set_vaddr(map, page + offset_in_page(c->off));
	c->off += len;
	return len;
}

size_t prxe_mr_next(struct prxe_cursor *c, size_t max, struct iosys_map *map)
{
	const struct prxe_extent *e = &c->mr->ext.v[c->idx];
	size_t len;
	void *addr;

	if (unlikely(c->mr->demand))
		return prxe_mr_next_page(c, max, map);
	len = min_t(u64, max, e[1].off - c->off);
	addr = e->addr + (c->off - e->off);
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
static size_t prxe_mr_step(const struct prxe_mr *mr, size_t len)
{
	return min_t(size_t, len,
		     mr->io ? PRXE_MR_SECTION_IO : PRXE_MR_SECTION_MAX);
}

/* How many of @len bytes to touch before looking for a stopper. */
static size_t prxe_mr_piece(const struct prxe_mr *mr, size_t len)
{
	return mr->io ? min_t(size_t, len, PRXE_MR_IO_PIECE) : len;
}

/* Does a stopper of this region wait for us? */
static bool prxe_mr_stopping(const struct prxe_mr *mr)
{
	return mr->io && READ_ONCE(mr->state) != PRXE_MR_VALID;
}

int prxe_mr_check(const struct prxe_mem *mem, u64 len)
{
	u64 addr = mem->addr;
	struct prxe_via via;
	struct prxe_mr *mr;
	int ret;

	if (!len)
		return 0;
	guard(rcu)();
	mr = prxe_mr_lookup(mem, &addr, len, &via);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	ret = prxe_mr_state_err(READ_ONCE(mr->state));
	return ret == -EAGAIN ? 0 : ret;
}

int prxe_mr_ready(const struct prxe_mem *mem, u64 len)
{
	u64 addr = mem->addr;
	int ret = 0;

	while (len) {
		struct prxe_cursor c;
		struct iosys_map map;
		size_t n;

		prxe_section_begin();
		ret = prxe_mr_enter(mem, addr, len, PRXE_SLOT_SRC, &c);
		if (!ret) {
			n = prxe_mr_next(&c, len, &map);
			prxe_section_withdraw(PRXE_SLOT_SRC);
		}
		prxe_section_end();
		if (ret)
			break;
		addr += n;
		len -= n;
	}
	return ret;
}

static void prxe_map_write(const struct iosys_map *map, const void *src,
			   size_t len)
{
	if (map->is_iomem)
		prxe_io_write(map->vaddr_iomem, src, len);
	else
		memcpy(map->vaddr, src, len);
}

static void prxe_map_read(void *dst, const struct iosys_map *map, size_t len)
{
	if (map->is_iomem)
		prxe_io_read(dst, map->vaddr_iomem, len);
	else
		memcpy(dst, map->vaddr, len);
}

/* One step. Return: bytes written; 0 if the page went away, see prxe_mr_next(). */
static size_t prxe_mr_write(struct prxe_cursor *c, const void *src, size_t len)
{
	size_t done = 0;

	len = prxe_mr_step(c->mr, len);
	do {
		struct iosys_map map;
		size_t n = prxe_mr_next(c, prxe_mr_piece(c->mr, len - done),
					&map);

		if (unlikely(!n))
			break;
		prxe_map_write(&map, src + done, n);
		done += n;
	} while (done < len && !prxe_mr_stopping(c->mr));
	if (c->mr->io)
		wmb();	/* out of the CPU before the region is left */
	return done;
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
			n = prxe_mr_write(&c, src, len);
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

/* One step. Return: bytes read, as prxe_mr_write(). */
static size_t prxe_mr_read(struct prxe_cursor *c, void *dst, size_t len,
			   u32 *crc)
{
	size_t done = 0;

	len = prxe_mr_step(c->mr, len);
	do {
		struct iosys_map map;
		size_t n = prxe_mr_next(c, prxe_mr_piece(c->mr, len - done),
					&map);

		if (unlikely(!n))
			break;
		if (crc && !map.is_iomem) {
			*crc = prxe_crc_copy(*crc, dst + done, map.vaddr, n);
		} else {
			prxe_map_read(dst + done, &map, n);
			if (crc)
				*crc = prxe_crc(*crc, dst + done, n);
		}
		done += n;
	} while (done < len && !prxe_mr_stopping(c->mr));
	return done;
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
			n = prxe_mr_read(&c, dst, len, crc);
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

/* The bytes up to @max that follow in one piece on both sides. */
static size_t prxe_mr_next_pair(struct prxe_cursor *to,
				struct prxe_cursor *from, size_t max,
				struct iosys_map *dst, struct iosys_map *src)
{
	struct prxe_cursor was = *from;
	size_t n = prxe_mr_next(from, max, src);
	size_t m = n ? prxe_mr_next(to, n, dst) : 0;

	if (m < n) {
		*from = was;
		if (m && prxe_mr_next(from, m, src) != m)
			return 0;
	}
	return m;
}

/* One step. Return: bytes copied, as prxe_mr_write(). */
static size_t prxe_mr_move(struct prxe_cursor *to, struct prxe_cursor *from,
			   size_t len)
{
	size_t done = 0;

	len = prxe_mr_step(to->mr, prxe_mr_step(from->mr, len));
	do {
		size_t max = prxe_mr_piece(to->mr, len - done);
		struct iosys_map dst, src;
		size_t n;

		max = prxe_mr_piece(from->mr, max);
		n = prxe_mr_next_pair(to, from, max, &dst, &src);
		if (unlikely(!n))
			break;
		if (!src.is_iomem && !dst.is_iomem)
			memmove(dst.vaddr, src.vaddr, n);
		else if (!src.is_iomem)
			prxe_map_write(&dst, src.vaddr, n);
		else if (!dst.is_iomem)
			prxe_map_read(dst.vaddr, &src, n);
		else
			prxe_io_copy(dst.vaddr_iomem, src.vaddr_iomem, n);
		done += n;
	} while (done < len && !prxe_mr_stopping(to->mr) &&
		 !prxe_mr_stopping(from->mr));
	if (to->mr->io)
		wmb();	/* out of the CPU before the region is left */
	return done;
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
	n = prxe_mr_move(&to, &from, left);
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
