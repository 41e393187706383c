// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Protection, thread and parent domains. The kernel knows the first kind only;
 * a parent domain with a thread domain says that the queues made in it need no
 * locks.
 */

#include <errno.h>
#include <stdlib.h>

#include "prxe.h"

struct ibv_pd *prxe_alloc_pd(struct ibv_context *context)
{
	struct ib_uverbs_alloc_pd_resp resp;
	struct ibv_alloc_pd cmd;
	struct prxe_pd *pd;
	int ret;

	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;
	ret = ibv_cmd_alloc_pd(context, &pd->pd, &cmd, sizeof(cmd), &resp,
			       sizeof(resp));
	if (ret) {
		free(pd);
		errno = ret;
		return NULL;
	}
	return &pd->pd;
}

struct ibv_pd *
prxe_alloc_parent_domain(struct ibv_context *context,
			 struct ibv_parent_domain_init_attr *attr)
{
	struct prxe_pd *pd;

	if (ibv_check_alloc_parent_domain(attr))
		return NULL;
	if (!check_comp_mask(attr->comp_mask,
			     IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (attr->pd->context != context || to_prxe_pd(attr->pd)->of) {
		errno = EINVAL;
		return NULL;
	}
	pd = calloc(1, sizeof(*pd));
	if (!pd)
		return NULL;
	ibv_initialize_parent_domain(&pd->pd, attr->pd);
	pd->of = to_prxe_pd(attr->pd);
	atomic_fetch_add(&pd->of->refs, 1);
	if (attr->td) {
		pd->td = container_of(attr->td, struct prxe_td, td);
		atomic_fetch_add(&pd->td->refs, 1);
	}
	return &pd->pd;
}

int prxe_dealloc_pd(struct ibv_pd *ibpd)
{
	struct prxe_pd *pd = to_prxe_pd(ibpd);
	int ret;

	if (pd->of) {
		atomic_fetch_sub(&pd->of->refs, 1);
		if (pd->td)
			atomic_fetch_sub(&pd->td->refs, 1);
		free(pd);
		return 0;
	}
	if (atomic_load(&pd->refs))
		return EBUSY;
	ret = ibv_cmd_dealloc_pd(ibpd);
	if (ret)
		return ret;
	free(pd);
	return 0;
}

struct ibv_td *prxe_alloc_td(struct ibv_context *context,
			     struct ibv_td_init_attr *attr)
{
	struct prxe_td *td;

	if (attr->comp_mask) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	td = calloc(1, sizeof(*td));
	if (!td)
		return NULL;
	td->td.context = context;
	return &td->td;
}

int prxe_dealloc_td(struct ibv_td *ibtd)
{
	struct prxe_td *td = container_of(ibtd, struct prxe_td, td);

	if (atomic_load(&td->refs))
		return EBUSY;
	free(td);
	return 0;
}
