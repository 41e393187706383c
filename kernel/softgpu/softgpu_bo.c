// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects and their moves.
 *
 * A BO is made in VRAM; when VRAM is full, the least recently used BOs are
 * evicted to system memory, and when that does not help (the rest is pinned)
 * the new one starts in system memory itself. A real GPU brings a BO back when
 * a command that uses it is submitted. There are no commands here, so a BO
 * comes back when its user announces that it will be used: at
 * DRM_IOCTL_MODE_MAP_DUMB and when it is exported; or by the debugfs file
 * "restore". A page fault, a PFN lookup and pinning leave it where it is.
 *
 * A move is: have the new place, tell the importers, wait for the fences, copy
 * with the CPU, free the old place. All of it happens under the reservation lock,
 * so nobody sees it half done; and what fails, fails before anybody was told.
 */
#include <linux/dma-buf.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_kmap_iter.h>

#include "softgpu.h"

/* Copies one page of a BO in VRAM at a time, through the standing mapping. */
struct softgpu_vram_iter {
	struct ttm_kmap_iter base;
	const struct softgpu_vram *vram;
	const struct softgpu_vram_res *res;
};

static void softgpu_vram_iter_map(struct ttm_kmap_iter *base,
				  struct iosys_map *map, pgoff_t i)
{
	struct softgpu_vram_iter *iter =
		container_of(base, struct softgpu_vram_iter, base);
	const struct softgpu_extent *ext = softgpu_vram_res_find(iter->res, i);

	softgpu_vram_map(iter->vram, ext->page + (i - ext->pgoff), map);
}

static const struct ttm_kmap_iter_ops softgpu_vram_iter_ops = {
	.map_local = softgpu_vram_iter_map,
};

static struct ttm_kmap_iter *
softgpu_vram_iter_init(struct softgpu_vram_iter *iter, struct ttm_resource *res)
{
	iter->base.ops = &softgpu_vram_iter_ops;
	iter->vram = &ttm_to_softgpu(res->bo->bdev)->vram;
	iter->res = to_softgpu_vram_res(res);
	return &iter->base;
}

/**
 * softgpu_bo_invalidate() - tell every importer that a BO's memory goes away
 * @bo: the buffer object
 *
 * On return nobody reaches the memory any more: PFN importers have stopped, and
 * the fences of the others have signalled.
 *
 * Context: reservation lock held; may sleep, does not allocate.
 */
void softgpu_bo_invalidate(struct softgpu_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);

	if (bo->dmabuf)
		dma_buf_invalidate_mappings(bo->dmabuf);
	dma_resv_wait_timeout(bo->tbo.base.resv, DMA_RESV_USAGE_BOOKKEEP, false,
			      MAX_SCHEDULE_TIMEOUT);
}

/* The first placement of a BO: no contents yet. */
static void softgpu_bo_place(struct ttm_buffer_object *tbo,
			     struct ttm_resource *res)
{
	struct softgpu_vram_iter iter;

	if (res->mem_type == TTM_PL_VRAM) {
		softgpu_vram_iter_init(&iter, res);
		/* The source is not used to clear, but has to be one. */
		ttm_move_memcpy(true, PFN_UP(res->size), &iter.base, &iter.base);
	}
	ttm_bo_move_null(tbo, res);
}

static void softgpu_bo_copy_pages(struct softgpu_bo *bo, struct ttm_kmap_iter *from,
				  struct ttm_kmap_iter *to, bool clear)
{
	u64 *marks;

	/* Pages that nobody had before are still to be allocated. */
	if (clear) {
		ttm_move_memcpy(true, softgpu_bo_npages(bo), to, from);
		return;
	}
	marks = softgpu_poison_marks(bo, from);
	ttm_move_memcpy(false, softgpu_bo_npages(bo), to, from);
	softgpu_poison_unmark(bo, marks, from, to);
	softgpu_poison(bo, from);
}

static int softgpu_bo_copy(struct ttm_buffer_object *tbo,
			   struct ttm_operation_ctx *ctx,
			   struct ttm_resource *to)
{
	struct ttm_resource *from = tbo->resource;
	struct softgpu_bo *bo = ttm_to_softgpu_bo(tbo);
	struct softgpu_vram_iter vram_iter;
	struct ttm_kmap_iter_tt tt_iter;
	struct ttm_kmap_iter *tt;
	bool clear = false;
	int ret;

	if (from->mem_type == TTM_PL_SYSTEM && !ttm_tt_is_populated(tbo->ttm) &&
	    !ttm_tt_is_swapped(tbo->ttm)) {
		clear = true;
	} else {
		ret = ttm_bo_populate(tbo, ctx);
		if (ret)
			return ret;
	}

	softgpu_bo_invalidate(bo);
	tt = ttm_kmap_iter_tt_init(&tt_iter, tbo->ttm);
	if (to->mem_type == TTM_PL_VRAM)
		softgpu_bo_copy_pages(bo, tt,
				      softgpu_vram_iter_init(&vram_iter, to), clear);
	else
		softgpu_bo_copy_pages(bo, softgpu_vram_iter_init(&vram_iter, from),
				      tt, false);

