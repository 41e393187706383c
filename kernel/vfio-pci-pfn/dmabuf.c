// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is known of each dma-buf, from its creation to its release.
 *
 *	available	the core has not revoked it: lookups are answered
 *	withdrawn	the core has (reset, memory disabled, low power), and may give
 *			it back: -ENODEV
 *	gone		the device was closed or is being unbound: -EKEYREVOKED
 *
 * Whether the core has revoked a dma-buf is a private flag of it. It is asked by
 * the core's own attach operation, which looks at that flag and changes nothing.
 * The core writes the flag under the reservation lock, and before it sets it
 * tells every attachment to stop, importers by PFN like others. So an
 * answer that was got under that lock holds until the next invalidation.
 *
 * Lifetimes. A dma-buf belongs to us and not to the core any more (its owner is
 * changed when it is taken over), so its release finds our code, whatever was
 * closed, unbound and unloaded before; the core stays with us, for we use
 * its symbols. The device does not stay: it may be freed once it was closed, and
 * closing it cuts the link. A dma-buf that is being released at that moment keeps
 * its link, and the device for it: the core's release drops the registration of
 * the device that each dma-buf holds, and we have unlinked ours before.
 */
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

static DEFINE_MUTEX(vpp_bufs_lock);
static DEFINE_HASHTABLE(vpp_bufs, 8);	/* vpp_bufs_lock */

/*
 * The core's operations, which are not exported: known from the first dma-buf on,
 * and constant then. Written under vpp_bufs_lock.
 */
static const struct dma_buf_ops *vpp_core_ops;

/* A copy of the core's operations with ours in it; see vpp_learn_ops(). */
struct dma_buf_ops vpp_dmabuf_ops;

/**
 * vpp_buf_find - what is known of a dma-buf
 * @dmabuf: one of ours; the caller holds a reference, or is its release
 *
 * Return: the buffer.
 */
struct vpp_buf *vpp_buf_find(const struct dma_buf *dmabuf)
{
	struct vpp_buf *buf;

	guard(mutex)(&vpp_bufs_lock);
	hash_for_each_possible(vpp_bufs, buf, hash, (unsigned long)dmabuf)
		if (buf->dmabuf == dmabuf)
			return buf;
	return NULL;
}

/**
 * vpp_buf_free - free a buffer that no dma-buf has
 * @buf: the buffer
 */
void vpp_buf_free(struct vpp_buf *buf)
{
	kvfree(buf->runs);
	kfree(buf);
}

/*
 * Importers by PFN are judged by our PFN operations: they may attach to what is
 * withdrawn, and are refused what is private in its own way. For others
 * memory that is not for the host is out of reach (R8): they cannot say that they
 * could handle it.
 */
static int vpp_dmabuf_attach(struct dma_buf *dmabuf,
			     struct dma_buf_attachment *attach)
{
	if (dma_buf_pfn_from_attachment(attach))
		return 0;
	if (vpp_buf_find(dmabuf)->private)
		return -EPERM;
	return vpp_core_ops->attach(dmabuf, attach);
}

/*
 * Nobody has a reference. A device that is being closed at this moment finds that
 * out and leaves us the link; see the top.
 */
static void vpp_dmabuf_release(struct dma_buf *dmabuf)
{
	struct vpp_buf *buf = vpp_buf_find(dmabuf);
	struct vpp_device *dev = buf->dev;

	if (dev) {
		mutex_lock(&dev->lock);
		list_del(&buf->node);
		mutex_unlock(&dev->lock);
	}
	mutex_lock(&vpp_bufs_lock);
	hash_del(&buf->hash);
	mutex_unlock(&vpp_bufs_lock);

	vpp_core_ops->release(dmabuf);	/* may be the end of the device */
	vpp_buf_free(buf);
}

/* The first dma-buf shows us the core's operations. */
static int vpp_learn_ops(const struct dma_buf *dmabuf)
{
	lockdep_assert_held(&vpp_bufs_lock);
	if (vpp_core_ops)
		return WARN_ON_ONCE(dmabuf->ops != vpp_core_ops) ? -EIO : 0;
	/* An attach that is undone by a detach has effects: not to be asked. */
	if (!dmabuf->ops->attach || dmabuf->ops->detach)
		return -EOPNOTSUPP;
	vpp_dmabuf_ops = *dmabuf->ops;
	vpp_dmabuf_ops.attach = vpp_dmabuf_attach;
	vpp_dmabuf_ops.release = vpp_dmabuf_release;
	vpp_core_ops = dmabuf->ops;
	return 0;
}

/* The buffer is the device's from now on, unless that is going. */
static int vpp_link(struct vpp_buf *buf, struct vpp_device *dev)
{
	guard(mutex)(&dev->lock);
	if (dev->going)
		return -ENODEV;
	buf->dev = dev;
	buf->private = dev->private;
	list_add_tail(&buf->node, &dev->bufs);
	return 0;
}

