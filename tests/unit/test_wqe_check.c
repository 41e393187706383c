// SPDX-License-Identifier: GPL-2.0
/*
 * Work queue entries as a hostile user would write them. The slots are
 * allocated to the byte of their stride.
 */
#include <errno.h>
#include <string.h>

#include <rdma/ib_user_verbs.h>
#include <rdma/prxe-abi.h>

#include "cmocka_all.h"
#include "hdr.h"
#include "random.h"
#include "wqe_check.h"

#define HEAD	offsetof(struct prxe_send_wqe, sge)
#define MAX_SGE	4
#define MAX_INL	100

static const struct prxe_wqe_limits rc = {
	.transport = PRXE_RC,
	.max_sge = MAX_SGE,
	.max_inline = MAX_INL,
	.stride = HEAD + 104,
};

static struct prxe_wqe_limits limits(enum prxe_transport transport)
{
	struct prxe_wqe_limits lim = rc;

	lim.transport = transport;
	lim.max_ud = 1024;
	return lim;
}

static struct prxe_send_wqe *slot(u32 opcode, u32 stride)
{
	struct prxe_send_wqe *wqe = calloc(1, stride);

	assert_non_null(wqe);
	wqe->opcode = opcode;
	return wqe;
}

/* Check a work request of @num entries of @length bytes each. */
static int check(enum prxe_transport transport, u32 opcode, u16 flags, u16 num,
		 u32 length, struct prxe_wqe_info *info)
{
	struct prxe_wqe_limits lim = limits(transport);
	struct prxe_send_wqe *wqe = slot(opcode, lim.stride);
	int i, ret;

	wqe->flags = flags;
	wqe->num_sge = num;
	for (i = 0; i < num && i < MAX_SGE; i++)
		wqe->sge[i].length = length;
	memset(info, 0xa5, sizeof(*info));
	ret = prxe_send_wqe_check(wqe, &lim, info);
	free(wqe);
	return ret;
}

static void operations_by_service(void **state)
{
	static const struct {
		u32 opcode;
		bool rc, uc, ud;
	} table[] = {
		{ IB_UVERBS_WR_SEND, 1, 1, 1 },
		{ IB_UVERBS_WR_SEND_WITH_IMM, 1, 1, 1 },
		{ IB_UVERBS_WR_SEND_WITH_INV, 1, 0, 0 },
		{ IB_UVERBS_WR_RDMA_WRITE, 1, 1, 0 },
		{ IB_UVERBS_WR_RDMA_WRITE_WITH_IMM, 1, 1, 0 },
		{ IB_UVERBS_WR_RDMA_READ, 1, 0, 0 },
		{ IB_UVERBS_WR_ATOMIC_CMP_AND_SWP, 1, 0, 0 },
		{ IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD, 1, 0, 0 },
		{ IB_UVERBS_WR_LOCAL_INV, 1, 1, 0 },
		{ IB_UVERBS_WR_BIND_MW, 1, 1, 0 },
		{ IB_UVERBS_WR_ATOMIC_WRITE, 1, 0, 0 },
	};
	struct prxe_wqe_info info;
	unsigned int i, op;

	(void)state;
	for (op = 0; op < 300; op++) {
		bool on_rc = 0, on_uc = 0, on_ud = 0, local, value;
		u16 num;

		if (op == IB_UVERBS_WR_FLUSH)
			continue;	/* has a test of its own */
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (table[i].opcode != op)
				continue;
			on_rc = table[i].rc;
			on_uc = table[i].uc;
			on_ud = table[i].ud;
		}
		local = op == IB_UVERBS_WR_LOCAL_INV ||
			op == IB_UVERBS_WR_BIND_MW;
		value = op == IB_UVERBS_WR_ATOMIC_WRITE;
		num = local || value ? 0 : 1;
		assert_int_equal(check(PRXE_RC, op, 0, num, 8, &info),
				 on_rc ? 0 : -EOPNOTSUPP);
		if (on_rc) {
			assert_int_equal(info.sends, !local);
			assert_int_equal(info.num_sge, num);
			assert_int_equal(info.length, value ? 8 : 8 * num);
			assert_int_equal(info.size, HEAD + 16 * num);
			assert_false(info.is_inline);
		}
		assert_int_equal(check(PRXE_UC, op, 0, num, 8, &info),
				 on_uc ? 0 : -EOPNOTSUPP);
		assert_int_equal(check(PRXE_UD, op, 0, num, 8, &info),
				 on_ud ? 0 : -EOPNOTSUPP);
	}
	assert_int_equal(check(PRXE_RC, U32_MAX, 0, 0, 0, &info), -EOPNOTSUPP);
}

