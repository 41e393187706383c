/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Read sections: how an access to a memory region is kept apart from its end.
 *
 * section.c has the theory. A section is not preemptible, sleeps nowhere and
 * touches a bounded number of bytes, so that waiting for one is a short spin.
 */
#ifndef PRXE_SECTION_H
#define PRXE_SECTION_H

#include <linux/bottom_half.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>

/* A copy between two regions is inside of both. */
enum prxe_section_slot {
	PRXE_SLOT_DST,
	PRXE_SLOT_SRC,
	PRXE_NR_SLOTS,
};

/**
 * struct prxe_hazard - what a CPU is inside of
 * @obj: the object by slot, or NULL; written by this CPU, read by all
 */
struct prxe_hazard {
	const void *obj[PRXE_NR_SLOTS];
};

DECLARE_PER_CPU_SHARED_ALIGNED(struct prxe_hazard, prxe_hazard);

/**
 * prxe_section_begin() - begin a section
 *
 * Objects that are freed by RCU may be looked up from here on. Sections do not
 * nest. Context: task or softirq, interrupts on.
 */
static inline void prxe_section_begin(void)
{
	WARN_ON_ONCE(in_hardirq());
	local_bh_disable();
	preempt_disable();
	rcu_read_lock();
}

/* End a section; no object is announced any more. */
static inline void prxe_section_end(void)
{
	rcu_read_unlock();
	preempt_enable();
	local_bh_enable();
}

/**
 * prxe_section_announce() - enter an object
 * @slot: which
 * @obj: the object, which RCU keeps
 *
 * Only what is read of @obj's state after this tells whether it may be used.
 */
static inline void prxe_section_announce(enum prxe_section_slot slot,
					 const void *obj)
{
	WRITE_ONCE(this_cpu_ptr(&prxe_hazard)->obj[slot], obj);
	/* Announce, then look at the state; pairs with prxe_section_wait(). */
	smp_mb();
}

/* Leave the object of @slot: all accesses come before this. */
static inline void prxe_section_withdraw(enum prxe_section_slot slot)
{
	/* Pairs with the acquire in prxe_section_wait(). */
	smp_store_release(&this_cpu_ptr(&prxe_hazard)->obj[slot], NULL);
}

void prxe_section_wait(const void *obj);
void prxe_section_wait_atomic(const void *obj);

#endif /* PRXE_SECTION_H */
