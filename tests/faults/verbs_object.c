// SPDX-License-Identifier: GPL-2.0
/* Contexts, protection domains, completion queues, queue pairs, address handles. */
#include <fcntl.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/prxe-abi.h>
#include <unistd.h>

#include "verbs.h"

#define ENTRIES 256

static struct ibv_context *ctx;
static struct ibv_pd *pd;
static struct ibv_comp_channel *channel;
static struct ibv_cq *cq;
static struct ibv_ah *ah;
static struct ibv_device **list;
static int raw_fd, raw_async_fd;

/* The list is asked for once: it is not the kernel driver's. */
static struct ibv_device *the_device(void)
{
	int i, n;

	if (!list)
		list = ibv_get_device_list(&n);
	NEED(list, "ibv_get_device_list: %m");
	for (i = 0; list[i]; i++)
		if (!strcmp(ibv_get_device_name(list[i]), device_a))
			return list[i];
	FAULT_FAIL("no device %s", device_a);
}

int call_open(void)
{
	errno = 0;
	ctx = ibv_open_device(the_device());
	return null_errno(ctx);
}

void verify_open(void)
{
	struct ibv_pd *one = ibv_alloc_pd(ctx);

	NEED(one && !ibv_dealloc_pd(one), "the context is of no use: %m");
}

void undo_open(void)
{
	NEED(!ibv_close_device(ctx), "ibv_close_device: %m");
}

/* As the library does it, but the kernel's answer is ours. */
int call_context(void)
{
	struct {
		struct ib_uverbs_get_context_resp core;
		struct prxe_alloc_ucontext_resp driver;
	} resp;
	struct {
		struct ib_uverbs_cmd_hdr head;
		struct ib_uverbs_get_context core;
		struct prxe_alloc_ucontext_req driver;
	} cmd = {
		.head = {
			.command = IB_USER_VERBS_CMD_GET_CONTEXT,
			.in_words = sizeof(cmd) / 4,
			.out_words = sizeof(resp) / 4,
		},
		.core.response = (uintptr_t)&resp,
	};
	static char path[96];
	int err = 0;

	if (!*path)
		snprintf(path, sizeof(path), "/dev/infiniband/%s",
			 the_device()->dev_name);
	raw_fd = open(path, O_RDWR | O_CLOEXEC);
	if (raw_fd < 0)
		return errno;
	if (write(raw_fd, &cmd, sizeof(cmd)) != (ssize_t)sizeof(cmd)) {
		err = errno;
		close(raw_fd);
	}
	raw_async_fd = resp.core.async_fd;
	return err;
}

void undo_context(void)
{
	close(raw_async_fd);
	close(raw_fd);
}

int call_pd(void)
{
	errno = 0;
	pd = ibv_alloc_pd(pair.a.ctx);
	return null_errno(pd);
}

void undo_pd(void)
{
	int err = ibv_dealloc_pd(pd);

	NEED(!err, "ibv_dealloc_pd: %s", strerror(err));
}

int call_dealloc_pd(void)
{
	return ibv_dealloc_pd(pd);
}

int call_channel(void)
{
	errno = 0;
	channel = ibv_create_comp_channel(pair.a.ctx);
	return null_errno(channel);
}

void undo_channel(void)
{
	int err = ibv_destroy_comp_channel(channel);

	NEED(!err, "ibv_destroy_comp_channel: %s", strerror(err));
	channel = NULL;
}

int call_cq(void)
{
	errno = 0;
	cq = ibv_create_cq(pair.a.ctx, ENTRIES, NULL, channel, 0);
	return null_errno(cq);
}

int call_cq_channel(void)
{
	int err = call_channel();

	if (err)
		return err;
	err = call_cq();
	if (err)
		undo_channel();
	return err;
}

int call_cq_ex(void)
{
	struct ibv_cq_init_attr_ex attr = {
		.cqe = ENTRIES,
		.wc_flags = IBV_WC_STANDARD_FLAGS | IBV_WC_EX_WITH_COMPLETION_TIMESTAMP,
	};
	struct ibv_cq_ex *ex;

	errno = 0;
	ex = ibv_create_cq_ex(pair.a.ctx, &attr);
	cq = ex ? ibv_cq_ex_to_cq(ex) : NULL;
	return null_errno(ex);
}

void verify_cq(void)
{
	struct ibv_wc wc;

	NEED(cq->cqe >= ENTRIES, "%d entries", cq->cqe);
	NEED(!ibv_poll_cq(cq, 1, &wc), "a new queue is not empty");
}

int call_destroy_cq(void)
{
	return ibv_destroy_cq(cq);
}

void undo_cq(void)
{
	int err = ibv_destroy_cq(cq);

	NEED(!err, "ibv_destroy_cq: %s", strerror(err));
	if (channel)
		undo_channel();
}

void make_cq(void)
{
	NEED(!call_cq(), "ibv_create_cq: %m");
}

