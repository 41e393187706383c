// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory windows, of type 1 and 2B.
 *
 * A window has an index among the keys of the regions (mr.c), where it is found as
 * a tagged pointer, and a key whose last 8 bits change when it is bound. It
 * grants access to a part of a region, whose memory, state and fate it shares: an
 * access through a window is an access to the region (mr_access.c), once the
 * window has been asked. The region is named by its key and is looked up at each
 * access: deregistered, it leaves the window pointing at nothing; revoked (R12),
 * it fails accesses through the window as it fails those to itself.
 *
 * What a window is bound to changes under a seqlock. An access reads it, announces
 * the region (section.h), and looks at the sequence again: who changes a window and
 * then waits for the sections of the region it was bound to has waited for all
 * accesses through it. The argument is that of section.c, with the sequence for
 * the state.
 *
 * A window of type 2B belongs to the queue pair that bound it, and goes back by
 * LOCAL_INV there or by the peer's SEND_WITH_INV. One of type 1 is bound again
 * as often as one likes, or to no bytes at all, and is for all queue pairs of its
 * protection domain.
 */
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "fast_reg.h"
#include "mr_internal.h"
#include "mw.h"
#include "qp.h"
#include "section.h"

#define PRXE_MW_REMOTE	(IB_ACCESS_REMOTE_READ | IB_ACCESS_REMOTE_WRITE | \
			 IB_ACCESS_REMOTE_ATOMIC | IB_ACCESS_FLUSH_GLOBAL | \
			 IB_ACCESS_FLUSH_PERSISTENT)
/* Local write says nothing about a window, but applications ask for it. */
#define PRXE_MW_ACCESS	(PRXE_MW_REMOTE | IB_ACCESS_LOCAL_WRITE | IB_ZERO_BASED)

/**
 * struct prxe_binding - what a window is bound to
 * @key: the window's rkey
 * @access: rights that it grants, and IB_ZERO_BASED
 * @qpn: type 2: who bound it
 * @mr_key: the region; @mr: the same, to compare, not to follow; NULL: unbound
 * @addr: first address, of the region; @length: bytes
 */
struct prxe_binding {
	u32 key;
	int access;
	u32 qpn;
	u32 mr_key;
	const struct prxe_mr *mr;
	u64 addr;
	u64 length;
};

/**
 * struct prxe_window - a memory window as the data path sees it
 * @pd: its protection domain
 * @type2: type 2B, else type 1
 * @lock: of @b
 * @b: what it is bound to
 * @rcu: frees it after the readers
 */
struct prxe_window {
	struct prxe_pd *pd;
	bool type2;
	seqlock_t lock;
	struct prxe_binding b;
	struct rcu_head rcu;
};

/* Under RCU. NULL if the key's index is not that of a window of @pd. */
static struct prxe_window *find_window(struct prxe_pd *pd, u32 key)
{
	struct prxe_dev *dev = to_pdev(pd->ibpd.device);
	void *entry = xa_load(&dev->mrs, key >> 8);
	struct prxe_window *w;

	if (!prxe_key_is_window(entry))
		return NULL;
	w = xa_untag_pointer(entry);
	return w->pd == pd ? w : NULL;
}

static struct prxe_mr *find_region(struct prxe_pd *pd, u32 key)
{
	struct prxe_dev *dev = to_pdev(pd->ibpd.device);
	struct prxe_mr *mr = xa_load(&dev->mrs, key >> 8);

	if (!mr || prxe_key_is_window(mr) || mr->fast || mr->key != key ||
	    READ_ONCE(mr->pd) != pd)
		return NULL;
	return mr;
}

/**
 * prxe_window_find() - the region behind a window
 * @entry: of the table of keys
 * @mem: the access
 * @span: set to the addresses of the window
 * @via: for prxe_via_changed()
 *
 * A window lies inside of its region. Context: RCU. Return: as prxe_mr_find().
 */
struct prxe_mr *prxe_window_find(void *entry, const struct prxe_mem *mem,
				 struct prxe_span *span, struct prxe_via *via)
{
	struct prxe_window *w = xa_untag_pointer(entry);
	struct prxe_binding b;
	struct prxe_mr *mr;

	do {
		via->seq = read_seqbegin(&w->lock);
		b = w->b;
	} while (read_seqretry(&w->lock, via->seq));
	via->lock = &w->lock;

	if (b.key != mem->key || w->pd != mem->pd || !b.mr ||
	    (w->type2 && b.qpn != mem->qpn))
		return ERR_PTR(-EINVAL);
	if (!(mem->access & PRXE_MW_REMOTE) || mem->access & ~b.access)
		return ERR_PTR(-EACCES);
	span->first = b.access & IB_ZERO_BASED ? 0 : b.addr;
	span->length = b.length;
	span->shift = b.addr - span->first;
	mr = find_region(mem->pd, b.mr_key);
	if (!mr || mr != b.mr ||
	    !prxe_range_ok(mr->iova, mr->length, b.addr, b.length))
		return ERR_PTR(-EINVAL);
	return mr;
}

/* @mr: what the window was bound to until now, or NULL. */
static void wait_for_accesses(const struct prxe_mr *mr)
{
	if (mr)
		prxe_section_wait_atomic(mr);
}

