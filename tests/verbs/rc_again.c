// SPDX-License-Identifier: GPL-2.0
/*
 * rc_again DEVICE DEVICE [CASE]: requests whose answer is lost. Of each the peer
 * executes the first copy, and nothing leaves its host until the requester has asked
 * again; then the answer to a duplicate must do. The devices are on the hosts A and B;
 * the first is a prxe.
 */
#include "local.h"

#include <string.h>
#include <time.h>

#define MTU	1024u
#define MANY	(37 * MTU + 5)	/* bytes */

static const char *a_name;

static void shell(const char *command)
{
	int status = system(command);

	CHECK(!status, "%s: %d", command, status);
}

static void peer_is_mute(void)
{
	shell("tc -n B qdisc add dev ethB root netem loss 100%");
}

/* Until A has asked again, and so may have to do once more. */
static void peer_speaks(unsigned long timeouts)
{
	const struct timespec ms = { .tv_nsec = 1000000 };

	while (counter(a_name, "timeouts") == timeouts)
		nanosleep(&ms, NULL);
	shell("tc -n B qdisc del dev ethB root");
}

static void read_of(uint32_t len)
{
	unsigned long timeouts = counter(a_name, "timeouts");
	struct ibv_wc wc;

	fill(bbuf + 4093, len, len);
	memset(abuf, 0xee, len + 128);
	peer_is_mute();
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(amr, 64, len),
		  (uintptr_t)bbuf + 4093, bmr->rkey, IBV_SEND_SIGNALED);
	peer_speaks(timeouts);
	wc = need_ok(p.a.scq);
	CHECK(wc.opcode == IBV_WC_RDMA_READ && wc.byte_len == len, "%u bytes",
	      wc.byte_len);
	need_bytes(abuf, 64, 0xee, "in front of the target");
	need_pattern(abuf + 64, len, len, "read");
	need_bytes(abuf + 64 + len, 64, 0xee, "behind the target");
}

static void read_nothing(void)
{
	read_of(0);
}

static void read_one_packet(void)
{
	read_of(MTU - 3);
}

static void read_many_packets(void)
{
	read_of(MANY);
}

static void write_and_send(void)
{
	unsigned long timeouts = counter(a_name, "timeouts");

	fill(abuf, MANY, 5);
	memset(bbuf, 0xee, 2 * MANY);
	need_recv(&p.b, 2, sge_of(bmr, MANY, MANY));
	peer_is_mute();
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, sge_of(amr, 0, MANY), (uintptr_t)bbuf,
		  bmr->rkey, 0);
	need_send(&p.a, IBV_WR_SEND, 2, sge_of(amr, 0, MANY), 0, 0, IBV_SEND_SIGNALED);
	peer_speaks(timeouts);
	CHECK(need_ok(p.a.scq).wr_id == 2, "wr_id");
	CHECK(need_ok(p.b.rcq).byte_len == MANY, "byte_len");
	need_pattern(bbuf, MANY, 5, "write");
	need_pattern(bbuf + MANY, MANY, 5, "send");
	need_empty(p.b.rcq);
}

/* It must not be executed again. */
static void atomic(void)
{
	unsigned long timeouts = counter(a_name, "timeouts");
	uint64_t *word = (uint64_t *)bbuf;

	*word = 40;
	peer_is_mute();
	need_atomic(&p.a, false, 1, sge_of(amr, 0, 8), (uintptr_t)word, bmr->rkey, 2, 0);
	peer_speaks(timeouts);
	need_ok(p.a.scq);
	CHECK(*(uint64_t *)abuf == 40 && *word == 42, "%llu", (unsigned long long)*word);
}

/*
 * The answer to a small read is lost, and that to a large one behind it, sent before the
 * peer hears of this, takes longer than all retries together.
 */
static void behind_much(void)
{
	const uint32_t len = 700 * MTU;

	fill(bbuf, len, 9);
	memset(abuf, 0xee, SIZE);
	peer_is_mute();
	need_send(&p.a, IBV_WR_RDMA_READ, 1, sge_of(amr, 0, 5), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	shell("tc -n B qdisc replace dev ethB root netem limit 10000 rate 4mbit");
	need_send(&p.a, IBV_WR_RDMA_READ, 2, sge_of(amr, 64, len), (uintptr_t)bbuf,
		  bmr->rkey, IBV_SEND_SIGNALED);
	CHECK(need_ok(p.a.scq).wr_id == 1 && need_ok(p.a.scq).wr_id == 2, "wr_id");
	need_pattern(abuf, 5, 9, "small read");
	need_pattern(abuf + 64, len, 9, "large read");
	shell("tc -n B qdisc del dev ethB root");
}

static void few_retries(struct pair_opt *opt)
{
	opt->timeout = 16;	/* 268 ms, and then twice that */
	opt->retry_cnt = 1;
}

static void options(struct pair_opt *opt)
{
	opt->mtu = IBV_MTU_1024;
	opt->timeout = 15;	/* 134 ms */
}

static const struct test_case cases[] = {
	CASE(read_nothing), CASE(read_one_packet), CASE(read_many_packets),
	CASE(write_and_send), CASE(atomic),
	CASE(behind_much, .options = few_retries),
};

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .len = SIZE,
		.options = options,
	};

	if (argc < 3) {
		fprintf(stderr, "usage: rc_again DEVICE DEVICE [CASE]\n");
		return 2;
	}
	a_name = argv[1];
	return cases_main(&table, argc, argv);
}
