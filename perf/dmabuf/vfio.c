// SPDX-License-Identifier: GPL-2.0
/*
 * vfio:BDF[:barN[:offset]]: a range of a PCI BAR, by VFIO (group, container, type 1
 * IOMMU). The BAR stays this process's, for VFIO gives a device to one at a time.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kind.h"

#define NO_BAR	UINT_MAX

/* What the command line names. */
struct place {
	char bdf[16];
	unsigned int bar;	/* NO_BAR: the largest */
	uint64_t offset;
};

static int wrong(const struct dmabuf_source *s)
{
	return dmabuf_error(s, "vfio:BDF[:barN[:offset]] is meant, as vfio:0000:02:00.0:bar2:0x10000");
}

/* "0x1000", "64k", "1m", "1g"; false for anything else. */
static bool parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "kmg";
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	*size = strtoull(text, &end, 0);
	if (errno)
		return false;
	if (!*end)
		return true;
	unit = strchr(units, tolower((unsigned char)*end));
	if (!unit || end[1])
		return false;
	for (; unit >= units; unit--) {
		if (*size > UINT64_MAX / 1024)
			return false;
		*size *= 1024;
	}
	return true;
}

static int parse_bar(struct dmabuf_source *s, const char *args, struct place *p)
{
	unsigned int page = (unsigned int)sysconf(_SC_PAGESIZE);

	if (strncmp(args, "bar", 3) || !isdigit((unsigned char)args[3]) ||
	    (args[4] && args[4] != ':'))
		return wrong(s);
	p->bar = (unsigned int)(args[3] - '0');
	if (p->bar > 5)
		return dmabuf_error(s, "there are bar0 to bar5 only");
	if (!args[4])
		return 0;
	if (!parse_size(args + 5, &p->offset))
		return wrong(s);
	if (p->offset % page)
		return dmabuf_error(s, "the offset is not a multiple of %u", page);
	return 0;
}

static int parse_place(struct dmabuf_source *s, const char *args, struct place *p)
{
	unsigned int domain = 0, bus, slot, fn;
	int n = 0;

	*p = (struct place) { .bar = NO_BAR };
	if (sscanf(args, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &fn, &n) != 4) {
		domain = 0;
		if (sscanf(args, "%2x:%2x.%1x%n", &bus, &slot, &fn, &n) != 3)
			return wrong(s);
	}
	snprintf(p->bdf, sizeof(p->bdf), "%04x:%02x:%02x.%x", domain & 0xffff,
		 bus & 0xff, slot & 0xff, fn & 0xf);
	switch (args[n]) {
	case 0:
		return 0;
	case ':':
		return parse_bar(s, args + n + 1, p);
	default:
		return wrong(s);
	}
}

/* The last word of a link in the device's directory; "" if there is none. */
static void read_link(const char *bdf, const char *what, char *name, size_t size)
{
	char path[96], target[256];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, what);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = 0;
	snprintf(name, size, "%s", n < 0 ? "" : basename(target));
}

static bool exists(const char *bdf, const char *what)
{
	char path[96];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, what);
	return !access(path, F_OK);
}

/* Is it VFIO's? Not every dma-buf of VFIO will do for every RDMA device. */
static int check_driver(struct dmabuf_source *s, const char *bdf)
{
	char driver[64];

	if (!exists(bdf, ""))
		return dmabuf_error(s, "there is no PCI device %s", bdf);
	read_link(bdf, "driver", driver, sizeof(driver));
	if (!*driver)
		return dmabuf_error(s, "%s has no driver; bind it to vfio_pci_pfn", bdf);
	if (!exists(bdf, "vfio-dev"))
		return dmabuf_error(s, "%s is bound to %s; bind it to vfio_pci_pfn", bdf,
				    driver);
	if (!strcmp(driver, "vfio-pci"))
		fprintf(stderr, "--use_dmabuf=%s: %s is bound to vfio-pci, whose dma-bufs software RDMA devices cannot reach; prxe needs vfio_pci_pfn\n",
			s->spec, bdf);
	return 0;
}

