// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two sides, connected; work requests one at a time; memory.
 *
 * A completes in a work queue, B in softirq.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <rdma/ib_cache.h>

#include "kverbs.h"

#define KV_PSN		0xfffff0	/* wraps soon */
#define KV_MOST_WAIT	(120 * HZ)	/* then something hangs */

/* The address of RoCEv2 over IPv4. */
static const struct ib_gid_attr *kv_gid(struct ib_device *dev)
{
	const struct ib_gid_attr *attr;
	int i;

	for (i = 0; i < dev->port_data[1].immutable.gid_tbl_len; i++) {
		attr = rdma_get_gid_attr(dev, 1, i);
		if (IS_ERR(attr))
			continue;
		if (attr->gid_type == IB_GID_TYPE_ROCE_UDP_ENCAP &&
		    ipv6_addr_v4mapped((struct in6_addr *)&attr->gid))
			return attr;
		rdma_put_gid_attr(attr);
	}
	return ERR_PTR(-ENODATA);
}

static void kv_srq_event(struct ib_event *event, void *context)
{
	struct kv_side *s = context;

	if (event->event == IB_EVENT_SRQ_LIMIT_REACHED)
		complete(&s->limit);
}

static int kv_make_srq(struct kv_side *s)
{
	struct ib_srq_init_attr attr = {
		.event_handler = kv_srq_event,
		.srq_context = s,
		.attr = { .max_wr = KV_DEPTH, .max_sge = 1 },
		.srq_type = IB_SRQT_BASIC,
	};

	s->srq = ib_create_srq(s->pd, &attr);
	return PTR_ERR_OR_ZERO(s->srq);
}

int kv_make_qp(struct kv_side *s, struct ib_pd *pd, struct ib_qp **qp)
{
	struct ib_qp_init_attr init = {
		.send_cq = s->cq,
		.recv_cq = s->cq,
		.srq = s->srq,
		.cap = {
			.max_send_wr = KV_DEPTH,
			.max_recv_wr = s->srq ? 0 : KV_DEPTH,
			.max_send_sge = 2,
			.max_recv_sge = 2,
		},
		.sq_sig_type = IB_SIGNAL_REQ_WR,
		.qp_type = IB_QPT_RC,
	};

	*qp = ib_create_qp(pd, &init);
	return PTR_ERR_OR_ZERO(*qp);
}

static int kv_side_open(struct kv_side *s, struct ib_device *dev,
			enum ib_poll_context poll, bool srq)
{
	int err;

	init_completion(&s->limit);
	s->dev = dev;
	s->gid = kv_gid(dev);
	if (IS_ERR(s->gid))
		return PTR_ERR(s->gid);
	s->pd = ib_alloc_pd(dev, 0);
	if (IS_ERR(s->pd))
		return PTR_ERR(s->pd);
	s->other_pd = ib_alloc_pd(dev, 0);
	if (IS_ERR(s->other_pd))
		return PTR_ERR(s->other_pd);
	s->cq = ib_alloc_cq(dev, s, 4 * KV_DEPTH, 0, poll);
	if (IS_ERR(s->cq))
		return PTR_ERR(s->cq);
	s->mem = (u8 *)__get_free_pages(GFP_KERNEL | __GFP_ZERO,
					get_order(KV_BYTES));
	if (!s->mem)
		return -ENOMEM;
	err = srq ? kv_make_srq(s) : 0;
	return err ?: kv_make_qp(s, s->pd, &s->qp);
}

void kv_destroy_qp(struct ib_qp *qp)
{
	struct ib_qp_init_attr init;
	struct ib_qp_attr attr;

	/* a queue pair in RESET has nothing to drain, and does not let itself */
	if (!ib_query_qp(qp, &attr, IB_QP_STATE, &init) &&
	    attr.qp_state != IB_QPS_RESET)
		ib_drain_qp(qp);
	ib_destroy_qp(qp);
}

