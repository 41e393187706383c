// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registration: what ib_map_mr_sg() takes, which work requests are refused, and that
 * a refused one changes nothing.
 */
#include <linux/sizes.h>

#include "kverbs.h"

/* The user's region is @mr, valid: does it still work, by @key? */
static int still_works(struct kv_pair *p, struct kv_sg *l, struct ib_mr *mr,
		       u32 key, u8 seed)
{
	kv_fill(p->a.mem, l->length, seed);
	TRY(kv_write(p, 0, l->length, mr->iova, key, IB_WC_SUCCESS));
	return kv_sg_expect(l, seed, 0);
}

/* A registration that must be refused; the queue pairs are good again after it. */
static int refused(struct kv_pair *p, struct kv_side *s, struct ib_mr *mr,
		   u32 key, int access)
{
	TRY(kv_reg(s, mr, key, access, IB_WC_MW_BIND_ERR));
	return kv_reconnect(p);
}

/* FREE, VALID, FREE: and everything that is not for the state. */
static int states(struct kv_pair *p)
{
	struct ib_mr *mr;
	struct kv_sg l;
	u32 key;

	kv_sg_init(&l, p->b.mem, 100, 3 * PAGE_SIZE);
	TRY(kv_mr(&p->b, p->b.pd, 4, &mr));
	/* never mapped */
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	TRY(kv_map(mr, &l));
	/* mapped, not registered */
	TRY(kv_write(p, 0, 10, mr->iova, mr->rkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	key = mr->rkey;
	TRY(still_works(p, &l, mr, key, 1));

	/* twice: the first one stays */
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	TRY(still_works(p, &l, mr, key, 2));
	TRY(kv_write(p, 0, 10, mr->iova, mr->rkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));

	TRY(kv_inv(&p->b, key, IB_WC_SUCCESS));
	TRY(kv_write(p, 0, 10, mr->iova, key, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_read(p, 0, 10, mr->iova, key, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	/* it may be that the peer was first */
	TRY(kv_inv(&p->b, key, IB_WC_SUCCESS));

	/* the same pages by another key */
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	TRY(still_works(p, &l, mr, mr->rkey, 3));
	TRY(kv_write(p, 0, 10, mr->iova, key, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	/* a queue pair's end is not that of its registrations */
	return still_works(p, &l, mr, mr->rkey, 4);
}

static int keys(struct kv_pair *p)
{
	struct ib_mr *mr, *other;
	struct kv_sg l;
	u32 key;

	kv_sg_init(&l, p->b.mem, 0, PAGE_SIZE + 1);
	TRY(kv_mr(&p->b, p->b.pd, 2, &other));
	TRY(kv_mr(&p->b, p->b.pd, 2, &mr));
	TRY(kv_map(other, &l));
	TRY(kv_map(mr, &l));
	/* the index is not the user's to choose: another region's, and nobody's */
	TRY(refused(p, &p->b, mr, other->rkey, KV_RIGHTS));
	TRY(refused(p, &p->b, mr, mr->rkey ^ 0x40000000, KV_RIGHTS));
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	key = mr->rkey;
	TRY(still_works(p, &l, mr, key, 5));
	TRY(kv_write(p, 0, 10, mr->iova, ib_inc_rkey(key), IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_inv(&p->b, ib_inc_rkey(key), IB_WC_LOC_QP_OP_ERR));
	TRY(kv_reconnect(p));
	/* no key at all, and that of the region of all memory */
	TRY(kv_inv(&p->b, 0, IB_WC_LOC_QP_OP_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_inv(&p->b, p->b.pd->local_dma_lkey, IB_WC_LOC_QP_OP_ERR));
	TRY(kv_reconnect(p));
	TRY(still_works(p, &l, mr, key, 6));
	/* the key that it has already is as good as any */
	TRY(kv_inv(&p->b, key, IB_WC_SUCCESS));
	TRY(kv_reg(&p->b, mr, key, KV_RIGHTS, IB_WC_SUCCESS));
	return still_works(p, &l, mr, key, 7);
}

static int domains(struct kv_pair *p)
{
	struct ib_mr *mr, *mine;
	struct ib_qp *aqp, *bqp, *keep;
	struct kv_sg l;
	int err;

	kv_sg_init(&l, p->b.mem, 8, PAGE_SIZE);
	TRY(kv_mr(&p->b, p->b.other_pd, 2, &mr));
	TRY(kv_map(mr, &l));
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));

	TRY(kv_registered(&p->b, &l, KV_RIGHTS, &mine));
	/* a queue pair of the other domain has nothing to say about it */
	keep = p->b.qp;
	TRY(kv_make_qp(&p->a, p->a.pd, &aqp));
	err = kv_make_qp(&p->b, p->b.other_pd, &bqp);
	if (err)
		goto destroy;
	err = kv_connect_qps(&p->a, aqp, &p->b, bqp);
	if (err)
		goto out;
	p->b.qp = bqp;
	err = kv_inv(&p->b, mine->rkey, IB_WC_LOC_QP_OP_ERR);
	p->b.qp = keep;
out:
	kv_destroy_qp(bqp);
destroy:
	kv_destroy_qp(aqp);
	return err ?: still_works(p, &l, mine, mine->rkey, 9);
}

/* What one may do is what the registration says, each time anew. */
static int access_rights(struct kv_pair *p)
{
	static const struct {
		int access;
		bool read, write, bad;
	} table[] = {
		{ IB_ACCESS_REMOTE_READ, true, false, false },
		{ IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE, false, true, false },
		{ IB_ACCESS_LOCAL_WRITE, false, false, false },
		{ 0, false, false, false },
		{ KV_RIGHTS | IB_ACCESS_RELAXED_ORDERING, true, true, false },
		{ IB_ACCESS_REMOTE_WRITE, false, false, true },
		{ IB_ACCESS_REMOTE_ATOMIC, false, false, true },
		{ KV_RIGHTS | IB_ACCESS_MW_BIND, false, false, true },
		{ KV_RIGHTS | IB_ZERO_BASED, false, false, true },
	};
	struct ib_mr *mr;
	struct kv_sg l;
	int i;

	kv_sg_init(&l, p->b.mem, 0, 2 * PAGE_SIZE);
	TRY(kv_mr(&p->b, p->b.pd, 2, &mr));
	TRY(kv_map(mr, &l));
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		kv_log("rights %#x:\n", table[i].access);
		if (table[i].bad) {
			TRY(refused(p, &p->b, mr, kv_next_key(mr),
				    table[i].access));
			continue;
		}
		TRY(kv_reg(&p->b, mr, kv_next_key(mr), table[i].access,
			   IB_WC_SUCCESS));
		TRY(kv_write(p, 0, 99, mr->iova, mr->rkey, table[i].write ?
			     IB_WC_SUCCESS : IB_WC_REM_ACCESS_ERR));
		if (!table[i].write)
			TRY(kv_reconnect(p));
		TRY(kv_read(p, 0, 99, mr->iova, mr->rkey, table[i].read ?
			    IB_WC_SUCCESS : IB_WC_REM_ACCESS_ERR));
		if (!table[i].read)
			TRY(kv_reconnect(p));
		TRY(kv_inv(&p->b, mr->rkey, IB_WC_SUCCESS));
	}
	return 0;
}

/* What a list has to be like: one range, but for its pages. */
static int lists(struct kv_pair *p)
{
	unsigned int off = 0;
	struct ib_mr *mr;
	struct kv_sg l;

	NEED(PTR_ERR(ib_alloc_mr(p->b.pd, IB_MR_TYPE_MEM_REG, 0)) == -EINVAL);
	NEED(PTR_ERR(ib_alloc_mr(p->b.pd, IB_MR_TYPE_MEM_REG,
				 p->b.dev->attrs.max_fast_reg_page_list_len + 1)) ==
	     -EINVAL);
	NEED(PTR_ERR(ib_alloc_mr(p->b.pd, IB_MR_TYPE_SG_GAPS, 4)) == -EOPNOTSUPP);
	TRY(kv_mr(&p->b, p->b.pd, p->b.dev->attrs.max_fast_reg_page_list_len, &mr));
	TRY(kv_mr(&p->b, p->b.pd, 4, &mr));

	kv_sg_init(&l, p->b.mem, 10, 5 * PAGE_SIZE);
	ib_dma_map_sg(p->b.dev, l.sg, l.nr, DMA_BIDIRECTIONAL);
	/* too long: four pages of it */
	NEED(ib_map_mr_sg(mr, l.sg, 6, NULL, PAGE_SIZE) == 4);
	NEED(mr->length == 4 * PAGE_SIZE - 10);
	/* later in the first entry; what is at the start of one is none */
	off = 20;
	NEED(ib_map_mr_sg(mr, l.sg, 4, &off, PAGE_SIZE) == 4 && !off);
	NEED(mr->length == 4 * PAGE_SIZE - 30);
	NEED(mr->iova == sg_dma_address(l.sg) + 20);
	/* a gap ends it: the second one begins inside of its page */
	sg_dma_address(&l.sg[1]) += 8;
	sg_dma_len(&l.sg[1]) -= 8;
	NEED(ib_map_mr_sg(mr, l.sg, 6, NULL, PAGE_SIZE) == 1);
	NEED(mr->length == PAGE_SIZE - 10);

	/* pages that are neighbours count, too; the core leaves the last one out */
	kv_sg_init(&l, p->b.mem, 0, PAGE_SIZE);
	sg_set_buf(l.sg, p->b.mem + 1, 5 * PAGE_SIZE);
	ib_dma_map_sg(p->b.dev, l.sg, 1, DMA_BIDIRECTIONAL);
	NEED(ib_map_mr_sg(mr, l.sg, 1, &off, PAGE_SIZE) == 0);
	NEED(off == 3 * PAGE_SIZE - 1 && mr->length == off);
	off = 0;

	NEED(ib_map_mr_sg(mr, l.sg, 0, NULL, PAGE_SIZE) == -EINVAL);
	NEED(ib_map_mr_sg(mr, l.sg, 1, NULL, 0) == -EINVAL);
	NEED(ib_map_mr_sg(mr, l.sg, 1, NULL, SZ_2K) == -EINVAL);
	NEED(ib_map_mr_sg(mr, l.sg, 1, NULL, 3 * SZ_4K) == -EINVAL);
	NEED(ib_map_mr_sg(p->b.pd->__internal_mr, l.sg, 1, NULL, PAGE_SIZE) ==
	     -EINVAL);
	return 0;
}

/* Only what was mapped can be registered. */
static int ranges(struct kv_pair *p)
{
	struct ib_mr *mr;
	struct kv_sg l;
	u64 iova, length;

	kv_sg_init(&l, p->b.mem, 48, 2 * PAGE_SIZE);
	TRY(kv_mr(&p->b, p->b.pd, 3, &mr));
	TRY(kv_map(mr, &l));
	iova = mr->iova;
	length = mr->length;

	mr->length = 3 * PAGE_SIZE - 48 + 1;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	mr->length = U64_MAX;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	mr->length = 0;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	/* no bytes at no address */
	kv_sg_init(&l, p->b.mem, 0, PAGE_SIZE);
	TRY(kv_map(mr, &l));
	mr->iova = 0;
	mr->length = 0;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));

	kv_sg_init(&l, p->b.mem, 48, 2 * PAGE_SIZE);
	TRY(kv_map(mr, &l));
	mr->iova = iova + 1;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));
	mr->iova = U64_MAX - PAGE_SIZE + 1 + 48;
	TRY(refused(p, &p->b, mr, kv_next_key(mr), KV_RIGHTS));

	/* by whole pages the user may call it what he likes, as NFS does */
	mr->iova = (iova & (PAGE_SIZE - 1)) | 0xabcd000000000000;
	TRY(kv_reg(&p->b, mr, kv_next_key(mr), KV_RIGHTS, IB_WC_SUCCESS));
	TRY(still_works(p, &l, mr, mr->rkey, 10));
	TRY(kv_write(p, 0, 1, iova, mr->rkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_write(p, 0, 1, mr->iova - 1, mr->rkey, IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	TRY(kv_write(p, 0, 2, mr->iova + length - 1, mr->rkey,
		     IB_WC_REM_ACCESS_ERR));
	TRY(kv_reconnect(p));
	return still_works(p, &l, mr, mr->rkey, 11);
}

const struct kv_case kv_reg_cases[] = {
	{ "states", states },
	{ "keys", keys },
	{ "domains", domains },
	{ "rights", access_rights },
	{ "lists", lists },
	{ "ranges", ranges },
	{}
};
