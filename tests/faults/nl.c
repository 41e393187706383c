// SPDX-License-Identifier: GPL-2.0
/*
 * A little of rdma netlink (rdma/rdma_netlink.h). `rdma` itself is of no use here:
 * a fault is injected into a task, not into its children.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <rdma/rdma_netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults.h"

#define TYPE(cmd) RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, cmd)

struct request {
	struct nlmsghdr head;
	char attrs[512];
};

static int sock = -1;
static const char *space;
static unsigned int seq;
static char answer[65536];

/* A socket in the network namespace called @netns; NULL for our own. */
void nl_open(const char *netns)
{
	space = netns;
	sock = -1;
}

/* What @fn opens is of that namespace. */
static void in_space(void (*fn)(void))
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[128];
	int there;

	NEED(home >= 0, "/proc/self/ns/net: %m");
	if (space) {
		snprintf(path, sizeof(path), "/run/netns/%s", space);
		there = open(path, O_RDONLY | O_CLOEXEC);
		NEED(there >= 0 && !setns(there, CLONE_NEWNET), "%s: %m", path);
		close(there);
	}
	fn();
	NEED(!setns(home, CLONE_NEWNET), "setns: %m");
	close(home);
}

static void open_socket(void)
{
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_RDMA);
	NEED(sock >= 0, "netlink: %m");
}

static FILE *udp[2];

static void open_udp(void)
{
	udp[0] = fopen("/proc/thread-self/net/udp", "re");
	udp[1] = fopen("/proc/thread-self/net/udp6", "re");
	NEED(udp[0] && udp[1], "/proc/net/udp: %m");
}

/* The UDP sockets in the namespace: those of RoCE have port 4791, or none yet. */
void nl_sockets(FILE *out)
{
	unsigned int n = 0;
	char line[512];

	if (!udp[0])
		in_space(open_udp);
	for (int i = 0; i < 2; i++) {
		rewind(udp[i]);
		while (fgets(line, sizeof(line), udp[i]))
			n++;
	}
	fprintf(out, "UDP sockets: %u\n", n - 2);
}

void nl_close(void)
{
	if (sock >= 0)
		close(sock);
	sock = -1;
}

static void begin(struct request *r, unsigned int cmd, unsigned int flags)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_len = NLMSG_HDRLEN;
	r->head.nlmsg_type = TYPE(cmd);
	r->head.nlmsg_flags = NLM_F_REQUEST | flags;
	r->head.nlmsg_seq = ++seq;
}

static void put(struct request *r, unsigned int type, const void *data, size_t len)
{
	struct nlattr *a = (void *)((char *)r + r->head.nlmsg_len);

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy(a + 1, data, len);
	r->head.nlmsg_len += NLMSG_ALIGN(a->nla_len);
}

static void put_string(struct request *r, unsigned int type, const char *text)
{
	put(r, type, text, strlen(text) + 1);
}

/* Calls @fn for each answer. */
static int converse(const struct request *r, void (*fn)(const struct nlmsghdr *, void *),
		void *arg)
{
	if (send(sock, r, r->head.nlmsg_len, 0) < 0)
		return errno;
	for (;;) {
		ssize_t n = recv(sock, answer, sizeof(answer), 0);
		const struct nlmsghdr *h = (const void *)answer;

		if (n < 0)
			return errno;
		for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE)
				return -*(const int *)NLMSG_DATA(h);
			if (fn)
				fn(h, arg);
			if (!(r->head.nlmsg_flags & (NLM_F_DUMP | NLM_F_ACK)))
				return 0;
		}
	}
}

/*
 * Returns 0 or an errno, the kernel's or the socket's. After an error a dump may
 * still be under way; the next one begins on a new socket.
 */
static int talk(const struct request *r, void (*fn)(const struct nlmsghdr *, void *),
		void *arg)
{
	int err;

	if (sock < 0)
		in_space(open_socket);
	err = converse(r, fn, arg);
	if (err)
		nl_close();
	return err;
}

int nl_newlink(const char *name, const char *type, const char *netdev)
{
	struct request r;

	begin(&r, RDMA_NLDEV_CMD_NEWLINK, NLM_F_ACK);
	put_string(&r, RDMA_NLDEV_ATTR_DEV_NAME, name);
	put_string(&r, RDMA_NLDEV_ATTR_LINK_TYPE, type);
	put_string(&r, RDMA_NLDEV_ATTR_NDEV_NAME, netdev);
	return talk(&r, NULL, NULL);
}

/* The attribute of that type, or NULL. */
static const struct nlattr *find(const struct nlattr *a, int left, unsigned int type)
{
	while (left >= (int)sizeof(*a) && a->nla_len >= sizeof(*a) && a->nla_len <= left) {
		int len = NLA_ALIGN(a->nla_len);

		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a;
		left -= len;
		a = (const void *)((const char *)a + len);
	}
	return NULL;
}

static const struct nlattr *attr(const struct nlmsghdr *h, unsigned int type)
{
	return find(NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN, type);
}

struct lookup {
	const char *name;
	uint32_t index;
	bool found;
};

static void match(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *name = attr(h, RDMA_NLDEV_ATTR_DEV_NAME);
	const struct nlattr *index = attr(h, RDMA_NLDEV_ATTR_DEV_INDEX);
	struct lookup *l = arg;

	if (!name || !index || strcmp((const char *)(name + 1), l->name))
		return;
	l->index = *(const uint32_t *)(index + 1);
	l->found = true;
}

