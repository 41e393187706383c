/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/* Queue pairs without a device, for the unit tests: see test_wr.c. */
#ifndef PRXE_TEST_WR_H
#define PRXE_TEST_WR_H

#include <stdio.h>

#include "prxe.h"

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__,	\
				__LINE__, __func__, #cond);		\
			failures++;					\
		}							\
	} while (0)

#define SLOTS		8
#define MAX_SGE		2
#define MAX_INLINE	48

extern int failures;
extern struct ibv_context context;
extern int pipe_out;

void make_ring(struct prxe_queue *q, uint32_t stride);
void make_qp(struct prxe_qp *qp, enum ibv_qp_type type);
void free_qp(struct prxe_qp *qp);
/* How many doorbells of @command for @handle were rung, and nothing else. */
int bells(uint32_t command, uint32_t handle);
int send_bells(void);
struct prxe_send_wqe *sent(struct prxe_qp *qp, uint32_t index);

/* test_place.c */
void test_placement(void);

#endif
