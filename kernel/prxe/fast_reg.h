/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fast registration of kernel users' memory: the verbs, and the work requests for
 * the requester and, where the peer invalidates, for the responder.
 */
#ifndef PRXE_FAST_REG_H
#define PRXE_FAST_REG_H

#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

struct prxe_qp;

/* Pages of one registration; what a region takes is by what it was made for. */
#define PRXE_MAX_FAST_REG_PAGES	2048

/* See fast_reg.c. */
int prxe_fast_register(struct prxe_qp *qp, const struct prxe_send_wqe *wqe);
int prxe_fast_invalidate(struct prxe_qp *qp, u32 key, bool remote);

/* verbs, see struct ib_device_ops */
struct ib_mr *prxe_alloc_mr(struct ib_pd *ibpd, enum ib_mr_type type,
			    u32 max_num_sg);
int prxe_map_mr_sg(struct ib_mr *ibmr, struct scatterlist *sg, int nents,
		   unsigned int *offset);

#endif /* PRXE_FAST_REG_H */
