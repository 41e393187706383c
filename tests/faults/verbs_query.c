// SPDX-License-Identifier: GPL-2.0
/* What is asked of a device: by verbs, through sysfs and by rdma netlink. */
#include <fcntl.h>
#include <rdma/rdma_netlink.h>
#include <unistd.h>

#include "verbs.h"

#define SYSFS "/sys/class/infiniband/"

static struct ibv_mr *mr;
static char page[PAGE] __attribute__((aligned(PAGE)));

int call_query_device(void)
{
	struct ibv_device_attr_ex attr;

	return ibv_query_device_ex(pair.a.ctx, NULL, &attr);
}

int call_query_port(void)
{
	struct ibv_port_attr attr;

	return ibv_query_port(pair.a.ctx, 1, &attr);
}

int call_query_pkey(void)
{
	__be16 pkey;

	errno = 0;
	return ibv_query_pkey(pair.a.ctx, 1, 0, &pkey) ? errno ?: EINVAL : 0;
}

static int file(const char *name, int flags, const char *text)
{
	char path[256], buf[64];
	int fd, err = 0;
	ssize_t n;

	snprintf(path, sizeof(path), SYSFS "%s/%s", device_a, name);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return errno;
	n = text ? write(fd, text, strlen(text)) : read(fd, buf, sizeof(buf));
	if (n <= 0)
		err = n ? errno : EIO;
	close(fd);
	return err;
}

int call_node_desc(void)
{
	return file("node_desc", O_WRONLY, "swept\n");
}

int call_counter(void)
{
	return file("ports/1/hw_counters/sent_pkts", O_RDONLY, NULL);
}

/* One of each for the dumps. */
void make_shown(void)
{
	make_rc();
	mr = ibv_reg_mr(pair.a.pd, page, PAGE, RIGHTS);
	NEED(mr, "ibv_reg_mr: %m");
}

void drop_shown(void)
{
	NEED(!ibv_dereg_mr(mr), "ibv_dereg_mr: %m");
	drop_qp();
}

int call_show_mr(void) { return nl_dump(RDMA_NLDEV_CMD_RES_MR_GET, device_a); }
int call_show_qp(void) { return nl_dump(RDMA_NLDEV_CMD_RES_QP_GET, device_a); }
int call_show_cq(void) { return nl_dump(RDMA_NLDEV_CMD_RES_CQ_GET, device_a); }
int call_show_srq(void) { return nl_dump(RDMA_NLDEV_CMD_RES_SRQ_GET, device_a); }
int call_show_pd(void) { return nl_dump(RDMA_NLDEV_CMD_RES_PD_GET, device_a); }
int call_show_dev(void) { return nl_dump(RDMA_NLDEV_CMD_GET, device_a); }
int call_show_stat(void) { return nl_get(RDMA_NLDEV_CMD_STAT_GET, device_a); }

static uint32_t cntn;

/*
 * The answer may get lost although all went well; the number of the only counter is
 * known.
 */
int call_bind_counter(void)
{
	int err = nl_bind(device_a, pair.a.qp->qp_num, &cntn);

	if (err)
		nl_unbind(device_a, pair.a.qp->qp_num, 1);
	return err;
}

void undo_bind_counter(void)
{
	int err = nl_unbind(device_a, pair.a.qp->qp_num, cntn);

	NEED(!err, "rdma statistic qp unbind: %s", strerror(err));
}

void make_counter(void)
{
	int err;

	make_rc();
	err = nl_bind(device_a, pair.a.qp->qp_num, &cntn);
	NEED(!err, "rdma statistic qp bind: %s", strerror(err));
}

int call_show_counter(void) { return nl_show_counters(device_a); }
