// SPDX-License-Identifier: GPL-2.0-only
/*
 * debugfs, in the directory of the DRM device:
 *
 *	vram		what is where (read)
 *	evict		"all" or the number of a BO: move it to system memory
 *	restore		the same, back to VRAM where there is room
 *	fragment	longest extent of new placements in pages, 0: no limit
 *	poison		how long memory that was moved out of lies poisoned, in
 *			microseconds, 0: not at all; and what came of it
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>
#include <linux/uaccess.h>

#include <drm/drm_drv.h>

#include "softgpu.h"

#define SHOWN_EXTENTS	8

static void softgpu_show_bo(struct seq_file *m, struct softgpu_bo *bo)
{
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	const struct softgpu_vram_res *res;
	unsigned int i;

	dma_resv_assert_held(bo->tbo.base.resv);

	seq_printf(m, "bo %u: size %zu pinned %u exported %u", bo->id,
		   bo->tbo.base.size, bo->tbo.pin_count, !!bo->dmabuf);
	if (!softgpu_bo_in_vram(bo)) {
		seq_puts(m, " system\n");
		return;
	}

	res = to_softgpu_vram_res(bo->tbo.resource);
	seq_printf(m, " vram extents %u:", res->nr_ext);
	for (i = 0; i < min(res->nr_ext, SHOWN_EXTENTS); i++)
		seq_printf(m, " 0x%lx+%lu",
			   softgpu_vram_pfn(vram, res->ext[i].page),
			   res->ext[i].npages);
	seq_puts(m, res->nr_ext > SHOWN_EXTENTS ? " ...\n" : "\n");
}

static int softgpu_vram_show(struct seq_file *m, void *unused)
{
	struct softgpu *sg = m->private;
	struct softgpu_bo *bo;
	unsigned long id = 0;

	seq_printf(m, "kind %s\n",
		   softgpu_vram_is_mmio(&sg->vram) ? "bar" : "ram");
	seq_printf(m, "size %llu\n", sg->vram.size);
	seq_printf(m, "used %llu\n", ttm_resource_manager_usage(&sg->vram.man));

	while ((bo = softgpu_bo_next(sg, &id))) {
		int ret = dma_resv_lock_interruptible(bo->tbo.base.resv, NULL);

		if (!ret) {
			softgpu_show_bo(m, bo);
			dma_resv_unlock(bo->tbo.base.resv);
		}
		drm_gem_object_put(&bo->tbo.base);
		if (ret)
			return ret;
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(softgpu_vram);

static int softgpu_move_to_system(struct softgpu_bo *bo)
{
	/* A pinned buffer is not an error of the request as such. */
	if (softgpu_bo_in_vram(bo) && bo->tbo.pin_count)
		return -EBUSY;
	return softgpu_bo_to_system(bo);
}

static int softgpu_move_to_vram(struct softgpu_bo *bo)
{
	int ret;

	if (!softgpu_bo_in_vram(bo) && bo->tbo.pin_count)
		return -EBUSY;
	ret = softgpu_bo_to_vram(bo, false);
	if (!ret && !softgpu_bo_in_vram(bo))
		ret = -ENOSPC;
	return ret;
}

/*
 * Move the BO with number @only, or all (0). For one it is an error when it
 * cannot be moved; for all, those that are pinned or find no room stay.
 */
static int softgpu_move_bos(struct softgpu *sg, unsigned long only,
			    int (*move)(struct softgpu_bo *bo))
{
	unsigned long id = only;
	struct softgpu_bo *bo;
	int ret = only ? -ENOENT : 0;

	while ((bo = softgpu_bo_next(sg, &id))) {
		if (only && bo->id != only) {
			drm_gem_object_put(&bo->tbo.base);
			break;
		}

		ret = ttm_bo_reserve(&bo->tbo, true, false, NULL);
		if (!ret) {
			ret = move(bo);
			ttm_bo_unreserve(&bo->tbo);
		}
		drm_gem_object_put(&bo->tbo.base);

		if (only)
			break;
		if (ret == -EBUSY || ret == -ENOSPC)
			ret = 0;
		if (ret)
			break;
	}
	return ret;
}

