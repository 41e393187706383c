// SPDX-License-Identifier: GPL-2.0-only
/* Verbs about the device, its port, user contexts and protection domains. */
#include <linux/bits.h>
#include <linux/netdevice.h>
#include <rdma/ib_mad.h>
#include <rdma/ib_verbs.h>
#include <rdma/uverbs_ioctl.h>

#include "fast_reg.h"
#include "hdr.h"
#include "prxe.h"

/* The OUI that belongs to nobody: applications expect something there. */
#define PRXE_VENDOR_ID	0xffffff
/* As told to subnet management and `rdma dev`: there is no firmware. */
#define PRXE_FW_MAJOR	1
#define PRXE_FW_MINOR	0

/* No resource behind it but memory; the number is for applications that ask. */
#define PRXE_MANY	BIT(20)

/* 4.096 us * 2^15, the delay that a busy host may add to an acknowledgment */
#define PRXE_ACK_DELAY	15

/* What memory on demand can be used for; see mr_odp.c. */
static void query_odp(struct ib_device_attr *attr)
{
	if (!IS_ENABLED(CONFIG_INFINIBAND_ON_DEMAND_PAGING))
		return;
	attr->kernel_cap_flags |= IBK_ON_DEMAND_PAGING;
	attr->odp_caps.general_caps = IB_ODP_SUPPORT | IB_ODP_SUPPORT_IMPLICIT;
	attr->odp_caps.per_transport_caps.rc_odp_caps =
		IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_RECV |
		IB_ODP_SUPPORT_WRITE | IB_ODP_SUPPORT_READ |
		IB_ODP_SUPPORT_ATOMIC | IB_ODP_SUPPORT_SRQ_RECV |
		IB_ODP_SUPPORT_FLUSH | IB_ODP_SUPPORT_ATOMIC_WRITE;
	attr->odp_caps.per_transport_caps.uc_odp_caps =
		IB_ODP_SUPPORT_SEND | IB_ODP_SUPPORT_WRITE;
	attr->odp_caps.per_transport_caps.ud_odp_caps = IB_ODP_SUPPORT_SEND;
}

/**
 * prxe_query_device() - what the device can do
 * @ibdev: the device
 * @attr: filled in; zeroed by the caller
 * @udata: none in, none out
 *
 * Return: 0 or the error of the udata helpers.
 */
int prxe_query_device(struct ib_device *ibdev, struct ib_device_attr *attr,
		      struct ib_udata *udata)
{
	struct prxe_dev *dev = to_pdev(ibdev);
	int err;

	err = ib_no_udata_io(udata);
	if (err)
		return err;

	attr->fw_ver = (u64)PRXE_FW_MAJOR << 32 | PRXE_FW_MINOR;
	attr->sys_image_guid = READ_ONCE(dev->guid);
	attr->vendor_id = PRXE_VENDOR_ID;
	attr->max_mr_size = U64_MAX;
	attr->page_size_cap = (u64)PAGE_MASK;
	attr->device_cap_flags = IB_DEVICE_CURR_QP_STATE_MOD |
				 IB_DEVICE_PORT_ACTIVE_EVENT |
				 IB_DEVICE_SYS_IMAGE_GUID |
				 IB_DEVICE_RC_RNR_NAK_GEN |
				 IB_DEVICE_SRQ_RESIZE |
				 IB_DEVICE_MEM_MGT_EXTENSIONS |
				 IB_DEVICE_MEM_WINDOW |
				 IB_DEVICE_MEM_WINDOW_TYPE_2B |
				 IB_DEVICE_FLUSH_GLOBAL |
				 IB_DEVICE_FLUSH_PERSISTENT |
				 IB_DEVICE_ATOMIC_WRITE;
	attr->kernel_cap_flags = IBK_ALLOW_USER_UNREG;
	query_odp(attr);
	attr->max_qp = PRXE_MAX_QPN - PRXE_MIN_QPN + 1;
	attr->max_qp_wr = PRXE_MAX_WR;
	attr->max_send_sge = PRXE_MAX_SGE;
	attr->max_recv_sge = PRXE_MAX_SGE;
	attr->max_sge_rd = PRXE_MAX_SGE;
	attr->max_cq = PRXE_MANY;
	attr->max_cqe = PRXE_MAX_CQE;
	attr->max_mr = PRXE_MAX_MR;
	attr->max_mw = PRXE_MAX_MR;
	attr->max_fast_reg_page_list_len = PRXE_MAX_FAST_REG_PAGES;
	attr->max_srq = PRXE_MANY;
	attr->max_srq_wr = PRXE_MAX_WR;
	attr->max_srq_sge = PRXE_MAX_SGE;
	attr->max_pd = PRXE_MANY;
	attr->max_ah = PRXE_MANY;
	attr->max_mcast_grp = PRXE_MAX_MCAST_GRP;
	attr->max_mcast_qp_attach = PRXE_MAX_MCAST_ATTACH;
	attr->max_total_mcast_qp_attach = PRXE_MAX_MCAST_GRP *
					  PRXE_MAX_MCAST_ATTACH;
	attr->max_qp_rd_atom = PRXE_MAX_RD_ATOMIC;
	attr->max_qp_init_rd_atom = PRXE_MAX_RD_ATOMIC;
	attr->max_res_rd_atom = PRXE_MAX_RD_ATOMIC * PRXE_MANY;
	attr->atomic_cap = IB_ATOMIC_HCA;
	attr->max_pkeys = PRXE_MAX_PKEYS;
	attr->local_ca_ack_delay = PRXE_ACK_DELAY;
	attr->timestamp_mask = U64_MAX;
	attr->hca_core_clock = NSEC_PER_SEC / 1000;	/* kHz */
	return 0;
}

