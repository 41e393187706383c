// SPDX-License-Identifier: GPL-2.0-only
/*
 * Datagrams: UD queue pairs, and QP 1, of which ib_mad makes one per device.
 *
 * A datagram is one packet. It may be lost anywhere without anybody being told,
 * which makes both sides short.
 */
#include <linux/if_vlan.h>
#include <net/ip.h>
#include <net/ipv6.h>
#include <rdma/ib_cache.h>

#include "ah.h"
#include "crc.h"
#include "execute.h"
#include "mr.h"
#include "net_internal.h"
#include "qp.h"
#include "rq.h"

/* IBTA 10.2.5: with the high bit set the queue pair's own key is meant. */
static u32 ud_qkey(const struct prxe_qp *qp, const struct prxe_swqe *swqe)
{
	if (qp->ibqp.qp_type == IB_QPT_GSI)
		return PRXE_GSI_QKEY;
	if (swqe->w.ud.remote_qkey & PRXE_QKEY_PRIVILEGED)
		return READ_ONCE(qp->qkey);	/* resp.lock protects it */
	return swqe->w.ud.remote_qkey;
}

static int ud_bad(struct prxe_swqe *swqe, enum ib_wc_status status,
		  u32 vendor_err)
{
	prxe_wqe_bad(swqe, status, vendor_err);
	return 1;
}

static int ud_build(struct prxe_qp *qp, struct prxe_swqe *swqe,
		    struct prxe_train *t)
{
	bool imm = swqe->w.opcode == IB_UVERBS_WR_SEND_WITH_IMM;
	unsigned int pad = prxe_pad(swqe->length);
	struct prxe_pkt pkt = {
		.opcode = imm ? PRXE_UD_SEND_ONLY_IMM : PRXE_UD_SEND_ONLY,
		.pad = pad,
		.se = swqe->w.flags & PRXE_SEND_SOLICITED,
		.mig = true,
		.pkey = PRXE_DEFAULT_PKEY,
		.qpn = swqe->w.ud.remote_qpn & PRXE_QPN_MASK,
		.psn = qp->sq.psn,
		.imm = (__force __be32)swqe->w.imm_data,
		.qkey = ud_qkey(qp, swqe),
		.src_qp = qp->ibqp.qp_num,
	};
	u8 *p;
	int err;

	p = prxe_train_open(t, &pkt);
	err = prxe_req_gather(qp, swqe, 0, p, swqe->length, &t->crc);
	if (err)
		return err;
	memset(p + swqe->length, 0, pad);
	t->crc = prxe_crc(t->crc, p + swqe->length, pad);
	prxe_train_close(t);
	return 0;
}

static unsigned int ud_wire_len(const struct prxe_swqe *swqe)
{
	bool imm = swqe->w.opcode == IB_UVERBS_WR_SEND_WITH_IMM;

	return prxe_pkt_wire_len(imm ? PRXE_UD_SEND_ONLY_IMM :
				       PRXE_UD_SEND_ONLY, swqe->length);
}

/* @av's lock is held. */
static int ud_send_to(struct prxe_qp *qp, struct prxe_swqe *swqe,
		      struct prxe_av *av)
{
	struct prxe_train t;
	int err;

	lockdep_assert_held(&av->lock);

	av->flow.sport = htons(rdma_get_udp_sport(av->flow.flow_label,
						  qp->ibqp.qp_num,
						  swqe->w.ud.remote_qpn));
	err = prxe_train_begin(&t, &av->flow, 1, ud_wire_len(swqe));
	if (err == -EMSGSIZE)
		return ud_bad(swqe, IB_WC_LOC_LEN_ERR, PRXE_VERR_ROUTE);
	if (err) {
		prxe_qp_stat_inc(qp, TX_DROPS);
		prxe_qp_stat_inc(qp, TX_ERR);
		return 0;
	}
	err = ud_build(qp, swqe, &t);
	if (err) {
		prxe_train_abort(&t);
		return err;
	}
	qp->sq.psn = prxe_psn_add(qp->sq.psn, 1);
	prxe_train_send(&t, prxe_qp_stats(qp));
	return 0;
}

