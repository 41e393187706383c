// SPDX-License-Identifier: GPL-2.0
/*
 * odp_parts DEVICE DEVICE [CASE]: the tables of regions of the whole address space: they
 * come and go, are not too many, and nothing outlives what it is of.
 */
#define _GNU_SOURCE
#include "odp_all.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What "rdma -dd resource show @kind" tells behind @name of the one with @key. */
static bool told(const char *kind, const char *key, const char *name, char *value,
		 size_t len)
{
	char line[4096], command[64], *found;
	bool it = false, any = false;
	FILE *f;

	snprintf(command, sizeof(command), "rdma -dd resource show %s", kind);
	f = popen(command, "re");
	CHECK(f, "popen");
	while (fgets(line, sizeof(line), f)) {
		if (line[0] != ' ')
			it = strstr(line, key);
		found = it ? strstr(line, name) : NULL;
		if (found && !any) {
			found += strlen(name);
			snprintf(value, len, "%.*s", (int)strcspn(found, " \n"), found);
			any = true;
		}
	}
	pclose(f);
	return any;
}

static unsigned long shown(const struct ibv_mr *mr, const char *name)
{
	char key[64], value[64];

	snprintf(key, sizeof(key), " rkey 0x%x ", mr->rkey);
	CHECK(told("mr", key, name, value, sizeof(value)), "no %s of%s", name, key);
	return strtoul(value, NULL, 10);
}

/* Tables go with the pages; a failed access leaves none. */
static void given_back(void)
{
	int tries = 500;

	write_there(0, SIZE);
	need_ok(p.a.scq);
	CHECK(shown(theirmr, "drv_parts ") == 3, "%lu parts",
	      shown(theirmr, "drv_parts "));
	CHECK(shown(theirmr, "drv_present ") == SIZE / PAGE, "pages");
	forget(theirs + PAGE, SIZE - PAGE);
	while (shown(theirmr, "drv_parts ") != 1 && --tries)
		usleep(10000);
	CHECK(tries, "%lu parts", shown(theirmr, "drv_parts "));
	CHECK(shown(theirmr, "drv_present ") == 1, "pages");
	need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, mine, 8), 1 << 20,
		  theirmr->rkey, IBV_SEND_SIGNALED);
	need_status(p.a.scq, IBV_WC_REM_ACCESS_ERR);
	for (tries = 500; shown(theirmr, "drv_parts ") != 1 && --tries;)
		usleep(10000);
	CHECK(tries, "%lu parts", shown(theirmr, "drv_parts "));
}

/* More parts than there may be at once, twice. Much, for an emulated machine. */
static void bounded(void)
{
	size_t max = 2 * (size_t)sysconf(_SC_PHYS_PAGES) * PAGE / PART;
	size_t n = max + 50, i;
	uint8_t *m = reserve(n * PART);
	unsigned int round;
	uint64_t want;

	/* not on emulated machines with much memory */
	if (n > 20000)
		n = 20000;
	CHECK(!mprotect(m, n * PART, PROT_READ | PROT_WRITE), "mprotect");
	for (round = 0; round < 2; round++) {
		for (i = 0; i < n; i++) {
			uint64_t *word = (uint64_t *)(m + i * PART + 8 * (i % 500));

			if (round && i % 7)
				continue;
			if (!round && i % 100 == 0)
				*word = ~i;
			need_send(&p.a, IBV_WR_RDMA_READ, i, odp_at(mymr, mine, 8),
				  (uintptr_t)word, theirmr->rkey, IBV_SEND_SIGNALED);
			need_ok(p.a.scq);
			want = i % 100 ? 0 : ~i;
			CHECK(*(uint64_t *)mine == want, "part %zu", i);
		}
	}
	printf("%zu parts touched, %lu kept of %zu\n", n, shown(theirmr, "drv_parts "),
	       max);
	CHECK(shown(theirmr, "drv_parts ") <= max, "too many");
	munmap(m, n * PART);
}

static _Atomic bool stop;

/* Pages and whole parts go away all the time, and mappings are made anew. */
static void *restless(void *arg)
{
	unsigned int seed = 1;

	(void)arg;
	while (!stop) {
		uint8_t *m = rand_r(&seed) & 1 ? mine : theirs;
		size_t off = (size_t)rand_r(&seed) % (SIZE / PAGE) * PAGE;

		switch (rand_r(&seed) % 3) {
		case 0:
			forget(m + off / PART * PART, PART);
			break;
		case 1:
			forget(m, SIZE);
			break;
		default:
			forget(m + off, (size_t)rand_r(&seed) % (SIZE - off) + 1);
		}
		usleep(500);
	}
	return NULL;
}