/**
 * prxe_modify_device() - change the node description or system image GUID
 * @ibdev: the device
 * @mask: what to change
 * @modify: to what
 *
 * Return: 0, or -EOPNOTSUPP for anything else.
 */
int prxe_modify_device(struct ib_device *ibdev, int mask,
		       struct ib_device_modify *modify)
{
	struct prxe_dev *dev = to_pdev(ibdev);

	if (mask & ~(IB_DEVICE_MODIFY_SYS_IMAGE_GUID |
		     IB_DEVICE_MODIFY_NODE_DESC))
		return -EOPNOTSUPP;

	if (mask & IB_DEVICE_MODIFY_SYS_IMAGE_GUID)
		WRITE_ONCE(dev->guid, cpu_to_be64(modify->sys_image_guid));
	if (mask & IB_DEVICE_MODIFY_NODE_DESC)
		memcpy(ibdev->node_desc, modify->node_desc,
		       sizeof(ibdev->node_desc));
	return 0;
}

/**
 * prxe_get_dev_fw_str() - the version that tools show
 * @ibdev: the device
 * @str: IB_FW_VERSION_NAME_MAX bytes
 */
void prxe_get_dev_fw_str(struct ib_device *ibdev, char *str)
{
	snprintf(str, IB_FW_VERSION_NAME_MAX, "%u.%u", PRXE_FW_MAJOR,
		 PRXE_FW_MINOR);
}

enum ib_mtu prxe_active_mtu(const struct prxe_dev *dev)
{
	unsigned int mtu = READ_ONCE(dev->ndev->mtu);
	const unsigned int ip_udp = PRXE_IPV6_LEN + PRXE_UDP_LEN;

	mtu = mtu > ip_udp ? prxe_mtu_from_payload(mtu - ip_udp) : 0;
	/* With less than 256 bytes of room IP has to fragment. */
	return ib_mtu_int_to_enum(mtu ?: PRXE_MTU_MIN);
}

/**
 * prxe_query_port() - state and limits of the port
 * @ibdev: the device
 * @port: 1
 * @attr: filled in; zeroed by the caller
 *
 * Context: process, takes RTNL.
 * Return: 0.
 */
int prxe_query_port(struct ib_device *ibdev, u32 port,
		    struct ib_port_attr *attr)
{
	struct prxe_dev *dev = to_pdev(ibdev);
	struct net_device *ndev = dev->ndev;

	attr->state = ib_get_curr_port_state(ndev);
	if (attr->state == IB_PORT_ACTIVE)
		attr->phys_state = IB_PORT_PHYS_STATE_LINK_UP;
	else if (netif_get_flags(ndev) & IFF_UP)
		attr->phys_state = IB_PORT_PHYS_STATE_POLLING;
	else
		attr->phys_state = IB_PORT_PHYS_STATE_DISABLED;

