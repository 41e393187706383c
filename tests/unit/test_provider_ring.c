// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/*
 * The provider's posting and polling against a kernel that is a few lines of
 * this file: it takes entries from the send and receive rings and puts
 * completions into the completion ring, by the rules of docs/uabi.md.
 *
 * Every ring is allocated to the byte, so that ASan sees an entry that leaves
 * its slot at the end, and filled with 0xff, so that an entry that is only
 * partly written shows.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "poll.h"
#include "post.h"

static int failures;

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__,	\
				__LINE__, __func__, #cond);		\
			failures++;					\
		}							\
	} while (0)

#define MAX_SGE		4
#define MAX_INLINE	100	/* more than the sges take */
#define SEND_STRIDE	(sizeof(struct prxe_send_wqe) + 104)
#define RECV_STRIDE	(sizeof(struct prxe_recv_wqe) + \
			 MAX_SGE * sizeof(struct prxe_sge))

/* A ring whose indices begin at @start, as after a long life. */
static void make_ring(struct prxe_queue *q, uint32_t slots, uint32_t stride,
		      uint32_t start)
{
	struct prxe_ring_info info = {
		.slots = slots,
		.stride = stride,
		.first = sizeof(struct prxe_ring),
		.size = sizeof(struct prxe_ring) + slots * stride,
	};
	struct prxe_ring *ring = malloc(info.size);

	if (!ring)
		exit(2);
	memset(ring, 0xff, info.size);
	ring->producer = start;
	ring->consumer = start;
	ring->flags = 0;
	CHECK(prxe_ring_info_check(&info, stride) == 0);
	prxe_queue_init(q, ring, &info);
}

static void make_sq(struct prxe_sq *sq, enum ibv_qp_type type, uint32_t slots,
		    uint32_t start)
{
	memset(sq, 0, sizeof(*sq));
	make_ring(&sq->q, slots, SEND_STRIDE, start);
	prxe_wq_sync(&sq->q);
	sq->ops = prxe_qp_ops(type);
	sq->max_sge = MAX_SGE;
	sq->max_inline = MAX_INLINE;
	sq->ud = type == IBV_QPT_UD;
}

static void make_rq(struct prxe_rq *rq, uint32_t slots, uint32_t start)
{
	memset(rq, 0, sizeof(*rq));
	make_ring(&rq->q, slots, RECV_STRIDE, start);
	prxe_wq_sync(&rq->q);
	rq->max_sge = MAX_SGE;
}

static void make_cq(struct prxe_queue *q, uint32_t slots, uint32_t start)
{
	make_ring(q, slots, sizeof(struct prxe_cqe), start);
	prxe_cq_sync(q);
}

static int post(struct prxe_sq *sq, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad = NULL;
	bool posted;
	int ret;

	ret = prxe_post_send_list(sq, wr, &bad, &posted);
	CHECK(posted == !ret);
	CHECK(bad == (ret ? wr : NULL));
	return ret;
}

static struct prxe_send_wqe *last_send(struct prxe_sq *sq)
{
	return prxe_queue_slot(&sq->q, sq->q.ring->producer - 1);
}

/* The fake kernel's side of a completion queue. */
static void complete(struct prxe_queue *q, uint64_t wr_id)
{
	uint32_t producer = q->ring->producer;
	struct prxe_cqe *cqe = prxe_queue_slot(q, producer);

	memset(cqe, 0, sizeof(*cqe));
	cqe->wr_id = wr_id;
	__atomic_store_n(&q->ring->producer, producer + 1, __ATOMIC_RELEASE);
}

static void test_info(void)
{
	const struct prxe_ring_info good = {
		.size = 4096, .slots = 8, .stride = 64, .first = 128,
	};
	struct prxe_ring_info info = good;

	CHECK(prxe_ring_info_check(&info, 64) == 0);
	CHECK(prxe_ring_info_check(&info, 65) == EPROTO);
	info.slots = 0;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
	info.slots = 12;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
	info = good;
	info.stride = 68;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
	info = good;
	info.first = 64;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
	info = good;
	info.slots = 64;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
	info.slots = 1u << 31;
	info.stride = 1u << 31;
	CHECK(prxe_ring_info_check(&info, 64) == EPROTO);
}

