// SPDX-License-Identifier: GPL-2.0
/*
 * The sweep over a table, see faults.h.
 *
 *	PROGRAM ARG...			all calls
 *	PROGRAM ARG... CALL		this one
 *	PROGRAM ARG... CALL N		its N-th object only, or page with FAULTS_PAGES=1; with
 *					FAULTS_VERBOSE=2 the kernel log shows where that is
 *	PROGRAM --covers		what the table covers, a line for each method
 */
#define _GNU_SOURCE
#include <time.h>
#include <unistd.h>

#include "faults.h"

/* No call has that many; it would be one that retries for ever. */
#define MAX_POINTS	50000
/* What is freed by a work item or after a grace period, is so by then. */
#define SETTLE_SECONDS	30

static const struct fault_table *table;
static const struct fault_call *current;
static unsigned int current_n;
static unsigned int first, points, failures, others;
/* With what the call needs, and without. */
static char *state_before, *state_outside;

void fault_where(const char *file, int line)
{
	fprintf(stderr, "%s:%d: ", file, line);
	if (current)
		fprintf(stderr, "%s, allocation %u: ", current->name, current_n);
}

static char *state_now(void)
{
	size_t len;
	char *text;
	FILE *out = open_memstream(&text, &len);

	NEED(out, "open_memstream: %m");
	table->state(out);
	NEED(!fclose(out), "state: %m");
	return text;
}

/* Nothing is left behind: at once, or as soon as what was deferred is done. */
static void need_state(const char *before)
{
	time_t end = time(NULL) + SETTLE_SECONDS;
	char *now;

	for (;;) {
		now = state_now();
		if (!strcmp(now, before))
			break;
		if (time(NULL) > end)
			FAULT_FAIL("something was left behind\n--- before\n%s--- now\n%s",
				   before, now);
		free(now);
		usleep(2000);
	}
	free(now);
}

static void undo(const struct fault_call *c)
{
	if (c->undo)
		c->undo();
}

static void need_works(const struct fault_call *c)
{
	int err = c->call();

	NEED(!err, "without a fault: %s", strerror(err));
	if (c->verify)
		c->verify();
	undo(c);
}

static void need_memory_error(const struct fault_call *c, int err, bool hit)
{
	NEED(hit, "%s, although no allocation failed", strerror(err));
	NEED(!(c->flags & FAULT_NEVER_FAILS), "%s of a call that cannot fail",
	     strerror(err));
	NEED(err == ENOMEM || err == c->also || c->flags & FAULT_ANY_ERRNO,
	     "%s (%d), not ENOMEM", strerror(err), err);
}

enum point { BEYOND, FAILED, SUCCEEDED };

/* Returns how the call ended whose n-th allocation failed. */
static enum point one_point(const struct fault_call *c, unsigned int n)
{
	bool hit;
	int err;

	current_n = n;
	inject(n);
	err = c->call();
	hit = inject_end();
	if (err) {
		need_memory_error(c, err, hit);
		if (c->failed)
			c->failed();
		need_state(state_before);
		failures++;
		others += err != ENOMEM;
	} else {
		if (c->verify && !(hit && c->flags & FAULT_HALF_DONE))
			c->verify();
		undo(c);
	}
	if (hit) {
		points++;
		need_works(c);
	}
	need_state(state_before);
	return !hit ? BEYOND : err ? FAILED : SUCCEEDED;
}

static void begin(const struct fault_call *c)
{
	current = c;
	current_n = 0;
	points = 0;
	failures = 0;
	others = 0;
	state_outside = state_now();
	if (c->prepare)
		c->prepare();
	need_works(c);
	need_works(c);
	state_before = state_now();
}

static void finish(const struct fault_call *c)
{
	if (c->unprepare)
		c->unprepare();
	/* A reference too many shows when the last one should be gone. */
	need_state(state_outside);
	free(state_outside);
	free(state_before);
	current = NULL;
}

