/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Queue pairs.
 *
 * A QP has two halves that share nothing but constants:
 *
 *   the send queue (requester.c, req_mem.c, completer.c), all of it under sq.lock
 *   the receive side (responder.c, read_resp.c), all of it under resp.lock
 *
 * Lock order, outermost first:
 *
 *   modify_mutex -> sq.lock -> resp.lock -> cq.lock, dev->tx_wait_lock
 *
 * The local path alone holds a sq.lock and a resp.lock, its peer's, together
 * (local_path.c); two of either are never held. Both are taken with bottom halves
 * off: the doorbell and the work item contend with the receive softirq. No packet
 * is delivered from inside of a transmission (it goes through the backlog), so
 * holding them over ip_local_out() cannot recurse.
 *
 * Both halves keep their own copy of the state, so that neither needs the
 * other's lock.
 */
#ifndef PRXE_QP_H
#define PRXE_QP_H

#include <linux/hrtimer.h>
#include <linux/mutex.h>
#include <linux/timer.h>
#include <linux/workqueue.h>
#include <rdma/ib_verbs.h>

#include "cq.h"
#include "mr.h"
#include "net.h"
#include "opcode.h"
#include "prxe.h"
#include "ring.h"
#include "wqe_check.h"

/**
 * enum prxe_wqe_state - of a send work request, in order
 * @PRXE_WQE_POSTED: not started
 * @PRXE_WQE_SENDING: some packets sent
 * @PRXE_WQE_SENT: all packets sent at least once
 * @PRXE_WQE_BAD: completes with &prxe_swqe.status when its turn comes
 */
enum prxe_wqe_state {
	PRXE_WQE_POSTED,
	PRXE_WQE_SENDING,
	PRXE_WQE_SENT,
	PRXE_WQE_BAD,
};

/**
 * struct prxe_swqe - a send work request, the kernel's private copy
 * @state: see enum prxe_wqe_state
 * @status: completion status of a bad one
 * @vendor_err: why
 * @length: bytes of the message
 * @npkts: PSNs it takes: request packets; for a read, response packets; 0 for an
 *	operation of this host only
 * @first_psn: PSN of its first packet; valid from PRXE_WQE_SENDING on
 * @done: reads: bytes received in order
 * @wire: packets of it were sent, or must be: the local path is not for it
 * @w: header, then scatter/gather list or inline data
 */
struct prxe_swqe {
	enum prxe_wqe_state state;
	u32 status;
	u32 vendor_err;
	u32 length;
	u32 npkts;
	u32 first_psn;
	u32 done;
	bool wire;
	struct prxe_send_wqe w;
};

/**
 * struct prxe_sq - requester and completer; all of it under @lock
 * @lock: see the top of the file
 * @state: copy of the QP's state
 * @ring: user QPs: the shared ring; all zero for a kernel user
 * @lim: limits for prxe_send_wqe_check(), filled in at creation
 * @wqes: private copies, &prxe_sq.nr of @wqe_stride bytes
 * @nr: slots, a power of two; the max_send_wr granted
 * @wqe_stride: bytes
 * @head: work requests ever taken in
 * @next: the one that the requester is at
 * @tail: the oldest that is not complete
 * @next_off: packets of @next's message already sent
 * @psn: PSN of the next new packet
 * @una: oldest PSN that is not acknowledged
 * @max_psn: one past the highest PSN ever sent; @psn is below it during a retry
 * @rd_atomic: reads and atomics outstanding
 * @max_rd_atomic: how many may be
 * @retry_cnt: retries granted; @retries: left
 * @rnr_retry: granted, 7 means without end; @rnr_left: left
 * @rnr_row: RNR NAKs since the last progress
 * @timeout: local ACK timeout in jiffies, 0 never
 * @progress: jiffies of the last progress, for the lazily armed @timer
 * @retried: PSN of the last read that was asked for again because of an
 *	acknowledgment behind it; @retried_valid: there is one
 * @rnr_wait: waiting for @wait_timer after an RNR NAK
 * @pause: waiting for @wait_timer because this host did not send a packet
 * @pauses: such waits in a row
 * @stranded: the last packets that were tried had no route
 * @fault: the access that waits for the work item; its pd is NULL if none
 * @fault_len: bytes of it
 * @fault_ahead: bytes from there that are brought in before it goes on;
 *	@fault_done: that were, by turns of the work item
 * @fault_last: address of the last fault, or U64_MAX: there was progress since
 * @fault_err: not 0: the work item failed; the next access to the key of @fault
 *	fails with this rather than wait again
 * @lost_races: how often in a row the memory had moved again before it was used
 * @cpu: unreliable connections: the CPU whose backlog may hold packets, or -1;
 *	set under @lock, withdrawn without
 * @flush_rxe: the last flush was sent with the ICRC that rxe expects
 * @sig_all: every work request is signaled
 * @drained: in SQD, everything sent is complete and the event was raised
 * @flow: where to
 * @timer: local ACK timeout
 * @wait_timer: RNR NAK timer, and the pause after a drop
 */
