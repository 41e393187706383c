/* SPDX-License-Identifier: GPL-2.0 */
/* What devices and queue pairs have counted. */
#ifndef PRXE_TESTS_COUNTERS_H
#define PRXE_TESTS_COUNTERS_H

#include "cases.h"

/* Counters of either end that have grown, and by how much; {} ends a list. */
struct want {
	const char *name;
	uint64_t a;
	uint64_t b;
};

/* Write down all counters of both devices. */
void count_from_here(void);

/**
 * need_counts() - what has been counted since count_from_here()
 * @want: what it must be, exactly, within some seconds. Every counter that is not
 *	named has not moved; but sent_trains and rcvd_trains say how the network
 *	stack likes to have packets, and bytes are looked at only when they are named
 */
void need_counts(const struct want *want);

/* How much this counter of a device has grown since then. */
uint64_t counted(const struct end *e, const char *name);

/*
 * `rdma statistic qp COMMAND ARGUMENTS`, with the link of @e between the two. Return:
 * its exit status; its output is in @out.
 */
int rdma_qp(const struct end *e, char *out, size_t size, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
