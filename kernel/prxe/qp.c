// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queue pairs: creation, destruction, numbers, and the work item.
 *
 * A queue pair is published last, when it is complete, and its two halves are in
 * RESET then, where packets are dropped. It is taken back first: once a grace
 * period has passed no packet is inside, and once timers and the work item are
 * shut down nobody is. Nothing in that can fail.
 *
 * Numbers are unique in the module, so that a packet finds its queue pair
 * without knowing the device; they are handed out in a circle, so that a packet
 * of an old connection does not meet a new one soon. QP 1 is one per device.
 */
#include <linux/bitops.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/xarray.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "prxe.h"
#include "qp.h"
#include "srq.h"
#include "trace.h"

static DEFINE_XARRAY_ALLOC1(prxe_qps);
static u32 prxe_qp_next;	/* xa_lock of prxe_qps */

/* The states are read without the lock where only a hint is wanted. */
void prxe_sq_set_state(struct prxe_qp *qp, enum ib_qp_state state)
{
	lockdep_assert_held(&qp->sq.lock);
	WRITE_ONCE(qp->sq.state, state);
	trace_qp_state(qp, false, state);
}

void prxe_resp_set_state(struct prxe_qp *qp, enum ib_qp_state state)
{
	lockdep_assert_held(&qp->resp.lock);
	WRITE_ONCE(qp->resp.state, state);
	trace_qp_state(qp, true, state);
}

/**
 * prxe_qp_lookup() - a queue pair by its number
 * @qpn: from a packet
 *
 * Context: rcu_read_lock(), under which the result is valid.
 * Return: the queue pair, or NULL; never QP 1.
 */
struct prxe_qp *prxe_qp_lookup(u32 qpn)
{
	return xa_load(&prxe_qps, qpn);
}

/* The events that say that the queue pair is broken. */
#define PRXE_FATAL_EVENTS	(BIT(IB_EVENT_QP_FATAL) |	\
				 BIT(IB_EVENT_QP_REQ_ERR) |	\
				 BIT(IB_EVENT_QP_ACCESS_ERR) |	\
				 BIT(PRXE_QP_EV_ERR))

static void deliver(struct prxe_qp *qp, unsigned long events)
{
	struct ib_event ev = {
		.device = qp->ibqp.device,
		.element.qp = &qp->ibqp,
	};
	unsigned long bit;

	if (!qp->ibqp.event_handler)
		return;
	for_each_set_bit(bit, &events, PRXE_QP_EV_ERR) {
		ev.event = bit;
		qp->ibqp.event_handler(&ev, qp->ibqp.qp_context);
	}
}

static void prxe_qp_work(struct work_struct *work)
{
	struct prxe_qp *qp = container_of(work, struct prxe_qp, work);
	unsigned long events;

	prxe_req_work(qp);
	prxe_resp_work(qp);

	if (!READ_ONCE(qp->events))
		return;
	/* Under the mutex a modify to RESET cannot come between the two. */
	mutex_lock(&qp->modify_mutex);
	events = xchg(&qp->events, 0);
	if (events & PRXE_FATAL_EVENTS) {
		prxe_qp_err_locked(qp);
		/* raised again until now: it is the same error */
		events |= xchg(&qp->events, 0);
	}
	if (!qp->attr.en_sqd_async_notify)
		events &= ~BIT(IB_EVENT_SQ_DRAINED);
	mutex_unlock(&qp->modify_mutex);
	deliver(qp, events);
}

static int check_init(const struct ib_qp_init_attr *init)
{
	const struct ib_qp_cap *cap = &init->cap;

	if (init->create_flags || init->rwq_ind_tbl)
		return -EOPNOTSUPP;
	switch (init->qp_type) {
	case IB_QPT_RC:
	case IB_QPT_UC:
	case IB_QPT_UD:
	case IB_QPT_GSI:
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!init->send_cq || !init->recv_cq)
		return -EINVAL;
	if (cap->max_send_wr > PRXE_MAX_WR || cap->max_recv_wr > PRXE_MAX_WR ||
	    cap->max_send_sge > PRXE_MAX_SGE ||
	    cap->max_recv_sge > PRXE_MAX_SGE ||
	    cap->max_inline_data > PRXE_MAX_INLINE)
		return -EINVAL;
	return 0;
}

static enum prxe_transport transport(enum ib_qp_type type)
{
	switch (type) {
	case IB_QPT_RC:
		return PRXE_RC;
	case IB_QPT_UC:
		return PRXE_UC;
	default:
		return PRXE_UD;
	}
}

