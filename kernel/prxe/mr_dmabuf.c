// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of dma-bufs, imported by page frame number (linux/dma-buf-pfn.h).
 *
 * The region attaches as a movable importer that needs the CPU. Its translation
 * has one extent for each run of pages, granted from the exporter's own mapping
 * (R1): no scatterlist, no page, no mapping of ours. Grants and extents are made
 * together, under the reservation lock, and go together.
 *
 *	valid: every extent has its grant; no access changes anything
 *	invalid: no extents, no grants; the next access asks for a fetch
 *	revoked: the same, and no fetch will be tried
 *
 * The exporter invalidates: the callback stops the accesses and gives the grants
 * back. It allocates nothing, takes no lock, and does not fetch: the memory
 * may not be there yet. prxe_mr_fault() fetches, in process context.
 *
 * Lock order, outermost first:
 *
 *	prxe_mr_dmabuf.lock		no fetch once the region is dead
 *	    dma_buf->resv		state, extents and grants of the region
 *		reclaim			a fetch may allocate
 *
 * The callback has the reservation lock only, so it needs no more than that.
 *
 * dma-bufs are not accounted to RLIMIT_MEMLOCK: this pins nothing.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <rdma/restrack.h>
#include <rdma/uverbs_ioctl.h>

#include "mr_internal.h"
#include "trace.h"

/* Runs asked for at a time: on the stack. */
#define PRXE_RUNS	24

static void prxe_mr_dmabuf_assert_held(const struct prxe_mr *mr)
{
	dma_resv_assert_held(mr->dmabuf.dmabuf->resv);
}

/* Give back all grants, and forget the extents. Nobody uses them. */
static void prxe_mr_dmabuf_unmap(struct prxe_mr *mr,
				 struct dma_buf_pfn_attachment *attach)
{
	prxe_mr_dmabuf_assert_held(mr);
	dma_buf_pfn_cpu_unmap_all(attach);
	prxe_extents_clear(&mr->ext);
}

/* One run that was granted, or the rest of the one before. */
static int prxe_mr_dmabuf_add(struct prxe_mr *mr, unsigned long npages,
			      const struct iosys_map *map)
{
	struct prxe_extents *t = &mr->ext;
	int ret;

	if (t->cap - t->nr < 2) {
		ret = prxe_mr_reserve(mr, t->nr < 8 ? 16 : 2 * t->nr);
		if (ret)
			return ret;
	}
	return prxe_extents_extend(t, map->is_iomem ?
				   (void __force *)map->vaddr_iomem : map->vaddr,
				   (u64)npages << PAGE_SHIFT);
}

/*
 * Add runs from page @at of the buffer on, to page @end at most, some at a time.
 * Return: the page behind what was added.
 */
static long prxe_mr_dmabuf_add_some(struct prxe_mr *mr, unsigned long at,
				    unsigned long end)
{
	struct dma_buf_extent vec[PRXE_RUNS];
	struct iosys_map maps[PRXE_RUNS];
	int i, nr, ret;

	nr = dma_buf_pfn_cpu_map_extents(mr->dmabuf.attach, at, end - at, vec, maps,
					 PRXE_RUNS);
	if (nr < 0)
		return nr;
	/* The core compares the kind with the exporter's description. */
	WRITE_ONCE(mr->io, maps[0].is_iomem);
	for (i = 0; i < nr; i++) {
		ret = prxe_mr_dmabuf_add(mr, vec[i].npages, &maps[i]);
		if (ret)
			return ret;
		at += vec[i].npages;
	}
	return at;
}

/*
 * Make an invalid region valid with the pages that the buffer has now, or leave it
 * as it is. Never makes the exporter migrate. Waits for fences.
 */
static int prxe_mr_dmabuf_fetch(struct prxe_mr *mr)
{
	unsigned long end = mr->dmabuf.pgoff + mr->dmabuf.npages;
	long at = mr->dmabuf.pgoff;

	prxe_mr_dmabuf_assert_held(mr);
	while (at < end) {
		at = prxe_mr_dmabuf_add_some(mr, at, end);
		if (at < 0) {
			prxe_mr_dmabuf_unmap(mr, mr->dmabuf.attach);
			return at;
		}
		cond_resched();
	}
	prxe_stat_inc(prxe_mr_dev(mr), MR_FETCHES);
	prxe_mr_set_valid(mr);
	trace_mr_state(mr->key, PRXE_MR_VALID);
	return 0;
}

