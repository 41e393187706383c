// SPDX-License-Identifier: GPL-2.0
/*
 * softgpu[:/dev/dri/cardN]: a dumb buffer of softgpu, or of any DRM driver that is
 * named by its card.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "kind.h"

#define CARDS		64
#define PITCH		4096u	/* a page: every driver likes it */
#define BITS		32

static bool is_softgpu(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	bool yes = version && !strcmp(version->name, "softgpu");

	drmFreeVersion(version);
	return yes;
}

static int find_card(struct dmabuf_source *s)
{
	char path[32];
	int i;

	for (i = 0; i < CARDS; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		s->fd = open(path, O_RDWR | O_CLOEXEC);
		if (s->fd < 0)
			continue;
		if (is_softgpu(s->fd))
			return 0;
		close(s->fd);
		s->fd = -1;
	}
	return dmabuf_error(s, "no card of softgpu in /dev/dri; modprobe softgpu, or name another card");
}

/* A negative errno, or 0 and a buffer that may be larger. */
static int create_dumb(const struct dmabuf_source *s, size_t bytes, uint32_t *handle,
		       uint64_t *size)
{
	uint32_t pitch;

	return drmModeCreateDumbBuffer(s->fd, PITCH * 8 / BITS, (uint32_t)(bytes / PITCH),
				       BITS, 0, handle, &pitch, size);
}

static int softgpu_open(struct dmabuf_source *s, const char *args)
{
	drmVersionPtr version;
	uint32_t handle;
	uint64_t cap;
	int ret;

	if (!*args)
		return find_card(s);
	s->fd = open(args, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return dmabuf_error(s, "cannot open %s: %s", args, strerror(errno));
	version = drmGetVersion(s->fd);
	if (!version)
		return dmabuf_error(s, "%s is not a DRM card", args);
	drmFreeVersion(version);
	if (drmGetCap(s->fd, DRM_CAP_PRIME, &cap) || !(cap & DRM_PRIME_CAP_EXPORT))
		return dmabuf_error(s, "%s exports no dma-bufs", args);
	/* DRM_CAP_DUMB_BUFFER is told of cards with screens only. */
	ret = create_dumb(s, PITCH, &handle, &cap);
	if (ret)
		return dmabuf_error(s, "%s makes no dumb buffers: %s", args,
				    strerror(-ret));
	drmModeDestroyDumbBuffer(s->fd, handle);
	return 0;
}

static void softgpu_free(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	drmModeDestroyDumbBuffer(s->fd, b->handle);
}

static int softgpu_alloc(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	uint64_t size;
	int ret;

	if (b->size / PITCH > UINT32_MAX)
		return dmabuf_error(s, "no card makes a buffer of %zu bytes", b->size);
	ret = create_dumb(s, b->size, &b->handle, &size);
	if (ret)
		return dmabuf_error(s, "no buffer of %zu bytes: %s", b->size,
				    strerror(-ret));
	if (size < b->size) {
		softgpu_free(s, b);
		return dmabuf_error(s, "a buffer of %llu bytes where %zu are needed",
				    (unsigned long long)size, b->size);
	}
	ret = drmPrimeHandleToFD(s->fd, b->handle, DRM_CLOEXEC | DRM_RDWR, &b->fd);
	if (ret) {
		ret = errno;
		softgpu_free(s, b);
		return dmabuf_error(s, "no dma-buf of the buffer: %s", strerror(ret));
	}
	return 0;
}

const struct dmabuf_kind dmabuf_softgpu = {
	.name = "softgpu",
	.args = "[:/dev/dri/cardN]",
	.help = "dumb buffer of softgpu, or of the DRM card named",
	.open = softgpu_open,
	.alloc = softgpu_alloc,
	.free = softgpu_free,
};
