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
	     .unprepare = undo_cq, .flags = FAULT_MAY_BE_NONE),
	CALL("destroy_cq", "prxe_ops.destroy_cq", call_destroy_cq, .undo = make_cq,
	     .prepare = make_cq, .unprepare = undo_cq, .flags = FAULT_MAY_BE_NONE),
	CALL("create_qp, RC", "prxe_ops.create_qp prxe_ops.destroy_qp prxe_ops.mmap",
	     call_qp_rc, .undo = undo_qp, .verify = verify_qp, .prepare = make_cq,
	     .unprepare = undo_cq),
	CALL("resize_cq", "prxe_ops.resize_user_cq", call_resize_cq, .undo = undo_resize_cq,
	     .failed = undo_resize_cq, .prepare = make_small_cq, .unprepare = drop_small_cq),
	CALL("create_srq", "prxe_ops.create_srq prxe_ops.destroy_srq prxe_ops.mmap", call_srq,
	     .undo = undo_srq, .verify = verify_srq),
	CALL("modify_srq, limit", "prxe_ops.modify_srq", call_srq_limit, .prepare = make_srq,
	     .unprepare = undo_srq, .flags = FAULT_MAY_BE_NONE),
	CALL("modify_srq, size", "prxe_ops.modify_srq", call_srq_size, .undo = undo_srq_size,
	     .failed = undo_srq_size, .prepare = make_srq, .unprepare = undo_srq),
	CALL("query_srq", "prxe_ops.query_srq", call_query_srq, .prepare = make_srq,
	     .unprepare = undo_srq, .flags = FAULT_MAY_BE_NONE),
	CALL("destroy_srq", "prxe_ops.destroy_srq", call_destroy_srq, .undo = make_srq,
	     .prepare = make_srq, .unprepare = undo_srq, .flags = FAULT_MAY_BE_NONE),
	CALL("create_qp, UC", "prxe_ops.create_qp", call_qp_uc, .undo = undo_qp,
	     .verify = verify_qp, .prepare = make_cq, .unprepare = undo_cq),
	CALL("create_qp, UD", "prxe_ops.create_qp", call_qp_ud, .undo = undo_qp,
	     .verify = verify_qp, .prepare = make_cq, .unprepare = undo_cq),
	CALL("create_qp_ex", "prxe_ops.create_qp", call_qp_ex, .undo = undo_qp,
	     .verify = verify_qp, .prepare = make_cq, .unprepare = undo_cq),
	CALL("modify_qp, INIT", "prxe_ops.modify_qp", call_init, .undo = undo_init,
	     .verify = verify_init, .prepare = make_rc, .unprepare = drop_qp),
	CALL("modify_qp, RTR", "prxe_ops.modify_qp", call_rtr, .undo = undo_rtr,
	     .verify = verify_rtr, .prepare = make_rc_init, .unprepare = drop_qp, ROUTES),
	CALL("modify_qp, RTS", "prxe_ops.modify_qp", call_rts, .undo = undo_rts,
	     .verify = verify_rts, .prepare = make_rc_rtr, .unprepare = drop_qp),
	CALL("modify_qp, ERR", "prxe_ops.modify_qp", call_err, .undo = undo_err,
	     .verify = verify_err, .prepare = make_rc_rts, .unprepare = drop_qp),
	CALL("modify_qp, RESET", "prxe_ops.modify_qp", call_reset, .undo = undo_reset,
	     .verify = verify_reset, .prepare = make_rc_rts, .unprepare = drop_qp),
	CALL("modify_qp, UD INIT", "prxe_ops.modify_qp", call_ud_init, .undo = undo_init,
	     .verify = verify_init, .prepare = make_ud, .unprepare = drop_qp),
	CALL("query_qp", "prxe_ops.query_qp", call_query_qp, .prepare = make_rc_rts,
	     .unprepare = drop_qp),
	CALL("create_ah", "prxe_ops.create_user_ah prxe_ops.destroy_ah", call_ah,
	     .undo = undo_ah, ROUTES),
	CALL("reg_mr, one page", "prxe_ops.reg_user_mr prxe_ops.dereg_mr", call_reg_mr,
	     .undo = undo_mr, .verify = verify_mr, .prepare = make_small,
	     .unprepare = drop_memory),
	CALL("reg_mr, 64 scattered pages", "prxe_ops.reg_user_mr", call_reg_mr, .undo = undo_mr,
	     .verify = verify_mr, .prepare = make_scattered, .unprepare = drop_memory),
	CALL("rereg_mr, rights", "prxe_ops.rereg_user_mr", call_rereg_rights,
	     .prepare = make_rereg, .unprepare = drop_rereg),
	CALL("rereg_mr, memory", "prxe_ops.rereg_user_mr", call_rereg_memory,
	     .prepare = make_rereg, .unprepare = drop_rereg),
	CALL("alloc_mw", "prxe_ops.alloc_mw prxe_ops.dealloc_mw", call_mw, .undo = undo_mw,
	     .verify = verify_mw),
	CALL("reg_dmabuf_mr, VRAM",
	     "prxe_ops.reg_user_mr_dmabuf prxe_mr_importer_ops.invalidate", call_reg_dmabuf,
	     .undo = undo_mr, .verify = verify_dmabuf_mr, .prepare = make_vram,
	     .unprepare = drop_buffer),
	CALL("reg_dmabuf_mr, 64 fragments",
	     "prxe_ops.reg_user_mr_dmabuf softgpu_pfn_ops.attach softgpu_pfn_ops.cpu_map "
	     "softgpu_pfn_ops.get_extents",
	     call_reg_dmabuf, .undo = undo_mr, .verify = verify_dmabuf_mr,
	     .prepare = make_fragments, .unprepare = drop_buffer),
	CALL("reg_dmabuf_mr, system memory", "prxe_ops.reg_user_mr_dmabuf", call_reg_dmabuf,
	     .undo = undo_mr, .verify = verify_dmabuf_mr, .prepare = make_system,
	     .unprepare = drop_buffer),
	CALL("query_device_ex", "prxe_ops.query_device", call_query_device,
	     .flags = FAULT_MAY_BE_NONE),
	CALL("query_port", "prxe_ops.query_port", call_query_port, .flags = FAULT_MAY_BE_NONE),
	CALL("query_pkey", "prxe_ops.query_pkey", call_query_pkey),
	CALL("node description", "prxe_ops.modify_device", call_node_desc),
	CALL("a counter", "prxe_ops.get_hw_stats", call_counter),
	CALL("resource show mr", "prxe_ops.fill_res_mr_entry", call_show_mr,
	     .prepare = make_shown, .unprepare = drop_shown, NETLINK),
	CALL("resource show qp", "", call_show_qp, .prepare = make_shown,
	     .unprepare = drop_shown, NETLINK),
	CALL("resource show cq", "", call_show_cq, .prepare = make_shown,
	     .unprepare = drop_shown, NETLINK),
	CALL("resource show pd", "", call_show_pd, NETLINK),
	CALL("dev show", "prxe_ops.get_dev_fw_str", call_show_dev, NETLINK),
	CALL("statistic show", "prxe_ops.get_hw_stats", call_show_stat, NETLINK),

	CALL("post_send, small write", "prxe_ops.post_send", call_write_small,
	     .verify = verify_data, .prepare = make_pair, .unprepare = drop_pair,
	     .flags = FAULT_NEVER_FAILS),
	CALL("post_send, 64 KiB write", "prxe_ops.post_send", call_write_large,
	     .verify = verify_data, .prepare = make_pair, .unprepare = drop_pair,
	     .flags = FAULT_NEVER_FAILS),
	CALL("post_send, four writes", "prxe_ops.post_send", call_write_batch,
	     .verify = verify_data, .prepare = make_pair, .unprepare = drop_pair,
	     .flags = FAULT_NEVER_FAILS),
	CALL("post_send, send", "prxe_ops.post_send", call_send, .verify = verify_data,
	     .prepare = make_pair, .unprepare = drop_pair, .flags = FAULT_NEVER_FAILS),
	CALL("post_send, read", "prxe_ops.post_send", call_read, .verify = verify_data,
	     .prepare = make_pair, .unprepare = drop_pair, .flags = FAULT_NEVER_FAILS),
	CALL("post_send, atomic", "prxe_ops.post_send", call_atomic, .verify = verify_data,
	     .prepare = make_pair, .unprepare = drop_pair, .flags = FAULT_NEVER_FAILS),
	CALL("post_send, write on one device", "prxe_ops.post_send", call_write_large,
	     .verify = verify_data, .prepare = make_loop, .unprepare = drop_pair,
	     .flags = FAULT_NEVER_FAILS),
	CALL("post_send, datagram", "prxe_ops.post_send", call_ud_send, .verify = verify_data,
	     .prepare = make_ud_pair, .unprepare = drop_ud_pair, .flags = FAULT_NEVER_FAILS),
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
