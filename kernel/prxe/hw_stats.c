// SPDX-License-Identifier: GPL-2.0-only
/* `rdma statistic show`: the per CPU counters of a device, summed. */
#include <rdma/ib_verbs.h>

#include "aeth.h"
#include "prxe.h"
#include "stats.h"

/* The names that `rdma statistic` prints. */
static const struct rdma_stat_desc prxe_stat_descs[] = {
	[PRXE_STAT_TX_PKTS].name = "sent_pkts",
	[PRXE_STAT_TX_TRAINS].name = "sent_trains",
	[PRXE_STAT_TX_BYTES].name = "sent_bytes",
	[PRXE_STAT_TX_DROPS].name = "send_drops",
	[PRXE_STAT_TX_ERR].name = "send_err",
	[PRXE_STAT_TX_WAITS].name = "send_credit_waits",
	[PRXE_STAT_RX_PKTS].name = "rcvd_pkts",
	[PRXE_STAT_RX_TRAINS].name = "rcvd_trains",
	[PRXE_STAT_RX_BYTES].name = "rcvd_bytes",
	[PRXE_STAT_RX_ICRC_ERR].name = "icrc_errors",
	[PRXE_STAT_RX_MALFORMED].name = "malformed_pkts",
	[PRXE_STAT_RX_NO_QP].name = "unknown_qp_pkts",
	[PRXE_STAT_RX_MISMATCH].name = "mismatched_pkts",
	[PRXE_STAT_RX_CNP].name = "rcvd_cnp_pkts",
	[PRXE_STAT_RX_ECN].name = "rcvd_ecn_marked_pkts",
	[PRXE_STAT_DUP_REQ].name = "duplicate_request",
	[PRXE_STAT_OUT_OF_SEQ].name = "out_of_seq_request",
	[PRXE_STAT_OUT_OF_SEQ_PKTS].name = "out_of_seq_pkts",
	[PRXE_STAT_NO_RECV].name = "no_recv_drops",
	[PRXE_STAT_BUSY_DROPS].name = "busy_drops",
	[PRXE_STAT_RCVD_RNR].name = "rcvd_rnr_err",
	[PRXE_STAT_SENT_RNR].name = "send_rnr_err",
	[PRXE_STAT_RCVD_NAK_SEQ].name = "rcvd_seq_err",
	[PRXE_STAT_RCVD_NAK_INV_REQ].name = "rcvd_nak_inv_req",
	[PRXE_STAT_RCVD_NAK_ACCESS].name = "rcvd_nak_access",
	[PRXE_STAT_RCVD_NAK_OP].name = "rcvd_nak_op",
	[PRXE_STAT_RCVD_ERR_NAK].name = "rcvd_err_nak",
	[PRXE_STAT_SENT_NAK_SEQ].name = "send_nak_seq",
	[PRXE_STAT_SENT_NAK_INV_REQ].name = "send_nak_inv_req",
	[PRXE_STAT_SENT_NAK_ACCESS].name = "send_nak_access",
	[PRXE_STAT_SENT_NAK_OP].name = "send_nak_op",
	[PRXE_STAT_SENT_NAK].name = "send_nak",
	[PRXE_STAT_SENT_ACK].name = "sent_acks",
	[PRXE_STAT_ACK_DEFERRED].name = "ack_deferred",
	[PRXE_STAT_RETRIES].name = "retries",
	[PRXE_STAT_COMP_RETRY].name = "completer_retry_err",
	[PRXE_STAT_RETRY_EXCEEDED].name = "retry_exceeded_err",
	[PRXE_STAT_RNR_EXCEEDED].name = "retry_rnr_exceeded_err",
	[PRXE_STAT_TIMEOUTS].name = "timeouts",
	[PRXE_STAT_SENDS].name = "rdma_sends",
	[PRXE_STAT_RECVS].name = "rdma_recvs",
	[PRXE_STAT_PARKED].name = "parked_accesses",
	[PRXE_STAT_MR_FETCHES].name = "mr_fetches",
	[PRXE_STAT_MR_INVALIDATIONS].name = "mr_invalidations",
	[PRXE_STAT_LOCAL_WQES].name = "local_path_wqes",
	[PRXE_STAT_CQ_OVERFLOW].name = "cq_overflows",
	[PRXE_STAT_LINK_DOWNED].name = "link_downed",
};

static_assert(ARRAY_SIZE(prxe_stat_descs) == PRXE_NUM_STATS);
/* prxe_qp_stat_nak() */
static_assert(PRXE_STAT_RCVD_NAK_OP - PRXE_STAT_RCVD_NAK_SEQ ==
	      PRXE_NAK_REMOTE_OP);
static_assert(PRXE_STAT_SENT_NAK_OP - PRXE_STAT_SENT_NAK_SEQ ==
	      PRXE_NAK_REMOTE_OP);

/**
 * prxe_alloc_hw_port_stats() - tell ib_core which counters there are
 * @ibdev: the device
 * @port: the port
 *
 * Return: what the core shows and frees; NULL if there is no memory.
 */
struct rdma_hw_stats *prxe_alloc_hw_port_stats(struct ib_device *ibdev,
					       u32 port)
{
	return rdma_alloc_hw_stats_struct(prxe_stat_descs,
					  ARRAY_SIZE(prxe_stat_descs),
					  RDMA_HW_STATS_DEFAULT_LIFESPAN);
}

void prxe_stats_sum(const struct prxe_stats __percpu *from,
		    struct rdma_hw_stats *to)
{
	unsigned int i;
	int cpu;

	for (i = 0; i < PRXE_NUM_STATS; i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += READ_ONCE(per_cpu_ptr(from, cpu)->v[i]);
		to->value[i] = sum;
	}
}

/**
 * prxe_get_hw_stats() - read all counters
 * @ibdev: the device
 * @stats: filled in
 * @port: the port; 0 asks for counters of the device, which has none
 * @index: the one that is wanted; all are read
 *
 * Without what bound queue pairs count elsewhere (counter.c): the core adds that.
 *
 * Return: how many counters were read, or -EINVAL.
 */
int prxe_get_hw_stats(struct ib_device *ibdev, struct rdma_hw_stats *stats,
		      u32 port, int index)
{
	if (!port)
		return -EINVAL;
	prxe_stats_sum(to_pdev(ibdev)->stats, stats);
	return PRXE_NUM_STATS;
}
