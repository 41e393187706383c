// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vfio_util.h"

__attribute__((noreturn))
static void failed(const char *what)
{
	fprintf(stderr, "vfio: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int must(int ret, const char *what)
{
	if (ret < 0)
		failed(what);
	return ret;
}

static int open_group(const char *bdf)
{
	char path[96], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	n = readlink(path, target, sizeof(target) - 1);
	must((int)n, path);
	target[n] = 0;
	snprintf(path, sizeof(path), "/dev/vfio/%s", basename(target));
	return must(open(path, O_RDWR | O_CLOEXEC), path);
}

void vfio_open(struct vfio *v, const char *bdf)
{
	snprintf(v->bdf, sizeof(v->bdf), "%s", bdf);
	v->container = must(open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC),
			    "/dev/vfio/vfio");
	v->group = open_group(bdf);
	must(ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container),
	     "VFIO_GROUP_SET_CONTAINER");
	must(ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU),
	     "VFIO_SET_IOMMU");
	v->dev = must(ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, bdf),
		      "VFIO_GROUP_GET_DEVICE_FD");
	vfio_memory(v, true);
}

void vfio_close(struct vfio *v)
{
	close(v->dev);
	close(v->group);
	close(v->container);
}

struct vfio_region_info vfio_region(const struct vfio *v, unsigned int index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	must(ioctl(v->dev, VFIO_DEVICE_GET_REGION_INFO, &info),
	     "VFIO_DEVICE_GET_REGION_INFO");
	return info;
}

void *vfio_bar_map(const struct vfio *v, unsigned int bar, uint64_t offset,
		   size_t len)
{
	struct vfio_region_info info = vfio_region(v, bar);
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, v->dev,
			 (off_t)(info.offset + offset));

	if (mem == MAP_FAILED)
		failed("mmap of a BAR");
	return mem;
}

int vfio_dmabuf_try(const struct vfio *v, unsigned int bar,
		    const struct vfio_range *ranges, unsigned int nr)
{
	struct vfio_device_feature_dma_buf *req;
	struct vfio_device_feature *feature;
	size_t size = sizeof(*feature) + sizeof(*req) +
		nr * sizeof(req->dma_ranges[0]);
	unsigned int i;
	int fd;

	feature = calloc(1, size);
	if (!feature)
		failed("calloc");
	feature->argsz = (uint32_t)size;
	feature->flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF;
	req = (void *)feature->data;
	req->region_index = bar;
	req->open_flags = O_RDWR | O_CLOEXEC;
	req->nr_ranges = nr;
	for (i = 0; i < nr; i++) {
		req->dma_ranges[i].offset = ranges[i].page * VFIO_PAGE;
		req->dma_ranges[i].length = ranges[i].npages * VFIO_PAGE;
	}
	fd = ioctl(v->dev, VFIO_DEVICE_FEATURE, feature);
	if (fd < 0)
		fd = -errno;
	free(feature);
	return fd;
}

int vfio_dmabuf(const struct vfio *v, unsigned int bar,
		const struct vfio_range *ranges, unsigned int nr)
{
	int fd = vfio_dmabuf_try(v, bar, ranges, nr);

	if (fd < 0) {
		errno = -fd;
		failed("VFIO_DEVICE_FEATURE_DMA_BUF");
	}
	return fd;
}

void vfio_memory(const struct vfio *v, bool on)
{
	struct vfio_region_info info = vfio_region(v, VFIO_PCI_CONFIG_REGION_INDEX);
	off_t at = (off_t)info.offset + PCI_COMMAND;
	uint16_t command;

	if (pread(v->dev, &command, 2, at) != 2)
		failed("reading PCI_COMMAND");
	command = on ? command | PCI_COMMAND_MEMORY :
		(uint16_t)(command & ~PCI_COMMAND_MEMORY);
	if (pwrite(v->dev, &command, 2, at) != 2)
		failed("writing PCI_COMMAND");
}

int vfio_reset_err(const struct vfio *v)
{
	return ioctl(v->dev, VFIO_DEVICE_RESET) ? errno : 0;
}

int vfio_low_power_err(const struct vfio *v, bool enter)
{
	struct vfio_device_feature feature = {
		.argsz = sizeof(feature),
		.flags = VFIO_DEVICE_FEATURE_SET |
			(enter ? VFIO_DEVICE_FEATURE_LOW_POWER_ENTRY :
				 VFIO_DEVICE_FEATURE_LOW_POWER_EXIT),
	};

	return ioctl(v->dev, VFIO_DEVICE_FEATURE, &feature) ? errno : 0;
}

int vfio_sysfs_err(const char *bdf, const char *file, const char *text)
{
	char path[128];
	ssize_t n;
	int fd, err;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	fd = must(open(path, O_WRONLY | O_CLOEXEC), path);
	n = write(fd, text, strlen(text));
	err = n < 0 ? errno : 0;
	close(fd);
	return err;
}
