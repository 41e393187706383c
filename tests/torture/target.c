// SPDX-License-Identifier: GPL-2.0
/*
 * The target: memory that the other side writes to, of its own, shared, or a GPU
 * buffer that it or an owner has made. When it ends in peace it looks at the data
 * itself, if nobody else can.
 */
#include <errno.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "torture.h"

struct target {
	struct worker w;
	uint8_t *mem;		/* NULL: on the GPU */
	struct ibv_mr *recv_mr;
	uint64_t last_id;
};

/* Where the messages go, for buffers that the CPU shall not map. */
static uint8_t recv_mem[NRECV * PAGE] __attribute__((aligned(PAGE)));

static void get_gpu_buffer(struct target *t)
{
	struct worker *w = &t->w;

	if (w->c->plan == PLAN_KILL_OWNER) {
		w->fd = fd_receive(w->c->pass[1], 0);
		if (w->fd < 0)
			exit(0);	/* the owner died before */
		count(DID_PASS, 1);
		step(w);
	} else {
		worker_gpu_buffer(w, BUF_SIZE, w->c->mem == MEM_GPU_BAR);
	}
	if (w->c->keep)
		fd_send(w->c->keeper[0], w->fd);
	step(w);
}

static void register_gpu(struct target *t)
{
	struct worker *w = &t->w;
	uint64_t base = (1 + rng_below(&w->rng, 1 << 20)) * (uint64_t)PAGE;

	w->mr = ibv_reg_dmabuf_mr(w->e.pd, MR_OFFSET, MR_LEN, base + MR_OFFSET,
				  w->fd, RIGHTS);
	worker_need(w, w->mr, "ibv_reg_dmabuf_mr");
	w->c->at[TARGET].base = base;
	step(w);
	if (w->c->fd_early) {
		count(DID_FD_BEFORE, !close(w->fd));
		w->fd = -1;
	}
}

static void register_host(struct target *t)
{
	struct worker *w = &t->w;

	t->mem = w->c->memory;
	if (w->c->mem == MEM_PRIVATE) {
		t->mem = mmap(NULL, BUF_SIZE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(t->mem != MAP_FAILED, "mmap: %s", strerror(errno));
		memset(t->mem, guard_of(w->c), BUF_SIZE);
	}
	w->mr = ibv_reg_mr(w->e.pd, t->mem + MR_OFFSET, MR_LEN, RIGHTS);
	worker_need(w, w->mr, "ibv_reg_mr");
	w->c->at[TARGET].base = (uintptr_t)t->mem;
	step(w);
}

static void post_recv(struct target *t, int i)
{
	struct ibv_sge sge = sge_of(t->recv_mr, (size_t)i * PAGE, PAGE);
	struct ibv_recv_wr *bad, wr = {
		.wr_id = (uint64_t)i, .sg_list = &sge, .num_sge = 1,
	};
	int err = ibv_post_recv(t->w.e.qp, &wr, &bad);

	errno = err;
	worker_need(&t->w, !err, "ibv_post_recv");
}

static void start_recv(struct target *t)
{
	t->recv_mr = ibv_reg_mr(t->w.e.pd, recv_mem, sizeof(recv_mem),
				IBV_ACCESS_LOCAL_WRITE);
	worker_need(&t->w, t->recv_mr, "ibv_reg_mr");
	for (int i = 0; i < NRECV; i++)
		post_recv(t, i);
	step(&t->w);
}

/* Messages come in order, each once, whole. */
static void check_message(struct target *t, const struct ibv_wc *wc)
{
	const uint8_t *p = recv_mem + wc->wr_id * PAGE;
	uint64_t id;

	memcpy(&id, p, 8);
	if (id > t->last_id && wc->byte_len > 8 && wc->byte_len <= PAGE &&
	    pattern_is(p + 8, wc->byte_len - 8, t->w.c, id)) {
		t->last_id = id;
		return;
	}
	fprintf(stderr, "received %u bytes of message %llu after %llu, or not quite\n",
		wc->byte_len, (unsigned long long)id,
		(unsigned long long)t->last_id);
	exit(EXIT_WRONG_DATA);
}

/* Returns false when nothing was received. */
static bool receive(struct target *t)
{
	struct ibv_wc wc[NRECV];
	int n = ibv_poll_cq(t->w.e.rcq, NRECV, wc);

	if (n < 0)
		FAIL("ibv_poll_cq: %d", n);
	for (int i = 0; i < n; i++) {
		if (wc[i].status != IBV_WC_SUCCESS)
			continue;
		check_message(t, &wc[i]);
		post_recv(t, (int)wc[i].wr_id);
		step(&t->w);
	}
	return n;
}

/* Without this the region may be changed by the child, or vanish with it. */
static void scribble(struct target *t)
{
	if (t->w.c->mem == MEM_PRIVATE)
		memset(t->mem, 0x11, BUF_SIZE);
	memset(recv_mem, 0x22, sizeof(recv_mem));
}

/*
 * A child with copies of all file descriptors and of the memory. One that stays
 * keeps the contexts of its parent alive.
 */
static void fork_child(struct target *t, bool stays)
{
	struct cell *c = t->w.c;
	pid_t pid;

	c->child = -1;
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		c->child = getpid();
		scribble(t);
		while (stays)
			pause();
		_exit(0);
	}
	count(DID_FORK, 1);
	step(&t->w);
	if (stays) {
		while (c->child < 0)
			usleep(100);
		return;
	}
	while (waitpid(pid, NULL, 0) < 0)
		CHECK(errno == EINTR, "waitpid: %s", strerror(errno));
	c->child = 0;
}

