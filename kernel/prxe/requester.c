// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requester: from work requests to packets.
 *
 * Work requests live in a ring of private copies with three free running
 * indices,
 *
 *	tail <= next <= head
 *
 * tail is the oldest that is not complete, next the one whose packets are being
 * sent, head where the next one is taken in. In packets,
 *
 *	una <= psn <= max_psn
 *
 * una is the oldest PSN without an acknowledgment, psn the next to send, and
 * max_psn is one past the highest ever sent; psn is below it while packets are
 * sent again (go-back-N, IBTA 9.7.5.1.1).
 *
 * prxe_req_run() sends what may be sent and returns. It is called by the
 * doorbell, by the completer whenever an acknowledgment opened the window, by
 * the timers, and by the work item. Whatever it waits for has one of these:
 *
 *	window, fence, rd_atomic   the completer calls again
 *	rnr_wait, pause            wait_timer
 *	fault                      the work item, which may sleep
 *	room on the device         prxe_tx_wait() kicks the work item
 *	budget                     it kicks the work item itself
 */
#include "aeth.h"
#include "crc.h"
#include "local_path.h"
#include "psn.h"
#include "qp.h"
#include "segment.h"
#include "trace.h"
#include "wqe_check.h"

/* Bytes and packets that one call may send before others get their turn. */
#define PRXE_REQ_BUDGET_BYTES	SZ_256K
#define PRXE_REQ_BUDGET_PKTS	256

/* Packets without acknowledgment: 1 MiB of them, within these bounds. */
#define PRXE_WINDOW_BYTES	SZ_1M
#define PRXE_WINDOW_MIN		64
#define PRXE_WINDOW_MAX		512

/* How long to wait, at first, after this host dropped a packet, or had no route. */
#define PRXE_DROP_PAUSE_US	50
#define PRXE_ROUTE_PAUSE_US	1000

static u32 prxe_window(const struct prxe_qp *qp)
{
	return clamp(PRXE_WINDOW_BYTES / qp->mtu, PRXE_WINDOW_MIN,
		     PRXE_WINDOW_MAX);
}

