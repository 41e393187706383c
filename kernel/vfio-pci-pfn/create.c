// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making a dma-buf: the core does, we take it over before anybody sees it.
 *
 * vfio_pci_core_ioctl_feature() ends by putting the new dma-buf into the file
 * table of the task that calls, where another thread could take hold of
 * it. So a work item makes the call, with the memory and the credentials of the
 * task that asked: kernel threads have a file table of their own, in which nobody
 * looks around. It takes the dma-buf out of there, and the task that asked puts
 * it into its own table when it is complete.
 *
 * The work item reads the user's arguments, and must not wait for the user to
 * deliver them (userfaultfd): a kernel thread takes no signal. So it faults
 * nothing in. If something is not there, the task that asked, which can
 * be killed, does that, and tries again.
 */
#include <linux/cred.h>
#include <linux/dma-buf.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/workqueue.h>

#include "internal.h"

/*
 * How often the arguments are faulted in before they are called unreadable: memory
 * that a kernel thread cannot read, though its owner can, is that with a
 * protection key.
 */
#define VPP_TRIES	16

/**
 * struct vpp_make - one call of the core by the work item
 * @work: the item, on the stack of the task that asked and waits
 * @core: the device
 * @mm: of the task that asked
 * @cred: of the task that asked
 * @flags: of the ioctl
 * @arg: its argument
 * @argsz: size of that
 * @dmabuf: the result: a dma-buf that nobody else has, or an ERR_PTR
 */
struct vpp_make {
	struct work_struct work;
	struct vfio_pci_core_device *core;
	struct mm_struct *mm;
	const struct cred *cred;
	u32 flags;
	void __user *arg;
	size_t argsz;
	struct dma_buf *dmabuf;
};

static void vpp_make_work(struct work_struct *work)
{
	struct vpp_make *make = container_of(work, struct vpp_make, work);
	const struct cred *mine = override_creds(make->cred);
	int fd;

	kthread_use_mm(make->mm);
	pagefault_disable();
	fd = vfio_pci_core_ioctl_feature(&make->core->vdev, make->flags,
					 make->arg, make->argsz);
	pagefault_enable();
	kthread_unuse_mm(make->mm);
	revert_creds(mine);

	if (fd < 0) {
		make->dmabuf = ERR_PTR(fd);
		return;
	}
	make->dmabuf = dma_buf_get(fd);
	close_fd(fd);
}

