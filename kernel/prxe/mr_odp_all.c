// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of a whole address space on demand ("implicit"): an address of the region is
 * one of the process, whatever is mapped there at the moment of an access.
 *
 * Such a region is made of *parts*, 2 MiB of the address space each, with a notifier
 * and a table like that of a region of a range (mr_odp.c). A part is made by the first
 * fault in it and goes
 *
 *	- when it has lost its last page: a work item does it, for a notifier cannot
 *	  be removed from inside of its own callback;
 *	- when there are too many, to make room for another one: nothing is lost but
 *	  the time to fault its pages in again. That bounds what a peer that reads
 *	  here and there can make this host keep: tables for twice its memory;
 *	- with the region.
 *
 * Who changes the table of parts, &prxe_odp_all.parts, holds the region's lock for
 * writing; faults hold it for reading, so that a part to which pages are added stays.
 * Accesses look parts up under RCU: a part that was taken out of the table has lost
 * its pages, and has waited for the sections inside of the region, before its memory
 * is given to RCU. An access that still has the part then finds no page in it.
 *
 * The core's anchor of all parts holds the address space by its address alone, which
 * might be another's by the time of a fault: the reference is ours (@mm).
 */
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <rdma/ib_umem_odp.h>
#include <rdma/restrack.h>

#include "mr_odp.h"

#define PART_PAGES	(PRXE_ODP_PART_SIZE >> PAGE_SHIFT)

/* Few enough to be no burden, and enough for any single access. */
#define PARTS_MIN	16

static unsigned long part_index(const struct prxe_odp_part *part)
{
	return part->start >> PRXE_ODP_PART_SHIFT;
}

/* A part that nobody finds yet. The region's lock keeps @all; mmap_lock is taken. */
static struct prxe_odp_part *part_alloc(struct prxe_odp_all *all,
					unsigned long idx)
{
	struct prxe_odp_part *part;
	int err = -ENOMEM;

	part = kzalloc_obj(*part);
	if (!part)
		return ERR_PTR(-ENOMEM);
	part->pages = kcalloc(PART_PAGES, sizeof(*part->pages),
			      GFP_KERNEL_ACCOUNT);
	if (!part->pages)
		goto free;
	part->mr = all->mr;
	part->start = idx << PRXE_ODP_PART_SHIFT;
	part->npages = PART_PAGES;
	part->umem = ib_umem_odp_alloc_child(all->root, part->start,
					     PRXE_ODP_PART_SIZE,
					     &prxe_odp_mn_ops);
	if (IS_ERR(part->umem)) {
		err = PTR_ERR(part->umem);
		goto free;
	}
	mutex_lock(&part->umem->umem_mutex);
	part->umem->private = part;
	mutex_unlock(&part->umem->umem_mutex);
	return part;

free:
	kfree(part->pages);
	kfree(part);
	return ERR_PTR(err);
}

static void part_free(struct rcu_head *rcu)
{
	struct prxe_odp_part *part = container_of(rcu, struct prxe_odp_part, rcu);

	kfree(part->pages);
	kfree(part);
}

/* Free parts that nobody finds any more, and that have no pages. May sleep. */
static void parts_free(struct list_head *parts)
{
	struct prxe_odp_part *part, *next;

	list_for_each_entry_safe(part, next, parts, node) {
		/* on return of this no invalidation is in it, or comes */
		ib_umem_odp_release(part->umem);
		/* an access may have found it just before */
		call_rcu(&part->rcu, part_free);
		cond_resched();
	}
}

/* Take a part out of the table, and all pages out of it, and put it on a list. */
static void part_unlink(struct prxe_odp_all *all, struct prxe_odp_part *part,
			struct list_head *gone)
{
	lockdep_assert_held_write(&all->mr->odp.lock);

	xa_erase(&all->parts, part_index(part));
	all->nr--;
	mutex_lock(&part->umem->umem_mutex);
	part->all = NULL;
	prxe_odp_drop(part, 0, part->npages);
	mutex_unlock(&part->umem->umem_mutex);
	list_add_tail(&part->node, gone);
}

/* Make room for one: the next in turn goes. */
static void part_evict(struct prxe_odp_all *all, struct list_head *gone)
{
	struct prxe_odp_part *part;

	part = xa_find(&all->parts, &all->hand, ULONG_MAX, XA_PRESENT);
	if (!part) {
		all->hand = 0;
		part = xa_find(&all->parts, &all->hand, ULONG_MAX, XA_PRESENT);
	}
	if (WARN_ON_ONCE(!part))
		return;
	all->hand++;
	part_unlink(all, part, gone);
}

/* Let everybody find it. */
static int part_link(struct prxe_odp_all *all, struct prxe_odp_part *part,
		     struct list_head *gone)
{
	void *old;

	lockdep_assert_held_write(&all->mr->odp.lock);

	if (all->nr >= all->max)
		part_evict(all, gone);
	old = xa_store(&all->parts, part_index(part), part, GFP_KERNEL);
	if (xa_is_err(old))
		return xa_err(old);
	WARN_ON_ONCE(old);
	all->nr++;
	mutex_lock(&part->umem->umem_mutex);
	part->all = all;
	mutex_unlock(&part->umem->umem_mutex);
	return 0;
}

