// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lookups: what the page frame numbers are and what they mean.
 *
 * Every lookup goes through the same gate, pfn_enter(), and, before it hands out
 * anything, waits for the exporter's fences (R10) and compares what the memory
 * is now with what the importer declared (R2, R8): memory may have moved since
 * the importer attached.
 *
 * The retry idiom (R4) and why it is right
 *
 *	again:
 *		seq = dma_buf_pfn_read_begin(attach);
 *		ret = dma_buf_get_pfn_unlocked(attach, pgoff, &pfn, &order);
 *		...
 *		lock(&importer->lock);
 *		if (dma_buf_pfn_read_retry(attach, seq)) {
 *			unlock(&importer->lock);
 *			goto again;
 *		}
 *		use or install pfn
 *		unlock(&importer->lock);
 *
 * with an invalidate callback that takes importer->lock and takes down what is
 * installed. Let L be the lookup and I an invalidation; both happen under the
 * reservation lock, so one is before the other.
 *
 * L before I: the sequence is bumped before the callback is called. If the
 * callback's critical section comes before the reader's, the release of
 * importer->lock by the one and its acquisition by the other make the bump
 * visible to read_retry(), which sends the reader back. If it comes after, the
 * callback finds what the reader installed, or the reader has finished.
 *
 * I before L: what L returned is what the exporter reports after I, because an
 * exporter does not release the reservation lock between an invalidation and the
 * moment its answers are true again (or -EAGAIN, -ENODEV). The sequence
 * was read before L or, as the CPU may delay a load into the critical section of
 * L but not past its end, inside it; there it cannot change. If it is from
 * before I, the reader retries for nothing; if from after I, it goes on, rightly.
 *
 * A reader with no lock, which announces itself in memory that the callback
 * waits on, needs a full barrier between its announcement and read_retry(). The
 * core has the matching one between the bump and the callback.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/limits.h>
#include <linux/sched.h>

#include "extent.h"
#include "internal.h"
#include "trace.h"

#define PFN_INFO_FLAGS	(DMA_BUF_PFN_IS_MMIO | DMA_BUF_PFN_HAS_PAGES | \
			 DMA_BUF_PFN_IS_PRIVATE | DMA_BUF_PFN_CPU_OK)

/**
 * pfn_enter - the gate of every call that needs the reservation lock
 * @attach: what the caller believes to be an attachment
 *
 * Return: 0; -ENOTCONN if it is none (any more); -EINVAL if nobody holds the
 * reservation lock; -EAGAIN during an invalidation; -ENOTRECOVERABLE if the
 * importer broke the rules.
 */
int pfn_enter(struct dma_buf_pfn_attachment *attach)
{
	struct pfn_attachment *p;

	if (!pfn_is_live(attach))
		return -ENOTCONN;
	if (!dma_resv_is_locked(attach->dmabuf->resv))
		return -EINVAL;
	dma_resv_assert_held(attach->dmabuf->resv);

	p = to_pfn(attach);
	switch (p->state) {
	case PFN_LIVE:
		return 0;
	case PFN_BROKEN:
		return -ENOTRECOVERABLE;
	case PFN_DETACHING:
		return -ENOTCONN;
	default:
		return -EAGAIN;
	}
}

/**
 * pfn_wait_fences - wait until the exporter's own work on the memory is done (R10)
 * @p: the attachment
 *
 * Context: reservation lock held, as it must be: no fence of a move can be added
 * between this wait and what follows it.
 * Return: 0, or -ERESTARTSYS.
 */
int pfn_wait_fences(struct pfn_attachment *p)
{
	long ret;

	dma_resv_assert_held(p->pub.dmabuf->resv);
	ret = dma_resv_wait_timeout(p->pub.dmabuf->resv, DMA_RESV_USAGE_KERNEL,
				    true, MAX_SCHEDULE_TIMEOUT);
	return ret < 0 ? ret : 0;
}

/**
 * pfn_describe - ask what the memory is and whether this importer may have it
 * @p: the attachment
 * @info: filled
 *
 * Context: reservation lock held.
 * Return: 0; -EPERM for private memory and an importer that is not for it (R8);
 * -EOPNOTSUPP for memory without pages, or without CPU access, and an importer
 * that needs them (R2); -EIO for an answer that contradicts itself; or what the
 * exporter answers.
 */
