// SPDX-License-Identifier: GPL-2.0
/*
 * faults_link HOST NETDEV: the making and the removal of a device, in the network
 * namespace HOST where no other one is, so that the namespace's sockets come and go
 * with it. What ib_core does about a new device (QP 1, CM, GIDs) fails as well;
 * without memory for these it goes on.
 */
#include <unistd.h>

#include "faults.h"

#define NAME	"prxeF"
#define SYSFS	"/sys/class/infiniband/" NAME

static const char *host, *netdev;
static uint32_t device_index;

static bool is_there(void)
{
	return !access(SYSFS, F_OK);
}

/* The answer may get lost although all went well. */
static int call_add(void)
{
	int err = nl_newlink(NAME, "prxe", netdev);

	return err && is_there() ? 0 : err;
}

static int call_delete(void)
{
	int err = nl_dellink(device_index);

	return err && !is_there() ? 0 : err;
}

static void undo_add(void)
{
	int err = nl_index(NAME, &device_index) ?: nl_dellink(device_index);

	NEED(!err, "rdma link delete: %s", strerror(err));
}

static void undo_delete(void)
{
	int err = nl_newlink(NAME, "prxe", netdev) ?: nl_index(NAME, &device_index);

	NEED(!err, "rdma link add: %s", strerror(err));
}

static void word_of(const char *file, char *word)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), SYSFS "/%s", file);
	f = fopen(path, "re");
	NEED(f && fscanf(f, "%63s", word) == 1, "%s: %m", path);
	fclose(f);
}

/* The port is active, the address's GID is there, and QP 1. */
static void verify_add(void)
{
	char word[64];

	word_of("ports/1/state", word);
	NEED(!strcmp(word, "4:"), "state %s", word);
	word_of("ports/1/gids/0", word);
	NEED(strcmp(word, "0000:0000:0000:0000:0000:0000:0000:0000"), "no GID");
	word_of("ports/1/hw_counters/sent_pkts", word);
}

static void verify_delete(void)
{
	NEED(!is_there(), "the device is there");
}

static const struct fault_call calls[] = {
	CALL("rdma link add", "prxe_link_ops.newlink prxe_ops.alloc_hw_port_stats "
	     "prxe_ops.create_cq prxe_ops.get_dma_mr prxe_ops.get_port_immutable "
	     "prxe_ops.post_recv prxe_ops.create_qp prxe_ops.modify_qp prxe_ops.alloc_pd",
	     call_add, .undo = undo_add, .verify = verify_add,
	     .flags = FAULT_HALF_DONE | FAULT_OBJECTS_ONLY, .dense = 30, .step = 811,
	     .also = ENOBUFS, .why = "no sk_buff for netlink"),
	CALL("rdma link delete", "prxe_ops.dealloc_driver prxe_ops.destroy_cq "
	     "prxe_ops.destroy_qp prxe_ops.dereg_mr", call_delete, .undo = undo_delete,
	     .verify = verify_delete, .prepare = undo_delete, .unprepare = undo_add,
	     .flags = FAULT_OBJECTS_ONLY, .dense = 30, .step = 61,
	     .also = ENOBUFS, .why = "no sk_buff for netlink"),
};

static void open_all(char **argv)
{
	host = argv[0];
	netdev = argv[1];
	nl_open(host);
}

static void close_all(void)
{
	nl_close();
}

static void state(FILE *out)
{
	nl_resources(out, NAME);
	nl_sockets(out);
	state_modules(out);
	state_self(out);
	state_sites(out);
}

int main(int argc, char **argv)
{
	static const struct fault_table table = {
		calls, ARRAY_SIZE(calls), open_all, close_all, state, false,
	};

	return fault_main(&table, argc, argv, 2);
}
