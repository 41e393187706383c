// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects by page frame number: what a movable exporter implements.
 * This file is the example of docs/kapi.md.
 *
 * A lookup reports the BO where it is, VRAM or system memory, and moves
 * nothing. What it reported holds until softgpu_bo_invalidate(), which every
 * move, swap-out and unplug calls under the reservation lock before the memory
 * changes hands. After an unplug every answer is -EKEYREVOKED.
 */
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/mm.h>
#include <linux/module.h>

#include <drm/drm_drv.h>

#include "softgpu.h"

static struct softgpu_bo *attach_to_bo(const struct dma_buf_pfn_attachment *attach)
{
	return gem_to_softgpu_bo((struct drm_gem_object *)attach->dmabuf->priv);
}

/*
 * MOVABLE is what softgpu is. PINNED goes through the pin op. A REVOCABLE
 * importer can lose the memory but not follow it, so it is pinned from here
 * to detach; only an unplug revokes.
 */
static int softgpu_pfn_attach(struct dma_buf_pfn_attachment *attach, u32 *granted)
{
	struct softgpu_bo *bo = attach_to_bo(attach);
	struct softgpu *sg = softgpu_bo_dev(bo);
	int ret;

	if (READ_ONCE(sg->gone))
		return -EKEYREVOKED;	/* else softgpu_pfn_describe() finds out */

	if (softgpu_vram_is_mmio(&sg->vram) &&
	    !(attach->needs & DMA_BUF_PFN_CAN_MMIO))
		return -EOPNOTSUPP;

	if (attach->lifetime == DMA_BUF_PFN_REVOCABLE) {
		dma_resv_lock(attach->dmabuf->resv, NULL);
		ret = softgpu_bo_populate(bo);
		if (!ret)
			ttm_bo_pin(&bo->tbo);
		dma_resv_unlock(attach->dmabuf->resv);
		if (ret)
			return ret;
	}

	*granted = DMA_BUF_PFN_GRANT_CPU;
	return 0;
}

static void softgpu_pfn_detach(struct dma_buf_pfn_attachment *attach)
{
	if (attach->lifetime != DMA_BUF_PFN_REVOCABLE)
		return;

	dma_resv_lock(attach->dmabuf->resv, NULL);
	ttm_bo_unpin(&attach_to_bo(attach)->tbo);
	dma_resv_unlock(attach->dmabuf->resv);
}

static int softgpu_pfn_describe(struct dma_buf_pfn_attachment *attach,
				struct dma_buf_pfn_info *info)
{
	struct softgpu_bo *bo = attach_to_bo(attach);
	struct softgpu *sg = softgpu_bo_dev(bo);

	dma_resv_assert_held(attach->dmabuf->resv);

	if (softgpu_is_gone(bo))
		return -EKEYREVOKED;

	info->flags = DMA_BUF_PFN_CPU_OK;
	if (softgpu_bo_in_vram(bo) && softgpu_vram_is_mmio(&sg->vram)) {
		info->caching = DMA_BUF_PFN_WC;
		info->flags |= DMA_BUF_PFN_IS_MMIO;
		info->provider = sg->vram.provider;
	} else {
		info->caching = DMA_BUF_PFN_WB;
		info->flags |= DMA_BUF_PFN_HAS_PAGES;
		info->provider = NULL;
	}
	return 0;
}

static unsigned int softgpu_vram_extents(struct softgpu_bo *bo,
					 unsigned long pgoff,
					 struct dma_buf_extent *vec,
					 unsigned int nr)
{
	const struct softgpu_vram_res *res = to_softgpu_vram_res(bo->tbo.resource);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	const struct softgpu_extent *ext = softgpu_vram_res_find(res, pgoff);
	unsigned int i;

	for (i = 0; i < nr && ext < res->ext + res->nr_ext; i++, ext++) {
		unsigned long skip = pgoff - ext->pgoff;

		vec[i].pfn = softgpu_vram_pfn(vram, ext->page) + skip;
		vec[i].npages = ext->npages - skip;
		pgoff += vec[i].npages;
	}
	return i;
}

static unsigned int softgpu_system_extents(struct softgpu_bo *bo,
					   unsigned long pgoff,
					   struct dma_buf_extent *vec,
					   unsigned int nr)
{
	unsigned long end = softgpu_bo_npages(bo);
	struct page **pages = bo->tbo.ttm->pages;
	unsigned int i;

	for (i = 0; i < nr && pgoff < end; i++) {
		unsigned long pfn = page_to_pfn(pages[pgoff]), n = 1;

		while (pgoff + n < end && page_to_pfn(pages[pgoff + n]) == pfn + n)
			n++;
		vec[i].pfn = pfn;
		vec[i].npages = n;
		pgoff += n;
	}
	return i;
}

