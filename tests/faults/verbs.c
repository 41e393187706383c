// SPDX-License-Identifier: GPL-2.0
/*
 * faults_verbs DEVICE DEVICE: each verb. The devices are on two hosts; softgpu over
 * RAM is loaded and has no other user.
 */
#include "verbs.h"

struct pair pair;
const char *device_a;
static const char *device_b;

/* The kernel says so where it cannot allocate a route, */
#define ROUTES	.also = ENOBUFS, .why = "no route"
/* and where it cannot allocate an sk_buff for an answer. */
#define NETLINK	.also = ENOBUFS, .why = "no sk_buff for netlink"

/* Rows that have much in common. @make makes what the call needs. */
#define CREATE_QP(n, f)							\
	CALL("create_qp" n, "prxe_ops.create_qp prxe_ops.destroy_qp prxe_ops.mmap", f, \
	     .undo = undo_qp, .verify = verify_qp, .prepare = make_cq, .unprepare = undo_cq)
#define MODIFY_QP(n, s, make, ...)					\
	CALL("modify_qp, " n, "prxe_ops.modify_qp", call_##s, .undo = undo_##s, \
	     .verify = verify_##s, .prepare = make, .unprepare = drop_qp, __VA_ARGS__)
#define ON_SRQ(n, m, f, ...)						\
	CALL(n, "prxe_ops." m, f, .prepare = make_srq, .unprepare = undo_srq, __VA_ARGS__)
#define REREG_MR(n, f)							\
	CALL("rereg_mr, " n, "prxe_ops.rereg_user_mr", f, .prepare = make_rereg, \
	     .unprepare = drop_rereg)
#define REG_DMABUF_MR(n, c, make)					\
	CALL("reg_dmabuf_mr, " n, "prxe_ops.reg_user_mr_dmabuf " c, call_reg_dmabuf, \
	     .undo = undo_mr, .verify = verify_dmabuf_mr, .prepare = make, \
	     .unprepare = drop_buffer)
#define SHOW(n, c, f)	CALL("resource show " n, c, f, .prepare = make_shown, \
			     .unprepare = drop_shown, NETLINK)
/* The memory that work takes is there when it is posted. */
#define POST_SEND(n, f, make, drop)					\
	CALL("post_send, " n, "prxe_ops.post_send", f, .verify = verify_data, \
	     .prepare = make, .unprepare = drop, .flags = FAULT_NEVER_FAILS)
#define NO_MEMORY	.flags = FAULT_MAY_BE_NONE

