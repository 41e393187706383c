/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a device, per CPU, shown by `rdma statistic show`. */
#ifndef PRXE_STATS_H
#define PRXE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* docs/counters.md tells what each counts; hw_stats.c has the names. */
enum prxe_stat {
	PRXE_STAT_TX_PKTS,
	PRXE_STAT_TX_TRAINS,
	PRXE_STAT_TX_BYTES,
	PRXE_STAT_TX_DROPS,
	PRXE_STAT_TX_ERR,
	PRXE_STAT_TX_WAITS,
	PRXE_STAT_RX_PKTS,
	PRXE_STAT_RX_TRAINS,
	PRXE_STAT_RX_BYTES,
	PRXE_STAT_RX_ICRC_ERR,
	PRXE_STAT_RX_MALFORMED,
	PRXE_STAT_RX_NO_QP,
	PRXE_STAT_RX_MISMATCH,
	PRXE_STAT_RX_CNP,
	PRXE_STAT_RX_ECN,
	PRXE_STAT_DUP_REQ,
	PRXE_STAT_OUT_OF_SEQ,
	PRXE_STAT_OUT_OF_SEQ_PKTS,
	PRXE_STAT_NO_RECV,
	PRXE_STAT_BUSY_DROPS,
	PRXE_STAT_RCVD_RNR,
	PRXE_STAT_SENT_RNR,
	/* by enum prxe_nak_code, in its order */
	PRXE_STAT_RCVD_NAK_SEQ,
	PRXE_STAT_RCVD_NAK_INV_REQ,
	PRXE_STAT_RCVD_NAK_ACCESS,
	PRXE_STAT_RCVD_NAK_OP,
	PRXE_STAT_RCVD_ERR_NAK,
	/* likewise */
	PRXE_STAT_SENT_NAK_SEQ,
	PRXE_STAT_SENT_NAK_INV_REQ,
	PRXE_STAT_SENT_NAK_ACCESS,
	PRXE_STAT_SENT_NAK_OP,
	PRXE_STAT_SENT_NAK,
	PRXE_STAT_SENT_ACK,
	PRXE_STAT_ACK_DEFERRED,
	PRXE_STAT_RETRIES,
	PRXE_STAT_COMP_RETRY,
	PRXE_STAT_RETRY_EXCEEDED,
	PRXE_STAT_RNR_EXCEEDED,
	PRXE_STAT_TIMEOUTS,
	PRXE_STAT_SENDS,
	PRXE_STAT_RECVS,
	PRXE_STAT_PARKED,
	PRXE_STAT_MR_FETCHES,
	PRXE_STAT_MR_INVALIDATIONS,
	PRXE_STAT_LOCAL_WQES,
	PRXE_STAT_CQ_OVERFLOW,
	PRXE_STAT_LINK_DOWNED,
	PRXE_NUM_STATS,
};

struct prxe_stats {
	u64 v[PRXE_NUM_STATS];
};

struct ib_device;
struct rdma_hw_stats;

/* hw_stats.c, see struct ib_device_ops */
struct rdma_hw_stats *prxe_alloc_hw_port_stats(struct ib_device *ibdev,
					       u32 port);
int prxe_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		      u32 port, int index);

/* Add up all CPUs' values of @from, in the order of enum prxe_stat. */
void prxe_stats_sum(const struct prxe_stats __percpu *from,
		    struct rdma_hw_stats *to);

/* @dev: struct prxe_dev *; any context. What a queue pair does is counted by
 * prxe_qp_stat_inc() and its like (qp.h).
 */
#define prxe_stat_add(dev, sym, n)	\
	this_cpu_add((dev)->stats->v[PRXE_STAT_##sym], (n))
#define prxe_stat_inc(dev, sym)		prxe_stat_add(dev, sym, 1)

#endif /* PRXE_STATS_H */
