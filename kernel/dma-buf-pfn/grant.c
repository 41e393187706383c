// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: counted slices of the exporter's own CPU mapping (R1).
 *
 * The importer never makes a pointer out of a page frame number. It asks for a
 * slice, the exporter hands one out of the mapping it keeps, and the core writes
 * it down. So the core knows exactly what an importer holds, gives back what
 * an importer forgot, and never tells the exporter of a slice that it did not
 * hand out. An importer of a buffer of many runs gets them by the dozen, in one grant.
 *
 * Everything here is under the reservation lock. Giving back allocates nothing.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "extent.h"
#include "internal.h"
#include "trace.h"

/**
 * struct pfn_slice - a part of a grant that lies in one run
 * @npages: number of pages
 * @map: what the exporter handed out
 */
struct pfn_slice {
	unsigned long npages;
	struct iosys_map map;
};

/**
 * struct pfn_grant - what one call granted to an importer
 * @node: in &pfn_attachment.grants
 * @pgoff: first page
 * @npages: number of pages, of all slices
 * @map: the mapping of the first slice
 * @nr: number of slices, at least 1
 * @slices: all of them, if the exporter wants them back one by one
 */
struct pfn_grant {
	struct rb_node node;
	unsigned long pgoff;
	unsigned long npages;
	struct iosys_map map;
	unsigned int nr;
	struct pfn_slice slices[];
};

/*
 * By range, then by mapping: one range may be granted several times, and the
 * exporter may map it elsewhere each time.
 */
static int pfn_grant_cmp(const struct pfn_grant *a, const struct pfn_grant *b)
{
	unsigned long addr_a = (unsigned long)a->map.vaddr;
	unsigned long addr_b = (unsigned long)b->map.vaddr;

	if (a->pgoff != b->pgoff)
		return a->pgoff < b->pgoff ? -1 : 1;
	if (a->npages != b->npages)
		return a->npages < b->npages ? -1 : 1;
	if (addr_a != addr_b)
		return addr_a < addr_b ? -1 : 1;
	return 0;
}

static bool pfn_grant_less(struct rb_node *a, const struct rb_node *b)
{
	return pfn_grant_cmp(rb_entry(a, struct pfn_grant, node),
			     rb_entry(b, struct pfn_grant, node)) < 0;
}

static int pfn_grant_match(const void *key, const struct rb_node *node)
{
	return pfn_grant_cmp(key, rb_entry(node, struct pfn_grant, node));
}

/* What kvzalloc_flex() took for it, about. */
static size_t pfn_grant_bytes(const struct pfn_attachment *p,
			      const struct pfn_grant *grant)
{
	size_t size = struct_size(grant, slices, p->xops->cpu_unmap ? grant->nr : 0);

	return size > KMALLOC_MAX_CACHE_SIZE ? PAGE_ALIGN(size) :
					       kmalloc_size_roundup(size);
}

static void pfn_grant_add(struct pfn_attachment *p, struct pfn_grant *grant)
{
	rb_add(&grant->node, &p->grants, pfn_grant_less);
	WRITE_ONCE(p->nr_grants, p->nr_grants + grant->nr);
	WRITE_ONCE(p->nr_maps, p->nr_maps + grant->nr);
	WRITE_ONCE(p->grant_bytes, p->grant_bytes + pfn_grant_bytes(p, grant));
}

static void pfn_slices_end(struct pfn_attachment *p,
			   const struct pfn_grant *grant)
{
	unsigned long pgoff = grant->pgoff;
	unsigned int i;

	for (i = 0; i < grant->nr; i++) {
		const struct pfn_slice *slice = &grant->slices[i];

		p->xops->cpu_unmap(&p->pub, pgoff, slice->npages, &slice->map);
		pgoff += slice->npages;
	}
}

/* Takes a grant, which is in no tree, back from the importer. */
static void pfn_grant_end(struct pfn_attachment *p, struct pfn_grant *grant)
{
	WRITE_ONCE(p->nr_grants, p->nr_grants - grant->nr);
	WRITE_ONCE(p->grant_bytes, p->grant_bytes - pfn_grant_bytes(p, grant));
	if (p->xops->cpu_unmap)
		pfn_slices_end(p, grant);
	trace_cpu_unmap(p, grant->pgoff, grant->npages);
	kvfree(grant);
}

