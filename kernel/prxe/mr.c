// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory regions: keys and lives.
 *
 * A key is an index into &prxe_dev.mrs, 24 bits, and an 8-bit variant. Indices
 * are given out in a circle, and the variant is another one in each round, so
 * that a key that is used after its region's end meets an empty index or a
 * different variant. One circle serves all devices: a key of one device means
 * nothing on another. lkey and rkey are the same; rights are in the region.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <rdma/ib_verbs.h>

#include "crc.h"
#include "mr_internal.h"
#include "section.h"
#include "trace.h"

#define PRXE_MR_MAX_INDEX	0xffffffu

/* What user space may ask for; optional bits are promises we do not need. */
#define PRXE_MR_ACCESS		(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ | \
				 IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC | \
				 IB_ACCESS_MW_BIND | IB_ACCESS_HUGETLB | \
				 IB_ACCESS_FLUSH_GLOBAL | \
				 IB_ACCESS_FLUSH_PERSISTENT)

static DEFINE_MUTEX(prxe_mr_key_lock);	/* leaf: the two below */
static u32 prxe_mr_next_index;
static u8 prxe_mr_variant;

/* Reserves an index; nothing is found there before something is stored. */
int prxe_mr_new_key(struct prxe_dev *dev, u32 *key)
{
	u32 index;
	int ret;

	guard(mutex)(&prxe_mr_key_lock);
	ret = xa_alloc_cyclic(&dev->mrs, &index, NULL,
			      XA_LIMIT(1, PRXE_MR_MAX_INDEX),
			      &prxe_mr_next_index, GFP_KERNEL);
	if (ret < 0)
		return ret == -EBUSY ? -ENOMEM : ret;
	if (ret)
		prxe_mr_variant++;
	*key = index << 8 | prxe_mr_variant;
	return 0;
}

/**
 * prxe_mr_alloc() - begin a region
 * @ibpd: protection domain
 * @ops: backend
 * @access: rights
 *
 * The region has its key, but nobody finds it; it is INVALID and has no
 * memory. To be ended with prxe_mr_publish() or prxe_mr_abort().
 *
 * Context: process. Return: the region, or an ERR_PTR.
 */
struct prxe_mr *prxe_mr_alloc(struct ib_pd *ibpd, const struct prxe_mr_ops *ops,
			      int access)
{
	struct prxe_mr *mr;
	int ret;

	mr = kzalloc_obj(*mr);
	if (!mr)
		return ERR_PTR(-ENOMEM);
	mr->pd = to_ppd(ibpd);
	mr->ops = ops;
	mr->access = access & PRXE_MR_ACCESS;
	mr->state = PRXE_MR_INVALID;
	prxe_extents_init(&mr->ext);
	kref_init(&mr->ref);

	ret = prxe_mr_new_key(to_pdev(ibpd->device), &mr->key);
	if (ret) {
		kfree(mr);
		return ERR_PTR(ret);
	}
	mr->ibmr.lkey = mr->key;
	mr->ibmr.rkey = mr->key;
	return mr;
}

/**
 * prxe_mr_set_range() - say which addresses a region has
 * @mr: a region before prxe_mr_publish()
 * @iova: first address
 * @length: bytes; the range was checked
 */
void prxe_mr_set_range(struct prxe_mr *mr, u64 iova, u64 length)
{
	mr->iova = iova;
	mr->length = length;
	mr->first = offset_in_page(iova);
	mr->ibmr.iova = iova;
	mr->ibmr.length = length;
	mr->ibmr.page_size = PAGE_SIZE;
}

/**
 * prxe_mr_publish() - finish a region: its key is good from now on
 * @mr: the region, with range and memory
 *
 * The index was reserved, so that this cannot fail. Context: process.
 */
void prxe_mr_publish(struct prxe_mr *mr)
{
	void *old = xa_store(&prxe_mr_dev(mr)->mrs, mr->key >> 8, mr,
			     GFP_KERNEL);

	WARN_ON_ONCE(old);
}

