// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of user memory on demand: nothing is pinned.
 *
 * The region has a table with an entry for each page: where it is in the direct
 * map, whether it is there and may be written. An access to a page that is not
 * there is parked, and prxe_mr_fault() faults it in as the process itself would;
 * what the process unmaps, forks, or loses to reclaim is taken out of the table
 * before the kernel goes on. The region is always VALID; its pages come and go.
 *
 *	entry			who changes it, under umem_mutex
 *	  0			nobody has asked for the page yet, or it went
 *	  address | bits	fault: HERE, and WRITE if it may be written
 *	  HERE cleared		invalidation: no access enters any more; once those
 *				inside are out (section.c) the page is dirty, if it
 *				could be written, and the entry becomes 0
 *
 * Accesses read an entry after they have announced the region, invalidations wait
 * for sections after they have cleared it: the argument at the top of section.c,
 * with an entry in the place of the state.
 *
 * Lock order, outermost first:
 *
 *	prxe_mr_odp.lock		no fault once the region is dead
 *	    mmap_lock			of the process, in a fault
 *		umem_mutex		the table; nothing under it allocates
 */
#include <linux/hmm.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <rdma/ib_umem_odp.h>
#include <rdma/restrack.h>
#include <rdma/uverbs_ioctl.h>

#include "mr_internal.h"
#include "section.h"

static unsigned long odp_umem_start(const struct prxe_mr *mr)
{
	return ALIGN_DOWN(mr->odp.umem->umem.address, PAGE_SIZE);
}

