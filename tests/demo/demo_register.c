// SPDX-License-Identifier: GPL-2.0
/*
 * What a registration costs: time, with and without the first access to each
 * extent, and memory.
 *
 * One sample of each size is taken in turn, so that what disturbs the machine
 * for a while disturbs all sizes.
 */
#include <errno.h>
#include <string.h>

#include "demo.h"

#define SAMPLES		200
#define SAMPLES_QUICK	20
#define BIG		(4 * MIB)	/* host memory above gets fewer samples */
#define FEWER		20

enum { REGISTER, WITH_ACCESS, DEREGISTER, TIMES };

/* One kind of memory of one size. */
struct series {
	struct mem mem;
	unsigned int extents;
	unsigned int count;
	double us[TIMES][SAMPLES];
};

struct row {
	size_t size;
	size_t piece;		/* 0: contiguous */
	struct series vram, host, rxe;
};

/* Made from the first to the last: what is largest takes what is left. */
static const struct {
	size_t size, piece;
} shapes[] = {
	{ 4 * KIB, 0 },
	{ 64 * KIB, 0 },
	{ MIB, 0 },
	{ 16 * MIB, 0 },
	{ MIB, 64 * KIB },
	{ MIB, 4 * KIB },
	{ 0, 0 },
};

#define ROWS	(sizeof(shapes) / sizeof(*shapes))
#define LARGEST	(ROWS - 1)

static unsigned int samples(const struct demo *d)
{
	return d->quick ? SAMPLES_QUICK : SAMPLES;
}

/* Does the buffer lie in VRAM in one piece, and has no other had to leave? */
static bool fits(struct demo *d, struct mem *m)
{
	struct placement all = placement_all(&d->gpu);

	return !all.system && placement_of(&d->gpu, m->buf.id).extents == 1;
}

/* The largest contiguous buffer that fits beside the others, in sixteenths. */
static void make_largest(struct demo *d, struct row *r)
{
	for (size_t part = 16; part > 1; part--) {
		r->size = d->gpu.vram / 16 * part / MIB * MIB;
		mem_make(d, &r->vram.mem, MEM_VRAM, r->size);
		if (fits(d, &r->vram.mem))
			return;
		mem_free(&r->vram.mem);
		CHECK(!debugfs_write(&d->gpu, "restore", "all"), "restore");
	}
	FAIL("no room in VRAM");
}

static void make_row(struct demo *d, struct row *r, size_t i)
{
	r->size = shapes[i].size;
	r->piece = shapes[i].piece;
	set_fragment(d, r->piece / PAGE);
	if (r->size)
		mem_make(d, &r->vram.mem, MEM_VRAM, r->size);
	else
		make_largest(d, r);
	set_fragment(d, 0);
	r->vram.extents = placement_of(&d->gpu, r->vram.mem.buf.id).extents;
	CHECK(r->vram.extents == (r->piece ? r->size / r->piece : 1),
	      "%zu bytes are in %u extents", r->size, r->vram.extents);
	if (r->piece)
		return;
	mem_make(d, &r->host.mem, MEM_HOST, r->size);
	r->rxe.mem = r->host.mem;	/* the same memory, a region of its own */
}

static void free_row(struct row *r)
{
	mem_free(&r->vram.mem);
	if (!r->piece)
		mem_free(&r->host.mem);
}

/* Read a byte of each extent. */
static void touch(struct pair *p, struct series *s, struct mem *into)
{
	size_t piece = s->mem.size / s->extents;

	for (unsigned int i = 0; i < s->extents; i++) {
		need_send(&p->a, IBV_WR_RDMA_READ, 1, mem_sge(into, 0, 1),
			  s->mem.iova + i * piece, s->mem.mr->rkey,
			  IBV_SEND_SIGNALED);
		need_ok(p->a.scq);
	}
}

