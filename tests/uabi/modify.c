// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a queue pair: every transition that is not allowed, every
 * attribute out of range, each refused with its errno and without effect; and
 * what query_qp tells after those that are allowed.
 */
#include <errno.h>
#include <infiniband/verbs.h>

#include "uabi.h"

#define INIT_MASK (IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |	\
		   IBV_QP_ACCESS_FLAGS)
#define RTR_MASK (IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |		\
		  IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |			\
		  IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER)
#define RTS_MASK (IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT |	\
		  IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |			\
		  IBV_QP_MAX_QP_RD_ATOMIC)

static const int masks[] = {
	[IBV_QPS_RESET] = IBV_QP_STATE,
	[IBV_QPS_INIT] = INIT_MASK,
	[IBV_QPS_RTR] = RTR_MASK,
	[IBV_QPS_RTS] = RTS_MASK,
	[IBV_QPS_SQD] = IBV_QP_STATE,
	[IBV_QPS_SQE] = IBV_QP_STATE,
	[IBV_QPS_ERR] = IBV_QP_STATE,
};

static struct ibv_qp_attr good;	/* works for every transition */

static void fill_good(struct ibv_context *ctx, struct ibv_qp *qp, int gid_index)
{
	good = (struct ibv_qp_attr) {
		.path_mtu = IBV_MTU_4096,
		.path_mig_state = IBV_MIG_MIGRATED,
		.rq_psn = 0x123456,
		.sq_psn = 0xfffffe,
		.dest_qp_num = qp->qp_num,
		.qp_access_flags = IBV_ACCESS_REMOTE_WRITE |
				   IBV_ACCESS_REMOTE_READ,
		.max_rd_atomic = 128,
		.max_dest_rd_atomic = 16,
		.min_rnr_timer = 31,
		.port_num = 1,
		.timeout = 31,
		.retry_cnt = 7,
		.rnr_retry = 6,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = { .sgid_index = gid_index, .hop_limit = 64,
				 .flow_label = 0x12345, .traffic_class = 0x20 },
		},
	};
	must(!ibv_query_gid(ctx, 1, gid_index, &good.ah_attr.grh.dgid), "GID");
}

static int go(struct ibv_qp *qp, enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = good;

	attr.qp_state = state;
	return ibv_modify_qp(qp, &attr, masks[state]);
}

static enum ibv_qp_state state_of(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	must(!ibv_query_qp(qp, &attr, IBV_QP_STATE, &init), "query_qp");
	return attr.qp_state;
}

/* From wherever it is. */
static void bring_to(struct ibv_qp *qp, enum ibv_qp_state state)
{
	must(!go(qp, IBV_QPS_RESET), "to RESET");
	if (state == IBV_QPS_RESET)
		return;
	if (state == IBV_QPS_ERR) {
		must(!go(qp, IBV_QPS_INIT) && !go(qp, IBV_QPS_ERR), "to ERR");
		return;
	}
	for (int s = IBV_QPS_INIT; s <= (int)state; s++)
		must(!go(qp, s), "to state %d of %d: %m", s, state);
}

/* Which transitions there are, with the attributes that they need. */
static void transitions(struct ibv_qp *qp)
{
	static const bool allowed[7][7] = {
		[IBV_QPS_RESET] = { [IBV_QPS_INIT] = 1 },
		[IBV_QPS_INIT] = { [IBV_QPS_INIT] = 1, [IBV_QPS_RTR] = 1 },
		[IBV_QPS_RTR] = { [IBV_QPS_RTS] = 1 },
		[IBV_QPS_RTS] = { [IBV_QPS_SQD] = 1 },
		/* SQD to RTS takes no attributes: not with those of RTR to RTS */
		[IBV_QPS_SQD] = { [IBV_QPS_SQD] = 1 },
	};

	for (int from = IBV_QPS_RESET; from <= IBV_QPS_ERR; from++) {
		if (from == IBV_QPS_SQE)	/* not for RC */
			continue;
		for (int to = IBV_QPS_RESET; to <= IBV_QPS_ERR; to++) {
			bool ok = allowed[from][to] || to == IBV_QPS_RESET ||
				  (to == IBV_QPS_ERR && from != IBV_QPS_RESET);
			int ret;

			bring_to(qp, from);
			ret = go(qp, to);
			check(ret == (ok ? 0 : EINVAL), "%d to %d: %s", from,
			      to, strerror(ret));
			check((int)state_of(qp) == (ok ? to : from),
			      "%d to %d: now in %d", from, to, state_of(qp));
		}
	}
	bring_to(qp, IBV_QPS_SQD);
	check(!ibv_modify_qp(qp, &(struct ibv_qp_attr) {
		.qp_state = IBV_QPS_RTS }, IBV_QP_STATE), "SQD to RTS");
	check(state_of(qp) == IBV_QPS_RTS, "SQD to RTS");
}

/**
 * struct row - one bad attribute
 * @what: for messages
 * @from: the state to try it in
 * @to: with the attributes of this transition
 * @add: bits added to the mask
 * @drop: bits taken away
 * @offset: of the spoilt member, which is @size bytes
 * @value: what it becomes
 * @err: the errno
 */
