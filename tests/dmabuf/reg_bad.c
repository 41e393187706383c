// SPDX-License-Identifier: GPL-2.0
/*
 * Registrations that must fail, each with the error that verbs users know, and
 * with nothing left of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "reg_test.h"

#define PAGE	4096

static void dmabuf_fails(struct reg *r, int want, int fd, uint64_t offset,
			 size_t len, uint64_t iova, int access, const char *what)
{
	struct ibv_mr *mr;

	errno = 0;
	mr = ibv_reg_dmabuf_mr(r->pd, offset, len, iova, fd, access);
	check(!mr, "%s: was registered", what);
	check(errno == want, "%s: %s instead of %s", what,
	      strerrorname_np(errno), strerrorname_np(want));
}

static void user_fails(struct reg *r, int want, void *p, size_t len,
		       uint64_t iova, int access, const char *what)
{
	struct ibv_mr *mr;

	errno = 0;
	mr = ibv_reg_mr_iova(r->pd, p, len, iova, access);
	check(!mr, "%s: was registered", what);
	check(errno == want, "%s: %s instead of %s", what,
	      strerrorname_np(errno), strerrorname_np(want));
}

static void bad_fds(struct reg *r)
{
	int closed = dup(0), file, pipefd[2], memfd;

	check(closed >= 0 && !close(closed), "dup: %m");
	dmabuf_fails(r, EBADF, closed, 0, PAGE, 0, RW, "a closed fd");
	dmabuf_fails(r, EBADF, -1, 0, PAGE, 0, RW, "fd -1");
	dmabuf_fails(r, EBADF, INT_MAX, 0, PAGE, 0, RW, "fd INT_MAX");

	file = open("/dev/null", O_RDWR | O_CLOEXEC);
	check(file >= 0, "/dev/null: %m");
	dmabuf_fails(r, EINVAL, file, 0, PAGE, 0, RW, "a device file");
	close(file);
	check(!pipe(pipefd), "pipe: %m");
	dmabuf_fails(r, EINVAL, pipefd[0], 0, PAGE, 0, RW, "a pipe");
	close(pipefd[0]);
	close(pipefd[1]);
	memfd = memfd_create("not a dma-buf", MFD_CLOEXEC);
	check(memfd >= 0 && !ftruncate(memfd, PAGE), "memfd: %m");
	dmabuf_fails(r, EINVAL, memfd, 0, PAGE, 0, RW, "a memfd");
	close(memfd);
	dmabuf_fails(r, EINVAL, r->gpu.fd, 0, PAGE, 0, RW, "a DRM node");
	dmabuf_fails(r, EINVAL, r->ctx->cmd_fd, 0, PAGE, 0, RW, "a verbs fd");
}

static void bad_ranges(struct reg *r, int fd, size_t size)
{
	dmabuf_fails(r, EINVAL, fd, 0, 0, 0, RW, "zero length");
	dmabuf_fails(r, EINVAL, fd, size, 0, 0, RW, "zero length at the end");
	dmabuf_fails(r, EINVAL, fd, 0, size + 1, 0, RW, "a byte too long");
	dmabuf_fails(r, EINVAL, fd, PAGE, size, 0, RW, "a page too far");
	dmabuf_fails(r, EINVAL, fd, size, 1, 0, RW, "behind the end");
	dmabuf_fails(r, EINVAL, fd, size - 1, 2, PAGE - 1, RW, "over the end");
	dmabuf_fails(r, EINVAL, fd, 0, SIZE_MAX, 0, RW, "all lengths");
	dmabuf_fails(r, EINVAL, fd, PAGE, SIZE_MAX - PAGE + 1, 0, RW,
		     "offset + length is 2^64");
	dmabuf_fails(r, EINVAL, fd, PAGE, SIZE_MAX, 0, RW,
		     "offset + length wraps");
	dmabuf_fails(r, EINVAL, fd, UINT64_MAX - PAGE + 1, PAGE, 0, RW,
		     "offset near 2^64");
	dmabuf_fails(r, EINVAL, fd, UINT64_MAX - PAGE + 1, 2 * PAGE, 0, RW,
		     "offset near 2^64, wraps into the buffer");
	dmabuf_fails(r, EINVAL, fd, 0, 2 * PAGE, UINT64_MAX - PAGE + 1, RW,
		     "iova + length wraps");
	dmabuf_fails(r, EINVAL, fd, 8, 64, 16, RW,
		     "iova and offset at different places of a page");
}

static void bad_dmabuf_access(struct reg *r, int fd)
{
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0, IBV_ACCESS_REMOTE_WRITE,
		     "remote write without local write");
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0,
		     IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_REMOTE_READ,
		     "remote atomic without local write");
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0, RW | IBV_ACCESS_ON_DEMAND,
		     "on demand paging");
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0, RW | IBV_ACCESS_MW_BIND,
		     "window binding");
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0, RW | IBV_ACCESS_ZERO_BASED,
		     "zero based");
	dmabuf_fails(r, EINVAL, fd, 0, PAGE, 0, RW | 1 << 12,
		     "an unknown access flag");
}

void case_bad_dmabuf(struct reg *r)
{
	unsigned int mrs = mrs_of(r);
	struct buffer buf;
	int fd;

	buffer_create(&r->gpu, &buf, 16 * PAGE);
	fd = buffer_export(&buf);

	bad_fds(r);
	bad_ranges(r, fd, buf.size);
	bad_dmabuf_access(r, fd);
	check(mrs_of(r) == mrs, "regions are left of failed registrations");

	/* The buffer is none the worse for it. */
	drop_mr(need_dmabuf_mr(r, fd, 0, buf.size, 0));
	close(fd);
	buffer_destroy(&buf);
	check(!placement_all(&r->gpu).last_id, "the buffer is still referenced");
}

