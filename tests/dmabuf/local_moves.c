// SPDX-License-Identifier: GPL-2.0
/*
 * local_moves RDMA-DEVICE ram|bar: a connection within one device between buffers
 * of softgpu that move all the time, at either end. What cannot be done without packets
 * then is done with them; every byte arrives, every atomic counts once.
 */
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../verbs/wr_ex.h"

/* Both helpers have a fill(); see CMakeLists.txt. */
#define fill softgpu_fill
#include "softgpu_test.h"
#undef fill

#define SIZE	(256 * 1024)
#define BYTES	100003
#define ROUNDS	150
#define RW (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | \
	    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

struct test {
	struct device gpu;
	struct pair p;
	struct buffer buf[2];
	struct ibv_mr *avram, *bvram, *aram, *bram;
	uint8_t *amem, *bmem;
	bool end;
};

static void *move(void *arg)
{
	struct test *t = arg;
	unsigned int i;

	for (i = 0; !__atomic_load_n(&t->end, __ATOMIC_RELAXED); i++) {
		const char *how = i % 2 ? "restore" : "evict";

		CHECK(!debugfs_write(&t->gpu, how, "all"), "%s", how);
		usleep(i % 7 * 100);
	}
	return NULL;
}

static struct ibv_sge at(const struct ibv_mr *mr, size_t off, size_t len)
{
	return (struct ibv_sge) {
		.addr = off, .length = (uint32_t)len, .lkey = mr->lkey,
	};
}

/* Memory, b's buffer, a's buffer, b's memory: by a write, a read, and a write. */
static void around(struct test *t, uint32_t seed)
{
	struct pair *p = &t->p;

	fill(t->amem, BYTES, seed);
	memset(t->bmem, 0, BYTES);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 1, sge_of(t->aram, 0, BYTES), 77,
		  t->bvram->rkey, 0);
	need_send(&p->a, IBV_WR_RDMA_READ, 2, at(t->avram, 130001, BYTES), 77,
		  t->bvram->rkey, 0);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 3, at(t->avram, 130001, BYTES),
		  (uintptr_t)t->bmem, t->bram->rkey,
		  IBV_SEND_SIGNALED | IBV_SEND_FENCE);
	CHECK(need_ok(p->a.scq).wr_id == 3, "wr_id");
	need_pattern(t->bmem, BYTES, seed, "around");
}

