// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode table against the numbers of rdma/ib_user_verbs.h and a second
 * statement of IBTA's table, and the schedule of valid opcode sequences.
 */
#include <errno.h>
#include <string.h>

#include <rdma/ib_user_verbs.h>

#include "cmocka_all.h"
#include "hdr.h"
#include "opcode.h"

/* opcode, BTH and extensions in bytes, name as the table has it */
static const struct {
	u8 opcode;
	u8 len;
	const char *name;
} known[] = {
	{ 0x00, 12, "RC SEND_FIRST" },
	{ 0x01, 12, "RC SEND_MIDDLE" },
	{ 0x02, 12, "RC SEND_LAST" },
	{ 0x03, 16, "RC SEND_LAST_IMM" },
	{ 0x04, 12, "RC SEND_ONLY" },
	{ 0x05, 16, "RC SEND_ONLY_IMM" },
	{ 0x06, 28, "RC WRITE_FIRST" },
	{ 0x07, 12, "RC WRITE_MIDDLE" },
	{ 0x08, 12, "RC WRITE_LAST" },
	{ 0x09, 16, "RC WRITE_LAST_IMM" },
	{ 0x0a, 28, "RC WRITE_ONLY" },
	{ 0x0b, 32, "RC WRITE_ONLY_IMM" },
	{ 0x0c, 28, "RC READ_REQUEST" },
	{ 0x0d, 16, "RC READ_RESP_FIRST" },
	{ 0x0e, 12, "RC READ_RESP_MIDDLE" },
	{ 0x0f, 16, "RC READ_RESP_LAST" },
	{ 0x10, 16, "RC READ_RESP_ONLY" },
	{ 0x11, 16, "RC ACK" },
	{ 0x12, 24, "RC ATOMIC_ACK" },
	{ 0x13, 40, "RC COMPARE_SWAP" },
	{ 0x14, 40, "RC FETCH_ADD" },
	{ 0x16, 16, "RC SEND_LAST_INV" },
	{ 0x17, 16, "RC SEND_ONLY_INV" },
	{ 0x1c, 32, "RC FLUSH" },
	{ 0x1d, 28, "RC ATOMIC_WRITE" },
	{ 0x20, 12, "UC SEND_FIRST" },
	{ 0x21, 12, "UC SEND_MIDDLE" },
	{ 0x22, 12, "UC SEND_LAST" },
	{ 0x23, 16, "UC SEND_LAST_IMM" },
	{ 0x24, 12, "UC SEND_ONLY" },
	{ 0x25, 16, "UC SEND_ONLY_IMM" },
	{ 0x26, 28, "UC WRITE_FIRST" },
	{ 0x27, 12, "UC WRITE_MIDDLE" },
	{ 0x28, 12, "UC WRITE_LAST" },
	{ 0x29, 16, "UC WRITE_LAST_IMM" },
	{ 0x2a, 28, "UC WRITE_ONLY" },
	{ 0x2b, 32, "UC WRITE_ONLY_IMM" },
	{ 0x64, 20, "UD SEND_ONLY" },
	{ 0x65, 24, "UD SEND_ONLY_IMM" },
};

#define N_KNOWN		(sizeof(known) / sizeof(known[0]))

static void table(void **state)
{
	unsigned int op, i, found = 0;

	(void)state;
	for (op = 0; op < 256; op++) {
		const struct prxe_op_info *info = &prxe_op_table[op];

		for (i = 0; i < N_KNOWN && known[i].opcode != op; i++)
			;
		if (i == N_KNOWN) {
			assert_false(prxe_opcode_valid(op));
			assert_null(info->name);
			continue;
		}
		found++;
		assert_true(prxe_opcode_valid(op));
		assert_string_equal(info->name, known[i].name);
		assert_int_equal(info->hdr_len, known[i].len);
		assert_int_equal(info->transport, op >> 5 == 3 ? PRXE_UD :
				 op >> 5);
	}
	assert_int_equal(found, N_KNOWN);
}

