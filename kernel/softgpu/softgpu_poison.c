// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does an importer leave alone what it was told to leave? With poison on, it is put to
 * the test twice in a move:
 *
 *	at once		the last word of each page gets a pattern as soon as the importers
 *			were told, and is looked at when the BO is copied: who was in the
 *			middle of writing goes on to the ends of his pages. The words
 *			themselves are kept, for the new place
 *	for a while	all of the memory is filled with the pattern, left lying, and
 *			looked at before anybody gets it
 *
 * Where the pattern is gone, somebody wrote late.
 */
#include <linux/delay.h>
#include <linux/slab.h>

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

/* Where a page's last word is. */
#define POISON_MARK	(PAGE_SIZE - sizeof(u64))

/**
 * softgpu_poison_marks() - mark the pages of a BO that is about to be copied
 * @bo: the buffer object; every importer was told
 * @iter: its pages
 *
 * Context: reservation lock held; may sleep.
 * Return: for softgpu_poison_unmark(); NULL without poison, or memory.
 */
u64 *softgpu_poison_marks(struct softgpu_bo *bo, struct ttm_kmap_iter *iter)
{
	unsigned long i, n = softgpu_bo_npages(bo);
	struct iosys_map map;
	u64 *words;

	dma_resv_assert_held(bo->tbo.base.resv);
	if (!READ_ONCE(softgpu_bo_dev(bo)->poison.usecs))
		return NULL;
	words = kvmalloc_objs(*words, n);
	if (!words)
		return NULL;

	for (i = 0; i < n; i++) {
		poison_map(iter, &map, i);
		words[i] = iosys_map_rd(&map, POISON_MARK, u64);
		iosys_map_wr(&map, POISON_MARK, u64, POISON_WORD);
		poison_unmap(iter, &map);
	}
	return words;
}

static void poison_count(struct softgpu_bo *bo, unsigned long spoiled)
{
	struct softgpu *sg = softgpu_bo_dev(bo);

	if (!spoiled)
		return;
	atomic64_add(spoiled, &sg->poison.spoiled);
	drm_err(&sg->drm, "bo %u: %lu of %lu pages were written to after they were taken away\n",
		bo->id, spoiled, softgpu_bo_npages(bo));
}

/**
 * softgpu_poison_unmark() - look at the marks, and copy what they replaced
 * @bo: the buffer object, copied
 * @words: of softgpu_poison_marks(), freed here; may be NULL
 * @from: its old pages
 * @to: its new pages
 *
 * Context: reservation lock held; may sleep.
 */
void softgpu_poison_unmark(struct softgpu_bo *bo, u64 *words,
			   struct ttm_kmap_iter *from, struct ttm_kmap_iter *to)
{
	unsigned long i, n = softgpu_bo_npages(bo), spoiled = 0;
	struct iosys_map map;

	dma_resv_assert_held(bo->tbo.base.resv);
	if (!words)
		return;

	for (i = 0; i < n; i++) {
		poison_map(from, &map, i);
		spoiled += iosys_map_rd(&map, POISON_MARK, u64) != POISON_WORD;
		poison_unmap(from, &map);
		poison_map(to, &map, i);
		iosys_map_wr(&map, POISON_MARK, u64, words[i]);
		poison_unmap(to, &map);
	}
	kvfree(words);
	poison_count(bo, spoiled);
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
	poison_count(bo, spoiled);
}
