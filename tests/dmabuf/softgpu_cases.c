// SPDX-License-Identifier: GPL-2.0
/* Contents: what is written is read, wherever the buffer is by then. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "softgpu_test.h"

#define MIB (1024 * 1024)

/* Dumb buffers of sizes on and off the page grid: cleared, then byte exact. */
void case_data(struct device *dev)
{
	static const size_t sizes[] = {
		1, 4095, 4096, 4097, 65536 + 1, MIB + 3, 4 * MIB, 5 * MIB - 1,
	};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct buffer buf;

		/* Leave dirt behind for the next one to find. */
		buffer_create(dev, &buf, sizes[i]);
		buffer_map(&buf);
		memset(buf.map, 0xa5, buf.size);
		buffer_destroy(&buf);

		buffer_create(dev, &buf, sizes[i]);
		buffer_map(&buf);
		verify_zero(buf.map, buf.size, "new buffer");
		fill(buf.map, buf.asked, i);
		buffer_unmap(&buf);
		buffer_map(&buf);
		verify(buf.map, buf.asked, i, "mapped again");
		verify_zero(buf.map + buf.asked, buf.size - buf.asked, "tail");
		buffer_destroy(&buf);
	}
	check(!placement_all(dev).last_id, "buffers are left");
}

/* One buffer through its dma-buf, and through a second client. */
void case_share(struct device *dev)
{
	struct buffer buf, other = { 0 };
	struct device second = *dev;
	uint32_t handle;
	uint8_t *p;
	int fd, again;

	buffer_create(dev, &buf, MIB + 777);
	buffer_map(&buf);
	fill(buf.map, buf.asked, 1);

	fd = buffer_export(&buf);
	check(lseek(fd, 0, SEEK_END) == (off_t)buf.size, "size of the dma-buf");
	p = fd_map(fd, buf.size);
	sync_begin(fd);
	verify(p, buf.asked, 1, "dma-buf");
	fill(p, buf.asked, 2);
	sync_end(fd);
	verify(buf.map, buf.asked, 2, "written through the dma-buf");

	check(!drmPrimeFDToHandle(dev->fd, fd, &handle), "self-import: %m");
	check(handle == buf.handle, "self-import made another handle");
	again = buffer_export(&buf);
	check(again >= 0 && again != fd, "second export");
	close(again);

	second.fd = open(dev->node, O_RDWR | O_CLOEXEC);
	check(second.fd >= 0, "%s: %m", dev->node);
	other.dev = &second;
	other.asked = buf.asked;
	other.size = buf.size;
	check(!drmPrimeFDToHandle(second.fd, fd, &other.handle), "import: %m");
	check(placement_all(dev).vram + placement_all(dev).system == 1,
	      "the import made a buffer of its own");
	buffer_map(&other);
	verify(other.map, buf.asked, 2, "second client");

	/* The last user keeps it: first the other client, then the dma-buf. */
	buffer_destroy(&buf);
	fill(other.map, other.asked, 3);
	buffer_destroy(&other);
	close(second.fd);
	verify(p, buf.asked, 3, "after all handles are closed");
	/* A dma-buf outlives the handles; moves must go on as before. */
	check(!debugfs_write(dev, "evict", "all"), "evict");
	check(placement_all(dev).system == 1, "not evicted");
	verify(p, buf.asked, 3, "evicted after all handles are closed");
	check(!debugfs_write(dev, "restore", "all"), "restore");
	check(placement_all(dev).vram == 1, "not restored");
	verify(p, buf.asked, 3, "restored after all handles are closed");
	/* A handle again, from the dma-buf alone. */
	check(!drmPrimeFDToHandle(dev->fd, fd, &other.handle), "import again: %m");
	other.dev = dev;
	buffer_map(&other);
	verify(other.map, other.asked, 3, "imported again");
	munmap(p, buf.size);
	close(fd);
	buffer_destroy(&other);
	check(!placement_all(dev).last_id, "buffers are left");
}

static void in_vram(struct buffer *buf, const char *when)
{
	check(placement_of(buf->dev, buf->id).vram == 1, "%s: not in VRAM", when);
}

/* Twice as much as there is. */
void case_overcommit(struct device *dev)
{
	enum { N = 26 };
	struct buffer buf[N];
	struct placement now;
	size_t total = 0;

	for (int i = 0; i < N; i++) {
		buffer_create(dev, &buf[i], dev->vram / 13 + 1000 * i - 12345);
		total += buf[i].size;
		in_vram(&buf[i], "created last");
		buffer_map(&buf[i]);
		fill(buf[i].map, buf[i].asked, i);
	}
	now = placement_all(dev);
	printf("%zu MiB in %zu MiB of VRAM: %u buffers in VRAM, %u evicted\n",
	       total / MIB, dev->vram / MIB, now.vram, now.system);
	check(now.vram >= N / 4 && now.system >= N / 4, "nobody was evicted");

	for (int i = 0; i < N; i++)
		verify(buf[i].map, buf[i].asked, i, "overcommitted");

	/* Announcing its use brings each back, at the cost of another. */
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < N; i++) {
			struct buffer *b = &buf[(i * 7 + round) % N];

			buffer_map(b);
			in_vram(b, "brought back");
			verify(b->map, b->asked, b - buf, "brought back");
		}
	}
	for (int i = 0; i < N; i++)
		verify(buf[i].map, buf[i].asked, i, "after two rounds");

	/* Where room is made, restore fills it. */
	for (int i = 0; i < N; i += 2)
		buffer_destroy(&buf[i]);
	check(!debugfs_write(dev, "restore", "all"), "restore");
	now = placement_all(dev);
	check(now.vram >= N / 2 - 1, "restored %u of %u", now.vram, N / 2);
	for (int i = 1; i < N; i += 2) {
		verify(buf[i].map, buf[i].asked, i, "restored");
		buffer_destroy(&buf[i]);
	}
	check(!placement_all(dev).last_id, "buffers are left");
}

