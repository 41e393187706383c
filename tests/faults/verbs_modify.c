// SPDX-License-Identifier: GPL-2.0
/* Every transition of a queue pair. One that fails leaves the state as it was. */
#include "verbs.h"

static int to(enum ibv_qp_state state)
{
	struct ibv_qp_attr attr = { .qp_state = state };

	return ibv_modify_qp(pair.a.qp, &attr, IBV_QP_STATE);
}

/* Returns @err; if that is one, the state is still @before. */
static int unless(int err, enum ibv_qp_state before)
{
	enum ibv_qp_state now;

	if (!err)
		return 0;
	now = qp_state(pair.a.qp);
	NEED(now == before, "the state is %d after a failure, not %d", now, before);
	return err;
}

static void must(int err, const char *what)
{
	NEED(!err, "%s: %s", what, strerror(err));
}

/* The peer is a QP number that nobody has: nothing is sent here. */
static int rtr(void)
{
	struct ibv_qp nobody = { .qp_num = 0xfffff0 };
	struct end peer = pair.b;

	peer.qp = &nobody;
	return end_to_rtr(&pair.a, &peer, &pair.opt);
}

int call_init(void) { return unless(end_to_init(&pair.a, &pair.opt), IBV_QPS_RESET); }
int call_rtr(void) { return unless(rtr(), IBV_QPS_INIT); }
int call_rts(void) { return unless(end_to_rts(&pair.a, &pair.opt), IBV_QPS_RTR); }
int call_err(void) { return unless(to(IBV_QPS_ERR), IBV_QPS_RTS); }
int call_reset(void) { return unless(to(IBV_QPS_RESET), IBV_QPS_RTS); }

void verify_init(void) { NEED(qp_state(pair.a.qp) == IBV_QPS_INIT, "not INIT"); }
void verify_rtr(void) { NEED(qp_state(pair.a.qp) == IBV_QPS_RTR, "not RTR"); }
void verify_rts(void) { NEED(qp_state(pair.a.qp) == IBV_QPS_RTS, "not RTS"); }
void verify_err(void) { NEED(qp_state(pair.a.qp) == IBV_QPS_ERR, "not ERR"); }
void verify_reset(void) { NEED(qp_state(pair.a.qp) == IBV_QPS_RESET, "not RESET"); }

void undo_init(void)
{
	must(to(IBV_QPS_RESET), "modify to RESET");
}

void undo_rtr(void)
{
	undo_init();
	must(end_to_init(&pair.a, &pair.opt), "modify to INIT");
}

void undo_rts(void)
{
	undo_rtr();
	must(rtr(), "modify to RTR");
}

void undo_reset(void)
{
	must(end_to_init(&pair.a, &pair.opt), "modify to INIT");
	must(rtr(), "modify to RTR");
	must(end_to_rts(&pair.a, &pair.opt), "modify to RTS");
}

void undo_err(void)
{
	undo_init();
	undo_reset();
}

void make_rc_init(void)
{
	make_rc();
	must(end_to_init(&pair.a, &pair.opt), "modify to INIT");
}

void make_rc_rtr(void)
{
	make_rc_init();
	must(rtr(), "modify to RTR");
}

void make_rc_rts(void)
{
	make_rc_rtr();
	must(end_to_rts(&pair.a, &pair.opt), "modify to RTS");
}

void make_ud(void)
{
	make_cq();
	must(call_qp_ud(), "ibv_create_qp");
}

int call_ud_init(void)
{
	struct ibv_qp_attr attr = {
		.qp_state = IBV_QPS_INIT, .port_num = 1, .qkey = 0x1234,
	};

	return unless(ibv_modify_qp(pair.a.qp, &attr, IBV_QP_STATE | IBV_QP_PKEY_INDEX |
				    IBV_QP_PORT | IBV_QP_QKEY), IBV_QPS_RESET);
}

int call_query_qp(void)
{
	struct ibv_qp_init_attr init;
	struct ibv_qp_attr attr;

	return ibv_query_qp(pair.a.qp, &attr, IBV_QP_STATE | IBV_QP_AV, &init);
}
