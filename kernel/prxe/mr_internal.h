/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory regions from inside. Only mr*.c and trace.h include this.
 *
 * States of a region (&prxe_mr.state):
 *
 *	INVALID -> VALID -> INVALID ...	a dma-buf moves
 *	INVALID -> REVOKED		its memory is gone for good; keeps its keys
 *	FREE -> VALID -> STOPPING -> FREE	fast registration, see fast_reg.c
 *	any     -> DEAD			deregistered: its key names nothing
 *
 * A region becomes VALID by prxe_mr_set_valid() and stops being it by
 * prxe_mr_stop(), after which no access is inside. Who may change the state: its
 * creator until it is published, its backend under the backend's lock later.
 *
 * Lifetime: deregistration takes the key away, then the backend gives the memory
 * back; the struct lives on, by @ref for those who sleep (prxe_mr_fault()) and by
 * RCU for readers.
 */
#ifndef PRXE_MR_INTERNAL_H
#define PRXE_MR_INTERNAL_H

#include <linux/dma-resv.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/mutex.h>
#include <linux/rwsem.h>
#include <linux/seqlock.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>

#include "extent.h"
#include "mr.h"
#include "prxe.h"

struct dma_buf;
struct dma_buf_pfn_attachment;
struct ib_umem_odp;
struct mm_struct;
struct prxe_mr;
struct sk_buff;

enum prxe_mr_state {
	PRXE_MR_INVALID,
	PRXE_MR_VALID,
	PRXE_MR_REVOKED,
	PRXE_MR_FREE,
	PRXE_MR_STOPPING,
	PRXE_MR_DEAD,
};

/**
 * struct prxe_mr_ops - a backend
 * @import: how the memory came here, for people (R16)
 * @fault: make @len bytes at @addr of the region valid again, and of the @ahead from
 *	there, not less than @len nor more than the region has, what is no trouble; to
 *	be written to if @write. Then call @fn, if given, while nothing can invalidate
 *	the @len bytes. NULL for a backend whose regions never are. Process context.
 *	Return: of prxe_mr_fault_run().
 * @release: the key is gone: stop and give back the memory. Process context,
 *	cannot fail.
 * @show: add to the region's netlink table; may be NULL. Return: 0, -EMSGSIZE.
 * @footprint: bytes of memory that the region takes beside its structure and its
 *	extents, about; for people; may be NULL. Context: as @show.
 */
struct prxe_mr_ops {
	const char *import;
	int (*fault)(struct prxe_mr *mr, u64 addr, u64 len, u64 ahead, bool write,
		     int (*fn)(void *arg), void *arg);
	void (*release)(struct prxe_mr *mr);
	int (*show)(struct sk_buff *msg, const struct prxe_mr *mr);
	size_t (*footprint)(const struct prxe_mr *mr);
};

/**
 * struct prxe_mr_dmabuf - a dma-buf imported by PFN
 * @lock: serializes fetches and the release; outside of the reservation lock
 * @dmabuf: the buffer, a reference; constant
 * @attach: constant from registration to release
 * @pgoff: first page of the region in the buffer
 * @npages: pages of the region
 * @moves: invalidations of a valid region; written under the reservation lock
 * @error: what the last fetch came to, 0 or a negative errno; the same
 */
struct prxe_mr_dmabuf {
	struct mutex lock;	/* fetch and release; outside of the resv lock */
	struct dma_buf *dmabuf;
	struct dma_buf_pfn_attachment *attach;
	unsigned long pgoff;
	unsigned long npages;
	unsigned long moves;
	int error;
};

/**
 * struct prxe_mr_vmap - a dma-buf by its exporter's mapping
 * @dmabuf: the buffer, a reference; constant
 * @attach: keeps the memory in its place; constant
 * @map: of the whole buffer; constant
 */
struct prxe_mr_vmap {
	struct dma_buf *dmabuf;
	struct dma_buf_attachment *attach;
	struct iosys_map map;
};

/**
 * struct prxe_odp_part - a range of a process's memory on demand, with its table
 * @mr: the region
 * @umem: the core's part, with the notifier; constant
 * @pages: the table: an entry for each page, see mr_odp.c; umem_mutex to write,
 *	sections to read
 * @start: user address of the first page
 * @npages: in the table
 * @present: of them, those that are there; umem_mutex
 * @all: where it is one of many: &prxe_mr_odp.all, until it is taken out of there;
 *	else NULL; umem_mutex
 * @node: in a list of those that were taken out
 * @rcu: frees it after the readers
 */
