// SPDX-License-Identifier: GPL-2.0
/*
 * Traffic while the exporter moves the buffers away and back.
 *
 * In each round every byte is transferred once, so that one that a move has lost
 * is missed afterwards. The CPU looks only while there is neither traffic nor a
 * move: on some kernels a running process does not see a move at once.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define SIZE	(2 * MIB)
#define CHUNK	40961ul		/* no part of a page is the same twice */
#define CHUNKS	((unsigned int)((SIZE + CHUNK - 1) / CHUNK))

enum { A_OUT, A_IN, B_IN, B_OUT, MEMS };

static const char *const roles[MEMS] = {
	"A: source of writes", "A: target of reads", "B: target of writes",
	"B: source of reads",
};

struct traffic {
	struct pair *p;
	struct mem *mem;
	atomic_uint done;	/* messages */
	atomic_uint moves;	/* of all buffers, in this round */
	atomic_bool running;
};

/* A writes A_OUT to B_IN and reads B_OUT to A_IN, a chunk at a time. */
static void sweep(struct traffic *t)
{
	struct mem *m = t->mem;

	for (size_t at = 0; at < SIZE; at += CHUNK) {
		size_t len = SIZE - at < CHUNK ? SIZE - at : CHUNK;

		need_send(&t->p->a, IBV_WR_RDMA_WRITE, 1, mem_sge(&m[A_OUT], at, len),
			  m[B_IN].iova + at, m[B_IN].mr->rkey, IBV_SEND_SIGNALED);
		need_send(&t->p->a, IBV_WR_RDMA_READ, 2, mem_sge(&m[A_IN], at, len),
			  m[B_OUT].iova + at, m[B_OUT].mr->rkey, IBV_SEND_SIGNALED);
		need_ok(t->p->a.scq);
		need_ok(t->p->a.scq);
		atomic_fetch_add(&t->done, 2);
	}
}

/* Once, and again where the machine had no time for moves meanwhile. */
static void *traffic(void *arg)
{
	struct traffic *t = arg;

	do
		sweep(t);
	while (atomic_load(&t->moves) < 2);
	atomic_store(&t->running, false);
	return NULL;
}

/* All buffers go one way; returns when traffic has found them there. */
static void move(struct demo *d, struct traffic *t, const char *where)
{
	unsigned int before;
	int err = debugfs_write(&d->gpu, where, "all");

	CHECK(!err, "%s: %s", where, strerror(err));
	before = atomic_load(&t->done);
	while (atomic_load(&t->running) && atomic_load(&t->done) < before + 4)
		sched_yield();
}

static void prepare(struct mem *m, unsigned int round)
{
	for (int i = 0; i < MEMS; i++) {
		mem_cpu_begin(&m[i]);
		if (i == A_OUT || i == B_OUT)
			softgpu_fill(m[i].map, SIZE, 10 * round + i);
		else
			memset(m[i].map, 0xa5, SIZE);
		mem_cpu_end(&m[i]);
	}
}

/* Wrong bytes of all four, the sources included: moves must keep them too. */
static size_t compare(struct mem *m, unsigned int round)
{
	static const int source[MEMS] = {
		[A_OUT] = A_OUT, [B_IN] = A_OUT, [B_OUT] = B_OUT, [A_IN] = B_OUT,
	};
	size_t wrong = 0;

	for (int i = 0; i < MEMS; i++) {
		mem_cpu_begin(&m[i]);
		wrong += count_wrong(m[i].map, SIZE, 10 * round + source[i]);
		mem_cpu_end(&m[i]);
	}
	return wrong;
}

/* Returns how often the buffers went away or came back during traffic. */
static unsigned int one_round(struct demo *d, struct traffic *t,
			      unsigned int round, size_t *wrong)
{
	pthread_t thread;

	prepare(t->mem, round);
	atomic_store(&t->moves, 0);
	atomic_store(&t->running, true);
	CHECK(!pthread_create(&thread, NULL, traffic, t), "no thread");
	while (atomic_load(&t->running)) {
		move(d, t, atomic_load(&t->moves) % 2 ? "restore" : "evict");
		atomic_fetch_add(&t->moves, 1);
	}
	pthread_join(thread, NULL);
	*wrong += compare(t->mem, round);
	CHECK(!debugfs_write(&d->gpu, "restore", "all"), "restore");
	return atomic_load(&t->moves);
}