/* max_send_wr bounds what is outstanding, also where the ring has more slots. */
static void test_full(uint32_t start)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND };
	struct prxe_sq sq;
	int i;

	make_sq(&sq, IBV_QPT_RC, 8, start);
	sq.q.limit = 5;
	for (i = 0; i < 5; i++)
		CHECK(post(&sq, &wr) == 0);
	CHECK(post(&sq, &wr) == ENOMEM);
	CHECK(sq.q.ring->producer == start + 5);
	sq.q.ring->consumer = start + 2;
	CHECK(post(&sq, &wr) == 0);
	CHECK(post(&sq, &wr) == 0);
	CHECK(post(&sq, &wr) == ENOMEM);
	CHECK(sq.q.ring->producer == start + 7);

	/* A reset: the kernel has discarded all there was. */
	sq.q.ring->consumer = sq.q.ring->producer;
	prxe_wq_sync(&sq.q);
	for (i = 0; i < 5; i++)
		CHECK(post(&sq, &wr) == 0);
	CHECK(post(&sq, &wr) == ENOMEM);
	free(sq.q.ring);
}

static void test_no_ring(void)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND };
	struct prxe_sq sq = { .ops = prxe_qp_ops(IBV_QPT_RC) };

	prxe_wq_sync(&sq.q);
	CHECK(post(&sq, &wr) == ENOMEM);
}

/* What precedes a bad request is posted, what follows it is not. */
static void test_list(void)
{
	struct ibv_send_wr wr[4] = {};
	struct ibv_send_wr *bad = NULL;
	struct prxe_sq sq;
	bool posted;
	int i;

	make_sq(&sq, IBV_QPT_RC, 8, 0);
	for (i = 0; i < 4; i++) {
		wr[i].wr_id = 100 + i;
		wr[i].opcode = IBV_WR_SEND;
		wr[i].next = i < 3 ? &wr[i + 1] : NULL;
	}
	wr[2].num_sge = MAX_SGE + 1;
	CHECK(prxe_post_send_list(&sq, wr, &bad, &posted) == EINVAL);
	CHECK(posted && bad == &wr[2]);
	CHECK(sq.q.ring->producer == 2);
	CHECK(last_send(&sq)->wr_id == 101);

	/* Nothing of the bad one is left where the next one goes. */
	CHECK(post(&sq, &wr[3]) == 0);
	CHECK(sq.q.ring->producer == 3);
	CHECK(last_send(&sq)->wr_id == 103);
	free(sq.q.ring);
}

static void test_refused(void)
{
	static const enum ibv_wr_opcode rc_only[] = {
		IBV_WR_RDMA_READ, IBV_WR_ATOMIC_CMP_AND_SWP,
		IBV_WR_ATOMIC_FETCH_AND_ADD, IBV_WR_SEND_WITH_INV,
	};
	struct ibv_send_wr wr = { .opcode = IBV_WR_SEND };
	struct prxe_sq rc, uc, ud;
	size_t i;

	make_sq(&rc, IBV_QPT_RC, 8, 0);
	make_sq(&uc, IBV_QPT_UC, 8, 0);
	make_sq(&ud, IBV_QPT_UD, 8, 0);

	wr.num_sge = -1;
	CHECK(post(&rc, &wr) == EINVAL);
	wr.num_sge = 0;
	wr.send_flags = IBV_SEND_IP_CSUM;
	CHECK(post(&rc, &wr) == EINVAL);
	wr.send_flags = 0;
	wr.opcode = IBV_WR_TSO;
	CHECK(post(&rc, &wr) == EINVAL);
	wr.opcode = 32 + IBV_WR_SEND;
	CHECK(post(&rc, &wr) == EINVAL);
	for (i = 0; i < sizeof(rc_only) / sizeof(rc_only[0]); i++) {
		wr.opcode = rc_only[i];
		CHECK(post(&uc, &wr) == EINVAL);
		CHECK(post(&rc, &wr) == 0);
	}
	wr.opcode = IBV_WR_RDMA_WRITE;
	CHECK(post(&ud, &wr) == EINVAL);
	CHECK(post(&uc, &wr) == 0);
	wr.opcode = IBV_WR_SEND;
	wr.wr.ud.ah = NULL;
	CHECK(post(&ud, &wr) == EINVAL);
	CHECK(prxe_qp_ops(IBV_QPT_RAW_PACKET) == 0);
	CHECK(ud.q.ring->producer == 0);
	free(rc.q.ring);
	free(uc.q.ring);
	free(ud.q.ring);
}