/* Flushes say what to flush, and take no data; nor do atomic writes. */
static void placement(void **state)
{
	static const struct {
		u8 type, level;
		int ret;
	} table[] = {
		{ IB_FLUSH_GLOBAL, IB_FLUSH_RANGE, 0 },
		{ IB_FLUSH_PERSISTENT, IB_FLUSH_MR, 0 },
		{ IB_FLUSH_GLOBAL | IB_FLUSH_PERSISTENT, IB_FLUSH_RANGE, 0 },
		{ 0, IB_FLUSH_RANGE, -EINVAL },
		{ 4, IB_FLUSH_RANGE, -EINVAL },
		{ 0x80 | IB_FLUSH_GLOBAL, IB_FLUSH_RANGE, -EINVAL },
		{ IB_FLUSH_GLOBAL, 2, -EINVAL },
		{ IB_FLUSH_GLOBAL, 0xff, -EINVAL },
	};
	struct prxe_wqe_limits lim;
	struct prxe_wqe_info info;
	struct prxe_send_wqe *wqe;
	unsigned int i, transport;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		for (transport = 0; transport < PRXE_NUM_TRANSPORTS; transport++) {
			lim = limits(transport);
			wqe = slot(IB_UVERBS_WR_FLUSH, lim.stride);
			wqe->flush.type = table[i].type;
			wqe->flush.level = table[i].level;
			wqe->flush.length = U32_MAX;
			assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info),
					 transport == PRXE_RC ? table[i].ret :
					 -EOPNOTSUPP);
			free(wqe);
		}

	lim = limits(PRXE_RC);
	wqe = slot(IB_UVERBS_WR_FLUSH, lim.stride);
	wqe->flush.type = IB_FLUSH_GLOBAL;
	assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), 0);
	assert_int_equal(info.length, 0);
	assert_true(info.sends);
	for (i = 0; i < 2; i++) {
		wqe->num_sge = 1;
		assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), -EINVAL);
		wqe->num_sge = 0;
		wqe->inline_len = 8;
		assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), -EINVAL);
		wqe->flags = PRXE_SEND_INLINE;
		assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), -EINVAL);
		wqe->flags = 0;
		wqe->inline_len = 0;
		wqe->opcode = IB_UVERBS_WR_ATOMIC_WRITE;
	}
	free(wqe);
}

/* Registration is for kernel users, whose queues are marked; it takes no data. */
static void kernel_operations(void **state)
{
	static const struct {
		enum prxe_transport transport;
		bool kernel;
		u16 num;
		int ret;
	} table[] = {
		{ PRXE_RC, false, 0, -EOPNOTSUPP },
		{ PRXE_RC, true, 0, 0 },
		{ PRXE_UC, false, 0, -EOPNOTSUPP },
		{ PRXE_UC, true, 0, 0 },
		{ PRXE_UD, true, 0, -EOPNOTSUPP },
		{ PRXE_RC, true, 1, -EINVAL },
	};
	struct prxe_wqe_info info;
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct prxe_wqe_limits lim = limits(table[i].transport);
		struct prxe_send_wqe *wqe = slot(PRXE_WR_REG_MR, lim.stride);

		lim.kernel = table[i].kernel;
		wqe->num_sge = table[i].num;
		assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info),
				 table[i].ret);
		if (!table[i].ret) {
			assert_false(info.sends);
			assert_int_equal(info.length, 0);
		}
		free(wqe);
	}
	assert_int_equal(check(PRXE_RC, PRXE_WR_REG_MR, 0, 0, 0, &info),
			 -EOPNOTSUPP);
}

