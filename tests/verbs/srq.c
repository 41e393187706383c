// SPDX-License-Identifier: GPL-2.0
/*
 * srq DEVICE DEVICE [CASE]: what is particular about shared receive queues.
 */
#include "cases.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define QPS	5

static void send_len(struct end *e, uint64_t wr_id, size_t len)
{
	need_send(e, IBV_WR_SEND, wr_id, sge_of(amr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
}

static void no_event(struct end *e)
{
	struct pollfd pfd = { .fd = e->ctx->async_fd, .events = POLLIN };

	CHECK(poll(&pfd, 1, 50) == 0, "an event where none is due");
}

static uint32_t limit_of(struct ibv_srq *srq)
{
	struct ibv_srq_attr attr;

	CHECK(!ibv_query_srq(srq, &attr), "ibv_query_srq");
	return attr.srq_limit;
}

static int modify(struct ibv_srq *srq, int mask, uint32_t wr, uint32_t limit)
{
	struct ibv_srq_attr attr = { .max_wr = wr, .srq_limit = limit };

	return ibv_modify_srq(srq, &attr, mask);
}

/* The receiver waits for a receive, as with a queue of its own. */
static void rnr_waits(void)
{
	fill(abuf, 10000, 7);
	send_len(&p.a, 1, 10000);
	usleep(50000);
	need_empty(p.a.scq);
	need_recv(&p.b, 1, sge_of(bmr, 0, 10000));
	need_ok(p.a.scq);
	CHECK(need_ok(p.b.rcq).byte_len == 10000, "byte_len");
	need_pattern(bbuf, 10000, 7, "a send that had to wait");
}

/* One event when fewer than the limit are left; then the limit is 0. */
static void limit(void)
{
	unsigned int i;

	CHECK(modify(p.b.srq, IBV_SRQ_LIMIT, 0, p.opt.max_wr + 1) == EINVAL, "");
	for (i = 0; i < 10; i++)
		need_recv(&p.b, i, sge_of(bmr, 0, 8));
	CHECK(!modify(p.b.srq, IBV_SRQ_LIMIT, 0, 7), "arm");
	CHECK(limit_of(p.b.srq) == 7, "%u", limit_of(p.b.srq));
	for (i = 0; i < 3; i++) {
		send_len(&p.a, i, 8);
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
	}
	no_event(&p.b);		/* seven are left */
	send_len(&p.a, 4, 8);
	need_ok(p.b.rcq);
	need_event(&p.b, IBV_EVENT_SRQ_LIMIT_REACHED);
	need_ok(p.a.scq);
	CHECK(!limit_of(p.b.srq), "%u", limit_of(p.b.srq));
	send_len(&p.a, 5, 8);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	no_event(&p.b);
}

/* To the error state: what is in hand is flushed, the rest stays for others. */
static void last_wqe(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };
	struct ibv_wc wc;

	need_recv(&p.b, 1, sge_of(bmr, 0, 8));
	need_recv(&p.b, 2, sge_of(bmr, 0, 8));
	CHECK(!ibv_modify_qp(p.b.qp, &attr, IBV_QP_STATE), "to ERR");
	need_event(&p.b, IBV_EVENT_QP_LAST_WQE_REACHED);
	CHECK(ibv_poll_cq(p.b.rcq, 1, &wc) == 0, "nothing was in hand");
	need_recv(&p.b, 3, sge_of(bmr, 0, 8));	/* needs no doorbell */
	usleep(20000);
	need_empty(p.b.rcq);
	no_event(&p.b);
}

/* The same when the peer is to blame. */
static void last_wqe_by_error(void)
{
	need_recv(&p.b, 1, sge_of(bmr, 0, 8));
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8),
		  (uintptr_t)bbuf, bmr->rkey ^ 0x550000, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
	need_event(&p.b, IBV_EVENT_QP_LAST_WQE_REACHED);
	need_empty(p.b.rcq);
}

