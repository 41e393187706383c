/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A message and its packets: how many, where each begins, and which of them
 * can leave together in one segmented skb, a train.
 *
 * Packets of a message are counted from 0. All but the last carry the path MTU
 * of payload. A message of no bytes is one packet. The same arithmetic serves
 * requests and read responses (IBTA vol 1, 9.7.2 and 9.4.4).
 */
#ifndef PRXE_SEGMENT_H
#define PRXE_SEGMENT_H

#include <linux/types.h>
#include <linux/errno.h>

#include "hdr.h"
#include "opcode.h"
#include "psn.h"

/*
 * The most bytes of UDP payload in one train: IPv4's total length and IPv6's
 * payload length are 16 bits wide.
 */
#define PRXE_TRAIN_MAX_BYTES	(65535 - PRXE_IPV6_LEN - PRXE_UDP_LEN)

/**
 * prxe_seg_count() - packets of a message
 * @length: bytes, 0 to 2^31
 * @mtu: path MTU, not 0
 *
 * Return: at least 1, at most 2^23.
 */
static inline u32 prxe_seg_count(u32 length, u32 mtu)
{
	return length ? (length - 1) / mtu + 1 : 1;
}

/**
 * prxe_seg_psn() - the PSN of the packet that carries a byte
 * @first_psn: PSN of the message's first packet
 * @offset: of the byte in the message
 * @mtu: path MTU
 *
 * Return: the PSN.
 */
static inline u32 prxe_seg_psn(u32 first_psn, u32 offset, u32 mtu)
{
	return prxe_psn_add(first_psn, offset / mtu);
}

/**
 * prxe_seg_index() - which packet of its message has this PSN
 * @first_psn: PSN of the message's first packet
 * @psn: of a packet of this message
 *
 * Return: counted from 0. For a PSN outside the message the result is at least
 * prxe_seg_count(), which is the way to find out.
 */
static inline u32 prxe_seg_index(u32 first_psn, u32 psn)
{
	return prxe_psn_add(psn, -first_psn);
}

/**
 * prxe_seg_offset() - where the payload of a packet begins in its message
 * @first_psn: PSN of the message's first packet
 * @psn: of a packet
 * @mtu: path MTU
 *
 * Return: bytes; beyond the message for a PSN that is not part of it.
 */
static inline u64 prxe_seg_offset(u32 first_psn, u32 psn, u32 mtu)
{
	return (u64)prxe_seg_index(first_psn, psn) * mtu;
}

/**
 * prxe_seg_is_first() - is packet @i the first one?
 * @i: packet
 *
 * Return: true if so.
 */
static inline bool prxe_seg_is_first(u32 i)
{
	return i == 0;
}

/**
 * prxe_seg_is_last() - is packet @i the last one?
 * @length: bytes of the message
 * @mtu: path MTU
 * @i: packet
 *
 * Return: true if so.
 */
static inline bool prxe_seg_is_last(u32 length, u32 mtu, u32 i)
{
	return i + 1 == prxe_seg_count(length, mtu);
}

/**
 * prxe_seg_payload() - bytes of payload in packet @i
 * @length: bytes of the message
 * @mtu: path MTU
 * @i: packet, less than prxe_seg_count()
 *
 * Return: bytes, without pad; 0 for an @i beyond the message.
 */
static inline u32 prxe_seg_payload(u32 length, u32 mtu, u32 i)
{
	u64 begin = (u64)i * mtu;

	if (begin >= length)
		return 0;
	return length - begin < mtu ? length - (u32)begin : mtu;
}

/**
 * prxe_seg_part() - how much of a message is about so many bytes
 * @length: bytes of the message
 * @mtu: path MTU
 * @start: the first packet of the part, less than prxe_seg_count()
 * @max: bytes
 *
 * Return: packets from @start on, whole ones: 1 or more, and more than one only
 * if that is no more than @max bytes.
 */
static inline u32 prxe_seg_part(u32 length, u32 mtu, u32 start, u32 max)
{
	u32 left = prxe_seg_count(length, mtu) - start;
	u32 n = max / mtu;

	if (n > left)
		n = left;
	return n ? n : 1;
}

/**
 * prxe_seg_bytes() - bytes of payload in consecutive packets
 * @length: bytes of the message
 * @mtu: path MTU
 * @start: the first of them
 * @n: how many; @start + @n is at most prxe_seg_count()
 *
 * Return: bytes.
 */
static inline u32 prxe_seg_bytes(u32 length, u32 mtu, u32 start, u32 n)
{
	u32 left = length - start * mtu;

	return (u64)n * mtu < left ? n * mtu : left;
}

/**
 * prxe_pad() - bytes of pad behind a payload (IBTA vol 1, 9.2.4)
 * @payload: bytes
 *
 * Return: 0 to 3.
 */
static inline u32 prxe_pad(u32 payload)
{
	return -payload & 3;
}

/**
 * struct prxe_seg_msg - a message, as far as its segmentation goes
 * @length: bytes
 * @mtu: path MTU, a multiple of 4
 * @first_hdr: bytes of BTH and extensions of the FIRST packet
 * @middle_hdr: the same of a MIDDLE packet
 * @last_hdr: the same of the LAST packet
 * @only_hdr: the same if there is but one packet
 * @short_tail: a LAST packet that is shorter than the others on the wire, or
 *	of another header length, may end a train, as it may with UDP GSO. If
 *	not set, all packets of a train are alike.
 */