/*
 * The contract is in linux/dma-buf-pfn.h. May come before the attachment is
 * known to the region, which then is invalid, and after the region is dead.
 */
static void prxe_mr_dmabuf_invalidate(struct dma_buf_pfn_attachment *attach)
{
	struct prxe_mr *mr = attach->importer_priv;

	prxe_mr_dmabuf_assert_held(mr);
	if (prxe_mr_state(mr) != PRXE_MR_VALID)
		return;
	prxe_mr_stop(mr, PRXE_MR_INVALID);
	prxe_mr_dmabuf_unmap(mr, attach);
	WRITE_ONCE(mr->dmabuf.moves, mr->dmabuf.moves + 1);
	prxe_stat_inc(prxe_mr_dev(mr), MR_INVALIDATIONS);
}

static const struct dma_buf_pfn_importer_ops prxe_mr_importer_ops = {
	.name = "prxe",
	.invalidate = prxe_mr_dmabuf_invalidate,
};

/* Bring an invalid region up to date. Return: as prxe_mr_fault(). */
static int prxe_mr_dmabuf_revalidate(struct prxe_mr *mr)
{
	int ret;

	prxe_mr_dmabuf_assert_held(mr);
	switch (prxe_mr_state(mr)) {
	case PRXE_MR_VALID:
		return 0;
	case PRXE_MR_REVOKED:
		return -EKEYREVOKED;
	case PRXE_MR_DEAD:
		return -EINVAL;
	default:
		break;
	}
	ret = prxe_mr_dmabuf_fetch(mr);
	WRITE_ONCE(mr->dmabuf.error, ret);
	switch (ret) {
	case -EKEYREVOKED:
		prxe_mr_stop(mr, PRXE_MR_REVOKED);
		return ret;
	case -ENOMEM:
	case -ERESTARTSYS:
		return -EAGAIN;
	default:
		return ret;
	}
}

/* The whole of it, whatever was asked for: it moves as a whole. */
static int prxe_mr_dmabuf_fault(struct prxe_mr *mr, u64 addr, u64 len, u64 ahead,
				bool write, int (*fn)(void *arg), void *arg)
{
	struct prxe_mr_dmabuf *d = &mr->dmabuf;
	int ret = -EINVAL;

	mutex_lock(&d->lock);
	/* Released while we came here: the buffer may be gone. */
	if (prxe_mr_state(mr) == PRXE_MR_DEAD)
		goto out;
	dma_resv_lock(d->dmabuf->resv, NULL);
	ret = prxe_mr_dmabuf_revalidate(mr);
	if (!ret && fn)
		ret = fn(arg);
	dma_resv_unlock(d->dmabuf->resv);
out:
	mutex_unlock(&d->lock);
	return ret;
}

static void prxe_mr_dmabuf_release(struct prxe_mr *mr)
{
	struct prxe_mr_dmabuf *d = &mr->dmabuf;

	mutex_lock(&d->lock);
	dma_resv_lock(d->dmabuf->resv, NULL);
	prxe_mr_stop(mr, PRXE_MR_DEAD);
	prxe_mr_dmabuf_unmap(mr, d->attach);
	dma_resv_unlock(d->dmabuf->resv);
	mutex_unlock(&d->lock);

	/* A fetch that comes now sees that the region is dead. */
	dma_buf_pfn_detach(d->attach);
	dma_buf_put(d->dmabuf);
	prxe_mr_drop_extents(mr);
}

/* Why the last access did not get the memory. */
static const char *prxe_mr_dmabuf_why(int error)
{
	switch (error) {
	case -EAGAIN:
		return "moving";
	case -ENODEV:
		return "withdrawn";
	case -EKEYREVOKED:
		return "revoked";
	case -EPERM:
		return "private";
	case -EOPNOTSUPP:
		return "unreachable";
	default:
		return "error";
	}
}

static int prxe_mr_dmabuf_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	const char *exporter = mr->dmabuf.dmabuf->exp_name;
	int error = READ_ONCE(mr->dmabuf.error);

	if (rdma_nl_put_driver_string(msg, "exporter", exporter) ||
	    rdma_nl_put_driver_u64(msg, "moves", READ_ONCE(mr->dmabuf.moves)))
		return -EMSGSIZE;
	if (error && rdma_nl_put_driver_string(msg, "why",
					       prxe_mr_dmabuf_why(error)))
		return -EMSGSIZE;
	return 0;
}

