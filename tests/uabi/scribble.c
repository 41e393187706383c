// SPDX-License-Identifier: GPL-2.0
/*
 * A process that writes anything at all into its rings at any time, while it
 * rings doorbells and changes states. It may hurt its own queue pairs; that it
 * hurts nobody else is checked by those who work beside it. Runs until SIGTERM.
 */
#include <infiniband/verbs.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "uabi.h"

#define NR_QPS	2

static volatile sig_atomic_t stop;

/* A ring in our memory. */
struct area {
	struct prxe_ring *ring;
	const struct prxe_ring_info *info;
};

static struct area areas[2 + 2 * NR_QPS];
static size_t nr_areas;
static uint32_t lkey, qpns[NR_QPS];
static char memory[1 << 16];

static uint32_t rnd(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s >> 16;
}

static void map_ring(int fd, const struct prxe_ring_info *info)
{
	void *p = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       info->offset);

	must(p != MAP_FAILED, "mmap: %m");
	areas[nr_areas++] = (struct area) { p, info };
}

/* An entry that is nearly right gets further than noise. */
static void plausible(const struct area *a, uint64_t *s)
{
	struct prxe_send_wqe *w = (void *)((char *)a->ring + a->info->first +
		(rnd(s) % a->info->slots) * a->info->stride);

	w->opcode = rnd(s) % 16;
	w->flags = rnd(s) % 16;
	w->num_sge = rnd(s) % 4;
	w->inline_len = rnd(s) % 8 ? 0 : rnd(s) % 600;
	w->rdma.remote_addr = (uintptr_t)memory + rnd(s) % sizeof(memory);
	w->rdma.rkey = rnd(s) % 4 ? lkey : rnd(s);
	if (w->opcode == IBV_WR_FLUSH) {
		w->flush.type = rnd(s) % 4;
		w->flush.level = rnd(s) % 2;
	}
	for (int i = 0; i < 3; i++) {
		w->sge[i].addr = (uintptr_t)memory + rnd(s) % sizeof(memory);
		w->sge[i].length = rnd(s) % 8 ? rnd(s) % 9000 : rnd(s);
		w->sge[i].lkey = rnd(s) % 8 ? lkey : rnd(s);
	}
}

static void scribble(uint64_t *s)
{
	const struct area *a = &areas[rnd(s) % nr_areas];
	uint32_t *words = (uint32_t *)a->ring;

	switch (rnd(s) % 5) {
	case 0:
		a->ring->producer = rnd(s);
		break;
	case 1:
		a->ring->consumer = rnd(s);
		break;
	case 2:
		a->ring->producer += rnd(s) % (a->info->slots + 2);
		break;
	case 3:
		words[rnd(s) % (a->info->size / 4)] = rnd(s);
		break;
	default:
		if (a->info->stride > sizeof(struct prxe_cqe))
			plausible(a, s);
	}
}

static void *scribbler(void *arg)
{
	uint64_t seed = (uintptr_t)arg;

	while (!stop)
		scribble(&seed);
	return NULL;
}

/*
 * Always pretends that a full ring was just posted, so that whoever takes "all
 * there is" never comes to an end.
 */
static void *chaser(void *arg)
{
	(void)arg;
	while (!stop) {
		for (size_t i = 1; i < nr_areas; i++) {
			struct prxe_ring *r = areas[i].ring;

			__atomic_store_n(&r->producer, areas[i].info->slots +
				__atomic_load_n(&r->consumer, __ATOMIC_RELAXED),
				__ATOMIC_RELAXED);
		}
	}
	return NULL;
}

static int modify(int fd, uint32_t qp, struct ib_uverbs_modify_qp cmd,
		  uint32_t mask, uint8_t state)
{
	cmd.qp_handle = qp;
	cmd.attr_mask = mask | IBV_QP_STATE;
	cmd.qp_state = state;
	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_MODIFY_QP,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
	});
}

/*
 * A flush completes what was posted when it began: not more than a few rings
 * full, though the work item may flush too, and the chaser posts without end.
 */
static void flush_ends(int fd, uint32_t qp, const struct area *rings,
		       struct ib_uverbs_modify_qp cmd)
{
	uint32_t before[2], n;

	modify(fd, qp, cmd, 0, IBV_QPS_ERR);
	for (int i = 0; i < 2; i++)
		before[i] = rings[i].ring->consumer;
	raw_post_send(fd, qp, 0);
	raw_post_recv(fd, qp, 0);
	for (int i = 0; i < 2; i++) {
		n = rings[i].ring->consumer - before[i];
		check(n <= 16 * rings[i].info->slots,
		      "%u entries flushed out of a ring of %u", n,
		      rings[i].info->slots);
	}
}