static void prxe_mr_free(struct kref *ref)
{
	struct prxe_mr *mr = container_of(ref, struct prxe_mr, ref);

	kfree_rcu(mr, rcu);
}

/**
 * prxe_mr_abort() - give up a region that was not published
 * @mr: the region; its backend has given back its memory
 */
void prxe_mr_abort(struct prxe_mr *mr)
{
	xa_erase(&prxe_mr_dev(mr)->mrs, mr->key >> 8);
	prxe_mr_drop_extents(mr);
	kref_put(&mr->ref, prxe_mr_free);
}

/**
 * prxe_mr_stop() - send accesses away and wait for those inside
 * @mr: the region
 * @state: the new state, not VALID
 *
 * On return no CPU touches the region's memory, or reads its translation.
 * Allocates nothing and does not sleep. Context: process, the backend's lock.
 */
void prxe_mr_stop(struct prxe_mr *mr, enum prxe_mr_state state)
{
	WRITE_ONCE(mr->state, state);
	prxe_section_wait(mr);
	trace_mr_state(mr->key, state);
}

/**
 * prxe_mr_check_reg() - check what all registrations have in common
 * @length: bytes
 * @iova: first address
 * @access: rights
 * @dmah: DMA handle, for steering tags; there is no DMA here
 *
 * Return: 0; -EINVAL for an empty region, one past the end of the address space
 * and for remote writing without local writing (IBTA vol 1, 10.6.3.1);
 * -EOPNOTSUPP for what this device does not have.
 */
int prxe_mr_check_reg(u64 length, u64 iova, int access, struct ib_dmah *dmah)
{
	if (dmah)
		return -EOPNOTSUPP;
	if (access & (IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC) &&
	    !(access & IB_ACCESS_LOCAL_WRITE))
		return -EINVAL;
	if (access & ~(PRXE_MR_ACCESS | IB_ACCESS_OPTIONAL |
		       IB_ACCESS_ON_DEMAND))
		return -EOPNOTSUPP;
	if (!length || length - 1 > U64_MAX - iova)
		return -EINVAL;
	return 0;
}

/**
 * prxe_extents_reserve() - make room in a table of extents
 * @t: the table; the extents that it has are kept
 * @nr: how many extents it must have room for
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int prxe_extents_reserve(struct prxe_extents *t, u32 nr)
{
	struct prxe_extent *v;

	if (nr < t->cap)
		return 0;
	if (nr == U32_MAX)
		return -ENOMEM;
	v = kvmalloc_objs(*v, nr + 1, GFP_KERNEL_ACCOUNT);
	if (!v)
		return -ENOMEM;
	memcpy(v, t->v, array_size(t->nr + 1, sizeof(*v)));
	if (t->v != t->one)
		kvfree(t->v);
	t->v = v;
	t->cap = nr + 1;
	return 0;
}

/* Forget the extents of a table and their memory. */
void prxe_extents_free(struct prxe_extents *t)
{
	if (t->v != t->one)
		kvfree(t->v);
	prxe_extents_init(t);
}

/**
 * prxe_extents_bytes() - memory that a table takes, beside its structure
 * @t: the table
 *
 * For people: may be of a moment ago. Context: any. Return: bytes.
 */
size_t prxe_extents_bytes(const struct prxe_extents *t)
{
	u32 cap = READ_ONCE(t->cap);

	if (cap <= ARRAY_SIZE(t->one))
		return 0;
	return prxe_kv_bytes(array_size(cap, sizeof(*t->v)));
}

/**
 * prxe_mr_reserve() - make room for extents
 * @mr: a region that is not valid; the extents that it has are kept
 * @nr: how many extents it must have room for
 *
 * Context: process. Return: 0 or -ENOMEM.
 */
