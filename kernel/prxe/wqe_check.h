/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Validation of work queue entries that a user wrote.
 *
 * The caller copies the slot out of the shared ring once, all its stride, and
 * checks the copy; these functions read no more than the stride. What needs a
 * memory region, an address handle or the QP's state is not checked here.
 *
 * Every error is a completion of the work request, never of the system call:
 *
 *	-EINVAL		IB_WC_LOC_QP_OP_ERR	the entry is malformed
 *	-EOPNOTSUPP	IB_WC_LOC_QP_OP_ERR	not an operation of this service
 *	-EMSGSIZE	IB_WC_LOC_LEN_ERR	the length is wrong
 */
#ifndef PRXE_WQE_CHECK_H
#define PRXE_WQE_CHECK_H

#include <linux/types.h>

#include "opcode.h"

struct prxe_send_wqe;
struct prxe_recv_wqe;

/* IB_WR_REG_MR, for which user space has no name; its fields are those of mw */
#define PRXE_WR_REG_MR		0x20

/**
 * struct prxe_wqe_limits - what a queue was created with
 * @transport: of the QP; not used for receive queues
 * @kernel: of a kernel user, who has operations of his own
 * @max_sge: entries of the scatter/gather list
 * @max_inline: bytes of inline data; not used for receive queues
 * @stride: bytes of a slot
 * @max_ud: largest datagram of any port; only used with PRXE_UD
 */
struct prxe_wqe_limits {
	enum prxe_transport transport;
	bool kernel;
	u32 max_sge;
	u32 max_inline;
	u32 stride;
	u32 max_ud;
};

/**
 * struct prxe_wqe_info - what the check found out
 * @length: bytes of the message, at most PRXE_MAX_MSG_LEN
 * @size: bytes of the entry in use, at most the stride
 * @num_sge: entries of the scatter/gather list
 * @is_inline: the payload is in the entry; the length is its length
 * @sends: packets go out; false for local invalidate, bind and registration
 */
struct prxe_wqe_info {
	u32 length;
	u32 size;
	u16 num_sge;
	bool is_inline;
	bool sends;
};

/**
 * prxe_send_wqe_check() - validate a private copy of a send queue entry
 * @wqe: the copy, of @lim->stride bytes
 * @lim: limits of the queue
 * @out: filled in on success
 *
 * Follows IBTA vol 1, 10.8.2 and 11.4.1.1: which operation belongs to which
 * service; inline data for SEND and RDMA WRITE only; exactly eight bytes for an
 * atomic; no data at all for local invalidate, bind and registration, for a flush,
 * which is one to some placement and of a known level, and for an atomic write,
 * whose eight bytes are among the operands. Flags that have no
 * meaning for the operation (fence without RC, solicited for a read) are
 * ignored, flags outside PRXE_SEND_* are not.
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP or -EMSGSIZE, see above.
 */
int prxe_send_wqe_check(const struct prxe_send_wqe *wqe,
			const struct prxe_wqe_limits *lim,
			struct prxe_wqe_info *out);

/**
 * prxe_recv_wqe_check() - validate a private copy of a receive queue entry
 * @wqe: the copy, of @lim->stride bytes
 * @lim: limits of the queue
 * @out: filled in on success; the length is the room of the whole list, and a
 *	list with room for more than PRXE_MAX_MSG_LEN is refused
 *
 * Return: 0, -EINVAL or -EMSGSIZE, see above.
 */
int prxe_recv_wqe_check(const struct prxe_recv_wqe *wqe,
			const struct prxe_wqe_limits *lim,
			struct prxe_wqe_info *out);

#endif /* PRXE_WQE_CHECK_H */
