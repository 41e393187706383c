// SPDX-License-Identifier: GPL-2.0
/* Messages cut into packets, packets put into trains. */
#include <errno.h>
#include <string.h>

#include <rdma/ib_user_verbs.h>

#include "cmocka_all.h"
#include "random.h"
#include "segment.h"

static const u32 mtus[] = { 256, 512, 1024, 2048, 4096 };

static void count(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		u32 m = mtus[i];

		assert_int_equal(prxe_seg_count(0, m), 1);
		assert_int_equal(prxe_seg_count(1, m), 1);
		assert_int_equal(prxe_seg_count(m - 1, m), 1);
		assert_int_equal(prxe_seg_count(m, m), 1);
		assert_int_equal(prxe_seg_count(m + 1, m), 2);
		assert_int_equal(prxe_seg_count(2 * m, m), 2);
		assert_int_equal(prxe_seg_count(2 * m + 1, m), 3);
		assert_int_equal(prxe_seg_count(PRXE_MAX_MSG_LEN, m),
				 PRXE_MAX_MSG_LEN / m);
	}
}

static void psn_and_offset(void **state)
{
	(void)state;
	assert_int_equal(prxe_seg_psn(0xfffffe, 0, 1024), 0xfffffe);
	assert_int_equal(prxe_seg_psn(0xfffffe, 1023, 1024), 0xfffffe);
	assert_int_equal(prxe_seg_psn(0xfffffe, 1024, 1024), 0xffffff);
	assert_int_equal(prxe_seg_psn(0xfffffe, 2048, 1024), 0);
	assert_int_equal(prxe_seg_index(0xfffffe, 1), 3);
	assert_true(prxe_seg_offset(0xfffffe, 1, 4096) == 3 * 4096);
	/* the PSN before the message is far beyond it */
	assert_int_equal(prxe_seg_index(5, 4), 0xffffff);
	assert_true(prxe_seg_offset(5, 4, 4096) == 0xffffffull * 4096);
	/* the last packet of the longest message in the smallest packets */
	assert_true(prxe_seg_offset(7, prxe_seg_psn(7, PRXE_MAX_MSG_LEN - 1,
						    256), 256) ==
		    PRXE_MAX_MSG_LEN - 256);
}

static void places_and_payloads(void **state)
{
	(void)state;
	assert_true(prxe_seg_is_first(0) && !prxe_seg_is_first(1));
	assert_true(prxe_seg_is_last(0, 256, 0));
	assert_true(prxe_seg_is_last(256, 256, 0));
	assert_false(prxe_seg_is_last(257, 256, 0));
	assert_true(prxe_seg_is_last(257, 256, 1));
	assert_int_equal(prxe_seg_payload(0, 256, 0), 0);
	assert_int_equal(prxe_seg_payload(257, 256, 0), 256);
	assert_int_equal(prxe_seg_payload(257, 256, 1), 1);
	assert_int_equal(prxe_seg_payload(257, 256, 2), 0);
	assert_int_equal(prxe_seg_payload(512, 256, 1), 256);
	assert_int_equal(prxe_seg_payload(512, 256, 2), 0);
	assert_int_equal(prxe_seg_payload(PRXE_MAX_MSG_LEN, 256, U32_MAX), 0);
	/* an offset that is small again modulo 2^32 */
	assert_int_equal(prxe_seg_payload(PRXE_MAX_MSG_LEN, 256, 1 << 24), 0);
	assert_int_equal(prxe_pad(0), 0);
	assert_int_equal(prxe_pad(1), 3);
	assert_int_equal(prxe_pad(2), 2);
	assert_int_equal(prxe_pad(3), 1);
	assert_int_equal(prxe_pad(4), 0);
}

static void payloads_sum_up(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 2000; round++) {
		u32 mtu = mtus[random_below(5)];
		u32 length = random_below(round & 1 ? 40 * mtu : 3);
		u32 psn0 = random_below(1 << 24);
		u32 n = prxe_seg_count(length, mtu), i;
		u64 sum = 0;

		for (i = 0; i < n; i++) {
			u32 psn = prxe_psn_add(psn0, i);

			assert_int_equal(prxe_seg_index(psn0, psn), i);
			assert_true(prxe_seg_offset(psn0, psn, mtu) == sum);
			if (length)
				assert_int_equal(prxe_seg_psn(psn0, sum, mtu),
						 psn);
			assert_int_equal(prxe_seg_is_last(length, mtu, i),
					 i == n - 1);
			sum += prxe_seg_payload(length, mtu, i);
		}
		assert_true(sum == length);
	}
}

