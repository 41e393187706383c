// SPDX-License-Identifier: GPL-2.0
/*
 * local_path DEVICE DEVICE [CASE [COMMAND]]: what is particular about connections
 * within a device, which need no packets: that none are sent, the order when the
 * path changes in the middle of a stream, and when it must not be taken. COMMAND is
 * for the case cut: it takes the network away.
 */
#include "local.h"

#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>


static const char *device, *command;

static void write_len(uint64_t wr_id, size_t off, size_t len)
{
	need_send(&p.a, IBV_WR_RDMA_WRITE, wr_id, sge_of(amr, off, len),
		  (uintptr_t)bbuf + off, bmr->rkey, IBV_SEND_SIGNALED);
}

/* One of each kind. Return: how many. */
static unsigned int one_of_each(void)
{
	const size_t len = 100003;	/* more than one part */
	unsigned int i;

	fill(abuf, len, 1);
	memset(bbuf, 0, SIZE);
	write_len(1, 0, len);
	need_ok(p.a.scq);
	need_pattern(bbuf, len, 1, "write");
	need_recv(&p.b, 2, sge_of(bmr, 200000, len));
	need_send(&p.a, IBV_WR_SEND_WITH_IMM, 2, sge_of(amr, 0, len), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_ok(p.b.rcq);
	need_pattern(bbuf + 200000, len, 1, "send");
	memset(abuf, 0, SIZE);
	need_send(&p.a, IBV_WR_RDMA_READ, 3, sge_of(amr, 300001, len),
		  (uintptr_t)bbuf + 200000, bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	need_pattern(abuf + 300001, len, 1, "read");
	for (i = 0; i < 2; i++) {
		need_atomic(&p.a, i, 4 + i, sge_of(amr, 8, 8), (uintptr_t)bbuf,
			    bmr->rkey, 0, 0);
		need_ok(p.a.scq);
	}
	need_send(&p.a, IBV_WR_RDMA_WRITE, 6, sge_of(amr, 0, 0), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p.a.scq);
	return 6;
}

/* Without packets, and with: the switch is obeyed at once, there and back. */
static void no_packets(void)
{
	unsigned long pkts, wqes;
	unsigned int i, n;

	for (i = 0; i < 4; i++) {
		local_path(i % 2);
		pkts = counter(device, "sent_pkts");
		wqes = counter(device, "local_path_wqes");
		n = one_of_each();
		pkts = counter(device, "sent_pkts") - pkts;
		wqes = counter(device, "local_path_wqes") - wqes;
		if (i % 2)
			CHECK(!pkts && wqes == n, "%lu packets, %lu of %u",
			      pkts, wqes, n);
		else
			CHECK(pkts > 3 * 100 && !wqes, "%lu packets, %lu",
			      pkts, wqes);
	}
}

/*
 * Everything goes to one place: a write, a read of it, an atomic that counts, a
 * send. Each has to see all that was posted before it and nothing after it. One
 * doorbell for all, so that the path changes while packets are under way.
 */
#define ROUND	10
#define KINDS	4

/* Work request @n: of kind @n % KINDS, with the data of @n / KINDS. */
static void order_wr(struct ibv_send_wr *wr, struct ibv_sge *sge, unsigned int n)
{
	static const enum ibv_wr_opcode op[KINDS] = {
		IBV_WR_RDMA_WRITE, IBV_WR_RDMA_READ, IBV_WR_ATOMIC_FETCH_AND_ADD,
		IBV_WR_SEND,
	};
	const size_t len = 20011, i = n / KINDS;

	*wr = (struct ibv_send_wr) {
		.wr_id = n, .sg_list = sge, .num_sge = 1, .opcode = op[n % KINDS],
		.send_flags = IBV_SEND_SIGNALED,
	};
	*sge = sge_of(amr, i * len, len);
	if (wr->opcode == IBV_WR_RDMA_READ)
		*sge = sge_of(amr, 500000 + i * len, len);
	wr->wr.rdma.remote_addr = (uintptr_t)bbuf + 77;
	wr->wr.rdma.rkey = bmr->rkey;
	if (wr->opcode != IBV_WR_ATOMIC_FETCH_AND_ADD)
		return;
	*sge = sge_of(amr, 900000 + 8 * i, 8);
	wr->wr.atomic.remote_addr = (uintptr_t)bbuf + 900000;
	wr->wr.atomic.rkey = bmr->rkey;
	wr->wr.atomic.compare_add = 1;
}

static void order_round(unsigned int round, uint64_t *count)
{
	struct ibv_send_wr wr[ROUND * KINDS], *bad;
	struct ibv_sge sge[ROUND * KINDS];
	const size_t len = 20011;
	unsigned int i;

	for (i = 0; i < ROUND; i++) {
		fill(abuf + i * len, len, round + i);
		need_recv(&p.b, i, sge_of(bmr, 500000 + i * len, len));
	}
	for (i = 0; i < ROUND * KINDS; i++) {
		order_wr(&wr[i], &sge[i], i);
		if (i)
			wr[i - 1].next = &wr[i];
	}
	CHECK(!ibv_post_send(p.a.qp, wr, &bad), "ibv_post_send");
	for (i = 0; i < ROUND * KINDS; i++)
		CHECK(need_ok(p.a.scq).wr_id == i, "completions out of order");
	for (i = 0; i < ROUND; i++) {
		const uint64_t *old = (uint64_t *)(abuf + 900000) + i;

		CHECK(need_ok(p.b.rcq).wr_id == i, "receives out of order");
		need_pattern(abuf + 500000 + i * len, len, round + i, "read");
		need_pattern(bbuf + 500000 + i * len, len, round + i, "send");
		CHECK(*old == (*count)++, "%llu before atomic %llu",
		      (unsigned long long)*old, (unsigned long long)*count);
	}
}

static void order(void)
{
	unsigned long pkts = counter(device, "sent_pkts");
	unsigned long wqes = counter(device, "local_path_wqes");
	unsigned int i, n = 60;
	uint64_t count = 0;

	memset(bbuf + 900000, 0, 8);
	flip_begin();
	for (i = 0; i < n; i++)
		order_round(i, &count);
	flip_stop();
	pkts = counter(device, "sent_pkts") - pkts;
	wqes = counter(device, "local_path_wqes") - wqes;
	printf("%lu of %u work requests without packets, %lu packets\n", wqes,
	       KINDS * ROUND * n, pkts);
	CHECK(wqes && wqes < 1ul * KINDS * ROUND * n && pkts, "only one path was taken");
}

/* A queue pair that is its own peer. */
static void itself(void)
{
	to_state(p.a.qp, IBV_QPS_RESET);
	CHECK(!end_to_init(&p.a, &p.opt) && !end_to_rtr(&p.a, &p.a, &p.opt) &&
	      !end_to_rts(&p.a, &p.opt), "connect to itself");
	fill(abuf, 100003, 5);
	need_recv(&p.a, 1, sge_of(amr, 200000, 100003));
	need_send(&p.a, IBV_WR_SEND, 2, sge_of(amr, 0, 100003), 0, 0,
		  IBV_SEND_SIGNALED);
	CHECK(need_ok(p.a.scq).wr_id == 2 && need_ok(p.a.rcq).wr_id == 1, "");
	need_pattern(abuf + 200000, 100003, 5, "to itself");
	need_send(&p.a, IBV_WR_RDMA_WRITE, 3, sge_of(amr, 0, 8),
		  (uintptr_t)abuf, amr->rkey ^ 0x550000, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	need_state(p.a.qp, IBV_QPS_ERR);
}

/* Source and target overlap within a page: as if it were copied out, then in. */
static void overlap(void)
{
	struct ibv_mr *mr = need_mr(&p.b, abuf, SIZE, all_rights);
	static const int shifts[] = { 100, -100, 1, -7 };
	uint8_t want[4096];
	unsigned int i, on;

	for (i = 0; i < 8; i++) {
		int shift = shifts[i % 4];

		on = i / 4;
		local_path(on);
		fill(abuf, sizeof(want), i);
		memcpy(want, abuf, sizeof(want));
		memmove(want + 1000 + shift, want + 1000, 999);
		need_send(&p.a, IBV_WR_RDMA_WRITE, i, sge_of(amr, 1000, 999),
			  (uintptr_t)abuf + 1000 + (uintptr_t)(intptr_t)shift,
			  mr->rkey, IBV_SEND_SIGNALED);
		need_ok(p.a.scq);
		CHECK(!memcmp(want, abuf, sizeof(want)), "shift %d, path %u",
		      shift, on);
	}
	CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
}

/* The path changes while the peer has no receive: it still waits, then goes on. */
static void not_ready(void)
{
	unsigned int i;

	for (i = 0; i < 20; i++) {
		local_path(i % 2);
		fill(abuf, 100003, i);
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 100003), 0, 0,
			  IBV_SEND_SIGNALED);
		need_send(&p.a, IBV_WR_RDMA_WRITE_WITH_IMM, 2, sge_of(amr, 0, 100003),
			  (uintptr_t)bbuf + 200000, bmr->rkey, IBV_SEND_SIGNALED);
		local_path(!(i % 2));
		usleep(2000);
		need_empty(p.a.scq);
		need_recv(&p.b, 1, sge_of(bmr, 0, 100003));
		CHECK(need_ok(p.a.scq).wr_id == 1, "");
		need_recv(&p.b, 2, sge_of(bmr, 0, 0));
		CHECK(need_ok(p.a.scq).wr_id == 2, "");
		CHECK(need_ok(p.b.rcq).wr_id == 1 && need_ok(p.b.rcq).wr_id == 2, "");
		need_pattern(bbuf, 100003, i, "a send that had to wait");
		need_pattern(bbuf + 200000, 100003, i, "a write that had to wait");
	}
}

static void again(void)
{
	to_state(p.a.qp, IBV_QPS_RESET);
	to_state(p.b.qp, IBV_QPS_RESET);
	CHECK(!end_to_init(&p.a, &p.opt) && !end_to_rtr(&p.a, &p.b, &p.opt) &&
	      !end_to_rts(&p.a, &p.opt) && !end_to_init(&p.b, &p.opt) &&
	      !end_to_rtr(&p.b, &p.a, &p.opt) && !end_to_rts(&p.b, &p.opt), "again");
}

/* No receive is posted, but that is not why this cannot be sent. */
static void need_unreadable(struct ibv_sge *sge, int n)
{
	static const enum ibv_wr_opcode ops[] = {
		IBV_WR_SEND, IBV_WR_RDMA_WRITE_WITH_IMM,
	};
	struct ibv_send_wr wr = {
		.wr_id = 1, .sg_list = sge, .num_sge = n, .send_flags = IBV_SEND_SIGNALED,
		.wr.rdma = { (uintptr_t)bbuf, bmr->rkey },
	}, *bad;
	unsigned int i;

	for (i = 0; i < 4; i++) {
		local_path(i / 2);
		wr.opcode = ops[i % 2];
		CHECK(!ibv_post_send(p.a.qp, &wr, &bad), "ibv_post_send");
		CHECK(need_status(p.a.scq, IBV_WC_LOC_PROT_ERR).wr_id == 1, "");
		need_state(p.a.qp, IBV_QPS_ERR);
		CHECK(qp_state(p.b.qp) == IBV_QPS_RTS, "the peer");
		again();
	}
}

static void unreadable(void)
{
	struct ibv_sge sge[2] = { sge_of(amr, 0, 100), sge_of(amr, 0, 100) };

	sge[0].lkey ^= 0x550000;
	need_unreadable(sge, 1);
	/* with the data in between, which takes more than one part */
	sge[0] = sge_of(amr, 0, 200003);
	sge[1].lkey ^= 0x550000;
	need_unreadable(sge, 2);
	sge[1] = sge_of(amr, SIZE - 99, 100);
	need_unreadable(sge, 2);
}

/* The same, of memory on demand. */
static void unreadable_on_demand(void)
{
	struct ibv_device_attr_ex attr;
	const size_t len = 4 * 4096;
	struct ibv_sge sge;
	struct ibv_mr *mr;
	unsigned int i;
	uint8_t *m;

	CHECK(!ibv_query_device_ex(p.a.ctx, NULL, &attr), "ibv_query_device_ex");
	if (!attr.odp_caps.general_caps)
		return;
	m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(m != MAP_FAILED, "mmap");
	mr = need_mr(&p.a, m, len, IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_ON_DEMAND);
	/* what is only not there yet waits for the receive */
	for (i = 0; i < 2; i++) {
		local_path(i);
		fill(m, len, i);
		CHECK(!madvise(m, len, MADV_DONTNEED), "madvise");
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(mr, 1, len - 1), 0, 0,
			  IBV_SEND_SIGNALED);
		usleep(2000);
		need_empty(p.a.scq);
		need_recv(&p.b, 1, sge_of(bmr, 1, len - 1));
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
		CHECK(!memcmp(bbuf + 1, m + 1, len - 1), "data");
	}
	CHECK(!munmap(m + 4096, 4096), "munmap");
	sge = sge_of(mr, 1, len - 1);
	need_unreadable(&sge, 1);
	CHECK(!ibv_dereg_mr(mr) && !munmap(m, len), "clear away");
}

