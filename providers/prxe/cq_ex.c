// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * The extended way to poll. The queue is locked from a successful start_poll to
 * end_poll, and the kernel hears of what was polled in end_poll.
 */

#include <errno.h>
#include <time.h>

#include "prxe.h"

uint64_t prxe_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static int prxe_take_cqe(struct prxe_cq *cq)
{
	cq->cqe = prxe_cq_peek(&cq->q);
	if (!cq->cqe)
		return ENOENT;
	cq->vcq.cq_ex.status = cq->cqe->status;
	cq->vcq.cq_ex.wr_id = cq->cqe->wr_id;
	return 0;
}

static int prxe_start_poll(struct ibv_cq_ex *ibcq,
			   struct ibv_poll_cq_attr *attr)
{
	struct prxe_cq *cq = to_prxe_cq_ex(ibcq);
	int ret;

	if (attr->comp_mask)
		return EINVAL;
	prxe_lock(&cq->lock);
	ret = prxe_take_cqe(cq);
	if (ret) {
		prxe_unlock(&cq->lock);
		return ret;
	}
	if (cq->wallclock)
		cq->wall_offset = prxe_clock_ns(CLOCK_REALTIME) -
				  prxe_clock_ns(CLOCK_MONOTONIC_RAW);
	return 0;
}

static int prxe_next_poll(struct ibv_cq_ex *ibcq)
{
	struct prxe_cq *cq = to_prxe_cq_ex(ibcq);

	if (cq->cqe)
		cq->q.mine++;
	return prxe_take_cqe(cq);
}

static void prxe_end_poll(struct ibv_cq_ex *ibcq)
{
	struct prxe_cq *cq = to_prxe_cq_ex(ibcq);

	if (cq->cqe)
		cq->q.mine++;
	cq->cqe = NULL;
	prxe_cq_publish(&cq->q);
	prxe_unlock(&cq->lock);
}

static enum ibv_wc_opcode prxe_read_opcode(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->opcode;
}

static uint32_t prxe_read_vendor_err(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->vendor_err;
}

static uint32_t prxe_read_byte_len(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->byte_len;
}

static __be32 prxe_read_imm_data(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->imm_data;
}

static uint32_t prxe_read_qp_num(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->qp_num;
}

static uint32_t prxe_read_src_qp(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->src_qp;
}

static unsigned int prxe_read_wc_flags(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->flags;
}

/* RoCE has no LIDs, and the service level of a packet is not kept. */
static uint32_t prxe_read_slid(struct ibv_cq_ex *cq)
{
	(void)cq;
	return 0;
}

static uint8_t prxe_read_sl(struct ibv_cq_ex *cq)
{
	(void)cq;
	return 0;
}

static uint8_t prxe_read_dlid_path_bits(struct ibv_cq_ex *cq)
{
	(void)cq;
	return 0;
}

static uint64_t prxe_read_completion_ts(struct ibv_cq_ex *cq)
{
	return to_prxe_cq_ex(cq)->cqe->timestamp;
}

static uint64_t prxe_read_completion_wallclock_ns(struct ibv_cq_ex *ibcq)
{
	struct prxe_cq *cq = to_prxe_cq_ex(ibcq);

	return cq->cqe->timestamp + cq->wall_offset;
}

/**
 * prxe_set_cq_ex_ops() - make a completion queue one of the extended kind
 * @cq: the queue
 * @wc_flags: what its user wants to read, within PRXE_WC_EX_FLAGS
 */
void prxe_set_cq_ex_ops(struct prxe_cq *cq, uint64_t wc_flags)
{
	struct ibv_cq_ex *ex = &cq->vcq.cq_ex;

	ex->start_poll = prxe_start_poll;
	ex->next_poll = prxe_next_poll;
	ex->end_poll = prxe_end_poll;
	ex->read_opcode = prxe_read_opcode;
	ex->read_vendor_err = prxe_read_vendor_err;
	ex->read_wc_flags = prxe_read_wc_flags;
	if (wc_flags & IBV_WC_EX_WITH_BYTE_LEN)
		ex->read_byte_len = prxe_read_byte_len;
	if (wc_flags & IBV_WC_EX_WITH_IMM)
		ex->read_imm_data = prxe_read_imm_data;
	if (wc_flags & IBV_WC_EX_WITH_QP_NUM)
		ex->read_qp_num = prxe_read_qp_num;
	if (wc_flags & IBV_WC_EX_WITH_SRC_QP)
		ex->read_src_qp = prxe_read_src_qp;
	if (wc_flags & IBV_WC_EX_WITH_SLID)
		ex->read_slid = prxe_read_slid;
	if (wc_flags & IBV_WC_EX_WITH_SL)
		ex->read_sl = prxe_read_sl;
	if (wc_flags & IBV_WC_EX_WITH_DLID_PATH_BITS)
		ex->read_dlid_path_bits = prxe_read_dlid_path_bits;
	if (wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP)
		ex->read_completion_ts = prxe_read_completion_ts;
	if (wc_flags & IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK) {
		ex->read_completion_wallclock_ns =
			prxe_read_completion_wallclock_ns;
		cq->wallclock = true;
	}
}