struct prxe_sq {
	spinlock_t lock;
	enum ib_qp_state state;
	struct prxe_queue ring;
	void *wqes;
	u32 nr;
	u32 wqe_stride;
	struct prxe_wqe_limits lim;
	u32 head;
	u32 next;
	u32 tail;
	u32 next_off;
	u32 psn;
	u32 una;
	u32 max_psn;
	u32 rd_atomic;
	u32 max_rd_atomic;
	u8 retry_cnt;
	u8 retries;
	u8 rnr_retry;
	u8 rnr_left;
	u8 rnr_row;
	u8 pauses;
	unsigned long timeout;
	unsigned long progress;
	u32 retried;
	bool retried_valid;
	bool rnr_wait;
	bool pause;
	bool stranded;
	int cpu;
	bool flush_rxe;
	bool sig_all;
	bool drained;
	struct prxe_mem fault;
	u64 fault_len;
	u64 fault_ahead;
	u64 fault_done;
	u64 fault_last;
	int fault_err;
	u32 lost_races;
	struct prxe_flow flow;
	struct timer_list timer;
	struct hrtimer wait_timer;
};

/**
 * struct prxe_rq - a receive queue, under the responder's lock
 * @srq: where entries come from instead of @ring; or NULL; constant
 * @pd: whose keys the entries name: the queue pair's, or the shared queue's;
 *	constant
 * @ring: shared with the user, or private and filled by prxe_post_recv()
 * @lim: limits for prxe_recv_wqe_check(), filled in at creation
 * @head: entries ever taken
 * @wqe: private copy of the entry in use, of the ring's stride
 * @wqe_len: sum of its lengths
 * @have: @wqe is in use; its completion is due
 */
struct prxe_rq {
	struct prxe_srq *srq;
	struct prxe_pd *pd;
	struct prxe_queue ring;
	struct prxe_wqe_limits lim;
	u32 head;
	struct prxe_recv_wqe *wqe;
	u64 wqe_len;
	bool have;
};

/**
 * struct prxe_rd_res - a request that may have to be answered again
 * @psn: first PSN; @npkts: PSNs it takes
 * @op: of its opcode, PRXE_OP_READ_REQ, PRXE_OP_ATOMIC or PRXE_OP_ATOMIC_WRITE; 0
 *	if not in use
 * @mem: reads: what was asked for; @length: how much
 * @orig: atomics: the answer
 *
 * Flushes are not among them: they are executed again.
 */
struct prxe_rd_res {
	u32 psn;
	u32 npkts;
	u32 op;
	struct prxe_mem mem;
	u32 length;
	u64 orig;
};

/**
 * struct prxe_read - a read that is being answered
 * @active: there is one
 * @mem: where the next byte comes from
 * @left: bytes to send
 * @psn: PSN of the next response packet
 * @first: nothing was sent yet
 */
struct prxe_read {
	bool active;
	bool first;
	u32 left;
	u32 psn;
	struct prxe_mem mem;
};

/**
 * struct prxe_parked - a packet that waits for the work item
 * @node: in &prxe_resp.parked
 * @rx: holds a reference to its sk_buff
 */
struct prxe_parked {
	struct list_head node;
	struct prxe_rx rx;
};

/*
 * After so many lost races in a row an access runs under the reservation lock,
 * where the buffer cannot move.
 */
#define PRXE_LOST_RACES		3

/* More than this many packets waiting are dropped; go-back-N brings them back. */
#define PRXE_MAX_PARKED		1024

/**
 * struct prxe_resp - responder; all of it under @lock
 * @lock: see the top of the file
 * @state: copy of the QP's state
 * @rq: receive queue
 * @epsn: PSN expected next
 * @msn: messages completed, 24 bits
 * @ack_due: acknowledge what is before @epsn at the end of the run
 * @nak_sent: a sequence NAK is out; silent until @epsn arrives
 * @msg: what it is in the middle of
 * @mem: current write: where the next byte goes; @left: bytes of it to come
 * @offset: current send: bytes placed
 * @res: @max_rd_atomic entries, a ring; @res_next: the next to use
 * @read: the read being answered
 * @flushed: bytes that are done of the flush which is the first in @parked
 * @min_rnr_timer: encoded, for RNR NAKs
 * @parked: packets that wait; @nr_parked: how many
 * @busy: packets are parked rather than executed, the work item will run
 * @fault: what the work item makes valid; its pd is NULL if none
 * @fault_len: bytes of it
 * @fault_ahead: bytes from there that will be accessed soon
 * @fault_err: not 0: the work item failed; the next access to the key of @fault
 *	fails with this rather than wait again
 * @lost_races: how often in a row the memory had moved again before it was used
 * @pause: this host dropped a packet, the work item waits a little; @pauses: such
 *	waits in a row
 * @heard: a request took effect; an event was raised if that was in RTR
 * @flow: where to
 */
