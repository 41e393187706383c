// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_revoke DEVICE DEVICE BDF CASE: VFIO withdraws the memory of a region while
 * it is written to and read from. Accesses fail cleanly at either end,
 * another connection of the same devices is not disturbed, and where VFIO gives the
 * memory back, the same region works again.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../verbs/pair.h"
#include "vfio_util.h"

#define RIGHTS	(IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |	\
		 IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC)
#define LEN	(11 * VFIO_PAGE)
#define BYTES	(LEN - 4321)
#define OFF	1234

static const struct vfio_range ranges[] = { { 64, 8 }, { 5, 3 } };

struct test {
	const char *bdf;
	struct vfio v;
	int fd;
	struct pair p, other;		/* @other never touches the device */
	struct ibv_mr *avfio, *bvfio, *amr, *bmr, *oamr, *obmr;
	uint8_t *amem, *bmem, *oamem, *obmem;
	pthread_t traffic, remover;
	bool stop;
	unsigned long rounds;		/* of the other connection */
};

static struct ibv_sge sge(const struct ibv_mr *mr, uint64_t addr, size_t len)
{
	return (struct ibv_sge) {
		.addr = addr, .length = (uint32_t)len, .lkey = mr->lkey,
	};
}

/* The other connection: every byte of every write arrives, whatever happens. */
static void *undisturbed(void *arg)
{
	struct test *t = arg;
	uint32_t seed;

	for (seed = 0; !__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE); seed++) {
		fill(t->oamem, BYTES, seed);
		need_send(&t->other.a, IBV_WR_RDMA_WRITE, seed,
			  sge_of(t->oamr, 0, BYTES), (uintptr_t)t->obmem + OFF,
			  t->obmr->rkey, IBV_SEND_SIGNALED);
		need_ok(t->other.a.scq);
		need_pattern(t->obmem + OFF, BYTES, seed, "the other connection");
		__atomic_fetch_add(&t->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* It goes on: some more rounds from now on. */
static void need_undisturbed(struct test *t)
{
	unsigned long from = __atomic_load_n(&t->rounds, __ATOMIC_RELAXED);

	for (int i = 0; i < 60000; i++) {
		if (__atomic_load_n(&t->rounds, __ATOMIC_RELAXED) - from > 3)
			return;
		usleep(1000);
	}
	FAIL("the other connection stands still");
}

/* The byte of the BAR that is byte @i of the buffer, in a map from page 0. */
static size_t place(size_t i)
{
	unsigned int r;

	for (r = 0; i >= ranges[r].npages * VFIO_PAGE; r++)
		i -= ranges[r].npages * VFIO_PAGE;
	return ranges[r].page * VFIO_PAGE + i;
}

/* Does the BAR hold what was written to the buffer at OFF? */
static void need_in_bar(struct test *t, const uint8_t *want, const char *what)
{
	volatile uint8_t *bar = vfio_bar_map(&t->v, 2, 0, 72 * VFIO_PAGE);

	for (size_t i = 0; i < BYTES; i++)
		CHECK(bar[place(OFF + i)] == want[i],
		      "%s: byte %zu is %#x, not %#x", what, i,
		      bar[place(OFF + i)], want[i]);
	munmap((void *)bar, 72 * VFIO_PAGE);
}

/* The region works, in both roles. */
static void need_working(struct test *t, uint32_t seed)
{
	struct pair *p = &t->p;

	fill(t->amem, BYTES, seed);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 1, sge_of(t->amr, 0, BYTES), OFF,
		  t->bvfio->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	need_in_bar(t, t->amem, "a region that is back");
	memset(t->bmem, 0, LEN);
	need_send(&p->a, IBV_WR_RDMA_WRITE, 2, sge(t->avfio, OFF, BYTES),
		  (uintptr_t)t->bmem, t->bmr->rkey, IBV_SEND_SIGNALED);
	need_ok(p->a.scq);
	need_pattern(t->bmem, BYTES, seed, "from a region that is back");
}

static void reconnect(struct test *t)
{
	pair_disconnect(&t->p);
	pair_connect(&t->p);
}

/* One request fails with this status; then the connection is made anew. */
static void need_refused(struct test *t, enum ibv_wr_opcode op, struct ibv_sge s,
			 uint64_t remote, uint32_t rkey, enum ibv_wc_status status)
{
	need_send(&t->p.a, op, 3, s, remote, rkey, IBV_SEND_SIGNALED);
	need_status(t->p.a.scq, status);
	need_state(t->p.a.qp, IBV_QPS_ERR);
	reconnect(t);
}

static void need_all_refused(struct test *t)
{
	uint64_t mem = (uintptr_t)t->bmem;

	need_refused(t, IBV_WR_RDMA_WRITE, sge_of(t->amr, 0, 100), OFF,
		     t->bvfio->rkey, IBV_WC_REM_ACCESS_ERR);
	need_refused(t, IBV_WR_RDMA_READ, sge_of(t->amr, 0, 100), OFF,
		     t->bvfio->rkey, IBV_WC_REM_ACCESS_ERR);
	need_refused(t, IBV_WR_RDMA_WRITE, sge(t->avfio, OFF, 100), mem,
		     t->bmr->rkey, IBV_WC_LOC_PROT_ERR);
	/* Without packets, a send looks for the receive before it looks at this. */
	need_recv(&t->p.b, 6, sge_of(t->bmr, 0, 100));
	need_refused(t, IBV_WR_SEND, sge(t->avfio, OFF, 100), 0, 0,
		     IBV_WC_LOC_PROT_ERR);
	need_atomic(&t->p.a, false, 4, sge_of(t->amr, 0, 8), 8, t->bvfio->rkey,
		    1, 0);
	need_status(t->p.a.scq, IBV_WC_REM_ACCESS_ERR);
	reconnect(t);
	/* The reader's own memory: what the peer sent finds no place. */
	need_send(&t->p.a, IBV_WR_RDMA_READ, 5, sge(t->avfio, OFF, 100), mem,
		  t->bmr->rkey, IBV_SEND_SIGNALED);
	need_status(t->p.a.scq, IBV_WC_LOC_PROT_ERR);
	reconnect(t);
}

/*
 * Writes and reads without end, until one fails: that is when the memory was
 * withdrawn under them. Return: how many were through.
 */
static unsigned long until_refused(struct test *t)
{
	struct pair *p = &t->p;
	unsigned long n;
	struct ibv_wc wc;

	for (n = 0;; n++) {
		need_send(&p->a, n % 2 ? IBV_WR_RDMA_READ : IBV_WR_RDMA_WRITE, n,
			  sge_of(t->amr, 0, BYTES), OFF, t->bvfio->rkey,
			  IBV_SEND_SIGNALED);
		wc = need_wc(p->a.scq);
		if (wc.status == IBV_WC_SUCCESS)
			continue;
		CHECK(wc.status == IBV_WC_REM_ACCESS_ERR, "status %s",
		      ibv_wc_status_str(wc.status));
		reconnect(t);
		return n;
	}
}

struct means {
	const char *name;
	void (*withdraw)(struct test *t);
	void (*give_back)(struct test *t);	/* NULL: gone for good */
};

static void memory_off(struct test *t)
{
	vfio_memory(&t->v, false);
}

static void memory_on(struct test *t)
{
	vfio_memory(&t->v, true);
}

static void sleep_enter(struct test *t)
{
	int err = vfio_low_power_err(&t->v, true);

	CHECK(!err, "entering low power: %s", strerror(err));
}

static void sleep_leave(struct test *t)
{
	int err = vfio_low_power_err(&t->v, false);

	CHECK(!err, "leaving low power: %s", strerror(err));
}

static void close_device(struct test *t)
{
	vfio_close(&t->v);
}

static void *remove_device(void *arg)
{
	struct test *t = arg;
	int err = vfio_sysfs_err(t->bdf, "remove", "1");

	CHECK(!err, "removing: %s", strerror(err));
	return NULL;
}

/* Waits until the device is closed, so not here. */
static void begin_remove(struct test *t)
{
	CHECK(!pthread_create(&t->remover, NULL, remove_device, t), "thread");
}

static const struct means means[] = {
	{ "memory", memory_off, memory_on },
	{ "power", sleep_enter, sleep_leave },
	{ "close", close_device, NULL },
	{ "remove", begin_remove, NULL },
};

static void *withdraw_later(void *arg)
{
	void **args = arg;
	const struct means *m = args[0];

	usleep(50000);
	m->withdraw(args[1]);
	return NULL;
}

static void run_means(struct test *t, const struct means *m)
{
	void *args[] = { (void *)m, t };
	pthread_t thread;
	unsigned long n;
	struct ibv_mr *mr;

	need_working(t, 1);
	CHECK(!pthread_create(&thread, NULL, withdraw_later, args), "thread");
	n = until_refused(t);
	CHECK(!pthread_join(thread, NULL), "join");
	printf("%s: refused after %lu requests\n", m->name, n);
	need_undisturbed(t);
	need_all_refused(t);
	need_undisturbed(t);
	mr = ibv_reg_dmabuf_mr(t->p.a.pd, 0, LEN, 0, t->fd, RIGHTS);
	CHECK(!mr && errno == (m->give_back ? ENODEV : EKEYREVOKED),
	      "registering what is withdrawn: %m");
	if (!m->give_back)
		return;
	m->give_back(t);
	need_working(t, 2);
	mr = ibv_reg_dmabuf_mr(t->p.a.pd, 0, LEN, 0, t->fd, RIGHTS);
	CHECK(mr && !ibv_dereg_mr(mr), "registering what is back: %m");
}

/* Withdrawn twice over, by two means: back when both give it back. */
static void case_both(struct test *t)
{
	need_working(t, 1);
	sleep_enter(t);
	memory_off(t);
	need_all_refused(t);
	sleep_leave(t);
	need_all_refused(t);
	memory_on(t);
	need_working(t, 2);
	/* Memory that is enabled in low power mode is not for use before. */
	sleep_enter(t);
	memory_on(t);
	need_all_refused(t);
	sleep_leave(t);
	need_working(t, 3);
}

/* Made while memory is disabled, or in low power: of use when that is over. */
static void case_born(struct test *t)
{
	struct ibv_mr *mr;
	int fd;

	for (int i = 0; i < 2; i++) {
		(i ? sleep_enter : memory_off)(t);
		fd = vfio_dmabuf(&t->v, 2, ranges, 2);
		mr = ibv_reg_dmabuf_mr(t->p.a.pd, 0, LEN, 0, fd, RIGHTS);
		CHECK(!mr && errno == ENODEV, "born withdrawn: %m");
		(i ? sleep_leave : memory_on)(t);
		mr = ibv_reg_dmabuf_mr(t->p.a.pd, 0, LEN, 0, fd, RIGHTS);
		CHECK(mr, "ibv_reg_dmabuf_mr: %m");
		fill(t->bmem, BYTES, 7);
		need_send(&t->p.a, IBV_WR_RDMA_READ, 1, sge(mr, OFF, BYTES),
			  (uintptr_t)t->bmem, t->bmr->rkey, IBV_SEND_SIGNALED);
		need_ok(t->p.a.scq);
		need_in_bar(t, t->bmem, "born withdrawn");
		CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
		close(fd);
	}
}

/* One round of the cycles: an access that may be refused, and one that may not. */
static void cycle(struct test *t, uint32_t i, bool touch)
{
	struct pair *p = &t->p;
	struct ibv_wc wc;

	fill(t->amem, BYTES, i);
	need_send(&p->a, IBV_WR_RDMA_WRITE, i, sge_of(t->amr, 0, BYTES), OFF,
		  t->bvfio->rkey, IBV_SEND_SIGNALED);
	if (!touch) {
		wc = need_wc(p->a.scq);
		if (wc.status != IBV_WC_SUCCESS) {
			CHECK(wc.status == IBV_WC_REM_ACCESS_ERR, "status %s",
			      ibv_wc_status_str(wc.status));
			reconnect(t);
		}
		return;
	}
	need_ok(p->a.scq);
	need_in_bar(t, t->amem, "after a cycle");
}

struct cycler {
	struct test *t;
	unsigned long rounds;
	bool reset;
	bool done;
};

/* Withdraws and gives back, as often as was asked for. */
static void *cycles(void *arg)
{
	struct cycler *c = arg;

	for (unsigned long i = 0; i < c->rounds; i++) {
		int err = 0;

		if (c->reset) {
			err = vfio_reset_err(&c->t->v);
		} else {
			memory_off(c->t);
			memory_on(c->t);
		}
		CHECK(!err, "reset: %s", strerror(err));
		/* An emulator that maps and unmaps the BAR does nothing else. */
		usleep(1000);
	}
	__atomic_store_n(&c->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void case_cycles(struct test *t, bool reset, unsigned long rounds)
{
	struct cycler c = { .t = t, .rounds = rounds, .reset = reset };
	pthread_t thread;
	uint32_t n = 0;

	need_working(t, 1);
	CHECK(!pthread_create(&thread, NULL, cycles, &c), "thread");
	for (; !__atomic_load_n(&c.done, __ATOMIC_ACQUIRE); n++)
		cycle(t, n, false);
	CHECK(!pthread_join(thread, NULL), "join");
	cycle(t, n, true);
	need_working(t, 2);
	need_undisturbed(t);
	printf("%lu times, %u requests meanwhile\n", rounds, n);
}

static void open_all(struct test *t, char **argv)
{
	t->bdf = argv[3];
	vfio_open(&t->v, argv[3]);
	t->fd = vfio_dmabuf(&t->v, 2, ranges, 2);
	t->amem = aligned_alloc(VFIO_PAGE, LEN);
	t->bmem = aligned_alloc(VFIO_PAGE, LEN);
	t->oamem = aligned_alloc(VFIO_PAGE, LEN);
	t->obmem = aligned_alloc(VFIO_PAGE, LEN);
	CHECK(t->amem && t->bmem && t->oamem && t->obmem, "no memory");
	pair_open(&t->p, argv[1], argv[2], NULL);
	pair_open(&t->other, argv[1], argv[2], NULL);
	t->avfio = ibv_reg_dmabuf_mr(t->p.a.pd, 0, LEN, 0, t->fd, RIGHTS);
	t->bvfio = ibv_reg_dmabuf_mr(t->p.b.pd, 0, LEN, 0, t->fd, RIGHTS);
	CHECK(t->avfio && t->bvfio, "ibv_reg_dmabuf_mr: %m");
	t->amr = need_mr(&t->p.a, t->amem, LEN, RIGHTS);
	t->bmr = need_mr(&t->p.b, t->bmem, LEN, RIGHTS);
	t->oamr = need_mr(&t->other.a, t->oamem, LEN, RIGHTS);
	t->obmr = need_mr(&t->other.b, t->obmem, LEN, RIGHTS);
	pair_connect(&t->p);
	pair_connect(&t->other);
	CHECK(!pthread_create(&t->traffic, NULL, undisturbed, t), "thread");
}

static void close_all(struct test *t)
{
	__atomic_store_n(&t->stop, true, __ATOMIC_RELEASE);
	CHECK(!pthread_join(t->traffic, NULL), "join");
	pair_disconnect(&t->p);
	pair_disconnect(&t->other);
	CHECK(!ibv_dereg_mr(t->avfio) && !ibv_dereg_mr(t->bvfio) &&
	      !ibv_dereg_mr(t->amr) && !ibv_dereg_mr(t->bmr) &&
	      !ibv_dereg_mr(t->oamr) && !ibv_dereg_mr(t->obmr), "ibv_dereg_mr");
	pair_close(&t->p);
	pair_close(&t->other);
	close(t->fd);
}

static void run_case(struct test *t, const char *name, unsigned long rounds)
{
	for (size_t i = 0; i < sizeof(means) / sizeof(means[0]); i++)
		if (!strcmp(name, means[i].name)) {
			run_means(t, &means[i]);
			return;
		}
	if (!strcmp(name, "both"))
		case_both(t);
	else if (!strcmp(name, "born"))
		case_born(t);
	else if (!strcmp(name, "cycles"))
		case_cycles(t, false, rounds);
	else if (!strcmp(name, "resets"))
		case_cycles(t, true, rounds);
	else
		FAIL("no such case: %s", name);
}

int main(int argc, char **argv)
{
	struct test t = {};

	if (argc < 5) {
		fprintf(stderr, "usage: vfio_revoke DEVICE DEVICE BDF CASE [ROUNDS]\n");
		return 2;
	}
	open_all(&t, argv);
	run_case(&t, argv[4], argc > 5 ? strtoul(argv[5], NULL, 0) : 0);
	close_all(&t);
	if (strcmp(argv[4], "close"))
		vfio_close(&t.v);
	if (!strcmp(argv[4], "remove"))
		CHECK(!pthread_join(t.remover, NULL), "join");
	return 0;
}
