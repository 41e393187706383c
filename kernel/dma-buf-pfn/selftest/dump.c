// SPDX-License-Identifier: GPL-2.0-only
/*
 * An importer that is not RDMA: it reads dma-bufs by page frame number.
 *
 *   exec 3<>/sys/kernel/debug/dma_buf_pfn_dump	(fd 9 is a dma-buf)
 *   echo 9 >&3; cat <&3
 *
 * The file attaches when it is told the number of a dma-buf's file descriptor,
 * and detaches when it is closed. It keeps a grant of the run that was read last
 * for as long as the exporter lets it, so that reading on costs no lookup. All
 * there is to an importer which can follow moves is below, as an example.
 */
#include <linux/debugfs.h>
#include <linux/device/faux.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

/**
 * struct dump - one open file
 * @lock: protects @attach against a second one, and @bounce; outermost, then the
 *	reservation lock
 * @attach: NULL before a buffer was named
 * @map: grant of the run that was read last; reservation lock
 * @pgoff: where that run begins; reservation lock
 * @npages: how long it is, 0 for none; reservation lock
 * @bounce: what was read, between the two locks: user memory cannot be touched
 *	with a reservation lock held
 */
struct dump {
	struct mutex lock;
	struct dma_buf_pfn_attachment *attach;
	struct iosys_map map;
	unsigned long pgoff;
	unsigned long npages;
	u8 bounce[SZ_16K];
};

static struct faux_device *dump_dev;
static struct dentry *dump_dentry;

static void dump_forget(struct dump *dump)
{
	dma_resv_assert_held(dump->attach->dmabuf->resv);
	if (!dump->npages)
		return;
	dma_buf_pfn_cpu_unmap(dump->attach, dump->pgoff, dump->npages,
			      &dump->map);
	dump->npages = 0;
}

/* R5: off the memory when this returns. The next read asks where it is now. */
static void dump_invalidate(struct dma_buf_pfn_attachment *attach)
{
	struct dump *dump = attach->importer_priv;

	/* What dump_import() is still waiting for holds no grant. */
	if (dump->attach)
		dump_forget(dump);
}

static const struct dma_buf_pfn_importer_ops dump_ops = {
	.name = "dump",
	.invalidate = dump_invalidate,
};

/* Have a grant of the run that @pgoff is in. */
static int dump_grant(struct dump *dump, unsigned long pgoff)
{
	struct dma_buf_extent run;
	int ret;

	if (dump->npages && pgoff - dump->pgoff < dump->npages)
		return 0;
	dump_forget(dump);

	ret = dma_buf_get_extents(dump->attach, pgoff, &run, 1);
	if (ret < 0)
		return ret;
	ret = dma_buf_pfn_cpu_map(dump->attach, pgoff, run.npages, &dump->map);
	if (ret)
		return ret;
	dump->pgoff = pgoff;
	dump->npages = run.npages;
	return 0;
}

/* Copy what one grant holds from @pos on, @len bytes at most. */
static ssize_t dump_copy(struct dump *dump, loff_t pos, size_t len)
{
	struct dma_resv *resv = dump->attach->dmabuf->resv;
	size_t at, n;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	ret = dump_grant(dump, pos >> PAGE_SHIFT);
	if (!ret) {
		at = pos - ((loff_t)dump->pgoff << PAGE_SHIFT);
		n = min(len, (dump->npages << PAGE_SHIFT) - at);
		iosys_map_memcpy_from(dump->bounce, &dump->map, at, n);
	}
	dma_resv_unlock(resv);
	return ret ?: n;
}

static ssize_t dump_read(struct file *file, char __user *user, size_t len,
			 loff_t *pos)
{
	struct dump *dump = file->private_data;
	ssize_t n = 0;

	if (mutex_lock_interruptible(&dump->lock))
		return -ERESTARTSYS;
	if (!dump->attach) {
		n = -ENOTCONN;
	} else if (*pos >= 0 && *pos < dump->attach->dmabuf->size) {
		len = min3(len, sizeof(dump->bounce),
			   (size_t)(dump->attach->dmabuf->size - *pos));
		if (len)
			n = dump_copy(dump, *pos, len);
	}
	if (n > 0) {
		n -= copy_to_user(user, dump->bounce, n);
		*pos += n;
		n = n ?: -EFAULT;
	}
	mutex_unlock(&dump->lock);
	return n;
}

static int dump_import(struct dump *dump, int fd)
{
	struct dma_buf_pfn_attachment *attach;
	struct dma_buf *dmabuf;

	if (dump->attach)
		return -EBUSY;
	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	attach = dma_buf_pfn_attach(dmabuf, &dump_dev->dev,
				    DMA_BUF_PFN_NEED_CPU | DMA_BUF_PFN_CAN_MMIO,
				    DMA_BUF_PFN_MOVABLE, &dump_ops, dump);
	/* The attachment has its own reference. */
	dma_buf_put(dmabuf);
	if (IS_ERR(attach))
		return PTR_ERR(attach);

	dma_resv_lock(attach->dmabuf->resv, NULL);
	dump->attach = attach;
	dma_resv_unlock(attach->dmabuf->resv);
	return 0;
}

static ssize_t dump_write(struct file *file, const char __user *user,
			  size_t len, loff_t *pos)
{
	struct dump *dump = file->private_data;
	int fd, ret;

	ret = kstrtoint_from_user(user, len, 10, &fd);
	if (ret)
		return ret;
	if (mutex_lock_interruptible(&dump->lock))
		return -ERESTARTSYS;
	ret = dump_import(dump, fd);
	mutex_unlock(&dump->lock);
	return ret ?: len;
}

static int dump_open(struct inode *inode, struct file *file)
{
	struct dump *dump = kvzalloc_obj(*dump);

	if (!dump)
		return -ENOMEM;
	mutex_init(&dump->lock);
	file->private_data = dump;
	return 0;
}

static int dump_release(struct inode *inode, struct file *file)
{
	struct dump *dump = file->private_data;

	if (dump->attach) {
		dma_resv_lock(dump->attach->dmabuf->resv, NULL);
		dump_forget(dump);
		dma_resv_unlock(dump->attach->dmabuf->resv);
		dma_buf_pfn_detach(dump->attach);
	}
	mutex_destroy(&dump->lock);
	kvfree(dump);
	return 0;
}

static const struct file_operations dump_fops = {
	.owner = THIS_MODULE,
	.open = dump_open,
	.release = dump_release,
	.read = dump_read,
	.write = dump_write,
	.llseek = default_llseek,
};

static int __init dump_init(void)
{
	dump_dev = faux_device_create("dma_buf_pfn_dump", NULL, NULL);
	if (!dump_dev)
		return -ENODEV;
	dump_dentry = debugfs_create_file("dma_buf_pfn_dump", 0600, NULL, NULL,
					  &dump_fops);
	return 0;
}
module_init(dump_init);

static void __exit dump_exit(void)
{
	debugfs_remove(dump_dentry);
	faux_device_destroy(dump_dev);
}
module_exit(dump_exit);

MODULE_DESCRIPTION("A dma-buf importer by page frame number that is not RDMA");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