static const struct fault_call calls[] = {
	CALL("get_context", "prxe_ops.alloc_ucontext prxe_ops.dealloc_ucontext", call_context,
	     .undo = undo_context),
	CALL("ibv_open_device", "prxe_ops.alloc_ucontext", call_open, .undo = undo_open,
	     .verify = verify_open, .flags = FAULT_ANY_ERRNO),
	CALL("alloc_pd", "prxe_ops.alloc_pd prxe_ops.dealloc_pd", call_pd, .undo = undo_pd),
	CALL("create_comp_channel", "", call_channel, .undo = undo_channel),
	CALL("create_cq",
	     "prxe_ops.create_user_cq prxe_ops.mmap prxe_ops.mmap_free prxe_ops.destroy_cq",
	     call_cq, .undo = undo_cq, .verify = verify_cq),
	CALL("create_cq, channel", "prxe_ops.create_user_cq", call_cq_channel, .undo = undo_cq,
	     .verify = verify_cq),
	CALL("create_cq_ex", "prxe_ops.create_user_cq", call_cq_ex, .undo = undo_cq,
	     .verify = verify_cq),
	CALL("req_notify_cq", "prxe_ops.req_notify_cq", call_notify, .prepare = make_cq_channel,
	     .unprepare = undo_cq, NO_MEMORY),
	CALL("resize_cq", "prxe_ops.resize_user_cq", call_resize_cq, .undo = undo_resize_cq,
	     .failed = undo_resize_cq, .prepare = make_small_cq, .unprepare = drop_small_cq),
	CALL("destroy_cq", "prxe_ops.destroy_cq", call_destroy_cq, .undo = make_cq,
	     .prepare = make_cq, .unprepare = undo_cq, NO_MEMORY),

	CALL("create_srq", "prxe_ops.create_srq prxe_ops.destroy_srq prxe_ops.mmap", call_srq,
	     .undo = undo_srq, .verify = verify_srq),
	ON_SRQ("modify_srq, limit", "modify_srq", call_srq_limit, NO_MEMORY),
	ON_SRQ("modify_srq, size", "modify_srq", call_srq_size, .undo = undo_srq_size,
	       .failed = undo_srq_size),
	ON_SRQ("query_srq", "query_srq", call_query_srq, NO_MEMORY),
	ON_SRQ("destroy_srq", "destroy_srq", call_destroy_srq, .undo = make_srq, NO_MEMORY),

	CREATE_QP(", RC", call_qp_rc),
	CREATE_QP(", UC", call_qp_uc),
	CREATE_QP(", UD", call_qp_ud),
	CREATE_QP("_ex", call_qp_ex),
	CALL("create_qp, allocator", "prxe_ops.create_qp prxe_ops.destroy_qp", call_qp_parent,
	     .undo = undo_qp, .verify = verify_qp, .prepare = make_parent,
	     .unprepare = drop_parent),
	MODIFY_QP("INIT", init, make_rc),
	MODIFY_QP("RTR", rtr, make_rc_init, ROUTES),
	MODIFY_QP("RTS", rts, make_rc_rtr),
	MODIFY_QP("ERR", err, make_rc_rts),
	MODIFY_QP("RESET", reset, make_rc_rts),
	CALL("modify_qp, UD INIT", "prxe_ops.modify_qp", call_ud_init, .undo = undo_init,
	     .verify = verify_init, .prepare = make_ud, .unprepare = drop_qp),
	CALL("query_qp", "prxe_ops.query_qp", call_query_qp, .prepare = make_rc_rts,
	     .unprepare = drop_qp),
	CALL("attach_mcast, IPv4", "prxe_ops.attach_mcast prxe_ops.detach_mcast", call_attach4,
	     .undo = undo_attach4, .prepare = make_ud, .unprepare = drop_qp),
	CALL("attach_mcast, IPv6", "prxe_ops.attach_mcast", call_attach6, .undo = undo_attach6,
	     .prepare = make_ud, .unprepare = drop_qp),
	CALL("create_ah", "prxe_ops.create_user_ah prxe_ops.destroy_ah", call_ah,
	     .undo = undo_ah, ROUTES),

	CALL("reg_mr, one page", "prxe_ops.reg_user_mr prxe_ops.dereg_mr", call_reg_mr,
	     .undo = undo_mr, .verify = verify_mr, .prepare = make_small,
	     .unprepare = drop_memory),
	CALL("reg_mr, 64 scattered pages", "prxe_ops.reg_user_mr", call_reg_mr, .undo = undo_mr,
	     .verify = verify_mr, .prepare = make_scattered, .unprepare = drop_memory),
	CALL("reg_mr, on demand", "prxe_ops.reg_user_mr", call_reg_odp, .undo = undo_mr,
	     .verify = verify_mr, .prepare = make_untouched, .unprepare = drop_memory),
	CALL("advise_mr", "prxe_ops.advise_mr", call_advise, .prepare = make_odp,
	     .unprepare = drop_mr_memory, .also = EFAULT, .why = "no memory in a page fault",
	     NO_MEMORY),
	CALL("reg_mr of all memory, advise_mr", "prxe_ops.reg_user_mr", call_reg_all,
	     .undo = undo_mr, .prepare = make_untouched, .unprepare = drop_memory,
	     .also = EFAULT, .why = "no memory in a page fault", NO_MEMORY),
	REREG_MR("rights", call_rereg_rights),
	REREG_MR("memory", call_rereg_memory),
	CALL("alloc_mw", "prxe_ops.alloc_mw prxe_ops.dealloc_mw", call_mw, .undo = undo_mw,
	     .verify = verify_mw),
	REG_DMABUF_MR("VRAM", "prxe_mr_importer_ops.invalidate", make_vram),
	REG_DMABUF_MR("64 fragments", "softgpu_pfn_ops.attach softgpu_pfn_ops.cpu_map_extents "
		      "softgpu_pfn_ops.get_extents", make_fragments),
	REG_DMABUF_MR("system memory", "", make_system),
	CALL("reg_dmabuf_mr, by vmap", "prxe_ops.reg_user_mr_dmabuf", call_reg_dmabuf,
	     .undo = undo_mr, .verify = verify_dmabuf_mr, .prepare = make_heap,
	     .unprepare = drop_heap),

	CALL("query_device_ex", "prxe_ops.query_device", call_query_device, NO_MEMORY),
	CALL("query_port", "prxe_ops.query_port", call_query_port, NO_MEMORY),
	CALL("query_pkey", "prxe_ops.query_pkey", call_query_pkey),
	CALL("node description", "prxe_ops.modify_device", call_node_desc),
	CALL("a counter", "prxe_ops.get_hw_stats", call_counter),
	SHOW("mr", "prxe_ops.fill_res_mr_entry", call_show_mr),
	SHOW("qp", "prxe_ops.fill_res_qp_entry", call_show_qp),
	SHOW("cq", "prxe_ops.fill_res_cq_entry", call_show_cq),
	ON_SRQ("resource show srq", "fill_res_srq_entry", call_show_srq, NETLINK),
	CALL("resource show pd", "", call_show_pd, NETLINK),
	CALL("dev show", "prxe_ops.get_dev_fw_str", call_show_dev, NETLINK),
	CALL("statistic show", "prxe_ops.get_hw_stats", call_show_stat, NETLINK),
	CALL("statistic qp bind", "prxe_ops.counter_init prxe_ops.counter_alloc_stats "
	     "prxe_ops.counter_bind_qp prxe_ops.counter_dealloc", call_bind_counter,
	     .undo = undo_bind_counter, .prepare = make_rc, .unprepare = drop_qp, NETLINK),
	CALL("statistic qp show", "prxe_ops.counter_update_stats", call_show_counter,
	     .prepare = make_counter, .unprepare = drop_qp, NETLINK),

	POST_SEND("small write", call_write_small, make_pair, drop_pair),
	POST_SEND("64 KiB write", call_write_large, make_pair, drop_pair),
	POST_SEND("four writes", call_write_batch, make_pair, drop_pair),
	POST_SEND("send", call_send, make_pair, drop_pair),
	POST_SEND("read", call_read, make_pair, drop_pair),
	POST_SEND("atomic", call_atomic, make_pair, drop_pair),
	POST_SEND("write on one device", call_write_large, make_loop, drop_pair),
	POST_SEND("datagram", call_ud_send, make_ud_pair, drop_ud_pair),
	CALL("post_recv in ERR", "prxe_ops.post_recv", call_post_recv, .verify = verify_flushed,
	     .prepare = make_flushed, .unprepare = drop_pair, .flags = FAULT_NEVER_FAILS),
};

static void open_all(char **argv)
{
	device_a = argv[0];
	device_b = argv[1];
	pair_open(&pair, device_a, device_b, NULL);
	gpu_open();
	nl_open(NULL);
}

static void close_all(void)
{
	nl_close();
	pair_close(&pair);
}

static void state(FILE *out)
{
	nl_resources(out, device_a);
	nl_resources(out, device_b);
	state_modules(out);
	state_self(out);
	state_attachments(out);
	state_gpu(out, gpu_debugfs());
	state_sites(out);
}

int main(int argc, char **argv)
{
	static const struct fault_table table = {
		calls, ARRAY_SIZE(calls), open_all, close_all, state, false,
	};

	return fault_main(&table, argc, argv, 2);
}
