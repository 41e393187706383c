// SPDX-License-Identifier: GPL-2.0
/*
 * gpu_ring ram|bar SECONDS [ADDRESS]: what an application of GPUDirect RDMA does.
 * Two of these, the one with ADDRESS the client of the other, exchange rings of GPU
 * buffers for as long as asked, both directions at once: each message is made in a buffer
 * of the own GPU, written into one of the peer's by RDMA write with immediate, and
 * verified there, byte by byte, at sizes and offsets off every grid; the peer gives
 * the buffer back by an empty send. Neither side takes notice of where its buffers are.
 */
#include <arpa/inet.h>
#include <rdma/rdma_cma.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../verbs/pair.h"

/* Both helpers have a fill(); see CMakeLists.txt. */
#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill

#define PORT	"7471"
#define SLOTS	8
#define SIZE	(1 << 20)
#define BYE	UINT32_MAX
#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE)

/* A buffer of the GPU, and its region. */
struct slot {
	struct buffer buf;
	struct ibv_mr *mr;
};

/* What the sides tell each other first. */
struct table {
	uint32_t rkey[SLOTS];
};

struct app {
	struct device gpu;
	struct rdma_cm_id *listener, *id;
	struct ibv_comp_channel *channel;
	struct ibv_cq *cq;
	struct slot in[SLOTS], out[SLOTS];
	struct table *mine, *peers;
	struct ibv_mr *tables;		/* both of them */
	uint32_t side;			/* of the patterns: 0 the server, 1 the client */
	uint32_t sent, credited, received;
	unsigned int posted;		/* work requests not complete */
	uint64_t bytes;			/* verified */
	bool know_peer, said_bye, heard_bye;
	time_t end;
};

static uint32_t mix(uint32_t x)
{
	x = (x ^ (x >> 16)) * 0x7feb352du;
	x = (x ^ (x >> 15)) * 0x846ca68bu;
	return x ^ (x >> 16);
}

/* Most are short, one in four has any length. */
static size_t length_of(uint32_t n)
{
	return 1 + mix(n) % (n % 4 ? 20000 : SIZE);
}

static size_t offset_of(uint32_t n)
{
	return mix(n ^ 0x5a5a5a5a) % (SIZE - length_of(n) + 1);
}

static uint32_t seed_of(uint32_t n, uint32_t side)
{
	return mix(2 * n + side);
}

static void slots_make(struct app *app, struct slot *slots)
{
	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		int fd;

		buffer_create(&app->gpu, &s->buf, SIZE);
		buffer_map(&s->buf);
		fd = buffer_export(&s->buf);
		s->mr = ibv_reg_dmabuf_mr(app->id->pd, 0, SIZE, 0, fd, RIGHTS);
		CHECK(s->mr, "ibv_reg_dmabuf_mr: %m");
		close(fd);
	}
}

static void slots_drop(struct slot *slots)
{
	for (struct slot *s = slots; s < slots + SLOTS; s++) {
		CHECK(!ibv_dereg_mr(s->mr), "ibv_dereg_mr: %m");
		buffer_destroy(&s->buf);
	}
}

static void receive(struct app *app, struct ibv_sge *sge)
{
	struct ibv_recv_wr *bad, wr = { .sg_list = sge, .num_sge = !!sge };

	CHECK(!ibv_post_recv(app->id->qp, &wr, &bad), "ibv_post_recv");
}

static void post(struct app *app, struct ibv_send_wr *wr)
{
	struct ibv_send_wr *bad;

	wr->send_flags = IBV_SEND_SIGNALED;
	CHECK(!ibv_post_send(app->id->qp, wr, &bad), "ibv_post_send");
	app->posted++;
}

/* An empty message: a buffer is free again, or that was all. */
static void tell(struct app *app, uint32_t what)
{
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND_WITH_IMM, .imm_data = htonl(what),
	};

	post(app, &wr);
}

