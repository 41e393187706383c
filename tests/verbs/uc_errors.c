// SPDX-License-Identifier: GPL-2.0
/*
 * uc_errors DEVICE DEVICE [CASE]: on an unreliable connection the peer's faults are
 * met with silence and disturb nothing, a fault of one's own ends one's own
 * half: after every case a fresh connection works.
 *
 * uc_errors DEVICE DEVICE loss: for a network that loses packets: a message comes
 * whole or not at all, and never out of order.
 */
#include "cases.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

static void send_to(uint64_t wr_id, size_t len)
{
	need_send(&p.a, IBV_WR_SEND, wr_id, sge_of(amr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
	CHECK(need_ok(p.a.scq).wr_id == wr_id, "wr_id");
}

static void write_to(uint64_t addr, uint32_t rkey, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, len), addr, rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
}

/* The message that is sent next arrives, in the receive @wr_id if that is not 0. */
static void next_arrives(uint64_t wr_id)
{
	struct ibv_wc wc;

	if (!wr_id) {
		wr_id = 9;
		need_recv(&p.b, wr_id, sge_of(bmr, 0, LEN));
	}
	fill(abuf, 5001, 77);
	send_to(2, 5001);
	wc = need_ok(p.b.rcq);
	CHECK(wc.wr_id == wr_id && wc.byte_len == 5001, "%llu: %u bytes",
	      (unsigned long long)wc.wr_id, wc.byte_len);
	need_pattern(bbuf, 5001, 77, "the next message");
	CHECK(qp_state(p.a.qp) == IBV_QPS_RTS, "state of a");
	CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "state of b");
}

static void nobody_receives(void)
{
	send_to(1, 1);
	send_to(1, 10000);
	next_arrives(0);
	need_empty(p.b.rcq);
}

static void nobody_receives_imm(void)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE_WITH_IMM, 1, sge_of(amr, 0, 9999),
		  (uintptr_t)bbuf, bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	next_arrives(0);
	need_empty(p.b.rcq);
}

/* The receive waits for a message that fits. */
static void recv_too_short(void)
{
	memset(bbuf, 0xee, LEN);
	need_recv(&p.b, 5, sge_of(bmr, 0, 5001));
	send_to(1, 5002);
	send_to(1, LEN);
	need_bytes(bbuf + 5001, LEN - 5001, 0xee, "behind a receive too short");
	next_arrives(5);
	need_bytes(bbuf + 5001, LEN - 5001, 0xee, "behind a receive too short");
}

static void refused_write(uint64_t addr, uint32_t rkey, size_t len)
{
	memset(bbuf, 0xee, LEN);
	write_to(addr, rkey, len);
	write_to((uintptr_t)bbuf + LEN - 1, bmr->rkey, 1);
	next_arrives(0);
	need_bytes(bbuf + 5001, LEN - 5002, 0xee, "a refused write");
	CHECK(bbuf[LEN - 1] == abuf[0] || bbuf[LEN - 1] != 0xee, "the write behind");
}

static void unknown_rkey(void)
{
	refused_write((uintptr_t)bbuf + 6000, bmr->rkey ^ 0x00550000, 10000);
}

static void write_across_end(void)
{
	refused_write((uintptr_t)bbuf + LEN - 8191, bmr->rkey, 8192);
}

static void no_write_right(void)
{
	struct ibv_mr *mr = need_mr(&p.b, bbuf, LEN, IBV_ACCESS_LOCAL_WRITE |
				    IBV_ACCESS_REMOTE_READ);

	refused_write((uintptr_t)bbuf + 6000, mr->rkey, 10000);
	ibv_dereg_mr(mr);
}

static void qp_without_write(void)
{
	struct ibv_qp_attr attr = { .qp_access_flags = IBV_ACCESS_LOCAL_WRITE };

	memset(bbuf, 0xee, LEN);
	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_ACCESS_FLAGS), "modify_qp");
	write_to((uintptr_t)bbuf + 6000, bmr->rkey, 10000);
	next_arrives(0);
	need_bytes(bbuf + 5001, LEN - 5001, 0xee, "a refused write");
}

