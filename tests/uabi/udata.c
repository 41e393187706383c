// SPDX-License-Identifier: GPL-2.0
/*
 * Driver data of every verb that has some, or none: too short, too long, with a
 * dirty tail, with bits nobody knows, with a response that faults. The rules
 * stand above struct ib_udata in the kernel's rdma/ib_verbs.h.
 */
#include <errno.h>
#include <infiniband/verbs.h>
#include <unistd.h>

#include "uabi.h"

#define TAIL	16	/* bytes more than the kernel knows */

/**
 * struct verb - a verb that is tried
 * @name: for messages
 * @c: the call as it works
 * @undo: destroys what it made; given the response
 * @cm: it begins with a comp_mask
 */
struct verb {
	const char *name;
	struct raw_cmd c;
	int (*undo)(int fd, const void *resp);
	bool cm;
};

static int undo_cq(int fd, const void *resp)
{
	return raw_destroy_cq(fd, ((const struct ib_uverbs_create_cq_resp *)
				   resp)->cq_handle);
}

static int undo_qp(int fd, const void *resp)
{
	return raw_destroy_qp(fd, ((const struct ib_uverbs_create_qp_resp *)
				   resp)->qp_handle);
}

static int undo_srq(int fd, const void *resp)
{
	return raw_destroy_srq(fd, ((const struct ib_uverbs_create_srq_resp *)
				    resp)->srq_handle);
}

static int undo_pd(int fd, const void *resp)
{
	struct ib_uverbs_dealloc_pd cmd = {
		.pd_handle = ((const struct ib_uverbs_alloc_pd_resp *)
			      resp)->pd_handle,
	};

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DEALLOC_PD,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
	});
}

static int undo_mw(int fd, const void *resp)
{
	struct ib_uverbs_dealloc_mw cmd = {
		.mw_handle = ((const struct ib_uverbs_alloc_mw_resp *)
			      resp)->mw_handle,
	};

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DEALLOC_MW,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
	});
}

static int undo_mr(int fd, const void *resp)
{
	struct ib_uverbs_dereg_mr cmd = {
		.mr_handle = ((const struct ib_uverbs_reg_mr_resp *)
			      resp)->mr_handle,
	};

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DEREG_MR,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
	});
}

/* Call; undo what succeeded; the errno must be @err. */
static void expect(int fd, const struct verb *v, const struct raw_cmd *c,
		   int err, const char *what)
{
	int ret = raw_call(fd, c);

	check(ret == -err, "%s, %s: %s instead of %s", v->name, what,
	      ret ? strerror(-ret) : "success", err ? strerror(err) : "success");
	if (!ret && v->undo) {
		ret = v->undo(fd, c->resp);
		check(!ret, "%s, %s: undo: %s", v->name, what, strerror(-ret));
	}
}

static void try_in(int fd, const struct verb *v)
{
	char in[256] = {};
	struct raw_cmd c = v->c;

	if (c.in_len)
		memcpy(in, c.in, c.in_len);
	c.in = in;
	expect(fd, v, &c, 0, "as it should be");
	c.in_len = v->c.in_len + TAIL;
	expect(fd, v, &c, 0, "longer, with zeros");
	in[v->c.in_len + TAIL - 1] = 1;
	expect(fd, v, &c, EOPNOTSUPP, "longer, and not zero");
	in[v->c.in_len + TAIL - 1] = 0;
	if (v->c.in_len) {
		c.in_len = v->c.in_len - 4;
		expect(fd, v, &c, EINVAL, "a word too short");
		c.in_len = 0;
		expect(fd, v, &c, EINVAL, "no driver data");
	}
	if (v->cm) {
		c.in_len = v->c.in_len;
		for (int bit = 0; bit < 64; bit += 21) {
			uint64_t cm = 1ull << bit;

			memcpy(in, &cm, sizeof(cm));
			expect(fd, v, &c, EOPNOTSUPP, "unknown comp_mask");
		}
	}
}

static void try_out(int fd, const struct verb *v)
{
	struct raw_cmd c = v->c;
	char out[256];
	bool clean = true;

	if (!c.resp_len)
		return;
	c.out = out;
	c.out_len = v->c.out_len + TAIL;
	expect(fd, v, &c, 0, "longer response");
	for (size_t i = v->c.out_len; i < c.out_len; i++)
		clean &= !out[i];
	check(clean, "%s: the longer response's tail is not zero", v->name);
	c.out_fault = true;
	expect(fd, v, &c, EFAULT, "response faults");
	c.out_fault = false;
	if (v->c.out_len) {
		c.out_len = v->c.out_len - 4;
		expect(fd, v, &c, EINVAL, "response a word too short");
		c.out_len = 0;
		expect(fd, v, &c, EINVAL, "no room for a response");
	}
}

