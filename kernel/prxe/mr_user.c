// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of user memory: pages pinned by the RDMA core, reached through the
 * kernel's direct map.
 *
 * The core merges neighbouring pages as it pins them, and the translation merges
 * further across its segments, so that huge pages cost next to nothing and a
 * region of many gigabytes has no table that one allocation could not hold.
 * The core accounts the pages to RLIMIT_MEMLOCK. They do not move: such a region
 * is valid from registration to deregistration.
 */
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <rdma/ib_umem.h>
#include <rdma/uverbs_ioctl.h>

#include "mr_internal.h"

/* The pages of @mr->umem, as addresses in the direct map. */
static int prxe_mr_user_translate(struct prxe_mr *mr)
{
	struct sg_table *sgt = &mr->umem->sgt_append.sgt;
	struct scatterlist *sg;
	unsigned int i;
	int ret;

	ret = prxe_mr_reserve(mr, sgt->orig_nents);
	if (ret)
		return ret;
	for_each_sgtable_sg(sgt, sg, i) {
		/* 64-bit kernels have every page in the direct map. */
		ret = prxe_extents_extend(&mr->ext, sg_virt(sg), sg->length);
		if (ret)
			return ret;
		cond_resched();
	}
	if (WARN_ON_ONCE(prxe_extents_end(&mr->ext) < mr->first + mr->length))
		return -EINVAL;
	return 0;
}

/* Would a flush of any part of it to persistence keep its promise? */
static bool prxe_mr_user_persists(const struct prxe_mr *mr)
{
	u32 i;

	for (i = 0; i < mr->ext.nr; i++) {
		if (!prxe_is_persistent(mr->ext.v[i].addr,
					prxe_extent_len(&mr->ext, i)))
			return false;
		cond_resched();
	}
	return true;
}

static void prxe_mr_user_release(struct prxe_mr *mr)
{
	prxe_mr_stop(mr, PRXE_MR_DEAD);
	prxe_mr_drop_extents(mr);
	ib_umem_release(mr->umem);
}

/* The core's list of the pages. */
static size_t prxe_mr_user_footprint(const struct prxe_mr *mr)
{
	unsigned int nents = mr->umem->sgt_append.sgt.orig_nents;

	return kmalloc_size_roundup(sizeof(*mr->umem)) +
	       prxe_kv_bytes(array_size(nents, sizeof(struct scatterlist)));
}

static const struct prxe_mr_ops prxe_mr_user_ops = {
	.import = "user",
	.release = prxe_mr_user_release,
	.footprint = prxe_mr_user_footprint,
};

struct ib_mr *prxe_reg_user_mr(struct ib_pd *ibpd, u64 start, u64 length,
			       u64 iova, int access, struct ib_dmah *dmah,
			       struct ib_udata *udata)
{
	struct prxe_mr *mr;
	int ret;

	ret = ib_no_udata_io(udata);
	if (ret)
		return ERR_PTR(ret);
	ret = prxe_mr_check_reg(length, iova, access, dmah);
	if (ret)
		return ERR_PTR(ret);
	if (offset_in_page(start) != offset_in_page(iova))
		return ERR_PTR(-EINVAL);

	mr = prxe_mr_alloc(ibpd, &prxe_mr_user_ops, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	prxe_mr_set_range(mr, iova, length);

	if (access & IB_ACCESS_ON_DEMAND) {
		/* one page may take the place of another, that does not persist */
		ret = -EINVAL;
		if (access & IB_ACCESS_FLUSH_PERSISTENT)
			goto abort;
		ret = prxe_mr_odp_init(mr, start, length, access);
		if (ret)
			goto abort;
		prxe_mr_publish(mr);
		return &mr->ibmr;
	}
	mr->umem = ib_umem_get_va(ibpd->device, start, length, access);
	if (IS_ERR(mr->umem)) {
		ret = PTR_ERR(mr->umem);
		goto abort;
	}
	ret = prxe_mr_user_translate(mr);
	if (ret)
		goto unpin;
	if (access & IB_ACCESS_FLUSH_PERSISTENT && !prxe_mr_user_persists(mr)) {
		ret = -EINVAL;
		goto unpin;
	}

	prxe_mr_set_valid(mr);
	prxe_mr_publish(mr);
	return &mr->ibmr;

unpin:
	ib_umem_release(mr->umem);
abort:
	prxe_mr_abort(mr);
	return ERR_PTR(ret);
}

/*
 * Pages that were pinned for reading only do not become writable; whether they are
 * persistent was not asked.
 */
static bool may_have(const struct prxe_mr *mr, int access)
{
	if (access & ~mr->access & IB_ACCESS_FLUSH_PERSISTENT)
		return false;
	if (mr->demand || access & IB_ACCESS_ON_DEMAND)
		return mr->demand && !ib_access_writable(access & ~mr->access);
	return mr->umem->writable || !ib_access_writable(access);
}

/* The memory meant is that of the process which registered it: is it this one? */
static bool is_own(const struct prxe_mr *mr, u64 *start)
{
	if (mr->demand)
		return prxe_mr_odp_own(mr, start);
	*start = mr->umem->address;
	return mr->umem->owning_mm == current->mm;
}

/**
 * prxe_rereg_user_mr() - change memory, rights or domain of a region
 * @ibmr: the region, of user memory
 * @flags: IB_MR_REREG_*: which of the following count
 * @start: user address
 * @length: bytes
 * @iova: first address of the region
 * @access: rights
 * @ibpd: protection domain
 * @udata: none in, none out
 *
 * Rights and domain change in place where the pages allow it, and the keys stay.
 * Else a new region is made, with new keys, and the old one is left to the core,
 * which deregisters it. Whatever fails leaves the region as it was.
 *
 * Context: process.
 * Return: NULL: in place; the new region; or an ERR_PTR.
 */
struct ib_mr *prxe_rereg_user_mr(struct ib_mr *ibmr, int flags, u64 start,
				 u64 length, u64 iova, int access,
				 struct ib_pd *ibpd, struct ib_udata *udata)
{
	struct prxe_mr *mr = to_pmr(ibmr);
	int ret;

	if (mr->ops != &prxe_mr_user_ops && !mr->demand)
		return ERR_PTR(-EOPNOTSUPP);
	if (!(flags & IB_MR_REREG_PD))
		ibpd = ibmr->pd;
	if (!(flags & IB_MR_REREG_ACCESS))
		access = mr->access;
	if (flags & IB_MR_REREG_TRANS)
		return prxe_reg_user_mr(ibpd, start, length, iova, access, NULL,
					udata);
	/* a whole address space cannot be pinned */
	if (flags & IB_MR_REREG_ACCESS && prxe_mr_is_implicit(mr) &&
	    !(access & IB_ACCESS_ON_DEMAND))
		return ERR_PTR(-EOPNOTSUPP);
	if (!may_have(mr, access)) {
		if (!is_own(mr, &start))
			return ERR_PTR(-EINVAL);
		return prxe_reg_user_mr(ibpd, start, mr->length, mr->iova,
					access, NULL, udata);
	}

	ret = prxe_mr_check_reg(mr->length, mr->iova, access, NULL);
	if (!ret)
		ret = ib_no_udata_io(udata);
	if (ret)
		return ERR_PTR(ret);
	prxe_mr_change(mr, ibpd, access);
	return NULL;
}
