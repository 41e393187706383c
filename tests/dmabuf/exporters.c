// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill
#include "exporters.h"
#include "mock-abi.h"

#define HUGE	(2ul << 20)

static void map_fd(struct exporter_buffer *b)
{
	b->map = fd_map(b->fd, XB_SIZE);
}

void exporter_move(struct exporter_buffer *b, bool away)
{
	struct device dev;
	int err;

	if (!b->id)
		return;
	memcpy(dev.debugfs, b->debugfs, sizeof(dev.debugfs));
	err = debugfs_write(&dev, away ? "evict" : "restore", "%u", b->id);
	check(!err, "a move: %s", strerror(err));
}

static void softgpu_make(struct exporter_buffer *b, const char *kind, bool system)
{
	struct placement where;
	struct device dev;
	struct buffer buf;

	device_open(&dev, kind);
	buffer_create(&dev, &buf, XB_SIZE);
	b->fd = buffer_export(&buf);
	b->dev = dev.fd;
	b->id = buf.id;
	memcpy(b->debugfs, dev.debugfs, sizeof(b->debugfs));
	if (system)
		exporter_move(b, true);
	where = placement_of(&dev, buf.id);
	check(where.system == system && where.vram == !system, "it is elsewhere");
	buffer_destroy(&buf);
	map_fd(b);
}

static void softgpu_vram(struct exporter_buffer *b, const char *kind)
{
	softgpu_make(b, kind, false);
}

static void softgpu_system(struct exporter_buffer *b, const char *kind)
{
	softgpu_make(b, kind, true);
}

/* A part of a memory file. */
static void udmabuf_of(struct exporter_buffer *b, unsigned int flags, size_t size,
		       size_t offset)
{
	struct udmabuf_create arg = {
		.flags = UDMABUF_FLAGS_CLOEXEC, .offset = offset, .size = XB_SIZE,
	};
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	int mem = memfd_create("exporters", MFD_CLOEXEC | MFD_ALLOW_SEALING | flags);

	check(dev >= 0, "/dev/udmabuf: %m");
	check(mem >= 0 && !ftruncate(mem, (off_t)size), "memfd: %m");
	check(!fcntl(mem, F_ADD_SEALS, F_SEAL_SHRINK), "seal: %m");
	arg.memfd = (unsigned int)mem;
	b->fd = ioctl(dev, UDMABUF_CREATE, &arg);
	check(b->fd >= 0, "UDMABUF_CREATE: %m");
	close(dev);
	close(mem);
	map_fd(b);
}

static void udmabuf(struct exporter_buffer *b, const char *arg)
{
	(void)arg;
	udmabuf_of(b, 0, 2 * XB_SIZE, XB_PAGE);
}

/* Out of the middle of two huge pages. */
static void udmabuf_huge(struct exporter_buffer *b, const char *arg)
{
	(void)arg;
	udmabuf_of(b, MFD_HUGETLB, 2 * HUGE, HUGE - 7 * XB_PAGE);
}

static void heap(struct exporter_buffer *b, const char *arg)
{
	struct dma_heap_allocation_data req = {
		.len = XB_SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	(void)arg;
	check(dev >= 0 && !ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &req), "heap: %m");
	b->fd = (int)req.fd;
	close(dev);
	map_fd(b);
}

/* The primary node of a DRM driver. */
static int drm_open(const char *driver)
{
	drmVersionPtr version;
	char path[32];
	bool found;
	int fd;

	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		version = drmGetVersion(fd);
		found = version && !strcmp(version->name, driver);
		drmFreeVersion(version);
		if (found)
			return fd;
		close(fd);
	}
	die("no DRM device of %s", driver);
}

static void dumb(struct exporter_buffer *b, const char *driver)
{
	uint32_t handle, pitch;
	uint64_t size, offset;

	b->dev = drm_open(driver);
	check(!drmModeCreateDumbBuffer(b->dev, 1024, XB_SIZE / 4096, 32, 0, &handle,
				       &pitch, &size) && size == XB_SIZE,
	      "dumb buffer: %m");
	check(!drmPrimeHandleToFD(b->dev, handle, DRM_CLOEXEC | DRM_RDWR, &b->fd),
	      "PRIME: %m");
	check(!drmModeMapDumbBuffer(b->dev, handle, &offset), "map: %m");
	b->map = mmap(NULL, XB_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, b->dev,
		      (off_t)offset);
	check(b->map != MAP_FAILED, "mmap: %m");
	check(!drmModeDestroyDumbBuffer(b->dev, handle), "destroy: %m");
}

