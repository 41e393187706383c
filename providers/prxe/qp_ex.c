// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * The ibv_wr_*() way to post. The send queue is locked from wr_start to
 * wr_complete or wr_abort; a builder takes a slot, setters fill it in, and
 * wr_complete publishes all of them at once. The first error is kept, makes
 * the rest of the batch do nothing, and is what wr_complete returns; then, as
 * after wr_abort, no slot of the batch was posted.
 */

#include <errno.h>
#include <string.h>

#include "prxe.h"

static void prxe_wr_start(struct ibv_qp_ex *ibqp)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);

	prxe_lock(&qp->sq_lock);
	qp->first = qp->sq.q.mine;
	qp->wqe = NULL;
	qp->err = prxe_send_state(qp);
}

static void prxe_wr_abort(struct ibv_qp_ex *ibqp)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);

	qp->sq.q.mine = qp->first;
	prxe_unlock(&qp->sq_lock);
}

static int prxe_wr_complete(struct ibv_qp_ex *ibqp)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);
	int err = qp->err;

	if (err || qp->sq.q.mine == qp->first) {
		prxe_wr_abort(ibqp);
		return err;
	}
	prxe_wq_publish(&qp->sq.q);
	prxe_unlock(&qp->sq_lock);
	return prxe_doorbell_ring(&qp->sq_bell, ibqp->qp_base.context);
}

/*
 * Take the next slot. Inline is said by the setter; as a flag it has no effect.
 * Return: the entry, or NULL where the batch has failed.
 */
static struct prxe_send_wqe *prxe_wr_begin(struct ibv_qp_ex *ibqp,
					   enum ibv_wr_opcode opcode)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);

	if (qp->err)
		return NULL;
	if (ibqp->wr_flags & ~(unsigned int)PRXE_SEND_FLAGS) {
		qp->err = EINVAL;
		return NULL;
	}
	if (prxe_wq_full(&qp->sq.q)) {
		qp->err = ENOMEM;
		return NULL;
	}
	qp->wqe = prxe_queue_slot(&qp->sq.q, qp->sq.q.mine);
	qp->sq.q.mine++;
	prxe_send_begin(qp->wqe, ibqp->wr_id, opcode,
			ibqp->wr_flags & ~(unsigned int)IBV_SEND_INLINE);
	return qp->wqe;
}

static void prxe_wr_send(struct ibv_qp_ex *qp)
{
	prxe_wr_begin(qp, IBV_WR_SEND);
}

static void prxe_wr_send_imm(struct ibv_qp_ex *qp, __be32 imm)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, IBV_WR_SEND_WITH_IMM);

	if (wqe)
		wqe->imm_data = imm;
}

static void prxe_wr_send_inv(struct ibv_qp_ex *qp, uint32_t rkey)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, IBV_WR_SEND_WITH_INV);

	if (wqe)
		wqe->imm_data = rkey;
}

static void prxe_wr_local_inv(struct ibv_qp_ex *qp, uint32_t rkey)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, IBV_WR_LOCAL_INV);

	if (wqe)
		wqe->imm_data = rkey;
}

static struct prxe_send_wqe *prxe_wr_rdma(struct ibv_qp_ex *qp,
					  enum ibv_wr_opcode opcode,
					  uint32_t rkey, uint64_t addr)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, opcode);

	if (wqe) {
		wqe->rdma.remote_addr = addr;
		wqe->rdma.rkey = rkey;
	}
	return wqe;
}

static void prxe_wr_rdma_write(struct ibv_qp_ex *qp, uint32_t rkey,
			       uint64_t addr)
{
	prxe_wr_rdma(qp, IBV_WR_RDMA_WRITE, rkey, addr);
}

static void prxe_wr_rdma_write_imm(struct ibv_qp_ex *qp, uint32_t rkey,
				   uint64_t addr, __be32 imm)
{
	struct prxe_send_wqe *wqe;

	wqe = prxe_wr_rdma(qp, IBV_WR_RDMA_WRITE_WITH_IMM, rkey, addr);
	if (wqe)
		wqe->imm_data = imm;
}

static void prxe_wr_rdma_read(struct ibv_qp_ex *qp, uint32_t rkey,
			      uint64_t addr)
{
	prxe_wr_rdma(qp, IBV_WR_RDMA_READ, rkey, addr);
}