/* Back and forth; contents are written in either place. */
void case_evict(struct device *dev)
{
	struct buffer a, b;
	uint8_t *p;
	int fd;

	buffer_create(dev, &a, 2 * MIB + 5);
	buffer_map(&a);
	fill(a.map, a.asked, 0);
	fd = buffer_export(&a);
	p = fd_map(fd, a.size);
	buffer_create(dev, &b, 12345);
	buffer_map(&b);
	fill(b.map, b.asked, 99);

	for (int i = 1; i <= 6; i++) {
		check(!debugfs_write(dev, "evict", "%u", a.id), "evict one");
		check(placement_of(dev, a.id).system == 1, "not evicted");
		in_vram(&b, "not asked to go");
		verify(a.map, a.asked, i - 1, "evicted");
		check(placement_of(dev, a.id).system == 1, "a page fault moved it");
		fill(i & 1 ? a.map : p, a.asked, i);

		check(!debugfs_write(dev, "restore", "%u\n", a.id), "restore one");
		in_vram(&a, "restored");
		verify(i & 1 ? p : a.map, a.asked, i, "restored");
	}

	check(!debugfs_write(dev, "evict", "all"), "evict all");
	check(placement_all(dev).system == 2, "not all evicted");
	verify(b.map, b.asked, 99, "evicted");

	/* A buffer that was never touched comes back cleared. */
	buffer_destroy(&b);
	buffer_create(dev, &b, 3 * 4096 + 1);
	check(!debugfs_write(dev, "evict", "%u", b.id), "evict");
	check(!debugfs_write(dev, "restore", "%u", b.id), "restore");
	buffer_map(&b);
	verify_zero(b.map, b.size, "moved before it was touched");

	munmap(p, a.size);
	close(fd);
	buffer_destroy(&a);
	buffer_destroy(&b);
	check(!placement_all(dev).last_id, "buffers are left");
}

/* Extents of a chosen length, none of them mergeable. */
void case_fragment(struct device *dev)
{
	static const unsigned int lengths[] = { 1, 3, 16 };
	struct buffer buf;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		unsigned int want;

		check(!debugfs_write(dev, "fragment", "%u", lengths[i]), "fragment");
		buffer_create(dev, &buf, 128 * 4096 - 100);
		want = 128 / lengths[i];
		check(placement_of(dev, buf.id).extents >= want,
		      "%u extents of %u pages for 128 pages",
		      placement_of(dev, buf.id).extents, lengths[i]);
		buffer_map(&buf);
		verify_zero(buf.map, buf.size, "fragmented");
		fill(buf.map, buf.asked, i);
		check(!debugfs_write(dev, "fragment", "0"), "fragment");
		check(!debugfs_write(dev, "evict", "all"), "evict");
		verify(buf.map, buf.asked, i, "fragments evicted");
		check(!debugfs_write(dev, "restore", "all"), "restore");
		check(placement_of(dev, buf.id).extents == 1, "not contiguous");
		verify(buf.map, buf.asked, i, "restored to one extent");
		check(!debugfs_write(dev, "fragment", "%u", lengths[i]), "fragment");
		check(!debugfs_write(dev, "evict", "all"), "evict");
		check(!debugfs_write(dev, "restore", "all"), "restore");
		check(placement_of(dev, buf.id).extents >= want, "not fragmented");
		verify(buf.map, buf.asked, i, "restored to fragments");
		buffer_destroy(&buf);
	}
	check(!debugfs_write(dev, "fragment", "0"), "fragment");
}

static atomic_bool stop;

static void *move_about(void *arg)
{
	struct device *dev = arg;

	while (!stop) {
		check(!debugfs_write(dev, "evict", "all"), "evict");
		check(!debugfs_write(dev, "restore", "all"), "restore");
	}
	return NULL;
}

/* Written and read while it moves. */
void case_busy(struct device *dev)
{
	struct buffer buf;
	pthread_t mover;

	buffer_create(dev, &buf, 300 * 1000);
	buffer_map(&buf);
	fill(buf.map, buf.asked, 0);
	check(!pthread_create(&mover, NULL, move_about, dev), "thread");
	for (int i = 1; i <= 200; i++) {
		verify(buf.map, buf.asked, i - 1, "moving");
		fill(buf.map, buf.asked, i);
	}
	stop = true;
	pthread_join(mover, NULL);
	verify(buf.map, buf.asked, 200, "at rest");
	buffer_destroy(&buf);
}
