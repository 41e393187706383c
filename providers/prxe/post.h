/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * Work requests to work queue entries. Like ring.h, this has no locks and makes
 * no system call.
 *
 * A list is posted as far as it is good: entries before a bad one stay posted,
 * as ibv_post_send(3) demands, and the caller rings the doorbell for them.
 */
#ifndef PRXE_POST_H
#define PRXE_POST_H

#include <string.h>

#include <infiniband/verbs.h>

#include "ring.h"

#define PRXE_SEND_FLAGS	(PRXE_SEND_FENCE | PRXE_SEND_SIGNALED | \
			 PRXE_SEND_SOLICITED | PRXE_SEND_INLINE)

_Static_assert((int)PRXE_SEND_FENCE == (int)IBV_SEND_FENCE, "flag");
_Static_assert((int)PRXE_SEND_SIGNALED == (int)IBV_SEND_SIGNALED, "flag");
_Static_assert((int)PRXE_SEND_SOLICITED == (int)IBV_SEND_SOLICITED, "flag");
_Static_assert((int)PRXE_SEND_INLINE == (int)IBV_SEND_INLINE, "flag");

/* A scatter/gather list is copied as it is. */
_Static_assert(sizeof(struct prxe_sge) == sizeof(struct ibv_sge), "sge");
_Static_assert(offsetof(struct prxe_sge, addr) ==
	       offsetof(struct ibv_sge, addr), "sge.addr");
_Static_assert(offsetof(struct prxe_sge, length) ==
	       offsetof(struct ibv_sge, length), "sge.length");
_Static_assert(offsetof(struct prxe_sge, lkey) ==
	       offsetof(struct ibv_sge, lkey), "sge.lkey");

/*
 * Sets of opcodes, one bit for each IBV_WR_*; the bits are at the same time
 * those of enum ibv_qp_create_send_ops_flags.
 */
#define PRXE_OP(op)	(UINT32_C(1) << (op))

_Static_assert(PRXE_OP(IBV_WR_RDMA_WRITE) == IBV_QP_EX_WITH_RDMA_WRITE, "op");
_Static_assert(PRXE_OP(IBV_WR_SEND_WITH_IMM) == IBV_QP_EX_WITH_SEND_WITH_IMM,
	       "op");
_Static_assert(PRXE_OP(IBV_WR_ATOMIC_FETCH_AND_ADD) ==
	       IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD, "op");
_Static_assert(PRXE_OP(IBV_WR_SEND_WITH_INV) == IBV_QP_EX_WITH_SEND_WITH_INV,
	       "op");

#define PRXE_OPS_UD	(PRXE_OP(IBV_WR_SEND) | PRXE_OP(IBV_WR_SEND_WITH_IMM))
#define PRXE_OPS_UC	(PRXE_OPS_UD | PRXE_OP(IBV_WR_RDMA_WRITE) | \
			 PRXE_OP(IBV_WR_RDMA_WRITE_WITH_IMM) | \
			 PRXE_OP(IBV_WR_LOCAL_INV) | PRXE_OP(IBV_WR_BIND_MW))
#define PRXE_OPS_RC	(PRXE_OPS_UC | PRXE_OP(IBV_WR_SEND_WITH_INV) | \
			 PRXE_OP(IBV_WR_RDMA_READ) | \
			 PRXE_OP(IBV_WR_ATOMIC_CMP_AND_SWP) | \
			 PRXE_OP(IBV_WR_ATOMIC_FETCH_AND_ADD))

/* Opcodes whose payload leaves this host, so that it may be inline. */
#define PRXE_OPS_INLINE	(PRXE_OPS_UD | PRXE_OP(IBV_WR_RDMA_WRITE) | \
			 PRXE_OP(IBV_WR_RDMA_WRITE_WITH_IMM) | \
			 PRXE_OP(IBV_WR_SEND_WITH_INV))

/*
 * What ibv_wr_*() alone can say, as ibv_qp_create_send_ops_flags: struct ibv_send_wr
 * has no words for it.
 */
#define PRXE_EX_OPS_RC	(IBV_QP_EX_WITH_FLUSH | IBV_QP_EX_WITH_ATOMIC_WRITE)

_Static_assert(!(PRXE_EX_OPS_RC & PRXE_OPS_RC), "not an opcode of ibv_post_send()");

/* The opcodes of a transport; 0 for one this provider does not have. */
static inline uint32_t prxe_qp_ops(enum ibv_qp_type type)
{
	switch (type) {
	case IBV_QPT_RC:
		return PRXE_OPS_RC;
	case IBV_QPT_UC:
		return PRXE_OPS_UC;
	case IBV_QPT_UD:
		return PRXE_OPS_UD;
	default:
		return 0;
	}
}