/* RESET to RTS; what fails because of our own noise does not matter. */
static int connect_qp(int fd, uint32_t qp, struct ib_uverbs_modify_qp cmd)
{
	int ret = modify(fd, qp, cmd, 0, IBV_QPS_RESET);

	ret |= modify(fd, qp, cmd, IBV_QP_PKEY_INDEX | IBV_QP_PORT |
		      IBV_QP_ACCESS_FLAGS, IBV_QPS_INIT);
	ret |= modify(fd, qp, cmd, IBV_QP_AV | IBV_QP_PATH_MTU |
		      IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
		      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
		      IBV_QPS_RTR);
	ret |= modify(fd, qp, cmd, IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |
		      IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
		      IBV_QP_MAX_QP_RD_ATOMIC, IBV_QPS_RTS);
	return ret;
}

static uint32_t reg_mr(int fd, uint32_t pd)
{
	struct ib_uverbs_reg_mr_resp resp;
	struct ib_uverbs_reg_mr cmd = {
		.start = (uintptr_t)memory, .hca_va = (uintptr_t)memory,
		.length = sizeof(memory), .pd_handle = pd,
		.access_flags = IBV_ACCESS_LOCAL_WRITE |
			IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
			IBV_ACCESS_REMOTE_ATOMIC,
	};
	int ret = raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_REG_MR,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
	});

	must(!ret, "memory region: %s", strerror(-ret));
	return resp.lkey;
}

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void fill_dest(const char *dev, int gid_index,
		      struct ib_uverbs_modify_qp *cmd)
{
	struct ibv_context *ctx = verbs_open(dev);
	union ibv_gid gid;

	must(!ibv_query_gid(ctx, 1, gid_index, &gid), "GID");
	ibv_close_device(ctx);
	*cmd = (struct ib_uverbs_modify_qp) {
		.path_mtu = IBV_MTU_1024, .port_num = 1, .max_rd_atomic = 4,
		.max_dest_rd_atomic = 4, .min_rnr_timer = 1, .timeout = 8,
		.retry_cnt = 1, .rnr_retry = 1,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
			IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
		.dest = { .is_global = 1, .port_num = 1, .hop_limit = 4,
			  .sgid_index = gid_index },
	};
	memcpy(cmd->dest.dgid, &gid, sizeof(gid));
}

int test_scribble(const char *dev, char **argv)
{
	struct prxe_create_cq_resp cq;
	struct prxe_create_qp_resp rings[NR_QPS];
	struct ib_uverbs_create_qp_resp qps[NR_QPS];
	struct ib_uverbs_modify_qp cmd;
	unsigned long rounds = 0;
	pthread_t thread;
	uint64_t seed = 0x9e3779b97f4a7c15;
	struct prxe_create_srq_resp srq;
	uint32_t pd, cq_handle, srq_handle;
	bool chase, shared;
	int fd;

	must(argv[0] && argv[1],
	     "usage: uabi_test scribble DEVICE GID_INDEX noise|chase|srq");
	chase = !strcmp(argv[1], "chase");
	shared = !strcmp(argv[1], "srq");
	fill_dest(dev, atoi(argv[0]), &cmd);
	fd = raw_open(dev);
	pd = raw_alloc_pd(fd);
	lkey = reg_mr(fd, pd);
	must(!raw_create_cq(fd, 64, &cq_handle, &cq), "create_cq");
	map_ring(fd, &cq.ring);
	if (shared) {
		must(!raw_create_srq(fd, pd, &srq_handle, &srq), "create_srq");
		map_ring(fd, &srq.ring);
	}
	for (int i = 0; i < NR_QPS; i++) {
		must(!raw_create_qp_on(fd, pd, cq_handle,
				       shared ? &srq_handle : NULL, &qps[i],
				       &rings[i]), "create_qp");
		map_ring(fd, &rings[i].sq);
		if (shared)
			check(!rings[i].rq.size, "a receive ring beside the SRQ");
		else
			map_ring(fd, &rings[i].rq);
		qpns[i] = qps[i].qpn;
	}
	signal(SIGTERM, on_term);
	must(!pthread_create(&thread, NULL, chase ? chaser : scribbler,
			     (void *)(uintptr_t)seed), "thread");
	printf("ready\n");

	for (; !stop; rounds++) {
		int i = rnd(&seed) % NR_QPS;

		if (rnd(&seed) % 64 == 0) {
			cmd.dest_qp_num = qpns[!i];
			check(!connect_qp(fd, qps[i].qp_handle, cmd),
			      "cannot connect in round %lu", rounds);
		}
		for (int n = 0; n < 4 && !chase; n++)
			scribble(&seed);
		if (chase && rnd(&seed) % 16 == 0)
			flush_ends(fd, qps[i].qp_handle, &areas[1 + 2 * i], cmd);
		raw_post_send(fd, qps[i].qp_handle, 0);
		if (rnd(&seed) % 8 == 0)
			raw_post_recv(fd, qps[i].qp_handle, 0);
	}
	pthread_join(thread, NULL);
	printf("%lu rounds\n", rounds);
	check(rounds > 100, "hardly any rounds");
	for (int i = 0; i < NR_QPS; i++)
		check(!raw_destroy_qp(fd, qps[i].qp_handle), "destroy_qp");
	check(!shared || !raw_destroy_srq(fd, srq_handle), "destroy_srq");
	check(!raw_destroy_cq(fd, cq_handle), "destroy_cq");
	return 0;
}
