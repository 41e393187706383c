// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_hold BDF DEVICE register ERROR: a region of a BAR; registering it says ERROR.
 *
 * vfio_hold BDF DEVICE hold: a region and a dma-buf stay while the VFIO device is
 * closed and, by whoever reads "ready", unbound. After a line on stdin they are
 * found gone, and given back.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "vfio_util.h"

#define LEN	(3 * VFIO_PAGE)

static struct vfio v;
static struct ibv_pd *pd;

static struct ibv_mr *reg(int fd)
{
	errno = 0;
	return ibv_reg_dmabuf_mr(pd, 0, LEN, 0, fd, IBV_ACCESS_LOCAL_WRITE |
				 IBV_ACCESS_REMOTE_WRITE);
}

static void hold(int fd)
{
	struct ibv_mr *mr = reg(fd), *again;
	char line[16];

	CHECK(mr, "ibv_reg_dmabuf_mr: %m");
	vfio_close(&v);
	printf("ready\n");
	fflush(stdout);
	CHECK(fgets(line, sizeof(line), stdin), "stdin");
	again = reg(fd);
	CHECK(!again && errno == EKEYREVOKED, "a region of what is gone: %m");
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

int main(int argc, char **argv)
{
	struct ibv_context *ctx;
	struct ibv_mr *mr;
	int fd;

	if (argc < 4) {
		fprintf(stderr, "usage: vfio_hold BDF DEVICE register ERROR|hold\n");
		return 2;
	}
	ctx = need_device(argv[2]);
	pd = ibv_alloc_pd(ctx);
	CHECK(pd, "ibv_alloc_pd: %m");
	vfio_open(&v, argv[1]);
	fd = vfio_dmabuf(&v, 2, (struct vfio_range[]) { { 7, 3 } }, 1);
	if (!strcmp(argv[3], "hold")) {
		hold(fd);
	} else {
		mr = reg(fd);
		CHECK(argc > 4 && !strcmp(strerror(errno), argv[4]), "%m");
		CHECK(!mr || !ibv_dereg_mr(mr), "ibv_dereg_mr");
		vfio_close(&v);
	}
	close(fd);
	CHECK(!ibv_dealloc_pd(pd) && !ibv_close_device(ctx), "closing");
	return 0;
}
