/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A program of cases: PROGRAM DEVICE DEVICE [CASE]. Each case gets a new connection
 * between the same two devices, protection domains and regions.
 *
 *	for each case, or for the one that was named:
 *		options		of the program, then those of the case
 *		connect		before() is called, then the case runs
 *		disconnect	after() is called, with the program's options again
 */
#ifndef PRXE_TESTS_CASES_H
#define PRXE_TESTS_CASES_H

#include "pair.h"

#define LEN	65536			/* of each buffer, but see case_table.len */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

extern struct pair p;
extern uint8_t *abuf, *bbuf;		/* page-aligned */
extern struct ibv_mr *amr, *bmr;	/* all of them, with case_table.rights */

/* All rights to a region, but that to bind windows. */
enum {
	all_rights = IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE |
		     IBV_ACCESS_REMOTE_READ | IBV_ACCESS_REMOTE_ATOMIC,
};

/**
 * struct test_case - a row of the table
 * @name: what it is called on the command line and in the output
 * @run: the case; returns when all its checks have held
 * @options: what its connection has other than the program's; may be NULL
 * @manual: runs only when it is named, and after() does not
 */
struct test_case {
	const char *name;
	void (*run)(void);
	void (*options)(struct pair_opt *opt);
	bool manual;
};

/* A row: the function, then .options = ... and the like as needed. */
#define CASE(f, ...) { .name = #f, .run = f, __VA_ARGS__ }

/**
 * struct case_table - the cases of a program
 * @cases: the rows
 * @nr: their number
 * @options: what its connections have other than pair_defaults; may be NULL
 * @len: of each buffer; 0 means LEN
 * @rights: of the regions; 0 means all_rights
 * @before: called on each new connection; may be NULL
 * @after: called when the connection of a case is gone, which it may make anew
 *	to see that all still works; may be NULL
 */
struct case_table {
	const struct test_case *cases;
	size_t nr;
	void (*options)(struct pair_opt *opt);
	size_t len;
	int rights;
	void (*before)(void);
	void (*after)(void);
};

/* main() of such a program. */
int cases_main(const struct case_table *table, int argc, char **argv);

#endif
