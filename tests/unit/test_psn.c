// SPDX-License-Identifier: GPL-2.0
/* 24-bit serial numbers, compared with arithmetic in wider integers. */
#include "cmocka_all.h"
#include "psn.h"
#include "random.h"

static void add_wraps(void **state)
{
	(void)state;
	assert_int_equal(prxe_psn_add(0, 0), 0);
	assert_int_equal(prxe_psn_add(0xffffff, 1), 0);
	assert_int_equal(prxe_psn_add(0xfffffe, 5), 3);
	assert_int_equal(prxe_psn_add(0, -1), 0xffffff);
	assert_int_equal(prxe_psn_add(2, -5), 0xfffffd);
	assert_int_equal(prxe_psn_add(5, 1 << 24), 5);
}

static void diff_is_signed(void **state)
{
	(void)state;
	assert_int_equal(prxe_psn_diff(7, 7), 0);
	assert_int_equal(prxe_psn_diff(8, 7), 1);
	assert_int_equal(prxe_psn_diff(7, 8), -1);
	assert_int_equal(prxe_psn_diff(0, 0xffffff), 1);
	assert_int_equal(prxe_psn_diff(0xffffff, 0), -1);
	assert_int_equal(prxe_psn_diff(0x7fffff, 0), 0x7fffff);
	assert_int_equal(prxe_psn_diff(0x800000, 0), -0x800000);
	assert_int_equal(prxe_psn_diff(0x800001, 0), -0x7fffff);
	/* dirt above the 24th bit */
	assert_int_equal(prxe_psn_diff(0xab000003, 0xcd000001), 2);
}

static void window(void **state)
{
	(void)state;
	assert_false(prxe_psn_in_window(5, 5, 0));
	assert_true(prxe_psn_in_window(5, 5, 1));
	assert_false(prxe_psn_in_window(6, 5, 1));
	assert_false(prxe_psn_in_window(4, 5, 1));
	assert_true(prxe_psn_in_window(2, 0xfffffe, 5));
	assert_false(prxe_psn_in_window(3, 0xfffffe, 5));
	assert_true(prxe_psn_in_window(0xffffff, 0xfffffe, 5));
	assert_false(prxe_psn_in_window(0xfffffd, 0xfffffe, 5));
	assert_true(prxe_psn_in_window(0, 1, 1 << 24));
}

static void agrees_with_wide_integers(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 200000; i++) {
		u32 a = random_u32() & PRXE_PSN_MASK;
		s32 d = (s32)random_below(1 << 24) - (1 << 23);
		u32 count = random_below((1 << 24) + 1);
		u32 b = ((s64)a + d + (1 << 24)) % (1 << 24);

		assert_int_equal(prxe_psn_add(a, d), b);
		assert_int_equal(prxe_psn_diff(b, a), d);
		assert_int_equal(prxe_psn_in_window(b, a, count),
				 (d < 0 ? d + (1 << 24) : d) < (s64)count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(add_wraps),
		cmocka_unit_test(diff_is_signed),
		cmocka_unit_test(window),
		cmocka_unit_test(agrees_with_wide_integers),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
