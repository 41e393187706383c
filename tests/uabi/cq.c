// SPDX-License-Identifier: GPL-2.0
/*
 * Completion queues at their limits: an overflow loses entries, never
 * overwrites one, and is told once; errors notify who asked for solicited
 * completions only.
 */
#include <infiniband/verbs.h>
#include <poll.h>

#include "uabi.h"

#define RECVS	5

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 10000) == 1;
}

static bool nothing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static struct ibv_qp *make_qp(struct ibv_pd *pd, struct ibv_cq *cq)
{
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 1, .max_recv_wr = RECVS },
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1,
	};
	struct ibv_qp *qp = ibv_create_qp(pd, &init);

	must(qp, "create_qp: %m");
	must(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_ACCESS_FLAGS), "to INIT");
	return qp;
}

static void flush(struct ibv_qp *qp, unsigned int recvs)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	for (unsigned int i = 0; i < recvs; i++) {
		struct ibv_recv_wr wr = { .wr_id = 100 + i }, *bad;

		must(!ibv_post_recv(qp, &wr, &bad), "post_recv");
	}
	must(!ibv_modify_qp(qp, &attr, IBV_QP_STATE), "to ERR");
}

static void overflow(struct ibv_context *ctx, struct ibv_pd *pd)
{
	struct ibv_cq *cq = ibv_create_cq(ctx, 1, NULL, NULL, 0);
	struct ibv_async_event ev;
	struct ibv_wc wc[RECVS];
	struct ibv_qp *qp;
	int n;

	must(cq, "create_cq: %m");
	must(cq->cqe < RECVS, "%d entries are no test", cq->cqe);
	qp = make_qp(pd, cq);
	check(nothing(ctx->async_fd), "an event too early");
	flush(qp, RECVS);
	must(readable(ctx->async_fd), "nobody tells of the lost entries");
	must(!ibv_get_async_event(ctx, &ev), "get_async_event");
	check(ev.event_type == IBV_EVENT_CQ_ERR && ev.element.cq == cq,
	      "event %d", ev.event_type);
	ibv_ack_async_event(&ev);
	check(nothing(ctx->async_fd), "more than one event");

	n = ibv_poll_cq(cq, RECVS, wc);
	check(n == cq->cqe, "%d entries in a queue of %d", n, cq->cqe);
	for (int i = 0; i < n; i++)
		check(wc[i].wr_id == 100u + i &&
		      wc[i].status == IBV_WC_WR_FLUSH_ERR &&
		      wc[i].qp_num == qp->qp_num,
		      "entry %d: wr_id %ju status %d", i,
		      (uintmax_t)wc[i].wr_id, wc[i].status);
	ibv_destroy_qp(qp);
	ibv_destroy_cq(cq);
}

static void notify(struct ibv_context *ctx, struct ibv_pd *pd)
{
	struct ibv_comp_channel *ch = ibv_create_comp_channel(ctx);
	struct ibv_cq *cq, *ev_cq;
	struct ibv_qp *qp;
	struct ibv_wc wc;
	void *ev_ctx;

	must(ch, "channel");
	cq = ibv_create_cq(ctx, RECVS, ch, ch, 0);
	must(cq, "create_cq: %m");
	qp = make_qp(pd, cq);
	must(!ibv_req_notify_cq(cq, 1), "req_notify");
	check(nothing(ch->fd), "notified of nothing");
	flush(qp, 2);
	must(readable(ch->fd), "not notified of an error");
	must(!ibv_get_cq_event(ch, &ev_cq, &ev_ctx), "get_cq_event");
	check(ev_cq == cq, "of another queue");
	ibv_ack_cq_events(cq, 1);
	check(nothing(ch->fd), "notified twice for one request");
	for (int i = 0; i < 2; i++)
		check(ibv_poll_cq(cq, 1, &wc) == 1, "entry %d", i);
	check(!ibv_poll_cq(cq, 1, &wc), "one too many");
	ibv_destroy_qp(qp);
	ibv_destroy_cq(cq);
	ibv_destroy_comp_channel(ch);
}

int test_cq(const char *dev, char **argv)
{
	struct ibv_context *ctx = verbs_open(dev);
	struct ibv_pd *pd = ibv_alloc_pd(ctx);

	(void)argv;
	must(pd, "alloc_pd");
	overflow(ctx, pd);
	notify(ctx, pd);
	ibv_dealloc_pd(pd);
	ibv_close_device(ctx);
	return 0;
}
