// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* Queue pairs: making, modifying, destroying. */

#include <errno.h>
#include <stdlib.h>

#include "prxe.h"

static int prxe_check_qp_attr(const struct ibv_qp_init_attr_ex *attr)
{
	uint32_t ops = prxe_qp_ex_ops(attr->qp_type);

	if (!ops)
		return EOPNOTSUPP;
	if (!check_comp_mask(attr->comp_mask, IBV_QP_INIT_ATTR_PD |
			     IBV_QP_INIT_ATTR_CREATE_FLAGS |
			     IBV_QP_INIT_ATTR_SEND_OPS_FLAGS))
		return EOPNOTSUPP;
	if (!(attr->comp_mask & IBV_QP_INIT_ATTR_PD) || !attr->pd)
		return EINVAL;
	if (!attr->send_cq || !attr->recv_cq)
		return EINVAL;
	if ((attr->comp_mask & IBV_QP_INIT_ATTR_CREATE_FLAGS) &&
	    attr->create_flags)
		return EOPNOTSUPP;
	if ((attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) &&
	    (attr->send_ops_flags & ~(uint64_t)ops))
		return EOPNOTSUPP;
	return 0;
}

static void prxe_limit(struct prxe_queue *q, uint32_t max_wr)
{
	if (max_wr < q->limit)
		q->limit = max_wr;
}

static size_t prxe_send_stride(const struct ibv_qp_cap *cap)
{
	size_t sges = cap->max_send_sge * sizeof(struct prxe_sge);
	size_t data = cap->max_inline_data;

	return sizeof(struct prxe_send_wqe) + (sges > data ? sges : data);
}

static int prxe_qp_map(struct prxe_qp *qp,
		       const struct ibv_qp_init_attr_ex *attr,
		       const struct prxe_create_qp_resp *resp)
{
	const struct ibv_qp_cap *cap = &attr->cap;
	int ret;

	ret = prxe_map_ring(qp->vqp.qp.context, &resp->sq,
			    prxe_send_stride(cap), &qp->sq_map, &qp->sq.q);
	if (ret)
		return ret;
	if (!attr->srq) {
		ret = prxe_map_ring(qp->vqp.qp.context, &resp->rq,
				    sizeof(struct prxe_recv_wqe) +
				    cap->max_recv_sge * sizeof(struct prxe_sge),
				    &qp->rq_map, &qp->rq.q);
		if (ret) {
			prxe_unmap_ring(&qp->sq_map);
			return ret;
		}
	}

	prxe_wq_sync(&qp->sq.q);
	prxe_limit(&qp->sq.q, cap->max_send_wr);
	qp->sq.ops = prxe_qp_ops(attr->qp_type);
	qp->sq.max_sge = cap->max_send_sge;
	qp->sq.max_inline = cap->max_inline_data;
	qp->sq.ud = attr->qp_type == IBV_QPT_UD;

	prxe_wq_sync(&qp->rq.q);
	prxe_limit(&qp->rq.q, cap->max_recv_wr);
	qp->rq.max_sge = cap->max_recv_sge;
	return 0;
}

/* On failure, NULL and errno; nothing is left behind. */
static struct prxe_qp *prxe_new_qp(struct ibv_context *context,
				   struct ibv_qp_init_attr_ex *attr)
{
	struct uprxe_create_qp_resp resp = {};
	struct uprxe_create_qp cmd = {};
	struct prxe_home home;
	bool locks;
	struct prxe_qp *qp;
	int ret;

	ret = prxe_check_qp_attr(attr);
	if (ret)
		goto err;
	qp = prxe_queue_alloc(attr->pd, sizeof(*qp), PRXE_RES_QP, &home);
	if (!qp)
		return NULL;
	qp->home = home;
	ret = ibv_cmd_create_qp_ex2(context, &qp->vqp, attr, &cmd.ibv_cmd,
				    sizeof(cmd), &resp.ibv_resp, sizeof(resp));
	if (ret)
		goto err_free;
	ret = prxe_qp_map(qp, attr, &resp.drv_payload);
	if (ret)
		goto err_destroy;