static void recv_too_short(void)
{
	need_recv(&p.b, 5, sge_of(bmr, 0, 99));
	need_recv(&p.b, 6, sge_of(bmr, 0, 99));
	send_len(&p.a, 1, 100);
	need_status(p.a.scq, IBV_WC_REM_INV_REQ_ERR);
	CHECK(need_status(p.b.rcq, IBV_WC_LOC_LEN_ERR).wr_id == 5, "wr_id");
	need_event(&p.b, IBV_EVENT_QP_REQ_ERR);
	need_event(&p.b, IBV_EVENT_QP_LAST_WQE_REACHED);
	need_empty(p.b.rcq);
}

/* Its keys are of the queue's protection domain, whatever the queue pair's is. */
static void other_pd(void)
{
	struct ibv_srq_init_attr init = { .attr = { .max_wr = 4, .max_sge = 1 } };
	struct ibv_pd *pd = ibv_alloc_pd(p.b.ctx), *was = p.b.pd;
	struct ibv_mr *mr = ibv_reg_mr(pd, bbuf, LEN, all_rights);
	struct ibv_recv_wr *bad, wr = { .num_sge = 1 };
	struct ibv_qp_init_attr qp = {
		.cap = { .max_send_wr = 1, .max_send_sge = 1 },
		.qp_type = IBV_QPT_RC, .send_cq = p.b.scq, .recv_cq = p.b.rcq,
	};
	struct ibv_sge sge;

	CHECK(pd && mr, "PD and MR");
	qp.srq = ibv_create_srq(pd, &init);
	CHECK(qp.srq, "ibv_create_srq");
	CHECK(!ibv_destroy_qp(p.b.qp) && !ibv_destroy_qp(p.a.qp), "destroy_qp");
	p.b.qp = ibv_create_qp(was, &qp);
	CHECK(p.b.qp, "ibv_create_qp");
	qp.srq = p.a.srq;
	qp.send_cq = p.a.scq;
	qp.recv_cq = p.a.rcq;
	p.a.qp = ibv_create_qp(p.a.pd, &qp);
	CHECK(p.a.qp, "ibv_create_qp");
	CHECK(!end_to_init(&p.a, &p.opt) && !end_to_init(&p.b, &p.opt) &&
	      !end_to_rtr(&p.a, &p.b, &p.opt) && !end_to_rtr(&p.b, &p.a, &p.opt) &&
	      !end_to_rts(&p.a, &p.opt) && !end_to_rts(&p.b, &p.opt), "connect");

	qp.srq = p.b.qp->srq;
	sge = sge_of(mr, 0, 5000);
	wr.sg_list = &sge;
	CHECK(!ibv_post_srq_recv(qp.srq, &wr, &bad), "post");
	fill(abuf, 5000, 3);
	send_len(&p.a, 1, 5000);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_pattern(bbuf, 5000, 3, "through another domain");
	/* and not those of the queue pair's */
	sge = sge_of(bmr, 0, 5000);
	CHECK(!ibv_post_srq_recv(qp.srq, &wr, &bad), "post");
	send_len(&p.a, 1, 5000);
	need_status(p.a.scq, IBV_WC_REM_OP_ERR);
	need_status(p.b.rcq, IBV_WC_LOC_PROT_ERR);
	need_event(&p.b, IBV_EVENT_QP_REQ_ERR);
	need_event(&p.b, IBV_EVENT_QP_LAST_WQE_REACHED);
	/* in use: by a queue pair, or by a queue */
	CHECK(ibv_destroy_srq(qp.srq) == EBUSY, "destroy_srq");
	CHECK(!ibv_destroy_qp(p.b.qp), "destroy_qp");
	CHECK(ibv_dealloc_pd(pd) == EBUSY, "dealloc_pd");
	CHECK(!ibv_destroy_srq(qp.srq) && !ibv_dereg_mr(mr) &&
	      !ibv_dealloc_pd(pd), "destroy");
	qp.srq = p.b.srq;
	qp.send_cq = p.b.scq;
	qp.recv_cq = p.b.rcq;
	p.b.qp = ibv_create_qp(was, &qp);
	CHECK(p.b.qp, "ibv_create_qp");
}