static void report(const struct fault_call *c)
{
	const char *outcome = "failed or succeeded";

	if (!points)
		outcome = "allocates nothing";
	else if (!failures)
		outcome = "succeeded each time";
	else if (failures == points)
		outcome = "failed each time";
	printf("%-36s %4u points %4u ENOMEM", c->name, points, failures - others);
	if (others)
		printf(" %4u %s (%s)", others, c->also ? strerrorname_np(c->also) : "other",
		       c->why ?: "lost in a library");
	printf(", %s", outcome);
	if (c->from)
		printf(" (not the first %u)", first - 1);
	if (c->dense)
		printf(" (1 in %u after the first %u)", c->step, c->dense);
	putchar('\n');
	fflush(stdout);
}

/*
 * Between an allocation whose failure is one of the call and a later one whose
 * failure is not, something begins that is optional: sweep its beginning.
 */
static void sweep_end_of_failures(const struct fault_call *c, unsigned int failed,
				  unsigned int succeeded)
{
	unsigned int i;

	while (succeeded - failed > 1) {
		unsigned int mid = failed + (succeeded - failed) / 2;

		if (one_point(c, mid) == FAILED)
			failed = mid;
		else
			succeeded = mid;
	}
	for (i = 0; i < c->dense; i++)
		if (one_point(c, succeeded + i) == BEYOND)
			break;
}

static void sweep_all(const struct fault_call *c)
{
	unsigned int n, failed = 0, succeeded = 0, last = 0, begun = points;
	enum point end;

	first = c->from ? c->from() : 1;
	n = first;
	while ((end = one_point(c, n)) != BEYOND) {
		if (end == SUCCEEDED && last && !succeeded && n > c->dense) {
			failed = last;
			succeeded = n;
		}
		last = end == FAILED ? n : 0;
		n += c->dense && n >= c->dense ? c->step : 1;
		NEED(n < MAX_POINTS, "no end");
		if (c->nr && points - begun == c->nr)
			break;
	}
	if (c->dense && succeeded)
		sweep_end_of_failures(c, failed, succeeded);
}

static void sweep(const struct fault_call *c)
{
	begin(c);
	if (!(c->flags & FAULT_PAGES_ONLY)) {
		inject_what(INJECT_OBJECTS);
		sweep_all(c);
	}
	if (!(c->flags & FAULT_OBJECTS_ONLY)) {
		inject_what(INJECT_PAGES);
		sweep_all(c);
	}
	NEED(points || c->flags & FAULT_MAY_BE_NONE, "it allocates nothing");
	finish(c);
	report(c);
}

static void covers(void)
{
	size_t i;

	for (i = 0; i < table->nr; i++) {
		char *list = strdup(table->calls[i].covers), *word, *rest = list;

		while ((word = strsep(&rest, " ")))
			if (*word)
				printf("%s\t%s\n", word, table->calls[i].name);
		free(list);
	}
}

int fault_main(const struct fault_table *t, int argc, char **argv, int nargs)
{
	const char *only = argc > nargs + 1 ? argv[nargs + 1] : NULL;
	static const char * const outcome[] = { "beyond the last", "failed", "succeeded" };
	unsigned int n = argc > nargs + 2 ? atoi(argv[nargs + 2]) : 0, swept = 0;
	size_t i;

	table = t;
	if (argc == 2 && !strcmp(argv[1], "--covers")) {
		covers();
		return 0;
	}
	NEED(argc > nargs, "usage: see the head of sweep.c");
	t->open(argv + 1);
	atexit(inject_exit);
	inject_init();
	for (i = 0; i < t->nr; i++) {
		const struct fault_call *c = &t->calls[i];

		if (only ? strcmp(only, c->name) :
		    !!(c->flags & FAULT_KERNEL_WARNS) != t->warns)
			continue;
		swept++;
		if (n) {
			inject_what(getenv("FAULTS_PAGES") ? INJECT_PAGES : INJECT_OBJECTS);
			begin(c);
			printf("%s %u: %s\n", c->name, n, outcome[one_point(c, n)]);
			finish(c);
		} else {
			sweep(c);
		}
	}
	NEED(swept, "no such call");
	inject_exit();
	t->close();
	printf("%u calls swept\n", swept);
	return 0;
}
