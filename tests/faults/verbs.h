/* SPDX-License-Identifier: GPL-2.0 */
/* What the rows of the verbs' table share. */
#ifndef FAULTS_VERBS_H
#define FAULTS_VERBS_H

#include <infiniband/verbs.h>

#include "../verbs/pair.h"

/* pair.h has a shorter one that does not tell which call it was. */
#include "faults.h"

#define PAGE	4096ul
#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)

/* Two devices with a protection domain each, on two hosts. */
extern struct pair pair;
extern const char *device_a;

/* The errno of a function that returns NULL. */
static inline int null_errno(const void *p)
{
	return p ? 0 : errno ?: EINVAL;
}

/* verbs_object.c */
int call_open(void);
void undo_open(void);
void verify_open(void);
int call_context(void);
void undo_context(void);
int call_pd(void);
void undo_pd(void);
int call_dealloc_pd(void);
int call_channel(void);
void undo_channel(void);
int call_cq(void);
int call_cq_channel(void);
int call_cq_ex(void);
void undo_cq(void);
void verify_cq(void);
int call_destroy_cq(void);
void make_cq(void);
void make_parent(void);
void drop_parent(void);
void make_cq_channel(void);
int call_qp_rc(void);
int call_qp_uc(void);
int call_qp_ud(void);
int call_qp_ex(void);
int call_qp_parent(void);
void undo_qp(void);
void verify_qp(void);
int call_destroy_qp(void);
void make_rc(void);
void drop_qp(void);
int call_ah(void);
void undo_ah(void);
int call_destroy_ah(void);
void make_ah(void);
void drop_ah(void);
int call_notify(void);

/* verbs_mw.c */
int call_mw(void);
void verify_mw(void);
void undo_mw(void);
void make_rereg(void);
int call_rereg_rights(void);
int call_rereg_memory(void);
void drop_rereg(void);

/* verbs_srq.c */
int call_srq(void);
void verify_srq(void);
void undo_srq(void);
void make_srq(void);
int call_srq_limit(void);
int call_srq_size(void);
void undo_srq_size(void);
int call_destroy_srq(void);
int call_query_srq(void);
void make_small_cq(void);
int call_resize_cq(void);
void undo_resize_cq(void);
void drop_small_cq(void);

/* verbs_modify.c */
void make_rc_init(void);
void make_rc_rtr(void);
void make_rc_rts(void);
int call_init(void);
int call_rtr(void);
int call_rts(void);
int call_err(void);
int call_reset(void);
void undo_init(void);
void undo_rtr(void);
void undo_rts(void);
void undo_err(void);
void undo_reset(void);
void verify_init(void);
void verify_rtr(void);
void verify_rts(void);
void verify_err(void);
void verify_reset(void);
void make_ud(void);
int call_ud_init(void);
int call_query_qp(void);

/* verbs_mcast.c */
int call_attach4(void);
int call_attach6(void);
void undo_attach4(void);
void undo_attach6(void);

/* verbs_mr.c */
int call_reg_odp(void);
void make_untouched(void);
void make_odp(void);
int call_advise(void);
int call_reg_all(void);
void make_small(void);
void make_scattered(void);
void drop_memory(void);
int call_reg_mr(void);
void undo_mr(void);
void verify_mr(void);
int call_dereg_mr(void);
void make_mr(void);
void drop_mr_memory(void);
void gpu_open(void);
void make_vram(void);
void make_heap(void);
void drop_heap(void);
void make_fragments(void);
void make_system(void);
void drop_buffer(void);
int call_reg_dmabuf(void);
int call_dereg_dmabuf(void);
void make_dmabuf_mr(void);
void undo_dereg_dmabuf(void);
void drop_dmabuf_mr(void);
void verify_dmabuf_mr(void);
const char *gpu_debugfs(void);

/* verbs_query.c */
int call_query_device(void);
int call_query_port(void);
int call_query_pkey(void);
int call_node_desc(void);
int call_counter(void);
int call_show_mr(void);
int call_show_qp(void);
int call_show_cq(void);
int call_show_srq(void);
int call_show_pd(void);
int call_show_dev(void);
int call_show_stat(void);
int call_bind_counter(void);
void undo_bind_counter(void);
void make_counter(void);
int call_show_counter(void);
void make_shown(void);
void drop_shown(void);

/* verbs_data.c */
void make_pair(void);
void make_loop(void);
void make_dmabuf_pair(void);
void drop_pair(void);
int call_write_small(void);
int call_write_large(void);
int call_write_imm(void);
int call_send(void);
int call_read(void);
int call_atomic(void);
int call_write_batch(void);
int call_write_ex(void);
void verify_data(void);
void make_flushed(void);
void drop_flushed(void);
int call_post_recv(void);
void verify_flushed(void);
void make_ud_pair(void);
void drop_ud_pair(void);
int call_ud_send(void);

#endif /* FAULTS_VERBS_H */
