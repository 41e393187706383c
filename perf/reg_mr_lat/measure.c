// SPDX-License-Identifier: GPL-2.0
/*
 * Threads that register and deregister. All begin together; what is timed is one
 * call of libibverbs, by CLOCK_MONOTONIC, and nothing of making the memory.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "reg_mr_lat.h"

#define ACCESS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)
#define GROW	4096	/* samples, at the beginning, where only the duration is known */

/* What the threads of one size share. */
struct run {
	struct test *t;
	size_t size;
	uint64_t clock;			/* clock_cost() */
	pthread_mutex_t lock;		/* making buffers */
	pthread_barrier_t begin;
	atomic_bool failed;
};

/**
 * struct thread - one of them
 * @buf: its memory; the second for another translation
 * @ns: what it measured
 * @count: samples so far
 * @room: samples that there is room for
 */
struct thread {
	struct run *run;
	pthread_t id;
	struct buffer buf[2];
	uint64_t *ns[OPS];
	size_t count;
	size_t room;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t clock_cost(void)
{
	static uint64_t least = UINT64_MAX;
	uint64_t a, b;
	int i;

	for (i = 0; i < 1000; i++) {
		a = now();
		b = now();
		if (b - a < least)
			least = b - a;
	}
	return least;
}

/* From one look at the clock to another, without what a look takes. */
static uint64_t between(const struct run *run, uint64_t t0, uint64_t t1)
{
	return t1 - t0 > run->clock ? t1 - t0 - run->clock : 0;
}

static bool measured(const struct options *o, enum op op)
{
	return op != OP_REREG || o->rereg;
}

struct ibv_mr *register_buffer(struct test *t, const struct buffer *b)
{
	int access = ACCESS;

	if (b->addr) {
		if (t->o->odp)
			access |= IBV_ACCESS_ON_DEMAND;
		return ibv_reg_mr(t->pd, b->addr, b->size, access);
	}
	return ibv_reg_dmabuf_mr(t->pd, b->dmabuf.offset, b->size, 0, b->dmabuf.fd,
				 access);
}

static int rereg(struct thread *th, struct ibv_mr *mr)
{
	struct test *t = th->run->t;
	int access = IBV_ACCESS_LOCAL_WRITE | (t->o->odp ? IBV_ACCESS_ON_DEMAND : 0);

	switch (t->o->rereg) {
	case REREG_TRANSLATION:
		return ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_TRANSLATION, t->pd,
				    th->buf[1].addr, th->buf[1].size, 0);
	case REREG_ACCESS:
		return ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_ACCESS, t->pd, NULL, 0,
				    access);
	default:
		return ibv_rereg_mr(mr, IBV_REREG_MR_CHANGE_PD, t->pd2, NULL, 0, 0);
	}
}

static int complain(struct run *run, const char *what, int error)
{
	/* One message for all threads. */
	if (!atomic_exchange(&run->failed, true)) {
		fprintf(stderr, " Couldn't %s %zu bytes of %s on %s: %s\n", what,
			run->size, memory_name(&run->t->memory),
			ibv_get_device_name(run->t->ctx->device), strerror(error));
		if (error == EOPNOTSUPP && run->t->o->memory == MEMORY_DMABUF)
			fprintf(stderr, " The device does not do that with dma-bufs, or not with these\n");
	}
	return -1;
}

/* Once; @ns has room for all operations. */
static int once(struct thread *th, uint64_t ns[OPS])
{
	struct run *run = th->run;
	uint64_t t0, t1;
	struct ibv_mr *mr;
	int ret;

	errno = 0;
	t0 = now();
	mr = register_buffer(run->t, &th->buf[0]);
	t1 = now();
	if (!mr)
		return complain(run, "register", errno);
	ns[OP_REG] = between(run, t0, t1);

	if (run->t->o->rereg) {
		errno = 0;
		t0 = now();
		ret = rereg(th, mr);
		t1 = now();
		ns[OP_REREG] = between(run, t0, t1);
		if (ret) {
			complain(run, "register again", errno);
			ibv_dereg_mr(mr);
			return -1;
		}
	}

	t0 = now();
	ret = ibv_dereg_mr(mr);
	t1 = now();
	ns[OP_DEREG] = between(run, t0, t1);
	return ret ? complain(run, "deregister", ret) : 0;
}

static int grow(struct thread *th)
{
	size_t room = th->room ? th->room * 2 : GROW;
	enum op op;

	for (op = 0; op < OPS; op++) {
		uint64_t *ns;

		if (!measured(th->run->t->o, op))
			continue;
		ns = realloc(th->ns[op], room * sizeof(*ns));
		if (!ns)
			return complain(th->run, "keep the samples of", ENOMEM);
		/* Pages that are here already: none is made between two calls. */
		memset(ns + th->room, 0, (room - th->room) * sizeof(*ns));
		th->ns[op] = ns;
	}
	th->room = room;
	return 0;
}

