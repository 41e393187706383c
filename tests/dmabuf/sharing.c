// SPDX-License-Identifier: GPL-2.0
/*
 * sharing DEVICE DEVICE EXPORTER[=ARG] lives|revoked [UNBIND ADDRESS]: one dma-buf in
 * the hands of several processes at once.
 *
 *	owner		makes it, passes its file descriptor to the workers over UNIX
 *			sockets, writes and reads it through its own mapping all the
 *			time, and moves it if it is of softgpu
 *	two workers	register it again and again, in pieces off every grid that
 *			overlap, with both devices, close the file descriptor,
 *			and do RDMA to it
 *
 * The buffer is a row of stripes that are no whole number of anything, each third one
 * of the owner's, of one worker's, of the other's: what one of them did to a byte
 * that is not its own is seen. Then the owner is killed, or its device unbound: the
 * buffer lives on by the workers' regions alone, or is gone for good.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/dma-buf.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "exporters.h"

#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)
#define WORKERS	2
#define STRIPE	1031ul
#define STRIPES	(XB_SIZE / STRIPE)
#define PIECES	13

static unsigned int rounds = 12;

/* A word, with a file descriptor or without (-1). */
static void tell(int sock, char word, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {};
	struct iovec iov = { .iov_base = &word, .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(int));
	}
	CHECK(sendmsg(sock, &msg, 0) == 1, "sendmsg: %m");
}