/* Several queue pairs take from one queue, each what its messages need. */
static void shared(void)
{
	struct end a[QPS], b[QPS];
	uint64_t done = 0;
	uint32_t i, n;

	for (i = 0; i < QPS; i++) {
		struct ibv_qp_init_attr init = {
			.cap = { .max_send_wr = 64, .max_send_sge = 1 },
			.qp_type = IBV_QPT_RC,
		};

		a[i] = p.a;
		b[i] = p.b;
		init.send_cq = p.a.scq;
		init.recv_cq = p.a.rcq;
		init.srq = p.a.srq;
		a[i].qp = ibv_create_qp(p.a.pd, &init);
		init.send_cq = p.b.scq;
		init.recv_cq = p.b.rcq;
		init.srq = p.b.srq;
		b[i].qp = ibv_create_qp(p.b.pd, &init);
		CHECK(a[i].qp && b[i].qp, "ibv_create_qp");
		CHECK(!end_to_init(&a[i], &p.opt) && !end_to_init(&b[i], &p.opt) &&
		      !end_to_rtr(&a[i], &b[i], &p.opt) &&
		      !end_to_rtr(&b[i], &a[i], &p.opt) &&
		      !end_to_rts(&a[i], &p.opt) && !end_to_rts(&b[i], &p.opt),
		      "connect");
	}
	/* message n: of queue pair n % QPS, a length and a pattern of its own */
	for (n = 0; n < 40; n++)
		fill(abuf + n * 1600, 1101 + n * 7, n);
	for (n = 0; n < 40; n++)
		need_send(&a[n % QPS], IBV_WR_SEND_WITH_IMM, n,
			  sge_of(amr, n * 1600, 1101 + n * 7), 0, 0,
			  IBV_SEND_SIGNALED);
	for (n = 0; n < 40; n++) {
		struct ibv_wc wc;
		struct end *e;
		uint32_t msg;

		/* one at a time: all wait for it, and one gets it */
		need_recv(&p.b, n, sge_of(bmr, n * 1600, 1600));
		wc = need_ok(p.b.rcq);
		CHECK(wc.wr_id == n, "wr_id %llu", (unsigned long long)wc.wr_id);
		msg = (wc.byte_len - 1101) / 7;
		CHECK(msg < 40 && !(done & 1ull << msg), "message %u", msg);
		e = &b[msg % QPS];
		CHECK(wc.qp_num == e->qp->qp_num, "qp_num");
		done |= 1ull << msg;
		need_pattern(bbuf + n * 1600, wc.byte_len, msg, "shared");
	}
	for (n = 0; n < 40; n++)
		need_ok(p.a.scq);
	for (i = 0; i < QPS; i++)
		CHECK(!ibv_destroy_qp(a[i].qp) && !ibv_destroy_qp(b[i].qp), "");
}

/* Entries survive, in order, and the new size counts. */
static void resize(void)
{
	struct ibv_recv_wr *bad, wr = {};
	struct ibv_srq_attr attr;
	unsigned int i, n = 0;

	for (i = 0; i < 21; i++)
		need_recv(&p.b, i, sge_of(bmr, i * 100, 100));
	for (i = 0; i < 5; i++) {
		fill(abuf, 100, i);
		send_len(&p.a, i, 100);
		need_ok(p.a.scq);
		CHECK(need_ok(p.b.rcq).wr_id == i, "wr_id");
	}
	CHECK(modify(p.b.srq, IBV_SRQ_MAX_WR, 15, 0) == 0, "sixteen fit");
	CHECK(modify(p.b.srq, IBV_SRQ_MAX_WR, 8, 0) == EINVAL, "sixteen do not");
	CHECK(modify(p.b.srq, IBV_SRQ_MAX_WR, 0, 0) == EINVAL, "nothing");
	CHECK(modify(p.b.srq, IBV_SRQ_MAX_WR, 16385, 0) == EINVAL, "too much");
	CHECK(ibv_post_srq_recv(p.b.srq, &wr, &bad) == ENOMEM, "full");
	CHECK(!modify(p.b.srq, IBV_SRQ_MAX_WR | IBV_SRQ_LIMIT, 1000, 3), "grow");
	CHECK(!ibv_query_srq(p.b.srq, &attr) && attr.max_wr >= 1000 &&
	      attr.srq_limit == 3, "%u, %u", attr.max_wr, attr.srq_limit);
	for (i = 21; i < 600; i++)
		need_recv(&p.b, i, sge_of(bmr, i * 100, 100));
	CHECK(!modify(p.b.srq, IBV_SRQ_LIMIT, 0, 0), "disarm");
	for (i = 5; i < 600; i++) {
		fill(abuf, 100, i);
		send_len(&p.a, i, 100);
		need_ok(p.a.scq);
		CHECK(need_ok(p.b.rcq).wr_id == i, "order");
		need_pattern(bbuf + i * 100, 100, i, "after a resize");
	}
	while (!ibv_post_srq_recv(p.b.srq, &wr, &bad))
		n++;
	CHECK(n == attr.max_wr, "%u of %u fit", n, attr.max_wr);
}

