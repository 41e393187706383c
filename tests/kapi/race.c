// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once. No test here asserts how long anything takes.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "mock.h"

#define READERS	3
#define ROUNDS	4000

static atomic_int running;
static atomic_int attached;

struct reader {
	pthread_t thread;
	unsigned int id;
	struct mock_race result;
};

static void start(pthread_t *thread, void *(*fn)(void *), void *arg)
{
	atomic_fetch_add(&running, 1);
	CHECK_EQ(pthread_create(thread, NULL, fn, arg), 0);
}

static void *read_it(void *arg)
{
	struct reader *r = arg;

	r->result = race(r->id, ROUNDS);
	atomic_fetch_sub(&running, 1);
	return NULL;
}

void test_race_lookup(void)
{
	int fd = export_buf(4, 0);
	struct reader readers[READERS] = {};
	unsigned int i, moves = 0;
	long misuses = debugfs_errors("importer_misuses");

	for (i = 0; i < READERS; i++) {
		readers[i].id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
		start(&readers[i].thread, read_it, &readers[i]);
	}
	/* What is left stays until the end, so not without limit. */
	while (atomic_load(&running)) {
		if (moves < 20000) {
			ctl(fd, MOCK_MOVE, 0);
			moves++;
		}
		sched_yield();
	}
	for (i = 0; i < READERS; i++) {
		struct mock_race *r = &readers[i].result;

		CHECK_EQ(pthread_join(readers[i].thread, NULL), 0);
		printf("reader %u: %u accepted, %u retried, %u bytes written\n",
		       i, r->accepted, r->retried, r->written);
		CHECK_EQ(r->failed, 0);
		CHECK_EQ(r->stale, 0);
		CHECK_EQ(r->accepted + r->retried, ROUNDS);
		CHECK(r->accepted);
		CHECK(r->written);
		detach(readers[i].id);
	}
	printf("%u moves\n", moves);
	CHECK(moves);
	CHECK_EQ(ctl_value(fd, MOCK_DAMAGE, 0), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), calls(fd, MOCK_CALL_CPU_UNMAP));
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses);
}

static void *come_and_go(void *arg)
{
	int fd = *(int *)arg;
	unsigned int i;

	for (i = 0; i < 500; i++) {
		unsigned int id = attach(fd, MOCK_NEED_CPU,
					 i % 3 ? MOCK_MOVABLE : MOCK_PINNED, 0);

		CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, i % 4), 0);
		map(id, 0, 4);
		detach(id);
		atomic_fetch_add(&attached, 1);
	}
	atomic_fetch_sub(&running, 1);
	return NULL;
}

void test_race_attach(void)
{
	int fd = export_buf(4, 0);
	long misuses = debugfs_errors("importer_misuses");
	unsigned int i, moves = 0;
	pthread_t threads[READERS];

	for (i = 0; i < READERS; i++)
		start(&threads[i], come_and_go, &fd);
	while (atomic_load(&running)) {
		if (moves < 20000) {
			ctl(fd, MOCK_MOVE, 0);
			moves++;
		}
		sched_yield();
	}
	for (i = 0; i < READERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_ATTACH), READERS * 500);
	CHECK_EQ(calls(fd, MOCK_CALL_DETACH), READERS * 500);
	CHECK_EQ(calls(fd, MOCK_CALL_PIN), calls(fd, MOCK_CALL_UNPIN));
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), calls(fd, MOCK_CALL_CPU_UNMAP));
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses);
	CHECK_EQ(ctl_value(fd, MOCK_DAMAGE, 0), 0);
}

void test_race_debugfs(void)
{
	int fd = export_buf(4, 0);
	pthread_t threads[READERS];
	char buf[4096];
	unsigned int i, seen = 0;

	for (i = 0; i < READERS; i++)
		start(&threads[i], come_and_go, &fd);
	while (atomic_load(&running))
		seen += debugfs_attachments(buf, sizeof(buf));
	for (i = 0; i < READERS; i++)
		CHECK_EQ(pthread_join(threads[i], NULL), 0);
	CHECK_EQ(atomic_load(&attached), READERS * 500);
	CHECK(!debugfs_attachments(buf, sizeof(buf)));
	printf("attachments seen in %u readings\n", seen);
}
