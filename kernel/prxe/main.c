// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module, its devices' birth and death.
 *
 * `rdma link add prxe0 type prxe netdev eth0` makes a device. It dies by `rdma
 * link delete`, with its network device or namespace (netdev.c), or with the
 * module. In each case ib_core first takes away all users, user space contexts
 * included, then calls prxe_dealloc_driver(), which alone gives back what
 * prxe_newlink() got.
 */
#include <linux/etherdevice.h>
#include <linux/if_arp.h>
#include <linux/if_vlan.h>
#include <linux/module.h>
#include <net/addrconf.h>
#include <rdma/ib_verbs.h>
#include <rdma/rdma_netlink.h>

#include "ah.h"
#include "counter.h"
#include "cq.h"
#include "fast_reg.h"
#include "mr.h"
#include "mw.h"
#include "net.h"
#include "prxe.h"
#include "qp.h"
#include "ring.h"
#include "srq.h"
#include "stats.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

struct workqueue_struct *prxe_wq;

/* The last that is called of a device; @ibdev is freed after it. */
static void prxe_dealloc_driver(struct ib_device *ibdev)
{
	struct prxe_dev *dev = to_pdev(ibdev);

	prxe_netdev_detach(dev);
	WARN_ON_ONCE(!xa_empty(&dev->mrs));
	WARN_ON_ONCE(!xa_empty(&dev->ahs));
	WARN_ON_ONCE(!list_empty(&dev->tx_waiting));
	WARN_ON_ONCE(rcu_access_pointer(dev->gsi_qp));
	prxe_mcast_fini(&dev->mcast);
	xa_destroy(&dev->mrs);
	xa_destroy(&dev->ahs);
	WARN_ON_ONCE(!ida_is_empty(&dev->counters));
	ida_destroy(&dev->counters);
	free_percpu(dev->stats);
}