/* A peer that is not ready for long is asked seldom, on any path. */
static void patience(void)
{
	struct timespec from, to;
	unsigned long asked, us;
	unsigned int i;

	for (i = 0; i < 2; i++) {
		local_path(i);
		asked = counter(device, "rcvd_rnr_err");
		clock_gettime(CLOCK_MONOTONIC, &from);
		need_send(&p.a, IBV_WR_SEND, 1, sge_of(amr, 0, 8), 0, 0,
			  IBV_SEND_SIGNALED);
		usleep(300000);
		need_recv(&p.b, 1, sge_of(bmr, 0, 8));
		need_ok(p.a.scq);
		need_ok(p.b.rcq);
		clock_gettime(CLOCK_MONOTONIC, &to);
		asked = counter(device, "rcvd_rnr_err") - asked;
		us = (unsigned long)((to.tv_sec - from.tv_sec) * 1000000 +
				     (to.tv_nsec - from.tv_nsec) / 1000);
		CHECK(asked && asked < us / 320 + 30, "%lu times in %lu us",
		      asked, us);
	}
}

/* The receiver expects another PSN: nothing of it is executed on any path. */
static void other_psn(void)
{
	struct pair_opt opt = p.opt;

	to_state(p.b.qp, IBV_QPS_RESET);
	opt.psn = p.opt.psn - 5;
	CHECK(!end_to_init(&p.b, &opt) && !end_to_rtr(&p.b, &p.a, &opt), "RTR");
	memset(bbuf, 0xee, 100);
	write_len(1, 0, 100);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
	need_bytes(bbuf, 100, 0xee, "a write ahead of its time");
}

