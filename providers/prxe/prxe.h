/* SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB */
/*
 * The provider's objects. Each embeds the libibverbs object it extends.
 *
 * Locks: one for each send, receive and completion queue, taken only around
 * ring accesses and never nested. The doorbell is rung after the lock was
 * dropped: the kernel's requester runs inside that system call, and no other
 * thread should spin for so long. Only ibv_resize_cq() and ibv_modify_srq() make
 * a system call with a lock held, since the ring is exchanged in it.
 */
#ifndef PRXE_H
#define PRXE_H

#include <config.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <ccan/container_of.h>
#include <infiniband/driver.h>

#include "abi.h"
#include "poll.h"
#include "post.h"
#include "ring.h"

/* Does nothing in a thread domain, whose user promised to serialize. */
struct prxe_lock {
	pthread_spinlock_t spin;
	bool needed;
};

/* A mapping of a shared ring. */
struct prxe_map {
	void *base;
	size_t size;
};

struct prxe_device {
	struct verbs_device vdev;
};

struct prxe_context {
	struct verbs_context vctx;
};

struct prxe_td {
	struct ibv_td td;
	atomic_int refs;
};

typedef void *(*prxe_alloc_fn)(struct ibv_pd *pd, void *context, size_t size,
			       size_t alignment, uint64_t type);
typedef void (*prxe_free_fn)(struct ibv_pd *pd, void *context, void *mem,
			     uint64_t type);

/*
 * A protection domain, or a parent domain: then @of is the domain that it
 * stands for, @td its thread domain, or NULL, @alloc and @free its allocator, or
 * NULL, called with @context. @refs counts parent domains, a parent domain's the
 * queues that were made in it.
 */
struct prxe_pd {
	struct ibv_pd pd;
	struct prxe_pd *of;
	struct prxe_td *td;
	prxe_alloc_fn alloc;
	prxe_free_fn free;
	void *context;
	atomic_int refs;
};

/* What an allocator is asked for: its resource_type; prxe(7) has the numbers. */
enum prxe_resource {
	PRXE_RES_QP = 1,
	PRXE_RES_CQ = 2,
	PRXE_RES_SRQ = 3,
};

/*
 * Where a queue was made: @parent is its parent domain, which it holds, or NULL;
 * @theirs: its memory is the allocator's.
 */
struct prxe_home {
	struct prxe_pd *parent;
	bool theirs;
};

/*
 * @cqe: the entry that the extended poll functions read
 * @wall_offset: CLOCK_REALTIME - CLOCK_MONOTONIC_RAW when polling began
 * @empty: stands in for a ring that was lost; see prxe_resize_cq()
 */
struct prxe_cq {
	struct verbs_cq vcq;
	struct prxe_home home;
	struct prxe_lock lock;
	struct prxe_queue q;
	struct prxe_map map;
	const struct prxe_cqe *cqe;
	int64_t wall_offset;
	bool wallclock;
	struct prxe_ring empty;
};

/*
 * The uverbs post command with no work request in it, made ready once so that
 * ringing is one write(). The three post commands have one layout. The answer is
 * never read; concurrent calls may overwrite it.
 */
struct prxe_doorbell {
	struct {
		struct ib_uverbs_cmd_hdr hdr;
		struct ib_uverbs_post_send post;
	} cmd;
	struct ib_uverbs_post_send_resp resp;
};

/* @empty: stands in for a ring that was lost; see prxe_resize_srq() */
struct prxe_srq {
	struct verbs_srq vsrq;
	struct prxe_home home;
	struct prxe_lock lock;
	struct prxe_rq rq;
	struct prxe_map map;
	struct prxe_doorbell bell;
	uint32_t srqn;
	struct prxe_ring empty;
};

/*
 * From ibv_wr_start() to ibv_wr_complete(), under @sq_lock:
 * @first: the index of the batch's first slot
 * @wqe: the entry being built
 * @err: why the batch has failed
 */
struct prxe_qp {
	struct verbs_qp vqp;
	struct prxe_home home;
	struct prxe_sq sq;
	struct prxe_lock sq_lock;
	struct prxe_map sq_map;
	struct prxe_rq rq;
	struct prxe_lock rq_lock;
	struct prxe_map rq_map;
	struct prxe_doorbell sq_bell;
	struct prxe_doorbell rq_bell;
	uint32_t first;
	struct prxe_send_wqe *wqe;
	int err;
};

static inline struct prxe_context *to_prxe_context(struct ibv_context *context)
{
	return container_of(context, struct prxe_context, vctx.context);
}

static inline struct prxe_pd *to_prxe_pd(struct ibv_pd *pd)
{
	return container_of(pd, struct prxe_pd, pd);
}

static inline struct prxe_cq *to_prxe_cq(struct ibv_cq *cq)
{
	return container_of(cq, struct prxe_cq, vcq.cq);
}

static inline struct prxe_cq *to_prxe_cq_ex(struct ibv_cq_ex *cq)
{
	return container_of(cq, struct prxe_cq, vcq.cq_ex);
}

static inline struct prxe_srq *to_prxe_srq(struct ibv_srq *srq)
{
	return container_of(srq, struct prxe_srq, vsrq.srq);
}

static inline struct prxe_qp *to_prxe_qp(struct ibv_qp *qp)
{
	return container_of(qp, struct prxe_qp, vqp.qp);
}

static inline struct prxe_qp *to_prxe_qp_ex(struct ibv_qp_ex *qp)
{
	return container_of(qp, struct prxe_qp, vqp.qp_ex);
}

static inline void prxe_lock_init(struct prxe_lock *lock, bool needed)
{
	lock->needed = needed;
	pthread_spin_init(&lock->spin, PTHREAD_PROCESS_PRIVATE);
}