/* From buffer to buffer by a send, and back to memory by a read. */
static void sent(struct test *t, uint32_t seed)
{
	struct pair *p = &t->p;

	fill(t->amem, BYTES, seed);
	need_recv(&p->a, 4, at(t->avram, 5, BYTES));
	memcpy(t->bmem, t->amem, BYTES);
	need_send(&p->b, IBV_WR_SEND, 6, sge_of(t->bram, 0, BYTES), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p->b.scq);
	CHECK(need_ok(p->a.rcq).byte_len == BYTES, "byte_len");
	need_recv(&p->b, 7, at(t->bvram, 9, BYTES));
	need_send(&p->a, IBV_WR_SEND, 8, at(t->avram, 5, BYTES), 0, 0,
		  IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(need_ok(p->b.rcq).byte_len == BYTES, "byte_len");
	memset(t->amem, 0, BYTES);
	need_send(&p->a, IBV_WR_RDMA_READ, 9, sge_of(t->aram, 0, BYTES), 9,
		  t->bvram->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	need_pattern(t->amem, BYTES, seed, "sent");
}

/* The word is in the one buffer, the answer goes to the other. */
static void counted(struct test *t, uint64_t before)
{
	struct pair *p = &t->p;
	uint64_t *answer = (uint64_t *)t->bmem;

	need_atomic(&p->a, false, 10, at(t->avram, 250000, 8), 240000,
		    t->bvram->rkey, 1, 0);
	need_ok(p->a.scq);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 11, at(t->avram, 250000, 8),
		  (uintptr_t)answer, t->bram->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	CHECK(*answer == before, "%llu, not %llu", (unsigned long long)*answer,
	      (unsigned long long)before);
}

/* What a flush and an atomic write promise, of a buffer that is in another place. */
static void placed(struct test *t, uint64_t value)
{
	struct pair *p = &t->p;
	uint64_t *answer = (uint64_t *)t->bmem;

	fill(t->amem, BYTES, (uint32_t)value);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 13, sge_of(t->aram, 0, BYTES), 100005,
		  t->bvram->rkey, 0);
	need_flush(&p->a, 14, t->bvram->rkey, 100005, BYTES, IBV_FLUSH_GLOBAL,
		   IBV_FLUSH_RANGE);
	need_atomic_write(&p->a, 15, t->bvram->rkey, 240008, value);
	need_flush(&p->a, 16, t->bvram->rkey, 0, 0, IBV_FLUSH_GLOBAL,
		   IBV_FLUSH_MR);
	need_send(&p->a, IBV_WR_RDMA_READ, 17, sge_of(t->aram, BYTES + 5, 8),
		  240008, t->bvram->rkey, IBV_SEND_SIGNALED);
	CHECK(need_ok(p->a.scq).wr_id == 14 && need_ok(p->a.scq).wr_id == 15 &&
	      need_ok(p->a.scq).wr_id == 16 && need_ok(p->a.scq).wr_id == 17,
	      "wr_id");
	memcpy(answer, t->amem + BYTES + 5, 8);
	CHECK(*answer == value, "%llu, not %llu", (unsigned long long)*answer,
	      (unsigned long long)value);
	memset(t->amem, 0, BYTES);
	need_send(&p->a, IBV_WR_RDMA_READ, 18, sge_of(t->aram, 0, BYTES), 100005,
		  t->bvram->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	need_pattern(t->amem, BYTES, (uint32_t)value, "flushed");
}

static void clear_word(struct test *t)
{
	memset(t->amem, 0, 8);
	need_send(&t->p.a, IBV_WR_RDMA_WRITE, 12, sge_of(t->aram, 0, 8), 240000,
		  t->bvram->rkey, IBV_SEND_SIGNALED);
	need_ok(t->p.a.scq);
}

static void open_all(struct test *t, char **argv)
{
	struct pair_opt opt = pair_defaults;
	int i, fd[2];

	with_placement(&opt);
	device_open(&t->gpu, argv[2]);
	for (i = 0; i < 2; i++) {
		buffer_create(&t->gpu, &t->buf[i], SIZE);
		fd[i] = buffer_export(&t->buf[i]);
	}
	t->amem = aligned_alloc(4096, SIZE);
	t->bmem = aligned_alloc(4096, SIZE);
	CHECK(t->amem && t->bmem, "no memory");
	pair_open(&t->p, argv[1], argv[1], &opt);
	t->avram = ibv_reg_dmabuf_mr(t->p.a.pd, 0, SIZE, 0, fd[0], RW);
	t->bvram = ibv_reg_dmabuf_mr(t->p.b.pd, 0, SIZE, 0, fd[1], RW);
	CHECK(t->avram && t->bvram, "ibv_reg_dmabuf_mr: %m");
	close(fd[0]);
	close(fd[1]);
	t->aram = need_mr(&t->p.a, t->amem, SIZE, RW);
	t->bram = need_mr(&t->p.b, t->bmem, SIZE, RW);
	pair_connect(&t->p);
}

static void close_all(struct test *t)
{
	pair_disconnect(&t->p);
	CHECK(!ibv_dereg_mr(t->avram) && !ibv_dereg_mr(t->bvram) &&
	      !ibv_dereg_mr(t->aram) && !ibv_dereg_mr(t->bram), "ibv_dereg_mr");
	pair_close(&t->p);
	buffer_destroy(&t->buf[0]);
	buffer_destroy(&t->buf[1]);
	free(t->amem);
	free(t->bmem);
}

int main(int argc, char **argv)
{
	struct test t = {};
	pthread_t mover;
	uint32_t i;

	if (argc != 3) {
		fprintf(stderr, "usage: local_moves RDMA-DEVICE ram|bar\n");
		return 2;
	}
	open_all(&t, argv);
	clear_word(&t);
	CHECK(!pthread_create(&mover, NULL, move, &t), "thread");
	for (i = 0; i < ROUNDS; i++) {
		around(&t, 2 * i);
		sent(&t, 2 * i + 1);
		counted(&t, i);
		placed(&t, 5000 + i);
	}
	__atomic_store_n(&t.end, true, __ATOMIC_RELAXED);
	CHECK(!pthread_join(mover, NULL), "join");
	close_all(&t);
	return 0;
}
