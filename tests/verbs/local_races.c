// SPDX-License-Identifier: GPL-2.0
/*
 * local_races DEVICE DEVICE OTHER [CASE]: connections within DEVICE, which is given
 * twice, under everything at once: both directions, queue pairs and regions that go
 * away, atomics from two sides. OTHER is a device on the other host.
 */
#include "local.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static const char *device, *other;

/* Half of each buffer belongs to a direction. */
struct direction {
	struct end *from, *to;
	struct ibv_mr *smr, *dmr;
	uint8_t *src, *dst;
	size_t base;
};

static void *one_direction(void *arg)
{
	struct direction *d = arg;
	const size_t len = 50021;
	unsigned int i, j;

	for (i = 0; i < 150; i++) {
		fill(d->src + d->base, 4 * len, i);
		need_recv(d->to, i, sge_of(d->dmr, d->base + 2 * len, len));
		need_recv(d->to, i, sge_of(d->dmr, 0, 0));
		need_send(d->from, IBV_WR_RDMA_WRITE, 0,
			  sge_of(d->smr, d->base, len),
			  (uintptr_t)d->dst + d->base, d->dmr->rkey, 0);
		need_send(d->from, IBV_WR_RDMA_WRITE, 0,
			  sge_of(d->smr, d->base + len, len),
			  (uintptr_t)d->dst + d->base + len, d->dmr->rkey, 0);
		need_send(d->from, IBV_WR_SEND, 1,
			  sge_of(d->smr, d->base + 2 * len, len), 0, 0,
			  IBV_SEND_SIGNALED);
		need_send(d->from, IBV_WR_RDMA_WRITE_WITH_IMM, 2,
			  sge_of(d->smr, d->base + 3 * len, len),
			  (uintptr_t)d->dst + d->base + 3 * len, d->dmr->rkey,
			  IBV_SEND_SIGNALED);
		for (j = 1; j < 3; j++) {
			CHECK(need_ok(d->to->rcq).wr_id == i, "receive");
			CHECK(need_ok(d->from->scq).wr_id == j, "send");
		}
		need_pattern(d->dst + d->base, 4 * len, i, "one direction");
	}
	return NULL;
}

static void both_ways_at_once(void)
{
	struct direction d[2] = {
		{ &p.a, &p.b, amr, bmr, abuf, bbuf, 0 },
		{ &p.b, &p.a, bmr, amr, bbuf, abuf, SIZE / 2 },
	};
	pthread_t t[2];
	int i;

	for (i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, one_direction, &d[i]), "thread");
	for (i = 0; i < 2; i++)
		CHECK(!pthread_join(t[i], NULL), "join");
}

static void both_ways(void)
{
	both_ways_at_once();
	flip_begin();
	both_ways_at_once();
	flip_stop();
}

/* Writes until one fails. Return: the first status that is not success. */
static void *stream(void *arg)
{
	unsigned int i, out = 0;
	struct ibv_wc wc;

	for (i = 0;; i++) {
		if (out < 32) {
			if (post_send(&p.a, IBV_WR_RDMA_WRITE, i,
				      sge_of(amr, 0, 10007), (uintptr_t)bbuf,
				      *(uint32_t *)arg, IBV_SEND_SIGNALED))
				return (void *)(uintptr_t)IBV_WC_WR_FLUSH_ERR;
			out++;
		}
		if (out == 32 || i % 7 == 0) {
			wc = need_wc(p.a.scq);
			if (wc.status)
				return (void *)(uintptr_t)wc.status;
			out--;
		}
	}
}

static enum ibv_wc_status disturb(void (*disturbance)(void), uint32_t rkey)
{
	static unsigned int seed;
	pthread_t t;
	void *status;

	CHECK(!pthread_create(&t, NULL, stream, &rkey), "thread");
	usleep((useconds_t)rand_r(&seed) % 3000);
	disturbance();
	CHECK(!pthread_join(t, &status), "join");
	return (enum ibv_wc_status)(uintptr_t)status;
}

static struct ibv_mr *victim;

static void dereg(void)
{
	CHECK(!ibv_dereg_mr(victim), "ibv_dereg_mr");
}

