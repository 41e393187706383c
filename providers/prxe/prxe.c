// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* The provider's entry: devices and contexts. */

#include <stdlib.h>

#include "prxe.h"

static void prxe_free_context(struct ibv_context *ibctx)
{
	struct prxe_context *ctx = to_prxe_context(ibctx);

	verbs_uninit_context(&ctx->vctx);
	free(ctx);
}

static const struct verbs_context_ops prxe_context_ops = {
	.advise_mr = ibv_cmd_advise_mr,
	.alloc_mw = prxe_alloc_mw,
	.alloc_parent_domain = prxe_alloc_parent_domain,
	.alloc_pd = prxe_alloc_pd,
	.alloc_td = prxe_alloc_td,
	.attach_mcast = ibv_cmd_attach_mcast,
	.bind_mw = prxe_bind_mw,
	.create_ah = prxe_create_ah,
	.create_cq = prxe_create_cq,
	.create_cq_ex = prxe_create_cq_ex,
	.create_qp = prxe_create_qp,
	.create_qp_ex = prxe_create_qp_ex,
	.create_srq = prxe_create_srq,
	.create_srq_ex = prxe_create_srq_ex,
	.dealloc_mw = prxe_dealloc_mw,
	.dealloc_pd = prxe_dealloc_pd,
	.dealloc_td = prxe_dealloc_td,
	.dereg_mr = prxe_dereg_mr,
	.destroy_ah = prxe_destroy_ah,
	.destroy_cq = prxe_destroy_cq,
	.destroy_qp = prxe_destroy_qp,
	.destroy_srq = prxe_destroy_srq,
	.detach_mcast = ibv_cmd_detach_mcast,
	.free_context = prxe_free_context,
	.get_srq_num = prxe_get_srq_num,
	.modify_qp = prxe_modify_qp,
	.modify_srq = prxe_modify_srq,
	.poll_cq = prxe_poll_cq,
	.post_recv = prxe_post_recv,
	.post_send = prxe_post_send,
	.post_srq_recv = prxe_post_srq_recv,
	.query_device_ex = prxe_query_device_ex,
	.query_port = prxe_query_port,
	.query_qp = prxe_query_qp,
	.query_rt_values = prxe_query_rt_values,
	.query_srq = prxe_query_srq,
	.reg_dmabuf_mr = prxe_reg_dmabuf_mr,
	.reg_mr = prxe_reg_mr,
	.req_notify_cq = ibv_cmd_req_notify_cq,
	.rereg_mr = prxe_rereg_mr,
	.resize_cq = prxe_resize_cq,
};

static struct verbs_context *prxe_alloc_context(struct ibv_device *device,
						int cmd_fd, void *private_data)
{
	struct uprxe_alloc_ucontext_resp resp = {};
	struct uprxe_alloc_ucontext cmd = {};
	struct prxe_context *ctx;

	(void)private_data;

	ctx = verbs_init_and_alloc_context(device, cmd_fd, ctx, vctx,
					   PRXE_DRIVER_ID);
	if (!ctx)
		return NULL;
	if (ibv_cmd_get_context(&ctx->vctx, &cmd.ibv_cmd, sizeof(cmd),
				&resp.ibv_resp, sizeof(resp))) {
		verbs_uninit_context(&ctx->vctx);
		free(ctx);
		return NULL;
	}
	verbs_set_ops(&ctx->vctx, &prxe_context_ops);
	return &ctx->vctx;
}

static struct verbs_device *prxe_alloc_device(struct verbs_sysfs_dev *sysfs)
{
	struct prxe_device *dev;

	(void)sysfs;

	dev = calloc(1, sizeof(*dev));
	return dev ? &dev->vdev : NULL;
}

static void prxe_uninit_device(struct verbs_device *vdev)
{
	free(container_of(vdev, struct prxe_device, vdev));
}

static const struct verbs_match_ent prxe_match_table[] = {
	VERBS_DRIVER_ID(PRXE_DRIVER_ID),
	{},
};

static const struct verbs_device_ops prxe_device_ops = {
	.name = "prxe",
	.match_min_abi_version = PRXE_UVERBS_ABI_VERSION,
	.match_max_abi_version = PRXE_UVERBS_ABI_VERSION,
	.match_table = prxe_match_table,
	.alloc_device = prxe_alloc_device,
	.uninit_device = prxe_uninit_device,
	.alloc_context = prxe_alloc_context,
};
PROVIDER_DRIVER(prxe, prxe_device_ops);