/* Packets of the size of one end are refused by the other, on any path. */
static void other_mtu(void)
{
	unsigned long wqes = counter(device, "local_path_wqes");
	struct pair_opt opt = p.opt;

	opt.mtu = IBV_MTU_512;
	to_state(p.b.qp, IBV_QPS_RESET);
	CHECK(!end_to_init(&p.b, &opt) && !end_to_rtr(&p.b, &p.a, &opt), "RTR");
	memset(bbuf, 0xee, SIZE);
	write_len(1, 0, 100003);
	need_status(p.a.scq, IBV_WC_REM_INV_REQ_ERR);
	need_event(&p.b, IBV_EVENT_QP_REQ_ERR);
	need_bytes(bbuf, SIZE, 0xee, "packets of the wrong size");
	CHECK(counter(device, "local_path_wqes") == wqes, "without packets");
}

/* One whose peer is somebody else answers to somebody else. */
static void not_the_peer(void)
{
	to_state(p.b.qp, IBV_QPS_RESET);
	CHECK(!end_to_init(&p.b, &p.opt) && !end_to_rtr(&p.b, &p.b, &p.opt),
	      "RTR");
	write_len(1, 0, 100);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
}

/* Without a way for packets there is none without packets either. */
static void cut(void)
{
	write_len(1, 0, 100);
	need_ok(p.a.scq);
	CHECK(!system(command), "%s", command);
	memset(bbuf, 0xee, 100);
	write_len(2, 0, 100);
	need_status(p.a.scq, IBV_WC_RETRY_EXC_ERR);
	need_bytes(bbuf, 100, 0xee, "a write without a network");
}

static const struct test_case cases[] = {
	CASE(no_packets), CASE(order), CASE(itself), CASE(overlap),
	CASE(not_ready), CASE(unreadable), CASE(unreadable_on_demand), CASE(patience), CASE(other_mtu),
	CASE(other_psn, .options = soon_tired),
	CASE(not_the_peer, .options = soon_tired),
	CASE(cut, .options = soon_tired, .manual = true),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .len = SIZE,
		.before = local_path_on, .after = local_path_on,
	};

	if (argc < 3) {
		fprintf(stderr, "usage: local_path DEVICE DEVICE [CASE [COMMAND]]\n");
		return 2;
	}
	device = argv[1];
	command = argc > 4 ? argv[4] : "false";
	return cases_main(&table, argc, argv);
}
