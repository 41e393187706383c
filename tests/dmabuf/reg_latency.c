// SPDX-License-Identifier: GPL-2.0
/* What an exporter waits for: the region that it takes a buffer from, and no other. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "reg_test.h"

#define PAGE	4096
#define ROUNDS	201
#define OTHERS	4000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Median time of an eviction of a page that has a valid region, in nanoseconds. */
static uint64_t evictions(struct reg *r)
{
	uint64_t took[ROUNDS];
	struct buffer buf;
	struct ibv_mr *mr;
	int fd;

	buffer_create(&r->gpu, &buf, PAGE);
	fd = buffer_export(&buf);
	for (int i = 0; i < ROUNDS; i++) {
		check(!debugfs_write(&r->gpu, "restore", "%u", buf.id), "restore: %m");
		mr = need_dmabuf_mr(r, fd, 0, PAGE, 0);
		took[i] = now_ns();
		check(!debugfs_write(&r->gpu, "evict", "%u", buf.id), "evict: %m");
		took[i] = now_ns() - took[i];
		drop_mr(mr);
	}
	close(fd);
	buffer_destroy(&buf);
	qsort(took, ROUNDS, sizeof(*took), compare);
	return took[ROUNDS / 2];
}

/* Half of the others are of another buffer of the same GPU, half of host memory. */
void case_latency(struct reg *r)
{
	static char mem[2 * PAGE];
	struct ibv_mr *mr[OTHERS];
	uint64_t alone, among;
	struct buffer buf;
	int fd;

	buffer_create(&r->gpu, &buf, 64 * PAGE);
	fd = buffer_export(&buf);
	alone = evictions(r);
	for (int i = 0; i < OTHERS; i += 2) {
		mr[i] = need_dmabuf_mr(r, fd, i, PAGE, i);
		mr[i + 1] = ibv_reg_mr(r->pd, mem + i % PAGE, PAGE, RW);
		check(mr[i + 1], "register: %m");
	}
	among = evictions(r);
	for (int i = 0; i < OTHERS; i++)
		drop_mr(mr[i]);
	close(fd);
	buffer_destroy(&buf);
	printf("an eviction: %.1f us alone, %.1f us among %u other regions\n", alone / 1e3,
	       among / 1e3, OTHERS);
	check(among < 4 * alone, "the other regions matter");
}
