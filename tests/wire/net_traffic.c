// SPDX-License-Identifier: GPL-2.0
/*
 * net_traffic [OPTION...] DEVICE ADDRESS DEVICE ADDRESS: traffic between two addresses
 * of two devices, in rounds, all bytes verified, while somebody does things to the
 * network. ADDRESS is an IP address that is a GID of the device; ADDRESS%N that of the
 * network device with index N, where several have the same.
 *
 *	-q rc|uc|ud	transport; of the unreliable ones nothing may be lost
 *	-n ROUNDS	how many; else until FILE exists
 *	-s FILE		with -n too, what comes first
 *	-1		from the first to the second only, nothing in between
 *	-m BYTES	path MTU
 *	-t CODE		local ACK timeout
 *	-l LABEL -c CLASS -h HOPS	of the address vectors
 *	-e STATUS	the traffic ends by a completion with this status (a number)
 *
 * Each round prints a line, and so does each asynchronous event, with the end that it
 * came to.
 */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define BUF	(1u << 20)
#define SLOT	(BUF / 4)
#define GRH	40
#define QKEY	0x22222222

struct side {
	struct end e;
	uint8_t *buf;		/* half source, half target */
	struct ibv_mr *mr;
	struct ibv_ah *ah;	/* datagrams: to the other side */
};

static struct {
	struct pair_opt opt;
	struct ibv_global_route grh;
	unsigned long rounds;
	const char *stop;
	int expect;
	bool ud;
	bool one_way;
} cfg;

static struct side a, b;
static uint32_t seed;

static uint32_t any(uint32_t below)
{
	static uint64_t state = 88172645463325252ull;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 20) % below;
}

static union ibv_gid gid_of(const char *text, unsigned int *netdev)
{
	union ibv_gid gid = { .raw = { [10] = 0xff, [11] = 0xff } };
	char addr[INET6_ADDRSTRLEN];
	const char *percent = strchr(text, '%');

	*netdev = percent ? (unsigned int)atoi(percent + 1) : 0;
	snprintf(addr, sizeof(addr), "%.*s",
		 (int)(percent ? percent - text : (long)strlen(text)), text);
	CHECK(inet_pton(AF_INET, addr, gid.raw + 12) == 1 ||
	      inet_pton(AF_INET6, addr, gid.raw) == 1, "no address: %s", text);
	return gid;
}

static void find_gid(struct end *e, const char *text)
{
	struct ibv_gid_entry entries[256];
	unsigned int netdev;
	ssize_t i, n;

	e->gid = gid_of(text, &netdev);
	n = ibv_query_gid_table(e->ctx, entries, 256, 0);
	CHECK(n >= 0, "ibv_query_gid_table: %s", strerror((int)-n));
	for (i = 0; i < n; i++) {
		if (entries[i].gid_type != IBV_GID_TYPE_ROCE_V2 ||
		    memcmp(&entries[i].gid, &e->gid, sizeof(e->gid)) ||
		    (netdev && entries[i].ndev_ifindex != netdev))
			continue;
		e->gid_index = (int)entries[i].gid_index;
		return;
	}
	FAIL("%s is no GID of the device", text);
}

static void side_open(struct side *s, const char *device, const char *addr)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = 64, .max_recv_wr = 64,
			 .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = cfg.opt.type,
	};
	struct end *e = &s->e;

	e->ctx = need_device(device);
	find_gid(e, addr);
	e->pd = ibv_alloc_pd(e->ctx);
	e->scq = ibv_create_cq(e->ctx, 128, NULL, NULL, 0);
	e->rcq = ibv_create_cq(e->ctx, 128, NULL, NULL, 0);
	CHECK(e->pd && e->scq && e->rcq, "objects: %s", strerror(errno));
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	e->qp = ibv_create_qp(e->pd, &init);
	CHECK(e->qp, "ibv_create_qp: %s", strerror(errno));
	s->buf = aligned_alloc(4096, 2 * BUF);
	CHECK(s->buf, "no memory");
	memset(s->buf, 0, 2 * BUF);
	s->mr = need_mr(e, s->buf, 2 * BUF, cfg.opt.access);
}

static struct ibv_ah_attr vector_to(const struct side *from,
				    const struct side *to)
{
	struct ibv_ah_attr av = { .is_global = 1, .port_num = 1, .grh = cfg.grh };

	av.grh.dgid = to->e.gid;
	av.grh.sgid_index = (uint8_t)from->e.gid_index;
	return av;
}

static void side_connect(struct side *s, const struct side *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_RTR, .path_mtu = cfg.opt.mtu,
		.dest_qp_num = peer->e.qp->qp_num, .rq_psn = cfg.opt.psn,
		.max_dest_rd_atomic = cfg.opt.rd_atomic,
		.min_rnr_timer = cfg.opt.min_rnr_timer,
		.ah_attr = vector_to(s, peer),
	};
	int mask = IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU |
		IBV_QP_DEST_QPN | IBV_QP_RQ_PSN;
	int err;

	err = end_to_init(&s->e, &cfg.opt);
	CHECK(!err, "modify to INIT: %s", strerror(err));
	if (cfg.opt.type == IBV_QPT_RC)
		mask |= IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER;
	err = ibv_modify_qp(s->e.qp, &attr, mask);
	CHECK(!err, "modify to RTR: %s", strerror(err));
	err = end_to_rts(&s->e, &cfg.opt);
	CHECK(!err, "modify to RTS: %s", strerror(err));
}

