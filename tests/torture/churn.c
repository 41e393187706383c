// SPDX-License-Identifier: GPL-2.0
/*
 * Beside the traffic of a target: a QP that is connected to itself, regions of host
 * and GPU memory, work on its way between them; and all of it is destroyed in any
 * order before that has ended.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "torture.h"

#define CHURN_LEN	(16 * PAGE)
#define CHURN_WRS	6

enum { END_QP, END_HOST, END_GPU, END_FD, NENDS };

struct churn {
	struct worker w;	/* context, domain and GID are the target's */
	struct ibv_mr *host;
	struct ibv_mr *gpu_mr;
	uint8_t mem[CHURN_LEN];
};

static atomic_bool enough;
static pthread_t thread;
static bool running;

static void make(struct churn *ch)
{
	struct worker *w = &ch->w;

	buffer_create(&w->gpu, &w->buf, CHURN_LEN);
	w->fd = buffer_export(&w->buf);
	ch->gpu_mr = ibv_reg_dmabuf_mr(w->e.pd, 0, CHURN_LEN, 0, w->fd, RIGHTS);
	worker_need(w, ch->gpu_mr, "ibv_reg_dmabuf_mr");
	ch->gpu_mr->addr = NULL;
	ch->host = ibv_reg_mr(w->e.pd, ch->mem, CHURN_LEN, RIGHTS);
	worker_need(w, ch->host, "ibv_reg_mr");
	worker_create_qp(w, false);
}

static void work(struct churn *ch)
{
	struct worker *w = &ch->w;
	int err;

	err = end_to_init(&w->e, &w->opt) ?:
	      end_to_rtr(&w->e, &w->e, &w->opt) ?: end_to_rts(&w->e, &w->opt);
	errno = err;
	worker_need(w, !err, "ibv_modify_qp");
	for (unsigned int i = rng_below(&w->rng, CHURN_WRS + 1); i; i--) {
		bool write = rng_below(&w->rng, 2);
		bool host = rng_below(&w->rng, 2);

		err = post_send(&w->e, write ? IBV_WR_RDMA_WRITE : IBV_WR_RDMA_READ,
				i, sge_of(host ? ch->host : ch->gpu_mr, 0, CHURN_LEN),
				host ? 0 : (uintptr_t)ch->mem,
				host ? ch->gpu_mr->rkey : ch->host->rkey, 0);
		errno = err;
		worker_need(w, !err, "ibv_post_send");
	}
}

static void end_one(struct churn *ch, int what, bool *fd_first)
{
	struct worker *w = &ch->w;
	int err = 0;

	switch (what) {
	case END_QP:
		err = ibv_destroy_qp(w->e.qp);
		break;
	case END_HOST:
		err = ibv_dereg_mr(ch->host);
		break;
	case END_GPU:
		err = ibv_dereg_mr(ch->gpu_mr);
		*fd_first = false;
		break;
	case END_FD:
		count(*fd_first ? DID_FD_BEFORE : DID_FD_AFTER, !close(w->fd));
		break;
	}
	errno = err;
	worker_need(w, !err, "churn: ending");
}

/* Datagrams that may still wait for their address when handle and QP are gone. */
static void datagrams(struct churn *ch)
{
	struct worker *w = &ch->w;
	struct ibv_ah_attr to = {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = w->e.gid, .sgid_index = (uint8_t)w->e.gid_index,
			 .hop_limit = 64 },
	};
	struct ibv_qp_init_attr init = {
		.send_cq = w->e.scq, .recv_cq = w->e.rcq, .qp_type = IBV_QPT_UD,
		.cap = { .max_send_wr = 8, .max_recv_wr = 1, .max_send_sge = 1,
			 .max_recv_sge = 1 },
	};
	struct ibv_sge sge = sge_of(ch->host, 0, 256);
	struct ibv_send_wr *bad, wr = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_SEND,
	};
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_INIT, .port_num = 1 };
	struct ibv_qp *qp;
	int err;

	/* To whoever has a queue pair there: the key is wrong. */
	to.grh.dgid.raw[15] ^= (uint8_t)rng_below(&w->rng, 4);
	qp = ibv_create_qp(w->e.pd, &init);
	worker_need(w, qp, "ibv_create_qp");
	err = ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_QKEY);
	attr.qp_state = IBV_QPS_RTR;
	err = err ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE);
	attr.qp_state = IBV_QPS_RTS;
	err = err ?: ibv_modify_qp(qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
	errno = err;
	worker_need(w, !err, "ibv_modify_qp");
	/* Resolves the address, which may be nobody's. */
	wr.wr.ud.ah = ibv_create_ah(w->e.pd, &to);
	wr.wr.ud.remote_qpn = w->e.qp->qp_num;
	wr.wr.ud.remote_qkey = 0x11111111;
	for (int i = 0; wr.wr.ud.ah && i < 4; i++)
		err = err ?: ibv_post_send(qp, &wr, &bad);
	if (wr.wr.ud.ah && rng_below(&w->rng, 2)) {
		err = err ?: ibv_destroy_ah(wr.wr.ud.ah);
		wr.wr.ud.ah = NULL;
	}
	err = err ?: ibv_destroy_qp(qp);
	if (wr.wr.ud.ah)
		err = err ?: ibv_destroy_ah(wr.wr.ud.ah);
	errno = err;
	worker_need(w, !err, "churn: datagrams");
	count(DID_DATAGRAM, 1);
}

static void *churn_main(void *arg)
{
	struct churn *ch = arg;
	struct worker *w = &ch->w;

	device_open(&w->gpu, w->c->mem == MEM_GPU_BAR ? "bar" : "ram");
	while (!enough) {
		struct deck order = { .kinds = NENDS };
		bool fd_first = true;
		int err;

		make(ch);
		work(ch);
		if (rng_below(&w->rng, 2))
			datagrams(ch);
		for (int i = 0; i < NENDS; i++)
			end_one(ch, (int)deck_draw(&order, &w->rng), &fd_first);
		buffer_destroy(&w->buf);
		err = ibv_destroy_cq(w->e.scq) ?: ibv_destroy_cq(w->e.rcq);
		errno = err;
		worker_need(w, !err, "ibv_destroy_cq");
		count(DID_CHURN, 1);
	}
	close(w->gpu.fd);
	return NULL;
}

void churn_start(struct worker *w)
{
	static struct churn ch __attribute__((aligned(PAGE)));

	ch.w = *w;
	ch.w.role = CHILD;	/* steps of its own */
	ch.w.rng.state ^= 0xc0ffee;
	running = !pthread_create(&thread, NULL, churn_main, &ch);
	CHECK(running, "pthread_create");
}

void churn_stop(void)
{
	enough = true;
	if (running)
		pthread_join(thread, NULL);
	running = false;
}
