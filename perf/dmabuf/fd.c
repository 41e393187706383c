// SPDX-License-Identifier: GPL-2.0
/* fd:N: a dma-buf that the process has inherited, whoever made it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kind.h"

static int is_dmabuf(int fd)
{
	char path[40], target[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = 0;
	return !strncmp(target, "/dmabuf:", strlen("/dmabuf:"));
}

static int fd_open(struct dmabuf_source *s, const char *args)
{
	char *end;
	long n;
	off_t size;

	errno = 0;
	n = strtol(args, &end, 10);
	if (end == args || *end || errno || n < 0 || n > INT_MAX)
		return dmabuf_error(s, "the number of a file descriptor has to follow fd:");
	s->fd = fcntl((int)n, F_DUPFD_CLOEXEC, 3);
	if (s->fd < 0)
		return dmabuf_error(s, "file descriptor %ld: %s", n, strerror(errno));
	if (!is_dmabuf(s->fd))
		return dmabuf_error(s, "file descriptor %ld is not a dma-buf", n);
	size = lseek(s->fd, 0, SEEK_END);
	if (size < 0)
		return dmabuf_error(s, "file descriptor %ld has no size: %s", n,
				    strerror(errno));
	dmabuf_set_range(s, 0, (uint64_t)size);
	return 0;
}

/* Several buffers are ranges behind each other. */
static int fd_alloc(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	if (dmabuf_take(s, b))
		return -1;
	b->fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 3);
	if (b->fd >= 0)
		return 0;
	s->taken--;
	return dmabuf_error(s, "%s", strerror(errno));
}

const struct dmabuf_kind dmabuf_fd = {
	.name = "fd",
	.args = ":N",
	.help = "the dma-buf that is open as file descriptor N",
	.open = fd_open,
	.alloc = fd_alloc,
};
