// SPDX-License-Identifier: GPL-2.0
/*
 * counters_qp DEVICE DEVICE [CASE]: counters of queue pairs, by `rdma statistic qp`.
 * While a queue pair is bound its events are in its counter, and in the sum that the
 * device shows; never twice, never lost.
 */
#include "counters.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static char out[65536];

/* A number that `rdma -j` printed; -1 if there is none of that name. */
static long number(const char *name)
{
	char key[64];
	const char *at;

	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(out, key);
	return at ? strtol(at + strlen(key), NULL, 10) : -1;
}

static void need_rdma(const struct end *e, const char *format, unsigned int a,
		      unsigned int b)
{
	int status = rdma_qp(e, out, sizeof(out), format, a, b);

	CHECK(!status, "%s %u %u: %s", format, a, b, out);
}

/* The number of the counter of this queue pair; -1 if it has none. */
static long counter_of(const struct end *e)
{
	need_rdma(e, "show lqpn %u", e->qp->qp_num, 0);
	return number("cntn");
}

static long value_of(const struct end *e, long cntn, const char *name)
{
	need_rdma(e, "show cntn %u", (unsigned int)cntn, 0);
	CHECK(number("cntn") == cntn, "counter %ld: %s", cntn, out);
	return number(name);
}

static long bind_qp(const struct end *e)
{
	long cntn;

	CHECK(counter_of(e) == -1, "bound already: %s", out);
	need_rdma(e, "bind lqpn %u", e->qp->qp_num, 0);
	cntn = counter_of(e);
	CHECK(cntn > 0, "not bound: %s", out);
	return cntn;
}

static void unbind_qp(const struct end *e, long cntn)
{
	need_rdma(e, "unbind cntn %u lqpn %u", (unsigned int)cntn, e->qp->qp_num);
}

static void write_some(struct pair *from, int n)
{
	while (n--) {
		need_send(&from->a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8),
			  (uintptr_t)bbuf, bmr->rkey, IBV_SEND_SIGNALED);
		need_ok(from->a.scq);
	}
}

/* Within some seconds the device has counted so many more packets. */
static void need_sent(const struct end *e, uint64_t n)
{
	int tries = 500;

	while (counted(e, "sent_pkts") < n && --tries)
		;
	CHECK(counted(e, "sent_pkts") == n, "the device counts %lu, not %lu",
	      (unsigned long)counted(e, "sent_pkts"), (unsigned long)n);
}

static void bind_and_unbind(void)
{
	long cntn;

	count_from_here();
	write_some(&p, 3);
	cntn = bind_qp(&p.a);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 0, "what was before: %s", out);
	write_some(&p, 10);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 10, "%s", out);
	CHECK(number("sent_bytes") == 10 * (16 + 16 + 8), "%s", out);
	CHECK(number("rcvd_pkts") == 10 && number("rcvd_bytes") == 200, "%s", out);
	CHECK(number("rdma_sends") == 0 && number("retries") == 0, "%s", out);
	need_sent(&p.a, 13);

	unbind_qp(&p.a, cntn);
	CHECK(counter_of(&p.a) == -1, "%s", out);
	write_some(&p, 5);
	need_sent(&p.a, 18);

	/* another one begins at zero */
	cntn = bind_qp(&p.a);
	write_some(&p, 1);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 1, "%s", out);
	need_sent(&p.a, 19);
	/* destroyed while it is bound */
}

/* What the peer does is counted in the responder's counter. */
static void responder(void)
{
	long cntn = bind_qp(&p.b);

	write_some(&p, 4);
	need_recv(&p.b, 1, sge_of(bmr, 0, 8));
	need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 8), (uintptr_t)bbuf,
		  bmr->rkey ^ 0x00550000, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
	CHECK(value_of(&p.b, cntn, "rcvd_pkts") == 6 && number("sent_acks") == 5 &&
	      number("rdma_recvs") == 1 && number("send_nak_access") == 1 &&
	      number("send_nak") == 1 && number("sent_pkts") == 6, "%s", out);
}

