// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accesses: by registered memory on either side, by the region of all memory, while
 * registrations come and go.
 */
#include <linux/delay.h>
#include <linux/workqueue.h>

#include "kverbs.h"

/* Lists that begin and end anywhere, packets and pages never in step. */
static int data(struct kv_pair *p)
{
	static const struct {
		u32 first, length;
	} table[] = {
		{ 0, 1 },
		{ 4095, 1 },
		{ 4095, 2 },
		{ 17, 2 * PAGE_SIZE + 1 },
		{ 1, 16 * PAGE_SIZE - 1 },
		{ 2049, 13 * PAGE_SIZE + 7 },
	};
	struct ib_mr *mr;
	struct kv_sg l;
	int i;

	TRY(kv_mr(&p->b, p->b.pd, KV_PAGES, &mr));
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		u32 len = table[i].length;

		kv_log("from %u, %u bytes:\n", table[i].first, len);
		memset(p->b.mem, 0x5a, KV_BYTES);
		kv_sg_init(&l, p->b.mem, table[i].first, len);
		TRY(kv_map(mr, &l));
		TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
		kv_fill(p->a.mem, len, i);
		TRY(kv_write(p, 0, len, mr->iova, mr->rkey, IB_WC_SUCCESS));
		TRY(kv_sg_expect(&l, i, 0x5a));
		kv_sg_fill(&l, i + 100);
		memset(p->a.mem, 0, KV_BYTES);
		TRY(kv_read(p, 0, len, mr->iova, mr->rkey, IB_WC_SUCCESS));
		TRY(kv_expect(p->a.mem, len, i + 100));
		NEED(len == KV_BYTES || !p->a.mem[len]);
		TRY(kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS));
	}
	return 0;
}

static int send_recv(struct kv_pair *p, u32 alkey, u64 aaddr, u32 blkey,
		     u64 baddr, u32 len, enum ib_wc_status want)
{
	struct ib_sge from = { .addr = aaddr, .length = len, .lkey = alkey };
	struct ib_sge to = { .addr = baddr, .length = len, .lkey = blkey };
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND, .sg_list = &from, .num_sge = 1,
	};
	struct kv_op op;
	int err;

	TRY(kv_recv(&p->b, &to, &op));
	err = kv_do(&p->a, &wr, want);
	if (want != IB_WC_SUCCESS || err)
		ib_drain_qp(p->b.qp);
	wait_for_completion(&op.done);
	if (err)
		return err;
	if (want != IB_WC_SUCCESS)
		return kv_reconnect(p);
	NEED(op.wc.status == IB_WC_SUCCESS && op.wc.byte_len == len);
	return 0;
}

/* Registered memory as one's own: sent from, received into, read into. */
static int local(struct kv_pair *p)
{
	struct kv_sg from, to;
	struct ib_mr *amr, *bmr;

	kv_sg_init(&from, p->a.mem, 77, 4 * PAGE_SIZE + 3);
	kv_sg_init(&to, p->b.mem, 4000, 4 * PAGE_SIZE + 3);
	TRY(kv_registered(&p->a, &from, 0, &amr));
	TRY(kv_registered(&p->b, &to, IB_ACCESS_LOCAL_WRITE, &bmr));
	kv_sg_fill(&from, 1);
	TRY(send_recv(p, amr->lkey, amr->iova, bmr->lkey, bmr->iova, from.length,
		      IB_WC_SUCCESS));
	TRY(kv_sg_expect(&to, 1, 0));

	/* to read into it takes the right to write */
	TRY(kv_inv(&p->b, bmr->rkey, IB_WC_SUCCESS));
	TRY(kv_reg(&p->b, bmr, kv_next_key(bmr), KV_RIGHTS, IB_WC_SUCCESS));
	TRY(kv_rdma(&p->a, IB_WR_RDMA_READ, amr->lkey, amr->iova, 100, bmr->iova,
		    bmr->rkey, IB_WC_LOC_PROT_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_inv(&p->a, amr->rkey, IB_WC_SUCCESS));
	TRY(kv_rdma(&p->a, IB_WR_RDMA_WRITE, amr->lkey, amr->iova, 100, bmr->iova,
		    bmr->rkey, IB_WC_LOC_PROT_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_reg(&p->a, amr, kv_next_key(amr), IB_ACCESS_LOCAL_WRITE,
		   IB_WC_SUCCESS));
	kv_sg_fill(&to, 2);
	TRY(kv_rdma(&p->a, IB_WR_RDMA_READ, amr->lkey, amr->iova, from.length,
		    bmr->iova, bmr->rkey, IB_WC_SUCCESS));
	return kv_sg_expect(&from, 2, 0);
}

/* The region of all memory: each domain's own, local only, and for memory. */
static int dma_mr(struct kv_pair *p)
{
	u32 alkey = p->a.pd->local_dma_lkey, blkey = p->b.pd->local_dma_lkey;
	uintptr_t aaddr = (uintptr_t)p->a.mem, baddr = (uintptr_t)p->b.mem;

	kv_fill(p->a.mem, 5000, 3);
	memset(p->b.mem, 0, KV_BYTES);
	TRY(send_recv(p, alkey, aaddr, blkey, baddr + 11, 5000, IB_WC_SUCCESS));
	TRY(kv_expect(p->b.mem + 11, 5000, 3));
	NEED(!p->b.mem[10] && !p->b.mem[5011]);
	TRY(kv_write(p, 0, 8, baddr, blkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(send_recv(p, p->a.other_pd->local_dma_lkey, aaddr, blkey, baddr, 8,
		      IB_WC_LOC_PROT_ERR));
	/* the beginning and the end of all addresses are no memory */
	TRY(send_recv(p, alkey, 4096, blkey, baddr, 8, IB_WC_LOC_PROT_ERR));
	return send_recv(p, alkey, U64_MAX - 7, blkey, baddr, 8,
			 IB_WC_LOC_PROT_ERR);
}

static int atomics(struct kv_pair *p)
{
	u64 *mine = (u64 *)p->a.mem, *there;
	struct ib_sge sge = {
		.addr = (uintptr_t)mine, .length = 8,
		.lkey = p->a.pd->local_dma_lkey,
	};
	struct ib_atomic_wr wr = {
		.wr = { .opcode = IB_WR_ATOMIC_FETCH_AND_ADD, .sg_list = &sge,
			.num_sge = 1 },
		.compare_add = 5,
	};
	struct ib_mr *mr;
	struct kv_sg l;

	kv_sg_init(&l, p->b.mem, 8, PAGE_SIZE);
	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mr));
	there = sg_virt(&l.sg[1]);
	*there = 1000;
	wr.remote_addr = mr->iova + PAGE_SIZE - 8;
	wr.rkey = mr->rkey;
	TRY(kv_do(&p->a, &wr.wr, IB_WC_SUCCESS));
	NEED(*mine == 1000 && *there == 1005);
	TRY(kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS));
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS & ~IB_ACCESS_REMOTE_ATOMIC,
		   IB_WC_SUCCESS));
	wr.rkey = mr->rkey;
	TRY(kv_do(&p->a, &wr.wr, IB_WC_REM_ACCESS_ERR));
	NEED(*there == 1005);
	return 0;
}

