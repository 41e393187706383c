// SPDX-License-Identifier: GPL-2.0
/* Wrong use, and ends of life. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "softgpu_test.h"

static void create_fails(struct device *dev, uint32_t width, uint32_t height,
			 uint32_t bpp, int want)
{
	uint32_t handle, pitch;
	uint64_t size;
	int ret = drmModeCreateDumbBuffer(dev->fd, width, height, bpp, 0,
					  &handle, &pitch, &size);

	check(ret == -want, "%u x %u x %u: %s, not %s", width, height, bpp,
	      ret ? strerror(-ret) : "made", strerror(want));
}

static void bad_sizes(struct device *dev)
{
	uint32_t mib = dev->vram / (1024 * 1024);

	create_fails(dev, 0, 1, 8, EINVAL);
	create_fails(dev, 1, 0, 8, EINVAL);
	create_fails(dev, 1, 1, 0, EINVAL);
	create_fails(dev, UINT32_MAX, UINT32_MAX, 32, EINVAL);
	create_fails(dev, UINT32_MAX, 1, 32, EINVAL);
	create_fails(dev, 65536, 65536, 8, EINVAL);
	create_fails(dev, UINT32_MAX, 1, 8, EINVAL);	/* wraps when aligned */
	if (mib < 4000)
		create_fails(dev, 1024 * 1024, mib + 1, 8, ENOMEM);
}

static void bad_handles(struct device *dev)
{
	uint64_t offset;
	int fd, ret;

	ret = drmModeMapDumbBuffer(dev->fd, 4711, &offset);
	check(ret == -ENOENT, "map of no handle: %s", strerror(-ret));
	ret = drmModeDestroyDumbBuffer(dev->fd, 4711);
	check(ret == -EINVAL, "destroy of no handle: %s", strerror(-ret));
	check(drmPrimeHandleToFD(dev->fd, 4711, 0, &fd) && errno == ENOENT,
	      "export of no handle: %m");
	check(drmCloseBufferHandle(dev->fd, 4711) && errno == EINVAL,
	      "close of no handle: %m");
}

static int foreign_dmabuf(void)
{
	struct dma_heap_allocation_data heap = {
		.len = 4096,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};
	int fd = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	check(!ioctl(fd, DMA_HEAP_IOCTL_ALLOC, &heap), "dma-heap: %m");
	close(fd);
	return heap.fd;
}

static void bad_imports(struct device *dev)
{
	uint32_t handle;
	int fd;

	check(drmPrimeFDToHandle(dev->fd, -1, &handle) && errno == EBADF,
	      "import of no fd: %m");
	fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
	check(fd >= 0, "/dev/zero: %m");
	check(drmPrimeFDToHandle(dev->fd, fd, &handle) && errno == EINVAL,
	      "import of a file: %m");
	close(fd);
	fd = foreign_dmabuf();
	if (fd >= 0) {
		check(drmPrimeFDToHandle(dev->fd, fd, &handle) &&
		      errno == EOPNOTSUPP, "import of another's dma-buf: %m");
		close(fd);
	}
}

static void mmap_fails(int fd, size_t size, int flags, uint64_t offset,
		       const char *what, int want)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, offset);

	check(p == MAP_FAILED && errno == want, "%s: %s", what,
	      p == MAP_FAILED ? strerror(errno) : "mapped");
}

static void bad_mappings(struct device *dev)
{
	int second = open(dev->node, O_RDWR | O_CLOEXEC), fd;
	struct buffer buf;
	uint64_t offset;

	buffer_create(dev, &buf, 3 * 4096);
	check(!drmModeMapDumbBuffer(dev->fd, buf.handle, &offset), "map");
	mmap_fails(dev->fd, buf.size + 4096, MAP_SHARED, offset, "too long", EINVAL);
	mmap_fails(dev->fd, buf.size, MAP_SHARED, offset + (1ull << 40),
		   "no such offset", EINVAL);
	mmap_fails(dev->fd, buf.size, MAP_PRIVATE, offset, "private", EINVAL);
	mmap_fails(second, buf.size, MAP_SHARED, offset, "another client's", EACCES);
	fd = buffer_export(&buf);
	mmap_fails(fd, buf.size + 4096, MAP_SHARED, 0, "dma-buf, too long", EINVAL);
	mmap_fails(fd, buf.size, MAP_PRIVATE, 0, "dma-buf, private", EINVAL);
	close(fd);
	close(second);
	buffer_destroy(&buf);
}