struct prxe_odp_part {
	struct prxe_mr *mr;
	struct ib_umem_odp *umem;
	unsigned long *pages;
	unsigned long start;
	unsigned long npages;
	unsigned long present;
	struct prxe_odp_all *all;
	struct list_head node;
	struct rcu_head rcu;
};

/**
 * struct prxe_odp_all - the parts of a region of a whole address space
 * @parts: by address >> PRXE_ODP_PART_SHIFT; @lock to write, RCU or @lock to read.
 *	XA_MARK_0: has had pages, and may have none any more
 * @nr: of them
 * @max: how many there may be at once; constant
 * @hand: where the one to give way to the next was
 * @reap: gives back those without pages
 * @root: what the core makes parts from; constant
 * @mm: the address space, a reference (not to what is mapped in it); constant
 * @mr: the region
 */
struct prxe_odp_all {
	struct xarray parts;
	unsigned long nr;
	unsigned long max;
	unsigned long hand;
	struct work_struct reap;
	struct ib_umem_odp *root;
	struct mm_struct *mm;
	struct prxe_mr *mr;
};

/* Of an address space, 2 MiB have one part, whose table is a page. */
#define PRXE_ODP_PART_SHIFT	21
#define PRXE_ODP_PART_SIZE	BIT(PRXE_ODP_PART_SHIFT)

/**
 * struct prxe_mr_odp - user memory on demand
 * @lock: read: faults; write: the release, and changes of @all
 * @one: a region of a range
 * @all: a region of the whole address space; else NULL; constant until the release,
 *	and not to be followed when the region is DEAD
 */
struct prxe_mr_odp {
	struct rw_semaphore lock;
	union {
		struct prxe_odp_part one;
		struct prxe_odp_all *all;
	};
};

/**
 * struct prxe_span - what a key names
 * @first: first address that may be accessed by it
 * @length: bytes
 * @shift: from these addresses to those of the region: a window's, that counts
 *	from 0
 */
struct prxe_span {
	u64 first;
	u64 length;
	u64 shift;
};

/* Bits of an entry of &prxe_mr.pages, see mr_odp.c; the rest is an address. */
#define PRXE_PAGE_HERE		1ul
#define PRXE_PAGE_WRITE		2ul

/**
 * struct prxe_mr_reg - fast registration
 * @lock: of all that follows, and of the region's state, key, rights, range and
 *	translation; its sequence tells of new ones. Innermost, interrupts off
 * @draft: what ib_map_mr_sg() said: the next translation
 * @page_size: of the draft
 * @first: offset in the draft's first page
 * @nr_pages: of the draft
 * @max_pages: how many there may be; constant
 */
struct prxe_mr_reg {
	seqlock_t lock;
	struct prxe_extents draft;
	u32 page_size;
	u32 first;
	u32 nr_pages;
	u32 max_pages;
};

/**
 * struct prxe_mr - a memory region
 * @pd: its protection domain; compared, not followed; see prxe_mr_change()
 * @key: lkey and rkey
 * @access: rights that it grants; as @pd
 * @iova: first address
 * @length: bytes
 * @first: offset of @iova in the translation, less than a page
 * @state: see the top of the file
 * @io: the memory is I/O memory; of one validity with @ext
 * @hint: extent of the last access; only speeds up, may be anything
 * @any: takes any kernel address: not every one has memory
 * @fast: what key, rights, range and translation are changes, by @reg
 * @ext: the translation; stable while VALID, written only while not
 * @demand: memory on demand, whose translation is by pages, not by @ext
 * @pages: memory on demand: the table of a range (mr_odp.c); NULL for that of a
 *	whole address space, which has many (mr_odp_all.c)
 * @ops: backend
 * @ref: one for the key, one for each prxe_mr_fault() under way
 * @rcu: frees it after the readers
 * @ibmr: the core's part
 * @umem: user memory
 * @dmabuf: a dma-buf
 * @vmap: a dma-buf without PFNs
 * @odp: memory on demand
 * @reg: fast registration
 *
 * Fields without a rule are constant while the key exists; with @fast see there.
 */
struct prxe_mr {
	struct prxe_pd *pd;
	u32 key;
	int access;
	u64 iova;
	u64 length;
	u32 first;
	u32 state;
	bool io;
	bool any;
	bool fast;
	bool demand;
	u32 hint;
	struct prxe_extents ext;
	unsigned long *pages;

	const struct prxe_mr_ops *ops;
	struct kref ref;
	struct rcu_head rcu;
	struct ib_mr ibmr;
	union {
		struct ib_umem *umem;
		struct prxe_mr_dmabuf dmabuf;
		struct prxe_mr_vmap vmap;
		struct prxe_mr_odp odp;
		struct prxe_mr_reg reg;
	};
};