int prxe_mr_reserve(struct prxe_mr *mr, u32 nr)
{
	WARN_ON_ONCE(prxe_mr_state(mr) == PRXE_MR_VALID);
	return prxe_extents_reserve(&mr->ext, nr);
}

/* Forget the extents and their memory. The region is not valid. */
void prxe_mr_drop_extents(struct prxe_mr *mr)
{
	prxe_extents_free(&mr->ext);
}

/**
 * prxe_mr_find() - find the region that a key names and check rights
 * @mem: key, domain and rights
 * @span: set to the addresses that the key names
 * @via: for prxe_via_changed()
 *
 * Looks at neither the state nor the address. Context: RCU read-side critical
 * section. Return: the region, or an ERR_PTR with an error of mr.h.
 */
struct prxe_mr *prxe_mr_find(const struct prxe_mem *mem, struct prxe_span *span,
			     struct prxe_via *via)
{
	struct prxe_dev *dev = to_pdev(mem->pd->ibpd.device);
	struct prxe_mr *mr;

	RCU_LOCKDEP_WARN(!rcu_read_lock_held(), "region looked up outside RCU");

	via->lock = NULL;
	mr = xa_load(&dev->mrs, mem->key >> 8);
	if (unlikely(prxe_key_is_window(mr)))
		return prxe_window_find(mr, mem, span, via);
	if (unlikely(!mr))
		return ERR_PTR(-EINVAL);
	if (mr->fast) {
		via->lock = &mr->reg.lock;
		via->seq = read_seqbegin(via->lock);
	}
	if (unlikely(READ_ONCE(mr->key) != mem->key ||
		     READ_ONCE(mr->pd) != mem->pd))
		return ERR_PTR(-EINVAL);
	if (unlikely(mem->access & ~READ_ONCE(mr->access)))
		return ERR_PTR(-EACCES);
	span->first = READ_ONCE(mr->iova);
	span->length = READ_ONCE(mr->length);
	span->shift = 0;
	return mr;
}

/**
 * prxe_mr_lookup() - find the region of an access and check rights and range
 * @mem: key, domain and rights
 * @addr: first address; behind a window that counts from 0 it becomes the
 *	region's
 * @len: bytes
 * @via: for prxe_via_changed()
 *
 * Does not look at the state. Context: RCU read-side critical section.
 * Return: the region, or an ERR_PTR with an error of mr.h.
 */
struct prxe_mr *prxe_mr_lookup(const struct prxe_mem *mem, u64 *addr, u64 len,
			       struct prxe_via *via)
{
	struct prxe_mr *mr;
	struct prxe_span span;

	mr = prxe_mr_find(mem, &span, via);
	if (IS_ERR(mr))
		return mr;
	if (unlikely(!prxe_range_ok(span.first, span.length, *addr, len)))
		return ERR_PTR(-ERANGE);
	*addr += span.shift;
	return mr;
}

/**
 * prxe_mr_get() - find the region of an access and keep it
 * @mem: key, domain, rights and address
 * @len: bytes
 * @addr: set to the first address in the region
 *
 * Context: any up to softirq. To be ended with prxe_mr_put().
 * Return: the region, or an ERR_PTR with an error of mr.h.
 */
struct prxe_mr *prxe_mr_get(const struct prxe_mem *mem, u64 len, u64 *addr)
{
	struct prxe_via via;
	struct prxe_mr *mr;

	*addr = mem->addr;
	guard(rcu)();
	mr = prxe_mr_lookup(mem, addr, len, &via);
	if (!IS_ERR(mr) && !kref_get_unless_zero(&mr->ref))
		return ERR_PTR(-EINVAL);
	return mr;
}

void prxe_mr_put(struct prxe_mr *mr)
{
	kref_put(&mr->ref, prxe_mr_free);
}