/* SEND_WITH_INV of A: @recv is the status of B's receive. */
static int send_inv(struct kv_pair *p, u32 key, enum ib_wc_status want,
		    enum ib_wc_status recv)
{
	struct ib_send_wr wr = {
		.opcode = IB_WR_SEND_WITH_INV, .ex.invalidate_rkey = key,
	};
	struct kv_op op;
	int err;

	TRY(kv_recv(&p->b, NULL, &op));
	err = kv_do(&p->a, &wr, want);
	if (err)
		ib_drain_qp(p->b.qp);
	wait_for_completion(&op.done);
	if (err)
		return err;
	NEED(op.wc.status == recv);
	if (recv != IB_WC_SUCCESS)
		return kv_reconnect(p);
	NEED(op.wc.wc_flags & IB_WC_WITH_INVALIDATE);
	NEED(op.wc.ex.invalidate_rkey == key);
	return 0;
}

static int remote_inv(struct kv_pair *p)
{
	struct ib_mr *mr;
	struct kv_sg l;
	int i;

	kv_sg_init(&l, p->b.mem, 9, 2 * PAGE_SIZE);
	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mr));
	for (i = 0; i < 20; i++) {
		kv_fill(p->a.mem, l.length, i);
		TRY(kv_write(p, 0, l.length, mr->iova, mr->rkey, IB_WC_SUCCESS));
		TRY(send_inv(p, mr->rkey, IB_WC_SUCCESS, IB_WC_SUCCESS));
		TRY(kv_sg_expect(&l, i, 0));
		TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	}
	TRY(send_inv(p, mr->rkey, IB_WC_SUCCESS, IB_WC_SUCCESS));
	TRY(kv_write(p, 0, 10, mr->iova, mr->rkey, IB_WC_REM_ACCESS_ERR));
	return kv_reconnect(p);
}

/* What the peer may not invalidate. */
static int remote_inv_refused(struct kv_pair *p)
{
	const enum ib_wc_status refused = IB_WC_REM_ACCESS_ERR;
	const enum ib_wc_status spoilt = IB_WC_REM_INV_REQ_ERR;
	struct ib_mr *mr, *other;
	struct kv_sg l;

	kv_sg_init(&l, p->b.mem, 0, 100);
	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mr));
	TRY(send_inv(p, ib_inc_rkey(mr->rkey), refused, spoilt));
	TRY(send_inv(p, 0x12345678, refused, spoilt));
	TRY(send_inv(p, p->b.pd->local_dma_lkey, refused, spoilt));
	TRY(kv_mr(&p->b, p->b.other_pd, 1, &other));
	TRY(send_inv(p, other->rkey, refused, spoilt));
	/* all of that has left it alone */
	TRY(kv_write(p, 0, 100, mr->iova, mr->rkey, IB_WC_SUCCESS));

	/* free already */
	TRY(kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS));
	TRY(send_inv(p, mr->rkey, refused, spoilt));
	/* no business of the peer's: he could not access it */
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), IB_ACCESS_LOCAL_WRITE,
		   IB_WC_SUCCESS));
	TRY(send_inv(p, mr->rkey, refused, spoilt));
	return send_recv(p, p->a.pd->local_dma_lkey, (uintptr_t)p->a.mem,
			 mr->lkey, mr->iova, 100, IB_WC_SUCCESS);
}

