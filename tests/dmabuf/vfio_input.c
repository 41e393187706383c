// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_input BDF BAR: what VFIO_DEVICE_FEATURE_DMA_BUF answers to right and wrong
 * arguments, a line each. The test compares the lines of two drivers. Only the
 * results are printed that do not depend on what else there is: errno, size of the
 * dma-buf, flags of the file descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "vfio_util.h"

#define GET	(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_DMA_BUF)
#define P	((uint64_t)VFIO_PAGE)
#define MANY	4096

static struct vfio v;
static uint32_t bar;
static uint64_t bar_size;

/* The argument, with room for ranges. */
struct request {
	struct vfio_device_feature head;
	struct vfio_device_feature_dma_buf buf;
	struct vfio_region_dma_range range[MANY];
};

static void show_fd(int fd)
{
	printf("size %lld cloexec %d mode %d", (long long)lseek(fd, 0, SEEK_END),
	       fcntl(fd, F_GETFD) & FD_CLOEXEC, fcntl(fd, F_GETFL) & O_ACCMODE);
}

/* Make the call and print the answer. */
static void ask(const char *what, void *arg)
{
	int fd = ioctl(v.dev, VFIO_DEVICE_FEATURE, arg);

	printf("%s: ", what);
	if (fd < 0) {
		printf("%s\n", strerror(errno));
		return;
	}
	if (fd == 0) {
		printf("yes\n");
		return;
	}
	show_fd(fd);
	printf("\n");
	close(fd);
}

static struct request *request(uint32_t nr)
{
	static struct request r;

	memset(&r, 0, sizeof(r));
	r.head.argsz = (uint32_t)(offsetof(struct request, range) +
				  nr * sizeof(r.range[0]));
	r.head.flags = GET;
	r.buf.region_index = bar;
	r.buf.open_flags = O_RDWR | O_CLOEXEC;
	r.buf.nr_ranges = nr;
	for (uint32_t i = 0; i < nr; i++) {
		r.range[i].offset = i * P;
		r.range[i].length = P;
	}
	return &r;
}

static void one_range(const char *what, uint64_t offset, uint64_t length)
{
	struct request *r = request(1);

	r->range[0].offset = offset;
	r->range[0].length = length;
	ask(what, r);
}

static void ranges(void)
{
	struct request *r;

	one_range("one page", 0, P);
	one_range("whole BAR", 0, bar_size);
	one_range("last page", bar_size - P, P);
	one_range("empty", 0, 0);
	one_range("unaligned offset", 1, P);
	one_range("unaligned length", 0, P + 1);
	one_range("half a page", 0, P / 2);
	one_range("behind the BAR", bar_size, P);
	one_range("over the end", bar_size - P, 2 * P);
	one_range("offset overflows", -P, P);
	one_range("length overflows", P, -P);
	one_range("length of the sign bit", 0, 1ull << 63);
	one_range("both overflow", -P, -P);
	r = request(2);
	r->range[1].offset = 0;
	ask("the same twice", r);
	r = request(3);
	r->range[0].length = 3 * P;
	ask("overlapping", r);
	r = request(2);
	r->range[1].length = 0;
	ask("second empty", r);
	r = request(2);
	r->range[1].offset = bar_size;
	ask("second behind the BAR", r);
	r = request(2);
	r->range[0].length = 1ull << 62;
	r->range[1].length = 3ull << 62;
	ask("sum overflows", r);
	ask("many", request(MANY));
}

