// SPDX-License-Identifier: GPL-2.0
/*
 * rc_data DEVICE DEVICE [4|6 [quick|lossy|4096] [uc] [srq] [plain]]: every RC operation
 * between two devices, or on one device, with all bytes verified: sizes and offsets off
 * the page and MTU grid, guards around every target, every path MTU. Quick: two path
 * MTUs; 4096: only that one. Lossy: as quick, with an ACK timeout that makes a lost packet
 * cheap. uc: the operations that unreliable connections have. srq: receives through a
 * shared queue. plain: neither flushes nor atomic writes.
 */
#include "wr_ex.h"

#include <string.h>

#define BUF	(3u << 20)
#define GUARD	64

static const size_t sizes[] = {
	0, 1, 2, 3, 4, 7, 8, 63, 255, 256, 257, 1023, 1024, 1025, 4095, 4096,
	4097, 8191, 12288, 65535, 65536, 65537, 262147, 1048576, 2097155,
};

struct test {
	struct pair p;
	uint8_t *src, *dst;
	struct ibv_mr *smr, *dmr;
	uint32_t seed;
};

static size_t off_of(size_t i)
{
	static const size_t offs[] = { 64, 65, 4093, 4096, 4099, 127 };

	return offs[i % (sizeof(offs) / sizeof(*offs))];
}

/* Source filled, target erased. */
static void prepare(struct test *t, size_t soff, size_t doff, size_t len)
{
	t->seed++;
	fill(t->src + soff, len, t->seed);
	memset(t->dst + doff - GUARD, 0xee, len + 2 * GUARD);
}

static void verify(struct test *t, size_t doff, size_t len, const char *what)
{
	need_pattern(t->dst + doff, len, t->seed, what);
	need_bytes(t->dst + doff - GUARD, GUARD, 0xee, "in front of the target");
	need_bytes(t->dst + doff + len, GUARD, 0xee, "behind the target");
}

/*
 * With UC the sender's completion says nothing about the target; a message behind
 * it does, on a network that keeps the order.
 */
static void arrived(struct test *t)
{
	if (t->p.opt.type != IBV_QPT_UC)
		return;
	need_recv(&t->p.b, 78, sge_of(t->dmr, 0, 0));
	need_send(&t->p.a, IBV_WR_SEND, 79, sge_of(t->smr, 0, 0), 0, 0,
		  IBV_SEND_SIGNALED);
	CHECK(need_ok(t->p.a.scq).wr_id == 79, "wr_id");
	CHECK(need_ok(t->p.b.rcq).wr_id == 78, "wr_id");
}

static void one_write(struct test *t, size_t i, size_t len, bool imm)
{
	size_t soff = off_of(i), doff = off_of(i + 3);
	struct ibv_wc wc;

	prepare(t, soff, doff, len);
	if (imm)
		need_recv(&t->p.b, 77, sge_of(t->dmr, 0, 0));
	need_send(&t->p.a, imm ? IBV_WR_RDMA_WRITE_WITH_IMM : IBV_WR_RDMA_WRITE,
		  i, sge_of(t->smr, soff, len), (uintptr_t)t->dst + doff,
		  t->dmr->rkey, IBV_SEND_SIGNALED);
	wc = need_ok(t->p.a.scq);
	CHECK(wc.opcode == IBV_WC_RDMA_WRITE && wc.wr_id == i, "%d", wc.opcode);
	if (imm) {
		wc = need_ok(t->p.b.rcq);
		CHECK(wc.opcode == IBV_WC_RECV_RDMA_WITH_IMM && wc.wr_id == 77 &&
		      wc.byte_len == len && wc.imm_data == 0x78563412 &&
		      wc.wc_flags & IBV_WC_WITH_IMM,
		      "opcode %d, %u bytes", wc.opcode, wc.byte_len);
	} else {
		arrived(t);
	}
	verify(t, doff, len, imm ? "write with immediate" : "write");
}

static void one_read(struct test *t, size_t i, size_t len)
{
	size_t soff = off_of(i + 1), doff = off_of(i + 2);
	struct ibv_wc wc;

	prepare(t, soff, doff, len);
	/* the other way round: b reads what a has */
	need_send(&t->p.b, IBV_WR_RDMA_READ, i, sge_of(t->dmr, doff, len),
		  (uintptr_t)t->src + soff, t->smr->rkey, IBV_SEND_SIGNALED);
	wc = need_ok(t->p.b.scq);
	CHECK(wc.opcode == IBV_WC_RDMA_READ && wc.byte_len == len, "%u bytes",
	      wc.byte_len);
	verify(t, doff, len, "read");
}

