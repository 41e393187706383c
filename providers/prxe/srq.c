// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* Shared receive queues. */

#include <errno.h>
#include <stdlib.h>

#include "prxe.h"

static size_t prxe_recv_stride(uint32_t max_sge)
{
	return sizeof(struct prxe_recv_wqe) + max_sge * sizeof(struct prxe_sge);
}

static int prxe_srq_map(struct prxe_srq *srq, struct ibv_pd *pd,
			const struct prxe_create_srq_resp *resp,
			const struct ibv_srq_attr *attr)
{
	int ret;

	ret = prxe_map_ring(pd->context, &resp->ring,
			    prxe_recv_stride(attr->max_sge), &srq->map,
			    &srq->rq.q);
	if (ret)
		return ret;
	prxe_wq_sync(&srq->rq.q);
	if (attr->max_wr < srq->rq.q.limit)
		srq->rq.q.limit = attr->max_wr;
	srq->rq.max_sge = attr->max_sge;
	srq->srqn = resp->srqn;
	prxe_lock_init(&srq->lock, prxe_pd_locks(pd));
	prxe_doorbell_init(&srq->bell, IB_USER_VERBS_CMD_POST_SRQ_RECV,
			   srq->vsrq.srq.handle);
	return 0;
}

struct ibv_srq *prxe_create_srq(struct ibv_pd *pd,
				struct ibv_srq_init_attr *attr)
{
	struct uprxe_create_srq_resp resp = {};
	struct uprxe_create_srq cmd = {};
	struct prxe_home home;
	struct prxe_srq *srq;
	int ret;

	srq = prxe_queue_alloc(pd, sizeof(*srq), PRXE_RES_SRQ, &home);
	if (!srq)
		return NULL;
	srq->home = home;
	ret = ibv_cmd_create_srq(pd, &srq->vsrq.srq, attr, &cmd.ibv_cmd,
				 sizeof(cmd), &resp.ibv_resp, sizeof(resp));
	if (ret)
		goto err_free;
	ret = prxe_srq_map(srq, pd, &resp.drv_payload, &attr->attr);
	if (ret)
		goto err_destroy;
	return &srq->vsrq.srq;

err_destroy:
	ibv_cmd_destroy_srq(&srq->vsrq.srq);
err_free:
	prxe_queue_free(srq, home, PRXE_RES_SRQ);
	errno = ret;
	return NULL;
}

struct ibv_srq *prxe_create_srq_ex(struct ibv_context *context,
				   struct ibv_srq_init_attr_ex *attr)
{
	struct uprxe_create_srq_ex_resp resp = {};
	struct uprxe_create_srq_ex cmd = {};
	struct prxe_home home;
	struct prxe_srq *srq;
	int ret;

	if ((attr->comp_mask & ~(uint32_t)(IBV_SRQ_INIT_ATTR_TYPE |
					   IBV_SRQ_INIT_ATTR_PD)) ||
	    ((attr->comp_mask & IBV_SRQ_INIT_ATTR_TYPE) &&
	     attr->srq_type != IBV_SRQT_BASIC)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	srq = prxe_queue_alloc(attr->comp_mask & IBV_SRQ_INIT_ATTR_PD ?
			       attr->pd : NULL, sizeof(*srq), PRXE_RES_SRQ,
			       &home);
	if (!srq)
		return NULL;
	srq->home = home;
	ret = ibv_cmd_create_srq_ex(context, &srq->vsrq, attr, &cmd.ibv_cmd,
				    sizeof(cmd), &resp.ibv_resp, sizeof(resp));
	if (ret)
		goto err_free;
	ret = prxe_srq_map(srq, attr->pd, &resp.drv_payload, &attr->attr);
	if (ret)
		goto err_destroy;
	return &srq->vsrq.srq;

err_destroy:
	ibv_cmd_destroy_srq(&srq->vsrq.srq);
err_free:
	prxe_queue_free(srq, home, PRXE_RES_SRQ);
	errno = ret;
	return NULL;
}

/*
 * Exchange the ring, under the lock: what was posted is in the new one, and
 * nobody may post meanwhile. A new ring that cannot be mapped leaves a queue that
 * is always full.
 */
static int prxe_resize_srq(struct prxe_srq *srq, struct ibv_srq_attr *attr,
			   int mask)
{
	struct ibv_srq *ibsrq = &srq->vsrq.srq;
	struct prxe_ring_info info = {};
	struct uprxe_modify_srq cmd = {
		.ring = (uintptr_t)&info,
	};
	struct prxe_map old;
	int ret;

	ret = ibv_cmd_modify_srq(ibsrq, attr, mask, &cmd.ibv_cmd, sizeof(cmd));
	if (ret)
		return ret;
	old = srq->map;
	srq->map.base = NULL;
	ret = prxe_map_ring(ibsrq->context, &info,
			    prxe_recv_stride(srq->rq.max_sge), &srq->map,
			    &srq->rq.q);
	if (!ret && !srq->map.base)
		ret = EPROTO;
	if (ret) {
		srq->rq.q.ring = &srq->empty;
		srq->rq.q.limit = 0;
	}
	prxe_wq_sync(&srq->rq.q);
	prxe_unmap_ring(&old);
	return ret;
}

int prxe_modify_srq(struct ibv_srq *ibsrq, struct ibv_srq_attr *attr, int mask)
{
	struct prxe_srq *srq = to_prxe_srq(ibsrq);
	struct ibv_modify_srq cmd = {};
	int ret;

	if (!(mask & IBV_SRQ_MAX_WR))
		return ibv_cmd_modify_srq(ibsrq, attr, mask, &cmd, sizeof(cmd));
	prxe_lock(&srq->lock);
	ret = prxe_resize_srq(srq, attr, mask);
	prxe_unlock(&srq->lock);
	return ret;
}

int prxe_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr)
{
	struct ibv_query_srq cmd;

	return ibv_cmd_query_srq(srq, attr, &cmd, sizeof(cmd));
}

int prxe_destroy_srq(struct ibv_srq *ibsrq)
{
	struct prxe_srq *srq = to_prxe_srq(ibsrq);
	int ret;

	ret = ibv_cmd_destroy_srq(ibsrq);
	if (ret)
		return ret;
	prxe_unmap_ring(&srq->map);
	prxe_lock_destroy(&srq->lock);
	prxe_queue_free(srq, srq->home, PRXE_RES_SRQ);
	return 0;
}

int prxe_get_srq_num(struct ibv_srq *srq, uint32_t *num)
{
	*num = to_prxe_srq(srq)->srqn;
	return 0;
}
