// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fast registration: regions that kernel users make valid and invalid by work
 * requests.
 *
 * States (IBTA vol 1, 10.6.4; names of mr_internal.h):
 *
 *	FREE -> VALID			REG_MR: new key, range, rights, pages
 *	VALID -> STOPPING -> FREE	LOCAL_INV, or the peer's SEND_WITH_INV
 *	any -> DEAD			deregistered
 *
 * STOPPING lasts until the accesses that were inside are over; pages and range
 * are changed in FREE only, so that nobody is inside while they are.
 *
 * A region has two translations. ib_map_mr_sg() writes the *draft*, at any time; a
 * REG_MR copies it to the one in force. A user that maps too early spoils its
 * next registration, never an access.
 *
 * Key, range and rights are looked up before a region is announced (section.h)
 * and might be replaced in between, by an invalidation and another
 * registration. So REG_MR changes them under a seqlock, and an access looks at
 * its sequence once more when it has seen the region valid (prxe_via_changed()):
 * either nothing was registered since it began to look, and an invalidation waits
 * for it, or it is sent away.
 *
 * The addresses are the kernel's virtual ones (ib_uses_virt_dma()), so a page is
 * where it says. Pages of a registration may be as large as the user likes, from
 * 4 KiB on; neighbours are merged.
 */
#include <linux/log2.h>
#include <linux/scatterlist.h>
#include <linux/seqlock.h>
#include <linux/sizes.h>
#include <rdma/ib_verbs.h>

#include "fast_reg.h"
#include "mr_internal.h"
#include "qp.h"
#include "section.h"

#define PRXE_FAST_REMOTE	(IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_WRITE | \
				 IB_ACCESS_REMOTE_ATOMIC)
#define PRXE_FAST_ACCESS	(PRXE_FAST_REMOTE | IB_ACCESS_LOCAL_WRITE | \
				 IB_ACCESS_FLUSH_GLOBAL)

static void prxe_fast_release(struct prxe_mr *mr)
{
	read_seqlock_excl_irq(&mr->reg.lock);
	WRITE_ONCE(mr->state, PRXE_MR_DEAD);
	read_sequnlock_excl_irq(&mr->reg.lock);
	prxe_section_wait(mr);
	prxe_mr_drop_extents(mr);
	prxe_extents_free(&mr->reg.draft);
}

static size_t prxe_fast_footprint(const struct prxe_mr *mr)
{
	return prxe_extents_bytes(&mr->reg.draft);
}

static const struct prxe_mr_ops prxe_fast_ops = {
	.import = "fast",
	.release = prxe_fast_release,
	.footprint = prxe_fast_footprint,
};

/**
 * prxe_alloc_mr() - make a region for fast registration, FREE
 * @ibpd: protection domain
 * @type: IB_MR_TYPE_MEM_REG
 * @max_num_sg: pages that it shall have room for
 *
 * Context: process.
 * Return: the region; or an ERR_PTR: -EOPNOTSUPP for another type, -EINVAL for no
 * pages or more than PRXE_MAX_FAST_REG_PAGES, -ENOMEM.
 */
struct ib_mr *prxe_alloc_mr(struct ib_pd *ibpd, enum ib_mr_type type,
			    u32 max_num_sg)
{
	struct prxe_mr *mr;
	int ret;

	if (type != IB_MR_TYPE_MEM_REG)
		return ERR_PTR(-EOPNOTSUPP);
	if (!max_num_sg || max_num_sg > PRXE_MAX_FAST_REG_PAGES)
		return ERR_PTR(-EINVAL);
	mr = prxe_mr_alloc(ibpd, &prxe_fast_ops, 0);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	mr->fast = true;
	mr->state = PRXE_MR_FREE;
	seqlock_init(&mr->reg.lock);
	prxe_extents_init(&mr->reg.draft);
	mr->reg.max_pages = max_num_sg;
	ret = prxe_mr_reserve(mr, max_num_sg);
	if (!ret)
		ret = prxe_extents_reserve(&mr->reg.draft, max_num_sg);
	if (ret) {
		prxe_extents_free(&mr->reg.draft);
		prxe_mr_abort(mr);
		return ERR_PTR(ret);
	}
	prxe_mr_publish(mr);
	return &mr->ibmr;
}

/* One page more in the draft; called by ib_sg_to_pages(). */
static int prxe_fast_set_page(struct ib_mr *ibmr, u64 addr)
{
	struct prxe_mr *mr = to_pmr(ibmr);

	if (mr->reg.nr_pages == mr->reg.max_pages)
		return -ENOMEM;
	mr->reg.nr_pages++;
	return prxe_extents_extend(&mr->reg.draft, (void *)(uintptr_t)addr,
				   ibmr->page_size);
}

/**
 * prxe_map_mr_sg() - say what the next registration of a region is of
 * @ibmr: the region, with its page size
 * @sg: list, mapped for DMA
 * @nents: entries
 * @offset: bytes to leave out of the first one; may be NULL
 *
 * Takes the longest beginning of the list that fits: the first entry may begin,
 * and the last one end, inside of a page; a gap anywhere else ends it, as does the
 * number of pages.
 *
 * Context: any but hard interrupts.
 * Return: entries taken; -EINVAL for an empty list, a page size that is no power
 * of two or less than 4 KiB, and regions of another kind; -ENOMEM if not even a
 * part of the first entry was taken.
 */
