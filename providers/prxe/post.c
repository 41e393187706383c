// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* Posting: lock, write entries (post.h), unlock, ring. */

#include <errno.h>
#include <sched.h>
#include <unistd.h>

#include "prxe.h"

#define PRXE_SAME_POST(cmd)						\
	static_assert(sizeof(struct ib_uverbs_##cmd) ==			\
		      sizeof(struct ib_uverbs_post_send) &&		\
		      offsetof(struct ib_uverbs_##cmd, wqe_size) ==	\
		      offsetof(struct ib_uverbs_post_send, wqe_size) &&	\
		      sizeof(struct ib_uverbs_##cmd##_resp) ==		\
		      sizeof(struct ib_uverbs_post_send_resp), #cmd)

PRXE_SAME_POST(post_recv);
PRXE_SAME_POST(post_srq_recv);

/**
 * prxe_doorbell_init() - make a doorbell ready
 * @bell: the doorbell
 * @command: IB_USER_VERBS_CMD_POST_SEND, POST_RECV or POST_SRQ_RECV
 * @handle: of the queue pair or shared receive queue
 */
void prxe_doorbell_init(struct prxe_doorbell *bell, uint32_t command,
			uint32_t handle)
{
	bell->cmd.hdr.command = command;
	bell->cmd.hdr.in_words = sizeof(bell->cmd) / 4;
	bell->cmd.hdr.out_words = sizeof(bell->resp) / 4;
	bell->cmd.post.response = (uintptr_t)&bell->resp;
	bell->cmd.post.qp_handle = handle;
	bell->cmd.post.wqe_size = command == IB_USER_VERBS_CMD_POST_SEND ?
				  sizeof(struct ib_uverbs_send_wr) :
				  sizeof(struct ib_uverbs_recv_wr);
}

/*
 * The entries are in the ring already, and nothing takes them back: an error here
 * would have the application post again what the next doorbell sends. So a lack
 * of memory on the way through uverbs, which allocates a few bytes, is waited out.
 */
int prxe_doorbell_ring(const struct prxe_doorbell *bell,
		       struct ibv_context *context)
{
	while (write(context->cmd_fd, &bell->cmd, sizeof(bell->cmd)) !=
	       (ssize_t)sizeof(bell->cmd)) {
		if (errno != ENOMEM)
			return errno;
		sched_yield();
	}
	return 0;
}

/* The states in which a send request is an immediate error. */
int prxe_send_state(const struct prxe_qp *qp)
{
	switch (qp->vqp.qp.state) {
	case IBV_QPS_RESET:
	case IBV_QPS_INIT:
	case IBV_QPS_RTR:
		return EINVAL;
	default:
		return 0;
	}
}

int prxe_post_send(struct ibv_qp *ibqp, struct ibv_send_wr *wr,
		   struct ibv_send_wr **bad)
{
	struct prxe_qp *qp = to_prxe_qp(ibqp);
	struct ibv_send_wr *head = wr;
	bool posted;
	int bell;
	int ret;

	ret = prxe_send_state(qp);
	if (ret) {
		*bad = wr;
		return ret;
	}
	prxe_lock(&qp->sq_lock);
	ret = prxe_post_send_list(&qp->sq, wr, bad, &posted);
	prxe_unlock(&qp->sq_lock);
	if (!posted)
		return ret;
	/* Fails only where the device is gone, and with it the whole list. */
	bell = prxe_doorbell_ring(&qp->sq_bell, ibqp->context);
	if (!bell)
		return ret;
	*bad = head;
	return bell;
}

/* The responder finds receive entries by itself, unless it says otherwise. */
static int prxe_post_recvs(struct prxe_rq *rq, struct prxe_lock *lock,
			   const struct prxe_doorbell *doorbell,
			   struct ibv_context *context, struct ibv_recv_wr *wr,
			   struct ibv_recv_wr **bad)
{
	struct ibv_recv_wr *head = wr;
	bool wanted;
	int bell;
	int ret;

	prxe_lock(lock);
	ret = prxe_post_recv_list(rq, wr, bad, &wanted);
	prxe_unlock(lock);
	if (!wanted)
		return ret;
	bell = prxe_doorbell_ring(doorbell, context);
	if (!bell)
		return ret;
	*bad = head;
	return bell;
}

int prxe_post_recv(struct ibv_qp *ibqp, struct ibv_recv_wr *wr,
		   struct ibv_recv_wr **bad)
{
	struct prxe_qp *qp = to_prxe_qp(ibqp);

	if (ibqp->srq || ibqp->state == IBV_QPS_RESET) {
		*bad = wr;
		return EINVAL;
	}
	return prxe_post_recvs(&qp->rq, &qp->rq_lock, &qp->rq_bell,
			       ibqp->context, wr, bad);
}

int prxe_post_srq_recv(struct ibv_srq *ibsrq, struct ibv_recv_wr *wr,
		       struct ibv_recv_wr **bad)
{
	struct prxe_srq *srq = to_prxe_srq(ibsrq);

	return prxe_post_recvs(&srq->rq, &srq->lock, &srq->bell,
			       ibsrq->context, wr, bad);
}

/* Type 1 windows: the provider chooses the new key and posts the request. */
int prxe_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw,
		 struct ibv_mw_bind *bind)
{
	struct ibv_send_wr wr = {
		.wr_id = bind->wr_id,
		.opcode = IBV_WR_BIND_MW,
		.send_flags = bind->send_flags,
		.bind_mw = {
			.mw = mw,
			.rkey = ibv_inc_rkey(mw->rkey),
			.bind_info = bind->bind_info,
		},
	};
	struct ibv_send_wr *bad;
	int ret;

	if (bind->bind_info.mw_access_flags & IBV_ACCESS_ZERO_BASED)
		return EINVAL;
	ret = prxe_post_send(qp, &wr, &bad);
	if (ret)
		return ret;
	mw->rkey = wr.bind_mw.rkey;
	return 0;
}
