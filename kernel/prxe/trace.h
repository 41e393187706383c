/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tracepoints: one at each arrow of the data path, in the order of
 * docs/data-path.md, and one for each turn that it may take.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM prxe

#if !defined(PRXE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define PRXE_TRACE_H

#include <linux/dma-buf.h>
#include <linux/fs.h>
#include <linux/tracepoint.h>
#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

#include "mr_internal.h"
#include "packet.h"
#include "prxe.h"
#include "qp.h"
#include "stats.h"

#ifndef PRXE_TRACE_STATES
#define PRXE_TRACE_STATES						\
	{ IB_QPS_RESET, "RESET" }, { IB_QPS_INIT, "INIT" },		\
	{ IB_QPS_RTR, "RTR" }, { IB_QPS_RTS, "RTS" },			\
	{ IB_QPS_SQD, "SQD" }, { IB_QPS_SQE, "SQE" }, { IB_QPS_ERR, "ERR" }
#define PRXE_TRACE_MR_STATES						\
	{ PRXE_MR_INVALID, "INVALID" }, { PRXE_MR_VALID, "VALID" },	\
	{ PRXE_MR_REVOKED, "REVOKED" }, { PRXE_MR_FREE, "FREE" },	\
	{ PRXE_MR_STOPPING, "STOPPING" }, { PRXE_MR_DEAD, "DEAD" }
#define PRXE_TRACE_DROPS						\
	{ PRXE_STAT_RX_MALFORMED, "malformed" },			\
	{ PRXE_STAT_RX_ICRC_ERR, "icrc" },				\
	{ PRXE_STAT_RX_MISMATCH, "mismatch" },				\
	{ PRXE_STAT_RX_NO_QP, "no_qp" }
#endif

/* A work request was taken in and checked. */
TRACE_EVENT(post,
	TP_PROTO(const struct prxe_qp *qp, const struct prxe_swqe *wqe),
	TP_ARGS(qp, wqe),
	TP_STRUCT__entry(
		__string(dev, dev_name(&qp->dev->ibdev.dev))
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u32, opcode)
		__field(u32, flags)
		__field(u32, length)
		__field(u32, npkts)
		__field(u32, status)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = qp->ibqp.qp_num;
		__entry->wr_id = wqe->w.wr_id;
		__entry->opcode = wqe->w.opcode;
		__entry->flags = wqe->w.flags;
		__entry->length = wqe->length;
		__entry->npkts = wqe->npkts;
		__entry->status = wqe->state == PRXE_WQE_BAD ? wqe->status : 0;
	),
	TP_printk("dev=%s qpn=%u wr_id=%#llx opcode=%u flags=%#x length=%u pkts=%u status=%u",
		  __get_str(dev), __entry->qpn, __entry->wr_id, __entry->opcode,
		  __entry->flags, __entry->length, __entry->npkts,
		  __entry->status)
);

/* A packet's headers, with @len bytes behind them if that is known. */
DECLARE_EVENT_CLASS(pkt,
	TP_PROTO(const struct prxe_dev *dev, const struct prxe_pkt *pkt,
		 unsigned int len),
	TP_ARGS(dev, pkt, len),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ibdev.dev))
		__field(u32, qpn)
		__field(u32, psn)
		__field(u8, opcode)
		__field(u8, syndrome)
		__field(bool, ackreq)
		__field(u32, len)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = pkt->qpn;
		__entry->psn = pkt->psn;
		__entry->opcode = pkt->opcode;
		__entry->syndrome = pkt->syndrome;
		__entry->ackreq = pkt->ackreq;
		__entry->len = len;
	),
	TP_printk("dev=%s qpn=%u psn=%u opcode=%#x syndrome=%#x ackreq=%d len=%u",
		  __get_str(dev), __entry->qpn, __entry->psn, __entry->opcode,
		  __entry->syndrome, __entry->ackreq, __entry->len)
);

