// SPDX-License-Identifier: GPL-2.0
/*
 * What a lookup answers, and when: R4, R9, R10.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "mock.h"

void test_r4(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, MOCK_IMP_LOOKUP);
	struct mock_import_stat stat;
	uint64_t seq, pfn;

	/* only with the lock */
	CHECK_EQ(page_err(id, MOCK_EXTENTS_NO_LOCK, 0), EINVAL);
	CHECK_EQ(map_err(id, 0, 1, MOCK_MAP_NO_LOCK, NULL), EINVAL);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), 0);

	/* An invalidation between lookup and use is seen. */
	seq = seq_begin(id);
	pfn = page(id, 2);
	CHECK(!seq_retry(id, seq));
	ctl(fd, MOCK_MOVE, 0);
	CHECK(seq_retry(id, seq));
	CHECK(page(id, 2) != pfn);
	CHECK_EQ(page(id, 2), ctl_value(fd, MOCK_PFN, 2));

	/* By then the callback had been called, which saw it before that, ... */
	stat = import_stat(id);
	CHECK_EQ(stat.callbacks, 1);
	CHECK(stat.cb_seq != seq);
	/* ... and which could not look up the pages that are just going. */
	CHECK_EQ(stat.cb_error, -EAGAIN);

	/* Answers while there is nothing to hand out. */
	ctl(fd, MOCK_MOVING, 1);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EAGAIN);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), EAGAIN);
	ctl(fd, MOCK_MOVING, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);

	seq = seq_begin(id);
	ctl(fd, MOCK_WITHDRAW, 0);
	CHECK(seq_retry(id, seq));
	CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, 0), ENODEV);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), ENODEV);
	seq = seq_begin(id);
	ctl(fd, MOCK_RESTORE, 0);
	CHECK(seq_retry(id, seq));
	CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, 0), 0);

	seq = seq_begin(id);
	ctl(fd, MOCK_REVOKE, 0);
	CHECK(seq_retry(id, seq));
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EKEYREVOKED);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), EKEYREVOKED);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), EKEYREVOKED);
	CHECK_EQ(import_stat(id).callbacks, 4);
	detach(id);
}

static void gigabyte(void)
{
	unsigned long npages = (1UL << 30) / page_size;
	unsigned long order = __builtin_ctzl(npages);
	int fd = export_buf(npages, MOCK_EXP_BIG);
	unsigned int id = attach(fd, MOCK_CAN_MMIO, MOCK_MOVABLE, 0);
	struct mock_run run;

	CHECK_EQ(lookup_err(id, MOCK_GET_PFN, 0, &run, 1, NULL), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_GET_EXTENTS), 1);
	CHECK_EQ(run.npages, 1UL << order);
	CHECK_EQ(lookup(id, 0, &run, 1), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_GET_EXTENTS), 2);
	CHECK_EQ(run.npages, npages);

	/* contiguous from the page on, aligned or not */
	CHECK_EQ(lookup_err(id, MOCK_GET_PFN_UNLOCKED, 3, &run, 1, NULL), 0);
	CHECK_EQ(run.pfn, ctl_value(fd, MOCK_PFN, 3));
	CHECK_EQ(run.npages, 1UL << (order - 1));
	CHECK_EQ(lookup_err(id, MOCK_GET_PFN, npages - 1, &run, 1, NULL), 0);
	CHECK_EQ(run.npages, 1);
	CHECK_EQ(lookup_err(id, MOCK_GET_PFN, npages - 3, &run, 1, NULL), 0);
	CHECK_EQ(run.npages, 2);
	detach(id);
}

/* From pgoff to the end, nr runs at a time, is what the exporter has there. */
static void walked(int fd, unsigned int id, uint64_t npages, uint64_t pgoff,
		   unsigned int nr)
{
	struct mock_run runs[64];
	unsigned int got, i;
	uint64_t j;

	while (pgoff < npages) {
		got = lookup(id, pgoff, runs, nr);
		CHECK(got >= 1 && got <= nr);
		for (i = 0; i < got; i++)
			for (j = 0; j < runs[i].npages; j++, pgoff++)
				CHECK_EQ(runs[i].pfn + j,
					 ctl_value(fd, MOCK_PFN, pgoff));
	}
	CHECK_EQ(pgoff, npages);
}