void case_bad_user(struct reg *r)
{
	unsigned int mrs = mrs_of(r);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t va = (uintptr_t)p;
	char *ro;

	check(p != MAP_FAILED, "mmap: %m");
	check(!munmap(p + 2 * PAGE, 2 * PAGE), "munmap: %m");
	ro = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(ro != MAP_FAILED, "mmap: %m");

	user_fails(r, EINVAL, p, 0, va, RW, "zero length");
	user_fails(r, EFAULT, p, 3 * PAGE, va, RW, "memory with a hole");
	user_fails(r, EFAULT, p + 2 * PAGE, PAGE, va, RW, "no memory");
	user_fails(r, EFAULT, ro, PAGE, va, RW, "memory that is not writable");
	user_fails(r, EINVAL, p, SIZE_MAX - PAGE, va, RW, "address + length wraps");
	user_fails(r, EINVAL, p, 2 * PAGE, UINT64_MAX - PAGE + 1, RW,
		   "iova + length wraps");
	user_fails(r, EINVAL, p + 8, 64, va, RW,
		   "iova and address at different places of a page");
	user_fails(r, EINVAL, p, PAGE, va, IBV_ACCESS_REMOTE_WRITE,
		   "remote write without local write");
	user_fails(r, EINVAL, p, PAGE, va, IBV_ACCESS_REMOTE_ATOMIC,
		   "remote atomic without local write");
	user_fails(r, EOPNOTSUPP, p, PAGE, va, RW | IBV_ACCESS_ZERO_BASED,
		   "zero based");
	user_fails(r, EINVAL, p, PAGE, va, RW | 1 << 12,
		   "an unknown access flag");
	check(mrs_of(r) == mrs, "regions are left of failed registrations");
	munmap(p, 2 * PAGE);
	munmap(ro, PAGE);
}

/* A dma-buf does not count as locked memory; user memory does. */
void case_memlock(struct reg *r)
{
	const struct rlimit one_page = { PAGE, PAGE };
	struct buffer buf;
	struct ibv_mr *mr;
	void *p;
	int fd;

	buffer_create(&r->gpu, &buf, 1 << 20);
	fd = buffer_export(&buf);
	check(!setrlimit(RLIMIT_MEMLOCK, &one_page), "setrlimit: %m");
	check(!setresgid(65534, 65534, 65534) && !setresuid(65534, 65534, 65534),
	      "cannot become nobody: %m");

	p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(p != MAP_FAILED, "mmap: %m");
	user_fails(r, ENOMEM, p, 1 << 20, (uintptr_t)p, RW,
		   "user memory beyond RLIMIT_MEMLOCK");

	mr = need_dmabuf_mr(r, fd, 0, buf.size, 0);
	drop_mr(mr);
	close(fd);
	munmap(p, 1 << 20);
}
