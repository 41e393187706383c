/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The parts of the kernel user that tests kernel verbs; main.c has the interface.
 *
 * A case works on a pair: side A asks, side B answers, each with a device (perhaps
 * the same), domain, completion queue and queue pair. What a case makes through the
 * pair is unmade by it, so that a case may return at any point.
 *
 * Functions return 0 or a negative errno; -EBADMSG is something that is not as it
 * should be, told in the log.
 */
#ifndef KVERBS_H
#define KVERBS_H

#include <linux/completion.h>
#include <linux/scatterlist.h>
#include <rdma/ib_verbs.h>

#define KV_PAGES	16
#define KV_BYTES	(KV_PAGES * PAGE_SIZE)
#define KV_MAX_MRS	8
#define KV_DEPTH	64
#define KV_RIGHTS	(IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_READ | \
			 IB_ACCESS_REMOTE_WRITE | IB_ACCESS_REMOTE_ATOMIC)

/**
 * struct kv_op - a work request and its completion
 * @cqe: for the core
 * @done: it has come
 * @wc: what it says
 */
struct kv_op {
	struct ib_cqe cqe;
	struct completion done;
	struct ib_wc wc;
};

/**
 * struct kv_side - one end
 * @dev: device; kept by the caller
 * @gid: its address
 * @pd: domain; @other_pd: another one
 * @cq: completions; @srq: shared receive queue, or NULL; @qp: queue pair
 * @mem: KV_BYTES in one piece
 * @mrs: regions that end with the pair
 * @nr_mrs: their number
 * @limit: the shared queue reached its limit
 */
struct kv_side {
	struct ib_device *dev;
	const struct ib_gid_attr *gid;
	struct ib_pd *pd;
	struct ib_pd *other_pd;
	struct ib_cq *cq;
	struct ib_srq *srq;
	struct ib_qp *qp;
	u8 *mem;
	struct ib_mr *mrs[KV_MAX_MRS];
	int nr_mrs;
	struct completion limit;
};

struct kv_pair {
	struct kv_side a;
	struct kv_side b;
};

/**
 * struct kv_sg - a scatter list over the pages of a side, in an order of its own
 * @sg: the list; @nr: entries
 * @mem: the pages
 * @first: bytes left out of the first page
 * @length: bytes
 */
struct kv_sg {
	struct scatterlist sg[KV_PAGES];
	int nr;
	u8 *mem;
	u32 first;
	u32 length;
};

/**
 * struct kv_case - a row of the table of cases
 * @name: as asked for
 * @run: does it
 * @srq: B has a shared receive queue
 */
struct kv_case {
	const char *name;
	int (*run)(struct kv_pair *p);
	bool srq;
};

/* main.c */
__printf(1, 2) void kv_log(const char *fmt, ...);

/* Is it so? Else say what is not and leave with -EBADMSG. */
#define NEED(cond)							\
	do {								\
		if (!(cond)) {						\
			kv_log("%s:%d: not so: %s\n", __func__,		\
			       __LINE__, #cond);			\
			return -EBADMSG;				\
		}							\
	} while (0)

/* Leave if it failed, and say where. */
#define TRY(call)							\
	do {								\
		int try_err = (call);					\
									\
		if (try_err) {						\
			kv_log("%s:%d: %s: %d\n", __func__, __LINE__,	\
			       #call, try_err);				\
			return try_err;					\
		}							\
	} while (0)

/* pair.c */
int kv_pair_open(struct kv_pair *p, struct ib_device *a, struct ib_device *b,
		 bool srq);
void kv_pair_close(struct kv_pair *p);
int kv_make_qp(struct kv_side *s, struct ib_pd *pd, struct ib_qp **qp);
/* Drained, whatever state it is in. */
void kv_destroy_qp(struct ib_qp *qp);
int kv_connect_qps(struct kv_side *a, struct ib_qp *aqp, struct kv_side *b,
		   struct ib_qp *bqp);
/* Both queue pairs as new: after an error. */
int kv_reconnect(struct kv_pair *p);

void kv_op_init(struct kv_op *op);
/* Post a work request, signaled; *op must stay until kv_wait(). */
int kv_post(struct ib_qp *qp, struct ib_send_wr *wr, struct kv_op *op);
int kv_wait(struct ib_qp *qp, struct kv_op *op, enum ib_wc_status want);
int kv_do_on(struct ib_qp *qp, struct ib_send_wr *wr, enum ib_wc_status want);
int kv_do(struct kv_side *s, struct ib_send_wr *wr, enum ib_wc_status want);
int kv_recv(struct kv_side *s, struct ib_sge *sge, struct kv_op *op);

/* Work requests, each posted and waited for; @want: the status it must have. */
int kv_reg(struct kv_side *s, struct ib_mr *mr, u32 key, int access,
	   enum ib_wc_status want);
int kv_inv(struct kv_side *s, u32 key, enum ib_wc_status want);
int kv_rdma(struct kv_side *s, enum ib_wr_opcode opcode, u32 lkey, u64 addr,
	    u32 len, u64 raddr, u32 rkey, enum ib_wc_status want);
/* The same between A's memory, at @off, and @raddr. */
int kv_write(struct kv_pair *p, u32 off, u32 len, u64 raddr, u32 rkey,
	     enum ib_wc_status want);
int kv_read(struct kv_pair *p, u32 off, u32 len, u64 raddr, u32 rkey,
	    enum ib_wc_status want);

/* Memory. A byte of a pattern by its place. */
static inline u8 kv_byte(u32 i, u8 seed)
{
	return i * 131 + (i >> 8) * 7 + seed;
}

void kv_fill(u8 *mem, u32 len, u8 seed);
int kv_expect(const u8 *mem, u32 len, u8 seed);
void kv_sg_init(struct kv_sg *l, u8 *mem, u32 first, u32 length);
/* The bytes of the list have the pattern, all others of its pages are @rest. */
int kv_sg_expect(const struct kv_sg *l, u8 seed, u8 rest);
void kv_sg_fill(const struct kv_sg *l, u8 seed);
int kv_mr(struct kv_side *s, struct ib_pd *pd, u32 pages, struct ib_mr **mr);
int kv_map(struct ib_mr *mr, struct kv_sg *l);
/* A region, mapped to the list and registered, with a new key. */
int kv_registered(struct kv_side *s, struct kv_sg *l, int access,
		  struct ib_mr **mr);
static inline u32 kv_next_key(struct ib_mr *mr)
{
	ib_update_fast_reg_key(mr, ib_inc_rkey(mr->rkey));
	return mr->rkey;
}

/* cases */
extern const struct kv_case kv_reg_cases[], kv_access_cases[];
extern const struct kv_case kv_queue_cases[], kv_object_cases[];

#endif /* KVERBS_H */
