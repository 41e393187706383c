// SPDX-License-Identifier: GPL-2.0
/*
 * faults_kverbs DEVICE DEVICE: verbs of kernel users, by prxe_kverbs, which makes them in
 * the context of whoever asks. A case makes all the objects that a ULP has, two of
 * most, connects them and does its work.
 */
#include <fcntl.h>
#include <unistd.h>

#include "faults.h"

static const char *device_a, *device_b;

static int run(const char *name)
{
	int fd = open("/sys/kernel/debug/prxe_kverbs/run", O_WRONLY | O_CLOEXEC);
	int err = fd < 0 ? errno : 0;
	char line[100];

	if (err)
		return err;
	snprintf(line, sizeof(line), "%s %s %s", name, device_a, device_b);
	if (write(fd, line, strlen(line)) < 0)
		err = errno;
	close(fd);
	return err;
}

static int call_objects(void)
{
	return run("objects");
}

static int call_data(void)
{
	return run("local");
}

static int call_srq(void)
{
	return run("srq");
}

static const struct fault_call calls[] = {
	CALL("objects", "prxe_ops.alloc_mr prxe_ops.dereg_mr prxe_ops.alloc_pd "
	     "prxe_ops.get_dma_mr prxe_ops.create_cq prxe_ops.destroy_cq prxe_ops.create_srq "
	     "prxe_ops.destroy_srq prxe_ops.create_qp prxe_ops.destroy_qp "
	     "prxe_ops.modify_qp", call_objects),
	CALL("registered memory", "prxe_ops.map_mr_sg prxe_ops.post_send prxe_ops.post_recv",
	     call_data),
	CALL("shared receive queue", "prxe_ops.post_srq_recv prxe_ops.modify_srq "
	     "prxe_ops.query_srq", call_srq),
};

static void open_all(char **argv)
{
	device_a = argv[0];
	device_b = argv[1];
	nl_open(NULL);
}

static void close_all(void)
{
	nl_close();
}

static void state(FILE *out)
{
	nl_resources(out, device_a);
	nl_resources(out, device_b);
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