/* Flags against the words of the name, which say the same. */
static void flags_match_names(void **state)
{
	unsigned int i;

	(void)state;
	for (i = 0; i < N_KNOWN; i++) {
		const char *n = known[i].name;
		u32 f = prxe_op_table[known[i].opcode].flags;
		bool resp = strstr(n, "RESP") || strstr(n, "ACK");
		bool last = strstr(n, "LAST") || strstr(n, "ONLY");
		bool segmented = last || strstr(n, "FIRST") ||
				 strstr(n, "MIDDLE");
		bool atomic_write = strstr(n, "ATOMIC_WRITE");

		assert_int_equal(!!(f & PRXE_OP_RESPONSE), resp);
		assert_int_equal(!!(f & PRXE_OP_REQUEST), !resp);
		assert_int_equal(!!(f & PRXE_OP_SEND), !!strstr(n, "SEND"));
		assert_int_equal(!!(f & PRXE_OP_WRITE),
				 strstr(n, "WRITE") && !atomic_write);
		assert_int_equal(!!(f & PRXE_OP_ATOMIC_WRITE), atomic_write);
		assert_int_equal(!!(f & PRXE_OP_FLUSH), !!strstr(n, "FLUSH"));
		assert_int_equal(!!(f & PRXE_OP_HAS_FETH),
				 !!strstr(n, "FLUSH"));
		assert_int_equal(!!(f & PRXE_OP_READ_REQ),
				 !!strstr(n, "READ_REQ"));
		assert_int_equal(!!(f & PRXE_OP_READ_RESP),
				 !!strstr(n, "READ_RESP"));
		assert_int_equal(!!(f & PRXE_OP_ACK), !strcmp(n, "RC ACK"));
		assert_int_equal(!!(f & PRXE_OP_ATOMIC_RESP),
				 !!strstr(n, "ATOMIC_ACK"));
		assert_int_equal(!!(f & PRXE_OP_ATOMIC),
				 strstr(n, "SWAP") || strstr(n, "ADD"));
		assert_int_equal(!!(f & PRXE_OP_PAYLOAD),
				 segmented || atomic_write);
		assert_int_equal(!!(f & PRXE_OP_FIRST), !segmented ||
				 strstr(n, "FIRST") || strstr(n, "ONLY"));
		assert_int_equal(!!(f & PRXE_OP_MIDDLE),
				 !!strstr(n, "MIDDLE"));
		assert_int_equal(!!(f & PRXE_OP_LAST), !segmented || last);
		assert_int_equal(!!(f & PRXE_OP_HAS_IMM), !!strstr(n, "IMM"));
		assert_int_equal(!!(f & PRXE_OP_HAS_IETH), !!strstr(n, "INV"));
		assert_int_equal(!!(f & PRXE_OP_HAS_DETH), !!strstr(n, "UD"));
		assert_int_equal(!!(f & PRXE_OP_RECV),
				 last && !resp && (strstr(n, "SEND") ||
						   strstr(n, "IMM")));
	}
}

static void request_opcodes(void **state)
{
	static const struct {
		u32 wr;
		int first, middle, last, only;
	} rc[] = {
		{ IB_UVERBS_WR_SEND, 0x00, 0x01, 0x02, 0x04 },
		{ IB_UVERBS_WR_SEND_WITH_IMM, 0x00, 0x01, 0x03, 0x05 },
		{ IB_UVERBS_WR_SEND_WITH_INV, 0x00, 0x01, 0x16, 0x17 },
		{ IB_UVERBS_WR_RDMA_WRITE, 0x06, 0x07, 0x08, 0x0a },
		{ IB_UVERBS_WR_RDMA_WRITE_WITH_IMM, 0x06, 0x07, 0x09, 0x0b },
		{ IB_UVERBS_WR_RDMA_READ, 0x0c, 0x0c, 0x0c, 0x0c },
		{ IB_UVERBS_WR_ATOMIC_CMP_AND_SWP, 0x13, 0x13, 0x13, 0x13 },
		{ IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD, 0x14, 0x14, 0x14, 0x14 },
		{ IB_UVERBS_WR_FLUSH, 0x1c, 0x1c, 0x1c, 0x1c },
		{ IB_UVERBS_WR_ATOMIC_WRITE, 0x1d, 0x1d, 0x1d, 0x1d },
	};
	const unsigned int N_RC = sizeof(rc) / sizeof(rc[0]);
	unsigned int i, seen = 0;
	u32 wr;

	(void)state;
	for (wr = 0; wr < 300; wr++) {
		for (i = 0; i < N_RC && rc[i].wr != wr; i++)
			;
		if (i == N_RC) {
			assert_int_equal(prxe_request_opcode(PRXE_RC, wr, 1, 1),
					 -EINVAL);
			assert_int_equal(prxe_request_opcode(PRXE_UC, wr, 1, 1),
					 -EINVAL);
			assert_int_equal(prxe_request_opcode(PRXE_UD, wr, 1, 1),
					 -EINVAL);
			continue;
		}
		seen++;
		assert_int_equal(prxe_request_opcode(PRXE_RC, wr, 1, 0),
				 rc[i].first);
		assert_int_equal(prxe_request_opcode(PRXE_RC, wr, 0, 0),
				 rc[i].middle);
		assert_int_equal(prxe_request_opcode(PRXE_RC, wr, 0, 1),
				 rc[i].last);
		assert_int_equal(prxe_request_opcode(PRXE_RC, wr, 1, 1),
				 rc[i].only);
	}
	assert_int_equal(seen, N_RC);
	assert_int_equal(prxe_request_opcode(PRXE_RC, U32_MAX, 1, 1), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_NUM_TRANSPORTS,
					     IB_UVERBS_WR_SEND, 1, 1), -EINVAL);
}