static void flags(void **state)
{
	struct prxe_wqe_info info;
	int bit;

	(void)state;
	for (bit = 0; bit < 16; bit++)
		assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 1 << bit, 0,
				       0, &info), bit < 4 ? 0 : -EINVAL);
	/* without a meaning, without harm */
	assert_int_equal(check(PRXE_UD, IB_UVERBS_WR_SEND, PRXE_SEND_FENCE, 1,
			       8, &info), 0);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_RDMA_READ,
			       PRXE_SEND_SOLICITED, 1, 8, &info), 0);
}

static void number_of_sges(void **state)
{
	struct prxe_wqe_limits lim = rc;
	struct prxe_wqe_info info;
	struct prxe_send_wqe *wqe;
	u32 n;

	(void)state;
	for (n = 0; n <= MAX_SGE; n++) {
		assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_RDMA_WRITE, 0, n,
				       1000, &info), 0);
		assert_int_equal(info.length, n * 1000);
		assert_int_equal(info.num_sge, n);
	}
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_RDMA_WRITE, 0, 5, 1000,
			       &info), -EINVAL);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_RDMA_WRITE, 0, 0xffff, 0,
			       &info), -EINVAL);

	/* limits that contradict each other must not be believed either */
	lim.max_sge = 1000;
	wqe = slot(IB_UVERBS_WR_SEND, lim.stride);
	wqe->num_sge = 6;	/* 96 of 104 bytes */
	assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), 0);
	wqe->num_sge = 7;
	assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), -EINVAL);
	free(wqe);
	lim.stride = HEAD + 100 * 16;
	wqe = slot(IB_UVERBS_WR_SEND, lim.stride);
	wqe->num_sge = PRXE_MAX_SGE;
	assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), 0);
	wqe->num_sge = PRXE_MAX_SGE + 1;
	assert_int_equal(prxe_send_wqe_check(wqe, &lim, &info), -EINVAL);
	free(wqe);
}

static void lengths(void **state)
{
	struct prxe_wqe_info info;
	unsigned int i;

	(void)state;
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 1,
			       PRXE_MAX_MSG_LEN, &info), 0);
	assert_true(info.length == PRXE_MAX_MSG_LEN);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 1,
			       PRXE_MAX_MSG_LEN + 1, &info), -EMSGSIZE);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 2,
			       PRXE_MAX_MSG_LEN / 2, &info), 0);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_RDMA_READ, 0, 2,
			       PRXE_MAX_MSG_LEN / 2 + 1, &info), -EMSGSIZE);
	/* sums that are small again modulo 2^32 */
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 2, 0x80000000,
			       &info), -EMSGSIZE);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 4, 0x40000000,
			       &info), -EMSGSIZE);
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 4, U32_MAX,
			       &info), -EMSGSIZE);
	/* atomics have eight bytes, in one piece or in several */
	for (i = 0; i < 20; i++) {
		assert_int_equal(check(PRXE_RC,
				       IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD, 0, 1,
				       i, &info), i == 8 ? 0 : -EMSGSIZE);
		assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_ATOMIC_CMP_AND_SWP,
				       0, 2, i, &info), i == 4 ? 0 : -EMSGSIZE);
	}
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_ATOMIC_CMP_AND_SWP, 0, 0,
			       0, &info), -EMSGSIZE);
	/* a datagram is one packet */
	assert_int_equal(check(PRXE_UD, IB_UVERBS_WR_SEND, 0, 1, 1024, &info),
			 0);
	assert_int_equal(check(PRXE_UD, IB_UVERBS_WR_SEND, 0, 1, 1025, &info),
			 -EMSGSIZE);
	assert_int_equal(check(PRXE_UC, IB_UVERBS_WR_SEND, 0, 1, 1025, &info),
			 0);
}

static int check_inline_len(u32 opcode, u32 len, u16 num_sge,
			    const struct prxe_wqe_limits *lim,
			    struct prxe_wqe_info *info)
{
	struct prxe_send_wqe *wqe = slot(opcode, lim->stride);
	int ret;

