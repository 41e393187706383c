// SPDX-License-Identifier: GPL-2.0
#include <math.h>
#include <stdlib.h>

#include "stats.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

void stats_sort(uint64_t *ns, size_t count)
{
	qsort(ns, count, sizeof(*ns), compare);
}

uint64_t stats_percentile(const uint64_t *sorted, size_t count, unsigned int permille)
{
	/* Rounded up; without the product of two large numbers. */
	size_t rank = count / 1000 * permille + (count % 1000 * permille + 999) / 1000;

	if (rank < 1)
		rank = 1;
	if (rank > count)
		rank = count;
	return sorted[rank - 1];
}

void stats_of(const uint64_t *sorted, size_t count, struct stats *st)
{
	double sum = 0, squares = 0;
	size_t i;

	for (i = 0; i < count; i++)
		sum += (double)sorted[i];
	st->avg = sum / (double)count;
	for (i = 0; i < count; i++) {
		double d = (double)sorted[i] - st->avg;

		squares += d * d;
	}
	st->stdev = sqrt(squares / (double)count);
	st->min = (double)sorted[0];
	st->max = (double)sorted[count - 1];
	st->typical = count % 2 ? (double)sorted[count / 2] :
		((double)sorted[count / 2 - 1] + (double)sorted[count / 2]) / 2;
	st->p99 = (double)stats_percentile(sorted, count, 990);
	st->p99_9 = (double)stats_percentile(sorted, count, 999);
}
