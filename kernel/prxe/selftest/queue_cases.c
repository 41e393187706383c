// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of kernel users: lists of work requests, with interrupts off, full queues,
 * draining, shared receive queues.
 */
#include <linux/irqflags.h>

#include "kverbs.h"

/* All that a ULP does for one request, in one list; only the last one signaled. */
static int chain(struct kv_pair *p, struct ib_mr *mr, struct kv_sg *l, u8 seed)
{
	struct ib_sge to = {
		.addr = (uintptr_t)p->b.mem, .length = l->length,
		.lkey = p->b.pd->local_dma_lkey,
	};
	u32 old = mr->rkey, new = kv_next_key(mr);
	struct ib_sge from = {
		.addr = mr->iova, .length = l->length, .lkey = new,
	};
	struct ib_send_wr last = {
		.opcode = IB_WR_LOCAL_INV, .ex.invalidate_rkey = new,
	};
	struct ib_send_wr send = {
		.next = &last, .opcode = IB_WR_SEND, .sg_list = &from,
		.num_sge = 1,
	};
	struct ib_reg_wr reg = {
		.wr = { .next = &send, .opcode = IB_WR_REG_MR },
		.mr = mr, .key = new, .access = KV_RIGHTS,
	};
	struct ib_send_wr first = {
		.next = &reg.wr, .opcode = IB_WR_LOCAL_INV,
		.ex.invalidate_rkey = old,
	};
	struct kv_op op, recv;

	kv_sg_fill(l, seed);
	TRY(kv_recv(&p->b, &to, &recv));
	kv_op_init(&op);
	first.wr_cqe = &op.cqe;
	reg.wr.wr_cqe = &op.cqe;
	send.wr_cqe = &op.cqe;
	last.wr_cqe = &op.cqe;
	last.send_flags = IB_SEND_SIGNALED;
	TRY(ib_post_send(p->a.qp, &first, NULL));
	TRY(kv_wait(p->a.qp, &op, IB_WC_SUCCESS));
	NEED(op.wc.opcode == IB_WC_LOCAL_INV);
	wait_for_completion(&recv.done);
	NEED(recv.wc.status == IB_WC_SUCCESS);
	return kv_expect(p->b.mem, l->length, seed);
}

static int order(struct kv_pair *p)
{
	struct ib_mr *mr;
	struct kv_sg l;
	int i;

	kv_sg_init(&l, p->a.mem, 200, 4 * PAGE_SIZE);
	TRY(kv_registered(&p->a, &l, KV_RIGHTS, &mr));
	for (i = 0; i < 100; i++)
		TRY(chain(p, mr, &l, i));
	return 0;
}

/* Interrupts off: queued here, executed elsewhere. */
static int irqs_off(struct kv_pair *p)
{
	struct ib_sge to = {
		.addr = (uintptr_t)p->b.mem, .length = 64,
		.lkey = p->b.pd->local_dma_lkey,
	};
	struct ib_sge from = {
		.addr = (uintptr_t)p->a.mem, .length = 64,
		.lkey = p->a.pd->local_dma_lkey,
	};
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND, .sg_list = &from, .num_sge = 1,
	};
	struct kv_op op, recv;
	struct ib_mr *mr;
	struct kv_sg l;
	int n, posted, err;

	kv_sg_init(&l, p->b.mem, 0, 4 * PAGE_SIZE);
	TRY(kv_mr(&p->b, p->b.pd, 4, &mr));
	ib_dma_map_sg(p->b.dev, l.sg, l.nr, DMA_BIDIRECTIONAL);
	kv_fill(p->a.mem, 64, 8);
	local_irq_disable();
	n = ib_map_mr_sg(mr, l.sg, l.nr, NULL, PAGE_SIZE);
	posted = kv_recv(&p->b, &to, &recv);
	err = kv_post(p->a.qp, &wr, &op);
	local_irq_enable();
	NEED(n == 4 && !posted);
	TRY(err);
	TRY(kv_wait(p->a.qp, &op, IB_WC_SUCCESS));
	wait_for_completion(&recv.done);
	NEED(recv.wc.status == IB_WC_SUCCESS);
	return kv_expect(p->b.mem, 64, 8);
}

