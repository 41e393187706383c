// SPDX-License-Identifier: GPL-2.0
/*
 * softgpu's buffers as an importer reads them that is not RDMA
 * (kernel/dma-buf-pfn/selftest/dump.c).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "softgpu_test.h"

#define PAGE 4096ul

static int dump_open(void)
{
	int fd = open("/sys/kernel/debug/dma_buf_pfn_dump", O_RDWR | O_CLOEXEC);

	check(fd >= 0, "dma_buf_pfn_dump: %m");
	return fd;
}

/* Returns 0 or an errno. */
static int dump_import(int fd, int dmabuf)
{
	return dprintf(fd, "%d\n", dmabuf) > 0 ? 0 : errno;
}

/* All of the buffer in pieces of @step bytes, beginning at @from. */
static void dumped(int fd, struct buffer *buf, size_t from, size_t step,
		   uint32_t seed, const char *when)
{
	uint8_t *p = malloc(buf->size + step);
	size_t at = from;
	ssize_t n;

	check(p, "no memory");
	/* What was not read must not pass for what was. */
	fill(p, buf->asked, seed + 1);
	memcpy(p, buf->map, from);
	check(lseek(fd, from, SEEK_SET) == (off_t)from, "%s: lseek: %m", when);
	while ((n = read(fd, p + at, step)) > 0)
		at += n;
	check(!n, "%s: read at %zu: %m", when, at);
	check(at == buf->size, "%s: %zu of %zu bytes", when, at, buf->size);
	verify(p, buf->asked, seed, when);
	free(p);
}

static void move(struct buffer *buf, const char *file)
{
	check(!debugfs_write(buf->dev, file, "%u", buf->id), "%s", file);
}

/* Moved all the time by somebody else. */
static void under_moves(int fd, struct buffer *buf, uint32_t seed)
{
	pid_t mover = fork();

	check(mover >= 0, "fork: %m");
	while (!mover) {
		move(buf, "evict");
		move(buf, "restore");
	}
	for (int i = 0; i < 100; i++)
		dumped(fd, buf, i * 37, 5000 + i * 331, seed, "under moves");
	check(!waitpid(mover, NULL, WNOHANG), "the mover ended");
	kill(mover, SIGKILL);
	check(waitpid(mover, NULL, 0) == mover, "waitpid: %m");
}

static void contents(struct device *dev, unsigned int fragment)
{
	struct buffer buf;
	int fd = dump_open(), other = dump_open(), dmabuf;

	check(!debugfs_write(dev, "fragment", "%u", fragment), "fragment");
	buffer_create(dev, &buf, 150 * PAGE + 9);
	buffer_map(&buf);
	dmabuf = buffer_export(&buf);
	check(!dump_import(fd, dmabuf), "import: %m");
	check(!dump_import(other, dmabuf), "a second file: %m");

	fill(buf.map, buf.asked, 1);
	dumped(fd, &buf, 0, 7001, 1, "made");
	fill(buf.map, buf.asked, 2);
	dumped(fd, &buf, 4095, 100000, 2, "written");
	move(&buf, "evict");
	dumped(fd, &buf, 1, 4097, 2, "evicted");
	check(placement_of(dev, buf.id).system, "reading moved it");
	fill(buf.map, buf.asked, 3);
	dumped(fd, &buf, 0, 4096, 3, "evicted and written");
	move(&buf, "restore");
	dumped(fd, &buf, 12289, 9000, 3, "restored");
	dumped(other, &buf, 0, 50000, 3, "the second file");
	under_moves(fd, &buf, 3);

	/* The importer keeps the buffer. */
	close(dmabuf);
	dumped(fd, &buf, 0, 9999, 3, "fd closed");
	close(fd);
	close(other);
	buffer_destroy(&buf);
	check(!placement_all(dev).last_id, "buffers are left");
	check(!debugfs_write(dev, "fragment", "0"), "fragment");
}

static void refused(struct device *dev)
{
	int fd = dump_open(), memfd = memfd_create("not a dma-buf", MFD_CLOEXEC);
	void *nothing = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct buffer buf;
	char c;
	int dmabuf;

	check(nothing != MAP_FAILED, "mmap: %m");
	check(memfd >= 0, "memfd: %m");
	buffer_create(dev, &buf, PAGE);
	buffer_map(&buf);
	fill(buf.map, buf.asked, 1);
	dmabuf = buffer_export(&buf);
	check(read(fd, &c, 1) == -1 && errno == ENOTCONN, "read before import: %m");
	check(dump_import(fd, memfd) == EINVAL, "a memfd: %m");
	check(dump_import(fd, 12345) == EBADF, "no file: %m");
	check(write(fd, "buffer", 6) == -1 && errno == EINVAL, "no number: %m");
	check(!dump_import(fd, dmabuf), "import: %m");
	check(dump_import(fd, dmabuf) == EBUSY, "imported twice: %m");
	check(!pread(fd, &c, 1, PAGE), "beyond the end");
	check(pread(fd, nothing, PAGE, 0) == -1 && errno == EFAULT, "into nothing: %m");
	dumped(fd, &buf, 0, 100, 1, "after what was refused");
	close(fd);
	close(dmabuf);
	close(memfd);
	munmap(nothing, PAGE);
	buffer_destroy(&buf);
}

void case_dump(struct device *dev)
{
	contents(dev, 0);
	contents(dev, 1);
	refused(dev);
}
