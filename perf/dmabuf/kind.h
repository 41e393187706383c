/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kinds of dma-bufs, from inside: a new one is a file with a struct dmabuf_kind,
 * and a line in dmabuf.c. Functions return as those of dmabuf.h.
 */
#ifndef PRXE_PERF_DMABUF_KIND_H
#define PRXE_PERF_DMABUF_KIND_H

#include "dmabuf.h"

/**
 * struct dmabuf_kind - where dma-bufs come from
 * @name: before the first colon
 * @args: what may follow it, for the help
 * @help: one line
 * @open: @args is what follows the colon, "" if nothing does
 * @alloc: make @b->fd for @b->size bytes, which are whole pages; may make it larger
 * @map: set @b->addr; NULL: mmap() of the dma-buf does it
 * @free: what is left when @b is unmapped and its fd closed; may be NULL
 * @close: may be NULL; @fd of the source is closed in any case
 */
struct dmabuf_kind {
	const char *name;
	const char *args;
	const char *help;
	int (*open)(struct dmabuf_source *s, const char *args);
	int (*alloc)(struct dmabuf_source *s, struct dmabuf_buf *b);
	int (*map)(struct dmabuf_source *s, struct dmabuf_buf *b);
	void (*free)(struct dmabuf_source *s, struct dmabuf_buf *b);
	void (*close)(struct dmabuf_source *s);
};

/**
 * struct dmabuf_source - a kind, and what was opened of it
 * @kind: its kind
 * @spec: as the user wrote it
 * @fd: the device; of the kind "fd" the dma-buf; -1: none
 * @huge: udmabuf: of huge pages
 * @first: VFIO, fd: the first byte that buffers may have
 * @next: VFIO, fd: the first byte that no buffer has taken yet
 * @end: VFIO, fd: how many bytes there are; else 0
 * @taken: VFIO, fd: buffers that have a part of it
 * @container: VFIO
 * @group: VFIO
 * @bar: VFIO: region
 * @region: VFIO: where the BAR is in the device's file
 */
struct dmabuf_source {
	const struct dmabuf_kind *kind;
	char *spec;
	int fd;
	int huge;
	uint64_t first;
	uint64_t next;
	uint64_t end;
	unsigned int taken;
	int container;
	int group;
	unsigned int bar;
	uint64_t region;
};

extern const struct dmabuf_kind dmabuf_softgpu;
extern const struct dmabuf_kind dmabuf_vfio;
extern const struct dmabuf_kind dmabuf_udmabuf;
extern const struct dmabuf_kind dmabuf_heap;
extern const struct dmabuf_kind dmabuf_fd;

/* Print "--use_dmabuf=SPEC: ...". Return: -1. */
__attribute__((format(printf, 2, 3)))
int dmabuf_error(const struct dmabuf_source *s, const char *fmt, ...);

/* Buffers may have the bytes from @first to @end. */
void dmabuf_set_range(struct dmabuf_source *s, uint64_t first, uint64_t end);
/*
 * Take @b->size bytes behind those of other buffers, or say that there is no room.
 * When all buffers are freed, all is there again.
 */
int dmabuf_take(struct dmabuf_source *s, struct dmabuf_buf *b);

#endif /* PRXE_PERF_DMABUF_KIND_H */
