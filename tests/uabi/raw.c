// SPDX-License-Identifier: GPL-2.0
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <sys/mman.h>
#include <unistd.h>

#include "uabi.h"

/* Two pages, the second of which faults. */
static char *fence(void)
{
	static char *pages;
	size_t page = sysconf(_SC_PAGESIZE);

	if (!pages) {
		pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(pages != MAP_FAILED, "mmap");
		must(!munmap(pages + page, page), "munmap");
	}
	return pages + page;
}

int raw_call(int fd, const struct raw_cmd *c)
{
	size_t in = sizeof(struct ib_uverbs_cmd_hdr) + c->cmd_len + c->in_len;
	size_t out = c->resp_len + c->out_len;
	char *req = calloc(1, in + 8), *resp = NULL, *buf;
	struct ib_uverbs_cmd_hdr *hdr = (void *)req;
	uint64_t addr;
	int ret = 0;

	must(req, "no memory");
	must(in % 4 == 0 && out % 4 == 0, "commands are counted in words");
	hdr->command = c->nr;
	hdr->in_words = in / 4;
	hdr->out_words = out / 4;
	if (out) {
		resp = malloc(out);
		must(resp, "no memory");
		memset(resp, 0xa5, out);
		buf = c->out_fault ? fence() - c->resp_len : resp;
		addr = (uintptr_t)buf;
		memcpy(c->cmd, &addr, sizeof(addr));
	}
	memcpy(req + sizeof(*hdr), c->cmd, c->cmd_len);
	if (c->in_len)
		memcpy(req + sizeof(*hdr) + c->cmd_len, c->in, c->in_len);

	if (write(fd, req, in) != (ssize_t)in)
		ret = -errno;
	if (!ret && resp && !c->out_fault) {
		memcpy(c->resp, resp, c->resp_len);
		if (c->out_len)
			memcpy(c->out, resp + c->resp_len, c->out_len);
	}
	free(resp);
	free(req);
	return ret;
}

static bool is_of(const char *uverbs, const char *ibdev)
{
	char path[300], name[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/infiniband_verbs/%s/ibdev",
		 uverbs);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (!fgets(name, sizeof(name), f))
		name[0] = 0;
	fclose(f);
	name[strcspn(name, "\n")] = 0;
	return !strcmp(name, ibdev);
}

int raw_open_file(const char *ibdev)
{
	DIR *dir = opendir("/sys/class/infiniband_verbs");
	struct dirent *d;
	char path[300];
	int fd = -1;

	must(dir, "no infiniband_verbs class");
	while (fd < 0 && (d = readdir(dir))) {
		if (strncmp(d->d_name, "uverbs", 6) || !is_of(d->d_name, ibdev))
			continue;
		snprintf(path, sizeof(path), "/dev/infiniband/%s", d->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
		must(fd >= 0, "cannot open %s: %m", path);
	}
	closedir(dir);
	must(fd >= 0, "no device file of %s", ibdev);
	return fd;
}

int raw_open(const char *ibdev)
{
	struct prxe_alloc_ucontext_resp out;
	struct prxe_alloc_ucontext_req in = {};
	struct ib_uverbs_get_context_resp resp;
	struct ib_uverbs_get_context cmd = {};
	int fd = raw_open_file(ibdev);
	int ret;

	ret = raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_GET_CONTEXT,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &in, .in_len = sizeof(in),
		.resp = &resp, .resp_len = sizeof(resp),
		.out = &out, .out_len = sizeof(out),
	});
	must(!ret, "get_context: %s", strerror(-ret));
	check(out.max_inline == PRXE_MAX_INLINE, "max_inline %u", out.max_inline);
	return fd;
}

uint32_t raw_alloc_pd(int fd)
{
	struct ib_uverbs_alloc_pd_resp resp;
	struct ib_uverbs_alloc_pd cmd = {};
	int ret = raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_ALLOC_PD,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
	});

	must(!ret, "alloc_pd: %s", strerror(-ret));
	return resp.pd_handle;
}

int raw_create_cq(int fd, uint32_t cqe, uint32_t *handle,
		  struct prxe_create_cq_resp *out)
{
	struct ib_uverbs_create_cq cmd = { .cqe = cqe, .comp_channel = -1 };
	struct ib_uverbs_create_cq_resp resp;
	struct prxe_create_cq_req in = {};
	int ret = raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_CREATE_CQ,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &in, .in_len = sizeof(in),
		.resp = &resp, .resp_len = sizeof(resp),
		.out = out, .out_len = sizeof(*out),
	});

	if (!ret)
		*handle = resp.cq_handle;
	return ret;
}