static void zero_length_any_key(void)
{
	need_recv(&p.b, 4, sge_of(bmr, 0, 0));
	need_send(&p.a, IBV_WR_RDMA_WRITE_WITH_IMM, 1, sge_of(amr, 0, 0), 1,
		  0xdeadbeef, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(need_ok(p.b.rcq).wr_id == 4, "wr_id");
	next_arrives(0);
}

/* The receiver's own fault ends the receiver; the sender never learns of it. */
static void recv_bad_lkey(void)
{
	struct ibv_sge sge = sge_of(bmr, 0, 100);

	sge.lkey ^= 0x00550000;
	need_recv(&p.b, 5, sge);
	need_recv(&p.b, 6, sge_of(bmr, 0, 100));
	send_to(1, 100);
	CHECK(need_status(p.b.rcq, IBV_WC_LOC_PROT_ERR).wr_id == 5, "wr_id");
	CHECK(need_status(p.b.rcq, IBV_WC_WR_FLUSH_ERR).wr_id == 6, "wr_id");
	need_state(p.b.qp, IBV_QPS_ERR);
	send_to(1, 100);
	CHECK(qp_state(p.a.qp) == IBV_QPS_RTS, "the sender is disturbed");
}

/* A bad send ends the send queue alone, which can be set going again. */
static void bad_lkey_send(void)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS, .cur_qp_state = IBV_QPS_SQE,
	};
	struct ibv_sge sge = sge_of(amr, 0, 3000);

	sge.lkey ^= 0x00550000;
	need_send(&p.a, IBV_WR_SEND, 1, sge, 0, 0, 0);
	post_send(&p.a, IBV_WR_SEND, 2, sge_of(amr, 0, 8), 0, 0, 0);
	CHECK(need_status(p.a.scq, IBV_WC_LOC_PROT_ERR).wr_id == 1, "wr_id");
	CHECK(need_status(p.a.scq, IBV_WC_WR_FLUSH_ERR).wr_id == 2, "wr_id");
	need_state(p.a.qp, IBV_QPS_SQE);

	/* the receive side goes on */
	need_recv(&p.a, 3, sge_of(amr, 0, 100));
	need_send(&p.b, IBV_WR_SEND, 4, sge_of(bmr, 0, 100), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.b.scq);
	CHECK(need_ok(p.a.rcq).wr_id == 3, "wr_id");

	CHECK(!ibv_modify_qp(p.a.qp, &attr, IBV_QP_STATE | IBV_QP_CUR_STATE),
	      "SQE to RTS");
	next_arrives(0);
}

static void no_such_operation(void)
{
	static const enum ibv_wr_opcode ops[] = {
		IBV_WR_RDMA_READ, IBV_WR_ATOMIC_CMP_AND_SWP,
		IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_SEND_WITH_INV,
	};
	unsigned int i;

	for (i = 0; i < sizeof(ops) / sizeof(*ops); i++)
		CHECK(post_send(&p.a, ops[i], 1, sge_of(amr, 0, 8),
				(uintptr_t)bbuf, bmr->rkey, 0) == EINVAL,
		      "opcode %d", ops[i]);
	next_arrives(0);
}

static void flush_by_modify(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	unsigned int i;

	for (i = 0; i < 7; i++)
		need_recv(&p.b, i, sge_of(bmr, 0, 8));
	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "to ERR");
	for (i = 0; i < 7; i++)
		CHECK(need_status(p.b.rcq, IBV_WC_WR_FLUSH_ERR).wr_id == i,
		      "order");
	need_send(&p.b, IBV_WR_SEND, 50, sge_of(bmr, 0, 8), 0, 0, 0);
	CHECK(need_status(p.b.scq, IBV_WC_WR_FLUSH_ERR).wr_id == 50, "wr_id");
}

