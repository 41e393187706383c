// SPDX-License-Identifier: GPL-2.0-only
/*
 * The states of a queue pair.
 *
 * A change is prepared, which may fail and changes nothing; then applied, which
 * cannot fail: first to the receive side under resp.lock, then to the send queue
 * under sq.lock, each with its new state last. modify_mutex keeps changes apart.
 *
 *   the queue pair	the send queue	the receive side
 *   RESET INIT RTR RTS	the same	the same
 *   SQD SQE		the same	RTS: it goes on
 *   ERR		ERR		ERR
 *
 * A half that meets an error goes to ERR by itself and raises PRXE_QP_EV_ERR or
 * an event; the work item then brings the other half along. Until it has, the
 * queue pair is in ERR for whoever asks, see current_state().
 *
 * What was posted is forgotten in RESET, and completes with a flush error in ERR
 * and SQE. Completions made before stay in the completion queue; it is the
 * user's library that drops those of a queue pair that was reset or destroyed.
 *
 * There is no automatic path migration: the path is always MIGRATED.
 */
#include <linux/jiffies.h>
#include <linux/math64.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "aeth.h"
#include "psn.h"
#include "prxe.h"
#include "qp.h"
#include "rq.h"

#define PRXE_MAX_RETRY		7
#define PRXE_MAX_TIMEOUT	31
#define PRXE_MAX_RNR_TIMER	31

/**
 * struct prxe_change - a modify between its two steps
 * @cur: state before
 * @new: state after
 * @mask: what is told
 * @attr: told
 * @sq_flow: with IB_QP_AV of a connected queue pair: for the send queue; after
 *	the change the one before, to be released
 * @resp_flow: the same for the receive side
 * @res: with IB_QP_MAX_DEST_RD_ATOMIC, the new array; then the one before
 */
struct prxe_change {
	enum ib_qp_state cur;
	enum ib_qp_state new;
	int mask;
	const struct ib_qp_attr *attr;
	struct prxe_flow sq_flow;
	struct prxe_flow resp_flow;
	struct prxe_rd_res *res;
};

static bool is_connected(const struct prxe_qp *qp)
{
	return qp->ibqp.qp_type == IB_QPT_RC ||
	       qp->ibqp.qp_type == IB_QPT_UC;
}

static bool is_live(enum ib_qp_state state)
{
	return state != IB_QPS_RESET && state != IB_QPS_ERR;
}

/* The state of the whole; modify_mutex held. */
static enum ib_qp_state current_state(struct prxe_qp *qp)
{
	enum ib_qp_state sq, resp;

	lockdep_assert_held(&qp->modify_mutex);
	sq = READ_ONCE(qp->sq.state);
	resp = READ_ONCE(qp->resp.state);
	if (sq == IB_QPS_ERR || resp == IB_QPS_ERR)
		return IB_QPS_ERR;
	return sq;
}

/* The half that answers knows no state of the send queue. */
static enum ib_qp_state resp_state(enum ib_qp_state state)
{
	return state == IB_QPS_SQD || state == IB_QPS_SQE ? IB_QPS_RTS : state;
}

/* In jiffies, never less than one full tick; 0 is never. */
static unsigned long timeout_jiffies(u8 timeout)
{
	u64 ns = prxe_ack_timeout_ns(timeout);

	return ns ? DIV_ROUND_UP_ULL(ns, TICK_NSEC) + 1 : 0;
}

static int check_av(const struct rdma_ah_attr *av)
{
	if (av->type != RDMA_AH_ATTR_TYPE_ROCE ||
	    !(rdma_ah_get_ah_flags(av) & IB_AH_GRH) ||
	    rdma_ah_get_port_num(av) != 1 || !av->grh.sgid_attr)
		return -EINVAL;
	return 0;
}

static int check_connection(const struct prxe_qp *qp,
			    const struct ib_qp_attr *attr, int mask)
{
	if (mask & IB_QP_AV && check_av(&attr->ah_attr))
		return -EINVAL;
	if (mask & IB_QP_PATH_MTU && (attr->path_mtu < IB_MTU_256 ||
				      attr->path_mtu > prxe_active_mtu(qp->dev)))
		return -EINVAL;
	if (mask & IB_QP_DEST_QPN && attr->dest_qp_num & ~PRXE_QPN_MASK)
		return -EINVAL;
	return 0;
}

