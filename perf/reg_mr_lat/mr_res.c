// SPDX-License-Identifier: GPL-2.0
/*
 * The resource tracker's entry of a region: what `rdma -dd resource show mr` prints,
 * asked over netlink. Drivers say what they like there; "kernel_bytes" and "import"
 * are prxe's words.
 */
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "reg_mr_lat.h"

#define TYPE	RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_RES_MR_GET)

struct request {
	struct nlmsghdr nlh;
	struct nlattr index;
	uint32_t index_value;
	struct nlattr details;
	uint8_t details_value;
};

static bool ask(int sock, int index)
{
	struct request req = {
		.nlh = {
			.nlmsg_len = sizeof(req),
			.nlmsg_type = TYPE,
			.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		},
		.index = { NLA_HDRLEN + 4, RDMA_NLDEV_ATTR_DEV_INDEX },
		.index_value = (uint32_t)index,
		.details = { NLA_HDRLEN + 1, RDMA_NLDEV_ATTR_DRIVER_DETAILS },
		.details_value = 1,
	};

	return send(sock, &req, sizeof(req), 0) == sizeof(req);
}

static const void *data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

static size_t length(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

static unsigned int type(const struct nlattr *a)
{
	return a->nla_type & NLA_TYPE_MASK;
}

/* The attribute at *@at of @left bytes, behind which both are then; NULL: no more. */
static const struct nlattr *next(const char **at, size_t *left)
{
	const struct nlattr *a = (const void *)*at;
	size_t step;

	if (*left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > *left)
		return NULL;
	step = NLA_ALIGN(a->nla_len);
	step = step < *left ? step : *left;
	*at += step;
	*left -= step;
	return a;
}

static uint64_t integer(const struct nlattr *a)
{
	uint64_t wide = 0;
	uint32_t narrow = 0;

	if (length(a) >= sizeof(wide)) {
		memcpy(&wide, data(a), sizeof(wide));
		return wide;
	}
	if (length(a) >= sizeof(narrow))
		memcpy(&narrow, data(a), sizeof(narrow));
	return narrow;
}

static void text(const struct nlattr *a, char *to, size_t size)
{
	snprintf(to, size, "%.*s", (int)length(a), (const char *)data(a));
}

/* Names and values take turns. */
static void parse_driver(const struct nlattr *table, struct mr_res *res)
{
	const char *at = data(table);
	size_t left = length(table);
	const struct nlattr *a;
	char name[32] = "";

	while ((a = next(&at, &left))) {
		if (type(a) == RDMA_NLDEV_ATTR_DRIVER_PRINT_TYPE)
			continue;
		if (!*name) {
			text(a, name, sizeof(name));
			continue;
		}
		if (!strcmp(name, "kernel_bytes"))
			res->bytes = integer(a);
		else if (!strcmp(name, "import"))
			text(a, res->import, sizeof(res->import));
		*name = 0;
	}
}

/* One region: its driver's part comes before or behind the key. */
static void parse_entry(const struct nlattr *entry, uint32_t lkey, struct mr_res *res)
{
	const char *at = data(entry);
	size_t left = length(entry);
	struct mr_res found = { 0 };
	const struct nlattr *a;
	bool ours = false;

	while ((a = next(&at, &left))) {
		if (type(a) == RDMA_NLDEV_ATTR_RES_LKEY)
			ours = integer(a) == lkey;
		else if (type(a) == RDMA_NLDEV_ATTR_DRIVER)
			parse_driver(a, &found);
	}
	if (ours)
		*res = found;
}

static void parse_message(const struct nlmsghdr *nlh, uint32_t lkey,
			  struct mr_res *res)
{
	const char *at = NLMSG_DATA(nlh), *at_entry;
	size_t left = NLMSG_PAYLOAD(nlh, 0), left_entry;
	const struct nlattr *a, *entry;

	while ((a = next(&at, &left))) {
		if (type(a) != RDMA_NLDEV_ATTR_RES_MR)
			continue;
		at_entry = data(a);
		left_entry = length(a);
		while ((entry = next(&at_entry, &left_entry)))
			parse_entry(entry, lkey, res);
	}
}

static void answers(int sock, uint32_t lkey, struct mr_res *res)
{
	static char buf[65536] __attribute__((aligned(NLMSG_ALIGNTO)));
	const struct nlmsghdr *nlh;
	ssize_t n;

	while ((n = recv(sock, buf, sizeof(buf), 0)) > 0) {
		for (nlh = (void *)buf; NLMSG_OK(nlh, n); nlh = NLMSG_NEXT(nlh, n)) {
			if (nlh->nlmsg_type == NLMSG_DONE ||
			    nlh->nlmsg_type == NLMSG_ERROR)
				return;
			parse_message(nlh, lkey, res);
		}
	}
}

void mr_res_get(struct ibv_context *ctx, uint32_t lkey, struct mr_res *res)
{
	int index = ibv_get_device_index(ctx->device), sock;

	*res = (struct mr_res) { 0 };
	if (index < 0)
		return;
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	if (sock < 0)
		return;
	if (ask(sock, index))
		answers(sock, lkey, res);
	close(sock);
}