/* A packet was begun; qpn is the destination, len the whole packet. */
DEFINE_EVENT(pkt, send_pkt,
	TP_PROTO(const struct prxe_dev *dev, const struct prxe_pkt *pkt,
		 unsigned int len),
	TP_ARGS(dev, pkt, len));

/* A packet came whole; qpn is here, dev the network device's. */
DEFINE_EVENT(pkt, recv_pkt,
	TP_PROTO(const struct prxe_dev *dev, const struct prxe_pkt *pkt,
		 unsigned int len),
	TP_ARGS(dev, pkt, len));

/*
 * A part of a message was executed without packets, or refused; qpn is the
 * destination, syndrome the answer, len the payload.
 */
DEFINE_EVENT(pkt, local_part,
	TP_PROTO(const struct prxe_dev *dev, const struct prxe_pkt *pkt,
		 unsigned int len),
	TP_ARGS(dev, pkt, len));

/* Packets leave in one sk_buff. */
TRACE_EVENT(send_train,
	TP_PROTO(const struct prxe_dev *dev, unsigned int pkts, unsigned int len),
	TP_ARGS(dev, pkts, len),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ibdev.dev))
		__field(u32, pkts)
		__field(u32, len)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->pkts = pkts;
		__entry->len = len;
	),
	TP_printk("dev=%s pkts=%u len=%u", __get_str(dev), __entry->pkts,
		  __entry->len)
);

/* What was received is dropped before a queue pair sees it. */
TRACE_EVENT(drop_pkt,
	TP_PROTO(const struct prxe_dev *dev, unsigned int why, unsigned int len),
	TP_ARGS(dev, why, len),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ibdev.dev))
		__field(u32, why)
		__field(u32, len)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->why = why;
		__entry->len = len;
	),
	TP_printk("dev=%s why=%s len=%u", __get_str(dev),
		  __print_symbolic(__entry->why, PRXE_TRACE_DROPS), __entry->len)
);

/* An access waits for the work item. */
TRACE_EVENT(park,
	TP_PROTO(const struct prxe_qp *qp, const struct prxe_mem *mem, u64 len,
		 bool responder),
	TP_ARGS(qp, mem, len, responder),
	TP_STRUCT__entry(
		__string(dev, dev_name(&qp->dev->ibdev.dev))
		__field(u32, qpn)
		__field(u32, key)
		__field(u64, addr)
		__field(u64, len)
		__field(bool, responder)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = qp->ibqp.qp_num;
		__entry->key = mem->key;
		__entry->addr = mem->addr;
		__entry->len = len;
		__entry->responder = responder;
	),
	TP_printk("dev=%s qpn=%u %s key=%#x addr=%#llx len=%llu", __get_str(dev),
		  __entry->qpn, __entry->responder ? "responder" : "requester",
		  __entry->key, __entry->addr, __entry->len)
);

/* The work item made memory accessible, or could not. */
TRACE_EVENT(fault,
	TP_PROTO(const struct prxe_mem *mem, u64 len, int ret),
	TP_ARGS(mem, len, ret),
	TP_STRUCT__entry(
		__field(u32, key)
		__field(u64, addr)
		__field(u64, len)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->key = mem->key;
		__entry->addr = mem->addr;
		__entry->len = len;
		__entry->ret = ret;
	),
	TP_printk("key=%#x addr=%#llx len=%llu ret=%d", __entry->key,
		  __entry->addr, __entry->len, __entry->ret)
);

/* The requester goes back. */
TRACE_EVENT(retry,
	TP_PROTO(const struct prxe_qp *qp, u32 psn),
	TP_ARGS(qp, psn),
	TP_STRUCT__entry(
		__string(dev, dev_name(&qp->dev->ibdev.dev))
		__field(u32, qpn)
		__field(u32, psn)
		__field(u32, una)
		__field(u32, next)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = qp->ibqp.qp_num;
		__entry->psn = psn;
		__entry->una = qp->sq.una;
		__entry->next = qp->sq.psn;
	),
	TP_printk("dev=%s qpn=%u psn=%u una=%u next=%u", __get_str(dev),
		  __entry->qpn, __entry->psn, __entry->una, __entry->next)
);

