/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of queue pairs, for `rdma statistic qp`; see counter.c. */
#ifndef PRXE_COUNTER_H
#define PRXE_COUNTER_H

#include <rdma/ib_verbs.h>
#include <rdma/rdma_counter.h>

#include "stats.h"

/**
 * struct prxe_counter - what one or several queue pairs count in
 * @base: the core's; its id is 0 until the first queue pair is bound
 * @stats: per CPU; from the first binding until the core gives the counter back
 */
struct prxe_counter {
	struct rdma_counter base;
	struct prxe_stats __percpu *stats;
};

/* see struct ib_device_ops */
void prxe_counter_init(struct rdma_counter *counter);
struct rdma_hw_stats *prxe_counter_alloc_stats(struct rdma_counter *counter);
int prxe_counter_bind_qp(struct rdma_counter *counter, struct ib_qp *ibqp,
			 u32 port);
int prxe_counter_unbind_qp(struct ib_qp *ibqp, u32 port);
int prxe_counter_update_stats(struct rdma_counter *counter);
int prxe_counter_dealloc(struct rdma_counter *counter);

#endif /* PRXE_COUNTER_H */
