/* SPDX-License-Identifier: GPL-2.0 */
/*
 * dma-bufs by name: what --use_dmabuf=KIND[:...] of perftest and ib_reg_mr_lat
 * means. A source is opened by that name, and makes buffers until it is closed.
 *
 * Functions that return int return 0, or -1 after a message on stderr that begins
 * with the option as it was given. Not for threads: one uses a source at a time.
 */
#ifndef PRXE_PERF_DMABUF_H
#define PRXE_PERF_DMABUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dmabuf_source;

/**
 * struct dmabuf_buf - a range of a dma-buf
 * @fd: the dma-buf; the buffer's own, closed by dmabuf_free()
 * @offset: where in it the range begins, whole pages
 * @size: bytes, whole pages
 * @addr: for the CPU, after dmabuf_map(); else NULL
 * @handle: the kind's own
 */
struct dmabuf_buf {
	int fd;
	uint64_t offset;
	size_t size;
	void *addr;
	uint32_t handle;
};

/* @spec: what follows --use_dmabuf=. NULL after a message. */
struct dmabuf_source *dmabuf_open(const char *spec);
/* After all of its buffers are freed. */
void dmabuf_close(struct dmabuf_source *s);
const char *dmabuf_spec(const struct dmabuf_source *s);
/* Is all of its memory there from the beginning, and no buffer new? */
bool dmabuf_is_fixed(const struct dmabuf_source *s);

/* @size is rounded up to whole pages, of the kind that it has. */
int dmabuf_alloc(struct dmabuf_source *s, size_t size, struct dmabuf_buf *b);
/* For reading and writing; the device and the CPU use it together until it is freed. */
int dmabuf_map(struct dmabuf_source *s, struct dmabuf_buf *b);
void dmabuf_free(struct dmabuf_source *s, struct dmabuf_buf *b);

/* One line of help for each kind, with @indent blanks before it. */
void dmabuf_help(int indent);

#endif /* PRXE_PERF_DMABUF_H */
