// SPDX-License-Identifier: GPL-2.0
/*
 * Datagrams, to one queue pair and to a multicast group.
 *
 *	ud DEVICE-A DEVICE-B 4|6 GROUP		GROUP: an IP address
 *
 * A is the sender, B has three receivers; no other channel than the fabric.
 */
#include "pair.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define QKEY		0x11111111
#define GRH		40
#define SLOT		8192
#define DEPTH		8
#define LISTENERS	3
#define HOPS		9
#define MCAST_QPN	0xffffff

struct port {
	struct end e;
	struct ibv_mr *mr;
	uint8_t buf[DEPTH][SLOT];
};

static struct port sender, listener[LISTENERS];
static union ibv_gid group;
/* Does the sender hear what it sends to a group of its own? rxe's packets do not loop. */
static bool loops;
static const uint32_t sizes[] = { 0, 1, 3, 64, 1021, 4096 };

static void port_open(struct port *p, const char *name, int family,
		      enum ibv_qp_type type)
{
	struct ibv_qp_init_attr init = {
		.cap = { .max_send_wr = DEPTH, .max_recv_wr = DEPTH,
			 .max_send_sge = 2, .max_recv_sge = 2 },
		.qp_type = type,
	};
	struct end *e = &p->e;

	e->ctx = need_device(name);
	e->pd = ibv_alloc_pd(e->ctx);
	CHECK(e->pd, "ibv_alloc_pd: %s", strerror(errno));
	e->gid_index = need_gid_index(e->ctx, family, &e->gid);
	e->scq = ibv_create_cq(e->ctx, DEPTH, NULL, NULL, 0);
	e->rcq = ibv_create_cq(e->ctx, DEPTH, NULL, NULL, 0);
	CHECK(e->scq && e->rcq, "ibv_create_cq: %s", strerror(errno));
	init.send_cq = e->scq;
	init.recv_cq = e->rcq;
	e->qp = ibv_create_qp(e->pd, &init);
	CHECK(e->qp, "ibv_create_qp: %s", strerror(errno));
	p->mr = need_mr(e, p->buf, sizeof(p->buf), IBV_ACCESS_LOCAL_WRITE);
}

static void port_start(struct port *p)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = QKEY,
	};
	int err;

	err = ibv_modify_qp(p->e.qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
			    IBV_QP_PORT | IBV_QP_QKEY);
	CHECK(!err, "to INIT: %s", strerror(err));
	attr.qp_state = IBV_QPS_RTR;
	err = ibv_modify_qp(p->e.qp, &attr, IBV_QP_STATE);
	CHECK(!err, "to RTR: %s", strerror(err));
	attr.qp_state = IBV_QPS_RTS;
	attr.sq_psn = 0xfffffe;
	err = ibv_modify_qp(p->e.qp, &attr, IBV_QP_STATE | IBV_QP_SQ_PSN);
	CHECK(!err, "to RTS: %s", strerror(err));
}

static void port_close(struct port *p)
{
	struct end *e = &p->e;

	CHECK(!ibv_destroy_qp(e->qp), "ibv_destroy_qp: %s", strerror(errno));
	CHECK(!ibv_dereg_mr(p->mr), "ibv_dereg_mr");
	CHECK(!ibv_destroy_cq(e->scq) && !ibv_destroy_cq(e->rcq), "ibv_destroy_cq");
	CHECK(!ibv_dealloc_pd(e->pd), "ibv_dealloc_pd");
	CHECK(!ibv_close_device(e->ctx), "ibv_close_device");
}

static struct ibv_ah *need_ah(const union ibv_gid *to)
{
	struct ibv_ah_attr attr = {
		.is_global = 1, .port_num = 1,
		.grh = { .dgid = *to, .hop_limit = HOPS, .traffic_class = 0x20,
			 .sgid_index = (uint8_t)sender.e.gid_index },
	};
	struct ibv_ah *ah = ibv_create_ah(sender.e.pd, &attr);

	CHECK(ah, "ibv_create_ah: %s", strerror(errno));
	return ah;
}

/* A receive in two pieces, the GRH and a bit, and the rest. */
static void arm(struct port *p, unsigned int slot)
{
	struct ibv_sge sge[2] = {
		sge_of(p->mr, slot * SLOT, GRH + 7),
		sge_of(p->mr, slot * SLOT + GRH + 7, SLOT - GRH - 7),
	};
	struct ibv_recv_wr wr = { .wr_id = slot, .sg_list = sge, .num_sge = 2 };
	struct ibv_recv_wr *bad;

	memset(p->buf[slot], 0xee, SLOT);
	CHECK(!ibv_post_recv(p->e.qp, &wr, &bad), "ibv_post_recv");
}