static const struct ib_device_ops prxe_ops = {
	.owner = THIS_MODULE,
	.driver_id = PRXE_DRIVER_ID,
	.uverbs_abi_ver = PRXE_UVERBS_ABI_VERSION,
	.uverbs_robust_udata = 1,

#if IS_ENABLED(CONFIG_INFINIBAND_ON_DEMAND_PAGING)
	.advise_mr = prxe_advise_mr,
#endif
	.alloc_hw_port_stats = prxe_alloc_hw_port_stats,
	.alloc_mr = prxe_alloc_mr,
	.alloc_mw = prxe_alloc_mw,
	.alloc_pd = prxe_alloc_pd,
	.alloc_ucontext = prxe_alloc_ucontext,
	.attach_mcast = prxe_attach_mcast,
	.counter_alloc_stats = prxe_counter_alloc_stats,
	.counter_bind_qp = prxe_counter_bind_qp,
	.counter_dealloc = prxe_counter_dealloc,
	.counter_init = prxe_counter_init,
	.counter_unbind_qp = prxe_counter_unbind_qp,
	.counter_update_stats = prxe_counter_update_stats,
	.create_ah = prxe_create_ah,
	.create_cq = prxe_create_cq,
	.create_qp = prxe_create_qp,
	.create_srq = prxe_create_srq,
	.create_user_ah = prxe_create_ah,
	.create_user_cq = prxe_create_user_cq,
	.dealloc_driver = prxe_dealloc_driver,
	.dealloc_mw = prxe_dealloc_mw,
	.dealloc_pd = prxe_dealloc_pd,
	.dealloc_ucontext = prxe_dealloc_ucontext,
	.dereg_mr = prxe_dereg_mr,
	.destroy_ah = prxe_destroy_ah,
	.destroy_cq = prxe_destroy_cq,
	.destroy_qp = prxe_destroy_qp,
	.destroy_srq = prxe_destroy_srq,
	.detach_mcast = prxe_detach_mcast,
	.disassociate_ucontext = prxe_disassociate_ucontext,
	.fill_res_cq_entry = prxe_fill_res_cq_entry,
	.fill_res_mr_entry = prxe_fill_res_mr_entry,
	.fill_res_qp_entry = prxe_fill_res_qp_entry,
	.fill_res_srq_entry = prxe_fill_res_srq_entry,
	.get_dev_fw_str = prxe_get_dev_fw_str,
	.get_dma_mr = prxe_get_dma_mr,
	.get_hw_stats = prxe_get_hw_stats,
	.get_link_layer = prxe_get_link_layer,
	.get_port_immutable = prxe_get_port_immutable,
	.map_mr_sg = prxe_map_mr_sg,
	.mmap = prxe_mmap,
	.mmap_free = prxe_mmap_free,
	.modify_device = prxe_modify_device,
	.modify_qp = prxe_modify_qp,
	.modify_srq = prxe_modify_srq,
	.poll_cq = prxe_poll_cq,
	.post_recv = prxe_post_recv,
	.post_send = prxe_post_send,
	.post_srq_recv = prxe_post_srq_recv,
	.query_ah = prxe_query_ah,
	.query_device = prxe_query_device,
	.query_pkey = prxe_query_pkey,
	.query_port = prxe_query_port,
	.query_qp = prxe_query_qp,
	.query_srq = prxe_query_srq,
	.reg_user_mr = prxe_reg_user_mr,
	.reg_user_mr_dmabuf = prxe_reg_user_mr_dmabuf,
	.req_notify_cq = prxe_req_notify_cq,
	.rereg_user_mr = prxe_rereg_user_mr,
	.resize_user_cq = prxe_resize_user_cq,

	INIT_RDMA_OBJ_SIZE(ib_ah, prxe_ah, ibah),
	INIT_RDMA_OBJ_SIZE(ib_cq, prxe_cq, ibcq),
	INIT_RDMA_OBJ_SIZE(ib_mw, prxe_mw, ibmw),
	INIT_RDMA_OBJ_SIZE(ib_pd, prxe_pd, ibpd),
	INIT_RDMA_OBJ_SIZE(ib_qp, prxe_qp, ibqp),
	INIT_RDMA_OBJ_SIZE(ib_srq, prxe_srq, ibsrq),
	INIT_RDMA_OBJ_SIZE(ib_ucontext, prxe_ucontext, ibuc),
	INIT_RDMA_OBJ_SIZE(rdma_counter, prxe_counter, base),
};

static int prxe_newlink(const char *name, struct net_device *ndev);

static struct rdma_link_ops prxe_link_ops = {
	.type = "prxe",
	.newlink = prxe_newlink,
};

static void prxe_init_ibdev(struct prxe_dev *dev)
{
	struct ib_device *ibdev = &dev->ibdev;

	addrconf_addr_eui48((u8 *)&dev->guid, dev->ndev->dev_addr);
	ibdev->node_guid = dev->guid;
	strscpy(ibdev->node_desc, "prxe", sizeof(ibdev->node_desc));
	ibdev->node_type = RDMA_NODE_IB_CA;
	ibdev->phys_port_cnt = 1;
	ibdev->num_comp_vectors = num_possible_cpus();
	ibdev->link_ops = &prxe_link_ops;
	/* the doorbells, see rdma/prxe-abi.h; the rest is ib_core's default */
	ibdev->uverbs_cmd_mask |= BIT_ULL(IB_USER_VERBS_CMD_POST_SEND) |
				  BIT_ULL(IB_USER_VERBS_CMD_POST_RECV) |
				  BIT_ULL(IB_USER_VERBS_CMD_POST_SRQ_RECV) |
				  BIT_ULL(IB_USER_VERBS_CMD_REQ_NOTIFY_CQ);
	ib_mark_name_assigned_by_user(ibdev);
	ib_set_device_ops(ibdev, &prxe_ops);
}

/*
 * Where RDMA devices belong to network namespaces (`rdma system set netns exclusive`),
 * ours belongs to that of its network device.
 */
static struct prxe_dev *prxe_alloc_dev(const struct net_device *ndev)
{
	struct prxe_dev *dev = ib_alloc_device_with_net(prxe_dev, ibdev,
							dev_net(ndev));

