// SPDX-License-Identifier: GPL-2.0
/*
 * softgpu as a movable exporter of page frame numbers, seen by the mock
 * importer of the kAPI (kernel/dma-buf-pfn/selftest).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kernel/dma-buf-pfn/selftest/mock-abi.h"
#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "softgpu_test.h"

#define PAGE 4096ul
#define MAX_RUNS 256
#define NEEDS (MOCK_NEED_CPU | MOCK_CAN_MMIO)

struct import {
	int mock;
	uint32_t id;
	struct mock_run runs[MAX_RUNS];
	unsigned int nr;
};

static int mock_open(void)
{
	int fd = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "/dev/dma_buf_pfn_mock: %m");
	return fd;
}

/* Returns 0 or an errno. */
static int attach(struct import *imp, int dmabuf, uint32_t needs,
		  uint32_t lifetime)
{
	struct mock_attach a = {
		.fd = dmabuf, .needs = needs, .lifetime = lifetime,
	};

	if (ioctl(imp->mock, MOCK_IOC_ATTACH, &a))
		return errno;
	imp->id = a.id;
	return 0;
}

static void detach(struct import *imp)
{
	struct mock_detach d = { .id = imp->id };

	check(!ioctl(imp->mock, MOCK_IOC_DETACH, &d), "detach: %m");
}

static uint32_t callbacks(struct import *imp)
{
	struct mock_import_stat s = { .id = imp->id };

	check(!ioctl(imp->mock, MOCK_IOC_IMPORT_STAT, &s), "statistics: %m");
	return s.callbacks;
}

/* Returns 0 or an errno. */
static int lookup(struct import *imp, unsigned long pgoff)
{
	struct mock_lookup l = {
		.id = imp->id, .how = MOCK_EXTENTS, .pgoff = pgoff,
		.nr = MAX_RUNS, .vec = (uintptr_t)imp->runs,
	};

	if (ioctl(imp->mock, MOCK_IOC_LOOKUP, &l))
		return errno;
	imp->nr = l.got;
	return 0;
}

static void described(struct import *imp, bool mmio, const char *when)
{
	struct mock_describe d = { .id = imp->id };
	uint32_t flags = MOCK_CPU_OK | (mmio ? MOCK_IS_MMIO : MOCK_HAS_PAGES);

	check(!ioctl(imp->mock, MOCK_IOC_DESCRIBE, &d), "%s: describe: %m", when);
	check(d.caching == (mmio ? MOCK_WC : MOCK_WB), "%s: caching %u", when,
	      d.caching);
	check(d.flags == flags, "%s: flags %x, not %x", when, d.flags, flags);
	check(!!d.provider == mmio, "%s: provider %u", when, d.provider);
}

/* Every page through a grant of its run: read what is there, write anew. */
static void through_grants(struct import *imp, uint8_t *p, size_t size,
			   bool mmio, bool write)
{
	unsigned long pgoff = 0;

	for (unsigned int i = 0; i < imp->nr; i++) {
		struct mock_map map = {
			.id = imp->id, .pgoff = pgoff, .npages = imp->runs[i].npages,
		};

		check(!ioctl(imp->mock, MOCK_IOC_MAP, &map), "cpu_map: %m");
		check(!!map.is_iomem == mmio, "is_iomem %u", map.is_iomem);
		for (unsigned long n = 0; n < map.npages; n++) {
			size_t at = (pgoff + n) * PAGE;
			struct mock_rw rw = {
				.id = imp->id, .write = write, .offset = at,
				.len = size - at < PAGE ? size - at : PAGE,
				.data = (uintptr_t)(p + at),
			};

			check(!ioctl(imp->mock, MOCK_IOC_RW, &rw), "access at %zu: %m", at);
		}
		check(!ioctl(imp->mock, MOCK_IOC_UNMAP, &map), "cpu_unmap: %m");
		pgoff += map.npages;
	}
	check(pgoff == (size + PAGE - 1) / PAGE, "the runs cover %lu pages", pgoff);
}

/* Client and importer see each other's bytes, wherever the buffer is. */
static void exchange(struct import *imp, struct buffer *buf, bool mmio,
		     uint32_t seed, const char *when)
{
	uint8_t *p = malloc(buf->asked);

	check(p, "no memory");
	described(imp, mmio, when);
	check(!lookup(imp, 0), "%s: lookup: %m", when);
	fill(buf->map, buf->asked, seed);
	through_grants(imp, p, buf->asked, mmio, false);
	verify(p, buf->asked, seed, when);
	fill(p, buf->asked, seed + 1000);
	through_grants(imp, p, buf->asked, mmio, true);
	verify(buf->map, buf->asked, seed + 1000, when);
	free(p);
}

static void move(struct buffer *buf, const char *file)
{
	check(!debugfs_write(buf->dev, file, "%u", buf->id), "%s", file);
}

