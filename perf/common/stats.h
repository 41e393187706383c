/* SPDX-License-Identifier: GPL-2.0 */
/* What is said of many durations. Pure, for the unit test. */
#ifndef PRXE_PERF_STATS_H
#define PRXE_PERF_STATS_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct stats - nanoseconds
 * @min: the least
 * @max: the most
 * @typical: the median: the middle one, or the mean of the two in the middle
 * @avg: the mean of all
 * @stdev: of all, from @avg
 * @p99: the least that 99 % of all do not exceed
 * @p99_9: likewise 99.9 %
 */
struct stats {
	double min;
	double max;
	double typical;
	double avg;
	double stdev;
	double p99;
	double p99_9;
};

/* The @permille-th of @count samples in order, one or more: nearest rank. */
uint64_t stats_percentile(const uint64_t *sorted, size_t count, unsigned int permille);

void stats_sort(uint64_t *ns, size_t count);
/* @sorted: at least one. */
void stats_of(const uint64_t *sorted, size_t count, struct stats *st);

#endif /* PRXE_PERF_STATS_H */
