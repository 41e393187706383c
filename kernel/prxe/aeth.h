/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Acknowledgments: AETH syndromes, credits, RNR timers and the local ACK
 * timeout (IBTA vol 1, 9.7.5.1 and 9.7.5.2).
 *
 * A syndrome is one byte: a kind in bits 6:5 and, by kind, a credit count, an
 * RNR timer or a NAK code in bits 4:0. Bit 7 is reserved.
 */
#ifndef PRXE_AETH_H
#define PRXE_AETH_H

#include <linux/types.h>
#include <linux/bits.h>

#include "hdr.h"

/** enum prxe_aeth_kind - bits 6:5 of a syndrome */
enum prxe_aeth_kind {
	PRXE_AETH_ACK		= 0x00,
	PRXE_AETH_RNR		= 0x20,
	PRXE_AETH_RESERVED	= 0x40,
	PRXE_AETH_NAK		= 0x60,
};

#define PRXE_AETH_KIND_MASK	0x60
#define PRXE_AETH_VALUE_MASK	0x1f
#define PRXE_AETH_BIT7		0x80

/** enum prxe_nak_code - why a request was refused */
enum prxe_nak_code {
	PRXE_NAK_PSN_SEQUENCE	= 0,
	PRXE_NAK_INVALID_REQ	= 1,
	PRXE_NAK_REMOTE_ACCESS	= 2,
	PRXE_NAK_REMOTE_OP	= 3,
	PRXE_NAK_INVALID_RD	= 4,
};

/* A responder that keeps no end-to-end credits (IBTA vol 1, 9.7.7.2). */
#define PRXE_CREDITS_UNLIMITED	31

/**
 * prxe_aeth_ack() - the syndrome of an ACK
 * @credits: encoded, prxe_credits_encode() or PRXE_CREDITS_UNLIMITED
 *
 * Return: the syndrome.
 */
static inline u8 prxe_aeth_ack(u8 credits)
{
	return PRXE_AETH_ACK | (credits & PRXE_AETH_VALUE_MASK);
}

/**
 * prxe_aeth_rnr() - the syndrome of an RNR NAK
 * @timer: a QP's min_rnr_timer, 0 to 31
 *
 * Return: the syndrome.
 */
static inline u8 prxe_aeth_rnr(u8 timer)
{
	return PRXE_AETH_RNR | (timer & PRXE_AETH_VALUE_MASK);
}

/**
 * prxe_aeth_nak() - the syndrome of a NAK
 * @code: why
 *
 * Return: the syndrome.
 */
static inline u8 prxe_aeth_nak(enum prxe_nak_code code)
{
	return PRXE_AETH_NAK | (code & PRXE_AETH_VALUE_MASK);
}

/**
 * prxe_aeth_kind() - what a received syndrome is
 * @syndrome: from the wire
 *
 * Return: PRXE_AETH_RESERVED, which a requester ignores, also for a NAK code
 * that the specification does not define and for one with the reserved bit set.
 */
static inline enum prxe_aeth_kind prxe_aeth_kind(u8 syndrome)
{
	u8 kind = syndrome & PRXE_AETH_KIND_MASK;

	if (syndrome & PRXE_AETH_BIT7)
		return PRXE_AETH_RESERVED;
	if (kind == PRXE_AETH_NAK &&
	    (syndrome & PRXE_AETH_VALUE_MASK) > PRXE_NAK_INVALID_RD)
		return PRXE_AETH_RESERVED;
	return (enum prxe_aeth_kind)kind;
}

/**
 * prxe_aeth_value() - credits, timer or NAK code of a received syndrome
 * @syndrome: from the wire
 *
 * Return: bits 4:0.
 */
static inline u8 prxe_aeth_value(u8 syndrome)
{
	return syndrome & PRXE_AETH_VALUE_MASK;
}

/**
 * prxe_credits_decode() - how many messages a credit code allows
 * @code: 0 to 30
 *
 * IBTA vol 1, 9.7.7.2: 0, 1, 2, 3, 4, 6, 8, 12, ... 32768.
 *
 * Return: the number of receive WQEs; U32_MAX for PRXE_CREDITS_UNLIMITED.
 */
static inline u32 prxe_credits_decode(u8 code)
{
	code &= PRXE_AETH_VALUE_MASK;
	if (code == PRXE_CREDITS_UNLIMITED)
		return ~0u;
	if (code < 2)
		return code;
	return (2u + (code & 1)) << (code / 2 - 1);
}

