// SPDX-License-Identifier: GPL-2.0
/*
 * storm DEVICE DEVICE 4|6 PACKETS SEED: PACKETS packets that are wrong in some way
 * (storm_kinds.c), in an order that SEED decides, from a raw socket on host A to host
 * B. They are aimed at queue pairs of B that believe to be connected to A, and which
 * are set up anew again and again, since most of what is wrong ends a connection.
 *
 * Meanwhile a connection between A and B, of the same process, moves data and
 * verifies it. In the end
 *
 *	it was not disturbed;
 *	memory that no packet had a right to is as it was;
 *	every packet is in a counter, and those of which that can be told, in the one
 *	that it belongs to.
 */
#include "storm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "../verbs/pair.h"

#define TARGETS		8
#define BURST		64
#define LEN		4096u
#define AWAY		10000u
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static struct pair p;
static struct pair_opt opt;	/* of the targets */

static const enum ibv_qp_type types[TARGETS] = {
	IBV_QPT_RC, IBV_QPT_RC, IBV_QPT_RC, IBV_QPT_RC,
	IBV_QPT_UC, IBV_QPT_UC, IBV_QPT_UD, IBV_QPT_UD,
};

struct target {
	struct storm_target t;
	struct ibv_qp *qp;
};

static struct target targets[TARGETS];
static struct ibv_cq *cq;
static struct ibv_pd *foreign_pd;
static struct ibv_mr *open_mr, *readonly_mr, *foreign_mr;
static uint8_t memory[3][LEN] __attribute__((aligned(4096)));
static struct storm_aim aim;
static uint64_t sent[64];

/* What is read of either device. Behind FIRST_ANSWER, what such packets do to B. */
enum {
	RCVD, MALFORMED, ICRC, UNKNOWN, CONGESTION, MISMATCHED, SENT,
	FIRST_ANSWER, NR_COUNTERS = FIRST_ANSWER + 6,
};

static const char *const names[NR_COUNTERS] = {
	"rcvd_pkts", "malformed_pkts", "icrc_errors", "unknown_qp_pkts",
	"rcvd_cnp_pkts", "mismatched_pkts", "sent_pkts",
	"duplicate_request", "out_of_seq_request", "out_of_seq_pkts", "send_nak_seq",
	"send_nak_inv_req", "send_nak_access",
};

static void read_counters(const struct end *e, uint64_t *v)
{
	char path[256];
	int i, n;

	usleep(20000);
	for (i = 0; i < NR_COUNTERS; i++) {
		unsigned long value;
		FILE *f;

		snprintf(path, sizeof(path),
			 "/sys/class/infiniband/%s/ports/1/hw_counters/%s",
			 ibv_get_device_name(e->ctx->device), names[i]);
		f = fopen(path, "re");
		CHECK(f, "open");
		n = fscanf(f, "%lu", &value);
		CHECK(n == 1, "no number");
		fclose(f);
		v[i] = value;
	}
}

/* Packets that the kernel dropped before anybody could see them. */
static uint64_t backlog_drops(void)
{
	unsigned int processed, dropped;
	uint64_t sum = 0;
	char line[256];
	FILE *f = fopen("/proc/net/softnet_stat", "re");

	CHECK(f, "softnet_stat");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%x %x", &processed, &dropped) == 2)
			sum += dropped;
	fclose(f);
	return sum;
}

/* The connection that must not notice. */
static atomic_bool stop;
static uint64_t rounds;