static int open_device(struct dmabuf_source *s, const char *bdf)
{
	char group[64], path[96];

	read_link(bdf, "iommu_group", group, sizeof(group));
	if (!*group)
		return dmabuf_error(s, "%s is in no IOMMU group", bdf);
	snprintf(path, sizeof(path), "/dev/vfio/%s", group);
	s->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (s->container < 0)
		return dmabuf_error(s, "cannot open /dev/vfio/vfio: %s", strerror(errno));
	s->group = open(path, O_RDWR | O_CLOEXEC);
	if (s->group < 0)
		return dmabuf_error(s, "cannot open %s: %s%s", path, strerror(errno),
				    errno == EBUSY ? "; another process has it" : "");
	if (ioctl(s->group, VFIO_GROUP_SET_CONTAINER, &s->container))
		return dmabuf_error(s, "group %s is not viable: %s", group,
				    strerror(errno));
	if (ioctl(s->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return dmabuf_error(s, "no type 1 IOMMU: %s; modprobe vfio_iommu_type1",
				    strerror(errno));
	s->fd = ioctl(s->group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (s->fd < 0)
		return dmabuf_error(s, "cannot open the device: %s", strerror(errno));
	return 0;
}

static bool get_region(const struct dmabuf_source *s, unsigned int index,
		       struct vfio_region_info *info)
{
	*info = (struct vfio_region_info) { .argsz = sizeof(*info), .index = index };
	return !ioctl(s->fd, VFIO_DEVICE_GET_REGION_INFO, info);
}

/* A BAR of whole pages that may be mapped: what dma-bufs are made of. */
static bool usable(const struct vfio_region_info *info)
{
	return info->size && info->flags & VFIO_REGION_INFO_FLAG_MMAP;
}

static unsigned int largest_bar(const struct dmabuf_source *s)
{
	struct vfio_region_info info;
	unsigned int i, best = NO_BAR;
	uint64_t size = 0;

	for (i = 0; i <= VFIO_PCI_BAR5_REGION_INDEX; i++) {
		if (!get_region(s, i, &info) || !usable(&info) || info.size <= size)
			continue;
		best = i;
		size = info.size;
	}
	return best;
}

static int open_bar(struct dmabuf_source *s, struct place *p)
{
	struct vfio_region_info info;

	if (p->bar == NO_BAR)
		p->bar = largest_bar(s);
	if (p->bar == NO_BAR)
		return dmabuf_error(s, "%s has no BAR of memory", p->bdf);
	if (!get_region(s, p->bar, &info) || !info.size)
		return dmabuf_error(s, "%s has no bar%u", p->bdf, p->bar);
	if (!usable(&info))
		return dmabuf_error(s, "bar%u of %s cannot be mapped", p->bar, p->bdf);
	if (p->offset >= info.size)
		return dmabuf_error(s, "bar%u of %s has %llu bytes: the offset is behind its end",
				    p->bar, p->bdf, (unsigned long long)info.size);
	s->bar = p->bar;
	s->region = info.offset;
	dmabuf_set_range(s, p->offset, info.size);
	return 0;
}

/* The device may have been left with its BARs off. */
static int enable_memory(struct dmabuf_source *s)
{
	struct vfio_region_info info;
	uint16_t command;
	off_t at;

	if (!get_region(s, VFIO_PCI_CONFIG_REGION_INDEX, &info))
		return dmabuf_error(s, "no configuration space: %s", strerror(errno));
	at = (off_t)info.offset + PCI_COMMAND;
	if (pread(s->fd, &command, sizeof(command), at) != sizeof(command))
		return dmabuf_error(s, "reading PCI_COMMAND: %s", strerror(errno));
	command |= PCI_COMMAND_MEMORY;
	if (pwrite(s->fd, &command, sizeof(command), at) != sizeof(command))
		return dmabuf_error(s, "writing PCI_COMMAND: %s", strerror(errno));
	return 0;
}

static int vfio_open(struct dmabuf_source *s, const char *args)
{
	struct place p;

	if (parse_place(s, args, &p) || check_driver(s, p.bdf) ||
	    open_device(s, p.bdf) || open_bar(s, &p))
		return -1;
	return enable_memory(s);
}

static void vfio_close(struct dmabuf_source *s)
{
	if (s->group >= 0)
		close(s->group);
	if (s->container >= 0)
		close(s->container);
}

/* The dma-buf has the range and nothing else. */
static int vfio_alloc(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	struct {
		struct vfio_device_feature feature;
		struct vfio_device_feature_dma_buf buf;
		struct vfio_region_dma_range range;
	} request = {
		.feature.argsz = sizeof(request),
		.feature.flags = VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF,
		.buf.region_index = s->bar,
		.buf.open_flags = O_RDWR | O_CLOEXEC,
		.buf.nr_ranges = 1,
	};

	if (dmabuf_take(s, b))
		return -1;
	request.range.offset = b->offset;
	request.range.length = b->size;
	b->fd = ioctl(s->fd, VFIO_DEVICE_FEATURE, &request);
	if (b->fd < 0) {
		s->taken--;
		return dmabuf_error(s, "no dma-buf of the BAR: %s%s", strerror(errno),
				    errno == ENOTTY ? "; the kernel needs VFIO_PCI_DMABUF" : "");
	}
	b->handle = (uint32_t)(b->offset / (uint64_t)sysconf(_SC_PAGESIZE));
	b->offset = 0;
	return 0;
}

/* dma-bufs of VFIO have no mmap(): the device's file has. */
static int vfio_map(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	uint64_t at = s->region + b->handle * (uint64_t)sysconf(_SC_PAGESIZE);

	b->addr = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd,
		       (off_t)at);
	if (b->addr != MAP_FAILED)
		return 0;
	b->addr = NULL;
	return dmabuf_error(s, "the CPU cannot map the BAR: %s", strerror(errno));
}

const struct dmabuf_kind dmabuf_vfio = {
	.name = "vfio",
	.args = ":BDF[:barN[:offset]]",
	.help = "PCI BAR by VFIO; the largest, from its beginning, if none is named",
	.open = vfio_open,
	.alloc = vfio_alloc,
	.map = vfio_map,
	.close = vfio_close,
};
