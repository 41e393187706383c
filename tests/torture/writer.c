// SPDX-License-Identifier: GPL-2.0
/*
 * The writer: writes, reads, atomics and sends to the target, several at a time, at
 * most one on a slot. What is posted is noted before, what has arrived after.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "torture.h"

#define MAX_OPS		8
#define SEND_LEN	1024

enum kind { OP_NONE, OP_WRITE, OP_READ, OP_FETCH, OP_STORE, OP_ATOMIC, OP_SEND };

struct op {
	enum kind kind;
	int slot;
	int other;		/* where OP_STORE goes, -1: nowhere */
	uint64_t id;
};

struct writer {
	struct worker w;
	struct op op[MAX_OPS];
	unsigned int outstanding;
	bool busy[NSLOT];
	bool atomic_busy;
	uint64_t next_id;
	uint8_t *mem;		/* MAX_OPS slots */
	bool broken;		/* the QP is in error */
};

static uint8_t *area(struct writer *wr, const struct op *op)
{
	return wr->mem + (size_t)(op - wr->op) * SLOT_MAX;
}

static void post(struct writer *wr, struct op *op, enum ibv_wr_opcode code,
		 struct ibv_mr *mr, uint64_t offset, uint32_t len)
{
	struct address *at = &wr->w.c->at[TARGET];
	int err;

	err = post_send(&wr->w.e, code, (uint64_t)(op - wr->op),
			sge_of(mr, (size_t)(op - wr->op) * SLOT_MAX, len),
			at->base + offset, at->rkey, IBV_SEND_SIGNALED);
	errno = err;
	worker_need(&wr->w, !err, "ibv_post_send");
}

static void post_atomic(struct writer *wr, struct op *op)
{
	struct cell *c = wr->w.c;

	c->count_posted++;
	wr->atomic_busy = true;
	need_atomic(&wr->w.e, false, (uint64_t)(op - wr->op),
		    sge_of(wr->w.mr, (size_t)(op - wr->op) * SLOT_MAX, 8),
		    c->at[TARGET].base + COUNTER_AT, c->at[TARGET].rkey, 1, 0);
}

static void post_write(struct writer *wr, struct op *op)
{
	struct cell *c = wr->w.c;

	op->id = ++wr->next_id;
	pattern_fill(area(wr, op), c->slot_len, c->seed, op->id);
	c->posted[op->slot] = op->id;
	post(wr, op, IBV_WR_RDMA_WRITE, wr->w.mr, SLOT_AT(op->slot), c->slot_len);
}

static void post_message(struct writer *wr, struct op *op)
{
	op->id = ++wr->next_id;
	memcpy(area(wr, op), &op->id, 8);
	pattern_fill(area(wr, op) + 8, SEND_LEN - 8, wr->w.c->seed, op->id);
	post(wr, op, IBV_WR_SEND, wr->w.mr, 0, SEND_LEN);
}

static int free_slot(struct writer *wr)
{
	int slot = (int)rng_below(&wr->w.rng, NSLOT);

	return wr->busy[slot] ? -1 : slot;
}

/* Something with a slot: write, read, or bring it to another by way of the GPU. */
static bool start_slot(struct writer *wr, struct op *op)
{
	struct cell *c = wr->w.c;

	op->slot = free_slot(wr);
	if (op->slot < 0)
		return false;
	wr->busy[op->slot] = true;
	op->other = -1;
	op->kind = rng_below(&wr->w.rng, 5) < 3 ? OP_WRITE : OP_READ;
	if (op->kind == OP_WRITE) {
		post_write(wr, op);
		return true;
	}
	op->id = c->done[op->slot];
	if (wr->w.gpu_mr && op->id)
		op->other = free_slot(wr);
	if (op->other >= 0) {
		wr->busy[op->other] = true;
		op->kind = OP_FETCH;
	}
	post(wr, op, IBV_WR_RDMA_READ,
	     op->kind == OP_FETCH ? wr->w.gpu_mr : wr->w.mr, SLOT_AT(op->slot),
	     c->slot_len);
	return true;
}

/* Returns false when it was not to be. */
static bool start(struct writer *wr, struct op *op)
{
	unsigned int dice = rng_below(&wr->w.rng, 10);

	if (dice == 0 && !wr->atomic_busy) {
		op->kind = OP_ATOMIC;
		post_atomic(wr, op);
	} else if (dice == 1 && wr->w.c->plan != PLAN_KILL_PARENT) {
		/* whose target is dead and posts no more buffers */
		op->kind = OP_SEND;
		post_message(wr, op);
	} else if (!start_slot(wr, op)) {
		return false;
	}
	wr->outstanding++;
	return true;
}

