// SPDX-License-Identifier: GPL-2.0
/*
 * cq_resize DEVICE DEVICE [CASE]: entries that were not polled survive a change of
 * the size, in order; what does not fit is refused; nothing is lost meanwhile.
 */
#include "cases.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static uint64_t next_send, next_poll;

static void write_one(void)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, next_send++, sge_of(amr, 0, 8),
		  (uintptr_t)bbuf, bmr->rkey, IBV_SEND_SIGNALED);
}

static void poll_one(void)
{
	CHECK(need_ok(p.a.scq).wr_id == next_poll, "out of order");
	next_poll++;
}

/* @n completions are there and not polled. */
static void pile_up(unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		write_one();
	/* the last one is there when a later read of the other end has seen it */
	need_recv(&p.b, 0, sge_of(bmr, 8, 8));
	need_send(&p.a, IBV_WR_SEND, next_send++, sge_of(amr, 0, 8), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.b.rcq);
}

static void resize(int cqe, int err)
{
	int ret = ibv_resize_cq(p.a.scq, cqe);

	CHECK(ret == err, "to %d: %d, not %d", cqe, ret, err);
	CHECK(err || p.a.scq->cqe >= cqe, "%d granted of %d", p.a.scq->cqe, cqe);
}

static void grow_and_shrink(void)
{
	static const int sizes[] = { 1000, 64, 65, 16384, 63, 128 };
	unsigned int i, n;

	for (i = 0; i < 60; i++) {
		n = i % 50;
		pile_up(n);
		resize(sizes[i % 6], 0);
		for (; n; n--)
			poll_one();
		poll_one();
		write_one();
		poll_one();
		need_empty(p.a.scq);
	}
}

static void does_not_fit(void)
{
	pile_up(39);		/* and one more */
	resize(32, EINVAL);
	resize(1, EINVAL);
	resize(0, EINVAL);
	resize((1 << 20) + 1, EINVAL);
	resize(33, 0);		/* makes 64 */
	while (next_poll < next_send)
		poll_one();
	resize(1, 0);
	write_one();
	poll_one();
	need_empty(p.a.scq);
}

/* A queue that was full overflows no more. */
static void room(void)
{
	unsigned int i;

	resize(64, 0);
	for (i = 0; i < 64; i++)
		write_one();
	resize(1 << 10, 0);
	for (i = 0; i < 64; i++)
		write_one();
	while (next_poll < next_send)
		poll_one();
}

/* What was armed before is still armed. */
static void armed(void)
{
	struct ibv_cq *cq;
	void *ctx;

	CHECK(!ibv_req_notify_cq(p.a.scq, 0), "arm");
	resize(500, 0);
	write_one();
	CHECK(!ibv_get_cq_event(p.a.channel, &cq, &ctx) && cq == p.a.scq, "event");
	ibv_ack_cq_events(cq, 1);
	poll_one();
}

static atomic_bool stop;

static void *resizer(void *arg)
{
	unsigned int i;

	(void)arg;
	for (i = 0; !stop; i++) {
		resize(i % 2 ? 64 : 3000, 0);
		usleep(500);	/* a poller gets the lock too */
	}
	return NULL;
}

/* While completions come in and another thread polls. */
static void busy(void)
{
	pthread_t thread;

	stop = false;
	CHECK(!pthread_create(&thread, NULL, resizer, NULL), "thread");
	while (next_poll < 5000) {
		while (next_send - next_poll < 32)
			write_one();
		poll_one();
	}
	stop = true;
	pthread_join(thread, NULL);
	while (next_poll < next_send)
		poll_one();
	need_empty(p.a.scq);
}

static const struct test_case cases[] = {
	CASE(grow_and_shrink), CASE(does_not_fit), CASE(room), CASE(armed),
	CASE(busy),
};

static void room_for_all(struct pair_opt *opt)
{
	opt->channel = true;
	opt->max_wr = 128;
}

static void count_anew(void)
{
	next_send = 0;
	next_poll = 0;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases),
		.options = room_for_all, .before = count_anew,
	};

	return cases_main(&table, argc, argv);
}
