// SPDX-License-Identifier: GPL-2.0
/*
 * What nothing built on it can be faster than, for ./vm bench, as JSON:
 *
 *	bench_limits memcpy TO FROM BYTES MILLISECONDS
 *	bench_limits alloc_pd DEVICE COUNT
 *
 * memcpy: the C library's, again and again between two buffers, each "host" or a
 * --use_dmabuf of perftest, mapped by its own mmap. alloc_pd: ibv_alloc_pd(), the
 * verbs call that does least, each with its ibv_dealloc_pd(), which is not timed.
 */
#include <infiniband/verbs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "../common/args.h"
#include "../common/stats.h"
#include "../dmabuf/dmabuf.h"

#define MAX_COUNT	1000000
#define WARMUP		10

/**
 * struct end - a buffer that is copied to or from
 * @source: what makes it, or NULL for host memory
 * @buf: of @source
 * @addr: for the CPU
 */
struct end {
	struct dmabuf_source *source;
	struct dmabuf_buf buf;
	void *addr;
};

static uint64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static int open_end(struct end *e, const char *kind, size_t size)
{
	if (!strcmp(kind, "host")) {
		e->addr = mmap(NULL, size, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (e->addr == MAP_FAILED) {
			perror("mmap");
			return -1;
		}
		memset(e->addr, 1, size);
		return 0;
	}
	e->source = dmabuf_open(kind);
	if (!e->source)
		return -1;
	if (!dmabuf_alloc(e->source, size, &e->buf)) {
		if (!dmabuf_map(e->source, &e->buf)) {
			e->addr = e->buf.addr;
			return 0;
		}
		dmabuf_free(e->source, &e->buf);
	}
	dmabuf_close(e->source);
	return -1;
}

static void close_end(struct end *e, size_t size)
{
	if (!e->source) {
		munmap(e->addr, size);
		return;
	}
	dmabuf_free(e->source, &e->buf);
	dmabuf_close(e->source);
}

/* One copy before the clock is looked at, and as many as the time allows. */
static void time_copies(const struct end *to, const struct end *from, size_t size,
			uint64_t duration)
{
	uint64_t begin, spent, copies = 0;
	int i;

	memcpy(to->addr, from->addr, size);
	begin = now();
	do {
		for (i = 0; i < 16; i++) {
			memcpy(to->addr, from->addr, size);
			/* the copy is wanted, again and again */
			__asm__ volatile("" : : "r"(to->addr) : "memory");
		}
		copies += 16;
		spent = now() - begin;
	} while (spent < duration);
	printf("{\"bandwidth\": %.3f}\n",
	       (double)copies * (double)size / (1 << 20) / ((double)spent / 1e9));
}

static int run_memcpy(char **argv)
{
	size_t size = args_size(argv[2]);
	unsigned long ms = args_number("The duration", argv[3], 1, 60000);
	struct end to = { 0 }, from = { 0 };

	if (open_end(&to, argv[0], size))
		return 1;
	if (open_end(&from, argv[1], size)) {
		close_end(&to, size);
		return 1;
	}
	time_copies(&to, &from, size, ms * 1000000);
	close_end(&from, size);
	close_end(&to, size);
	return 0;
}

static struct ibv_context *open_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	int i;

	for (i = 0; list && list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	if (list)
		ibv_free_device_list(list);
	if (!ctx)
		fprintf(stderr, " Couldn't open the device %s\n", name);
	return ctx;
}

static int time_pds(struct ibv_context *ctx, uint64_t *ns, size_t count)
{
	struct ibv_pd *pd;
	uint64_t t0, t1;
	size_t i;

	for (i = 0; i < count + WARMUP; i++) {
		t0 = now();
		pd = ibv_alloc_pd(ctx);
		t1 = now();
		if (!pd) {
			perror("ibv_alloc_pd");
			return -1;
		}
		ibv_dealloc_pd(pd);
		if (i >= WARMUP)
			ns[i - WARMUP] = t1 - t0;
	}
	return 0;
}

static void report_pds(uint64_t *ns, size_t count)
{
	struct stats st;
	size_t i;

	printf("{\"samples\": [");
	for (i = 0; i < count; i++)
		printf("%s%.2f", i ? "," : "", (double)ns[i] / 1000);
	stats_sort(ns, count);
	stats_of(ns, count, &st);
	printf("], \"typical\": %.3f, \"p99\": %.3f}\n", st.typical / 1000, st.p99 / 1000);
}

static int run_alloc_pd(char **argv)
{
	size_t count = args_number("The count", argv[1], 1, MAX_COUNT);
	struct ibv_context *ctx = open_device(argv[0]);
	uint64_t *ns;
	int ret = 1;

	if (!ctx)
		return 1;
	ns = calloc(count, sizeof(*ns));
	if (ns && !time_pds(ctx, ns, count)) {
		report_pds(ns, count);
		ret = 0;
	}
	free(ns);
	ibv_close_device(ctx);
	return ret;
}

int main(int argc, char **argv)
{
	if (argc == 6 && !strcmp(argv[1], "memcpy"))
		return run_memcpy(argv + 2);
	if (argc == 4 && !strcmp(argv[1], "alloc_pd"))
		return run_alloc_pd(argv + 2);
	args_wrong("bench_limits memcpy TO FROM BYTES MILLISECONDS | alloc_pd DEVICE COUNT");
}