static void check_head(const struct prxe_send_wqe *wqe,
		       const struct ibv_send_wr *wr)
{
	CHECK(wqe->wr_id == wr->wr_id);
	CHECK(wqe->opcode == wr->opcode);
	CHECK(wqe->flags == wr->send_flags);
}

static void test_rdma(void)
{
	struct ibv_sge sge[MAX_SGE] = {
		{ 0x1111, 10, 1 }, { 0x2222, 20, 2 },
		{ 0x3333, 30, 3 }, { 0x4444, 40, 4 },
	};
	struct ibv_send_wr wr = {
		.wr_id = 7,
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM,
		.send_flags = IBV_SEND_SIGNALED | IBV_SEND_SOLICITED,
		.num_sge = MAX_SGE,
		.sg_list = sge,
		.imm_data = 0x04030201,
		.wr.rdma = { .remote_addr = 0x123456789abcULL, .rkey = 0x99 },
	};
	const struct prxe_send_wqe *wqe;
	struct prxe_sq sq;

	make_sq(&sq, IBV_QPT_RC, 1, 0);
	CHECK(post(&sq, &wr) == 0);
	wqe = last_send(&sq);
	check_head(wqe, &wr);
	CHECK(wqe->imm_data == 0x04030201);
	CHECK(wqe->inline_len == 0);
	CHECK(wqe->rdma.remote_addr == 0x123456789abcULL);
	CHECK(wqe->rdma.rkey == 0x99 && wqe->rdma.reserved == 0);
	CHECK(wqe->num_sge == MAX_SGE);
	CHECK(!memcmp(wqe->sge, sge, sizeof(sge)));

	/* The same slot again: the immediate must not show through. */
	sq.q.ring->consumer++;
	wr.opcode = IBV_WR_RDMA_READ;
	wr.num_sge = 0;
	CHECK(post(&sq, &wr) == 0);
	CHECK(wqe->imm_data == 0 && wqe->num_sge == 0);
	free(sq.q.ring);
}

static void test_atomic(void)
{
	struct ibv_send_wr wr = {
		.wr_id = 8,
		.opcode = IBV_WR_ATOMIC_CMP_AND_SWP,
		.send_flags = IBV_SEND_FENCE,
		.wr.atomic = { .remote_addr = 0x1000, .compare_add = 0xaaaa,
			       .swap = 0xbbbb, .rkey = 5 },
	};
	const struct prxe_send_wqe *wqe;
	struct prxe_sq sq;

	make_sq(&sq, IBV_QPT_RC, 4, 0);
	CHECK(post(&sq, &wr) == 0);
	wqe = last_send(&sq);
	check_head(wqe, &wr);
	CHECK(wqe->atomic.remote_addr == 0x1000 && wqe->atomic.rkey == 5);
	CHECK(wqe->atomic.compare_add == 0xaaaa && wqe->atomic.swap == 0xbbbb);
	CHECK(wqe->atomic.reserved == 0);
	free(sq.q.ring);
}

