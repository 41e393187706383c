// SPDX-License-Identifier: GPL-2.0
/*
 * foreign DEVICE DEVICE KIND: register the dma-bufs of exporters that are not ours.
 *
 *	heap udmabuf vgem	have no PFNs: by their own mapping (R15)
 *	mock-...		refuse, each for another reason (R2, R8, R15)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "../verbs/pair.h"
#include "mock-abi.h"

#define PAGE	4096ul
#define SIZE	(64 * PAGE)
#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

static struct pair p;

static int heap(void)
{
	struct dma_heap_allocation_data arg = {
		.len = SIZE, .fd_flags = O_RDWR | O_CLOEXEC,
	};
	int dev = open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC);

	CHECK(dev >= 0 && !ioctl(dev, DMA_HEAP_IOCTL_ALLOC, &arg), "heap: %m");
	close(dev);
	return (int)arg.fd;
}

static int udmabuf(void)
{
	struct udmabuf_create arg = { .flags = UDMABUF_FLAGS_CLOEXEC, .size = SIZE };
	int dev = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), fd;

	arg.memfd = (unsigned int)memfd_create("foreign", MFD_ALLOW_SEALING);
	CHECK(!ftruncate((int)arg.memfd, SIZE), "memfd: %m");
	CHECK(!fcntl((int)arg.memfd, F_ADD_SEALS, F_SEAL_SHRINK), "seal: %m");
	CHECK(dev >= 0, "/dev/udmabuf: %m");
	fd = ioctl(dev, UDMABUF_CREATE, &arg);
	CHECK(fd >= 0, "udmabuf: %m");
	close((int)arg.memfd);
	close(dev);
	return fd;
}

static int vgem(void)
{
	uint32_t handle, pitch;
	uint64_t size;
	int dev = drmOpen("vgem", NULL), fd;

	CHECK(dev >= 0, "no vgem device: %m");
	CHECK(!drmModeCreateDumbBuffer(dev, 1024, SIZE / 4096, 32, 0, &handle, &pitch, &size) &&
	      size == SIZE, "dumb buffer: %m");
	CHECK(!drmPrimeHandleToFD(dev, handle, DRM_CLOEXEC | DRM_RDWR, &fd), "PRIME: %m");
	close(dev);
	return fd;
}

static int mock(unsigned int flags)
{
	struct mock_export arg = { .size = SIZE, .flags = flags };
	int dev = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);

	CHECK(dev >= 0 && !ioctl(dev, MOCK_IOC_EXPORT, &arg), "mock: %m");
	close(dev);
	return arg.fd;
}

static int mock_without(void) { return mock(MOCK_EXP_NO_PFN); }
static int mock_private(void) { return mock(MOCK_EXP_PRIVATE); }
static int mock_no_cpu(void) { return mock(MOCK_EXP_NO_CPU); }
static int mock_still(void) { return mock(MOCK_EXP_NO_MOVABLE); }

static const struct {
	const char *name;
	int (*make)(void);
	int refused;		/* errno of the registration, 0 for none */
} kinds[] = {
	{ "heap", heap, 0 },
	{ "udmabuf", udmabuf, 0 },
	{ "vgem", vgem, 0 },
	{ "mock-without-pfn-and-vmap", mock_without, EOPNOTSUPP },
	{ "mock-private", mock_private, EOPNOTSUPP },
	{ "mock-without-cpu-access", mock_no_cpu, EOPNOTSUPP },
	{ "mock-that-cannot-move", mock_still, EBUSY },
};

static void sync_cpu(int fd, unsigned int flags)
{
	struct dma_buf_sync arg = { .flags = flags };

	CHECK(!ioctl(fd, DMA_BUF_IOCTL_SYNC, &arg), "sync: %m");
}

/* Off the grid of pages and packets. */
static const struct { size_t off, len; } ranges[] = {
	{ 0, SIZE }, { 1, 1 }, { PAGE - 3, 7 }, { 5001, 3 * PAGE + 11 }, { SIZE - 9, 9 },
};

/* Writes to and reads of a region of a part of the buffer, which the CPU sees. */
static void exchange(int fd, uint8_t *map, uint8_t *host, struct ibv_mr *hostmr)
{
	unsigned int i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		size_t off = ranges[i].off, len = ranges[i].len;
		struct ibv_mr *mr = ibv_reg_dmabuf_mr(p.b.pd, off, len, off, fd, RIGHTS);

		CHECK(mr, "ibv_reg_dmabuf_mr: %m");
		fill(host, len, i);
		need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(hostmr, 0, len), off, mr->rkey,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		sync_cpu(fd, DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW);
		need_pattern(map + off, len, i, "the CPU's view");
		fill(map + off, len, 100 + i);
		sync_cpu(fd, DMA_BUF_SYNC_END | DMA_BUF_SYNC_RW);
		need_send(&p.a, IBV_WR_RDMA_READ, 2, sge_of(hostmr, 0, len), off, mr->rkey,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		need_pattern(host, len, 100 + i, "read");
		CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
	}
}

/* The last reference to the buffer is the region's. */
static void outlive(int fd, uint8_t *host, struct ibv_mr *hostmr)
{
	struct ibv_mr *mr = ibv_reg_dmabuf_mr(p.b.pd, PAGE, PAGE, PAGE, fd, RIGHTS);

	CHECK(mr, "ibv_reg_dmabuf_mr: %m");
	close(fd);
	fill(host, PAGE, 7);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(hostmr, 0, PAGE), PAGE, mr->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	memset(host, 0, PAGE);
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(hostmr, 0, PAGE), PAGE, mr->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(host, PAGE, 7, "after the last file descriptor was closed");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

static void need_refused(int fd, uint64_t off, size_t len, int want)
{
	struct ibv_mr *mr = ibv_reg_dmabuf_mr(p.b.pd, off, len, off, fd, RIGHTS);

	CHECK(!mr && errno == want, "%s, not %s", mr ? "registered" : strerror(errno),
	      strerror(want));
}

static void reachable(int fd)
{
	uint8_t *host = aligned_alloc(PAGE, SIZE), *map;
	struct ibv_mr *hostmr;

	CHECK(host, "no memory");
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(map != MAP_FAILED, "mmap: %m");
	hostmr = need_mr(&p.a, host, SIZE, RIGHTS);
	pair_connect(&p);
	need_refused(fd, 0, SIZE + 1, EINVAL);
	need_refused(fd, SIZE, 1, EINVAL);
	need_refused(fd, 0, 0, EINVAL);
	exchange(fd, map, host, hostmr);
	munmap(map, SIZE);
	outlive(fd, host, hostmr);
	pair_disconnect(&p);
	CHECK(!ibv_dereg_mr(hostmr), "ibv_dereg_mr");
	free(host);
}

int main(int argc, char **argv)
{
	size_t i;
	int fd;

	CHECK(argc == 4, "usage: foreign DEVICE DEVICE KIND");
	pair_open(&p, argv[1], argv[2], NULL);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, argv[3]))
			continue;
		fd = kinds[i].make();
		if (kinds[i].refused) {
			need_refused(fd, 0, SIZE, kinds[i].refused);
			close(fd);
		} else {
			reachable(fd);
		}
		pair_close(&p);
		printf("%s: ok\n", argv[3]);
		return 0;
	}
	FAIL("no kind %s", argv[3]);
}
