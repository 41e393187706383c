// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requester: its own memory: payload out of it, responses into it, and what becomes
 * of an access to memory that is not there.
 */
#include "crc.h"
#include "qp.h"
#include "sge.h"
#include "trace.h"

/* What is brought in at once: of what a work request will access, but not less than. */
#define PRXE_AHEAD_SHARE	8
#define PRXE_AHEAD_MIN		SZ_4M

/*
 * How much of what will be accessed next is brought in at once. A read is asked for
 * again behind each fault, and the peer sends all that is left of it: a share of
 * @ahead, so that the sum of that is a multiple of the message, and not its square.
 * What was brought in and has gone before it was used is too much for this host.
 */
static u64 prxe_req_ahead(const struct prxe_sq *sq, u64 len, u64 ahead)
{
	if (sq->fault.addr == sq->fault_last)
		return len;
	return min(ahead, max_t(u64, ahead / PRXE_AHEAD_SHARE, PRXE_AHEAD_MIN));
}

/**
 * prxe_req_fault() - have the work item make an access possible
 * @qp: the queue pair, sq.lock held
 * @mem: the access that failed with -EAGAIN
 * @len: bytes of it
 * @ahead: bytes from there, not less, that will be accessed next
 *
 * Nothing is sent until it has. Return: -EAGAIN; or why it could not, if it tried.
 */
int prxe_req_fault(struct prxe_qp *qp, const struct prxe_mem *mem, u64 len,
		   u64 ahead)
{
	struct prxe_sq *sq = &qp->sq;
	int err = sq->fault.key == mem->key ? sq->fault_err : 0;

	lockdep_assert_held(&sq->lock);

	sq->fault_err = 0;
	if (err)
		return err;
	sq->fault = *mem;
	sq->fault_len = len;
	sq->fault_ahead = prxe_req_ahead(sq, len, ahead);
	sq->fault_done = 0;
	sq->fault_last = mem->addr;
	prxe_qp_stat_inc(qp, PARKED);
	trace_park(qp, mem, len, false);
	prxe_qp_kick(qp);
	return -EAGAIN;
}

/**
 * prxe_req_gather() - copy a part of a message out of memory
 * @qp: the queue pair, sq.lock held
 * @wqe: the work request
 * @off: first byte of the message
 * @dst: where to
 * @len: bytes
 * @crc: the ICRC, continued over them
 *
 * Return: 0; -EAGAIN: prxe_req_fault() was called; or as prxe_mr_copy_out().
 */
int prxe_req_gather(struct prxe_qp *qp, const struct prxe_swqe *wqe, u32 off,
		    void *dst, u32 len, u32 *crc)
{
	struct prxe_sge_pos pos = { .sge = wqe->w.sge, .off = off };
	int err;

	lockdep_assert_held(&qp->sq.lock);

	if (wqe->w.flags & PRXE_SEND_INLINE) {
		*crc = prxe_crc_copy(*crc, dst, wqe->w.inline_data + off, len);
		return 0;
	}
	while (len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len);
		struct prxe_mem mem = {
			.pd = qp->pd, .key = piece.lkey, .addr = piece.addr,
		};

		err = prxe_mr_copy_out(&mem, dst, piece.length, crc);
		if (err == -EAGAIN)
			err = prxe_req_fault(qp, &mem, piece.length,
					     piece.length + prxe_sge_left(&pos));
		if (err)
			return err;
		dst += piece.length;
		len -= piece.length;
	}
	return 0;
}

/*
 * Store bytes of a response where one entry of the list wants them, which has @left
 * for those that follow.
 */
static int prxe_req_scatter_one(struct prxe_qp *qp, struct prxe_sge piece,
				u32 left, const struct prxe_rx *rx, u32 from,
				const void *buf)
{
	struct prxe_mem mem = {
		.pd = qp->pd, .key = piece.lkey, .addr = piece.addr,
		.access = IB_ACCESS_LOCAL_WRITE,
	};
	int err;

	if (rx)
		err = prxe_rx_copy_in(rx, from, piece.length, &mem);
	else
		err = prxe_mr_copy_in(&mem, buf + from, piece.length);
	if (err == -EAGAIN)
		err = prxe_req_fault(qp, &mem, piece.length, piece.length + left);
	return err;
}