static void need_send_ud(struct ibv_ah *ah, uint32_t qpn, uint32_t qkey,
			 uint32_t len, uint32_t seed, bool imm)
{
	struct ibv_sge sge = sge_of(sender.mr, 0, len);
	struct ibv_send_wr wr = {
		.opcode = imm ? IBV_WR_SEND_WITH_IMM : IBV_WR_SEND,
		.send_flags = IBV_SEND_SIGNALED,
		.sg_list = &sge, .num_sge = 1,
		.imm_data = htobe32(seed),
		.wr.ud = { .ah = ah, .remote_qpn = qpn, .remote_qkey = qkey },
	};
	struct ibv_send_wr *bad;

	fill(sender.buf[0], len, seed);
	CHECK(!ibv_post_send(sender.e.qp, &wr, &bad), "ibv_post_send: %s", strerror(errno));
	need_ok(sender.e.scq);
}

/*
 * The GRH is an IPv6 header, or 20 undefined bytes and an IPv4 header. The hop limit
 * to a host is the kernel's choice, that to a group the sender's.
 */
static void need_grh(const uint8_t *grh, const union ibv_gid *dgid, int family)
{
	uint8_t hops = grh[family == 6 ? 7 : 28];

	CHECK(dgid != &group || hops == HOPS, "hop limit %u", hops);
	if (family == 6) {
		CHECK(grh[0] >> 4 == 6, "%#x", grh[0]);
		CHECK(!memcmp(grh + 8, sender.e.gid.raw, 16), "source GID");
		CHECK(!memcmp(grh + 24, dgid->raw, 16), "destination GID");
		return;
	}
	CHECK(grh[20] == 0x45, "%#x", grh[20]);
	CHECK(!memcmp(grh + 32, sender.e.gid.raw + 12, 4), "source address");
	CHECK(!memcmp(grh + 36, dgid->raw + 12, 4), "destination address");
}

static void need_datagram(struct port *p, unsigned int slot, uint32_t len,
			  uint32_t seed, bool imm, const union ibv_gid *dgid, int family)
{
	struct ibv_wc wc = need_ok(p->e.rcq);
	unsigned int flags = IBV_WC_GRH | (imm ? IBV_WC_WITH_IMM : 0);

	CHECK(wc.wr_id == slot && wc.opcode == IBV_WC_RECV, "wr_id %lu", wc.wr_id);
	CHECK(wc.byte_len == GRH + len, "%u bytes of %u", wc.byte_len, GRH + len);
	CHECK(wc.src_qp == sender.e.qp->qp_num, "source QP %u", wc.src_qp);
	CHECK(wc.wc_flags == flags, "flags %#x", wc.wc_flags);
	CHECK(!imm || wc.imm_data == htobe32(seed), "immediate");
	need_grh(p->buf[slot], dgid, family);
	need_pattern(p->buf[slot] + GRH, len, seed, "payload");
	need_bytes(p->buf[slot] + GRH + len, SLOT - GRH - len, 0xee, "behind it");
}

/* What is sent after it arrives, so that it would have arrived before. */
static void need_nothing_else(struct ibv_ah *ah, struct port *p)
{
	uint32_t qpn = p->e.qp->qp_num;

	need_send_ud(ah, qpn, QKEY, 5, 99, false);
	CHECK(need_ok(p->e.rcq).byte_len == GRH + 5, "something else arrived");
	need_empty(p->e.rcq);
}

static void unicast(int family)
{
	struct port *to = &listener[0];
	uint32_t qpn = to->e.qp->qp_num;
	struct ibv_ah *ah = need_ah(&to->e.gid);
	unsigned int i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		arm(to, i);
		need_send_ud(ah, qpn, QKEY, sizes[i], i, i & 1);
		need_datagram(to, i, sizes[i], i, i & 1, &to->e.gid, family);
	}
	/* a key that is not the receiver's, a receiver that there is not */
	arm(to, 0);
	need_send_ud(ah, qpn, QKEY + 1, 77, 1, false);
	need_send_ud(ah, MCAST_QPN, QKEY, 77, 1, false);
	need_send_ud(ah, 16, QKEY, 77, 1, false);
	need_nothing_else(ah, to);
	ibv_destroy_ah(ah);
}

