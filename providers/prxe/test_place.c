// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
#include <config.h>

#include <errno.h>
#include <string.h>

#include "test_wr.h"

/* Flushes and atomic writes have their operands in the entry, and no data. */
void test_placement(void)
{
	static const struct {
		size_t len;
		uint8_t type, level;
	} bad[] = {
		{ 8, 0, IBV_FLUSH_RANGE },
		{ 8, 4 | IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE },
		{ 8, IBV_FLUSH_GLOBAL, IBV_FLUSH_MR + 1 },
		{ (size_t)UINT32_MAX + 1, IBV_FLUSH_GLOBAL, IBV_FLUSH_RANGE },
	};
	const char value[] = "12345678";
	struct ibv_qp_ex *ex;
	struct prxe_qp qp;
	unsigned int i;

	make_qp(&qp, IBV_QPT_RC);
	ex = &qp.vqp.qp_ex;
	ex->wr_id = 5;
	ex->wr_flags = IBV_SEND_SIGNALED | IBV_SEND_FENCE | IBV_SEND_INLINE;
	ibv_wr_start(ex);
	ibv_wr_flush(ex, 7, 0x1000, UINT32_MAX, IBV_FLUSH_GLOBAL,
		     IBV_FLUSH_RANGE);
	ibv_wr_flush(ex, 8, 0x2000, SIZE_MAX,
		     IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT, IBV_FLUSH_MR);
	ibv_wr_atomic_write(ex, 9, 0x3000, value);
	CHECK(ibv_wr_complete(ex) == 0 && send_bells() == 1);
	CHECK(sent(&qp, 0)->opcode == IBV_WR_FLUSH && sent(&qp, 0)->wr_id == 5);
	CHECK(sent(&qp, 0)->flags == (PRXE_SEND_SIGNALED | PRXE_SEND_FENCE));
	CHECK(sent(&qp, 0)->flush.rkey == 7);
	CHECK(sent(&qp, 0)->flush.remote_addr == 0x1000);
	CHECK(sent(&qp, 0)->flush.length == UINT32_MAX);
	CHECK(sent(&qp, 0)->flush.type == IBV_FLUSH_GLOBAL);
	CHECK(sent(&qp, 0)->flush.level == IBV_FLUSH_RANGE);
	CHECK(sent(&qp, 0)->num_sge == 0 && sent(&qp, 0)->inline_len == 0);
	CHECK(sent(&qp, 1)->flush.rkey == 8 && sent(&qp, 1)->flush.length == 0);
	CHECK(sent(&qp, 1)->flush.type ==
	      (IBV_FLUSH_GLOBAL | IBV_FLUSH_PERSISTENT));
	CHECK(sent(&qp, 1)->flush.level == IBV_FLUSH_MR);
	CHECK(sent(&qp, 2)->opcode == IBV_WR_ATOMIC_WRITE);
	CHECK(sent(&qp, 2)->atomic_write.rkey == 9);
	CHECK(sent(&qp, 2)->atomic_write.remote_addr == 0x3000);
	CHECK(!memcmp(&sent(&qp, 2)->atomic_write.value, value, 8));
	CHECK(sent(&qp, 2)->num_sge == 0 && sent(&qp, 2)->inline_len == 0);

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ibv_wr_start(ex);
		ibv_wr_flush(ex, 7, 0x1000, bad[i].len, bad[i].type,
			     bad[i].level);
		CHECK(ibv_wr_complete(ex) == EINVAL && send_bells() == 0);
	}
	/* neither of them can be inline, nor posted by the other way */
	ibv_wr_start(ex);
	ibv_wr_atomic_write(ex, 9, 0x3000, value);
	ibv_wr_set_inline_data(ex, (void *)value, 8);
	CHECK(ibv_wr_complete(ex) == EINVAL);
	for (i = 0; i < 2; i++) {
		struct ibv_send_wr *culprit, wr = {
			.opcode = i ? IBV_WR_FLUSH : IBV_WR_ATOMIC_WRITE,
		};

		CHECK(prxe_post_send(&qp.vqp.qp, &wr, &culprit) == EINVAL);
	}
	CHECK(qp.sq.q.ring->producer == 3);
	free_qp(&qp);

	make_qp(&qp, IBV_QPT_UC);
	CHECK(!qp.vqp.qp_ex.wr_flush && !qp.vqp.qp_ex.wr_atomic_write);
	free_qp(&qp);
}
