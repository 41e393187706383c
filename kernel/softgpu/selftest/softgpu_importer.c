// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer such as other drivers are: it knows nothing of page frame
 * numbers, takes a scatterlist or a vmap, and reads and writes through it on
 * behalf of the tests. Works with any exporter of memory with struct pages.
 */
#include <linux/device/faux.h>
#include <linux/dma-buf.h>
#include <linux/dma-direct.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "importer-abi.h"

/**
 * struct import - one open file
 * @lock: protects @dmabuf against a second import
 * @dmabuf: the buffer, NULL before it was imported
 * @how: &enum importer_how
 * @attach: not for IMPORTER_VMAP
 * @sgt: NULL while not mapped; reservation lock for IMPORTER_DYNAMIC
 * @map: IMPORTER_VMAP only
 * @invalidations: how often the exporter said stop; reservation lock
 *
 * All without a lock named is constant once @dmabuf is set.
 */
struct import {
	struct mutex lock;	/* outermost */
	struct dma_buf *dmabuf;
	enum importer_how how;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct iosys_map map;
	u32 invalidations;
};

static struct faux_device *importer_dev;
static struct device_dma_parameters importer_dma;

static void import_invalidate(struct dma_buf_attachment *attach)
{
	struct import *imp = attach->importer_priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	imp->invalidations++;
	if (imp->sgt)
		dma_buf_unmap_attachment(attach, imp->sgt, DMA_BIDIRECTIONAL);
	imp->sgt = NULL;
}

static const struct dma_buf_attach_ops import_attach_ops = {
	.invalidate_mappings = import_invalidate,
};

static int import_static(struct import *imp, struct dma_buf *dmabuf)
{
	imp->attach = dma_buf_attach(dmabuf, &importer_dev->dev);
	if (IS_ERR(imp->attach))
		return PTR_ERR(imp->attach);

	imp->sgt = dma_buf_map_attachment_unlocked(imp->attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(imp->sgt)) {
		int ret = PTR_ERR(imp->sgt);

		imp->sgt = NULL;
		dma_buf_detach(dmabuf, imp->attach);
		return ret;
	}
	return 0;
}

static int import_dynamic(struct import *imp, struct dma_buf *dmabuf)
{
	imp->attach = dma_buf_dynamic_attach(dmabuf, &importer_dev->dev,
					     &import_attach_ops, imp);
	return PTR_ERR_OR_ZERO(imp->attach);
}

static int import_begin(struct import *imp, struct dma_buf *dmabuf, u32 how)
{
	switch (how) {
	case IMPORTER_STATIC:
		return import_static(imp, dmabuf);
	case IMPORTER_DYNAMIC:
		return import_dynamic(imp, dmabuf);
	case IMPORTER_VMAP:
		return dma_buf_vmap_unlocked(dmabuf, &imp->map);
	default:
		return -EINVAL;
	}
}

static long import_ioctl_import(struct import *imp, void __user *arg)
{
	struct importer_import req;
	struct dma_buf *dmabuf;
	int ret;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	dmabuf = dma_buf_get(req.fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);

	mutex_lock(&imp->lock);
	ret = imp->dmabuf ? -EBUSY : import_begin(imp, dmabuf, req.how);
	if (!ret) {
		imp->how = req.how;
		imp->dmabuf = dmabuf;
	}
	mutex_unlock(&imp->lock);
	if (ret)
		dma_buf_put(dmabuf);
	return ret;
}

static long import_ioctl_state(struct import *imp, void __user *arg)
{
	struct importer_state state = { };
	struct dma_buf *dmabuf;

	mutex_lock(&imp->lock);
	dmabuf = imp->dmabuf;
	mutex_unlock(&imp->lock);
	if (!dmabuf)
		return -ENOTCONN;

	dma_resv_lock(dmabuf->resv, NULL);
	if (imp->sgt)
		state.nents = imp->sgt->nents;
	state.invalidations = imp->invalidations;
	dma_resv_unlock(dmabuf->resv);
	return copy_to_user(arg, &state, sizeof(state)) ? -EFAULT : 0;
}

static long import_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct import *imp = file->private_data;

	switch (cmd) {
	case IMPORTER_IMPORT:
		return import_ioctl_import(imp, (void __user *)arg);
	case IMPORTER_STATE:
		return import_ioctl_state(imp, (void __user *)arg);
	default:
		return -ENOTTY;
	}
}

/*
 * Copy between @buf and what is mapped, at @pos: by DMA addresses, all that an
 * importer may know of a scatterlist. The device's DMA is direct, and the memory
 * is RAM. Return: bytes copied, less than @len if there is no more.
 */
static size_t import_copy_dma(const struct sg_table *sgt, void *buf, size_t len,
			      loff_t pos, bool write)
{
	struct scatterlist *sg;
	size_t done = 0;
	int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		phys_addr_t phys = dma_to_phys(&importer_dev->dev,
					       sg_dma_address(sg));
		size_t n = sg_dma_len(sg);

		if (pos >= n) {
			pos -= n;
			continue;
		}
		n = min_t(size_t, n - pos, len - done);
		if (!pfn_valid(PHYS_PFN(phys)))
			return done;
		if (write)
			memcpy(phys_to_virt(phys + pos), buf + done, n);
		else
			memcpy(buf + done, phys_to_virt(phys + pos), n);
		done += n;
		pos = 0;
		if (done == len)
			break;
	}
	return done;
}

