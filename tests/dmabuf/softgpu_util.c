// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/dma-buf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "softgpu_test.h"

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* Name of the device behind a DRM node, and of the bus it is on. */
static bool node_device(int fd, char *name, size_t len, char *bus)
{
	char path[64], link[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return false;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device",
		 major(st.st_rdev), minor(st.st_rdev));
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = 0;
	snprintf(name, len, "%s", basename(link));

	strcat(path, "/subsystem");
	n = readlink(path, link, sizeof(link) - 1);
	if (n < 0)
		return false;
	link[n] = 0;
	snprintf(bus, 16, "%s", basename(link));
	return true;
}

static bool is_softgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool yes = version && !strcmp(version->name, "softgpu");

	drmFreeVersion(version);
	return yes;
}

/* Value of the line "key value" in the debugfs file "vram". */
static size_t vram_value(struct device *dev, const char *key)
{
	char path[160], line[512];
	size_t len = strlen(key), value = 0;
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "%s/vram", dev->debugfs);
	f = fopen(path, "re");
	check(f, "%s: %m", path);
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, len) && line[len] == ' ') {
			value = strtoull(line + len, NULL, 10);
			found = true;
		}
	}
	fclose(f);
	check(found, "%s: no \"%s\"", path, key);
	return value;
}

void device_open(struct device *dev, const char *kind)
{
	const char *want = !strcmp(kind, "bar") ? "pci" : "faux";
	char name[64], bus[16];

	for (int i = 0; i < 64; i++) {
		snprintf(dev->node, sizeof(dev->node), "/dev/dri/card%d", i);
		dev->fd = open(dev->node, O_RDWR | O_CLOEXEC);
		if (dev->fd < 0)
			continue;
		if (is_softgpu(dev->fd) &&
		    node_device(dev->fd, name, sizeof(name), bus) &&
		    !strcmp(bus, want)) {
			snprintf(dev->debugfs, sizeof(dev->debugfs),
				 "/sys/kernel/debug/dri/%s", name);
			dev->vram = vram_value(dev, "size");
			return;
		}
		close(dev->fd);
	}
	die("no softgpu device of kind %s", kind);
}

/* A PCI device is called by its address. */
bool is_bar(const struct device *dev)
{
	return strchr(dev->debugfs, ':');
}

void buffer_create(struct device *dev, struct buffer *buf, size_t size)
{
	uint32_t pitch;
	uint64_t real;
	int ret;

	memset(buf, 0, sizeof(*buf));
	buf->dev = dev;
	buf->asked = size;
	ret = drmModeCreateDumbBuffer(dev->fd, size, 1, 8, 0, &buf->handle,
				      &pitch, &real);
	check(!ret, "create %zu bytes: %s", size, strerror(-ret));
	check(pitch == size, "pitch %u for %zu bytes", pitch, size);
	check(real >= size && real < size + 4096 && real % 4096 == 0,
	      "%llu bytes instead of %zu", (unsigned long long)real, size);
	buf->size = real;
	buf->id = placement_all(dev).last_id;
}

void buffer_map(struct buffer *buf)
{
	uint64_t offset;
	int ret;

	ret = drmModeMapDumbBuffer(buf->dev->fd, buf->handle, &offset);
	check(!ret, "map offset: %s", strerror(-ret));
	if (buf->map)
		return;
	buf->map = mmap(NULL, buf->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			buf->dev->fd, offset);
	check(buf->map != MAP_FAILED, "mmap: %m");
}

void buffer_unmap(struct buffer *buf)
{
	if (buf->map)
		munmap(buf->map, buf->size);
	buf->map = NULL;
}

void buffer_destroy(struct buffer *buf)
{
	int ret;

	buffer_unmap(buf);
	ret = drmModeDestroyDumbBuffer(buf->dev->fd, buf->handle);
	check(!ret, "destroy: %s", strerror(-ret));
}

int buffer_export(struct buffer *buf)
{
	int fd;

	check(!drmPrimeHandleToFD(buf->dev->fd, buf->handle, DRM_CLOEXEC | DRM_RDWR, &fd),
	      "PRIME export: %m");
	return fd;
}

uint8_t *fd_map(int fd, size_t size)
{
	uint8_t *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	check(p != MAP_FAILED, "mmap of the dma-buf: %m");
	return p;
}

static void dmabuf_sync(int fd, uint64_t flags)
{
	struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_RW };

	check(!ioctl(fd, DMA_BUF_IOCTL_SYNC, &sync), "DMA_BUF_IOCTL_SYNC: %m");
}

void sync_begin(int fd) { dmabuf_sync(fd, DMA_BUF_SYNC_START); }
void sync_end(int fd) { dmabuf_sync(fd, DMA_BUF_SYNC_END); }

/* Returns 0 or an errno. */
int debugfs_write(struct device *dev, const char *file, const char *fmt, ...)
{
	char path[160], text[64];
	va_list ap;
	int fd, len, err;

	va_start(ap, fmt);
	len = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);

	snprintf(path, sizeof(path), "%s/%s", dev->debugfs, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0, "%s: %m", path);
	err = write(fd, text, len) == len ? 0 : errno;
	close(fd);
	return err;
}

/* Add up the lines of "vram" about buffer @id, or about all (0). */
struct placement placement_of(struct device *dev, uint32_t id)
{
	struct placement sum = { 0 };
	char path[160], line[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/vram", dev->debugfs);
	f = fopen(path, "re");
	check(f, "%s: %m", path);
	while (fgets(line, sizeof(line), f)) {
		unsigned int bo, pinned, exported, extents;
		size_t size;

		if (sscanf(line, "bo %u: size %zu pinned %u exported %u", &bo,
			   &size, &pinned, &exported) != 4)
			continue;
		if (bo > sum.last_id)
			sum.last_id = bo;
		if (id && bo != id)
			continue;
		sum.pinned += pinned;
		if (strstr(line, " system")) {
			sum.system++;
		} else {
			check(sscanf(strstr(line, " vram") ?: "", " vram extents %u",
				     &extents) == 1, "cannot read: %s", line);
			sum.vram++;
			sum.extents += extents;
		}
	}
	fclose(f);
	return sum;
}

struct placement placement_all(struct device *dev)
{
	return placement_of(dev, 0);
}

/* Eight bytes of the pattern, different for every word and seed. */
static uint64_t pattern(uint64_t word, uint32_t seed)
{
	uint64_t x = word * 0x9e3779b97f4a7c15ull ^ (uint64_t)seed << 32 ^ seed;

	x ^= x >> 29;
	return x * 0xbf58476d1ce4e5b9ull;
}

void fill(uint8_t *p, size_t size, uint32_t seed)
{
	size_t i;
	uint64_t w;

	for (i = 0; i + 8 <= size; i += 8) {
		w = pattern(i / 8, seed);
		memcpy(p + i, &w, 8);
	}
	w = pattern(i / 8, seed);
	memcpy(p + i, &w, size - i);
}

void verify(const uint8_t *p, size_t size, uint32_t seed, const char *what)
{
	for (size_t i = 0; i < size; i += 8) {
		uint64_t w = pattern(i / 8, seed), have = 0;
		size_t n = size - i < 8 ? size - i : 8;

		memcpy(&have, p + i, n);
		check(!memcmp(&have, &w, n), "%s: wrong bytes at %zu of %zu",
		      what, i, size);
	}
}

void verify_zero(const uint8_t *p, size_t size, const char *what)
{
	for (size_t i = 0; i < size; i++)
		check(!p[i], "%s: byte %zu of %zu is not zero", what, i, size);
}
