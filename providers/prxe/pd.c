// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * Protection, thread and parent domains. The kernel knows the first kind only;
 * a parent domain with a thread domain says that the queues made in it need no
 * locks, and one with an allocator where the memory of queues comes from: what the
 * provider keeps of each, as the rings are the kernel's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "prxe.h"

#define PRXE_CACHE_LINE	((size_t)64)

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
	bool allocators = attr->comp_mask &
			  IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS;
	struct prxe_pd *pd;

	if (ibv_check_alloc_parent_domain(attr))
		return NULL;
	if (!check_comp_mask(attr->comp_mask,
			     IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS |
			     IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)) {
		errno = EOPNOTSUPP;
		return NULL;
	}
	if (attr->pd->context != context || to_prxe_pd(attr->pd)->of ||
	    (allocators && (!attr->alloc || !attr->free))) {
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
	if (allocators) {
		pd->alloc = attr->alloc;
		pd->free = attr->free;
	}
	if (attr->comp_mask & IBV_PARENT_DOMAIN_INIT_ATTR_PD_CONTEXT)
		pd->context = attr->pd_context;
	return &pd->pd;
}

/* Of the provider's own memory, or of the allocator's where there is one. */
static void *prxe_home_alloc(struct prxe_pd *parent, size_t size,
			     enum prxe_resource type, struct prxe_home *home)
{
	void *mem;

	if (parent && parent->alloc) {
		/* whole cache lines: the queues of two threads share none */
		size = (size + PRXE_CACHE_LINE - 1) & ~(PRXE_CACHE_LINE - 1);
		mem = parent->alloc(&parent->pd, parent->context, size,
				    PRXE_CACHE_LINE, type);
		if (mem != IBV_ALLOCATOR_USE_DEFAULT) {
			home->theirs = true;
			return mem;
		}
	}
	return malloc(size);
}

/**
 * prxe_queue_alloc() - memory for what the provider keeps of a queue
 * @pd: where the queue is made, or NULL
 * @size: bytes
 * @type: what it is
 * @home: filled in, to be kept in the queue
 *
 * A parent domain is held until prxe_queue_free().
 *
 * Return: zeroed memory, or NULL and errno.
 */
void *prxe_queue_alloc(struct ibv_pd *pd, size_t size, enum prxe_resource type,
		       struct prxe_home *home)
{
	struct prxe_pd *parent = pd && to_prxe_pd(pd)->of ? to_prxe_pd(pd) : NULL;
	void *mem;

	*home = (struct prxe_home) { .parent = parent };
	mem = prxe_home_alloc(parent, size, type, home);
	if (!mem) {
		errno = ENOMEM;
		return NULL;
	}
	memset(mem, 0, size);
	if (parent)
		atomic_fetch_add(&parent->refs, 1);
	return mem;
}

/**
 * prxe_queue_free() - the counterpart of prxe_queue_alloc()
 * @queue: the memory
 * @home: a copy of what the queue kept
 * @type: what it is
 */
void prxe_queue_free(void *queue, struct prxe_home home,
		     enum prxe_resource type)
{
	struct prxe_pd *parent = home.parent;

	if (home.theirs)
		parent->free(&parent->pd, parent->context, queue, type);
	else
		free(queue);
	if (parent)
		atomic_fetch_sub(&parent->refs, 1);
}

int prxe_dealloc_pd(struct ibv_pd *ibpd)
{
	struct prxe_pd *pd = to_prxe_pd(ibpd);
	int ret;

	if (atomic_load(&pd->refs))
		return EBUSY;
	if (pd->of) {
		atomic_fetch_sub(&pd->of->refs, 1);
		if (pd->td)
			atomic_fetch_sub(&pd->td->refs, 1);
		free(pd);
		return 0;
	}
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