/* Copy between @buf and the buffer. The reservation lock is held. */
static int import_copy_sg(struct import *imp, void *buf, size_t len,
			  loff_t pos, bool write)
{
	if (!imp->sgt) {
		struct sg_table *sgt;

		sgt = dma_buf_map_attachment(imp->attach, DMA_BIDIRECTIONAL);
		if (IS_ERR(sgt))
			return PTR_ERR(sgt);
		imp->sgt = sgt;
	}
	if (dma_resv_wait_timeout(imp->dmabuf->resv, DMA_RESV_USAGE_KERNEL, false,
				  MAX_SCHEDULE_TIMEOUT) <= 0)
		return -EIO;

	return import_copy_dma(imp->sgt, buf, len, pos, write) == len ? 0 : -EIO;
}

static int import_copy(struct import *imp, void *buf, size_t len, loff_t pos,
		       bool write)
{
	int ret = 0;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	if (imp->how != IMPORTER_VMAP)
		ret = import_copy_sg(imp, buf, len, pos, write);
	else if (write)
		iosys_map_memcpy_to(&imp->map, pos, buf, len);
	else
		iosys_map_memcpy_from(buf, &imp->map, pos, len);
	dma_resv_unlock(imp->dmabuf->resv);
	return ret;
}

static ssize_t import_rw(struct file *file, char __user *ubuf, size_t len,
			 loff_t *pos, bool write)
{
	struct import *imp = file->private_data;
	struct dma_buf *dmabuf;
	void *buf;
	int ret;

	mutex_lock(&imp->lock);
	dmabuf = imp->dmabuf;
	mutex_unlock(&imp->lock);
	if (!dmabuf)
		return -ENOTCONN;
	if (*pos < 0 || *pos >= dmabuf->size)
		return 0;

	len = min3(len, dmabuf->size - *pos, (size_t)SZ_64K);
	buf = kmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;

	ret = write && copy_from_user(buf, ubuf, len) ? -EFAULT : 0;
	if (!ret)
		ret = import_copy(imp, buf, len, *pos, write);
	if (!ret && !write && copy_to_user(ubuf, buf, len))
		ret = -EFAULT;
	kfree(buf);
	if (ret)
		return ret;

	*pos += len;
	return len;
}

static ssize_t import_read(struct file *file, char __user *ubuf, size_t len,
			   loff_t *pos)
{
	return import_rw(file, ubuf, len, pos, false);
}

static ssize_t import_write(struct file *file, const char __user *ubuf,
			    size_t len, loff_t *pos)
{
	/* Only read from, as write is set. */
	return import_rw(file, (char __user *)ubuf, len, pos, true);
}

static int import_open(struct inode *inode, struct file *file)
{
	struct import *imp = kzalloc_obj(*imp);

	if (!imp)
		return -ENOMEM;
	mutex_init(&imp->lock);
	file->private_data = imp;
	return 0;
}

static int import_release(struct inode *inode, struct file *file)
{
	struct import *imp = file->private_data;

	if (imp->dmabuf) {
		if (imp->how == IMPORTER_VMAP)
			dma_buf_vunmap_unlocked(imp->dmabuf, &imp->map);

		dma_resv_lock(imp->dmabuf->resv, NULL);
		if (imp->sgt)
			dma_buf_unmap_attachment(imp->attach, imp->sgt,
						 DMA_BIDIRECTIONAL);
		imp->sgt = NULL;
		dma_resv_unlock(imp->dmabuf->resv);

		if (imp->how != IMPORTER_VMAP)
			dma_buf_detach(imp->dmabuf, imp->attach);
		dma_buf_put(imp->dmabuf);
	}
	mutex_destroy(&imp->lock);
	kfree(imp);
	return 0;
}

static const struct file_operations import_fops = {
	.owner = THIS_MODULE,
	.open = import_open,
	.release = import_release,
	.read = import_read,
	.write = import_write,
	.unlocked_ioctl = import_ioctl,
	.llseek = default_llseek,
};

static struct miscdevice import_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "softgpu_importer",
	.fops = &import_fops,
	.mode = 0600,
};

static int __init importer_init(void)
{
	int ret;

	importer_dev = faux_device_create("softgpu_importer", NULL, NULL);
	if (!importer_dev)
		return -ENODEV;
	/* A CPU takes segments of any length; DMA debugging wants that said. */
	importer_dev->dev.dma_parms = &importer_dma;
	dma_set_max_seg_size(&importer_dev->dev, UINT_MAX);
	ret = dma_coerce_mask_and_coherent(&importer_dev->dev, DMA_BIT_MASK(64));
	if (!ret)
		ret = misc_register(&import_misc);
	if (ret)
		faux_device_destroy(importer_dev);
	return ret;
}

static void __exit importer_exit(void)
{
	misc_deregister(&import_misc);
	faux_device_destroy(importer_dev);
}

module_init(importer_init);
module_exit(importer_exit);

MODULE_DESCRIPTION("A dma-buf importer by scatterlist or vmap, for tests");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
