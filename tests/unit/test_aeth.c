// SPDX-License-Identifier: GPL-2.0
/* Syndromes, credits, timers: the specification's tables, written out. */
#include "aeth.h"
#include "cmocka_all.h"

static void syndromes(void **state)
{
	unsigned int i;

	(void)state;
	assert_int_equal(prxe_aeth_ack(PRXE_CREDITS_UNLIMITED), 0x1f);
	assert_int_equal(prxe_aeth_ack(0), 0x00);
	assert_int_equal(prxe_aeth_rnr(12), 0x2c);
	assert_int_equal(prxe_aeth_nak(PRXE_NAK_PSN_SEQUENCE), 0x60);
	assert_int_equal(prxe_aeth_nak(PRXE_NAK_INVALID_REQ), 0x61);
	assert_int_equal(prxe_aeth_nak(PRXE_NAK_REMOTE_ACCESS), 0x62);
	assert_int_equal(prxe_aeth_nak(PRXE_NAK_REMOTE_OP), 0x63);

	for (i = 0; i < 256; i++) {
		enum prxe_aeth_kind want = PRXE_AETH_RESERVED;

		if (i < 0x20)
			want = PRXE_AETH_ACK;
		else if (i < 0x40)
			want = PRXE_AETH_RNR;
		else if (i >= 0x60 && i <= 0x64)
			want = PRXE_AETH_NAK;
		assert_int_equal(prxe_aeth_kind(i), want);
		assert_int_equal(prxe_aeth_value(i), i % 32);
	}
}

static void values_stay_in_their_bits(void **state)
{
	(void)state;
	assert_int_equal(prxe_aeth_ack(0xff), 0x1f);
	assert_int_equal(prxe_aeth_rnr(0xff), 0x3f);
	assert_int_equal(prxe_rnr_timer_us(32), prxe_rnr_timer_us(0));
}

static void credits(void **state)
{
	static const u32 table[31] = {
		0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256,
		384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192, 12288,
		16384, 24576, 32768,
	};
	u32 i, n;

	(void)state;
	for (i = 0; i < 31; i++) {
		assert_int_equal(prxe_credits_decode(i), table[i]);
		assert_int_equal(prxe_credits_encode(table[i]), i);
	}
	assert_int_equal(prxe_credits_decode(PRXE_CREDITS_UNLIMITED), U32_MAX);
	assert_int_equal(prxe_credits_encode(U32_MAX), 30);
	for (n = 0; n < 70000; n++) {
		i = prxe_credits_encode(n);
		assert_true(prxe_credits_decode(i) <= n);
		assert_true(i == 30 || prxe_credits_decode(i + 1) > n);
	}
}

static void rnr_timers(void **state)
{
	static const u32 table[32] = {
		655360, 10, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640,
		960, 1280, 1920, 2560, 3840, 5120, 7680, 10240, 15360, 20480,
		30720, 40960, 61440, 81920, 122880, 163840, 245760, 327680,
		491520,
	};
	u32 i;

	(void)state;
	for (i = 0; i < 32; i++)
		assert_int_equal(prxe_rnr_timer_us(i), table[i]);
}

/* Never less than asked for, never shorter than before, and soon seldom. */
static void rnr_waits(void **state)
{
	u32 i, row, sum;

	(void)state;
	for (i = 0; i < 32; i++) {
		u32 us = prxe_rnr_timer_us(i), last = us;

		assert_int_equal(prxe_rnr_wait_us(us, 0), us);
		for (row = 0, sum = 4 * us; row < 300; row++) {
			u32 wait = prxe_rnr_wait_us(us, row);

			assert_in_range(wait, last, us > 320 ? us : 320);
			assert_true(wait <= us || wait <= sum / 4);
			last = wait;
			sum += wait;
		}
		assert_true(last >= 320);
	}
}

static void pauses(void **state)
{
	u32 row, sum = 0;

	(void)state;
	for (row = 0; row < 9; row++)
		assert_int_equal(prxe_pause_us(50, row), 50u << row);
	assert_int_equal(prxe_pause_us(50, 0xffffffff), 12800);
	assert_int_equal(prxe_pause_us(1000, 4), 16000);
	assert_int_equal(prxe_pause_us(1000, 5), 32000);
	assert_int_equal(prxe_pause_us(1000, 0xffffffff), 32000);
	assert_int_equal(prxe_pause_us(100000, 9), 100000);
	/* soon seldom: a second has not many of them */
	for (row = 0; sum < 1000000; row++)
		sum += prxe_pause_us(50, row);
	assert_in_range(row, 10, 100);
}

static void ack_timeout(void **state)
{
	(void)state;
	assert_int_equal(prxe_ack_timeout_ns(0), 0);
	assert_int_equal(prxe_ack_timeout_ns(1), 8192);
	assert_int_equal(prxe_ack_timeout_ns(14), 67108864);
	assert_int_equal(prxe_ack_timeout_ns(31), 8796093022208);
}

static void ack_timeout_backs_off(void **state)
{
	(void)state;
	assert_int_equal(prxe_ack_timeout_shift(7, 7), 0);
	assert_int_equal(prxe_ack_timeout_shift(7, 6), 1);
	assert_int_equal(prxe_ack_timeout_shift(7, 5), 2);
	/* never beyond what the specification allows */
	assert_int_equal(prxe_ack_timeout_shift(7, 0), 2);
	assert_int_equal(prxe_ack_timeout_shift(0, 0), 0);
	/* modified to fewer while some were left */
	assert_int_equal(prxe_ack_timeout_shift(1, 7), 0);
}

static void msn(void **state)
{
	(void)state;
	assert_int_equal(prxe_msn_add(0xffffff, 1), 0);
	assert_int_equal(prxe_msn_add(0xfffff0, 0x20), 0x10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syndromes),
		cmocka_unit_test(values_stay_in_their_bits),
		cmocka_unit_test(credits),
		cmocka_unit_test(rnr_timers),
		cmocka_unit_test(rnr_waits),
		cmocka_unit_test(pauses),
		cmocka_unit_test(ack_timeout),
		cmocka_unit_test(ack_timeout_backs_off),
		cmocka_unit_test(msn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
