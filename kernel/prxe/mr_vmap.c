// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions of dma-bufs whose exporter has no PFNs, through its own kernel mapping
 * (vmap): udmabuf, the system heap, most DRM drivers (R15).
 *
 * The exporter makes one mapping of the whole buffer and keeps the memory where it
 * is until the mapping is given back, so that such a region is valid from its
 * registration to its end: it is pinned in effect, and nothing of it is revoked. Some
 * exporters pin when they map, but others (nouveau, radeon) only while an importer
 * that cannot follow moves is attached: so one is, which never maps a scatterlist. It
 * is the fallback, and `rdma resource show mr` says so (R16).
 *
 * The CPU's access to the buffer begins with the registration and ends with the
 * region. Where that takes cache maintenance, each access would need its own, and
 * the device's users could not rely on what they see in between: there the
 * registration is refused.
 */
#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <rdma/restrack.h>

#include "mr_internal.h"

static bool vmap_is_coherent(void)
{
	return !IS_ENABLED(CONFIG_ARCH_HAS_SYNC_DMA_FOR_CPU) &&
	       !IS_ENABLED(CONFIG_ARCH_HAS_SYNC_DMA_FOR_DEVICE);
}

static void prxe_mr_vmap_release(struct prxe_mr *mr)
{
	struct prxe_mr_vmap *v = &mr->vmap;

	prxe_mr_stop(mr, PRXE_MR_DEAD);
	prxe_mr_drop_extents(mr);
	dma_buf_vunmap_unlocked(v->dmabuf, &v->map);
	/* Its error is the exporter's: there is nobody to hear of it. */
	dma_buf_end_cpu_access(v->dmabuf, DMA_BIDIRECTIONAL);
	dma_buf_detach(v->dmabuf, v->attach);
	dma_buf_put(v->dmabuf);
}

static int prxe_mr_vmap_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	return rdma_nl_put_driver_string(msg, "exporter",
					 mr->vmap.dmabuf->exp_name) ?
		       -EMSGSIZE : 0;
}

static const struct prxe_mr_ops prxe_mr_vmap_ops = {
	.import = "vmap",
	.release = prxe_mr_vmap_release,
	.show = prxe_mr_vmap_show,
};

/* The part of the mapping that the region has, as its one extent. */
static int vmap_translate(struct prxe_mr *mr, u64 offset, u64 length)
{
	struct prxe_mr_vmap *v = &mr->vmap;
	u64 first = round_down(offset, PAGE_SIZE);
	void *addr;

	mr->io = v->map.is_iomem;
	addr = v->map.is_iomem ? (void __force *)v->map.vaddr_iomem :
				 v->map.vaddr;
	return prxe_extents_append(&mr->ext, addr + first,
				   PAGE_ALIGN(offset + length) - first);
}

/**
 * prxe_mr_vmap_init() - make a region of a dma-buf by its exporter's mapping
 * @mr: a region with its range, before prxe_mr_publish()
 * @dmabuf: the buffer; on success the caller's reference is the region's
 * @offset: of the region in it
 * @length: bytes; both lie inside of the buffer
 *
 * Context: process, no reservation lock held; waits for fences.
 * Return: 0; -EOPNOTSUPP if the exporter has no mapping either, or the machine is
 * not coherent; or what the exporter answered.
 */
int prxe_mr_vmap_init(struct prxe_mr *mr, struct dma_buf *dmabuf, u64 offset,
		      u64 length)
{
	struct prxe_mr_vmap *v = &mr->vmap;
	int ret;

	if (!dmabuf->ops->vmap || !vmap_is_coherent()) {
		ibdev_info_ratelimited(mr->pd->ibpd.device,
				       "buffer of %s refused: no page frame numbers, and no mapping of the exporter's that could be used\n",
				       dmabuf->exp_name);
		return -EOPNOTSUPP;
	}
	v->attach = dma_buf_attach(dmabuf, &mr->pd->ibpd.device->dev);
	if (IS_ERR(v->attach))
		return PTR_ERR(v->attach);
	ret = dma_buf_begin_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
	if (ret)
		goto detach;
	ret = dma_buf_vmap_unlocked(dmabuf, &v->map);
	if (ret)
		goto end;
	v->dmabuf = dmabuf;
	ret = vmap_translate(mr, offset, length);
	if (ret)
		goto unmap;
	mr->ops = &prxe_mr_vmap_ops;
	prxe_mr_set_valid(mr);
	return 0;

unmap:
	dma_buf_vunmap_unlocked(dmabuf, &v->map);
end:
	dma_buf_end_cpu_access(dmabuf, DMA_BIDIRECTIONAL);
detach:
	dma_buf_detach(dmabuf, v->attach);
	return ret;
}
