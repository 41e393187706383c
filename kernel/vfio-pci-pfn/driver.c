// SPDX-License-Identifier: GPL-2.0-only
/*
 * The PCI driver and the VFIO device: vfio-pci's, made of vfio-pci-core, but for
 * the dma-bufs.
 *
 * Bound by driver_override only, as vfio-pci is; and there is no module alias,
 * so that nobody who looks for the best VFIO driver of a device takes this one for
 * it without being told.
 *
 * /sys/bus/pci/devices/ADDRESS/vfio_pci_pfn/private is 1 when the memory of the
 * device is not for the host. It can be written while the device is not open; its
 * value at first is whether the module parameter of that name has the address.
 */
#include <linux/dma-buf.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm_runtime.h>
#include <linux/sysfs.h>
#include <linux/vfio.h>

#include "internal.h"

static char *private = "";
module_param(private, charp, 0444);
MODULE_PARM_DESC(private, "PCI addresses of devices whose memory is not for the host, separated by commas (default: none)");

/* As vfio-pci has them. */
static bool nointxmask;
module_param(nointxmask, bool, 0644);
MODULE_PARM_DESC(nointxmask, "disable support for PCI 2.3 style INTx masking (default: no)");

static bool disable_idle_d3;
module_param(disable_idle_d3, bool, 0644);
MODULE_PARM_DESC(disable_idle_d3, "do not put idle, unused devices into D3 (default: no)");

static bool enable_sriov;
module_param(enable_sriov, bool, 0644);
MODULE_PARM_DESC(enable_sriov, "let virtual functions be made of a device bound to this driver (default: no)");

static int vpp_init_dev(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core =
		container_of(vdev, struct vfio_pci_core_device, vdev);
	struct vpp_device *dev = to_vpp(core);

	mutex_init(&dev->create_lock);
	mutex_init(&dev->lock);
	INIT_LIST_HEAD(&dev->bufs);
	core->nointxmask = nointxmask;
	core->disable_idle_d3 = disable_idle_d3;
	return vfio_pci_core_init_dev(vdev);
}

static void vpp_release_dev(struct vfio_device *vdev)
{
	struct vpp_device *dev =
		to_vpp(container_of(vdev, struct vfio_pci_core_device, vdev));

	vfio_pci_core_release_dev(vdev);
	mutex_destroy(&dev->lock);
	mutex_destroy(&dev->create_lock);
}

static int vpp_open_device(struct vfio_device *vdev)
{
	struct vfio_pci_core_device *core =
		container_of(vdev, struct vfio_pci_core_device, vdev);
	struct vpp_device *dev = to_vpp(core);
	int ret;

	/* From here on private mode stays what it is. */
	scoped_guard(mutex, &dev->lock)
		dev->open = true;
	ret = vfio_pci_core_enable(core);
	if (ret) {
		guard(mutex)(&dev->lock);
		dev->open = false;
		return ret;
	}
	vfio_pci_core_finish_enable(core);
	return 0;
}

static void vpp_close_device(struct vfio_device *vdev)
{
	vpp_bufs_close(to_vpp(container_of(vdev, struct vfio_pci_core_device,
					   vdev)));
	vfio_pci_core_close_device(vdev);
}

static int vpp_device_feature(struct vfio_device *vdev, u32 flags,
			      void __user *arg, size_t argsz)
{
	struct vpp_device *dev =
		to_vpp(container_of(vdev, struct vfio_pci_core_device, vdev));

	if ((flags & VFIO_DEVICE_FEATURE_MASK) == VFIO_DEVICE_FEATURE_DMA_BUF)
		return vpp_feature_dma_buf(dev, flags, arg, argsz);
	return vfio_pci_core_ioctl_feature(vdev, flags, arg, argsz);
}

static const struct vfio_device_ops vpp_vfio_ops = {
	.name = KBUILD_MODNAME,
	.init = vpp_init_dev,
	.release = vpp_release_dev,
	.open_device = vpp_open_device,
	.close_device = vpp_close_device,
	.ioctl = vfio_pci_core_ioctl,
	.get_region_info_caps = vfio_pci_ioctl_get_region_info,
	.device_feature = vpp_device_feature,
	.read = vfio_pci_core_read,
	.write = vfio_pci_core_write,
	.mmap = vfio_pci_core_mmap,
	.request = vfio_pci_core_request,
	.match = vfio_pci_core_match,
	.match_token_uuid = vfio_pci_core_match_token_uuid,
	.bind_iommufd = vfio_iommufd_physical_bind,
	.unbind_iommufd = vfio_iommufd_physical_unbind,
	.attach_ioas = vfio_iommufd_physical_attach_ioas,
	.detach_ioas = vfio_iommufd_physical_detach_ioas,
	.pasid_attach_ioas = vfio_iommufd_physical_pasid_attach_ioas,
	.pasid_detach_ioas = vfio_iommufd_physical_pasid_detach_ioas,
};

