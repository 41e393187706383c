// SPDX-License-Identifier: GPL-2.0
/*
 * timers DEVICE DEVICE [CASE]: many queue pairs whose packets get no answer, or do not
 * even leave. Each gives up after the retries that it was granted, and until then it
 * has sent no more than these allow; what it tries, and how often a timer of it
 * fires, is bounded by the time that it is given and not by what the machine can do.
 * The devices are prxeA and prxeB on the hosts A and B.
 */
#include "local.h"

#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RETRIES		3
#define TRIES		(RETRIES + 1)
#define WRS		4	/* of each queue pair: a write, a send, a read, an atomic */
#define PACKETS		(5 + 3 + 1 + 1)
#define WINDOW		512	/* packets without acknowledgment, at most */
#define READ_TRIES	7	/* of a responder, to send one train */
#define TRACE		"/sys/kernel/tracing/instances/prxe_timers"

static const char *a_name, *b_name;
static struct ibv_qp **qps;
static unsigned int nr;
static struct ibv_cq *cq;
static struct timespec begin;

/* What the counters said, see count_from_here(). */
static const char *const names[] = {
	"timeouts", "retries", "retry_exceeded_err", "sent_pkts", "send_drops",
};
enum { TIMEOUTS, GONE_BACK, EXCEEDED, SENT, DROPS, NR_NAMES };
static unsigned long before[2][NR_NAMES];

static void shell(const char *command)
{
	int status = system(command);

	CHECK(!status, "%s: %d", command, status);
}

static void put(const char *file, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), TRACE "/%s", file);
	f = fopen(path, "we");
	CHECK(f, "%s: %m", path);
	fputs(text, f);
	CHECK(!fclose(f), "%s: %m", path);
}

/* From now on expirations are noted, on a kernel that can. */
static void trace_begin(void)
{
	if (mkdir(TRACE, 0700))
		return;
	put("buffer_size_kb", "16384");
	put("events/timer/timer_expire_entry/enable", "1");
	put("events/timer/hrtimer_expire_entry/enable", "1");
}

static void trace_end(void)
{
	rmdir(TRACE);
}

/* How often this function was called by a timer; 0 where that cannot be known. */
static unsigned long fired(const char *function)
{
	FILE *f = fopen(TRACE "/trace", "re");
	unsigned long n = 0;
	char line[512];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		n += !!strstr(line, function);
	fclose(f);
	return n;
}

static unsigned long elapsed_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned long)((ts.tv_sec - begin.tv_sec) * 1000 +
			       (ts.tv_nsec - begin.tv_nsec) / 1000000 + 1);
}

static void count_from_here(void)
{
	int i;

	for (i = 0; i < NR_NAMES; i++) {
		before[0][i] = counter(a_name, names[i]);
		before[1][i] = counter(b_name, names[i]);
	}
	trace_begin();
	clock_gettime(CLOCK_MONOTONIC, &begin);
}

static unsigned long grown(bool b, int i)
{
	return counter(b ? b_name : a_name, names[i]) - before[b][i];
}

/* To a queue pair that is not there. */
static void connect_all(unsigned int n, const struct pair_opt *opt)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = WRS, .max_recv_wr = 1, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};
	struct ibv_qp nobody = { .qp_num = 0xabc000 };
	struct end e = p.a, peer = p.b;
	unsigned int i;

	nr = n;
	cq = ibv_create_cq(p.a.ctx, (int)(WRS * n), NULL, NULL, 0);
	qps = calloc(n, sizeof(*qps));
	CHECK(cq && qps, "objects");
	init.send_cq = cq;
	init.recv_cq = cq;
	for (i = 0; i < n; i++) {
		qps[i] = ibv_create_qp(p.a.pd, &init);
		CHECK(qps[i], "ibv_create_qp: %m");
		e.qp = qps[i];
		peer.qp = &nobody;
		CHECK(!end_to_init(&e, opt) && !end_to_rtr(&e, &peer, opt) &&
		      !end_to_rts(&e, opt), "connect");
	}
}

static void destroy_all(void)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		CHECK(!ibv_destroy_qp(qps[i]), "ibv_destroy_qp");
	CHECK(!ibv_destroy_cq(cq), "ibv_destroy_cq");
	free(qps);
}

