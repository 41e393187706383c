/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The ranges of a BAR that make up a buffer, as runs of pages.
 *
 * Pure: no locks, no allocation, no kernel service, so that user space compiles
 * it for unit tests. A user-space includer provides bool and size_t beforehand.
 *
 * Units are pages. Runs are sorted by their place in the buffer and have no gaps
 * there; in the BAR they may have any order, and overlap.
 */
#ifndef VFIO_PCI_PFN_RUNS_H
#define VFIO_PCI_PFN_RUNS_H

#ifdef __KERNEL__
#include <linux/types.h>
#endif

/**
 * struct vpp_run - pages that are contiguous in the BAR
 * @pgoff: of the first, in the buffer
 * @pfn: of the first
 * @npages: number of pages, at least 1
 */
struct vpp_run {
	unsigned long pgoff;
	unsigned long pfn;
	unsigned long npages;
};

/**
 * vpp_runs_append - put a range behind those that are there
 * @runs: the runs; has room for one more
 * @nr: their number
 * @pfn: first page of the range
 * @npages: its length, at least 1
 *
 * A range that goes on where the last run ends makes that longer.
 *
 * Return: the number of runs now.
 */
static inline size_t vpp_runs_append(struct vpp_run *runs, size_t nr,
				     unsigned long pfn, unsigned long npages)
{
	struct vpp_run *last = nr ? &runs[nr - 1] : NULL;

	if (last && pfn == last->pfn + last->npages) {
		last->npages += npages;
		return nr;
	}
	runs[nr].pgoff = last ? last->pgoff + last->npages : 0;
	runs[nr].pfn = pfn;
	runs[nr].npages = npages;
	return nr + 1;
}

/**
 * vpp_runs_find - the run that a page of the buffer is in
 * @runs: the runs
 * @nr: their number, at least 1
 * @pgoff: the page, inside the buffer
 *
 * Return: its index.
 */
static inline size_t vpp_runs_find(const struct vpp_run *runs, size_t nr,
				   unsigned long pgoff)
{
	size_t low = 0, high = nr;

	/* runs[low] begins at @pgoff or before, runs[high] behind it */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (runs[mid].pgoff <= pgoff)
			low = mid;
		else
			high = mid;
	}
	return low;
}

#endif /* VFIO_PCI_PFN_RUNS_H */
