// SPDX-License-Identifier: GPL-2.0
#include "pair.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Generous: an emulated, busy machine. It only ends tests that hang. */
#define WC_SECONDS 60

const struct pair_opt pair_defaults = {
	.family = 4,
	.mtu = IBV_MTU_1024,
	.psn = 0xfffff0,	/* wraps soon */
	.retry_cnt = 7,
	.rnr_retry = 7,
	.timeout = 16,
	.min_rnr_timer = 1,
	.rd_atomic = 16,
	.access = IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ |
		  IBV_ACCESS_REMOTE_ATOMIC | IBV_ACCESS_LOCAL_WRITE,
	.max_wr = 64,
	.max_sge = 4,
	.max_inline = 64,
};

struct ibv_context *need_device(const char *name)
{
	struct ibv_context *ctx = NULL;
	struct ibv_device **list;
	int i, n;

	list = ibv_get_device_list(&n);
	CHECK(list, "ibv_get_device_list: %s", strerror(errno));
	for (i = 0; i < n && !ctx; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	CHECK(ctx, "cannot open device %s: %s", name, strerror(errno));
	ibv_free_device_list(list);
	return ctx;
}

int need_gid_index(struct ibv_context *ctx, int family, union ibv_gid *gid)
{
	static const uint8_t v4[12] = { [10] = 0xff, [11] = 0xff };
	struct ibv_gid_entry entries[64];
	ssize_t i, n;

	n = ibv_query_gid_table(ctx, entries, 64, 0);
	CHECK(n >= 0, "ibv_query_gid_table: %s", strerror((int)-n));
	for (i = 0; i < n; i++) {
		const uint8_t *raw = entries[i].gid.raw;
		bool mapped = !memcmp(raw, v4, sizeof(v4));
		bool local = raw[0] == 0xfe && raw[1] == 0x80;

		if (entries[i].gid_type != IBV_GID_TYPE_ROCE_V2 || local ||
		    mapped != (family == 4))
			continue;
		*gid = entries[i].gid;
		return (int)entries[i].gid_index;
	}
	FAIL("no RoCE v2 GID of an IPv%d address", family);
}

static void end_open(struct end *e, const char *name, int family)
{
	e->ctx = need_device(name);
	e->pd = ibv_alloc_pd(e->ctx);
	CHECK(e->pd, "ibv_alloc_pd: %s", strerror(errno));
	e->gid_index = need_gid_index(e->ctx, family, &e->gid);
}

void pair_open(struct pair *p, const char *a, const char *b,
	       const struct pair_opt *opt)
{
	memset(p, 0, sizeof(*p));
	p->opt = opt ? *opt : pair_defaults;
	end_open(&p->a, a, p->opt.family);
	end_open(&p->b, b, p->opt.family);
}

static struct ibv_srq *end_create_srq(struct end *e, const struct pair_opt *opt)
{
	struct ibv_srq_init_attr init = {
		.attr = { .max_wr = opt->max_wr, .max_sge = opt->max_sge },
	};
	struct ibv_srq *srq = ibv_create_srq(e->pd, &init);

	CHECK(srq, "ibv_create_srq: %s", strerror(errno));
	return srq;
}

/* With what ibv_wr_*() alone can post. */
static struct ibv_qp *end_create_qp_ex(struct end *e,
				       const struct ibv_qp_init_attr *init)
{
	struct ibv_qp_init_attr_ex ex = {
		.send_cq = init->send_cq,
		.recv_cq = init->recv_cq,
		.srq = init->srq,
		.cap = init->cap,
		.qp_type = init->qp_type,
		.sq_sig_all = init->sq_sig_all,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.pd = e->pd,
		.send_ops_flags = IBV_QP_EX_WITH_FLUSH |
				  IBV_QP_EX_WITH_ATOMIC_WRITE,
	};

	return ibv_create_qp_ex(e->ctx, &ex);
}

static void end_create_qp(struct end *e, const struct pair_opt *opt)
{
	struct ibv_qp_init_attr init = {
		.cap = {
			.max_send_wr = opt->max_wr,
			.max_recv_wr = opt->max_wr,
			.max_send_sge = opt->max_sge,
			.max_recv_sge = opt->max_sge,
			.max_inline_data = opt->max_inline,
		},
		.qp_type = opt->type ?: IBV_QPT_RC,
		.sq_sig_all = opt->sig_all,
	};

	if (opt->channel) {
		e->channel = ibv_create_comp_channel(e->ctx);
		CHECK(e->channel, "ibv_create_comp_channel: %s", strerror(errno));
	}
	e->scq = ibv_create_cq(e->ctx, 2 * (int)opt->max_wr, NULL, e->channel, 0);
	CHECK(e->scq, "ibv_create_cq: %s", strerror(errno));
	e->rcq = ibv_create_cq(e->ctx, 2 * (int)opt->max_wr, NULL, e->channel, 0);
	CHECK(e->rcq, "ibv_create_cq: %s", strerror(errno));
	if (opt->srq)
		e->srq = end_create_srq(e, opt);
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	init.srq = e->srq;
	e->qp = opt->placement ? end_create_qp_ex(e, &init) :
		ibv_create_qp(e->pd, &init);
	CHECK(e->qp, "ibv_create_qp: %s", strerror(errno));
}

int end_to_init(struct end *e, const struct pair_opt *opt)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT,
		.port_num = 1,
		.qp_access_flags = (unsigned int)opt->access,
	};

	return ibv_modify_qp(e->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			     IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);
}