static void try(int fd, const struct verb *v)
{
	try_in(fd, v);
	try_out(fd, v);
}

/* A context can be made once per file. */
static void context(const char *dev)
{
	struct ib_uverbs_get_context cmd = {};
	struct ib_uverbs_get_context_resp resp;
	struct prxe_alloc_ucontext_req in = { .comp_mask = 1ull << 40 };
	struct prxe_alloc_ucontext_resp out;
	struct raw_cmd c = {
		.nr = IB_USER_VERBS_CMD_GET_CONTEXT,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &in, .in_len = sizeof(in),
		.resp = &resp, .resp_len = sizeof(resp),
		.out = &out, .out_len = sizeof(out),
	};
	struct verb v = { .name = "get_context" };
	int fd = raw_open_file(dev);

	expect(fd, &v, &c, EOPNOTSUPP, "unknown comp_mask");
	in.comp_mask = 0;
	c.in_len = 4;
	expect(fd, &v, &c, EINVAL, "a word too short");
	c.in_len = sizeof(in);
	c.out_len = 8;
	expect(fd, &v, &c, EINVAL, "response too short");
	c.out_len = sizeof(out);
	c.out_fault = true;
	expect(fd, &v, &c, EFAULT, "response faults");
	c.out_fault = false;
	expect(fd, &v, &c, 0, "after all that");
	close(fd);
}

static void cq_flags(int fd, const struct verb *cq)
{
	struct prxe_create_cq_req in = { .flags = PRXE_CQ_TIMESTAMP };
	struct raw_cmd c = cq->c;

	c.in = &in;
	expect(fd, cq, &c, 0, "timestamps");
	in.flags = 1u << 31;
	expect(fd, cq, &c, EOPNOTSUPP, "unknown flag");
	in.flags = 0;
	in.reserved = 1;
	expect(fd, cq, &c, EOPNOTSUPP, "reserved field");
}

/* What the kernel says there is of this device; into @line. */
static void resources(const char *dev, char *line, size_t size)
{
	FILE *f = popen("rdma resource show", "r");

	must(f, "rdma resource");
	do
		must(fgets(line, size, f), "rdma resource does not show %s", dev);
	while (!strstr(line, dev));
	pclose(f);
}

/* The commands, as they work; objects() fills in the handles. */
static char memory[8192];
static struct ib_uverbs_alloc_pd pd_cmd;
static struct ib_uverbs_create_cq cq_cmd = { .cqe = 10, .comp_channel = -1 };
static struct ib_uverbs_resize_cq resize_cmd = { .cqe = 100 };
static struct ib_uverbs_create_qp qp_cmd = {
	.max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1,
	.qp_type = IB_UVERBS_QPT_RC,
};
static struct ib_uverbs_modify_qp mod_cmd = {
	.attr_mask = IBV_QP_STATE, .qp_state = IBV_QPS_RESET,
};
static struct ib_uverbs_create_srq srq_cmd = { .max_wr = 5, .max_sge = 2 };
static struct ib_uverbs_modify_srq size_cmd = {
	.attr_mask = IBV_SRQ_MAX_WR, .max_wr = 100,
};
static struct ib_uverbs_modify_srq limit_cmd = {
	.attr_mask = IBV_SRQ_LIMIT, .srq_limit = 1,
};
static struct ib_uverbs_reg_mr mr_cmd = {
	.length = sizeof(memory), .access_flags = IB_UVERBS_ACCESS_LOCAL_WRITE,
};
static struct ib_uverbs_alloc_mw mw_cmd = { .mw_type = IBV_MW_TYPE_1 };

/* Their responses; driver data to and from them. */
static struct ib_uverbs_alloc_pd_resp pd_resp;
static struct ib_uverbs_create_cq_resp cq_resp;
static struct ib_uverbs_resize_cq_resp resize_resp;
static struct ib_uverbs_create_qp_resp qp_resp;
static struct ib_uverbs_create_srq_resp srq_resp;
static struct ib_uverbs_reg_mr_resp mr_resp;
static struct ib_uverbs_alloc_mw_resp mw_resp;
static struct prxe_create_cq_req cq_in;
static struct prxe_create_cq_resp cq_out;
static struct prxe_resize_cq_resp resize_out;
static struct prxe_create_qp_req qp_in;
static struct prxe_create_qp_resp qp_out;
static struct prxe_create_srq_resp srq_out;
static struct prxe_ring_info size_out;
static struct prxe_modify_srq_req size_in;
static char none[TAIL];

#define CMD(c)	.cmd = &(c), .cmd_len = sizeof(c)
#define RESP(r)	.resp = &(r), .resp_len = sizeof(r)
#define IN(i)	.in = &(i), .in_len = sizeof(i)
#define OUT(o)	.out = &(o), .out_len = sizeof(o)
#define NO_OUT	.out = none

