// SPDX-License-Identifier: GPL-2.0
/*
 * counters DEVICE DEVICE [CASE]: traffic of a known volume between two hosts, without
 * loss, and what the counters of both devices say of it, to the last packet.
 *
 * Of a packet of M bytes of payload sent_bytes and rcvd_bytes count 12 (BTH), its
 * extensions, M and 4 (ICRC).
 */
#include "counters.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BYTES	10000u	/* of a message, at a path MTU of 1024: */
#define PKTS	10u
#define HDR	16u	/* BTH and ICRC */
#define ACK	20u

static void move(enum ibv_wr_opcode op, size_t len)
{
	need_send(&p.a, op, 1, sge_of(amr, 0, len), (uintptr_t)bbuf, bmr->rkey,
		  IBV_SEND_SIGNALED);
}

static void writes(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 5 * PKTS, 5 }, { "rcvd_pkts", 5, 5 * PKTS },
		{ "sent_bytes", 5 * (BYTES + PKTS * HDR + 16), 5 * ACK },
		{ "rcvd_bytes", 5 * ACK, 5 * (BYTES + PKTS * HDR + 16) },
		{ "sent_acks", 0, 5 }, {},
	};
	int i;

	count_from_here();
	for (i = 0; i < 5; i++) {
		move(IBV_WR_RDMA_WRITE, BYTES);
		need_ok(p.a.scq);
	}
	need_counts(want);
}

static void sends(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 5 * PKTS + 1, 6 }, { "rcvd_pkts", 6, 5 * PKTS + 1 },
		{ "sent_acks", 0, 6 },
		{ "rdma_sends", 5, 0 }, { "rdma_recvs", 0, 6 }, {},
	};
	int i;

	count_from_here();
	for (i = 0; i < 6; i++) {
		need_recv(&p.b, 1, sge_of(bmr, 0, LEN));
		if (i)
			move(i & 1 ? IBV_WR_SEND : IBV_WR_SEND_WITH_IMM, BYTES);
		else	/* consumes a receive, but is not a send */
			move(IBV_WR_RDMA_WRITE_WITH_IMM, 8);
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
	}
	need_counts(want);
}

static void reads(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 3, 3 * PKTS }, { "rcvd_pkts", 3 * PKTS, 3 }, {},
	};
	int i;

	count_from_here();
	for (i = 0; i < 3; i++) {
		move(IBV_WR_RDMA_READ, BYTES);
		need_ok(p.a.scq);
	}
	need_counts(want);
}

static void atomics(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 4, 4 }, { "rcvd_pkts", 4, 4 }, {},
	};
	int i;

	count_from_here();
	for (i = 0; i < 4; i++) {
		need_atomic(&p.a, i & 1, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
			    bmr->rkey, 1, 2);
		need_ok(p.a.scq);
	}
	need_counts(want);
}

static void not_ready(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 3, 3 }, { "rcvd_pkts", 3, 3 },
		{ "rcvd_rnr_err", 3, 0 }, { "send_rnr_err", 0, 3 },
		{ "retries", 2, 0 }, { "retry_rnr_exceeded_err", 1, 0 },
		{ "rdma_sends", 1, 0 }, {},
	};

	count_from_here();
	move(IBV_WR_SEND, 8);
	need_status(p.a.scq, IBV_WC_RNR_RETRY_EXC_ERR);
	need_counts(want);
}

/* One packet, one NAK, of which @kind is counted beside the total. */
static void refused(const char *rcvd, const char *sent, uint64_t sends)
{
	const struct want want[] = {
		{ "sent_pkts", 1, 1 }, { "rcvd_pkts", 1, 1 },
		{ "rcvd_err_nak", 1, 0 }, { rcvd, 1, 0 },
		{ "send_nak", 0, 1 }, { sent, 0, 1 },
		{ "rdma_sends", sends, 0 }, {},
	};

	need_counts(want);
}

static void nak_access(void)
{
	count_from_here();
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
		  bmr->rkey ^ 0x00550000, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	refused("rcvd_nak_access", "send_nak_access", 0);
}

static void nak_inv_req(void)
{
	count_from_here();
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf + 4,
		    bmr->rkey, 1, 0);
	need_status(p.a.scq, IBV_WC_REM_INV_REQ_ERR);
	refused("rcvd_nak_inv_req", "send_nak_inv_req", 0);
}

static void nak_op(void)
{
	struct ibv_sge sge = sge_of(bmr, 0, 100);

	sge.lkey ^= 0x00550000;
	need_recv(&p.b, 5, sge);
	count_from_here();
	move(IBV_WR_SEND, 8);
	need_status(p.a.scq, IBV_WC_REM_OP_ERR);
	refused("rcvd_nak_op", "send_nak_op", 1);
}