/* Told of every move, and finds the contents at the new place. */
static void moves(struct device *dev, unsigned int fragment)
{
	struct import imp = { .mock = mock_open() };
	bool bar = is_bar(dev);
	struct buffer buf;
	int fd;

	check(!debugfs_write(dev, "fragment", "%u", fragment), "fragment");
	buffer_create(dev, &buf, 150 * PAGE + 9);
	buffer_map(&buf);
	fd = buffer_export(&buf);
	check(!attach(&imp, fd, NEEDS, MOCK_MOVABLE), "attach: %m");

	exchange(&imp, &buf, bar, 0, "made");
	check(imp.nr == (fragment ? 151 / fragment : 1), "%u runs", imp.nr);
	check(!callbacks(&imp), "invalidated without a move");
	for (uint32_t i = 1; i <= 3; i++) {
		verify(buf.map, buf.asked, 1000 + (i - 1) * 10, "before the eviction");
		move(&buf, "evict");
		check(callbacks(&imp) == 2 * i - 1, "%u callbacks", callbacks(&imp));
		exchange(&imp, &buf, false, i * 10 + 1, "evicted");
		check(placement_of(dev, buf.id).system, "a lookup moved it");
		check(callbacks(&imp) == 2 * i - 1, "a lookup invalidated");
		move(&buf, "restore");
		check(callbacks(&imp) == 2 * i, "%u callbacks", callbacks(&imp));
		verify(buf.map, buf.asked, 1000 + i * 10 + 1, "restored");
		exchange(&imp, &buf, bar, i * 10, "restored");
	}

	/* From the middle, and from the last page. */
	check(!lookup(&imp, 150) && imp.nr == 1 && imp.runs[0].npages == 1,
	      "the last page");
	check(lookup(&imp, 151) == ERANGE, "beyond the end");

	/* Who imported it is told after the client closed all it had. */
	buffer_destroy(&buf);
	close(fd);
	move(&buf, "evict");
	check(callbacks(&imp) == 7, "not told after the handle was closed");
	detach(&imp);
	check(!placement_all(dev).last_id, "buffers are left");
	close(imp.mock);
	check(!debugfs_write(dev, "fragment", "0"), "fragment");
}

/* Importers that cannot follow keep it in place as long as they are there. */
static void stays(struct device *dev, uint32_t lifetime)
{
	struct import imp = { .mock = mock_open() };
	bool bar = is_bar(dev);
	struct buffer buf;
	int fd;

	buffer_create(dev, &buf, 3 * PAGE);
	buffer_map(&buf);
	fd = buffer_export(&buf);
	for (int evicted = 0; evicted < 2; evicted++) {
		if (evicted)
			move(&buf, "evict");
		check(!attach(&imp, fd, NEEDS, lifetime), "attach: %m");
		check(debugfs_write(dev, evicted ? "restore" : "evict", "%u",
				    buf.id) == EBUSY, "a pinned buffer was moved");
		exchange(&imp, &buf, bar && !evicted, lifetime, "pinned");
		if (bar && !evicted) {
			struct importer_import req = { .fd = fd, .how = IMPORTER_STATIC };
			int other = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC);

			check(other >= 0, "/dev/softgpu_importer: %m");
			check(ioctl(other, IMPORTER_IMPORT, &req) && errno == EBUSY,
			      "an importer that needs it elsewhere: %m");
			close(other);
		}
		check(!callbacks(&imp), "invalidated");
		detach(&imp);
		check(!placement_of(dev, buf.id).pinned, "still pinned");
	}
	move(&buf, "restore");
	close(fd);
	buffer_destroy(&buf);
	close(imp.mock);
}

void case_pfn(struct device *dev)
{
	struct import imp = { .mock = mock_open() };
	struct buffer buf;
	int fd, err;

	moves(dev, 0);
	moves(dev, 1);
	stays(dev, MOCK_PINNED);
	stays(dev, MOCK_REVOCABLE);

	/* Who cannot use MMIO is refused where there is some, wherever it is now. */
	buffer_create(dev, &buf, PAGE);
	fd = buffer_export(&buf);
	move(&buf, "evict");
	err = attach(&imp, fd, MOCK_NEED_CPU, MOCK_MOVABLE);
	check(err == (is_bar(dev) ? EOPNOTSUPP : 0), "without CAN_MMIO: %s",
	      strerror(err));
	if (!err)
		detach(&imp);
	close(fd);
	buffer_destroy(&buf);
	close(imp.mock);
}

static struct import unplugged;

void pfn_before_unplug(int fd)
{
	unplugged.mock = mock_open();
	check(!attach(&unplugged, fd, NEEDS, MOCK_MOVABLE), "attach: %m");
	check(!lookup(&unplugged, 0), "lookup: %m");
}

/* Told once, and gone for good. */
void pfn_after_unplug(int fd)
{
	struct import again = { .mock = unplugged.mock };
	int err;

	check(callbacks(&unplugged), "not told of the unplug");
	err = lookup(&unplugged, 0);
	check(err == EKEYREVOKED, "lookup after the unplug: %s", strerror(err));
	err = attach(&again, fd, NEEDS, MOCK_MOVABLE);
	check(err == EKEYREVOKED, "attach after the unplug: %s", strerror(err));
	detach(&unplugged);
	close(unplugged.mock);
}