static void side_start_ud(struct side *s, const struct side *peer)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY,
	};
	struct ibv_ah_attr av = vector_to(s, peer);

	CHECK(!ibv_modify_qp(s->e.qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			     IBV_QP_PORT | IBV_QP_QKEY), "to INIT");
	attr.qp_state = IBV_QPS_RTR;
	CHECK(!ibv_modify_qp(s->e.qp, &attr, IBV_QP_STATE), "to RTR");
	attr.qp_state = IBV_QPS_RTS;
	CHECK(!ibv_modify_qp(s->e.qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN),
	      "to RTS");
	s->ah = ibv_create_ah(s->e.pd, &av);
	CHECK(s->ah, "ibv_create_ah: %s", strerror(errno));
}

static void side_close(struct side *s)
{
	struct end *e = &s->e;

	if (s->ah)
		CHECK(!ibv_destroy_ah(s->ah), "ibv_destroy_ah");
	CHECK(!ibv_destroy_qp(e->qp), "ibv_destroy_qp");
	CHECK(!ibv_destroy_cq(e->scq) && !ibv_destroy_cq(e->rcq), "ibv_destroy_cq");
	CHECK(!ibv_dereg_mr(s->mr), "ibv_dereg_mr");
	CHECK(!ibv_dealloc_pd(e->pd) && !ibv_close_device(e->ctx), "close");
	free(s->buf);
}

/* What came to one end, if anything did. */
static void events(struct side *s, const char *name)
{
	struct pollfd pfd = { .fd = s->e.ctx->async_fd, .events = POLLIN };
	struct ibv_async_event ev;

	while (poll(&pfd, 1, 0) == 1) {
		CHECK(!ibv_get_async_event(s->e.ctx, &ev), "ibv_get_async_event");
		printf("event %s %s\n", name, ibv_event_type_str(ev.event_type));
		ibv_ack_async_event(&ev);
	}
}

/* One completion: true; false: it has the status that ends the traffic. */
static bool done(struct ibv_cq *cq)
{
	struct ibv_wc wc = need_wc(cq);

	if (cfg.expect && (int)wc.status == cfg.expect) {
		printf("%s (%u)\n", ibv_wc_status_str(wc.status), wc.vendor_err);
		return false;
	}
	CHECK(wc.status == IBV_WC_SUCCESS, "wr_id %llu: %s (vendor_err %u)",
	      (unsigned long long)wc.wr_id, ibv_wc_status_str(wc.status),
	      wc.vendor_err);
	return true;
}

/**
 * struct step - a message of a round
 * @op: what it is
 * @from: who posts it
 * @len: bytes
 * @soff: where in the source; @doff: where in the target
 * @seed: of the pattern
 */
struct step {
	enum ibv_wr_opcode op;
	struct side *from;
	uint32_t len, soff, doff, seed;
};

static struct side *other(struct side *s)
{
	return s == &a ? &b : &a;
}

/* Who has the target: of a read it is who posts. */
static struct side *target(const struct step *s)
{
	return s->op == IBV_WR_RDMA_READ ? s->from : other(s->from);
}

static void post(struct step *s, unsigned int slot)
{
	struct side *dst = target(s), *src = other(dst);

	s->seed = ++seed;
	s->len = any(SLOT - 8192);
	s->soff = slot * SLOT + any(4096);
	s->doff = BUF + slot * SLOT + any(4096);
	fill(src->buf + s->soff, s->len, s->seed);
	memset(dst->buf + s->doff, (int)~s->seed, s->len + 64);
	if (s->op == IBV_WR_SEND)
		need_recv(&dst->e, slot, sge_of(dst->mr, s->doff, s->len));
	else if (s->op == IBV_WR_RDMA_WRITE_WITH_IMM)
		need_recv(&dst->e, slot, sge_of(dst->mr, 0, 0));
	if (s->op == IBV_WR_RDMA_READ)
		need_send(&s->from->e, s->op, slot, sge_of(dst->mr, s->doff, s->len),
			  (uintptr_t)src->buf + s->soff, src->mr->rkey,
			  IBV_SEND_SIGNALED);
	else
		need_send(&s->from->e, s->op, slot, sge_of(src->mr, s->soff, s->len),
			  (uintptr_t)dst->buf + s->doff, dst->mr->rkey,
			  IBV_SEND_SIGNALED);
}

static bool finish(const struct step *s)
{
	struct side *dst = target(s);

	if (!done(s->from->e.scq))
		return false;
	if ((s->op == IBV_WR_SEND || s->op == IBV_WR_RDMA_WRITE_WITH_IMM) &&
	    !done(dst->e.rcq))
		return false;
	need_pattern(dst->buf + s->doff, s->len, s->seed, "message");
	need_bytes(dst->buf + s->doff + s->len, 64, (uint8_t)~s->seed,
		   "behind the message");
	return true;
}