/**
 * vpp_buf_adopt - make a dma-buf of the core's one of ours
 * @buf: what was learnt of its ranges
 * @dev: the device, open
 * @dmabuf: the dma-buf; the caller has its only reference, but the core may
 *	hold one for a moment while it revokes
 *
 * On success the dma-buf owns @buf, on failure nothing was changed.
 *
 * Context: process; takes mutexes.
 * Return: 0; -ENODEV when the driver is being unbound; -EOPNOTSUPP, -EIO when the
 * core's dma-bufs are not as we know them.
 */
int vpp_buf_adopt(struct vpp_buf *buf, struct vpp_device *dev,
		  struct dma_buf *dmabuf)
{
	int ret;

	buf->dmabuf = dmabuf;
	scoped_guard(mutex, &vpp_bufs_lock) {
		ret = vpp_learn_ops(dmabuf);
		if (ret)
			return ret;
		hash_add(vpp_bufs, &buf->hash, (unsigned long)dmabuf);
	}
	ret = vpp_link(buf, dev);
	if (ret) {
		guard(mutex)(&vpp_bufs_lock);
		hash_del(&buf->hash);
		return ret;
	}

	/* The open device holds our module. */
	__module_get(THIS_MODULE);
	module_put(dmabuf->owner);
	dmabuf->owner = THIS_MODULE;
	dmabuf->exp_name = KBUILD_MODNAME;
	dmabuf->ops = &vpp_dmabuf_ops;
	return 0;
}

/* Only shown to the core's attach; nobody calls it. */
static void vpp_probe_invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops vpp_probe_attach_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = vpp_probe_invalidate,
};

/* What the core would answer an importer to whom it has nothing to object. */
static int vpp_ask_core(struct vpp_buf *buf)
{
	struct dma_buf_attachment probe = {
		.dmabuf = buf->dmabuf,
		.dev = &buf->dev->core.pdev->dev,
		.peer2peer = true,
		.importer_ops = &vpp_probe_attach_ops,
	};

	return vpp_core_ops->attach(buf->dmabuf, &probe);
}

/**
 * vpp_buf_state - may the memory be looked up and touched?
 * @buf: the buffer
 *
 * Stricter than the core in one thing: a dma-buf that is made, or memory that is
 * enabled, in low power mode does not count until that is left, as with VFIO's
 * own mappings.
 *
 * Context: reservation lock held.
 * Return: 0, and that holds until the next invalidation; -ENODEV while it is
 * withdrawn; -EKEYREVOKED when it is gone for good.
 */
int vpp_buf_state(struct vpp_buf *buf)
{
	dma_resv_assert_held(buf->dmabuf->resv);
	if (buf->gone)
		return -EKEYREVOKED;
	if (READ_ONCE(buf->dev->core.pm_runtime_engaged))
		return -ENODEV;
	return vpp_ask_core(buf) ? -ENODEV : 0;
}

/**
 * vpp_bufs_revoke - the driver is being unbound
 * @dev: the device
 *
 * Everybody who uses a dma-buf of it by PFN is told to stop and will not begin
 * again, without waiting for the user to close the device. Importers with
 * scatterlists are told to map again; from them the core takes it at the close.
 *
 * Takes no reference to a dma-buf: one that is released needs the lock to leave
 * the list, and has all its parts until then. And if a reference of ours were the
 * last, the release would wait for this task to return to user space, which waits
 * for that release to drop the registration of the device.
 *
 * Context: remove of the PCI driver.
 */
void vpp_bufs_revoke(struct vpp_device *dev)
{
	struct vpp_buf *buf;

	guard(mutex)(&dev->lock);
	dev->going = true;
	list_for_each_entry(buf, &dev->bufs, node) {
		struct dma_buf *dmabuf = buf->dmabuf;

		dma_resv_lock(dmabuf->resv, NULL);
		buf->gone = true;
		dma_buf_invalidate_mappings(dmabuf);
		dma_resv_unlock(dmabuf->resv);
	}
}

/**
 * vpp_bufs_close - the device is about to be closed
 * @dev: the device
 *
 * No dma-buf of it gives out anything any more. What was given out the core takes
 * back next, in vfio_pci_core_close_device(), before it unmaps the BARs.
 *
 * Context: close_device; the core has not begun.
 */
void vpp_bufs_close(struct vpp_device *dev)
{
	struct vpp_buf *buf, *next;

	lockdep_assert_held(&dev->core.vdev.dev_set->lock);
	guard(mutex)(&dev->lock);
	dev->open = false;
	list_for_each_entry_safe(buf, next, &dev->bufs, node) {
		struct dma_buf *dmabuf = buf->dmabuf;

		/* Being released: it waits for the lock to be unlinked. */
		if (!get_file_active(&dmabuf->file))
			continue;
		dma_resv_lock(dmabuf->resv, NULL);
		buf->gone = true;
		buf->dev = NULL;
		dma_resv_unlock(dmabuf->resv);
		list_del(&buf->node);
		dma_buf_put(dmabuf);
	}
}
