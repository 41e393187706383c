// SPDX-License-Identifier: GPL-2.0-only
/*
 * The network device under an RDMA device: one of each, or none.
 *
 * An RDMA device lives in the network namespace that its network device was in
 * when the link was added: there its sockets are. It is unregistered when the
 * network device goes away or moves to another namespace, which
 * NETDEV_UNREGISTER announces either way, and at the latest when the namespace
 * itself goes.
 *
 *   - A network device that is unregistered cannot be freed before we have given
 *     our reference back, which is after the sockets were closed. So a namespace
 *     that takes its devices along outlives our sockets.
 *   - A network device that is moved leaves its namespace without waiting for
 *     anybody. The namespace's exit therefore unregisters what is left itself.
 *
 * Lock order: RTNL -> prxe_devs_mutex. Nothing sleeps for long under the mutex;
 * neither registration nor unregistration happens under it.
 */
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <net/net_namespace.h>
#include <rdma/ib_verbs.h>

#include "net.h"
#include "prxe.h"

static DEFINE_MUTEX(prxe_devs_mutex);
static LIST_HEAD(prxe_devs);	/* prxe_devs_mutex */

static struct prxe_dev *find_by_ndev(const struct net_device *ndev)
{
	struct prxe_dev *dev;

	lockdep_assert_held(&prxe_devs_mutex);
	list_for_each_entry(dev, &prxe_devs, node)
		if (dev->ndev == ndev)
			return dev;
	return NULL;
}

int prxe_netdev_attach(struct prxe_dev *dev, struct net_device *ndev)
{
	int err;

	mutex_lock(&prxe_devs_mutex);
	if (find_by_ndev(ndev)) {
		mutex_unlock(&prxe_devs_mutex);
		return -EEXIST;
	}
	dev->ndev = ndev;
	dev->netns = dev_net(ndev);
	dev->ndev_ifindex = ndev->ifindex;
	netdev_hold(ndev, &dev->ndev_tracker, GFP_KERNEL);
	/* a change from now on is heard of after it */
	dev->link_up = ib_get_curr_port_state(ndev) == IB_PORT_ACTIVE;
	list_add_tail(&dev->node, &prxe_devs);
	mutex_unlock(&prxe_devs_mutex);

	err = prxe_net_add_dev(dev, dev->netns);
	if (err) {
		WARN_ON_ONCE(dev->net);
		prxe_netdev_detach(dev);
	}
	return err;
}

void prxe_netdev_detach(struct prxe_dev *dev)
{
	if (!dev->ndev)
		return;
	if (dev->net)
		prxe_net_del_dev(dev);

	mutex_lock(&prxe_devs_mutex);
	list_del(&dev->node);
	mutex_unlock(&prxe_devs_mutex);
	netdev_put(dev->ndev, &dev->ndev_tracker);
	dev->ndev = NULL;
}

bool prxe_netdev_gone(const struct prxe_dev *dev,
		      const struct net_device *ndev)
{
	/*
	 * The notifier looks under this mutex too: either it did before, and
	 * found a device that was not registered yet, then what it was told
	 * about is visible here; or it comes later and does its work.
	 */
	guard(mutex)(&prxe_devs_mutex);
	return READ_ONCE(ndev->reg_state) != NETREG_REGISTERED ||
	       !net_eq(dev_net(ndev), dev->netns);
}

/* Called with each event of its network device, registered or not. */
static void link_changed(struct prxe_dev *dev)
{
	bool up = ib_get_curr_port_state(dev->ndev) == IB_PORT_ACTIVE;

	lockdep_assert_held(&prxe_devs_mutex);
	if (dev->link_up && !up)
		prxe_stat_inc(dev, LINK_DOWNED);
	dev->link_up = up;
}

/*
 * Called with RTNL held. Up, down and carrier changes of a plain network device
 * are turned into port events by ib_core; it leaves those of bonds to us. A new
 * MTU is seen by the next query and binds queue pairs that connect from then on.
 */
static int prxe_netdev_event(struct notifier_block *nb, unsigned long event,
			     void *arg)
{
	struct net_device *ndev = netdev_notifier_info_to_dev(arg);
	struct prxe_dev *dev;

	guard(mutex)(&prxe_devs_mutex);
	dev = find_by_ndev(ndev);
	if (!dev)
		return NOTIFY_DONE;
	link_changed(dev);
	if (!ib_device_try_get(&dev->ibdev))
		return NOTIFY_DONE;

	switch (event) {
	case NETDEV_UNREGISTER:
		ib_unregister_device_queued(&dev->ibdev);
		break;
	case NETDEV_UP:
	case NETDEV_CHANGE:
	case NETDEV_DOWN:
		if (netif_is_lag_master(ndev) || netif_is_lag_port(ndev))
			ib_dispatch_port_state_event(&dev->ibdev, ndev);
		break;
	default:
		break;
	}
	ib_device_put(&dev->ibdev);
	return NOTIFY_DONE;
}

static struct notifier_block prxe_netdev_nb = {
	.notifier_call = prxe_netdev_event,
};

/* A device of @net, with a reference to its struct device; or NULL. */
static struct prxe_dev *get_one_of(const struct net *net)
{
	struct prxe_dev *dev;

	guard(mutex)(&prxe_devs_mutex);
	list_for_each_entry(dev, &prxe_devs, node) {
		if (net_eq(dev->netns, net)) {
			get_device(&dev->ibdev.dev);
			return dev;
		}
	}
	return NULL;
}

/*
 * No link can be added meanwhile: whoever asks for that does it through a
 * socket of the namespace. Unregistration is fenced in ib_core: when the call
 * returns the device has left our list, whoever unregistered it.
 */
static void __net_exit prxe_net_exit(struct net *net)
{
	struct prxe_dev *dev;

	while ((dev = get_one_of(net))) {
		ib_unregister_device(&dev->ibdev);
		put_device(&dev->ibdev.dev);
	}
}

static struct pernet_operations prxe_pernet_ops = {
	.exit = prxe_net_exit,
};

/**
 * prxe_netdev_init() - begin to listen to network devices and namespaces
 *
 * Return: 0 or a negative errno.
 */
int prxe_netdev_init(void)
{
	int err;

	err = register_pernet_subsys(&prxe_pernet_ops);
	if (err)
		return err;
	err = register_netdevice_notifier(&prxe_netdev_nb);
	if (err)
		unregister_pernet_subsys(&prxe_pernet_ops);
	return err;
}

/**
 * prxe_netdev_exit() - the reverse
 *
 * Links can no longer be added; those that are there are unregistered here, one
 * namespace after the other.
 */
void prxe_netdev_exit(void)
{
	unregister_netdevice_notifier(&prxe_netdev_nb);
	unregister_pernet_subsys(&prxe_pernet_ops);
}
