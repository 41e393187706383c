// SPDX-License-Identifier: GPL-2.0-only
/*
 * Placement in VRAM: TTM's resource manager on top of the GPU buddy allocator.
 *
 * A buffer gets one contiguous block if there is one, else whatever is free.
 * The blocks are turned into an array of extents at once, so that everybody
 * else (faults, PFN lookups, copies) finds a page by binary search and needs
 * no lock of the allocator.
 *
 * With &softgpu_vram.fragment set, the blocks are cut into extents of at most
 * that many pages and laid out in descending order of address: no two
 * neighbours can be merged again, however much memory is free.
 */
#include <linux/slab.h>
#include <linux/sort.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "softgpu.h"

static struct softgpu_vram *man_to_vram(struct ttm_resource_manager *man)
{
	return container_of(man, struct softgpu_vram, man);
}

/**
 * softgpu_vram_res_find() - find the extent that holds a page of a BO
 * @res: a placement in VRAM
 * @pgoff: offset in the BO in pages, inside it
 *
 * Context: reservation lock of the BO held.
 * Return: the extent.
 */
const struct softgpu_extent *
softgpu_vram_res_find(const struct softgpu_vram_res *res, unsigned long pgoff)
{
	unsigned int lo = 0, hi = res->nr_ext;

	while (hi - lo > 1) {
		unsigned int mid = lo + (hi - lo) / 2;

		if (res->ext[mid].pgoff <= pgoff)
			lo = mid;
		else
			hi = mid;
	}
	return &res->ext[lo];
}

/*
 * Cut the blocks of @res where physical memory is not contiguous, and every
 * @max pages. Fills res->ext if that is there, else only counts.
 */
static unsigned int softgpu_cut(struct softgpu_vram *vram,
				struct softgpu_vram_res *res, unsigned long max)
{
	struct gpu_buddy_block *block;
	unsigned int nr = 0;

	list_for_each_entry(block, &res->blocks, link) {
		unsigned long page = gpu_buddy_block_offset(block) >> PAGE_SHIFT;
		unsigned long left = gpu_buddy_block_size(&vram->mm, block) >> PAGE_SHIFT;

		while (left) {
			unsigned long n = softgpu_vram_run(vram, page, left);

			n = min(n, max);
			if (res->ext) {
				res->ext[nr].page = page;
				res->ext[nr].npages = n;
			}
			nr++;
			page += n;
			left -= n;
		}
	}
	return nr;
}

static int softgpu_cmp_ascending(const void *a, const void *b)
{
	const struct softgpu_extent *x = a, *y = b;

	return x->page < y->page ? -1 : x->page > y->page;
}

static int softgpu_cmp_descending(const void *a, const void *b)
{
	return softgpu_cmp_ascending(b, a);
}

/* Join neighbours that are contiguous in physical memory. */
static void softgpu_merge(struct softgpu_vram *vram, struct softgpu_vram_res *res)
{
	unsigned int i, last = 0;

	for (i = 1; i < res->nr_ext; i++) {
		struct softgpu_extent *prev = &res->ext[last];
		const struct softgpu_extent *ext = &res->ext[i];

		if (prev->page + prev->npages == ext->page &&
		    softgpu_vram_pfn(vram, prev->page) + prev->npages ==
		    softgpu_vram_pfn(vram, ext->page))
			prev->npages += ext->npages;
		else
			res->ext[++last] = *ext;
	}
	res->nr_ext = last + 1;
}

static int softgpu_make_extents(struct softgpu_vram *vram,
				struct softgpu_vram_res *res)
{
	unsigned long max = vram->fragment ?: ULONG_MAX;
	unsigned long pgoff = 0;
	unsigned int i;

	lockdep_assert_held(&vram->lock);

	res->nr_ext = softgpu_cut(vram, res, max);
	res->ext = kvmalloc_array(res->nr_ext, sizeof(*res->ext), GFP_KERNEL);
	if (!res->ext)
		return -ENOMEM;
	softgpu_cut(vram, res, max);

	sort(res->ext, res->nr_ext, sizeof(*res->ext),
	     vram->fragment ? softgpu_cmp_descending : softgpu_cmp_ascending,
	     NULL);
	if (!vram->fragment)
		softgpu_merge(vram, res);

	for (i = 0; i < res->nr_ext; i++) {
		res->ext[i].pgoff = pgoff;
		pgoff += res->ext[i].npages;
	}
	return 0;
}

