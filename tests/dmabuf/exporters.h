/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Buffers of every exporter that a guest may have, all of one size and each with
 * the exporter's own mapping for the CPU, for tests that treat them alike.
 *
 *	softgpu-vram, softgpu-system	of the softgpu device of kind @arg: ram, bar
 *	udmabuf, udmabuf-huge, heap	memory of the process, or the system's
 *	vgem, virtio-gpu, bochs		dumb buffers
 *	vfio, vfio-ranges, vfio-stock	of the device @arg, which is bound already
 *	mock-neither			neither page frame numbers nor a mapping
 */
#ifndef EXPORTERS_H
#define EXPORTERS_H

#include <stddef.h>
#include <stdint.h>

#include "vfio_util.h"

#define XB_PAGE	4096ul
#define XB_SIZE	(24 * XB_PAGE)

struct exporter_buffer {
	int fd;			/* the dma-buf */
	uint8_t *map;		/* XB_SIZE bytes, the exporter's own; may be NULL */
	int dev;		/* what the buffer was made on, or -1 */
	struct vfio *vfio;	/* the same of VFIO's */
	uint32_t id;		/* softgpu's number of it, and where to move it */
	char debugfs[128];
};

struct exporter {
	const char *name;
	void (*make)(struct exporter_buffer *b, const char *arg);
	const char *import;	/* how a region of it is imported; NULL: refused */
	const char *memory;	/* and what it has */
	int refused;		/* errno */
};

const struct exporter *exporter_find(const char *name);
/* Ends the process with a message where it cannot be made. */
void exporter_make(const struct exporter *e, struct exporter_buffer *b,
		   const char *arg);
/* All that is left of it afterwards is held by others. */
void exporter_drop(struct exporter_buffer *b);
/* To system memory, or back to VRAM; buffers of others do not move. */
void exporter_move(struct exporter_buffer *b, bool away);
/* What the CPU does through the mapping goes between these. */
void exporter_sync(struct exporter_buffer *b, uint64_t flags);

#endif /* EXPORTERS_H */
