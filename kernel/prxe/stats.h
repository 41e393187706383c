/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a device, per CPU, shown by `rdma statistic show`. */
#ifndef PRXE_STATS_H
#define PRXE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* What each counts is told by its name in hw_stats.c. */
enum prxe_stat {
	PRXE_STAT_TX_PKTS,
	PRXE_STAT_TX_TRAINS,
	PRXE_STAT_TX_BYTES,
	PRXE_STAT_TX_DROPS,
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
	PRXE_STAT_RCVD_RNR,
	PRXE_STAT_SENT_RNR,
	PRXE_STAT_RCVD_SEQ_NAK,
	PRXE_STAT_RCVD_ERR_NAK,
	PRXE_STAT_SENT_NAK,
	PRXE_STAT_SENT_ACK,
	PRXE_STAT_RETRIES,
	PRXE_STAT_RETRY_EXCEEDED,
	PRXE_STAT_RNR_EXCEEDED,
	PRXE_STAT_TIMEOUTS,
	PRXE_STAT_PARKED,
	PRXE_STAT_MR_FETCHES,
	PRXE_STAT_MR_INVALIDATIONS,
	PRXE_STAT_LOCAL_WQES,
	PRXE_STAT_CQ_OVERFLOW,
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

/* @dev: struct prxe_dev *; any context */
#define prxe_stat_add(dev, sym, n)	\
	this_cpu_add((dev)->stats->v[PRXE_STAT_##sym], (n))
#define prxe_stat_inc(dev, sym)		prxe_stat_add(dev, sym, 1)

#endif /* PRXE_STATS_H */
