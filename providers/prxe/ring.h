/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * The index arithmetic of a shared ring, without locks and system calls, so
 * that it also runs against a ring in plain memory in the unit tests.
 *
 * Terms. "mine" is the index this process owns: the producer of a work queue,
 * the consumer of a completion queue. It runs ahead of the published index
 * while a batch is built or polled and is published once for the batch.
 * "theirs" is the last value seen of the index the kernel owns.
 *
 * Both are free running 32-bit counters and only their difference has a
 * meaning, so a wrap needs no care. A caller serializes: every function here
 * needs the lock of the queue.
 */
#ifndef PRXE_RING_H
#define PRXE_RING_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <rdma/prxe-abi.h>

/**
 * struct prxe_queue - this process' view of one ring
 * @ring: the shared head; NULL where the kernel made no ring
 * @slots: the first slot
 * @mask: number of slots - 1
 * @stride: bytes from slot to slot
 * @limit: most entries a work queue may have outstanding
 * @mine: index owned by this process
 * @theirs: last seen index of the kernel
 */
struct prxe_queue {
	struct prxe_ring *ring;
	uint8_t *slots;
	uint32_t mask;
	uint32_t stride;
	uint32_t limit;
	uint32_t mine;
	uint32_t theirs;
};

/**
 * prxe_ring_info_check() - does the kernel's description make a usable ring?
 * @info: the description
 * @min_stride: bytes a slot must have
 *
 * Return: 0, or EPROTO for a kernel module this provider does not fit.
 */
static inline int prxe_ring_info_check(const struct prxe_ring_info *info,
				       size_t min_stride)
{
	if (!info->slots || (info->slots & (info->slots - 1)))
		return EPROTO;
	if (info->stride < min_stride || info->stride % 8)
		return EPROTO;
	if (info->first < sizeof(struct prxe_ring) || info->first % 8)
		return EPROTO;
	if ((uint64_t)info->slots * info->stride + info->first > info->size)
		return EPROTO;
	return 0;
}

static inline uint32_t prxe_load_acquire(const __u32 *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

static inline void prxe_store_release(__u32 *index, uint32_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static inline void prxe_queue_init(struct prxe_queue *q, void *base,
				   const struct prxe_ring_info *info)
{
	q->ring = base;
	q->slots = (uint8_t *)base + info->first;
	q->mask = info->slots - 1;
	q->stride = info->stride;
	q->limit = info->slots;
	q->mine = 0;
	q->theirs = 0;
}

static inline void *prxe_queue_slot(const struct prxe_queue *q, uint32_t index)
{
	return q->slots + (size_t)(index & q->mask) * q->stride;
}

/* Work queues: this process produces. */

/* Take both indices from the ring: after creation and after a reset. */
static inline void prxe_wq_sync(struct prxe_queue *q)
{
	if (!q->ring)
		return;
	q->mine = prxe_load_acquire(&q->ring->producer);
	q->theirs = prxe_load_acquire(&q->ring->consumer);
}

/* The kernel's index is loaded only when the queue looks full without it. */
static inline bool prxe_wq_full(struct prxe_queue *q)
{
	if (q->mine - q->theirs < q->limit)
		return false;
	if (!q->ring)
		return true;
	q->theirs = prxe_load_acquire(&q->ring->consumer);
	return q->mine - q->theirs >= q->limit;
}

/* Everything written to slots below @mine happens before the kernel sees it. */
static inline void prxe_wq_publish(struct prxe_queue *q)
{
	prxe_store_release(&q->ring->producer, q->mine);
}

/*
 * After publishing: does the kernel want to be told? The barrier orders our
 * index before the load of its flag, as the kernel orders its flag before the
 * load of our index, so that one of the two sees the other.
 */
static inline bool prxe_wq_wants_bell(const struct prxe_queue *q)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return __atomic_load_n(&q->ring->flags, __ATOMIC_RELAXED) &
	       PRXE_RING_NEED_DOORBELL;
}

/* Completion queue: this process consumes. */

/*
 * Take the entries of a queue pair out: those behind them move up, and the consumer
 * index over what is free. The kernel writes only in front of the producer index,
 * so that everything between the two is ours.
 */
static inline void prxe_cq_clean(struct prxe_queue *q, uint32_t qpn)
{
	uint32_t end = prxe_load_acquire(&q->ring->producer), i, freed = 0;

	if (end - q->mine > q->mask + 1)
		return;
	for (i = end; i != q->mine; i--) {
		struct prxe_cqe *cqe = prxe_queue_slot(q, i - 1);

		if (cqe->qp_num == qpn)
			freed++;
		else if (freed)
			memcpy(prxe_queue_slot(q, i - 1 + freed), cqe,
			       sizeof(*cqe));
	}
	q->theirs = end;
	if (!freed)
		return;
	q->mine += freed;
	prxe_store_release(&q->ring->consumer, q->mine);
}

static inline void prxe_cq_sync(struct prxe_queue *q)
{
	q->mine = prxe_load_acquire(&q->ring->consumer);
	q->theirs = q->mine;
}

/*
 * The next completion, or NULL. A difference that no kernel publishes means
 * that the process has overwritten its ring; there is nothing to be polled.
 */
static inline const struct prxe_cqe *prxe_cq_peek(struct prxe_queue *q)
{
	if (q->mine == q->theirs) {
		q->theirs = prxe_load_acquire(&q->ring->producer);
		if (q->mine == q->theirs)
			return NULL;
	}
	if (q->theirs - q->mine > q->mask + 1) {
		q->theirs = q->mine;
		return NULL;
	}
	return prxe_queue_slot(q, q->mine);
}

/* Every read of a slot below @mine happens before the kernel reuses it. */
static inline void prxe_cq_publish(struct prxe_queue *q)
{
	prxe_store_release(&q->ring->consumer, q->mine);
}

#endif /* PRXE_RING_H */