/* New memory that nobody has touched, in place of the old. */
static int renew(struct thread *th, unsigned int i)
{
	struct run *run = th->run;
	int ret;

	pthread_mutex_lock(&run->lock);
	buffer_free(&run->t->memory, &th->buf[i]);
	ret = buffer_make(&run->t->memory, run->size, false, &th->buf[i]);
	if (ret) {
		th->buf[i] = (struct buffer) { .dmabuf.fd = -1 };
		atomic_store(&run->failed, true);
	}
	pthread_mutex_unlock(&run->lock);
	return ret;
}

static int renew_all(struct thread *th)
{
	const struct options *o = th->run->t->o;

	if (!o->first_touch)
		return 0;
	if (renew(th, 0))
		return -1;
	return o->rereg == REREG_TRANSLATION ? renew(th, 1) : 0;
}

static int sample(struct thread *th, bool keep)
{
	uint64_t ns[OPS] = { 0 };
	enum op op;

	if (keep && th->count == th->room && grow(th))
		return -1;
	if (renew_all(th) || once(th, ns))
		return -1;
	for (op = 0; keep && op < OPS; op++)
		if (th->ns[op])
			th->ns[op][th->count] = ns[op];
	th->count += keep;
	return 0;
}

static void *thread_main(void *arg)
{
	struct thread *th = arg;
	const struct options *o = th->run->t->o;
	uint64_t end;
	unsigned int i;

	for (i = 0; i < o->warmup && !th->run->failed; i++)
		sample(th, false);
	pthread_barrier_wait(&th->run->begin);
	end = now() + o->duration * 1000000000ull;
	while (!th->run->failed &&
	       (o->duration ? now() < end || !th->count : th->count < o->iters))
		if (sample(th, true))
			break;
	return NULL;
}

static int thread_init(struct thread *th, struct run *run)
{
	const struct options *o = run->t->o;
	unsigned int i, nr = o->rereg == REREG_TRANSLATION ? 2 : 1;

	th->run = run;
	for (i = 0; i < 2; i++)
		th->buf[i] = (struct buffer) { .dmabuf.fd = -1 };
	for (i = 0; i < nr; i++)
		if (buffer_make(&run->t->memory, run->size, !o->first_touch,
				&th->buf[i])) {
			th->buf[i] = (struct buffer) { .dmabuf.fd = -1 };
			return -1;
		}
	while (th->room < o->iters || !th->room)
		if (grow(th))
			return -1;
	return 0;
}

static void thread_free(struct thread *th)
{
	struct memory_source *m = &th->run->t->memory;
	unsigned int i;

	for (i = 0; i < 2; i++)
		if (th->buf[i].addr || th->buf[i].dmabuf.fd >= 0)
			buffer_free(m, &th->buf[i]);
	for (i = 0; i < OPS; i++)
		free(th->ns[i]);
}

/* The samples of all threads, one after the other. */
static int collect(struct thread *th, unsigned int nr, struct samples *s)
{
	size_t at = 0;
	unsigned int i;
	enum op op;

	for (i = 0; i < nr; i++)
		s->count += th[i].count;
	for (op = 0; op < OPS; op++) {
		if (!th->ns[op])
			continue;
		s->ns[op] = malloc(s->count * sizeof(*s->ns[op]));
		if (!s->ns[op])
			return complain(th->run, "keep the samples of", ENOMEM);
		for (at = 0, i = 0; i < nr; at += th[i].count, i++)
			memcpy(s->ns[op] + at, th[i].ns[op],
			       th[i].count * sizeof(*s->ns[op]));
	}
	return 0;
}

static int run_threads(struct run *run, struct thread *th, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		int error = pthread_create(&th[i].id, NULL, thread_main, &th[i]);

		/* Those that run wait for it: there is no way on. */
		if (error) {
			fprintf(stderr, " Couldn't start thread %u: %s\n", i,
				strerror(error));
			exit(1);
		}
	}
	for (i = 0; i < nr; i++)
		pthread_join(th[i].id, NULL);
	return run->failed ? -1 : 0;
}

int measure(struct test *t, size_t size, struct samples *s)
{
	unsigned int nr = t->o->threads, made = 0;
	struct thread *th = calloc(nr, sizeof(*th));
	struct run run = { .t = t, .size = size, .clock = clock_cost() };
	int ret = 0;

	*s = (struct samples) { 0 };
	if (!th)
		return complain(&run, "keep the samples of", ENOMEM);
	pthread_mutex_init(&run.lock, NULL);
	pthread_barrier_init(&run.begin, NULL, nr);
	while (!ret && made < nr)
		ret = thread_init(&th[made++], &run);
	if (!ret)
		ret = run_threads(&run, th, nr);
	if (!ret)
		ret = collect(th, nr, s);
	while (made--)
		thread_free(&th[made]);
	free(th);
	pthread_barrier_destroy(&run.begin);
	pthread_mutex_destroy(&run.lock);
	if (ret)
		samples_free(s);
	return ret;
}

void samples_free(struct samples *s)
{
	enum op op;

	for (op = 0; op < OPS; op++)
		free(s->ns[op]);
	*s = (struct samples) { 0 };
}
