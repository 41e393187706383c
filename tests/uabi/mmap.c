// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping rings: exactly as told works, everything else is refused, and a
 * mapping stays usable, without effect, when its queue is gone.
 */
#include <errno.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "uabi.h"

static void refused(int fd, size_t size, int prot, int flags, uint64_t offset,
		    int err, const char *what)
{
	void *p = mmap(NULL, size, prot, flags, fd, offset);

	check(p == MAP_FAILED, "mapped: %s", what);
	if (p == MAP_FAILED)
		check(errno == err, "%s: %s", what, strerror(errno));
	else
		munmap(p, size);
}

static void misuse(int fd, const struct prxe_ring_info *r)
{
	const int rw = PROT_READ | PROT_WRITE;
	const size_t page = sysconf(_SC_PAGESIZE);

	refused(fd, r->size + page, rw, MAP_SHARED, r->offset, EINVAL,
		"more than the ring");
	refused(fd, r->size - page, rw, MAP_SHARED, r->offset, EINVAL,
		"less than the ring");
	refused(fd, r->size, rw, MAP_SHARED, r->offset + page, EINVAL,
		"from its middle");
	refused(fd, r->size, rw, MAP_SHARED, r->offset + (1ull << 30), EINVAL,
		"where nothing is");
	refused(fd, r->size, rw, MAP_SHARED, 1ull << 50, EINVAL, "far away");
	refused(fd, r->size, rw, MAP_PRIVATE, r->offset, EINVAL, "private");
	refused(fd, r->size, rw | PROT_EXEC, MAP_SHARED, r->offset, EPERM,
		"executable");
}

/* A child that forks from a mapper has no mapping. */
static void not_inherited(const void *ring)
{
	unsigned char vec;
	int status;
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid)
		_exit(mincore((void *)ring, 1, &vec) == -1 && errno == ENOMEM ?
		      0 : 1);
	must(waitpid(pid, &status, 0) == pid, "waitpid");
	check(!status, "a child inherits the ring");
}

static void use(int fd, const struct prxe_ring_info *r, uint32_t cq)
{
	struct prxe_ring *ring = mmap(NULL, r->size, PROT_READ | PROT_WRITE,
				      MAP_SHARED, fd, r->offset);
	struct prxe_create_cq_resp other;
	uint32_t handle;

	must(ring != MAP_FAILED, "the ring itself: %m");
	check(!ring->producer && !ring->consumer && !ring->flags, "not empty");
	check(mprotect(ring, r->size, PROT_READ | PROT_EXEC) == -1,
	      "made executable afterwards");
	not_inherited(ring);
	check(!raw_destroy_cq(fd, cq), "destroy");
	/* Still ours, and no longer the kernel's. */
	memset(ring, 0x5a, r->size);
	refused(fd, r->size, PROT_READ, MAP_SHARED, r->offset, EINVAL,
		"of a queue that is gone");
	must(!raw_create_cq(fd, 64, &handle, &other), "create_cq");
	must(!munmap(ring, r->size), "munmap");
	check(!raw_destroy_cq(fd, handle), "destroy the other");
}

int test_mmap(const char *dev, char **argv)
{
	struct prxe_create_cq_resp cq;
	int fd = raw_open(dev), other = raw_open(dev);
	uint32_t handle;

	(void)argv;
	must(!raw_create_cq(fd, 1000, &handle, &cq), "create_cq");
	check(cq.ring.slots == 1024 && cq.ring.stride == sizeof(struct prxe_cqe),
	      "slots %u stride %u", cq.ring.slots, cq.ring.stride);
	check(cq.ring.first == sizeof(struct prxe_ring), "first %u",
	      cq.ring.first);
	check(cq.ring.size % sysconf(_SC_PAGESIZE) == 0 &&
	      cq.ring.size >= cq.ring.first + cq.ring.slots * cq.ring.stride,
	      "size %u", cq.ring.size);

	misuse(fd, &cq.ring);
	refused(other, cq.ring.size, PROT_READ, MAP_SHARED, cq.ring.offset,
		EINVAL, "by another context");
	use(fd, &cq.ring, handle);
	close(other);
	close(fd);
	return 0;
}