struct prxe_seg_msg {
	u32 length;
	u32 mtu;
	u8 first_hdr;
	u8 middle_hdr;
	u8 last_hdr;
	u8 only_hdr;
	bool short_tail;
};

/**
 * prxe_seg_msg_request() - describe a request message
 * @m: filled in; short_tail is off
 * @transport: of the QP
 * @wr_opcode: a SEND or RDMA WRITE of enum ib_uverbs_wr_opcode
 * @length: bytes
 * @mtu: path MTU
 *
 * Return: 0, or -EINVAL for an operation that is not sent in segments.
 */
static inline int prxe_seg_msg_request(struct prxe_seg_msg *m,
				       enum prxe_transport transport,
				       u32 wr_opcode, u32 length, u32 mtu)
{
	int first = prxe_request_opcode(transport, wr_opcode, true, false);
	int middle = prxe_request_opcode(transport, wr_opcode, false, false);
	int last = prxe_request_opcode(transport, wr_opcode, false, true);
	int only = prxe_request_opcode(transport, wr_opcode, true, true);

	if (only < 0)
		return only;
	/* A datagram has no other packets; a read or atomic is one anyway. */
	if (first < 0 || first == only) {
		if (transport != PRXE_UD || length > mtu)
			return -EINVAL;
		first = only;
		middle = only;
		last = only;
	}
	*m = (struct prxe_seg_msg) {
		.length = length,
		.mtu = mtu,
		.first_hdr = prxe_op_table[first].hdr_len,
		.middle_hdr = prxe_op_table[middle].hdr_len,
		.last_hdr = prxe_op_table[last].hdr_len,
		.only_hdr = prxe_op_table[only].hdr_len,
	};
	return 0;
}

/**
 * prxe_seg_msg_read_resp() - describe a read response
 * @m: filled in; short_tail is off
 * @length: bytes that this response still has to carry
 * @mtu: path MTU
 */
static inline void prxe_seg_msg_read_resp(struct prxe_seg_msg *m, u32 length,
					  u32 mtu)
{
	*m = (struct prxe_seg_msg) {
		.length = length,
		.mtu = mtu,
		.first_hdr = PRXE_BTH_LEN + PRXE_AETH_LEN,
		.middle_hdr = PRXE_BTH_LEN,
		.last_hdr = PRXE_BTH_LEN + PRXE_AETH_LEN,
		.only_hdr = PRXE_BTH_LEN + PRXE_AETH_LEN,
	};
}

/**
 * prxe_seg_hdr_len() - bytes of BTH and extensions of packet @i
 * @m: message
 * @i: packet
 *
 * Return: bytes.
 */
static inline u32 prxe_seg_hdr_len(const struct prxe_seg_msg *m, u32 i)
{
	bool last = prxe_seg_is_last(m->length, m->mtu, i);

	if (i == 0)
		return last ? m->only_hdr : m->first_hdr;
	return last ? m->last_hdr : m->middle_hdr;
}

/**
 * prxe_seg_wire_len() - bytes of packet @i from BTH to ICRC
 * @m: message
 * @i: packet
 *
 * Return: bytes.
 */
static inline u32 prxe_seg_wire_len(const struct prxe_seg_msg *m, u32 i)
{
	u32 payload = prxe_seg_payload(m->length, m->mtu, i);

	return prxe_seg_hdr_len(m, i) + payload + prxe_pad(payload) +
	       PRXE_ICRC_LEN;
}

/**
 * prxe_seg_train() - how many packets leave together
 * @m: message
 * @start: the first packet to send
 * @window: packets that may be sent now
 * @max_bytes: of UDP payload in one train, at most PRXE_TRAIN_MAX_BYTES
 *
 * Packets of a train follow one another, have headers of one length and are of
 * one size on the wire (but see short_tail). So a WRITE's FIRST, which carries
 * the RETH, goes alone, and the MIDDLEs together with LAST, if that is full and
 * has no immediate data. A train of one packet is just a packet: @max_bytes
 * does not stop it.
 *
 * Return: packets, 1 or more; 0 if @window is 0 or @start is past the message.
 */
static inline u32 prxe_seg_train(const struct prxe_seg_msg *m, u32 start,
				 u32 window, u32 max_bytes)
{
	u32 count = prxe_seg_count(m->length, m->mtu);
	u32 hdr, size, n, last;

	if (start >= count || !window)
		return 0;
	hdr = prxe_seg_hdr_len(m, start);
	size = prxe_seg_wire_len(m, start);

	/* So many the window, the size and the message allow. */
	n = max_bytes / size;
	if (n > window)
		n = window;
	if (n > count - start)
		n = count - start;
	if (n <= 1)
		return 1;

	/* Past the first come MIDDLEs, all alike, and perhaps the LAST. */
	if (start + 1 < count - 1 && prxe_seg_hdr_len(m, start + 1) != hdr)
		return 1;
	if (start + n < count)
		return n;
	last = prxe_seg_wire_len(m, count - 1);
	if (last == size && prxe_seg_hdr_len(m, count - 1) == hdr)
		return n;
	return m->short_tail && last <= size ? n : n - 1;
}

#endif /* PRXE_SEGMENT_H */