static void *move_data(void *arg)
{
	static uint8_t src[AWAY], dst[AWAY];
	struct ibv_mr *smr = need_mr(&p.a, src, AWAY, IBV_ACCESS_LOCAL_WRITE);
	struct ibv_mr *dmr = need_mr(&p.b, dst, AWAY, IBV_ACCESS_LOCAL_WRITE |
				     IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ);
	uint32_t seed;

	(void)arg;
	for (seed = 1; !stop; seed++, rounds++) {
		size_t len = 1 + seed * 37 % AWAY;

		fill(src, len, seed);
		memset(dst, 0, len);
		need_recv(&p.b, seed, sge_of(dmr, 0, len));
		need_send(&p.a, seed & 1 ? IBV_WR_SEND : IBV_WR_RDMA_WRITE_WITH_IMM, seed,
			  sge_of(smr, 0, len), (uintptr_t)dst, dmr->rkey,
			  IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
		need_pattern(dst, len, seed, "the connection beside the storm");
		memset(src, 0, len);
		need_send(&p.a, IBV_WR_RDMA_READ, seed, sge_of(smr, 0, len),
			  (uintptr_t)dst, dmr->rkey, IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		need_pattern(src, len, seed, "read beside the storm");
		usleep(1000);
	}
	ibv_dereg_mr(smr);
	ibv_dereg_mr(dmr);
	return NULL;
}

static void create_target(unsigned int i)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 8, .max_recv_wr = 64, .max_send_sge = 1,
			 .max_recv_sge = 1 },
		.qp_type = types[i], .send_cq = cq, .recv_cq = cq,
	};
	struct target *t = &targets[i];

	t->qp = ibv_create_qp(p.b.pd, &init);
	CHECK(t->qp, "ibv_create_qp: %m");
	t->t.qpn = t->qp->qp_num;
	t->t.transport = types[i] == IBV_QPT_RC ? 0 : types[i] == IBV_QPT_UC ? 1 : 3;
	t->t.qkey = 0x11000000 + i;
}

static int datagrams_to_rts(struct target *t)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = t->t.qkey,
	};

	if (ibv_modify_qp(t->qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT |
			  IBV_QP_QKEY))
		return errno;
	attr.qp_state = IBV_QPS_RTR;
	if (ibv_modify_qp(t->qp, &attr, IBV_QP_STATE))
		return errno;
	attr.qp_state = IBV_QPS_RTS;
	return ibv_modify_qp(t->qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
}

/* Connected to a queue pair of A that is not there. */
static int connect_target(struct target *t)
{
	struct ibv_qp nobody = { .qp_num = 0xabc000 };
	struct end e = p.b, peer = p.a;

	e.qp = t->qp;
	peer.qp = &nobody;
	opt.psn = storm_random() & 0xffffff;
	t->t.psn = opt.psn;
	t->t.sq_psn = opt.psn;
	return end_to_init(&e, &opt) ?: end_to_rtr(&e, &peer, &opt) ?:
		end_to_rts(&e, &opt);
}

/* Something to receive into, and requests that wait for an answer. */
static void give_work(struct target *t)
{
	struct ibv_sge sge = { (uintptr_t)memory[0], LEN, open_mr->lkey };
	struct ibv_recv_wr recv = { .sg_list = &sge, .num_sge = 1 }, *bad_recv;
	struct ibv_send_wr send = {
		.sg_list = &sge, .num_sge = 1, .opcode = IBV_WR_RDMA_READ,
		.wr.rdma = { 0x1000, 1 },
	}, *bad_send;
	int i;

	sge.length = 64 + storm_below(LEN - 64);
	for (i = 0; i < 4; i++)
		CHECK(!ibv_post_recv(t->qp, &recv, &bad_recv), "post_recv");
	if (t->t.transport)
		return;
	sge.length = 300;
	CHECK(!ibv_post_send(t->qp, &send, &bad_send), "post_send");
	send.opcode = IBV_WR_RDMA_WRITE;
	CHECK(!ibv_post_send(t->qp, &send, &bad_send), "post_send");
}

