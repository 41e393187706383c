// SPDX-License-Identifier: GPL-2.0
/* usage: reg_test RDMA-DEVICE ram|bar CASE */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reg_test.h"

static const struct {
	const char *name;
	void (*run)(struct reg *r);
} cases[] = {
	{ "bad_dmabuf", case_bad_dmabuf },
	{ "bad_user", case_bad_user },
	{ "good", case_good },
	{ "hold", case_hold },
	{ "huge", case_huge },
	{ "keys", case_keys },
	{ "latency", case_latency },
	{ "memlock", case_memlock },
	{ "storm", case_storm },
};

static struct ibv_context *open_rdma(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;

	check(list, "ibv_get_device_list: %m");
	for (int i = 0; list[i]; i++) {
		if (strcmp(ibv_get_device_name(list[i]), name))
			continue;
		ctx = ibv_open_device(list[i]);
		check(ctx, "ibv_open_device(%s): %m", name);
	}
	ibv_free_device_list(list);
	check(ctx, "no RDMA device %s", name);
	return ctx;
}

struct ibv_mr *need_dmabuf_mr(struct reg *r, int fd, uint64_t offset, size_t len,
			      uint64_t iova)
{
	struct ibv_mr *mr = ibv_reg_dmabuf_mr(r->pd, offset, len, iova, fd, RW);

	check(mr, "register %zu bytes at %llu of a dma-buf: %m", len,
	      (unsigned long long)offset);
	return mr;
}

void drop_mr(struct ibv_mr *mr)
{
	int err = ibv_dereg_mr(mr);

	check(!err, "deregister: %s", strerror(err));
}

/* Regions that the kernel says this device has. */
unsigned int mrs_of(struct reg *r)
{
	char cmd[128], line[64] = "";
	FILE *p;

	snprintf(cmd, sizeof(cmd), "rdma resource show mr dev %s | wc -l",
		 ibv_get_device_name(r->ctx->device));
	p = popen(cmd, "r");
	check(p && fgets(line, sizeof(line), p) && !pclose(p), "%s failed", cmd);
	return strtoul(line, NULL, 10);
}

int main(int argc, char **argv)
{
	struct reg r;

	check(argc == 4, "usage: %s RDMA-DEVICE ram|bar CASE", argv[0]);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].name, argv[3]))
			continue;
		device_open(&r.gpu, argv[2]);
		r.ctx = open_rdma(argv[1]);
		r.pd = ibv_alloc_pd(r.ctx);
		check(r.pd, "ibv_alloc_pd: %m");
		cases[i].run(&r);
		check(!ibv_dealloc_pd(r.pd), "ibv_dealloc_pd: %m");
		check(!ibv_close_device(r.ctx), "ibv_close_device: %m");
		close(r.gpu.fd);
		printf("%s: ok\n", argv[3]);
		return 0;
	}
	die("no case %s", argv[3]);
}