static void one_send(struct test *t, size_t i, size_t len, bool imm)
{
	size_t soff = off_of(i + 4), doff = off_of(i + 5);
	struct ibv_wc wc;

	prepare(t, soff, doff, len);
	/* room to spare: byte_len is what came, not what there is room for */
	need_recv(&t->p.b, i, sge_of(t->dmr, doff, len + (i & 1)));
	need_send(&t->p.a, imm ? IBV_WR_SEND_WITH_IMM : IBV_WR_SEND, i,
		  sge_of(t->smr, soff, len), 0, 0, IBV_SEND_SIGNALED);
	need_ok(t->p.a.scq);
	wc = need_ok(t->p.b.rcq);
	CHECK(wc.opcode == IBV_WC_RECV && wc.byte_len == len && wc.wr_id == i &&
	      !!(wc.wc_flags & IBV_WC_WITH_IMM) == imm &&
	      (!imm || wc.imm_data == 0x78563412),
	      "%u of %zu bytes, flags %#x", wc.byte_len, len, wc.wc_flags);
	verify(t, doff, len, "send");
}

static void atomics(struct test *t)
{
	uint64_t *remote = (uint64_t *)(t->dst + 4096);
	uint64_t *local = (uint64_t *)(t->src + 64);

	remote[-1] = remote[1] = 0xeeeeeeeeeeeeeeeeull;
	remote[0] = 0x123456789abcdef0ull;
	need_atomic(&t->p.a, false, 1, sge_of(t->smr, 64, 8), (uintptr_t)remote,
		    t->dmr->rkey, 0xfedcba9876543210ull, 0);
	CHECK(need_ok(t->p.a.scq).opcode == IBV_WC_FETCH_ADD, "opcode");
	CHECK(*local == 0x123456789abcdef0ull, "%#llx", (long long)*local);
	CHECK(remote[0] == 0x1111111111111100ull, "%#llx", (long long)*remote);

	need_atomic(&t->p.a, true, 2, sge_of(t->smr, 64, 8), (uintptr_t)remote,
		    t->dmr->rkey, 1, 2);	/* does not match */
	CHECK(need_ok(t->p.a.scq).opcode == IBV_WC_COMP_SWAP, "opcode");
	CHECK(*local == 0x1111111111111100ull && remote[0] == *local,
	      "%#llx", (long long)*remote);

	need_atomic(&t->p.a, true, 3, sge_of(t->smr, 64, 8), (uintptr_t)remote,
		    t->dmr->rkey, 0x1111111111111100ull, 42);
	need_ok(t->p.a.scq);
	CHECK(*local == 0x1111111111111100ull && remote[0] == 42,
	      "%#llx", (long long)*remote);
	CHECK(remote[-1] == 0xeeeeeeeeeeeeeeeeull && remote[1] == remote[-1],
	      "neighbours touched");
}

/* Nobody but the one word, all eight bytes, in the order of memory. */
static void atomic_writes(struct test *t)
{
	uint64_t *remote = (uint64_t *)(t->dst + 4096);
	const uint64_t value = 0x0123456789abcdefull;
	struct ibv_wc wc;

	memset(remote - 8, 0xee, 17 * 8);
	need_atomic_write(&t->p.a, 5, t->dmr->rkey, (uintptr_t)remote, value);
	wc = need_ok(t->p.a.scq);
	CHECK(wc.opcode == IBV_WC_ATOMIC_WRITE && wc.wr_id == 5, "opcode %d",
	      wc.opcode);
	CHECK(*remote == value, "%#llx", (long long)*remote);
	need_bytes(remote - 8, 8 * 8, 0xee, "in front of an atomic write");
	need_bytes(remote + 1, 8 * 8, 0xee, "behind an atomic write");
}