int prxe_map_mr_sg(struct ib_mr *ibmr, struct scatterlist *sg, int nents,
		   unsigned int *offset)
{
	struct prxe_mr *mr = to_pmr(ibmr);
	unsigned long flags;
	int n;

	if (!mr->fast || !is_power_of_2(ibmr->page_size) ||
	    ibmr->page_size < SZ_4K)
		return -EINVAL;
	read_seqlock_excl_irqsave(&mr->reg.lock, flags);
	mr->reg.nr_pages = 0;
	prxe_extents_clear(&mr->reg.draft);
	n = ib_sg_to_pages(ibmr, sg, nents, offset, prxe_fast_set_page);
	mr->reg.page_size = ibmr->page_size;
	mr->reg.first = ibmr->iova & (ibmr->page_size - 1);
	read_sequnlock_excl_irqrestore(&mr->reg.lock, flags);
	return n;
}

/* Under RCU. NULL if the key's index is not that of such a region of @pd. */
static struct prxe_mr *prxe_fast_find(struct prxe_pd *pd, u32 key)
{
	struct prxe_mr *mr = xa_load(&to_pdev(pd->ibpd.device)->mrs, key >> 8);

	if (!mr || prxe_key_is_window(mr) || !mr->fast ||
	    READ_ONCE(mr->pd) != pd)
		return NULL;
	return mr;
}

/* What the work request says by itself. */
static bool prxe_fast_wqe_ok(const struct prxe_send_wqe *wqe)
{
	int access = wqe->mw.access & ~IB_ACCESS_OPTIONAL;

	if (wqe->mw.rkey >> 8 != wqe->mw.mr_lkey >> 8 ||
	    access & ~PRXE_FAST_ACCESS)
		return false;
	if (access & (IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC) &&
	    !(access & IB_ACCESS_LOCAL_WRITE))
		return false;
	return wqe->mw.length && wqe->mw.length - 1 <= U64_MAX - wqe->mw.addr;
}

/* Is the draft that of this range? The user may have moved it by whole pages. */
static bool prxe_fast_draft_ok(const struct prxe_mr *mr,
			       const struct prxe_send_wqe *wqe)
{
	u64 end = prxe_extents_end(&mr->reg.draft);

	return (wqe->mw.addr & (mr->reg.page_size - 1)) == mr->reg.first &&
	       prxe_range_ok(0, end, mr->reg.first, wqe->mw.length);
}

/**
 * prxe_fast_register() - execute a REG_MR work request
 * @qp: the queue pair that it was posted to
 * @wqe: the work request; &prxe_send_wqe.mw has iova, length, the region's index,
 *	the new key and the rights
 *
 * Context: bottom halves off.
 * Return: 0; -EINVAL, and nothing has changed, for a region that is not FREE or of
 * another protection domain, a key that is not of its index, rights that contradict
 * each other, and a range that was not mapped.
 */
int prxe_fast_register(struct prxe_qp *qp, const struct prxe_send_wqe *wqe)
{
	const struct prxe_extents *draft;
	struct prxe_mr *mr;
	unsigned long flags;
	int err = -EINVAL;

	if (!prxe_fast_wqe_ok(wqe))
		return -EINVAL;
	guard(rcu)();
	mr = prxe_fast_find(qp->pd, wqe->mw.mr_lkey);
	if (!mr)
		return -EINVAL;
	write_seqlock_irqsave(&mr->reg.lock, flags);
	if (mr->state == PRXE_MR_FREE && prxe_fast_draft_ok(mr, wqe)) {
		draft = &mr->reg.draft;
		memcpy(mr->ext.v, draft->v,
		       array_size(draft->nr + 1, sizeof(*draft->v)));
		mr->ext.nr = draft->nr;
		mr->first = mr->reg.first;
		WRITE_ONCE(mr->key, wqe->mw.rkey);
		WRITE_ONCE(mr->access, wqe->mw.access & PRXE_FAST_ACCESS);
		WRITE_ONCE(mr->iova, wqe->mw.addr);
		WRITE_ONCE(mr->length, wqe->mw.length);
		prxe_mr_set_valid(mr);
		err = 0;
	}
	write_sequnlock_irqrestore(&mr->reg.lock, flags);
	return err;
}

/**
 * prxe_fast_invalidate() - execute LOCAL_INV, or what SEND_WITH_INV asks for
 * @qp: the queue pair
 * @key: the key of a registration
 * @remote: the peer asks, who may name what he may access and nothing else
 *
 * On return nobody accesses memory by this key.
 *
 * Context: bottom halves off; spins for as long as a section lasts.
 * Return: 0, also for one's own key that is invalid already (a drain, or the peer,
 * may have come first); -EINVAL for any other.
 */
int prxe_fast_invalidate(struct prxe_qp *qp, u32 key, bool remote)
{
	struct prxe_mr *mr;
	unsigned long flags;
	u32 state;

	guard(rcu)();
	mr = prxe_fast_find(qp->pd, key);
	if (!mr)
		return -EINVAL;
	read_seqlock_excl_irqsave(&mr->reg.lock, flags);
	state = mr->key == key ? mr->state : PRXE_MR_DEAD;
	if (remote && !(mr->access & PRXE_FAST_REMOTE))
		state = PRXE_MR_DEAD;
	if (state == PRXE_MR_VALID)
		WRITE_ONCE(mr->state, PRXE_MR_STOPPING);
	read_sequnlock_excl_irqrestore(&mr->reg.lock, flags);

	if (state == PRXE_MR_DEAD || (remote && state != PRXE_MR_VALID))
		return -EINVAL;
	if (state == PRXE_MR_FREE)
		return 0;
	prxe_section_wait_atomic(mr);

	read_seqlock_excl_irqsave(&mr->reg.lock, flags);
	if (mr->state == PRXE_MR_STOPPING)
		WRITE_ONCE(mr->state, PRXE_MR_FREE);
	read_sequnlock_excl_irqrestore(&mr->reg.lock, flags);
	return 0;
}