static void other_services(void **state)
{
	(void)state;
	assert_int_equal(prxe_request_opcode(PRXE_UC, IB_UVERBS_WR_RDMA_WRITE,
					     true, false), 0x26);
	assert_int_equal(prxe_request_opcode(PRXE_UC,
					     IB_UVERBS_WR_SEND_WITH_IMM,
					     false, true), 0x23);
	assert_int_equal(prxe_request_opcode(PRXE_UC, IB_UVERBS_WR_RDMA_READ,
					     true, true), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_UC,
					     IB_UVERBS_WR_SEND_WITH_INV,
					     true, true), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_UC, IB_UVERBS_WR_FLUSH,
					     true, true), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_UC, IB_UVERBS_WR_ATOMIC_WRITE,
					     true, true), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_UD, IB_UVERBS_WR_SEND,
					     true, true), 0x64);
	assert_int_equal(prxe_request_opcode(PRXE_UD,
					     IB_UVERBS_WR_SEND_WITH_IMM,
					     true, true), 0x65);
	assert_int_equal(prxe_request_opcode(PRXE_UD, IB_UVERBS_WR_SEND,
					     true, false), -EINVAL);
	assert_int_equal(prxe_request_opcode(PRXE_UD, IB_UVERBS_WR_RDMA_WRITE,
					     true, true), -EINVAL);
}

static void read_responses(void **state)
{
	(void)state;
	assert_int_equal(prxe_read_resp_opcode(true, false), 0x0d);
	assert_int_equal(prxe_read_resp_opcode(false, false), 0x0e);
	assert_int_equal(prxe_read_resp_opcode(false, true), 0x0f);
	assert_int_equal(prxe_read_resp_opcode(true, true), 0x10);
}

/* Every state with every opcode; the states from the words of the names. */
static void sequences(void **state)
{
	unsigned int op, i;

	(void)state;
	for (op = 0; op < 256; op++) {
		const char *n = "";
		bool begins, goes_on;

		for (i = 0; i < N_KNOWN; i++)
			if (known[i].opcode == op)
				n = known[i].name;
		goes_on = strstr(n, "MIDDLE") || strstr(n, "LAST");
		begins = *n && !goes_on;
		if (!*n || strstr(n, "RESP") || strstr(n, "ACK"))
			begins = goes_on = false;

		assert_int_equal(prxe_opcode_follows(PRXE_MSG_NONE, op),
				 begins);
		assert_int_equal(prxe_opcode_follows(PRXE_MSG_SEND, op),
				 goes_on && strstr(n, "SEND"));
		assert_int_equal(prxe_opcode_follows(PRXE_MSG_WRITE, op),
				 goes_on && strstr(n, "WRITE"));
		assert_false(prxe_opcode_follows((enum prxe_msg_state)3, op));

		if (!begins && !goes_on)
			continue;
		if (strstr(n, "FIRST") || strstr(n, "MIDDLE"))
			assert_int_equal(prxe_msg_state_after(op),
					 strstr(n, "SEND") ? PRXE_MSG_SEND :
					 PRXE_MSG_WRITE);
		else
			assert_int_equal(prxe_msg_state_after(op),
					 PRXE_MSG_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(flags_match_names),
		cmocka_unit_test(request_opcodes),
		cmocka_unit_test(other_services),
		cmocka_unit_test(read_responses),
		cmocka_unit_test(sequences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
