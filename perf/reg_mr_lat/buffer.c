// SPDX-License-Identifier: GPL-2.0
/* Memory of each kind, made and given back. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reg_mr_lat.h"

#define HUGE_PAGE	(2ul << 20)

#ifndef MAP_HUGE_2MB
#define MAP_HUGE_2MB	(21 << MAP_HUGE_SHIFT)
#endif

int memory_open(struct memory_source *m, const struct options *o)
{
	*m = (struct memory_source) { .kind = o->memory };
	if (o->memory != MEMORY_DMABUF)
		return 0;
	m->dmabuf = dmabuf_open(o->dmabuf);
	if (!m->dmabuf)
		return -1;
	if (o->first_touch && dmabuf_is_fixed(m->dmabuf)) {
		fprintf(stderr, " --first_touch needs memory that can be made anew: not %s\n",
			o->dmabuf);
		memory_close(m);
		return -1;
	}
	return 0;
}

void memory_close(struct memory_source *m)
{
	if (m->dmabuf)
		dmabuf_close(m->dmabuf);
	m->dmabuf = NULL;
}

const char *memory_name(const struct memory_source *m)
{
	switch (m->kind) {
	case MEMORY_THP:
		return "thp";
	case MEMORY_HUGETLB:
		return "hugetlb";
	case MEMORY_DMABUF:
		return dmabuf_spec(m->dmabuf);
	default:
		return "host";
	}
}

/* How many bytes around @addr are in transparent huge pages. */
static size_t huge_bytes(const void *addr)
{
	unsigned long first, end, kib;
	bool here = false;
	char line[256];
	size_t sum = 0;
	FILE *f = fopen("/proc/self/smaps", "re");

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			here = (uintptr_t)addr >= first && (uintptr_t)addr < end;
		else if (here && sscanf(line, "AnonHugePages: %lu kB", &kib) == 1)
			sum += kib * 1024;
	}
	if (f)
		fclose(f);
	return sum;
}

static int make_thp(struct buffer *b, bool touch)
{
	char *addr, *begin;
	size_t before;

	/* From one border between huge pages to another. */
	addr = mmap(NULL, b->mapped + HUGE_PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		return -1;
	before = -(uintptr_t)addr % HUGE_PAGE;
	begin = addr + before;
	if (before)
		munmap(addr, before);
	if (before < HUGE_PAGE)
		munmap(begin + b->mapped, HUGE_PAGE - before);
	b->addr = begin;
	if (madvise(begin, b->mapped, MADV_HUGEPAGE)) {
		fprintf(stderr, " No transparent huge pages: %s\n", strerror(errno));
		return -1;
	}
	if (!touch)
		return 0;
	memset(begin, 1, b->mapped);
	if (huge_bytes(begin) >= b->mapped)
		return 0;
	fprintf(stderr, " Only %zu of %zu bytes are in transparent huge pages; see /sys/kernel/mm/transparent_hugepage/enabled\n",
		huge_bytes(begin), b->mapped);
	return -1;
}

static int make_host(struct buffer *b, enum memory kind, bool touch)
{
	int flags = kind == MEMORY_HUGETLB ? MAP_HUGETLB | MAP_HUGE_2MB : 0;

	b->addr = mmap(NULL, b->mapped, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	if (b->addr == MAP_FAILED) {
		b->addr = NULL;
		if (kind == MEMORY_HUGETLB)
			fprintf(stderr, " No %zu free huge pages of 2 MiB (%s); see /proc/sys/vm/nr_hugepages\n",
				b->mapped / HUGE_PAGE, strerror(errno));
		else
			fprintf(stderr, " No %zu bytes of memory: %s\n", b->mapped,
				strerror(errno));
		return -1;
	}
	/* A kernel without huge pages has no advice against them either. */
	if (kind == MEMORY_PAGES)
		madvise(b->addr, b->mapped, MADV_NOHUGEPAGE);
	if (touch)
		memset(b->addr, 1, b->mapped);
	return 0;
}

int buffer_make(struct memory_source *m, size_t size, bool touch, struct buffer *b)
{
	size_t page = m->kind == MEMORY_PAGES ? (size_t)sysconf(_SC_PAGESIZE) : HUGE_PAGE;
	int ret;

	*b = (struct buffer) { .size = size };
	if (m->kind == MEMORY_DMABUF)
		return dmabuf_alloc(m->dmabuf, size, &b->dmabuf);
	b->mapped = (size + page - 1) / page * page;
	if (b->mapped < size) {
		fprintf(stderr, " No %zu bytes of memory\n", size);
		return -1;
	}
	ret = m->kind == MEMORY_THP ? make_thp(b, touch) :
		make_host(b, m->kind, touch);
	if (ret)
		buffer_free(m, b);
	return ret;
}

void buffer_free(struct memory_source *m, struct buffer *b)
{
	if (m->kind == MEMORY_DMABUF)
		dmabuf_free(m->dmabuf, &b->dmabuf);
	else if (b->addr)
		munmap(b->addr, b->mapped);
	b->addr = NULL;
}
