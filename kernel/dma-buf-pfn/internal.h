/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DMA_BUF_PFN_INTERNAL_H
#define DMA_BUF_PFN_INTERNAL_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/rcupdate.h>

struct seq_file;

/**
 * enum pfn_state - where an attachment is in its life
 * @PFN_ATTACHING: being made; nothing was handed out, the importer is not called
 * @PFN_LIVE: lookups are answered
 * @PFN_INVALIDATING: the importer's callback runs; lookups answer -EAGAIN
 * @PFN_BROKEN: the importer kept a grant over an invalidation; lookups answer
 *	-ENOTRECOVERABLE until detach
 * @PFN_DETACHING: being taken apart; the importer is not called any more
 */
enum pfn_state {
	PFN_ATTACHING,
	PFN_LIVE,
	PFN_INVALIDATING,
	PFN_BROKEN,
	PFN_DETACHING,
};

/**
 * struct pfn_attachment - the core's side of an attachment
 * @pub: what importer and exporter see
 * @base: the dma-buf attachment underneath
 * @xops: the exporter's operations; @xops->owner is held
 * @granted: what the exporter granted at attach (DMA_BUF_PFN_GRANT_*)
 * @npages: size of the buffer
 * @live_node: in the table of attachments; writers hold pfn_live_lock, readers
 *	hold that or RCU
 * @rcu: frees this after the table's readers
 * @state: &enum pfn_state; written under the reservation lock
 * @seq: number of invalidations, as dma_buf_pfn_read_begin() sees them; written
 *	under the reservation lock, read anywhere
 * @grants: struct pfn_grant by page offset; reservation lock
 * @nr_grants: their number; written under the reservation lock
 * @nr_extents: runs handed out since attach; written under the reservation lock
 * @nr_maps: grants made since attach; written under the reservation lock
 * @grant_bytes: memory of the grants; written under the reservation lock
 * @misused: a misuse was reported already; bit 0
 * @why: why it was refused, in words; NULL if it was not. Set while attaching, and by
 *	lookups under the reservation lock
 *
 * Fields without a lock named are constant from attach to detach.
 */
struct pfn_attachment {
	struct dma_buf_pfn_attachment pub;
	struct dma_buf_attachment *base;
	const struct dma_buf_pfn_ops *xops;
	u32 granted;
	unsigned long npages;
	struct hlist_node live_node;
	struct rcu_head rcu;

	enum pfn_state state;
	unsigned long seq;
	struct rb_root grants;
	unsigned int nr_grants;
	unsigned long nr_extents;
	unsigned long nr_maps;
	size_t grant_bytes;
	unsigned long misused;
	const char *why;
};

static inline struct pfn_attachment *
to_pfn(const struct dma_buf_pfn_attachment *attach)
{
	return container_of(attach, struct pfn_attachment, pub);
}

static inline const char *pfn_importer_name(const struct pfn_attachment *p)
{
	return p->pub.ops && p->pub.ops->name ? p->pub.ops->name : "-";
}

/* core.c */
extern atomic_long_t pfn_nr_misuses;
extern atomic_long_t pfn_nr_exporter_errors;

bool pfn_is_live(const struct dma_buf_pfn_attachment *attach);
void pfn_show_live(struct seq_file *m);
__printf(2, 3) void pfn_misuse(struct pfn_attachment *p, const char *fmt, ...);
int pfn_exporter_error(struct pfn_attachment *p, const char *what);

/* registry.c */
const struct dma_buf_pfn_ops *pfn_ops_get(const struct dma_buf_ops *base);
void pfn_ops_put(const struct dma_buf_pfn_ops *ops);

/**
 * pfn_refuse - say why an importer cannot have the memory
 * @p: the attachment
 * @err: errno, negative
 * @why: the reason; a literal
 *
 * Return: @err.
 */
static inline int pfn_refuse(struct pfn_attachment *p, int err, const char *why)
{
	p->why = why;
	return err;
}

/* lookup.c */
int pfn_describe(struct pfn_attachment *p, struct dma_buf_pfn_info *info);
int pfn_enter(struct dma_buf_pfn_attachment *attach);
int pfn_wait_fences(struct pfn_attachment *p);
int pfn_walk(struct pfn_attachment *p, unsigned long pgoff, unsigned long end,
	     struct dma_buf_extent *vec, unsigned int nr);

/* grant.c */
unsigned int pfn_grants_reclaim(struct pfn_attachment *p);

/* debugfs.c */
void pfn_debugfs_init(void);
void pfn_debugfs_exit(void);
void pfn_show_one(struct seq_file *m, struct pfn_attachment *p);

#endif /* DMA_BUF_PFN_INTERNAL_H */