/* While messages come in. */
static void resize_busy(void)
{
	static const uint32_t sizes[] = { 64, 1000, 40, 16384, 33 };
	unsigned int i, size, got = 0, sent = 0, acked = 0, posted = 0;
	struct ibv_wc wc;

	fill(abuf, 3000, 1);
	for (i = 0; got < 2000; i++) {
		while (posted - got < 32) {
			need_recv(&p.b, posted, sge_of(bmr, 0, 3000));
			posted++;
		}
		/* what has arrived may not be acknowledged for a while */
		while (sent - got < 16 && sent - acked < p.opt.max_wr) {
			send_len(&p.a, sent, 3000);
			sent++;
		}
		size = sizes[i % 5];
		CHECK(!modify(p.b.srq, IBV_SRQ_MAX_WR, size, 0), "to %u", size);
		while (ibv_poll_cq(p.b.rcq, 1, &wc)) {
			CHECK(wc.status == IBV_WC_SUCCESS, "%s",
			      ibv_wc_status_str(wc.status));
			CHECK(wc.wr_id == got, "%llu is not %u",
			      (unsigned long long)wc.wr_id, got);
			got++;
		}
		while (ibv_poll_cq(p.a.scq, 1, &wc)) {
			CHECK(wc.status == IBV_WC_SUCCESS, "%s",
			      ibv_wc_status_str(wc.status));
			acked++;
		}
	}
}

/* No receive for a message of UC: one from a shared queue is not kept back. */
static void uc_gives_back(void)
{
	need_recv(&p.b, 5, sge_of(bmr, 0, 99));
	need_recv(&p.b, 6, sge_of(bmr, 0, 5000));
	send_len(&p.a, 1, 100);
	need_ok(p.a.scq);
	CHECK(need_status(p.b.rcq, IBV_WC_REM_INV_REQ_ERR).wr_id == 5, "wr_id");
	CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "it goes on");
	fill(abuf, 5000, 8);
	send_len(&p.a, 1, 5000);
	need_ok(p.a.scq);
	CHECK(need_ok(p.b.rcq).wr_id == 6, "wr_id");
	need_pattern(bbuf, 5000, 8, "the next message");
}

#define QKEY	0x1234567
#define GRH	40

static struct ibv_qp *need_ud(struct end *e)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 4, .max_send_sge = 1 },
		.qp_type = IBV_QPT_UD, .send_cq = e->scq, .recv_cq = e->rcq,
		.srq = e->srq,
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY,
	};
	struct ibv_qp *qp = ibv_create_qp(e->pd, &init);

	CHECK(qp, "ibv_create_qp: %s", strerror(errno));
	CHECK(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			     IBV_QP_PORT | IBV_QP_QKEY), "INIT");
	attr.qp_state = IBV_QPS_RTR;
	CHECK(!ibv_modify_qp(qp, &attr, IBV_QP_STATE), "RTR");
	attr.qp_state = IBV_QPS_RTS;
	CHECK(!ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN), "RTS");
	return qp;
}

