// SPDX-License-Identifier: GPL-2.0
/*
 * Every operation between VRAM and host memory of two hosts, at odd sizes and
 * offsets, each byte compared by the CPU through the dma-buf's own mapping.
 */
#include <string.h>

#include "demo.h"

#define SIZE		(2 * MIB)
#define GUARD		PAGE	/* bytes before and behind that must not change */
#define GUARD_BYTE	0xa5
#define IMM		0x78563412	/* what pair.c sends */

enum op {
	OP_WRITE,
	OP_WRITE_IMM,
	OP_READ,
	OP_SEND,
	OP_SEND_IMM,
	OPS
};

static const struct {
	const char *name;
	enum ibv_wr_opcode code;
	bool recv;		/* takes a receive at the other end */
	bool imm;
} ops[OPS] = {
	[OP_WRITE] = { "RDMA write", IBV_WR_RDMA_WRITE, false, false },
	[OP_WRITE_IMM] = { "RDMA write with immediate",
			   IBV_WR_RDMA_WRITE_WITH_IMM, true, true },
	[OP_READ] = { "RDMA read", IBV_WR_RDMA_READ, false, false },
	[OP_SEND] = { "send", IBV_WR_SEND, true, false },
	[OP_SEND_IMM] = { "send with immediate", IBV_WR_SEND_WITH_IMM, true, true },
};

/* Length, offset at the source, offset at the target (behind the guard). */
static const struct {
	size_t len, from, to;
} shapes[] = {
	{ 1, 0, 4095 },
	{ 3, 1, 2 },
	{ 63, 4033, 7 },
	{ 1023, 5, 513 },
	{ 4096, 4096, 0 },
	{ 4097, 4095, 1 },
	{ 65537, 13, 4099 },
	{ 1000003, 777, 333 },
};

#define SHAPES (sizeof(shapes) / sizeof(*shapes))