static void start_some(struct writer *wr)
{
	for (int i = 0; i < MAX_OPS; i++) {
		if (wr->outstanding >= wr->w.c->depth || wr->broken)
			return;
		if (wr->op[i].kind == OP_NONE)
			start(wr, &wr->op[i]);
	}
}

static void wrong(struct writer *wr, const struct op *op, const char *what)
{
	fprintf(stderr, "%s: slot %d, pattern %llu\n", what, op->slot,
		(unsigned long long)op->id);
	(void)wr;
	exit(EXIT_WRONG_DATA);
}

static void finish_atomic(struct writer *wr, struct op *op)
{
	struct cell *c = wr->w.c;
	uint64_t want, have;

	memset(&want, guard_of(c), sizeof(want));
	want += c->count_done;
	memcpy(&have, area(wr, op), sizeof(have));
	if (have != want) {
		fprintf(stderr, "counter was %#llx instead of %#llx\n",
			(unsigned long long)have, (unsigned long long)want);
		exit(EXIT_WRONG_DATA);
	}
	c->count_done++;
	wr->atomic_busy = false;
	count(DID_ATOMIC, 1);
}

/* A request has been carried out; the second half of a bounce goes on its way. */
static void finish(struct writer *wr, struct op *op)
{
	struct cell *c = wr->w.c;

	switch (op->kind) {
	case OP_WRITE:
		c->done[op->slot] = op->id;
		count(DID_WRITE, 1);
		break;
	case OP_READ:
		if (!pattern_is(area(wr, op), c->slot_len, c, op->id))
			wrong(wr, op, "read something else");
		count(DID_READ, 1);
		break;
	case OP_FETCH:
		op->kind = OP_STORE;
		c->posted[op->other] = op->id;
		post(wr, op, IBV_WR_RDMA_WRITE, wr->w.gpu_mr,
		     SLOT_AT(op->other), c->slot_len);
		return;
	case OP_STORE:
		c->done[op->other] = op->id;
		wr->busy[op->other] = false;
		count(DID_BOUNCE, 1);
		break;
	case OP_ATOMIC:
		finish_atomic(wr, op);
		break;
	case OP_SEND:
		count(DID_SEND, 1);
		break;
	case OP_NONE:
		FAIL("a completion for nothing");
	}
	if (op->kind != OP_ATOMIC && op->kind != OP_SEND)
		wr->busy[op->slot] = false;
	op->kind = OP_NONE;
	wr->outstanding--;
	c->progress++;
	step(&wr->w);
}

/* May this be, given what happens to the target and to the devices? */
static bool excused(struct writer *wr, enum ibv_wc_status status)
{
	struct cell *c = wr->w.c;

	if (disturbed(c))
		return true;
	switch (status) {
	case IBV_WC_RETRY_EXC_ERR:
		return true;
	case IBV_WC_WR_FLUSH_ERR:
		return wr->broken;
	case IBV_WC_REM_ACCESS_ERR:
	case IBV_WC_REM_OP_ERR:
	case IBV_WC_REM_INV_REQ_ERR:
		return c->doomed[TARGET] || c->stop[TARGET] || c->doomed[CHILD];
	default:
		return false;
	}
}

static void broke(struct writer *wr, const struct ibv_wc *wc)
{
	struct op *op = &wr->op[wc->wr_id];

	if (!excused(wr, wc->status))
		FAIL("request %d of slot %d: %s (vendor error %u)", op->kind, op->slot,
		     ibv_wc_status_str(wc->status), wc->vendor_err);
	if (wc->status == IBV_WC_RETRY_EXC_ERR && !wr->w.c->doomed[TARGET] &&
	    !wr->w.c->stop[TARGET])
		count(DID_TIMEOUT, 1);
	wr->broken = true;
	op->kind = OP_NONE;
	wr->outstanding--;
}

/* Returns false when nothing had completed. */
static bool reap(struct writer *wr)
{
	struct ibv_wc wc[MAX_OPS];
	int n = ibv_poll_cq(wr->w.e.scq, MAX_OPS, wc);

	if (n < 0)
		FAIL("ibv_poll_cq: %d", n);
	for (int i = 0; i < n; i++) {
		CHECK(wc[i].wr_id < MAX_OPS, "completion of request %llu",
		      (unsigned long long)wc[i].wr_id);
		if (wc[i].status == IBV_WC_SUCCESS)
			finish(wr, &wr->op[wc[i].wr_id]);
		else
			broke(wr, &wc[i]);
	}
	return n;
}

