// SPDX-License-Identifier: GPL-2.0
/*
 * dma-bufs as a memory type of perftest, through its memory.h: MRs are made by
 * ibv_reg_dmabuf_mr(), and perftest itself sees the memory by the CPU's mapping.
 *
 * By a hook, a message is inline only if the user says so (-I): else the CPU would
 * read small ones out of the buffer, which is what the device is to be measured at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "perftest_parameters.h"
#include "memory.h"

#include "../dmabuf/dmabuf.h"
#include "dmabuf_memory.h"

struct buffer {
	struct buffer *next;
	struct dmabuf_buf buf;
};

/**
 * struct dmabuf_memory_ctx - one memory of perftest
 * @base: what perftest sees
 * @source: where buffers come from; given by dmabuf_memory_parse()
 * @buffers: those that are not freed
 */
struct dmabuf_memory_ctx {
	struct memory_ctx base;
	struct dmabuf_source *source;
	struct buffer *buffers;
};

static struct dmabuf_memory_ctx *to_ctx(struct memory_ctx *base)
{
	return container_of(base, struct dmabuf_memory_ctx, base);
}

static int memory_init(struct memory_ctx *base)
{
	return to_ctx(base)->source ? SUCCESS : FAILURE;
}

static int memory_destroy(struct memory_ctx *base)
{
	struct dmabuf_memory_ctx *ctx = to_ctx(base);

	dmabuf_close(ctx->source);
	free(ctx);
	return SUCCESS;
}

/*
 * A file descriptor for perftest, which closes it when the region is there, and
 * takes 0 for none.
 */
static int fd_to_give(const struct dmabuf_buf *buf)
{
	return fcntl(buf->fd, F_DUPFD_CLOEXEC, 3);
}

static int allocate(struct dmabuf_memory_ctx *ctx, uint64_t size, struct buffer *b,
		    int *fd)
{
	if (dmabuf_alloc(ctx->source, size, &b->buf))
		return FAILURE;
	if (dmabuf_map(ctx->source, &b->buf))
		goto free;
	*fd = fd_to_give(&b->buf);
	if (*fd < 0) {
		fprintf(stderr, "Couldn't duplicate the dma-buf: %s\n",
			strerror(errno));
		goto free;
	}
	return SUCCESS;
free:
	dmabuf_free(ctx->source, &b->buf);
	return FAILURE;
}

static int memory_allocate_buffer(struct memory_ctx *base, int alignment,
				  uint64_t size, int *dmabuf_fd,
				  uint64_t *dmabuf_offset, void **addr, bool *can_init)
{
	struct dmabuf_memory_ctx *ctx = to_ctx(base);
	struct buffer *b;

	(void)alignment;	/* of a page at most */
	ALLOCATE(b, struct buffer, 1);
	if (allocate(ctx, size, b, dmabuf_fd)) {
		fprintf(stderr, "Couldn't allocate work buf.\n");
		free(b);
		return FAILURE;
	}
	b->next = ctx->buffers;
	ctx->buffers = b;
	*dmabuf_offset = b->buf.offset;
	*addr = b->buf.addr;
	*can_init = true;
	printf("allocated dma-buf of size %zu at %p: %s\n", b->buf.size, b->buf.addr,
	       dmabuf_spec(ctx->source));
	return SUCCESS;
}

/* perftest tells the address, and 0 for the file descriptor. */
static int memory_free_buffer(struct memory_ctx *base, int dmabuf_fd, void *addr,
			      uint64_t size)
{
	struct dmabuf_memory_ctx *ctx = to_ctx(base);
	struct buffer **at, *b;

	(void)dmabuf_fd;
	(void)size;
	for (at = &ctx->buffers; *at; at = &(*at)->next) {
		b = *at;
		if (b->buf.addr != addr)
			continue;
		*at = b->next;
		dmabuf_free(ctx->source, &b->buf);
		free(b);
		return SUCCESS;
	}
	return FAILURE;
}

static struct memory_ctx *memory_create(struct perftest_parameters *params)
{
	struct dmabuf_memory_ctx *ctx;

	ALLOCATE(ctx, struct dmabuf_memory_ctx, 1);
	ctx->base.init = memory_init;
	ctx->base.destroy = memory_destroy;
	ctx->base.allocate_buffer = memory_allocate_buffer;
	ctx->base.free_buffer = memory_free_buffer;
	ctx->base.copy_host_to_buffer = memcpy;
	ctx->base.copy_buffer_to_host = memcpy;
	ctx->base.copy_buffer_to_buffer = memcpy;
	ctx->source = params->dmabuf_source;
	ctx->buffers = NULL;
	params->dmabuf_source = NULL;
	return &ctx->base;
}

void dmabuf_memory_usage(void)
{
	printf("      --use_dmabuf=<kind>  Use a dma-buf, registered by ibv_reg_dmabuf_mr, of kind\n");
	dmabuf_help(10);
}

int dmabuf_memory_parse(struct perftest_parameters *params, const char *spec)
{
	/* Of memory types that are asked for later, perftest says this itself. */
	if (params->memory_type != MEMORY_HOST) {
		fprintf(stderr, " Can't use multiple memory types\n");
		return FAILURE;
	}
	params->dmabuf_source = dmabuf_open(spec);
	if (!params->dmabuf_source)
		return FAILURE;
	params->memory_type = MEMORY_DMABUF;
	params->memory_create = memory_create;
	return SUCCESS;
}
