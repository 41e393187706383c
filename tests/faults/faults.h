/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Failure sweeps: each allocation that a call makes fails in turn.
 *
 * A program has a table of calls. For each, the n-th allocation of this task
 * is made to fail, for n = 1, 2, ... until the call was through before its n-th:
 *
 *	prepare
 *	call, verify, undo			it works; caches are warm now
 *	for slab objects, then for pages, for n = 1, 2, ...
 *		call, the n-th allocation fails
 *		  failed: with ENOMEM, or with the other errno of the row; state as before
 *		  succeeded all the same: verify, undo
 *		call, verify, undo		it works right after
 *		state as before			nothing is left behind
 *	unprepare
 *	state as before prepare
 *
 * The kernel counts only what this task allocates, in process context (see
 * Documentation/fault-injection). What work items and softirqs do for a call is out
 * of reach.
 */
#ifndef FAULTS_H
#define FAULTS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_FAIL(...)							\
	do {								\
		fault_where(__FILE__, __LINE__);			\
		fprintf(stderr, __VA_ARGS__);				\
		fputc('\n', stderr);					\
		exit(1);						\
	} while (0)

#define NEED(cond, ...)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "not so: %s\n", #cond);		\
			FAULT_FAIL(__VA_ARGS__);			\
		}							\
	} while (0)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

enum fault_flags {
	/* Allocates nothing that could fail: not one point is needed. */
	FAULT_MAY_BE_NONE = 1,
	/* Cannot fail: what it needs is there, or it does without. */
	FAULT_NEVER_FAILS = 2,
	/* A success says little; verify() looks only after a call without fault. */
	FAULT_HALF_DONE = 4,
	/* Libraries of others on the way lose the errno, or make one of their own. */
	FAULT_ANY_ERRNO = 8,
	/* The kernel itself warns of the failure: see fault_table.warns. */
	FAULT_KERNEL_WARNS = 16,
	/* Of the allocations only slab objects, or only pages, are swept. */
	FAULT_OBJECTS_ONLY = 32,
	FAULT_PAGES_ONLY = 64,
};

/**
 * struct fault_call - a row of the table
 * @name: what is called, as printed
 * @covers: the methods that it reaches, "TABLE.MEMBER" or a function's name, with
 *	spaces between; see exempt
 * @call: does it; returns 0 or an errno. What it made before it failed it has
 *	unmade, as its caller could
 * @undo: undoes a call that succeeded; may be NULL
 * @verify: looks at what a call did that succeeded; may be NULL
 * @failed: undoes what a call is allowed to have done that failed; may be NULL
 * @prepare: what the call needs, once; may be NULL
 * @unprepare: the counterpart; may be NULL
 * @flags: enum fault_flags
 * @also: an errno besides ENOMEM, 0 if none
 * @why: where that comes from
 * @dense: how many allocations from the first on fail in turn, 0 for all; after
 *	them only every @step-th, and as many again from where failures end. For calls
 *	of thousands that are the kernel's
 * @step: see @dense
 * @from: the first allocation of interest, for calls that begin with many of the
 *	kernel's; may be NULL
 * @nr: how many from there on, 0 for all
 */
struct fault_call {
	const char *name;
	const char *covers;
	int (*call)(void);
	void (*undo)(void);
	void (*verify)(void);
	void (*failed)(void);
	void (*prepare)(void);
	void (*unprepare)(void);
	unsigned int flags;
	int also;
	const char *why;
	unsigned int dense;
	unsigned int step;
	unsigned int (*from)(void);
	unsigned int nr;
};

/* A row: what every one has, then .verify = ... and the like as needed. */
#define CALL(n, c, f, ...) { .name = n, .covers = c, .call = f, __VA_ARGS__ }

/**
 * struct fault_table - the calls of a program
 * @calls: the rows
 * @nr: their number
 * @open: what all of them need
 * @close: the counterpart
 * @state: writes down, a line each, whatever a call could leave behind
 * @warns: sweep the calls with FAULT_KERNEL_WARNS, and only these
 */
struct fault_table {
	const struct fault_call *calls;
	size_t nr;
	void (*open)(char **argv);
	void (*close)(void);
	void (*state)(FILE *out);
	bool warns;
};

/* sweep.c: main() of such a program; @nargs arguments come before CALL and N. */
int fault_main(const struct fault_table *table, int argc, char **argv, int nargs);
void fault_where(const char *file, int line);

/* inject.c */
void inject_init(void);
void inject_exit(void);
void inject(unsigned int n);
bool inject_end(void);
enum inject_what { INJECT_OBJECTS, INJECT_PAGES };
void inject_what(enum inject_what what);
unsigned int inject_count(int (*call)(void), int *err);

/* state.c: parts of a state */
void state_modules(FILE *out);
void state_self(FILE *out);
void state_attachments(FILE *out);
void state_gpu(FILE *out, const char *debugfs);
void state_sites(FILE *out);

/* nl.c: rdma netlink, as iproute2 speaks it. Each returns 0 or an errno. */
void nl_open(const char *netns);
void nl_close(void);
int nl_newlink(const char *name, const char *type, const char *netdev);
int nl_index(const char *name, uint32_t *index);
int nl_dellink(uint32_t index);
int nl_dump(unsigned int command, const char *name);
int nl_get(unsigned int command, const char *name);
/* @cntn: the new counter */
int nl_bind(const char *name, uint32_t qpn, uint32_t *cntn);
int nl_unbind(const char *name, uint32_t qpn, uint32_t cntn);
int nl_show_counters(const char *name);
void nl_resources(FILE *out, const char *name);
void nl_sockets(FILE *out);

#endif /* FAULTS_H */