int raw_create_qp_on(int fd, uint32_t pd, uint32_t cq, const uint32_t *srq,
		     struct ib_uverbs_create_qp_resp *core,
		     struct prxe_create_qp_resp *out)
{
	struct ib_uverbs_create_qp cmd = {
		.pd_handle = pd,
		.send_cq_handle = cq,
		.recv_cq_handle = cq,
		.max_send_wr = 64,
		.max_recv_wr = 64,
		.max_send_sge = 4,
		.max_recv_sge = 4,
		.max_inline_data = 64,
		.qp_type = IB_UVERBS_QPT_RC,
		.is_srq = !!srq,
		.srq_handle = srq ? *srq : 0,
	};
	struct prxe_create_qp_req in = {};

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_CREATE_QP,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &in, .in_len = sizeof(in),
		.resp = core, .resp_len = sizeof(*core),
		.out = out, .out_len = sizeof(*out),
	});
}

int raw_create_qp(int fd, uint32_t pd, uint32_t cq,
		  struct ib_uverbs_create_qp_resp *core,
		  struct prxe_create_qp_resp *out)
{
	return raw_create_qp_on(fd, pd, cq, NULL, core, out);
}

int raw_create_srq(int fd, uint32_t pd, uint32_t *handle,
		   struct prxe_create_srq_resp *out)
{
	struct ib_uverbs_create_srq cmd = {
		.pd_handle = pd, .max_wr = 64, .max_sge = 4,
	};
	struct ib_uverbs_create_srq_resp resp;
	int ret = raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_CREATE_SRQ,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
		.out = out, .out_len = sizeof(*out),
	});

	if (!ret)
		*handle = resp.srq_handle;
	return ret;
}

int raw_destroy_srq(int fd, uint32_t handle)
{
	struct ib_uverbs_destroy_srq cmd = { .srq_handle = handle };
	struct ib_uverbs_destroy_srq_resp resp;

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DESTROY_SRQ,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
	});
}

int raw_destroy_cq(int fd, uint32_t handle)
{
	struct ib_uverbs_destroy_cq cmd = { .cq_handle = handle };
	struct ib_uverbs_destroy_cq_resp resp;

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DESTROY_CQ,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
	});
}

int raw_destroy_qp(int fd, uint32_t handle)
{
	struct ib_uverbs_destroy_qp cmd = { .qp_handle = handle };
	struct ib_uverbs_destroy_qp_resp resp;

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_DESTROY_QP,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.resp = &resp, .resp_len = sizeof(resp),
	});
}

int raw_post_send(int fd, uint32_t qp, unsigned int wrs)
{
	struct ib_uverbs_post_send cmd = {
		.qp_handle = qp,
		.wr_count = wrs,
		.wqe_size = sizeof(struct ib_uverbs_send_wr),
	};
	struct ib_uverbs_send_wr wr = { .opcode = IB_UVERBS_WR_SEND };
	struct ib_uverbs_post_send_resp resp;

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_POST_SEND,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &wr, .in_len = wrs * sizeof(wr),
		.resp = &resp, .resp_len = sizeof(resp),
	});
}

int raw_post_recv(int fd, uint32_t qp, unsigned int wrs)
{
	struct ib_uverbs_post_recv cmd = {
		.qp_handle = qp,
		.wr_count = wrs,
		.wqe_size = sizeof(struct ib_uverbs_recv_wr),
	};
	struct ib_uverbs_recv_wr wr = {};
	struct ib_uverbs_post_recv_resp resp;

	return raw_call(fd, &(struct raw_cmd) {
		.nr = IB_USER_VERBS_CMD_POST_RECV,
		.cmd = &cmd, .cmd_len = sizeof(cmd),
		.in = &wr, .in_len = wrs * sizeof(wr),
		.resp = &resp, .resp_len = sizeof(resp),
	});
}

struct ibv_context *verbs_open(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;

	must(list, "no device list");
	for (int i = 0; list[i] && !ctx; i++)
		if (!strcmp(ibv_get_device_name(list[i]), name))
			ctx = ibv_open_device(list[i]);
	ibv_free_device_list(list);
	must(ctx, "cannot open %s", name);
	return ctx;
}
