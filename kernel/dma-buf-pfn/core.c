// SPDX-License-Identifier: GPL-2.0-only
/*
 * dma-buf by page frame number: attachments.
 *
 * An attachment here is a dynamic dma-buf attachment of the core's own, so the
 * exporter sees one more ordinary importer, plus what the PFN interface adds:
 * what the importer declared, what the exporter granted, and a record of what
 * was handed out. The core is the importer that dma-buf knows; it stands between
 * the exporter's invalidations and the real importer, so that it can check
 * that the importer obeys (R5).
 *
 * Stock kernels have no room for this in struct dma_buf_ops, so here exporters
 * register. kernel/upstream/ has the same interface as patches for the kernel, where
 * the operations are members of struct dma_buf_ops, and this file, lookup.c and
 * grant.c are drivers/dma-buf/dma-buf-pfn.c, without what watches over strangers:
 * debugfs, tracepoints, and doubts about pointers. Importers are the same.
 *
 * States (&enum pfn_state, under the reservation lock):
 *
 *	ATTACHING -> LIVE <-> INVALIDATING -> BROKEN
 *	                 \________________________/ \-> DETACHING
 *
 * Before LIVE nothing was handed out, so an invalidation, which may come as soon
 * as the attachment is on the dma-buf's list, only bumps the sequence. BROKEN is
 * final: the importer kept a grant when its callback returned, the core has taken
 * it back on the importer's behalf, and trusts it no more.
 *
 * Lock order, outermost first:
 *
 *	dma_buf->resv		state, grants, counters of an attachment
 *	    the importer's locks, taken by its invalidate callback
 *	    the exporter's locks, taken by its PFN operations
 *
 *	pfn_registry_lock	list of exporters	| leaves, never taken
 *	pfn_live_lock		table of attachments	| with resv held
 *
 * The exporter's attach and detach are called with none of these.
 *
 * Wrong use is answered with an error, not with a crash, as far as it can be
 * known: the table of attachments is asked, by address alone, whether a
 * pointer is an attachment before it is followed. What this cannot see is a
 * detach at the same moment in another thread.
 */
#include <linux/dma-resv.h>
#include <linux/export.h>
#include <linux/hashtable.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

static bool misuse_warn = true;
module_param(misuse_warn, bool, 0644);
MODULE_PARM_DESC(misuse_warn,
		 "report an importer's misuse with a stack trace (default: yes)");

static DEFINE_MUTEX(pfn_live_lock);
static DEFINE_HASHTABLE(pfn_live, 8);	/* pfn_live_lock, or RCU to read */

atomic_long_t pfn_nr_misuses = ATOMIC_LONG_INIT(0);
atomic_long_t pfn_nr_exporter_errors = ATOMIC_LONG_INIT(0);

static void pfn_live_add(struct pfn_attachment *p)
{
	guard(mutex)(&pfn_live_lock);
	hash_add_rcu(pfn_live, &p->live_node, (unsigned long)&p->pub);
}

static void pfn_live_del(struct pfn_attachment *p)
{
	guard(mutex)(&pfn_live_lock);
	hash_del_rcu(&p->live_node);
}

/**
 * pfn_is_live - is this pointer an attachment?
 * @attach: any pointer; it is compared, not followed
 *
 * Return: true between attach and detach. The caller makes sure that no other
 * thread detaches meanwhile.
 */
bool pfn_is_live(const struct dma_buf_pfn_attachment *attach)
{
	struct pfn_attachment *p;

	guard(rcu)();
	hash_for_each_possible_rcu(pfn_live, p, live_node, (unsigned long)attach)
		if (&p->pub == attach)
			return true;
	return false;
}

/**
 * pfn_show_live - print all attachments
 * @m: debugfs file
 *
 * Context: process; no attachment is made or freed meanwhile.
 */
void pfn_show_live(struct seq_file *m)
{
	struct pfn_attachment *p;
	int bkt;

	guard(mutex)(&pfn_live_lock);
	hash_for_each(pfn_live, bkt, p, live_node)
		pfn_show_one(m, p);
}

/**
 * pfn_misuse - report that an importer broke the rules
 * @p: its attachment, or NULL if there is none
 * @fmt: what it did
 *
 * Counts each, prints the first of an attachment. A stack trace shows the guilty
 * caller; the module parameter misuse_warn turns it off, for tests that break the
 * rules on purpose.
 *
 * Context: any.
 */
void pfn_misuse(struct pfn_attachment *p, const char *fmt, ...)
{
	const char *name = p ? pfn_importer_name(p) : "?";
	struct va_format vaf;
	va_list args;

	atomic_long_inc(&pfn_nr_misuses);
	if (p && test_and_set_bit(0, &p->misused))
		return;

	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	pr_err("dma_buf_pfn: importer %s: %pV\n", name, &vaf);
	va_end(args);
	WARN_ON(READ_ONCE(misuse_warn));
}

