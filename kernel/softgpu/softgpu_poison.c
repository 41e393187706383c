// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does an importer leave alone what it was told to leave? With poison on, the memory
 * that a BO moves out of is filled with a pattern, left lying for a while, and
 * looked at before anybody gets it: what has changed, somebody wrote to late.
 */
#include <linux/delay.h>

#include <drm/drm_print.h>

#include "softgpu.h"

#define POISON_BYTE	0x5b
#define POISON_WORD	(~0ULL / 0xff * POISON_BYTE)

static void poison_map(struct ttm_kmap_iter *iter, struct iosys_map *map,
		       unsigned long i)
{
	iter->ops->map_local(iter, map, i);
}

static void poison_unmap(struct ttm_kmap_iter *iter, struct iosys_map *map)
{
	if (iter->ops->unmap_local)
		iter->ops->unmap_local(iter, map);
}

static bool poison_is_whole(const struct iosys_map *map)
{
	unsigned int off;

	for (off = 0; off < PAGE_SIZE; off += sizeof(u64))
		if (iosys_map_rd(map, off, u64) != POISON_WORD)
			return false;
	return true;
}

/**
 * softgpu_poison() - poison what a BO leaves, and see whether it stays
 * @bo: the buffer object; every importer was told, its contents are copied
 * @iter: its old pages
 *
 * Does nothing unless poison was asked for in debugfs.
 *
 * Context: reservation lock held; sleeps.
 */
void softgpu_poison(struct softgpu_bo *bo, struct ttm_kmap_iter *iter)
{
	struct softgpu *sg = softgpu_bo_dev(bo);
	unsigned long i, n = softgpu_bo_npages(bo), spoiled = 0;
	u32 usecs = READ_ONCE(sg->poison.usecs);
	struct iosys_map map;

	dma_resv_assert_held(bo->tbo.base.resv);
	if (!usecs)
		return;

	for (i = 0; i < n; i++) {
		poison_map(iter, &map, i);
		iosys_map_memset(&map, 0, POISON_BYTE, PAGE_SIZE);
		poison_unmap(iter, &map);
	}
	fsleep(usecs);
	for (i = 0; i < n; i++) {
		poison_map(iter, &map, i);
		spoiled += !poison_is_whole(&map);
		poison_unmap(iter, &map);
	}

	atomic64_add(n, &sg->poison.pages);
	atomic64_add(spoiled, &sg->poison.spoiled);
	if (spoiled)
		drm_err(&sg->drm, "bo %u: %lu of %lu pages were written to after they were taken away\n",
			bo->id, spoiled, n);
}