static void kv_side_close(struct kv_side *s)
{
	if (!IS_ERR_OR_NULL(s->qp))
		kv_destroy_qp(s->qp);
	if (!IS_ERR_OR_NULL(s->srq))
		ib_destroy_srq(s->srq);
	while (s->nr_mrs)
		ib_dereg_mr(s->mrs[--s->nr_mrs]);
	if (!IS_ERR_OR_NULL(s->cq))
		ib_free_cq(s->cq);
	if (!IS_ERR_OR_NULL(s->other_pd))
		ib_dealloc_pd(s->other_pd);
	if (!IS_ERR_OR_NULL(s->pd))
		ib_dealloc_pd(s->pd);
	if (!IS_ERR_OR_NULL(s->gid))
		rdma_put_gid_attr(s->gid);
	if (s->mem)
		free_pages((unsigned long)s->mem, get_order(KV_BYTES));
}

static int kv_to_init(struct ib_qp *qp)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = KV_RIGHTS,
	};

	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_PKEY_INDEX |
			    IB_QP_PORT | IB_QP_ACCESS_FLAGS);
}

static int kv_to_rtr(struct kv_side *s, struct ib_qp *qp,
		     const struct ib_gid_attr *to, u32 qpn)
{
	union ib_gid dgid = to->gid;
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTR,
		.path_mtu = IB_MTU_1024,
		.dest_qp_num = qpn,
		.rq_psn = KV_PSN,
		.max_dest_rd_atomic = 4,
		.min_rnr_timer = 1,
	};
	int err;

	attr.ah_attr.type = RDMA_AH_ATTR_TYPE_ROCE;
	rdma_ah_set_port_num(&attr.ah_attr, 1);
	rdma_hold_gid_attr(s->gid);
	rdma_move_grh_sgid_attr(&attr.ah_attr, &dgid, 0, 64, 0, s->gid);
	err = ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_AV | IB_QP_PATH_MTU |
			   IB_QP_DEST_QPN | IB_QP_RQ_PSN |
			   IB_QP_MAX_DEST_RD_ATOMIC | IB_QP_MIN_RNR_TIMER);
	rdma_destroy_ah_attr(&attr.ah_attr);
	return err;
}

static int kv_to_rts(struct ib_qp *qp)
{
	struct ib_qp_attr attr = {
		.qp_state = IB_QPS_RTS,
		.sq_psn = KV_PSN,
		.timeout = 14,
		.retry_cnt = 7,
		.rnr_retry = 7,
		.max_rd_atomic = 4,
	};

	return ib_modify_qp(qp, &attr, IB_QP_STATE | IB_QP_SQ_PSN |
			    IB_QP_TIMEOUT | IB_QP_RETRY_CNT |
			    IB_QP_RNR_RETRY | IB_QP_MAX_QP_RD_ATOMIC);
}

int kv_connect_qps(struct kv_side *a, struct ib_qp *aqp, struct kv_side *b,
		   struct ib_qp *bqp)
{
	TRY(kv_to_init(aqp));
	TRY(kv_to_init(bqp));
	TRY(kv_to_rtr(a, aqp, b->gid, bqp->qp_num));
	TRY(kv_to_rtr(b, bqp, a->gid, aqp->qp_num));
	TRY(kv_to_rts(aqp));
	TRY(kv_to_rts(bqp));
	return 0;
}

int kv_reconnect(struct kv_pair *p)
{
	struct ib_qp_attr attr = { .qp_state = IB_QPS_RESET };

	ib_drain_qp(p->a.qp);
	ib_drain_qp(p->b.qp);
	TRY(ib_modify_qp(p->a.qp, &attr, IB_QP_STATE));
	TRY(ib_modify_qp(p->b.qp, &attr, IB_QP_STATE));
	return kv_connect_qps(&p->a, p->a.qp, &p->b, p->b.qp);
}

int kv_pair_open(struct kv_pair *p, struct ib_device *a, struct ib_device *b,
		 bool srq)
{
	int err;

	err = kv_side_open(&p->a, a, IB_POLL_WORKQUEUE, false);
	if (!err)
		err = kv_side_open(&p->b, b, IB_POLL_SOFTIRQ, srq);
	return err ?: kv_connect_qps(&p->a, p->a.qp, &p->b, p->b.qp);
}

void kv_pair_close(struct kv_pair *p)
{
	kv_side_close(&p->a);
	kv_side_close(&p->b);
}