struct row {
	const char *what;
	enum ibv_qp_state from;
	enum ibv_qp_state to;
	int add;
	int drop;
	size_t offset;
	size_t size;
	uint32_t value;
	int err;
};

#define SPOIL(member, v)						\
	.what = #member " = " #v,					\
	.offset = offsetof(struct ibv_qp_attr, member),			\
	.size = sizeof(((struct ibv_qp_attr *)0)->member), .value = (v)
#define TO_INIT	.from = IBV_QPS_RESET, .to = IBV_QPS_INIT
#define TO_RTR	.from = IBV_QPS_INIT, .to = IBV_QPS_RTR
#define TO_RTS	.from = IBV_QPS_RTR, .to = IBV_QPS_RTS
#define IN_SQD	.from = IBV_QPS_SQD, .to = IBV_QPS_SQD

static const struct row rows[] = {
	{ TO_INIT, SPOIL(port_num, 0), .err = EINVAL },
	{ TO_INIT, SPOIL(port_num, 2), .err = EINVAL },
	{ TO_INIT, SPOIL(pkey_index, 1), .err = EINVAL },
	{ TO_INIT, SPOIL(qp_access_flags, 1u << 30), .err = EINVAL },
	{ TO_INIT, .what = "no port", .drop = IBV_QP_PORT, .err = EINVAL },
	{ TO_INIT, .what = "no access flags", .drop = IBV_QP_ACCESS_FLAGS,
	  .err = EINVAL },
	{ TO_INIT, .what = "a qkey", .add = IBV_QP_QKEY, .err = EINVAL },
	{ TO_INIT, .what = "a current state", .add = IBV_QP_CUR_STATE,
	  .err = EINVAL },
	{ TO_RTR, SPOIL(path_mtu, 0), .err = EINVAL },
	{ TO_RTR, SPOIL(path_mtu, 6), .err = EINVAL },
	{ TO_RTR, SPOIL(dest_qp_num, 1u << 24), .err = EINVAL },
	{ TO_RTR, SPOIL(max_dest_rd_atomic, 128), .err = 0 },
	{ TO_RTR, SPOIL(max_dest_rd_atomic, 0), .err = 0 },
	{ TO_RTR, SPOIL(max_dest_rd_atomic, 129), .err = EINVAL },
	{ TO_RTR, SPOIL(min_rnr_timer, 32), .err = EINVAL },
	{ TO_RTR, SPOIL(ah_attr.is_global, 0), .err = EINVAL },
	{ TO_RTR, SPOIL(ah_attr.port_num, 2), .err = EINVAL },
	{ TO_RTR, SPOIL(ah_attr.grh.sgid_index, 200), .err = ENODATA },
	{ TO_RTR, .what = "no path", .drop = IBV_QP_AV, .err = EINVAL },
	{ TO_RTR, .what = "no PSN", .drop = IBV_QP_RQ_PSN, .err = EINVAL },
	{ TO_RTR, .what = "a timeout", .add = IBV_QP_TIMEOUT, .err = EINVAL },
	{ TO_RTR, .what = "an alternate path", .add = IBV_QP_ALT_PATH,
	  .err = EINVAL },
	{ TO_RTS, SPOIL(timeout, 32), .err = EINVAL },
	{ TO_RTS, SPOIL(timeout, 0), .err = 0 },
	{ TO_RTS, SPOIL(retry_cnt, 8), .err = EINVAL },
	{ TO_RTS, SPOIL(rnr_retry, 8), .err = EINVAL },
	{ TO_RTS, SPOIL(max_rd_atomic, 129), .err = EINVAL },
	{ TO_RTS, SPOIL(path_mig_state, IBV_MIG_REARM),
	  .add = IBV_QP_PATH_MIG_STATE, .err = EOPNOTSUPP },
	{ TO_RTS, SPOIL(path_mig_state, IBV_MIG_MIGRATED),
	  .add = IBV_QP_PATH_MIG_STATE, .err = 0 },
	{ TO_RTS, SPOIL(cur_qp_state, IBV_QPS_RTS), .add = IBV_QP_CUR_STATE,
	  .err = EINVAL },
	{ TO_RTS, SPOIL(cur_qp_state, IBV_QPS_RTR), .add = IBV_QP_CUR_STATE,
	  .err = 0 },
	{ TO_RTS, .what = "another MTU", .add = IBV_QP_PATH_MTU, .err = EINVAL },
	{ IN_SQD, SPOIL(max_dest_rd_atomic, 17), .drop = IBV_QP_STATE,
	  .add = IBV_QP_MAX_DEST_RD_ATOMIC, .err = EOPNOTSUPP },
	{ IN_SQD, SPOIL(retry_cnt, 3), .drop = IBV_QP_STATE,
	  .add = IBV_QP_RETRY_CNT, .err = 0 },
	{ IN_SQD, SPOIL(ah_attr.grh.flow_label, 9), .drop = IBV_QP_STATE,
	  .add = IBV_QP_AV, .err = 0 },
	{ IN_SQD, .what = "another PSN", .drop = IBV_QP_STATE,
	  .add = IBV_QP_SQ_PSN, .err = EINVAL },
};

