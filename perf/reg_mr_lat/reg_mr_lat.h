/* SPDX-License-Identifier: GPL-2.0 */
/*
 * ib_reg_mr_lat: how long it takes to register and deregister memory.
 *
 *	options.c	the command line
 *	buffer.c	memory of each kind
 *	measure.c	threads that register it
 *	mr_res.c	what the driver says of a region
 *	report.c	table, CSV, JSON
 *
 * Functions that return int return 0, or -1 after a message on stderr, unless they
 * say otherwise.
 */
#ifndef REG_MR_LAT_H
#define REG_MR_LAT_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../dmabuf/dmabuf.h"
#include "../common/stats.h"

#define PROGRAM		"ib_reg_mr_lat"
#define VERSION		"0.1"

enum memory {
	MEMORY_PAGES,	/* ordinary pages */
	MEMORY_THP,
	MEMORY_HUGETLB,
	MEMORY_DMABUF,
};

/* What is measured; each has samples of its own. */
enum op {
	OP_REG,
	OP_REREG,
	OP_DEREG,
	OPS,
};

enum rereg {
	REREG_NONE,
	REREG_TRANSLATION,
	REREG_ACCESS,
	REREG_PD,
};

/**
 * struct options - the command line
 * @device: name; NULL: the first
 * @size: bytes; with @all the largest
 * @iters: of each thread; 0 with @duration
 * @duration: seconds for each size, or 0
 * @dmabuf: what follows --use_dmabuf=
 * @json: file name, "-" for stdout, NULL: none; @csv likewise
 */
struct options {
	const char *device;
	size_t size;
	bool all;
	unsigned long iters;
	unsigned int duration;
	unsigned int warmup;
	unsigned int threads;
	enum memory memory;
	const char *dmabuf;
	bool odp;
	bool first_touch;
	enum rereg rereg;
	bool histogram;
	bool unsorted;
	const char *json;
	const char *csv;
};

/* Ends the program where nothing is left to be done: help, version, errors. */
void options_parse(struct options *o, int argc, char **argv);
const char *rereg_name(enum rereg what);

/**
 * struct memory_source - where buffers come from
 * @kind: of memory
 * @dmabuf: of MEMORY_DMABUF
 */
struct memory_source {
	enum memory kind;
	struct dmabuf_source *dmabuf;
};

/**
 * struct buffer - memory to be registered
 * @size: bytes to register
 * @mapped: bytes that there are at @addr
 * @addr: host memory; NULL: a dma-buf
 * @dmabuf: a dma-buf
 */
struct buffer {
	size_t size;
	size_t mapped;
	void *addr;
	struct dmabuf_buf dmabuf;
};

int memory_open(struct memory_source *m, const struct options *o);
void memory_close(struct memory_source *m);
const char *memory_name(const struct memory_source *m);
/*
 * One at a time. @touch: every page is there afterwards, and of the kind that was
 * asked for; else pages come when they are registered.
 */
int buffer_make(struct memory_source *m, size_t size, bool touch, struct buffer *b);
void buffer_free(struct memory_source *m, struct buffer *b);

/**
 * struct test - what all sizes have in common
 * @pd2: another domain, for REREG_PD
 */
struct test {
	const struct options *o;
	struct memory_source memory;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_pd *pd2;
};

/**
 * struct samples - nanoseconds in the order of time, thread after thread
 * @ns: for each operation; NULL: it is not measured
 * @count: of each
 */
struct samples {
	uint64_t *ns[OPS];
	size_t count;
};

int measure(struct test *t, size_t size, struct samples *s);
void samples_free(struct samples *s);
struct ibv_mr *register_buffer(struct test *t, const struct buffer *b);
/*
 * The least time between two looks at the clock so far, in nanoseconds: it is taken
 * off every sample. Not for threads.
 */
uint64_t clock_cost(void);

/**
 * struct mr_res - what the driver tells of a region
 * @bytes: memory of the kernel that it takes; 0: it does not tell
 * @import: how it came there; "" if it does not tell
 */
struct mr_res {
	uint64_t bytes;
	char import[32];
};

/* Silent: a driver that tells nothing is no error. */
void mr_res_get(struct ibv_context *ctx, uint32_t lkey, struct mr_res *res);

/* One size, measured. */
struct result {
	size_t size;
	struct samples samples;
	struct stats stats[OPS];
	struct mr_res res;
};

/**
 * struct report - where results go
 * @t: the test, for its options
 * @json: NULL: none; @csv likewise
 * @table: the table is printed; not where stdout has something else
 * @results: so far
 */
struct report {
	const struct test *t;
	FILE *json;
	FILE *csv;
	bool table;
	unsigned int results;
};

int report_open(struct report *r, const struct test *t);
void report_result(struct report *r, struct result *result);
int report_close(struct report *r);

#endif /* REG_MR_LAT_H */
