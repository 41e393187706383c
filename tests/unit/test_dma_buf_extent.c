// SPDX-License-Identifier: GPL-2.0
/*
 * Runs of pages: validating, merging, cutting, and the order of a lookup.
 *
 * Compared with a model that works page by page.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct dma_buf_extent {
	unsigned long pfn;
	unsigned long npages;
};

#include "../../kernel/dma-buf-pfn/extent.h"

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #cond);			\
			exit(1);					\
		}							\
	} while (0)

static void test_range(void)
{
	CHECK(pfn_range_check(0, 1, 1) == 0);
	CHECK(pfn_range_check(3, 5, 8) == 0);
	CHECK(pfn_range_check(0, 0, 8) == -EINVAL);
	CHECK(pfn_range_check(9, 0, 8) == -EINVAL);
	CHECK(pfn_range_check(8, 1, 8) == -ERANGE);
	CHECK(pfn_range_check(3, 6, 8) == -ERANGE);
	CHECK(pfn_range_check(0, 1, 0) == -ERANGE);
	/* sums that overflow */
	CHECK(pfn_range_check(1, ULONG_MAX, 8) == -ERANGE);
	CHECK(pfn_range_check(ULONG_MAX, 2, 8) == -ERANGE);
	CHECK(pfn_range_check(ULONG_MAX, ULONG_MAX, ULONG_MAX) == -ERANGE);
	CHECK(pfn_range_check(0, ULONG_MAX, ULONG_MAX) == 0);
}

static void test_valid(void)
{
	const struct dma_buf_extent bad[] = {
		{ 0, 0 }, { 5, 0 }, { ULONG_MAX, 2 }, { 2, ULONG_MAX },
	};
	const struct dma_buf_extent good[] = {
		{ 0, 1 }, { ULONG_MAX, 1 }, { 1, ULONG_MAX }, { 0, ULONG_MAX },
	};
	size_t i;

	for (i = 0; i < 4; i++) {
		CHECK(!pfn_extent_valid(&bad[i]));
		CHECK(pfn_extent_valid(&good[i]));
	}
}

static void test_order(void)
{
	unsigned int order;

	for (order = 0; order < 8 * sizeof(long); order++) {
		CHECK(pfn_max_order(1UL << order) == order);
		CHECK(pfn_max_order((1UL << order) + (1UL << order) / 2) == order);
	}
	CHECK(pfn_max_order(3) == 1);
	CHECK(pfn_max_order(ULONG_MAX) == 8 * sizeof(long) - 1);
}

static void test_absorb_bad(void)
{
	struct dma_buf_extent vec[3] = { { 10, 2 }, { 20, 2 }, { 30, 0 } };
	unsigned long left = 100;

	CHECK(pfn_extents_absorb(vec, 0, 3, &left) == -EIO);
	left = 100;
	vec[2] = (struct dma_buf_extent){ ULONG_MAX, 2 };
	CHECK(pfn_extents_absorb(vec, 1, 2, &left) == -EIO);
	/* beyond what is wanted nobody looks */
	left = 3;
	CHECK(pfn_extents_absorb(vec, 0, 3, &left) == 2);
	CHECK(left == 0 && vec[1].pfn == 20 && vec[1].npages == 1);
}

static void test_absorb_edge(void)
{
	struct dma_buf_extent vec[2] = { { ULONG_MAX, 1 }, { 0, 1 } };
	unsigned long left = 2;

	/* The last page that exists and the first are no neighbours to merge. */
	CHECK(pfn_extents_absorb(vec, 0, 2, &left) == 2);
	CHECK(left == 0);
	CHECK(vec[0].pfn == ULONG_MAX && vec[0].npages == 1);
}

/* A random buffer, listed in random portions, is the same buffer afterwards. */
static void test_absorb_model(unsigned int seed)
{
	unsigned long pages[64], left, done = 0;
	struct dma_buf_extent vec[64];
	unsigned int want, have = 0, i, n = 0;

	srand(seed);
	want = 1 + rand() % 64;
	for (i = 0; i < 64; i++)
		pages[i] = i && rand() % 3 ? pages[i - 1] + 1 :
					     1000 + (unsigned long)rand() % 50 * 100;
	left = want;
	while (left) {
		unsigned int got = 1 + rand() % 3, at = want - left, j;
		int ret;

		for (j = 0; j < got && at < 64; j++) {
			unsigned int len = 1;

			while (at + len < 64 && rand() % 2 &&
			       pages[at + len] == pages[at] + len)
				len++;
			vec[have + j] = (struct dma_buf_extent){ pages[at], len };
			at += len;
		}
		ret = pfn_extents_absorb(vec, have, j, &left);
		CHECK(ret > 0);
		have = ret;
	}
	for (i = 0; i < have; i++) {
		unsigned long j;

		CHECK(vec[i].npages);
		/* As long as it can be: the next begins elsewhere. */
		if (i + 1 < have)
			CHECK(vec[i].pfn + vec[i].npages != vec[i + 1].pfn);
		for (j = 0; j < vec[i].npages; j++)
			CHECK(pages[n++] == vec[i].pfn + j);
		done += vec[i].npages;
	}
	CHECK(done == want);
}

int main(void)
{
	unsigned int seed;

	test_range();
	test_valid();
	test_order();
	test_absorb_bad();
	test_absorb_edge();
	for (seed = 0; seed < 20000; seed++)
		test_absorb_model(seed);
	printf("extent arithmetic: passed\n");
	return 0;
}
