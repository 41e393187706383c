// SPDX-License-Identifier: GPL-2.0
/*
 * matrix DEVICE DEVICE ROW...: what can be done with the dma-bufs of each exporter, a
 * line of the table for each ROW:
 *
 *	NAME, NAME=ARG		a buffer of exporters.h
 *	NAME!REASON		not in this guest
 *
 * A cell that says ok is one that was verified: every byte of the buffer, as its
 * exporter's own mapping has it, and of the other side. A cell with an errno
 * is refused with that, as documented, and could be nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/dma-buf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "exporters.h"

#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* Beside every boundary of pages and packets, and over the ranges of VFIO's. */
static const struct {
	size_t off, len;
} parts[] = {
	{ 0, XB_SIZE }, { 1, 3 }, { 4095, 2 }, { 5 * XB_PAGE - 13, 27 },
	{ 16 * XB_PAGE - 7, XB_PAGE + 14 }, { XB_SIZE - 1, 1 },
	{ 777, XB_SIZE - 1554 }, { 7 * XB_PAGE - 1, 3001 },
};

#define PARTS	(sizeof(parts) / sizeof(parts[0]))

struct row {
	struct pair p;
	struct exporter_buffer buf;
	struct ibv_mr *abuf, *bbuf;	/* of the buffer, at either end */
	struct ibv_mr *amr, *bmr;	/* of memory */
	uint8_t *amem, *bmem;
	uint8_t *want;			/* what the buffer has to be */
};

static uint32_t seed;

static struct ibv_sge sge(const struct ibv_mr *mr, uint64_t addr, size_t len)
{
	return (struct ibv_sge) {
		.addr = addr, .length = (uint32_t)len, .lkey = mr->lkey,
	};
}

/* The whole buffer, so that nothing beside a part was touched either. */
static void need_buffer(struct row *r, const char *what)
{
	const volatile uint64_t *have = (uint64_t *)r->buf.map;
	const uint64_t *want = (uint64_t *)r->want;

	exporter_sync(&r->buf, DMA_BUF_SYNC_START);
	for (size_t i = 0; i < XB_SIZE / 8; i++) {
		uint64_t word = have[i];

		CHECK(word == want[i], "%s: bytes %zu to %zu are %#llx, not %#llx",
		      what, 8 * i, 8 * i + 7, (unsigned long long)word,
		      (unsigned long long)want[i]);
	}
	exporter_sync(&r->buf, DMA_BUF_SYNC_END);
}

/* The CPU makes the buffer what the next operations find. */
static void refill(struct row *r)
{
	fill(r->want, XB_SIZE, ++seed);
	exporter_sync(&r->buf, DMA_BUF_SYNC_START);
	for (size_t i = 0; i < XB_SIZE / 8; i++)
		((volatile uint64_t *)r->buf.map)[i] = ((uint64_t *)r->want)[i];
	exporter_sync(&r->buf, DMA_BUF_SYNC_END);
}

static void rdma(struct row *r, enum ibv_wr_opcode op, struct ibv_sge local,
		 const struct ibv_mr *mr, uint64_t remote)
{
	need_send(&r->p.a, op, 1, local, remote, mr->rkey, IBV_SEND_SIGNALED);
	need_ok(r->p.a.scq);
}

static struct ibv_mr *reg(struct row *r, struct end *e, size_t off, size_t len)
{
	return ibv_reg_dmabuf_mr(e->pd, off, len, off, r->buf.fd, RIGHTS);
}

static void refused(struct row *r, size_t off, size_t len, int want)
{
	struct ibv_mr *mr = reg(r, &r->p.b, off, len);

	CHECK(!mr && errno == want, "%zu bytes at %zu: %s, not %s", len, off,
	      mr ? "registered" : strerror(errno), strerror(want));
}

static void op_register(struct row *r)
{
	refused(r, 0, XB_SIZE + 1, EINVAL);
	refused(r, XB_SIZE, 1, EINVAL);
	refused(r, 7, 0, EINVAL);
	refused(r, SIZE_MAX - 1, 4, EINVAL);
	r->abuf = reg(r, &r->p.a, 0, XB_SIZE);
	r->bbuf = reg(r, &r->p.b, 0, XB_SIZE);
	CHECK(r->abuf && r->bbuf, "ibv_reg_dmabuf_mr: %m");
}

