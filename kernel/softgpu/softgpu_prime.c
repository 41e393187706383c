// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects as dma-bufs: the part that every importer sees. What importers
 * by page frame number get on top is in softgpu_pfn.c.
 *
 * Device memory is given only to importers that said they can reach a peer and
 * do; for anybody else the BO moves to system memory and, if the importer
 * cannot follow moves, is pinned there. VRAM over RAM has struct pages and
 * suits everybody.
 */
#include <linux/dma-buf-pfn.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci-p2pdma.h>

#include <drm/drm_drv.h>
#include <drm/drm_prime.h>

#include "softgpu.h"

static struct softgpu_bo *dmabuf_to_bo(const struct dma_buf *dmabuf)
{
	return gem_to_softgpu_bo((struct drm_gem_object *)dmabuf->priv);
}

/* Can this importer use VRAM where it is? */
static bool softgpu_reaches_vram(const struct dma_buf_attachment *attach)
{
	struct softgpu *sg = softgpu_bo_dev(dmabuf_to_bo(attach->dmabuf));

	return !softgpu_vram_is_mmio(&sg->vram) || attach->peer2peer ||
	       dma_buf_pfn_from_attachment(attach);
}

static int softgpu_attach(struct dma_buf *dmabuf,
			  struct dma_buf_attachment *attach)
{
	struct softgpu_bo *bo = dmabuf_to_bo(dmabuf);
	struct softgpu *sg = softgpu_bo_dev(bo);
	int ret = 0;

	if (dma_buf_pfn_from_attachment(attach))
		return 0;	/* judged by softgpu_pfn_attach() */

	if (READ_ONCE(sg->gone))
		return -ENODEV;

	if (softgpu_vram_is_mmio(&sg->vram) && attach->peer2peer &&
	    pci_p2pdma_distance(to_pci_dev(sg->drm.dev), attach->dev, false) < 0)
		attach->peer2peer = false;
	if (softgpu_reaches_vram(attach))
		return 0;

	dma_resv_lock(dmabuf->resv, NULL);
	if (bo->tbo.pin_count && softgpu_bo_in_vram(bo))
		ret = -EBUSY;
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static bool softgpu_all_reach_vram(const struct dma_buf *dmabuf)
{
	struct dma_buf_attachment *attach;

	dma_resv_assert_held(dmabuf->resv);

	list_for_each_entry(attach, &dmabuf->attachments, node)
		if (!softgpu_reaches_vram(attach))
			return false;
	return true;
}

/* Pins the BO where it is, unless that is out of reach for an importer. */
static int softgpu_pin(struct dma_buf_attachment *attach)
{
	struct softgpu_bo *bo = dmabuf_to_bo(attach->dmabuf);
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	/* Its BAR may belong to somebody else by now. */
	if (drm_dev_is_unplugged(bo->tbo.base.dev))
		return -ENODEV;

	if (softgpu_bo_in_vram(bo) && !softgpu_all_reach_vram(attach->dmabuf)) {
		ret = softgpu_bo_to_system(bo);	/* -EINVAL: pinned in VRAM */
		if (ret)
			return ret;
	}
	ret = softgpu_bo_populate(bo);
	if (!ret)
		ttm_bo_pin(&bo->tbo);
	return ret;
}

static void softgpu_unpin(struct dma_buf_attachment *attach)
{
	dma_resv_assert_held(attach->dmabuf->resv);
	ttm_bo_unpin(&dmabuf_to_bo(attach->dmabuf)->tbo);
}

static struct sg_table *softgpu_map_pages(struct dma_buf_attachment *attach,
					  struct softgpu_bo *bo,
					  struct page **pages,
					  enum dma_data_direction dir)
{
	struct sg_table *sgt;
	int ret;

	sgt = drm_prime_pages_to_sg(bo->tbo.base.dev, pages, softgpu_bo_npages(bo));
	if (IS_ERR(sgt))
		return sgt;

	ret = dma_map_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(ret);
	}
	return sgt;
}

