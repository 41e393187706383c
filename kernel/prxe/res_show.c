// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `rdma -dd resource show` tells of queues; of regions see mr_show.c.
 *
 * The core holds a reference of the resource tracker meanwhile, which their
 * destruction waits for.
 */
#include <rdma/restrack.h>
#include <uapi/rdma/rdma_netlink.h>
#include <net/netlink.h>

#include "cq.h"
#include "prxe.h"
#include "qp.h"
#include "srq.h"

static const char * const qp_states[] = {
	[IB_QPS_RESET] = "RESET",
	[IB_QPS_INIT] = "INIT",
	[IB_QPS_RTR] = "RTR",
	[IB_QPS_RTS] = "RTS",
	[IB_QPS_SQD] = "SQD",
	[IB_QPS_SQE] = "SQE",
	[IB_QPS_ERR] = "ERR",
};

/* Why the requester does not send, if there is a reason. */
static const char *sq_waits(const struct prxe_sq *sq)
{
	if (sq->fault.pd)
		return "memory";
	if (sq->rnr_wait)
		return "rnr";
	if (sq->pause)
		return "drop";
	return "no";
}

static int show_sq(struct sk_buff *msg, struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	int err;

	spin_lock_bh(&sq->lock);
	err = rdma_nl_put_driver_string(msg, "sq_state", qp_states[sq->state]) ||
	      rdma_nl_put_driver_u32(msg, "sq_wqes", sq->head - sq->tail) ||
	      rdma_nl_put_driver_u32(msg, "sq_next_psn", sq->psn) ||
	      rdma_nl_put_driver_u32(msg, "sq_una", sq->una) ||
	      rdma_nl_put_driver_u32(msg, "sq_rd_atomic", sq->rd_atomic) ||
	      rdma_nl_put_driver_u32(msg, "sq_retries_left", sq->retries) ||
	      rdma_nl_put_driver_u32(msg, "sq_rnr_left", sq->rnr_left) ||
	      rdma_nl_put_driver_string(msg, "sq_waits", sq_waits(sq));
	spin_unlock_bh(&sq->lock);
	return err ? -EMSGSIZE : 0;
}

static int show_resp(struct sk_buff *msg, struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;
	int err;

	spin_lock_bh(&resp->lock);
	err = rdma_nl_put_driver_string(msg, "rq_state",
					qp_states[resp->state]) ||
	      rdma_nl_put_driver_u32(msg, "rq_epsn", resp->epsn) ||
	      rdma_nl_put_driver_u32(msg, "rq_msn", resp->msn) ||
	      rdma_nl_put_driver_u32(msg, "rq_parked_pkts", resp->nr_parked) ||
	      rdma_nl_put_driver_string(msg, "rq_waits",
					resp->fault.pd ? "memory" : "no");
	spin_unlock_bh(&resp->lock);
	return err ? -EMSGSIZE : 0;
}

/* A nest of the driver's attributes around what @err says of them. */
static int show_end(struct sk_buff *msg, struct nlattr *table, int err)
{
	if (err)
		nla_nest_cancel(msg, table);
	else
		nla_nest_end(msg, table);
	return err;
}

/**
 * prxe_fill_res_qp_entry() - the two halves of a queue pair
 * @msg: what to add to
 * @ibqp: the queue pair
 *
 * Context: process. Return: 0 or -EMSGSIZE, with nothing added.
 */
int prxe_fill_res_qp_entry(struct sk_buff *msg, struct ib_qp *ibqp)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct nlattr *table;
	int err;

	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);
	if (!table)
		return -EMSGSIZE;
	err = show_sq(msg, qp);
	if (!err)
		err = show_resp(msg, qp);
	return show_end(msg, table, err);
}

/**
 * prxe_fill_res_cq_entry() - entries made, room, and what is waited for
 * @msg: what to add to
 * @ibcq: the completion queue
 *
 * Context: process. Return: 0 or -EMSGSIZE, with nothing added.
 */
int prxe_fill_res_cq_entry(struct sk_buff *msg, struct ib_cq *ibcq)
{
	struct prxe_cq *cq = to_pcq(ibcq);
	u32 producer, nr, armed, overflow;
	struct nlattr *table;
	int err;

	spin_lock_irq(&cq->lock);
	producer = cq->producer;
	nr = cq->queue.nr;
	armed = cq->armed;
	overflow = cq->overflow;
	spin_unlock_irq(&cq->lock);

	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);
	if (!table)
		return -EMSGSIZE;
	err = rdma_nl_put_driver_u32(msg, "slots", nr) ||
	      rdma_nl_put_driver_u32(msg, "completions", producer) ||
	      rdma_nl_put_driver_string(msg, "armed",
					armed == IB_CQ_SOLICITED ? "solicited" :
					armed ? "next" : "no") ||
	      rdma_nl_put_driver_u32(msg, "overflow", overflow);
	return show_end(msg, table, err ? -EMSGSIZE : 0);
}

/**
 * prxe_fill_res_srq_entry() - entries taken, and the limit
 * @msg: what to add to
 * @ibsrq: the shared receive queue
 *
 * Context: process. Return: 0 or -EMSGSIZE, with nothing added.
 */
int prxe_fill_res_srq_entry(struct sk_buff *msg, struct ib_srq *ibsrq)
{
	struct prxe_srq *srq = to_psrq(ibsrq);
	struct nlattr *table;
	u32 head, nr, limit;
	int err;

	spin_lock_irq(&srq->lock);
	head = srq->head;
	nr = srq->ring.nr;
	limit = srq->limit;
	spin_unlock_irq(&srq->lock);

	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);
	if (!table)
		return -EMSGSIZE;
	err = rdma_nl_put_driver_u32(msg, "slots", nr) ||
	      rdma_nl_put_driver_u32(msg, "taken", head) ||
	      rdma_nl_put_driver_u32(msg, "limit", limit);
	return show_end(msg, table, err ? -EMSGSIZE : 0);
}
