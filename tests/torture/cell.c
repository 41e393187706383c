// SPDX-License-Identifier: GPL-2.0
/*
 * Cells, as the conductor sees them:
 *
 *	RUN	the processes live until the plan's moment has come
 *	AFTER	one is dead, and the others have to get on without it
 *	END	the rest ends: by itself, because it is told to, or killed
 *
 * A moment is a number of steps that a worker has taken, or of operations that
 * have succeeded, never a time. A cell in which nothing changes for too long hangs.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "torture.h"

enum phase { EMPTY, RUN, AFTER, END };

/* What workers must not see. */
struct place {
	enum phase phase;
	struct rng rng;
	pid_t pid[ROLES];	/* 0: none, or reaped */
	unsigned long moment;
	unsigned long seen;	/* sum of all that changes */
	time_t since;
	bool child_gone;
	int kept_fd;		/* dma-buf of the cell before, or -1 */
	bool kept_host;		/* its memory was host memory */
	uint64_t kept_sum;
};

static struct place places[MAX_CELLS];
static unsigned int nr_cells, finished;

static time_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec;
}

void cells_init(unsigned int nr, uint64_t seed, uint8_t *memory)
{
	nr_cells = nr;
	for (unsigned int i = 0; i < nr; i++) {
		places[i].rng.state = seed + 1000 * (i + 1);
		places[i].kept_fd = -1;
		shared->cells[i].memory = memory + (size_t)i * BUF_SIZE;
	}
}

/* What was seen when the cell ended is still there. */
static void check_rest(unsigned int i)
{
	struct place *pl = &places[i];
	int lock = -1;
	uint8_t *p;

	if (pl->kept_host && memory_sum(shared->cells[i].memory) != pl->kept_sum)
		failure("cell %u: memory changed after its region was gone", i);
	pl->kept_host = false;
	if (pl->kept_fd < 0)
		return;
	lock = map_lock(LOCK_SH);
	p = fd_map(pl->kept_fd, BUF_SIZE);
	if (memory_sum(p) != pl->kept_sum)
		failure("cell %u: GPU memory changed after its region was gone", i);
	munmap(p, BUF_SIZE);
	map_unlock(lock);
	close(pl->kept_fd);
	pl->kept_fd = -1;
}

/* kept_fd of a BAR that was unbound shows zeroes now. */
void cells_check_rest(void)
{
	for (unsigned int i = 0; i < nr_cells; i++)
		check_rest(i);
}

static void choose(struct cell *c, struct rng *rng, enum plan plan)
{
	memset(c->die_at, 0, sizeof(c->die_at));
	c->seed = rng_next(rng);
	c->plan = plan;
	c->mem = (enum memory)rng_below(rng, shared->bar ? 4 : 3);
	if (plan == PLAN_KILL_OWNER)
		c->mem = shared->bar && rng_below(rng, 2) ? MEM_GPU_BAR : MEM_GPU_RAM;
	c->keep = on_gpu(c) && rng_below(rng, 2);
	c->bounce = rng_below(rng, 2);
	c->churn = rng_below(rng, 2);
	c->channel = rng_below(rng, 2);
	c->fd_early = rng_below(rng, 2);
	c->host[WRITER] = (uint8_t)rng_below(rng, 2);
	/* rarely both on one device */
	c->host[TARGET] = rng_below(rng, 4) ? !c->host[WRITER] : c->host[WRITER];
	c->depth = (uint8_t)(1 + rng_below(rng, 8));
	c->slot_len = 1 + rng_below(rng, SLOT_MAX);
	c->mtu = (enum ibv_mtu)(IBV_MTU_256 + rng_below(rng, 5));
	if (plan == PLAN_SELF_WRITER)
		c->die_at[WRITER] = 1 + rng_below(rng, 16);
	if (plan == PLAN_SELF_TARGET)
		c->die_at[TARGET] = 1 + rng_below(rng, 14);
}

static void clear(struct cell *c)
{
	for (int r = 0; r < ROLES; r++) {
		c->stop[r] = false;
		c->doomed[r] = false;
		c->ended[r] = false;
		c->step[r] = 0;
	}
	for (int i = 0; i < NSLOT; i++) {
		c->posted[i] = 0;
		c->done[i] = 0;
	}
	c->progress = 0;
	c->child = 0;
	c->count_posted = 0;
	c->count_done = 0;
	memset(c->at, 0, sizeof(c->at));
	c->disturb = shared->disturb;
	c->unbinds = shared->unbinds;
	memset(c->memory, guard_of(c), BUF_SIZE);
}