static void kv_op_done(struct ib_cq *cq, struct ib_wc *wc)
{
	struct kv_op *op = container_of(wc->wr_cqe, struct kv_op, cqe);

	op->wc = *wc;
	complete(&op->done);
}

void kv_op_init(struct kv_op *op)
{
	op->cqe.done = kv_op_done;
	init_completion(&op->done);
}

int kv_post(struct ib_qp *qp, struct ib_send_wr *wr, struct kv_op *op)
{
	kv_op_init(op);
	wr->wr_cqe = &op->cqe;
	wr->send_flags |= IB_SEND_SIGNALED;
	return ib_post_send(qp, wr, NULL);
}

int kv_wait(struct ib_qp *qp, struct kv_op *op, enum ib_wc_status want)
{
	if (!wait_for_completion_timeout(&op->done, KV_MOST_WAIT)) {
		/* it is on the stack of somebody: not before it has come */
		ib_drain_qp(qp);
		wait_for_completion(&op->done);
		kv_log("no completion of itself\n");
		return -EBADMSG;
	}
	if (op->wc.status == want)
		return 0;
	kv_log("status: %s, not %s\n", ib_wc_status_msg(op->wc.status),
	       ib_wc_status_msg(want));
	return -EBADMSG;
}

int kv_do_on(struct ib_qp *qp, struct ib_send_wr *wr, enum ib_wc_status want)
{
	struct kv_op op;

	TRY(kv_post(qp, wr, &op));
	return kv_wait(qp, &op, want);
}

int kv_do(struct kv_side *s, struct ib_send_wr *wr, enum ib_wc_status want)
{
	return kv_do_on(s->qp, wr, want);
}

int kv_recv(struct kv_side *s, struct ib_sge *sge, struct kv_op *op)
{
	struct ib_recv_wr wr = {
		.wr_cqe = &op->cqe, .sg_list = sge, .num_sge = sge ? 1 : 0,
	};

	kv_op_init(op);
	return s->srq ? ib_post_srq_recv(s->srq, &wr, NULL) :
			ib_post_recv(s->qp, &wr, NULL);
}

int kv_reg(struct kv_side *s, struct ib_mr *mr, u32 key, int access,
	   enum ib_wc_status want)
{
	struct ib_reg_wr wr = {
		.wr.opcode = IB_WR_REG_MR,
		.mr = mr,
		.key = key,
		.access = access,
	};
	struct kv_op op;

	TRY(kv_post(s->qp, &wr.wr, &op));
	TRY(kv_wait(s->qp, &op, want));
	NEED(want != IB_WC_SUCCESS || op.wc.opcode == IB_WC_REG_MR);
	return 0;
}

int kv_inv(struct kv_side *s, u32 key, enum ib_wc_status want)
{
	struct ib_send_wr wr = {
		.opcode = IB_WR_LOCAL_INV, .ex.invalidate_rkey = key,
	};
	struct kv_op op;

	TRY(kv_post(s->qp, &wr, &op));
	TRY(kv_wait(s->qp, &op, want));
	NEED(want != IB_WC_SUCCESS || op.wc.opcode == IB_WC_LOCAL_INV);
	return 0;
}

int kv_rdma(struct kv_side *s, enum ib_wr_opcode opcode, u32 lkey, u64 addr,
	    u32 len, u64 raddr, u32 rkey, enum ib_wc_status want)
{
	struct ib_sge sge = { .addr = addr, .length = len, .lkey = lkey };
	struct ib_rdma_wr wr = {
		.wr = { .opcode = opcode, .sg_list = &sge, .num_sge = 1 },
		.remote_addr = raddr,
		.rkey = rkey,
	};

	return kv_do(s, &wr.wr, want);
}

int kv_write(struct kv_pair *p, u32 off, u32 len, u64 raddr, u32 rkey,
	     enum ib_wc_status want)
{
	return kv_rdma(&p->a, IB_WR_RDMA_WRITE, p->a.pd->local_dma_lkey,
		       (uintptr_t)p->a.mem + off, len, raddr, rkey, want);
}