/* The builders of a transport, as ibv_qp_create_send_ops_flags. */
static inline uint32_t prxe_qp_ex_ops(enum ibv_qp_type type)
{
	return prxe_qp_ops(type) | (type == IBV_QPT_RC ? PRXE_EX_OPS_RC : 0);
}

/**
 * struct prxe_sq - a send queue
 * @q: the ring
 * @ops: opcodes of the transport, PRXE_OP() bits
 * @max_sge: of the queue pair
 * @max_inline: of the queue pair
 * @ud: the transport is datagrams
 */
struct prxe_sq {
	struct prxe_queue q;
	uint32_t ops;
	uint32_t max_sge;
	uint32_t max_inline;
	bool ud;
};

/* A receive queue, of a queue pair or shared. */
struct prxe_rq {
	struct prxe_queue q;
	uint32_t max_sge;
};

/* @number names the address handle in datagram entries. */
struct prxe_ah {
	struct ibv_ah ah;
	uint32_t number;
};

static inline uint32_t prxe_ah_number(const struct ibv_ah *ah)
{
	return ((const struct prxe_ah *)(const void *)
		((const char *)ah - offsetof(struct prxe_ah, ah)))->number;
}

/* Start an entry: slots are reused, so nothing of the old one may remain. */
static inline void prxe_send_begin(struct prxe_send_wqe *wqe, uint64_t wr_id,
				   uint32_t opcode, unsigned int flags)
{
	memset(wqe, 0, sizeof(*wqe));
	wqe->wr_id = wr_id;
	wqe->opcode = opcode;
	wqe->flags = flags;
}

static inline void prxe_send_bind(struct prxe_send_wqe *wqe,
				  const struct ibv_mw *mw, uint32_t rkey,
				  const struct ibv_mw_bind_info *info)
{
	wqe->mw.addr = info->addr;
	wqe->mw.length = info->length;
	wqe->mw.mr_lkey = info->mr ? info->mr->lkey : 0;
	wqe->mw.mw_rkey = mw->rkey;
	wqe->mw.rkey = rkey;
	wqe->mw.access = info->mw_access_flags;
}

/* Append inline data. Return: 0, or EINVAL when it is more than @max. */
static inline int prxe_send_inline(struct prxe_send_wqe *wqe, uint32_t max,
				   const void *data, size_t len)
{
	if (len > max - wqe->inline_len)
		return EINVAL;
	if (len)
		memcpy(wqe->inline_data + wqe->inline_len, data, len);
	wqe->inline_len += len;
	return 0;
}

static inline int prxe_send_payload(const struct prxe_sq *sq,
				    struct prxe_send_wqe *wqe,
				    const struct ibv_send_wr *wr)
{
	int ret;
	int i;

	if (!(wr->send_flags & IBV_SEND_INLINE)) {
		if (wr->num_sge)
			memcpy(wqe->sge, wr->sg_list,
			       wr->num_sge * sizeof(wqe->sge[0]));
		wqe->num_sge = wr->num_sge;
		return 0;
	}
	if (!(PRXE_OP(wr->opcode) & PRXE_OPS_INLINE))
		return EINVAL;
	for (i = 0; i < wr->num_sge; i++) {
		ret = prxe_send_inline(wqe, sq->max_inline,
				       (void *)(uintptr_t)wr->sg_list[i].addr,
				       wr->sg_list[i].length);
		if (ret)
			return ret;
	}
	return 0;
}

static inline int prxe_send_datagram(const struct prxe_sq *sq,
				     struct prxe_send_wqe *wqe,
				     const struct ibv_send_wr *wr)
{
	if (!sq->ud)
		return 0;
	if (!wr->wr.ud.ah)
		return EINVAL;
	wqe->ud.ah = prxe_ah_number(wr->wr.ud.ah);
	wqe->ud.remote_qpn = wr->wr.ud.remote_qpn;
	wqe->ud.remote_qkey = wr->wr.ud.remote_qkey;
	return 0;
}