static void run_role(unsigned int i, enum role role)
{
	static void (*const mains[])(struct cell *c) = {
		[WRITER] = writer_main, [TARGET] = target_main, [OWNER] = owner_main,
	};
	struct cell *c = &shared->cells[i];
	pid_t pid = fork();

	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (pid) {
		places[i].pid[role] = pid;
		return;
	}
	for (unsigned int k = 0; k < nr_cells; k++)
		if (places[k].kept_fd >= 0)
			close(places[k].kept_fd);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	close(c->life[0]);
	close(c->keeper[1]);
	/* The other end is at its end when its one holder is. */
	if (role != TARGET)
		close(c->pass[1]);
	if (role != OWNER)
		close(c->pass[0]);
	mains[role](c);
}

/* Soon, as a rule; where all is fast some live longer. */
static unsigned int moment_of(enum plan plan, struct rng *rng)
{
	if (plan == PLAN_EARLY_WRITER || plan == PLAN_EARLY_TARGET)
		return 1 + rng_below(rng, 10);
	return 1 + rng_below(rng, shared->slow || rng_below(rng, 3) ? 40 : 3000);
}

void cell_begin(unsigned int i, enum plan plan)
{
	struct cell *c = &shared->cells[i];
	struct place *pl = &places[i];

	check_rest(i);
	choose(c, &pl->rng, plan);
	clear(c);
	CHECK(!pipe2(c->life, O_NONBLOCK | O_CLOEXEC) &&
	      !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, c->pass) &&
	      !socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, c->keeper),
	      "sockets: %s", strerror(errno));
	pl->moment = moment_of(plan, &pl->rng);
	pl->child_gone = false;
	pl->seen = 0;
	pl->since = now();
	pl->phase = RUN;
	run_role(i, TARGET);
	run_role(i, WRITER);
	if (plan == PLAN_KILL_OWNER)
		run_role(i, OWNER);
	close(c->life[1]);
	close(c->pass[0]);
	close(c->pass[1]);
	close(c->keeper[0]);
}

/* A process ended. Did it have the right to? */
static void reaped(unsigned int i, enum role role, int status)
{
	static const char *const names[] = { "writer", "target", "owner", "child" };
	struct cell *c = &shared->cells[i];
	bool excused = disturbed(c);

	c->ended[role] = true;
	if (WIFSIGNALED(status)) {
		if (WTERMSIG(status) != SIGKILL || !c->doomed[role])
			failure("cell %u (%s): %s died by signal %d", i,
				plan_names[c->plan], names[role], WTERMSIG(status));
	} else if (WEXITSTATUS(status) && (WEXITSTATUS(status) != EXIT_FAILED || !excused)) {
		failure("cell %u (%s): %s failed", i, plan_names[c->plan], names[role]);
	}
	c->doomed[role] = true;
}

/* All children that have ended: of the cells, and what their dead have left. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (unsigned int i = 0; i < nr_cells; i++) {
			struct cell *c = &shared->cells[i];

			if (places[i].phase == EMPTY)
				continue;
			for (enum role r = WRITER; r <= OWNER; r++) {
				if (places[i].pid[r] != pid)
					continue;
				places[i].pid[r] = 0;
				reaped(i, r, status);
			}
			if (c->child == pid) {
				places[i].child_gone = true;
				reaped(i, CHILD, status);
			}
		}
	}
}

static void kill_role(unsigned int i, enum role role)
{
	struct cell *c = &shared->cells[i];
	pid_t pid = role == CHILD ? (pid_t)c->child : places[i].pid[role];

	if (pid <= 0)
		return;
	c->doomed[role] = true;
	kill(pid, SIGKILL);
}

/* The plan has been carried out. */
static void done(unsigned int i)
{
	shared->plans[shared->cells[i].plan]++;
	places[i].phase = END;
}

static void act(unsigned int i)
{
	struct cell *c = &shared->cells[i];

	switch (c->plan) {
	case PLAN_DRAIN:
	case PLAN_QP_BUSY:
	case PLAN_EXIT_BUSY:
		c->stop[WRITER] = true;
		break;
	case PLAN_MR_FIRST:
	case PLAN_QP_FIRST:
		c->stop[TARGET] = true;
		break;
	case PLAN_EARLY_WRITER:
	case PLAN_KILL_WRITER:
		kill_role(i, WRITER);
		break;
	case PLAN_EARLY_TARGET:
	case PLAN_KILL_TARGET:
		kill_role(i, TARGET);
		break;
	case PLAN_KILL_BOTH:
		kill_role(i, WRITER);
		kill_role(i, TARGET);
		break;
	case PLAN_KILL_OWNER:
	case PLAN_KILL_PARENT:
		kill_role(i, c->plan == PLAN_KILL_OWNER ? OWNER : TARGET);
		places[i].moment = c->progress + 16;
		places[i].phase = AFTER;
		return;
	default:
		break;
	}
	done(i);
}

