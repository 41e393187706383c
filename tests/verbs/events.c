// SPDX-License-Identifier: GPL-2.0
/*
 * events DEVICE DEVICE [CASE]: the asynchronous events that a program can get, each
 * when it is due and not before. The devices are prxeA and prxeB on the hosts A and B.
 */
#include "cases.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void need_no_event(struct end *e)
{
	struct pollfd pfd = { .fd = e->ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	if (poll(&pfd, 1, 100) == 0)
		return;
	CHECK(!ibv_get_async_event(e->ctx, &ev), "ibv_get_async_event");
	FAIL("event %s", ibv_event_type_str(ev.event_type));
}

/* This event comes; others that a change of addresses brings are passed over. */
static struct ibv_async_event need_port_event(struct end *e, enum ibv_event_type type)
{
	struct pollfd pfd = { .fd = e->ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	do {
		CHECK(poll(&pfd, 1, 20000) == 1, "no event %s", ibv_event_type_str(type));
		CHECK(!ibv_get_async_event(e->ctx, &ev), "ibv_get_async_event");
		ibv_ack_async_event(&ev);
	} while (ev.event_type == IBV_EVENT_GID_CHANGE && type != IBV_EVENT_GID_CHANGE);
	CHECK(ev.event_type == type, "event %s, not %s", ibv_event_type_str(ev.event_type),
	      ibv_event_type_str(type));
	return ev;
}

/* What the addresses did before is not of interest. */
static void forget_events(struct end *e)
{
	struct pollfd pfd = { .fd = e->ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	while (poll(&pfd, 1, 200) == 1) {
		CHECK(!ibv_get_async_event(e->ctx, &ev), "ibv_get_async_event");
		ibv_ack_async_event(&ev);
	}
}

static void shell(const char *command)
{
	int status = system(command);

	CHECK(!status, "%s: %d", command, status);
}

static void to_state(struct ibv_qp *qp, enum ibv_qp_state state, int mask)
{
	struct ibv_qp_attr attr = { .qp_state = state, .en_sqd_async_notify = 1 };
	int err = ibv_modify_qp(qp, &attr, IBV_QP_STATE | mask);

	CHECK(!err, "modify to %d: %s", state, strerror(err));
}

static void write_one(void)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
}

static void b_to_rtr(void)
{
	to_state(p.b.qp, IBV_QPS_RESET, 0);
	CHECK(!end_to_init(&p.b, &p.opt) && !end_to_rtr(&p.b, &p.a, &p.opt), "RTR");
}

/* Of all packets that come in RTR the first, of those in RTS none. */
static void comm_est(void)
{
	struct ibv_async_event ev;
	int i;

	write_one();
	need_no_event(&p.b);
	to_state(p.a.qp, IBV_QPS_RESET, 0);
	CHECK(!end_to_init(&p.a, &p.opt) && !end_to_rtr(&p.a, &p.b, &p.opt) &&
	      !end_to_rts(&p.a, &p.opt), "up again");
	b_to_rtr();
	need_no_event(&p.b);
	write_one();
	ev = need_port_event(&p.b, IBV_EVENT_COMM_EST);
	CHECK(ev.element.qp == p.b.qp, "another queue pair");
	for (i = 0; i < 3; i++)
		write_one();
	need_no_event(&p.b);
	CHECK(!end_to_rts(&p.b, &p.opt), "RTS");
	write_one();
	need_no_event(&p.b);
	need_no_event(&p.a);
	CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "state");
}

/* A packet that is refused establishes nothing. */
static void comm_est_refused(void)
{
	b_to_rtr();
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
		  bmr->rkey ^ 0x00550000, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
	need_no_event(&p.b);
}

static void access_error(void)
{
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf + LEN,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
	need_no_event(&p.b);
	need_no_event(&p.a);
}

static void request_error(void)
{
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf + 4, bmr->rkey,
		    1, 0);
	need_status(p.a.scq, IBV_WC_REM_INV_REQ_ERR);
	need_event(&p.b, IBV_EVENT_QP_REQ_ERR);
	need_no_event(&p.b);
	need_no_event(&p.a);
}

/* Once, when asked for; and not at all when not. */
static void sq_drained(void)
{
	write_one();
	to_state(p.a.qp, IBV_QPS_SQD, IBV_QP_EN_SQD_ASYNC_NOTIFY);
	need_event(&p.a, IBV_EVENT_SQ_DRAINED);
	need_no_event(&p.a);
	to_state(p.a.qp, IBV_QPS_RTS, 0);
	write_one();
	need_no_event(&p.a);
}

static void sq_drained_unasked(void)
{
	to_state(p.a.qp, IBV_QPS_SQD, 0);
	need_no_event(&p.a);
}

static void last_wqe(void)
{
	to_state(p.b.qp, IBV_QPS_ERR, 0);
	need_event(&p.b, IBV_EVENT_QP_LAST_WQE_REACHED);
	need_no_event(&p.b);
}

static void srq_limit(void)
{
	struct ibv_srq_attr attr = { .srq_limit = 2 };
	struct ibv_recv_wr wr = {}, *bad;
	int i;

	for (i = 0; i < 4; i++)
		CHECK(!ibv_post_srq_recv(p.b.srq, &wr, &bad), "post_srq_recv");
	CHECK(!ibv_modify_srq(p.b.srq, &attr, IBV_SRQ_LIMIT), "limit");
	for (i = 0; i < 4; i++) {
		if (i < 2)
			need_no_event(&p.b);
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 0), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
		if (i == 2)
			need_event(&p.b, IBV_EVENT_SRQ_LIMIT_REACHED);
	}
	need_no_event(&p.b);
}

