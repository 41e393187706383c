// SPDX-License-Identifier: GPL-2.0
/* udmabuf[:huge]: pages of a memfd, ordinary or huge. */
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kind.h"

#define HUGE_PAGE	(2ull << 20)

static int udmabuf_open(struct dmabuf_source *s, const char *args)
{
	if (!strcmp(args, "huge"))
		s->huge = 1;
	else if (*args)
		return dmabuf_error(s, "only \"huge\" may follow udmabuf:");
	s->fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return dmabuf_error(s, "cannot open /dev/udmabuf: %s; modprobe udmabuf",
				    strerror(errno));
	return 0;
}

/* Sealed against shrinking, as udmabuf demands. */
static int make_memfd(struct dmabuf_source *s, size_t size)
{
	unsigned int huge = s->huge ? MFD_HUGETLB | MFD_HUGE_2MB : 0;
	int fd = memfd_create("perftest", MFD_CLOEXEC | MFD_ALLOW_SEALING | huge);

	if (fd < 0)
		return dmabuf_error(s, "no memfd%s: %s", s->huge ? " of huge pages" : "",
				    strerror(errno));
	if (ftruncate(fd, (off_t)size) || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK)) {
		dmabuf_error(s, "a memfd of %zu bytes: %s", size, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/*
 * udmabuf takes huge pages that the file has, but makes none; and asking too much
 * of hugetlbfs by touching it is a SIGBUS.
 */
static int make_huge_pages(struct dmabuf_source *s, int fd, size_t size)
{
	if (!fallocate(fd, 0, 0, (off_t)size))
		return 0;
	return dmabuf_error(s, "no %zu free huge pages of 2 MiB (%s); see /proc/sys/vm/nr_hugepages",
			    (size_t)(size / HUGE_PAGE), strerror(errno));
}

static int udmabuf_alloc(struct dmabuf_source *s, struct dmabuf_buf *b)
{
	struct udmabuf_create create = { .flags = UDMABUF_FLAGS_CLOEXEC };
	int memfd, error;

	if (s->huge)
		b->size = (b->size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	memfd = make_memfd(s, b->size);
	if (memfd < 0)
		return -1;
	if (s->huge && make_huge_pages(s, memfd, b->size)) {
		close(memfd);
		return -1;
	}
	create.memfd = (uint32_t)memfd;
	create.size = b->size;
	b->fd = ioctl(s->fd, UDMABUF_CREATE, &create);
	error = errno;
	close(memfd);
	if (b->fd >= 0)
		return 0;
	if (error == EINVAL)
		return dmabuf_error(s, "no udmabuf of %zu bytes; the parameter size_limit_mb of udmabuf limits them",
				    b->size);
	return dmabuf_error(s, "no udmabuf of %zu bytes: %s", b->size, strerror(error));
}

const struct dmabuf_kind dmabuf_udmabuf = {
	.name = "udmabuf",
	.args = "[:huge]",
	.help = "memory of a memfd; huge: of pages of 2 MiB",
	.open = udmabuf_open,
	.alloc = udmabuf_alloc,
};
