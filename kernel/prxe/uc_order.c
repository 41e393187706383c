// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unreliable connections: packets of one queue pair leave in order.
 *
 * What overtakes on an unreliable connection is lost, and a device without a queue
 * of its own, like veth or loopback, keeps the order of one CPU only: its backlog,
 * which is emptied when bottom halves are switched on again. So the CPU whose
 * backlog may hold packets of a queue pair is noted, and whoever wants to send on
 * another one meanwhile has the work item do it on that.
 */
#include "qp.h"

/**
 * prxe_uc_elsewhere() - may this CPU not send now?
 * @qp: the queue pair
 *
 * Context: sq.lock held, bottom halves off.
 * Return: true: the work item will, on the CPU that sent last.
 */
bool prxe_uc_elsewhere(struct prxe_qp *qp)
{
	struct prxe_sq *sq = &qp->sq;
	int cpu, last;

	lockdep_assert_held(&sq->lock);

	if (sq->lim.transport != PRXE_UC)
		return false;
	cpu = smp_processor_id();
	last = READ_ONCE(sq->cpu);
	if (last >= 0 && last != cpu) {
		queue_work_on(last, prxe_wq, &qp->work);
		return true;
	}
	WRITE_ONCE(sq->cpu, cpu);
	return false;
}

/**
 * prxe_sq_lock() - take sq.lock to call prxe_req_run()
 * @qp: the queue pair
 *
 * Context: process or softirq, interrupts on; switches bottom halves off, and
 * for an unreliable connection migration, until prxe_sq_unlock().
 */
void prxe_sq_lock(struct prxe_qp *qp)
	__acquires(&qp->sq.lock)
{
	if (qp->sq.lim.transport == PRXE_UC)
		migrate_disable();
	spin_lock_bh(&qp->sq.lock);
}

/**
 * prxe_sq_unlock() - give sq.lock back
 * @qp: the queue pair
 *
 * Context: after prxe_sq_lock(). When bottom halves are on afterwards, this CPU's
 * backlog is empty: what it sent is out of it.
 */
void prxe_sq_unlock(struct prxe_qp *qp)
	__releases(&qp->sq.lock)
{
	spin_unlock_bh(&qp->sq.lock);
	if (qp->sq.lim.transport != PRXE_UC)
		return;
	if (!in_interrupt())
		cmpxchg(&qp->sq.cpu, smp_processor_id(), -1);
	migrate_enable();
}