/* The send queue: ring (of a user), private copies, limits. */
static int create_sq(struct prxe_qp *qp, struct ib_qp_init_attr *init,
		     struct ib_ucontext *uc, struct prxe_ring_info *info)
{
	struct prxe_sq *sq = &qp->sq;
	struct ib_qp_cap *cap = &init->cap;
	u32 sge = max(cap->max_send_sge, 1u);
	u32 room, stride;
	int err;

	room = max_t(u32, sge * sizeof(struct prxe_sge),
		     ALIGN(cap->max_inline_data, sizeof(struct prxe_sge)));
	stride = sizeof(struct prxe_send_wqe) + room;
	sq->nr = roundup_pow_of_two(max(cap->max_send_wr, 1u));
	if (uc) {
		err = prxe_queue_create(&sq->ring, uc, sq->nr, stride, info);
		if (err)
			return err;
	}
	sq->wqe_stride = offsetof(struct prxe_swqe, w) + stride;
	sq->wqes = kvcalloc(sq->nr, sq->wqe_stride, GFP_KERNEL_ACCOUNT);
	if (!sq->wqes)
		return -ENOMEM;

	sq->lim = (struct prxe_wqe_limits) {
		.transport = transport(init->qp_type),
		.kernel = !uc,
		.max_sge = sge,
		.max_inline = room,
		.stride = stride,
		.max_ud = PRXE_MTU_MAX,
	};
	sq->sig_all = init->sq_sig_type == IB_SIGNAL_ALL_WR;
	cap->max_send_wr = sq->nr;
	cap->max_send_sge = sge;
	cap->max_inline_data = room;
	return 0;
}

/* A shared receive queue: only the private copy of the entry in use. */
static int use_srq(struct prxe_qp *qp, struct ib_qp_init_attr *init)
{
	struct prxe_srq *srq = to_psrq(init->srq);
	struct prxe_rq *rq = &qp->resp.rq;

	rq->wqe = kzalloc(srq->lim.stride, GFP_KERNEL_ACCOUNT);
	if (!rq->wqe)
		return -ENOMEM;
	rq->srq = srq;
	rq->pd = srq->pd;
	init->cap.max_recv_wr = 0;
	init->cap.max_recv_sge = 0;
	return 0;
}

/* The receive queue: ring, the private copy of the entry in use, limits. */
static int create_rq(struct prxe_qp *qp, struct ib_qp_init_attr *init,
		     struct ib_ucontext *uc, struct prxe_ring_info *info)
{
	struct prxe_rq *rq = &qp->resp.rq;
	struct ib_qp_cap *cap = &init->cap;
	u32 sge = max(cap->max_recv_sge, 1u);
	u32 stride = struct_size_t(struct prxe_recv_wqe, sge, sge);
	int err;

	if (init->srq)
		return use_srq(qp, init);
	rq->pd = qp->pd;
	err = prxe_queue_create(&rq->ring, uc, max(cap->max_recv_wr, 1u),
				stride, info);
	if (err)
		return err;
	rq->wqe = kzalloc(stride, GFP_KERNEL_ACCOUNT);
	if (!rq->wqe)
		return -ENOMEM;

	rq->lim = (struct prxe_wqe_limits) {
		.transport = transport(init->qp_type),
		.max_sge = sge,
		.stride = stride,
	};
	cap->max_recv_wr = rq->ring.nr;
	cap->max_recv_sge = sge;
	return 0;
}

static void free_queues(struct prxe_qp *qp)
{
	kfree(qp->resp.res);
	kfree(qp->resp.rq.wqe);
	prxe_queue_destroy(&qp->resp.rq.ring);
	kvfree(qp->sq.wqes);
	prxe_queue_destroy(&qp->sq.ring);
}

static void init_qp(struct prxe_qp *qp, const struct ib_qp_init_attr *init)
{
	qp->dev = to_pdev(qp->ibqp.device);
	qp->stats = qp->dev->stats;
	qp->pd = to_ppd(qp->ibqp.pd);
	qp->scq = to_pcq(init->send_cq);
	qp->rcq = to_pcq(init->recv_cq);
	qp->attr.qp_state = IB_QPS_RESET;
	qp->attr.path_mig_state = IB_MIG_MIGRATED;
	qp->mtu = PRXE_MTU_MAX;		/* of datagrams; until RTR */
	mutex_init(&qp->modify_mutex);
	spin_lock_init(&qp->sq.lock);
	spin_lock_init(&qp->resp.lock);
	qp->sq.state = IB_QPS_RESET;
	qp->resp.state = IB_QPS_RESET;
	INIT_LIST_HEAD(&qp->resp.parked);
	INIT_LIST_HEAD(&qp->tx_node);
	INIT_WORK(&qp->work, prxe_qp_work);
	prxe_req_init(qp);
	prxe_resp_init(qp);
}