/* What the region has to say to a binding. */
static int check_region(const struct prxe_mr *mr,
			const struct prxe_send_wqe *wqe)
{
	int access = wqe->mw.access, has = READ_ONCE(mr->access);

	if (!(has & IB_ACCESS_MW_BIND))
		return -EINVAL;
	if (access & (IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC) &&
	    !(has & IB_ACCESS_LOCAL_WRITE))
		return -EINVAL;
	/* which says that the memory is */
	if (access & IB_ACCESS_FLUSH_PERSISTENT & ~has)
		return -EINVAL;
	if (prxe_mr_state(mr) == PRXE_MR_REVOKED ||
	    !prxe_range_ok(mr->iova, mr->length, wqe->mw.addr, wqe->mw.length))
		return -EINVAL;
	return 0;
}

static int check_window(const struct prxe_window *w,
			const struct prxe_send_wqe *wqe)
{
	if (w->b.key != wqe->mw.mw_rkey)
		return -EINVAL;
	if (w->type2)
		return w->b.mr || !wqe->mw.length ? -EINVAL : 0;
	return wqe->mw.access & IB_ZERO_BASED ? -EINVAL : 0;
}

int prxe_mw_bind(struct prxe_qp *qp, const struct prxe_send_wqe *wqe)
{
	const struct prxe_mr *mr = NULL, *was = NULL;
	struct prxe_window *w;
	int err = 0;

	if (wqe->mw.access & ~PRXE_MW_ACCESS ||
	    wqe->mw.rkey >> 8 != wqe->mw.mw_rkey >> 8)
		return -EINVAL;

	guard(rcu)();
	w = find_window(qp->pd, wqe->mw.mw_rkey);
	if (!w)
		return -EINVAL;
	if (wqe->mw.length) {
		mr = find_region(qp->pd, wqe->mw.mr_lkey);
		err = mr ? check_region(mr, wqe) : -EINVAL;
		if (err)
			return err;
	}
	write_seqlock(&w->lock);
	err = check_window(w, wqe);
	if (!err) {
		was = w->b.mr;
		w->b = (struct prxe_binding) {
			.key = wqe->mw.rkey,
			.access = wqe->mw.access,
			.qpn = qp->ibqp.qp_num,
			.mr_key = wqe->mw.mr_lkey,
			.mr = mr,
			.addr = wqe->mw.addr,
			.length = wqe->mw.length,
		};
	}
	write_sequnlock(&w->lock);
	wait_for_accesses(was);
	return err;
}

int prxe_key_invalidate(struct prxe_qp *qp, u32 key, bool remote)
{
	const struct prxe_mr *was = NULL;
	struct prxe_window *w;

	guard(rcu)();
	w = find_window(qp->pd, key);
	if (!w)
		return prxe_fast_invalidate(qp, key, remote);
	write_seqlock(&w->lock);
	if (w->type2 && w->b.key == key && w->b.qpn == qp->ibqp.qp_num) {
		was = w->b.mr;
		w->b.mr = NULL;
	}
	write_sequnlock(&w->lock);
	wait_for_accesses(was);
	return was ? 0 : -EINVAL;
}

/**
 * prxe_alloc_mw() - make a window, bound to nothing
 * @ibmw: with its type and protection domain
 * @udata: none in, none out
 *
 * Context: process. Return: 0, -ENOMEM or the error of the udata helpers.
 */
int prxe_alloc_mw(struct ib_mw *ibmw, struct ib_udata *udata)
{
	struct prxe_dev *dev = to_pdev(ibmw->device);
	struct prxe_window *w;
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;
	w = kzalloc_obj(*w, GFP_KERNEL_ACCOUNT);
	if (!w)
		return -ENOMEM;
	w->pd = to_ppd(ibmw->pd);
	w->type2 = ibmw->type == IB_MW_TYPE_2;
	seqlock_init(&w->lock);
	err = prxe_mr_new_key(dev, &w->b.key);
	if (err) {
		kfree(w);
		return err;
	}
	ibmw->rkey = w->b.key;
	to_pmw(ibmw)->window = w;
	/* the index was reserved: this cannot fail */
	xa_store(&dev->mrs, w->b.key >> 8, xa_tag_pointer(w, PRXE_KEY_WINDOW),
		 GFP_KERNEL);
	return 0;
}

/**
 * prxe_dealloc_mw() - destroy a window, bound or not
 * @ibmw: the window
 *
 * On return nobody accesses memory through it.
 *
 * Context: process. Return: 0.
 */
int prxe_dealloc_mw(struct ib_mw *ibmw)
{
	struct prxe_dev *dev = to_pdev(ibmw->device);
	struct prxe_window *w = to_pmw(ibmw)->window;
	const struct prxe_mr *was;

	xa_erase(&dev->mrs, w->b.key >> 8);	/* the index never changes */
	write_seqlock_bh(&w->lock);
	was = w->b.mr;
	w->b.mr = NULL;
	write_sequnlock_bh(&w->lock);
	wait_for_accesses(was);
	kfree_rcu(w, rcu);
	return 0;
}
