// SPDX-License-Identifier: GPL-2.0-only
/*
 * A test of tests/unit, test_UNIT.c, as a KUnit suite: the same source, the same
 * sentences, here compiled by the kernel's rules against the kernel's headers, and
 * run with the kernel's sanitizers against the very code in prxe.ko.
 *
 * The test's main() hands its table to cmocka. Here that only keeps the table, and
 * each entry becomes a case. An assertion that fails ends its case.
 */
#include <kunit/test.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/stringify.h>

/* Instead of the headers of these names. */
#define CMOCKA_ALL_H
#define RANDOM_H

struct CMUnitTest {
	const char *name;
	void (*fn)(void **state);
};

static struct CMUnitTest unit_tests[32];
static unsigned int unit_nr;
static struct kunit *unit_test;

static int unit_keep(const struct CMUnitTest *tests, unsigned int nr)
{
	if (!nr || nr > ARRAY_SIZE(unit_tests))
		return -EINVAL;
	memcpy(unit_tests, tests, nr * sizeof(*tests));
	unit_nr = nr;
	return 0;
}

#define main	unit_main
#define cmocka_unit_test(f)			{ #f, f }
#define cmocka_run_group_tests(t, up, down)	unit_keep(t, ARRAY_SIZE(t))
static int unit_main(void);

#define assert_int_equal(a, b)		\
	KUNIT_ASSERT_EQ(unit_test, (u64)(a), (u64)(b))
#define assert_int_not_equal(a, b)	\
	KUNIT_ASSERT_NE(unit_test, (u64)(a), (u64)(b))
#define assert_in_range(v, lo, hi)	\
	KUNIT_ASSERT_TRUE(unit_test, (u64)(v) >= (u64)(lo) && (u64)(v) <= (u64)(hi))
#define assert_true(c)			KUNIT_ASSERT_TRUE(unit_test, !!(c))
#define assert_false(c)			KUNIT_ASSERT_FALSE(unit_test, !!(c))
#define assert_null(p)			KUNIT_ASSERT_NULL(unit_test, p)
#define assert_non_null(p)		KUNIT_ASSERT_NOT_NULL(unit_test, p)
#define assert_ptr_equal(a, b)		\
	KUNIT_ASSERT_PTR_EQ(unit_test, (const void *)(a), (const void *)(b))
#define assert_string_equal(a, b)	KUNIT_ASSERT_STREQ(unit_test, a, b)
#define assert_memory_equal(a, b, n)	KUNIT_ASSERT_MEMEQ(unit_test, a, b, n)

#define print_message(...)	no_printk(__VA_ARGS__)
#define printf(...)		no_printk(__VA_ARGS__)

/* To the byte, for KASAN. */
#define malloc(n)		kmalloc(n, GFP_KERNEL)
#define calloc(n, size)		kcalloc(n, size, GFP_KERNEL)
#define realloc(p, n)		krealloc(p, n, GFP_KERNEL)
#define free(p)			kfree(p)

static struct rnd_state unit_random;

static inline u32 random_u32(void)
{
	return prandom_u32_state(&unit_random);
}

static inline u64 random_u64(void)
{
	return (u64)random_u32() << 32 | random_u32();
}

static inline u32 random_below(u32 n)
{
	return ((u64)random_u32() * n) >> 32;
}

static inline void random_fill(void *buf, size_t len)
{
	prandom_bytes_state(&unit_random, buf, len);
}

/* Seeded in unit_suite_init(). */
#define random_init()	do { } while (0)

#define UNIT_FILE_(t)	__stringify(../../../tests/unit/test_##t.c)
#define UNIT_FILE(t)	UNIT_FILE_(t)
#include UNIT_FILE(UNIT_TEST)

static u64 unit_seed;
module_param_named(__PASTE(seed_, UNIT_TEST), unit_seed, ullong, 0444);
MODULE_PARM_DESC(__PASTE(seed_, UNIT_TEST), "repeats a run (default: another one each time)");

static int unit_suite_init(struct kunit_suite *suite)
{
	if (!unit_seed)
		unit_seed = get_random_u64();
	kunit_info(suite, "seed_" __stringify(UNIT_TEST) "=%llu\n", unit_seed);
	prandom_seed_state(&unit_random, unit_seed);
	return unit_main();
}

static const void *unit_next(struct kunit *test, const void *prev, char *desc)
{
	const struct CMUnitTest *t = prev ? prev + sizeof(*t) : unit_tests;

	if (t == unit_tests + unit_nr)
		return NULL;
	strscpy(desc, t->name, KUNIT_PARAM_DESC_SIZE);
	return t;
}

static void unit_run(struct kunit *test)
{
	const struct CMUnitTest *t = test->param_value;
	void *state = NULL;

	unit_test = test;
	t->fn(&state);
}

static struct kunit_case unit_cases[] = {
	KUNIT_CASE_PARAM(unit_run, unit_next),
	{}
};

static struct kunit_suite unit_suite = {
	.name = "prxe_unit_" __stringify(UNIT_TEST),
	.suite_init = unit_suite_init,
	.test_cases = unit_cases,
};

kunit_test_suite(unit_suite);
