// SPDX-License-Identifier: GPL-2.0-only
/*
 * softgpu: a stand-in for a GPU. A DRM device whose buffers live in VRAM, are
 * evicted and come back, for trying GPUDirect-style software without a GPU.
 * docs/softgpu.md is the guide.
 *
 * There are two kinds of device, the same but for what lies behind VRAM: BAR 2
 * of QEMU's ivshmem-plain, and with vram_mb= RAM. The standard dumb-buffer and
 * PRIME ioctls are the whole user interface. They need no DRIVER_MODESET, and
 * there is no display.
 */
#include <linux/device/faux.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/sizes.h>

#include <drm/drm_drv.h>
#include <drm/drm_dumb_buffers.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>
#include <drm/drm_managed.h>

#include "softgpu.h"

#define IVSHMEM_VENDOR	0x1af4
#define IVSHMEM_DEVICE	0x1110
#define IVSHMEM_BAR	2

static unsigned int vram_mb;
module_param(vram_mb, uint, 0444);
MODULE_PARM_DESC(vram_mb, "make a device whose VRAM is this many MiB of RAM (default 0: none)");

static unsigned int bar_mb;
module_param(bar_mb, uint, 0444);
MODULE_PARM_DESC(bar_mb, "use at most this many MiB of a BAR (default 0: all)");

static char *bind = "";
module_param(bind, charp, 0444);
MODULE_PARM_DESC(bind, "PCI addresses to bind to, separated by commas; \"none\" (default: every ivshmem device)");

static int softgpu_dumb_create(struct drm_file *file, struct drm_device *drm,
			       struct drm_mode_create_dumb *args)
{
	struct softgpu_bo *bo;
	int ret, idx;

	ret = drm_mode_size_dumb(drm, args, 0, 0);
	if (ret)
		return ret;

	/* VRAM is cleared: not when its BAR may be another device's by now. */
	if (!drm_dev_enter(drm, &idx))
		return -ENODEV;
	bo = softgpu_bo_create(to_softgpu(drm), args->size);
	drm_dev_exit(idx);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(file, &bo->tbo.base, &args->handle);
	/* The handle holds the object from here on. */
	drm_gem_object_put(&bo->tbo.base);
	return ret;
}

/* Whoever asks for the offset is about to use the buffer: bring it back. */
static int softgpu_dumb_map_offset(struct drm_file *file, struct drm_device *drm,
				   u32 handle, u64 *offset)
{
	struct drm_gem_object *gem;
	int ret;

	gem = drm_gem_object_lookup(file, handle);
	if (!gem)
		return -ENOENT;

	ret = softgpu_bo_announce(gem_to_softgpu_bo(gem));
	if (!ret)
		*offset = drm_vma_node_offset_addr(&gem->vma_node);
	drm_gem_object_put(gem);
	return ret;
}

DEFINE_DRM_GEM_FOPS(softgpu_fops);

static const struct drm_driver softgpu_driver = {
	.driver_features = DRIVER_GEM | DRIVER_RENDER,
	.fops = &softgpu_fops,
	.dumb_create = softgpu_dumb_create,
	.dumb_map_offset = softgpu_dumb_map_offset,
	.gem_prime_import = softgpu_gem_import,
	.name = "softgpu",
	.desc = "GPU stand-in with VRAM",
	.major = 1,
	.minor = 0,
};

static void softgpu_ttm_fini(struct drm_device *drm, void *data)
{
	struct softgpu *sg = data;

	ttm_device_fini(&sg->ttm);
	xa_destroy(&sg->bos);
}

/* What follows once VRAM is there. */
static int softgpu_start(struct softgpu *sg)
{
	struct drm_device *drm = &sg->drm;
	int ret;

	xa_init_flags(&sg->bos, XA_FLAGS_ALLOC1);
	ret = ttm_device_init(&sg->ttm, &softgpu_ttm_funcs, drm->dev,
			      drm->anon_inode->i_mapping,
			      drm->vma_offset_manager, 0);
	if (ret)
		return ret;
	ret = drmm_add_action_or_reset(drm, softgpu_ttm_fini, sg);
	if (ret)
		return ret;

	ret = softgpu_vram_mgr_init(sg);
	if (ret)
		return ret;

	ret = drm_dev_register(drm, 0);
	if (ret)
		return ret;

	softgpu_debugfs_init(sg);
	dev_info(drm->dev, "%llu MiB of VRAM over %s\n", sg->vram.size / SZ_1M,
		 softgpu_vram_is_mmio(&sg->vram) ? "a PCI BAR" : "RAM");
	return 0;
}

