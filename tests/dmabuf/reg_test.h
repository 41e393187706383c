/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reg_test: registers memory regions, right and wrong, and looks at what they
 * cost and leave. Every case is a function that exits with a message at the first
 * thing that is not as it should be.
 */
#ifndef REG_TEST_H
#define REG_TEST_H

#include <infiniband/verbs.h>

#include "softgpu_test.h"

#define RW (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | \
	    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

/* What a case works with. */
struct reg {
	struct device gpu;
	struct ibv_context *ctx;
	struct ibv_pd *pd;
};

/* reg_main.c */
struct ibv_mr *need_dmabuf_mr(struct reg *r, int fd, uint64_t offset, size_t len,
			      uint64_t iova);
void drop_mr(struct ibv_mr *mr);
unsigned int mrs_of(struct reg *r);

/* the cases */
void case_bad_dmabuf(struct reg *r);
void case_bad_user(struct reg *r);
void case_keys(struct reg *r);
void case_good(struct reg *r);
void case_huge(struct reg *r);
void case_hold(struct reg *r);
void case_latency(struct reg *r);
void case_memlock(struct reg *r);
void case_storm(struct reg *r);

#endif /* REG_TEST_H */