static void sample(struct pair *p, struct series *s, struct mem *into)
{
	unsigned int n = s->count++;
	double t0, t1;

	t0 = now_us();
	mem_register(&s->mem, p->b.pd);
	t1 = now_us();
	s->us[REGISTER][n] = t1 - t0;
	t0 = now_us();
	mem_deregister(s->mem.mr);
	t1 = now_us();
	s->us[DEREGISTER][n] = t1 - t0;
	if (into) {
		t0 = now_us();
		mem_register(&s->mem, p->b.pd);
		touch(p, s, into);
		t1 = now_us();
		s->us[WITH_ACCESS][n] = t1 - t0;
		mem_deregister(s->mem.mr);
	}
	s->mem.mr = NULL;
}

/* Which row is the @k-th of turn @i: forth in one turn, back in the next. */
static size_t place(unsigned int i, size_t k)
{
	return i % 2 ? ROWS - 1 - k : k;
}

static void measure(struct demo *d, struct pair *p, struct pair *rxe,
		    struct row *rows)
{
	unsigned int few = samples(d) / FEWER;
	struct series warm = rows[0].vram;
	struct mem into;
	size_t k;

	mem_make(d, &into, MEM_HOST, PAGE);
	mem_register(&into, p->a.pd);
	for (unsigned int i = 0; i < samples(d); i++) {
		/* rxe sleeps when it deregisters; nobody shall pay for that. */
		warm.count = 0;
		sample(p, &warm, &into);
		for (k = 0; k < ROWS; k++)
			if (!rows[place(i, k)].piece)
				sample(p, &rows[place(i, k)].vram, &into);
		for (k = 0; k < ROWS && i < few; k++)
			if (rows[k].piece)
				sample(p, &rows[k].vram, &into);
		for (k = 0; k < ROWS; k++) {
			struct row *r = &rows[place(i, k)];

			if (!r->piece && (r->size <= BIG || i < few))
				sample(p, &r->host, NULL);
		}
		for (k = 0; k < ROWS && rxe && i < few; k++)
			if (!rows[k].piece)
				sample(rxe, &rows[k].rxe, NULL);
	}
	mem_free(&into);
}

static double cost(struct series *s, int which)
{
	return median(s->us[which], s->count);
}

static void store(struct row *r, struct series *s, const char *what)
{
	char key[80];

	snprintf(key, sizeof(key), "register.%s.%zu.%zu.register_us", what, r->size,
		 r->piece);
	result(key, cost(s, REGISTER));
	snprintf(key, sizeof(key), "register.%s.%zu.%zu.deregister_us", what, r->size,
		 r->piece);
	result(key, cost(s, DEREGISTER));
	if (s != &r->vram)
		return;
	snprintf(key, sizeof(key), "register.%s.%zu.%zu.with_access_us", what, r->size,
		 r->piece);
	result(key, cost(s, WITH_ACCESS));
}

static void print_row(struct row *r, bool rxe)
{
	printf("  %8s %8u %9.1f %11.1f %11.1f", size_text(r->size), r->vram.extents,
	       cost(&r->vram, REGISTER), cost(&r->vram, WITH_ACCESS),
	       cost(&r->vram, DEREGISTER));
	store(r, &r->vram, "vram");
	if (r->piece) {
		printf("\n");
		return;
	}
	printf("  %9.1f %11.1f", cost(&r->host, REGISTER), cost(&r->host, DEREGISTER));
	store(r, &r->host, "host");
	if (rxe) {
		printf("  %9.1f %11.1f", cost(&r->rxe, REGISTER),
		       cost(&r->rxe, DEREGISTER));
		store(r, &r->rxe, "rxe");
	}
	printf("\n");
}

