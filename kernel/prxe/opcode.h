/* SPDX-License-Identifier: GPL-2.0 */
/*
 * BTH opcodes and what each of them means (IBTA vol 1, 9.2.1, table "OpCode
 * field").
 *
 * All questions about an opcode are answered by one constant table,
 * prxe_op_table[]: which headers follow the BTH, what kind of operation it is
 * part of, and where in its message it stands. An ONLY packet is both FIRST
 * and LAST.
 */
#ifndef PRXE_OPCODE_H
#define PRXE_OPCODE_H

#include <linux/types.h>
#include <linux/bits.h>

/** enum prxe_transport - the services that prxe speaks */
enum prxe_transport {
	PRXE_RC,
	PRXE_UC,
	PRXE_UD,
	PRXE_NUM_TRANSPORTS,
};

/* The top three bits of an opcode. */
#define PRXE_BTH_RC		0x00
#define PRXE_BTH_UC		0x20
#define PRXE_BTH_UD		0x60

/** enum prxe_opcode - BTH opcodes */
enum prxe_opcode {
	PRXE_RC_SEND_FIRST		= PRXE_BTH_RC | 0x00,
	PRXE_RC_SEND_MIDDLE		= PRXE_BTH_RC | 0x01,
	PRXE_RC_SEND_LAST		= PRXE_BTH_RC | 0x02,
	PRXE_RC_SEND_LAST_IMM		= PRXE_BTH_RC | 0x03,
	PRXE_RC_SEND_ONLY		= PRXE_BTH_RC | 0x04,
	PRXE_RC_SEND_ONLY_IMM		= PRXE_BTH_RC | 0x05,
	PRXE_RC_WRITE_FIRST		= PRXE_BTH_RC | 0x06,
	PRXE_RC_WRITE_MIDDLE		= PRXE_BTH_RC | 0x07,
	PRXE_RC_WRITE_LAST		= PRXE_BTH_RC | 0x08,
	PRXE_RC_WRITE_LAST_IMM		= PRXE_BTH_RC | 0x09,
	PRXE_RC_WRITE_ONLY		= PRXE_BTH_RC | 0x0a,
	PRXE_RC_WRITE_ONLY_IMM		= PRXE_BTH_RC | 0x0b,
	PRXE_RC_READ_REQUEST		= PRXE_BTH_RC | 0x0c,
	PRXE_RC_READ_RESP_FIRST		= PRXE_BTH_RC | 0x0d,
	PRXE_RC_READ_RESP_MIDDLE	= PRXE_BTH_RC | 0x0e,
	PRXE_RC_READ_RESP_LAST		= PRXE_BTH_RC | 0x0f,
	PRXE_RC_READ_RESP_ONLY		= PRXE_BTH_RC | 0x10,
	PRXE_RC_ACK			= PRXE_BTH_RC | 0x11,
	PRXE_RC_ATOMIC_ACK		= PRXE_BTH_RC | 0x12,
	PRXE_RC_COMPARE_SWAP		= PRXE_BTH_RC | 0x13,
	PRXE_RC_FETCH_ADD		= PRXE_BTH_RC | 0x14,
	/* 0x15 is reserved */
	PRXE_RC_SEND_LAST_INV		= PRXE_BTH_RC | 0x16,
	PRXE_RC_SEND_ONLY_INV		= PRXE_BTH_RC | 0x17,
	PRXE_RC_FLUSH			= PRXE_BTH_RC | 0x1c,
	PRXE_RC_ATOMIC_WRITE		= PRXE_BTH_RC | 0x1d,

	PRXE_UC_SEND_FIRST		= PRXE_BTH_UC | 0x00,
	PRXE_UC_SEND_MIDDLE		= PRXE_BTH_UC | 0x01,
	PRXE_UC_SEND_LAST		= PRXE_BTH_UC | 0x02,
	PRXE_UC_SEND_LAST_IMM		= PRXE_BTH_UC | 0x03,
	PRXE_UC_SEND_ONLY		= PRXE_BTH_UC | 0x04,
	PRXE_UC_SEND_ONLY_IMM		= PRXE_BTH_UC | 0x05,
	PRXE_UC_WRITE_FIRST		= PRXE_BTH_UC | 0x06,
	PRXE_UC_WRITE_MIDDLE		= PRXE_BTH_UC | 0x07,
	PRXE_UC_WRITE_LAST		= PRXE_BTH_UC | 0x08,
	PRXE_UC_WRITE_LAST_IMM		= PRXE_BTH_UC | 0x09,
	PRXE_UC_WRITE_ONLY		= PRXE_BTH_UC | 0x0a,
	PRXE_UC_WRITE_ONLY_IMM		= PRXE_BTH_UC | 0x0b,

	PRXE_UD_SEND_ONLY		= PRXE_BTH_UD | 0x04,
	PRXE_UD_SEND_ONLY_IMM		= PRXE_BTH_UD | 0x05,

	/* Congestion notification, of no transport; not in the table. */
	PRXE_CNP			= 0x81,
};

#define PRXE_NUM_OPCODES	256