/* The file descriptor, if one came along. */
static int hear(int sock, char word)
{
	char control[CMSG_SPACE(sizeof(int))], got = 0;
	struct iovec iov = { .iov_base = &got, .iov_len = 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	int fd = -1;

	CHECK(recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) == 1 && got == word,
	      "a %c did not come", word);
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static uint32_t seed_of(size_t stripe, unsigned int round)
{
	return (uint32_t)(stripe * 100003 + round);
}

/*
 * The owner
 */

static void owner_write(struct exporter_buffer *b, unsigned int round)
{
	exporter_sync(b, DMA_BUF_SYNC_START);
	for (size_t s = 0; s < STRIPES; s += 3)
		fill(b->map + s * STRIPE, STRIPE, seed_of(s, round));
	exporter_sync(b, DMA_BUF_SYNC_END);
}

/* The stripes of @who, or the tail that is nobody's. */
static void owner_check(struct exporter_buffer *b, size_t who, unsigned int round)
{
	exporter_sync(b, DMA_BUF_SYNC_START);
	for (size_t s = who; s < STRIPES; s += 3)
		need_pattern(b->map + s * STRIPE, STRIPE, seed_of(s, round),
			     who ? "a stripe of a worker's" : "a stripe of the owner's");
	need_bytes(b->map + STRIPES * STRIPE, XB_SIZE - STRIPES * STRIPE, 0,
		   "behind the stripes");
	exporter_sync(b, DMA_BUF_SYNC_END);
}

static bool is_ready(int sock)
{
	char word;

	return recv(sock, &word, 1, MSG_PEEK | MSG_DONTWAIT) == 1;
}

static void owner(const char *name, const char *arg, const int *worker, int top)
{
	struct exporter_buffer b;
	const struct exporter *e = exporter_find(name);
	unsigned int round = 0;

	CHECK(e, "no exporter %s", name);
	exporter_make(e, &b, arg);
	for (size_t i = 0; i < XB_SIZE; i++)
		((volatile uint8_t *)b.map)[i] = 0;
	for (int w = 0; w < WORKERS; w++)
		tell(worker[w], 'b', b.fd);
	do {
		owner_write(&b, ++round);
		/* In between, so that it is never our mapping that is late. */
		exporter_move(&b, round % 2);
		owner_check(&b, 0, round);
	} while (!is_ready(worker[0]) || !is_ready(worker[1]));
	for (int w = 0; w < WORKERS; w++) {
		hear(worker[w], 'd');
		owner_check(&b, 1 + (size_t)w, rounds);
	}
	owner_check(&b, 0, round);
	tell(top, 'v', -1);
	for (;;)
		pause();
}

/*
 * A worker
 */

struct worker {
	struct pair p;
	size_t first;			/* stripe */
	struct ibv_mr *a[PIECES], *b[PIECES];
	size_t off[2][PIECES], len[2][PIECES];
	struct ibv_mr *amr, *bmr;
	uint8_t *amem, *bmem;
};

/* Pieces that overlap by more than a stripe, elsewhere at either end. */
static void cut(struct worker *w, int end, size_t shift)
{
	for (size_t i = 0; i < PIECES; i++) {
		size_t off = i ? i * XB_SIZE / PIECES - shift : 0;
		size_t stop = (i + 1) * XB_SIZE / PIECES + 2 * STRIPE + i;

		w->off[end][i] = off;
		w->len[end][i] = (stop > XB_SIZE ? XB_SIZE : stop) - off;
	}
}

static void register_pieces(struct worker *w, int fd)
{
	cut(w, 0, 1 + w->first);
	cut(w, 1, 777 * w->first);
	for (size_t i = 0; i < PIECES; i++) {
		w->a[i] = ibv_reg_dmabuf_mr(w->p.a.pd, w->off[0][i], w->len[0][i],
					    w->off[0][i], fd, RIGHTS);
		w->b[i] = ibv_reg_dmabuf_mr(w->p.b.pd, w->off[1][i], w->len[1][i],
					    w->off[1][i], fd, RIGHTS);
		CHECK(w->a[i] && w->b[i], "ibv_reg_dmabuf_mr: %m");
	}
}

static void deregister_pieces(struct worker *w)
{
	for (size_t i = 0; i < PIECES; i++)
		CHECK(!ibv_dereg_mr(w->a[i]) && !ibv_dereg_mr(w->b[i]),
		      "ibv_dereg_mr");
}

/* One of the regions that have the whole of a stripe, not always the same. */
static struct ibv_mr *region(const struct worker *w, int end, size_t s,
			     unsigned int round)
{
	size_t off = s * STRIPE;

	for (size_t n = 0; n < PIECES; n++) {
		size_t i = (n + round) % PIECES;

		if (w->off[end][i] <= off &&
		    off + STRIPE <= w->off[end][i] + w->len[end][i])
			return end ? w->b[i] : w->a[i];
	}
	FAIL("no region has stripe %zu", s);
}

static void rdma(struct worker *w, enum ibv_wr_opcode op, struct ibv_sge sge,
		 uint64_t remote, uint32_t rkey)
{
	need_send(&w->p.a, op, 1, sge, remote, rkey, IBV_SEND_SIGNALED);
	need_ok(w->p.a.scq);
}

/* By the far end, and by a copy out of the buffer at the near one. */
static void worker_check(struct worker *w, size_t s, unsigned int round)
{
	struct ibv_mr *a = region(w, 0, s, round), *b = region(w, 1, s, round);
	struct ibv_sge sge = {
		.addr = s * STRIPE, .length = STRIPE, .lkey = a->lkey,
	};

	memset(w->amem, 0, STRIPE);
	rdma(w, IBV_WR_RDMA_READ, sge_of(w->amr, 0, STRIPE), s * STRIPE, b->rkey);
	need_pattern(w->amem, STRIPE, seed_of(s, round), "a stripe that was read");
	memset(w->bmem, 0, STRIPE);
	rdma(w, IBV_WR_RDMA_WRITE, sge, (uintptr_t)w->bmem, w->bmr->rkey);
	need_pattern(w->bmem, STRIPE, seed_of(s, round), "a stripe that was sent");
}

/* Into the buffer at the far end; every second time at the near one. */
static void worker_write(struct worker *w, size_t s, unsigned int round)
{
	struct ibv_mr *a = region(w, 0, s, round), *b = region(w, 1, s, round);
	struct ibv_sge sge = {
		.addr = s * STRIPE, .length = STRIPE, .lkey = a->lkey,
	};

	if (round % 2) {
		fill(w->amem, STRIPE, seed_of(s, round));
		rdma(w, IBV_WR_RDMA_WRITE, sge_of(w->amr, 0, STRIPE), s * STRIPE,
		     b->rkey);
	} else {
		fill(w->bmem, STRIPE, seed_of(s, round));
		rdma(w, IBV_WR_RDMA_READ, sge, (uintptr_t)w->bmem, w->bmr->rkey);
	}
}

static void worker_round(struct worker *w, unsigned int round)
{
	for (size_t s = w->first; s < STRIPES; s += 3)
		worker_write(w, s, round);
	for (size_t s = w->first; s < STRIPES; s += 3)
		worker_check(w, s, round);
}

/* The owner is gone; the last that there is of the buffer is our regions. */
static void worker_after(struct worker *w, bool lives)
{
	if (lives) {
		for (size_t s = w->first; s < STRIPES; s += 3)
			worker_check(w, s, rounds);
		worker_round(w, rounds + 1);
		return;
	}
	need_send(&w->p.a, IBV_WR_RDMA_READ, 1, sge_of(w->amr, 0, 8), w->off[1][3],
		  w->b[3]->rkey, IBV_SEND_SIGNALED);
	need_status(w->p.a.scq, IBV_WC_REM_ACCESS_ERR);
	pair_disconnect(&w->p);
	pair_connect(&w->p);
	need_send(&w->p.a, IBV_WR_RDMA_WRITE, 1,
		  (struct ibv_sge) { w->off[0][4], 8, w->a[4]->lkey },
		  (uintptr_t)w->bmem, w->bmr->rkey, IBV_SEND_SIGNALED);
	need_status(w->p.a.scq, IBV_WC_LOC_PROT_ERR);
}

static void worker(const char *a, const char *b, int number, int own, int top,
		   bool lives)
{
	struct worker w = { .first = 1 + (size_t)number };
	int fd = hear(own, 'b');

	CHECK(fd >= 0, "no file descriptor came");
	pair_open(&w.p, a, b, NULL);
	w.amem = aligned_alloc(XB_PAGE, XB_PAGE);
	w.bmem = aligned_alloc(XB_PAGE, XB_PAGE);
	CHECK(w.amem && w.bmem, "no memory");
	w.amr = need_mr(&w.p.a, w.amem, XB_PAGE, RIGHTS);
	w.bmr = need_mr(&w.p.b, w.bmem, XB_PAGE, RIGHTS);
	pair_connect(&w.p);
	for (unsigned int round = 1; round <= rounds; round++) {
		if (round % 4 == 1) {
			if (round > 1)
				deregister_pieces(&w);
			register_pieces(&w, fd);
		}
		worker_round(&w, round);
	}
	close(fd);
	tell(own, 'd', -1);
	hear(top, 'g');
	worker_after(&w, lives);
	deregister_pieces(&w);
	CHECK(!ibv_dereg_mr(w.amr) && !ibv_dereg_mr(w.bmr), "ibv_dereg_mr");
	pair_disconnect(&w.p);
	pair_close(&w.p);
}

/*
 * All of them
 */

static void pair_of(int *sock)
{
	CHECK(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sock),
	      "socketpair: %m");
}

