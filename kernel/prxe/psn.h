/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Packet sequence numbers: 24-bit serial arithmetic (IBTA vol 1, 9.7.2).
 *
 * A PSN is kept in a u32 whose top byte is zero. Of two PSNs the one that is
 * at most 2^23 - 1 ahead, modulo 2^24, is the later one; so no more than half
 * the space may ever be in flight.
 */
#ifndef PRXE_PSN_H
#define PRXE_PSN_H

#include <linux/types.h>

#define PRXE_PSN_BITS		24
#define PRXE_PSN_MASK		0x00ffffffu
/* The most PSNs that may be outstanding (IBTA vol 1, 9.7.7.2). */
#define PRXE_PSN_MAX_WINDOW	0x00800000u

/**
 * prxe_psn_add() - the PSN @n packets after @psn
 * @psn: a PSN
 * @n: packets; pass a negative number as its two's complement to go back
 *
 * Return: the sum modulo 2^24.
 */
static inline u32 prxe_psn_add(u32 psn, u32 n)
{
	return (psn + n) & PRXE_PSN_MASK;
}

/**
 * prxe_psn_diff() - how far @a is ahead of @b
 * @a: a PSN; bits above the 24th are ignored
 * @b: a PSN; bits above the 24th are ignored
 *
 * Return: a - b as a signed 24-bit number, -2^23 ... 2^23 - 1: negative when
 * @a is the earlier one.
 */
static inline s32 prxe_psn_diff(u32 a, u32 b)
{
	return (s32)((a - b) << (32 - PRXE_PSN_BITS)) >> (32 - PRXE_PSN_BITS);
}

/**
 * prxe_psn_in_window() - is @psn one of @count PSNs that begin with @first?
 * @psn: a PSN
 * @first: the first PSN of the window
 * @count: PSNs in the window, 0 ... 2^24
 *
 * Return: true if so; always false for an empty window.
 */
static inline bool prxe_psn_in_window(u32 psn, u32 first, u32 count)
{
	return ((psn - first) & PRXE_PSN_MASK) < count;
}

#endif /* PRXE_PSN_H */