static ssize_t softgpu_move_write(struct file *file, const char __user *ubuf,
				  size_t count, int (*move)(struct softgpu_bo *bo))
{
	struct softgpu *sg = file->private_data;
	unsigned int id = 0;
	char buf[16] = "";
	int ret, idx;

	if (count >= sizeof(buf))
		return -EINVAL;
	if (copy_from_user(buf, ubuf, count))
		return -EFAULT;
	if (!sysfs_streq(buf, "all")) {
		ret = kstrtouint(buf, 0, &id);
		if (ret)
			return ret;
		if (!id)
			return -ENOENT;
	}

	if (!drm_dev_enter(&sg->drm, &idx))
		return -ENODEV;
	ret = softgpu_move_bos(sg, id, move);
	drm_dev_exit(idx);
	return ret ?: count;
}

static ssize_t softgpu_evict_write(struct file *file, const char __user *ubuf,
				   size_t count, loff_t *pos)
{
	return softgpu_move_write(file, ubuf, count, softgpu_move_to_system);
}

static const struct file_operations softgpu_evict_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = softgpu_evict_write,
};

static ssize_t softgpu_restore_write(struct file *file, const char __user *ubuf,
				     size_t count, loff_t *pos)
{
	return softgpu_move_write(file, ubuf, count, softgpu_move_to_vram);
}

static const struct file_operations softgpu_restore_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = softgpu_restore_write,
};

static int softgpu_fragment_get(void *data, u64 *val)
{
	struct softgpu *sg = data;

	mutex_lock(&sg->vram.lock);
	*val = sg->vram.fragment;
	mutex_unlock(&sg->vram.lock);
	return 0;
}

static int softgpu_fragment_set(void *data, u64 val)
{
	struct softgpu *sg = data;

	if (val > U32_MAX)
		return -EINVAL;

	mutex_lock(&sg->vram.lock);
	sg->vram.fragment = val;
	mutex_unlock(&sg->vram.lock);
	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(softgpu_fragment_fops, softgpu_fragment_get,
			 softgpu_fragment_set, "%llu\n");

static int softgpu_poison_show(struct seq_file *m, void *unused)
{
	struct softgpu *sg = m->private;

	seq_printf(m, "usecs %u\npages %lld\nspoiled %lld\n",
		   READ_ONCE(sg->poison.usecs), atomic64_read(&sg->poison.pages),
		   atomic64_read(&sg->poison.spoiled));
	return 0;
}

static ssize_t softgpu_poison_write(struct file *file, const char __user *ubuf,
				    size_t count, loff_t *pos)
{
	struct softgpu *sg = ((struct seq_file *)file->private_data)->private;
	u32 usecs;
	int ret;

	ret = kstrtou32_from_user(ubuf, count, 0, &usecs);
	if (ret)
		return ret;
	if (usecs > USEC_PER_SEC)
		return -ERANGE;
	WRITE_ONCE(sg->poison.usecs, usecs);
	return count;
}

DEFINE_SHOW_STORE_ATTRIBUTE(softgpu_poison);

/**
 * softgpu_debugfs_init() - create the debugfs files
 * @sg: the device, registered; DRM removes the files when it is unregistered
 *
 * Context: probe.
 */
void softgpu_debugfs_init(struct softgpu *sg)
{
	struct dentry *dir = sg->drm.debugfs_root;

	if (IS_ERR_OR_NULL(dir))
		return;

	debugfs_create_file("vram", 0444, dir, sg, &softgpu_vram_fops);
	debugfs_create_file("evict", 0200, dir, sg, &softgpu_evict_fops);
	debugfs_create_file("restore", 0200, dir, sg, &softgpu_restore_fops);
	debugfs_create_file_unsafe("fragment", 0600, dir, sg,
				   &softgpu_fragment_fops);
	debugfs_create_file("poison", 0600, dir, sg, &softgpu_poison_fops);
}