static void set_up_again(void)
{
	struct ibv_qp_attr attr = { .qp_state = IBV_QPS_RESET };
	struct ibv_async_event ev;
	struct ibv_wc wc[32];
	unsigned int i;
	int err;

	for (i = 0; i < TARGETS; i++) {
		struct target *t = &targets[i];

		CHECK(!ibv_modify_qp(t->qp, &attr, IBV_QP_STATE), "RESET");
		err = types[i] == IBV_QPT_UD ? datagrams_to_rts(t) : connect_target(t);
		CHECK(!err, "set up: %s", strerror(err));
		give_work(t);
	}
	while (ibv_poll_cq(cq, 32, wc) > 0)
		;
	while (!ibv_get_async_event(p.b.ctx, &ev)) {
		CHECK(ev.event_type != IBV_EVENT_CQ_ERR, "overflow");
		ibv_ack_async_event(&ev);
	}
}

static void make_packet(const struct storm_wire *w, struct storm_packet *packet)
{
	unsigned int n = storm_below(storm_nr_kinds);
	const struct storm_kind *kind = &storm_kinds[n];
	uint32_t psn;

	aim.at = &targets[storm_below(TARGETS)].t;
	psn = aim.at->psn;
	kind->make(packet, &aim);
	storm_icrc(w, packet);
	if (kind->spoil)
		kind->spoil(packet);
	if (!kind->moves)
		aim.at->psn = psn;
	sent[n]++;
}

static void storm(const struct storm_wire *w, uint64_t packets)
{
	static struct storm_packet burst[BURST];
	uint64_t done = 0;
	unsigned int i, n;

	while (done < packets) {
		set_up_again();
		n = packets - done < BURST ? packets - done : BURST;
		for (i = 0; i < n; i++)
			make_packet(w, &burst[i]);
		storm_send(w, burst, n);
		done += n;
	}
}

static uint64_t sent_of(enum storm_fate fate)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < storm_nr_kinds; i++)
		if (storm_kinds[i].fate == fate)
			sum += sent[i];
	return sum;
}

/* @a, @b: what the devices have counted during the storm */
static void judge(const uint64_t *a, const uint64_t *b, uint64_t packets, uint64_t drops)
{
	uint64_t told = b[RCVD] + b[MALFORMED] + b[ICRC] + b[UNKNOWN] + b[CONGESTION];
	uint64_t all = packets + a[SENT] - drops;
	unsigned int i;

	for (i = 0; i < storm_nr_kinds; i++)
		printf("%9lu %s\n", (unsigned long)sent[i], storm_kinds[i].name);
	printf("B: %lu received, %lu malformed, %lu ICRC, %lu for nobody, %lu of congestion, "
	       "%lu mismatched; %lu dropped on the way; %lu rounds beside it\n",
	       (unsigned long)b[RCVD], (unsigned long)b[MALFORMED],
	       (unsigned long)b[ICRC], (unsigned long)b[UNKNOWN],
	       (unsigned long)b[CONGESTION], (unsigned long)b[MISMATCHED],
	       (unsigned long)drops, (unsigned long)rounds);
	/* one that gets to a queue pair may be mismatched there */
	CHECK(told <= all && all <= told + b[MISMATCHED], "%lu packets, %lu to %lu counted",
	      (unsigned long)all, (unsigned long)told,
	      (unsigned long)(told + b[MISMATCHED]));
	CHECK(b[ICRC] <= sent_of(STORM_ICRC) && b[ICRC] + drops >= sent_of(STORM_ICRC),
	      "%lu with a wrong ICRC", (unsigned long)sent_of(STORM_ICRC));
	CHECK(b[MALFORMED] + drops >= sent_of(STORM_MALFORMED), "%lu malformed",
	      (unsigned long)sent_of(STORM_MALFORMED));
	CHECK(b[UNKNOWN] + drops >= sent_of(STORM_UNKNOWN), "%lu for nobody",
	      (unsigned long)sent_of(STORM_UNKNOWN));
	CHECK(b[CONGESTION] + drops >= sent_of(STORM_CONGESTION), "%lu of congestion",
	      (unsigned long)sent_of(STORM_CONGESTION));
	for (i = FIRST_ANSWER; i < NR_COUNTERS; i++) {
		printf("%9lu %s\n", (unsigned long)b[i], names[i]);
		CHECK(b[i], "no %s", names[i]);
	}
	need_pattern(memory[1], LEN, 1, "memory that may only be read");
	need_pattern(memory[2], LEN, 2, "memory of another protection domain");
}