static void bad_debugfs(struct device *dev)
{
	check(debugfs_write(dev, "evict", "some") == EINVAL, "evict some");
	check(debugfs_write(dev, "evict", "0") == ENOENT, "evict 0");
	check(debugfs_write(dev, "evict", "1234567") == ENOENT, "evict of none");
	check(debugfs_write(dev, "evict", "%040d", 1) == EINVAL, "evict, too long");
	check(debugfs_write(dev, "restore", "-1") != 0, "restore -1");
	check(debugfs_write(dev, "restore", "1234567") == ENOENT, "restore of none");
}

void case_bad(struct device *dev)
{
	struct buffer buf;

	bad_sizes(dev);
	bad_handles(dev);
	bad_imports(dev);
	bad_mappings(dev);
	bad_debugfs(dev);
	check(!placement_all(dev).last_id, "something half-made is left");

	/* No privilege is needed for the rest. */
	buffer_create(dev, &buf, 4097);
	check(!setuid(65534), "setuid: %m");
	buffer_map(&buf);
	fill(buf.map, buf.asked, 1);
	verify(buf.map, buf.asked, 1, "unprivileged");
	close(buffer_export(&buf));
	check(!drmModeDestroyDumbBuffer(dev->fd, buf.handle), "destroy");
	check(!drmModeCreateDumbBuffer(dev->fd, 64, 64, 32, 0, &buf.handle,
				       &(uint32_t){ 0 }, &(uint64_t){ 0 }),
	      "create without privilege");
}

static void hold(void)
{
	char c;

	puts("ready");
	while (read(0, &c, 1) > 0)
		;
}

/* Keep nothing but a dma-buf until end of input. */
void case_hold_fd(struct device *dev)
{
	struct buffer buf;

	buffer_create(dev, &buf, 8192);
	buffer_export(&buf);
	buffer_destroy(&buf);
	close(dev->fd);
	hold();
}

/* Keep nothing but a mapping of a dma-buf until end of input. */
void case_hold_map(struct device *dev)
{
	struct buffer buf;
	uint8_t *p;
	int fd;

	buffer_create(dev, &buf, 8191);
	fd = buffer_export(&buf);
	p = fd_map(fd, buf.size);
	fill(p, buf.asked, 5);
	close(fd);
	buffer_destroy(&buf);
	close(dev->fd);
	hold();
	verify(p, buf.asked, 5, "held by a mapping");
}

/* Somebody unbinds the device while we use it. */
void case_unbind(struct device *dev)
{
	struct buffer buf, unused;
	uint32_t pitch, handle;
	uint64_t size;
	uint8_t *p;
	int fd, ret;

	buffer_create(dev, &buf, 3 * 4096);
	buffer_create(dev, &unused, 4096);
	buffer_map(&buf);
	fill(buf.map, buf.asked, 6);
	fd = buffer_export(&buf);
	p = fd_map(fd, buf.size);
	verify(p, buf.asked, 6, "before");
	pfn_before_unplug(fd);
	hold();
	pfn_after_unplug(fd);

	/* Zeroes, not a fault; and nothing of the device. */
	verify_zero(buf.map, buf.size, "after the unplug");
	memset(buf.map, 1, buf.size);
	ret = drmModeCreateDumbBuffer(dev->fd, 64, 64, 32, 0, &handle, &pitch, &size);
	check(ret == -ENODEV, "create after the unplug: %s", strerror(-ret));
	p[0]++;
	munmap(p, buf.size);
	close(fd);
}