/* Until there may be something; not for long, the end may come another way. */
static void rest(struct writer *wr)
{
	struct ibv_comp_channel *channel = wr->w.e.channel;
	struct pollfd p = { .events = POLLIN };
	struct ibv_cq *cq;
	void *context;

	if (!channel || ibv_req_notify_cq(wr->w.e.scq, 0)) {
		usleep(100);
		return;
	}
	if (reap(wr))
		return;
	p.fd = channel->fd;
	if (poll(&p, 1, 5) <= 0)
		return;
	while (!ibv_get_cq_event(channel, &cq, &context)) {
		ibv_ack_cq_events(cq, 1);
		count(DID_SLEEP, 1);
	}
}

/* Returns false when the device is gone: no more completions come. */
static bool traffic(struct writer *wr, bool drain)
{
	unsigned int idle = 0;

	while (drain ? wr->outstanding > 0 :
		       !wr->w.c->stop[WRITER] && !wr->broken) {
		if (!drain)
			start_some(wr);
		if (reap(wr)) {
			idle = 0;
			continue;
		}
		if (++idle % 64)
			continue;
		if (worker_device_gone(&wr->w))
			return false;
		rest(wr);
	}
	return true;
}

static void end_all(struct writer *wr, bool mr_first)
{
	struct worker *w = &wr->w;
	int err = 0;

	if (wr->outstanding)
		count(DID_OUTSTANDING, wr->outstanding);
	if (mr_first)
		err = ibv_dereg_mr(w->mr);
	step(w);
	err = err ?: ibv_destroy_qp(w->e.qp);
	step(w);
	if (!mr_first)
		err = err ?: ibv_dereg_mr(w->mr);
	if (w->gpu_mr) {
		err = err ?: ibv_dereg_mr(w->gpu_mr);
		if (w->fd >= 0)
			count(DID_FD_AFTER, !close(w->fd));
		step(w);
		buffer_destroy(&w->buf);
	}
	errno = err;
	worker_need(w, !err, "ending");
	step(w);
	worker_close(w);
	exit(0);
}

static void writer_memory(struct writer *wr)
{
	struct worker *w = &wr->w;

	wr->mem = mmap(NULL, MAX_OPS * SLOT_MAX, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(wr->mem != MAP_FAILED, "mmap: %s", strerror(errno));
	w->mr = ibv_reg_mr(w->e.pd, wr->mem, MAX_OPS * SLOT_MAX, RIGHTS);
	worker_need(w, w->mr, "ibv_reg_mr");
	step(w);
	if (!w->c->bounce)
		return;
	worker_gpu_buffer(w, MAX_OPS * SLOT_MAX,
			  shared->bar && rng_below(&w->rng, 2));
	w->gpu_mr = ibv_reg_dmabuf_mr(w->e.pd, 0, MAX_OPS * SLOT_MAX, 0, w->fd,
				      RIGHTS);
	worker_need(w, w->gpu_mr, "ibv_reg_dmabuf_mr");
	/* The library keeps an address of its own; the region begins at 0. */
	w->gpu_mr->addr = NULL;
	if (w->c->fd_early) {
		count(DID_FD_BEFORE, !close(w->fd));
		w->fd = -1;
	}
	step(w);
}

void writer_main(struct cell *c)
{
	static struct writer wr;
	struct worker *w = &wr.w;
	bool mr_first;

	w->c = c;
	w->role = WRITER;
	worker_open(w);
	writer_memory(&wr);
	worker_create_qp(w, c->channel);
	mr_first = rng_below(&w->rng, 2);
	if (!worker_connect(w) || !traffic(&wr, false))
		end_all(&wr, mr_first);
	/* A broken QP flushes what is left: each request completes. */
	if (wr.broken || (c->plan != PLAN_QP_BUSY && c->plan != PLAN_EXIT_BUSY)) {
		traffic(&wr, true);
		end_all(&wr, false);
	}
	start_some(&wr);
	if (c->plan == PLAN_EXIT_BUSY) {
		count(DID_OUTSTANDING, wr.outstanding);
		_exit(0);
	}
	end_all(&wr, mr_first);
	exit(0);
}