/**
 * prxe_mr_fault_run() - make a region valid and use it before it can move again
 * @mem: where
 * @len: bytes that will be accessed
 * @ahead: as for prxe_mr_fault()
 * @fn: called while the region is valid and stays it; may be NULL
 * @arg: for @fn
 *
 * A buffer that moves all the time may win every race between prxe_mr_fault() and
 * the access. This is the way out: accesses to these bytes from inside of
 * @fn do not return -EAGAIN (of memory on demand, to the first of them).
 * @fn runs with the reservation lock of the dma-buf, or the umem_mutex of memory
 * on demand, held: it may take spinlocks of queue pairs, allocate memory under them
 * and send, but neither call prxe_mr_fault() nor wait for anyone who does.
 *
 * Context: process, no lock held.
 * Return: what @fn returned; without @fn as prxe_mr_fault().
 */
int prxe_mr_fault_run(const struct prxe_mem *mem, u64 len, u64 ahead,
		      int (*fn)(void *arg), void *arg)
{
	bool write = mem->access & (IB_ACCESS_LOCAL_WRITE |
				    IB_ACCESS_REMOTE_WRITE |
				    IB_ACCESS_REMOTE_ATOMIC);
	struct prxe_mr *mr;
	int ret = 0;
	u64 addr;

	might_sleep();
	if (!len)
		return fn ? fn(arg) : 0;
	mr = prxe_mr_get(mem, len, &addr);
	if (IS_ERR(mr))
		return PTR_ERR(mr);
	ahead = clamp(ahead, len, mr->iova + mr->length - addr);
	if (mr->ops->fault)
		ret = mr->ops->fault(mr, addr, len, ahead, write, fn, arg);
	else if (fn)
		ret = fn(arg);
	prxe_mr_put(mr);
	trace_fault(mem, len, ret);
	return ret;
}

int prxe_mr_fault(const struct prxe_mem *mem, u64 len, u64 ahead)
{
	return prxe_mr_fault_run(mem, len, ahead, NULL, NULL);
}

/**
 * prxe_mr_change() - give a region other rights, or another domain
 * @mr: the region
 * @ibpd: the domain
 * @access: rights
 *
 * On return nobody accesses it by what it was before: a look-up and its access are
 * in one section, which RCU waits for. Until then only the rights that it has
 * before and after are granted, so that the one domain never gets those of the
 * other. Context: process.
 */
void prxe_mr_change(struct prxe_mr *mr, struct ib_pd *ibpd, int access)
{
	WRITE_ONCE(mr->access, mr->access & access);
	WRITE_ONCE(mr->pd, to_ppd(ibpd));
	synchronize_rcu_expedited();
	WRITE_ONCE(mr->access, access & PRXE_MR_ACCESS);
}

int prxe_dereg_mr(struct ib_mr *ibmr, struct ib_udata *udata)
{
	struct prxe_mr *mr = to_pmr(ibmr);
	struct prxe_mr *old;

	/* A process that ends gives back all that it has, in one go. */
	cond_resched();
	/* From here on the key is unknown to new accesses... */
	old = xa_erase(&prxe_mr_dev(mr)->mrs, mr->key >> 8);
	WARN_ON_ONCE(old != mr);
	/* ...and on return of this the old ones are over. */
	mr->ops->release(mr);
	WARN_ON_ONCE(prxe_mr_state(mr) != PRXE_MR_DEAD);
	kref_put(&mr->ref, prxe_mr_free);
	return 0;
}

/**
 * prxe_mr_init() - set up what all devices share
 *
 * Context: module init. Return: 0, -ENOMEM or -EINVAL (module parameters).
 */
int prxe_mr_init(void)
{
	prxe_mr_next_index = get_random_u32_inclusive(1, PRXE_MR_MAX_INDEX);
	prxe_mr_variant = get_random_u8();
	return prxe_crc_init();
}

/* The counterpart of prxe_mr_init(); no region is left. */
void prxe_mr_exit(void)
{
	/* Regions that kfree_rcu() has in its hands need no code of ours. */
}