int kv_read(struct kv_pair *p, u32 off, u32 len, u64 raddr, u32 rkey,
	    enum ib_wc_status want)
{
	return kv_rdma(&p->a, IB_WR_RDMA_READ, p->a.pd->local_dma_lkey,
		       (uintptr_t)p->a.mem + off, len, raddr, rkey, want);
}

void kv_fill(u8 *mem, u32 len, u8 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		mem[i] = kv_byte(i, seed);
}

int kv_expect(const u8 *mem, u32 len, u8 seed)
{
	u32 i;

	for (i = 0; i < len; i++)
		if (mem[i] != kv_byte(i, seed)) {
			kv_log("byte %u of %u is %#x, not %#x\n", i, len,
			       mem[i], kv_byte(i, seed));
			return -EBADMSG;
		}
	return 0;
}

/* Every page elsewhere than behind the one before. */
static u8 *kv_sg_page(const struct kv_sg *l, int i)
{
	return l->mem + (size_t)(i * 5 + 3) % KV_PAGES * PAGE_SIZE;
}

void kv_sg_init(struct kv_sg *l, u8 *mem, u32 first, u32 length)
{
	u32 left = length;
	int i;

	l->nr = DIV_ROUND_UP(first + length, PAGE_SIZE);
	l->mem = mem;
	l->first = first;
	l->length = length;
	sg_init_table(l->sg, l->nr);
	for (i = 0; i < l->nr; i++) {
		u32 off = i ? 0 : first;
		u32 n = min_t(u32, left, PAGE_SIZE - off);

		sg_set_buf(&l->sg[i], kv_sg_page(l, i) + off, n);
		left -= n;
	}
}

/* The byte of the list that is at @off of page @page, or -1. */
static s64 kv_sg_index(const struct kv_sg *l, int page, u32 off)
{
	s64 i = (s64)page * PAGE_SIZE + off - l->first;

	return i < l->length ? i : -1;
}

int kv_sg_expect(const struct kv_sg *l, u8 seed, u8 rest)
{
	int page;
	u32 off;

	for (page = 0; page < l->nr; page++)
		for (off = 0; off < PAGE_SIZE; off++) {
			s64 i = kv_sg_index(l, page, off);
			u8 want = i < 0 ? rest : kv_byte(i, seed);
			u8 is = kv_sg_page(l, page)[off];

			if (is == want)
				continue;
			kv_log("byte %u of page %d is %#x, not %#x\n", off,
			       page, is, want);
			return -EBADMSG;
		}
	return 0;
}

void kv_sg_fill(const struct kv_sg *l, u8 seed)
{
	int page;
	u32 off;

	for (page = 0; page < l->nr; page++)
		for (off = 0; off < PAGE_SIZE; off++) {
			s64 i = kv_sg_index(l, page, off);

			if (i >= 0)
				kv_sg_page(l, page)[off] = kv_byte(i, seed);
		}
}

int kv_mr(struct kv_side *s, struct ib_pd *pd, u32 pages, struct ib_mr **mr)
{
	*mr = ib_alloc_mr(pd, IB_MR_TYPE_MEM_REG, pages);
	if (IS_ERR(*mr))
		return PTR_ERR(*mr);
	if (s->nr_mrs == KV_MAX_MRS) {
		ib_dereg_mr(*mr);
		return -ENOSPC;
	}
	s->mrs[s->nr_mrs++] = *mr;
	return 0;
}

int kv_map(struct ib_mr *mr, struct kv_sg *l)
{
	int n = ib_dma_map_sg(mr->device, l->sg, l->nr, DMA_BIDIRECTIONAL);

	NEED(n == l->nr);
	n = ib_map_mr_sg(mr, l->sg, l->nr, NULL, PAGE_SIZE);
	if (n < 0)
		return n;
	NEED(n == l->nr);
	NEED(mr->length == l->length);
	return 0;
}

int kv_registered(struct kv_side *s, struct kv_sg *l, int access,
		  struct ib_mr **mr)
{
	TRY(kv_mr(s, s->pd, l->nr, mr));
	TRY(kv_map(*mr, l));
	return kv_reg(s, *mr, kv_next_key(*mr), access, IB_WC_SUCCESS);
}