static void storm(void)
{
	pthread_t t;
	unsigned int i;

	stop = false;
	CHECK(!pthread_create(&t, NULL, restless, NULL), "pthread_create");
	for (i = 0; i < 20; i++) {
		size_t len = 300000 + i * 1001, off = (i % 3) * PART + PART / 2 + i * 777;

		if (off + len > SIZE)
			off = SIZE - len;
		fill(mine + off, len, i);
		write_there(off, len);
		need_ok(p.a.scq);
		need_pattern(theirs + off, len, i, "written");
		fill(theirs + off, len, 100 + i);
		read_back(off, len);
		need_ok(p.a.scq);
		need_pattern(mine + off, len, 100 + i, "read");
	}
	stop = true;
	pthread_join(t, NULL);
}

static void end_in_a_fault(void)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct ibv_mr *mr = odp_everything(&p.b, all_rights | DEMAND);

		forget(theirs, SIZE);
		need_send(&p.a, IBV_WR_RDMA_WRITE, 1, odp_at(mymr, mine, SIZE),
			  (uintptr_t)theirs, mr->rkey, IBV_SEND_SIGNALED);
		CHECK(!ibv_dereg_mr(mr), "ibv_dereg_mr");
		/* in time or not */
		if (need_wc(p.a.scq).status == IBV_WC_SUCCESS)
			continue;
		again();
	}
}

/*
 * The process that registered its memory is gone, but somebody else has its file of the
 * device, and so its queue pairs go on: with a message that has found no receive yet,
 * and is tried again and again, until its memory is asked for. That is an error.
 */
struct child {
	int fds[2];
	uint32_t qpn;
};

static void orphan_child(char **argv, int tell)
{
	struct pair_opt opt = pair_defaults;
	struct child me;

	CHECK(!prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
	opt.rnr_retry = 7;
	pair_open(&p, argv[1], argv[2], &opt);
	pair_connect(&p);
	odp_before();
	fill(mine, SIZE, 1);
	need_send(&p.a, IBV_WR_SEND, 1, odp_at(mymr, mine, SIZE), 0, 0, 0);
	usleep(100000);
	me = (struct child){ { p.a.ctx->cmd_fd, p.b.ctx->cmd_fd }, p.a.qp->qp_num };
	CHECK(write(tell, &me, sizeof(me)) == sizeof(me), "write");
	for (;;)
		pause();
}

/* Have the child's files and end it. */
static void orphan_take(struct child *child, pid_t pid)
{
	int i, pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

	CHECK(pidfd >= 0, "pidfd_open: %s", strerror(errno));
	for (i = 0; i < 2; i++) {
		child->fds[i] = (int)syscall(SYS_pidfd_getfd, pidfd, child->fds[i], 0);
		CHECK(child->fds[i] >= 0, "pidfd_getfd: %s", strerror(errno));
	}
	close(pidfd);
	kill(pid, SIGKILL);
	CHECK(waitpid(pid, NULL, 0) == pid, "waitpid");
}

/* Others take the place of what was the child's in the kernel's memory. */
static void crowd(void)
{
	pid_t pid;
	int i;

	for (i = 0; i < 50; i++) {
		pid = fork();
		CHECK(pid >= 0, "fork");
		if (!pid) {
			usleep(20000);
			_exit(0);
		}
	}
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static int orphan(char **argv)
{
	char key[64], state[64] = "";
	struct child child;
	int tell[2], tries;
	pid_t pid;

	CHECK(!pipe(tell), "pipe");
	pid = fork();
	CHECK(pid >= 0, "fork");
	if (!pid)
		orphan_child(argv, tell[1]);
	close(tell[1]);
	CHECK(read(tell[0], &child, sizeof(child)) == sizeof(child), "no child");
	orphan_take(&child, pid);
	crowd();
	snprintf(key, sizeof(key), " lqpn %u ", child.qpn);
	for (tries = 500; strcmp(state, "ERR") && --tries; usleep(10000))
		CHECK(told("qp", key, "drv_sq_state ", state, sizeof(state)),
		      "no queue pair");
	CHECK(tries, "its queue pair is %s", state);
	close(child.fds[0]);
	close(child.fds[1]);
	printf("orphan: ok\n");
	return 0;
}

ODP_CASE(given_back) ODP_CASE(bounded) ODP_CASE(storm) ODP_CASE(end_in_a_fault)

static const struct test_case cases[] = {
	ODP_ROW(given_back), ODP_ROW(storm), ODP_ROW(end_in_a_fault),
	{ .name = "bounded", .run = bounded_case, .manual = true },
};

static void patient(struct pair_opt *opt)
{
	opt->rnr_retry = 7;
	opt->timeout = 18;
}

int main(int argc, char **argv)
{
	static const struct case_table table = {
		.cases = cases, .nr = ARRAY_SIZE(cases), .options = patient,
	};

	if (argc == 4 && !strcmp(argv[3], "orphan"))
		return orphan(argv);
	return cases_main(&table, argc, argv);
}
