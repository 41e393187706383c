// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells: the requester runs in the caller's context, so what it cannot
 * allocate there looks like a lost packet. It is sent again, and each byte arrives.
 */
#include <unistd.h>

#include "verbs.h"

#define BUFFER	65536
#define SMALL	64
#define QKEY	0x1234

/* What the posted request shall have done. */
static struct {
	enum { NOTHING, WRITE, READ, SEND, ATOMIC, DATAGRAM } kind;
	size_t len;
	unsigned int completions;
	uint32_t seed;
	uint64_t sum;
} expect;

static uint8_t mem_a[BUFFER] __attribute__((aligned(PAGE)));
static uint8_t mem_b[BUFFER] __attribute__((aligned(PAGE)));
static struct ibv_mr *mr_a, *mr_b;
static struct ibv_ah *ah;
static struct pair data;

static void open_pair(const char *b)
{
	struct pair_opt opt = pair_defaults;

	opt.timeout = 12;	/* 17 ms: for each lost packet; longer at the next */
	pair_open(&data, device_a, b, &opt);
	mr_a = need_mr(&data.a, mem_a, BUFFER, RIGHTS);
	mr_b = need_mr(&data.b, mem_b, BUFFER, RIGHTS);
}

void make_pair(void)
{
	open_pair(ibv_get_device_name(pair.b.ctx->device));
	pair_connect(&data);
}

void make_loop(void)
{
	open_pair(device_a);
	pair_connect(&data);
}

static void close_pair(void)
{
	NEED(!ibv_dereg_mr(mr_a) && !ibv_dereg_mr(mr_b), "ibv_dereg_mr: %m");
	pair_close(&data);
}

void drop_pair(void)
{
	pair_disconnect(&data);
	close_pair();
}

/* New contents at the source, something else at the destination. */
static void contents(uint8_t *from, uint8_t *to, size_t len)
{
	expect.len = len;
	expect.seed++;
	fill(from, len, expect.seed);
	memset(to, 0x5a, len);
}

static int write_op(enum ibv_wr_opcode op, size_t len)
{
	expect.kind = WRITE;
	expect.completions = 1;
	contents(mem_a, mem_b, len);
	return post_send(&data.a, op, 1, sge_of(mr_a, 0, len), (uintptr_t)mem_b,
			 mr_b->rkey, IBV_SEND_SIGNALED);
}

int call_write_small(void) { return write_op(IBV_WR_RDMA_WRITE, SMALL); }
int call_write_large(void) { return write_op(IBV_WR_RDMA_WRITE, BUFFER); }

int call_read(void)
{
	expect.kind = READ;
	expect.completions = 1;
	contents(mem_b, mem_a, 3000);
	return post_send(&data.a, IBV_WR_RDMA_READ, 1, sge_of(mr_a, 0, 3000),
			 (uintptr_t)mem_b, mr_b->rkey, IBV_SEND_SIGNALED);
}

int call_send(void)
{
	expect.kind = SEND;
	expect.completions = 1;
	contents(mem_a, mem_b, 3000);
	need_recv(&data.b, 2, sge_of(mr_b, 0, 3000));
	return post_send(&data.a, IBV_WR_SEND_WITH_IMM, 1, sge_of(mr_a, 0, 3000), 0, 0,
			 IBV_SEND_SIGNALED);
}

/* Several at once, as an application posts them. */
int call_write_batch(void)
{
	enum { NR = 4, LEN = 3000 };
	struct ibv_send_wr wr[NR] = { 0 }, *bad;
	struct ibv_sge sge[NR];
	int i;

	expect.kind = WRITE;
	expect.completions = NR;
	contents(mem_a, mem_b, NR * LEN);
	for (i = 0; i < NR; i++) {
		sge[i] = sge_of(mr_a, i * LEN, LEN);
		wr[i].sg_list = &sge[i];
		wr[i].num_sge = 1;
		wr[i].opcode = IBV_WR_RDMA_WRITE;
		wr[i].send_flags = IBV_SEND_SIGNALED;
		wr[i].wr.rdma.remote_addr = (uintptr_t)mem_b + i * LEN;
		wr[i].wr.rdma.rkey = mr_b->rkey;
		wr[i].next = i + 1 < NR ? &wr[i + 1] : NULL;
	}
	return ibv_post_send(data.a.qp, wr, &bad);
}

