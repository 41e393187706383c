// SPDX-License-Identifier: GPL-2.0
/* Memory regions: of user memory, and of softgpu's buffers wherever they are. */
#define _GNU_SOURCE
#define fill softgpu_fill
#include "../dmabuf/softgpu_test.h"
#undef fill

#include <fcntl.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "verbs.h"

#define SMALL		PAGE
/* Few enough that their table is no larger than a page, and has no fallback. */
#define SCATTERED	(64 * PAGE)
#define BUFFER		(64 * PAGE)

static struct device gpu;
static struct buffer buf;
static int dmabuf;
static void *mem;
static size_t size;
static struct ibv_mr *mr;

void make_small(void)
{
	size = SMALL;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	NEED(mem != MAP_FAILED, "mmap: %m");
}

/* Pages in another order than they were allocated: no two neighbours are contiguous. */
void make_scattered(void)
{
	int fd = memfd_create("scattered", MFD_CLOEXEC);
	size_t i;

	size = SCATTERED;
	NEED(fd >= 0 && !ftruncate(fd, size), "memfd: %m");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	NEED(mem != MAP_FAILED, "mmap: %m");
	for (i = 0; i < size / PAGE; i++)
		NEED(mmap((char *)mem + i * PAGE, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd,
			  i * 37 * PAGE % size) != MAP_FAILED, "mmap: %m");
	close(fd);
}

void drop_memory(void)
{
	NEED(!munmap(mem, size), "munmap: %m");
}

int call_reg_mr(void)
{
	errno = 0;
	mr = ibv_reg_mr(pair.a.pd, mem, size, RIGHTS);
	return null_errno(mr);
}

/* Nothing of it is there: all that registration takes is its own. */
void make_untouched(void)
{
	size = SCATTERED;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(mem != MAP_FAILED, "mmap: %m");
}

int call_reg_odp(void)
{
	errno = 0;
	mr = ibv_reg_mr(pair.a.pd, mem, size, RIGHTS | IBV_ACCESS_ON_DEMAND);
	return null_errno(mr);
}

void make_odp(void)
{
	make_untouched();
	NEED(!call_reg_odp(), "ibv_reg_mr: %m");
}

static int call_advise_at(void *addr)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)addr, .length = (uint32_t)size, .lkey = mr->lkey,
	};

	return ibv_advise_mr(pair.a.pd, IBV_ADVISE_MR_ADVICE_PREFETCH_WRITE,
			     IBV_ADVISE_MR_FLAG_FLUSH, &sge, 1);
}

int call_advise(void)
{
	return call_advise_at(mem);
}

/* Everything on demand, and the first table of it. */
int call_reg_all(void)
{
	int err;

	errno = 0;
	mr = ibv_reg_mr(pair.a.pd, NULL, SIZE_MAX, RIGHTS | IBV_ACCESS_ON_DEMAND);
	if (!mr)
		return errno;
	err = call_advise_at(mem);
	if (err)
		undo_mr();
	return err;
}

/* The keys work: they are in an RDMA write of the device to itself, in data.test. */
void verify_mr(void)
{
	NEED(mr->lkey && mr->length == size, "key %#x, length %zu", mr->lkey, mr->length);
}

void undo_mr(void)
{
	int err = ibv_dereg_mr(mr);

	NEED(!err, "ibv_dereg_mr: %s", strerror(err));
}

int call_dereg_mr(void)
{
	return ibv_dereg_mr(mr);
}

void make_mr(void)
{
	make_small();
	NEED(!call_reg_mr(), "ibv_reg_mr: %m");
}

void drop_mr_memory(void)
{
	undo_mr();
	drop_memory();
}

void gpu_open(void)
{
	device_open(&gpu, "ram");
}

const char *gpu_debugfs(void)
{
	return gpu.debugfs;
}

static void gpu_write(const char *name, const char *text)
{
	int err = debugfs_write(&gpu, name, "%s", text);

	NEED(!err, "%s > %s: %s", text, name, strerror(err));
}

static void make_buffer(void)
{
	buffer_create(&gpu, &buf, BUFFER);
	dmabuf = buffer_export(&buf);
}

void make_vram(void)
{
	make_buffer();
	NEED(placement_all(&gpu).extents == 1, "the buffer is in pieces");
}

void make_fragments(void)
{
	gpu_write("fragment", "1");
	make_buffer();
	gpu_write("fragment", "0");
	NEED(placement_all(&gpu).extents == BUFFER / PAGE, "the buffer is not in pieces");
}

void make_system(void)
{
	make_buffer();
	gpu_write("evict", "all");
	NEED(placement_all(&gpu).system == 1, "the buffer is not in system memory");
}

void drop_buffer(void)
{
	close(dmabuf);
	buffer_destroy(&buf);
}

/* A buffer of an exporter without PFNs. */
void make_heap(void)
{
	struct dma_heap_allocation_data arg = {
		.len = BUFFER, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	NEED(dev >= 0 && !ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &arg), "system heap: %m");
	close(dev);
	dmabuf = (int)arg.fd;
}

void drop_heap(void)
{
	close(dmabuf);
}

int call_reg_dmabuf(void)
{
	errno = 0;
	mr = ibv_reg_dmabuf_mr(pair.a.pd, 0, BUFFER, 0, dmabuf, RIGHTS);
	return null_errno(mr);
}

void verify_dmabuf_mr(void)
{
	NEED(mr->lkey && mr->length == BUFFER, "key %#x, length %zu", mr->lkey, mr->length);
}

void make_dmabuf_mr(void)
{
	make_fragments();
	NEED(!call_reg_dmabuf(), "ibv_reg_dmabuf_mr: %m");
}

void undo_dereg_dmabuf(void)
{
	NEED(!call_reg_dmabuf(), "ibv_reg_dmabuf_mr: %m");
}

void drop_dmabuf_mr(void)
{
	undo_mr();
	drop_buffer();
}