/* What was written is there when the flush completes, however it names it. */
static void flushes(struct test *t)
{
	static const struct {
		size_t off, len;
	} ranges[] = {
		{ 127, 0 }, { 4093, 1 }, { 65, 100003 }, { 0, BUF },
	};
	struct ibv_wc wc;
	size_t i;

	for (i = 0; i < 2 * sizeof(ranges) / sizeof(*ranges); i++) {
		bool all = i & 1;
		size_t off = ranges[i / 2].off, len = ranges[i / 2].len;

		prepare(t, 64, 4097, 20011);
		need_send(&t->p.a, IBV_WR_RDMA_WRITE, 6, sge_of(t->smr, 64, 20011),
			  (uintptr_t)t->dst + 4097, t->dmr->rkey, 0);
		/* of all, neither address nor length count */
		need_flush(&t->p.a, 7, t->dmr->rkey,
			   all ? 12345 * i : (uintptr_t)t->dst + off,
			   all ? 2 * BUF : len, IBV_FLUSH_GLOBAL,
			   all ? IBV_FLUSH_MR : IBV_FLUSH_RANGE);
		wc = need_ok(t->p.a.scq);
		CHECK(wc.opcode == IBV_WC_FLUSH && wc.wr_id == 7, "opcode %d",
		      wc.opcode);
		verify(t, 4097, 20011, "flushed");
	}
}

/* Gather out of several pieces and scatter into several others. */
static void lists(struct test *t)
{
	static const size_t from[4] = { 3, 5001, 0, 1999 };
	static const size_t to[4] = { 4099, 1, 2003, 900 };
	struct ibv_sge ssge[4], dsge[4];
	struct ibv_send_wr *sbad, swr = {
		.sg_list = ssge, .num_sge = 4, .opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
	};
	struct ibv_recv_wr *rbad, rwr = { .sg_list = dsge, .num_sge = 4 };
	uint8_t flat[7003], back[7003];
	size_t i, at, n;

	fill(flat, sizeof(flat), 4711);
	for (i = at = 0; i < 4; i++, at += n) {
		n = from[i];
		memcpy(t->src + 8192 * i + 5, flat + at, n);
		ssge[i] = sge_of(t->smr, 8192 * i + 5, n);
		dsge[i] = sge_of(t->dmr, 8192 * i + 11, to[i]);
	}
	CHECK(t->p.b.srq ? !ibv_post_srq_recv(t->p.b.srq, &rwr, &rbad) :
	      !ibv_post_recv(t->p.b.qp, &rwr, &rbad), "post_recv");
	CHECK(!ibv_post_send(t->p.a.qp, &swr, &sbad), "post_send");
	need_ok(t->p.a.scq);
	CHECK(need_ok(t->p.b.rcq).byte_len == sizeof(flat), "byte_len");
	for (i = at = 0; i < 4; i++, at += n) {
		n = to[i];
		memcpy(back + at, t->dst + 8192 * i + 11, n);
	}
	CHECK(!memcmp(flat, back, sizeof(flat)), "scattered data differ");
}

static void inline_data(struct test *t)
{
	uint8_t data[64];
	struct ibv_sge sge = { .addr = (uintptr_t)data };
	size_t len;

	for (len = 0; len <= sizeof(data); len += 7) {
		memset(t->dst, 0xee, 256);
		fill(data, len, (uint32_t)len);
		sge.length = (uint32_t)len;	/* and no key at all */
		need_send(&t->p.a, IBV_WR_RDMA_WRITE, 1, sge,
			  (uintptr_t)t->dst + 64, t->dmr->rkey,
			  IBV_SEND_SIGNALED | IBV_SEND_INLINE);
		memset(data, 0, sizeof(data));	/* may be used again at once */
		need_ok(t->p.a.scq);
		arrived(t);
		need_pattern(t->dst + 64, len, (uint32_t)len, "inline");
		need_bytes(t->dst + 64 + len, 64, 0xee, "behind inline");
	}
}

/* Many at once, in both directions, completed in order. */
static void pipeline(struct test *t)
{
	const size_t len = 10007;
	unsigned int i, n = 48;

	fill(t->src, n * len, 99);
	memset(t->dst, 0, n * len);
	for (i = 0; i < n; i++) {
		enum ibv_wr_opcode op = i % 3 ? IBV_WR_RDMA_WRITE :
			IBV_WR_RDMA_READ;
		struct end *e = &t->p.a;

		if (op == IBV_WR_RDMA_READ) {
			e = &t->p.b;
			need_send(e, op, i, sge_of(t->dmr, i * len, len),
				  (uintptr_t)t->src + i * len, t->smr->rkey,
				  IBV_SEND_SIGNALED);
		} else {
			need_send(e, op, i, sge_of(t->smr, i * len, len),
				  (uintptr_t)t->dst + i * len, t->dmr->rkey,
				  IBV_SEND_SIGNALED);
		}
	}
	for (i = 0; i < n; i++) {
		struct ibv_cq *cq = i % 3 ? t->p.a.scq : t->p.b.scq;

		CHECK(need_ok(cq).wr_id == i, "out of order");
	}
	need_pattern(t->dst, n * len, 99, "pipeline");
}

