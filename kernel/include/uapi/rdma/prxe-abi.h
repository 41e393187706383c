/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR Linux-OpenIB) */
/*
 * The interface between prxe.ko and its libibverbs provider.
 *
 * Three rings are shared by mmap: send queue, receive queue, completion queue.
 * Each mapping is a struct prxe_ring followed by slots of a fixed, power of two
 * count. Indices are free running 32-bit counters; slot = index & (slots - 1).
 * The producer writes the slot, then stores its index with release semantics;
 * the consumer loads that index with acquire semantics, then reads the slot.
 *
 * The kernel copies a work queue entry once, validates the copy and never reads
 * the slot again. Everything in a ring is user input to it: a process that
 * scribbles over its rings spoils its own queue pairs and nothing else.
 *
 * docs/uabi.md explains the use; extend by new fields at the end and a bit in
 * a comp_mask, never by changing a field.
 */
#ifndef PRXE_ABI_USER_H
#define PRXE_ABI_USER_H

#include <linux/types.h>

#define PRXE_UVERBS_ABI_VERSION	1

/*
 * Outside enum rdma_driver_id, which only the kernel's own drivers are in; the
 * provider matches the device by it.
 */
#define PRXE_DRIVER_ID		77

/* Limits that both sides compute with. */
#define PRXE_MAX_SGE		32
#define PRXE_MAX_INLINE		512
#define PRXE_MAX_WR		16384
#define PRXE_MAX_CQE		(1 << 20)

/**
 * struct prxe_ring - the head of every shared ring
 * @producer: entries ever produced; written by the producing side
 * @consumer: entries ever consumed; written by the consuming side
 * @flags: PRXE_RING_*; written by the kernel, whichever side it is
 *
 * Send queue: the user produces; the kernel publishes in @consumer how many
 * entries are complete, so that max_send_wr bounds what is outstanding.
 * Receive queue: the user produces; the kernel publishes how many are complete.
 * Completion queue: the kernel produces; the user publishes what it polled.
 * Neither side believes more of the other's index than that the difference of
 * the two is at most the number of slots.
 */
struct prxe_ring {
	__u32 producer;
	__u32 reserved0[15];
	__u32 consumer;
	__u32 flags;
	__u32 reserved1[14];
};

/*
 * Receive queues: the kernel is not looking by itself (the queue pair is in the
 * error state and flushes); a user that has stored its producer index issues a
 * full barrier, loads @flags, and where this is set rings the doorbell with
 * IB_USER_VERBS_CMD_POST_RECV (POST_SRQ_RECV) and no work requests.
 */
#define PRXE_RING_NEED_DOORBELL	(1 << 0)

struct prxe_sge {
	__aligned_u64 addr;
	__u32 length;
	__u32 lkey;
};

/* prxe_send_wqe.flags; the values are those of enum ib_send_flags */
#define PRXE_SEND_FENCE		(1 << 0)
#define PRXE_SEND_SIGNALED	(1 << 1)
#define PRXE_SEND_SOLICITED	(1 << 2)
#define PRXE_SEND_INLINE	(1 << 3)

/**
 * struct prxe_send_wqe - one slot of a send queue
 * @wr_id: handed back in the completion
 * @opcode: an enum ib_uverbs_wr_opcode
 * @flags: PRXE_SEND_*
 * @num_sge: entries in use of @sge; 0 with PRXE_SEND_INLINE
 * @inline_len: bytes in use of @inline_data with PRXE_SEND_INLINE, else 0
 * @imm_data: immediate data, big endian, or the rkey to invalidate, host order
 * @rdma: RDMA write and read
 * @atomic: compare and swap, fetch and add
 * @ud: datagrams; @ah is the number create_ah answered
 * @mw: bind a memory window
 * @flush: @type has bits of enum ib_placement_type, @level is an enum
 *	ib_selectivity_level; a flush of the whole region has no address and length
 * @atomic_write: @value is stored as it is
 * @sge: scatter/gather list
 * @inline_data: the payload itself
 *
 * The slot's stride, told by create_qp, leaves room for max_send_sge entries
 * or max_inline_data bytes, whichever is more.
 */