/* Sums over both devices. */
struct counters {
	uint64_t invalidations, fetches, parked;
};

static struct counters counters(struct demo *d)
{
	/* What is read from the kernel may be some milliseconds old. */
	usleep(50000);
	return (struct counters) {
		counter_of(d->a, "mr_invalidations") + counter_of(d->b, "mr_invalidations"),
		counter_of(d->a, "mr_fetches") + counter_of(d->b, "mr_fetches"),
		counter_of(d->a, "parked_accesses") + counter_of(d->b, "parked_accesses"),
	};
}

static void verdict(struct demo *d, const char *what, uint64_t have,
		    uint64_t at_least)
{
	bool ok = have >= at_least;

	printf("  %-58s %9llu  %s\n", what, (unsigned long long)have,
	       ok ? "all right" : "TOO FEW");
	d->failures += !ok;
}

static void report(struct demo *d, struct mem *m, unsigned int rounds,
		   unsigned int moves, struct counters c0, size_t wrong)
{
	struct counters c = counters(d);
	unsigned long moved = 0;
	struct mr_facts f;

	printf("  region                      moves  import  state\n");
	for (int i = 0; i < MEMS; i++) {
		mr_facts_of(i < B_IN ? d->a : d->b, m[i].mr->rkey, &f);
		printf("  %-26s %6lu  %-6s  %s\n", roles[i], f.moves, f.import, f.state);
		moved += f.moves;
		if (strcmp(f.import, "pfn") || !f.moves)
			d->failures++;
	}
	printf("\n  what                                                           count  result\n");
	verdict(d, "evictions and restores of all buffers during traffic", moves,
		2 * rounds);
	verdict(d, "invalidations the regions were told of (mr_invalidations)",
		c.invalidations - c0.invalidations, moved);
	verdict(d, "page frames fetched again (mr_fetches)", c.fetches - c0.fetches,
		moves);
	verdict(d, "accesses that waited for that (parked_accesses)",
		c.parked - c0.parked, 1);
	printf("  %-58s %9lu  ", "bytes compared after the rounds",
	       MEMS * SIZE * rounds);
	if (wrong)
		printf("%zu WRONG\n", wrong);
	else
		printf("all right\n");
	d->failures += !!wrong;
	result("evict.moves", moves);
}

void step_evict(struct demo *d)
{
	unsigned int rounds = d->quick ? 2 : 8, moves = 0;
	struct pair_opt opt = pair_defaults;
	struct mem mem[MEMS];
	struct traffic t = { .mem = mem };
	struct counters c0;
	size_t wrong = 0;
	struct pair p;

	opt.mtu = IBV_MTU_4096;
	opt.timeout = 18;	/* a peer that moves is slow, not gone */
	pair_open(&p, d->a, d->b, &opt);
	pair_connect(&p);
	t.p = &p;
	for (int i = 0; i < MEMS; i++) {
		mem_make(d, &mem[i], MEM_VRAM, SIZE);
		mem_register(&mem[i], i < B_IN ? p.a.pd : p.b.pd);
	}
	c0 = counters(d);
	printf("%u rounds of %u writes and reads of %lu bytes, each round with a new pattern, while all\nbuffers are evicted from VRAM to system memory and brought back without pause:\n\n",
	       rounds, 2 * CHUNKS, CHUNK);
	for (unsigned int i = 0; i < rounds; i++)
		moves += one_round(d, &t, i, &wrong);
	report(d, mem, rounds, moves, c0, wrong);
	pair_disconnect(&p);
	for (int i = 0; i < MEMS; i++)
		mem_free(&mem[i]);
	pair_close(&p);
}