void make_cq_channel(void)
{
	NEED(!call_cq_channel(), "ibv_create_cq: %m");
}

int call_notify(void)
{
	return ibv_req_notify_cq(cq, 0);
}

static struct ibv_qp_init_attr qp_attr(enum ibv_qp_type type)
{
	return (struct ibv_qp_init_attr) {
		.send_cq = cq,
		.recv_cq = cq,
		.qp_type = type,
		.cap = {
			.max_send_wr = 64, .max_recv_wr = 64,
			.max_send_sge = 2, .max_recv_sge = 2,
			.max_inline_data = 64,
		},
	};
}

static int create_qp(enum ibv_qp_type type)
{
	struct ibv_qp_init_attr attr = qp_attr(type);

	errno = 0;
	pair.a.qp = ibv_create_qp(pair.a.pd, &attr);
	return null_errno(pair.a.qp);
}

int call_qp_rc(void)
{
	return create_qp(IBV_QPT_RC);
}

int call_qp_uc(void)
{
	return create_qp(IBV_QPT_UC);
}

int call_qp_ud(void)
{
	return create_qp(IBV_QPT_UD);
}

int call_qp_ex(void)
{
	struct ibv_qp_init_attr plain = qp_attr(IBV_QPT_RC);
	struct ibv_qp_init_attr_ex attr = {
		.send_cq = cq,
		.recv_cq = cq,
		.qp_type = IBV_QPT_RC,
		.cap = plain.cap,
		.pd = pair.a.pd,
		.comp_mask = IBV_QP_INIT_ATTR_PD | IBV_QP_INIT_ATTR_SEND_OPS_FLAGS,
		.send_ops_flags = IBV_QP_EX_WITH_RDMA_WRITE,
	};

	errno = 0;
	pair.a.qp = ibv_create_qp_ex(pair.a.ctx, &attr);
	return null_errno(pair.a.qp);
}

/* A parent domain whose allocator gets everything back when the kernel refuses. */
static struct ibv_pd *parent;
static int lent;

static void *lend(struct ibv_pd *owner, void *context, size_t size,
		  size_t alignment, uint64_t type)
{
	(void)owner, (void)context, (void)type;
	lent++;
	return aligned_alloc(alignment, size);
}

static void take_back(struct ibv_pd *owner, void *context, void *mem, uint64_t type)
{
	(void)owner, (void)context, (void)type;
	lent--;
	free(mem);
}

void make_parent(void)
{
	struct ibv_parent_domain_init_attr attr = {
		.pd = pair.a.pd, .alloc = lend, .free = take_back,
		.comp_mask = IBV_PARENT_DOMAIN_INIT_ATTR_ALLOCATORS,
	};

	make_cq();
	parent = ibv_alloc_parent_domain(pair.a.ctx, &attr);
	NEED(parent, "ibv_alloc_parent_domain: %m");
}

void drop_parent(void)
{
	int err = ibv_dealloc_pd(parent);

	NEED(!err && !lent, "ibv_dealloc_pd: %s, %d not given back",
	     strerror(err), lent);
	undo_cq();
}

int call_qp_parent(void)
{
	struct ibv_qp_init_attr attr = qp_attr(IBV_QPT_RC);

	errno = 0;
	pair.a.qp = ibv_create_qp(parent, &attr);
	NEED(lent == !!pair.a.qp, "%d allocations lent", lent);
	return null_errno(pair.a.qp);
}

void verify_qp(void)
{
	NEED(pair.a.qp->qp_num > 1, "number %u", pair.a.qp->qp_num);
	NEED(qp_state(pair.a.qp) == IBV_QPS_RESET, "a new QP is in another state");
}

int call_destroy_qp(void)
{
	return ibv_destroy_qp(pair.a.qp);
}

void undo_qp(void)
{
	int err = ibv_destroy_qp(pair.a.qp);

	NEED(!err, "ibv_destroy_qp: %s", strerror(err));
}

void make_rc(void)
{
	make_cq();
	NEED(!call_qp_rc(), "ibv_create_qp: %m");
	pair.opt = pair_defaults;
}

void drop_qp(void)
{
	undo_qp();
	undo_cq();
}

int call_ah(void)
{
	struct ibv_ah_attr attr = {
		.is_global = 1,
		.port_num = 1,
		.grh = {
			.dgid = pair.b.gid,
			.sgid_index = (uint8_t)pair.a.gid_index,
			.hop_limit = 64,
		},
	};

	errno = 0;
	ah = ibv_create_ah(pair.a.pd, &attr);
	return null_errno(ah);
}

int call_destroy_ah(void)
{
	return ibv_destroy_ah(ah);
}

void undo_ah(void)
{
	int err = ibv_destroy_ah(ah);

	NEED(!err, "ibv_destroy_ah: %s", strerror(err));
}

void make_ah(void)
{
	NEED(!call_ah(), "ibv_create_ah: %m");
}
