// SPDX-License-Identifier: GPL-2.0
/* perf/common/stats.c: percentiles and means against what was worked out by hand. */
#include "cmocka_all.h"

#include "../../perf/common/stats.c"

static void test_sort(void **state)
{
	uint64_t ns[] = { 5, UINT64_MAX, 0, 5, 1ull << 63, 1 };
	static const uint64_t want[] = { 0, 1, 5, 5, 1ull << 63, UINT64_MAX };

	(void)state;
	stats_sort(ns, 6);
	assert_memory_equal(ns, want, sizeof(want));
}

static void test_percentile(void **state)
{
	uint64_t ns[2000];
	unsigned int i;

	(void)state;
	for (i = 0; i < 2000; i++)
		ns[i] = i + 1;
	/* Of one, every percentile is that one. */
	assert_int_equal(stats_percentile(ns, 1, 1), 1);
	assert_int_equal(stats_percentile(ns, 1, 999), 1);
	/* 99 of 100 do not exceed the 99th; 99.9 needs all of them. */
	assert_int_equal(stats_percentile(ns, 100, 990), 99);
	assert_int_equal(stats_percentile(ns, 100, 999), 100);
	assert_int_equal(stats_percentile(ns, 101, 990), 100);
	assert_int_equal(stats_percentile(ns, 1000, 990), 990);
	assert_int_equal(stats_percentile(ns, 1000, 999), 999);
	assert_int_equal(stats_percentile(ns, 1001, 999), 1000);
	assert_int_equal(stats_percentile(ns, 2000, 999), 1998);
	assert_int_equal(stats_percentile(ns, 2000, 500), 1000);
	assert_int_equal(stats_percentile(ns, 2000, 1000), 2000);
	assert_int_equal(stats_percentile(ns, 2000, 0), 1);
}

static void test_one(void **state)
{
	static const uint64_t ns[] = { 7 };
	struct stats st;

	(void)state;
	stats_of(ns, 1, &st);
	assert_true(st.min == 7 && st.max == 7 && st.typical == 7 && st.avg == 7);
	assert_true(st.stdev == 0 && st.p99 == 7 && st.p99_9 == 7);
}

static void test_several(void **state)
{
	static const uint64_t ns[] = { 2, 4, 4, 4, 5, 5, 7, 9 };
	struct stats st;

	(void)state;
	stats_of(ns, 8, &st);
	assert_true(st.min == 2 && st.max == 9);
	assert_true(st.typical == 4.5);
	assert_true(st.avg == 5 && st.stdev == 2);
	assert_true(st.p99 == 9 && st.p99_9 == 9);
	stats_of(ns, 7, &st);
	assert_true(st.typical == 4);
}

/* Sums that do not fit into 64 bits, as of samples that never end. */
static void test_large(void **state)
{
	static const uint64_t ns[] = { UINT64_MAX, UINT64_MAX, UINT64_MAX };
	struct stats st;

	(void)state;
	stats_of(ns, 3, &st);
	assert_true(st.avg == st.min && st.typical == st.max && st.stdev == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_percentile),
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