/**
 * pfn_grants_reclaim - take back whatever grants are left (R5)
 * @p: the attachment
 *
 * Context: reservation lock held; allocates nothing.
 * Return: how many there were.
 */
unsigned int pfn_grants_reclaim(struct pfn_attachment *p)
{
	unsigned int nr = p->nr_grants;
	struct pfn_grant *grant, *next;

	dma_resv_assert_held(p->pub.dmabuf->resv);
	rbtree_postorder_for_each_entry_safe(grant, next, &p->grants, node)
		pfn_grant_end(p, grant);
	p->grants = RB_ROOT;
	return nr;
}

/* The range must be one run now, as the walk merges it. */
static int pfn_check_one_run(struct pfn_attachment *p, unsigned long pgoff,
			     unsigned long npages)
{
	struct dma_buf_extent vec[2];
	int ret;

	ret = pfn_walk(p, pgoff, pgoff + npages, vec, ARRAY_SIZE(vec));
	if (ret < 0)
		return ret;
	return vec[0].npages == npages ? 0 : -EINVAL;
}

/* Gives the first @nr runs back to the exporter. */
static void pfn_unmap_runs(struct pfn_attachment *p, unsigned long pgoff,
			   const struct dma_buf_extent *vec,
			   const struct iosys_map *maps, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr && p->xops->cpu_unmap; i++) {
		p->xops->cpu_unmap(&p->pub, pgoff, vec[i].npages, &maps[i]);
		pgoff += vec[i].npages;
	}
}

/* Without an operation for many, one by one. */
static int pfn_ask_each(struct pfn_attachment *p, unsigned long pgoff,
			const struct dma_buf_extent *vec, struct iosys_map *maps,
			unsigned int nr)
{
	unsigned long at = pgoff;
	unsigned int i;
	int ret;

	for (i = 0; i < nr; i++) {
		ret = p->xops->cpu_map(&p->pub, at, vec[i].npages, &maps[i]);
		if (ret) {
			pfn_unmap_runs(p, pgoff, vec, maps, i);
			return ret;
		}
		at += vec[i].npages;
	}
	return 0;
}

/* Have @nr runs from @pgoff on mapped. The exporter's answer is not trusted. */
static int pfn_ask_maps(struct pfn_attachment *p, unsigned long pgoff,
			const struct dma_buf_extent *vec, struct iosys_map *maps,
			unsigned int nr, bool mmio)
{
	unsigned int i;
	int ret;

	if (p->xops->cpu_map_extents)
		ret = p->xops->cpu_map_extents(&p->pub, pgoff, vec, maps, nr);
	else
		ret = pfn_ask_each(p, pgoff, vec, maps, nr);
	if (ret < 0)
		return ret;
	if (ret)
		return pfn_exporter_error(p, "cpu_map: unknown answer");

	/* A plain pointer to MMIO would be read and written plainly (R11). */
	for (i = 0; i < nr; i++)
		if (iosys_map_is_null(&maps[i]) || maps[i].is_iomem != mmio) {
			pfn_unmap_runs(p, pgoff, vec, maps, nr);
			return pfn_exporter_error(p, "cpu_map: wrong kind of mapping");
		}
	return 0;
}

/* May this importer have the CPU at this range, now? */
static int pfn_cpu_enter(struct pfn_attachment *p, unsigned long pgoff,
			 unsigned long npages, struct dma_buf_pfn_info *info)
{
	int ret;

	if (!(p->pub.needs & DMA_BUF_PFN_NEED_CPU) ||
	    !(p->granted & DMA_BUF_PFN_GRANT_CPU))
		return -EPERM;
	ret = pfn_range_check(pgoff, npages, p->npages);
	if (ret)
		return ret;
	ret = pfn_wait_fences(p);
	if (ret)
		return ret;
	return pfn_describe(p, info);
}

/*
 * Have the @nr runs of @vec, from page @pgoff on, mapped, and write it down as one
 * grant. Nothing is left mapped after an error.
 */
static int pfn_grant_runs(struct pfn_attachment *p, unsigned long pgoff,
			  const struct dma_buf_extent *vec,
			  struct iosys_map *maps, unsigned int nr, bool mmio)
{
	bool keep = p->xops->cpu_unmap;
	struct pfn_grant *grant;
	unsigned int i;
	int ret;

