// SPDX-License-Identifier: GPL-2.0
/*
 * What the processes of a cell have in common. They are forked from the conductor
 * and end by exit(); what they hold then is the kernel's to clear away.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "torture.h"

/* The next of the points at which a worker may be killed, or kills itself. */
void step(struct worker *w)
{
	unsigned int n = ++w->c->step[w->role];

	if (n != w->c->die_at[w->role])
		return;
	w->c->doomed[w->role] = true;
	kill(getpid(), SIGKILL);
}

bool disturbed(const struct cell *c)
{
	return c->disturb != shared->disturb;
}

void worker_need(struct worker *w, bool ok, const char *what)
{
	if (ok)
		return;
	if (disturbed(w->c))
		exit(0);
	FAIL("%s: %s", what, strerror(errno));
}

void worker_open(struct worker *w)
{
	char name[16];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->fd = -1;
	w->rng.state = w->c->seed + w->role;
	w->opt = pair_defaults;
	w->opt.mtu = w->c->mtu;
	w->opt.psn = (uint32_t)w->c->seed;	/* both use one */
	/* Whose peer is dead waits for the product; patience where all is slow. */
	w->opt.timeout = (uint8_t)(shared->slow ? 16 : 11 + rng_below(&w->rng, 3));
	w->opt.retry_cnt = (uint8_t)(shared->slow ? 7 : 1 + rng_below(&w->rng, 4));
	snprintf(name, sizeof(name), "prxe%c", 'A' + w->c->host[w->role]);
	w->e.ctx = need_device(name);
	step(w);
	worker_need(w, !fcntl(w->e.ctx->async_fd, F_SETFL, O_NONBLOCK), "fcntl");
	w->e.pd = ibv_alloc_pd(w->e.ctx);
	worker_need(w, w->e.pd, "ibv_alloc_pd");
	w->e.gid_index = need_gid_index(w->e.ctx, 4, &w->e.gid);
	step(w);
}

void worker_create_qp(struct worker *w, bool channel)
{
	struct ibv_qp_init_attr init = {
		.cap = {
			.max_send_wr = w->opt.max_wr,
			.max_recv_wr = w->opt.max_wr,
			.max_send_sge = 1,
			.max_recv_sge = 1,
		},
		.qp_type = IBV_QPT_RC,
	};
	int depth = 2 * (int)w->opt.max_wr;

	if (channel) {
		w->e.channel = ibv_create_comp_channel(w->e.ctx);
		worker_need(w, w->e.channel, "ibv_create_comp_channel");
		worker_need(w, !fcntl(w->e.channel->fd, F_SETFL, O_NONBLOCK), "fcntl");
	}
	w->e.scq = ibv_create_cq(w->e.ctx, depth, NULL, w->e.channel, 0);
	worker_need(w, w->e.scq, "ibv_create_cq");
	w->e.rcq = ibv_create_cq(w->e.ctx, depth, NULL, NULL, 0);
	worker_need(w, w->e.rcq, "ibv_create_cq");
	step(w);
	init.send_cq = w->e.scq;
	init.recv_cq = w->e.rcq;
	w->e.qp = ibv_create_qp(w->e.pd, &init);
	worker_need(w, w->e.qp, "ibv_create_qp");
	step(w);
}

void worker_gpu_buffer(struct worker *w, size_t size, bool bar)
{
	device_open(&w->gpu, bar ? "bar" : "ram");
	buffer_create(&w->gpu, &w->buf, size);
	step(w);
	w->fd = buffer_export(&w->buf);
	step(w);
}

/* Both write what the other needs, then connect; the target first. */
bool worker_connect(struct worker *w)
{
	struct address *mine = &w->c->at[w->role];
	struct address *other = &w->c->at[!w->role];
	struct end peer = {};
	struct ibv_qp qp = {};
	int err;

	mine->qpn = w->e.qp->qp_num;
	mine->gid = w->e.gid;
	mine->ready = 1;
	while (other->ready < (w->role == WRITER ? 2 : 1)) {
		if (w->c->stop[w->role] || w->c->ended[!w->role] ||
		    worker_device_gone(w))
			return false;
		usleep(500);
	}
	qp.qp_num = other->qpn;
	peer.qp = &qp;
	peer.gid = other->gid;
	err = end_to_init(&w->e, &w->opt);
	step(w);
	if (!err)
		err = end_to_rtr(&w->e, &peer, &w->opt);
	step(w);
	if (!err)
		err = end_to_rts(&w->e, &w->opt);
	errno = err;
	worker_need(w, !err, "ibv_modify_qp");
	step(w);
	mine->ready = 2;
	return true;
}

bool worker_device_gone(struct worker *w)
{
	struct ibv_async_event ev;

	while (!ibv_get_async_event(w->e.ctx, &ev)) {
		ibv_ack_async_event(&ev);
		if (ev.event_type != IBV_EVENT_DEVICE_FATAL)
			continue;
		count(DID_GONE, 1);
		return true;
	}
	return false;
}

/* All but the QP and the regions, which have their turns before. */
void worker_close(struct worker *w)
{
	int err;

	err = ibv_destroy_cq(w->e.scq) ?: ibv_destroy_cq(w->e.rcq);
	errno = err;
	worker_need(w, !err, "ibv_destroy_cq");
	if (w->e.channel)
		ibv_destroy_comp_channel(w->e.channel);
	err = ibv_dealloc_pd(w->e.pd);
	errno = err;
	worker_need(w, !err, "ibv_dealloc_pd");
	err = ibv_close_device(w->e.ctx);
	errno = err;
	worker_need(w, !err, "ibv_close_device");
}

/* Released with the process, however it ends. */
int map_lock(int how)
{
	int fd;

	if (!shared->serial)
		return -1;
	fd = open(shared->lock, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0, "%s: %s", shared->lock, strerror(errno));
	while (flock(fd, how))
		CHECK(errno == EINTR, "flock: %s", strerror(errno));
	return fd;
}

void map_unlock(int fd)
{
	if (fd >= 0)
		close(fd);
}

/* One file descriptor over a UNIX socket. Nobody may be there to get it. */
void fd_send(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	sendmsg(sock, &msg, MSG_NOSIGNAL);
}

/* Returns -1 when none comes. */
int fd_receive(int sock, int flags)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;
	int fd;

	if (recvmsg(sock, &msg, flags | MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	cmsg = CMSG_FIRSTHDR(&msg);
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS)
		return -1;
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(fd));
	return fd;
}