struct prxe_resp {
	spinlock_t lock;
	enum ib_qp_state state;
	struct prxe_rq rq;
	u32 epsn;
	u32 msn;
	bool ack_due;
	bool nak_sent;
	enum prxe_msg_state msg;
	struct prxe_mem mem;
	u32 left;
	u32 offset;
	struct prxe_rd_res *res;
	u32 max_rd_atomic;
	u32 res_next;
	struct prxe_read read;
	u64 flushed;
	u8 min_rnr_timer;
	struct list_head parked;
	u32 nr_parked;
	bool busy;
	struct prxe_mem fault;
	u64 fault_len;
	u64 fault_ahead;
	int fault_err;
	u32 lost_races;
	bool pause;
	u8 pauses;
	bool heard;
	struct prxe_flow flow;
};

/**
 * struct prxe_qp - a queue pair
 * @ibqp: the core's
 * @modify_mutex: serializes modify, destroy and query
 * @attr: what modify was told
 * @stats: where it counts (counter.c): prxe_qp_stats(); written under @modify_mutex
 * @dev: the device
 * @pd: the protection domain
 * @scq: send completions; @rcq: receive completions
 * @mtu: path MTU in bytes, constant from RTR on
 * @access: qp_access_flags
 * @dest_qpn: the peer, constant from RTR on
 * @qkey: datagrams
 * @sq: send half
 * @resp: receive half
 * @work: for what must sleep or used up a budget
 * @tx_node: in &prxe_dev.tx_waiting, under its lock
 * @events: what @work delivers: bit n is enum ib_event_type n; and
 *	PRXE_QP_EV_ERR
 */
struct prxe_qp {
	struct ib_qp ibqp;
	struct mutex modify_mutex;
	struct ib_qp_attr attr;
	struct ib_qp_cap cap;
	struct prxe_stats __percpu *stats;
	struct prxe_dev *dev;
	struct prxe_pd *pd;
	struct prxe_cq *scq;
	struct prxe_cq *rcq;
	u32 mtu;
	int access;
	u32 dest_qpn;
	u32 qkey;
	struct prxe_sq sq;
	struct prxe_resp resp;
	struct work_struct work;
	struct list_head tx_node;
	unsigned long events;
};

/* &prxe_qp.events: one half went to ERR by itself, the other must follow */
#define PRXE_QP_EV_ERR	31

/* prxe_cqe.vendor_err; docs/uabi.md lists them */
enum prxe_vendor_err {
	PRXE_VERR_NONE,
	PRXE_VERR_WQE,		/* the work queue entry is malformed */
	PRXE_VERR_LKEY,		/* a local key does not allow the access */
	PRXE_VERR_REVOKED,	/* local memory was withdrawn by its exporter */
	PRXE_VERR_ROUTE,	/* no route to the peer, or none for such packets */
	PRXE_VERR_NAK,		/* the peer refused */
	PRXE_VERR_TIMEOUT,	/* the peer is silent */
	PRXE_VERR_RNR,		/* the peer was never ready */
	PRXE_VERR_RESPONSE,	/* a response of the wrong size */
	PRXE_VERR_TOO_LONG,	/* the message is longer than the receive list */
	PRXE_VERR_FLUSH,	/* the queue pair is in the error state */
	PRXE_VERR_ABANDONED,	/* the message that it was taken for did not come */
	PRXE_VERR_INVALIDATE,	/* the key to invalidate is none that could be */
	PRXE_VERR_BIND,		/* a window cannot be bound so */
	PRXE_VERR_FAST_REG,	/* memory cannot be registered so */
};

static inline struct prxe_qp *to_pqp(struct ib_qp *ibqp)
{
	return container_of(ibqp, struct prxe_qp, ibqp);
}

/**
 * prxe_qp_stats() - where a queue pair counts at this moment
 * @qp: the queue pair
 *
 * Context: rcu_read_lock() of any flavour, which the locks of both halves are; the
 * result is good until its end.
 * Return: per CPU.
 */