static void test_invalidate_and_bind(void)
{
	struct ibv_mr mr = { .lkey = 0x50 };
	struct ibv_mw mw = { .rkey = 0x60 };
	struct ibv_send_wr wr = { .opcode = IBV_WR_LOCAL_INV,
				  .invalidate_rkey = 0x70 };
	const struct prxe_send_wqe *wqe;
	struct prxe_sq sq;

	make_sq(&sq, IBV_QPT_RC, 4, 0);
	CHECK(post(&sq, &wr) == 0);
	CHECK(last_send(&sq)->imm_data == 0x70);

	memset(&wr, 0, sizeof(wr));
	wr.opcode = IBV_WR_BIND_MW;
	wr.bind_mw.mw = &mw;
	wr.bind_mw.rkey = 0x61;
	wr.bind_mw.bind_info.mr = &mr;
	wr.bind_mw.bind_info.addr = 0x8000;
	wr.bind_mw.bind_info.length = 0x100000000ULL;
	wr.bind_mw.bind_info.mw_access_flags = IBV_ACCESS_REMOTE_READ;
	CHECK(post(&sq, &wr) == 0);
	wqe = last_send(&sq);
	CHECK(wqe->mw.addr == 0x8000 && wqe->mw.length == 0x100000000ULL);
	CHECK(wqe->mw.mr_lkey == 0x50 && wqe->mw.mw_rkey == 0x60);
	CHECK(wqe->mw.rkey == 0x61 && wqe->mw.access == IBV_ACCESS_REMOTE_READ);

	wr.bind_mw.bind_info.mr = NULL;	/* unbinds */
	wr.bind_mw.bind_info.length = 0;
	CHECK(post(&sq, &wr) == 0);
	CHECK(last_send(&sq)->mw.mr_lkey == 0);
	free(sq.q.ring);
}

static void test_datagram(void)
{
	struct prxe_ah ah = { .number = 42 };
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND,
		.wr.ud = { .ah = &ah.ah, .remote_qpn = 17, .remote_qkey = 18 },
	};
	const struct prxe_send_wqe *wqe;
	struct prxe_sq sq;

	make_sq(&sq, IBV_QPT_UD, 4, 0);
	CHECK(post(&sq, &wr) == 0);
	wqe = last_send(&sq);
	CHECK(wqe->ud.ah == 42 && wqe->ud.remote_qpn == 17);
	CHECK(wqe->ud.remote_qkey == 18 && wqe->ud.reserved == 0);
	free(sq.q.ring);
}

static void test_inline(void)
{
	uint8_t data[MAX_INLINE + 1];
	struct ibv_sge sge[3] = {
		{ (uintptr_t)data, 30, 0 },
		{ (uintptr_t)data + 30, 0, 0 },
		{ (uintptr_t)data + 30, MAX_INLINE - 30, 0 },
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND,
		.send_flags = IBV_SEND_INLINE,
		.num_sge = 3,
		.sg_list = sge,
	};
	const struct prxe_send_wqe *wqe;
	struct prxe_sq sq;
	size_t i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = i * 7;
	make_sq(&sq, IBV_QPT_RC, 1, 0);
	CHECK(post(&sq, &wr) == 0);
	wqe = last_send(&sq);
	CHECK(wqe->flags == PRXE_SEND_INLINE && wqe->num_sge == 0);
	CHECK(wqe->inline_len == MAX_INLINE);
	CHECK(!memcmp(wqe->inline_data, data, MAX_INLINE));

	sq.q.ring->consumer++;
	sge[2].length++;
	CHECK(post(&sq, &wr) == EINVAL);
	sge[2].length = UINT32_MAX - 10;	/* the sum wraps */
	CHECK(post(&sq, &wr) == EINVAL);
	wr.num_sge = 1;
	wr.opcode = IBV_WR_RDMA_READ;
	CHECK(post(&sq, &wr) == EINVAL);
	wr.opcode = IBV_WR_SEND;
	wr.num_sge = 0;
	CHECK(post(&sq, &wr) == 0);
	CHECK(last_send(&sq)->inline_len == 0);
	free(sq.q.ring);
}