static void print_all(struct demo *d, struct row *rows)
{
	printf("Microseconds, medians of %u (VRAM in pieces, host memory above %s, rxe: of %u). \"And access\" is a registration and\nthe first RDMA read of a byte of each extent.\n\n",
	       samples(d), size_text(BIG), samples(d) / FEWER);
	printf("                    VRAM dma-buf, prxe                 host memory, prxe     %s\n",
	       d->c ? "host memory, rxe" : "");
	printf("      size  extents  register  and access  deregister   register  deregister%s\n",
	       d->c ? "   register  deregister" : "");
	for (size_t i = 0; i < ROWS; i++)
		if (!rows[i].piece)
			print_row(&rows[i], d->c);
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].piece)
			print_row(&rows[i], d->c);
}

static void ratio(struct row *rows, int which, const char *what, const char *key)
{
	double r = cost(&rows[LARGEST].vram, which) / cost(&rows[0].vram, which);

	printf("  %s, %s / %s: %.2f (goal: at most 1.5)\n", what,
	       size_text(rows[LARGEST].size), size_text(rows[0].size), r);
	result(key, r);
}

/* Kernel memory in use, in bytes, as far as regions take any. */
static double kernel_memory(void)
{
	double kib, sum = 0;
	char line[128];
	FILE *f;

	/* Each CPU's share of the figures is added up by a read of this. */
	f = fopen("/proc/sys/vm/stat_refresh", "re");
	if (f) {
		while (fgets(line, sizeof(line), f))
			;
		fclose(f);
	}
	f = fopen("/proc/meminfo", "re");
	CHECK(f, "/proc/meminfo: %s", strerror(errno));
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "SUnreclaim: %lf", &kib) == 1 ||
		    sscanf(line, "Percpu: %lf", &kib) == 1 ||
		    sscanf(line, "VmallocUsed: %lf", &kib) == 1)
			sum += kib * KIB;
	fclose(f);
	return sum;
}

/*
 * Bytes that each of @n more regions takes, with all kernel objects that belong to
 * it. They are kept, so that none is made of what another has left.
 */
static double memory_of(struct pair *p, struct series *s, struct ibv_mr **mr, int n)
{
	double before = kernel_memory();

	for (int i = 0; i < n; i++)
		mr[i] = mem_register(&s->mem, p->b.pd);
	s->mem.mr = NULL;
	return (kernel_memory() - before) / n;
}

static void memory(struct pair *p, struct row *rows)
{
	enum { WARM = 1000, MANY = 4000, ALL = WARM + 2 * MANY };
	struct ibv_mr **mr = calloc(ALL, sizeof(*mr));
	double first, last;

	CHECK(mr, "no memory");
	/* The first use up what the allocator has lying around. */
	memory_of(p, &rows[0].vram, mr, WARM);
	first = memory_of(p, &rows[0].vram, mr + WARM, MANY);
	last = memory_of(p, &rows[LARGEST].vram, mr + WARM + MANY, MANY);
	for (int i = 0; i < ALL; i++)
		mem_deregister(mr[i]);
	free(mr);
	printf("  kernel memory that a region takes, about: %s %.0f bytes, %s %.0f bytes (goal: does not grow)\n",
	       size_text(rows[0].size), first, size_text(rows[LARGEST].size), last);
	result("register.memory_first", first);
	result("register.memory_last", last);
}

void step_register(struct demo *d)
{
	struct row *rows = calloc(ROWS, sizeof(*rows));
	struct pair p, rxe;

	CHECK(rows, "no memory");
	pair_open(&p, d->a, d->a, NULL);
	pair_connect(&p);
	if (d->c)
		pair_open(&rxe, d->c, d->c, NULL);
	for (size_t i = 0; i < ROWS; i++)
		make_row(d, &rows[i], i);
	measure(d, &p, d->c ? &rxe : NULL, rows);
	print_all(d, rows);
	printf("\n");
	ratio(rows, REGISTER, "registration", "register.ratio");
	ratio(rows, WITH_ACCESS, "registration and first access",
	      "register.ratio_with_access");
	memory(&p, rows);
	for (size_t i = 0; i < ROWS; i++)
		free_row(&rows[i]);
	free(rows);
	pair_disconnect(&p);
	pair_close(&p);
	if (d->c)
		pair_close(&rxe);
}
