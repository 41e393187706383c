// SPDX-License-Identifier: GPL-2.0
/* Registrations that must work, what they leave, and what moves under them. */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "reg_test.h"

#define PAGE	4096

/* Every kind of range and right; nothing of the buffer is kept afterwards. */
void case_good(struct reg *r)
{
	static const struct {
		uint64_t offset;
		size_t len;
		uint64_t iova;
	} ranges[] = {
		{ 0, 1, 0 },
		{ 0, 16 * PAGE, 0 },
		{ 0, 16 * PAGE, UINT64_MAX - 16 * PAGE + 1 },
		{ 5, 7, PAGE + 5 },
		{ PAGE - 1, 2, 0x7fff00000fff },
		{ 15 * PAGE, PAGE, 1ull << 63 },
		{ 16 * PAGE - 1, 1, PAGE - 1 },
	};
	static const int rights[] = {
		0, IBV_ACCESS_LOCAL_WRITE, IBV_ACCESS_REMOTE_READ,
		IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE, RW,
		RW | IBV_ACCESS_RELAXED_ORDERING,
	};
	struct ibv_mr *mr[8];
	struct buffer buf;
	size_t i;
	int fd;

	buffer_create(&r->gpu, &buf, 16 * PAGE);
	fd = buffer_export(&buf);
	for (i = 0; i < 7; i++)
		mr[i] = need_dmabuf_mr(r, fd, ranges[i].offset, ranges[i].len,
				       ranges[i].iova);
	for (i = 0; i < 7; i++)
		drop_mr(mr[i]);
	for (i = 0; i < 6; i++) {
		mr[0] = ibv_reg_dmabuf_mr(r->pd, 0, PAGE, 0, fd, rights[i]);
		check(mr[0], "rights %#x: %m", rights[i]);
		drop_mr(mr[0]);
	}

	/* The fd and the handle may go first: the region holds the buffer. */
	mr[0] = need_dmabuf_mr(r, fd, 0, buf.size, 0);
	close(fd);
	buffer_destroy(&buf);
	check(placement_all(&r->gpu).last_id, "the region does not hold its buffer");
	drop_mr(mr[0]);
	check(!placement_all(&r->gpu).last_id, "the buffer is still referenced");
}

/* A key is not given out again soon, and never for two regions at a time. */
void case_keys(struct reg *r)
{
	enum { LIVE = 64, ROUNDS = 40 };
	static uint32_t seen[LIVE * ROUNDS];
	struct ibv_mr *mr[LIVE];
	static char mem[PAGE] __attribute__((aligned(PAGE)));
	size_t n = 0;

	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < LIVE; i++) {
			mr[i] = ibv_reg_mr(r->pd, mem, sizeof(mem), RW);
			check(mr[i], "register: %m");
			check(mr[i]->lkey == mr[i]->rkey, "lkey is not rkey");
			for (size_t k = 0; k < n; k++)
				check(seen[k] != mr[i]->rkey,
				      "key %#x was given out twice", mr[i]->rkey);
			seen[n++] = mr[i]->rkey;
		}
		for (int i = 0; i < LIVE; i++)
			drop_mr(mr[i]);
	}
}

/* More than a gigabyte of user memory: the same 64 MiB again and again. */
void case_huge(struct reg *r)
{
	const size_t piece = 64 << 20, whole = 20 * piece;
	int fd = memfd_create("huge", MFD_CLOEXEC);
	struct ibv_mr *mr;
	char *p;

	check(fd >= 0 && !ftruncate(fd, piece), "memfd: %m");
	p = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check(p != MAP_FAILED, "mmap: %m");
	for (size_t at = 0; at < whole; at += piece)
		check(mmap(p + at, piece, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_FIXED, fd, 0) == p + at, "mmap: %m");
	mr = ibv_reg_mr(r->pd, p, whole, RW);
	check(mr, "register %zu MiB: %m", whole >> 20);
	drop_mr(mr);
	munmap(p, whole);
	close(fd);
}

/*
 * For the shell: a region of a buffer in two parts of VRAM, and one of user
 * memory. A line on stdin is answered by an eviction, the end of stdin ends it.
 */
void case_hold(struct reg *r)
{
	static char mem[2 * PAGE] __attribute__((aligned(PAGE)));
	struct ibv_mr *mr, *user;
	struct buffer buf;
	char line[16];
	int fd;

	buffer_create(&r->gpu, &buf, 64 * PAGE);
	fd = buffer_export(&buf);
	mr = need_dmabuf_mr(r, fd, 0, buf.size, 0);
	user = ibv_reg_mr(r->pd, mem, sizeof(mem), RW);
	check(user, "register: %m");
	printf("mr %#x user %#x\n", mr->rkey, user->rkey);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		check(!debugfs_write(&r->gpu, "evict", "all"), "evict: %m");
		printf("evicted\n");
		fflush(stdout);
	}
	drop_mr(mr);
	drop_mr(user);
	close(fd);
	buffer_destroy(&buf);
}

struct storm {
	struct reg *r;
	int fd;
	size_t size;
	int err;
	unsigned int seed;
};

static void *storm_thread(void *arg)
{
	struct storm *s = arg;

	for (int i = 0; i < 300; i++) {
		uint64_t off = (rand_r(&s->seed) % (s->size / PAGE)) * PAGE;
		size_t len = 1 + rand_r(&s->seed) % (s->size - off);
		struct ibv_mr *mr = ibv_reg_dmabuf_mr(s->r->pd, off, len, off,
						      s->fd, RW);

		if (!mr) {
			s->err = errno;
			break;
		}
		ibv_dereg_mr(mr);
	}
	return NULL;
}

/* Registrations and deregistrations while the buffer moves to and fro. */
void case_storm(struct reg *r)
{
	enum { THREADS = 3 };
	struct storm s[THREADS];
	pthread_t t[THREADS];
	struct buffer buf;
	int fd;

	buffer_create(&r->gpu, &buf, 256 * PAGE);
	fd = buffer_export(&buf);
	buffer_map(&buf);
	fill(buf.map, buf.asked, 42);
	for (int i = 0; i < THREADS; i++) {
		s[i] = (struct storm){ r, fd, buf.size, 0, i };
		check(!pthread_create(&t[i], NULL, storm_thread, &s[i]), "thread");
	}
	for (int i = 0; i < 200; i++) {
		const char *move = i % 2 ? "restore" : "evict";
		int err = debugfs_write(&r->gpu, move, "all");

		check(!err, "%s: %s", move, strerror(err));
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(t[i], NULL);
		check(!s[i].err, "register: %s", strerror(s[i].err));
	}
	verify(buf.map, buf.asked, 42, "after the storm");
	close(fd);
	buffer_destroy(&buf);
	check(!placement_all(&r->gpu).last_id, "the buffer is still referenced");
}