static void prxe_wr_atomic(struct ibv_qp_ex *qp, enum ibv_wr_opcode opcode,
			   uint32_t rkey, uint64_t addr, uint64_t compare_add,
			   uint64_t swap)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, opcode);

	if (!wqe)
		return;
	wqe->atomic.remote_addr = addr;
	wqe->atomic.compare_add = compare_add;
	wqe->atomic.swap = swap;
	wqe->atomic.rkey = rkey;
}

static void prxe_wr_atomic_cmp_swp(struct ibv_qp_ex *qp, uint32_t rkey,
				   uint64_t addr, uint64_t compare,
				   uint64_t swap)
{
	prxe_wr_atomic(qp, IBV_WR_ATOMIC_CMP_AND_SWP, rkey, addr, compare,
		       swap);
}

static void prxe_wr_atomic_fetch_add(struct ibv_qp_ex *qp, uint32_t rkey,
				     uint64_t addr, uint64_t add)
{
	prxe_wr_atomic(qp, IBV_WR_ATOMIC_FETCH_AND_ADD, rkey, addr, add, 0);
}

/* The length of a flush is one of 32 bits on the wire; of all, it does not count. */
static void prxe_wr_flush(struct ibv_qp_ex *ibqp, uint32_t rkey, uint64_t addr,
			  size_t len, uint8_t type, uint8_t level)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(ibqp, IBV_WR_FLUSH);
	bool whole = level == IBV_FLUSH_MR;

	if (!wqe)
		return;
	if (!type || type & ~(IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT) ||
	    (!whole && level != IBV_FLUSH_RANGE) ||
	    (!whole && len > UINT32_MAX)) {
		to_prxe_qp_ex(ibqp)->err = EINVAL;
		return;
	}
	wqe->flush.remote_addr = whole ? 0 : addr;
	wqe->flush.rkey = rkey;
	wqe->flush.length = whole ? 0 : len;
	wqe->flush.type = type;
	wqe->flush.level = level;
}

static void prxe_wr_atomic_write(struct ibv_qp_ex *ibqp, uint32_t rkey,
				 uint64_t addr, const void *value)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(ibqp, IBV_WR_ATOMIC_WRITE);

	if (!wqe)
		return;
	wqe->atomic_write.remote_addr = addr;
	wqe->atomic_write.rkey = rkey;
	memcpy(&wqe->atomic_write.value, value,
	       sizeof(wqe->atomic_write.value));
}

static void prxe_wr_bind_mw(struct ibv_qp_ex *qp, struct ibv_mw *mw,
			    uint32_t rkey, const struct ibv_mw_bind_info *info)
{
	struct prxe_send_wqe *wqe = prxe_wr_begin(qp, IBV_WR_BIND_MW);

	if (wqe)
		prxe_send_bind(wqe, mw, rkey, info);
}

/* Setters. The entry they fill in, or NULL where the batch has failed. */
static struct prxe_send_wqe *prxe_wr_current(struct prxe_qp *qp)
{
	if (!qp->err && !qp->wqe)
		qp->err = EINVAL;
	return qp->err ? NULL : qp->wqe;
}

static void prxe_wr_set_ud_addr(struct ibv_qp_ex *ibqp, struct ibv_ah *ah,
				uint32_t remote_qpn, uint32_t remote_qkey)
{
	struct prxe_send_wqe *wqe = prxe_wr_current(to_prxe_qp_ex(ibqp));

	if (!wqe)
		return;
	wqe->ud.ah = prxe_ah_number(ah);
	wqe->ud.remote_qpn = remote_qpn;
	wqe->ud.remote_qkey = remote_qkey;
}

static void prxe_wr_set_sge_list(struct ibv_qp_ex *ibqp, size_t num_sge,
				 const struct ibv_sge *list)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);
	struct prxe_send_wqe *wqe = prxe_wr_current(qp);

	if (!wqe)
		return;
	if (num_sge > qp->sq.max_sge) {
		qp->err = EINVAL;
		return;
	}
	if (num_sge)
		memcpy(wqe->sge, list, num_sge * sizeof(wqe->sge[0]));
	wqe->num_sge = num_sge;
}

