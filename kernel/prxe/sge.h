/* SPDX-License-Identifier: GPL-2.0 */
/* Walking along a scatter/gather list. */
#ifndef PRXE_SGE_H
#define PRXE_SGE_H

#include <linux/types.h>
#include <rdma/prxe-abi.h>

/**
 * struct prxe_sge_pos - a place in a list
 * @sge: an entry
 * @off: bytes from its beginning; may be beyond its end, in a later one
 *
 * The list's address and an offset in the message make one.
 */
struct prxe_sge_pos {
	const struct prxe_sge *sge;
	u32 off;
};

/**
 * prxe_sge_next() - the bytes that follow, as far as one entry has them
 * @pos: moves behind them
 * @max: bytes at most, not 0; the list has as many left
 *
 * Return: address, key and length of them; the length is not 0.
 */
static inline struct prxe_sge prxe_sge_next(struct prxe_sge_pos *pos, u32 max)
{
	struct prxe_sge piece;

	while (pos->off >= pos->sge->length) {
		pos->off -= pos->sge->length;
		pos->sge++;
	}
	piece = *pos->sge;
	piece.addr += pos->off;
	piece.length -= pos->off;
	if (piece.length > max)
		piece.length = max;
	pos->off += piece.length;
	return piece;
}

/**
 * prxe_sge_left() - what an entry still has behind the last piece
 * @pos: after prxe_sge_next()
 *
 * Return: bytes that follow that piece in the same entry.
 */
static inline u32 prxe_sge_left(const struct prxe_sge_pos *pos)
{
	return pos->sge->length - pos->off;
}

#endif /* PRXE_SGE_H */
