// SPDX-License-Identifier: GPL-2.0
/* heap[:name]: memory of a dma-heap. */
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-heap.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kind.h"

static int heap_open(struct dmabuf_source *s, const char *args)
{
	const char *name = *args ? args : "system";
	char path[128];
	int n;

	n = snprintf(path, sizeof(path), "/dev/dma_heap/%s", name);
	if (strchr(name, '/') || *name == '.' || n >= (int)sizeof(path))
		return dmabuf_error(s, "\"%s\" is no name of a heap; those in /dev/dma_heap are",
				    name);
	s->fd = open(path, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return dmabuf_error(s, "cannot open %s: %s", path, strerror(errno));
	return 0;
}

static int heap_alloc(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	struct dma_heap_allocation_data alloc = {
		.len = b->size,
		.fd_flags = O_RDWR | O_CLOEXEC,
	};

	if (ioctl(s->fd, DMA_HEAP_IOCTL_ALLOC, &alloc))
		return dmabuf_error(s, "no %zu bytes of the heap: %s", b->size,
				    strerror(errno));
	b->fd = (int)alloc.fd;
	return 0;
}

const struct dmabuf_kind dmabuf_heap = {
	.name = "heap",
	.args = "[:name]",
	.help = "memory of a dma-heap, of \"system\" if none is named",
	.open = heap_open,
	.alloc = heap_alloc,
};