static int softgpu_pfn_get_extents(struct dma_buf_pfn_attachment *attach,
				   unsigned long pgoff,
				   struct dma_buf_extent *vec, unsigned int nr)
{
	struct softgpu_bo *bo = attach_to_bo(attach);
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (softgpu_is_gone(bo))
		return -EKEYREVOKED;

	if (softgpu_bo_in_vram(bo)) {
		ret = softgpu_vram_extents(bo, pgoff, vec, nr);
	} else {
		ret = softgpu_bo_populate(bo);
		if (!ret)
			ret = softgpu_system_extents(bo, pgoff, vec, nr);
	}
	return ret;
}

static int softgpu_vram_cpu_map(struct softgpu_bo *bo, unsigned long pgoff,
				const struct dma_buf_extent *vec,
				struct iosys_map *maps, unsigned int nr)
{
	const struct softgpu_extent *ext =
		softgpu_vram_res_find(to_softgpu_vram_res(bo->tbo.resource), pgoff);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	unsigned int i;

	for (i = 0; i < nr; i++) {
		unsigned long skip = pgoff - ext->pgoff;

		if (vec[i].npages > ext->npages - skip)
			return -EINVAL;
		softgpu_vram_map(vram, ext->page + skip, &maps[i]);
		pgoff += vec[i].npages;
		if (pgoff == ext->pgoff + ext->npages)
			ext++;
	}
	return 0;
}

static int softgpu_system_cpu_map(struct softgpu_bo *bo, unsigned long pgoff,
				  const struct dma_buf_extent *vec,
				  struct iosys_map *maps, unsigned int nr)
{
	struct dma_buf_extent run;
	unsigned int i;

	/* Without get_extents() since the last invalidation: no pages. */
	if (!ttm_tt_is_populated(bo->tbo.ttm))
		return -EAGAIN;

	for (i = 0; i < nr; i++) {
		softgpu_system_extents(bo, pgoff, &run, 1);
		if (vec[i].npages > run.npages)
			return -EINVAL;
		if (PageHighMem(pfn_to_page(run.pfn)))
			return -EOPNOTSUPP;
		iosys_map_set_vaddr(&maps[i], __va(PFN_PHYS(run.pfn)));
		pgoff += vec[i].npages;
	}
	return 0;
}

/* Nothing is mapped here: BAR and RAM alike are mapped for good. */
static int softgpu_pfn_cpu_map_extents(struct dma_buf_pfn_attachment *attach,
				       unsigned long pgoff,
				       const struct dma_buf_extent *vec,
				       struct iosys_map *maps, unsigned int nr)
{
	struct softgpu_bo *bo = attach_to_bo(attach);
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (softgpu_is_gone(bo))
		return -EKEYREVOKED;

	if (softgpu_bo_in_vram(bo))
		ret = softgpu_vram_cpu_map(bo, pgoff, vec, maps, nr);
	else
		ret = softgpu_system_cpu_map(bo, pgoff, vec, maps, nr);
	return ret;
}

static int softgpu_pfn_cpu_map(struct dma_buf_pfn_attachment *attach,
			       unsigned long pgoff, unsigned long npages,
			       struct iosys_map *map)
{
	const struct dma_buf_extent run = { .npages = npages };

	return softgpu_pfn_cpu_map_extents(attach, pgoff, &run, map, 1);
}

static const struct dma_buf_pfn_ops softgpu_pfn_ops = {
	.base = &softgpu_dmabuf_ops,
	.owner = THIS_MODULE,
	.attach = softgpu_pfn_attach,
	.detach = softgpu_pfn_detach,
	.describe = softgpu_pfn_describe,
	.get_extents = softgpu_pfn_get_extents,
	.cpu_map = softgpu_pfn_cpu_map,
	.cpu_map_extents = softgpu_pfn_cpu_map_extents,
};

/**
 * softgpu_pfn_register() - let importers have page frame numbers
 *
 * Context: module init, before the first device.
 * Return: 0 or a negative error.
 */
int softgpu_pfn_register(void)
{
	return dma_buf_pfn_register_exporter(&softgpu_pfn_ops);
}

/**
 * softgpu_pfn_unregister() - the counterpart of softgpu_pfn_register()
 *
 * Context: module exit: no dma-buf of ours is left, each holds the module.
 */
void softgpu_pfn_unregister(void)
{
	dma_buf_pfn_unregister_exporter(&softgpu_pfn_ops);
}