/* Datagrams: the same, and the queue pair next to it gets what it left. */
static void ud_gives_back(void)
{
	struct ibv_qp *from = need_ud(&p.a), *to[2] = { need_ud(&p.b), need_ud(&p.b) };
	struct ibv_ah_attr attr = {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = p.b.gid, .sgid_index = (uint8_t)p.a.gid_index,
			 .hop_limit = 64 },
	};
	struct ibv_ah *ah = ibv_create_ah(p.a.pd, &attr);
	struct ibv_sge sge = sge_of(amr, 0, 500);
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.ud = { .ah = ah, .remote_qkey = QKEY },
	};
	unsigned int i;

	CHECK(ah, "ibv_create_ah: %s", strerror(errno));
	need_recv(&p.b, 5, sge_of(bmr, 0, GRH + 499));
	need_recv(&p.b, 6, sge_of(bmr, 1000, GRH + 500));
	need_recv(&p.b, 7, sge_of(bmr, 2000, GRH + 500));
	fill(abuf, 500, 4);
	for (i = 0; i < 3; i++) {
		wr.wr.ud.remote_qpn = to[i % 2]->qp_num;
		CHECK(!ibv_post_send(from, &wr, &bad), "ibv_post_send");
		need_ok(p.a.scq);
	}
	CHECK(need_status(p.b.rcq, IBV_WC_REM_INV_REQ_ERR).wr_id == 5, "wr_id");
	for (i = 0; i < 2; i++) {
		struct ibv_wc wc = need_ok(p.b.rcq);

		CHECK(wc.wr_id == 6 + i && wc.byte_len == GRH + 500 &&
		      wc.qp_num == to[!i]->qp_num && wc.src_qp == from->qp_num,
		      "%llu", (unsigned long long)wc.wr_id);
		need_pattern(bbuf + 1000 * (i + 1) + GRH, 500, 4, "a datagram");
	}
	CHECK(!ibv_destroy_ah(ah) && !ibv_destroy_qp(from) &&
	      !ibv_destroy_qp(to[0]) && !ibv_destroy_qp(to[1]), "destroy");
}

static void wrong(void)
{
	struct ibv_srq_init_attr init = {};
	struct ibv_recv_wr *bad = NULL, wr = {};
	struct ibv_device_attr dev;
	struct ibv_srq *srq;
	uint32_t num;

	CHECK(!ibv_query_device(p.b.ctx, &dev), "query_device");
	CHECK(dev.max_srq > 0 && dev.max_srq_wr && dev.max_srq_sge, "limits");
	init.attr.max_wr = (uint32_t)dev.max_srq_wr;
	init.attr.max_sge = (uint32_t)dev.max_srq_sge;
	srq = ibv_create_srq(p.b.pd, &init);
	CHECK(srq, "the largest: %s", strerror(errno));
	CHECK(!ibv_get_srq_num(srq, &num), "ibv_get_srq_num");
	CHECK(!ibv_destroy_srq(srq), "destroy");
	init.attr.max_wr++;
	CHECK(!ibv_create_srq(p.b.pd, &init) && errno == EINVAL, "%d", errno);
	init.attr.max_wr = 0;
	CHECK(!ibv_create_srq(p.b.pd, &init) && errno == EINVAL, "%d", errno);
	init.attr.max_wr = 1;
	init.attr.max_sge++;
	CHECK(!ibv_create_srq(p.b.pd, &init) && errno == EINVAL, "%d", errno);
	init.attr.max_sge = 1;
	init.attr.srq_limit = 2;
	CHECK(!ibv_create_srq(p.b.pd, &init) && errno == EINVAL, "%d", errno);
	CHECK(ibv_post_recv(p.b.qp, &wr, &bad) == EINVAL && bad == &wr,
	      "a receive of its own");
	wr.num_sge = (int)p.opt.max_sge + 1;
	CHECK(ibv_post_srq_recv(p.b.srq, &wr, &bad) == EINVAL, "num_sge");
}

static void with_uc(struct pair_opt *opt)
{
	opt->type = IBV_QPT_UC;
}

static const struct test_case cases[] = {
	CASE(rnr_waits), CASE(limit), CASE(last_wqe), CASE(last_wqe_by_error),
	CASE(recv_too_short), CASE(other_pd), CASE(shared), CASE(resize),
	CASE(resize_busy), CASE(ud_gives_back), CASE(wrong),
	CASE(uc_gives_back, .options = with_uc),
};

static void with_srq(struct pair_opt *opt)
{
	opt->srq = true;
}

static void no_event_is_left(void)
{
	no_event(&p.b);
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases),
		.options = with_srq, .after = no_event_is_left,
	};

	return cases_main(&table, argc, argv);
}