/* Check a private copy; what is wrong with it is told when its turn comes. */
static void prxe_wqe_accept(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	struct prxe_wqe_info info;
	int err;

	wqe->state = PRXE_WQE_POSTED;
	wqe->done = 0;
	wqe->wire = false;
	err = prxe_send_wqe_check(&wqe->w, &qp->sq.lim, &info);
	if (err) {
		prxe_wqe_bad(wqe, err == -EMSGSIZE ? IB_WC_LOC_LEN_ERR :
			     IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
		return;
	}
	wqe->length = info.length;
	wqe->npkts = info.sends ? prxe_seg_count(info.length, qp->mtu) : 0;
}

/*
 * Copy new work requests out of the ring, each byte once: first the header,
 * whose copy says how much follows.
 */
static void prxe_req_fetch(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	u32 avail;

	lockdep_assert_held(&sq->lock);

	if (!sq->ring.ring)
		return;
	avail = prxe_queue_avail(&sq->ring, sq->head);
	while (avail-- && sq->head - sq->tail < sq->nr) {
		const struct prxe_send_wqe *slot =
			prxe_queue_slot(&sq->ring, sq->head);
		struct prxe_swqe *wqe = prxe_swqe(sq, sq->head);
		size_t room = sq->ring.stride - sizeof(*slot);
		size_t size;

		memcpy(&wqe->w, slot, sizeof(*slot));
		/* From here on the copy alone: nothing is loaded again. */
		barrier();
		if (wqe->w.flags & PRXE_SEND_INLINE)
			size = wqe->w.inline_len;
		else
			size = wqe->w.num_sge * sizeof(struct prxe_sge);
		memcpy(wqe->w.sge, slot->sge, min(size, room));
		barrier();
		prxe_wqe_accept(qp, wqe);
		trace_post(qp, wqe);
		sq->head++;
	}
}

/**
 * prxe_req_accept() - take in the work request that a kernel user wrote
 * @qp: the queue pair, sq.lock held, room checked
 *
 * prxe_swqe(sq, head) holds it.
 */
void prxe_req_accept(struct prxe_qp *qp)
{
	struct prxe_swqe *wqe = prxe_swqe(&qp->sq, qp->sq.head);

	lockdep_assert_held(&qp->sq.lock);

	prxe_wqe_accept(qp, wqe);
	trace_post(qp, wqe);
	qp->sq.head++;
}

/* One segment of a SEND or RDMA WRITE into the train. */
static int prxe_req_segment(struct prxe_qp *qp, struct prxe_swqe *wqe,
			    struct prxe_train *t, u32 i)
{
	bool last = i + 1 == wqe->npkts;
	u32 len = prxe_seg_payload(wqe->length, qp->mtu, i);
	u32 pad = prxe_pad(len);
	struct prxe_pkt pkt;
	void *p;
	int ret;

	ret = prxe_request_opcode(qp->sq.lim.transport, wqe->w.opcode, i == 0,
				  last);
	if (WARN_ON_ONCE(ret < 0))
		return ret;
	prxe_req_pkt(qp, &pkt, ret, prxe_psn_add(wqe->first_psn, i));
	pkt.pad = pad;
	pkt.se = last && (wqe->w.flags & PRXE_SEND_SOLICITED);
	/* often enough that a full window always has one on its way */
	pkt.ackreq = qp->sq.lim.transport == PRXE_RC &&
		     (last || (i + 1) % (prxe_window(qp) / 2) == 0);
	prxe_req_headers(wqe, &pkt);

	p = prxe_train_open(t, &pkt);
	ret = prxe_req_gather(qp, wqe, i * qp->mtu, p, len, &t->crc);
	if (ret)
		return ret;
	if (pad) {
		memset(p + len, 0, pad);
		t->crc = prxe_crc(t->crc, p + len, pad);
	}
	prxe_train_close(t);
	return 0;
}

/*
 * Send packets of a SEND or RDMA WRITE from next_off on, as many as one train
 * takes. Return: packets, or a negative error.
 */
static int prxe_req_send_msg(struct prxe_qp *qp, struct prxe_swqe *wqe,
			     u32 window)
{
	struct prxe_sq *sq = &qp->sq;
	u32 start = sq->next_off, n, i;
	struct prxe_seg_msg msg;
	struct prxe_train train;
	int err;

	err = prxe_seg_msg_request(&msg, sq->lim.transport, wqe->w.opcode,
				   wqe->length, qp->mtu);
	if (err)
		return err;
	n = prxe_seg_train(&msg, start, min(window, PRXE_TRAIN_MAX_SEGS),
			   PRXE_TRAIN_MAX_BYTES);
	err = prxe_train_begin(&train, &sq->flow, n,
			       prxe_seg_wire_len(&msg, start));
	if (err)
		return err;
	for (i = 0; i < n; i++) {
		err = prxe_req_segment(qp, wqe, &train, start + i);
		if (err) {
			prxe_train_abort(&train);
			return err;
		}
	}
	err = prxe_train_send(&train, prxe_qp_stats(qp));
	return err ?: n;
}

/* A message has left entirely, or an operation was executed: on to the next. */
void prxe_req_next(struct prxe_sq *sq, struct prxe_swqe *wqe)
{
	wqe->state = PRXE_WQE_SENT;
	sq->next++;
	sq->next_off = 0;
}

/* The packets up to @npkts of @wqe have left. */
static void prxe_req_sent(struct prxe_qp *qp, struct prxe_swqe *wqe, u32 npkts)
{
	struct prxe_sq *sq = &qp->sq;

	sq->stranded = false;
	sq->pauses = 0;
	if (sq->una == sq->max_psn)
		sq->progress = jiffies;
	if (wqe->state == PRXE_WQE_POSTED)
		wqe->state = PRXE_WQE_SENDING;
	if (prxe_wqe_is_rd_atomic(wqe)) {
		sq->rd_atomic++;
		sq->psn = prxe_psn_add(wqe->first_psn, wqe->npkts);
		prxe_req_next(sq, wqe);
	} else {
		sq->next_off += npkts;
		sq->psn = prxe_psn_add(sq->psn, npkts);
		if (sq->next_off >= wqe->npkts)
			prxe_req_next(sq, wqe);
	}
	/* as distances from una: a read may take half of all PSNs at once */
	if (prxe_psn_add(sq->psn, -sq->una) > prxe_psn_add(sq->max_psn, -sq->una))
		sq->max_psn = sq->psn;
	if (sq->timeout && !timer_pending(&sq->timer))
		mod_timer(&sq->timer, jiffies + sq->timeout);
}

/* Packets of @wqe that may be sent now; 0: wait for the completer. */
static u32 prxe_req_window(struct prxe_qp *qp, const struct prxe_swqe *wqe)
{
	struct prxe_sq *sq = &qp->sq;
	u32 out = prxe_psn_add(sq->psn, -sq->una);
	u32 window = prxe_window(qp);

	/* what was begun is finished, and sent again where it must be */
	if (sq->state == IB_QPS_SQD && wqe->state == PRXE_WQE_POSTED)
		return 0;
	if (sq->lim.transport != PRXE_RC)
		return PRXE_TRAIN_MAX_SEGS;
	if (!sq->next_off && (wqe->w.flags & PRXE_SEND_FENCE) && sq->rd_atomic)
		return 0;
	if (prxe_wqe_is_rd_atomic(wqe)) {
		if (sq->rd_atomic >= sq->max_rd_atomic)
			return 0;
		/* never more PSNs out than can be told apart (IBTA 9.7.7.2) */
		return out + wqe->npkts <= PRXE_PSN_MAX_WINDOW / 2 || !out;
	}
	return out < window ? window - out : 0;
}

/*
 * Nothing leaves this host. Again after a pause, each time a longer one; to the peer
 * it is silence, so the local ACK timeout counts the tries.
 */
static void prxe_req_pause(struct prxe_qp *qp, u32 us)
{
	struct prxe_sq *sq = &qp->sq;

	if (!sq->pauses && sq->una == sq->max_psn)
		sq->progress = jiffies;
	if (sq->timeout && !timer_pending(&sq->timer))
		mod_timer(&sq->timer, jiffies + sq->timeout);
	sq->pause = true;
	prxe_req_wait(qp, (u64)prxe_pause_us(us, sq->pauses) * NSEC_PER_USEC);
	if (sq->pauses < U8_MAX)
		sq->pauses++;
}

/*
 * A packet could not be built or sent. Return: whether to go on with the loop
 * (never), for symmetry with prxe_req_step().
 */
static int prxe_req_failed(struct prxe_qp *qp, struct prxe_swqe *wqe, int err)
{
	switch (err) {
	case -EAGAIN:		/* the fault is noted */
		return 0;
	case -ENOBUFS:
	case -ENOMEM:
		prxe_req_pause(qp, PRXE_DROP_PAUSE_US);
		return 0;
	case -EKEYREVOKED:
	case -ENODEV:
		prxe_wqe_bad(wqe, IB_WC_LOC_PROT_ERR, PRXE_VERR_REVOKED);
		return 1;
	case -EINVAL:
	case -EACCES:
	case -ERANGE:
		prxe_wqe_bad(wqe, IB_WC_LOC_PROT_ERR, PRXE_VERR_LKEY);
		return 1;
	}
	/* No route, or none for packets of this size: may come back. */
	qp->sq.stranded = true;
	prxe_req_pause(qp, PRXE_ROUTE_PAUSE_US);
	return 0;
}

static int prxe_req_datagram(struct prxe_qp *qp, struct prxe_swqe *wqe)
{
	int err = prxe_ud_send(qp, wqe);

	if (err)
		return err;
	qp->sq.pauses = 0;
	prxe_req_next(&qp->sq, wqe);
	prxe_sq_advance(qp);
	return 1;
}

/*
 * Unreliable connection: nobody answers, so a message is complete when it has
 * left. What is lost on this host is like what is lost on the wire: the rest of
 * its message is of no use to the peer, and is not sent.
 */
static int prxe_req_unreliable(struct prxe_qp *qp, struct prxe_swqe *wqe,
			       u32 window)
{
	struct prxe_sq *sq = &qp->sq;
	int ret = prxe_req_send_msg(qp, wqe, window);

	if (ret == -EMSGSIZE) {
		/* none of its packets that are to come would leave */
		prxe_wqe_bad(wqe, IB_WC_LOC_LEN_ERR, PRXE_VERR_ROUTE);
		return 1;
	}
	if (ret == -EHOSTUNREACH) {
		prxe_qp_stat_inc(qp, TX_DROPS);
		prxe_qp_stat_add(qp, TX_ERR, wqe->npkts - sq->next_off);
	}
	if (ret == -EHOSTUNREACH || ret == -ENOBUFS)
		ret = wqe->npkts - sq->next_off;
	if (ret < 0)
		return ret;
	prxe_req_sent(qp, wqe, ret);
	sq->una = sq->psn;
	prxe_sq_advance(qp);
	return ret;
}

/*
 * Send one train of the work request at next. Return: packets sent; 1 for a
 * step without packets; 0 when there is nothing that may be done now.
 */
static int prxe_req_step(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	struct prxe_swqe *wqe = prxe_swqe(sq, sq->next);
	u32 window;
	int ret;

	if (wqe->state == PRXE_WQE_BAD) {
		/* what was posted before it completes before it */
		if (sq->tail == sq->next)
			prxe_req_error(qp, wqe->status, wqe->vendor_err);
		return 0;
	}
	if (!wqe->npkts)
		return prxe_req_local(qp, wqe);
	/* it would wait for ever */
	if (sq->state == IB_QPS_RTS && !sq->max_rd_atomic &&
	    prxe_wqe_is_rd_atomic(wqe)) {
		prxe_wqe_bad(wqe, IB_WC_LOC_QP_OP_ERR, PRXE_VERR_WQE);
		return 1;
	}
	ret = prxe_local_step(qp, wqe);
	if (ret != -EREMOTE)
		return ret < 0 ? prxe_req_failed(qp, wqe, ret) : ret;
	window = prxe_req_window(qp, wqe);
	if (!window)
		return 0;
	if (!prxe_tx_room(qp->dev) && prxe_tx_wait(qp->dev, qp))
		return 0;
	if (wqe->state == PRXE_WQE_POSTED)
		wqe->first_psn = sq->psn;
	wqe->wire = true;

	if (sq->lim.transport == PRXE_UD)
		ret = prxe_req_datagram(qp, wqe);
	else if (sq->lim.transport == PRXE_UC)
		ret = prxe_req_unreliable(qp, wqe, window);
	else if (prxe_wqe_is_rd_atomic(wqe))
		ret = prxe_req_send_request(qp, wqe);
	else
		ret = prxe_req_send_msg(qp, wqe, window);
	if (ret < 0)
		return prxe_req_failed(qp, wqe, ret);
	if (sq->lim.transport == PRXE_RC)
		prxe_req_sent(qp, wqe, ret);
	return ret;
}

/*
 * After an RNR NAK the work request at tail goes out alone, until something was
 * acknowledged: the peer would drop all that comes behind it, each time.
 */
static bool prxe_req_may_run(const struct prxe_sq *sq)
{
	return (sq->state == IB_QPS_RTS || sq->state == IB_QPS_SQD) &&
	       sq->next != sq->head && !sq->rnr_wait && !sq->pause &&
	       !sq->fault.pd && (!sq->rnr_row || sq->next == sq->tail);
}

/* In SQD, tell once that nothing is outstanding any more (IBTA 10.3.1.5). */
static void prxe_req_check_drained(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	const struct prxe_swqe *wqe = prxe_swqe(sq, sq->tail);

	if (sq->state != IB_QPS_SQD || sq->drained)
		return;
	/* tail == next says nothing: a retry goes back to what was sent */
	if (sq->tail != sq->head && (wqe->state == PRXE_WQE_SENDING ||
				     wqe->state == PRXE_WQE_SENT))
		return;
	sq->drained = true;
	prxe_qp_raise(qp, IB_EVENT_SQ_DRAINED);
}

/**
 * prxe_req_run() - send what may be sent
 * @qp: the queue pair
 *
 * Context: bottom halves off, sq.lock held. See the top of the file.
 */
void prxe_req_run(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	u32 pkts = 0;
	int n;

	lockdep_assert_held(&sq->lock);

	if (sq->state == IB_QPS_ERR || sq->state == IB_QPS_SQE) {
		prxe_req_flush(qp);
		return;
	}
	if (sq->state != IB_QPS_RTS && sq->state != IB_QPS_SQD)
		return;
	prxe_req_fetch(qp);
	while (prxe_req_may_run(sq) && !prxe_uc_elsewhere(qp)) {
		if (pkts >= PRXE_REQ_BUDGET_PKTS ||
		    pkts * qp->mtu >= PRXE_REQ_BUDGET_BYTES) {
			prxe_qp_kick(qp);
			break;
		}
		n = prxe_req_step(qp);
		if (n <= 0)
			break;
		pkts += n;
	}
	prxe_req_check_drained(qp);
}

/**
 * prxe_req_retry() - go back
 * @qp: the queue pair
 * @psn: send again from here; not before una, not after psn
 *
 * Reads are asked for again from the first byte that is missing.
 * Context: sq.lock held; the caller calls prxe_req_run() when it may.
 */
void prxe_req_retry(struct prxe_qp *qp, u32 psn)
{
	struct prxe_sq *sq = &qp->sq;
	u32 i;

	lockdep_assert_held(&sq->lock);

	prxe_qp_stat_inc(qp, RETRIES);
	trace_retry(qp, psn);
	sq->rd_atomic = 0;
	for (i = sq->tail; i != sq->next || sq->next_off; i++) {
		struct prxe_swqe *wqe = prxe_swqe(sq, i);
		u32 end = prxe_psn_add(wqe->first_psn, wqe->npkts);

		if (wqe->npkts && prxe_psn_diff(psn, end) < 0) {
			sq->next = i;
			sq->next_off = prxe_wqe_is_rd_atomic(wqe) ? 0 :
				prxe_seg_index(wqe->first_psn, psn);
			sq->psn = psn;
			return;
		}
		if (prxe_wqe_is_rd_atomic(wqe))
			sq->rd_atomic++;
		if (i == sq->next)
			break;
	}
	/* psn is the next new packet: nothing to send again */
}

/**
 * prxe_req_flush() - complete everything with IB_WC_WR_FLUSH_ERR
 * @qp: a queue pair in ERR or SQE
 *
 * Once through the ring is all: what is posted behind that has its own doorbell,
 * and a user that moves the index all the time must not keep us here.
 * Context: sq.lock held.
 */
void prxe_req_flush(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;

	lockdep_assert_held(&sq->lock);

	prxe_req_fetch(qp);
	while (sq->tail != sq->head)
		prxe_complete(qp, IB_WC_WR_FLUSH_ERR, PRXE_VERR_FLUSH);
	sq->una = sq->max_psn;
	sq->psn = sq->max_psn;
	sq->next_off = 0;
	sq->rd_atomic = 0;
}

/**
 * prxe_req_wait() - be quiet for a while
 * @qp: the queue pair; &prxe_sq.rnr_wait or &prxe_sq.pause was set
 * @ns: nanoseconds
 *
 * Context: sq.lock held.
 */
void prxe_req_wait(struct prxe_qp *qp, u64 ns)
{
	lockdep_assert_held(&qp->sq.lock);
	hrtimer_start(&qp->sq.wait_timer, ns_to_ktime(ns),
		      HRTIMER_MODE_REL_SOFT);
}

static enum hrtimer_restart prxe_req_wait_over(struct hrtimer *timer)
{
	struct prxe_qp *qp = container_of(timer, struct prxe_qp,
					  sq.wait_timer);

	spin_lock(&qp->sq.lock);
	if (qp->sq.rnr_wait)
		qp->sq.progress = jiffies;
	qp->sq.rnr_wait = false;
	qp->sq.pause = false;
	prxe_req_run(qp);
	spin_unlock(&qp->sq.lock);
	return HRTIMER_NORESTART;
}

/*
 * The local ACK timeout (IBTA 9.7.6.1.3). The timer is not touched when
 * acknowledgments come; it looks at the time of the last progress instead.
 */
static void prxe_req_timeout(struct timer_list *timer)
{
	struct prxe_qp *qp = container_of(timer, struct prxe_qp, sq.timer);
	struct prxe_sq *sq = &qp->sq;
	unsigned long wait;

	spin_lock(&sq->lock);
	if ((sq->state != IB_QPS_RTS && sq->state != IB_QPS_SQD) ||
	    !sq->timeout || (sq->una == sq->max_psn && !sq->pause))
		goto out;
	if (sq->rnr_wait || sq->fault.pd)
		sq->progress = jiffies;
	wait = sq->timeout << prxe_ack_timeout_shift(sq->retry_cnt, sq->retries);
	if (time_before(jiffies, sq->progress + wait)) {
		mod_timer(timer, sq->progress + wait);
		goto out;
	}
	prxe_qp_stat_inc(qp, TIMEOUTS);
	if (!sq->retries) {
		prxe_qp_stat_inc(qp, RETRY_EXCEEDED);
		prxe_req_error(qp, IB_WC_RETRY_EXC_ERR, sq->stranded ?
			       PRXE_VERR_ROUTE : PRXE_VERR_TIMEOUT);
		goto out;
	}
	sq->retries--;
	sq->progress = jiffies;
	sq->retried_valid = false;
	mod_timer(timer, jiffies + sq->timeout);
	prxe_qp_stat_inc(qp, COMP_RETRY);
	prxe_req_retry(qp, sq->una);
	prxe_req_run(qp);
out:
	spin_unlock(&sq->lock);
}

/**
 * prxe_req_reset() - forget everything
 * @qp: a queue pair on its way to RESET
 *
 * What the user posted and was not completed is gone (IBTA 10.3.1.1).
 * Context: sq.lock held.
 */
void prxe_req_reset(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;

	lockdep_assert_held(&sq->lock);

	if (sq->ring.ring) {
		sq->head = READ_ONCE(sq->ring.ring->producer);
		prxe_queue_publish(&sq->ring, sq->head);
	}
	sq->tail = sq->head;
	sq->next = sq->head;
	sq->next_off = 0;
	sq->rd_atomic = 0;
	sq->retried_valid = false;
	sq->flush_rxe = false;
	sq->rnr_row = 0;
	sq->rnr_wait = false;
	sq->pause = false;
	sq->pauses = 0;
	sq->stranded = false;
	sq->drained = false;
	sq->fault.pd = NULL;
	sq->fault_last = U64_MAX;
	sq->fault_err = 0;
	sq->lost_races = 0;
}

/**
 * prxe_req_init() - prepare the timers
 * @qp: a queue pair that is being created
 */
void prxe_req_init(struct prxe_qp *qp)
{
	qp->sq.cpu = -1;
	qp->sq.fault_last = U64_MAX;
	timer_setup(&qp->sq.timer, prxe_req_timeout, 0);
	hrtimer_setup(&qp->sq.wait_timer, prxe_req_wait_over, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_SOFT);
}

/**
 * prxe_req_stop() - no timer runs, and none will, when this returns
 * @qp: a queue pair that is being destroyed, or reset
 *
 * Context: process, no lock held; sq.state is RESET or ERR already, so that
 * nothing arms them again.
 */
void prxe_req_stop(struct prxe_qp *qp)
{
	timer_delete_sync(&qp->sq.timer);
	hrtimer_cancel(&qp->sq.wait_timer);
}