	if (!dev)
		return NULL;
	INIT_LIST_HEAD(&dev->tx_waiting);
	spin_lock_init(&dev->tx_wait_lock);
	prxe_mcast_init(&dev->mcast);
	ida_init(&dev->counters);
	xa_init_flags(&dev->mrs, XA_FLAGS_ALLOC1);
	xa_init_flags(&dev->ahs, XA_FLAGS_ALLOC1 | XA_FLAGS_LOCK_IRQ);
	dev->stats = alloc_percpu(struct prxe_stats);
	if (!dev->stats) {
		ib_dealloc_device(&dev->ibdev);
		return NULL;
	}
	return dev;
}

/**
 * prxe_newlink() - make a device
 * @name: its name
 * @ndev: the network device, Ethernet of whatever kind
 *
 * Context: process; RTNL is not held.
 * The network device of a VLAN is refused, with rxe's error: ib_core gives it no
 * GIDs but link-local ones. Those of a VLAN's addresses are in the table of the
 * device below.
 *
 * Return: 0; -EOPNOTSUPP if @ndev is not Ethernet or is loopback; -EPERM if it is a
 * VLAN's; -EEXIST if it
 * has a prxe device already; -ENFILE, from ib_core, if the name is taken;
 * -EADDRINUSE if another driver has the UDP port of this namespace; -ENODEV if
 * @ndev went away.
 */
static int prxe_newlink(const char *name, struct net_device *ndev)
{
	struct prxe_dev *dev;
	int err;

	if (ndev->type != ARPHRD_ETHER || ndev->addr_len != ETH_ALEN)
		return -EOPNOTSUPP;
	if (is_vlan_dev(ndev))
		return -EPERM;

	dev = prxe_alloc_dev(ndev);
	if (!dev)
		return -ENOMEM;
	err = prxe_netdev_attach(dev, ndev);
	if (err)
		goto dealloc;
	prxe_init_ibdev(dev);
	err = ib_device_set_netdev(&dev->ibdev, ndev, 1);
	if (err)
		goto detach;

	/* From registration on others may unregister and free it. */
	get_device(&dev->ibdev.dev);
	err = ib_register_device(&dev->ibdev, name, NULL);
	if (err) {
		put_device(&dev->ibdev.dev);
		goto detach;
	}
	if (prxe_netdev_gone(dev, ndev)) {
		ib_unregister_device(&dev->ibdev);
		err = -ENODEV;
	}
	put_device(&dev->ibdev.dev);
	return err;

detach:
	/* ib_dealloc_device() calls prxe_dealloc_driver() once ops are set. */
	ib_dealloc_device(&dev->ibdev);
	return err;
dealloc:
	free_percpu(dev->stats);
	ib_dealloc_device(&dev->ibdev);
	return err;
}

static int __init prxe_init(void)
{
	int err;

	prxe_wq = alloc_workqueue("prxe", WQ_PERCPU | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!prxe_wq)
		return -ENOMEM;
	err = prxe_mr_init();
	if (err)
		goto destroy_wq;
	err = prxe_netdev_init();
	if (err)
		goto mr_exit;
	rdma_link_register(&prxe_link_ops);
	return 0;

mr_exit:
	prxe_mr_exit();
destroy_wq:
	destroy_workqueue(prxe_wq);
	return err;
}

static void __exit prxe_exit(void)
{
	rdma_link_unregister(&prxe_link_ops);
	/* Fences: what somebody else is unregistering is waited for. */
	ib_unregister_driver(PRXE_DRIVER_ID);
	prxe_netdev_exit();
	prxe_wire_exit();
	prxe_mr_exit();
	destroy_workqueue(prxe_wq);
	/* RCU callbacks of ours are module text. */
	rcu_barrier();
}

module_init(prxe_init);
module_exit(prxe_exit);

MODULE_DESCRIPTION("Software RoCEv2 device with peer to peer dma-buf memory regions");
MODULE_LICENSE("GPL");
MODULE_ALIAS_RDMA_LINK("prxe");
