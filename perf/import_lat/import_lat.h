/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dmabuf_import_lat: what importing a dma-buf costs inside of the kernel, by
 * scatterlist and by page frame number, of the same buffer, in turns.
 *
 *	main.c		the command line, and the sizes
 *	import.c	one way of importing, by the module dma_buf_import_bench
 *	report.c	table and JSON
 *
 * Functions that return int return 0, or -1 after a message on stderr, unless they
 * say otherwise.
 */
#ifndef IMPORT_LAT_H
#define IMPORT_LAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../dmabuf/dmabuf.h"

#define PROGRAM		"dmabuf_import_lat"

/* Ways to import; the words are the module's. */
enum way {
	WAY_SG,
	WAY_PFN,
	WAY_GRANT,
	WAYS,
};

/* What is timed, and all of it. */
enum phase {
	PHASE_ATTACH,
	PHASE_MAP,
	PHASE_WALK,
	PHASE_UNMAP,
	PHASE_DETACH,
	PHASE_TOTAL,
	PHASES,
};

extern const char *const way_names[WAYS];
extern const char *const phase_names[PHASES];

/**
 * struct options - the command line
 * @dmabuf: what follows --use_dmabuf=
 * @importer: PCI address of the importing device, "-" for one that is none
 * @fragment: softgpu: the longest run of pages, 0: as it comes
 * @size: bytes; with @all the largest
 * @only: one way, or WAYS for all
 * @iters: imports of each way
 * @turns: in how many turns
 * @json: file name, "-" for stdout, NULL: none
 */
struct options {
	const char *dmabuf;
	const char *importer;
	unsigned long fragment;
	size_t size;
	bool all;
	enum way only;
	unsigned long iters;
	unsigned long turns;
	const char *json;
};

/**
 * struct result - all imports of one buffer by one way
 * @err: an errno when it could not be done; then nothing else is set
 * @pieces: that the buffer came in
 * @bytes: that the importer keeps for them
 * @ns: for each phase @count samples, sorted
 */
struct result {
	int err;
	unsigned long pieces;
	size_t bytes;
	uint64_t *ns[PHASES];
	size_t count;
};

/* import.c */
/* Appends to @r, which begins zeroed. What the kernel refuses is no error: @r->err. */
int import(int fd, enum way way, const char *importer, unsigned long times,
	   struct result *r);
void result_sort(struct result *r);
void result_free(struct result *r);
double result_typical(const struct result *r, enum phase phase);

/* report.c */
int report_open(const struct options *o);
void report_size(const struct options *o, size_t size, const struct result r[WAYS]);
int report_close(void);

#endif /* IMPORT_LAT_H */
