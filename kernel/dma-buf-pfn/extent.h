/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arithmetic on runs of pages.
 *
 * Pure: no locks, no allocation, no kernel service, so that user space compiles
 * it for unit tests. A user-space includer provides struct dma_buf_extent, bool
 * and the errno values beforehand.
 *
 * Units are pages throughout. Page offsets count from the start of the buffer.
 * No sum of two inputs is ever formed before it is known not to overflow.
 */
#ifndef DMA_BUF_PFN_EXTENT_H
#define DMA_BUF_PFN_EXTENT_H

#ifdef __KERNEL__
#include <linux/dma-buf-pfn.h>
#include <linux/errno.h>
#include <linux/types.h>
#endif

/**
 * pfn_range_check - is a range of pages inside a buffer?
 * @pgoff: first page
 * @npages: number of pages
 * @total: pages of the buffer
 *
 * Return: 0; -EINVAL for an empty range; -ERANGE for one that is not inside.
 */
static inline int pfn_range_check(unsigned long pgoff, unsigned long npages,
				  unsigned long total)
{
	if (!npages)
		return -EINVAL;
	if (pgoff >= total || npages > total - pgoff)
		return -ERANGE;
	return 0;
}

/**
 * pfn_extent_valid - can a run exist at all?
 * @ext: the run
 *
 * Return: false for an empty run and for one that wraps around.
 */
static inline bool pfn_extent_valid(const struct dma_buf_extent *ext)
{
	return ext->npages && ext->pfn + (ext->npages - 1) >= ext->pfn;
}

/**
 * pfn_extents_absorb - join freshly listed runs to those already accepted
 * @vec: @have accepted runs, then @got fresh ones; changed in place
 * @have: number of accepted runs
 * @got: number of fresh runs, at least 1
 * @left: pages still wanted; decreased by what is absorbed
 *
 * Validates the fresh runs, merges neighbours that are contiguous in physical
 * memory, and cuts off what is beyond the pages wanted.
 *
 * Return: number of accepted runs now, or -EIO if a fresh run cannot exist.
 */
static inline int pfn_extents_absorb(struct dma_buf_extent *vec,
				     unsigned int have, unsigned int got,
				     unsigned long *left)
{
	unsigned long tail = have ? vec[have - 1].pfn + (vec[have - 1].npages - 1) : 0;
	unsigned int i, last = have + got;
	unsigned long want = *left;

	/* Kept in registers: for all the compiler knows, @left is in @vec. */
	for (i = have; i < last && want; i++) {
		struct dma_buf_extent ext = vec[i];

		if (!pfn_extent_valid(&ext))
			return -EIO;
		if (ext.npages > want)
			ext.npages = want;
		want -= ext.npages;

		/* Page 0 follows nothing, not even the last page of all. */
		if (have && ext.pfn && tail == ext.pfn - 1)
			vec[have - 1].npages += ext.npages;
		else
			vec[have++] = ext;
		tail = ext.pfn + (ext.npages - 1);
	}
	*left = want;
	return have;
}

/**
 * pfn_max_order - the largest power of two that a run holds
 * @npages: length of the run, at least 1
 *
 * Return: the order; 1 << order pages are contiguous from the start of the run.
 */
static inline unsigned int pfn_max_order(unsigned long npages)
{
	unsigned int order = 0;

	while (npages >>= 1)
		order++;
	return order;
}

#endif /* DMA_BUF_PFN_EXTENT_H */