	grant = kvzalloc_flex(*grant, slices, keep ? nr : 0);
	if (!grant)
		return -ENOMEM;
	ret = pfn_ask_maps(p, pgoff, vec, maps, nr, mmio);
	if (ret) {
		kvfree(grant);
		return ret;
	}
	for (i = 0; i < nr; i++) {
		grant->npages += vec[i].npages;
		if (keep)
			grant->slices[i] = (struct pfn_slice){
				.npages = vec[i].npages, .map = maps[i],
			};
	}
	grant->pgoff = pgoff;
	grant->map = maps[0];
	grant->nr = nr;
	pfn_grant_add(p, grant);
	return 0;
}

static int pfn_cpu_map(struct pfn_attachment *p, unsigned long pgoff,
		       unsigned long npages, struct iosys_map *map)
{
	struct dma_buf_extent run = { .npages = npages };
	struct dma_buf_pfn_info info;
	struct iosys_map got;
	int ret;

	ret = pfn_cpu_enter(p, pgoff, npages, &info);
	if (ret)
		return ret;
	ret = pfn_check_one_run(p, pgoff, npages);
	if (ret)
		return ret;
	ret = pfn_grant_runs(p, pgoff, &run, &got, 1,
			     info.flags & DMA_BUF_PFN_IS_MMIO);
	if (!ret)
		*map = got;
	return ret;
}

static int pfn_cpu_map_extents(struct pfn_attachment *p, unsigned long pgoff,
			       unsigned long npages, struct dma_buf_extent *vec,
			       struct iosys_map *maps, unsigned int nr)
{
	struct dma_buf_pfn_info info;
	int ret, have;

	ret = pfn_cpu_enter(p, pgoff, npages, &info);
	if (ret)
		return ret;
	have = pfn_walk(p, pgoff, pgoff + npages, vec,
			min_t(unsigned int, nr, INT_MAX));
	if (have < 0)
		return have;
	ret = pfn_grant_runs(p, pgoff, vec, maps, have,
			     info.flags & DMA_BUF_PFN_IS_MMIO);
	if (ret)
		return ret;
	WRITE_ONCE(p->nr_extents, p->nr_extents + have);
	return have;
}

/**
 * dma_buf_pfn_cpu_map - get a grant: CPU access to a range of pages (R1, R11)
 * @attach: the attachment; it declared %DMA_BUF_PFN_NEED_CPU
 * @pgoff: first page, counted from the start of the buffer
 * @npages: number of pages; they lie in one run
 * @map: filled with the exporter's mapping of the range; I/O memory if and only
 *	if dma_buf_pfn_describe() says MMIO
 *
 * The mapping is the exporter's. It is to be given back with
 * dma_buf_pfn_cpu_unmap(), at the latest from the invalidate callback. Waits for
 * the exporter's fences (R10).
 *
 * Context: reservation lock held by the caller; may sleep, interruptibly;
 * allocates.
 * Return: 0; -EPERM if CPU access was not asked for at attach; -EINVAL if the
 * range is empty or not contiguous; -ERANGE if it is not inside the buffer;
 * -ENOMEM; otherwise as dma_buf_get_extents().
 */
int dma_buf_pfn_cpu_map(struct dma_buf_pfn_attachment *attach,
			unsigned long pgoff, unsigned long npages,
			struct iosys_map *map)
{
	int ret;

	if (!map)
		return -EINVAL;
	ret = pfn_enter(attach);
	if (ret)
		return ret;
	ret = pfn_cpu_map(to_pfn(attach), pgoff, npages, map);
	trace_cpu_map(to_pfn(attach), pgoff, npages, ret);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_cpu_map, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_cpu_map_extents - list runs of pages and get a grant for them (R1, R4)
 * @attach: the attachment; it declared %DMA_BUF_PFN_NEED_CPU
 * @pgoff: first page, counted from the start of the buffer
 * @npages: number of pages at most
 * @vec: filled with runs that follow each other without gaps, as by
 *	dma_buf_get_extents(), the last one clipped at the end of the range
 * @maps: filled with the exporter's mapping of each
 * @nr: entries in @vec and in @maps, at least 1
 *
 * For a buffer of many runs: as dma_buf_get_extents() and a dma_buf_pfn_cpu_map() of
 * each run, at a fraction of their cost. If @nr runs do not cover the range, ask again
 * behind them; the first run of that answer may continue the last one of this.
 *
 * The runs of one call are one grant. It is given back as one, by
 * dma_buf_pfn_cpu_unmap() with the pages that they have together and @maps[0], or by
 * dma_buf_pfn_cpu_unmap_all().
 *
 * Context: reservation lock held by the caller; may sleep, interruptibly;
 * allocates.
 * Return: number of runs, at least 1, or an error as dma_buf_pfn_cpu_map(); then
 * nothing is granted.
 */
int dma_buf_pfn_cpu_map_extents(struct dma_buf_pfn_attachment *attach,
				unsigned long pgoff, unsigned long npages,
				struct dma_buf_extent *vec,
				struct iosys_map *maps, unsigned int nr)
{
	int ret;

