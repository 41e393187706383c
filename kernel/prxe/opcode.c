// SPDX-License-Identifier: GPL-2.0
/*
 * The opcode table and the rules about sequences of opcodes.
 *
 * An entry of the table is made of a header shape and a kind. A shape names
 * both the flags and the length of the headers, so that the two cannot
 * disagree; an opcode in the wrong service's range, or a shape that is longer
 * than PRXE_MAX_HDR_LEN, does not compile.
 */
#include <linux/array_size.h>
#include <linux/build_bug.h>
#include <linux/errno.h>
#include <rdma/ib_user_verbs.h>

#include "hdr.h"
#include "opcode.h"

/* Header shapes: the length of BTH and extensions, and what these are. */
enum {
	LEN_NONE	= PRXE_BTH_LEN,
	LEN_RETH	= LEN_NONE + PRXE_RETH_LEN,
	LEN_RETH_IMM	= LEN_RETH + PRXE_IMM_LEN,
	LEN_FETH_RETH	= LEN_NONE + PRXE_FETH_LEN + PRXE_RETH_LEN,
	LEN_IMM		= LEN_NONE + PRXE_IMM_LEN,
	LEN_IETH	= LEN_NONE + PRXE_IETH_LEN,
	LEN_AETH	= LEN_NONE + PRXE_AETH_LEN,
	LEN_AETH_ORIG	= LEN_AETH + PRXE_ATOMIC_ACK_LEN,
	LEN_ATOMIC_ETH	= LEN_NONE + PRXE_ATOMIC_ETH_LEN,
	LEN_DETH	= LEN_NONE + PRXE_DETH_LEN,
	LEN_DETH_IMM	= LEN_DETH + PRXE_IMM_LEN,
};

enum {
	HAS_NONE	= 0,
	HAS_RETH	= PRXE_OP_HAS_RETH,
	HAS_RETH_IMM	= HAS_RETH | PRXE_OP_HAS_IMM,
	HAS_FETH_RETH	= PRXE_OP_HAS_FETH | HAS_RETH,
	HAS_IMM		= PRXE_OP_HAS_IMM,
	HAS_IETH	= PRXE_OP_HAS_IETH,
	HAS_AETH	= PRXE_OP_HAS_AETH,
	HAS_AETH_ORIG	= HAS_AETH | PRXE_OP_HAS_ATOMIC_ACK,
	HAS_ATOMIC_ETH	= PRXE_OP_HAS_ATOMIC_ETH,
	HAS_DETH	= PRXE_OP_HAS_DETH,
	HAS_DETH_IMM	= HAS_DETH | PRXE_OP_HAS_IMM,
};

/* Kinds */
enum {
	K_FIRST		= PRXE_OP_FIRST,
	K_MIDDLE	= PRXE_OP_MIDDLE,
	K_LAST		= PRXE_OP_LAST,
	K_ONLY		= PRXE_OP_ONLY,
	K_RECV		= PRXE_OP_RECV,
	K_SEND		= PRXE_OP_REQUEST | PRXE_OP_SEND | PRXE_OP_PAYLOAD,
	K_WRITE		= PRXE_OP_REQUEST | PRXE_OP_WRITE | PRXE_OP_PAYLOAD,
	K_READ		= PRXE_OP_REQUEST | PRXE_OP_READ_REQ | PRXE_OP_ONLY,
	K_ATOMIC	= PRXE_OP_REQUEST | PRXE_OP_ATOMIC | PRXE_OP_ONLY,
	K_FLUSH		= PRXE_OP_REQUEST | PRXE_OP_FLUSH | PRXE_OP_ONLY,
	K_ATOMIC_WRITE	= PRXE_OP_REQUEST | PRXE_OP_ATOMIC_WRITE |
			  PRXE_OP_PAYLOAD | PRXE_OP_ONLY,
	K_RESP		= PRXE_OP_RESPONSE | PRXE_OP_READ_RESP |
			  PRXE_OP_PAYLOAD,
	K_ACK		= PRXE_OP_RESPONSE | PRXE_OP_ACK | PRXE_OP_ONLY,
	K_ATOMIC_RESP	= PRXE_OP_RESPONSE | PRXE_OP_ATOMIC_RESP |
			  PRXE_OP_ONLY,
};