/* Two queue pairs in one counter; a third one counts elsewhere. */
static void shared(void)
{
	struct pair q = p;
	long cntn;

	pair_connect(&q);
	cntn = bind_qp(&p.a);
	need_rdma(&p.a, "bind lqpn %u cntn %u", q.a.qp->qp_num, (unsigned int)cntn);
	write_some(&p, 2);
	write_some(&q, 3);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 5, "%s", out);
	unbind_qp(&p.a, cntn);
	write_some(&p, 7);
	write_some(&q, 1);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 6, "%s", out);
	pair_disconnect(&q);
	CHECK(counter_of(&p.a) == -1, "%s", out);
	CHECK(!strstr(out, "\"cntn\":"), "the counter is there without queue pairs: %s", out);
}

static void need_refusal(const char *format, unsigned int a, unsigned int b)
{
	int status = rdma_qp(&p.a, out, sizeof(out), format, a, b);

	CHECK(status, "%s %u %u succeeded: %s", format, a, b, out);
}

static void wrong_use(void)
{
	unsigned int qpn = p.a.qp->qp_num, cntn;

	need_refusal("bind lqpn %u", 0xabcdef, 0);
	need_refusal("bind lqpn %u cntn %u", qpn, 4711);
	need_refusal("unbind cntn %u lqpn %u", 1, qpn);
	cntn = (unsigned int)bind_qp(&p.a);
	need_refusal("bind lqpn %u", qpn, 0);
	need_refusal("bind lqpn %u cntn %u", qpn, cntn);
	need_refusal("unbind cntn %u lqpn %u", cntn + 1, qpn);
	/* counters that were bound by hand are in the way */
	need_refusal("set auto type on", 0, 0);
	write_some(&p, 1);
	CHECK(value_of(&p.a, cntn, "sent_pkts") == 1, "%s", out);
}

/* Queue pairs find the counter of their type by themselves. */
static void by_type(void)
{
	struct pair rc = p, uc = p;
	long c_rc, c_uc;

	uc.opt.type = IBV_QPT_UC;
	need_rdma(&p.a, "set auto type on", 0, 0);
	pair_connect(&rc);
	pair_connect(&uc);
	need_refusal("bind lqpn %u", p.a.qp->qp_num, 0);
	c_rc = counter_of(&rc.a);
	c_uc = counter_of(&uc.a);
	CHECK(c_rc > 0 && c_uc > 0 && c_rc != c_uc, "%ld, %ld", c_rc, c_uc);
	CHECK(counter_of(&p.a) == -1, "it was there before: %s", out);
	count_from_here();
	write_some(&p, 1);
	write_some(&rc, 2);
	write_some(&uc, 4);
	CHECK(value_of(&p.a, c_rc, "sent_pkts") == 2, "%s", out);
	CHECK(value_of(&p.a, c_uc, "sent_pkts") == 4, "%s", out);
	CHECK(number("rcvd_pkts") == 0, "%s", out);
	need_sent(&p.a, 7);
	pair_disconnect(&uc);
	pair_disconnect(&rc);
	need_rdma(&p.a, "set auto off", 0, 0);
	need_sent(&p.a, 7);
}

static atomic_bool stop;

static void *keep_writing(void *n)
{
	while (!stop) {
		write_some(&p, 1);
		++*(uint64_t *)n;
	}
	return NULL;
}

/* Whatever is bound while packets leave and arrive, the sum is right in the end. */
static void under_traffic(void)
{
	uint64_t n = 0;
	pthread_t thread;
	int i;

	count_from_here();
	stop = false;
	CHECK(!pthread_create(&thread, NULL, keep_writing, &n), "pthread_create");
	for (i = 0; i < 20; i++) {
		long a = bind_qp(&p.a), b = bind_qp(&p.b);

		unbind_qp(&p.a, a);
		unbind_qp(&p.b, b);
	}
	stop = true;
	pthread_join(thread, NULL);
	CHECK(n, "no traffic");
	need_sent(&p.a, n);
	need_sent(&p.b, n);
	need_counts((const struct want[]) {
		{ "sent_pkts", n, n }, { "rcvd_pkts", n, n }, { "sent_acks", 0, n }, {},
	});
	printf("%lu packets\n", (unsigned long)n);
}

static const struct test_case cases[] = {
	CASE(bind_and_unbind), CASE(responder), CASE(shared), CASE(wrong_use),
	CASE(by_type), CASE(under_traffic),
};

static void patient(struct pair_opt *opt)
{
	opt->timeout = 21;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = patient,
	};

	return cases_main(&table, argc, argv);
}