/* The peer's region goes away under a stream of writes. */
static void region_goes(void)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		victim = need_mr(&p.b, bbuf, SIZE, all_rights);
		CHECK(disturb(dereg, victim->rkey) == IBV_WC_REM_ACCESS_ERR, "");
		need_state(p.a.qp, IBV_QPS_ERR);
		need_state(p.b.qp, IBV_QPS_ERR);
		need_event(&p.b, IBV_EVENT_QP_ACCESS_ERR);
		pair_disconnect(&p);
		pair_connect(&p);
	}
}

static void peer_err(void)
{
	to_state(p.b.qp, IBV_QPS_ERR);
}

static void peer_reset(void)
{
	to_state(p.b.qp, IBV_QPS_RESET);
}

static void own_err(void)
{
	to_state(p.a.qp, IBV_QPS_ERR);
}

static void peer_destroy(void)
{
	CHECK(!ibv_destroy_qp(p.b.qp), "ibv_destroy_qp");
	p.b.qp = NULL;
}

/* A queue pair changes its state, or goes away, under a stream of writes. */
static void queue_pair_goes(void)
{
	static const struct {
		void (*fn)(void);
		enum ibv_wc_status status;
	} d[] = {
		{ peer_err, IBV_WC_RETRY_EXC_ERR },
		{ peer_reset, IBV_WC_RETRY_EXC_ERR },
		{ own_err, IBV_WC_WR_FLUSH_ERR },
		{ peer_destroy, IBV_WC_RETRY_EXC_ERR },
	};
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};
	enum ibv_wc_status got, want;
	unsigned int i, kind;

	for (i = 0; i < 40; i++) {
		kind = i % 4;
		want = d[kind].status;
		got = disturb(d[kind].fn, bmr->rkey);
		CHECK(got == want, "%u: %s", kind, ibv_wc_status_str(got));
		init.send_cq = p.b.scq;
		init.recv_cq = p.b.rcq;
		if (!p.b.qp)	/* for pair_disconnect() */
			p.b.qp = ibv_create_qp(p.b.pd, &init);
		pair_disconnect(&p);
		pair_connect(&p);
	}
}

/* Two that count on one word, one by packets and one without. */
#define COUNTS	3000

struct counting {
	struct end *e;
	struct ibv_mr *mr;
	uint64_t remote;
	uint32_t rkey;
};

static void *count_up(void *arg)
{
	struct counting *c = arg;
	unsigned int i;

	for (i = 0; i < COUNTS; i++) {
		need_atomic(c->e, false, i, sge_of(c->mr, 0, 8), c->remote,
			    c->rkey, 1, 0);
		need_ok(c->e->scq);
	}
	return NULL;
}

static void atomics_mixed(void)
{
	struct counting c[2];
	uint64_t result[2];
	pthread_t t[2];
	struct pair q;
	struct ibv_mr *mr;
	int i;

	pair_open(&q, other, device, NULL);
	pair_connect(&q);
	mr = need_mr(&q.b, bbuf, SIZE, all_rights);
	for (i = 0; i < 2; i++) {
		c[i].e = i ? &q.a : &p.a;
		c[i].mr = need_mr(c[i].e, &result[i], 8, all_rights);
		c[i].remote = (uintptr_t)bbuf + 4096;
		c[i].rkey = i ? mr->rkey : bmr->rkey;
	}
	memset(bbuf + 4096, 0, 8);
	for (i = 0; i < 2; i++)
		CHECK(!pthread_create(&t[i], NULL, count_up, &c[i]), "thread");
	for (i = 0; i < 2; i++)
		CHECK(!pthread_join(t[i], NULL), "join");
	CHECK(*(uint64_t *)(bbuf + 4096) == 2 * COUNTS, "%llu",
	      (unsigned long long)*(uint64_t *)(bbuf + 4096));
	CHECK(!ibv_dereg_mr(c[0].mr) && !ibv_dereg_mr(c[1].mr) &&
	      !ibv_dereg_mr(mr), "ibv_dereg_mr");
	pair_disconnect(&q);
	pair_close(&q);
}

static const struct test_case cases[] = {
	CASE(both_ways), CASE(region_goes), CASE(atomics_mixed),
	CASE(queue_pair_goes, .options = soon_tired),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .len = SIZE,
		.before = local_path_on, .after = local_path_on,
	};

	if (argc < 4) {
		fprintf(stderr, "usage: local_races DEVICE DEVICE OTHER [CASE]\n");
		return 2;
	}
	device = argv[1];
	other = argv[3];
	argv[3] = argv[4];
	return cases_main(&table, argc - 1, argv);
}