/* prxe_op_info.flags: what the packet is */
#define PRXE_OP_REQUEST		BIT(0)	/* to a responder */
#define PRXE_OP_RESPONSE	BIT(1)	/* to a requester */
#define PRXE_OP_SEND		BIT(2)
#define PRXE_OP_WRITE		BIT(3)
#define PRXE_OP_READ_REQ	BIT(4)
#define PRXE_OP_READ_RESP	BIT(5)
#define PRXE_OP_ATOMIC		BIT(6)	/* request */
#define PRXE_OP_ATOMIC_RESP	BIT(7)
#define PRXE_OP_ACK		BIT(8)	/* plain ACK or NAK */
/* its place in its message */
#define PRXE_OP_FIRST		BIT(9)
#define PRXE_OP_MIDDLE		BIT(10)
#define PRXE_OP_LAST		BIT(11)
#define PRXE_OP_ONLY		(PRXE_OP_FIRST | PRXE_OP_LAST)
/* what follows the BTH */
#define PRXE_OP_HAS_DETH	BIT(12)
#define PRXE_OP_HAS_RETH	BIT(13)
#define PRXE_OP_HAS_ATOMIC_ETH	BIT(14)
#define PRXE_OP_HAS_AETH	BIT(15)
#define PRXE_OP_HAS_ATOMIC_ACK	BIT(16)
#define PRXE_OP_HAS_IMM		BIT(17)
#define PRXE_OP_HAS_IETH	BIT(18)
#define PRXE_OP_PAYLOAD		BIT(19)	/* may carry payload */
/* consumes a receive WQE when its message ends (SEND, or WRITE with IMM) */
#define PRXE_OP_RECV		BIT(20)
/* memory placement, annex A19: answered by a read response without payload */
#define PRXE_OP_FLUSH		BIT(21)
#define PRXE_OP_ATOMIC_WRITE	BIT(22)
#define PRXE_OP_HAS_FETH	BIT(23)

/**
 * struct prxe_op_info - one BTH opcode
 * @name: for messages; NULL for an opcode that prxe does not know
 * @flags: PRXE_OP_*
 * @hdr_len: bytes of the BTH and all its extensions
 * @transport: an enum prxe_transport
 */
struct prxe_op_info {
	const char *name;
	u32 flags;
	u8 hdr_len;
	u8 transport;
};

extern const struct prxe_op_info prxe_op_table[PRXE_NUM_OPCODES];

/**
 * prxe_opcode_valid() - does prxe know this opcode?
 * @opcode: first byte of a BTH
 *
 * Return: true if prxe_op_table[] has an entry for it.
 */
static inline bool prxe_opcode_valid(u8 opcode)
{
	return prxe_op_table[opcode].flags;
}

/**
 * prxe_request_opcode() - the opcode of a request packet
 * @transport: of the QP
 * @wr_opcode: an enum ib_uverbs_wr_opcode
 * @first: the packet is the first of its message
 * @last: the packet is the last of its message
 *
 * Immediate data and the key to invalidate go with the last packet. Reads,
 * atomics, flushes and atomic writes have one request packet: @first and @last
 * make no difference.
 *
 * Return: an enum prxe_opcode, or -EINVAL where the work request sends no
 * packets or the transport does not carry it (a UD message of several packets,
 * for one).
 */
int prxe_request_opcode(enum prxe_transport transport, u32 wr_opcode,
			bool first, bool last);

/**
 * prxe_read_resp_opcode() - the opcode of an RC read response packet
 * @first: the packet is the first of its response
 * @last: the packet is the last of its response
 *
 * Return: an enum prxe_opcode.
 */
static inline u8 prxe_read_resp_opcode(bool first, bool last)
{
	if (first)
		return last ? PRXE_RC_READ_RESP_ONLY : PRXE_RC_READ_RESP_FIRST;
	return last ? PRXE_RC_READ_RESP_LAST : PRXE_RC_READ_RESP_MIDDLE;
}

/**
 * enum prxe_msg_state - what a responder is in the middle of
 * @PRXE_MSG_NONE: between messages, the state of a new QP
 * @PRXE_MSG_SEND: a SEND has begun and not ended
 * @PRXE_MSG_WRITE: an RDMA WRITE has begun and not ended
 */
enum prxe_msg_state {
	PRXE_MSG_NONE,
	PRXE_MSG_SEND,
	PRXE_MSG_WRITE,
};

/**
 * prxe_opcode_follows() - may this request packet come next?
 * @state: of the responder, by the packets before
 * @opcode: of the packet, which has the expected PSN
 *
 * IBTA vol 1, 9.7.4.1.2 (RC) and 9.8.2.2.2 (UC), the schedule of valid opcode
 * sequences: a message that has begun goes on with MIDDLE and LAST of its own
 * kind; anything else begins a new one. Retransmitted requests are none of
 * this function's business.
 *
 * Return: false if the sequence is an invalid request, and for everything that
 * is not a request.
 */
bool prxe_opcode_follows(enum prxe_msg_state state, u8 opcode);

/**
 * prxe_msg_state_after() - the responder's state after it took a request packet
 * @opcode: of a packet that prxe_opcode_follows() allowed
 *
 * Return: the new state.
 */
enum prxe_msg_state prxe_msg_state_after(u8 opcode);

#endif /* PRXE_OPCODE_H */