static void serve(struct target *t)
{
	while (!t->w.c->stop[TARGET] && !worker_device_gone(&t->w))
		if (!receive(t))
			usleep(200);
}

/* The data, if only this process can see it. The writer has ended. */
static void look(struct target *t)
{
	struct cell *c = t->w.c;
	const uint8_t *p = t->mem;
	bool ok = true;
	int lock = -1;

	if (c->mem == MEM_SHARED ||
	    (c->mem == MEM_GPU_BAR && c->unbinds != shared->unbinds) ||
	    (on_gpu(c) && t->w.fd < 0 && !t->w.buf.handle))
		return;
	if (!p) {
		lock = map_lock(LOCK_SH);
		if (t->w.fd < 0)
			buffer_map(&t->w.buf);
		p = t->w.fd < 0 ? t->w.buf.map : fd_map(t->w.fd, BUF_SIZE);
	}
	ok = memory_verify(c, p);
	if (!t->mem) {
		munmap((void *)p, BUF_SIZE);
		t->w.buf.map = NULL;
		map_unlock(lock);
	}
	if (c->mem == MEM_GPU_BAR && c->unbinds != shared->unbinds)
		return;
	if (!ok)
		exit(EXIT_WRONG_DATA);
	count(on_gpu(c) ? DID_GPU_BYTES : DID_HOST_BYTES, BUF_SIZE);
}

static void end_all(struct target *t)
{
	struct worker *w = &t->w;
	bool mr_first = w->c->plan == PLAN_MR_FIRST;
	int err = 0;

	if (mr_first)
		err = ibv_dereg_mr(w->mr);
	step(w);
	err = err ?: ibv_destroy_qp(w->e.qp);
	step(w);
	while (!w->c->ended[WRITER])
		usleep(500);
	look(t);
	if (!mr_first)
		err = err ?: ibv_dereg_mr(w->mr);
	if (t->recv_mr)
		err = err ?: ibv_dereg_mr(t->recv_mr);
	errno = err;
	worker_need(w, !err, "ending");
	step(w);
	if (w->fd >= 0)
		count(DID_FD_AFTER, !close(w->fd));
	if (w->buf.handle)
		buffer_destroy(&w->buf);
	worker_close(w);
	exit(0);
}

void target_main(struct cell *c)
{
	static struct target t;
	struct worker *w = &t.w;

	w->c = c;
	w->role = TARGET;
	worker_open(w);
	if (on_gpu(c)) {
		get_gpu_buffer(&t);
		register_gpu(&t);
	} else {
		register_host(&t);
	}
	c->at[TARGET].rkey = w->mr->rkey;
	worker_create_qp(w, false);
	if (!worker_connect(w))
		end_all(&t);
	start_recv(&t);
	if (c->churn)
		churn_start(w);
	if (c->plan == PLAN_KILL_PARENT)
		fork_child(&t, true);
	else if (rng_below(&w->rng, 3) == 0)
		fork_child(&t, false);
	serve(&t);
	churn_stop();
	end_all(&t);
	exit(0);
}

/* Makes a buffer for the target, and waits for its own end. */
void owner_main(struct cell *c)
{
	static struct worker w;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w.c = c;
	w.role = OWNER;
	w.fd = -1;
	step(&w);
	worker_gpu_buffer(&w, BUF_SIZE, c->mem == MEM_GPU_BAR);
	fd_send(c->pass[0], w.fd);
	close(c->pass[0]);
	step(&w);
	while (!c->stop[OWNER])
		usleep(500);
	exit(0);
}