static pid_t need_fork(void)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0, "fork: %m");
	if (!pid)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return pid;
}

/* Whoever fails ends all. */
static void child_ended(int signal)
{
	siginfo_t info = {};

	(void)signal;
	if (!waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) && info.si_pid &&
	    info.si_code == CLD_EXITED && info.si_status)
		_exit(1);
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	CHECK(f && fputs(text, f) >= 0 && !fclose(f), "%s: %m", path);
}

/* The end of a pair of sockets that this process does not use is closed. */
static int keep(int *sock, int which)
{
	close(sock[!which]);
	return sock[which];
}

struct family {
	int own[WORKERS][2];		/* sockets: owner's end first */
	int top[WORKERS + 1][2];	/* ours first; the last is to the owner */
	pid_t pid[WORKERS + 1];
};

/* The buffer is made when all are there: nobody inherits it. */
static void start(struct family *f, char **argv, bool lives)
{
	char *arg = strchr(argv[3], '=');

	if (arg)
		*arg++ = 0;
	for (int i = 0; i <= WORKERS; i++) {
		pair_of(f->top[i]);
		if (i < WORKERS)
			pair_of(f->own[i]);
	}
	for (int i = 0; i < WORKERS; i++) {
		f->pid[i] = need_fork();
		if (f->pid[i])
			continue;
		worker(argv[1 + i], argv[2 - i], i, keep(f->own[i], 1),
		       keep(f->top[i], 1), lives);
		exit(0);
	}
	f->pid[WORKERS] = need_fork();
	if (!f->pid[WORKERS]) {
		int workers[] = { keep(f->own[0], 0), keep(f->own[1], 0) };

		owner(argv[3], arg, workers, keep(f->top[WORKERS], 1));
	}
	for (int i = 0; i <= WORKERS; i++) {
		close(f->top[i][1]);
		if (i < WORKERS) {
			close(f->own[i][0]);
			close(f->own[i][1]);
		}
	}
}

int main(int argc, char **argv)
{
	const struct sigaction ended = {
		.sa_handler = child_ended, .sa_flags = SA_RESTART,
	};
	struct family f;
	int status;

	if (argc != 5 && argc != 7) {
		fprintf(stderr, "usage: sharing DEVICE DEVICE EXPORTER[=ARG] lives|revoked [UNBIND ADDRESS]\n");
		return 2;
	}
	if (getenv("PRXE_LONG") && !strcmp(getenv("PRXE_LONG"), "1"))
		rounds = 200;
	CHECK(!sigaction(SIGCHLD, &ended, NULL), "sigaction: %m");
	start(&f, argv, !strcmp(argv[4], "lives"));

	hear(f.top[WORKERS][0], 'v');
	CHECK(!kill(f.pid[WORKERS], SIGKILL) &&
	      waitpid(f.pid[WORKERS], &status, 0) > 0, "the owner");
	if (argc == 7)
		write_file(argv[5], argv[6]);
	for (int i = 0; i < WORKERS; i++)
		tell(f.top[i][0], 'g', -1);
	for (int i = 0; i < WORKERS; i++)
		CHECK(waitpid(f.pid[i], &status, 0) > 0 && !status, "worker %d", i);
	printf("%s, %s: ok\n", argv[3], argv[4]);
	return 0;
}