int pfn_describe(struct pfn_attachment *p, struct dma_buf_pfn_info *info)
{
	u32 needs = p->pub.needs;
	int ret;

	dma_resv_assert_held(p->pub.dmabuf->resv);
	p->why = NULL;
	*info = (struct dma_buf_pfn_info){};
	ret = p->xops->describe(&p->pub, info);
	if (ret < 0)
		return ret;
	if (ret || info->flags & ~PFN_INFO_FLAGS ||
	    info->caching > DMA_BUF_PFN_UC)
		return pfn_exporter_error(p, "describe: unknown answer");
	if (info->flags & DMA_BUF_PFN_IS_PRIVATE &&
	    info->flags & DMA_BUF_PFN_CPU_OK)
		return pfn_exporter_error(p, "describe: private, yet for the CPU");

	if (info->flags & DMA_BUF_PFN_IS_PRIVATE &&
	    (!(needs & DMA_BUF_PFN_CAN_PRIVATE) || needs & DMA_BUF_PFN_NEED_CPU))
		return pfn_refuse(p, -EPERM, "the memory is private");
	if (!(needs & DMA_BUF_PFN_CAN_MMIO) &&
	    (info->flags & DMA_BUF_PFN_IS_MMIO ||
	     !(info->flags & DMA_BUF_PFN_HAS_PAGES)))
		return pfn_refuse(p, -EOPNOTSUPP, "the memory has no pages");
	if (needs & DMA_BUF_PFN_NEED_CPU && !(info->flags & DMA_BUF_PFN_CPU_OK))
		return pfn_refuse(p, -EOPNOTSUPP, "the memory is not for the CPU");
	return 0;
}

/**
 * pfn_walk - list the merged runs of a range
 * @p: the attachment
 * @pgoff: first page
 * @end: page after the last
 * @vec: filled
 * @nr: entries in @vec, at least 1
 *
 * Calls the exporter until @vec is full or the range is covered. All runs but the
 * last are as long as they can be; the last may go on beyond what @vec had
 * room to learn. What the exporter answers is not trusted (-EIO).
 *
 * Context: reservation lock held.
 * Return: number of runs, at least 1, or a negative errno.
 */
int pfn_walk(struct pfn_attachment *p, unsigned long pgoff, unsigned long end,
	     struct dma_buf_extent *vec, unsigned int nr)
{
	unsigned long left = end - pgoff;
	unsigned int have = 0;

	dma_resv_assert_held(p->pub.dmabuf->resv);
	while (left && have < nr) {
		int got, ret;

		got = p->xops->get_extents(&p->pub, end - left, vec + have,
					   nr - have);
		if (got < 0)
			return got;
		if (!got || got > nr - have)
			return pfn_exporter_error(p, "get_extents: wrong number of runs");
		ret = pfn_extents_absorb(vec, have, got, &left);
		if (ret < 0)
			return pfn_exporter_error(p, "get_extents: impossible run");
		have = ret;
		cond_resched();
	}
	return have;
}

/**
 * dma_buf_pfn_describe - what the page frame numbers mean now (R7)
 * @attach: the attachment
 * @info: filled
 *
 * Valid as long as PFNs are: until the reservation lock is dropped or, for an
 * importer that handles it, until the next invalidation.
 *
 * Context: reservation lock held; may sleep.
 * Return: 0; -EPERM, -EOPNOTSUPP if the memory is now of a kind that this
 * importer did not declare; otherwise as dma_buf_get_extents().
 */
int dma_buf_pfn_describe(struct dma_buf_pfn_attachment *attach,
			 struct dma_buf_pfn_info *info)
{
	int ret;

	if (!info)
		return -EINVAL;
	ret = pfn_enter(attach);
	if (ret)
		return ret;
	return pfn_describe(to_pfn(attach), info);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_describe, "DMA_BUF_PFN");

static int pfn_get_extents(struct pfn_attachment *p, unsigned long pgoff,
			   struct dma_buf_extent *vec, unsigned int nr)
{
	struct dma_buf_pfn_info info;
	int ret;

	ret = pfn_range_check(pgoff, 1, p->npages);
	if (ret)
		return ret;
	ret = pfn_wait_fences(p);
	if (ret)
		return ret;
	ret = pfn_describe(p, &info);
	if (ret)
		return ret;
	ret = pfn_walk(p, pgoff, p->npages, vec, min_t(unsigned int, nr, INT_MAX));
	if (ret > 0)
		WRITE_ONCE(p->nr_extents, p->nr_extents + ret);
	return ret;
}