static void test_recv(void)
{
	struct ibv_sge sge = { 0x5000, 64, 9 };
	struct ibv_recv_wr wr = { .wr_id = 77, .num_sge = 1, .sg_list = &sge };
	struct ibv_recv_wr bad_wr = { .wr_id = 78, .num_sge = MAX_SGE + 1 };
	struct ibv_recv_wr *bad = NULL;
	const struct prxe_recv_wqe *wqe;
	struct prxe_rq rq;
	bool bell;

	make_rq(&rq, 2, UINT32_MAX);
	wr.next = &bad_wr;
	CHECK(prxe_post_recv_list(&rq, &wr, &bad, &bell) == EINVAL);
	CHECK(bad == &bad_wr && !bell);
	CHECK(rq.q.ring->producer == 0);
	wqe = prxe_queue_slot(&rq.q, UINT32_MAX);
	CHECK(wqe->wr_id == 77 && wqe->num_sge == 1 && wqe->reserved == 0);
	CHECK(wqe->sge[0].addr == 0x5000 && wqe->sge[0].length == 64);
	CHECK(wqe->sge[0].lkey == 9);

	/* The kernel flushes: it wants to hear of the next, but not of none. */
	rq.q.ring->flags = PRXE_RING_NEED_DOORBELL;
	CHECK(prxe_post_recv_list(&rq, &bad_wr, &bad, &bell) == EINVAL);
	CHECK(!bell);
	wr.next = NULL;
	CHECK(prxe_post_recv_list(&rq, &wr, &bad, &bell) == 0);
	CHECK(bell);
	CHECK(prxe_post_recv_list(&rq, &wr, &bad, &bell) == ENOMEM);
	CHECK(bad == &wr && !bell);
	free(rq.q.ring);
}

static void test_poll(uint32_t start)
{
	struct prxe_queue q;
	struct ibv_wc wc[8];
	int i;

	make_cq(&q, 4, start);
	CHECK(prxe_poll_list(&q, 8, wc) == 0);
	for (i = 0; i < 4; i++)
		complete(&q, i);
	CHECK(prxe_poll_list(&q, 0, wc) == 0);
	CHECK(prxe_poll_list(&q, 3, wc) == 3);
	CHECK(wc[0].wr_id == 0 && wc[2].wr_id == 2);
	CHECK(q.ring->consumer == start + 3);
	complete(&q, 4);
	CHECK(prxe_poll_list(&q, 8, wc) == 2);
	CHECK(wc[0].wr_id == 3 && wc[1].wr_id == 4);
	CHECK(q.ring->consumer == start + 5);

	/* The process overwrote its producer index: no completion, no crash. */
	q.ring->producer = q.ring->consumer + 5;
	CHECK(prxe_poll_list(&q, 8, wc) == 0);
	q.ring->producer = q.ring->consumer - 1;
	CHECK(prxe_poll_list(&q, 8, wc) == 0);
	q.ring->producer = q.ring->consumer;
	complete(&q, 5);
	CHECK(prxe_poll_list(&q, 8, wc) == 1 && wc[0].wr_id == 5);
	free(q.ring);
}

static void test_wc(void)
{
	const struct prxe_cqe cqe = {
		.wr_id = 1, .timestamp = 2, .status = IBV_WC_REM_ACCESS_ERR,
		.opcode = IBV_WC_RECV_RDMA_WITH_IMM, .byte_len = 3,
		.imm_data = 4, .qp_num = 5, .src_qp = 6,
		.flags = PRXE_WC_GRH | PRXE_WC_WITH_IMM, .vendor_err = 7,
		.pkey_index = 8,
	};
	struct ibv_wc wc;

	memset(&wc, 0xff, sizeof(wc));
	prxe_cqe_to_wc(&cqe, &wc);
	CHECK(wc.wr_id == 1 && wc.status == IBV_WC_REM_ACCESS_ERR);
	CHECK(wc.opcode == IBV_WC_RECV_RDMA_WITH_IMM && wc.byte_len == 3);
	CHECK(wc.imm_data == 4 && wc.qp_num == 5 && wc.src_qp == 6);
	CHECK(wc.wc_flags == (IBV_WC_GRH | IBV_WC_WITH_IMM));
	CHECK(wc.vendor_err == 7 && wc.pkey_index == 8);
	CHECK(wc.slid == 0 && wc.sl == 0 && wc.dlid_path_bits == 0);
}

/* Two threads: the order of entries and indices on a real machine. */

#define ROUNDS	50000

struct race {
	struct prxe_sq sq;
	struct prxe_queue cq;
	int errors;
};