static void produce(struct app *app)
{
	uint32_t n = app->sent++;
	size_t len = length_of(n), off = offset_of(n);
	struct slot *s = &app->out[n % SLOTS];
	struct ibv_sge sge = { .addr = off, .length = len, .lkey = s->mr->lkey };
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_RDMA_WRITE_WITH_IMM, .imm_data = htonl(n),
		.sg_list = &sge, .num_sge = 1,
		.wr.rdma = { .remote_addr = off, .rkey = app->peers->rkey[n % SLOTS] },
	};

	fill(s->buf.map + off, len, seed_of(n, app->side));
	post(app, &wr);
}

static void consume(struct app *app, uint32_t n)
{
	struct slot *s = &app->in[n % SLOTS];

	CHECK(n == app->received, "message %u, not %u", n, app->received);
	need_pattern(s->buf.map + offset_of(n), length_of(n),
		     seed_of(n, !app->side), "message");
	app->received++;
	app->bytes += length_of(n);
	tell(app, n);
}

static void complete(struct app *app, const struct ibv_wc *wc)
{
	uint32_t imm = ntohl(wc->imm_data);

	CHECK(wc->status == IBV_WC_SUCCESS, "%s", ibv_wc_status_str(wc->status));
	if (!(wc->opcode & IBV_WC_RECV)) {
		app->posted--;
		return;
	}
	if (!app->know_peer) {
		CHECK(wc->byte_len == sizeof(*app->peers), "%u bytes", wc->byte_len);
		app->know_peer = true;
		return;
	}
	receive(app, NULL);
	if (wc->opcode == IBV_WC_RECV_RDMA_WITH_IMM) {
		CHECK(wc->byte_len == length_of(imm), "%u bytes", wc->byte_len);
		consume(app, imm);
	} else if (imm == BYE) {
		app->heard_bye = true;
	} else {
		CHECK(imm == app->credited, "credit %u, not %u", imm, app->credited);
		app->credited++;
	}
}

/* All completions there are; waits for one when there is nothing else to do. */
static void progress(struct app *app, bool wait)
{
	struct ibv_cq *cq;
	struct ibv_wc wc;
	void *context;
	bool any = false;

	for (;;) {
		while (ibv_poll_cq(app->cq, 1, &wc) > 0) {
			complete(app, &wc);
			any = true;
		}
		if (any || !wait)
			return;
		CHECK(!ibv_req_notify_cq(app->cq, 0), "ibv_req_notify_cq");
		if (ibv_poll_cq(app->cq, 1, &wc) > 0) {
			complete(app, &wc);
			any = true;
			continue;
		}
		CHECK(!ibv_get_cq_event(app->channel, &cq, &context), "cq event: %m");
		ibv_ack_cq_events(cq, 1);
	}
}

/* Tables first: each side needs the keys of the other. */
static void introduce(struct app *app)
{
	struct ibv_sge sge = {
		.addr = (uintptr_t)app->mine, .length = sizeof(*app->mine),
		.lkey = app->tables->lkey,
	};
	struct ibv_send_wr wr = {
		.opcode = IBV_WR_SEND, .sg_list = &sge, .num_sge = 1,
	};

	for (int i = 0; i < SLOTS; i++)
		app->mine->rkey[i] = app->in[i].mr->rkey;
	post(app, &wr);
	while (!app->know_peer)
		progress(app, true);
}

static void exchange(struct app *app)
{
	while (!app->said_bye || !app->heard_bye || app->posted) {
		bool over = time(NULL) >= app->end;

		if (!over && app->sent - app->credited < SLOTS) {
			produce(app);
		} else if (over && !app->said_bye && app->sent == app->credited) {
			tell(app, BYE);
			app->said_bye = true;
		} else {
			progress(app, true);
			continue;
		}
		progress(app, false);
	}
}