static const struct vfio_pci_device_ops vpp_pci_ops = {
	.get_dmabuf_phys = vpp_get_dmabuf_phys,
};

static ssize_t private_show(struct device *device, struct device_attribute *attr,
			    char *buf)
{
	struct vpp_device *dev = to_vpp(dev_get_drvdata(device));

	guard(mutex)(&dev->lock);
	return sysfs_emit(buf, "%d\n", dev->private);
}

static ssize_t private_store(struct device *device, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	struct vpp_device *dev = to_vpp(dev_get_drvdata(device));
	bool value;
	int ret;

	ret = kstrtobool(buf, &value);
	if (ret)
		return ret;
	guard(mutex)(&dev->lock);
	if (dev->open)
		return -EBUSY;
	dev->private = value;
	return count;
}
static DEVICE_ATTR_RW(private);

static struct attribute *vpp_attrs[] = {
	&dev_attr_private.attr,
	NULL,
};

static const struct attribute_group vpp_group = {
	.name = KBUILD_MODNAME,
	.attrs = vpp_attrs,
};
__ATTRIBUTE_GROUPS(vpp);

/* Is the device called @name in the list of the module parameter? */
static bool vpp_is_private(const char *name)
{
	size_t len = strlen(name);
	const char *p;

	for (p = private; p; p = strchr(p, ',')) {
		p += *p == ',';
		if (!strncmp(p, name, len) &&
		    (!p[len] || p[len] == ',' || p[len] == '\n'))
			return true;
	}
	return false;
}

static int vpp_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct vpp_device *dev;
	int ret;

	dev = vfio_alloc_device(vpp_device, core.vdev, &pdev->dev, &vpp_vfio_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	dev->private = vpp_is_private(pci_name(pdev));
	dev->core.pci_ops = &vpp_pci_ops;
	dev_set_drvdata(&pdev->dev, &dev->core);
	ret = vfio_pci_core_register_device(&dev->core);
	if (ret)
		vfio_put_device(&dev->core.vdev);
	return ret;
}

/* Waits for the user to close the device; its memory is out of reach before. */
static void vpp_remove(struct pci_dev *pdev)
{
	struct vfio_pci_core_device *core = dev_get_drvdata(&pdev->dev);

	vpp_bufs_revoke(to_vpp(core));
	vfio_pci_core_unregister_device(core);
	vfio_put_device(&core->vdev);
}

static int vpp_sriov_configure(struct pci_dev *pdev, int nr_virtfn)
{
	if (!enable_sriov)
		return -ENOENT;
	return vfio_pci_core_sriov_configure(dev_get_drvdata(&pdev->dev),
					     nr_virtfn);
}

static const struct pci_device_id vpp_ids[] = {
	{ PCI_DRIVER_OVERRIDE_DEVICE_VFIO(PCI_ANY_ID, PCI_ANY_ID) },
	{ }
};

static struct pci_driver vpp_driver = {
	.name = KBUILD_MODNAME,
	.id_table = vpp_ids,
	.probe = vpp_probe,
	.remove = vpp_remove,
	.sriov_configure = vpp_sriov_configure,
	.err_handler = &vfio_pci_core_err_handlers,
	.dev_groups = vpp_groups,
	.driver_managed_dma = true,
};

static int __init vpp_init(void)
{
	int ret;

	ret = vpp_pfn_register();
	if (ret)
		return ret;
	ret = pci_register_driver(&vpp_driver);
	if (ret)
		vpp_pfn_unregister();
	return ret;
}
module_init(vpp_init);

static void __exit vpp_exit(void)
{
	pci_unregister_driver(&vpp_driver);
	vpp_pfn_unregister();
}
module_exit(vpp_exit);

MODULE_DESCRIPTION("vfio-pci with dma-bufs that give page frame numbers");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