int end_to_rtr(struct end *e, const struct end *peer, const struct pair_opt *opt)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR,
		.path_mtu = opt->mtu,
		.dest_qp_num = peer->qp->qp_num,
		.rq_psn = opt->psn & 0xffffff,
		.max_dest_rd_atomic = opt->rd_atomic,
		.min_rnr_timer = opt->min_rnr_timer,
		.ah_attr = {
			.is_global = 1,
			.port_num = 1,
			.grh = {
				.dgid = peer->gid,
				.sgid_index = (uint8_t)e->gid_index,
				.hop_limit = 64,
			},
		},
	};
	int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
		IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;

	if (e->qp->qp_type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	return ibv_modify_qp(e->qp, &attr, mask);
}

int end_to_rts(struct end *e, const struct pair_opt *opt)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTS,
		.sq_psn = opt->psn & 0xffffff,
		.timeout = opt->timeout,
		.retry_cnt = opt->retry_cnt,
		.rnr_retry = opt->rnr_retry,
		.max_rd_atomic = opt->rd_atomic,
	};
	int mask = IBV_QP_STATE | IBV_QP_SQ_PSN;

	if (e->qp->qp_type == IBV_QPT_RC)
		mask |= IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY |
			IBV_QP_MAX_QP_RD_ATOMIC;
	return ibv_modify_qp(e->qp, &attr, mask);
}

static void end_connect(struct end *e, const struct end *peer,
			const struct pair_opt *opt)
{
	int err;

	err = end_to_init(e, opt);
	CHECK(!err, "modify to INIT: %s", strerror(err));
	err = end_to_rtr(e, peer, opt);
	CHECK(!err, "modify to RTR: %s", strerror(err));
	err = end_to_rts(e, opt);
	CHECK(!err, "modify to RTS: %s", strerror(err));
}

void pair_create_qps(struct pair *p)
{
	end_create_qp(&p->a, &p->opt);
	end_create_qp(&p->b, &p->opt);
}

void pair_connect(struct pair *p)
{
	pair_create_qps(p);
	end_connect(&p->a, &p->b, &p->opt);
	end_connect(&p->b, &p->a, &p->opt);
}

static void end_disconnect(struct end *e)
{
	int err;

	err = ibv_destroy_qp(e->qp);
	CHECK(!err, "ibv_destroy_qp: %s", strerror(err));
	if (e->srq) {
		err = ibv_destroy_srq(e->srq);
		CHECK(!err, "ibv_destroy_srq: %s", strerror(err));
	}
	e->srq = NULL;
	err = ibv_destroy_cq(e->scq) ?: ibv_destroy_cq(e->rcq);
	CHECK(!err, "ibv_destroy_cq: %s", strerror(err));
	if (e->channel) {
		err = ibv_destroy_comp_channel(e->channel);
		CHECK(!err, "ibv_destroy_comp_channel: %s", strerror(err));
	}
	e->channel = NULL;
}

void pair_disconnect(struct pair *p)
{
	end_disconnect(&p->a);
	end_disconnect(&p->b);
}

static void end_close(struct end *e)
{
	int err;

	err = ibv_dealloc_pd(e->pd);
	CHECK(!err, "ibv_dealloc_pd: %s", strerror(err));
	err = ibv_close_device(e->ctx);
	CHECK(!err, "ibv_close_device: %s", strerror(err));
}

void pair_close(struct pair *p)
{
	end_close(&p->a);
	end_close(&p->b);
}

struct ibv_mr *need_mr(struct end *e, void *buf, size_t len, int access)
{
	struct ibv_mr *mr = ibv_reg_mr(e->pd, buf, len, access);

	CHECK(mr, "ibv_reg_mr of %zu bytes: %s", len, strerror(errno));
	return mr;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

struct ibv_wc need_wc(struct ibv_cq *cq)
{
	double end = now() + WC_SECONDS;
	struct ibv_wc wc;
	int n;

	do {
		n = ibv_poll_cq(cq, 1, &wc);
		CHECK(n >= 0, "ibv_poll_cq: %d", n);
		if (n)
			return wc;
	} while (now() < end);
	FAIL("no completion within %d seconds", WC_SECONDS);
}

struct ibv_wc need_status(struct ibv_cq *cq, enum ibv_wc_status status)
{
	struct ibv_wc wc = need_wc(cq);