	wqe->flags = PRXE_SEND_INLINE;
	wqe->inline_len = len;
	wqe->num_sge = num_sge;
	ret = prxe_send_wqe_check(wqe, lim, info);
	free(wqe);
	return ret;
}

static void inline_data(void **state)
{
	static const u32 allowed[] = {
		IB_UVERBS_WR_SEND, IB_UVERBS_WR_SEND_WITH_IMM,
		IB_UVERBS_WR_SEND_WITH_INV, IB_UVERBS_WR_RDMA_WRITE,
		IB_UVERBS_WR_RDMA_WRITE_WITH_IMM,
	};
	static const u32 refused[] = {
		IB_UVERBS_WR_RDMA_READ, IB_UVERBS_WR_ATOMIC_CMP_AND_SWP,
		IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD, IB_UVERBS_WR_LOCAL_INV,
		IB_UVERBS_WR_BIND_MW,
	};
	struct prxe_wqe_limits lim = rc;
	struct prxe_wqe_info info;
	unsigned int i, len;

	(void)state;
	for (i = 0; i < 5; i++) {
		for (len = 0; len <= MAX_INL; len++) {
			assert_int_equal(check_inline_len(allowed[i], len, 0,
							  &rc, &info), 0);
			assert_int_equal(info.length, len);
			assert_int_equal(info.size, HEAD + len);
			assert_int_equal(info.num_sge, 0);
			assert_true(info.is_inline);
		}
		assert_int_equal(check_inline_len(allowed[i], MAX_INL + 1, 0,
						  &rc, &info), -EINVAL);
		assert_int_equal(check_inline_len(allowed[i], U32_MAX, 0, &rc,
						  &info), -EINVAL);
		assert_int_equal(check_inline_len(allowed[i], 8, 1, &rc, &info),
				 -EINVAL);
		assert_int_equal(check_inline_len(refused[i], 8, 0, &rc, &info),
				 -EINVAL);
		assert_int_equal(check_inline_len(refused[i], 0, 0, &rc, &info),
				 -EINVAL);
	}
	/* limits that contradict the stride, or the uABI */
	lim.max_inline = U32_MAX;
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND, 104, 0, &lim,
					  &info), 0);
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND, 105, 0, &lim,
					  &info), -EINVAL);
	lim.stride = HEAD + 4096;
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND, PRXE_MAX_INLINE, 0,
					  &lim, &info), 0);
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND,
					  PRXE_MAX_INLINE + 1, 0, &lim, &info),
			 -EINVAL);
	/* an inline datagram is still one packet */
	lim = limits(PRXE_UD);
	lim.max_ud = 50;
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND, 50, 0, &lim,
					  &info), 0);
	assert_int_equal(check_inline_len(IB_UVERBS_WR_SEND, 51, 0, &lim,
					  &info), -EMSGSIZE);
}

static void stray_data(void **state)
{
	struct prxe_send_wqe *wqe = slot(IB_UVERBS_WR_SEND, rc.stride);
	struct prxe_wqe_info info;

	(void)state;
	/* a length of inline data without the flag */
	wqe->inline_len = 1;
	assert_int_equal(prxe_send_wqe_check(wqe, &rc, &info), -EINVAL);
	wqe->opcode = IB_UVERBS_WR_LOCAL_INV;
	assert_int_equal(prxe_send_wqe_check(wqe, &rc, &info), -EINVAL);
	wqe->inline_len = 0;
	assert_int_equal(prxe_send_wqe_check(wqe, &rc, &info), 0);
	free(wqe);
	/* data where there is none */
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_LOCAL_INV, 0, 1, 8, &info),
			 -EINVAL);
	assert_int_equal(check(PRXE_UC, IB_UVERBS_WR_BIND_MW, 0, 1, 0, &info),
			 -EINVAL);
}

