// SPDX-License-Identifier: GPL-2.0
/*
 * Importers that know nothing of page frame numbers, by way of
 * /dev/softgpu_importer (kernel/softgpu/selftest).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "softgpu_test.h"

static int import(int dmabuf, enum importer_how how)
{
	struct importer_import req = { .fd = dmabuf, .how = how };
	int fd = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "/dev/softgpu_importer: %m");
	check(!ioctl(fd, IMPORTER_IMPORT, &req), "import: %m");
	return fd;
}

static struct importer_state state(int fd)
{
	struct importer_state s;

	check(!ioctl(fd, IMPORTER_STATE, &s), "state: %m");
	return s;
}

static void transfer(int fd, uint8_t *p, size_t size, bool write)
{
	for (size_t at = 0; at < size;) {
		ssize_t n = write ? pwrite(fd, p + at, size - at, at) :
				    pread(fd, p + at, size - at, at);

		check(n > 0, "importer's access at %zu: %m", at);
		at += n;
	}
}

/* The importer reads what the client wrote, and the other way round. */
static void exchange(int fd, struct buffer *buf, uint32_t seed, const char *what)
{
	uint8_t *p = malloc(buf->asked);

	check(p, "no memory");
	fill(buf->map, buf->asked, seed);
	transfer(fd, p, buf->asked, false);
	verify(p, buf->asked, seed, what);
	fill(p, buf->asked, seed + 1000);
	transfer(fd, p, buf->asked, true);
	verify(buf->map, buf->asked, seed + 1000, what);
	free(p);
}

static void expect(struct buffer *buf, bool system, bool pinned, const char *when)
{
	struct placement now = placement_of(buf->dev, buf->id);

	check(now.system == system, "%s: in %s", when,
	      now.system ? "system memory" : "VRAM");
	check(!!now.pinned == pinned, "%s: pinned %u", when, now.pinned);
}

static int make(struct device *dev, struct buffer *buf, size_t size)
{
	buffer_create(dev, buf, size);
	buffer_map(buf);
	expect(buf, false, false, "before the import");
	return buffer_export(buf);
}

/* Moving it away from where it is pinned must fail. */
static void stays(struct buffer *buf, bool system)
{
	const char *file = system ? "restore" : "evict";

	check(debugfs_write(buf->dev, file, "%u", buf->id) == EBUSY,
	      "%s of a pinned buffer", file);
	check(!debugfs_write(buf->dev, file, "all"), "%s all", file);
	expect(buf, system, true, "pinned");
}

/*
 * One that cannot follow moves pins: in VRAM with struct pages, else in system
 * memory. Contiguous and fragmented.
 */
void case_static(struct device *dev)
{
	bool bar = is_bar(dev);
	struct buffer buf;
	int dmabuf, imp;

	for (unsigned int fragment = 0; fragment < 2; fragment++) {
		check(!debugfs_write(dev, "fragment", "%u", fragment), "fragment");
		dmabuf = make(dev, &buf, 37 * 4096 + 17);
		fill(buf.map, buf.asked, 1);
		imp = import(dmabuf, IMPORTER_STATIC);
		expect(&buf, bar, true, "imported");
		verify(buf.map, buf.asked, 1, "imported");
		check(!fragment || bar || state(imp).nents >= 38, "%u entries",
		      state(imp).nents);
		stays(&buf, bar);
		exchange(imp, &buf, 10, "static importer");
		close(imp);

		expect(&buf, bar, false, "importer gone");
		check(!debugfs_write(dev, "evict", "%u", buf.id), "evict");
		check(!debugfs_write(dev, "restore", "%u", buf.id), "restore");
		verify(buf.map, buf.asked, 1010, "after the import");
		close(dmabuf);
		buffer_destroy(&buf);
	}
	check(!debugfs_write(dev, "fragment", "0"), "fragment");
}

/* One that follows moves is told of each, and maps where the buffer is. */
void case_dynamic(struct device *dev)
{
	unsigned int before;
	struct buffer buf;
	int dmabuf, imp;

	dmabuf = make(dev, &buf, 3 * 65536 - 1);
	imp = import(dmabuf, IMPORTER_DYNAMIC);
	expect(&buf, false, false, "attached");
	exchange(imp, &buf, 1, "dynamic importer");
	expect(&buf, is_bar(dev), false, "mapped");

	for (int i = 0; i < 4; i++) {
		check(!debugfs_write(dev, "restore", "%u", buf.id), "restore");
		exchange(imp, &buf, 2 * i, "restored");
		check(state(imp).nents, "not mapped");
		before = state(imp).invalidations;

		/* A BAR's buffer is in system memory by now. */
		check(!debugfs_write(dev, is_bar(dev) ? "restore" : "evict", "%u",
				     buf.id), "move");
		check(state(imp).invalidations == before + 1, "%u invalidations",
		      state(imp).invalidations - before);
		check(!state(imp).nents, "still mapped");
		exchange(imp, &buf, 2 * i + 1, "moved");
	}

	/* Told even when the handles are closed: the dma-buf lives on. */
	check(!debugfs_write(dev, "restore", "all"), "restore");
	exchange(imp, &buf, 50, "before the handle is closed");
	buffer_unmap(&buf);
	buffer_destroy(&buf);
	close(dmabuf);
	before = state(imp).invalidations;
	check(!debugfs_write(dev, is_bar(dev) ? "restore" : "evict", "%u", buf.id),
	      "move");
	check(state(imp).invalidations == before + 1,
	      "not told after the handle was closed");
	close(imp);
	check(!placement_all(dev).last_id, "buffers are left");
}

/* A vmap pins where the buffer is: one extent, many, system memory. */
/* Pieces of a BAR are mapped by vmap_pfn(), which is in some kernels. */
static bool maps_pieces(void)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	char name[128];
	bool found = false;

	check(f, "/proc/kallsyms: %m");
	while (!found && fscanf(f, "%*s %*s %127s%*[^\n]", name) == 1)
		found = !strcmp(name, "vmap_pfn");
	fclose(f);
	return found;
}

void case_vmap(struct device *dev)
{
	static const unsigned int fragments[] = { 0, 1, 7 };
	bool moves = is_bar(dev) && !maps_pieces();
	struct buffer buf;
	int dmabuf, imp;

	for (size_t i = 0; i < 3; i++) {
		check(!debugfs_write(dev, "fragment", "%u", fragments[i]), "fragment");
		dmabuf = make(dev, &buf, 61 * 4096 + 3);
		imp = import(dmabuf, IMPORTER_VMAP);
		expect(&buf, moves && i, true, "vmapped");
		stays(&buf, moves && i);
		exchange(imp, &buf, i, "vmap of VRAM");
		close(imp);
		expect(&buf, moves && i, false, "vunmapped");

		check(!debugfs_write(dev, "evict", "%u", buf.id), "evict");
		imp = import(dmabuf, IMPORTER_VMAP);
		stays(&buf, true);
		exchange(imp, &buf, 100 + i, "vmap of system memory");
		close(imp);
		check(!debugfs_write(dev, "restore", "%u", buf.id), "restore");
		verify(buf.map, buf.asked, 1100 + i, "after the vmap");
		close(dmabuf);
		buffer_destroy(&buf);
	}
	check(!debugfs_write(dev, "fragment", "0"), "fragment");
}
