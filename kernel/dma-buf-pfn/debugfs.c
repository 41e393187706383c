// SPDX-License-Identifier: GPL-2.0-only
/*
 * /sys/kernel/debug/dma_buf_pfn/
 *
 * attachments: one line each. errors: how often importers and exporters broke
 * the rules since the module was loaded.
 *
 * An attachment stays in the table as long as it is shown: its memory and its
 * reference to the buffer cannot go. The counters are read without the
 * reservation lock, which may be held for long; each is right by itself.
 */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "internal.h"

static struct dentry *pfn_debugfs_dir;

static const char *const pfn_state_names[] = {
	[PFN_ATTACHING] = "attaching",
	[PFN_LIVE] = "live",
	[PFN_INVALIDATING] = "invalidating",
	[PFN_BROKEN] = "broken",
	[PFN_DETACHING] = "detaching",
};

static const char *const pfn_lifetime_names[] = {
	[DMA_BUF_PFN_PINNED] = "pinned",
	[DMA_BUF_PFN_REVOCABLE] = "revocable",
	[DMA_BUF_PFN_MOVABLE] = "movable",
};

static void pfn_show_needs(struct seq_file *m, u32 needs)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%s%s%s",
		 needs & DMA_BUF_PFN_NEED_CPU ? "cpu," : "",
		 needs & DMA_BUF_PFN_CAN_MMIO ? "mmio," : "",
		 needs & DMA_BUF_PFN_CAN_PRIVATE ? "private," : "");
	if (buf[0])
		buf[strlen(buf) - 1] = '\0';
	seq_printf(m, " %-16s", buf[0] ? buf : "-");
}

/**
 * pfn_show_one - print an attachment
 * @m: debugfs file
 * @p: the attachment, which cannot go meanwhile
 */
void pfn_show_one(struct seq_file *m, struct pfn_attachment *p)
{
	struct dma_buf *dmabuf = p->pub.dmabuf;

	seq_printf(m, "%-16s %8llu %14zu %-12s %-9s", dmabuf->exp_name,
		   (u64)file_inode(dmabuf->file)->i_ino, dmabuf->size,
		   pfn_importer_name(p), pfn_lifetime_names[p->pub.lifetime]);
	pfn_show_needs(m, p->pub.needs);
	seq_printf(m, " %8lu %8u %8lu %8lu %-12s", READ_ONCE(p->nr_extents),
		   READ_ONCE(p->nr_grants), READ_ONCE(p->nr_maps),
		   READ_ONCE(p->seq), pfn_state_names[READ_ONCE(p->state)]);
	spin_lock(&dmabuf->name_lock);
	seq_printf(m, " %s\n", dmabuf->name ?: "-");
	spin_unlock(&dmabuf->name_lock);
}

static int pfn_attachments_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "%-16s %8s %14s %-12s %-9s %-16s %8s %8s %8s %8s %-12s %s\n",
		   "exporter", "inode", "bytes", "importer", "lifetime", "needs",
		   "extents", "grants", "maps", "invals", "state", "name");
	pfn_show_live(m);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pfn_attachments);

static int pfn_errors_show(struct seq_file *m, void *unused)
{
	seq_printf(m, "importer_misuses %ld\n", atomic_long_read(&pfn_nr_misuses));
	seq_printf(m, "exporter_errors %ld\n",
		   atomic_long_read(&pfn_nr_exporter_errors));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(pfn_errors);

/**
 * pfn_debugfs_init - make the directory
 *
 * Failure is of no consequence, as is usual with debugfs.
 */
void pfn_debugfs_init(void)
{
	pfn_debugfs_dir = debugfs_create_dir("dma_buf_pfn", NULL);
	debugfs_create_file("attachments", 0400, pfn_debugfs_dir, NULL,
			    &pfn_attachments_fops);
	debugfs_create_file("errors", 0400, pfn_debugfs_dir, NULL,
			    &pfn_errors_fops);
}

/**
 * pfn_debugfs_exit - remove it
 */
void pfn_debugfs_exit(void)
{
	debugfs_remove_recursive(pfn_debugfs_dir);
}
