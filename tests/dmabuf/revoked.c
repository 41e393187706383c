// SPDX-License-Identifier: GPL-2.0
/*
 * revoked DEVICE DEVICE: the memory of a dma-buf is gone for good while it is
 * registered (its device is unbound). Accesses fail cleanly at either end, the keys
 * stay reserved until they are deregistered (R12), and other regions of the same
 * protection domains are not disturbed.
 */
#include <libgen.h>
#include <string.h>

#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill
#include "../verbs/pair.h"

#define LEN	65536
#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

static void unbind(struct device *gpu)
{
	FILE *f = fopen("/sys/bus/pci/drivers/softgpu/unbind", "we");

	CHECK(f, "the unbind file");
	fputs(basename(gpu->debugfs), f);
	CHECK(!fclose(f), "unbind");
}

int main(int argc, char **argv)
{
	struct ibv_mr *avram, *bvram, *aram, *bram;
	struct buffer buf[2];
	struct device gpu;
	struct ibv_wc wc;
	uint8_t *mem;
	struct pair p;
	int fd[2];

	if (argc != 3) {
		fprintf(stderr, "usage: revoked DEVICE DEVICE\n");
		return 2;
	}
	device_open(&gpu, "bar");
	for (int i = 0; i < 2; i++) {
		buffer_create(&gpu, &buf[i], LEN);
		fd[i] = buffer_export(&buf[i]);
	}
	mem = aligned_alloc(4096, 2 * LEN);
	CHECK(mem, "no memory");
	fill(mem, LEN, 1);
	memset(mem + LEN, 0, LEN);
	pair_open(&p, argv[1], argv[2], NULL);
	avram = ibv_reg_dmabuf_mr(p.a.pd, 0, LEN, 0, fd[0], RIGHTS);
	bvram = ibv_reg_dmabuf_mr(p.b.pd, 0, LEN, 0, fd[1], RIGHTS);
	CHECK(avram && bvram, "ibv_reg_dmabuf_mr: %m");
	aram = need_mr(&p.a, mem, LEN, RIGHTS);
	bram = need_mr(&p.b, mem + LEN, LEN, RIGHTS);

	pair_connect(&p);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(aram, 0, LEN), 0,
		  bvram->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	unbind(&gpu);

	need_send(&p.a, IBV_WR_RDMA_WRITE, 2, sge_of(aram, 0, 100), 0,
		  bvram->rkey, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	pair_disconnect(&p);

	pair_connect(&p);
	need_send(&p.a, IBV_WR_RDMA_READ, 3, sge_of(aram, 0, 100), 0,
		  bvram->rkey, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	pair_disconnect(&p);

	pair_connect(&p);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 4,
		  (struct ibv_sge) { .length = 100, .lkey = avram->lkey },
		  (uintptr_t)mem + LEN, bram->rkey, IBV_SEND_SIGNALED);
	wc = need_status(p.a.scq, IBV_WC_LOC_PROT_ERR);
	printf("local access: vendor_err %u\n", wc.vendor_err);
	pair_disconnect(&p);

	pair_connect(&p);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 5, sge_of(aram, 0, LEN),
		  (uintptr_t)mem + LEN, bram->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(mem + LEN, LEN, 1, "a region that was not revoked");
	pair_disconnect(&p);

	CHECK(!ibv_dereg_mr(avram) && !ibv_dereg_mr(bvram) &&
	      !ibv_dereg_mr(aram) && !ibv_dereg_mr(bram), "ibv_dereg_mr");
	pair_close(&p);
	free(mem);
	return 0;
}
