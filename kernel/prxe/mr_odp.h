/* SPDX-License-Identifier: GPL-2.0-only */
/* What the two files of memory on demand have in common; mr_odp.c has the theory. */
#ifndef PRXE_MR_ODP_H
#define PRXE_MR_ODP_H

#include <linux/mmu_notifier.h>

#include "mr_internal.h"

/* mr_odp.c */

/* Invalidations of a &struct ib_umem_odp whose private pointer is a part, or NULL. */
extern const struct mmu_interval_notifier_ops prxe_odp_mn_ops;

/**
 * prxe_odp_drop() - take pages out of a table
 * @part: the part, umem_mutex held
 * @from: the first
 * @to: behind the last
 *
 * On return no access is inside of one of them. Allocates nothing.
 */
void prxe_odp_drop(struct prxe_odp_part *part, unsigned long from,
		   unsigned long to);

/* &prxe_mr_ops.fault of both kinds of regions. */
int prxe_mr_odp_fault(struct prxe_mr *mr, u64 addr, u64 len, u64 ahead,
		      bool write, int (*fn)(void *arg), void *arg);

/* mr_odp_all.c */

/**
 * prxe_odp_all_init() - make a region of a whole address space, the caller's
 * @mr: a region with its range, before prxe_mr_publish()
 * @access: rights
 *
 * Context: process. Return: 0; -ENOMEM; -EINVAL for IB_ACCESS_HUGETLB.
 */
int prxe_odp_all_init(struct prxe_mr *mr, int access);

/**
 * prxe_odp_all_part() - find the part that has an address, or make it
 * @mr: a region of a whole address space, not DEAD, its lock held for reading
 * @addr: the address
 *
 * The lock is held for reading on return, too, but was perhaps not all the time.
 * Context: process. Return: the part, which stays as long as the lock is held;
 * -EFAULT: no address of a process, or the process is gone; -EINVAL: the region is
 * DEAD by now; -ENOMEM.
 */
struct prxe_odp_part *prxe_odp_all_part(struct prxe_mr *mr, u64 addr);

/**
 * prxe_odp_idle() - a part has no page, perhaps: look whether it can go
 * @part: one of &prxe_odp_part.all; the region's lock or umem_mutex is held, so that
 *	it stays
 *
 * Allocates nothing. Context: process.
 */
void prxe_odp_idle(struct prxe_odp_part *part);

#endif /* PRXE_MR_ODP_H */