/**
 * prxe_credits_encode() - the credit code for a number of receive WQEs
 * @n: receive WQEs posted
 *
 * Return: the largest code that does not promise more than @n.
 */
static inline u8 prxe_credits_encode(u32 n)
{
	u8 code = PRXE_CREDITS_UNLIMITED - 1;

	while (prxe_credits_decode(code) > n)
		code--;
	return code;
}

/**
 * prxe_rnr_timer_us() - how long an RNR NAK asks to wait
 * @timer: the encoded timer, 0 to 31
 *
 * IBTA vol 1, 9.7.5.2.8, table "Encoding for RNR NAK timer field".
 *
 * Return: microseconds.
 */
static inline u32 prxe_rnr_timer_us(u8 timer)
{
	timer &= PRXE_AETH_VALUE_MASK;
	if (timer == 0)
		return 655360;
	if (timer < 4)
		return timer * 10u;
	/* From here each pair is twice the pair before: 40, 60, 80, 120 ... */
	return (timer & 1 ? 60u : 40u) << (timer / 2 - 2);
}

/* A wait for a receive that is shorter than this is stretched up to it, in time. */
#define PRXE_RNR_STRETCH_US	320

/**
 * prxe_rnr_wait_us() - how long to wait after RNR NAKs in a row
 * @us: what the last one asks for, which is the least (IBTA vol 1, 9.7.5.2.8)
 * @row: RNR NAKs for the same request before it
 *
 * Ten microseconds are soon over. A peer that has not been ready for long is asked
 * less often, or its program does not get to run on a processor that does
 * nothing but ask: no wait is more than about a quarter of all the waits before it.
 *
 * Return: microseconds.
 */
static inline u32 prxe_rnr_wait_us(u32 us, u32 row)
{
	u32 shift = row / 4 < 5 ? row / 4 : 5;

	if (us >= PRXE_RNR_STRETCH_US)
		return us;
	return us << shift < PRXE_RNR_STRETCH_US ? us << shift :
						   PRXE_RNR_STRETCH_US;
}

/* No pause is longer than this, if it need not be. */
#define PRXE_PAUSE_MAX_US	32000

/**
 * prxe_pause_us() - how long to wait when this host does not send
 * @us: the first time
 * @row: times in a row before it
 *
 * A queue that is full for a moment is worth a look soon. One that stays full, or a
 * route that stays away, is no better for thousands of queue pairs that look all the
 * time: each time twice as long.
 *
 * Return: microseconds.
 */
static inline u32 prxe_pause_us(u32 us, u32 row)
{
	u32 shift = row < 8 ? row : 8;

	if (us >= PRXE_PAUSE_MAX_US)
		return us;
	return us << shift < PRXE_PAUSE_MAX_US ? us << shift : PRXE_PAUSE_MAX_US;
}

/**
 * prxe_ack_timeout_ns() - a QP's local ACK timeout
 * @timeout: the encoded timeout, 0 to 31
 *
 * IBTA vol 1, 9.7.6.1.3 (C9-140): 4.096 us * 2^timeout.
 *
 * Return: nanoseconds; 0 means that the timer is off.
 */
static inline u64 prxe_ack_timeout_ns(u8 timeout)
{
	timeout &= 0x1f;
	return timeout ? 4096ull << timeout : 0;
}

/**
 * prxe_ack_timeout_shift() - how much longer to wait after retries in a row
 * @granted: retries that the QP was given
 * @left: those that are left
 *
 * A peer or a wire that is merely slow is not helped by being asked at a steady
 * rate. IBTA vol 1, 9.7.6.1.3 lets the timer run up to four times its nominal
 * length, and that is what the second retry gets.
 *
 * Return: 0 to 2, by which the interval is shifted left.
 */
static inline u32 prxe_ack_timeout_shift(u32 granted, u32 left)
{
	u32 used = granted > left ? granted - left : 0;

	return used < 2 ? used : 2;
}

/**
 * prxe_msn_add() - the message sequence number @n messages on
 * @msn: a message sequence number
 * @n: messages
 *
 * Return: the sum modulo 2^24.
 */
static inline u32 prxe_msn_add(u32 msn, u32 n)
{
	return (msn + n) & PRXE_MSN_MASK;
}

#endif /* PRXE_AETH_H */