static size_t prxe_mr_dmabuf_footprint(const struct prxe_mr *mr)
{
	return dma_buf_pfn_footprint(mr->dmabuf.attach);
}

static const struct prxe_mr_ops prxe_mr_dmabuf_ops = {
	.import = "pfn",
	.fault = prxe_mr_dmabuf_fault,
	.release = prxe_mr_dmabuf_release,
	.show = prxe_mr_dmabuf_show,
	.footprint = prxe_mr_dmabuf_footprint,
};

/*
 * Attach and fetch; on failure neither an attachment nor a grant is left. The range
 * lies inside of the buffer and is not empty.
 */
static int prxe_mr_dmabuf_import(struct prxe_mr *mr, struct dma_buf *dmabuf,
				 u64 offset, u64 length)
{
	struct prxe_mr_dmabuf *d = &mr->dmabuf;
	struct device *dev = &mr->pd->ibpd.device->dev;
	int ret;

	mutex_init(&d->lock);
	d->dmabuf = dmabuf;
	d->pgoff = offset >> PAGE_SHIFT;
	d->npages = ((offset + length - 1) >> PAGE_SHIFT) - d->pgoff + 1;
	d->attach = dma_buf_pfn_attach(d->dmabuf, dev,
				       DMA_BUF_PFN_NEED_CPU | DMA_BUF_PFN_CAN_MMIO,
				       DMA_BUF_PFN_MOVABLE,
				       &prxe_mr_importer_ops, mr);
	if (IS_ERR(d->attach))
		return PTR_ERR(d->attach);

	ret = dma_resv_lock_interruptible(d->dmabuf->resv, NULL);
	if (!ret) {
		ret = prxe_mr_dmabuf_fetch(mr);
		dma_resv_unlock(d->dmabuf->resv);
	}
	/* On the move right now: the first access fetches. */
	if (ret == -EAGAIN)
		ret = 0;
	if (ret)
		dma_buf_pfn_detach(d->attach);
	return ret;
}

/* @offset, @length and @fd are the user's; takes a reference to the buffer. */
static int prxe_mr_dmabuf_init(struct prxe_mr *mr, u64 offset, u64 length, int fd)
{
	struct dma_buf *dmabuf;
	bool pfn;
	int ret;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	pfn = dma_buf_pfn_capable(dmabuf);
	if (!prxe_range_ok(0, dmabuf->size, offset, length))
		ret = -EINVAL;
	else if (pfn)
		ret = prxe_mr_dmabuf_import(mr, dmabuf, offset, length);
	else
		ret = prxe_mr_vmap_init(mr, dmabuf, offset, length);
	trace_reg_dmabuf(prxe_mr_dev(mr), dmabuf, pfn, offset, length, ret);
	if (ret)
		dma_buf_put(dmabuf);
	return ret;
}

struct ib_mr *prxe_reg_user_mr_dmabuf(struct ib_pd *ibpd, u64 offset,
				      u64 length, u64 iova, int fd, int access,
				      struct ib_dmah *dmah,
				      struct uverbs_attr_bundle *attrs)
{
	struct prxe_mr *mr;
	int ret;

	ret = ib_no_udata_io(&attrs->driver_udata);
	if (ret)
		return ERR_PTR(ret);
	ret = prxe_mr_check_reg(length, iova, access, dmah);
	if (ret)
		return ERR_PTR(ret);
	if (offset_in_page(offset) != offset_in_page(iova))
		return ERR_PTR(-EINVAL);
	if (access & IB_ACCESS_FLUSH_PERSISTENT)
		return ERR_PTR(-EINVAL);
	/* The core lets nobody ask; who may write may see that it arrives. */
	if (access & IB_ACCESS_REMOTE_WRITE)
		access |= IB_ACCESS_FLUSH_GLOBAL;

	mr = prxe_mr_alloc(ibpd, &prxe_mr_dmabuf_ops, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	prxe_mr_set_range(mr, iova, length);
	ret = prxe_mr_dmabuf_init(mr, offset, length, fd);
	if (ret) {
		prxe_mr_abort(mr);
		return ERR_PTR(ret);
	}
	prxe_mr_publish(mr);
	return &mr->ibmr;
}

MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