static int softgpu_alloc_blocks(struct softgpu_vram *vram,
				struct softgpu_vram_res *res)
{
	u64 size = res->base.size;
	int ret;

	lockdep_assert_held(&vram->lock);

	if (size > vram->mm.avail)
		return -ENOSPC;

	ret = gpu_buddy_alloc_blocks(&vram->mm, 0, vram->size, size, PAGE_SIZE,
				     &res->blocks, GPU_BUDDY_CONTIGUOUS_ALLOCATION);
	if (ret && ret != -ENOMEM)
		ret = gpu_buddy_alloc_blocks(&vram->mm, 0, vram->size, size,
					     PAGE_SIZE, &res->blocks, 0);

	/* All but -ENOSPC would keep TTM from making room. */
	return ret && ret != -ENOMEM ? -ENOSPC : ret;
}

static int softgpu_vram_mgr_alloc(struct ttm_resource_manager *man,
				  struct ttm_buffer_object *tbo,
				  const struct ttm_place *place,
				  struct ttm_resource **out)
{
	struct softgpu_vram *vram = man_to_vram(man);
	struct softgpu_vram_res *res;
	int ret;

	res = kzalloc_obj(*res);
	if (!res)
		return -ENOMEM;

	ttm_resource_init(tbo, place, &res->base);
	INIT_LIST_HEAD(&res->blocks);

	mutex_lock(&vram->lock);
	ret = softgpu_alloc_blocks(vram, res);
	if (!ret) {
		ret = softgpu_make_extents(vram, res);
		if (ret)
			gpu_buddy_free_list(&vram->mm, &res->blocks, 0);
	}
	mutex_unlock(&vram->lock);

	if (ret) {
		ttm_resource_fini(man, &res->base);
		kfree(res);
		return ret;
	}

	res->base.start = res->ext[0].page;
	*out = &res->base;
	return 0;
}

static void softgpu_vram_mgr_free(struct ttm_resource_manager *man,
				  struct ttm_resource *base)
{
	struct softgpu_vram *vram = man_to_vram(man);
	struct softgpu_vram_res *res = to_softgpu_vram_res(base);

	mutex_lock(&vram->lock);
	gpu_buddy_free_list(&vram->mm, &res->blocks, 0);
	mutex_unlock(&vram->lock);

	ttm_resource_fini(man, base);
	kvfree(res->ext);
	kfree(res);
}

static const struct ttm_resource_manager_func softgpu_vram_mgr_func = {
	.alloc = softgpu_vram_mgr_alloc,
	.free = softgpu_vram_mgr_free,
};

static void softgpu_vram_mgr_fini(struct drm_device *drm, void *data)
{
	struct softgpu *sg = to_softgpu(drm);
	struct softgpu_vram *vram = data;

	ttm_resource_manager_set_used(&vram->man, false);
	/* Nothing is left but BOs whose deletion was delayed. */
	if (ttm_resource_manager_evict_all(&sg->ttm, &vram->man))
		drm_err(drm, "VRAM is still in use\n");

	gpu_buddy_fini(&vram->mm);
	ttm_resource_manager_cleanup(&vram->man);
	ttm_set_driver_manager(&sg->ttm, TTM_PL_VRAM, NULL);
	mutex_destroy(&vram->lock);
}

/**
 * softgpu_vram_mgr_init() - make VRAM a place for buffer objects
 * @sg: the device; its TTM device and &softgpu_vram.size are ready
 *
 * Context: probe.
 * Return: 0 or -ENOMEM.
 */
int softgpu_vram_mgr_init(struct softgpu *sg)
{
	struct softgpu_vram *vram = &sg->vram;
	int ret;

	ret = gpu_buddy_init(&vram->mm, vram->size, PAGE_SIZE);
	if (ret)
		return ret;

	mutex_init(&vram->lock);
	gpu_buddy_driver_set_lock(&vram->mm, &vram->lock);

	vram->man.func = &softgpu_vram_mgr_func;
	ttm_resource_manager_init(&vram->man, &sg->ttm, vram->size);
	ttm_set_driver_manager(&sg->ttm, TTM_PL_VRAM, &vram->man);
	ttm_resource_manager_set_used(&vram->man, true);

	return drmm_add_action_or_reset(&sg->drm, softgpu_vram_mgr_fini, vram);
}