static void vgem(struct exporter_buffer *b, const char *arg)
{
	(void)arg;
	dumb(b, "vgem");
}

static void virtio_gpu(struct exporter_buffer *b, const char *arg)
{
	(void)arg;
	dumb(b, "virtio_gpu");
}

static void bochs(struct exporter_buffer *b, const char *arg)
{
	(void)arg;
	dumb(b, "bochs-drm");
}

/* Ranges of BAR 2, and VFIO's mappings of them side by side. */
static void vfio_make(struct exporter_buffer *b, const char *bdf,
		      const struct vfio_range *ranges, unsigned int nr)
{
	uint64_t offset = 0;

	b->vfio = malloc(sizeof(*b->vfio));
	check(b->vfio, "no memory");
	vfio_open(b->vfio, bdf);
	b->fd = vfio_dmabuf(b->vfio, 2, ranges, nr);
	b->map = mmap(NULL, XB_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(b->map != MAP_FAILED, "mmap: %m");
	for (unsigned int i = 0; i < nr; i++) {
		size_t len = ranges[i].npages * XB_PAGE;
		uint64_t at = vfio_region(b->vfio, 2).offset;
		void *p = mmap(b->map + offset, len, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_FIXED, b->vfio->dev,
			       (off_t)(at + ranges[i].page * XB_PAGE));

		check(p != MAP_FAILED, "mmap of a BAR: %m");
		offset += len;
	}
	check(offset == XB_SIZE, "ranges of another size");
}

static void vfio(struct exporter_buffer *b, const char *bdf)
{
	static const struct vfio_range whole[] = { { 5, 24 } };

	vfio_make(b, bdf, whole, 1);
}

/* Out of order; the last two are one in the BAR. */
static void vfio_ranges(struct exporter_buffer *b, const char *bdf)
{
	static const struct vfio_range ranges[] = {
		{ 90, 5 }, { 200, 11 }, { 3, 1 }, { 40, 4 }, { 44, 3 },
	};

	vfio_make(b, bdf, ranges, 5);
}

static void mock_neither(struct exporter_buffer *b, const char *arg)
{
	struct mock_export req = { .size = XB_SIZE, .flags = MOCK_EXP_NO_PFN };
	int dev = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);

	(void)arg;
	check(dev >= 0 && !ioctl(dev, MOCK_IOC_EXPORT, &req), "mock: %m");
	b->fd = req.fd;
	close(dev);
}

static const struct exporter exporters[] = {
	{ "softgpu-vram", softgpu_vram, "pfn", NULL, 0 },
	{ "softgpu-system", softgpu_system, "pfn", "ram", 0 },
	{ "vfio", vfio, "pfn", "mmio", 0 },
	{ "vfio-ranges", vfio_ranges, "pfn", "mmio", 0 },
	{ "udmabuf", udmabuf, "vmap", "ram", 0 },
	{ "udmabuf-huge", udmabuf_huge, "vmap", "ram", 0 },
	{ "heap", heap, "vmap", "ram", 0 },
	{ "vgem", vgem, "vmap", "ram", 0 },
	{ "virtio-gpu", virtio_gpu, "vmap", "ram", 0 },
	{ "bochs", bochs, "vmap", "ram", 0 },
	{ "vfio-stock", vfio, NULL, NULL, EOPNOTSUPP },
	{ "mock-neither", mock_neither, NULL, NULL, EOPNOTSUPP },
};

const struct exporter *exporter_find(const char *name)
{
	for (size_t i = 0; i < sizeof(exporters) / sizeof(exporters[0]); i++)
		if (!strcmp(exporters[i].name, name))
			return &exporters[i];
	return NULL;
}

void exporter_make(const struct exporter *e, struct exporter_buffer *b,
		   const char *arg)
{
	*b = (struct exporter_buffer) { .fd = -1, .dev = -1 };
	e->make(b, arg);
}

void exporter_drop(struct exporter_buffer *b)
{
	if (b->map)
		munmap(b->map, XB_SIZE);
	close(b->fd);
	if (b->dev >= 0)
		close(b->dev);
	if (b->vfio)
		vfio_close(b->vfio);
	free(b->vfio);
	b->vfio = NULL;
}

void exporter_sync(struct exporter_buffer *b, uint64_t flags)
{
	struct dma_buf_sync arg = { .flags = flags | DMA_BUF_SYNC_RW };

	check(!ioctl(b->fd, DMA_BUF_IOCTL_SYNC, &arg), "DMA_BUF_IOCTL_SYNC: %m");
}