	ttm_bo_move_sync_cleanup(tbo, to);
	return 0;
}

static int softgpu_bo_move(struct ttm_buffer_object *tbo, bool evict,
			   struct ttm_operation_ctx *ctx,
			   struct ttm_resource *to, struct ttm_place *hop)
{
	dma_resv_assert_held(tbo->base.resv);

	if (!tbo->resource) {
		softgpu_bo_place(tbo, to);
		return 0;
	}
	/* System to system; VRAM is never moved within itself. */
	if (tbo->resource->mem_type == to->mem_type) {
		ttm_bo_move_null(tbo, to);
		return 0;
	}
	return softgpu_bo_copy(tbo, ctx, to);
}

static void softgpu_bo_evict_flags(struct ttm_buffer_object *tbo,
				   struct ttm_placement *placement)
{
	static const struct ttm_place system = { .mem_type = TTM_PL_SYSTEM };

	placement->num_placement = 1;
	placement->placement = &system;
}

static void softgpu_bo_swap_notify(struct ttm_buffer_object *tbo)
{
	softgpu_bo_invalidate(ttm_to_softgpu_bo(tbo));
}

static struct ttm_tt *softgpu_tt_create(struct ttm_buffer_object *tbo,
					u32 page_flags)
{
	struct ttm_tt *tt = kzalloc_obj(*tt);

	if (tt && ttm_tt_init(tt, tbo, page_flags, ttm_cached, 0)) {
		kfree(tt);
		return NULL;
	}
	return tt;
}

static void softgpu_tt_destroy(struct ttm_device *bdev, struct ttm_tt *tt)
{
	ttm_tt_fini(tt);
	kfree(tt);
}

static int softgpu_io_mem_reserve(struct ttm_device *bdev,
				  struct ttm_resource *mem)
{
	struct softgpu_vram *vram = &ttm_to_softgpu(bdev)->vram;

	if (mem->mem_type != TTM_PL_VRAM)
		return 0;

	mem->bus.is_iomem = true;
	mem->bus.offset = PFN_PHYS(softgpu_vram_pfn(vram, mem->start));
	mem->bus.caching = softgpu_vram_is_mmio(vram) ? ttm_write_combined :
							ttm_cached;
	return 0;
}

static unsigned long softgpu_io_mem_pfn(struct ttm_buffer_object *tbo,
					unsigned long pgoff)
{
	const struct softgpu_extent *ext =
		softgpu_vram_res_find(to_softgpu_vram_res(tbo->resource), pgoff);

	return softgpu_vram_pfn(&ttm_to_softgpu(tbo->bdev)->vram,
				ext->page + (pgoff - ext->pgoff));
}

const struct ttm_device_funcs softgpu_ttm_funcs = {
	.ttm_tt_create = softgpu_tt_create,
	.ttm_tt_destroy = softgpu_tt_destroy,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = softgpu_bo_evict_flags,
	.move = softgpu_bo_move,
	.swap_notify = softgpu_bo_swap_notify,
	.io_mem_reserve = softgpu_io_mem_reserve,
	.io_mem_pfn = softgpu_io_mem_pfn,
};

/**
 * softgpu_bo_to_vram() - bring a BO into VRAM if there is room
 * @bo: the buffer object
 * @evict_others: make room by evicting others
 *
 * Context: reservation lock held; may sleep.
 * Return: 0, also when it had to stay in system memory, or -ERESTARTSYS when
 * interrupted.
 */
int softgpu_bo_to_vram(struct softgpu_bo *bo, bool evict_others)
{
	/*
	 * No second choice: TTM would be content with where the BO is and evict
	 * nobody. It stays there anyway when it finds no room.
	 */
	const struct ttm_place vram = {
		.mem_type = TTM_PL_VRAM,
		.flags = evict_others ? 0 : TTM_PL_FLAG_DESIRED,
	};
	struct ttm_placement placement = {
		.num_placement = 1,
		.placement = &vram,
	};
	struct ttm_operation_ctx ctx = { .interruptible = true };

	dma_resv_assert_held(bo->tbo.base.resv);
	return ttm_bo_validate(&bo->tbo, &placement, &ctx) == -ERESTARTSYS ?
	       -ERESTARTSYS : 0;
}

/**
 * softgpu_bo_announce() - a BO's user is about to use it: bring it into VRAM
 * @bo: the buffer object
 *
 * Context: process, no reservation lock held.
 * Return: 0, also when it had to stay in system memory; -ENODEV after an unplug;
 * -ERESTARTSYS when interrupted.
 */
int softgpu_bo_announce(struct softgpu_bo *bo)
{
	int ret, idx;

	if (!drm_dev_enter(bo->tbo.base.dev, &idx))
		return -ENODEV;
	ret = ttm_bo_reserve(&bo->tbo, true, false, NULL);
	if (!ret) {
		ret = softgpu_bo_to_vram(bo, true);
		ttm_bo_unreserve(&bo->tbo);
	}
	drm_dev_exit(idx);
	return ret;
}