/* The next list is written down while the region is in use. */
static int remap(struct kv_pair *p)
{
	struct kv_sg l, next;
	struct ib_mr *mr;
	u64 iova;

	kv_sg_init(&l, p->b.mem, 0, 8 * PAGE_SIZE);
	kv_sg_init(&next, p->b.mem, 5, 50);
	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mr));
	iova = mr->iova;
	TRY(kv_map(mr, &next));
	kv_fill(p->a.mem, l.length, 21);
	TRY(kv_write(p, 0, l.length, iova, mr->rkey, IB_WC_SUCCESS));
	TRY(kv_sg_expect(&l, 21, 0));
	TRY(kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS));
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	TRY(kv_write(p, 0, 50, mr->iova, mr->rkey, IB_WC_SUCCESS));
	TRY(kv_write(p, 0, 51, mr->iova, mr->rkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	/* deregistered, valid as it is */
	p->b.nr_mrs--;
	iova = mr->iova;
	swap(mr->rkey, next.length);
	TRY(ib_dereg_mr(mr));
	return kv_write(p, 0, 10, iova, next.length, IB_WC_REM_ACCESS_ERR);
}

/**
 * struct kv_writer - A's write to all of a region, by another CPU
 * @work: posts it
 * @p: the pair
 * @addr: the region; @rkey: its key
 * @op: its completion
 * @err: of posting it
 */
struct kv_writer {
	struct work_struct work;
	struct kv_pair *p;
	u64 addr;
	u32 rkey;
	struct kv_op op;
	int err;
};

static void writer_work(struct work_struct *work)
{
	struct kv_writer *w = container_of(work, struct kv_writer, work);
	struct ib_sge sge = {
		.addr = (uintptr_t)w->p->a.mem, .length = KV_BYTES,
		.lkey = w->p->a.pd->local_dma_lkey,
	};
	struct ib_rdma_wr wr = {
		.wr = { .opcode = IB_WR_RDMA_WRITE, .sg_list = &sge,
			.num_sge = 1 },
		.remote_addr = w->addr,
		.rkey = w->rkey,
	};

	w->err = kv_post(w->p->a.qp, &wr.wr, &w->op);
}

/*
 * Invalidate @mr while it is written to, @us microseconds after the write began: when
 * the work request has completed, that is over for good.
 */
static int invalidate_under_way(struct kv_pair *p, struct ib_mr *mr, int us,
				int *refused)
{
	struct kv_writer w = { .p = p, .addr = mr->iova, .rkey = mr->rkey };
	int other, err;

	INIT_WORK_ONSTACK(&w.work, writer_work);
	migrate_disable();
	other = cpumask_any_but(cpu_online_mask, smp_processor_id());
	if (other >= nr_cpu_ids)
		other = smp_processor_id();
	queue_work_on(other, system_highpri_wq, &w.work);
	udelay(us);
	err = kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS);
	migrate_enable();
	/* what comes from here on is somebody else's */
	memset(p->b.mem, 0xee, KV_BYTES);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	if (!w.err)
		wait_for_completion(&w.op.done);
	if (err || w.err)
		return err ?: w.err;
	NEED(!memchr_inv(p->b.mem, 0xee, KV_BYTES));
	if (w.op.wc.status == IB_WC_SUCCESS)
		return 0;
	NEED(w.op.wc.status == IB_WC_REM_ACCESS_ERR);
	++*refused;
	return kv_reconnect(p);
}

static int churn(struct kv_pair *p)
{
	struct ib_mr *mr;
	struct kv_sg l;
	int i, refused = 0;

	kv_sg_init(&l, p->b.mem, 0, KV_BYTES);
	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mr));
	kv_fill(p->a.mem, KV_BYTES, 1);
	for (i = 0; i < 300; i++) {
		TRY(invalidate_under_way(p, mr, i % 100 * 4, &refused));
		/* more than 256 of them: every key comes twice */
		TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	}
	kv_log("%d of %d writes were cut off\n", refused, i);
	return 0;
}

const struct kv_case kv_access_cases[] = {
	{ "data", data },
	{ "local", local },
	{ "dma_mr", dma_mr },
	{ "atomics", atomics },
	{ "remote_inv", remote_inv },
	{ "remote_inv_refused", remote_inv_refused },
	{ "remap", remap },
	{ "churn", churn },
	{}
};