/**
 * prxe_req_scatter() - place response data
 * @qp: the queue pair, sq.lock held
 * @wqe: the read or atomic
 * @off: bytes of the response that came before
 * @rx: a read response with the data, or NULL
 * @buf: without @rx, the data
 * @len: bytes
 *
 * Return: 0; -EAGAIN: the fault is noted and the response must come again; or
 * as prxe_mr_copy_in().
 */
int prxe_req_scatter(struct prxe_qp *qp, const struct prxe_swqe *wqe, u32 off,
		     const struct prxe_rx *rx, const void *buf, u32 len)
{
	struct prxe_sge_pos pos = { .sge = wqe->w.sge, .off = off };
	u32 from = 0;
	int err;

	lockdep_assert_held(&qp->sq.lock);

	while (from < len) {
		struct prxe_sge piece = prxe_sge_next(&pos, len - from);

		err = prxe_req_scatter_one(qp, piece, prxe_sge_left(&pos), rx, from,
					   buf);
		if (err)
			return err;
		from += piece.length;
	}
	return 0;
}

/* The fault, if there was one, is resolved, or the access will fail now. */
static int prxe_req_step_work(void *arg)
{
	struct prxe_qp *qp = arg;
	struct prxe_sq *sq = &qp->sq;

	prxe_sq_lock(qp);
	if (sq->fault.pd) {
		sq->fault.pd = NULL;
		sq->progress = jiffies;
	}
	prxe_req_run(qp);
	sq->lost_races = sq->fault.pd ? sq->lost_races + 1 : 0;
	prxe_sq_unlock(qp);
	return 0;
}

/*
 * The access at @mem may go on, but what is ahead of it is better there, too: another
 * turn for that, from @done on? It is over with what cannot be accessed anyway.
 */
static bool prxe_req_more(struct prxe_qp *qp, const struct prxe_mem *mem,
			  u64 done, u64 ahead)
{
	struct prxe_sq *sq = &qp->sq;
	struct prxe_mem at = *mem;
	int err = 0;
	bool more;

	while (!err && done < ahead) {
		at.addr = mem->addr + done;
		err = prxe_mr_ready(&at, min_t(u64, ahead - done,
					       PRXE_MR_FAULT_MAX));
		if (!err)
			done += PRXE_MR_FAULT_MAX;
		cond_resched();
	}
	if (err != -EAGAIN)
		return false;
	spin_lock_bh(&sq->lock);
	/* over meanwhile? */
	more = sq->fault.pd && sq->fault.addr == mem->addr &&
	       (sq->state == IB_QPS_RTS || sq->state == IB_QPS_SQD);
	if (more)
		sq->fault_done = done;
	spin_unlock_bh(&sq->lock);
	return more;
}

/**
 * prxe_req_work() - the requester's part of the work item
 * @qp: the queue pair
 *
 * Context: process, no lock held.
 */
void prxe_req_work(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	struct prxe_mem mem, at;
	u64 len, ahead, done;
	bool persist;
	int err;

	spin_lock_bh(&sq->lock);
	mem = sq->fault;
	len = sq->fault_len;
	ahead = sq->fault_ahead;
	done = sq->fault_done;
	persist = sq->lost_races >= PRXE_LOST_RACES && !done;
	spin_unlock_bh(&sq->lock);

	if (mem.pd) {
		at = mem;
		at.addr += done;
		err = prxe_mr_fault_run(&at, done ? 1 : len, ahead - done,
					persist ? prxe_req_step_work : NULL, qp);
		if (err == -EAGAIN && !done) {
			usleep_range(50, 100);
			prxe_qp_kick(qp);
			return;
		}
		if (persist && !err)
			return;
		if (!err && prxe_req_more(qp, &mem, done + PRXE_MR_FAULT_MAX,
					  ahead)) {
			prxe_qp_kick(qp);
			return;
		}
		/* told at the next access, by itself or by this */
		spin_lock_bh(&sq->lock);
		if (err && !done && sq->fault.pd)
			sq->fault_err = -ENODEV;
		spin_unlock_bh(&sq->lock);
	}
	prxe_req_step_work(qp);
}