static inline void prxe_lock_destroy(struct prxe_lock *lock)
{
	pthread_spin_destroy(&lock->spin);
}

static inline void prxe_lock(struct prxe_lock *lock)
{
	if (lock->needed)
		pthread_spin_lock(&lock->spin);
}

static inline void prxe_unlock(struct prxe_lock *lock)
{
	if (lock->needed)
		pthread_spin_unlock(&lock->spin);
}

/* Is a queue made in this domain to be locked? */
static inline bool prxe_pd_locks(struct ibv_pd *pd)
{
	return !pd || !to_prxe_pd(pd)->td;
}

/* map.c */
int prxe_map_ring(struct ibv_context *context,
		  const struct prxe_ring_info *info, size_t min_stride,
		  struct prxe_map *map, struct prxe_queue *q);
void prxe_unmap_ring(struct prxe_map *map);

/* pd.c */
struct ibv_pd *prxe_alloc_pd(struct ibv_context *context);
struct ibv_pd *
prxe_alloc_parent_domain(struct ibv_context *context,
			 struct ibv_parent_domain_init_attr *attr);
int prxe_dealloc_pd(struct ibv_pd *pd);
struct ibv_td *prxe_alloc_td(struct ibv_context *context,
			     struct ibv_td_init_attr *attr);
int prxe_dealloc_td(struct ibv_td *td);

void *prxe_queue_alloc(struct ibv_pd *pd, size_t size, enum prxe_resource type,
		       struct prxe_home *home);
void prxe_queue_free(void *queue, struct prxe_home home,
		     enum prxe_resource type);

/* verbs.c */
int prxe_query_device_ex(struct ibv_context *context,
			 const struct ibv_query_device_ex_input *input,
			 struct ibv_device_attr_ex *attr, size_t attr_size);
int prxe_query_port(struct ibv_context *context, uint8_t port,
		    struct ibv_port_attr *attr);
int prxe_query_rt_values(struct ibv_context *context,
			 struct ibv_values_ex *values);
struct ibv_mr *prxe_reg_mr(struct ibv_pd *pd, void *addr, size_t length,
			   uint64_t iova, int access);
struct ibv_mr *prxe_reg_dmabuf_mr(struct ibv_pd *pd, uint64_t offset,
				  size_t length, uint64_t iova, int fd,
				  int access);
int prxe_rereg_mr(struct verbs_mr *mr, int flags, struct ibv_pd *pd,
		  void *addr, size_t length, int access);
int prxe_dereg_mr(struct verbs_mr *mr);
struct ibv_mw *prxe_alloc_mw(struct ibv_pd *pd, enum ibv_mw_type type);
int prxe_dealloc_mw(struct ibv_mw *mw);
struct ibv_ah *prxe_create_ah(struct ibv_pd *pd, struct ibv_ah_attr *attr);
int prxe_destroy_ah(struct ibv_ah *ah);

/* cq.c */
struct ibv_cq *prxe_create_cq(struct ibv_context *context, int cqe,
			      struct ibv_comp_channel *channel,
			      int comp_vector);
struct ibv_cq_ex *prxe_create_cq_ex(struct ibv_context *context,
				    struct ibv_cq_init_attr_ex *attr);
int prxe_resize_cq(struct ibv_cq *cq, int cqe);
int prxe_destroy_cq(struct ibv_cq *cq);
int prxe_poll_cq(struct ibv_cq *cq, int num, struct ibv_wc *wc);

/* cq_ex.c */
#define PRXE_WC_EX_FLAGS (IBV_WC_STANDARD_FLAGS | \
			  IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | \
			  IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK)
#define PRXE_WC_EX_TIMESTAMPS (IBV_WC_EX_WITH_COMPLETION_TIMESTAMP | \
			       IBV_WC_EX_WITH_COMPLETION_TIMESTAMP_WALLCLOCK)
uint64_t prxe_clock_ns(clockid_t clock);
void prxe_set_cq_ex_ops(struct prxe_cq *cq, uint64_t wc_flags);

/* srq.c */
struct ibv_srq *prxe_create_srq(struct ibv_pd *pd,
				struct ibv_srq_init_attr *attr);
struct ibv_srq *prxe_create_srq_ex(struct ibv_context *context,
				   struct ibv_srq_init_attr_ex *attr);
int prxe_modify_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr, int mask);
int prxe_query_srq(struct ibv_srq *srq, struct ibv_srq_attr *attr);
int prxe_destroy_srq(struct ibv_srq *srq);
int prxe_get_srq_num(struct ibv_srq *srq, uint32_t *num);

/* qp.c */
struct ibv_qp *prxe_create_qp(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
struct ibv_qp *prxe_create_qp_ex(struct ibv_context *context,
				 struct ibv_qp_init_attr_ex *attr);
int prxe_query_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask,
		  struct ibv_qp_init_attr *init);
int prxe_modify_qp(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
int prxe_destroy_qp(struct ibv_qp *qp);

/* post.c */
void prxe_doorbell_init(struct prxe_doorbell *bell, uint32_t command,
			uint32_t handle);
int prxe_doorbell_ring(const struct prxe_doorbell *bell,
		       struct ibv_context *context);
int prxe_send_state(const struct prxe_qp *qp);
int prxe_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr,
		   struct ibv_send_wr **bad);
int prxe_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr,
		   struct ibv_recv_wr **bad);
int prxe_post_srq_recv(struct ibv_srq *srq, struct ibv_recv_wr *wr,
		       struct ibv_recv_wr **bad);
int prxe_bind_mw(struct ibv_qp *qp, struct ibv_mw *mw,
		 struct ibv_mw_bind *bind);

/* qp_ex.c */
void prxe_set_qp_ex_ops(struct prxe_qp *qp, uint64_t send_ops);

#endif /* PRXE_H */
