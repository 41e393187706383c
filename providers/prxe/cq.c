// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* Completion queues: making, polling, resizing, destroying. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "prxe.h"

static int prxe_check_cq_attr(const struct ibv_cq_init_attr_ex *attr)
{
	if (!check_comp_mask(attr->comp_mask, IBV_CQ_INIT_ATTR_MASK_FLAGS |
			     IBV_CQ_INIT_ATTR_MASK_PD))
		return EOPNOTSUPP;
	if (attr->wc_flags & ~(uint64_t)PRXE_WC_EX_FLAGS)
		return EOPNOTSUPP;
	if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) &&
	    (attr->flags & ~(uint32_t)IBV_CREATE_CQ_ATTR_SINGLE_THREADED))
		return EOPNOTSUPP;
	if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD) &&
	    (!attr->parent_domain || !to_prxe_pd(attr->parent_domain)->of))
		return EINVAL;
	if (!attr->cqe || attr->cqe > PRXE_MAX_CQE)
		return EINVAL;
	return 0;
}

static bool prxe_cq_needs_lock(const struct ibv_cq_init_attr_ex *attr)
{
	if ((attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_FLAGS) &&
	    (attr->flags & IBV_CREATE_CQ_ATTR_SINGLE_THREADED))
		return false;
	if (attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD)
		return prxe_pd_locks(attr->parent_domain);
	return true;
}

/* On failure, NULL and errno; nothing is left behind. */
static struct prxe_cq *prxe_new_cq(struct ibv_context *context,
				   const struct ibv_cq_init_attr_ex *attr)
{
	struct ibv_cq_init_attr_ex core = *attr;
	struct uprxe_create_cq_resp resp = {};
	struct uprxe_create_cq cmd = {};
	struct prxe_home home;
	struct prxe_cq *cq;
	int ret;

	ret = prxe_check_cq_attr(attr);
	if (ret)
		goto err;
	cq = prxe_queue_alloc(attr->comp_mask & IBV_CQ_INIT_ATTR_MASK_PD ?
			      attr->parent_domain : NULL, sizeof(*cq),
			      PRXE_RES_CQ, &home);
	if (!cq)
		return NULL;
	cq->home = home;

	/* Timestamps are asked for in our part of the command. */
	core.wc_flags &= ~(uint64_t)PRXE_WC_EX_TIMESTAMPS;
	if (attr->wc_flags & PRXE_WC_EX_TIMESTAMPS)
		cmd.flags = PRXE_CQ_TIMESTAMP;
	ret = ibv_cmd_create_cq_ex(context, &core, &cq->vcq, &cmd.ibv_cmd,
				   sizeof(cmd), &resp.ibv_resp, sizeof(resp),
				   0);
	if (ret)
		goto err_free;
	ret = prxe_map_ring(context, &resp.ring, sizeof(struct prxe_cqe),
			    &cq->map, &cq->q);
	if (!ret && !cq->map.base)
		ret = EPROTO;
	if (ret)
		goto err_destroy;
	prxe_cq_sync(&cq->q);
	prxe_lock_init(&cq->lock, prxe_cq_needs_lock(attr));
	return cq;

err_destroy:
	ibv_cmd_destroy_cq(&cq->vcq.cq);
err_free:
	prxe_queue_free(cq, home, PRXE_RES_CQ);
err:
	errno = ret;
	return NULL;
}

struct ibv_cq *prxe_create_cq(struct ibv_context *context, int cqe,
			      struct ibv_comp_channel *channel,
			      int comp_vector)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = cqe < 0 ? 0 : cqe,
		.channel = channel,
		.comp_vector = comp_vector,
	};
	struct prxe_cq *cq;

	cq = prxe_new_cq(context, &attr);
	return cq ? &cq->vcq.cq : NULL;
}

struct ibv_cq_ex *prxe_create_cq_ex(struct ibv_context *context,
				    struct ibv_cq_init_attr_ex *attr)
{
	struct prxe_cq *cq;

	cq = prxe_new_cq(context, attr);
	if (!cq)
		return NULL;
	prxe_set_cq_ex_ops(cq, attr->wc_flags);
	return &cq->vcq.cq_ex;
}

/*
 * The kernel moves what was not yet polled to the new ring, so nobody may poll
 * the old one meanwhile. When the new ring cannot be mapped, which only a
 * process out of address space sees, the queue stays empty and can only be
 * destroyed.
 */
int prxe_resize_cq(struct ibv_cq *ibcq, int cqe)
{
	struct prxe_cq *cq = to_prxe_cq(ibcq);
	struct uprxe_resize_cq_resp resp = {};
	struct uprxe_resize_cq cmd = {};
	struct prxe_map old;
	int ret;

	if (cqe <= 0 || cqe > PRXE_MAX_CQE)
		return EINVAL;

	prxe_lock(&cq->lock);
	ret = ibv_cmd_resize_cq(ibcq, cqe, &cmd.ibv_cmd, sizeof(cmd),
				&resp.ibv_resp, sizeof(resp));
	if (ret)
		goto out;
	old = cq->map;
	cq->map.base = NULL;
	ret = prxe_map_ring(ibcq->context, &resp.ring, sizeof(struct prxe_cqe),
			    &cq->map, &cq->q);
	if (!ret && !cq->map.base)
		ret = EPROTO;
	if (ret)
		cq->q.ring = &cq->empty;
	prxe_cq_sync(&cq->q);
	prxe_unmap_ring(&old);
out:
	prxe_unlock(&cq->lock);
	return ret;
}

int prxe_destroy_cq(struct ibv_cq *ibcq)
{
	struct prxe_cq *cq = to_prxe_cq(ibcq);
	int ret;

	ret = ibv_cmd_destroy_cq(ibcq);
	if (ret)
		return ret;
	prxe_unmap_ring(&cq->map);
	prxe_lock_destroy(&cq->lock);
	prxe_queue_free(cq, cq->home, PRXE_RES_CQ);
	return 0;
}

int prxe_poll_cq(struct ibv_cq *ibcq, int num, struct ibv_wc *wc)
{
	struct prxe_cq *cq = to_prxe_cq(ibcq);
	int n;

	prxe_lock(&cq->lock);
	n = prxe_poll_list(&cq->q, num, wc);
	prxe_unlock(&cq->lock);
	return n;
}