/*
 * A queue pair that cannot tell of a completion any more is broken, and says so; the
 * peer finds out.
 */
static void cq_overflow(bool sends)
{
	struct ibv_cq *small = ibv_create_cq(p.b.ctx, 4, NULL, NULL, 0);
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 64, .max_recv_wr = 64, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
		.send_cq = sends ? small : p.b.scq, .recv_cq = sends ? p.b.rcq : small,
	};
	struct end e = p.b;
	unsigned int i, n;

	CHECK(small, "ibv_create_cq");
	e.qp = ibv_create_qp(e.pd, &init);
	CHECK(e.qp, "ibv_create_qp");
	to_state(p.a.qp, IBV_QPS_RESET, 0);
	CHECK(!end_to_init(&e, &p.opt) && !end_to_rtr(&e, &p.a, &p.opt) &&
	      !end_to_rts(&e, &p.opt) && !end_to_init(&p.a, &p.opt) &&
	      !end_to_rtr(&p.a, &e, &p.opt) && !end_to_rts(&p.a, &p.opt), "connect");
	n = (unsigned int)small->cqe;
	for (i = 0; i <= n; i++) {
		if (sends) {
			need_send(&e, IBV_WR_RDMA_WRITE, 1, sge_of(bmr, 0, 8),
				  (uintptr_t)abuf, amr->rkey, IBV_SEND_SIGNALED);
			continue;
		}
		need_recv(&e, i, sge_of(bmr, 0, 8));
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
	}
	need_event(&p.b, IBV_EVENT_CQ_ERR);
	need_event(&p.b, IBV_EVENT_QP_FATAL);
	need_state(e.qp, IBV_QPS_ERR);
	need_no_event(&p.b);
	CHECK(!ibv_destroy_qp(e.qp) && !ibv_destroy_cq(small), "destroy");
}

static void sends_overflow(void)
{
	cq_overflow(true);
}

static void receives_overflow(void)
{
	cq_overflow(false);
}

static void port(void)
{
	struct ibv_port_attr attr;

	forget_events(&p.b);
	shell("ip -n B link set ethB down");
	CHECK(need_port_event(&p.b, IBV_EVENT_PORT_ERR).element.port_num == 1, "port");
	CHECK(!ibv_query_port(p.b.ctx, 1, &attr) && attr.state == IBV_PORT_DOWN, "state");
	/* the peer's carrier is gone */
	need_port_event(&p.a, IBV_EVENT_PORT_ERR);
	shell("ip -n B link set ethB up");
	CHECK(need_port_event(&p.b, IBV_EVENT_PORT_ACTIVE).element.port_num == 1, "port");
	need_port_event(&p.a, IBV_EVENT_PORT_ACTIVE);
	CHECK(!ibv_query_port(p.b.ctx, 1, &attr) && attr.state == IBV_PORT_ACTIVE, "state");
	/* the address for the cases behind */
	shell("ip -n B addr replace fd77::2/64 dev ethB nodad");
	need_port_event(&p.b, IBV_EVENT_GID_CHANGE);
	forget_events(&p.b);
	forget_events(&p.a);
}

static bool has_gid(const union ibv_gid *want)
{
	union ibv_gid gid;
	int i;

	for (i = 0; i < 64; i++)
		if (!ibv_query_gid(p.b.ctx, 1, i, &gid) &&
		    !memcmp(&gid, want, sizeof(gid)))
			return true;
	return false;
}

static void gid_change(void)
{
	static const union ibv_gid gid = {
		.raw = { [10] = 0xff, [11] = 0xff, 10, 77, 0, 99 },
	};

	forget_events(&p.b);
	shell("ip -n B addr add 10.77.0.99/24 dev ethB");
	CHECK(need_port_event(&p.b, IBV_EVENT_GID_CHANGE).element.port_num == 1, "port");
	CHECK(has_gid(&gid), "no new GID");
	forget_events(&p.b);
	shell("ip -n B addr del 10.77.0.99/24 dev ethB");
	need_port_event(&p.b, IBV_EVENT_GID_CHANGE);
	CHECK(!has_gid(&gid), "the GID is still there");
	forget_events(&p.b);
}

/* The last thing that a program hears of a device. */
static void device_fatal(void)
{
	shell("rdma link delete prxeB");
	need_port_event(&p.b, IBV_EVENT_DEVICE_FATAL);
	exit(0);
}

static void with_srq(struct pair_opt *opt)
{
	opt->srq = true;
}

static void unreliable(struct pair_opt *opt)
{
	opt->type = IBV_QPT_UC;
}

static const struct test_case cases[] = {
	CASE(comm_est), { "comm_est, UC", comm_est, .options = unreliable },
	CASE(comm_est_refused), CASE(access_error), CASE(request_error),
	CASE(sq_drained), CASE(sq_drained_unasked),
	CASE(last_wqe, .options = with_srq), CASE(srq_limit, .options = with_srq),
	CASE(sends_overflow), CASE(receives_overflow), CASE(port), CASE(gid_change),
	CASE(device_fatal, .manual = true),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases),
	};

	return cases_main(&table, argc, argv);
}