/**
 * pfn_exporter_error - report that an exporter's answer makes no sense
 * @p: the attachment
 * @what: the call and what is wrong with its answer
 *
 * Context: any.
 * Return: -EIO.
 */
int pfn_exporter_error(struct pfn_attachment *p, const char *what)
{
	atomic_long_inc(&pfn_nr_exporter_errors);
	pr_err_ratelimited("dma_buf_pfn: exporter %s: %s\n",
			   p->pub.dmabuf->exp_name, what);
	return -EIO;
}

static void pfn_set_state(struct pfn_attachment *p, enum pfn_state state)
{
	dma_resv_assert_held(p->pub.dmabuf->resv);
	WRITE_ONCE(p->state, state);
}

/*
 * The exporter invalidates. Comes with the reservation lock held, at any time
 * between dma_buf_dynamic_attach() and dma_buf_detach().
 */
static void pfn_invalidate(struct dma_buf_attachment *base)
{
	struct pfn_attachment *p = base->importer_priv;
	enum pfn_state state = p->state;
	unsigned int held = p->nr_grants;
	unsigned int leftover;
	u64 start = trace_invalidate_enabled() ? ktime_get_ns() : 0;

	dma_resv_assert_held(p->pub.dmabuf->resv);

	WRITE_ONCE(p->seq, p->seq + 1);
	/*
	 * Bump, then stop the importer. For importers whose readers take no
	 * lock: a reader that the callback does not see sees the bump. Pairs
	 * with the barrier in the importer's reader (lookup.c).
	 */
	smp_mb();

	if (state == PFN_ATTACHING || state == PFN_DETACHING)
		return;

	if (state == PFN_LIVE)
		pfn_set_state(p, PFN_INVALIDATING);
	if (p->pub.ops && p->pub.ops->invalidate)
		p->pub.ops->invalidate(&p->pub);

	leftover = pfn_grants_reclaim(p);
	if (leftover) {
		pfn_misuse(p, "%u grants left over by an invalidation",
			   leftover);
		state = PFN_BROKEN;
	}
	pfn_set_state(p, state);
	trace_invalidate(p, held, leftover, start ? ktime_get_ns() - start : 0);
}

/*
 * Two tables, as an importer that needs struct pages is one that cannot do
 * peer-to-peer: exporters that can will move their buffer to system memory for it.
 */
static const struct dma_buf_attach_ops pfn_attach_ops_p2p = {
	.allow_peer2peer = true,
	.invalidate_mappings = pfn_invalidate,
};

static const struct dma_buf_attach_ops pfn_attach_ops_pages = {
	.allow_peer2peer = false,
	.invalidate_mappings = pfn_invalidate,
};

/**
 * dma_buf_pfn_from_attachment - the PFN attachment behind a dma-buf attachment
 * @attach: a dma-buf attachment
 *
 * For exporters whose &dma_buf_ops.attach or &dma_buf_ops.pin must know with
 * whom they deal. Needs, lifetime and the importer's fields are set even there.
 *
 * Context: any, while @attach is alive.
 * Return: the PFN attachment, NULL if @attach is of another kind.
 */
struct dma_buf_pfn_attachment *
dma_buf_pfn_from_attachment(const struct dma_buf_attachment *attach)
{
	struct pfn_attachment *p;

	if (attach->importer_ops != &pfn_attach_ops_p2p &&
	    attach->importer_ops != &pfn_attach_ops_pages)
		return NULL;
	p = attach->importer_priv;
	return &p->pub;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_from_attachment, "DMA_BUF_PFN");

static int pfn_check_args(struct dma_buf *dmabuf, struct device *dev, u32 needs,
			  enum dma_buf_pfn_lifetime lifetime,
			  const struct dma_buf_pfn_importer_ops *ops)
{
	if (!dmabuf || !dev || needs & ~DMA_BUF_PFN_NEEDS_ALL)
		return -EINVAL;
	switch (lifetime) {
	case DMA_BUF_PFN_PINNED:
		break;
	case DMA_BUF_PFN_REVOCABLE:
	case DMA_BUF_PFN_MOVABLE:
		if (!ops || !ops->invalidate)
			return -EINVAL;
		break;
	default:
		return -EINVAL;
	}
	/* A page that is only partly the buffer's would be handed out whole. */
	if (!dmabuf->size || !PAGE_ALIGNED(dmabuf->size))
		return -EINVAL;
	return 0;
}

