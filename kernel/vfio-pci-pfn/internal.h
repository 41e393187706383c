/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A variant driver of vfio-pci whose dma-bufs speak PFN.
 *
 * The dma-bufs are vfio-pci-core's own: it makes them, keeps their ranges, maps
 * them for importers with scatterlists, withdraws them and gives them back. What
 * this driver adds to each, before anybody else can see it, is another table of
 * operations: a copy of the core's in which attach and release come here first.
 * That table is what the PFN operations are registered for.
 *
 *	create.c	makes them
 *	dmabuf.c	what is known of each, from creation to release
 *	pfn.c		what importers by page frame number are told
 *	driver.c	the PCI and the VFIO driver, private mode
 *
 * Lock order, outermost first:
 *
 *	vpp_device.create_lock		the buffer that is being made
 *	dev_set->lock			VFIO's, around open and close
 *	    vpp_device.lock		buffers of a device; open, going, private
 *		dma_buf->resv
 *
 *	vfio_pci_core_device.memory_lock	the core's
 *	    dma_buf->resv
 *
 *	vpp_bufs_lock			leaf
 *
 * vpp_device.lock and memory_lock are not held together by anything here, and
 * nothing here takes memory_lock: the core revokes with it and the reservation
 * lock held.
 */
#ifndef VFIO_PCI_PFN_INTERNAL_H
#define VFIO_PCI_PFN_INTERNAL_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/vfio_pci_core.h>

#include "runs.h"

struct dma_buf;
struct dma_buf_attachment;
struct dma_buf_ops;

/**
 * struct vpp_device - a PCI device bound to this driver
 * @core: vfio-pci-core's part; first
 * @create_lock: one buffer is made at a time
 * @pending: the buffer that is being made; written under @create_lock, read by
 *	the work item that the holder waits for
 * @lock: protects what follows
 * @bufs: struct vpp_buf of this opening of the device
 * @open: between open_device and close_device
 * @going: the driver is being unbound; buffers are revoked and no more are made
 * @private: its BARs are not for the host; constant while @open
 */
struct vpp_device {
	struct vfio_pci_core_device core;

	struct mutex create_lock;
	struct vpp_buf *pending;

	struct mutex lock;
	struct list_head bufs;
	bool open;
	bool going;
	bool private;
};

/**
 * struct vpp_buf - what is known of one dma-buf
 * @hash: in the table of all buffers; vpp_bufs_lock
 * @node: in &vpp_device.bufs; its lock
 * @dmabuf: the core's dma-buf; this lives until that is released
 * @dev: the device, NULL once it was closed; written under &vpp_device.lock and
 *	the reservation lock
 * @gone: revoked for good; reservation lock
 * @private: not for the host
 * @base: the core's mapping of the BAR, valid until it was closed
 * @base_pfn: page frame number of the BAR's first page
 * @provider: of peer-to-peer DMA, valid until the device was closed
 * @runs: the ranges
 * @nr_runs: their number
 *
 * Fields without a lock named are constant once the buffer is seen.
 */
struct vpp_buf {
	struct hlist_node hash;
	struct list_head node;
	struct dma_buf *dmabuf;
	struct vpp_device *dev;
	bool gone;
	bool private;

	void __iomem *base;
	unsigned long base_pfn;
	struct p2pdma_provider *provider;
	struct vpp_run *runs;
	size_t nr_runs;
};

static inline struct vpp_device *to_vpp(struct vfio_pci_core_device *core)
{
	return container_of(core, struct vpp_device, core);
}

/* create.c */
int vpp_feature_dma_buf(struct vpp_device *dev, u32 flags, void __user *arg,
			size_t argsz);
int vpp_get_dmabuf_phys(struct vfio_pci_core_device *core,
			struct p2pdma_provider **provider,
			unsigned int region_index, struct phys_vec *phys_vec,
			struct vfio_region_dma_range *dma_ranges,
			size_t nr_ranges);

/* dmabuf.c */
extern struct dma_buf_ops vpp_dmabuf_ops;

struct vpp_buf *vpp_buf_find(const struct dma_buf *dmabuf);
void vpp_buf_free(struct vpp_buf *buf);
int vpp_buf_adopt(struct vpp_buf *buf, struct vpp_device *dev,
		  struct dma_buf *dmabuf);
int vpp_buf_state(struct vpp_buf *buf);
void vpp_bufs_revoke(struct vpp_device *dev);
void vpp_bufs_close(struct vpp_device *dev);

/* pfn.c */
int vpp_pfn_register(void);
void vpp_pfn_unregister(void);

#endif /* VFIO_PCI_PFN_INTERNAL_H */
