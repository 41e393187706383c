// SPDX-License-Identifier: GPL-2.0
/*
 * Processes beside the cells: one that moves GPU buffers to and fro, and one that
 * sees when the conductor itself hangs. What a hang looks like is told here.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "torture.h"

void helper_start(void (*fn)(void))
{
	pid_t pid = fork();

	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	fn();
	exit(0);
}

static unsigned long progress(void)
{
	unsigned long sum = 0;

	for (int i = 0; i < MAX_CELLS; i++)
		sum += shared->cells[i].progress;
	return sum;
}

static void move_now(struct rng *rng, bool bar, const char *file, enum count what)
{
	struct device gpu;
	int lock;

	lock = map_lock(LOCK_EX);
	device_open(&gpu, bar ? "bar" : "ram");
	if (rng_below(rng, 4) == 0)
		debugfs_write(&gpu, "fragment", "%u", rng_below(rng, 5));
	if (!debugfs_write(&gpu, file, "all"))
		count(what, 1);
	close(gpu.fd);
	map_unlock(lock);
}

/* A device that may be unbound under it is left to a process of its own. */
static void move(struct rng *rng, bool bar, const char *file, enum count what)
{
	pid_t pid;

	if (!bar) {
		move_now(rng, bar, file, what);
		return;
	}
	rng_next(rng);
	pid = fork();
	CHECK(pid >= 0, "fork: %s", strerror(errno));
	if (!pid) {
		move_now(rng, bar, file, what);
		exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* At the pace of the traffic, as long as there is some. */
static void let_others(struct rng *rng)
{
	unsigned long until = progress() + 1 + rng_below(rng, 20);

	for (int i = 0; i < 50 && progress() < until && !shared->pause; i++)
		usleep(1000);
}

void evictor_main(void)
{
	struct rng rng = { 4711 };

	while (!shared->over) {
		bool bar = shared->bar && rng_below(&rng, 2);

		shared->resting = shared->pause;
		if (shared->resting) {
			usleep(1000);
			continue;
		}
		move(&rng, bar, "evict", DID_EVICT);
		let_others(&rng);
		if (shared->pause)
			continue;
		move(&rng, bar, "restore", DID_RESTORE);
		let_others(&rng);
	}
}

void evictor_rest(bool rest)
{
	shared->pause = rest;
	while (shared->resting != rest)
		usleep(500);
}

static void show_file(const char *dir, const char *name)
{
	char path[128], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "%.80s/%.20s", dir, name);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		fprintf(stderr, "    %s", line);
	if (f)
		fclose(f);
}

/* Kernel threads that rest are of no interest. */
static bool interesting(const char *dir)
{
	char path[128], line[512] = "", state = '?';
	const char *p;
	FILE *f;

	snprintf(path, sizeof(path), "%.80s/stat", dir);
	f = fopen(path, "re");
	if (!f)
		return false;
	p = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (p)
		state = p[2];
	fclose(f);
	snprintf(path, sizeof(path), "%.80s/exe", dir);
	return state == 'D' || state == 'R' || readlink(path, line, sizeof(line)) > 0;
}

static void show_tasks(void)
{
	struct dirent *d, *t;
	char path[80];
	DIR *proc = opendir("/proc"), *tasks;

	while (proc && (d = readdir(proc))) {
		if (d->d_name[0] < '1' || d->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/task", d->d_name);
		tasks = opendir(path);
		while (tasks && (t = readdir(tasks))) {
			snprintf(path, sizeof(path), "/proc/%.20s/task/%.20s",
				 d->d_name, t->d_name);
			if (t->d_name[0] == '.' || !interesting(path))
				continue;
			fprintf(stderr, "task %s of %s:\n", t->d_name, d->d_name);
			show_file(path, "comm");
			show_file(path, "wchan");
			fputc('\n', stderr);
			show_file(path, "stack");
		}
		if (tasks)
			closedir(tasks);
	}
	if (proc)
		closedir(proc);
}

/* Everything that may explain it, then the end of all. */
void hang(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("HANG: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	show_tasks();
	/* These may hang, too. */
	if (system("for i in dev 'resource show' 'resource show qp' 'resource show mr'; do"
		   " timeout 20 rdma -d $i; done >&2;"
		   "timeout 20 cat /sys/kernel/debug/dma_buf_pfn/attachments"
		   " /sys/kernel/debug/dri/*/vram >&2"))
		fputs("(and so does rdma or debugfs)\n", stderr);
	kill(0, SIGKILL);
	abort();
}

void watchdog_main(void)
{
	unsigned long seen = 0;
	unsigned int quiet = 0;

	while (!shared->over) {
		sleep(1);
		if (shared->beat != seen)
			quiet = 0;
		else if (++quiet > shared->hang_seconds)
			hang("the conductor does not get on");
		seen = shared->beat;
	}
}