struct prxe_odp_part *prxe_odp_all_part(struct prxe_mr *mr, u64 addr)
{
	unsigned long idx = addr >> PRXE_ODP_PART_SHIFT;
	struct prxe_odp_all *all = mr->odp.all;
	struct prxe_odp_part *part, *new;
	LIST_HEAD(gone);
	int err = 0;

	lockdep_assert_held_read(&mr->odp.lock);

	if (addr >= all->mm->task_size)
		return ERR_PTR(-EFAULT);
	part = xa_load(&all->parts, idx);
	if (part)
		return part;
	new = part_alloc(all, idx);
	if (IS_ERR(new))
		return new;

	up_read(&mr->odp.lock);
	/* here @all may end */
	down_write(&mr->odp.lock);
	if (prxe_mr_state(mr) == PRXE_MR_DEAD) {
		err = -EINVAL;
	} else {
		/* another fault may have been faster */
		part = xa_load(&all->parts, idx);
		if (!part)
			err = part_link(all, new, &gone);
		if (!part && !err) {
			part = new;
			new = NULL;
		}
	}
	downgrade_write(&mr->odp.lock);
	if (new)
		list_add(&new->node, &gone);
	parts_free(&gone);
	return err ? ERR_PTR(err) : part;
}

void prxe_odp_idle(struct prxe_odp_part *part)
{
	xa_set_mark(&part->all->parts, part_index(part), XA_MARK_0);
	queue_work(prxe_wq, &part->all->reap);
}

/* Give back the parts without pages; no fault is in one of them meanwhile. */
static void odp_reap(struct work_struct *work)
{
	struct prxe_odp_all *all = container_of(work, struct prxe_odp_all, reap);
	struct prxe_odp_part *part;
	unsigned long idx;
	LIST_HEAD(gone);

	down_write(&all->mr->odp.lock);
	xa_for_each_marked(&all->parts, idx, part, XA_MARK_0) {
		/* the mark first: who sets it again has us come again */
		xa_clear_mark(&all->parts, idx, XA_MARK_0);
		if (!READ_ONCE(part->present))
			part_unlink(all, part, &gone);
	}
	up_write(&all->mr->odp.lock);
	parts_free(&gone);
}

static void prxe_mr_odp_all_release(struct prxe_mr *mr)
{
	struct prxe_odp_all *all = mr->odp.all;
	struct prxe_odp_part *part;
	unsigned long idx;
	LIST_HEAD(gone);

	down_write(&mr->odp.lock);
	prxe_mr_stop(mr, PRXE_MR_DEAD);
	xa_for_each(&all->parts, idx, part) {
		part_unlink(all, part, &gone);
		cond_resched();
	}
	up_write(&mr->odp.lock);

	/* A fault that comes now sees that the region is dead; no part has it reaped. */
	cancel_work_sync(&all->reap);
	parts_free(&gone);
	xa_destroy(&all->parts);
	ib_umem_odp_release(all->root);
	mmdrop(all->mm);
	kfree(all);
}

static int prxe_mr_odp_all_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	const struct prxe_odp_part *part;
	unsigned long idx, present = 0;

	scoped_guard(rcu)
		xa_for_each(&mr->odp.all->parts, idx, part)
			present += READ_ONCE(part->present);
	if (rdma_nl_put_driver_u64(msg, "present", present) ||
	    rdma_nl_put_driver_u64(msg, "parts", READ_ONCE(mr->odp.all->nr)))
		return -EMSGSIZE;
	return 0;
}

/* Two tables for each part: ours and the core's. */
static size_t prxe_mr_odp_all_footprint(const struct prxe_mr *mr)
{
	const struct prxe_odp_all *all = mr->odp.all;
	size_t umem = kmalloc_size_roundup(sizeof(*all->root));
	size_t part = kmalloc_size_roundup(sizeof(struct prxe_odp_part)) + umem +
		      2 * PART_PAGES * sizeof(unsigned long);

	return kmalloc_size_roundup(sizeof(*all)) + umem +
	       READ_ONCE(all->nr) * part;
}

static const struct prxe_mr_ops prxe_mr_odp_all_ops = {
	.import = "odp",
	.fault = prxe_mr_odp_fault,
	.release = prxe_mr_odp_all_release,
	.show = prxe_mr_odp_all_show,
	.footprint = prxe_mr_odp_all_footprint,
};

int prxe_odp_all_init(struct prxe_mr *mr, int access)
{
	struct prxe_odp_all *all;

	all = kzalloc_obj(*all);
	if (!all)
		return -ENOMEM;
	all->root = ib_umem_odp_alloc_implicit(mr->pd->ibpd.device, access);
	if (IS_ERR(all->root)) {
		int err = PTR_ERR(all->root);

		kfree(all);
		return err;
	}
	all->mm = current->mm;
	mmgrab(all->mm);
	all->mr = mr;
	all->max = max(2 * totalram_pages() / PART_PAGES, PARTS_MIN);
	xa_init(&all->parts);
	INIT_WORK(&all->reap, odp_reap);

	mr->ops = &prxe_mr_odp_all_ops;
	mr->demand = true;
	init_rwsem(&mr->odp.lock);
	mr->odp.all = all;
	prxe_mr_set_valid(mr);
	return 0;
}
