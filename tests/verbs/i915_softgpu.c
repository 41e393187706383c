// SPDX-License-Identifier: GPL-2.0
/*
 * libi915_softgpu.so: softgpu as i915, for programs that can make buffers on i915 alone.
 *
 * pyverbs allocates GPU memory with the ioctls of two drivers, i915 and amdgpu,
 * through render nodes. With this in LD_PRELOAD, its render nodes are softgpu, whose
 * version says i915, and the two ioctls of i915 that it needs are those of dumb buffers,
 * which are softgpu's. All else is as it was.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <drm.h>
#include <drm_mode.h>
#include <i915_drm.h>

#define RENDER "/dev/dri/renderD"

static int (*next_open)(const char *path, int flags, ...);
static int (*next_ioctl)(int fd, unsigned long request, void *arg);

__attribute__((constructor))
static void find(void)
{
	*(void **)&next_open = dlsym(RTLD_NEXT, "open");
	*(void **)&next_ioctl = dlsym(RTLD_NEXT, "ioctl");
}

static bool is_softgpu(int fd)
{
	char name[16] = "";
	struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };

	return !next_ioctl(fd, DRM_IOCTL_VERSION, &version) &&
	       !strcmp(name, "softgpu");
}

/* The first; dumb buffers are made on primary nodes only. */
static int open_softgpu(int flags)
{
	char path[32];
	int fd;

	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/dev/dri/card%d", i);
		fd = next_open(path, flags);
		if (fd >= 0 && is_softgpu(fd))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	errno = ENOENT;
	return -1;
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	if (!strncmp(path, RENDER, strlen(RENDER)))
		return open_softgpu(flags);
	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	return next_open(path, flags, mode);
}

static int version(int fd, struct drm_version *v)
{
	if (!is_softgpu(fd))
		return next_ioctl(fd, DRM_IOCTL_VERSION, v);
	if (v->name && v->name_len)
		strncpy(v->name, "i915", v->name_len);
	v->name_len = strlen("i915");
	return 0;
}

static int create(int fd, struct drm_i915_gem_create *c)
{
	struct drm_mode_create_dumb dumb = {
		.width = (uint32_t)c->size, .height = 1, .bpp = 8,
	};

	if (next_ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return -1;
	c->handle = dumb.handle;
	return 0;
}

static int map(int fd, struct drm_i915_gem_mmap_gtt *m)
{
	struct drm_mode_map_dumb dumb = { .handle = m->handle };

	if (next_ioctl(fd, DRM_IOCTL_MODE_MAP_DUMB, &dumb))
		return -1;
	m->offset = dumb.offset;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list ap;
	void *arg;

	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case DRM_IOCTL_VERSION:
		return version(fd, arg);
	case DRM_IOCTL_I915_GEM_CREATE:
		return create(fd, arg);
	case DRM_IOCTL_I915_GEM_MMAP_GTT:
		return map(fd, arg);
	default:
		return next_ioctl(fd, request, arg);
	}
}
