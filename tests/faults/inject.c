// SPDX-License-Identifier: GPL-2.0
/*
 * fail-nth of this task, and the settings of failslab and fail_page_alloc that say
 * which allocations count: also those that may sleep. Slab objects and pages are
 * counted apart: when a slab is used up, and an object needs pages, is a matter of
 * chance, and counted together one such case would hide the object behind it.
 */
#include <fcntl.h>
#include <unistd.h>

#include "faults.h"

#define DEBUGFS "/sys/kernel/debug/"
#define MIN_ORDER DEBUGFS "fail_page_alloc/min-order"
#define CACHE_FILTER DEBUGFS "failslab/cache-filter"

static struct setting {
	const char *path;
	const char *wanted;
	char before[16];
} settings[] = {
	{ DEBUGFS "failslab/verbose", "0", "" },
	{ DEBUGFS "failslab/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/verbose", "0", "" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-wait", "N", "" },
	{ DEBUGFS "fail_page_alloc/ignore-gfp-highmem", "N", "" },
	{ MIN_ORDER, "0", "" },
	{ CACHE_FILTER, "N", "" },
};

static int nth_fd = -1;

static void setting_write(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	NEED(fd >= 0 && write(fd, value, strlen(value)) > 0, "%s: %m", path);
	close(fd);
}

static void setting_read(const char *path, char *value, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, value, size - 1);

	NEED(n > 0, "%s: %m", path);
	value[n] = '\0';
	close(fd);
}

void inject_init(void)
{
	const char *verbose = getenv("FAULTS_VERBOSE");
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		struct setting *s = &settings[i];

		setting_read(s->path, s->before, sizeof(s->before));
		setting_write(s->path, verbose && strstr(s->path, "verbose") ?
			      verbose : s->wanted);
	}
	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	NEED(nth_fd >= 0, "/proc/thread-self/fail-nth: %m");
}

/* Also at an early exit, which may come with a fault armed. */
void inject_exit(void)
{
	size_t i;

	if (nth_fd < 0)
		return;
	if (pwrite(nth_fd, "0", 1, 0) != 1)
		perror("fail-nth");
	close(nth_fd);
	nth_fd = -1;
	for (i = 0; i < ARRAY_SIZE(settings); i++)
		setting_write(settings[i].path, settings[i].before);
}

/* No page is of that order, and no cache is marked for the filter. */
void inject_what(enum inject_what what)
{
	setting_write(MIN_ORDER, what == INJECT_PAGES ? "0" : "100");
	setting_write(CACHE_FILTER, what == INJECT_PAGES ? "Y" : "N");
}

/* The n-th allocation from here on fails, and no other. */
void inject(unsigned int n)
{
	char buf[16];
	int len = snprintf(buf, sizeof(buf), "%u", n);

	NEED(pwrite(nth_fd, buf, len, 0) == len, "fail-nth: %m");
}

static unsigned int inject_left(void)
{
	char buf[16] = "";

	NEED(pread(nth_fd, buf, sizeof(buf) - 1, 0) > 0, "fail-nth: %m");
	NEED(pwrite(nth_fd, "0", 1, 0) == 1, "fail-nth: %m");
	return strtoul(buf, NULL, 10);
}

/* No more. Returns whether one has failed. Keeps errno. */
bool inject_end(void)
{
	int saved = errno;
	bool hit = !inject_left();

	errno = saved;
	return hit;
}

/* How many allocations @call makes; none fails. */
unsigned int inject_count(int (*call)(void), int *err)
{
	const unsigned int far = 1000000;

	inject(far);
	*err = call();
	return far - inject_left();
}
