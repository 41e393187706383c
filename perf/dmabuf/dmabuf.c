// SPDX-License-Identifier: GPL-2.0
/* What all kinds of dma-bufs have in common. */
#include <errno.h>
#include <linux/dma-buf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kind.h"

static const struct dmabuf_kind *const kinds[] = {
	&dmabuf_softgpu,
	&dmabuf_vfio,
	&dmabuf_udmabuf,
	&dmabuf_heap,
	&dmabuf_fd,
};

#define KINDS	(sizeof(kinds) / sizeof(*kinds))

int dmabuf_error(const struct dmabuf_source *s, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fprintf(stderr, "--use_dmabuf=%s: ", s->spec);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return -1;
}

static int error_unknown(const struct dmabuf_source *s)
{
	char list[80] = "";
	size_t i;

	for (i = 0; i < KINDS; i++) {
		strcat(list, i ? ", " : "");
		strcat(list, kinds[i]->name);
	}
	return dmabuf_error(s, "unknown kind of dma-buf; there are %s", list);
}

static int open_kind(struct dmabuf_source *s)
{
	size_t len = strcspn(s->spec, ":"), i;
	const char *args = s->spec[len] ? s->spec + len + 1 : "";

	for (i = 0; i < KINDS; i++) {
		if (strlen(kinds[i]->name) != len ||
		    memcmp(kinds[i]->name, s->spec, len))
			continue;
		s->kind = kinds[i];
		if (s->spec[len] && !*args)
			return dmabuf_error(s, "nothing follows the colon");
		return s->kind->open(s, args);
	}
	return error_unknown(s);
}

struct dmabuf_source *dmabuf_open(const char *spec)
{
	struct dmabuf_source *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = -1;
	s->container = -1;
	s->group = -1;
	s->spec = strdup(spec);
	if (s->spec && !open_kind(s))
		return s;
	dmabuf_close(s);
	return NULL;
}

void dmabuf_close(struct dmabuf_source *s)
{
	if (s->fd >= 0)
		close(s->fd);
	if (s->kind && s->kind->close)
		s->kind->close(s);
	free(s->spec);
	free(s);
}

const char *dmabuf_spec(const struct dmabuf_source *s)
{
	return s->spec;
}

bool dmabuf_is_fixed(const struct dmabuf_source *s)
{
	return s->end;
}

void dmabuf_set_range(struct dmabuf_source *s, uint64_t first, uint64_t end)
{
	s->first = first;
	s->next = first;
	s->end = end;
}

int dmabuf_take(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	uint64_t left = s->end - s->next;

	if (b->size > left)
		return dmabuf_error(s, "%zu bytes are needed, there are %llu%s",
				    b->size, (unsigned long long)left,
				    s->taken ? " left" : "");
	b->offset = s->next;
	s->next += b->size;
	s->taken++;
	return 0;
}

int dmabuf_alloc(struct dmabuf_source *s, size_t size, struct dmabuf_buf *b)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	*b = (struct dmabuf_buf) {
		.fd = -1,
		.size = (size + page - 1) / page * page,
	};
	if (!size || b->size < size)
		return dmabuf_error(s, "no buffer has %zu bytes", size);
	return s->kind->alloc(s, b);
}

/* The exporter may have to do something before, and after, the CPU uses it. */
static int cpu_access(const struct dmabuf_buf *b, uint64_t when)
{
	struct dma_buf_sync sync = { .flags = when | DMA_BUF_SYNC_RW };
	int ret;

	do {
		ret = ioctl(b->fd, DMA_BUF_IOCTL_SYNC, &sync);
	} while (ret && (errno == EINTR || errno == EAGAIN));
	return ret;
}

int dmabuf_map(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	void *addr;

	if (s->kind->map) {
		if (s->kind->map(s, b))
			return -1;
	} else {
		addr = mmap(NULL, b->size, PROT_READ | PROT_WRITE, MAP_SHARED,
			    b->fd, (off_t)b->offset);
		if (addr == MAP_FAILED)
			return dmabuf_error(s, "the CPU cannot map the dma-buf: %s",
					    strerror(errno));
		b->addr = addr;
	}
	if (cpu_access(b, DMA_BUF_SYNC_START)) {
		dmabuf_error(s, "the CPU gets no access to the dma-buf: %s",
			     strerror(errno));
		munmap(b->addr, b->size);
		b->addr = NULL;
		return -1;
	}
	return 0;
}

void dmabuf_free(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	if (b->addr) {
		cpu_access(b, DMA_BUF_SYNC_END);
		munmap(b->addr, b->size);
	}
	close(b->fd);
	if (s->kind->free)
		s->kind->free(s, b);
	if (s->taken && !--s->taken)
		s->next = s->first;
	*b = (struct dmabuf_buf) { .fd = -1 };
}

void dmabuf_help(int indent)
{
	size_t i;

	for (i = 0; i < KINDS; i++) {
		char what[64];

		snprintf(what, sizeof(what), "%s%s", kinds[i]->name, kinds[i]->args);
		printf("%*s%-30s %s\n", indent, "", what, kinds[i]->help);
	}
}
