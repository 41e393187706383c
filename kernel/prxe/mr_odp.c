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
 * A range has one table. A region of the whole address space has one for each part
 * of it that was accessed, see mr_odp_all.c; what is here is common to both.
 *
 * Lock order, outermost first:
 *
 *	prxe_mr_odp.lock		no fault once the region is dead
 *	    mmap_lock			of the process, in a fault
 *		umem_mutex		a table; nothing under it allocates
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
#include "mr_odp.h"
#include "section.h"

static unsigned long odp_npages(const struct prxe_mr *mr)
{
	return (mr->first + mr->length + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

void prxe_odp_drop(struct prxe_odp_part *part, unsigned long from,
		   unsigned long to)
{
	unsigned long *pages = part->pages;
	bool any = false;
	unsigned long i;

	lockdep_assert_held(&part->umem->umem_mutex);

	for (i = from; i < to; i++) {
		if (!pages[i])
			continue;
		WRITE_ONCE(pages[i], pages[i] & ~PRXE_PAGE_HERE);
		any = true;
	}
	if (!any)
		return;
	prxe_section_wait(part->mr);
	for (i = from; i < to; i++) {
		if (!pages[i])
			continue;
		if (pages[i] & PRXE_PAGE_WRITE)
			set_page_dirty(compound_head(virt_to_page((void *)
						(pages[i] & PAGE_MASK))));
		WRITE_ONCE(pages[i], 0);
		WRITE_ONCE(part->present, part->present - 1);
	}
	prxe_stat_inc(prxe_mr_dev(part->mr), MR_INVALIDATIONS);
}

/* The process changes its mappings of [@range->start, @range->end). */
static bool odp_invalidate(struct mmu_interval_notifier *mni,
			   const struct mmu_notifier_range *range,
			   unsigned long cur_seq)
{
	struct ib_umem_odp *umem = container_of(mni, struct ib_umem_odp,
						notifier);
	struct prxe_odp_part *part;
	unsigned long from, to;

	if (!mmu_notifier_range_blockable(range))
		return false;

	mutex_lock(&umem->umem_mutex);
	mmu_interval_set_seq(mni, cur_seq);
	/* not known yet: then there is no page in its table either */
	part = umem->private;
	if (part) {
		from = range->start > part->start ?
			(range->start - part->start) >> PAGE_SHIFT : 0;
		to = range->end > part->start ?
			((range->end - part->start - 1) >> PAGE_SHIFT) + 1 : 0;
		prxe_odp_drop(part, from, min(to, part->npages));
		if (part->all && !part->present)
			prxe_odp_idle(part);
	}
	/* hugetlb pages begin before the region */
	ib_umem_odp_unmap_dma_pages(umem, range->start, range->end);
	mutex_unlock(&umem->umem_mutex);
	return true;
}

const struct mmu_interval_notifier_ops prxe_odp_mn_ops = {
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
static int odp_take(struct prxe_odp_part *part, unsigned long idx,
		    unsigned long pfn)
{
	struct page *page = hmm_pfn_to_page(pfn);
	unsigned long entry;

	if (odp_is_secret(page))
		return -EFAULT;
	entry = (unsigned long)page_address(page) | PRXE_PAGE_HERE;
	if (pfn & HMM_PFN_WRITE)
		entry |= PRXE_PAGE_WRITE;
	if (!part->pages[idx])
		WRITE_ONCE(part->present, part->present + 1);
	/* All that the entry stands for was there before it. */
	smp_store_release(&part->pages[idx], entry);
	return 0;
}

/*
 * Fault in what is at [@off, @off + @len) of the table. On success umem_mutex is
 * held, so that nothing of it goes away.
 */
static int odp_map_and_lock(struct prxe_odp_part *part, u64 off, u64 len,
			    bool write, bool fault)
{
	struct ib_umem_odp *umem = part->umem;
	unsigned long base = (part->start - ib_umem_start(umem)) >> PAGE_SHIFT;
	unsigned long i = off >> PAGE_SHIFT;
	unsigned long last = (off + len - 1) >> PAGE_SHIFT;
	int ret;

	ret = ib_umem_odp_map_dma_and_lock(umem, part->start + off, len,
					   write ? HMM_PFN_WRITE : 0, fault);
	if (ret < 0)
		return ret;
	ret = 0;
	for (; i <= last && !ret; i++) {
		unsigned long pfn = umem->map.pfn_list[base + i];

		if (pfn & HMM_PFN_VALID)
			ret = odp_take(part, i, pfn);
	}
	if (ret)
		mutex_unlock(&umem->umem_mutex);
	return ret;
}

/*
 * Fault in @len bytes at @off, and of the @ahead from there what PRXE_MR_FAULT_MAX
 * allows, for nothing of it may change while it is looked up. Fewer where it does,
 * or where a part of it is not mapped: half of it each time, so that not every page
 * in front of a hole takes a fault of its own. Locked as by odp_map_and_lock().
 */
static int odp_fault_and_lock(struct prxe_odp_part *part, u64 off, u64 len,
			      u64 ahead, bool write)
{
	u64 n = clamp(ahead, len, max_t(u64, len, PRXE_MR_FAULT_MAX));
	int ret;

	for (;;) {
		ret = odp_map_and_lock(part, off, n, write, true);
		if (!ret || n == len)
			break;
		n = ret == -EBUSY ? len : max(len, n / 2);
	}
	/* the core lost every race for a second: one page may win one */
	if (ret == -EBUSY)
		ret = odp_map_and_lock(part, off, 1, write, true);
	return ret;
}

/* What may pass is waited for; -EFAULT and the like are for good. */
static int odp_error(int err)
{
	return err == -ENOMEM || err == -EBUSY || err == -EINTR ? -EAGAIN : err;
}

/* How many bytes from @addr on have one table. */
static u64 odp_room(const struct prxe_mr *mr, u64 addr)
{
	if (mr->pages)
		return U64_MAX;
	return PRXE_ODP_PART_SIZE - (addr & (PRXE_ODP_PART_SIZE - 1));
}

/*
 * Bring @len bytes at @addr in, all of one table, and something of what is @ahead;
 * or, if not @fault, see what of them is there. On success the region's lock and
 * umem_mutex are held: odp_unlock().
 */
static struct prxe_odp_part *odp_lock(struct prxe_mr *mr, u64 addr, u64 len,
				      u64 ahead, bool write, bool fault)
{
	u64 off = addr - mr->iova + mr->first;
	struct prxe_odp_part *part;
	int ret;

	down_read(&mr->odp.lock);
	if (prxe_mr_state(mr) == PRXE_MR_DEAD)
		part = ERR_PTR(-EINVAL);
	else
		part = mr->pages ? &mr->odp.one : prxe_odp_all_part(mr, addr);
	if (IS_ERR(part))
		goto unlock;
	if (!mr->pages)
		off &= PRXE_ODP_PART_SIZE - 1;
	if (fault)
		ret = odp_fault_and_lock(part, off, len, ahead, write);
	else
		ret = odp_map_and_lock(part, off, len, write, false);
	if (part->all && !READ_ONCE(part->present))
		prxe_odp_idle(part);
	if (!ret)
		return part;
	part = ERR_PTR(ret);
unlock:
	up_read(&mr->odp.lock);
	return part;
}

static void odp_unlock(struct prxe_mr *mr, struct prxe_odp_part *part)
{
	mutex_unlock(&part->umem->umem_mutex);
	up_read(&mr->odp.lock);
}

/* @len bytes, of any number of tables. */
static int odp_bring(struct prxe_mr *mr, u64 addr, u64 len, bool write, bool fault)
{
	struct prxe_odp_part *part;
	u64 done, n;

	for (done = 0; done < len; done += n) {
		n = min3(len - done, (u64)PRXE_MR_FAULT_MAX,
			 odp_room(mr, addr + done));
		part = odp_lock(mr, addr + done, n, n, write, fault);
		if (IS_ERR(part))
			return PTR_ERR(part);
		odp_unlock(mr, part);
		cond_resched();
	}
	return 0;
}

int prxe_mr_odp_fault(struct prxe_mr *mr, u64 addr, u64 len, u64 ahead,
		      bool write, int (*fn)(void *arg), void *arg)
{
	u64 room = odp_room(mr, addr);
	struct prxe_odp_part *part;
	int ret;

	/* what has other tables first: @fn will find it, if nothing happens to it */
	if (len > room) {
		ret = odp_bring(mr, addr + room, len - room, write, true);
		if (ret)
			return odp_error(ret);
		len = room;
	}
	part = odp_lock(mr, addr, len, min(ahead, room), write, true);
	if (IS_ERR(part))
		return odp_error(PTR_ERR(part));
	prxe_stat_inc(prxe_mr_dev(mr), MR_FETCHES);
	ret = fn ? fn(arg) : 0;
	odp_unlock(mr, part);
	return ret;
}

static void prxe_mr_odp_release(struct prxe_mr *mr)
{
	struct prxe_odp_part *part = &mr->odp.one;

	down_write(&mr->odp.lock);
	prxe_mr_stop(mr, PRXE_MR_DEAD);
	mutex_lock(&part->umem->umem_mutex);
	prxe_odp_drop(part, 0, part->npages);
	mutex_unlock(&part->umem->umem_mutex);
	up_write(&mr->odp.lock);

	/* A fault that comes now sees that the region is dead. */
	ib_umem_odp_release(part->umem);
	kvfree(part->pages);
}

static int prxe_mr_odp_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	return rdma_nl_put_driver_u64(msg, "present",
				      READ_ONCE(mr->odp.one.present)) ?
		       -EMSGSIZE : 0;
}

/* Two tables of all pages: ours and the core's. */
static size_t prxe_mr_odp_footprint(const struct prxe_mr *mr)
{
	return kmalloc_size_roundup(sizeof(*mr->odp.one.umem)) +
	       2 * prxe_kv_bytes(array_size(odp_npages(mr), sizeof(*mr->pages)));
}

static const struct prxe_mr_ops prxe_mr_odp_ops = {
	.import = "odp",
	.fault = prxe_mr_odp_fault,
	.release = prxe_mr_odp_release,
	.show = prxe_mr_odp_show,
	.footprint = prxe_mr_odp_footprint,
};

/**
 * prxe_mr_odp_own() - is a region of the calling process's memory?
 * @mr: a region of memory on demand
 * @start: set to its address there
 *
 * Return: whether it is; else it is of another process.
 */
bool prxe_mr_odp_own(const struct prxe_mr *mr, u64 *start)
{
	if (prxe_mr_is_implicit(mr)) {
		*start = 0;
		return mr->odp.all->mm == current->mm;
	}
	*start = mr->odp.one.umem->umem.address;
	return mr->odp.one.umem->umem.owning_mm == current->mm;
}

/**
 * prxe_mr_odp_init() - make a region of memory on demand
 * @mr: a region with its range, before prxe_mr_publish()
 * @start: user address
 * @length: bytes; U64_MAX from the address 0 on: the whole address space
 *	("implicit")
 * @access: rights
 *
 * Context: process. Return: 0; -ENOMEM; or what the core answered.
 */
int prxe_mr_odp_init(struct prxe_mr *mr, u64 start, u64 length, int access)
{
	struct prxe_odp_part *part = &mr->odp.one;
	struct ib_umem_odp *umem;

	if (!start && length == U64_MAX)
		return prxe_odp_all_init(mr, access);
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
	mr->demand = true;
	init_rwsem(&mr->odp.lock);
	*part = (struct prxe_odp_part) {
		.mr = mr,
		.umem = umem,
		.pages = mr->pages,
		.start = ALIGN_DOWN(start, PAGE_SIZE),
		.npages = odp_npages(mr),
	};
	mutex_lock(&umem->umem_mutex);
	umem->private = part;
	mutex_unlock(&umem->umem_mutex);
	prxe_mr_set_valid(mr);
	return 0;
}

/* May a key be advised about? In the words of ibv_advise_mr(3), and as mlx5. */
static int odp_check_key(const struct prxe_mem *mem)
{
	struct prxe_dev *dev = to_pdev(mem->pd->ibpd.device);
	const struct prxe_mr *mr;

	guard(rcu)();
	mr = xa_load(&dev->mrs, mem->key >> 8);
	if (prxe_key_is_window((void *)mr))
		return -EINVAL;
	if (!mr || READ_ONCE(mr->key) != mem->key || !mr->demand)
		return -ENOENT;
	if (READ_ONCE(mr->pd) != mem->pd || mem->access & ~READ_ONCE(mr->access))
		return -EPERM;
	return 0;
}

/* One element of a prefetch. */
static int odp_prefetch(const struct prxe_mem *mem, u64 len, bool fault)
{
	bool write = mem->access & IB_ACCESS_LOCAL_WRITE;
	struct prxe_mr *mr;
	u64 addr;
	int ret;

	ret = odp_check_key(mem);
	if (ret)
		return ret;
	mr = prxe_mr_get(mem, len, &addr);
	if (IS_ERR(mr))
		return PTR_ERR(mr) == -ERANGE ? -EFAULT : -ENOENT;
	/* not another one meanwhile? */
	ret = mr->demand ? odp_bring(mr, addr, len, write, fault) : -ENOENT;
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
 * Return: 0; -EOPNOTSUPP for other advice; -ENOENT for a key that is of no region on
 * demand; -EINVAL for one of a window; -EPERM for a region of another domain, or
 * without the right; -EFAULT for what is not mapped, or outside of the region.
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