/*
 * The device goes away, its users may stay. First nobody can begin anything
 * new, then everybody who holds memory of ours is told to stop. What is still
 * mapped into user space shows a page of zeroes from now on.
 */
static void softgpu_stop(struct softgpu *sg)
{
	struct softgpu_bo *bo;
	unsigned long id = 0;

	WRITE_ONCE(sg->gone, true);
	drm_dev_unplug(&sg->drm);

	while ((bo = softgpu_bo_next(sg, &id))) {
		dma_resv_lock(bo->tbo.base.resv, NULL);
		softgpu_bo_invalidate(bo);
		dma_resv_unlock(bo->tbo.base.resv);
		drm_gem_object_put(&bo->tbo.base);
	}
}

/* Is the device called @name one that we were asked to bind to? */
static bool softgpu_bind_allows(const char *name)
{
	size_t len = strlen(name);
	const char *p = bind;

	if (!*p)
		return true;

	for (; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, len) &&
		    (!p[len] || p[len] == ',' || p[len] == '\n'))
			return true;
	}
	return false;
}

static int softgpu_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct softgpu *sg;
	int ret;

	if (!softgpu_bind_allows(pci_name(pdev)))
		return -ENODEV;

	ret = pcim_enable_device(pdev);
	if (ret)
		return ret;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;

	sg = devm_drm_dev_alloc(&pdev->dev, &softgpu_driver, struct softgpu, drm);
	if (IS_ERR(sg))
		return PTR_ERR(sg);
	pci_set_drvdata(pdev, sg);

	ret = softgpu_vram_init_bar(sg, pdev, IVSHMEM_BAR,
				    (u64)bar_mb * SZ_1M ?: U64_MAX);
	if (ret)
		return ret;
	return softgpu_start(sg);
}

static void softgpu_pci_remove(struct pci_dev *pdev)
{
	softgpu_stop(pci_get_drvdata(pdev));
}

/*
 * Not for MODULE_DEVICE_TABLE(): ivshmem devices serve many purposes, and we
 * do not want to be loaded for each.
 */
static const struct pci_device_id softgpu_pci_ids[] = {
	{ PCI_DEVICE(IVSHMEM_VENDOR, IVSHMEM_DEVICE) },
	{ }
};

static struct pci_driver softgpu_pci_driver = {
	.name = "softgpu",
	.id_table = softgpu_pci_ids,
	.probe = softgpu_pci_probe,
	.remove = softgpu_pci_remove,
};

static int softgpu_faux_probe(struct faux_device *fdev)
{
	struct softgpu *sg;
	int ret;

	ret = dma_coerce_mask_and_coherent(&fdev->dev, DMA_BIT_MASK(64));
	if (ret)
		return ret;

	sg = devm_drm_dev_alloc(&fdev->dev, &softgpu_driver, struct softgpu, drm);
	if (IS_ERR(sg))
		return PTR_ERR(sg);
	faux_device_set_drvdata(fdev, sg);

	ret = softgpu_vram_init_ram(sg, (u64)vram_mb * SZ_1M);
	if (ret)
		return ret;
	return softgpu_start(sg);
}

static void softgpu_faux_remove(struct faux_device *fdev)
{
	softgpu_stop(faux_device_get_drvdata(fdev));
}

static const struct faux_device_ops softgpu_faux_ops = {
	.probe = softgpu_faux_probe,
	.remove = softgpu_faux_remove,
};

static struct faux_device *softgpu_faux;

static int __init softgpu_init(void)
{
	int ret;

	ret = softgpu_pfn_register();
	if (ret)
		return ret;

	if (vram_mb) {
		/* Why the probe failed is in the log. */
		softgpu_faux = faux_device_create("softgpu", NULL,
						  &softgpu_faux_ops);
		if (!softgpu_faux) {
			ret = -ENOMEM;
			goto unregister_pfn;
		}
	}

	ret = pci_register_driver(&softgpu_pci_driver);
	if (ret)
		goto destroy_faux;
	return 0;

destroy_faux:
	if (softgpu_faux)
		faux_device_destroy(softgpu_faux);
unregister_pfn:
	softgpu_pfn_unregister();
	return ret;
}

static void __exit softgpu_exit(void)
{
	pci_unregister_driver(&softgpu_pci_driver);
	if (softgpu_faux)
		faux_device_destroy(softgpu_faux);
	softgpu_pfn_unregister();
}

module_init(softgpu_init);
module_exit(softgpu_exit);

MODULE_DESCRIPTION("DRM device with VRAM on a PCI BAR or in RAM, a stand-in for a GPU");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
