// SPDX-License-Identifier: GPL-2.0-only
/*
 * What `rdma -dd resource show mr` tells of a region (R16).
 */
#include <rdma/restrack.h>
#include <uapi/rdma/rdma_netlink.h>
#include <net/netlink.h>

#include "mr_internal.h"

static const char * const prxe_mr_state_names[] = {
	[PRXE_MR_INVALID] = "invalid",
	[PRXE_MR_VALID] = "valid",
	[PRXE_MR_REVOKED] = "revoked",
	[PRXE_MR_FREE] = "free",
	[PRXE_MR_STOPPING] = "stopping",
	[PRXE_MR_DEAD] = "dead",
};

/* Memory of the kernel that the region takes; not the memory that it is of. */
static u64 prxe_mr_bytes(const struct prxe_mr *mr)
{
	size_t bytes = kmalloc_size_roundup(sizeof(*mr)) + prxe_extents_bytes(&mr->ext);

	return bytes + (mr->ops->footprint ? mr->ops->footprint(mr) : 0);
}

static int prxe_mr_show(struct sk_buff *msg, const struct prxe_mr *mr)
{
	bool io = READ_ONCE(mr->io);
	u32 nr;

	/*
	 * Of a dma-buf, these belong to the reservation lock, which an exporter
	 * may hold for long. Whoever looks is content with what was true a moment
	 * ago, and with different moments.
	 */
	nr = READ_ONCE(mr->ext.nr);

	if (rdma_nl_put_driver_string(msg, "import", mr->ops->import) ||
	    rdma_nl_put_driver_string(msg, "state",
				      prxe_mr_state_names[prxe_mr_state(mr)]) ||
	    rdma_nl_put_driver_string(msg, "memory", io ? "mmio" : "ram") ||
	    rdma_nl_put_driver_u32(msg, "extents", nr) ||
	    rdma_nl_put_driver_u64(msg, "kernel_bytes", prxe_mr_bytes(mr)))
		return -EMSGSIZE;
	return mr->ops->show ? mr->ops->show(msg, mr) : 0;
}

/*
 * The core holds a reference of the resource tracker, which deregistration waits
 * for: the region and its memory are not given back meanwhile.
 */
int prxe_fill_res_mr_entry(struct sk_buff *msg, struct ib_mr *ibmr)
{
	struct nlattr *table;

	table = nla_nest_start(msg, RDMA_NLDEV_ATTR_DRIVER);
	if (!table)
		return -EMSGSIZE;
	if (prxe_mr_show(msg, to_pmr(ibmr))) {
		nla_nest_cancel(msg, table);
		return -EMSGSIZE;
	}
	nla_nest_end(msg, table);
	return 0;
}
