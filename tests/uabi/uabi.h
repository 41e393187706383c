/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The uABI spoken raw: commands by write() on the device file, with driver data
 * that no library would send. docs/uabi.md has the driver data.
 */
#ifndef UABI_H
#define UABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/prxe-abi.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Failed checks so far; a check says what, and the program goes on. */
extern int failures;

#define check(cond, ...)						\
	do {								\
		if (!(cond)) {						\
			failures++;					\
			printf("%s:%d: ", __FILE__, __LINE__);		\
			printf(__VA_ARGS__);				\
			printf("\n");					\
		}							\
	} while (0)

/* For what the test itself needs: no sense to go on. */
#define must(cond, ...)							\
	do {								\
		if (!(cond)) {						\
			printf("%s:%d: ", __FILE__, __LINE__);		\
			printf(__VA_ARGS__);				\
			printf("\n");					\
			exit(1);					\
		}							\
	} while (0)

/**
 * struct raw_cmd - a command
 * @nr: IB_USER_VERBS_CMD_*
 * @cmd: its structure, of @cmd_len bytes; one with a response begins with its
 *	address, which is filled in
 * @in: driver data, of @in_len bytes
 * @resp: room for the core's response, @resp_len bytes
 * @out: room for the driver's, @out_len bytes, right behind @resp; a copy is
 *	made unless @out_fault
 * @out_fault: the driver's response is to hit memory that is not there
 */
struct raw_cmd {
	unsigned int nr;
	void *cmd;
	size_t cmd_len;
	const void *in;
	size_t in_len;
	void *resp;
	size_t resp_len;
	void *out;
	size_t out_len;
	bool out_fault;
};

/* Return: 0 or a negative errno. */
int raw_call(int fd, const struct raw_cmd *c);

/* Open the device file of an RDMA device, without a context yet. */
int raw_open_file(const char *ibdev);
/* The same with a context. */
int raw_open(const char *ibdev);

uint32_t raw_alloc_pd(int fd);
int raw_create_cq(int fd, uint32_t cqe, uint32_t *handle,
		  struct prxe_create_cq_resp *resp);
int raw_create_qp(int fd, uint32_t pd, uint32_t cq,
		  struct ib_uverbs_create_qp_resp *core,
		  struct prxe_create_qp_resp *resp);
/* @srq: the handle of a shared receive queue; NULL for one of its own */
int raw_create_qp_on(int fd, uint32_t pd, uint32_t cq, const uint32_t *srq,
		     struct ib_uverbs_create_qp_resp *core,
		     struct prxe_create_qp_resp *resp);
int raw_create_srq(int fd, uint32_t pd, uint32_t *handle,
		   struct prxe_create_srq_resp *resp);
int raw_destroy_srq(int fd, uint32_t handle);
int raw_destroy_cq(int fd, uint32_t handle);
int raw_destroy_qp(int fd, uint32_t handle);
/* A doorbell, or with @wrs a post that only kernel users are allowed. */
int raw_post_send(int fd, uint32_t qp, unsigned int wrs);
int raw_post_recv(int fd, uint32_t qp, unsigned int wrs);

struct ibv_context;
/* By libibverbs and our provider. */
struct ibv_context *verbs_open(const char *name);

/* What main() dispatches to; the device's name is the first argument. */
int test_mmap(const char *dev, char **argv);
int test_udata(const char *dev, char **argv);
int test_limits(const char *dev, char **argv);
int test_modify(const char *dev, char **argv);
int test_cq(const char *dev, char **argv);
int test_scribble(const char *dev, char **argv);
int test_hold(const char *dev, char **argv);

#endif /* UABI_H */