static int pfn_check_grants(struct pfn_attachment *p)
{
	u32 granted = p->granted;

	if (granted & ~(DMA_BUF_PFN_GRANT_CPU | DMA_BUF_PFN_GRANT_PINNED))
		return pfn_exporter_error(p, "attach: unknown grant");
	if (granted & DMA_BUF_PFN_GRANT_CPU && !p->xops->cpu_map)
		return pfn_exporter_error(p, "attach: CPU granted without cpu_map");
	if (p->pub.needs & DMA_BUF_PFN_NEED_CPU &&
	    !(granted & DMA_BUF_PFN_GRANT_CPU))
		return pfn_refuse(p, -EOPNOTSUPP, "no CPU access is granted");
	if (p->pub.lifetime == DMA_BUF_PFN_PINNED && !p->pub.dmabuf->ops->pin &&
	    !(granted & DMA_BUF_PFN_GRANT_PINNED))
		return pfn_refuse(p, -EBUSY, "the buffer cannot be pinned");
	return 0;
}

/*
 * Pins if the importer needs that, and only then looks what the memory is, as
 * pinning may move it. A buffer that is away just now is judged at each lookup.
 */
static int pfn_go_live(struct pfn_attachment *p)
{
	bool pinned = p->pub.lifetime == DMA_BUF_PFN_PINNED;
	struct dma_resv *resv = p->pub.dmabuf->resv;
	struct dma_buf_pfn_info info;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	if (pinned) {
		ret = dma_buf_pin(p->base);
		if (ret) {
			pfn_refuse(p, ret, "pinning failed");
			goto out;
		}
	}
	ret = pfn_describe(p, &info);
	if (ret == -EAGAIN || ret == -ENODEV)
		ret = 0;
	if (!ret)
		pfn_set_state(p, PFN_LIVE);
	else if (pinned)
		dma_buf_unpin(p->base);
out:
	dma_resv_unlock(resv);
	return ret;
}

static int pfn_attach_exporter(struct pfn_attachment *p)
{
	int ret;

	ret = p->xops->attach(&p->pub, &p->granted);
	if (ret > 0)
		ret = pfn_exporter_error(p, "attach: unknown answer");
	if (ret)
		return pfn_refuse(p, ret, "its exporter does not want to");

	ret = pfn_check_grants(p);
	if (!ret)
		ret = pfn_go_live(p);
	if (ret && p->xops->detach)
		p->xops->detach(&p->pub);
	return ret;
}

/* To whom there is no other way to tell: in the log, a few words a second. */
static void pfn_report_refusal(const struct pfn_attachment *p, int err)
{
	static const char * const lifetimes[] = {
		[DMA_BUF_PFN_PINNED] = "pinned",
		[DMA_BUF_PFN_REVOCABLE] = "revocable",
		[DMA_BUF_PFN_MOVABLE] = "movable",
	};
	u32 needs = p->pub.needs;

	pr_info_ratelimited("dma_buf_pfn: buffer of %s refused to importer %s (%s%s%s%s): %s, error %d\n",
			    p->pub.dmabuf->exp_name, pfn_importer_name(p),
			    needs & DMA_BUF_PFN_NEED_CPU ? "needs CPU access, " : "",
			    needs & DMA_BUF_PFN_CAN_MMIO ? "can do MMIO, " : "",
			    needs & DMA_BUF_PFN_CAN_PRIVATE ? "can do private, " : "",
			    lifetimes[p->pub.lifetime], p->why, err);
}

static int pfn_attach(struct pfn_attachment *p)
{
	const struct dma_buf_attach_ops *ops = &pfn_attach_ops_pages;
	int ret;

	if (p->pub.needs & DMA_BUF_PFN_CAN_MMIO)
		ops = &pfn_attach_ops_p2p;

	/* The exporter's calls may reach for the attachment: list it first. */
	pfn_live_add(p);
	p->base = dma_buf_dynamic_attach(p->pub.dmabuf, p->pub.dev, ops, p);
	if (IS_ERR(p->base)) {
		pfn_live_del(p);
		return PTR_ERR(p->base);
	}
	ret = pfn_attach_exporter(p);
	if (ret) {
		pfn_live_del(p);
		dma_buf_detach(p->pub.dmabuf, p->base);
	}
	return ret;
}