static int check_limits(const struct ib_qp_attr *attr, int mask)
{
	if ((mask & IB_QP_MAX_QP_RD_ATOMIC &&
	     attr->max_rd_atomic > PRXE_MAX_RD_ATOMIC) ||
	    (mask & IB_QP_MAX_DEST_RD_ATOMIC &&
	     attr->max_dest_rd_atomic > PRXE_MAX_RD_ATOMIC) ||
	    (mask & IB_QP_RETRY_CNT && attr->retry_cnt > PRXE_MAX_RETRY) ||
	    (mask & IB_QP_RNR_RETRY && attr->rnr_retry > PRXE_MAX_RETRY) ||
	    (mask & IB_QP_TIMEOUT && attr->timeout > PRXE_MAX_TIMEOUT) ||
	    (mask & IB_QP_MIN_RNR_TIMER &&
	     attr->min_rnr_timer > PRXE_MAX_RNR_TIMER) ||
	    (mask & IB_QP_PKEY_INDEX && attr->pkey_index >= PRXE_MAX_PKEYS) ||
	    (mask & IB_QP_PORT && attr->port_num != 1) ||
	    (mask & IB_QP_ACCESS_FLAGS &&
	     attr->qp_access_flags & ~IB_ACCESS_SUPPORTED))
		return -EINVAL;
	return 0;
}

/* Everything that needs no memory. */
static int check(struct prxe_qp *qp, const struct prxe_change *c)
{
	const struct ib_qp_attr *attr = c->attr;
	int mask = c->mask;
	int err;

	if (mask & ~IB_QP_ATTR_STANDARD_BITS)
		return -EOPNOTSUPP;
	if (mask & IB_QP_CUR_STATE && attr->cur_qp_state != c->cur)
		return -EINVAL;
	if (!ib_modify_qp_is_ok(c->cur, c->new, qp->ibqp.qp_type, mask))
		return -EINVAL;
	if (mask & (IB_QP_ALT_PATH | IB_QP_CAP) ||
	    (mask & IB_QP_PATH_MIG_STATE &&
	     attr->path_mig_state != IB_MIG_MIGRATED))
		return -EOPNOTSUPP;
	/* The array is in use from RTR on. */
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC && c->cur != IB_QPS_INIT &&
	    attr->max_dest_rd_atomic != qp->attr.max_dest_rd_atomic)
		return -EOPNOTSUPP;

	err = check_connection(qp, attr, mask);
	return err ?: check_limits(attr, mask);
}

static int prepare_flows(struct prxe_qp *qp, struct prxe_change *c)
{
	u32 dqpn = c->mask & IB_QP_DEST_QPN ? c->attr->dest_qp_num :
					      qp->dest_qpn;
	int err;

	if (!is_connected(qp) || !(c->mask & IB_QP_AV))
		return 0;
	err = prxe_flow_init(&c->sq_flow, qp->dev, &c->attr->ah_attr,
			     qp->ibqp.qp_num, dqpn);
	if (err)
		return err;
	err = prxe_flow_init(&c->resp_flow, qp->dev, &c->attr->ah_attr,
			     qp->ibqp.qp_num, dqpn);
	if (err)
		prxe_flow_fini(&c->sq_flow);
	return err;
}

static int prepare(struct prxe_qp *qp, struct prxe_change *c)
{
	u32 n = c->attr->max_dest_rd_atomic;

	if (c->mask & IB_QP_MAX_DEST_RD_ATOMIC && c->cur == IB_QPS_INIT && n) {
		c->res = kcalloc(n, sizeof(*c->res), GFP_KERNEL_ACCOUNT);
		if (!c->res)
			return -ENOMEM;
	}
	return prepare_flows(qp, c);
}

/* Of a change that was applied, what it replaced; else what was prepared. */
static void release(struct prxe_change *c)
{
	prxe_flow_fini(&c->sq_flow);
	prxe_flow_fini(&c->resp_flow);
	kfree(c->res);
}

static void apply_resp(struct prxe_qp *qp, struct prxe_change *c)
{
	const struct ib_qp_attr *attr = c->attr;
	struct prxe_resp *resp = &qp->resp;

	lockdep_assert_held(&resp->lock);
	if (c->mask & IB_QP_ACCESS_FLAGS)
		qp->access = attr->qp_access_flags;
	if (c->mask & IB_QP_QKEY)
		WRITE_ONCE(qp->qkey, attr->qkey);
	if (c->mask & IB_QP_PATH_MTU)
		qp->mtu = ib_mtu_enum_to_int(attr->path_mtu);
	if (c->mask & IB_QP_DEST_QPN)
		qp->dest_qpn = attr->dest_qp_num;
	if (c->mask & IB_QP_RQ_PSN)
		resp->epsn = attr->rq_psn & PRXE_PSN_MASK;
	if (c->mask & IB_QP_MIN_RNR_TIMER)
		resp->min_rnr_timer = attr->min_rnr_timer;
	if (c->mask & IB_QP_MAX_DEST_RD_ATOMIC && c->cur == IB_QPS_INIT) {
		swap(resp->res, c->res);
		resp->max_rd_atomic = attr->max_dest_rd_atomic;
		resp->res_next = 0;
	}
	if (is_connected(qp) && c->mask & IB_QP_AV)
		swap(resp->flow, c->resp_flow);
	prxe_resp_set_state(qp, resp_state(c->new));
}

