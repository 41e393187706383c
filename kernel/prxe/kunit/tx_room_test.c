// SPDX-License-Identifier: GPL-2.0-only
/* Waiting for room on a device: who is on the list, and who is woken when. */
#include <linux/net.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "fake.h"
#include "qp.h"

#define LIMIT	1000

struct room {
	struct prxe_fake *f;
	struct prxe_qp *qp;
	atomic_t kicked;
};

static struct room *room_of_test;

static void room_work(struct work_struct *work)
{
	atomic_inc(&room_of_test->kicked);
}

/* What is in flight, from now on. The socket itself has one. */
static void room_charge(struct room *r, unsigned int bytes)
{
	struct sock *sk = r->f->dev.tx_sk->sk;

	refcount_set(&sk->sk_wmem_alloc, 1 + bytes);
}

static void room_release(void *arg)
{
	struct room *r = arg;

	flush_work(&r->qp->work);
	room_charge(r, 0);
	rcu_assign_sk_user_data(r->f->dev.tx_sk->sk, NULL);
	sock_release(r->f->dev.tx_sk);
}

static int room_init(struct kunit *test)
{
	struct room *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct prxe_dev *dev;

	KUNIT_ASSERT_NOT_NULL(test, r);
	r->f = prxe_fake_new(test);
	r->qp = kunit_kzalloc(test, sizeof(*r->qp), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r->qp);
	INIT_LIST_HEAD(&r->qp->tx_node);
	INIT_WORK(&r->qp->work, room_work);
	dev = &r->f->dev;
	dev->tx_limit = LIMIT;
	r->qp->dev = dev;
	r->qp->stats = dev->stats;
	KUNIT_ASSERT_EQ(test, 0, sock_create_kern(&init_net, AF_INET, SOCK_DGRAM,
						  IPPROTO_UDP, &dev->tx_sk));
	rcu_assign_sk_user_data(dev->tx_sk->sk, dev);
	room_of_test = r;
	test->priv = r;
	return kunit_add_action_or_reset(test, room_release, r);
}

/* As an engine calls it, which holds a lock. */
static bool room_wait(const struct room *r)
{
	guard(rcu)();
	return prxe_tx_wait(&r->f->dev, r->qp);
}

static void room_there_is_some(struct kunit *test)
{
	struct room *r = test->priv;

	room_charge(r, LIMIT - 1);
	KUNIT_EXPECT_TRUE(test, prxe_tx_room(&r->f->dev));
	KUNIT_EXPECT_FALSE(test, room_wait(r));
	KUNIT_EXPECT_TRUE(test, list_empty(&r->f->dev.tx_waiting));
	KUNIT_EXPECT_EQ(test, prxe_fake_count(r->f, PRXE_STAT_TX_WAITS), 0);
}

static void room_there_is_none(struct kunit *test)
{
	struct room *r = test->priv;
	struct prxe_dev *dev = &r->f->dev;

	room_charge(r, LIMIT);
	KUNIT_EXPECT_FALSE(test, prxe_tx_room(dev));
	KUNIT_EXPECT_TRUE(test, room_wait(r));
	KUNIT_EXPECT_TRUE(test, room_wait(r));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dev->tx_waiting), 1);
	KUNIT_EXPECT_EQ(test, prxe_fake_count(r->f, PRXE_STAT_TX_WAITS), 2);

	prxe_tx_unwait(dev, r->qp);
	KUNIT_EXPECT_TRUE(test, list_empty(&dev->tx_waiting));
	prxe_tx_unwait(dev, r->qp);
}

/* The other half of the queue pair waits, and needs the kick. */
static void room_comes_while_one_half_waits(struct kunit *test)
{
	struct room *r = test->priv;
	struct prxe_dev *dev = &r->f->dev;

	room_charge(r, LIMIT);
	KUNIT_EXPECT_TRUE(test, room_wait(r));
	room_charge(r, LIMIT - 1);
	KUNIT_EXPECT_FALSE(test, room_wait(r));
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dev->tx_waiting), 1);
	prxe_tx_unwait(dev, r->qp);
}

static void room_wakes_at_half(struct kunit *test)
{
	struct room *r = test->priv;
	struct prxe_dev *dev = &r->f->dev;
	struct sock *sk = dev->tx_sk->sk;

	room_charge(r, LIMIT);
	KUNIT_EXPECT_TRUE(test, room_wait(r));
	room_charge(r, LIMIT / 2 + 1);
	prxe_write_space(sk);
	flush_work(&r->qp->work);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->kicked), 0);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dev->tx_waiting), 1);

	room_charge(r, LIMIT / 2);
	prxe_write_space(sk);
	flush_work(&r->qp->work);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->kicked), 1);
	KUNIT_EXPECT_TRUE(test, list_empty(&dev->tx_waiting));

	prxe_write_space(sk);
	flush_work(&r->qp->work);
	KUNIT_EXPECT_EQ(test, atomic_read(&r->kicked), 1);
}

/* The device is going: nobody is found behind the socket. */
static void room_without_a_device(struct kunit *test)
{
	struct room *r = test->priv;
	struct prxe_dev *dev = &r->f->dev;

	room_charge(r, LIMIT);
	KUNIT_EXPECT_TRUE(test, room_wait(r));
	rcu_assign_sk_user_data(dev->tx_sk->sk, NULL);
	room_charge(r, 0);
	prxe_write_space(dev->tx_sk->sk);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&dev->tx_waiting), 1);
	prxe_tx_unwait(dev, r->qp);
}

static struct kunit_case room_cases[] = {
	KUNIT_CASE(room_there_is_some),
	KUNIT_CASE(room_there_is_none),
	KUNIT_CASE(room_comes_while_one_half_waits),
	KUNIT_CASE(room_wakes_at_half),
	KUNIT_CASE(room_without_a_device),
	{}
};

static struct kunit_suite room_suite = {
	.name = "prxe_tx_room",
	.init = room_init,
	.test_cases = room_cases,
};

kunit_test_suite(room_suite);