/* Cut into parts, a message is whole again; no part is too large or too small. */
static void parts(void **state)
{
	int i;

	(void)state;
	assert_int_equal(prxe_seg_part(0, 4096, 0, 65536), 1);
	assert_int_equal(prxe_seg_bytes(0, 4096, 0, 1), 0);
	assert_int_equal(prxe_seg_part(65536, 4096, 0, 65536), 16);
	assert_int_equal(prxe_seg_bytes(65536, 4096, 0, 16), 65536);
	assert_int_equal(prxe_seg_part(65537, 4096, 16, 65536), 1);
	assert_int_equal(prxe_seg_bytes(65537, 4096, 16, 1), 1);
	assert_int_equal(prxe_seg_part(9000, 4096, 0, 100), 1);
	assert_int_equal(prxe_seg_bytes(PRXE_MAX_MSG_LEN, 256, 0,
					PRXE_MAX_MSG_LEN / 256),
			 PRXE_MAX_MSG_LEN);
	for (i = 0; i < 20000; i++) {
		u32 mtu = mtus[random_below(5)];
		u32 length = random_below(300000), max = random_below(70000);
		u32 nr = prxe_seg_count(length, mtu), at = 0, sum = 0;

		while (at < nr) {
			u32 n = prxe_seg_part(length, mtu, at, max);
			u32 bytes = prxe_seg_bytes(length, mtu, at, n);

			assert_in_range(n, 1, nr - at);
			assert_true(n == 1 || bytes <= max);
			/* one more would have been too many */
			assert_true(n == nr - at || (n + 1) * mtu > max);
			assert_true(at + n == nr || bytes == n * mtu);
			at += n;
			sum += bytes;
		}
		assert_int_equal(sum, length);
	}
}

static void describe_requests(void **state)
{
	struct prxe_seg_msg m;

	(void)state;
	assert_int_equal(prxe_seg_msg_request(&m, PRXE_RC,
					      IB_UVERBS_WR_RDMA_WRITE_WITH_IMM,
					      10000, 4096), 0);
	assert_int_equal(prxe_seg_hdr_len(&m, 0), 28);
	assert_int_equal(prxe_seg_hdr_len(&m, 1), 12);
	assert_int_equal(prxe_seg_hdr_len(&m, 2), 16);
	assert_int_equal(prxe_seg_wire_len(&m, 0), 28 + 4096 + 4);
	assert_int_equal(prxe_seg_wire_len(&m, 2), 16 + 1808 + 4);
	assert_false(m.short_tail);
	m.length = 5;
	assert_int_equal(prxe_seg_hdr_len(&m, 0), 32);
	assert_int_equal(prxe_seg_wire_len(&m, 0), 32 + 8 + 4);

	assert_int_equal(prxe_seg_msg_request(&m, PRXE_UD,
					      IB_UVERBS_WR_SEND_WITH_IMM,
					      1024, 1024), 0);
	assert_int_equal(prxe_seg_hdr_len(&m, 0), 24);
	assert_int_equal(prxe_seg_msg_request(&m, PRXE_UD, IB_UVERBS_WR_SEND,
					      1025, 1024), -EINVAL);
	assert_int_equal(prxe_seg_msg_request(&m, PRXE_RC,
					      IB_UVERBS_WR_RDMA_READ, 5000,
					      4096), -EINVAL);
	assert_int_equal(prxe_seg_msg_request(&m, PRXE_RC,
					      IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD,
					      8, 4096), -EINVAL);
	assert_int_equal(prxe_seg_msg_request(&m, PRXE_UC,
					      IB_UVERBS_WR_RDMA_READ, 1, 256),
			 -EINVAL);

	prxe_seg_msg_read_resp(&m, 3 * 256, 256);
	assert_int_equal(prxe_seg_hdr_len(&m, 0), 16);
	assert_int_equal(prxe_seg_hdr_len(&m, 1), 12);
	assert_int_equal(prxe_seg_hdr_len(&m, 2), 16);
	prxe_seg_msg_read_resp(&m, 0, 256);
	assert_int_equal(prxe_seg_wire_len(&m, 0), 20);
}

/* The trains of a whole message, as "1 15" */
static void expect_trains(const struct prxe_seg_msg *m, u32 window,
			  const char *want)
{
	char got[256] = "";
	u32 pkts = prxe_seg_count(m->length, m->mtu), i, n;

	for (i = 0; i <= pkts; i += n) {
		n = prxe_seg_train(m, i, window, PRXE_TRAIN_MAX_BYTES);
		if (!n)
			break;
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%u",
			 *got ? " " : "", n);
	}
	assert_int_equal(i, pkts);
	assert_string_equal(got, want);
}