/* Everything that the connection needs, once there is an id with a device. */
static void prepare(struct app *app)
{
	struct ibv_qp_init_attr attr = {
		.qp_type = IBV_QPT_RC,
		.cap = {
			.max_send_wr = 3 * SLOTS, .max_recv_wr = 3 * SLOTS,
			.max_send_sge = 1, .max_recv_sge = 1,
		},
	};
	struct ibv_sge sge;

	app->channel = ibv_create_comp_channel(app->id->verbs);
	CHECK(app->channel, "ibv_create_comp_channel: %m");
	app->cq = ibv_create_cq(app->id->verbs, 6 * SLOTS, NULL, app->channel, 0);
	CHECK(app->cq, "ibv_create_cq: %m");
	attr.send_cq = app->cq;
	attr.recv_cq = app->cq;
	CHECK(!rdma_create_qp(app->id, NULL, &attr), "rdma_create_qp: %m");

	app->mine = calloc(2, sizeof(*app->mine));
	CHECK(app->mine, "no memory");
	app->peers = app->mine + 1;
	app->tables = ibv_reg_mr(app->id->pd, app->mine, 2 * sizeof(*app->mine),
				 IBV_ACCESS_LOCAL_WRITE);
	CHECK(app->tables, "ibv_reg_mr: %m");
	slots_make(app, app->in);
	slots_make(app, app->out);

	sge = (struct ibv_sge) {
		.addr = (uintptr_t)app->peers, .length = sizeof(*app->peers),
		.lkey = app->tables->lkey,
	};
	receive(app, &sge);
	for (int i = 0; i < 2 * SLOTS + 1; i++)
		receive(app, NULL);
}

static void connect_to(struct app *app, const char *address)
{
	struct rdma_addrinfo *info, hints = {
		.ai_port_space = RDMA_PS_TCP,
		.ai_flags = address ? 0 : RAI_PASSIVE,
	};
	struct rdma_conn_param param = { .retry_count = 7, .rnr_retry_count = 7 };

	CHECK(!rdma_getaddrinfo(address, PORT, &hints, &info), "rdma_getaddrinfo: %m");
	if (address) {
		CHECK(!rdma_create_ep(&app->id, info, NULL, NULL), "rdma_create_ep: %m");
		prepare(app);
		CHECK(!rdma_connect(app->id, &param), "rdma_connect: %m");
	} else {
		CHECK(!rdma_create_ep(&app->listener, info, NULL, NULL),
		      "rdma_create_ep: %m");
		CHECK(!rdma_listen(app->listener, 1), "rdma_listen: %m");
		CHECK(!rdma_get_request(app->listener, &app->id), "rdma_get_request: %m");
		prepare(app);
		CHECK(!rdma_accept(app->id, &param), "rdma_accept: %m");
	}
	rdma_freeaddrinfo(info);
}

static void leave(struct app *app)
{
	rdma_disconnect(app->id);
	rdma_destroy_qp(app->id);
	slots_drop(app->in);
	slots_drop(app->out);
	CHECK(!ibv_dereg_mr(app->tables), "ibv_dereg_mr: %m");
	CHECK(!ibv_destroy_cq(app->cq), "ibv_destroy_cq: %m");
	CHECK(!ibv_destroy_comp_channel(app->channel), "ibv_destroy_comp_channel: %m");
	rdma_destroy_ep(app->id);
	if (app->listener)
		rdma_destroy_ep(app->listener);
	free(app->mine);
}

int main(int argc, char **argv)
{
	struct app app = {};

	if (argc != 3 && argc != 4) {
		fprintf(stderr, "usage: gpu_ring ram|bar SECONDS [ADDRESS]\n");
		return 2;
	}
	device_open(&app.gpu, argv[1]);
	app.side = argc == 4;
	connect_to(&app, argv[3]);
	introduce(&app);
	app.end = time(NULL) + atoi(argv[2]);
	exchange(&app);
	printf("%u messages out, %u in, %.1f MiB verified\n", app.sent, app.received,
	       app.bytes / 1048576.0);
	CHECK(app.sent > SLOTS && app.received > SLOTS, "too few to tell anything");
	leave(&app);
	return 0;
}
