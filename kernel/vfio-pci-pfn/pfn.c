// SPDX-License-Identifier: GPL-2.0-only
/*
 * What importers by page frame number are told: runs of pages of a BAR, which
 * never move, but are withdrawn and given back, and slices of the mapping of the
 * BAR that vfio-pci-core made when the device was opened.
 *
 * A device in private mode has memory that is not for the host (R8): no grants,
 * and page frame numbers only for those who declared that they can handle it.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/minmax.h>
#include <linux/module.h>

#include "internal.h"

static int vpp_pfn_attach(struct dma_buf_pfn_attachment *attach, u32 *granted)
{
	struct vpp_buf *buf = vpp_buf_find(attach->dmabuf);

	if (buf->private && (!(attach->needs & DMA_BUF_PFN_CAN_PRIVATE) ||
			     attach->needs & DMA_BUF_PFN_NEED_CPU))
		return -EPERM;
	if (!(attach->needs & DMA_BUF_PFN_CAN_MMIO))
		return -EOPNOTSUPP;
	/* There is no pin: whoever owns the device resets it when he likes. */
	if (attach->lifetime == DMA_BUF_PFN_PINNED)
		return -EBUSY;

	attach->exporter_priv = buf;
	if (!buf->private)
		*granted = DMA_BUF_PFN_GRANT_CPU;
	return 0;
}

static int vpp_pfn_describe(struct dma_buf_pfn_attachment *attach,
			    struct dma_buf_pfn_info *info)
{
	struct vpp_buf *buf = attach->exporter_priv;
	int ret;

	ret = vpp_buf_state(buf);
	if (ret)
		return ret;
	info->caching = DMA_BUF_PFN_UC;
	info->flags = DMA_BUF_PFN_IS_MMIO |
		(buf->private ? DMA_BUF_PFN_IS_PRIVATE : DMA_BUF_PFN_CPU_OK);
	info->provider = buf->provider;
	return 0;
}

static int vpp_pfn_get_extents(struct dma_buf_pfn_attachment *attach,
			       unsigned long pgoff, struct dma_buf_extent *vec,
			       unsigned int nr)
{
	struct vpp_buf *buf = attach->exporter_priv;
	unsigned int i;
	size_t at;
	int ret;

	ret = vpp_buf_state(buf);
	if (ret)
		return ret;
	at = vpp_runs_find(buf->runs, buf->nr_runs, pgoff);
	for (i = 0; i < nr && at < buf->nr_runs; i++, at++) {
		const struct vpp_run *run = &buf->runs[at];
		unsigned long skip = i ? 0 : pgoff - run->pgoff;

		vec[i].pfn = run->pfn + skip;
		vec[i].npages = run->npages - skip;
	}
	return i;
}

static int vpp_pfn_cpu_map(struct dma_buf_pfn_attachment *attach,
			   unsigned long pgoff, unsigned long npages,
			   struct iosys_map *map)
{
	struct vpp_buf *buf = attach->exporter_priv;
	const struct vpp_run *run;
	unsigned long skip;
	int ret;

	ret = vpp_buf_state(buf);
	if (ret)
		return ret;
	if (buf->private)
		return -EPERM;
	run = &buf->runs[vpp_runs_find(buf->runs, buf->nr_runs, pgoff)];
	skip = pgoff - run->pgoff;
	if (npages > run->npages - skip)
		return -EINVAL;
	iosys_map_set_vaddr_iomem(map, buf->base +
				  PFN_PHYS(run->pfn + skip - buf->base_pfn));
	return 0;
}

static const struct dma_buf_pfn_ops vpp_pfn_ops = {
	.base = &vpp_dmabuf_ops,
	.owner = THIS_MODULE,
	.attach = vpp_pfn_attach,
	.describe = vpp_pfn_describe,
	.get_extents = vpp_pfn_get_extents,
	.cpu_map = vpp_pfn_cpu_map,
};

/**
 * vpp_pfn_register - let importers have page frame numbers
 *
 * Context: module init, before the first device.
 * Return: 0 or a negative errno.
 */
int vpp_pfn_register(void)
{
	return dma_buf_pfn_register_exporter(&vpp_pfn_ops);
}

/**
 * vpp_pfn_unregister - the counterpart of vpp_pfn_register()
 *
 * Context: module exit: no dma-buf of ours is left, each holds the module.
 */
void vpp_pfn_unregister(void)
{
	dma_buf_pfn_unregister_exporter(&vpp_pfn_ops);
}