static void apply_sq(struct prxe_qp *qp, struct prxe_change *c)
{
	const struct ib_qp_attr *attr = c->attr;
	struct prxe_sq *sq = &qp->sq;

	lockdep_assert_held(&sq->lock);
	if (c->mask & IB_QP_SQ_PSN) {
		sq->psn = attr->sq_psn & PRXE_PSN_MASK;
		sq->una = sq->psn;
		sq->max_psn = sq->psn;
	}
	if (c->mask & IB_QP_MAX_QP_RD_ATOMIC)
		sq->max_rd_atomic = attr->max_rd_atomic;
	if (c->mask & IB_QP_RETRY_CNT) {
		sq->retry_cnt = attr->retry_cnt;
		sq->retries = attr->retry_cnt;
	}
	if (c->mask & IB_QP_RNR_RETRY) {
		sq->rnr_retry = attr->rnr_retry;
		sq->rnr_left = attr->rnr_retry;
	}
	if (c->mask & IB_QP_TIMEOUT)
		sq->timeout = timeout_jiffies(attr->timeout);
	if (is_connected(qp) && c->mask & IB_QP_AV)
		swap(sq->flow, c->sq_flow);
	if (c->new == IB_QPS_SQD && c->cur != IB_QPS_SQD)
		sq->drained = false;
	prxe_sq_set_state(qp, c->new);
	prxe_req_run(qp);
}

/* What query_qp tells. */
static void remember(struct prxe_qp *qp, const struct ib_qp_attr *attr,
		     int mask)
{
	struct ib_qp_attr *a = &qp->attr;

	lockdep_assert_held(&qp->modify_mutex);
	if (mask & IB_QP_EN_SQD_ASYNC_NOTIFY)
		a->en_sqd_async_notify = attr->en_sqd_async_notify;
	if (mask & IB_QP_ACCESS_FLAGS)
		a->qp_access_flags = attr->qp_access_flags;
	if (mask & IB_QP_PKEY_INDEX)
		a->pkey_index = attr->pkey_index;
	if (mask & IB_QP_PORT)
		a->port_num = attr->port_num;
	if (mask & IB_QP_QKEY)
		a->qkey = attr->qkey;
	if (mask & IB_QP_AV) {
		a->ah_attr = attr->ah_attr;
		a->ah_attr.grh.sgid_attr = NULL;	/* not our reference */
	}
	if (mask & IB_QP_PATH_MTU)
		a->path_mtu = attr->path_mtu;
	if (mask & IB_QP_TIMEOUT)
		a->timeout = attr->timeout;
	if (mask & IB_QP_RETRY_CNT)
		a->retry_cnt = attr->retry_cnt;
	if (mask & IB_QP_RNR_RETRY)
		a->rnr_retry = attr->rnr_retry;
	if (mask & IB_QP_RQ_PSN)
		a->rq_psn = attr->rq_psn;
	if (mask & IB_QP_MAX_QP_RD_ATOMIC)
		a->max_rd_atomic = attr->max_rd_atomic;
	if (mask & IB_QP_MIN_RNR_TIMER)
		a->min_rnr_timer = attr->min_rnr_timer;
	if (mask & IB_QP_SQ_PSN)
		a->sq_psn = attr->sq_psn;
	if (mask & IB_QP_MAX_DEST_RD_ATOMIC)
		a->max_dest_rd_atomic = attr->max_dest_rd_atomic;
	if (mask & IB_QP_DEST_QPN)
		a->dest_qp_num = attr->dest_qp_num;
}

void prxe_qp_err_locked(struct prxe_qp *qp)
{
	lockdep_assert_held(&qp->modify_mutex);

	spin_lock_bh(&qp->resp.lock);
	if (is_live(qp->resp.state)) {
		prxe_resp_set_state(qp, IB_QPS_ERR);
		prxe_rq_flush(qp);
	}
	spin_unlock_bh(&qp->resp.lock);

	spin_lock_bh(&qp->sq.lock);
	if (is_live(qp->sq.state)) {
		prxe_sq_set_state(qp, IB_QPS_ERR);
		prxe_req_flush(qp);
	}
	spin_unlock_bh(&qp->sq.lock);
}