static void spoil(struct ibv_qp_attr *attr, const struct row *r)
{
	/* little endian, like everything that prxe runs on in these tests */
	memcpy((char *)attr + r->offset, &r->value, r->size);
}

static void attributes(struct ibv_qp *qp)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *r = &rows[i];
		struct ibv_qp_attr attr = good;
		int mask = (masks[r->to] & ~r->drop) | r->add;
		int ret;

		bring_to(qp, r->from);
		attr.qp_state = r->to;
		spoil(&attr, r);
		ret = ibv_modify_qp(qp, &attr, mask);
		check(ret == r->err, "%d to %d, %s: %s instead of %s", r->from,
		      r->to, r->what, ret ? strerror(ret) : "success",
		      r->err ? strerror(r->err) : "success");
		check(state_of(qp) == (ret ? r->from : r->to),
		      "%d to %d, %s: now in %d", r->from, r->to, r->what,
		      state_of(qp));
		if (ret)
			check(!r->drop || r->from == IBV_QPS_SQD ||
			      !go(qp, r->to),
			      "%d to %d, %s: spoilt", r->from, r->to, r->what);
	}
}

static void query(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	bring_to(qp, IBV_QPS_RTS);
	must(!ibv_query_qp(qp, &attr, (1 << 21) - 1, &init), "query_qp");
#define SAME(member)							\
	check(attr.member == good.member, #member " is %ju not %ju",	\
	      (uintmax_t)attr.member, (uintmax_t)good.member)
	SAME(path_mtu);
	SAME(path_mig_state);
	SAME(rq_psn);
	SAME(sq_psn);
	SAME(dest_qp_num);
	SAME(qp_access_flags);
	SAME(max_rd_atomic);
	SAME(max_dest_rd_atomic);
	SAME(min_rnr_timer);
	SAME(port_num);
	SAME(timeout);
	SAME(retry_cnt);
	SAME(rnr_retry);
	SAME(ah_attr.is_global);
	SAME(ah_attr.grh.sgid_index);
	SAME(ah_attr.grh.flow_label);	/* the hop limit is ib_core's choice */
	SAME(ah_attr.grh.traffic_class);
	SAME(ah_attr.grh.dgid.global.interface_id);
#undef SAME
	check(attr.cur_qp_state == IBV_QPS_RTS, "current state %d",
	      attr.cur_qp_state);
	check(!attr.sq_draining, "draining in RTS");
	check(init.qp_type == IBV_QPT_RC && !init.sq_sig_all, "init attributes");
	check(attr.cap.max_send_wr >= 4 && attr.cap.max_recv_wr >= 4,
	      "capabilities");

	/* RESET forgets. */
	bring_to(qp, IBV_QPS_RESET);
	must(!ibv_query_qp(qp, &attr, (1 << 21) - 1, &init), "query_qp");
	check(!attr.dest_qp_num && !attr.qp_access_flags && !attr.timeout &&
	      !attr.ah_attr.grh.flow_label, "RESET remembers");
}

/* With the smaller MTU of @dev, a path MTU of 4096 does not fit. */
static void small_mtu(struct ibv_qp *qp)
{
	struct ibv_qp_attr attr = good;

	attr.path_mtu = IBV_MTU_1024;
	attr.qp_state = IBV_QPS_RTR;
	bring_to(qp, IBV_QPS_INIT);
	check(go(qp, IBV_QPS_RTR) == EINVAL, "4096 over a port of 1024");
	check(!ibv_modify_qp(qp, &attr, RTR_MASK), "1024 over a port of 1024");
}

int test_modify(const char *dev, char **argv)
{
	struct ibv_context *ctx = verbs_open(dev);
	struct ibv_pd *pd = ibv_alloc_pd(ctx);
	struct ibv_cq *cq = ibv_create_cq(ctx, 16, NULL, NULL, 0);
	struct ibv_qp_init_attr init = {
		.send_cq = cq, .recv_cq = cq, .qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4,
			 .max_send_sge = 1, .max_recv_sge = 1 },
	};
	struct ibv_port_attr port;
	struct ibv_qp *qp;

	must(argv[0], "usage: uabi_test modify DEVICE GID_INDEX");
	must(pd && cq, "PD and CQ");
	qp = ibv_create_qp(pd, &init);
	must(qp, "create_qp: %m");
	fill_good(ctx, qp, atoi(argv[0]));
	must(!ibv_query_port(ctx, 1, &port), "query_port");
	if (port.active_mtu == IBV_MTU_4096) {
		transitions(qp);
		attributes(qp);
		query(qp);
	} else {
		must(port.active_mtu == IBV_MTU_1024, "MTU %d", port.active_mtu);
		small_mtu(qp);
	}
	ibv_destroy_qp(qp);
	ibv_destroy_cq(cq);
	ibv_dealloc_pd(pd);
	ibv_close_device(ctx);
	return 0;
}