/* Into the buffer, out of it, and from a part of it to another. */
static void op_write(struct row *r)
{
	refill(r);
	for (size_t i = 0; i < PARTS; i++) {
		size_t off = parts[i].off, len = parts[i].len;

		fill(r->amem, len, ++seed);
		rdma(r, IBV_WR_RDMA_WRITE, sge_of(r->amr, 0, len), r->bbuf, off);
		memcpy(r->want + off, r->amem, len);
		need_buffer(r, "write");
		rdma(r, IBV_WR_RDMA_WRITE, sge(r->abuf, off, len), r->bmr,
		     (uintptr_t)r->bmem);
		CHECK(!memcmp(r->bmem, r->want + off, len), "write from the buffer");
	}
	rdma(r, IBV_WR_RDMA_WRITE, sge(r->abuf, 13, 9001), r->bbuf, 60003);
	memcpy(r->want + 60003, r->want + 13, 9001);
	need_buffer(r, "write within the buffer");
}

static void op_read(struct row *r)
{
	refill(r);
	for (size_t i = 0; i < PARTS; i++) {
		size_t off = parts[i].off, len = parts[i].len;

		rdma(r, IBV_WR_RDMA_READ, sge_of(r->amr, 0, len), r->bbuf, off);
		CHECK(!memcmp(r->amem, r->want + off, len), "read");
		fill(r->bmem, len, ++seed);
		rdma(r, IBV_WR_RDMA_READ, sge(r->abuf, off, len), r->bmr,
		     (uintptr_t)r->bmem);
		memcpy(r->want + off, r->bmem, len);
		need_buffer(r, "read into the buffer");
	}
	rdma(r, IBV_WR_RDMA_READ, sge(r->abuf, 17, 9001), r->bbuf, 60003);
	memcpy(r->want + 17, r->want + 60003, 9001);
	need_buffer(r, "read within the buffer");
}

static void message(struct row *r, struct ibv_sge from, struct ibv_sge to)
{
	need_recv(&r->p.b, 2, to);
	need_send(&r->p.a, IBV_WR_SEND, 3, from, 0, 0, IBV_SEND_SIGNALED);
	need_ok(r->p.a.scq);
	CHECK(need_ok(r->p.b.rcq).byte_len == from.length, "byte_len");
}

static void op_send(struct row *r)
{
	refill(r);
	for (size_t i = 0; i < PARTS; i++) {
		size_t off = parts[i].off, len = parts[i].len;

		memset(r->bmem, 0, XB_SIZE);
		message(r, sge(r->abuf, off, len), sge_of(r->bmr, 0, len));
		CHECK(!memcmp(r->bmem, r->want + off, len), "send");
	}
	need_buffer(r, "send");
}

static void op_recv(struct row *r)
{
	refill(r);
	for (size_t i = 0; i < PARTS; i++) {
		size_t off = parts[i].off, len = parts[i].len;

		fill(r->amem, len, ++seed);
		message(r, sge_of(r->amr, 0, len), sge(r->bbuf, off, len));
		memcpy(r->want + off, r->amem, len);
		need_buffer(r, "receive");
	}
}

/* On a word of the buffer: an addition, then a swap. */
static void atomics(struct row *r, size_t off)
{
	uint64_t was, now, got;

	memcpy(&was, r->want + off, 8);
	need_atomic(&r->p.a, false, 4, sge_of(r->amr, 0, 8), off, r->bbuf->rkey,
		    0x0102030405060708ull, 0);
	need_ok(r->p.a.scq);
	memcpy(&got, r->amem, 8);
	CHECK(got == was, "the answer of an addition");
	now = was + 0x0102030405060708ull;
	memcpy(r->want + off, &now, 8);
	need_buffer(r, "addition");

	/* another word than the one there: nothing changes */
	need_atomic(&r->p.a, true, 5, sge_of(r->amr, 0, 8), off, r->bbuf->rkey,
		    was, ~now);
	need_ok(r->p.a.scq);
	need_buffer(r, "a swap that does not happen");
	need_atomic(&r->p.a, true, 6, sge_of(r->amr, 0, 8), off, r->bbuf->rkey,
		    now, ~now);
	need_ok(r->p.a.scq);
	memcpy(&got, r->amem, 8);
	CHECK(got == now, "the answer of a swap");
	now = ~now;
	memcpy(r->want + off, &now, 8);
	need_buffer(r, "swap");
}