static void trains(void **state)
{
	struct prxe_seg_msg m;

	(void)state;
	prxe_seg_msg_request(&m, PRXE_RC, IB_UVERBS_WR_RDMA_WRITE, 65536, 4096);
	expect_trains(&m, U32_MAX, "1 15");
	expect_trains(&m, 4, "1 4 4 4 3");
	m.length = 65535;	/* a LAST that pads to full size is full */
	expect_trains(&m, U32_MAX, "1 15");
	m.length = 65532;
	expect_trains(&m, U32_MAX, "1 14 1");
	m.short_tail = true;
	expect_trains(&m, U32_MAX, "1 15");
	m.length = 4097;
	expect_trains(&m, U32_MAX, "2");
	m.length = 4096;
	expect_trains(&m, U32_MAX, "1");
	m.length = 0;
	expect_trains(&m, U32_MAX, "1");

	/* 15 packets of 4112 bytes are what 16 bits of length hold */
	prxe_seg_msg_request(&m, PRXE_RC, IB_UVERBS_WR_RDMA_WRITE, 40 * 4096,
			     4096);
	expect_trains(&m, U32_MAX, "1 15 15 9");

	prxe_seg_msg_request(&m, PRXE_RC, IB_UVERBS_WR_RDMA_WRITE_WITH_IMM,
			     8 * 4096, 4096);
	expect_trains(&m, U32_MAX, "1 6 1");
	m.short_tail = true;	/* it is longer, not shorter */
	expect_trains(&m, U32_MAX, "1 6 1");
	m.length -= 4;
	expect_trains(&m, U32_MAX, "1 7");

	/* a SEND's FIRST has no extension */
	prxe_seg_msg_request(&m, PRXE_RC, IB_UVERBS_WR_SEND, 8 * 4096, 4096);
	expect_trains(&m, U32_MAX, "8");
	m.length = 2 * 4096;
	expect_trains(&m, U32_MAX, "2");
	m.length++;
	expect_trains(&m, U32_MAX, "2 1");

	prxe_seg_msg_read_resp(&m, 8 * 4096, 4096);
	expect_trains(&m, U32_MAX, "1 6 1");
	m.length = 2 * 4096;	/* FIRST and LAST alike: they may go together */
	expect_trains(&m, U32_MAX, "2");
}

static void train_limits(void **state)
{
	struct prxe_seg_msg m;

	(void)state;
	prxe_seg_msg_request(&m, PRXE_RC, IB_UVERBS_WR_SEND, 10 * 256, 256);
	assert_int_equal(prxe_seg_train(&m, 0, 0, 65000), 0);
	assert_int_equal(prxe_seg_train(&m, 10, 5, 65000), 0);
	assert_int_equal(prxe_seg_train(&m, U32_MAX, 5, 65000), 0);
	assert_int_equal(prxe_seg_train(&m, 9, 5, 65000), 1);
	assert_int_equal(prxe_seg_train(&m, 0, 5, 65000), 5);
	assert_int_equal(prxe_seg_train(&m, 0, 99, 0), 1);
	assert_int_equal(prxe_seg_train(&m, 0, 99, 3 * 272 - 1), 2);
	assert_int_equal(prxe_seg_train(&m, 0, 99, 3 * 272), 3);
}

/* What the rule says, packet by packet. */
static void train_property(void **state)
{
	static const u32 ops[] = {
		IB_UVERBS_WR_SEND, IB_UVERBS_WR_SEND_WITH_IMM,
		IB_UVERBS_WR_SEND_WITH_INV, IB_UVERBS_WR_RDMA_WRITE,
		IB_UVERBS_WR_RDMA_WRITE_WITH_IMM,
	};
	int round;

	(void)state;
	for (round = 0; round < 50000; round++) {
		u32 mtu = mtus[random_below(5)];
		u32 length = random_below(20 * mtu);
		u32 window = 1 + random_below(round & 1 ? 30 : 3);
		u32 max = random_below(PRXE_TRAIN_MAX_BYTES + 1);
		u32 pkts, start, n, i, bytes = 0;
		struct prxe_seg_msg m;

		if (round & 2)
			length -= length % mtu;
		if (round % 6 == 5)
			prxe_seg_msg_read_resp(&m, length, mtu);
		else
			prxe_seg_msg_request(&m, PRXE_RC, ops[round % 5],
					     length, mtu);
		m.short_tail = round & 4;
		pkts = prxe_seg_count(length, mtu);
		start = random_below(pkts);
		n = prxe_seg_train(&m, start, window, max);

		assert_in_range(n, 1, window);
		assert_true(start + n <= pkts);
		for (i = start; i < start + n; i++) {
			u32 len = prxe_seg_wire_len(&m, i);

			bytes += len;
			if (m.short_tail && i == pkts - 1) {
				assert_true(len <= prxe_seg_wire_len(&m, start));
				break;
			}
			assert_int_equal(len, prxe_seg_wire_len(&m, start));
			assert_int_equal(prxe_seg_hdr_len(&m, i),
					 prxe_seg_hdr_len(&m, start));
		}
		assert_true(n == 1 || bytes <= max);
		/* and no shorter than it must be */
		if (n < window && start + n < pkts && !m.short_tail &&
		    (n + 1) * prxe_seg_wire_len(&m, start) <= max)
			assert_true(prxe_seg_wire_len(&m, start + n) !=
				    prxe_seg_wire_len(&m, start) ||
				    prxe_seg_hdr_len(&m, start + n) !=
				    prxe_seg_hdr_len(&m, start));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(count),
		cmocka_unit_test(psn_and_offset),
		cmocka_unit_test(places_and_payloads),
		cmocka_unit_test(payloads_sum_up),
		cmocka_unit_test(parts),
		cmocka_unit_test(describe_requests),
		cmocka_unit_test(trains),
		cmocka_unit_test(train_limits),
		cmocka_unit_test(train_property),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