static void heads(void)
{
	static const uint32_t regions[] = { 1, 5, 6, 7, 8, 9, 100, -1 };
	static const uint32_t flags[] = { 0, O_CLOEXEC, O_RDWR, O_NONBLOCK, -1,
					  O_WRONLY };
	struct request *r;
	char what[32];
	size_t i;

	for (i = 0; i < sizeof(regions) / sizeof(regions[0]); i++) {
		r = request(1);
		r->buf.region_index = regions[i];
		snprintf(what, sizeof(what), "region %u", regions[i]);
		ask(what, r);
	}
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		r = request(1);
		r->buf.open_flags = flags[i];
		snprintf(what, sizeof(what), "open flags %#x", flags[i]);
		ask(what, r);
	}
	r = request(0);
	ask("no ranges", r);
	r = request(1);
	r->buf.flags = 1;
	ask("flags", r);
	r = request(1);
	r->head.argsz = offsetof(struct request, range) - 1;
	ask("argsz too small", r);
	r->head.argsz = sizeof(r->head);
	ask("argsz without argument", r);
	r = request(1);
	r->head.flags |= VFIO_DEVICE_FEATURE_SET;
	ask("get and set", r);
	r->head.flags = VFIO_DEVICE_FEATURE_SET | VFIO_DEVICE_FEATURE_DMA_BUF;
	ask("set", r);
	r->head.flags = VFIO_DEVICE_FEATURE_DMA_BUF;
	ask("neither", r);
	r->head.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_DMA_BUF;
	ask("probe", r);
	r->head.flags = VFIO_DEVICE_FEATURE_PROBE | GET;
	ask("probe get", r);
	r->head.flags = VFIO_DEVICE_FEATURE_PROBE | VFIO_DEVICE_FEATURE_SET |
		VFIO_DEVICE_FEATURE_DMA_BUF;
	ask("probe set", r);
	r->head.flags = GET | 1u << 30;
	ask("unknown flag", r);
}

/* Arguments that are not all there, or not there yet. */
static void places(void)
{
	size_t head = offsetof(struct request, range);
	uint8_t *mem, *end, *again;
	struct request *r;
	int fd;

	mem = mmap(NULL, 4 * P, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	end = mem + 2 * P;
	munmap(end, P);
	ask("nowhere", end);
	ask("never touched", mem);

	r = request(2);
	memcpy(end - 8, r, 8);
	ask("argument missing", end - 8);
	memcpy(end - head, r, head);
	ask("ranges missing", end - head);
	memcpy(end - head - 16, r, head + 16);
	ask("second range missing", end - head - 16);
	r->buf.nr_ranges = -1;
	memcpy(end - head, r, head);
	ask("too many ranges", end - head);
	r->buf.nr_ranges = 1u << 20;
	memcpy(end - head, r, head);
	ask("a million ranges", end - head);

	/* In a file, mapped anew: the first to read it faults it in. */
	r = request(MANY);
	fd = memfd_create("arguments", MFD_CLOEXEC);
	if (fd < 0 || write(fd, r, sizeof(*r)) != sizeof(*r))
		exit(1);
	again = mmap(NULL, sizeof(*r), PROT_READ, MAP_SHARED, fd, 0);
	ask("not faulted in", again);
	munmap(again, sizeof(*r));
	again = mmap(NULL, sizeof(*r), PROT_READ, MAP_SHARED, fd, 0);
	madvise(again + P, 3 * P, MADV_DONTNEED);
	ask("ranges not faulted in", again);
	munmap(again, sizeof(*r));
	close(fd);
}

static void descriptors(void)
{
	struct rlimit old, none;
	int last = dup(0);

	close(last);
	getrlimit(RLIMIT_NOFILE, &old);
	none = (struct rlimit) { (rlim_t)last, old.rlim_max };
	setrlimit(RLIMIT_NOFILE, &none);
	ask("no file descriptor left", request(1));
	setrlimit(RLIMIT_NOFILE, &old);
	for (int i = 0; i < 200; i++) {
		int fd = vfio_dmabuf(&v, bar, (struct vfio_range[]) { { 0, 1 } }, 1);

		if (fd != last) {
			printf("descriptor %d, not %d\n", fd, last);
			exit(1);
		}
		close(fd);
	}
}

static void importer(const char *what, enum importer_how how)
{
	struct importer_import req = { .how = how };
	int dev = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC);

	req.fd = vfio_dmabuf(&v, bar, (struct vfio_range[]) { { 0, 1 } }, 1);
	printf("%s: %s\n", what,
	       ioctl(dev, IMPORTER_IMPORT, &req) ? strerror(errno) : "accepted");
	close(req.fd);
	close(dev);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: vfio_input BDF BAR\n");
		return 2;
	}
	vfio_open(&v, argv[1]);
	bar = (uint32_t)atoi(argv[2]);
	bar_size = vfio_region(&v, bar).size;
	ranges();
	heads();
	places();
	vfio_memory(&v, false);
	one_range("memory disabled", 0, P);
	vfio_memory(&v, true);
	vfio_low_power_err(&v, true);
	one_range("low power", 0, P);
	vfio_low_power_err(&v, false);
	descriptors();
	importer("static importer", IMPORTER_STATIC);
	importer("importer without peer-to-peer", IMPORTER_DYNAMIC);
	vfio_close(&v);
	return 0;
}