static inline int prxe_send_operands(const struct prxe_sq *sq,
				     struct prxe_send_wqe *wqe,
				     const struct ibv_send_wr *wr)
{
	switch (wr->opcode) {
	case IBV_WR_SEND_WITH_IMM:
		wqe->imm_data = wr->imm_data;
		return prxe_send_datagram(sq, wqe, wr);
	case IBV_WR_SEND:
		return prxe_send_datagram(sq, wqe, wr);
	case IBV_WR_SEND_WITH_INV:
	case IBV_WR_LOCAL_INV:
		wqe->imm_data = wr->invalidate_rkey;
		return 0;
	case IBV_WR_RDMA_WRITE_WITH_IMM:
		wqe->imm_data = wr->imm_data;
		/* fallthrough */
	case IBV_WR_RDMA_WRITE:
	case IBV_WR_RDMA_READ:
		wqe->rdma.remote_addr = wr->wr.rdma.remote_addr;
		wqe->rdma.rkey = wr->wr.rdma.rkey;
		return 0;
	case IBV_WR_ATOMIC_CMP_AND_SWP:
	case IBV_WR_ATOMIC_FETCH_AND_ADD:
		wqe->atomic.remote_addr = wr->wr.atomic.remote_addr;
		wqe->atomic.compare_add = wr->wr.atomic.compare_add;
		wqe->atomic.swap = wr->wr.atomic.swap;
		wqe->atomic.rkey = wr->wr.atomic.rkey;
		return 0;
	case IBV_WR_BIND_MW:
		prxe_send_bind(wqe, wr->bind_mw.mw, wr->bind_mw.rkey,
			       &wr->bind_mw.bind_info);
		return 0;
	default:
		return EINVAL;
	}
}

static inline int prxe_post_one_send(struct prxe_sq *sq,
				     const struct ibv_send_wr *wr)
{
	struct prxe_send_wqe *wqe;
	int ret;

	if ((unsigned int)wr->opcode >= 32 || !(sq->ops & PRXE_OP(wr->opcode)))
		return EINVAL;
	if ((uint32_t)wr->num_sge > sq->max_sge)
		return EINVAL;
	if (wr->send_flags & ~PRXE_SEND_FLAGS)
		return EINVAL;
	if (prxe_wq_full(&sq->q))
		return ENOMEM;

	wqe = prxe_queue_slot(&sq->q, sq->q.mine);
	prxe_send_begin(wqe, wr->wr_id, wr->opcode, wr->send_flags);
	ret = prxe_send_operands(sq, wqe, wr);
	if (ret)
		return ret;
	ret = prxe_send_payload(sq, wqe, wr);
	if (ret)
		return ret;
	sq->q.mine++;
	return 0;
}

/**
 * prxe_post_send_list() - post a list of send work requests
 * @sq: the queue, locked
 * @wr: the list
 * @bad: where to put the first request that was not posted
 * @posted: set when there is something to ring the doorbell for
 *
 * Return: 0, EINVAL for a request that is wrong, ENOMEM when the queue is full.
 */
static inline int prxe_post_send_list(struct prxe_sq *sq,
				      struct ibv_send_wr *wr,
				      struct ibv_send_wr **bad, bool *posted)
{
	uint32_t start = sq->q.mine;
	int ret = 0;

	for (; wr; wr = wr->next) {
		ret = prxe_post_one_send(sq, wr);
		if (ret) {
			*bad = wr;
			break;
		}
	}
	*posted = sq->q.mine != start;
	if (*posted)
		prxe_wq_publish(&sq->q);
	return ret;
}

static inline int prxe_post_one_recv(struct prxe_rq *rq,
				     const struct ibv_recv_wr *wr)
{
	struct prxe_recv_wqe *wqe;

	if ((uint32_t)wr->num_sge > rq->max_sge)
		return EINVAL;
	if (prxe_wq_full(&rq->q))
		return ENOMEM;

	wqe = prxe_queue_slot(&rq->q, rq->q.mine);
	wqe->wr_id = wr->wr_id;
	wqe->num_sge = wr->num_sge;
	wqe->reserved = 0;
	if (wr->num_sge)
		memcpy(wqe->sge, wr->sg_list,
		       wr->num_sge * sizeof(wqe->sge[0]));
	rq->q.mine++;
	return 0;
}

/**
 * prxe_post_recv_list() - post a list of receive work requests
 * @rq: the queue, locked
 * @wr: the list
 * @bad: where to put the first request that was not posted
 * @bell: set when the kernel wants to be told of what was posted
 *
 * Return: 0, EINVAL for a request that is wrong, ENOMEM when the queue is full.
 */
static inline int prxe_post_recv_list(struct prxe_rq *rq,
				      struct ibv_recv_wr *wr,
				      struct ibv_recv_wr **bad, bool *bell)
{
	uint32_t start = rq->q.mine;
	int ret = 0;

	for (; wr; wr = wr->next) {
		ret = prxe_post_one_recv(rq, wr);
		if (ret) {
			*bad = wr;
			break;
		}
	}
	*bell = false;
	if (rq->q.mine != start) {
		prxe_wq_publish(&rq->q);
		*bell = prxe_wq_wants_bell(&rq->q);
	}
	return ret;
}

#endif /* PRXE_POST_H */