/**
 * dma_buf_get_extents - list the runs of pages from a page offset on (R4, R9)
 * @attach: the attachment
 * @pgoff: first page, counted from the start of the buffer
 * @vec: filled with runs that follow each other without gaps
 * @nr: entries in @vec, at least 1
 *
 * Waits for the exporter's fences first (R10). The last run ends at the end of
 * the buffer at the latest; if @vec is full before, ask again behind it: the
 * first run of that answer may continue the last one of this.
 *
 * What is returned needs no put (R6): it is valid while the reservation lock is
 * held and, for an importer that handles invalidations, until the next one or
 * until detach. Use dma_buf_pfn_read_begin() if the lock is dropped before the
 * result is where the invalidate callback finds it.
 *
 * Context: reservation lock held by the caller; may sleep, interruptibly.
 * Return: number of runs, at least 1, or
 *
 * * -EINVAL: the reservation lock is not held, @vec is NULL or @nr is 0
 * * -ERANGE: @pgoff is not inside the buffer
 * * -EAGAIN: the memory is being moved; ask again (not from the callback)
 * * -ENODEV: withdrawn for now
 * * -EKEYREVOKED: gone for good
 * * -EOPNOTSUPP, -EPERM: moved to memory of a kind the importer did not declare
 * * -ERESTARTSYS: a signal came while it waited for a fence
 * * -ENOTRECOVERABLE: this importer kept a grant over an invalidation
 * * -ENOTCONN: @attach is not an attachment (any more)
 * * -EIO: the exporter's answer makes no sense
 */
int dma_buf_get_extents(struct dma_buf_pfn_attachment *attach,
			unsigned long pgoff, struct dma_buf_extent *vec,
			unsigned int nr)
{
	int ret;

	if (!vec || !nr)
		return -EINVAL;
	ret = pfn_enter(attach);
	if (ret)
		return ret;
	ret = pfn_get_extents(to_pfn(attach), pgoff, vec, nr);
	trace_get_extents(to_pfn(attach), pgoff, nr, vec, ret);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_extents, "DMA_BUF_PFN");

/**
 * dma_buf_get_pfn - look up one page (R4, R9)
 * @attach: the attachment
 * @pgoff: the page, counted from the start of the buffer
 * @pfn: its page frame number
 * @max_order: NULL, or set so that 1 << @max_order pages are contiguous from
 *	@pgoff on; neither @pgoff nor @pfn need be aligned to that
 *
 * Context: reservation lock held by the caller; may sleep, interruptibly.
 * Return: 0, or as dma_buf_get_extents().
 */
int dma_buf_get_pfn(struct dma_buf_pfn_attachment *attach, unsigned long pgoff,
		    unsigned long *pfn, unsigned int *max_order)
{
	struct dma_buf_extent ext;
	int ret;

	if (!pfn)
		return -EINVAL;
	ret = dma_buf_get_extents(attach, pgoff, &ext, 1);
	if (ret < 0)
		return ret;
	*pfn = ext.pfn;
	if (max_order)
		*max_order = pfn_max_order(ext.npages);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn, "DMA_BUF_PFN");

/**
 * dma_buf_get_pfn_unlocked - look up one page, taking and dropping the lock (R4)
 * @attach: the attachment
 * @pgoff: the page, counted from the start of the buffer
 * @pfn: its page frame number
 * @max_order: as in dma_buf_get_pfn()
 *
 * The result of a %DMA_BUF_PFN_PINNED attachment holds until detach. Any other
 * may be stale on return: use it under dma_buf_pfn_read_begin() and
 * dma_buf_pfn_read_retry().
 *
 * Context: process, reservation lock not held; sleeps, interruptibly.
 * Return: 0; -EINTR if a signal came while it waited for the lock; or as
 * dma_buf_get_extents().
 */
int dma_buf_get_pfn_unlocked(struct dma_buf_pfn_attachment *attach,
			     unsigned long pgoff, unsigned long *pfn,
			     unsigned int *max_order)
{
	struct dma_resv *resv;
	int ret;

	if (!pfn_is_live(attach))
		return -ENOTCONN;
	resv = attach->dmabuf->resv;
	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	ret = dma_buf_get_pfn(attach, pgoff, pfn, max_order);
	dma_resv_unlock(resv);
	return ret;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_get_pfn_unlocked, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_read_begin - begin a lookup whose result outlives the lock (R4)
 * @attach: the attachment
 *
 * Call it before the lookup, with or without the reservation lock. The idiom is
 * at the top of this file.
 *
 * Context: any, between attach and detach.
 * Return: a number for dma_buf_pfn_read_retry().
 */
unsigned long dma_buf_pfn_read_begin(const struct dma_buf_pfn_attachment *attach)
{
	/* Not to be delayed past the lookup; see the top of this file. */
	return smp_load_acquire(&to_pfn(attach)->seq);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_begin, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_read_retry - was there an invalidation since the lookup began? (R4)
 * @attach: the attachment
 * @seq: what dma_buf_pfn_read_begin() returned
 *
 * Meaningful only under the lock that the importer's invalidate callback takes,
 * or inside a read section that the callback waits for and that was
 * announced with a full barrier.
 *
 * Context: any, between attach and detach.
 * Return: true if what was looked up must not be used.
 */
bool dma_buf_pfn_read_retry(const struct dma_buf_pfn_attachment *attach,
			    unsigned long seq)
{
	return READ_ONCE(to_pfn(attach)->seq) != seq;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_read_retry, "DMA_BUF_PFN");