	CHECK(wc.status == status, "wr_id %llu: %s (vendor_err %u), not %s",
	      (unsigned long long)wc.wr_id, ibv_wc_status_str(wc.status),
	      wc.vendor_err, ibv_wc_status_str(status));
	return wc;
}

struct ibv_wc need_ok(struct ibv_cq *cq)
{
	return need_status(cq, IBV_WC_SUCCESS);
}

void need_empty(struct ibv_cq *cq)
{
	struct ibv_wc wc;
	int n = ibv_poll_cq(cq, 1, &wc);

	CHECK(!n, "a completion (wr_id %llu, %s) where none is due",
	      (unsigned long long)wc.wr_id, ibv_wc_status_str(wc.status));
}

struct ibv_sge sge_of(const struct ibv_mr *mr, size_t off, size_t len)
{
	return (struct ibv_sge) {
		.addr = (uintptr_t)mr->addr + off,
		.length = (uint32_t)len,
		.lkey = mr->lkey,
	};
}

int post_send(struct end *e, enum ibv_wr_opcode op, uint64_t wr_id,
	      struct ibv_sge sge, uint64_t remote, uint32_t rkey,
	      unsigned int flags)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = wr_id,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = op,
		.send_flags = flags,
		.imm_data = 0x78563412,
		.wr.rdma = { .remote_addr = remote, .rkey = rkey },
	};

	return ibv_post_send(e->qp, &wr, &bad);
}

void need_send(struct end *e, enum ibv_wr_opcode op, uint64_t wr_id,
	       struct ibv_sge sge, uint64_t remote, uint32_t rkey,
	       unsigned int flags)
{
	int err = post_send(e, op, wr_id, sge, remote, rkey, flags);

	CHECK(!err, "ibv_post_send: %s", strerror(err));
}

void need_recv(struct end *e, uint64_t wr_id, struct ibv_sge sge)
{
	struct ibv_recv_wr *bad, wr = {
		.wr_id = wr_id, .sg_list = &sge, .num_sge = 1,
	};
	int err = e->srq ? ibv_post_srq_recv(e->srq, &wr, &bad) :
		ibv_post_recv(e->qp, &wr, &bad);

	CHECK(!err, "posting a receive: %s", strerror(err));
}

void need_atomic(struct end *e, bool cas, uint64_t wr_id, struct ibv_sge sge,
		 uint64_t remote, uint32_t rkey, uint64_t compare_add,
		 uint64_t swap)
{
	struct ibv_send_wr *bad, wr = {
		.wr_id = wr_id,
		.sg_list = &sge,
		.num_sge = 1,
		.opcode = cas ? IBV_WR_ATOMIC_CMP_AND_SWP :
			IBV_WR_ATOMIC_FETCH_AND_ADD,
		.send_flags = IBV_SEND_SIGNALED,
		.wr.atomic = {
			.remote_addr = remote, .rkey = rkey,
			.compare_add = compare_add, .swap = swap,
		},
	};
	int err = ibv_post_send(e->qp, &wr, &bad);

	CHECK(!err, "ibv_post_send: %s", strerror(err));
}

enum ibv_qp_state qp_state(struct ibv_qp *qp)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;
	int err = ibv_query_qp(qp, &attr, IBV_QP_STATE, &init);

	CHECK(!err, "ibv_query_qp: %s", strerror(err));
	return attr.qp_state;
}

void need_state(struct ibv_qp *qp, enum ibv_qp_state state)
{
	int i;

	for (i = 0; i < 1000 && qp_state(qp) != state; i++)
		usleep(1000);
	CHECK(qp_state(qp) == state, "state %d, not %d", qp_state(qp), state);
}

void need_event(struct end *e, enum ibv_event_type type)
{
	struct pollfd pfd = { .fd = e->ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	CHECK(poll(&pfd, 1, 20000) == 1, "no asynchronous event");
	CHECK(!ibv_get_async_event(e->ctx, &ev), "ibv_get_async_event");
	ibv_ack_async_event(&ev);
	CHECK(ev.event_type == type, "event %s, not %s",
	      ibv_event_type_str(ev.event_type), ibv_event_type_str(type));
}

/* One step of a generator whose every byte is used (splitmix). */
static uint8_t pattern(size_t i, uint32_t seed)
{
	uint64_t z = (uint64_t)i * 0x9e3779b97f4a7c15ull + seed;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	return (uint8_t)(z >> 56);
}

void fill(void *buf, size_t len, uint32_t seed)
{
	volatile uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		p[i] = pattern(i, seed);
}

void need_pattern(const void *buf, size_t len, uint32_t seed, const char *what)
{
	const volatile uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		CHECK(p[i] == pattern(i, seed), "%s: byte %zu of %zu is %#x, not %#x",
		      what, i, len, p[i], pattern(i, seed));
}

void need_bytes(const void *buf, size_t len, uint8_t value, const char *what)
{
	const volatile uint8_t *p = buf;
	size_t i;

	for (i = 0; i < len; i++)
		CHECK(p[i] == value, "%s: byte %zu of %zu is %#x, not %#x",
		      what, i, len, p[i], value);
}
