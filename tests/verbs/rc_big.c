// SPDX-License-Identifier: GPL-2.0
/*
 * rc_big DEVICE DEVICE: one message of 2 GiB, the largest there is, and one byte
 * more, which is refused. Gathered from and scattered to one buffer many times
 * over, so that it needs little memory.
 */
#include "pair.h"

#define CHUNK	(64u << 20)
#define NR	32

static struct pair p;

static void post(struct ibv_mr *mr, enum ibv_wr_opcode op, unsigned int extra,
		 uint64_t wr_id)
{
	struct ibv_sge sge[NR];
	struct ibv_send_wr *bad, wr = {
		.wr_id = wr_id, .sg_list = sge, .num_sge = NR, .opcode = op,
		.send_flags = IBV_SEND_SIGNALED,
	};

	for (int i = 0; i < NR; i++)
		sge[i] = sge_of(mr, 0, CHUNK);
	sge[0].length += extra;
	CHECK(!ibv_post_send(p.a.qp, &wr, &bad), "ibv_post_send");
}

static void post_receive(struct ibv_mr *mr)
{
	struct ibv_sge sge[NR];
	struct ibv_recv_wr *bad, wr = { .sg_list = sge, .num_sge = NR };

	for (int i = 0; i < NR; i++)
		sge[i] = sge_of(mr, 0, CHUNK);
	CHECK(!ibv_post_recv(p.b.qp, &wr, &bad), "ibv_post_recv");
}

int main(int argc, char **argv)
{
	struct pair_opt opt = pair_defaults;
	struct ibv_mr *amr, *bmr;
	uint8_t *src, *dst;
	struct ibv_wc wc;

	if (argc != 3) {
		fprintf(stderr, "usage: rc_big DEVICE DEVICE\n");
		return 2;
	}
	opt.mtu = IBV_MTU_4096;
	opt.max_sge = NR;
	opt.timeout = 20;
	pair_open(&p, argv[1], argv[2], &opt);
	src = aligned_alloc(4096, CHUNK + 4096);
	dst = aligned_alloc(4096, CHUNK);
	CHECK(src && dst, "no memory");
	fill(src, CHUNK, 1);
	amr = need_mr(&p.a, src, CHUNK + 4096, IBV_ACCESS_LOCAL_WRITE);
	bmr = need_mr(&p.b, dst, CHUNK, IBV_ACCESS_LOCAL_WRITE);
	pair_connect(&p);

	post_receive(bmr);
	post(amr, IBV_WR_SEND, 0, 1);
	/* minutes on an emulated machine: ask again until it is there */
	while (!ibv_poll_cq(p.a.scq, 1, &wc))
		;
	CHECK(wc.status == IBV_WC_SUCCESS, "%s", ibv_wc_status_str(wc.status));
	CHECK(need_ok(p.b.rcq).byte_len == 0x80000000u, "byte_len");
	need_pattern(dst, CHUNK, 1, "2 GiB");

	post(amr, IBV_WR_SEND, 1, 2);
	CHECK(need_status(p.a.scq, IBV_WC_LOC_LEN_ERR).wr_id == 2, "wr_id");

	pair_disconnect(&p);
	CHECK(!ibv_dereg_mr(amr) && !ibv_dereg_mr(bmr), "ibv_dereg_mr");
	pair_close(&p);
	free(src);
	free(dst);
	return 0;
}
