// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_data DEVICE DEVICE BDF BAR: RDMA to and from a dma-buf of VFIO that has
 * several ranges of a BAR, out of order; every byte is compared through VFIO's own
 * mapping of the BAR, also those beside the ranges.
 */
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "vfio_util.h"

#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* In the order of the buffer; the last two go on one after the other. */
static const struct vfio_range ranges[] = {
	{ 9, 5 }, { 100, 7 }, { 3, 1 }, { 40, 2 }, { 42, 3 },
};

#define NR	(sizeof(ranges) / sizeof(ranges[0]))
#define LEN	(18 * VFIO_PAGE)
#define WINDOW	(110 * VFIO_PAGE)	/* of the BAR, around all ranges */
#define BESIDE	0x5a

/* Sizes and offsets beside every page and packet boundary, and over ranges. */
static const struct {
	size_t off, len;
} parts[] = {
	{ 0, LEN }, { 1, 3 }, { 4095, 2 }, { 5 * VFIO_PAGE - 13, 27 },
	{ 12 * VFIO_PAGE - 7, VFIO_PAGE + 14 }, { 1023, 6143 },
	{ LEN - 1, 1 }, { 777, LEN - 1554 }, { 13 * VFIO_PAGE + 5, 3000 },
};

static uint8_t *bar;

/* The byte of the BAR that is byte @i of the buffer. */
static uint8_t *at(size_t i)
{
	unsigned int r;

	for (r = 0; i >= ranges[r].npages * VFIO_PAGE; r++)
		i -= ranges[r].npages * VFIO_PAGE;
	return bar + ranges[r].page * VFIO_PAGE + i;
}

static bool in_a_range(size_t page)
{
	for (unsigned int r = 0; r < NR; r++)
		if (page - ranges[r].page < ranges[r].npages)
			return true;
	return false;
}

static void bar_clear(void)
{
	for (size_t i = 0; i < WINDOW; i++)
		((volatile uint8_t *)bar)[i] = BESIDE;
}

/* What the BAR holds: @want where the buffer is, nothing beside. */
static void need_bar(const uint8_t *want, const char *what)
{
	for (size_t i = 0; i < LEN; i++) {
		uint8_t got = *(volatile uint8_t *)at(i);

		CHECK(got == want[i], "%s: byte %zu is %#x, not %#x", what, i,
		      got, want[i]);
	}
	for (size_t i = 0; i < WINDOW; i++)
		CHECK(in_a_range(i / VFIO_PAGE) ||
		      ((volatile uint8_t *)bar)[i] == BESIDE,
		      "%s: byte %zu of the BAR was touched", what, i);
}

struct test {
	struct pair p;
	struct ibv_mr *avfio, *bvfio, *amr, *bmr;
	uint8_t *amem, *bmem, *want;
};

static struct ibv_sge sge(const struct ibv_mr *mr, uint64_t addr, size_t len)
{
	return (struct ibv_sge) {
		.addr = addr, .length = (uint32_t)len, .lkey = mr->lkey,
	};
}