static void op_atomic(struct row *r)
{
	uint64_t word = 0x1122334455667788ull;

	refill(r);
	atomics(r, 0);
	atomics(r, 5 * XB_PAGE - 8);
	atomics(r, 16 * XB_PAGE);
	atomics(r, XB_SIZE - 8);
	/* and the answer goes to the buffer */
	memcpy(r->bmem, &word, 8);
	need_atomic(&r->p.a, false, 7, sge(r->abuf, 41, 8), (uintptr_t)r->bmem,
		    r->bmr->rkey, 1, 0);
	need_ok(r->p.a.scq);
	memcpy(r->want + 41, &word, 8);
	need_buffer(r, "an answer in the buffer");
}

/*
 * libibverbs keeps this behind the public part: it refuses what was registered as a
 * dma-buf by itself. 0 is a region of memory.
 */
struct private_mr {
	struct ibv_mr mr;
	int type;
};

static void rereg_refused(struct row *r, int want)
{
	static const struct {
		int flags, access;
		size_t len;
	} how[] = {
		{ IBV_REREG_MR_CHANGE_TRANSLATION, 0, 4096 },
		{ IBV_REREG_MR_CHANGE_PD, 0, 0 },
		{ IBV_REREG_MR_CHANGE_ACCESS, RIGHTS, 0 },
	};

	for (size_t i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		int ret = ibv_rereg_mr(r->bbuf, how[i].flags, r->p.b.pd, r->bmem,
				       how[i].len, how[i].access);

		CHECK(ret && errno == want, "ibv_rereg_mr %d: %m", how[i].flags);
	}
}

/* Refused, and the region goes on as it was; registering once more is not. */
static void op_rereg(struct row *r)
{
	struct private_mr *secret = (void *)r->bbuf;
	int type = secret->type;
	struct ibv_mr *more;

	rereg_refused(r, EINVAL);
	secret->type = 0;
	rereg_refused(r, EOPNOTSUPP);
	secret->type = type;
	refill(r);
	fill(r->amem, 7777, ++seed);
	rdma(r, IBV_WR_RDMA_WRITE, sge_of(r->amr, 0, 7777), r->bbuf, 4097);
	memcpy(r->want + 4097, r->amem, 7777);
	need_buffer(r, "after re-registration was refused");

	more = reg(r, &r->p.b, 5001, 50001);
	CHECK(more && more->rkey != r->bbuf->rkey, "registered twice: %m");
	CHECK(!ibv_dereg_mr(r->bbuf), "ibv_dereg_mr");
	r->bbuf = more;
	fill(r->amem, 50001, ++seed);
	rdma(r, IBV_WR_RDMA_WRITE, sge_of(r->amr, 0, 50001), more, 5001);
	memcpy(r->want + 5001, r->amem, 50001);
	need_buffer(r, "registered anew");
}

