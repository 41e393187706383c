// SPDX-License-Identifier: GPL-2.0
/*
 * Sizes: what is granted is at least what was asked for, what is beyond the
 * device is EINVAL, what the device has not is EOPNOTSUPP. And the posts that
 * are for kernel users only.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <unistd.h>

#include "uabi.h"

static void try_cq(struct ibv_context *ctx, int cqe, int err)
{
	struct ibv_cq *cq = ibv_create_cq(ctx, cqe, NULL, NULL, 0);

	check(!cq == !!err, "a queue of %d entries", cqe);
	if (!cq) {
		check(errno == err, "%d entries: %m", cqe);
		return;
	}
	check(cq->cqe >= cqe, "%d granted of %d", cq->cqe, cqe);
	ibv_destroy_cq(cq);
}

static void try_qp(struct ibv_pd *pd, struct ibv_cq *cq, enum ibv_qp_type type,
		   struct ibv_qp_cap cap, int err, const char *what)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = type, .cap = cap,
	};
	struct ibv_qp *qp = ibv_create_qp(pd, &init);

	check(!qp == !!err, "%s: %s", what, qp ? "made" : strerror(errno));
	if (!qp) {
		check(errno == err, "%s: %m", what);
		return;
	}
	check(init.cap.max_send_wr >= cap.max_send_wr &&
	      init.cap.max_recv_wr >= cap.max_recv_wr &&
	      init.cap.max_send_sge >= cap.max_send_sge &&
	      init.cap.max_recv_sge >= cap.max_recv_sge &&
	      init.cap.max_inline_data >= cap.max_inline_data,
	      "%s: less granted than asked for", what);
	ibv_destroy_qp(qp);
}

static void try_qps(struct ibv_context *ctx)
{
	struct ibv_pd *pd = ibv_alloc_pd(ctx);
	struct ibv_cq *cq = ibv_create_cq(ctx, 16, NULL, NULL, 0);

	must(pd && cq, "PD and CQ");
#define TRY(type, err, ...)						\
	try_qp(pd, cq, type, (struct ibv_qp_cap) { __VA_ARGS__ }, err,	\
	       #type " " #__VA_ARGS__)
	TRY(IBV_QPT_RC, 0, .max_send_wr = 1);
	TRY(IBV_QPT_RC, 0, .max_recv_wr = 1, .max_recv_sge = 1);
	TRY(IBV_QPT_UC, 0, .max_send_wr = 3, .max_recv_sge = 5);
	TRY(IBV_QPT_UD, 0, .max_send_wr = 3, .max_send_sge = 3);
	TRY(IBV_QPT_RC, 0, .max_send_wr = PRXE_MAX_WR,
	    .max_recv_wr = PRXE_MAX_WR, .max_send_sge = PRXE_MAX_SGE,
	    .max_recv_sge = PRXE_MAX_SGE, .max_inline_data = PRXE_MAX_INLINE);
	TRY(IBV_QPT_RC, EINVAL, .max_send_wr = PRXE_MAX_WR + 1);
	TRY(IBV_QPT_RC, EINVAL, .max_recv_wr = PRXE_MAX_WR + 1);
	TRY(IBV_QPT_RC, EINVAL, .max_send_sge = PRXE_MAX_SGE + 1);
	TRY(IBV_QPT_RC, EINVAL, .max_recv_sge = PRXE_MAX_SGE + 1);
	TRY(IBV_QPT_RC, EINVAL, .max_inline_data = PRXE_MAX_INLINE + 1);
	TRY(IBV_QPT_RC, EINVAL, .max_send_wr = ~0u, .max_send_sge = ~0u);
	TRY(IBV_QPT_RAW_PACKET, EOPNOTSUPP, .max_send_wr = 1);
#undef TRY
	ibv_destroy_cq(cq);
	ibv_dealloc_pd(pd);
}

/* Only a kernel user's work requests come by call. */
static void try_posts(const char *dev)
{
	struct prxe_create_cq_resp cq;
	struct prxe_create_qp_resp out;
	struct ib_uverbs_create_qp_resp qp;
	int fd = raw_open(dev);
	uint32_t pd = raw_alloc_pd(fd), handle;

	must(!raw_create_cq(fd, 16, &handle, &cq), "create_cq");
	must(!raw_create_qp(fd, pd, handle, &qp, &out), "create_qp");
	check(!raw_post_send(fd, qp.qp_handle, 0), "the send doorbell");
	check(!raw_post_recv(fd, qp.qp_handle, 0), "the receive doorbell");
	check(raw_post_send(fd, qp.qp_handle, 1) == -EINVAL, "post_send by call");
	check(raw_post_recv(fd, qp.qp_handle, 1) == -EINVAL, "post_recv by call");
	close(fd);
}

int test_limits(const char *dev, char **argv)
{
	struct ibv_context *ctx = verbs_open(dev);

	(void)argv;
	try_cq(ctx, 1, 0);
	try_cq(ctx, 1000, 0);
	try_cq(ctx, PRXE_MAX_CQE, 0);
	try_cq(ctx, 0, EINVAL);
	try_cq(ctx, PRXE_MAX_CQE + 1, EINVAL);
	try_cq(ctx, -1, EINVAL);
	try_qps(ctx);
	try_posts(dev);
	ibv_close_device(ctx);
	return 0;
}