/* Nobody can find the queue pair by its number yet. */
static int reserve_qpn(struct prxe_qp *qp)
{
	u32 qpn;
	int err;

	if (qp->ibqp.qp_type == IB_QPT_GSI) {
		qp->ibqp.qp_num = PRXE_GSI_QPN;
		return 0;
	}
	err = xa_alloc_cyclic(&prxe_qps, &qpn, NULL,
			      XA_LIMIT(PRXE_MIN_QPN, PRXE_MAX_QPN),
			      &prxe_qp_next, GFP_KERNEL);
	if (err < 0)
		return err == -EBUSY ? -ENOMEM : err;
	qp->ibqp.qp_num = qpn;
	return 0;
}

static int publish(struct prxe_qp *qp)
{
	if (qp->ibqp.qp_type != IB_QPT_GSI)
		return xa_err(xa_store(&prxe_qps, qp->ibqp.qp_num, qp,
				       GFP_KERNEL));
	return unrcu_pointer(cmpxchg(&qp->dev->gsi_qp, NULL,
				     RCU_INITIALIZER(qp))) ? -EBUSY : 0;
}

static void unpublish(struct prxe_qp *qp)
{
	if (qp->ibqp.qp_type != IB_QPT_GSI)
		xa_erase(&prxe_qps, qp->ibqp.qp_num);
	else
		unrcu_pointer(cmpxchg(&qp->dev->gsi_qp, RCU_INITIALIZER(qp), NULL));
}

/*
 * Take back a queue pair that was, or never was, published. On return nobody
 * is inside: no packet, no timer, no work item.
 */
static void quiesce(struct prxe_qp *qp)
{
	unpublish(qp);
	prxe_qp_reset_halves(qp);
	synchronize_rcu_expedited();
	prxe_req_stop(qp);
	prxe_tx_unwait(qp->dev, qp);
	disable_work_sync(&qp->work);
	/* A packet that was inside may have parked itself after the reset. */
	prxe_qp_reset_halves(qp);
}

/**
 * prxe_create_qp() - make a queue pair
 * @ibqp: the queue pair, zeroed
 * @init: what it shall be; the capabilities granted are written back
 * @udata: &struct prxe_create_qp_req, &struct prxe_create_qp_resp; NULL for a
 *	kernel user
 *
 * Return: 0; -EINVAL for more than the device has; -EOPNOTSUPP for a kind we do
 * not have; -EBUSY for a second QP 1; -ENOMEM; -EFAULT.
 */
int prxe_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		   struct ib_udata *udata)
{
	struct prxe_ucontext *uc =
		rdma_udata_to_drv_context(udata, struct prxe_ucontext, ibuc);
	struct ib_ucontext *ibuc = uc ? &uc->ibuc : NULL;
	struct prxe_qp *qp = to_pqp(ibqp);
	struct prxe_create_qp_resp resp = {};
	int err;

	err = check_init(init);
	if (err)
		return err;
	if (udata) {
		struct prxe_create_qp_req req;

		err = ib_copy_validate_udata_in_cm(udata, req, comp_mask, 0);
		if (err)
			return err;
		if (udata->outlen < sizeof(resp))
			return -EINVAL;
	}

	init_qp(qp, init);
	err = create_sq(qp, init, ibuc, &resp.sq);
	if (!err)
		err = create_rq(qp, init, ibuc, &resp.rq);
	if (!err)
		err = reserve_qpn(qp);
	if (err)
		goto free;
	qp->cap = init->cap;

	err = publish(qp);
	if (!err && udata)
		err = ib_respond_udata(udata, resp);
	if (err)
		goto withdraw;
	return 0;

withdraw:
	quiesce(qp);
free:
	prxe_req_stop(qp);
	free_queues(qp);
	mutex_destroy(&qp->modify_mutex);
	return err;
}

/**
 * prxe_destroy_qp() - destroy a queue pair
 * @ibqp: the queue pair; freed by the core afterwards
 * @udata: not used
 *
 * Outstanding work requests are forgotten, none completes (IBTA 10.2.4.4).
 *
 * Context: may sleep.
 * Return: 0.
 */
int prxe_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata)
{
	struct prxe_qp *qp = to_pqp(ibqp);

	quiesce(qp);
	prxe_flow_fini(&qp->sq.flow);
	prxe_flow_fini(&qp->resp.flow);
	free_queues(qp);
	mutex_destroy(&qp->modify_mutex);
	return 0;
}
