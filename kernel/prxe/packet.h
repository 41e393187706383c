/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One RoCEv2 packet's headers, from BTH to the last extension, as host order
 * fields; and the way from and to the wire. Nothing here knows of skbs: the
 * caller brings the headers into contiguous memory.
 */
#ifndef PRXE_PACKET_H
#define PRXE_PACKET_H

#include <linux/types.h>

#include "hdr.h"
#include "opcode.h"
#include "psn.h"

/**
 * struct prxe_pkt - the headers of one packet
 * @op: what the opcode means; NULL if prxe does not know it
 * @opcode: an enum prxe_opcode
 * @pad: bytes 0 to 3 between payload and ICRC
 * @se: solicited event
 * @mig: migration state, 1 means migrated, what RoCE always is
 * @ackreq: the responder shall acknowledge
 * @becn: a congestion notification came along; never built
 * @fecn: congestion was met; never built
 * @syndrome: AETH, see aeth.h
 * @pkey: partition key
 * @hdr_len: bytes of BTH and extensions; prxe_pkt_parse() only
 * @qpn: destination QP
 * @psn: packet sequence number
 * @msn: AETH, message sequence number
 * @payload_len: without pad; prxe_pkt_parse() only
 * @va: RETH or atomic, remote address
 * @rkey: RETH or atomic, remote key
 * @length: RETH, bytes of the whole message
 * @flush_type: FETH, placement types: bits of enum ib_placement_type, if none of
 *	the reserved ones
 * @flush_level: FETH, an enum ib_selectivity_level, if not a reserved one
 * @swap_add: atomic
 * @compare: atomic
 * @orig: atomic response, the value before
 * @imm: immediate data, as it is on the wire
 * @inv_rkey: IETH, key to invalidate
 * @qkey: DETH
 * @src_qp: DETH, the sender's QP
 *
 * Only the fields of headers that @opcode has are read by prxe_pkt_build();
 * all others are 0 after prxe_pkt_parse().
 */
struct prxe_pkt {
	const struct prxe_op_info *op;
	u8 opcode;
	u8 pad;
	u8 syndrome;
	bool se;
	bool mig;
	bool ackreq;
	bool becn;
	bool fecn;
	u16 pkey;
	u16 hdr_len;
	u32 qpn;
	u32 psn;
	u32 msn;
	u32 payload_len;
	u64 va;
	u32 rkey;
	u32 length;
	u8 flush_type;
	u8 flush_level;
	u64 swap_add;
	u64 compare;
	u64 orig;
	__be32 imm;
	u32 inv_rkey;
	u32 qkey;
	u32 src_qp;
};

/**
 * prxe_pkt_parse() - read and check the headers of a received packet
 * @buf: BTH and what follows, at any alignment
 * @avail: contiguous bytes at @buf that may be read; PRXE_MAX_HDR_LEN are
 *	enough for any packet
 * @pkt_len: the whole packet, from BTH to ICRC: the UDP payload
 * @p: filled in
 *
 * Checks what can be told without the QP (IBTA vol 1, 9.6.1): header version,
 * opcode, that packet and @avail hold all headers, a length that is a multiple
 * of four, no payload or pad where there can be none, no more pad than payload.
 *
 * Return: 0; -EINVAL for a malformed packet, to be dropped silently;
 * -EOPNOTSUPP for an opcode that prxe does not know, with the BTH's fields of
 * @p set (a responder may answer NAK invalid request) and @p->op NULL.
 */
int prxe_pkt_parse(const void *buf, unsigned int avail, unsigned int pkt_len,
		   struct prxe_pkt *p);

/**
 * prxe_pkt_build() - write BTH and extensions
 * @buf: room for PRXE_MAX_HDR_LEN bytes, or for the header length of the
 *	packet's opcode; any alignment
 * @p: the packet; @p->opcode must be valid, @p->op need not be set
 *
 * Reserved bits, FECN and BECN are written as zero, the header version as
 * PRXE_BTH_TVER.
 *
 * Return: bytes written.
 */
unsigned int prxe_pkt_build(void *buf, const struct prxe_pkt *p);

/**
 * prxe_pkt_wire_len() - bytes from BTH to ICRC
 * @opcode: a valid opcode
 * @payload: bytes of payload
 *
 * Return: the UDP payload's length.
 */
static inline unsigned int prxe_pkt_wire_len(u8 opcode, unsigned int payload)
{
	return prxe_op_table[opcode].hdr_len + ((payload + 3) & ~3u) +
	       PRXE_ICRC_LEN;
}

#endif /* PRXE_PACKET_H */