/* Many at once on an unreliable connection, completed in order at both ends. */
static void pipeline_uc(struct test *t)
{
	const size_t len = 10007;
	unsigned int i, n = 48;
	struct ibv_wc wc;

	fill(t->src, n * len, 98);
	memset(t->dst, 0, n * len);
	for (i = 0; i < n; i++)
		need_recv(&t->p.b, i, sge_of(t->dmr, i * len, i % 3 ? 0 : len));
	for (i = 0; i < n; i++)
		need_send(&t->p.a, i % 3 ? IBV_WR_RDMA_WRITE_WITH_IMM :
			  IBV_WR_SEND, i, sge_of(t->smr, i * len, len),
			  (uintptr_t)t->dst + i * len, t->dmr->rkey,
			  IBV_SEND_SIGNALED);
	for (i = 0; i < n; i++) {
		CHECK(need_ok(t->p.a.scq).wr_id == i, "out of order");
		wc = need_ok(t->p.b.rcq);
		CHECK(wc.wr_id == i && wc.byte_len == len, "wr_id %llu for %u",
		      (unsigned long long)wc.wr_id, i);
	}
	need_pattern(t->dst, n * len, 98, "pipeline");
}

static void all(struct test *t, enum ibv_mtu mtu)
{
	bool rc = t->p.opt.type != IBV_QPT_UC;
	size_t i;

	t->p.opt.mtu = mtu;
	pair_connect(&t->p);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		one_write(t, i, sizes[i], false);
		one_write(t, i, sizes[i], true);
		if (rc)
			one_read(t, i, sizes[i]);
		one_send(t, i, sizes[i], false);
		one_send(t, i, sizes[i], true);
	}
	lists(t);
	inline_data(t);
	if (rc) {
		atomics(t);
		if (t->p.opt.placement) {
			atomic_writes(t);
			flushes(t);
		}
		pipeline(t);
	} else {
		pipeline_uc(t);
	}
	need_empty(t->p.a.scq);
	need_empty(t->p.b.scq);
	need_empty(t->p.b.rcq);
	pair_disconnect(&t->p);
	printf("MTU %d: ok\n", 128 << mtu);
}

static bool has(char **argv, const char *word)
{
	for (; *argv; argv++)
		if (!strcmp(*argv, word))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct pair_opt opt = pair_defaults;
	struct test t = { .seed = 1 };
	bool lossy, quick, large;
	enum ibv_mtu mtu;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3) {
		fprintf(stderr, "usage: rc_data DEVICE DEVICE [4|6 [quick|lossy|4096] [uc] [srq] [plain]]\n");
		return 2;
	}
	if (argc > 3)
		opt.family = atoi(argv[3]);
	lossy = has(argv, "lossy");
	quick = lossy || has(argv, "quick");
	large = has(argv, "4096");
	opt.srq = has(argv, "srq");
	if (has(argv, "uc"))
		opt.type = IBV_QPT_UC;
	else if (!has(argv, "plain"))
		with_placement(&opt);
	if (lossy)
		opt.timeout = 13;	/* 34 ms */
	pair_open(&t.p, argv[1], argv[2], &opt);
	t.src = aligned_alloc(4096, BUF);
	t.dst = aligned_alloc(4096, BUF);
	CHECK(t.src && t.dst, "no memory");
	t.smr = need_mr(&t.p.a, t.src, BUF, flush_rights);
	t.dmr = need_mr(&t.p.b, t.dst, BUF, flush_rights);
	for (mtu = IBV_MTU_256; mtu <= IBV_MTU_4096; mtu++)
		if (mtu == IBV_MTU_4096 || (!large && (!quick || mtu == IBV_MTU_1024)))
			all(&t, mtu);
	CHECK(!ibv_dereg_mr(t.smr) && !ibv_dereg_mr(t.dmr), "ibv_dereg_mr");
	pair_close(&t.p);
	free(t.src);
	free(t.dst);
	return 0;
}
