// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants: counted slices of the exporter's own CPU mapping (R1).
 *
 * The importer never makes a pointer out of a page frame number. It asks for a
 * slice, the exporter hands one out of the mapping it keeps, and the core writes
 * it down. So the core knows exactly what an importer holds, gives back what
 * an importer forgot, and never tells the exporter of a slice that it did not
 * hand out.
 *
 * Everything here is under the reservation lock. Giving back allocates nothing.
 */
#include <linux/export.h>
#include <linux/slab.h>

#include "extent.h"
#include "internal.h"
#include "trace.h"

/**
 * struct pfn_grant - one slice that an importer holds
 * @node: in &pfn_attachment.grants
 * @pgoff: first page
 * @npages: number of pages
 * @map: what the exporter handed out
 */
struct pfn_grant {
	struct rb_node node;
	unsigned long pgoff;
	unsigned long npages;
	struct iosys_map map;
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

static void pfn_grant_add(struct pfn_attachment *p, struct pfn_grant *grant)
{
	rb_add(&grant->node, &p->grants, pfn_grant_less);
	WRITE_ONCE(p->nr_grants, p->nr_grants + 1);
	WRITE_ONCE(p->nr_maps, p->nr_maps + 1);
}

/* Takes a grant back from the importer and gives it to the exporter. */
static void pfn_grant_end(struct pfn_attachment *p, struct pfn_grant *grant)
{
	rb_erase(&grant->node, &p->grants);
	WRITE_ONCE(p->nr_grants, p->nr_grants - 1);
	if (p->xops->cpu_unmap)
		p->xops->cpu_unmap(&p->pub, grant->pgoff, grant->npages,
				   &grant->map);
	trace_cpu_unmap(p, grant->pgoff, grant->npages);
	kfree(grant);
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
	struct rb_node *node;

	dma_resv_assert_held(p->pub.dmabuf->resv);
	while ((node = rb_first(&p->grants)))
		pfn_grant_end(p, rb_entry(node, struct pfn_grant, node));
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

static int pfn_ask_map(struct pfn_attachment *p, struct pfn_grant *grant,
		       bool mmio)
{
	int ret;

	ret = p->xops->cpu_map(&p->pub, grant->pgoff, grant->npages,
			       &grant->map);
	if (ret < 0)
		return ret;
	if (ret)
		return pfn_exporter_error(p, "cpu_map: unknown answer");
	if (!iosys_map_is_null(&grant->map) && grant->map.is_iomem == mmio)
		return 0;

	/* A plain pointer to MMIO would be read and written plainly (R11). */
	if (p->xops->cpu_unmap)
		p->xops->cpu_unmap(&p->pub, grant->pgoff, grant->npages,
				   &grant->map);
	return pfn_exporter_error(p, "cpu_map: wrong kind of mapping");
}

static int pfn_cpu_map(struct pfn_attachment *p, unsigned long pgoff,
		       unsigned long npages, struct iosys_map *map)
{
	struct dma_buf_pfn_info info;
	struct pfn_grant *grant;
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
	ret = pfn_describe(p, &info);
	if (ret)
		return ret;
	ret = pfn_check_one_run(p, pgoff, npages);
	if (ret)
		return ret;

	grant = kzalloc_obj(*grant);
	if (!grant)
		return -ENOMEM;
	grant->pgoff = pgoff;
	grant->npages = npages;
	ret = pfn_ask_map(p, grant, info.flags & DMA_BUF_PFN_IS_MMIO);
	if (ret) {
		kfree(grant);
		return ret;
	}
	*map = grant->map;
	pfn_grant_add(p, grant);
	return 0;
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
	struct pfn_attachment *p;
	struct rb_node *node;

	if (!pfn_is_live(attach)) {
		pfn_misuse(NULL, "cpu_unmap without an attachment");
		return;
	}
	p = to_pfn(attach);
	if (!dma_resv_is_locked(attach->dmabuf->resv)) {
		pfn_misuse(p, "cpu_unmap without the reservation lock");
		return;
	}
	dma_resv_assert_held(attach->dmabuf->resv);

	if (map)
		key.map = *map;
	node = rb_find(&key, &p->grants, pfn_grant_match);
	if (node)
		pfn_grant_end(p, rb_entry(node, struct pfn_grant, node));
	else if (p->state != PFN_BROKEN)
		pfn_misuse(p, "cpu_unmap of %lu pages at %lu that were not mapped so",
			   npages, pgoff);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_cpu_unmap, "DMA_BUF_PFN");