void prxe_qp_reset_halves(struct prxe_qp *qp)
{
	spin_lock_bh(&qp->resp.lock);
	prxe_resp_set_state(qp, IB_QPS_RESET);
	prxe_resp_reset(qp);
	spin_unlock_bh(&qp->resp.lock);

	spin_lock_bh(&qp->sq.lock);
	prxe_sq_set_state(qp, IB_QPS_RESET);
	prxe_req_reset(qp);
	spin_unlock_bh(&qp->sq.lock);
}

/*
 * To RESET: as it was created. The halves no longer send when the flows are
 * taken from them; events that were not delivered are of another life.
 */
static void reset(struct prxe_qp *qp, struct prxe_change *c)
{
	prxe_qp_reset_halves(qp);
	prxe_req_stop(qp);

	spin_lock_bh(&qp->resp.lock);
	swap(qp->resp.flow, c->resp_flow);
	swap(qp->resp.res, c->res);
	qp->resp.max_rd_atomic = 0;
	qp->access = 0;
	qp->dest_qpn = 0;
	WRITE_ONCE(qp->qkey, 0);
	spin_unlock_bh(&qp->resp.lock);
	spin_lock_bh(&qp->sq.lock);
	swap(qp->sq.flow, c->sq_flow);
	spin_unlock_bh(&qp->sq.lock);

	xchg(&qp->events, 0);
	memset(&qp->attr, 0, sizeof(qp->attr));
	qp->attr.path_mig_state = IB_MIG_MIGRATED;
}

static void apply(struct prxe_qp *qp, struct prxe_change *c)
{
	switch (c->new) {
	case IB_QPS_RESET:
		reset(qp, c);
		return;
	case IB_QPS_ERR:
		prxe_qp_err_locked(qp);
		return;
	default:
		break;
	}

	spin_lock_bh(&qp->resp.lock);
	/* It may have met an error since we looked: that is the later event. */
	if (qp->resp.state != IB_QPS_ERR)
		apply_resp(qp, c);
	spin_unlock_bh(&qp->resp.lock);

	spin_lock_bh(&qp->sq.lock);
	if (qp->sq.state == c->cur)
		apply_sq(qp, c);
	spin_unlock_bh(&qp->sq.lock);
	remember(qp, c->attr, c->mask);
}

/**
 * prxe_modify_qp() - change state and attributes of a queue pair
 * @ibqp: the queue pair
 * @attr: what to
 * @mask: IB_QP_*, what of @attr counts
 * @udata: none in, none out
 *
 * Which attributes a transition needs and takes is ib_core's table. Beyond that:
 * path_mtu at most the port's active MTU; reads and atomics outstanding at most
 * PRXE_MAX_RD_ATOMIC; port 1, partition key 0.
 *
 * Context: process.
 * Return: 0; -EINVAL; -EOPNOTSUPP for alternate paths, rate limits, resizing,
 * and another max_dest_rd_atomic once it is in use; -ENOMEM. Nothing has changed
 * after an error.
 */
int prxe_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		   struct ib_udata *udata)
{
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_change c = { .mask = mask, .attr = attr };
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;

	mutex_lock(&qp->modify_mutex);
	c.cur = current_state(qp);
	c.new = mask & IB_QP_STATE ? attr->qp_state : c.cur;
	err = check(qp, &c);
	if (!err)
		err = prepare(qp, &c);
	if (!err)
		apply(qp, &c);
	mutex_unlock(&qp->modify_mutex);
	release(&c);
	return err;
}

/**
 * prxe_query_qp() - what a queue pair is
 * @ibqp: the queue pair
 * @attr: filled in
 * @mask: not used, all is told
 * @init: filled in
 *
 * Context: process.
 * Return: 0.
 */
int prxe_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_qp_init_attr *init)
{
	struct prxe_qp *qp = to_pqp(ibqp);

	mutex_lock(&qp->modify_mutex);
	*attr = qp->attr;
	attr->qp_state = current_state(qp);
	attr->cur_qp_state = attr->qp_state;
	attr->cap = qp->cap;
	spin_lock_bh(&qp->sq.lock);
	attr->sq_draining = qp->sq.state == IB_QPS_SQD && !qp->sq.drained;
	spin_unlock_bh(&qp->sq.lock);
	mutex_unlock(&qp->modify_mutex);

	init->event_handler = ibqp->event_handler;
	init->qp_context = ibqp->qp_context;
	init->send_cq = ibqp->send_cq;
	init->recv_cq = ibqp->recv_cq;
	init->srq = ibqp->srq;
	init->cap = qp->cap;
	init->qp_type = ibqp->qp_type;
	init->sq_sig_type = qp->sq.sig_all ? IB_SIGNAL_ALL_WR :
					     IB_SIGNAL_REQ_WR;
	return 0;
}