static bool moment_has_come(unsigned int i)
{
	struct cell *c = &shared->cells[i];

	switch (c->plan) {
	case PLAN_EARLY_WRITER:
		return c->step[WRITER] >= places[i].moment;
	case PLAN_EARLY_TARGET:
		return c->step[TARGET] >= places[i].moment;
	case PLAN_SELF_WRITER:
		return !places[i].pid[WRITER] && c->die_at[WRITER] <= c->step[WRITER];
	case PLAN_SELF_TARGET:
		return !places[i].pid[TARGET] && c->die_at[TARGET] <= c->step[TARGET];
	case PLAN_KILL_PARENT:
		return c->child > 0 && c->progress >= places[i].moment;
	default:
		return c->progress >= places[i].moment;
	}
}

/* Whoever is still there and is not to end by itself. */
static void hurry(unsigned int i)
{
	struct cell *c = &shared->cells[i];
	struct place *pl = &places[i];

	if (!pl->pid[WRITER]) {
		c->stop[TARGET] = true;
		c->stop[OWNER] = true;
	}
	if (!pl->pid[TARGET]) {
		c->stop[OWNER] = true;
		/* Only this child stays, and is not reaped by its parent. */
		if (c->plan == PLAN_KILL_PARENT && !pl->child_gone)
			kill_role(i, CHILD);
	}
}

static void look(unsigned int i, const uint8_t *p, enum count what)
{
	struct cell *c = &shared->cells[i];

	if (!memory_verify(c, p))
		failure("cell %u (%s): wrong data", i, plan_names[c->plan]);
	places[i].kept_sum = memory_sum(p);
	count(what, BUF_SIZE);
}

/* Nobody is left, nothing can change any more. */
static void inspect(unsigned int i)
{
	struct cell *c = &shared->cells[i];
	int fd, lock;
	uint8_t *p;

	if (c->mem == MEM_SHARED) {
		look(i, c->memory, DID_HOST_BYTES);
		places[i].kept_host = true;
	}
	fd = fd_receive(c->keeper[1], MSG_DONTWAIT);
	if (fd < 0)
		return;
	if (c->mem == MEM_GPU_BAR && c->unbinds != shared->unbinds) {
		close(fd);
		return;
	}
	lock = map_lock(LOCK_SH);
	p = fd_map(fd, BUF_SIZE);
	look(i, p, DID_GPU_BYTES);
	munmap(p, BUF_SIZE);
	map_unlock(lock);
	places[i].kept_fd = fd;
}

/* A parent that was killed may have reaped its child, and not have said so. */
static bool child_gone(unsigned int i)
{
	pid_t pid = shared->cells[i].child;

	return pid <= 0 || places[i].child_gone || (kill(pid, 0) && errno == ESRCH);
}

/* Has the last process, known or not, closed its files? */
static bool all_gone(unsigned int i)
{
	struct cell *c = &shared->cells[i];
	struct place *pl = &places[i];
	char byte;

	return !pl->pid[WRITER] && !pl->pid[TARGET] && !pl->pid[OWNER] &&
	       !read(c->life[0], &byte, 1) && child_gone(i);
}

static void watch(unsigned int i)
{
	struct cell *c = &shared->cells[i];
	unsigned long sum = c->progress + places[i].phase;

	for (int r = 0; r < ROLES; r++)
		sum += c->step[r] + c->ended[r];
	if (sum != places[i].seen) {
		places[i].seen = sum;
		places[i].since = now();
	} else if (now() - places[i].since > shared->hang_seconds) {
		hang("cell %u (%s, phase %d): nothing happens", i,
		     plan_names[c->plan], places[i].phase);
	}
}

bool cell_advance(unsigned int i)
{
	struct cell *c = &shared->cells[i];
	struct place *pl = &places[i];

	reap();
	if (pl->phase == EMPTY)
		return false;
	watch(i);
	if (pl->phase == RUN && moment_has_come(i))
		act(i);
	/* It has become alive again without the one that was killed. */
	if (pl->phase == AFTER && c->progress >= pl->moment)
		done(i);
	if (pl->phase != END && (!pl->pid[WRITER] || !pl->pid[TARGET]) &&
	    !(pl->phase == AFTER && c->plan == PLAN_KILL_PARENT && pl->pid[WRITER]))
		pl->phase = END;
	if (pl->phase == END) {
		hurry(i);
		/* The owner of what was passed on may outlive all others. */
		if (all_gone(i)) {
			inspect(i);
			close(c->life[0]);
			close(c->keeper[1]);
			pl->phase = EMPTY;
			finished++;
		}
	}
	return true;
}

void cells_end(void)
{
	for (unsigned int i = 0; i < nr_cells; i++) {
		if (places[i].phase == EMPTY)
			continue;
		shared->cells[i].stop[WRITER] = true;
		places[i].phase = END;
	}
}

bool cells_busy(void)
{
	for (unsigned int i = 0; i < nr_cells; i++)
		if (places[i].phase == RUN && shared->cells[i].progress)
			return true;
	return false;
}

unsigned int cells_alive(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < nr_cells; i++)
		n += places[i].phase != EMPTY;
	return n;
}

unsigned int cells_finished(void)
{
	return finished;
}