/* Both directions at once; what is posted at one end completes in this order. */
static bool connected_round(void)
{
	const bool rc = cfg.opt.type == IBV_QPT_RC;
	struct step steps[] = {
		{ .op = rc ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE_WITH_IMM, .from = &b },
		{ .op = IBV_WR_SEND, .from = &a },
		{ .op = IBV_WR_RDMA_WRITE_WITH_IMM, .from = &a },
		{ .op = rc ? IBV_WR_RDMA_WRITE : IBV_WR_SEND, .from = &b },
	};
	unsigned int i, n = sizeof(steps) / sizeof(steps[0]);

	for (i = 0; i < n; i++)
		if (!cfg.one_way || steps[i].from == &a)
			post(&steps[i], i);
	for (i = 0; i < n; i++)
		if ((!cfg.one_way || steps[i].from == &a) && !finish(&steps[i]))
			return false;
	return true;
}

static bool datagram(struct side *from)
{
	struct side *to = other(from);
	uint32_t len = any((128u << cfg.opt.mtu) + 1);
	struct ibv_sge sge = sge_of(from->mr, 7, len);
	struct ibv_send_wr *bad, wr = {
		.opcode = IBV_WR_SEND, .send_flags = IBV_SEND_SIGNALED,
		.sg_list = &sge, .num_sge = 1,
		.wr.ud = { .ah = from->ah, .remote_qpn = to->e.qp->qp_num,
			   .remote_qkey = QKEY },
	};

	fill(from->buf + 7, len, ++seed);
	memset(to->buf + BUF, (int)~seed, len + GRH + 64);
	need_recv(&to->e, 1, sge_of(to->mr, BUF, len + GRH));
	CHECK(!ibv_post_send(from->e.qp, &wr, &bad), "ibv_post_send");
	if (!done(from->e.scq) || !done(to->e.rcq))
		return false;
	need_pattern(to->buf + BUF + GRH, len, seed, "datagram");
	need_bytes(to->buf + BUF + GRH + len, 64, (uint8_t)~seed,
		   "behind the datagram");
	return true;
}

static bool one_round(void)
{
	if (!cfg.ud)
		return connected_round();
	return datagram(&a) && (cfg.one_way || datagram(&b));
}

static void parse(int argc, char **argv)
{
	static const struct { const char *name; enum ibv_qp_type type; } types[] = {
		{ "rc", IBV_QPT_RC }, { "uc", IBV_QPT_UC }, { "ud", IBV_QPT_UD },
	};
	size_t i;
	int c;

	cfg.opt = pair_defaults;
	cfg.opt.type = IBV_QPT_RC;
	cfg.rounds = ~0ul;
	cfg.grh.hop_limit = 64;
	while ((c = getopt(argc, argv, "q:n:s:m:t:l:c:h:e:1")) != -1) {
		unsigned long n = optarg ? strtoul(optarg, NULL, 0) : 0;

		switch (c) {
		case 'q':
			for (i = 0; i < 3; i++)
				if (!strcmp(optarg, types[i].name))
					cfg.opt.type = types[i].type;
			break;
		case '1': cfg.one_way = true; break;
		case 'n': cfg.rounds = n; break;
		case 's': cfg.stop = optarg; break;
		case 'm': cfg.opt.mtu = __builtin_ctzl(n) - 7; break;
		case 't': cfg.opt.timeout = (uint8_t)n; break;
		case 'l': cfg.grh.flow_label = (uint32_t)n; break;
		case 'c': cfg.grh.traffic_class = (uint8_t)n; break;
		case 'h': cfg.grh.hop_limit = (uint8_t)n; break;
		case 'e': cfg.expect = (int)n; break;
		default: exit(2);
		}
	}
	cfg.ud = cfg.opt.type == IBV_QPT_UD;
	CHECK(argc - optind == 4, "usage: see the head of net_traffic.c");
}

static void start(char **argv)
{
	side_open(&a, argv[0], argv[1]);
	side_open(&b, argv[2], argv[3]);
	if (cfg.ud) {
		side_start_ud(&a, &b);
		side_start_ud(&b, &a);
	} else {
		side_connect(&a, &b);
		side_connect(&b, &a);
	}
	printf("queue pairs %u %u\n", a.e.qp->qp_num, b.e.qp->qp_num);
}

int main(int argc, char **argv)
{
	unsigned long i;
	bool ok = true;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	start(argv + optind);
	for (i = 0; ok && i < cfg.rounds && (!cfg.stop || access(cfg.stop, F_OK));
	     i++) {
		ok = one_round();
		events(&a, "A");
		events(&b, "B");
		if (ok)
			printf("round %lu\n", i + 1);
	}
	CHECK(ok == !cfg.expect, "the end is not as expected");
	side_close(&a);
	side_close(&b);
	return 0;
}