	attr->max_mtu = IB_MTU_4096;
	attr->active_mtu = prxe_active_mtu(dev);
	attr->gid_tbl_len = PRXE_GID_TBL_LEN;
	attr->ip_gids = true;
	attr->port_cap_flags = IB_PORT_CM_SUP;
	attr->max_msg_sz = PRXE_MAX_MSG_LEN;
	attr->pkey_tbl_len = PRXE_MAX_PKEYS;
	attr->max_vl_num = 1;

	/* Fails when the network device is going away: a port that is down. */
	if (ib_get_eth_speed(ibdev, port, &attr->active_speed,
			     &attr->active_width)) {
		attr->active_speed = IB_SPEED_SDR;
		attr->active_width = IB_WIDTH_1X;
	}
	return 0;
}

/**
 * prxe_query_pkey() - an entry of the partition table
 * @ibdev: the device
 * @port: the port
 * @index: 0 is the only one
 * @pkey: filled in
 *
 * Return: 0 or -EINVAL.
 */
int prxe_query_pkey(struct ib_device *ibdev, u32 port, u16 index, u16 *pkey)
{
	if (index >= PRXE_MAX_PKEYS)
		return -EINVAL;
	*pkey = PRXE_DEFAULT_PKEY;
	return 0;
}

/**
 * prxe_get_port_immutable() - what never changes about the port
 * @ibdev: the device
 * @port: the port
 * @im: filled in
 *
 * Return: 0.
 */
int prxe_get_port_immutable(struct ib_device *ibdev, u32 port,
			    struct ib_port_immutable *im)
{
	im->core_cap_flags = RDMA_CORE_PORT_IBA_ROCE_UDP_ENCAP;
	im->pkey_tbl_len = PRXE_MAX_PKEYS;
	im->gid_tbl_len = PRXE_GID_TBL_LEN;
	im->max_mad_size = IB_MGMT_MAD_SIZE;
	return 0;
}

/**
 * prxe_get_link_layer() - Ethernet
 * @ibdev: the device
 * @port: the port
 *
 * Return: IB_LINK_LAYER_ETHERNET.
 */
enum rdma_link_layer prxe_get_link_layer(struct ib_device *ibdev, u32 port)
{
	return IB_LINK_LAYER_ETHERNET;
}

/**
 * prxe_alloc_ucontext() - a process opens the device
 * @ibuc: the context, zeroed
 * @udata: &struct prxe_alloc_ucontext_req, &struct prxe_alloc_ucontext_resp
 *
 * Return: 0, -EINVAL, -EOPNOTSUPP for a feature we do not have, or -EFAULT.
 */
int prxe_alloc_ucontext(struct ib_ucontext *ibuc, struct ib_udata *udata)
{
	struct prxe_alloc_ucontext_req req;
	struct prxe_alloc_ucontext_resp resp = {
		.max_inline = PRXE_MAX_INLINE,
	};
	int err;

	err = ib_copy_validate_udata_in_cm(udata, req, comp_mask, 0);
	if (err)
		return err;
	if (udata->outlen < sizeof(resp))
		return -EINVAL;
	return ib_respond_udata(udata, resp);
}

/**
 * prxe_dealloc_ucontext() - a process closed the device
 * @ibuc: the context; the core has destroyed all that belonged to it
 */
void prxe_dealloc_ucontext(struct ib_ucontext *ibuc)
{
}

/**
 * prxe_disassociate_ucontext() - the device goes away under a process
 * @ibuc: the context
 *
 * The rings a process has mapped are memory of its own once the objects are
 * destroyed, so there is nothing to take away. That this exists tells the core
 * that it needs not wait for the process.
 */
void prxe_disassociate_ucontext(struct ib_ucontext *ibuc)
{
}

/**
 * prxe_alloc_pd() - make a protection domain
 * @ibpd: the domain, zeroed; only its identity counts
 * @udata: none in, none out
 *
 * Return: 0 or the error of the udata helpers.
 */
int prxe_alloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	return ib_no_udata_io(udata);
}

/**
 * prxe_dealloc_pd() - destroy a protection domain
 * @ibpd: the domain; nothing is left in it
 * @udata: not used
 *
 * Return: 0.
 */
int prxe_dealloc_pd(struct ib_pd *ibpd, struct ib_udata *udata)
{
	return 0;
}
