// SPDX-License-Identifier: GPL-2.0
/*
 * usage: r14_trace RDMA-DEVICE ram|bar TRACEFS-DIRECTORY
 *
 * Registers a dma-buf, reaches it with RDMA before and after the exporter has
 * moved it, deregisters; then lets an importer by scatterlist have the same
 * buffer. Marks both parts in the trace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "../verbs/pair.h"

/* Both helpers have a fill(); see CMakeLists.txt. */
#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill

#define SIZE	(256 * 1024)
#define RW (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | \
	    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

static int marker;

static void mark(const char *text)
{
	CHECK(write(marker, text, strlen(text)) == (ssize_t)strlen(text),
	      "trace_marker: %s", strerror(errno));
}

/* Only what is between the marks is worth its place in the trace. */
static void tracing(const char *dir, const char *on)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/tracing_on", dir);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0 && write(fd, on, 1) == 1, "%s: %s", path, strerror(errno));
	close(fd);
}

static void op(struct pair *p, enum ibv_wr_opcode code, struct ibv_mr *host,
	       struct ibv_mr *gpu, size_t len)
{
	need_send(&p->a, code, 1, sge_of(host, 0, len), 0, gpu->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
}

/* A write, a read and an atomic reach what the buffer holds. */
static void reach(struct pair *p, uint8_t *mem, struct ibv_mr *host,
		  struct ibv_mr *gpu, uint32_t seed)
{
	fill(mem, SIZE, seed);
	op(p, IBV_WR_RDMA_WRITE, host, gpu, SIZE);
	memset(mem, 0, SIZE);
	op(p, IBV_WR_RDMA_READ, host, gpu, SIZE);
	need_pattern(mem, SIZE, seed, "read back");
	need_atomic(&p->a, false, 2, sge_of(host, 0, 8), 0, gpu->rkey, 1, 0);
	need_ok(p->a.scq);
}

static void import_by_pfn(struct pair *p, struct device *gpu, struct buffer *buf,
			  int fd, uint8_t *mem, struct ibv_mr *host)
{
	struct ibv_mr *mr;

	mark("r14: pfn begin");
	mr = ibv_reg_dmabuf_mr(p->b.pd, 0, SIZE, 0, fd, RW);
	CHECK(mr, "ibv_reg_dmabuf_mr: %s", strerror(errno));
	reach(p, mem, host, mr, 1);
	CHECK(!debugfs_write(gpu, "evict", "all"), "evict");
	reach(p, mem, host, mr, 2);
	CHECK(!debugfs_write(gpu, "restore", "all"), "restore");
	reach(p, mem, host, mr, 3);
	CHECK(!ibv_dereg_mr(mr), "deregister");
	mark("r14: pfn end");
	CHECK(placement_of(gpu, buf->id).vram == 1, "the buffer is not in VRAM");
}

static void import_by_scatterlist(int fd)
{
	struct importer_import req = { .fd = fd, .how = IMPORTER_STATIC };
	int importer = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC), err;
	char byte;

	CHECK(importer >= 0, "/dev/softgpu_importer: %s", strerror(errno));
	mark("r14: control begin");
	err = ioctl(importer, IMPORTER_IMPORT, &req);
	CHECK(!err, "import: %s", strerror(errno));
	CHECK(pread(importer, &byte, 1, 0) == 1, "importer: %s", strerror(errno));
	close(importer);
	mark("r14: control end");
}

int main(int argc, char **argv)
{
	struct pair_opt opt = pair_defaults;
	static uint8_t mem[SIZE];
	struct buffer buf;
	struct device gpu;
	struct ibv_mr *host;
	char path[256];
	struct pair p;
	int fd;

	CHECK(argc == 4, "usage: %s RDMA-DEVICE ram|bar TRACEFS-DIRECTORY", argv[0]);
	snprintf(path, sizeof(path), "%s/trace_marker", argv[3]);
	marker = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(marker >= 0, "%s: %s", path, strerror(errno));
	device_open(&gpu, argv[2]);
	pair_open(&p, argv[1], argv[1], &opt);
	pair_connect(&p);
	buffer_create(&gpu, &buf, SIZE);
	fd = buffer_export(&buf);
	host = need_mr(&p.a, mem, SIZE, RW);

	tracing(argv[3], "1");
	import_by_pfn(&p, &gpu, &buf, fd, mem, host);
	import_by_scatterlist(fd);
	tracing(argv[3], "0");

	CHECK(!ibv_dereg_mr(host), "deregister");
	close(fd);
	buffer_destroy(&buf);
	pair_disconnect(&p);
	pair_close(&p);
	return 0;
}
