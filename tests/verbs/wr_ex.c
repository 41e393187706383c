// SPDX-License-Identifier: GPL-2.0
#include "wr_ex.h"

#include <string.h>

void with_placement(struct pair_opt *opt)
{
	opt->placement = true;
	opt->access |= IBV_ACCESS_FLUSH_GLOBAL | IBV_ACCESS_FLUSH_PERSISTENT;
}

static struct ibv_qp_ex *begin(struct end *e, uint64_t wr_id)
{
	struct ibv_qp_ex *ex = ibv_qp_to_qp_ex(e->qp);

	CHECK(ex, "ibv_qp_to_qp_ex");
	ibv_wr_start(ex);
	ex->wr_id = wr_id;
	ex->wr_flags = IBV_SEND_SIGNALED;
	return ex;
}

int post_flush(struct end *e, uint64_t wr_id, uint32_t rkey, uint64_t remote,
	       size_t len, uint8_t type, uint8_t level)
{
	struct ibv_qp_ex *ex = begin(e, wr_id);

	ibv_wr_flush(ex, rkey, remote, len, type, level);
	return ibv_wr_complete(ex);
}

void need_flush(struct end *e, uint64_t wr_id, uint32_t rkey, uint64_t remote,
		size_t len, uint8_t type, uint8_t level)
{
	int err = post_flush(e, wr_id, rkey, remote, len, type, level);

	CHECK(!err, "posting a flush: %s", strerror(err));
}

void need_atomic_write(struct end *e, uint64_t wr_id, uint32_t rkey,
		       uint64_t remote, uint64_t value)
{
	struct ibv_qp_ex *ex = begin(e, wr_id);
	int err;

	ibv_wr_atomic_write(ex, rkey, remote, &value);
	err = ibv_wr_complete(ex);
	CHECK(!err, "posting an atomic write: %s", strerror(err));
}
