/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * The commands of libibverbs with this driver's part appended. The kernel-abi
 * header is generated from rdma/prxe-abi.h when the provider is built.
 */
#ifndef PRXE_PROVIDER_ABI_H
#define PRXE_PROVIDER_ABI_H

#include <infiniband/kern-abi.h>
#include <kernel-abi/prxe-abi.h>
#include <rdma/prxe-abi.h>

DECLARE_DRV_CMD(uprxe_alloc_ucontext, IB_USER_VERBS_CMD_GET_CONTEXT,
		prxe_alloc_ucontext_req, prxe_alloc_ucontext_resp);
DECLARE_DRV_CMD(uprxe_create_cq, IB_USER_VERBS_EX_CMD_CREATE_CQ,
		prxe_create_cq_req, prxe_create_cq_resp);
DECLARE_DRV_CMD(uprxe_resize_cq, IB_USER_VERBS_CMD_RESIZE_CQ,
		empty, prxe_resize_cq_resp);
DECLARE_DRV_CMD(uprxe_create_qp, IB_USER_VERBS_EX_CMD_CREATE_QP,
		prxe_create_qp_req, prxe_create_qp_resp);
DECLARE_DRV_CMD(uprxe_create_srq, IB_USER_VERBS_CMD_CREATE_SRQ,
		empty, prxe_create_srq_resp);
DECLARE_DRV_CMD(uprxe_create_srq_ex, IB_USER_VERBS_CMD_CREATE_XSRQ,
		empty, prxe_create_srq_resp);
DECLARE_DRV_CMD(uprxe_modify_srq, IB_USER_VERBS_CMD_MODIFY_SRQ,
		prxe_modify_srq_req, empty);
DECLARE_DRV_CMD(uprxe_create_ah, IB_USER_VERBS_CMD_CREATE_AH,
		empty, prxe_create_ah_resp);

#endif /* PRXE_PROVIDER_ABI_H */
