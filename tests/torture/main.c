// SPDX-License-Identifier: GPL-2.0
/*
 * usage: torture ram|bar <ANSWERS >COMMANDS
 *
 * The conductor. Commands for the shell go to stdout, a line each; a line that is not
 * "ok" tells what went wrong. The environment may have TORTURE_SEED and
 * TORTURE_SECONDS; it goes on until each kind of event has happened at least once.
 * TORTURE_HANG is how many seconds nothing must happen to be called a hang.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "torture.h"

#define CELLS		3
/* Cells that end between two events of the devices. */
#define CELLS_PER_EVENT	5
/* So many times the kinds, and one never came: it never will. */
#define PATIENCE	40

struct shared *shared;

const char *const plan_names[] = {
	[PLAN_DRAIN] = "ended in peace",
	[PLAN_QP_BUSY] = "writer destroyed its QP",
	[PLAN_EXIT_BUSY] = "writer exited",
	[PLAN_MR_FIRST] = "target deregistered",
	[PLAN_QP_FIRST] = "target destroyed its QP",
	[PLAN_KILL_WRITER] = "writer killed",
	[PLAN_KILL_TARGET] = "target killed",
	[PLAN_KILL_BOTH] = "both killed",
	[PLAN_EARLY_WRITER] = "writer killed in setup",
	[PLAN_EARLY_TARGET] = "target killed in setup",
	[PLAN_SELF_WRITER] = "writer killed itself",
	[PLAN_SELF_TARGET] = "target killed itself",
	[PLAN_KILL_OWNER] = "owner of the dma-buf killed",
	[PLAN_KILL_PARENT] = "target killed, child lives",
};

const char *const removal_names[] = {
	[REMOVE_LINK] = "rdma link delete",
	[REMOVE_NETDEV] = "network device deleted",
	[REMOVE_NAMESPACE] = "namespace deleted",
	[REMOVE_MOVE] = "network device moved",
	[REMOVE_MODULE] = "modules unloaded",
	[REMOVE_DOWN_UP] = "link down and up",
	[REMOVE_REFUSED] = "unloading refused",
	[REMOVE_UNBIND] = "GPU unbound",
};

/* The shell's words for them. */
static const char *const removal_words[] = {
	[REMOVE_LINK] = "link", [REMOVE_NETDEV] = "netdev",
	[REMOVE_NAMESPACE] = "namespace", [REMOVE_MOVE] = "move",
	[REMOVE_MODULE] = "module", [REMOVE_DOWN_UP] = "carrier",
	[REMOVE_UNBIND] = "gpu",
};

const char *const count_names[] = {
	[DID_WRITE] = "writes",
	[DID_READ] = "reads",
	[DID_BOUNCE] = "copies by way of a GPU",
	[DID_ATOMIC] = "atomics",
	[DID_SEND] = "sends",
	[DID_OUTSTANDING] = "requests outstanding at the end",
	[DID_TIMEOUT] = "retries used up",
	[DID_FD_BEFORE] = "dma-buf closed before its region",
	[DID_FD_AFTER] = "dma-buf closed after its region",
	[DID_PASS] = "dma-bufs passed on",
	[DID_FORK] = "forks",
	[DID_CHURN] = "regions and QPs beside the traffic",
	[DID_DATAGRAM] = "datagram QPs beside the traffic",
	[DID_SLEEP] = "completion events",
	[DID_GONE] = "workers that lost their device",
	[DID_EVICT] = "evictions",
	[DID_RESTORE] = "returns",
	[DID_MOVE] = "regions that moved",
	[DID_HOST_BYTES] = "bytes of host memory verified",
	[DID_GPU_BYTES] = "bytes of GPU memory verified",
};

static struct rng rng;
static bool failed;

/* What is being done to the devices. */
static enum { QUIET, REMOVING, ENDING, REPAIRING } stage;
static enum removal removal;
static char host;
static unsigned int last_event;
static double stage_since;
static struct deck removals = { .kinds = NREMOVALS - 1 };
static struct deck plans = { .kinds = NPLANS };

