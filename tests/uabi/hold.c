// SPDX-License-Identifier: GPL-2.0
/*
 * A process that holds all kinds of objects, with a busy send queue, while
 * somebody takes the device away. It says "ready", waits to be told that the
 * device is gone, uses what it still has, and leaves.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <poll.h>

#include "uabi.h"

static char memory[1 << 16];

static struct ibv_qp *connect_self(struct ibv_context *ctx, struct ibv_pd *pd,
				   struct ibv_cq *cq, int gid_index)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 16, .max_recv_wr = 16,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};
	struct ibv_qp *qp = ibv_create_qp(pd, &init);
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE,
	};

	must(qp, "create_qp: %m");
	must(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_ACCESS_FLAGS), "to INIT");
	attr = (struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTR, .path_mtu = IBV_MTU_1024,
		.dest_qp_num = qp->qp_num, .max_dest_rd_atomic = 1,
		.ah_attr = { .is_global = 1, .port_num = 1,
			     .grh = { .sgid_index = gid_index,
				      .hop_limit = 64 } },
	};
	must(!ibv_query_gid(ctx, 1, gid_index, &attr.ah_attr.grh.dgid), "GID");
	must(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_AV |
			    IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			    IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER),
	     "to RTR: %m");
	attr.qp_state = IBV_QPS_RTS;
	attr.timeout = 14;
	attr.retry_cnt = 7;
	attr.rnr_retry = 7;
	must(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_TIMEOUT |
			    IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			    IBV_QP_SQ_PSN | IBV_QP_MAX_QP_RD_ATOMIC), "to RTS");
	return qp;
}

/* A send with nobody to receive it: RNR retries that have no end. */
static void be_busy(struct ibv_qp *qp, struct ibv_mr *mr)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)memory, .length = 4096, .lkey = mr->lkey,
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND, .sg_list = &sge, .num_sge = 1,
		.send_flags = IBV_SEND_SIGNALED,
	}, *bad;

	for (int i = 0; i < 8; i++)
		must(!ibv_post_send(qp, &wr, &bad), "post_send");
}

/* The device is gone: nothing works, nothing crashes. */
static void use_what_is_left(struct ibv_qp *qp, struct ibv_cq *cq,
			     struct ibv_mr *mr)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)memory, .length = 16, .lkey = mr->lkey,
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND, .sg_list = &sge, .num_sge = 1,
	}, *bad;
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	struct ibv_wc wc;

	ibv_post_send(qp, &wr, &bad);
	ibv_poll_cq(cq, 1, &wc);
	check(ibv_modify_qp(qp, &attr, IBV_QP_STATE) == EIO,
	      "modify_qp on a device that is gone");
}

int test_hold(const char *dev, char **argv)
{
	struct ibv_context *ctx = verbs_open(dev);
	struct ibv_pd *pd = ibv_alloc_pd(ctx);
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_cq *cq = ibv_create_cq(ctx, 64, NULL, ch, 0);
	struct ibv_async_event ev = {};
	struct pollfd p = { .fd = ctx->async_fd, .events = POLLIN };
	struct ibv_mr *mr;
	struct ibv_qp *qp;

	must(argv[0], "usage: uabi_test hold DEVICE GID_INDEX");
	must(pd && ch && cq, "objects: %m");
	mr = ibv_reg_mr(pd, memory, sizeof(memory), IBV_ACCESS_LOCAL_WRITE |
			IBV_ACCESS_REMOTE_WRITE);
	must(mr, "reg_mr: %m");
	qp = connect_self(ctx, pd, cq, atoi(argv[0]));
	be_busy(qp, mr);
	printf("ready\n");

	do {
		must(poll(&p, 1, 60000) == 1, "nobody took the device away");
		must(!ibv_get_async_event(ctx, &ev), "get_async_event: %m");
		ibv_ack_async_event(&ev);
		printf("event %s\n", ibv_event_type_str(ev.event_type));
	} while (ev.event_type != IBV_EVENT_DEVICE_FATAL);

	use_what_is_left(qp, cq, mr);
	ibv_destroy_qp(qp);
	ibv_dereg_mr(mr);
	ibv_destroy_cq(cq);
	ibv_destroy_comp_channel(ch);
	ibv_dealloc_pd(pd);
	ibv_close_device(ctx);
	return 0;
}