#define OP(tr, op, shape, kind)						\
	[PRXE_##tr##_##op] = {						\
		.name = #tr " " #op,					\
		.flags = HAS_##shape | (kind),				\
		.hdr_len = LEN_##shape +				\
			   BUILD_BUG_ON_ZERO(LEN_##shape > PRXE_MAX_HDR_LEN) + \
			   BUILD_BUG_ON_ZERO(PRXE_##tr##_##op >> 5 !=	\
					     PRXE_BTH_##tr >> 5),	\
		.transport = PRXE_##tr,					\
	}

const struct prxe_op_info prxe_op_table[PRXE_NUM_OPCODES] = {
	OP(RC, SEND_FIRST, NONE, K_SEND | K_FIRST),
	OP(RC, SEND_MIDDLE, NONE, K_SEND | K_MIDDLE),
	OP(RC, SEND_LAST, NONE, K_SEND | K_LAST | K_RECV),
	OP(RC, SEND_LAST_IMM, IMM, K_SEND | K_LAST | K_RECV),
	OP(RC, SEND_ONLY, NONE, K_SEND | K_ONLY | K_RECV),
	OP(RC, SEND_ONLY_IMM, IMM, K_SEND | K_ONLY | K_RECV),
	OP(RC, WRITE_FIRST, RETH, K_WRITE | K_FIRST),
	OP(RC, WRITE_MIDDLE, NONE, K_WRITE | K_MIDDLE),
	OP(RC, WRITE_LAST, NONE, K_WRITE | K_LAST),
	OP(RC, WRITE_LAST_IMM, IMM, K_WRITE | K_LAST | K_RECV),
	OP(RC, WRITE_ONLY, RETH, K_WRITE | K_ONLY),
	OP(RC, WRITE_ONLY_IMM, RETH_IMM, K_WRITE | K_ONLY | K_RECV),
	OP(RC, READ_REQUEST, RETH, K_READ),
	OP(RC, READ_RESP_FIRST, AETH, K_RESP | K_FIRST),
	OP(RC, READ_RESP_MIDDLE, NONE, K_RESP | K_MIDDLE),
	OP(RC, READ_RESP_LAST, AETH, K_RESP | K_LAST),
	OP(RC, READ_RESP_ONLY, AETH, K_RESP | K_ONLY),
	OP(RC, ACK, AETH, K_ACK),
	OP(RC, ATOMIC_ACK, AETH_ORIG, K_ATOMIC_RESP),
	OP(RC, COMPARE_SWAP, ATOMIC_ETH, K_ATOMIC),
	OP(RC, FETCH_ADD, ATOMIC_ETH, K_ATOMIC),
	OP(RC, SEND_LAST_INV, IETH, K_SEND | K_LAST | K_RECV),
	OP(RC, SEND_ONLY_INV, IETH, K_SEND | K_ONLY | K_RECV),
	OP(RC, FLUSH, FETH_RETH, K_FLUSH),
	OP(RC, ATOMIC_WRITE, RETH, K_ATOMIC_WRITE),

	OP(UC, SEND_FIRST, NONE, K_SEND | K_FIRST),
	OP(UC, SEND_MIDDLE, NONE, K_SEND | K_MIDDLE),
	OP(UC, SEND_LAST, NONE, K_SEND | K_LAST | K_RECV),
	OP(UC, SEND_LAST_IMM, IMM, K_SEND | K_LAST | K_RECV),
	OP(UC, SEND_ONLY, NONE, K_SEND | K_ONLY | K_RECV),
	OP(UC, SEND_ONLY_IMM, IMM, K_SEND | K_ONLY | K_RECV),
	OP(UC, WRITE_FIRST, RETH, K_WRITE | K_FIRST),
	OP(UC, WRITE_MIDDLE, NONE, K_WRITE | K_MIDDLE),
	OP(UC, WRITE_LAST, NONE, K_WRITE | K_LAST),
	OP(UC, WRITE_LAST_IMM, IMM, K_WRITE | K_LAST | K_RECV),
	OP(UC, WRITE_ONLY, RETH, K_WRITE | K_ONLY),
	OP(UC, WRITE_ONLY_IMM, RETH_IMM, K_WRITE | K_ONLY | K_RECV),

	OP(UD, SEND_ONLY, DETH, K_SEND | K_ONLY | K_RECV),
	OP(UD, SEND_ONLY_IMM, DETH_IMM, K_SEND | K_ONLY | K_RECV),
};

/* A work request's packets, by place; of the RC service. */
struct wr_opcodes {
	u8 first;
	u8 middle;
	u8 last;
	u8 only;
	u8 services;	/* a bit for each enum prxe_transport */
};

#define ON_RC	BIT(PRXE_RC)
#define ON_UC	BIT(PRXE_UC)
#define ON_UD	BIT(PRXE_UD)

#define WR_SEGMENTED(op, last, only, svc)				\
	{ PRXE_RC_##op##_FIRST, PRXE_RC_##op##_MIDDLE,			\
	  PRXE_RC_##last, PRXE_RC_##only, svc }
#define WR_SINGLE(op)							\
	{ PRXE_RC_##op, PRXE_RC_##op, PRXE_RC_##op, PRXE_RC_##op, ON_RC }

static const struct wr_opcodes wr_opcodes[] = {
	[IB_UVERBS_WR_SEND] =
		WR_SEGMENTED(SEND, SEND_LAST, SEND_ONLY,
			     ON_RC | ON_UC | ON_UD),
	[IB_UVERBS_WR_SEND_WITH_IMM] =
		WR_SEGMENTED(SEND, SEND_LAST_IMM, SEND_ONLY_IMM,
			     ON_RC | ON_UC | ON_UD),
	[IB_UVERBS_WR_SEND_WITH_INV] =
		WR_SEGMENTED(SEND, SEND_LAST_INV, SEND_ONLY_INV, ON_RC),
	[IB_UVERBS_WR_RDMA_WRITE] =
		WR_SEGMENTED(WRITE, WRITE_LAST, WRITE_ONLY, ON_RC | ON_UC),
	[IB_UVERBS_WR_RDMA_WRITE_WITH_IMM] =
		WR_SEGMENTED(WRITE, WRITE_LAST_IMM, WRITE_ONLY_IMM,
			     ON_RC | ON_UC),
	[IB_UVERBS_WR_RDMA_READ] = WR_SINGLE(READ_REQUEST),
	[IB_UVERBS_WR_ATOMIC_CMP_AND_SWP] = WR_SINGLE(COMPARE_SWAP),
	[IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD] = WR_SINGLE(FETCH_ADD),
	[IB_UVERBS_WR_FLUSH] = WR_SINGLE(FLUSH),
	[IB_UVERBS_WR_ATOMIC_WRITE] = WR_SINGLE(ATOMIC_WRITE),
};

int prxe_request_opcode(enum prxe_transport transport, u32 wr_opcode,
			bool first, bool last)
{
	static const u8 base[PRXE_NUM_TRANSPORTS] = {
		[PRXE_RC] = PRXE_BTH_RC,
		[PRXE_UC] = PRXE_BTH_UC,
		[PRXE_UD] = PRXE_BTH_UD,
	};
	const struct wr_opcodes *wr;
	u8 op;

	if (transport >= PRXE_NUM_TRANSPORTS ||
	    wr_opcode >= ARRAY_SIZE(wr_opcodes))
		return -EINVAL;
	wr = &wr_opcodes[wr_opcode];
	if (!(wr->services & BIT(transport)))
		return -EINVAL;
	if (first)
		op = last ? wr->only : wr->first;
	else
		op = last ? wr->last : wr->middle;
	op |= base[transport];
	return prxe_opcode_valid(op) ? op : -EINVAL;
}

bool prxe_opcode_follows(enum prxe_msg_state state, u8 opcode)
{
	u32 flags = prxe_op_table[opcode].flags;

	if (!(flags & PRXE_OP_REQUEST))
		return false;
	switch (state) {
	case PRXE_MSG_NONE:
		return flags & PRXE_OP_FIRST;
	case PRXE_MSG_SEND:
		return flags & PRXE_OP_SEND && !(flags & PRXE_OP_FIRST);
	case PRXE_MSG_WRITE:
		return flags & PRXE_OP_WRITE && !(flags & PRXE_OP_FIRST);
	}
	return false;
}

enum prxe_msg_state prxe_msg_state_after(u8 opcode)
{
	u32 flags = prxe_op_table[opcode].flags;

	if (flags & PRXE_OP_LAST)
		return PRXE_MSG_NONE;
	if (flags & PRXE_OP_SEND)
		return PRXE_MSG_SEND;
	return flags & PRXE_OP_WRITE ? PRXE_MSG_WRITE : PRXE_MSG_NONE;
}
