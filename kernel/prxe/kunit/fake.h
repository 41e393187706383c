/* SPDX-License-Identifier: GPL-2.0-only */
/* A device and a namespace that nobody has registered, for the tests. */
#ifndef PRXE_KUNIT_FAKE_H
#define PRXE_KUNIT_FAKE_H

#include <kunit/test.h>

#include "net_internal.h"
#include "prxe.h"

/**
 * struct prxe_fake - what prxe_fake_new() makes
 * @dev: in @pnet.devs, with counters and an empty table of regions
 * @pnet: of init_net, without sockets
 * @pd: a protection domain of @dev
 */
struct prxe_fake {
	struct prxe_dev dev;
	struct prxe_net pnet;
	struct prxe_pd pd;
};

static inline void prxe_fake_free_stats(void *stats)
{
	free_percpu((void __percpu __force *)stats);
}

/* Gone with @test. */
static inline struct prxe_fake *prxe_fake_new(struct kunit *test)
{
	struct prxe_fake *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->dev.stats = alloc_percpu(struct prxe_stats);
	KUNIT_ASSERT_NOT_NULL(test, (void __force *)f->dev.stats);
	KUNIT_ASSERT_EQ(test, 0,
			kunit_add_action_or_reset(test, prxe_fake_free_stats,
						  (void __force *)f->dev.stats));
	INIT_LIST_HEAD(&f->pnet.devs);
	f->pnet.net = &init_net;
	f->dev.net = &f->pnet;
	f->dev.ndev_ifindex = 1;
	INIT_LIST_HEAD(&f->dev.tx_waiting);
	spin_lock_init(&f->dev.tx_wait_lock);
	xa_init_flags(&f->dev.mrs, XA_FLAGS_ALLOC1);
	list_add_tail_rcu(&f->dev.net_node, &f->pnet.devs);
	f->pd.ibpd.device = &f->dev.ibdev;
	return f;
}

static inline u64 prxe_fake_count(const struct prxe_fake *f, enum prxe_stat i)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += per_cpu_ptr(f->dev.stats, cpu)->v[i];
	return sum;
}

#endif /* PRXE_KUNIT_FAKE_H */
