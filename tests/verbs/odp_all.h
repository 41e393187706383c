/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Regions of the whole address space on demand: what their tests have in common. Both
 * ends have one; what is mapped, is mapped afterwards.
 */
#ifndef PRXE_TESTS_ODP_ALL_H
#define PRXE_TESTS_ODP_ALL_H

#include "cases.h"

#define PAGE	4096ul
#define PART	(2 * 1024 * 1024ul)	/* what has one table, kernel/prxe/mr_internal.h */
#define SIZE	(3 * PART)
#define DEMAND	IBV_ACCESS_ON_DEMAND

extern struct ibv_mr *mymr, *theirmr;	/* of everything, at a and at b */
extern uint8_t *mine, *theirs;		/* SIZE bytes of a file, on the grid of parts */

/* Make these for a case, and give them back. */
void odp_before(void);
void odp_drop(void);

/* A region of everything, and a range of it. */
struct ibv_mr *odp_everything(struct end *e, int rights);
struct ibv_sge odp_at(const struct ibv_mr *mr, const void *addr, size_t len);

/* Address space that begins where a part does, and nothing in it. */
uint8_t *reserve(size_t len);
/* A new file; map one there. */
int new_file(size_t len);
void put_file(uint8_t *m, size_t len);
/* Take its pages away; files keep them. */
void forget(uint8_t *m, size_t len);

/* From mine to theirs, and back, by a's queue pair. */
void write_there(size_t off, size_t len);
void read_back(size_t off, size_t len);
/* A new connection. */
void again(void);

/* A case that has the regions. */
#define ODP_CASE(f) static void f##_case(void) { odp_before(); f(); odp_drop(); }
#define ODP_ROW(f) { .name = #f, .run = f##_case }

#endif