/**
 * dma_buf_pfn_attach - import a dma-buf by page frame number
 * @dmabuf: the buffer; the core takes a reference of its own until detach
 * @dev: the importing device
 * @needs: what the importer needs and can handle (DMA_BUF_PFN_NEED_*, _CAN_*)
 * @lifetime: what it can live with (R3)
 * @ops: its callbacks; may be NULL for %DMA_BUF_PFN_PINNED only
 * @importer_priv: its own; in &dma_buf_pfn_attachment.importer_priv before the
 *	first callback
 *
 * Everything that would keep the importer from using the memory as declared is
 * found here and not at the first access (R2): CPU access that the exporter
 * does not give, memory without struct pages, private memory (R8), a
 * lifetime that the exporter refuses. A buffer that is withdrawn or being moved
 * at this moment may be attached to; lookups tell when it is there.
 *
 * The invalidate callback may be called before this returns.
 *
 * Context: process, reservation lock not held; sleeps, interruptibly.
 * Return: the attachment, or an ERR_PTR:
 *
 * * -EINVAL: unknown needs or lifetime; no invalidate callback for an importer
 *   that is not pinned; no device; the buffer is not a whole number of pages
 * * -EOPNOTSUPP: the exporter does not speak PFN, or cannot meet a need
 * * -EPERM: private memory, for which this importer is not
 * * -EBUSY: the exporter refuses the lifetime
 * * -ENODEV, -EKEYREVOKED: withdrawn, gone for good
 * * -EINTR: a signal came while it waited for the reservation lock
 * * -ENOMEM
 * * -EIO: the exporter's answer makes no sense
 */
struct dma_buf_pfn_attachment *
dma_buf_pfn_attach(struct dma_buf *dmabuf, struct device *dev, u32 needs,
		   enum dma_buf_pfn_lifetime lifetime,
		   const struct dma_buf_pfn_importer_ops *ops, void *importer_priv)
{
	struct pfn_attachment *p;
	int ret;

	ret = pfn_check_args(dmabuf, dev, needs, lifetime, ops);
	if (ret)
		return ERR_PTR(ret);
	p = kzalloc_obj(*p);
	if (!p)
		return ERR_PTR(-ENOMEM);
	p->pub.dmabuf = dmabuf;
	p->pub.dev = dev;
	p->pub.needs = needs;
	p->pub.lifetime = lifetime;
	p->pub.ops = ops;
	p->pub.importer_priv = importer_priv;
	p->npages = dmabuf->size >> PAGE_SHIFT;
	p->grants = RB_ROOT;

	p->xops = pfn_ops_get(dmabuf->ops);
	if (!p->xops) {
		kfree(p);
		return ERR_PTR(-EOPNOTSUPP);
	}
	get_dma_buf(dmabuf);
	ret = pfn_attach(p);
	trace_attach(p, ret);
	if (ret) {
		if (p->why)
			pfn_report_refusal(p, ret);
		pfn_ops_put(p->xops);
		dma_buf_put(dmabuf);
		kfree_rcu(p, rcu);
		return ERR_PTR(ret);
	}
	return &p->pub;
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_attach, "DMA_BUF_PFN");

/**
 * dma_buf_pfn_detach - end an import
 * @attach: the attachment; gone afterwards
 *
 * The importer has given back its grants and uses no PFN any more. Grants that
 * are left are taken back and reported. The invalidate callback is not running
 * and will not be called when this returns. Cannot fail.
 *
 * Context: process, reservation lock not held; sleeps.
 */
void dma_buf_pfn_detach(struct dma_buf_pfn_attachment *attach)
{
	struct pfn_attachment *p;
	struct dma_buf *dmabuf;
	unsigned int leftover;

	if (!pfn_is_live(attach)) {
		pfn_misuse(NULL, "detach without an attachment");
		return;
	}
	p = to_pfn(attach);
	dmabuf = attach->dmabuf;
	pfn_live_del(p);

	dma_resv_lock(dmabuf->resv, NULL);
	pfn_set_state(p, PFN_DETACHING);
	leftover = pfn_grants_reclaim(p);
	if (attach->lifetime == DMA_BUF_PFN_PINNED)
		dma_buf_unpin(p->base);
	dma_resv_unlock(dmabuf->resv);

	if (leftover)
		pfn_misuse(p, "%u grants left over at detach", leftover);
	trace_detach(p, leftover);
	if (p->xops->detach)
		p->xops->detach(attach);
	dma_buf_detach(dmabuf, p->base);
	pfn_ops_put(p->xops);
	dma_buf_put(dmabuf);
	kfree_rcu(p, rcu);
}
EXPORT_SYMBOL_NS_GPL(dma_buf_pfn_detach, "DMA_BUF_PFN");

static int __init pfn_init(void)
{
	pfn_debugfs_init();
	return 0;
}
module_init(pfn_init);

static void __exit pfn_exit(void)
{
	pfn_debugfs_exit();
}
module_exit(pfn_exit);

MODULE_DESCRIPTION("dma-buf import by page frame number");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