static struct storm_memory memory_of(const struct ibv_mr *mr)
{
	return (struct storm_memory) { (uintptr_t)mr->addr, mr->rkey };
}

static void prepare(void)
{
	const int all = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC |
		IBV_ACCESS_FLUSH_GLOBAL;
	struct end other = p.b;
	unsigned int i;

	foreign_pd = ibv_alloc_pd(p.b.ctx);
	cq = ibv_create_cq(p.b.ctx, 65536, NULL, NULL, 0);
	CHECK(foreign_pd && cq, "objects");
	other.pd = foreign_pd;
	for (i = 0; i < 3; i++)
		fill(memory[i], LEN, i);
	open_mr = need_mr(&p.b, memory[0], LEN, all);
	readonly_mr = need_mr(&p.b, memory[1], LEN, IBV_ACCESS_REMOTE_READ);
	foreign_mr = need_mr(&other, memory[2], LEN, all);
	aim = (struct storm_aim) {
		.open = memory_of(open_mr), .readonly = memory_of(readonly_mr),
		.foreign = memory_of(foreign_mr), .len = LEN,
	};
	for (i = 0; i < TARGETS; i++)
		create_target(i);
	CHECK(!fcntl(p.b.ctx->async_fd, F_SETFL, O_NONBLOCK), "fcntl");
}

static void clear_away(void)
{
	unsigned int i;

	for (i = 0; i < TARGETS; i++)
		CHECK(!ibv_destroy_qp(targets[i].qp), "destroy_qp");
	CHECK(!ibv_dereg_mr(open_mr) && !ibv_dereg_mr(readonly_mr) &&
	      !ibv_dereg_mr(foreign_mr) && !ibv_dealloc_pd(foreign_pd) &&
	      !ibv_destroy_cq(cq), "clear away");
}

int main(int argc, char **argv)
{
	uint64_t a[2][NR_COUNTERS], b[2][NR_COUNTERS], packets, drops;
	struct storm_wire wire = {};
	pthread_t thread;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 6) {
		fprintf(stderr, "usage: %s DEVICE DEVICE 4|6 PACKETS SEED\n", argv[0]);
		return 2;
	}
	packets = strtoull(argv[4], NULL, 10);
	storm_seed(strtoull(argv[5], NULL, 10));
	printf("%lu packets over IPv%s, seed %s\n", (unsigned long)packets, argv[3],
	       argv[5]);
	opt = pair_defaults;
	opt.family = atoi(argv[3]);
	opt.timeout = 20;
	opt.mtu = IBV_MTU_256;
	pair_open(&p, argv[1], argv[2], &opt);
	pair_connect(&p);
	opt.access |= IBV_ACCESS_FLUSH_GLOBAL;
	prepare();
	storm_open(&wire, opt.family == 6, "A", "ethA", "B", "ethB");

	read_counters(&p.a, a[0]);
	read_counters(&p.b, b[0]);
	drops = backlog_drops();
	CHECK(!pthread_create(&thread, NULL, move_data, NULL), "pthread_create");
	storm(&wire, packets);
	stop = true;
	pthread_join(thread, NULL);
	clear_away();
	read_counters(&p.a, a[1]);
	read_counters(&p.b, b[1]);
	for (i = 0; i < NR_COUNTERS; i++) {
		a[1][i] -= a[0][i];
		b[1][i] -= b[0][i];
	}
	judge(a[1], b[1], packets, backlog_drops() - drops);
	CHECK(rounds, "no data were moved");
	pair_disconnect(&p);
	pair_close(&p);
	return 0;
}
