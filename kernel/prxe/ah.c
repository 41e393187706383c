// SPDX-License-Identifier: GPL-2.0-only
/* Address handles, see ah.h. */
#include <rdma/ib_verbs.h>
#include <rdma/prxe-abi.h>
#include <rdma/uverbs_ioctl.h>

#include "ah.h"
#include "prxe.h"

/*
 * The table's lock is taken with interrupts off, because kernel users such as
 * ib_cm make and destroy handles under spinlocks of their own; XA_FLAGS_LOCK_IRQ
 * tells so to xa_alloc_irq(), which alone lets go of the lock to allocate.
 */
static int prxe_av_number(struct prxe_dev *dev, struct prxe_av *av, u32 *num,
			  gfp_t gfp)
{
	unsigned long flags;
	int err;

	if (gfpflags_allow_blocking(gfp))
		return xa_alloc_irq(&dev->ahs, num, av, xa_limit_31b, gfp);

	xa_lock_irqsave(&dev->ahs, flags);
	err = __xa_alloc(&dev->ahs, num, av, xa_limit_31b, gfp);
	xa_unlock_irqrestore(&dev->ahs, flags);
	return err;
}

struct prxe_av *prxe_av_lookup(struct prxe_dev *dev, u32 num)
{
	return xa_load(&dev->ahs, num);
}

static int prxe_av_create(struct prxe_ah *ah, struct prxe_dev *dev, gfp_t gfp)
{
	struct prxe_av *av;
	int err;

	av = kzalloc_obj(*av, gfp);
	if (!av)
		return -ENOMEM;
	spin_lock_init(&av->lock);
	av->pd = to_ppd(ah->ibah.pd);
	err = prxe_flow_init(&av->flow, dev, &ah->attr, 0, 0);
	if (err)
		goto free;
	err = prxe_av_number(dev, av, &ah->num, gfp);
	if (err)
		goto fini;
	ah->av = av;
	return 0;

fini:
	prxe_flow_fini(&av->flow);
free:
	kfree(av);
	return err;
}

static void prxe_av_destroy(struct prxe_ah *ah, struct prxe_dev *dev)
{
	struct prxe_av *av = ah->av;
	unsigned long flags;

	xa_lock_irqsave(&dev->ahs, flags);
	__xa_erase(&dev->ahs, ah->num);
	xa_unlock_irqrestore(&dev->ahs, flags);
	/* interrupts may be off already (ib_cm): not the moment to enable BH */
	spin_lock_irqsave(&av->lock, flags);
	av->dead = true;
	prxe_flow_fini(&av->flow);
	spin_unlock_irqrestore(&av->lock, flags);
	kfree_rcu(av, rcu);
}

int prxe_create_ah(struct ib_ah *ibah, struct rdma_ah_init_attr *init,
		   struct ib_udata *udata)
{
	gfp_t gfp = init->flags & RDMA_CREATE_AH_SLEEPABLE ? GFP_KERNEL :
							     GFP_ATOMIC;
	struct prxe_dev *dev = to_pdev(ibah->device);
	struct prxe_create_ah_resp resp = {};
	struct prxe_ah *ah = to_pah(ibah);
	int err;

	if (udata) {
		err = ib_is_udata_in_empty(udata);
		if (err)
			return err;
	}
	ah->attr = *init->ah_attr;
	err = prxe_av_create(ah, dev, gfp);
	if (err)
		return err;
	if (!udata)
		return 0;

	resp.ah = ah->num;
	err = ib_respond_udata(udata, resp);
	if (err)
		prxe_av_destroy(ah, dev);
	return err;
}

int prxe_query_ah(struct ib_ah *ibah, struct rdma_ah_attr *attr)
{
	*attr = to_pah(ibah)->attr;
	/* The caller gets no reference. */
	attr->grh.sgid_attr = NULL;
	return 0;
}

int prxe_destroy_ah(struct ib_ah *ibah, u32 flags)
{
	prxe_av_destroy(to_pah(ibah), to_pdev(ibah->device));
	return 0;
}