/* A completion; cq is its number in `rdma resource show cq`. */
TRACE_EVENT(complete,
	TP_PROTO(const struct ib_cq *cq, const struct prxe_cqe *cqe),
	TP_ARGS(cq, cqe),
	TP_STRUCT__entry(
		__string(dev, dev_name(&cq->device->dev))
		__field(u32, cq)
		__field(u32, qpn)
		__field(u64, wr_id)
		__field(u32, opcode)
		__field(u32, status)
		__field(u32, vendor_err)
		__field(u32, byte_len)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->cq = cq->res.id;
		__entry->qpn = cqe->qp_num;
		__entry->wr_id = cqe->wr_id;
		__entry->opcode = cqe->opcode;
		__entry->status = cqe->status;
		__entry->vendor_err = cqe->vendor_err;
		__entry->byte_len = cqe->byte_len;
	),
	TP_printk("dev=%s cq=%u qpn=%u wr_id=%#llx opcode=%u status=%u vendor_err=%u byte_len=%u",
		  __get_str(dev), __entry->cq, __entry->qpn, __entry->wr_id,
		  __entry->opcode, __entry->status, __entry->vendor_err,
		  __entry->byte_len)
);

/* One half of a queue pair gets into a state: by a modify, or an error. */
TRACE_EVENT(qp_state,
	TP_PROTO(const struct prxe_qp *qp, bool responder, u32 state),
	TP_ARGS(qp, responder, state),
	TP_STRUCT__entry(
		__string(dev, dev_name(&qp->dev->ibdev.dev))
		__field(u32, qpn)
		__field(bool, responder)
		__field(u32, state)
	),
	TP_fast_assign(
		__assign_str(dev);
		__entry->qpn = qp->ibqp.qp_num;
		__entry->responder = responder;
		__entry->state = state;
	),
	TP_printk("dev=%s qpn=%u %s state=%s", __get_str(dev), __entry->qpn,
		  __entry->responder ? "responder" : "requester",
		  __print_symbolic(__entry->state, PRXE_TRACE_STATES))
);

/* A dma-buf was registered, or refused. */
TRACE_EVENT(reg_dmabuf,
	TP_PROTO(const struct prxe_dev *dev, const struct dma_buf *dmabuf, bool pfn,
		 u64 offset, u64 length, int ret),
	TP_ARGS(dev, dmabuf, pfn, offset, length, ret),
	TP_STRUCT__entry(
		__string(dev, dev_name(&dev->ibdev.dev))
		__string(exporter, dmabuf->exp_name)
		__field(unsigned long, ino)
		__field(u64, offset)
		__field(u64, length)
		__field(bool, pfn)
		__field(int, ret)
	),
	TP_fast_assign(
		__assign_str(dev);
		__assign_str(exporter);
		__entry->ino = file_inode(dmabuf->file)->i_ino;
		__entry->offset = offset;
		__entry->length = length;
		__entry->pfn = pfn;
		__entry->ret = ret;
	),
	TP_printk("dev=%s ino=%lu exporter=%s import=%s offset=%llu length=%llu ret=%d",
		  __get_str(dev), __entry->ino, __get_str(exporter),
		  __entry->pfn ? "pfn" : "vmap", __entry->offset, __entry->length,
		  __entry->ret)
);

/* A region may be accessed no more, or again; see mr_internal.h for the states. */
TRACE_EVENT(mr_state,
	TP_PROTO(u32 key, u32 state),
	TP_ARGS(key, state),
	TP_STRUCT__entry(
		__field(u32, key)
		__field(u32, state)
	),
	TP_fast_assign(
		__entry->key = key;
		__entry->state = state;
	),
	TP_printk("key=%#x state=%s", __entry->key,
		  __print_symbolic(__entry->state, PRXE_TRACE_MR_STATES))
);

#endif /* PRXE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