static void prxe_wr_set_sge(struct ibv_qp_ex *ibqp, uint32_t lkey,
			    uint64_t addr, uint32_t length)
{
	struct ibv_sge sge = { .addr = addr, .length = length, .lkey = lkey };

	prxe_wr_set_sge_list(ibqp, 1, &sge);
}

static void prxe_wr_set_inline_data_list(struct ibv_qp_ex *ibqp, size_t num,
					 const struct ibv_data_buf *list)
{
	struct prxe_qp *qp = to_prxe_qp_ex(ibqp);
	struct prxe_send_wqe *wqe = prxe_wr_current(qp);
	size_t i;

	if (!wqe)
		return;
	if (!(PRXE_OP(wqe->opcode) & PRXE_OPS_INLINE)) {
		qp->err = EINVAL;
		return;
	}
	wqe->flags |= PRXE_SEND_INLINE;
	wqe->inline_len = 0;
	for (i = 0; i < num && !qp->err; i++)
		qp->err = prxe_send_inline(wqe, qp->sq.max_inline,
					   list[i].addr, list[i].length);
}

static void prxe_wr_set_inline_data(struct ibv_qp_ex *ibqp, void *addr,
				    size_t length)
{
	struct ibv_data_buf buf = { .addr = addr, .length = length };

	prxe_wr_set_inline_data_list(ibqp, 1, &buf);
}

static void prxe_set_builders(struct ibv_qp_ex *ex, uint64_t ops)
{
	if (ops & IBV_QP_EX_WITH_SEND)
		ex->wr_send = prxe_wr_send;
	if (ops & IBV_QP_EX_WITH_SEND_WITH_IMM)
		ex->wr_send_imm = prxe_wr_send_imm;
	if (ops & IBV_QP_EX_WITH_SEND_WITH_INV)
		ex->wr_send_inv = prxe_wr_send_inv;
	if (ops & IBV_QP_EX_WITH_RDMA_WRITE)
		ex->wr_rdma_write = prxe_wr_rdma_write;
	if (ops & IBV_QP_EX_WITH_RDMA_WRITE_WITH_IMM)
		ex->wr_rdma_write_imm = prxe_wr_rdma_write_imm;
	if (ops & IBV_QP_EX_WITH_RDMA_READ)
		ex->wr_rdma_read = prxe_wr_rdma_read;
	if (ops & IBV_QP_EX_WITH_ATOMIC_CMP_AND_SWP)
		ex->wr_atomic_cmp_swp = prxe_wr_atomic_cmp_swp;
	if (ops & IBV_QP_EX_WITH_ATOMIC_FETCH_AND_ADD)
		ex->wr_atomic_fetch_add = prxe_wr_atomic_fetch_add;
	if (ops & IBV_QP_EX_WITH_FLUSH)
		ex->wr_flush = prxe_wr_flush;
	if (ops & IBV_QP_EX_WITH_ATOMIC_WRITE)
		ex->wr_atomic_write = prxe_wr_atomic_write;
	if (ops & IBV_QP_EX_WITH_LOCAL_INV)
		ex->wr_local_inv = prxe_wr_local_inv;
	if (ops & IBV_QP_EX_WITH_BIND_MW)
		ex->wr_bind_mw = prxe_wr_bind_mw;
}

/**
 * prxe_set_qp_ex_ops() - make a queue pair one that ibv_wr_*() can use
 * @qp: the queue pair
 * @send_ops: the builders its user wants, all of its transport
 */
void prxe_set_qp_ex_ops(struct prxe_qp *qp, uint64_t send_ops)
{
	struct ibv_qp_ex *ex = &qp->vqp.qp_ex;

	prxe_set_builders(ex, send_ops);
	ex->wr_set_ud_addr = prxe_wr_set_ud_addr;
	ex->wr_set_sge = prxe_wr_set_sge;
	ex->wr_set_sge_list = prxe_wr_set_sge_list;
	ex->wr_set_inline_data = prxe_wr_set_inline_data;
	ex->wr_set_inline_data_list = prxe_wr_set_inline_data_list;
	ex->wr_start = prxe_wr_start;
	ex->wr_complete = prxe_wr_complete;
	ex->wr_abort = prxe_wr_abort;
}