/* B gives up its connection; @psn is what it expects in the new one. */
static void b_again(uint32_t psn)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct pair_opt opt = p.opt;

	opt.psn = psn;
	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "RESET");
	CHECK(!end_to_init(&p.b, &opt) && !end_to_rtr(&p.b, &p.a, &opt) &&
	      !end_to_rts(&p.b, &opt), "up again");
}

static void silence(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 3, 0 }, { "mismatched_pkts", 0, 3 },
		{ "timeouts", 3, 0 }, { "retries", 2, 0 },
		{ "completer_retry_err", 2, 0 }, { "retry_exceeded_err", 1, 0 }, {},
	};
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };

	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "RESET");
	count_from_here();
	move(IBV_WR_RDMA_WRITE, 8);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
	need_counts(want);
}

/* A's packets are ahead of what B waits for; the NAK is about nothing A knows. */
static void gap(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 3 * PKTS, 1 }, { "rcvd_pkts", 1, 3 * PKTS },
		{ "out_of_seq_request", 0, 1 }, { "out_of_seq_pkts", 0, 3 * PKTS },
		{ "send_nak", 0, 1 }, { "send_nak_seq", 0, 1 },
		{ "timeouts", 3, 0 }, { "retries", 2, 0 },
		{ "completer_retry_err", 2, 0 }, { "retry_exceeded_err", 1, 0 }, {},
	};

	b_again(p.opt.psn - 2);
	count_from_here();
	move(IBV_WR_RDMA_WRITE, BYTES);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
	need_counts(want);
}

/* B has been there already. */
static void duplicate(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 1, 1 }, { "rcvd_pkts", 1, 1 },
		{ "duplicate_request", 0, 1 }, { "sent_acks", 0, 1 }, {},
	};

	b_again(p.opt.psn + 1);
	count_from_here();
	move(IBV_WR_RDMA_WRITE, 8);
	need_ok(p.a.scq);
	need_counts(want);
}

static void uc_without_recv(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 3 * PKTS, 0 }, { "rcvd_pkts", 0, 3 * PKTS },
		{ "rdma_sends", 3, 0 }, { "no_recv_drops", 0, 3 }, {},
	};
	int i;

	count_from_here();
	for (i = 0; i < 3; i++) {
		move(IBV_WR_SEND, BYTES);
		need_ok(p.a.scq);
	}
	need_counts(want);
}

static void uc_gap(void)
{
	static const struct want want[] = {
		{ "sent_pkts", PKTS, 0 }, { "rcvd_pkts", 0, PKTS },
		{ "out_of_seq_pkts", 0, 1 }, {},
	};

	b_again(p.opt.psn + 7);
	count_from_here();
	move(IBV_WR_RDMA_WRITE, BYTES);
	need_ok(p.a.scq);
	need_counts(want);
}

/* A page that nobody has touched is fetched, and taken away again. */
static void on_demand(void)
{
	static const struct want want[] = {
		{ "sent_pkts", 1, 1 }, { "rcvd_pkts", 1, 1 }, { "sent_acks", 0, 1 },
		{ "parked_accesses", 0, 1 }, { "mr_fetches", 0, 1 },
		{ "mr_invalidations", 0, 1 }, {},
	};
	struct ibv_device_attr_ex attr;
	struct ibv_mr *mr;
	void *buf;

	CHECK(!ibv_query_device_ex(p.b.ctx, NULL, &attr), "query_device");
	if (!attr.odp_caps.general_caps)
		return;
	buf = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0);
	CHECK(buf != MAP_FAILED, "mmap");
	mr = need_mr(&p.b, buf, 4096, all_rights | IBV_ACCESS_ON_DEMAND);
	count_from_here();
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8), (uintptr_t)buf,
		  mr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	CHECK(!munmap(buf, 4096), "munmap");
	need_counts(want);
	ibv_dereg_mr(mr);
}

static void two_rnr_retries(struct pair_opt *opt)
{
	opt->rnr_retry = 2;
}

static void soon_tired(struct pair_opt *opt)
{
	opt->timeout = 10;
	opt->retry_cnt = 2;
}

static void unreliable(struct pair_opt *opt)
{
	opt->type = IBV_QPT_UC;
}

static const struct test_case cases[] = {
	CASE(writes), CASE(sends), CASE(reads), CASE(atomics), CASE(nak_access),
	CASE(nak_inv_req), CASE(nak_op), CASE(duplicate), CASE(on_demand),
	CASE(not_ready, .options = two_rnr_retries),
	CASE(silence, .options = soon_tired), CASE(gap, .options = soon_tired),
	CASE(uc_without_recv, .options = unreliable),
	CASE(uc_gap, .options = unreliable),
};

static void patient(struct pair_opt *opt)
{
	opt->timeout = 21;	/* 8 s: nothing is sent twice because of a slow machine */
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = patient,
	};

	return cases_main(&table, argc, argv);
}
