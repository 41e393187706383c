// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read sections by hazard slots.
 *
 * Ending a region (it moves, is revoked, is deregistered) must wait for the CPUs
 * that are inside of it, for those only, and not for an RCU grace period: the
 * invalidation of a dma-buf runs under its reservation lock, often one for each
 * buffer of a whole eviction. So each CPU says in a slot of its own which
 * region it is inside of.
 *
 *	reader					stopper
 *	  (bottom halves and preemption off)	  (process context)
 *	R1  slot = obj				S1  state = not valid
 *	    smp_mb()				    smp_mb()
 *	R2  read state, acquire: valid?		S2  read every slot, acquire:
 *	R3  access				    while it is obj, spin
 *	R4  slot = NULL, release		S3  take the memory away
 *
 * Why no access meets S3:
 *
 * - Each side stores, has a full barrier, and loads what the other stores. At
 *   least one of the loads sees the other's store. If R2 sees S1, the reader does
 *   not access. Otherwise S2 sees R1, or something that this CPU stored later.
 * - What it stored later is R4 (or a slot of a later section, which this CPU
 *   stored after R4). S2's acquire pairs with the release of R4, so that R3
 *   happens before S3. A later announcement of the same object makes the
 *   stopper wait a little more for a reader that R2 sends away: S1 happened
 *   before it read the slot.
 * - A reader that sees the state go back to valid sees, by the acquire of R2,
 *   all that was stored before the release that made it valid: the new extents.
 * - Stores to write-combining memory are no part of this order; whoever made
 *   some executes wmb() before R4 (mr_access.c).
 *
 * Why the spin ends: a reader cannot be preempted, sleeps nowhere, takes no lock
 * that a stopper holds, and touches a bounded number of bytes: at most
 * PRXE_MR_SECTION_MAX; of I/O memory, as soon as it sees S1, a kilobyte. A
 * stopper is not itself inside of a section: preemption is off there. Readers
 * that come again and again are sent away by R2 and do not announce without end:
 * their queue pair parks the access until a work item has called
 * prxe_mr_fault().
 * A CPU cannot go offline inside a section; slots of absent CPUs are NULL.
 *
 * An object is announced before it is known to be usable, so its memory must
 * outlast that: objects are freed by RCU and a section is a read-side critical
 * section of RCU.
 */
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/processor.h>

#include "section.h"

DEFINE_PER_CPU_SHARED_ALIGNED(struct prxe_hazard, prxe_hazard);

/**
 * prxe_section_wait() - wait until no CPU is inside an object
 * @obj: the object; its state was changed so that nobody enters any more
 *
 * Allocates nothing, sleeps nowhere; spins for as long as a section lasts.
 * Context: process, not inside a section; any lock but those that readers take.
 */
void prxe_section_wait(const void *obj)
{
	might_sleep();
	prxe_section_wait_atomic(obj);
}

/**
 * prxe_section_wait_atomic() - the same where one may not sleep
 * @obj: as there
 *
 * For windows, which are bound and invalidated in the data path: whoever spins
 * here spins with bottom halves off.
 * Context: not inside a section, no hard interrupt.
 */
void prxe_section_wait_atomic(const void *obj)
{
	int cpu, slot;

	/* The caller's state, then the slots; pairs with the announcement. */
	smp_mb();
	for_each_possible_cpu(cpu) {
		struct prxe_hazard *h = per_cpu_ptr(&prxe_hazard, cpu);

		for (slot = 0; slot < PRXE_NR_SLOTS; slot++)
			/* Pairs with the release of the withdrawal. */
			while (smp_load_acquire(&h->obj[slot]) == obj)
				cpu_relax();
	}
}
