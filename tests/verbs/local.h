/* SPDX-License-Identifier: GPL-2.0 */
/* What the tests of connections within a device share. */
#ifndef PRXE_TESTS_LOCAL_H
#define PRXE_TESTS_LOCAL_H

#include "cases.h"

#define SIZE	(1u << 20)	/* of each buffer */

/* The parameter of the module: with packets or without. */
void local_path(bool on);
void local_path_on(void);
/* A counter of `rdma statistic`. */
unsigned long counter(const char *device, const char *name);

/* From begin to stop somebody changes the parameter all the time. */
void flip_begin(void);
void flip_stop(void);

void to_state(struct ibv_qp *qp, enum ibv_qp_state state);

/* Options: an ACK timeout of 4 ms and one retry. */
void soon_tired(struct pair_opt *opt);

#endif