int call_atomic(void)
{
	struct ibv_sge sge = sge_of(mr_a, 0, 8);
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IBV_WR_ATOMIC_FETCH_AND_ADD,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.atomic = {
			.remote_addr = (uintptr_t)mem_b, .rkey = mr_b->rkey,
			.compare_add = 5,
		},
	};

	expect.kind = ATOMIC;
	expect.completions = 1;
	memcpy(&expect.sum, mem_b, 8);
	return ibv_post_send(data.a.qp, &wr, &bad);
}

static void verify_atomic(void)
{
	uint64_t now, was;

	memcpy(&now, mem_b, 8);
	memcpy(&was, mem_a, 8);
	NEED(now == expect.sum + 5, "not added once");
	NEED(was == expect.sum, "the old value is wrong");
}

void verify_data(void)
{
	while (expect.completions--)
		need_ok(data.a.scq);
	need_empty(data.a.scq);
	switch (expect.kind) {
	case WRITE:
		need_pattern(mem_b, expect.len, expect.seed, "written");
		break;
	case READ:
		need_pattern(mem_a, expect.len, expect.seed, "read");
		break;
	case SEND:
		need_ok(data.b.rcq);
		need_empty(data.b.rcq);
		need_pattern(mem_b, expect.len, expect.seed, "sent");
		break;
	case ATOMIC:
		verify_atomic();
		break;
	default:
		break;
	}
}

/* A queue pair in ERR, where a posted receive needs the doorbell to be flushed. */
void make_flushed(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_ERR };

	make_pair();
	NEED(!ibv_modify_qp(data.b.qp, &attr, IBV_QP_STATE), "modify to ERR: %m");
}

int call_post_recv(void)
{
	struct ibv_sge sge = sge_of(mr_b, 0, SMALL);
	struct ibv_recv_wr *bad, wr = { .sg_list = &sge, .num_sge = 1 };

	return ibv_post_recv(data.b.qp, &wr, &bad);
}

void verify_flushed(void)
{
	need_status(data.b.rcq, IBV_WC_WR_FLUSH_ERR);
	need_empty(data.b.rcq);
}

/* Unconnected: one QP on each device, with the same queue key. */
static void ud_qp(struct end *e)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_UD,
		.cap = {
			.max_send_wr = 16, .max_recv_wr = 16,
			.max_send_sge = 1, .max_recv_sge = 1,
		},
	};
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY,
	};

	e->scq = ibv_create_cq(e->ctx, 32, NULL, NULL, 0);
	e->rcq = ibv_create_cq(e->ctx, 32, NULL, NULL, 0);
	NEED(e->scq && e->rcq, "ibv_create_cq: %m");
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	e->qp = ibv_create_qp(e->pd, &init);
	NEED(e->qp, "ibv_create_qp: %m");
	NEED(!ibv_modify_qp(e->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_QKEY), "INIT: %m");
	attr.qp_state = IBV_QPS_RTR;
	NEED(!ibv_modify_qp(e->qp, &attr, IBV_QP_STATE), "RTR: %m");
	attr.qp_state = IBV_QPS_RTS;
	NEED(!ibv_modify_qp(e->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN), "RTS: %m");
}

void make_ud_pair(void)
{
	struct ibv_ah_attr attr = { .is_global = 1, .port_num = 1 };

	open_pair(ibv_get_device_name(pair.b.ctx->device));
	ud_qp(&data.a);
	ud_qp(&data.b);
	attr.grh.dgid = data.b.gid;
	attr.grh.sgid_index = (uint8_t)data.a.gid_index;
	attr.grh.hop_limit = 64;
	ah = ibv_create_ah(data.a.pd, &attr);
	NEED(ah, "ibv_create_ah: %m");
}

void drop_ud_pair(void)
{
	NEED(!ibv_destroy_ah(ah), "ibv_destroy_ah: %m");
	drop_pair();
}

/* A datagram may be lost: the send completes, nobody sends it again. */
int call_ud_send(void)
{
	struct ibv_sge sge = sge_of(mr_a, 0, 512);
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.ud = { .ah = ah, .remote_qpn = data.b.qp->qp_num, .remote_qkey = QKEY },
	};

	expect.kind = DATAGRAM;
	expect.completions = 1;
	return ibv_post_send(data.a.qp, &wr, &bad);
}