enum { CREATE_CQ, MODIFY_SRQ_SIZE };	/* those with more to try */

static const struct verb verbs[] = {
	[CREATE_CQ] = { "create_cq", {
		.nr = IB_USER_VERBS_CMD_CREATE_CQ,
		CMD(cq_cmd), IN(cq_in), RESP(cq_resp), OUT(cq_out),
	}, undo_cq, true },
	[MODIFY_SRQ_SIZE] = { "modify_srq, size", {
		.nr = IB_USER_VERBS_CMD_MODIFY_SRQ, CMD(size_cmd), IN(size_in),
	}, NULL, true },
	{ "modify_srq, limit", {
		.nr = IB_USER_VERBS_CMD_MODIFY_SRQ, CMD(limit_cmd),
	}, NULL, false },
	{ "alloc_pd", {
		.nr = IB_USER_VERBS_CMD_ALLOC_PD,
		CMD(pd_cmd), RESP(pd_resp), NO_OUT,
	}, undo_pd, false },
	{ "resize_cq", {
		.nr = IB_USER_VERBS_CMD_RESIZE_CQ,
		CMD(resize_cmd), RESP(resize_resp), OUT(resize_out),
	}, NULL, false },
	{ "create_qp", {
		.nr = IB_USER_VERBS_CMD_CREATE_QP,
		CMD(qp_cmd), IN(qp_in), RESP(qp_resp), OUT(qp_out),
	}, undo_qp, true },
	{ "modify_qp", {
		.nr = IB_USER_VERBS_CMD_MODIFY_QP, CMD(mod_cmd),
	}, NULL, false },
	{ "create_srq", {
		.nr = IB_USER_VERBS_CMD_CREATE_SRQ,
		CMD(srq_cmd), RESP(srq_resp), OUT(srq_out),
	}, undo_srq, false },
	{ "reg_mr", {
		.nr = IB_USER_VERBS_CMD_REG_MR,
		CMD(mr_cmd), RESP(mr_resp), NO_OUT,
	}, undo_mr, false },
	{ "alloc_mw", {
		.nr = IB_USER_VERBS_CMD_ALLOC_MW,
		CMD(mw_cmd), RESP(mw_resp), NO_OUT,
	}, undo_mw, false },
};

/* What the commands speak of. */
struct objects {
	uint32_t pd, cq, qp, srq;
};

static struct objects objects(int fd)
{
	struct objects o = { .pd = raw_alloc_pd(fd) };
	struct ib_uverbs_create_qp_resp qp;

	must(!raw_create_cq(fd, 16, &o.cq, &cq_out), "create_cq");
	must(!raw_create_qp(fd, o.pd, o.cq, &qp, &qp_out), "create_qp");
	must(!raw_create_srq(fd, o.pd, &o.srq, &srq_out), "create_srq");
	o.qp = qp.qp_handle;
	qp_cmd.pd_handle = o.pd;
	qp_cmd.send_cq_handle = o.cq;
	qp_cmd.recv_cq_handle = o.cq;
	mod_cmd.qp_handle = o.qp;
	resize_cmd.cq_handle = o.cq;
	srq_cmd.pd_handle = o.pd;
	size_cmd.srq_handle = o.srq;
	limit_cmd.srq_handle = o.srq;
	size_in.ring = (uintptr_t)&size_out;
	mr_cmd.pd_handle = o.pd;
	mr_cmd.start = (uintptr_t)memory;
	mr_cmd.hca_va = (uintptr_t)memory;
	mw_cmd.pd_handle = o.pd;
	return o;
}

static void destroy(int fd, const struct objects *o)
{
	check(!raw_destroy_qp(fd, o->qp), "destroy_qp");
	check(!raw_destroy_srq(fd, o->srq), "destroy_srq");
	check(!raw_destroy_cq(fd, o->cq), "destroy_cq");
}

int test_udata(const char *dev, char **argv)
{
	char before[256], after[256];
	int fd = raw_open(dev);
	struct objects o;

	(void)argv;
	context(dev);
	o = objects(fd);
	resources(dev, before, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		try(fd, &verbs[i]);
	cq_flags(fd, &verbs[CREATE_CQ]);
	size_in.ring = 8;
	expect(fd, &verbs[MODIFY_SRQ_SIZE], &verbs[MODIFY_SRQ_SIZE].c, EFAULT,
	       "told nowhere");
	resources(dev, after, sizeof(after));
	check(!strcmp(before, after), "left half made: %s was %s", after, before);
	destroy(fd, &o);
	close(fd);
	return 0;
}
