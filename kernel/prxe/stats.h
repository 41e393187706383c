/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a device, per CPU, shown by `rdma statistic show`. */
#ifndef PRXE_STATS_H
#define PRXE_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

/* X(symbol, name): the name is what `rdma statistic` prints. */
#define PRXE_STATS(X)						\
	X(TX_PKTS, "sent_pkts")					\
	X(TX_TRAINS, "sent_trains")				\
	X(TX_BYTES, "sent_bytes")				\
	X(TX_DROPS, "send_drops")				\
	X(TX_WAITS, "send_credit_waits")			\
	X(RX_PKTS, "rcvd_pkts")					\
	X(RX_TRAINS, "rcvd_trains")				\
	X(RX_BYTES, "rcvd_bytes")				\
	X(RX_ICRC_ERR, "icrc_errors")				\
	X(RX_MALFORMED, "malformed_pkts")			\
	X(RX_NO_QP, "unknown_qp_pkts")				\
	X(RX_MISMATCH, "mismatched_pkts")			\
	X(DUP_REQ, "duplicate_request")				\
	X(OUT_OF_SEQ, "out_of_seq_request")			\
	X(RCVD_RNR, "rcvd_rnr_err")				\
	X(SENT_RNR, "send_rnr_err")				\
	X(RCVD_SEQ_NAK, "rcvd_seq_err")				\
	X(RCVD_ERR_NAK, "rcvd_err_nak")				\
	X(SENT_NAK, "send_nak")					\
	X(SENT_ACK, "sent_acks")				\
	X(RETRIES, "retries")					\
	X(RETRY_EXCEEDED, "retry_exceeded_err")			\
	X(RNR_EXCEEDED, "retry_rnr_exceeded_err")		\
	X(TIMEOUTS, "timeouts")					\
	X(PARKED, "parked_accesses")				\
	X(MR_FETCHES, "mr_fetches")				\
	X(MR_INVALIDATIONS, "mr_invalidations")			\
	X(LOCAL_WQES, "local_path_wqes")			\
	X(CQ_OVERFLOW, "cq_overflows")

#define PRXE_STAT_ENUM(sym, name) PRXE_STAT_##sym,
enum prxe_stat {
	PRXE_STATS(PRXE_STAT_ENUM)
	PRXE_NUM_STATS,
};

struct prxe_stats {
	u64 v[PRXE_NUM_STATS];
};

/* @dev: struct prxe_dev *; any context */
#define prxe_stat_add(dev, sym, n)	\
	this_cpu_add((dev)->stats->v[PRXE_STAT_##sym], (n))
#define prxe_stat_inc(dev, sym)		prxe_stat_add(dev, sym, 1)

#endif /* PRXE_STATS_H */