/* Into the BAR at the far end and at the near one. */
static void into(struct test *t, size_t off, size_t len, uint32_t seed)
{
	struct pair *p = &t->p;

	fill(t->amem, len, seed);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 1, sge_of(t->amr, 0, len), off,
		  t->bvfio->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	memcpy(t->want + off, t->amem, len);
	need_bar(t->want, "write");

	fill(t->bmem, len, seed + 1);
	need_send(&p->a, IBV_WR_RDMA_READ, 2, sge(t->avfio, off, len),
		  (uintptr_t)t->bmem, t->bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	memcpy(t->want + off, t->bmem, len);
	need_bar(t->want, "read into the BAR");

	fill(t->amem, len, seed + 2);
	need_recv(&p->b, 3, sge(t->bvfio, off, len));
	need_send(&p->a, IBV_WR_SEND, 4, sge_of(t->amr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(need_ok(p->b.rcq).byte_len == len, "byte_len");
	memcpy(t->want + off, t->amem, len);
	need_bar(t->want, "receive into the BAR");
}

/* What the BAR holds, from the far end, from the near one, and by a send. */
static void out_of(struct test *t, size_t off, size_t len)
{
	struct pair *p = &t->p;

	memset(t->amem, 0, LEN);
	need_send(&p->a, IBV_WR_RDMA_READ, 5, sge_of(t->amr, 0, len), off,
		  t->bvfio->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(!memcmp(t->amem, t->want + off, len), "read");

	memset(t->bmem, 0, LEN);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 6, sge(t->avfio, off, len),
		  (uintptr_t)t->bmem, t->bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(!memcmp(t->bmem, t->want + off, len), "write from the BAR");

	memset(t->bmem, 0, LEN);
	need_recv(&p->b, 7, sge_of(t->bmr, 0, len));
	need_send(&p->a, IBV_WR_SEND, 8, sge(t->avfio, off, len), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(need_ok(p->b.rcq).byte_len == len, "byte_len");
	CHECK(!memcmp(t->bmem, t->want + off, len), "send from the BAR");
}

static void word_set(struct test *t, size_t off, uint64_t value)
{
	memcpy(t->want + off, &value, 8);
	for (int i = 0; i < 8; i++)
		*(volatile uint8_t *)at(off + (size_t)i) = t->want[off + (size_t)i];
}

/* Atomics on words of the BAR, and with the answer in the BAR. */
static void atomics(struct test *t)
{
	static const size_t offs[] = { 0, 5 * VFIO_PAGE - 8, 12 * VFIO_PAGE, LEN - 8 };
	struct pair *p = &t->p;
	uint64_t value, answer;

	for (size_t i = 0; i < sizeof(offs) / sizeof(offs[0]); i++) {
		value = 0x1122334455667700ull + i;
		word_set(t, offs[i], value);
		need_atomic(&p->a, false, 9, sge_of(t->amr, 0, 8), offs[i],
			    t->bvfio->rkey, 0x0101, 0);
		need_ok(p->a.scq);
		memcpy(&answer, t->amem, 8);
		CHECK(answer == value, "the answer of an addition");
		value += 0x0101;
		memcpy(t->want + offs[i], &value, 8);
		need_bar(t->want, "addition");

		need_atomic(&p->a, true, 10, sge_of(t->amr, 0, 8), offs[i],
			    t->bvfio->rkey, value, ~value);
		need_ok(p->a.scq);
		memcpy(&answer, t->amem, 8);
		CHECK(answer == value, "the answer of a swap");
		value = ~value;
		memcpy(t->want + offs[i], &value, 8);
		need_bar(t->want, "swap");
	}
	memcpy(t->bmem, &value, 8);
	need_atomic(&p->a, false, 11, sge(t->avfio, 8, 8), (uintptr_t)t->bmem,
		    t->bmr->rkey, 1, 0);
	need_ok(p->a.scq);
	memcpy(t->want + 8, &value, 8);
	need_bar(t->want, "an answer in the BAR");
}

int main(int argc, char **argv)
{
	struct test t = {};
	struct vfio v;
	unsigned int index;
	uint32_t seed = 1;
	int fd;

	if (argc != 5) {
		fprintf(stderr, "usage: vfio_data DEVICE DEVICE BDF BAR\n");
		return 2;
	}
	index = (unsigned int)atoi(argv[4]);
	vfio_open(&v, argv[3]);
	bar = vfio_bar_map(&v, index, 0, WINDOW);
	fd = vfio_dmabuf(&v, index, ranges, NR);
	t.amem = aligned_alloc(VFIO_PAGE, LEN);
	t.bmem = aligned_alloc(VFIO_PAGE, LEN);
	t.want = malloc(LEN);
	CHECK(t.amem && t.bmem && t.want, "no memory");

	pair_open(&t.p, argv[1], argv[2], NULL);
	t.avfio = ibv_reg_dmabuf_mr(t.p.a.pd, 0, LEN, 0, fd, RIGHTS);
	t.bvfio = ibv_reg_dmabuf_mr(t.p.b.pd, 0, LEN, 0, fd, RIGHTS);
	CHECK(t.avfio && t.bvfio, "ibv_reg_dmabuf_mr: %m");
	t.amr = need_mr(&t.p.a, t.amem, LEN, RIGHTS);
	t.bmr = need_mr(&t.p.b, t.bmem, LEN, RIGHTS);
	pair_connect(&t.p);

	bar_clear();
	memset(t.want, BESIDE, LEN);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++, seed += 3) {
		into(&t, parts[i].off, parts[i].len, seed);
		out_of(&t, parts[i].off, parts[i].len);
	}
	atomics(&t);

	pair_disconnect(&t.p);
	CHECK(!ibv_dereg_mr(t.avfio) && !ibv_dereg_mr(t.bvfio) &&
	      !ibv_dereg_mr(t.amr) && !ibv_dereg_mr(t.bmr), "ibv_dereg_mr");
	pair_close(&t.p);
	close(fd);
	munmap(bar, WINDOW);
	vfio_close(&v);
	free(t.amem);
	free(t.bmem);
	free(t.want);
	return 0;
}