struct prxe_send_wqe {
	__aligned_u64 wr_id;
	__u32 opcode;
	__u16 flags;
	__u16 num_sge;
	__u32 inline_len;
	__u32 imm_data;
	union {
		struct {
			__aligned_u64 remote_addr;
			__u32 rkey;
			__u32 reserved;
		} rdma;
		struct {
			__aligned_u64 remote_addr;
			__aligned_u64 compare_add;
			__aligned_u64 swap;
			__u32 rkey;
			__u32 reserved;
		} atomic;
		struct {
			__u32 ah;
			__u32 remote_qpn;
			__u32 remote_qkey;
			__u32 reserved;
		} ud;
		struct {
			__aligned_u64 addr;
			__aligned_u64 length;
			__u32 mr_lkey;
			__u32 mw_rkey;
			__u32 rkey;
			__u32 access;
		} mw;
		struct {
			__aligned_u64 remote_addr;
			__u32 rkey;
			__u32 length;
			__u8 type;
			__u8 level;
			__u16 reserved;
		} flush;
		struct {
			__aligned_u64 remote_addr;
			__u32 rkey;
			__u32 reserved;
			__aligned_u64 value;
		} atomic_write;
		__aligned_u64 reserved[5];
	};
	union {
		__DECLARE_FLEX_ARRAY(struct prxe_sge, sge);
		__DECLARE_FLEX_ARRAY(__u8, inline_data);
	};
};

/**
 * struct prxe_recv_wqe - one slot of a receive queue
 * @wr_id: handed back in the completion
 * @num_sge: entries in use of @sge
 * @reserved: 0
 * @sge: scatter/gather list, room for max_recv_sge entries
 */
struct prxe_recv_wqe {
	__aligned_u64 wr_id;
	__u32 num_sge;
	__u32 reserved;
	struct prxe_sge sge[];
};

/* prxe_cqe.flags; the values are those of libibverbs' enum ibv_wc_flags */
#define PRXE_WC_GRH		(1 << 0)
#define PRXE_WC_WITH_IMM	(1 << 1)
#define PRXE_WC_WITH_INVALIDATE	(1 << 3)
/* on QP 1 only, which is the kernel's */
#define PRXE_WC_WITH_VLAN	(1 << 30)

/**
 * struct prxe_cqe - one slot of a completion queue
 * @wr_id: of the work request
 * @timestamp: nanoseconds of CLOCK_MONOTONIC_RAW when the entry was made; 0
 *	unless the queue was created with PRXE_CQ_TIMESTAMP
 * @status: an enum ib_uverbs_wc_status
 * @opcode: an enum ib_uverbs_wc_opcode
 * @byte_len: bytes received or read
 * @imm_data: immediate data, big endian, or the rkey that was invalidated
 * @qp_num: the local queue pair
 * @src_qp: the remote queue pair of a datagram
 * @flags: PRXE_WC_*
 * @vendor_err: why a status other than success; see docs/uabi.md
 * @pkey_index: of a datagram on QP 1
 * @vlan_id: of a datagram on QP 1, with PRXE_WC_WITH_VLAN
 * @reserved: 0
 */
struct prxe_cqe {
	__aligned_u64 wr_id;
	__aligned_u64 timestamp;
	__u32 status;
	__u32 opcode;
	__u32 byte_len;
	__u32 imm_data;
	__u32 qp_num;
	__u32 src_qp;
	__u32 flags;
	__u32 vendor_err;
	__u16 pkey_index;
	__u16 vlan_id;
	__u16 reserved[6];
};

struct prxe_alloc_ucontext_req {
	__aligned_u64 comp_mask;
};

struct prxe_alloc_ucontext_resp {
	__aligned_u64 comp_mask;
	__u32 max_inline;
	__u32 reserved;
};

/**
 * struct prxe_ring_info - where to map a ring
 * @offset: for mmap() on the command fd
 * @size: bytes to map, whole pages
 * @slots: number of slots, a power of two
 * @stride: bytes from slot to slot
 * @first: offset of the first slot in the mapping
 * @reserved: 0
 */
struct prxe_ring_info {
	__aligned_u64 offset;
	__u32 size;
	__u32 slots;
	__u32 stride;
	__u32 first;
};

#define PRXE_CQ_TIMESTAMP	(1 << 0)

struct prxe_create_cq_req {
	__aligned_u64 comp_mask;
	__u32 flags;
	__u32 reserved;
};

struct prxe_create_cq_resp {
	struct prxe_ring_info ring;
};

struct prxe_resize_cq_resp {
	struct prxe_ring_info ring;
};

struct prxe_create_qp_req {
	__aligned_u64 comp_mask;
};

struct prxe_create_qp_resp {
	struct prxe_ring_info sq;
	struct prxe_ring_info rq;	/* all zero with a shared receive queue */
};

struct prxe_create_srq_resp {
	struct prxe_ring_info ring;
	__u32 srqn;
	__u32 reserved;
};

/**
 * struct prxe_modify_srq_req - with IB_SRQ_MAX_WR
 * @comp_mask: 0
 * @ring: address of a struct prxe_ring_info that the new ring is told in; the
 *	command has no response
 */
struct prxe_modify_srq_req {
	__aligned_u64 comp_mask;
	__aligned_u64 ring;
};

struct prxe_create_ah_resp {
	__u32 ah;
	__u32 reserved;
};

#endif /* PRXE_ABI_USER_H */