static void nothing_is_reported_on_error(void **state)
{
	struct prxe_wqe_info info, untouched;

	(void)state;
	memset(&untouched, 0xa5, sizeof(untouched));
	assert_int_equal(check(PRXE_RC, IB_UVERBS_WR_SEND, 0, 4, U32_MAX,
			       &info), -EMSGSIZE);
	assert_memory_equal(&info, &untouched, sizeof(info));
}

static void receive(void **state)
{
	const u32 head = offsetof(struct prxe_recv_wqe, sge);
	struct prxe_wqe_limits lim = {
		.max_sge = 3,
		.stride = head + 3 * 16,
	};
	struct prxe_recv_wqe *wqe = calloc(1, lim.stride);
	struct prxe_wqe_info info;
	u32 i;

	(void)state;
	assert_non_null(wqe);
	for (i = 0; i <= 3; i++) {
		wqe->num_sge = i;
		assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), 0);
		assert_int_equal(info.num_sge, i);
		assert_int_equal(info.size, head + i * 16);
		assert_int_equal(info.length, 100 * i);
		if (i < 3)
			wqe->sge[i].length = 100;
	}
	wqe->num_sge = 4;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EINVAL);
	wqe->num_sge = U32_MAX;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EINVAL);
	/* an element count that overflows when multiplied */
	wqe->num_sge = 0x10000001;
	lim.max_sge = U32_MAX;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EINVAL);
	wqe->num_sge = 4;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EINVAL);
	wqe->num_sge = 2;
	wqe->sge[0].length = PRXE_MAX_MSG_LEN;
	wqe->sge[1].length = 0;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), 0);
	wqe->sge[1].length = 1;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EMSGSIZE);
	wqe->sge[1].length = U32_MAX;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EMSGSIZE);
	wqe->sge[1].length = 0;
	wqe->reserved = 1;
	assert_int_equal(prxe_recv_wqe_check(wqe, &lim, &info), -EINVAL);
	free(wqe);
}

/* Any bytes at all: no access outside the slot, and what passes is in bounds. */
static void scribbled_slots(void **state)
{
	unsigned int i, k, accepted = 0;

	(void)state;
	for (i = 0; i < 300000; i++) {
		struct prxe_wqe_limits lim = {
			.transport = random_below(PRXE_NUM_TRANSPORTS),
			.max_sge = random_below(9),
			.max_inline = random_below(130),
			.stride = HEAD + 128,
			.max_ud = 4096,
		};
		struct prxe_send_wqe *wqe = malloc(lim.stride);
		struct prxe_wqe_info info;

		random_fill(wqe, lim.stride);
		/* all but one field near what is valid; or none */
		if (i % 7 != 0)
			wqe->opcode = random_below(16);
		if (i % 7 != 1)
			wqe->flags &= 0xf;
		if (i % 7 != 2)
			wqe->num_sge = random_below(10);
		if (i % 7 != 3)
			wqe->inline_len = i & 1 ? 0 : random_below(140);
		if (i % 7 != 4)
			for (k = 0; k < 8; k++)
				wqe->sge[k].length >>= random_below(32);
		if (i % 7 == 5)
			random_fill(wqe, lim.stride);
		if (!prxe_send_wqe_check(wqe, &lim, &info)) {
			accepted++;
			assert_true(info.length <= PRXE_MAX_MSG_LEN);
			assert_true(info.size <= lim.stride);
			assert_true(info.num_sge <= lim.max_sge);
			assert_true(!info.is_inline ||
				    info.length <= lim.max_inline);
			assert_int_equal(wqe->flags & 0xfff0, 0);
		}
		free(wqe);
	}
	print_message("%u accepted\n", accepted);
	assert_true(accepted > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(operations_by_service),
		cmocka_unit_test(placement),
		cmocka_unit_test(kernel_operations),
		cmocka_unit_test(flags),
		cmocka_unit_test(number_of_sges),
		cmocka_unit_test(lengths),
		cmocka_unit_test(inline_data),
		cmocka_unit_test(stray_data),
		cmocka_unit_test(nothing_is_reported_on_error),
		cmocka_unit_test(receive),
		cmocka_unit_test(scribbled_slots),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
