// SPDX-License-Identifier: GPL-2.0-only
/*
 * Answering an RDMA read: a stream of response packets out of memory.
 *
 * One call sends a budget's worth. What is left is continued by the work item:
 * kicked here when the budget was used up, by prxe_tx_wait() when the device has
 * no room, or after a fault. Meanwhile the responder is busy and parks packets.
 */
#include "aeth.h"
#include "crc.h"
#include "psn.h"
#include "qp.h"
#include "segment.h"

/* Bytes sent without giving others a turn. */
#define PRXE_READ_BUDGET	SZ_256K

/* After so many drops on this host in a row, 3 ms, it is left to the peer. */
#define PRXE_READ_PAUSES	6

/* One response packet, number @i of what is left, into the train. */
static int prxe_read_segment(struct prxe_qp *qp, struct prxe_train *t,
			     const struct prxe_seg_msg *msg, u32 i)
{
	struct prxe_read *rd = &qp->resp.read;
	u32 len = prxe_seg_payload(rd->left, qp->mtu, i);
	u32 pad = prxe_pad(len);
	struct prxe_mem mem = rd->mem;
	struct prxe_pkt pkt = {
		.opcode = prxe_read_resp_opcode(rd->first && i == 0,
						prxe_seg_is_last(rd->left,
								 qp->mtu, i)),
		.mig = true,
		.pkey = PRXE_DEFAULT_PKEY,
		.qpn = qp->dest_qpn,
		.psn = prxe_psn_add(rd->psn, i),
		.pad = pad,
		.syndrome = prxe_aeth_ack(PRXE_CREDITS_UNLIMITED),
		.msn = qp->resp.msn,
	};
	void *p = prxe_train_open(t, &pkt);
	int err;

	mem.addr += i * qp->mtu;
	if (len) {
		err = prxe_mr_copy_out(&mem, p, len, &t->crc);
		if (err == -EAGAIN)
			err = prxe_resp_park_fault(qp, &mem, len,
						   rd->left - i * qp->mtu);
		if (err)
			return err;
	}
	if (pad) {
		memset(p + len, 0, pad);
		t->crc = prxe_crc(t->crc, p + len, pad);
	}
	prxe_train_close(t);
	return 0;
}

/* One train. Return: packets sent or a negative error. */
static int prxe_read_train(struct prxe_qp *qp)
{
	struct prxe_read *rd = &qp->resp.read;
	struct prxe_train train;
	struct prxe_seg_msg msg;
	u32 n, i;
	int err;

	prxe_seg_msg_read_resp(&msg, rd->left, qp->mtu);
	if (!rd->first) {
		/* the rest begins with a MIDDLE, or is a LAST */
		msg.first_hdr = msg.middle_hdr;
		msg.only_hdr = msg.last_hdr;
	}
	n = prxe_seg_train(&msg, 0, PRXE_TRAIN_MAX_SEGS, PRXE_TRAIN_MAX_BYTES);
	err = prxe_train_begin(&train, &qp->resp.flow, n,
			       prxe_seg_wire_len(&msg, 0));
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		err = prxe_read_segment(qp, &train, &msg, i);
		if (err) {
			prxe_train_abort(&train);
			return err;
		}
	}
	err = prxe_train_send(&train, prxe_qp_stats(qp));
	return err ?: n;
}

/* The packets have left. */
static void prxe_read_sent(struct prxe_qp *qp, u32 npkts)
{
	struct prxe_read *rd = &qp->resp.read;
	u32 len = min_t(u64, rd->left, (u64)npkts * qp->mtu);

	rd->mem.addr += len;
	rd->left -= len;
	rd->psn = prxe_psn_add(rd->psn, npkts);
	rd->first = false;
	if (!rd->left)
		rd->active = false;
	qp->resp.pauses = 0;
}

/**
 * prxe_read_resp_run() - send response packets of the read in hand
 * @qp: the queue pair, resp.lock held, &prxe_read.active
 *
 * On return the read is over, or &prxe_resp.busy is set and the work item will
 * be kicked.
 */
void prxe_read_resp_run(struct prxe_qp *qp)
{
	struct prxe_resp *resp = &qp->resp;
	u32 budget = PRXE_READ_BUDGET / qp->mtu;
	int n;

	lockdep_assert_held(&resp->lock);

	/* before anybody is asked to kick: the work item looks at it first */
	WRITE_ONCE(resp->busy, true);
	if (resp->state == IB_QPS_ERR)
		resp->read.active = false;	/* modify came in between */
	while (resp->read.active) {
		if (!budget) {
			prxe_qp_kick(qp);
			break;
		}
		if (!prxe_tx_room(qp->dev) && prxe_tx_wait(qp->dev, qp))
			break;
		n = prxe_read_train(qp);
		if (n > 0) {
			prxe_read_sent(qp, n);
			budget -= min_t(u32, budget, n);
			continue;
		}
		if (n == -EAGAIN)
			break;		/* the fault kicked */
		if (n == -EINVAL || n == -EACCES || n == -ERANGE ||
		    n == -ENODEV || n == -EKEYREVOKED) {
			prxe_resp_nak(qp, prxe_aeth_nak(PRXE_NAK_REMOTE_ACCESS),
				      resp->read.psn);
			prxe_resp_error(qp, IB_EVENT_QP_ACCESS_ERR);
			break;
		}
		if ((n == -ENOBUFS || n == -ENOMEM) &&
		    resp->pauses < PRXE_READ_PAUSES) {
			/* dropped on this host: the same again after a pause */
			resp->pause = true;
			resp->pauses++;
			prxe_qp_kick(qp);
			break;
		}
		/* no way out: the peer asks again for what is missing */
		resp->pauses = 0;
		resp->read.active = false;
		if (n == -ENOBUFS)
			break;		/* each try was counted */
		prxe_qp_stat_inc(qp, TX_DROPS);
		prxe_qp_stat_add(qp, TX_ERR,
				 prxe_seg_count(resp->read.left, qp->mtu));
	}
	WRITE_ONCE(resp->busy, resp->read.active || !list_empty(&resp->parked));
}

/**
 * prxe_read_resp_start() - begin to answer a read
 * @qp: the queue pair, resp.lock held; no other read is being answered
 * @pkt: the request: rights and range were checked
 */
void prxe_read_resp_start(struct prxe_qp *qp, const struct prxe_pkt *pkt)
{
	lockdep_assert_held(&qp->resp.lock);

	qp->resp.read = (struct prxe_read) {
		.active = true,
		.first = true,
		.left = pkt->length,
		.psn = pkt->psn,
		.mem = {
			.pd = qp->pd, .key = pkt->rkey, .addr = pkt->va,
			.qpn = qp->ibqp.qp_num,
			.access = IB_ACCESS_REMOTE_READ,
		},
	};
	prxe_read_resp_run(qp);
}
