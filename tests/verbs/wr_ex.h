/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Flushes and atomic writes, on a connection with pair_opt.placement. Of one work
 * request each, signaled; wr_id is returned by need_wc.
 */
#ifndef PRXE_TESTS_WR_EX_H
#define PRXE_TESTS_WR_EX_H

#include "pair.h"

/* All rights to what flushes do; not to persistence. */
enum {
	flush_rights = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		       IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
		       IBV_ACCESS_FLUSH_GLOBAL,
};

/* Queue pairs that can and may. */
void with_placement(struct pair_opt *opt);

int post_flush(struct end *e, uint64_t wr_id, uint32_t rkey, uint64_t remote,
	       size_t len, uint8_t type, uint8_t level);
void need_flush(struct end *e, uint64_t wr_id, uint32_t rkey, uint64_t remote,
		size_t len, uint8_t type, uint8_t level);
void need_atomic_write(struct end *e, uint64_t wr_id, uint32_t rkey,
		       uint64_t remote, uint64_t value);

#endif