void failure(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("FAIL: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	failed = true;
}

static double seconds(void)
{
	static struct timespec start;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	if (!start.tv_sec)
		start = ts;
	return (double)(ts.tv_sec - start.tv_sec) +
	       (double)(ts.tv_nsec - start.tv_nsec) / 1e9;
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *s = getenv(name);

	return s && *s ? strtoul(s, NULL, 0) : otherwise;
}

/* How often the devices have been told to leave their memory. */
static void count_moves(void)
{
	for (char h = 'A'; h <= 'B'; h++) {
		char path[128];
		unsigned long n;
		FILE *f;

		snprintf(path, sizeof(path),
			 "/sys/class/infiniband/prxe%c/ports/1/hw_counters/mr_invalidations", h);
		f = fopen(path, "re");
		if (f && fscanf(f, "%lu", &n) == 1)
			count(DID_MOVE, n);
		if (f)
			fclose(f);
	}
}

/* Modules with users stay, and say so. */
static void unloading_is_refused(void)
{
	static const char *const names[] = { "softgpu", "dma_buf_pfn" };
	struct device gpu;
	struct buffer buf;
	int fd;

	device_open(&gpu, "ram");
	buffer_create(&gpu, &buf, PAGE);
	fd = buffer_export(&buf);
	/* The dma-buf alone is enough. */
	buffer_destroy(&buf);
	close(gpu.fd);
	for (int i = 0; i < 2; i++) {
		if (!syscall(SYS_delete_module, names[i], O_NONBLOCK))
			failure("%s was unloaded under its users", names[i]);
		else if (errno != EWOULDBLOCK && errno != EBUSY)
			failure("unloading %s: %s", names[i], strerror(errno));
	}
	close(fd);
	shared->removals[REMOVE_REFUSED]++;
}

/* Workers that are told to end are watched by their cells. */
static void stage_set(int next)
{
	stage = next;
	stage_since = seconds();
}

static void command(const char *verb)
{
	printf("%s %s %c\n", verb, removal_words[removal], host);
	fflush(stdout);
}

/* Has the shell done what it was told? */
static bool answered(void)
{
	struct pollfd p = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[256];

	if (poll(&p, 1, 0) <= 0)
		return false;
	if (!fgets(line, sizeof(line), stdin))
		strcpy(line, "the shell is gone\n");
	if (strcmp(line, "ok\n"))
		failure("%s %s: %s", removal_words[removal],
			stage == REMOVING ? "removing" : "repairing", line);
	return true;
}

static void event_begin(void)
{
	if (cells_finished() - last_event < CELLS_PER_EVENT || !cells_busy())
		return;
	last_event = cells_finished();
	removal = (enum removal)deck_draw(&removals, &rng);
	host = (char)('A' + rng_below(&rng, 2));
	if (removal == REMOVE_REFUSED) {
		unloading_is_refused();
		return;
	}
	shared->disturb++;
	if (removal == REMOVE_UNBIND) {
		cells_check_rest();	/* the last look at buffers in the BAR */
		shared->unbinds++;
	}
	if (removal != REMOVE_UNBIND && removal != REMOVE_DOWN_UP)
		count_moves();
	stage_set(REMOVING);
	command("remove");
}

static void repair(void)
{
	if (removal == REMOVE_MODULE || removal == REMOVE_UNBIND) {
		evictor_rest(true);
		if (removal == REMOVE_MODULE)
			cells_check_rest();
	}
	stage_set(REPAIRING);
	command("repair");
}

/*
 * Cells that live go on under the removal; none begins before the repair. A link
 * that comes up again ends none.
 */
static void event_advance(void)
{
	if (stage != QUIET && seconds() - stage_since > shared->hang_seconds)
		hang("stage %d of \"%s\" does not end", stage, removal_names[removal]);
	switch (stage) {
	case QUIET:
		event_begin();
		break;
	case REMOVING:
		if (!answered())
			break;
		shared->removals[removal]++;
		stage_set(ENDING);
		if (removal == REMOVE_DOWN_UP)
			repair();
		break;
	case ENDING:
		cells_end();
		if (!cells_alive())
			repair();
		break;
	case REPAIRING:
		if (!answered())
			break;
		evictor_rest(false);
		shared->disturb++;
		stage_set(QUIET);
		break;
	}
}

/* Events of each kind have happened; or tell which have not. */
static bool complete(bool tell)
{
	bool all = true;
	int i;

	for (i = 0; i < NPLANS; i++) {
		if (shared->plans[i])
			continue;
		all = false;
		if (tell)
			failure("never happened: %s", plan_names[i]);
	}
	for (i = 0; i < NREMOVALS - !shared->bar; i++) {
		if (shared->removals[i])
			continue;
		all = false;
		if (tell)
			failure("never happened: %s", removal_names[i]);
	}
	for (i = 0; i < NCOUNTS; i++) {
		/* Moves are counted late, used up retries need not be. */
		if (shared->counts[i] || i == DID_TIMEOUT || (!tell && i == DID_MOVE))
			continue;
		all = false;
		if (tell)
			failure("never happened: %s", count_names[i]);
	}
	return all;
}

static void progress_line(void)
{
	unsigned long kills = 0, gone = 0;

	for (int i = PLAN_KILL_WRITER; i < NPLANS; i++)
		kills += shared->plans[i];
	for (int i = 0; i < NREMOVALS; i++)
		gone += shared->removals[i];
	fprintf(stderr, "%4.0f s: %u cells, %lu kills, %lu device events, %lu evictions, %lu writes,"
		" %lu KiB verified\n", seconds(), cells_finished(), kills, gone,
		shared->counts[DID_EVICT], shared->counts[DID_WRITE],
		(shared->counts[DID_HOST_BYTES] + shared->counts[DID_GPU_BYTES]) >> 10);
}

static void table(void)
{
	fprintf(stderr, "%u cells\n", cells_finished());
	for (int i = 0; i < NPLANS; i++)
		fprintf(stderr, "%10lu %s\n", shared->plans[i], plan_names[i]);
	for (int i = 0; i < NREMOVALS - !shared->bar; i++)
		fprintf(stderr, "%10lu %s\n", shared->removals[i], removal_names[i]);
	for (int i = 0; i < NCOUNTS; i++)
		fprintf(stderr, "%10lu %s\n", shared->counts[i], count_names[i]);
}

/* Cells come and go until it is enough. Then the last ones end. */
static void conduct(double limit)
{
	bool over = false;
	double told = 0;

	while (!over || cells_alive() || stage != QUIET) {
		shared->beat++;
		for (unsigned int i = 0; i < CELLS; i++)
			if (!cell_advance(i) && !over && stage == QUIET)
				cell_begin(i, (enum plan)deck_draw(&plans, &rng));
		if (stage != QUIET || !over)
			event_advance();
		if (over)
			cells_end();
		over = failed || (seconds() >= limit &&
				  (complete(false) || cells_finished() > PATIENCE * NPLANS));
		if (seconds() - told >= 10) {
			told = seconds();
			progress_line();
		}
		usleep(1000);
	}
}

static void start(const char *kind)
{
	const char *kernel = getenv("PRXE_KERNEL") ?: "";
	uint8_t *memory;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memory = mmap(NULL, CELLS * BUF_SIZE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED && memory != MAP_FAILED, "mmap: %s", strerror(errno));
	shared->bar = !strcmp(kind, "bar");
	removals.kinds = NREMOVALS - !shared->bar;
	/* Its TLB flush does not reach a process that runs, see docs/softgpu.md. */
	shared->serial = !strncmp(kernel, "uml", 3);
	shared->slow = !!strstr(kernel, "debug");
	shared->hang_seconds = (unsigned int)number("TORTURE_HANG", shared->slow ? 600 : 120);
	snprintf(shared->lock, sizeof(shared->lock), "%.40s/torture-XXXXXX",
		 getenv("TMPDIR") ?: "/tmp");
	CHECK(mkstemp(shared->lock) >= 0, "%s: %s", shared->lock, strerror(errno));
	cells_init(CELLS, rng.state, memory);
}

int main(int argc, char **argv)
{
	unsigned long seed = number("TORTURE_SEED", (unsigned long)time(NULL));
	const char *kernel = getenv("PRXE_KERNEL") ?: "", *is_long = getenv("PRXE_LONG") ?: "0";
	bool all = !strcmp(kernel, "debug") || strcmp(is_long, "0");
	double limit = (double)number("TORTURE_SECONDS", all ? 600 : 30);

	CHECK(argc == 2, "usage: %s ram|bar", argv[0]);
	fprintf(stderr, "TORTURE_SEED=%lu TORTURE_SECONDS=%.0f\n", seed, limit);
	rng.state = seed;
	start(argv[1]);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* hang() kills this group, not the shell, which still has to clear up. */
	setpgid(0, 0);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdin, NULL, _IONBF, 0);
	helper_start(watchdog_main);
	helper_start(evictor_main);

	conduct(limit);
	cells_check_rest();
	evictor_rest(true);
	shared->over = true;
	count_moves();
	unlink(shared->lock);
	table();
	if (!failed && !complete(true))
		fputs("a torture in which something never happens proves nothing\n", stderr);
	while (waitpid(-1, NULL, 0) > 0)
		;
	return failed;
}
