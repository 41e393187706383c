// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock exporter and mock importer: the test bed of dma_buf_pfn.
 *
 * Both sides of the interface without a device, well-behaved or not, driven from
 * user space by the ioctls of mock-abi.h on /dev/dma_buf_pfn_mock. For tests only:
 * whoever may open the device can make the importer write to memory it gave up.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mock.h"

static_assert(MOCK_PINNED == DMA_BUF_PFN_PINNED);
static_assert(MOCK_REVOCABLE == DMA_BUF_PFN_REVOCABLE);
static_assert(MOCK_MOVABLE == DMA_BUF_PFN_MOVABLE);
static_assert(MOCK_NEED_CPU == DMA_BUF_PFN_NEED_CPU);
static_assert(MOCK_CAN_MMIO == DMA_BUF_PFN_CAN_MMIO);
static_assert(MOCK_CAN_PRIVATE == DMA_BUF_PFN_CAN_PRIVATE);
static_assert(MOCK_WB == DMA_BUF_PFN_WB);
static_assert(MOCK_WC == DMA_BUF_PFN_WC);
static_assert(MOCK_UC == DMA_BUF_PFN_UC);
static_assert(MOCK_IS_MMIO == DMA_BUF_PFN_IS_MMIO);
static_assert(MOCK_HAS_PAGES == DMA_BUF_PFN_HAS_PAGES);
static_assert(MOCK_IS_PRIVATE == DMA_BUF_PFN_IS_PRIVATE);
static_assert(MOCK_CPU_OK == DMA_BUF_PFN_CPU_OK);

union mock_arg {
	struct mock_export export;
	struct mock_ctl ctl;
	struct mock_stats stats;
	struct mock_attach attach;
	struct mock_detach detach;
	struct mock_lookup lookup;
	struct mock_describe describe;
	struct mock_map map;
	struct mock_rw rw;
	struct mock_seq seq;
	struct mock_import_stat import_stat;
	struct mock_race race;
	struct mock_register reg;
};

static const struct {
	unsigned int cmd;
	int (*fn)(struct mock_file *file, void *arg);
} mock_ioctls[] = {
	{ MOCK_IOC_EXPORT, mock_ioc_export },
	{ MOCK_IOC_CTL, mock_ioc_ctl },
	{ MOCK_IOC_STATS, mock_ioc_stats },
	{ MOCK_IOC_ATTACH, mock_ioc_attach },
	{ MOCK_IOC_DETACH, mock_ioc_detach },
	{ MOCK_IOC_LOOKUP, mock_ioc_lookup },
	{ MOCK_IOC_DESCRIBE, mock_ioc_describe },
	{ MOCK_IOC_MAP, mock_ioc_map },
	{ MOCK_IOC_UNMAP, mock_ioc_unmap },
	{ MOCK_IOC_RW, mock_ioc_rw },
	{ MOCK_IOC_SEQ, mock_ioc_seq },
	{ MOCK_IOC_IMPORT_STAT, mock_ioc_import_stat },
	{ MOCK_IOC_RACE, mock_ioc_race },
	{ MOCK_IOC_REGISTER, mock_ioc_register },
};

static long mock_ioctl(struct file *filp, unsigned int cmd, unsigned long uarg)
{
	void __user *user = (void __user *)uarg;
	union mock_arg arg = {};
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(mock_ioctls); i++)
		if (mock_ioctls[i].cmd == cmd)
			break;
	if (i == ARRAY_SIZE(mock_ioctls))
		return -ENOTTY;
	if (copy_from_user(&arg, user, _IOC_SIZE(cmd)))
		return -EFAULT;
	ret = mock_ioctls[i].fn(filp->private_data, &arg);
	/* The answer is wanted even of a call that failed. */
	if (copy_to_user(user, &arg, _IOC_SIZE(cmd)))
		return -EFAULT;
	return ret;
}

static int mock_open(struct inode *inode, struct file *filp)
{
	struct mock_file *file;

	file = kzalloc_obj(*file);
	if (!file)
		return -ENOMEM;
	xa_init_flags(&file->imports, XA_FLAGS_ALLOC1);
	filp->private_data = file;
	return 0;
}

static int mock_release(struct inode *inode, struct file *filp)
{
	struct mock_file *file = filp->private_data;

	mock_file_release(file);
	kfree(file);
	return 0;
}

static const struct file_operations mock_fops = {
	.owner = THIS_MODULE,
	.open = mock_open,
	.release = mock_release,
	.unlocked_ioctl = mock_ioctl,
};

static struct miscdevice mock_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "dma_buf_pfn_mock",
	.fops = &mock_fops,
	.mode = 0600,
};

static int __init mock_init(void)
{
	int ret;

	ret = misc_register(&mock_misc);
	if (ret)
		return ret;
	mock_importer_init(mock_misc.this_device);
	ret = mock_exporter_init(mock_misc.this_device);
	if (ret)
		misc_deregister(&mock_misc);
	return ret;
}
module_init(mock_init);

static void __exit mock_exit(void)
{
	mock_exporter_exit();
	misc_deregister(&mock_misc);
}
module_exit(mock_exit);

MODULE_DESCRIPTION("mock exporter and importer for dma_buf_pfn");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