static inline struct prxe_stats __percpu *
prxe_qp_stats(const struct prxe_qp *qp)
{
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(), "counts without RCU");
	return READ_ONCE(qp->stats);
}

#define prxe_qp_stat_add(qp, sym, n)	\
	this_cpu_add(prxe_qp_stats(qp)->v[PRXE_STAT_##sym], (n))
#define prxe_qp_stat_inc(qp, sym)	prxe_qp_stat_add(qp, sym, 1)
/* @way: SENT or RCVD; @code: enum prxe_nak_code, at most PRXE_NAK_REMOTE_OP */
#define prxe_qp_stat_nak(qp, way, code)	\
	this_cpu_inc(prxe_qp_stats(qp)->v[PRXE_STAT_##way##_NAK_SEQ + (code)])

static inline struct prxe_swqe *prxe_swqe(const struct prxe_sq *sq, u32 idx)
{
	return sq->wqes + (size_t)(idx & (sq->nr - 1)) * sq->wqe_stride;
}

/* It completes with @status when its turn comes. */
static inline void prxe_wqe_bad(struct prxe_swqe *wqe, enum ib_wc_status status,
				u32 vendor_err)
{
	wqe->state = PRXE_WQE_BAD;
	wqe->status = status;
	wqe->vendor_err = vendor_err;
}

/* One that ends with a response of its own; an acknowledgment is not enough. */
static inline bool prxe_wqe_is_rd_atomic(const struct prxe_swqe *wqe)
{
	switch (wqe->w.opcode) {
	case IB_UVERBS_WR_RDMA_READ:
	case IB_UVERBS_WR_ATOMIC_CMP_AND_SWP:
	case IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD:
	case IB_UVERBS_WR_FLUSH:
	case IB_UVERBS_WR_ATOMIC_WRITE:
		return true;
	}
	return false;
}

/* One whose response has the value from before. */
static inline bool prxe_wqe_is_atomic(const struct prxe_swqe *wqe)
{
	return wqe->w.opcode == IB_UVERBS_WR_ATOMIC_CMP_AND_SWP ||
	       wqe->w.opcode == IB_UVERBS_WR_ATOMIC_FETCH_AND_ADD;
}

/* A message that consumes a receive, and nothing else. */
static inline bool prxe_wqe_is_send(const struct prxe_swqe *wqe)
{
	switch (wqe->w.opcode) {
	case IB_UVERBS_WR_SEND:
	case IB_UVERBS_WR_SEND_WITH_IMM:
	case IB_UVERBS_WR_SEND_WITH_INV:
		return true;
	}
	return false;
}

/* Run the work item soon. Any context. Not after destroy has begun. */
static inline void prxe_qp_kick(struct prxe_qp *qp)
{
	queue_work(prxe_wq, &qp->work);
}

/* By number, all devices and namespaces of the module; under rcu_read_lock(). */
struct prxe_qp *prxe_qp_lookup(u32 qpn);

/* Deliver an asynchronous event, or PRXE_QP_EV_ERR, from the work item. */
static inline void prxe_qp_raise(struct prxe_qp *qp, int event)
{
	set_bit(event, &qp->events);
	prxe_qp_kick(qp);
}

/**
 * prxe_qp_untold() - a completion was lost
 * @qp: the queue pair
 * @state: of the half that it was of, whose lock is held
 *
 * What cannot be reported by a completion is a local work queue catastrophic error
 * (IBTA 11.6.3.2): the queue pair goes to ERR with an event. What is lost when it
 * is there already changes nothing.
 */
static inline void prxe_qp_untold(struct prxe_qp *qp, enum ib_qp_state state)
{
	if (state != IB_QPS_ERR)
		prxe_qp_raise(qp, IB_EVENT_QP_FATAL);
}

/* qp.c; the lock of the half is held */
void prxe_sq_set_state(struct prxe_qp *qp, enum ib_qp_state state);
void prxe_resp_set_state(struct prxe_qp *qp, enum ib_qp_state state);

/* requester.c; where nothing else is said sq.lock is held */
void prxe_req_init(struct prxe_qp *qp);		/* timers; at creation, no lock */
void prxe_req_stop(struct prxe_qp *qp);		/* no timer runs on return; no lock */
void prxe_req_reset(struct prxe_qp *qp);	/* to RESET: forget all */
void prxe_req_run(struct prxe_qp *qp);		/* send what may be sent */
void prxe_req_flush(struct prxe_qp *qp);	/* in ERR or SQE: flush all */
void prxe_req_retry(struct prxe_qp *qp, u32 psn);	/* go back to psn */
void prxe_req_wait(struct prxe_qp *qp, u64 ns);	/* start wait_timer */
void prxe_req_next(struct prxe_sq *sq, struct prxe_swqe *wqe);
void prxe_req_accept(struct prxe_qp *qp);	/* take in prxe_swqe(sq, head) */

/* req_mem.c; where nothing else is said sq.lock is held */
void prxe_req_work(struct prxe_qp *qp);		/* from the work item; no lock */
int prxe_req_fault(struct prxe_qp *qp, const struct prxe_mem *mem, u64 len,
		   u64 ahead);
int prxe_req_gather(struct prxe_qp *qp, const struct prxe_swqe *wqe, u32 off,
		    void *dst, u32 len, u32 *crc);
int prxe_req_scatter(struct prxe_qp *qp, const struct prxe_swqe *wqe, u32 off,
		     const struct prxe_rx *rx, const void *buf, u32 len);

/* request.c; sq.lock is held */
void prxe_req_pkt(const struct prxe_qp *qp, struct prxe_pkt *pkt, int opcode,
		  u32 psn);
void prxe_req_headers(const struct prxe_swqe *wqe, struct prxe_pkt *pkt);
int prxe_req_send_request(struct prxe_qp *qp, struct prxe_swqe *wqe);

/* uc_order.c; no lock to take it, sq.lock is held elsewhere */
void prxe_sq_lock(struct prxe_qp *qp);
void prxe_sq_unlock(struct prxe_qp *qp);
bool prxe_uc_elsewhere(struct prxe_qp *qp);

/* completer.c; sq.lock is held */
void prxe_complete(struct prxe_qp *qp, enum ib_wc_status status,
		   u32 vendor_err);
void prxe_req_error(struct prxe_qp *qp, enum ib_wc_status status,
		    u32 vendor_err);
void prxe_sq_advance(struct prxe_qp *qp);
void prxe_sq_progress(struct prxe_sq *sq);
bool prxe_req_rnr(struct prxe_qp *qp, u8 syndrome);
void prxe_req_refused(struct prxe_qp *qp, u8 syndrome);

/* local.c; sq.lock is held */
void prxe_complete_local(struct prxe_qp *qp);
int prxe_req_local(struct prxe_qp *qp, struct prxe_swqe *wqe);

/* responder.c; where nothing else is said resp.lock is held */
void prxe_resp_init(struct prxe_qp *qp);	/* at creation, no lock */
void prxe_resp_reset(struct prxe_qp *qp);	/* to RESET: forget all */
void prxe_resp_work(struct prxe_qp *qp);	/* from the work item; no lock */
int prxe_resp_park_fault(struct prxe_qp *qp, const struct prxe_mem *mem,
			 u64 len, u64 ahead);
void prxe_resp_error(struct prxe_qp *qp, int event);
void prxe_resp_count_nak(struct prxe_qp *qp, u8 syndrome);
void prxe_resp_nak(struct prxe_qp *qp, u8 syndrome, u32 psn);
void prxe_resp_atomic(struct prxe_qp *qp, u32 psn, u64 orig);
void prxe_resp_done(struct prxe_qp *qp, u32 psn);

/* read_resp.c; resp.lock is held */
void prxe_read_resp_start(struct prxe_qp *qp, const struct prxe_pkt *pkt);
void prxe_read_resp_run(struct prxe_qp *qp);

/*
 * qp_modify.c: both halves to ERR, without an event; modify_mutex held. The
 * halves themselves use prxe_qp_raise() instead.
 */
void prxe_qp_err_locked(struct prxe_qp *qp);
/* Both halves to RESET, what was posted is forgotten; no lock held. */
void prxe_qp_reset_halves(struct prxe_qp *qp);

/* qp.c: verbs, see struct ib_device_ops */
int prxe_create_qp(struct ib_qp *ibqp, struct ib_qp_init_attr *init,
		   struct ib_udata *udata);
int prxe_modify_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		   struct ib_udata *udata);
int prxe_query_qp(struct ib_qp *ibqp, struct ib_qp_attr *attr, int mask,
		  struct ib_qp_init_attr *init);
int prxe_destroy_qp(struct ib_qp *ibqp, struct ib_udata *udata);
/* post.c: doorbells (no WRs) and kernel users */
int prxe_post_send(struct ib_qp *ibqp, const struct ib_send_wr *wr,
		   const struct ib_send_wr **bad_wr);
int prxe_post_recv(struct ib_qp *ibqp, const struct ib_recv_wr *wr,
		   const struct ib_recv_wr **bad_wr);

#endif /* PRXE_QP_H */