/* Tag of a pointer in &prxe_dev.mrs that is one to a window. */
#define PRXE_KEY_WINDOW		1

static inline bool prxe_key_is_window(void *entry)
{
	return xa_pointer_tag(entry) == PRXE_KEY_WINDOW;
}

/**
 * struct prxe_via - how long what was found by a key holds
 * @lock: under whose sequence the key's meaning was looked up: of a window, or of
 *	a fast registration; under RCU. NULL: it cannot change
 * @seq: what it was
 */
struct prxe_via {
	seqlock_t *lock;
	unsigned int seq;
};

/*
 * Does the key mean something else by now? Asked when the region was announced and
 * seen valid.
 */
static inline bool prxe_via_changed(const struct prxe_via *via)
{
	return via->lock && read_seqretry(via->lock, via->seq);
}

/* What kvmalloc() takes for @size bytes, about. */
static inline size_t prxe_kv_bytes(size_t size)
{
	return size > KMALLOC_MAX_CACHE_SIZE ? PAGE_ALIGN(size) :
					       kmalloc_size_roundup(size);
}

static inline struct prxe_mr *to_pmr(struct ib_mr *ibmr)
{
	return container_of(ibmr, struct prxe_mr, ibmr);
}

static inline struct prxe_dev *prxe_mr_dev(const struct prxe_mr *mr)
{
	return to_pdev(mr->pd->ibpd.device);
}

/* Let accesses in. All that they read was stored before. */
static inline void prxe_mr_set_valid(struct prxe_mr *mr)
{
	/* Pairs with the acquire in prxe_mr_state(). */
	smp_store_release(&mr->state, PRXE_MR_VALID);
}

static inline u32 prxe_mr_state(const struct prxe_mr *mr)
{
	/* Pairs with the release in prxe_mr_set_valid(). */
	return smp_load_acquire(&mr->state);
}

/* mr.c */
struct prxe_mr *prxe_mr_alloc(struct ib_pd *ibpd, const struct prxe_mr_ops *ops,
			      int access);
void prxe_mr_set_range(struct prxe_mr *mr, u64 iova, u64 length);
void prxe_mr_publish(struct prxe_mr *mr);
void prxe_mr_change(struct prxe_mr *mr, struct ib_pd *ibpd, int access);
void prxe_mr_abort(struct prxe_mr *mr);
void prxe_mr_stop(struct prxe_mr *mr, enum prxe_mr_state state);
int prxe_mr_check_reg(u64 length, u64 iova, int access, struct ib_dmah *dmah);
int prxe_extents_reserve(struct prxe_extents *t, u32 nr);
void prxe_extents_free(struct prxe_extents *t);
size_t prxe_extents_bytes(const struct prxe_extents *t);
int prxe_mr_reserve(struct prxe_mr *mr, u32 nr);
void prxe_mr_drop_extents(struct prxe_mr *mr);
int prxe_mr_new_key(struct prxe_dev *dev, u32 *key);
struct prxe_mr *prxe_mr_find(const struct prxe_mem *mem, struct prxe_span *span,
			     struct prxe_via *via);
struct prxe_mr *prxe_mr_lookup(const struct prxe_mem *mem, u64 *addr, u64 len,
			       struct prxe_via *via);

struct prxe_mr *prxe_mr_get(const struct prxe_mem *mem, u64 len, u64 *addr);
void prxe_mr_put(struct prxe_mr *mr);

/* mr_flush.c */
bool prxe_is_persistent(void *addr, size_t len);

/* mr_vmap.c */
int prxe_mr_vmap_init(struct prxe_mr *mr, struct dma_buf *dmabuf, u64 offset,
		      u64 length);

/* mr_odp.c */
#if IS_ENABLED(CONFIG_INFINIBAND_ON_DEMAND_PAGING)
int prxe_mr_odp_init(struct prxe_mr *mr, u64 start, u64 length, int access);
bool prxe_mr_odp_own(const struct prxe_mr *mr, u64 *start);
#else
static inline int prxe_mr_odp_init(struct prxe_mr *mr, u64 start, u64 length,
				   int access)
{
	return -EOPNOTSUPP;
}

static inline bool prxe_mr_odp_own(const struct prxe_mr *mr, u64 *start)
{
	return false;
}
#endif

/* Is it memory on demand of a whole address space? */
static inline bool prxe_mr_is_implicit(const struct prxe_mr *mr)
{
	return mr->demand && !mr->pages;
}

/* mw.c */
struct prxe_mr *prxe_window_find(void *entry, const struct prxe_mem *mem,
				 struct prxe_span *span, struct prxe_via *via);

#endif /* PRXE_MR_INTERNAL_H */
