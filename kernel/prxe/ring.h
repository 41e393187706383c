/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's side of a shared ring (rdma/prxe-abi.h), and the same ring in
 * private memory for kernel users.
 */
#ifndef PRXE_RING_H
#define PRXE_RING_H

#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>

struct prxe_ucontext;

/**
 * struct prxe_queue - memory of a ring
 * @ring: head of the memory (vmalloc_user() when shared)
 * @slots: first slot
 * @nr: number of slots, a power of two
 * @stride: bytes from slot to slot
 * @size: bytes of the whole, in pages
 * @entry: the mmap entry of a shared ring; holds the memory until the last
 *	mapping is gone, so that the ring may outlive its queue
 * @user: whether user space can write to it
 */
struct prxe_queue {
	struct prxe_ring *ring;
	void *slots;
	u32 nr;
	u32 stride;
	size_t size;
	struct rdma_user_mmap_entry *entry;
	bool user;
};

/**
 * prxe_queue_create() - allocate a ring of at least @min_slots slots
 * @q: filled in
 * @uc: the user context to share it with, or NULL for a kernel user
 * @min_slots: rounded up to a power of two
 * @stride: bytes from slot to slot, a multiple of 8
 * @info: told to the user; may be NULL for a kernel user
 *
 * Context: may sleep.
 * Return: 0, -ENOMEM or -EINVAL.
 */
int prxe_queue_create(struct prxe_queue *q, struct ib_ucontext *uc,
		      u32 min_slots, u32 stride, struct prxe_ring_info *info);

/**
 * prxe_queue_destroy() - give a ring back
 * @q: a ring, or one that was never created (all zero)
 *
 * User mappings stay valid until they are unmapped; the kernel forgets it.
 */
void prxe_queue_destroy(struct prxe_queue *q);

/* mmap and mmap_free of the device's ops */
int prxe_mmap(struct ib_ucontext *uc, struct vm_area_struct *vma);
void prxe_mmap_free(struct rdma_user_mmap_entry *entry);

/* Address of slot @idx (a free running index) of @q. */
static inline void *prxe_queue_slot(const struct prxe_queue *q, u32 idx)
{
	return q->slots + (size_t)(idx & (q->nr - 1)) * q->stride;
}

/*
 * How many entries a producing user has published beyond @head, our own count
 * of entries taken. The user's word is bounded by the size of the ring. Pairs
 * with the user's release store of the producer index.
 */
static inline u32 prxe_queue_avail(const struct prxe_queue *q, u32 head)
{
	/* pairs with the user's release, see above */
	u32 n = smp_load_acquire(&q->ring->producer) - head;

	return n <= q->nr ? n : 0;
}

/* Tell the user that entries up to @tail (exclusive) are complete. */
static inline void prxe_queue_publish(const struct prxe_queue *q, u32 tail)
{
	/* pairs with the user's acquire, before it writes to those slots again */
	smp_store_release(&q->ring->consumer, tail);
}

#endif /* PRXE_RING_H */