int nl_index(const char *name, uint32_t *index)
{
	struct lookup l = { .name = name };
	struct request r;
	int err;

	begin(&r, RDMA_NLDEV_CMD_GET, NLM_F_DUMP);
	err = talk(&r, match, &l);
	*index = l.index;
	return err ?: l.found ? 0 : ENODEV;
}

int nl_dellink(uint32_t index)
{
	struct request r;

	begin(&r, RDMA_NLDEV_CMD_DELLINK, NLM_F_ACK);
	put(&r, RDMA_NLDEV_ATTR_DEV_INDEX, &index, sizeof(index));
	return talk(&r, NULL, NULL);
}

/* `rdma -dd resource show KIND link NAME` and the like: the answer is dropped. */
static int ask(unsigned int command, unsigned int flags, const char *name)
{
	uint32_t index, port = 1;
	struct request r;
	int err;

	err = nl_index(name, &index);
	if (err)
		return err;
	begin(&r, command, flags);
	put(&r, RDMA_NLDEV_ATTR_DEV_INDEX, &index, sizeof(index));
	put(&r, RDMA_NLDEV_ATTR_PORT_INDEX, &port, sizeof(port));
	return talk(&r, NULL, NULL);
}

static void read_cntn(const struct nlmsghdr *h, void *cntn)
{
	const struct nlattr *a = attr(h, RDMA_NLDEV_ATTR_STAT_COUNTER_ID);

	if (a)
		memcpy(cntn, a + 1, sizeof(uint32_t));
}

/* Bind the queue pair to a new counter, or unbind it from @cntn. */
static int on_counter(unsigned int command, const char *name, uint32_t qpn, uint32_t *cntn)
{
	uint32_t index, port = 1, mode = RDMA_COUNTER_MODE_MANUAL;
	uint32_t what = RDMA_NLDEV_ATTR_RES_QP;
	struct request r;
	int err;

	err = nl_index(name, &index);
	if (err)
		return err;
	begin(&r, command, NLM_F_ACK);
	put(&r, RDMA_NLDEV_ATTR_DEV_INDEX, &index, sizeof(index));
	put(&r, RDMA_NLDEV_ATTR_PORT_INDEX, &port, sizeof(port));
	put(&r, RDMA_NLDEV_ATTR_STAT_RES, &what, sizeof(what));
	put(&r, RDMA_NLDEV_ATTR_RES_LQPN, &qpn, sizeof(qpn));
	if (command == RDMA_NLDEV_CMD_STAT_SET)
		put(&r, RDMA_NLDEV_ATTR_STAT_MODE, &mode, sizeof(mode));
	else
		put(&r, RDMA_NLDEV_ATTR_STAT_COUNTER_ID, cntn, sizeof(*cntn));
	return talk(&r, read_cntn, cntn);
}

int nl_bind(const char *name, uint32_t qpn, uint32_t *cntn)
{
	*cntn = 0;
	return on_counter(RDMA_NLDEV_CMD_STAT_SET, name, qpn, cntn);
}

int nl_unbind(const char *name, uint32_t qpn, uint32_t cntn)
{
	return on_counter(RDMA_NLDEV_CMD_STAT_DEL, name, qpn, &cntn);
}

/* `rdma statistic qp show link NAME/1` */
int nl_show_counters(const char *name)
{
	uint32_t index, what = RDMA_NLDEV_ATTR_RES_QP;
	struct request r;
	int err;

	err = nl_index(name, &index);
	if (err)
		return err;
	begin(&r, RDMA_NLDEV_CMD_STAT_GET, NLM_F_DUMP);
	put(&r, RDMA_NLDEV_ATTR_DEV_INDEX, &index, sizeof(index));
	put(&r, RDMA_NLDEV_ATTR_STAT_RES, &what, sizeof(what));
	return talk(&r, NULL, NULL);
}

int nl_dump(unsigned int command, const char *name)
{
	return ask(command, NLM_F_DUMP, name);
}

int nl_get(unsigned int command, const char *name)
{
	return ask(command, 0, name);
}

static void print_counts(const struct nlmsghdr *h, void *out)
{
	const struct nlattr *all = attr(h, RDMA_NLDEV_ATTR_RES_SUMMARY), *one;
	int left;

	if (!all)
		return;
	left = all->nla_len - NLA_HDRLEN;
	for (one = all + 1; left >= NLA_HDRLEN;
	     left -= NLA_ALIGN(one->nla_len),
	     one = (const void *)((const char *)one + NLA_ALIGN(one->nla_len))) {
		int len = one->nla_len - NLA_HDRLEN;
		const struct nlattr *name = find(one + 1, len,
						 RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_NAME);
		const struct nlattr *count = find(one + 1, len,
						  RDMA_NLDEV_ATTR_RES_SUMMARY_ENTRY_CURR);
		uint64_t n;

		if (!name || !count)
			continue;
		memcpy(&n, count + 1, sizeof(n));
		fprintf(out, "%s %llu ", (const char *)(name + 1), (unsigned long long)n);
	}
}

/* `rdma resource show NAME`; nothing if there is no such device. */
void nl_resources(FILE *out, const char *name)
{
	struct request r;
	uint32_t index;
	int err;

	fprintf(out, "%s: ", name);
	err = nl_index(name, &index);
	if (!err) {
		begin(&r, RDMA_NLDEV_CMD_RES_GET, 0);
		put(&r, RDMA_NLDEV_ATTR_DEV_INDEX, &index, sizeof(index));
		err = talk(&r, print_counts, out);
	}
	fprintf(out, "%s\n", err ? strerror(err) : "");
}