static void solicited(void)
{
	struct pollfd pfd = { .fd = p.b.channel->fd, .events = POLLIN };
	struct ibv_cq *cq;
	void *ctx;

	need_recv(&p.b, 1, sge_of(bmr, 0, 100));
	need_recv(&p.b, 2, sge_of(bmr, 0, 100));
	CHECK(!ibv_req_notify_cq(p.b.rcq, 1), "arm");
	send_to(1, 8);
	CHECK(need_ok(p.b.rcq).wr_id == 1, "wr_id");
	CHECK(poll(&pfd, 1, 0) == 0, "an event that was not solicited");
	need_send(&p.a, IBV_WR_SEND, 2, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED | IBV_SEND_SOLICITED);
	need_ok(p.a.scq);
	CHECK(!ibv_get_cq_event(p.b.channel, &cq, &ctx), "ibv_get_cq_event");
	ibv_ack_cq_events(cq, 1);
	CHECK(need_ok(p.b.rcq).wr_id == 2, "wr_id");
}

/* Message @i has a length and a pattern of its own, and its number as immediate. */
static size_t len_of(uint32_t i)
{
	return 1 + (i * 7919) % 15000;
}

static void post_numbered(uint32_t i)
{
	struct ibv_sge sge = sge_of(amr, 0, len_of(i));
	struct ibv_send_wr *bad, wr = {
		.wr_id = i, .sg_list = &sge, .num_sge = 1,
		.opcode = IBV_WR_SEND_WITH_IMM, .imm_data = i,
		.send_flags = IBV_SEND_SIGNALED,
	};

	fill(abuf, len_of(i), i);
	CHECK(!ibv_post_send(p.a.qp, &wr, &bad), "ibv_post_send");
	CHECK(need_ok(p.a.scq).wr_id == i, "wr_id");
}

static void loss(void)
{
	const uint32_t count = 2000;
	uint32_t i, got = 0;
	int64_t last = -1;
	struct ibv_wc wc;

	for (i = 0; i < 4; i++)
		need_recv(&p.b, i, sge_of(bmr, i * 15001, 15001));
	for (i = 0; i < count; i++) {
		post_numbered(i);
		while (ibv_poll_cq(p.b.rcq, 1, &wc)) {
			CHECK(wc.status == IBV_WC_SUCCESS, "%s",
			      ibv_wc_status_str(wc.status));
			CHECK((int64_t)wc.imm_data > last, "%u after %lld",
			      wc.imm_data, (long long)last);
			last = wc.imm_data;
			CHECK(wc.byte_len == len_of(wc.imm_data), "%u bytes",
			      wc.byte_len);
			need_pattern(bbuf + wc.wr_id * 15001, wc.byte_len,
				     wc.imm_data, "a message on a bad network");
			need_recv(&p.b, wc.wr_id,
				  sge_of(bmr, wc.wr_id * 15001, 15001));
			got++;
		}
	}
	printf("%u of %u messages arrived\n", got, count);
	CHECK(got > count / 10 && got < count, "no test of loss");
}

static void with_channel(struct pair_opt *opt)
{
	opt->channel = true;
}

static const struct test_case cases[] = {
	CASE(nobody_receives), CASE(nobody_receives_imm), CASE(recv_too_short),
	CASE(unknown_rkey), CASE(write_across_end), CASE(no_write_right),
	CASE(qp_without_write), CASE(zero_length_any_key), CASE(recv_bad_lkey),
	CASE(bad_lkey_send), CASE(no_such_operation), CASE(flush_by_modify),
	CASE(solicited, .options = with_channel), CASE(loss, .manual = true),
};

static void with_uc(struct pair_opt *opt)
{
	opt->type = IBV_QPT_UC;
}

static void still_works(void)
{
	pair_connect(&p);
	next_arrives(0);
	pair_disconnect(&p);
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases),
		.options = with_uc, .after = still_works,
	};

	return cases_main(&table, argc, argv);
}