static void need_attach(struct port *p)
{
	int err = ibv_attach_mcast(p->e.qp, &group, 0);

	CHECK(!err, "ibv_attach_mcast: %s", strerror(err));
}

static void need_detach(struct port *p)
{
	int err = ibv_detach_mcast(p->e.qp, &group, 0);

	CHECK(!err, "ibv_detach_mcast: %s", strerror(err));
}

/* The first two are members, and the sender itself; the third is not. */
static void multicast(int family)
{
	struct ibv_ah *ah = need_ah(&group), *direct = need_ah(&listener[0].e.gid);
	unsigned int i;

	need_attach(&listener[0]);
	need_attach(&listener[1]);
	if (loops)
		need_attach(&sender);
	arm(&listener[2], 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		arm(&listener[0], i);
		arm(&listener[1], i);
		if (loops)
			arm(&sender, 1 + i % 2);
		need_send_ud(ah, MCAST_QPN, QKEY, sizes[i], i, i & 1);
		need_datagram(&listener[0], i, sizes[i], i, i & 1, &group, family);
		need_datagram(&listener[1], i, sizes[i], i, i & 1, &group, family);
		if (loops)
			need_datagram(&sender, 1 + i % 2, sizes[i], i, i & 1, &group,
				      family);
	}
	if (loops)
		need_detach(&sender);
	need_detach(&listener[0]);
	arm(&listener[0], 0);
	arm(&listener[1], 1);
	/* a queue pair is not addressed by a group, nor one with another key */
	need_send_ud(ah, listener[1].e.qp->qp_num, QKEY, 33, 8, false);
	need_send_ud(ah, MCAST_QPN, QKEY + 1, 33, 8, false);
	need_send_ud(ah, MCAST_QPN, QKEY, 33, 7, false);
	need_datagram(&listener[1], 1, 33, 7, false, &group, family);
	need_nothing_else(direct, &listener[0]);
	need_nothing_else(direct, &listener[2]);
	need_detach(&listener[1]);
	ibv_destroy_ah(ah);
	ibv_destroy_ah(direct);
}

static void need_errno(int got, int want, const char *what)
{
	CHECK(got == want, "%s: %s, not %s", what, strerror(got), strerror(want));
}

static void errors(const char *name, int family)
{
	static const union ibv_gid v4_host = { .raw = { [10] = 0xff, 0xff, 10, 1, 2, 3 } };
	static struct port rc;
	struct port *p = &listener[0];
	union ibv_gid host = family == 4 ? v4_host : p->e.gid;

	need_errno(ibv_attach_mcast(p->e.qp, &host, 0), EINVAL, "no multicast address");
	need_errno(ibv_detach_mcast(p->e.qp, &group, 0), EINVAL, "not a member");
	port_open(&rc, name, family, IBV_QPT_RC);
	need_errno(ibv_attach_mcast(rc.e.qp, &group, 0), EINVAL, "an RC queue pair");
	port_close(&rc);

	need_attach(p);
	need_attach(p);
	need_errno(ibv_destroy_qp(p->e.qp), EBUSY, "destroyed as a member");
	need_detach(p);
	need_errno(ibv_detach_mcast(p->e.qp, &group, 0), EINVAL, "left twice");
}

static void parse_group(int family, const char *text)
{
	memset(&group, 0, sizeof(group));
	if (family == 4) {
		group.raw[10] = 0xff;
		group.raw[11] = 0xff;
	}
	CHECK(inet_pton(family == 4 ? AF_INET : AF_INET6, text,
			group.raw + (family == 4 ? 12 : 0)) == 1, "%s", text);
}

int main(int argc, char **argv)
{
	unsigned int i;
	int family;

	CHECK(argc == 5, "usage: ud DEVICE-A DEVICE-B 4|6 GROUP");
	family = atoi(argv[3]);
	loops = !strncmp(argv[1], "prxe", 4);
	parse_group(family, argv[4]);
	port_open(&sender, argv[1], family, IBV_QPT_UD);
	port_start(&sender);
	for (i = 0; i < LISTENERS; i++) {
		port_open(&listener[i], argv[2], family, IBV_QPT_UD);
		port_start(&listener[i]);
	}
	unicast(family);
	multicast(family);
	errors(argv[2], family);
	for (i = 0; i < LISTENERS; i++)
		port_close(&listener[i]);
	port_close(&sender);
	printf("IPv%d: ok\n", family);
	return 0;
}
