// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of queue pairs (`rdma statistic qp`).
 *
 * A queue pair counts where &prxe_qp.stats points: at the counters of its device,
 * or, while it is bound, at those of an rdma_counter. Nothing is counted twice, so
 * the data path does not know the difference. ib_core shows for the device the sum
 * of the device's own, of all counters that are bound, and of what counters had
 * when they were given back; that sum goes on growing by one for each event,
 * whatever is bound meanwhile.
 *
 * The data path follows the pointer under RCU, a lock of the queue pair included.
 * Unbinding turns the pointer back and waits for a grace period: on its return the
 * counter stands still, and ib_core, which reads it a last time, misses nothing.
 *
 * ib_core holds rdma_counter.lock around bind, unbind and update. That is a lock of
 * the counter. Two requests about one queue pair meet at its modify_mutex, which
 * nests inside.
 */
#include <linux/idr.h>
#include <linux/rcupdate.h>

#include "counter.h"
#include "prxe.h"
#include "qp.h"

static struct prxe_counter *to_pcounter(struct rdma_counter *counter)
{
	return container_of(counter, struct prxe_counter, base);
}

/**
 * prxe_counter_init() - a counter is being made
 * @counter: zeroed
 *
 * What it needs it gets with its first queue pair: from then on the core calls
 * prxe_counter_dealloc(), but not if anything fails before.
 */
void prxe_counter_init(struct rdma_counter *counter)
{
}

/**
 * prxe_counter_alloc_stats() - tell ib_core what a counter counts
 * @counter: the counter
 *
 * Return: the same list as of the device, which the core adds up by index; freed
 * by the core. NULL if there is no memory.
 */
struct rdma_hw_stats *prxe_counter_alloc_stats(struct rdma_counter *counter)
{
	return prxe_alloc_hw_port_stats(counter->device, counter->port);
}

/* Memory and number of a counter. */
static int counter_begin(struct prxe_counter *c)
{
	struct prxe_dev *dev = to_pdev(c->base.device);
	int id;

	c->stats = alloc_percpu(struct prxe_stats);
	if (!c->stats)
		return -ENOMEM;
	id = ida_alloc_min(&dev->counters, 1, GFP_KERNEL);
	if (id < 0) {
		free_percpu(c->stats);
		c->stats = NULL;
		return id;
	}
	c->base.id = id;
	return 0;
}

static void counter_end(struct prxe_counter *c)
{
	if (!c->base.id)
		return;
	ida_free(&to_pdev(c->base.device)->counters, c->base.id);
	free_percpu(c->stats);
	c->base.id = 0;
	c->stats = NULL;
}

/**
 * prxe_counter_bind_qp() - a queue pair counts here from now on
 * @counter: new, its id is 0, or with other queue pairs
 * @ibqp: the queue pair; it lives until this has returned
 * @port: 1
 *
 * Context: process; rdma_counter.lock of @counter is held.
 * Return: 0; -EINVAL if somebody else has bound @ibqp meanwhile; -ENOMEM; -ENOSPC.
 */
int prxe_counter_bind_qp(struct rdma_counter *counter, struct ib_qp *ibqp,
			 u32 port)
{
	struct prxe_counter *c = to_pcounter(counter);
	struct prxe_qp *qp = to_pqp(ibqp);
	bool first = !counter->id;
	int err;

	lockdep_assert_held(&counter->lock);

	if (first) {
		err = counter_begin(c);
		if (err)
			return err;
	}
	scoped_guard(mutex, &qp->modify_mutex) {
		if (!ibqp->counter) {
			WRITE_ONCE(ibqp->counter, counter);
			/* zeroes before whoever counts */
			smp_store_release(&qp->stats, c->stats);
			return 0;
		}
	}
	if (first)
		counter_end(c);
	return -EINVAL;
}

/**
 * prxe_counter_unbind_qp() - a queue pair counts for its device again
 * @ibqp: the queue pair
 * @port: 1
 *
 * Nobody counts in the counter for @ibqp any more when this returns.
 *
 * Context: process; rdma_counter.lock of its counter is held.
 * Return: 0; -EINVAL if somebody else has unbound it meanwhile.
 */
int prxe_counter_unbind_qp(struct ib_qp *ibqp, u32 port)
{
	struct prxe_qp *qp = to_pqp(ibqp);

	scoped_guard(mutex, &qp->modify_mutex) {
		if (!ibqp->counter)
			return -EINVAL;
		WRITE_ONCE(ibqp->counter, NULL);
		WRITE_ONCE(qp->stats, qp->dev->stats);
	}
	synchronize_rcu_expedited();
	return 0;
}

/**
 * prxe_counter_update_stats() - read all values of a counter
 * @counter: the counter
 *
 * Context: process; rdma_counter.lock of @counter is held.
 * Return: 0.
 */
int prxe_counter_update_stats(struct rdma_counter *counter)
{
	lockdep_assert_held(&counter->lock);

	prxe_stats_sum(to_pcounter(counter)->stats, counter->stats);
	return 0;
}

/**
 * prxe_counter_dealloc() - a counter without queue pairs goes away
 * @counter: the counter; its values were read a last time
 *
 * Return: 0.
 */
int prxe_counter_dealloc(struct rdma_counter *counter)
{
	counter_end(to_pcounter(counter));
	return 0;
}