int prxe_ud_send(struct prxe_qp *qp, struct prxe_swqe *swqe)
{
	struct prxe_av *av;
	int err;

	lockdep_assert_held(&qp->sq.lock);

	/* One packet: what the port takes now. */
	if (swqe->length > ib_mtu_enum_to_int(prxe_active_mtu(qp->dev)))
		return ud_bad(swqe, IB_WC_LOC_LEN_ERR, PRXE_VERR_WQE);

	rcu_read_lock();
	av = prxe_av_lookup(qp->dev, swqe->w.ud.ah);
	if (!av || av->pd != qp->pd) {
		rcu_read_unlock();
		return ud_bad(swqe, IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
	}
	spin_lock(&av->lock);
	if (av->dead)
		err = ud_bad(swqe, IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
	else
		err = ud_send_to(qp, swqe, av);
	spin_unlock(&av->lock);
	rcu_read_unlock();
	return err;
}

/*
 * The 40 bytes in front of a received datagram: an IPv6 header, or 20 bytes of
 * nothing and an IPv4 header (IBTA annex A17.4.5.1).
 */
static void ud_grh(const struct prxe_rx *rx, u8 grh[PRXE_GRH_LEN])
{
	const struct prxe_pkt *pkt = &rx->pkt;
	bool v6 = ip_hdr(rx->skb)->version == 6;
	unsigned int pad = prxe_pad(pkt->payload_len);
	union prxe_ip_udp img;

	prxe_rx_ip_image(&img, rx->skb, v6, rx->payload - pkt->hdr_len,
			 pkt->hdr_len + pkt->payload_len + pad + PRXE_ICRC_LEN);
	memset(grh, 0, PRXE_GRH_LEN);
	if (v6)
		memcpy(grh, &img.v6.ip, sizeof(img.v6.ip));
	else
		memcpy(grh + PRXE_GRH_LEN - sizeof(img.v4.ip), &img.v4.ip,
		       sizeof(img.v4.ip));
}

/* Store the GRH to the first bytes of the receive list. */
static int ud_place_grh(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	const struct prxe_sge *sge = qp->resp.rq.wqe->sge;
	u8 grh[PRXE_GRH_LEN];
	unsigned int done, n;
	int err;

	ud_grh(rx, grh);
	for (done = 0; done < PRXE_GRH_LEN; done += n, sge++) {
		struct prxe_mem mem = {
			.pd = qp->resp.rq.pd, .key = sge->lkey,
			.addr = sge->addr, .access = IB_ACCESS_LOCAL_WRITE,
		};

		n = min(sge->length, PRXE_GRH_LEN - done);
		if (!n)
			continue;
		err = prxe_mr_copy_in(&mem, grh + done, n);
		if (err == -EAGAIN)
			prxe_resp_park_fault(qp, &mem, n, n);
		if (err)
			return err;
	}
	return 0;
}

/*
 * The VLAN that a datagram for QP 1 came by: ib_core answers by the GID that has the
 * address in that VLAN, and reads it of the GID as we do.
 */
static void ud_vlan(const struct prxe_qp *qp, const struct prxe_rx *rx,
		    struct prxe_cqe *cqe)
{
	const struct ib_gid_attr *attr;
	struct net_device *ndev;
	union ib_gid gid;
	u16 vlan;

	ndev = dev_get_by_index_rcu(qp->dev->netns, rx->skb->skb_iif);
	if (!ndev)
		return;
	prxe_rx_dgid(rx->skb, &gid);
	attr = rdma_find_gid_by_port(&qp->dev->ibdev, &gid,
				     IB_GID_TYPE_ROCE_UDP_ENCAP, 1, ndev);
	if (IS_ERR(attr))
		return;
	if (!rdma_read_gid_l2_fields(attr, &vlan, NULL) &&
	    vlan < VLAN_N_VID) {
		cqe->vlan_id = vlan;
		cqe->flags |= PRXE_WC_WITH_VLAN;
	}
	rdma_put_gid_attr(attr);
}

static void ud_complete(struct prxe_qp *qp, const struct prxe_rx *rx, int err)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_cqe cqe = {
		.status = IB_WC_SUCCESS,
		.opcode = IB_WC_RECV,
		.byte_len = PRXE_GRH_LEN + pkt->payload_len,
		.src_qp = pkt->src_qp,
		.flags = PRXE_WC_GRH,
	};

	if (err) {
		cqe.status = IB_WC_LOC_PROT_ERR;
		cqe.vendor_err = PRXE_VERR_LKEY;
	} else if (pkt->op->flags & PRXE_OP_HAS_IMM) {
		cqe.flags |= PRXE_WC_WITH_IMM;
		cqe.imm_data = (__force u32)pkt->imm;
	}
	if (qp->ibqp.qp_type == IB_QPT_GSI)
		ud_vlan(qp, rx, &cqe);
	prxe_rq_complete(qp, &cqe, pkt->se);
	if (err)
		prxe_resp_error(qp, PRXE_QP_EV_ERR);
}

static void ud_receive(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	const struct prxe_pkt *pkt = &rx->pkt;
	struct prxe_request req = { .pkt = pkt, .rx = rx };
	u32 qkey = qp->ibqp.qp_type == IB_QPT_GSI ? PRXE_GSI_QKEY : qp->qkey;
	int err;

	lockdep_assert_held(&qp->resp.lock);

	if (qp->resp.state != IB_QPS_RTR && qp->resp.state != IB_QPS_RTS &&
	    qp->resp.state != IB_QPS_SQD && qp->resp.state != IB_QPS_SQE)
		goto mismatch;
	if (pkt->qkey != qkey)
		goto mismatch;
	err = prxe_rq_get(qp);
	if (err == -ENOENT) {
		prxe_qp_stat_inc(qp, NO_RECV);
		return;
	}
	if (!err) {
		if (qp->resp.rq.wqe_len < PRXE_GRH_LEN + pkt->payload_len) {
			prxe_rq_abandon(qp);
			goto mismatch;
		}
		err = ud_place_grh(qp, rx);
		if (!err)
			err = prxe_rq_scatter(qp, &req, PRXE_GRH_LEN);
	}
	/* A buffer that moved is fetched for the next; this one is lost. */
	if (err != -EAGAIN)
		ud_complete(qp, rx, err);
	return;

mismatch:
	prxe_qp_stat_inc(qp, RX_MISMATCH);
}

/*
 * A datagram that does not fit, or that nobody waits for, is dropped (IBTA
 * 9.8.3, class D). Called in softirq context, under rcu_read_lock().
 */
void prxe_ud_rx(struct prxe_qp *qp, const struct prxe_rx *rx)
{
	spin_lock(&qp->resp.lock);
	ud_receive(qp, rx);
	spin_unlock(&qp->resp.lock);
}