static void *fake_kernel(void *arg)
{
	struct race *race = arg;
	struct prxe_ring *ring = race->sq.q.ring;
	struct prxe_send_wqe copy;
	uint64_t n = 0;

	while (n < ROUNDS) {
		if (prxe_load_acquire(&ring->producer) == ring->consumer) {
			sched_yield();
			continue;
		}
		memcpy(&copy, prxe_queue_slot(&race->sq.q, ring->consumer),
		       sizeof(copy));
		if (copy.wr_id != n || copy.rdma.remote_addr != ~n)
			race->errors++;
		prxe_store_release(&ring->consumer, ring->consumer + 1);
		while (race->cq.ring->producer -
		       prxe_load_acquire(&race->cq.ring->consumer) == 16)
			sched_yield();
		complete(&race->cq, n++);
	}
	return NULL;
}

static void test_race(void)
{
	struct ibv_send_wr wr = { .opcode = IBV_WR_RDMA_WRITE };
	struct race race = {};
	struct ibv_send_wr *bad;
	uint64_t polled = 0;
	struct ibv_wc wc[5];
	pthread_t thread;
	bool posted;
	int i, n;

	make_sq(&race.sq, IBV_QPT_RC, 8, UINT32_MAX - 1000);
	make_cq(&race.cq, 16, UINT32_MAX - 500);
	if (pthread_create(&thread, NULL, fake_kernel, &race))
		exit(2);
	while (polled < ROUNDS) {
		wr.wr.rdma.remote_addr = ~wr.wr_id;
		if (wr.wr_id < ROUNDS &&
		    !prxe_post_send_list(&race.sq, &wr, &bad, &posted))
			wr.wr_id++;
		n = prxe_poll_list(&race.cq, 5, wc);
		if (!n)
			sched_yield();
		for (i = 0; i < n; i++)
			if (wc[i].wr_id != polled++)
				race.errors++;
	}
	pthread_join(thread, NULL);
	CHECK(race.errors == 0);
	CHECK(race.sq.q.ring->consumer == race.sq.q.ring->producer);
	CHECK(race.cq.ring->consumer == race.cq.ring->producer);
	free(race.sq.q.ring);
	free(race.cq.ring);
}

/* Entries of one queue pair go, the others close up, in order, over any wrap. */
static void test_clean(uint32_t start)
{
	static const uint32_t qpn[] = { 7, 5, 7, 7, 5, 9, 7, 5 };
	struct prxe_queue q;
	struct ibv_wc wc[8];
	uint32_t i;

	make_cq(&q, 8, start);
	complete(&q, 100);
	CHECK(prxe_poll_list(&q, 1, wc) == 1);
	for (i = 0; i < 8; i++) {
		struct prxe_cqe *cqe = prxe_queue_slot(&q, q.ring->producer);

		complete(&q, i);
		cqe->qp_num = qpn[i];
	}
	prxe_cq_clean(&q, 8);
	CHECK(q.ring->producer - q.ring->consumer == 8);
	prxe_cq_clean(&q, 7);
	CHECK(q.ring->producer - q.ring->consumer == 4);
	CHECK(prxe_poll_list(&q, 8, wc) == 4);
	CHECK(wc[0].wr_id == 1 && wc[1].wr_id == 4 && wc[2].wr_id == 5 &&
	      wc[3].wr_id == 7);
	prxe_cq_clean(&q, 5);
	CHECK(prxe_poll_list(&q, 8, wc) == 0);
	/* an index that cannot be */
	q.ring->producer += 1000;
	prxe_cq_clean(&q, 5);
	CHECK(q.ring->producer - q.ring->consumer == 1000);
	free(q.ring);
}

int main(void)
{
	test_info();
	test_full(0);
	test_full(UINT32_MAX - 3);
	test_no_ring();
	test_list();
	test_refused();
	test_rdma();
	test_atomic();
	test_invalidate_and_bind();
	test_datagram();
	test_inline();
	test_recv();
	test_poll(0);
	test_poll(UINT32_MAX - 2);
	test_clean(0);
	test_clean(UINT32_MAX - 3);
	test_wc();
	test_race();
	if (failures)
		fprintf(stderr, "%d checks failed\n", failures);
	return failures != 0;
}