/* The keys are worth nothing afterwards; the buffer stays as it is. */
static void op_dereg(struct row *r)
{
	uint32_t rkey = r->bbuf->rkey;

	CHECK(!ibv_dereg_mr(r->bbuf) && !ibv_dereg_mr(r->abuf), "ibv_dereg_mr");
	need_send(&r->p.a, IBV_WR_RDMA_WRITE, 8, sge_of(r->amr, 0, 100), 5001, rkey,
		  IBV_SEND_SIGNALED);
	need_status(r->p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_buffer(r, "deregistered");
}

static const struct {
	const char *name;
	void (*fn)(struct row *r);
	const char *good;
} ops[] = {
	{ "register", op_register, "ok" },
	{ "write", op_write, "ok" },
	{ "read", op_read, "ok" },
	{ "send", op_send, "ok" },
	{ "recv", op_recv, "ok" },
	{ "atomic", op_atomic, "ok" },
	{ "re-register", op_rereg, "EINVAL" },
	{ "dereg", op_dereg, "ok" },
};

#define OPS	(sizeof(ops) / sizeof(ops[0]))

static void cell(const char *text)
{
	printf(" %-12s", text);
	fflush(stdout);
}

/* A word of what rdma says of a region (R16). */
static void need_shown(const struct row *r, const char *device, const char *key,
		       const char *value)
{
	char cmd[96], text[16384], want[64], *at;
	FILE *f;
	size_t n;

	snprintf(cmd, sizeof(cmd), "rdma -dd resource show mr dev %s", device);
	f = popen(cmd, "re");
	CHECK(f, "rdma");
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	CHECK(!pclose(f), "rdma failed");
	snprintf(want, sizeof(want), "rkey 0x%x ", r->bbuf->rkey);
	at = strstr(text, want);
	CHECK(at, "no region with %s: %s", want, text);
	snprintf(want, sizeof(want), "drv_%s %s", key, value);
	at = strstr(at, want);
	CHECK(at, "not %s: %s", want, text);
}

/* The ends have an attachment each: without, some exporters would move the memory. */
static void need_attached(const struct row *r)
{
	char line[512], want[64], *of = NULL;
	unsigned int found = 0;
	struct stat st;
	FILE *f;

	CHECK(!fstat(r->buf.fd, &st), "fstat: %m");
	snprintf(want, sizeof(want), "\t%08lu\t", (unsigned long)st.st_ino);
	f = fopen("/sys/kernel/debug/dma_buf/bufinfo", "re");
	CHECK(f, "bufinfo: %m");
	while (fgets(line, sizeof(line), f)) {
		if (strstr(line, want))
			of = want;
		if (of && sscanf(line, "Total %u devices attached", &found) == 1)
			break;
	}
	fclose(f);
	CHECK(found == 2, "%u attachments", found);
}

static void memory(struct row *r)
{
	r->amem = aligned_alloc(XB_PAGE, XB_SIZE);
	r->bmem = aligned_alloc(XB_PAGE, XB_SIZE);
	r->want = aligned_alloc(XB_PAGE, XB_SIZE);
	CHECK(r->amem && r->bmem && r->want, "no memory");
	r->amr = need_mr(&r->p.a, r->amem, XB_SIZE, RIGHTS);
	r->bmr = need_mr(&r->p.b, r->bmem, XB_SIZE, RIGHTS);
}

static void forget(struct row *r)
{
	CHECK(!ibv_dereg_mr(r->amr) && !ibv_dereg_mr(r->bmr), "ibv_dereg_mr");
	free(r->amem);
	free(r->bmem);
	free(r->want);
}

static void columns(struct row *r, const struct exporter *e, const char *device,
		    const char *arg)
{
	const char *mem = e->memory;

	if (!mem && e->import)
		mem = arg && !strcmp(arg, "bar") ? "mmio" : "ram";
	cell(e->import ?: "-");
	cell(mem ?: "-");
	if (e->refused) {
		refused(r, 0, XB_SIZE, e->refused);
		refused(r, 5001, 3, e->refused);
		cell(strerrorname_np(e->refused));
		for (size_t i = 1; i < OPS; i++)
			cell("-");
		return;
	}
	for (size_t i = 0; i < OPS; i++) {
		ops[i].fn(r);
		if (!i) {
			need_shown(r, device, "import", e->import);
			need_shown(r, device, "memory", mem);
			need_attached(r);
		}
		cell(ops[i].good);
	}
}

static void do_row(char **argv, const char *text)
{
	struct row r = {};
	char name[64], *arg;
	const struct exporter *e;

	snprintf(name, sizeof(name), "%s", text);
	arg = strpbrk(name, "=!");
	if (arg && *arg == '!') {
		*arg = 0;
		printf("%-16s %s\n", name, arg + 1);
		return;
	}
	if (arg)
		*arg++ = 0;
	e = exporter_find(name);
	CHECK(e, "no exporter %s", name);
	printf("%-16s", name);
	pair_open(&r.p, argv[1], argv[2], NULL);
	exporter_make(e, &r.buf, arg);
	memory(&r);
	pair_connect(&r.p);
	columns(&r, e, argv[2], arg);
	printf("\n");
	pair_disconnect(&r.p);
	forget(&r);
	exporter_drop(&r.buf);
	pair_close(&r.p);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: matrix DEVICE DEVICE ROW...\n");
		return 2;
	}
	printf("%-16s", "exporter");
	cell("import");
	cell("memory");
	for (size_t i = 0; i < OPS; i++)
		cell(ops[i].name);
	printf("\n");
	for (int i = 3; i < argc; i++)
		do_row(argv, argv[i]);
	return 0;
}
