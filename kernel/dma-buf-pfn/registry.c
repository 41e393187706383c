// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which exporters speak PFN: struct dma_buf_pfn_ops by struct dma_buf_ops.
 *
 * A handful of entries, looked up once per attach, so a list will do. The lock
 * is a leaf: nothing of an exporter is called under it.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "internal.h"

struct pfn_exporter {
	struct list_head node;
	const struct dma_buf_pfn_ops *ops;
};

static DEFINE_MUTEX(pfn_registry_lock);
static LIST_HEAD(pfn_registry);	/* pfn_registry_lock */

static struct pfn_exporter *pfn_registry_find(const struct dma_buf_ops *base)
{
	struct pfn_exporter *exp;

	lockdep_assert_held(&pfn_registry_lock);
	list_for_each_entry(exp, &pfn_registry, node)
		if (exp->ops->base == base)
			return exp;
	return NULL;
}

/**
 * pfn_ops_get - find the PFN operations of an exporter and hold their module
 * @base: the exporter's dma-buf operations
 *
 * Return: the operations, to be given back with pfn_ops_put(); NULL if the
 * exporter is not registered or its module is going away.
 */
const struct dma_buf_pfn_ops *pfn_ops_get(const struct dma_buf_ops *base)
{
	struct pfn_exporter *exp;

	guard(mutex)(&pfn_registry_lock);
	exp = pfn_registry_find(base);
	if (!exp || !try_module_get(exp->ops->owner))
		return NULL;
	return exp->ops;
}

/**
 * pfn_ops_put - the counterpart of pfn_ops_get()
 * @ops: the operations
 */
void pfn_ops_put(const struct dma_buf_pfn_ops *ops)
{
	module_put(ops->owner);
}

/**
 * dma_buf_pfn_register_exporter - let importers reach an exporter's PFNs (R13)
 * @ops: what to call; must stay valid until unregistered
 *
 * From now on dma_buf_pfn_attach() works on every dma-buf, old and new, whose
 * &dma_buf.ops is @ops->base. Nothing else about those dma-bufs changes.
 *
 * @ops->owner is held by each attachment, so an exporter that unregisters in its
 * module's exit function needs no further care.
 *
 * Context: process; takes a mutex.
 * Return: 0; -EINVAL if base, attach, describe or get_extents is missing or
 * cpu_unmap is given without cpu_map; -EEXIST if the base operations are
 * registered already; -ENOMEM.
 */
int dma_buf_pfn_register_exporter(const struct dma_buf_pfn_ops *ops)
{
	struct pfn_exporter *exp;

	if (!ops || !ops->base || !ops->attach || !ops->describe ||
	    !ops->get_extents || (ops->cpu_unmap && !ops->cpu_map))
		return -EINVAL;

	exp = kzalloc_obj(*exp);
	if (!exp)
		return -ENOMEM;
	exp->ops = ops;

	guard(mutex)(&pfn_registry_lock);
	if (pfn_registry_find(ops->base)) {
		kfree(exp);
		return -EEXIST;
	}
	list_add_tail(&exp->node, &pfn_registry);
	return 0;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_register_exporter, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_unregister_exporter - refuse further attachments
 * @ops: what was registered; anything else is ignored
 *
 * Attachments that exist go on working; each holds @ops->owner. An exporter
 * whose operations do not belong to a module must keep @ops valid until they are
 * gone.
 *
 * Context: process; takes a mutex.
 */
void dma_buf_pfn_unregister_exporter(const struct dma_buf_pfn_ops *ops)
{
	struct pfn_exporter *exp;

	if (!ops)
		return;

	guard(mutex)(&pfn_registry_lock);
	exp = pfn_registry_find(ops->base);
	if (exp && exp->ops == ops) {
		list_del(&exp->node);
		kfree(exp);
	}
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_unregister_exporter, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_capable - does the exporter of a dma-buf speak PFN?
 * @dmabuf: the buffer
 *
 * A hint, for choosing an import path: the answer may change at once, and
 * dma_buf_pfn_attach() gives -EOPNOTSUPP then.
 *
 * Context: process; takes a mutex.
 * Return: true if it is registered now.
 */
bool dma_buf_pfn_capable(const struct dma_buf *dmabuf)
{
	guard(mutex)(&pfn_registry_lock);
	return pfn_registry_find(dmabuf->ops);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_capable, "DMA_BUF_PFN");
