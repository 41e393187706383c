// SPDX-License-Identifier: GPL-2.0
/*
 * refused DEVICE DEVICE: a region whose memory its exporter withholds after it was
 * registered. Each access fails cleanly at either end, `rdma -dd resource show mr` says
 * why, and where the exporter gives it again, the same keys work again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "mock-abi.h"

#define SIZE	(8 * 4096ul)
#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ)

static int dev;

static int mock_export(unsigned int flags)
{
	struct mock_export arg = { .size = SIZE, .flags = flags };

	CHECK(!ioctl(dev, MOCK_IOC_EXPORT, &arg), "mock: %m");
	return arg.fd;
}

static void ctl(int fd, enum mock_ctl_op op, uint64_t arg)
{
	struct mock_ctl req = { .fd = fd, .op = op, .arg = arg };

	CHECK(!ioctl(dev, MOCK_IOC_CTL, &req), "mock: %m");
}

struct test {
	struct pair p;
	struct ibv_mr *host[2], *mr[2];	/* of a and b */
	uint8_t *mem;
	const char *device;
};

/* The driver's part of what rdma says of the region at b: @why, or none (NULL). */
static void need_why(struct test *t, const char *state, const char *why)
{
	char cmd[96], text[16384], want[64], *at, *end;
	FILE *f;
	size_t n;

	snprintf(cmd, sizeof(cmd), "rdma -dd resource show mr dev %s", t->device);
	f = popen(cmd, "re");
	CHECK(f, "rdma");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	CHECK(!pclose(f), "rdma failed");
	snprintf(want, sizeof(want), "rkey 0x%x ", t->mr[1]->rkey);
	at = strstr(text, want);
	CHECK(at, "no region with %s: %s", want, text);
	end = strstr(at, "\ndev ");
	if (end)
		*end = 0;
	snprintf(want, sizeof(want), "drv_state %s", state);
	CHECK(strstr(at, want), "not %s: %s", want, at);
	snprintf(want, sizeof(want), "drv_why %s", why ?: "");
	CHECK(!why == !strstr(at, want), "%s: %s", want, at);
}

static void works(struct test *t, uint32_t seed)
{
	struct pair *p = &t->p;

	fill(t->mem, 5000, seed);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 1, sge_of(t->host[0], 0, 5000), 77,
		  t->mr[1]->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	memset(t->mem, 0, 5000);
	need_send(&p->a, IBV_WR_RDMA_READ, 2, sge_of(t->host[0], 0, 5000), 77,
		  t->mr[1]->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	need_pattern(t->mem, 5000, seed, "what was written");
	need_why(t, "valid", NULL);
}

/* From afar and from near; each costs the connection. */
static void fails(struct test *t)
{
	struct pair *p = &t->p;

	need_send(&p->a, IBV_WR_RDMA_WRITE, 3, sge_of(t->host[0], 0, 8), 77,
		  t->mr[1]->rkey, IBV_SEND_SIGNALED);
	need_status(p->a.scq, IBV_WC_REM_ACCESS_ERR);
	pair_disconnect(p);
	pair_connect(p);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 4,
		  (struct ibv_sge) { 77, 8, t->mr[0]->lkey },
		  (uintptr_t)t->mem, t->host[1]->rkey, IBV_SEND_SIGNALED);
	need_status(p->a.scq, IBV_WC_LOC_PROT_ERR);
	pair_disconnect(p);
	pair_connect(p);
}

static void registered(struct test *t, int fd)
{
	t->mr[0] = ibv_reg_dmabuf_mr(t->p.a.pd, 0, SIZE, 0, fd, RIGHTS);
	t->mr[1] = ibv_reg_dmabuf_mr(t->p.b.pd, 0, SIZE, 0, fd, RIGHTS);
	CHECK(t->mr[0] && t->mr[1], "ibv_reg_dmabuf_mr: %m");
	works(t, 1);
}

static void not_registered(struct test *t, int fd, int err)
{
	struct ibv_mr *mr = ibv_reg_dmabuf_mr(t->p.b.pd, 0, SIZE, 0, fd, RIGHTS);

	CHECK(!mr && errno == err, "%s, not %s", mr ? "registered" : strerror(errno),
	      strerror(err));
}

static void deregistered(struct test *t, int fd)
{
	CHECK(!ibv_dereg_mr(t->mr[0]) && !ibv_dereg_mr(t->mr[1]), "ibv_dereg_mr");
	close(fd);
}

static void withheld(struct test *t)
{
	int fd = mock_export(0);

	registered(t, fd);
	ctl(fd, MOCK_WITHDRAW, 0);
	fails(t);
	need_why(t, "invalid", "withdrawn");
	not_registered(t, fd, ENODEV);
	ctl(fd, MOCK_RESTORE, 0);
	works(t, 2);
	ctl(fd, MOCK_REVOKE, 0);
	fails(t);
	need_why(t, "revoked", "revoked");
	not_registered(t, fd, EKEYREVOKED);
	deregistered(t, fd);

	fd = mock_export(0);
	registered(t, fd);
	ctl(fd, MOCK_PRIVATE, 0);
	fails(t);
	need_why(t, "invalid", "private");
	not_registered(t, fd, EOPNOTSUPP);
	deregistered(t, fd);
}

int main(int argc, char **argv)
{
	static const struct {
		unsigned int flags;
		int err;
	} refusals[] = {
		{ MOCK_EXP_NO_CPU, EOPNOTSUPP },
		{ MOCK_EXP_NO_MOVABLE, EBUSY },
		{ MOCK_EXP_NO_PFN, EOPNOTSUPP },
	};
	struct test t = {};

	if (argc != 3) {
		fprintf(stderr, "usage: refused DEVICE DEVICE\n");
		return 2;
	}
	t.device = argv[2];
	dev = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);
	CHECK(dev >= 0, "the mock: %m");
	pair_open(&t.p, argv[1], argv[2], NULL);
	t.mem = aligned_alloc(4096, SIZE);
	CHECK(t.mem, "no memory");
	t.host[0] = need_mr(&t.p.a, t.mem, SIZE, RIGHTS);
	t.host[1] = need_mr(&t.p.b, t.mem, SIZE, RIGHTS);
	pair_connect(&t.p);
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		int fd = mock_export(refusals[i].flags);

		not_registered(&t, fd, refusals[i].err);
		close(fd);
	}
	withheld(&t);
	pair_disconnect(&t.p);
	CHECK(!ibv_dereg_mr(t.host[0]) && !ibv_dereg_mr(t.host[1]), "ibv_dereg_mr");
	pair_close(&t.p);
	return 0;
}