static void softgpu_unmap_peer(struct device *dev, struct sg_table *sgt,
			       unsigned int nr, enum dma_data_direction dir)
{
	struct scatterlist *s;
	unsigned int i;

	for_each_sg(sgt->sgl, s, nr, i)
		dma_unmap_resource(dev, sg_dma_address(s), sg_dma_len(s), dir,
				   DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/* Device memory has no pages: the scatterlist carries DMA addresses only. */
static struct sg_table *softgpu_map_peer(struct dma_buf_attachment *attach,
					 struct softgpu_bo *bo,
					 enum dma_data_direction dir)
{
	const struct softgpu_vram_res *res = to_softgpu_vram_res(bo->tbo.resource);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	struct scatterlist *s;
	struct sg_table *sgt;
	unsigned int i;
	int ret;

	sgt = kmalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = sg_alloc_table(sgt, res->nr_ext, GFP_KERNEL);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}

	for_each_sgtable_sg(sgt, s, i) {
		/* Fits: the size of a dumb buffer has 32 bits. */
		unsigned int len = res->ext[i].npages << PAGE_SHIFT;
		dma_addr_t addr =
			dma_map_resource(attach->dev,
					 PFN_PHYS(softgpu_vram_pfn(vram, res->ext[i].page)),
					 len, dir, DMA_ATTR_SKIP_CPU_SYNC);

		if (dma_mapping_error(attach->dev, addr)) {
			softgpu_unmap_peer(attach->dev, sgt, i, dir);
			return ERR_PTR(-EIO);
		}
		sg_set_page(s, NULL, len, 0);
		sg_dma_address(s) = addr;
		sg_dma_len(s) = len;
	}
	return sgt;
}

static struct sg_table *softgpu_map_where_it_is(struct dma_buf_attachment *attach,
						struct softgpu_bo *bo,
						enum dma_data_direction dir)
{
	struct sg_table *sgt;
	struct page **pages;

	if (!softgpu_bo_in_vram(bo))
		return softgpu_map_pages(attach, bo, bo->tbo.ttm->pages, dir);

	if (softgpu_vram_is_mmio(&softgpu_bo_dev(bo)->vram))
		return softgpu_map_peer(attach, bo, dir);

	pages = softgpu_bo_vram_pages(bo);
	if (!pages)
		return ERR_PTR(-ENOMEM);
	sgt = softgpu_map_pages(attach, bo, pages, dir);
	kvfree(pages);
	return sgt;
}

static struct sg_table *softgpu_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct softgpu_bo *bo = dmabuf_to_bo(attach->dmabuf);
	int ret;

	dma_resv_assert_held(attach->dmabuf->resv);

	if (softgpu_is_gone(bo))
		return ERR_PTR(-ENODEV);

	if (!softgpu_reaches_vram(attach))
		ret = softgpu_bo_to_system(bo);
	else
		ret = 0;
	if (!ret)
		ret = softgpu_bo_populate(bo);

	return ret ? ERR_PTR(ret) : softgpu_map_where_it_is(attach, bo, dir);
}

static void softgpu_unmap(struct dma_buf_attachment *attach,
			  struct sg_table *sgt, enum dma_data_direction dir)
{
	/* The BO may be somewhere else by now: look at the list itself. */
	if (!sg_page(sgt->sgl)) {
		softgpu_unmap_peer(attach->dev, sgt, sgt->orig_nents, dir);
		return;
	}
	dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

static int softgpu_end_cpu_access(struct dma_buf *dmabuf,
				  enum dma_data_direction dir)
{
	if (dir != DMA_FROM_DEVICE)
		wmb();	/* drains write combining before a device is told to read */
	return 0;
}

static void softgpu_release(struct dma_buf *dmabuf)
{
	dma_resv_lock(dmabuf->resv, NULL);
	dmabuf_to_bo(dmabuf)->dmabuf = NULL;
	dma_resv_unlock(dmabuf->resv);

	drm_gem_dmabuf_release(dmabuf);
}

const struct dma_buf_ops softgpu_dmabuf_ops = {
	.attach = softgpu_attach,
	.pin = softgpu_pin,
	.unpin = softgpu_unpin,
	.map_dma_buf = softgpu_map,
	.unmap_dma_buf = softgpu_unmap,
	.end_cpu_access = softgpu_end_cpu_access,
	.release = softgpu_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

/**
 * softgpu_gem_export() - export a BO as a dma-buf, from VRAM if possible
 * @gem: the buffer object
 * @flags: DRM_CLOEXEC and DRM_RDWR
 *
 * Called once in the life of a BO at most: DRM keeps the dma-buf as long as
 * there is a handle, and makes no new handle but from the dma-buf.
 *
 * Context: process, reservation lock not held.
 * Return: the dma-buf, or -ERESTARTSYS, -ENODEV after an unplug, or another
 * negative error.
 */
struct dma_buf *softgpu_gem_export(struct drm_gem_object *gem, int flags)
{
	struct softgpu_bo *bo = gem_to_softgpu_bo(gem);
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = THIS_MODULE,
		.ops = &softgpu_dmabuf_ops,
		.size = gem->size,
		.flags = flags,
		.priv = gem,
		.resv = gem->resv,
	};
	struct dma_buf *dmabuf;
	int ret;

	ret = softgpu_bo_announce(bo);
	if (ret)
		return ERR_PTR(ret);

	dmabuf = drm_gem_dmabuf_export(gem->dev, &info);
	if (IS_ERR(dmabuf))
		return dmabuf;

	/* Nobody has seen it yet, hence there is nobody to invalidate. */
	dma_resv_lock(gem->resv, NULL);
	WARN_ON(bo->dmabuf);
	bo->dmabuf = dmabuf;
	dma_resv_unlock(gem->resv);
	return dmabuf;
}

/**
 * softgpu_gem_import() - make a GEM object of a dma-buf
 * @drm: the DRM device
 * @dmabuf: the dma-buf
 *
 * There is no GPU that could use the memory of others.
 *
 * Context: process.
 * Return: for a dma-buf of this device its GEM object, with a reference;
 * -EOPNOTSUPP for any other.
 */
struct drm_gem_object *softgpu_gem_import(struct drm_device *drm,
					  struct dma_buf *dmabuf)
{
	struct drm_gem_object *gem;

	if (dmabuf->ops != &softgpu_dmabuf_ops)
		return ERR_PTR(-EOPNOTSUPP);

	gem = dmabuf->priv;
	if (gem->dev != drm)
		return ERR_PTR(-EOPNOTSUPP);

	drm_gem_object_get(gem);
	return gem;
}