/* Receives, then one too many; all are flushed in order when it is drained. */
static int full(struct kv_pair *p)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_ERR };
	static struct kv_op ops[KV_DEPTH];
	const struct ib_recv_wr *bad;
	struct ib_recv_wr wr = {};
	int i;

	for (i = 0; i < KV_DEPTH; i++)
		TRY(kv_recv(&p->b, NULL, &ops[i]));
	NEED(ib_post_recv(p->b.qp, &wr, &bad) == -ENOMEM && bad == &wr);
	wr.num_sge = 100;
	NEED(ib_post_recv(p->b.qp, &wr, &bad) == -EINVAL);
	TRY(ib_modify_qp(p->b.qp, &attr, IB_QP_STATE));
	for (i = 0; i < KV_DEPTH; i++) {
		wait_for_completion(&ops[i].done);
		NEED(ops[i].wc.status == IB_WC_WR_FLUSH_ERR);
	}
	/* one that is posted now is flushed at once, and so is what is sent */
	TRY(kv_recv(&p->b, NULL, &ops[0]));
	wait_for_completion(&ops[0].done);
	NEED(ops[0].wc.status == IB_WC_WR_FLUSH_ERR);
	TRY(kv_inv(&p->b, 0, IB_WC_WR_FLUSH_ERR));
	ib_drain_qp(p->b.qp);
	return kv_reconnect(p);
}

static int srq_send(struct kv_pair *p, struct ib_qp *qp, struct kv_op *recv,
		    u8 seed)
{
	struct ib_sge from = {
		.addr = (uintptr_t)p->a.mem, .length = 300,
		.lkey = p->a.pd->local_dma_lkey,
	};
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND, .sg_list = &from, .num_sge = 1,
	};

	kv_fill(p->a.mem, 300, seed);
	TRY(kv_do_on(qp, &wr, IB_WC_SUCCESS));
	wait_for_completion(&recv->done);
	NEED(recv->wc.status == IB_WC_SUCCESS && recv->wc.byte_len == 300);
	return kv_expect(p->b.mem, 300, seed);
}

/* Two queue pairs take receives of one queue, in the order that they were posted. */
static int srq_pairs(struct kv_pair *p, struct ib_qp *aqp, struct ib_qp *bqp)
{
	struct ib_sge to = {
		.addr = (uintptr_t)p->b.mem, .length = 300,
		.lkey = p->b.pd->local_dma_lkey,
	};
	struct ib_srq_attr limit = { .srq_limit = 3 };
	static struct kv_op ops[4];
	int i;

	TRY(kv_connect_qps(&p->a, aqp, &p->b, bqp));
	for (i = 0; i < 4; i++)
		TRY(kv_recv(&p->b, &to, &ops[i]));
	TRY(ib_modify_srq(p->b.srq, &limit, IB_SRQ_LIMIT));
	for (i = 0; i < 4; i++) {
		TRY(srq_send(p, i & 1 ? aqp : p->a.qp, &ops[i], i));
		NEED(ops[i].wc.qp == (i & 1 ? bqp : p->b.qp));
	}
	return 0;
}

static int srq_take(struct kv_pair *p)
{
	struct ib_qp *aqp, *bqp;
	struct ib_srq_attr attr;
	int err;

	TRY(kv_make_qp(&p->a, p->a.pd, &aqp));
	err = kv_make_qp(&p->b, p->b.pd, &bqp);
	if (!err) {
		err = srq_pairs(p, aqp, bqp);
		/* waits for the event that it takes no more */
		kv_destroy_qp(bqp);
	}
	kv_destroy_qp(aqp);
	TRY(err);
	/* two were left after the second: once, and disarmed */
	TRY(ib_query_srq(p->b.srq, &attr));
	NEED(!attr.srq_limit);
	wait_for_completion(&p->b.limit);
	NEED(!try_wait_for_completion(&p->b.limit));
	return 0;
}

static int srq_full(struct kv_pair *p)
{
	const struct ib_recv_wr *bad;
	static struct kv_op op;
	struct ib_recv_wr wr = { .wr_cqe = &op.cqe };
	struct ib_recv_wr more = { .next = &wr, .wr_cqe = &op.cqe };
	struct ib_srq_attr attr = { .max_wr = 2 * KV_DEPTH };
	int i;

	kv_op_init(&op);
	for (i = 0; i < KV_DEPTH - 1; i++)
		TRY(ib_post_srq_recv(p->b.srq, &wr, NULL));
	/* the first of two fits */
	NEED(ib_post_srq_recv(p->b.srq, &more, &bad) == -ENOMEM && bad == &wr);
	wr.num_sge = 100;
	NEED(ib_post_srq_recv(p->b.srq, &wr, &bad) == -EINVAL);
	NEED(ib_modify_srq(p->b.srq, &attr, IB_SRQ_MAX_WR) == -EOPNOTSUPP);
	/* its own queue is none that one could post to */
	wr.num_sge = 0;
	NEED(ib_post_recv(p->b.qp, &wr, &bad) == -EINVAL);
	return 0;
}

const struct kv_case kv_queue_cases[] = {
	{ "order", order },
	{ "irqs_off", irqs_off },
	{ "full", full },
	{ "srq", srq_take, true },
	{ "srq_full", srq_full, true },
	{}
};
