/* SPDX-License-Identifier: GPL-2.0 */
/* A connection of libfabric's: one endpoint (FI_EP_MSG) of the verbs provider. */
#ifndef PRXE_TESTS_LIBFABRIC_H
#define PRXE_TESTS_LIBFABRIC_H

#include <rdma/fabric.h>
#include <rdma/fi_cm.h>
#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>
#include <rdma/fi_rma.h>
#include <stdbool.h>

#include "../verbs/pair.h"

/* A call of libfabric's that succeeds. */
#define NEED(call)							\
	do {								\
		int need_ret = (call);					\
									\
		CHECK(!need_ret, "%s", fi_strerror(-need_ret));		\
	} while (0)

struct link {
	struct fi_info *info;
	struct fid_fabric *fabric;
	struct fid_eq *eq;
	struct fid_pep *pep;		/* of the side that listens */
	struct fid_domain *domain;
	struct fid_cq *cq;
	struct fid_ep *ep;
};

/*
 * Connect to @address, or wait for somebody who does. @prepare is called with an
 * endpoint that can have receives, before the other side can send.
 */
void link_open(struct link *link, bool connect, const char *address, const char *port,
	       void (*prepare)(struct link *link, void *context), void *context);
/* The next completion, if there is one; with @wait there will be. */
bool link_completion(struct link *link, struct fi_cq_data_entry *entry, bool wait);
/* The next event of the connection's management is this. */
struct fi_info *link_event(struct link *link, uint32_t want);
/* All but the endpoint, which is closed before the memory that it uses. */
void link_close(struct link *link);

#endif
