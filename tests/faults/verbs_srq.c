// SPDX-License-Identifier: GPL-2.0
/* Shared receive queues, and completion queues that change their size. */
#include "verbs.h"

static struct ibv_srq *srq;
static struct ibv_cq *cq;

int call_srq(void)
{
	struct ibv_srq_init_attr attr = { .attr = { .max_wr = 64, .max_sge = 2 } };

	errno = 0;
	srq = ibv_create_srq(pair.a.pd, &attr);
	return null_errno(srq);
}

static unsigned int room(void)
{
	struct ibv_recv_wr *bad, wr = {};
	unsigned int n = 0;

	while (!ibv_post_srq_recv(srq, &wr, &bad))
		n++;
	return n;
}

void verify_srq(void)
{
	NEED(room() == 64, "not 64 entries");
}

void undo_srq(void)
{
	int err = ibv_destroy_srq(srq);

	NEED(!err, "ibv_destroy_srq: %s", strerror(err));
}

void make_srq(void)
{
	struct ibv_recv_wr *bad, wr = {};

	NEED(!call_srq(), "ibv_create_srq: %m");
	NEED(!ibv_post_srq_recv(srq, &wr, &bad), "ibv_post_srq_recv");
}

static int modify(int mask, unsigned int size)
{
	struct ibv_srq_attr attr = { .max_wr = size, .srq_limit = 1 };

	return ibv_modify_srq(srq, &attr, mask);
}

int call_srq_limit(void)
{
	return modify(IBV_SRQ_LIMIT, 0);
}

int call_srq_size(void)
{
	return modify(IBV_SRQ_MAX_WR, 256);
}

/* Also where the new ring could not be mapped: the next one can. */
void undo_srq_size(void)
{
	int err = modify(IBV_SRQ_MAX_WR, 64);

	NEED(!err, "the size that it had: %s", strerror(err));
}

int call_destroy_srq(void)
{
	return ibv_destroy_srq(srq);
}

int call_query_srq(void)
{
	struct ibv_srq_attr attr;

	return ibv_query_srq(srq, &attr);
}

void make_small_cq(void)
{
	cq = ibv_create_cq(pair.a.ctx, 64, NULL, NULL, 0);
	NEED(cq, "ibv_create_cq: %m");
}

int call_resize_cq(void)
{
	return ibv_resize_cq(cq, 1000);
}

/* Also where the new ring could not be mapped: the next one can. */
void undo_resize_cq(void)
{
	int err = ibv_resize_cq(cq, 64);

	NEED(!err, "the size that it had: %s", strerror(err));
}

void drop_small_cq(void)
{
	NEED(!ibv_destroy_cq(cq), "ibv_destroy_cq");
}
