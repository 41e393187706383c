/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Both ends of an RC or UC connection in one process, for tests that want to say
 * exactly what happens when: two devices (or one device twice), a QP on each,
 * connected by their GIDs without any other channel.
 *
 * A test is a function that returns after its checks; a check that fails prints
 * where and what, and ends the process with status 1. Functions named need_ do
 * that for whatever goes wrong.
 */
#ifndef PRXE_TESTS_PAIR_H
#define PRXE_TESTS_PAIR_H

#include <infiniband/verbs.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define FAIL(...)							\
	do {								\
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);		\
		fprintf(stderr, __VA_ARGS__);				\
		fputc('\n', stderr);					\
		exit(1);						\
	} while (0)

#define CHECK(cond, ...)						\
	do {								\
		if (!(cond))						\
			FAIL("check failed: " #cond ": " __VA_ARGS__);	\
	} while (0)

/* One end. */
struct end {
	struct ibv_context *ctx;
	struct ibv_pd *pd;
	struct ibv_cq *scq;
	struct ibv_cq *rcq;
	struct ibv_qp *qp;
	struct ibv_srq *srq;		/* with pair_opt.srq */
	struct ibv_comp_channel *channel;
	int gid_index;
	union ibv_gid gid;
};

/* What a connection is made with; all zero means the defaults of pair_defaults. */
struct pair_opt {
	enum ibv_qp_type type;		/* 0: RC */
	int family;			/* 4 or 6: which GID */
	enum ibv_mtu mtu;
	uint32_t psn;			/* of the first packet in either direction */
	uint8_t retry_cnt;
	uint8_t rnr_retry;
	uint8_t timeout;		/* local ACK timeout, encoded */
	uint8_t min_rnr_timer;
	uint8_t rd_atomic;		/* reads and atomics outstanding */
	int access;			/* qp_access_flags */
	uint32_t max_wr;
	uint32_t max_sge;
	uint32_t max_inline;
	bool sig_all;
	bool srq;			/* receives go through a shared queue */
	bool channel;			/* completion channels */
	bool placement;			/* flushes and atomic writes too, see wr_ex.h */
};

extern const struct pair_opt pair_defaults;

struct pair {
	struct end a;
	struct end b;
	struct pair_opt opt;
};

struct ibv_context *need_device(const char *name);
/* The index of the RoCE v2 GID of an IPv4 (4) or global IPv6 (6) address. */
int need_gid_index(struct ibv_context *ctx, int family, union ibv_gid *gid);

/* Devices and protection domains; @b may be the same as @a. */
void pair_open(struct pair *p, const char *a, const char *b,
	       const struct pair_opt *opt);
/* Completion queues and QPs, in RTS. May be called again after _disconnect. */
void pair_connect(struct pair *p);
void pair_create_qps(struct pair *p);
/* One end to INIT, RTR, RTS; returns errno of the first that failed. */
int end_to_init(struct end *e, const struct pair_opt *opt);
int end_to_rtr(struct end *e, const struct end *peer, const struct pair_opt *opt);
int end_to_rts(struct end *e, const struct pair_opt *opt);
void pair_disconnect(struct pair *p);
void pair_close(struct pair *p);

struct ibv_mr *need_mr(struct end *e, void *buf, size_t len, int access);

/* One completion, within some seconds. */
struct ibv_wc need_wc(struct ibv_cq *cq);
/* The same, and it is a success. */
struct ibv_wc need_ok(struct ibv_cq *cq);
/* The same, and it has this status. */
struct ibv_wc need_status(struct ibv_cq *cq, enum ibv_wc_status status);
/* No completion is there. */
void need_empty(struct ibv_cq *cq);

/* Work requests with one scatter/gather entry; wr_id is returned by need_wc. */
struct ibv_sge sge_of(const struct ibv_mr *mr, size_t off, size_t len);
int post_send(struct end *e, enum ibv_wr_opcode op, uint64_t wr_id,
	      struct ibv_sge sge, uint64_t remote, uint32_t rkey,
	      unsigned int flags);
void need_send(struct end *e, enum ibv_wr_opcode op, uint64_t wr_id,
	       struct ibv_sge sge, uint64_t remote, uint32_t rkey,
	       unsigned int flags);
void need_recv(struct end *e, uint64_t wr_id, struct ibv_sge sge);
void need_atomic(struct end *e, bool cas, uint64_t wr_id, struct ibv_sge sge,
		 uint64_t remote, uint32_t rkey, uint64_t compare_add,
		 uint64_t swap);
enum ibv_qp_state qp_state(struct ibv_qp *qp);
/* It gets into this state: the state follows the completion, from a work item. */
void need_state(struct ibv_qp *qp, enum ibv_qp_state state);
/* An asynchronous event of this kind arrives at @e; others fail. */
void need_event(struct end *e, enum ibv_event_type type);

/* A pattern in which every byte depends on its place and on @seed. */
void fill(void *buf, size_t len, uint32_t seed);
/* Is it there? Prints the first difference. */
void need_pattern(const void *buf, size_t len, uint32_t seed, const char *what);
/* Is every byte of it @value? */
void need_bytes(const void *buf, size_t len, uint8_t value, const char *what);

#endif