/* One message from @src to @dst, done by the end that the operation wants. */
static void transfer(struct pair *p, enum op op, struct mem *src, struct mem *dst,
		     size_t len, size_t from, size_t to)
{
	struct ibv_sge at_src = mem_sge(src, from, len);
	struct ibv_sge at_dst = mem_sge(dst, to, len);
	struct ibv_wc wc;

	if (op == OP_READ) {
		need_send(&p->a, ops[op].code, 1, at_dst, src->iova + from,
			  src->mr->rkey, IBV_SEND_SIGNALED);
		need_ok(p->a.scq);
		return;
	}
	if (ops[op].recv)
		need_recv(&p->b, 2, at_dst);
	need_send(&p->a, ops[op].code, 1, at_src, dst->iova + to, dst->mr->rkey,
		  IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	if (!ops[op].recv)
		return;
	wc = need_ok(p->b.rcq);
	CHECK(wc.byte_len == len, "%u bytes received, not %zu", wc.byte_len, len);
	CHECK(!ops[op].imm || (wc.wc_flags & IBV_WC_WITH_IMM && wc.imm_data == IMM),
	      "the immediate is %#x", wc.imm_data);
}

/* Returns the number of wrong bytes; adds to @verified those looked at. */
static size_t try_shape(struct pair *p, enum op op, struct mem *src,
			struct mem *dst, size_t n, size_t *verified)
{
	size_t len = shapes[n].len, to = GUARD + shapes[n].to, wrong;
	uint32_t seed = (uint32_t)(100 * op + n);
	uint8_t *at;

	mem_cpu_begin(src);
	softgpu_fill(src->map + shapes[n].from, len, seed);
	mem_cpu_end(src);
	mem_cpu_begin(dst);
	at = dst->map + to;
	memset(at - GUARD, GUARD_BYTE, len + 2 * GUARD);
	mem_cpu_end(dst);

	transfer(p, op, src, dst, len, shapes[n].from, to);

	mem_cpu_begin(dst);
	wrong = count_wrong(at, len, seed) +
		count_not(at - GUARD, GUARD, GUARD_BYTE) +
		count_not(at + len, GUARD, GUARD_BYTE);
	mem_cpu_end(dst);
	*verified += len + 2 * GUARD;
	return wrong;
}

static void row(struct demo *d, const char *op, enum mem_kind src,
		enum mem_kind dst, const char *what, size_t verified, size_t wrong)
{
	char path[32];

	snprintf(path, sizeof(path), "%s to %s", mem_name(src), mem_name(dst));
	printf("  %-26s %-13s %-26s %9zu  ", op, path, what, verified);
	if (wrong)
		printf("%zu WRONG\n", wrong);
	else
		printf("all right\n");
	d->failures += !!wrong;
}

/* mem[0], mem[1] host, VRAM of A; mem[2], mem[3] of B */
static void try_op(struct demo *d, struct pair *p, struct mem *mem, enum op op,
		   enum mem_kind from, enum mem_kind to)
{
	struct mem *a = &mem[op == OP_READ ? to : from];
	struct mem *b = &mem[2 + (op == OP_READ ? from : to)];
	struct mem *src = op == OP_READ ? b : a, *dst = op == OP_READ ? a : b;
	size_t verified = 0, wrong = 0;
	char what[48];

	for (size_t i = 0; i < SHAPES; i++)
		wrong += try_shape(p, op, src, dst, i, &verified);
	snprintf(what, sizeof(what), "%zu, %zu B to %zu B", SHAPES, shapes[0].len,
		 shapes[SHAPES - 1].len);
	row(d, ops[op].name, from, to, what, verified, wrong);
}

/*
 * Atomics of A on a word in B's memory; the old value lands in A's. Every old
 * value is looked at, and what is around both words.
 */
static void try_atomic(struct demo *d, struct pair *p, struct mem *mem, bool cas,
		       enum mem_kind target, enum mem_kind back)
{
	enum { TIMES = 100, AT = 3 * 8, BACK = 5 * 8 };
	struct mem *b = &mem[2 + target], *a = &mem[back];
	uint64_t want = 0xfffffffffffffff0ull, have, add, compare;
	size_t wrong = 0;

	mem_cpu_begin(a);
	memset(a->map, GUARD_BYTE, PAGE);
	mem_cpu_end(a);
	mem_cpu_begin(b);
	memset(b->map, GUARD_BYTE, PAGE);
	memcpy(b->map + AT, &want, 8);
	mem_cpu_end(b);
	for (unsigned int i = 0; i < TIMES; i++) {
		/* Every other comparison fails. */
		compare = want + i % 2;
		add = 0x0123456789abcdefull * (i + 1);
		need_atomic(&p->a, cas, i, mem_sge(a, BACK, 8), b->iova + AT,
			    b->mr->rkey, cas ? compare : add, add);
		need_ok(p->a.scq);
		mem_cpu_begin(a);
		memcpy(&have, a->map + BACK, 8);
		mem_cpu_end(a);
		wrong += have != want;
		if (!cas)
			want += add;
		else if (compare == want)
			want = add;
	}
	mem_cpu_begin(b);
	memcpy(&have, b->map + AT, 8);
	wrong += have != want;
	wrong += count_not(a->map, BACK, GUARD_BYTE) +
		 count_not(a->map + BACK + 8, PAGE - BACK - 8, GUARD_BYTE) +
		 count_not(b->map, AT, GUARD_BYTE) +
		 count_not(b->map + AT + 8, PAGE - AT - 8, GUARD_BYTE);
	mem_cpu_end(b);
	row(d, cas ? "compare and swap" : "fetch and add", back, target, "100, 8 B",
	    8 * TIMES + 8 + 2 * (PAGE - 8), wrong);
}

static void show(struct demo *d, const char *device, const char *whose,
		 struct mem *m)
{
	struct mr_facts f;
	bool right;

	mr_facts_of(device, m->mr->rkey, &f);
	printf("  %-7s %-26s %#10x %9llu  %-6s %-9s %7u  %-6s %s\n", device, whose,
	       m->mr->rkey, f.length, f.import, f.exporter[0] ? f.exporter : "-",
	       f.extents, f.memory, f.state);
	right = !strcmp(f.import, m->kind == MEM_VRAM ? "pfn" : "user") &&
		!strcmp(f.state, "valid") && f.extents && f.length == m->size &&
		!strcmp(f.memory, m->kind == MEM_VRAM && is_bar(&d->gpu) ?
			"mmio" : "ram");
	if (!right)
		printf("  this is NOT what was registered\n");
	d->failures += !right;
}

static void make_all(struct demo *d, struct pair *p, struct mem *mem)
{
	mem_make(d, &mem[0], MEM_HOST, SIZE);
	mem_make(d, &mem[1], MEM_VRAM, SIZE);
	mem_make(d, &mem[2], MEM_HOST, SIZE);
	set_fragment(d, 16);
	mem_make(d, &mem[3], MEM_VRAM, SIZE);
	set_fragment(d, 0);
	for (int i = 0; i < 4; i++)
		mem_register(&mem[i], i < 2 ? p->a.pd : p->b.pd);

	printf("What the kernel says of the memory regions (rdma -dd resource show mr):\n\n");
	printf("  device  memory                           rkey     bytes  import exporter  extents  kind   state\n");
	show(d, d->a, "host memory", &mem[0]);
	show(d, d->a, "VRAM, contiguous", &mem[1]);
	show(d, d->b, "host memory", &mem[2]);
	show(d, d->b, "VRAM, in pieces of 64 KiB", &mem[3]);
	printf("\n");
}

void step_data(struct demo *d)
{
	static const enum mem_kind ways[][2] = {
		{ MEM_VRAM, MEM_VRAM },
		{ MEM_VRAM, MEM_HOST },
		{ MEM_HOST, MEM_VRAM },
	};
	struct pair_opt opt = pair_defaults;
	struct mem mem[4];
	struct pair p;

	opt.mtu = IBV_MTU_4096;
	pair_open(&p, d->a, d->b, &opt);
	pair_connect(&p);
	make_all(d, &p, mem);

	printf("Operations between %s and %s; bytes compared include %lu before and behind each message:\n\n",
	       d->a, d->b, GUARD);
	printf("  operation                  from, to      messages                    compared  result\n");
	for (int op = 0; op < OPS; op++)
		for (int w = 0; w < 3; w++)
			try_op(d, &p, mem, (enum op)op, ways[w][0], ways[w][1]);
	for (int cas = 0; cas < 2; cas++)
		for (int w = 0; w < 3; w++)
			try_atomic(d, &p, mem, cas, ways[w][1], ways[w][0]);
	pair_disconnect(&p);
	for (int i = 0; i < 4; i++)
		mem_free(&mem[i]);
	pair_close(&p);
}