/* 16 chunks of 4 pages, of which the exporter reports `report` at a time. */
static void fragmented(unsigned int report)
{
	int fd = export_chunks(64, 4, report, 0);
	unsigned int id = attach(fd, 0, MOCK_MOVABLE, 0);
	const unsigned int nrs[] = { 1, 2, 3, 5, 16, 64 };
	struct mock_run runs[64];
	unsigned int i;

	CHECK_EQ(lookup(id, 0, runs, 64), 16);
	for (i = 0; i < 16; i++)
		CHECK_EQ(runs[i].npages, 4);
	CHECK_EQ(lookup(id, 2, runs, 64), 16);
	CHECK_EQ(runs[0].npages, 2);
	CHECK_EQ(runs[15].npages, 4);
	CHECK_EQ(lookup(id, 62, runs, 64), 1);
	CHECK_EQ(runs[0].npages, 2);
	/* A vector that is just long enough gets the same. */
	CHECK_EQ(lookup(id, 0, runs, 17), 16);
	for (i = 0; i < ARRAY_SIZE(nrs); i++) {
		walked(fd, id, 64, 0, nrs[i]);
		walked(fd, id, 64, 7, nrs[i]);
	}
	detach(id);
}

void test_r9(void)
{
	gigabyte();
	fragmented(4);
	fragmented(2);
	fragmented(1);
}

struct waiter {
	pthread_t thread;
	unsigned int id;
	int how;		/* enum mock_how, or -1: cpu_map */
	atomic_bool *signalled;
	bool saw_signal;	/* by the time it returned */
	int err;
	atomic_bool done;
};

static void *wait_for_fence(void *arg)
{
	struct waiter *w = arg;

	if (w->how < 0)
		w->err = map_err(w->id, 0, 1, 0, NULL);
	else
		w->err = page_err(w->id, w->how, 0);
	w->saw_signal = atomic_load(w->signalled);
	atomic_store(&w->done, true);
	return NULL;
}

/* Until it waits for the fence, or has come back. Asserts no duration. */
static void until_blocked(int fd, struct waiter *w, unsigned int before)
{
	while (calls(fd, MOCK_CALL_FENCE_WAIT) == before &&
	       !atomic_load(&w->done))
		sched_yield();
}

static void blocked_until_signalled(int how)
{
	int fd = export_buf(4, 0);
	atomic_bool signalled = false;
	struct waiter w = {
		.id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0),
		.how = how,
		.signalled = &signalled,
	};

	ctl(fd, MOCK_FENCE_ADD, MOCK_USAGE_KERNEL);
	CHECK_EQ(pthread_create(&w.thread, NULL, wait_for_fence, &w), 0);
	until_blocked(fd, &w, 0);
	CHECK(!atomic_load(&w.done));
	CHECK_EQ(calls(fd, MOCK_CALL_GET_EXTENTS), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 0);
	atomic_store(&signalled, true);
	ctl(fd, MOCK_FENCE_SIGNAL, 0);
	CHECK_EQ(pthread_join(w.thread, NULL), 0);
	CHECK_EQ(w.err, 0);
	CHECK(w.saw_signal);
	detach(w.id);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	int fd = export_buf(4, 0);
	atomic_bool signalled = false;
	struct waiter w = {
		.id = attach(fd, 0, MOCK_MOVABLE, 0),
		.how = MOCK_EXTENTS,
		.signalled = &signalled,
	};

	CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
	ctl(fd, MOCK_FENCE_ADD, MOCK_USAGE_KERNEL);
	CHECK_EQ(pthread_create(&w.thread, NULL, wait_for_fence, &w), 0);
	until_blocked(fd, &w, 0);
	while (!atomic_load(&w.done)) {
		CHECK_EQ(pthread_kill(w.thread, SIGUSR1), 0);
		sched_yield();
	}
	CHECK_EQ(pthread_join(w.thread, NULL), 0);
	CHECK_EQ(w.err, EINTR);
	CHECK_EQ(calls(fd, MOCK_CALL_GET_EXTENTS), 0);

	/* It holds nothing up afterwards. */
	ctl(fd, MOCK_FENCE_SIGNAL, 0);
	CHECK_EQ(page_err(w.id, MOCK_EXTENTS, 0), 0);
	detach(w.id);
}

void test_r10(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);

	blocked_until_signalled(MOCK_EXTENTS);
	blocked_until_signalled(MOCK_GET_PFN);
	blocked_until_signalled(MOCK_GET_PFN_UNLOCKED);
	blocked_until_signalled(-1);
	interrupted();

	/* The fences of others who use the buffer are not the exporter's. */
	ctl(fd, MOCK_FENCE_ADD, MOCK_USAGE_WRITE);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), 0);
	map(id, 0, 1);
	CHECK_EQ(calls(fd, MOCK_CALL_FENCE_WAIT), 0);
	ctl(fd, MOCK_FENCE_SIGNAL, 0);
	detach(id);
}