static unsigned long odp_npages(const struct prxe_mr *mr)
{
	return (mr->first + mr->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/*
 * Take the pages [@from, @to) out of the table. On return no access is inside of
 * one of them. Allocates nothing.
 */
static void odp_drop(struct prxe_mr *mr, unsigned long from, unsigned long to)
{
	unsigned long *pages = mr->pages;
	bool any = false;
	unsigned long i;

	lockdep_assert_held(&mr->odp.umem->umem_mutex);

	for (i = from; i < to; i++) {
		if (!pages[i])
			continue;
		WRITE_ONCE(pages[i], pages[i] & ~PRXE_PAGE_HERE);
		any = true;
	}
	if (!any)
		return;
	prxe_section_wait(mr);
	for (i = from; i < to; i++) {
		if (!pages[i])
			continue;
		if (pages[i] & PRXE_PAGE_WRITE)
			set_page_dirty(compound_head(virt_to_page((void *)
						(pages[i] & PAGE_MASK))));
		WRITE_ONCE(pages[i], 0);
		mr->odp.present--;
	}
	prxe_stat_inc(prxe_mr_dev(mr), MR_INVALIDATIONS);
}

/* The process changes its mappings of [@range->start, @range->end). */
static bool odp_invalidate(struct mmu_interval_notifier *mni,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq)
{
	struct ib_umem_odp *umem = container_of(mni, struct ib_umem_odp,
						notifier);
	unsigned long start, from, to;
	struct prxe_mr *mr;

	if (!mmu_notifier_range_blockable(range))
		return false;

	mutex_lock(&umem->umem_mutex);
	mmu_interval_set_seq(mni, cur_seq);
	/* not known yet: then there is no page in its table either */
	mr = umem->private;
	if (mr) {
		start = odp_umem_start(mr);
		from = range->start > start ?
			(range->start - start) >> PAGE_SHIFT : 0;
		to = range->end > start ?
			(range->end - start + PAGE_SIZE - 1) >> PAGE_SHIFT : 0;
		odp_drop(mr, from, min(to, odp_npages(mr)));
	}
	/* hugetlb pages begin before the region */
	ib_umem_odp_unmap_dma_pages(umem, range->start, range->end);
	mutex_unlock(&umem->umem_mutex);
	return true;
}

static const struct mmu_interval_notifier_ops prxe_odp_mn_ops = {
	.invalidate = odp_invalidate,
};

/*
 * Memory that is nobody's but the process's (memfd_secret) is not in the direct
 * map. The page is mapped and cannot be unmapped under umem_mutex, so that it has
 * its mapping.
 */
static bool odp_is_secret(struct page *page)
{
	struct address_space *mapping = folio_mapping(page_folio(page));

	return mapping && mapping->host &&
	       mapping->host->i_sb->s_magic == SECRETMEM_MAGIC;
}

/* Put one page that was faulted in into the table. */
static int odp_take(struct prxe_mr *mr, unsigned long idx, unsigned long pfn)
{
	struct page *page = hmm_pfn_to_page(pfn);
	unsigned long entry;

	if (odp_is_secret(page))
		return -EFAULT;
	entry = (unsigned long)page_address(page) | PRXE_PAGE_HERE;
	if (pfn & HMM_PFN_WRITE)
		entry |= PRXE_PAGE_WRITE;
	if (!mr->pages[idx])
		mr->odp.present++;
	/* All that the entry stands for was there before it. */
	smp_store_release(&mr->pages[idx], entry);
	return 0;
}

/*
 * Fault in what is at [@off, @off + @len) of the region. On success umem_mutex is
 * held, so that nothing of it goes away.
 */
static int odp_map_and_lock(struct prxe_mr *mr, u64 off, u64 len, bool write,
			    bool fault)
{
	struct ib_umem_odp *umem = mr->odp.umem;
	unsigned long base = (odp_umem_start(mr) - ib_umem_start(umem)) >>
			     PAGE_SHIFT;
	unsigned long i = off >> PAGE_SHIFT;
	unsigned long last = (off + len - 1) >> PAGE_SHIFT;
	int ret;

	ret = ib_umem_odp_map_dma_and_lock(umem, odp_umem_start(mr) + off, len,
					   write ? HMM_PFN_WRITE : 0, fault);
	if (ret < 0)
		return ret;
	ret = 0;
	for (; i <= last && !ret; i++) {
		unsigned long pfn = umem->map.pfn_list[base + i];

		if (pfn & HMM_PFN_VALID)
			ret = odp_take(mr, i, pfn);
	}
	if (ret)
		mutex_unlock(&umem->umem_mutex);
	return ret;
}

/* What may pass is waited for; -EFAULT and the like are for good. */
static int odp_error(int err)
{
	return err == -ENOMEM || err == -EBUSY || err == -EINTR ? -EAGAIN : err;
}

/*
 * Fault in @len bytes at @off, and of the @ahead from there what PRXE_MR_FAULT_MAX
 * allows, for nothing of it may change while it is looked up. Fewer where it does,
 * or where a part of it is not mapped: half of it each time, so that not every page
 * in front of a hole takes a fault of its own. Locked as by odp_map_and_lock().
 */
static int odp_fault_and_lock(struct prxe_mr *mr, u64 off, u64 len, u64 ahead,
			      bool write)
{
	u64 n = clamp(ahead, len, max_t(u64, len, PRXE_MR_FAULT_MAX));
	int ret;

	for (;;) {
		ret = odp_map_and_lock(mr, off, n, write, true);
		if (!ret || n == len)
			break;
		n = ret == -EBUSY ? len : max(len, n / 2);
	}
	/* the core lost every race for a second: one page may win one */
	if (ret == -EBUSY)
		ret = odp_map_and_lock(mr, off, 1, write, true);
	return ret;
}

static int prxe_mr_odp_fault(struct prxe_mr *mr, u64 addr, u64 len, u64 ahead,
			     bool write, int (*fn)(void *arg), void *arg)
{
	struct prxe_mr_odp *odp = &mr->odp;
	u64 off = addr - mr->iova + mr->first;
	int ret = -EINVAL;

	down_read(&odp->lock);
	if (prxe_mr_state(mr) == PRXE_MR_DEAD)
		goto out;
	ret = odp_fault_and_lock(mr, off, len, ahead, write);
	if (ret) {
		ret = odp_error(ret);
		goto out;
	}
	prxe_stat_inc(prxe_mr_dev(mr), MR_FETCHES);
	if (fn)
		ret = fn(arg);
	mutex_unlock(&odp->umem->umem_mutex);
out:
	up_read(&odp->lock);
	return ret;
}

static void prxe_mr_odp_release(struct prxe_mr *mr)
{
	struct ib_umem_odp *umem = mr->odp.umem;

	down_write(&mr->odp.lock);
	prxe_mr_stop(mr, PRXE_MR_DEAD);
	mutex_lock(&umem->umem_mutex);
	odp_drop(mr, 0, odp_npages(mr));
	mutex_unlock(&umem->umem_mutex);
	up_write(&mr->odp.lock);

	/* A fault that comes now sees that the region is dead. */
	ib_umem_odp_release(umem);
	kvfree(mr->pages);
}

static int prxe_mr_odp_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	return rdma_nl_put_driver_u64(msg, "present",
				      READ_ONCE(mr->odp.present)) ?
		       -EMSGSIZE : 0;
}

/* Two tables of all pages: ours and the core's. */
static size_t prxe_mr_odp_footprint(const struct prxe_mr *mr)
{
	return kmalloc_size_roundup(sizeof(*mr->odp.umem)) +
	       2 * prxe_kv_bytes(array_size(odp_npages(mr), sizeof(*mr->pages)));
}

static const struct prxe_mr_ops prxe_mr_odp_ops = {
	.import = "odp",
	.fault = prxe_mr_odp_fault,
	.release = prxe_mr_odp_release,
	.show = prxe_mr_odp_show,
	.footprint = prxe_mr_odp_footprint,
};

bool prxe_mr_is_odp(const struct prxe_mr *mr)
{
	return mr->ops == &prxe_mr_odp_ops;
}

/* The process's address of a region that is its own; 0: it is not. */
u64 prxe_mr_odp_start(const struct prxe_mr *mr)
{
	const struct ib_umem *umem = &mr->odp.umem->umem;

	return umem->owning_mm == current->mm ? umem->address : 0;
}

/**
 * prxe_mr_odp_init() - make a region of memory on demand
 * @mr: a region with its range, before prxe_mr_publish()
 * @start: user address
 * @length: bytes
 * @access: rights
 *
 * Context: process.
 * Return: 0; -EINVAL for the whole address space ("implicit"); -ENOMEM; or what
 * the core answered.
 */
int prxe_mr_odp_init(struct prxe_mr *mr, u64 start, u64 length, int access)
{
	struct prxe_mr_odp *odp = &mr->odp;
	struct ib_umem_odp *umem;

	if (!start && length == U64_MAX)
		return -EINVAL;
	umem = ib_umem_odp_get(mr->pd->ibpd.device, start, length, access,
			       &prxe_odp_mn_ops);
	if (IS_ERR(umem))
		return PTR_ERR(umem);
	mr->pages = kvcalloc(odp_npages(mr), sizeof(*mr->pages),
			     GFP_KERNEL_ACCOUNT);
	if (!mr->pages) {
		ib_umem_odp_release(umem);
		return -ENOMEM;
	}
	mr->ops = &prxe_mr_odp_ops;
	init_rwsem(&odp->lock);
	odp->umem = umem;
	mutex_lock(&umem->umem_mutex);
	umem->private = mr;
	mutex_unlock(&umem->umem_mutex);
	prxe_mr_set_valid(mr);
	return 0;
}

/* One element of a prefetch. */
static int odp_prefetch(const struct prxe_mem *mem, u64 len, bool fault)
{
	bool write = mem->access & IB_ACCESS_LOCAL_WRITE;
	struct prxe_mr *mr;
	u64 addr, done, n;
	int ret = 0;

	mr = prxe_mr_get(mem, len, &addr);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	if (!prxe_mr_is_odp(mr)) {
		ret = -EINVAL;
		goto put;
	}
	down_read(&mr->odp.lock);
	for (done = 0; done < len && !ret; done += n) {
		n = min_t(u64, len - done, PRXE_MR_FAULT_MAX);
		ret = -EINVAL;
		if (prxe_mr_state(mr) == PRXE_MR_DEAD)
			break;
		ret = odp_map_and_lock(mr, addr + done - mr->iova + mr->first,
				       n, write, fault);
		if (!ret)
			mutex_unlock(&mr->odp.umem->umem_mutex);
		cond_resched();
	}
	up_read(&mr->odp.lock);
put:
	prxe_mr_put(mr);
	return ret;
}

/**
 * prxe_advise_mr() - verbs: bring memory on demand in before it is used
 * @ibpd: protection domain
 * @advice: prefetch to read, to write, or what is in memory already
 * @flags: IB_UVERBS_ADVISE_MR_FLAG_FLUSH: on return it is done; so it is without
 * @sg: elements, by lkey
 * @num_sge: how many
 * @attrs: of the call
 *
 * Context: process.
 * Return: 0; -EOPNOTSUPP for other advice; -EINVAL for a key that is no region on
 * demand of this domain; -EACCES and -ERANGE as an access; -EFAULT for what is not
 * mapped.
 */
int prxe_advise_mr(struct ib_pd *ibpd, enum ib_uverbs_advise_mr_advice advice,
		   u32 flags, struct ib_sge *sg, u32 num_sge,
		   struct uverbs_attr_bundle *attrs)
{
	bool write = advice == IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_WRITE;
	bool fault = advice != IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT;
	int ret = 0;
	u32 i;

	if (advice > IB_UVERBS_ADVISE_MR_ADVICE_PREFETCH_NO_FAULT)
		return -EOPNOTSUPP;
	for (i = 0; i < num_sge && !ret; i++) {
		struct prxe_mem mem = {
			.pd = to_ppd(ibpd), .key = sg[i].lkey, .addr = sg[i].addr,
			.access = write ? IB_ACCESS_LOCAL_WRITE : 0,
		};

		if (sg[i].length)
			ret = odp_prefetch(&mem, sg[i].length, fault);
	}
	return ret;
}