/* Read all that the core will read, and forget it. Sleeps; can be killed. */
static int vpp_fault_in(struct vfio_device_feature_dma_buf __user *arg)
{
	struct vfio_device_feature_dma_buf req;
	void *ranges;

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	ranges = memdup_array_user(arg->dma_ranges, req.nr_ranges,
				   sizeof(arg->dma_ranges[0]));
	if (IS_ERR(ranges))
		return PTR_ERR(ranges);
	kfree(ranges);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* Let the core make a dma-buf and learn its ranges into @buf. */
static struct dma_buf *vpp_make_once(struct vpp_device *dev, struct vpp_buf *buf,
				     u32 flags, void __user *arg, size_t argsz)
{
	struct vpp_make make = {
		.core = &dev->core,
		.mm = current->mm,
		.cred = current_cred(),
		.flags = flags,
		.arg = arg,
		.argsz = argsz,
	};

	if (mutex_lock_killable(&dev->create_lock))
		return ERR_PTR(-EINTR);
	dev->pending = buf;
	INIT_WORK_ONSTACK(&make.work, vpp_make_work);
	queue_work(system_dfl_wq, &make.work);
	flush_work(&make.work);
	destroy_work_on_stack(&make.work);
	dev->pending = NULL;
	mutex_unlock(&dev->create_lock);
	return make.dmabuf;
}

static struct dma_buf *vpp_make(struct vpp_device *dev, struct vpp_buf *buf,
				u32 flags, void __user *arg, size_t argsz)
{
	struct dma_buf *dmabuf;
	int i, ret;

	for (i = 0; i < VPP_TRIES; i++) {
		dmabuf = vpp_make_once(dev, buf, flags, arg, argsz);
		if (dmabuf != ERR_PTR(-EFAULT))
			return dmabuf;
		ret = vpp_fault_in(arg);
		if (ret)
			return ERR_PTR(ret);
	}
	return dmabuf;
}

/**
 * vpp_get_dmabuf_phys - the core asks where the ranges of a new dma-buf are
 * @core: the device
 * @provider: filled: whose memory it is
 * @region_index: the BAR
 * @phys_vec: filled: physical ranges
 * @dma_ranges: the user's ranges, copied and checked for alignment
 * @nr_ranges: their number
 *
 * Answers as the core itself would, and keeps the answer for the buffer that is
 * being made.
 *
 * Context: the work item, whose initiator holds &vpp_device.create_lock.
 * Return: 0 or a negative errno.
 */
int vpp_get_dmabuf_phys(struct vfio_pci_core_device *core,
			struct p2pdma_provider **provider,
			unsigned int region_index, struct phys_vec *phys_vec,
			struct vfio_region_dma_range *dma_ranges,
			size_t nr_ranges)
{
	struct vpp_device *dev = to_vpp(core);
	struct vpp_buf *buf = dev->pending;
	size_t i;
	int ret;

	if (WARN_ON_ONCE(!mutex_is_locked(&dev->create_lock) || !buf))
		return -EINVAL;
	ret = vfio_pci_core_get_dmabuf_phys(core, provider, region_index,
					    phys_vec, dma_ranges, nr_ranges);
	if (ret)
		return ret;

	buf->base = vfio_pci_core_get_iomap(core, region_index);
	if (IS_ERR(buf->base))
		return PTR_ERR(buf->base);
	buf->base_pfn = PHYS_PFN(pci_resource_start(core->pdev, region_index));
	buf->provider = *provider;

	kvfree(buf->runs);
	buf->nr_runs = 0;
	buf->runs = kvmalloc_objs(*buf->runs, nr_ranges);
	if (!buf->runs)
		return -ENOMEM;
	for (i = 0; i < nr_ranges; i++) {
		/* Ranges are whole pages of the BAR: so is the BAR. */
		if (!PAGE_ALIGNED(phys_vec[i].paddr))
			return -EINVAL;
		buf->nr_runs = vpp_runs_append(buf->runs, buf->nr_runs,
					       PHYS_PFN(phys_vec[i].paddr),
					       phys_vec[i].len >> PAGE_SHIFT);
	}
	return 0;
}

/**
 * vpp_feature_dma_buf - VFIO_DEVICE_FEATURE_DMA_BUF
 * @dev: the device, open
 * @flags: of the feature ioctl, not checked
 * @arg: the user's &struct vfio_device_feature_dma_buf
 * @argsz: its size as the user says
 *
 * What is wrong with the arguments the core says.
 *
 * Context: the ioctl.
 * Return: a file descriptor, 0 if only asked whether the feature is there, or a
 * negative errno.
 */
int vpp_feature_dma_buf(struct vpp_device *dev, u32 flags, void __user *arg,
			size_t argsz)
{
	struct vfio_device_feature_dma_buf req;
	struct dma_buf *dmabuf;
	struct vpp_buf *buf;
	int ret;

	/* Nothing will be made. */
	if (flags & VFIO_DEVICE_FEATURE_PROBE ||
	    !(flags & VFIO_DEVICE_FEATURE_GET) || argsz < sizeof(req))
		return vfio_pci_core_ioctl_feature(&dev->core.vdev, flags, arg,
						   argsz);

	if (copy_from_user(&req, arg, sizeof(req)))
		return -EFAULT;
	buf = kzalloc_obj(*buf);
	if (!buf)
		return -ENOMEM;
	dmabuf = vpp_make(dev, buf, flags, arg, argsz);
	if (IS_ERR(dmabuf)) {
		vpp_buf_free(buf);
		return PTR_ERR(dmabuf);
	}
	ret = vpp_buf_adopt(buf, dev, dmabuf);
	if (ret) {
		vpp_buf_free(buf);
		dma_buf_put(dmabuf);
		return ret;
	}

	/* From here on the dma-buf owns @buf, and its file is what others see. */
	ret = dma_buf_fd(dmabuf, req.open_flags);
	if (ret < 0)
		dma_buf_put(dmabuf);
	return ret;
}
