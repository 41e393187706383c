// SPDX-License-Identifier: GPL-2.0-only
/*
 * The region of all memory, for kernel users.
 *
 * prxe has no DMA device, so the core gives kernel users virtual addresses for
 * DMA addresses (ib_uses_virt_dma()): the address is the pointer. The
 * translation is one extent from 0 on. What is no memory of the direct map is
 * refused at the access, as such a key may have been made known to peers
 * (IB_PD_UNSAFE_GLOBAL_RKEY).
 *
 * User space has no way to such a key: only ib_alloc_pd() asks for one, and a
 * key works in its own protection domain.
 */
#include <rdma/ib_verbs.h>

#include "mr_internal.h"

static void prxe_mr_dma_release(struct prxe_mr *mr)
{
	prxe_mr_stop(mr, PRXE_MR_DEAD);
}

static const struct prxe_mr_ops prxe_mr_dma_ops = {
	.import = "kernel",
	.release = prxe_mr_dma_release,
};

struct ib_mr *prxe_get_dma_mr(struct ib_pd *ibpd, int access)
{
	struct prxe_mr *mr;
	int ret;

	ret = prxe_mr_check_reg(U64_MAX, 0, access, NULL);
	if (ret)
		return ERR_PTR(ret);
	if (access & IB_ACCESS_FLUSH_PERSISTENT)
		return ERR_PTR(-EINVAL);
	mr = prxe_mr_alloc(ibpd, &prxe_mr_dma_ops, access);
	if (IS_ERR(mr))
		return ERR_CAST(mr);
	prxe_mr_set_range(mr, 0, U64_MAX);
	mr->any = true;
	ret = prxe_extents_append(&mr->ext, NULL, U64_MAX);
	if (ret) {
		prxe_mr_abort(mr);
		return ERR_PTR(ret);
	}
	prxe_mr_set_valid(mr);
	prxe_mr_publish(mr);
	return &mr->ibmr;
}