static void post(struct ibv_qp *qp)
{
	struct end e = { .qp = qp };

	need_send(&e, IBV_WR_RDMA_WRITE, 0, sge_of(amr, 0, 5000), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_send(&e, IBV_WR_SEND, 1, sge_of(amr, 0, 3000), 0, 0, IBV_SEND_SIGNALED);
	need_send(&e, IBV_WR_RDMA_READ, 2, sge_of(amr, 8000, 4000), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_atomic(&e, false, 3, sge_of(amr, 16000, 8), (uintptr_t)bbuf, bmr->rkey, 1, 0);
}

static void post_all(void)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		post(qps[i]);
}

/* Of each the first work request has used up its retries, the others are flushed. */
static void need_given_up(unsigned int per_qp)
{
	unsigned int i, exceeded = 0, flushed = 0;

	for (i = 0; i < per_qp * nr; i++) {
		struct ibv_wc wc = need_wc(cq);

		exceeded += wc.status == IBV_WC_RETRY_EXC_ERR && !wc.wr_id;
		flushed += wc.status == IBV_WC_WR_FLUSH_ERR && wc.wr_id;
	}
	CHECK(exceeded == nr && flushed == (per_qp - 1) * nr,
	      "%u used up their retries, %u were flushed", exceeded, flushed);
	CHECK(grown(false, EXCEEDED) == nr, "%lu exceeded", grown(false, EXCEEDED));
	CHECK(grown(false, TIMEOUTS) == TRIES * nr, "%lu timeouts", grown(false, TIMEOUTS));
	CHECK(grown(false, GONE_BACK) == RETRIES * nr, "%lu retries",
	      grown(false, GONE_BACK));
}

static void at_most(const char *what, unsigned long n, unsigned long limit)
{
	printf("%u queue pairs: %lu %s, at most %lu\n", nr, n, what, limit);
	CHECK(n <= limit, "%lu %s", n, what);
}

/* It fires once early for each wait that is longer than the one before. */
static void need_few_timers(void)
{
	at_most("ACK timers fired", fired("prxe_req_timeout"), 2ul * (TRIES + 1) * nr);
}

static unsigned int many(void)
{
	const char *is_long = getenv("PRXE_LONG") ?: "0";

	return strcmp(is_long, "0") ? 1000 : 128;
}

/* The peer is dead. */
static void silence(void)
{
	connect_all(many(), &p.opt);
	count_from_here();
	post_all();
	need_given_up(WRS);
	at_most("packets", grown(false, SENT), (unsigned long)TRIES * PACKETS * nr);
	CHECK(grown(false, SENT) >= (unsigned long)PACKETS * nr, "%lu packets",
	      grown(false, SENT));
	need_few_timers();
	trace_end();
	destroy_all();
}

/* Each try is a window and no more, however much is posted. */
static void windows(void)
{
	struct pair_opt opt = p.opt;
	unsigned int i, k;

	opt.mtu = IBV_MTU_256;
	connect_all(8, &opt);
	count_from_here();
	for (i = 0; i < nr; i++) {
		struct end e = { .qp = qps[i] };

		for (k = 0; k < WRS; k++)
			need_send(&e, IBV_WR_RDMA_WRITE, k, sge_of(amr, 0, SIZE),
				  (uintptr_t)bbuf, bmr->rkey, IBV_SEND_SIGNALED);
	}
	need_given_up(WRS);
	at_most("packets", grown(false, SENT), (unsigned long)TRIES * WINDOW * nr);
	need_few_timers();
	trace_end();
	destroy_all();
}

/*
 * What a queue pair tries when nothing leaves the host: after 0.05, 0.1, ... 12.8 ms,
 * from then on every 12.8 ms.
 */
static unsigned long tries_in(unsigned long ms)
{
	return 12 + ms / 12;
}

/* The host's own queue drops everything. */
static void drops(void)
{
	unsigned long ms;

	connect_all(many(), &p.opt);
	shell("tc -n A qdisc add dev ethA root netem limit 0");
	count_from_here();
	post_all();
	need_given_up(WRS);
	ms = elapsed_ms();
	CHECK(!grown(false, SENT), "%lu packets", grown(false, SENT));
	at_most("sk_buffs dropped", grown(false, DROPS), tries_in(ms) * nr);
	at_most("pauses", fired("prxe_req_wait_over"), tries_in(ms) * nr);
	need_few_timers();
	trace_end();
	shell("tc -n A qdisc del dev ethA root");
	destroy_all();
}

static void no_route(void)
{
	unsigned long ms;

	connect_all(many(), &p.opt);
	shell("ip -n A link set ethA down");
	count_from_here();
	post_all();
	need_given_up(WRS);
	ms = elapsed_ms();
	CHECK(!grown(false, SENT), "%lu packets", grown(false, SENT));
	at_most("pauses", fired("prxe_req_wait_over"), (8 + ms / 30) * nr);
	need_few_timers();
	trace_end();
	destroy_all();
	shell("ip -n A link set ethA up");
}

/* The requests arrive, the answers do not leave the peer's host. */
static void answers_dropped(void)
{
	shell("tc -n B qdisc add dev ethB root netem limit 0");
	nr = 1;
	cq = p.a.scq;
	count_from_here();
	need_send(&p.a, IBV_WR_RDMA_READ, 0, sge_of(amr, 0, SIZE), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_given_up(1);
	at_most("requests", grown(false, SENT), TRIES);
	/* a response that is still under way belongs to one of them */
	at_most("sk_buffs dropped by the peer", grown(true, DROPS), TRIES * READ_TRIES);
	trace_end();
	shell("tc -n B qdisc del dev ethB root");
	need_state(p.a.qp, IBV_QPS_ERR);
}

/* One packet of ten is lost: all arrives, and the timers are the clock's. */
static void loss(void)
{
	struct pair pairs[32];
	unsigned int i, k, n = 32;
	unsigned long ms;

	nr = n;
	for (i = 0; i < n; i++) {
		pairs[i] = p;
		pair_connect(&pairs[i]);
	}
	shell("tc -n A qdisc add dev ethA root netem limit 10000 loss 10%");
	shell("tc -n B qdisc add dev ethB root netem limit 10000 loss 10%");
	count_from_here();
	for (k = 0; k < 20; k++) {
		for (i = 0; i < n; i++)
			need_send(&pairs[i].a, IBV_WR_RDMA_WRITE, 0,
				  sge_of(amr, 100 * i, 5000), (uintptr_t)bbuf + 5000 * i,
				  bmr->rkey, IBV_SEND_SIGNALED);
		for (i = 0; i < n; i++)
			need_ok(pairs[i].a.scq);
	}
	ms = elapsed_ms();
	/* an ACK timeout is 4 ms, in whole jiffies */
	at_most("timeouts", grown(false, TIMEOUTS), (1 + ms / 4) * n);
	at_most("ACK timers fired", fired("prxe_req_timeout"), (2 + ms / 4) * n);
	at_most("packets", grown(false, SENT), 5 * (20 * n + grown(false, GONE_BACK)));
	trace_end();
	shell("tc -n A qdisc del dev ethA root");
	shell("tc -n B qdisc del dev ethB root");
	for (i = 0; i < n; i++)
		pair_disconnect(&pairs[i]);
}

/* Those with the network as it was must find it so. */
static void works(void)
{
	fill(abuf, 5000, 7);
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, 5000), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(bbuf, 5000, 7, "a write in the end");
}

static void few_retries(struct pair_opt *opt)
{
	opt->timeout = 13;	/* 34 ms */
	opt->retry_cnt = RETRIES;
}

static void soon(struct pair_opt *opt)
{
	opt->timeout = 10;	/* 4 ms */
	opt->retry_cnt = 7;
}

static const struct test_case cases[] = {
	CASE(silence), CASE(windows), CASE(drops), CASE(answers_dropped),
	CASE(loss, .options = soon), CASE(no_route), CASE(works),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .len = SIZE,
		.options = few_retries,
	};

	if (argc < 3) {
		fprintf(stderr, "usage: timers DEVICE DEVICE [CASE]\n");
		return 2;
	}
	a_name = argv[1];
	b_name = argv[2];
	return cases_main(&table, argc, argv);
}