	if (!vec || !maps || !nr)
		return -EINVAL;
	ret = pfn_enter(attach);
	if (ret)
		return ret;
	ret = pfn_cpu_map_extents(to_pfn(attach), pgoff, npages, vec, maps, nr);
	trace_get_extents(to_pfn(attach), pgoff, nr, vec, ret);
	trace_cpu_map(to_pfn(attach), pgoff, npages, min(ret, 0));
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_cpu_map_extents, "DMA_BUF_PFN");

/* The attachment, if it may give grants back now; else the misuse is reported. */
static struct pfn_attachment *
pfn_unmap_enter(struct dma_buf_pfn_attachment *attach)
{
	if (!pfn_is_live(attach)) {
		pfn_misuse(NULL, "cpu_unmap without an attachment");
		return NULL;
	}
	if (!dma_resv_is_locked(attach->dmabuf->resv)) {
		pfn_misuse(to_pfn(attach), "cpu_unmap without the reservation lock");
		return NULL;
	}
	dma_resv_assert_held(attach->dmabuf->resv);
	return to_pfn(attach);
}

/**
 * dma_buf_pfn_cpu_unmap - give a grant back
 * @attach: the attachment
 * @pgoff: as given to dma_buf_pfn_cpu_map()
 * @npages: as given to dma_buf_pfn_cpu_map()
 * @map: as filled by dma_buf_pfn_cpu_map()
 *
 * The caller touches the memory through @map no more. Giving back what was not
 * granted, or not with this mapping, is reported and otherwise ignored; after a
 * broken invalidation, when the core has taken the grants back itself, it is
 * ignored silently.
 *
 * Context: reservation lock held by the caller; allocates nothing, so it may be
 * called from the invalidate callback.
 */
void dma_buf_pfn_cpu_unmap(struct dma_buf_pfn_attachment *attach,
			   unsigned long pgoff, unsigned long npages,
			   const struct iosys_map *map)
{
	struct pfn_grant key = { .pgoff = pgoff, .npages = npages };
	struct pfn_attachment *p = pfn_unmap_enter(attach);
	struct rb_node *node;

	if (!p)
		return;
	if (map)
		key.map = *map;
	node = rb_find(&key, &p->grants, pfn_grant_match);
	if (node) {
		rb_erase(node, &p->grants);
		pfn_grant_end(p, rb_entry(node, struct pfn_grant, node));
	} else if (p->state != PFN_BROKEN) {
		pfn_misuse(p, "cpu_unmap of %lu pages at %lu that were not mapped so",
			   npages, pgoff);
	}
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_cpu_unmap, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_cpu_unmap_all - give all grants back
 * @attach: the attachment
 *
 * The caller touches the memory through none of its mappings any more. Without any
 * grant, there is nothing to do.
 *
 * Context: reservation lock held by the caller; allocates nothing, so it may be
 * called from the invalidate callback.
 */
void dma_buf_pfn_cpu_unmap_all(struct dma_buf_pfn_attachment *attach)
{
	struct pfn_attachment *p = pfn_unmap_enter(attach);

	if (p)
		pfn_grants_reclaim(p);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_cpu_unmap_all, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_footprint - memory that the core keeps for an attachment
 * @attach: the attachment
 *
 * The attachment and the grants that it has now; not what the exporter keeps, nor
 * the importer. For people: no lock is taken, so it may be of a moment ago.
 *
 * Context: any, between attach and detach.
 * Return: bytes.
 */
size_t dma_buf_pfn_footprint(const struct dma_buf_pfn_attachment *attach)
{
	const struct pfn_attachment *p = to_pfn(attach);

	return kmalloc_size_roundup(sizeof(*p)) + kmalloc_size_roundup(sizeof(*p->base)) +
	       READ_ONCE(p->grant_bytes);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_footprint, "DMA_BUF_PFN");
