// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include "odp_all.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct ibv_mr *mymr, *theirmr;
uint8_t *mine, *theirs;

struct ibv_mr *odp_everything(struct end *e, int rights)
{
	struct ibv_mr *mr = ibv_reg_mr(e->pd, NULL, SIZE_MAX, (unsigned int)rights);

	CHECK(mr, "ibv_reg_mr: %s", strerror(errno));
	return mr;
}

struct ibv_sge odp_at(const struct ibv_mr *mr, const void *addr, size_t len)
{
	return (struct ibv_sge){
		.addr = (uintptr_t)addr, .length = (uint32_t)len, .lkey = mr->lkey,
	};
}

/* Address space that begins where a part does. */
uint8_t *reserve(size_t len)
{
	uint8_t *m = mmap(NULL, len + PART, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	uintptr_t begin;

	CHECK(m != MAP_FAILED, "mmap: %s", strerror(errno));
	begin = ((uintptr_t)m + PART - 1) / PART * PART;
	return m + (begin - (uintptr_t)m);
}

int new_file(size_t len)
{
	int fd = memfd_create("odp_implicit", 0);

	CHECK(fd >= 0 && !ftruncate(fd, (off_t)len), "memfd: %s", strerror(errno));
	return fd;
}

/* Map a new file there. */
void put_file(uint8_t *m, size_t len)
{
	int fd = new_file(len);

	CHECK(mmap(m, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) == m,
	      "mmap: %s", strerror(errno));
	close(fd);
}

void forget(uint8_t *m, size_t len)
{
	CHECK(!madvise(m, len, MADV_DONTNEED), "madvise: %s", strerror(errno));
}

void odp_before(void)
{
	mymr = odp_everything(&p.a, all_rights | DEMAND);
	theirmr = odp_everything(&p.b, all_rights | DEMAND);
	mine = reserve(SIZE);
	theirs = reserve(SIZE);
	put_file(mine, SIZE);
	put_file(theirs, SIZE);
}

void odp_drop(void)
{
	CHECK(!ibv_dereg_mr(mymr) && !ibv_dereg_mr(theirmr), "ibv_dereg_mr");
	munmap(mine, SIZE);
	munmap(theirs, SIZE);
}

void write_there(size_t off, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, mine + off, len),
		  (uintptr_t)theirs + off, theirmr->rkey, IBV_SEND_SIGNALED);
}

void read_back(size_t off, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_READ, 2, odp_at(mymr, mine + off, len),
		  (uintptr_t)theirs + off, theirmr->rkey, IBV_SEND_SIGNALED);
}

void again(void)
{
	pair_disconnect(&p);
	pair_connect(&p);
}
