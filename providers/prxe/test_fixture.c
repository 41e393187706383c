// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test_wr.h"

int failures;

struct ibv_context context;
int pipe_out;

void make_ring(struct prxe_queue *q, uint32_t stride)
{
	struct prxe_ring_info info = {
		.slots = SLOTS, .stride = stride, .first = 128,
		.size = 128 + SLOTS * stride,
	};
	struct prxe_ring *ring = malloc(info.size);

	if (!ring)
		exit(2);
	memset(ring, 0xff, info.size);
	ring->producer = 0;
	ring->consumer = 0;
	ring->flags = 0;
	prxe_queue_init(q, ring, &info);
}

void make_qp(struct prxe_qp *qp, enum ibv_qp_type type)
{
	memset(qp, 0, sizeof(*qp));
	qp->vqp.qp.context = &context;
	qp->vqp.qp.qp_type = type;
	qp->vqp.qp.state = IBV_QPS_RTS;
	make_ring(&qp->sq.q, sizeof(struct prxe_send_wqe) + MAX_INLINE);
	make_ring(&qp->rq.q, sizeof(struct prxe_recv_wqe) +
		  MAX_SGE * sizeof(struct prxe_sge));
	qp->sq.ops = prxe_qp_ops(type);
	qp->sq.max_sge = MAX_SGE;
	qp->sq.max_inline = MAX_INLINE;
	qp->sq.ud = type == IBV_QPT_UD;
	qp->rq.max_sge = MAX_SGE;
	prxe_lock_init(&qp->sq_lock, true);
	prxe_lock_init(&qp->rq_lock, true);
	prxe_doorbell_init(&qp->sq_bell, IB_USER_VERBS_CMD_POST_SEND, 11);
	prxe_doorbell_init(&qp->rq_bell, IB_USER_VERBS_CMD_POST_RECV, 12);
	prxe_set_qp_ex_ops(qp, prxe_qp_ex_ops(type));
}

void free_qp(struct prxe_qp *qp)
{
	free(qp->sq.q.ring);
	free(qp->rq.q.ring);
}

/* How many doorbells of @command for @handle were rung, and nothing else. */
int bells(uint32_t command, uint32_t handle)
{
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send post;
	} cmd;
	int n = 0;

	while (read(pipe_out, &cmd, sizeof(cmd)) == sizeof(cmd)) {
		CHECK(cmd.hdr.command == command);
		CHECK(cmd.hdr.in_words * 4 == sizeof(cmd));
		CHECK(cmd.hdr.out_words * 4 ==
		      sizeof(struct ib_uverbs_post_send_resp));
		CHECK(cmd.post.response != 0);
		CHECK(cmd.post.qp_handle == handle);
		CHECK(cmd.post.wr_count == 0 && cmd.post.sge_count == 0);
		CHECK(cmd.post.wqe_size ==
		      (command == IB_USER_VERBS_CMD_POST_SEND ?
		       sizeof(struct ib_uverbs_send_wr) :
		       sizeof(struct ib_uverbs_recv_wr)));
		n++;
	}
	return n;
}

int send_bells(void)
{
	return bells(IB_USER_VERBS_CMD_POST_SEND, 11);
}

struct prxe_send_wqe *sent(struct prxe_qp *qp, uint32_t index)
{
	return prxe_queue_slot(&qp->sq.q, index);
}