	locks = prxe_pd_locks(attr->pd);
	prxe_lock_init(&qp->sq_lock, locks);
	prxe_lock_init(&qp->rq_lock, locks);
	prxe_doorbell_init(&qp->sq_bell, IB_USER_VERBS_CMD_POST_SEND,
			   qp->vqp.qp.handle);
	prxe_doorbell_init(&qp->rq_bell, IB_USER_VERBS_CMD_POST_RECV,
			   qp->vqp.qp.handle);
	if (attr->comp_mask & IBV_QP_INIT_ATTR_SEND_OPS_FLAGS) {
		prxe_set_qp_ex_ops(qp, attr->send_ops_flags);
		qp->vqp.comp_mask |= VERBS_QP_EX;
	}
	return qp;

err_destroy:
	ibv_cmd_destroy_qp(&qp->vqp.qp);
err_free:
	prxe_queue_free(qp, home, PRXE_RES_QP);
err:
	errno = ret;
	return NULL;
}

struct ibv_qp *prxe_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ibv_qp_init_attr_ex ex = {
		.qp_context = attr->qp_context,
		.send_cq = attr->send_cq,
		.recv_cq = attr->recv_cq,
		.srq = attr->srq,
		.cap = attr->cap,
		.qp_type = attr->qp_type,
		.sq_sig_all = attr->sq_sig_all,
		.comp_mask = IBV_QP_INIT_ATTR_PD,
		.pd = pd,
	};
	struct prxe_qp *qp;

	qp = prxe_new_qp(pd->context, &ex);
	if (!qp)
		return NULL;
	attr->cap = ex.cap;
	return &qp->vqp.qp;
}

struct ibv_qp *prxe_create_qp_ex(struct ibv_context *context,
				 struct ibv_qp_init_attr_ex *attr)
{
	struct prxe_qp *qp;

	qp = prxe_new_qp(context, attr);
	return qp ? &qp->vqp.qp : NULL;
}

int prxe_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		  struct ibv_qp_init_attr *init)
{
	struct ibv_query_qp cmd;

	return ibv_cmd_query_qp(qp, attr, mask, init, &cmd, sizeof(cmd));
}

static void prxe_clean_cq(struct ibv_cq *ibcq, uint32_t qpn)
{
	struct prxe_cq *cq = to_prxe_cq(ibcq);

	prxe_lock(&cq->lock);
	prxe_cq_clean(&cq->q, qpn);
	prxe_unlock(&cq->lock);
}

/* Completions of a life that is over are nobody's any more. */
static void prxe_clean_cqs(struct ibv_qp *ibqp)
{
	if (ibqp->send_cq)
		prxe_clean_cq(ibqp->send_cq, ibqp->qp_num);
	if (ibqp->recv_cq && ibqp->recv_cq != ibqp->send_cq)
		prxe_clean_cq(ibqp->recv_cq, ibqp->qp_num);
}

/* A reset discards what is in both queues; take over where the kernel stands. */
static void prxe_reset_queues(struct prxe_qp *qp)
{
	prxe_clean_cqs(&qp->vqp.qp);
	prxe_lock(&qp->sq_lock);
	prxe_wq_sync(&qp->sq.q);
	prxe_unlock(&qp->sq_lock);
	prxe_lock(&qp->rq_lock);
	prxe_wq_sync(&qp->rq.q);
	prxe_unlock(&qp->rq_lock);
}

int prxe_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask)
{
	struct ibv_modify_qp cmd = {};
	int ret;

	ret = ibv_cmd_modify_qp(qp, attr, mask, &cmd, sizeof(cmd));
	if (ret)
		return ret;
	if ((mask & IBV_QP_STATE) && attr->qp_state == IBV_QPS_RESET)
		prxe_reset_queues(to_prxe_qp(qp));
	return 0;
}

int prxe_destroy_qp(struct ibv_qp *ibqp)
{
	struct prxe_qp *qp = to_prxe_qp(ibqp);
	int ret;

	ret = ibv_cmd_destroy_qp(ibqp);
	if (ret)
		return ret;
	prxe_clean_cqs(ibqp);
	prxe_unmap_ring(&qp->sq_map);
	prxe_unmap_ring(&qp->rq_map);
	prxe_lock_destroy(&qp->sq_lock);
	prxe_lock_destroy(&qp->rq_lock);
	prxe_queue_free(qp, qp->home, PRXE_RES_QP);
	return 0;
}