/**
 * softgpu_bo_to_system() - move a BO to system memory
 * @bo: the buffer object
 *
 * Context: reservation lock held; may sleep.
 * Return: 0, -EINVAL when it is pinned in VRAM, -ERESTARTSYS when interrupted,
 * or -ENOMEM.
 */
int softgpu_bo_to_system(struct softgpu_bo *bo)
{
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct ttm_placement placement;

	dma_resv_assert_held(bo->tbo.base.resv);
	softgpu_bo_evict_flags(&bo->tbo, &placement);
	return ttm_bo_validate(&bo->tbo, &placement, &ctx);
}

/**
 * softgpu_bo_populate() - make sure that a BO has memory where it is
 * @bo: the buffer object
 *
 * Nothing to do in VRAM. In system memory the pages are allocated at the first
 * use, and read back when they were swapped out.
 *
 * Context: reservation lock held; may sleep and allocate.
 * Return: 0 or a negative error, usually -ENOMEM.
 */
int softgpu_bo_populate(struct softgpu_bo *bo)
{
	struct ttm_operation_ctx ctx = { };

	if (softgpu_bo_in_vram(bo))
		return 0;
	return ttm_bo_populate(&bo->tbo, &ctx);
}

static void softgpu_bo_destroy(struct ttm_buffer_object *tbo)
{
	struct softgpu_bo *bo = ttm_to_softgpu_bo(tbo);

	if (bo->id)
		xa_erase(&softgpu_bo_dev(bo)->bos, bo->id);
	drm_gem_object_release(&tbo->base);
	kfree(bo);
}

static void softgpu_gem_free(struct drm_gem_object *gem)
{
	ttm_bo_fini(&gem_to_softgpu_bo(gem)->tbo);
}

static const struct drm_gem_object_funcs softgpu_gem_funcs = {
	.free = softgpu_gem_free,
	.export = softgpu_gem_export,
	.vmap = softgpu_bo_vmap,
	.vunmap = softgpu_bo_vunmap,
	.mmap = softgpu_bo_mmap,
	.vm_ops = &softgpu_vm_ops,
};

/**
 * softgpu_bo_create() - make a buffer object, cleared
 * @sg: the device
 * @size: in bytes, a multiple of PAGE_SIZE, not 0
 *
 * Context: process, no reservation lock held.
 * Return: the buffer object with one reference, which the caller owns; or
 * -ENOMEM, also for one that could never be in VRAM; or -ERESTARTSYS.
 */
struct softgpu_bo *softgpu_bo_create(struct softgpu *sg, size_t size)
{
	static const struct ttm_place places[] = {
		{ .mem_type = TTM_PL_VRAM },
		{ .mem_type = TTM_PL_SYSTEM, .flags = TTM_PL_FLAG_FALLBACK },
	};
	struct ttm_placement placement = {
		.num_placement = ARRAY_SIZE(places),
		.placement = places,
	};
	struct ttm_operation_ctx ctx = { .interruptible = true };
	struct softgpu_bo *bo;
	int ret;

	if (size > sg->vram.size)
		return ERR_PTR(-ENOMEM);

	bo = kzalloc_obj(*bo);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	drm_gem_private_object_init(&sg->drm, &bo->tbo.base, size);
	bo->tbo.base.funcs = &softgpu_gem_funcs;

	/* Frees bo through softgpu_bo_destroy() when it fails. */
	ret = ttm_bo_init_reserved(&sg->ttm, &bo->tbo, ttm_bo_type_device,
				   &placement, 0, &ctx, NULL, NULL,
				   softgpu_bo_destroy);
	if (ret)
		return ERR_PTR(ret);
	ttm_bo_unreserve(&bo->tbo);

	ret = xa_alloc(&sg->bos, &bo->id, bo, xa_limit_31b, GFP_KERNEL);
	if (ret) {
		bo->id = 0;
		drm_gem_object_put(&bo->tbo.base);
		return ERR_PTR(ret);
	}
	return bo;
}

/**
 * softgpu_bo_next() - walk the buffer objects of a device
 * @sg: the device
 * @id: number to begin at; set to the number after the one returned
 *
 * Context: process, no reservation lock held.
 * Return: a buffer object with a reference that the caller drops with
 * drm_gem_object_put(), or NULL at the end.
 */
struct softgpu_bo *softgpu_bo_next(struct softgpu *sg, unsigned long *id)
{
	struct softgpu_bo *bo;

	xa_lock(&sg->bos);
	for (bo = xa_find(&sg->bos, id, ULONG_MAX, XA_PRESENT); bo;
	     bo = xa_find_after(&sg->bos, id, ULONG_MAX, XA_PRESENT))
		if (kref_get_unless_zero(&bo->tbo.base.refcount))
			break;
	xa_unlock(&sg->bos);

	++*id;
	return bo;
}
