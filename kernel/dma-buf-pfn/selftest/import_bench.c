// SPDX-License-Identifier: GPL-2.0-only
/*
 * What does it cost to import a dma-buf, by scatterlist and by page frame number?
 *
 *   exec 3<>/sys/kernel/debug/dma_buf_import_bench	(fd 9 is a dma-buf)
 *   echo "9 sg 0000:00:02.0 100" >&3; cat <&3
 *
 * The words are the dma-buf's file descriptor; how: "sg" (a dynamic importer's
 * scatterlist, peer-to-peer allowed), "pfn" (extents alone) or "grant" (extents, and
 * the exporter's CPU mapping of each); the PCI device that imports, or "-" for a device
 * that is none; and how often. The answer is a head line with the number of pieces and the
 * bytes that the importer keeps for them, and a line for each import: nanoseconds for
 * attach, map (or get), walk, unmap, detach.
 *
 * Walking is what a driver does to tell its device: look at the address and length of
 * each piece, once.
 */
#include <linux/debugfs.h>
#include <linux/device/faux.h>
#include <linux/dma-buf-pfn.h>
#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#define MAX_ROUNDS	100000
#define BENCH_FIRST	16	/* pieces that an importer has room for on its stack */

enum bench_phase {
	BENCH_ATTACH,
	BENCH_MAP,
	BENCH_WALK,
	BENCH_UNMAP,
	BENCH_DETACH,
	BENCH_NR,
};

struct bench_round {
	u64 ns[BENCH_NR];
};

/**
 * struct bench - one open file
 * @lock: all below; outermost
 * @rounds: what the last request measured
 * @nr: how many
 * @pieces: scatterlist entries after mapping, or extents
 * @bytes: what the importer keeps for them
 * @sum: of what was walked, so that walking is not left out
 */
struct bench {
	struct mutex lock;
	struct bench_round *rounds;
	unsigned int nr;
	unsigned long pieces;
	size_t bytes;
	u64 sum;
};

/**
 * struct bench_import - one import under way
 * @dmabuf: the buffer
 * @dev: who imports
 * @grants: with CPU mappings
 * @sg: "sg": the attachment
 * @sgt: "sg": the scatterlist
 * @pfn: the attachment otherwise
 * @ext: the extents
 * @maps: "grant": a mapping for each
 * @nr: how many
 */
struct bench_import {
	struct dma_buf *dmabuf;
	struct device *dev;
	bool grants;
	struct dma_buf_attachment *sg;
	struct sg_table *sgt;
	struct dma_buf_pfn_attachment *pfn;
	struct dma_buf_extent *ext;
	struct iosys_map *maps;
	unsigned long nr;
};

/**
 * struct bench_kind - a way to import
 * @name: its word
 * @attach: process context
 * @map: reservation lock held from here to the return of @unmap
 * @walk: adds up addresses and lengths
 * @unmap: the counterpart of @map
 * @detach: the counterpart of @attach
 * @measure: sets pieces and bytes; mapped
 */
struct bench_kind {
	const char *name;
	int (*attach)(struct bench_import *imp);
	int (*map)(struct bench_import *imp);
	u64 (*walk)(const struct bench_import *imp);
	void (*unmap)(struct bench_import *imp);
	void (*detach)(struct bench_import *imp);
	void (*measure)(const struct bench_import *imp, struct bench *bench);
};

static struct faux_device *bench_faux;
static struct device_dma_parameters bench_dma;
static struct dentry *bench_dentry;

/* Nothing is mapped while the reservation lock is free. */
static void bench_sg_invalidate(struct dma_buf_attachment *attach)
{
}

static const struct dma_buf_attach_ops bench_sg_ops = {
	.allow_peer2peer = true,
	.invalidate_mappings = bench_sg_invalidate,
};

static int bench_sg_attach(struct bench_import *imp)
{
	imp->sg = dma_buf_dynamic_attach(imp->dmabuf, imp->dev, &bench_sg_ops, imp);
	return PTR_ERR_OR_ZERO(imp->sg);
}

static int bench_sg_map(struct bench_import *imp)
{
	imp->sgt = dma_buf_map_attachment(imp->sg, DMA_BIDIRECTIONAL);
	return PTR_ERR_OR_ZERO(imp->sgt);
}

static u64 bench_sg_walk(const struct bench_import *imp)
{
	struct scatterlist *sg;
	u64 sum = 0;
	int i;

	for_each_sgtable_dma_sg(imp->sgt, sg, i)
		sum += sg_dma_address(sg) ^ sg_dma_len(sg);
	return sum;
}

static void bench_sg_unmap(struct bench_import *imp)
{
	dma_buf_unmap_attachment(imp->sg, imp->sgt, DMA_BIDIRECTIONAL);
}

static void bench_sg_detach(struct bench_import *imp)
{
	dma_buf_detach(imp->dmabuf, imp->sg);
}

/* The table's chunks are whole pages but for the last; that is left out. */
static void bench_sg_measure(const struct bench_import *imp, struct bench *bench)
{
	bench->pieces = imp->sgt->nents;
	bench->bytes = sizeof(*imp->sgt) +
		       imp->sgt->orig_nents * sizeof(struct scatterlist);
}

static void bench_pfn_invalidate(struct dma_buf_pfn_attachment *attach)
{
}

static const struct dma_buf_pfn_importer_ops bench_pfn_ops = {
	.name = "import_bench",
	.invalidate = bench_pfn_invalidate,
};

static int bench_pfn_attach(struct bench_import *imp)
{
	u32 needs = DMA_BUF_PFN_CAN_MMIO;

	if (imp->grants)
		needs |= DMA_BUF_PFN_NEED_CPU;
	imp->pfn = dma_buf_pfn_attach(imp->dmabuf, imp->dev, needs,
				      DMA_BUF_PFN_MOVABLE, &bench_pfn_ops, imp);
	return PTR_ERR_OR_ZERO(imp->pfn);
}

/* Room for @nr pieces, exactly. Keeps those that are there. */
static int bench_resize(struct bench_import *imp, unsigned long nr)
{
	struct dma_buf_extent *ext = kvmalloc_array(nr, sizeof(*ext), GFP_KERNEL);
	struct iosys_map *maps = NULL;

	if (imp->grants)
		maps = kvmalloc_array(nr, sizeof(*maps), GFP_KERNEL);
	if (!ext || (imp->grants && !maps)) {
		kvfree(ext);
		kvfree(maps);
		return -ENOMEM;
	}
	if (imp->nr)
		memcpy(ext, imp->ext, imp->nr * sizeof(*ext));
	if (imp->nr && imp->grants)
		memcpy(maps, imp->maps, imp->nr * sizeof(*maps));
	kvfree(imp->ext);
	kvfree(imp->maps);
	imp->ext = ext;
	imp->maps = maps;
	return 0;
}

/* Up to @nr pieces from page @at on. Return: how many. */
static int bench_pfn_ask(struct bench_import *imp, unsigned long at,
			 struct dma_buf_extent *ext, struct iosys_map *maps,
			 unsigned int nr)
{
	if (!imp->grants)
		return dma_buf_get_extents(imp->pfn, at, ext, nr);
	return dma_buf_pfn_cpu_map_extents(imp->pfn, at,
					   (imp->dmabuf->size >> PAGE_SHIFT) - at,
					   ext, maps, nr);
}

/* The first ones, most often all; how many there are is not known beforehand. */
static int bench_pfn_get_first(struct bench_import *imp)
{
	struct dma_buf_extent ext[BENCH_FIRST];
	struct iosys_map maps[BENCH_FIRST];
	int nr, ret;

	nr = bench_pfn_ask(imp, 0, ext, maps, BENCH_FIRST);
	if (nr < 0)
		return nr;
	ret = bench_resize(imp, nr);
	if (ret)
		return ret;
	memcpy(imp->ext, ext, nr * sizeof(*ext));
	if (imp->grants)
		memcpy(imp->maps, maps, nr * sizeof(*maps));
	imp->nr = nr;
	return 0;
}

static unsigned long bench_pfn_pages(const struct bench_import *imp,
				     unsigned long from)
{
	unsigned long i, pages = 0;

	for (i = from; i < imp->nr; i++)
		pages += imp->ext[i].npages;
	return pages;
}

/*
 * Room for the rest, if its pieces are as long as those so far; else for more another
 * time. A run that was cut at the end of an answer is two pieces.
 */
static int bench_pfn_get(struct bench_import *imp)
{
	unsigned long at, end = imp->dmabuf->size >> PAGE_SHIFT;
	unsigned long room = 0;
	int nr, ret;

	ret = bench_pfn_get_first(imp);
	if (ret)
		return ret;
	at = bench_pfn_pages(imp, 0);
	while (at < end) {
		room = imp->nr + DIV_ROUND_UP(imp->nr * (end - at), at);
		ret = bench_resize(imp, room);
		if (ret)
			return ret;
		nr = bench_pfn_ask(imp, at, imp->ext + imp->nr,
				   imp->grants ? imp->maps + imp->nr : NULL,
				   room - imp->nr);
		if (nr < 0)
			return nr;
		imp->nr += nr;
		at += bench_pfn_pages(imp, imp->nr - nr);
	}
	return room > imp->nr ? bench_resize(imp, imp->nr) : 0;
}

static void bench_pfn_unmap(struct bench_import *imp)
{
	if (imp->grants)
		dma_buf_pfn_cpu_unmap_all(imp->pfn);
	kvfree(imp->ext);
	kvfree(imp->maps);
	imp->ext = NULL;
	imp->maps = NULL;
	imp->nr = 0;
}

static int bench_pfn_map(struct bench_import *imp)
{
	int ret = bench_pfn_get(imp);

	if (ret)
		bench_pfn_unmap(imp);
	return ret;
}

static u64 bench_pfn_walk(const struct bench_import *imp)
{
	unsigned long i;
	u64 sum = 0;

	for (i = 0; i < imp->nr; i++)
		sum += PFN_PHYS(imp->ext[i].pfn) ^ PFN_PHYS(imp->ext[i].npages);
	return sum;
}

static void bench_pfn_detach(struct bench_import *imp)
{
	dma_buf_pfn_detach(imp->pfn);
}

static void bench_pfn_measure(const struct bench_import *imp, struct bench *bench)
{
	bench->pieces = imp->nr;
	bench->bytes = imp->nr * sizeof(*imp->ext);
	if (imp->grants)
		bench->bytes += imp->nr * sizeof(*imp->maps);
}

#define BENCH_PFN(word) {			\
	.name = word,				\
	.attach = bench_pfn_attach,		\
	.map = bench_pfn_map,			\
	.walk = bench_pfn_walk,			\
	.unmap = bench_pfn_unmap,		\
	.detach = bench_pfn_detach,		\
	.measure = bench_pfn_measure,		\
}

static const struct bench_kind bench_kinds[] = {
	{
		.name = "sg",
		.attach = bench_sg_attach,
		.map = bench_sg_map,
		.walk = bench_sg_walk,
		.unmap = bench_sg_unmap,
		.detach = bench_sg_detach,
		.measure = bench_sg_measure,
	},
	BENCH_PFN("pfn"),
	BENCH_PFN("grant"),
};

/* One import from attach to detach; @t gets when each phase was over. */
static int bench_once(const struct bench_kind *kind, struct bench_import *imp,
		      struct bench *bench, u64 t[BENCH_NR + 1])
{
	int ret;

	t[BENCH_ATTACH] = ktime_get_ns();
	ret = kind->attach(imp);
	if (ret)
		return ret;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	t[BENCH_MAP] = ktime_get_ns();
	ret = kind->map(imp);
	t[BENCH_WALK] = ktime_get_ns();
	if (!ret) {
		bench->sum += kind->walk(imp);
		t[BENCH_UNMAP] = ktime_get_ns();
		kind->measure(imp, bench);
		kind->unmap(imp);
	}
	dma_resv_unlock(imp->dmabuf->resv);
	t[BENCH_DETACH] = ktime_get_ns();
	kind->detach(imp);
	t[BENCH_NR] = ktime_get_ns();
	return ret;
}

static int bench_run(struct bench *bench, const struct bench_kind *kind,
		     struct bench_import *imp, unsigned int rounds)
{
	u64 t[BENCH_NR + 1];
	unsigned int i;
	int ret;

	kvfree(bench->rounds);
	bench->nr = 0;
	bench->rounds = kvzalloc_objs(*bench->rounds, rounds);
	if (!bench->rounds)
		return -ENOMEM;

	for (; bench->nr < rounds; bench->nr++) {
		if (signal_pending(current))
			return -EINTR;
		ret = bench_once(kind, imp, bench, t);
		if (ret)
			return ret;
		for (i = 0; i < BENCH_NR; i++)
			bench->rounds[bench->nr].ns[i] = t[i + 1] - t[i];
		cond_resched();
	}
	return 0;
}

static struct device *bench_device(const char *name)
{
	if (!strcmp(name, "-"))
		return get_device(&bench_faux->dev);
#ifdef CONFIG_PCI
	return bus_find_device_by_name(&pci_bus_type, NULL, name);
#else
	return NULL;
#endif
}

static const struct bench_kind *bench_kind(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bench_kinds); i++)
		if (!strcmp(name, bench_kinds[i].name))
			return &bench_kinds[i];
	return NULL;
}

static int bench_request(struct bench *bench, const char *text)
{
	struct bench_import imp = { };
	const struct bench_kind *kind;
	char how[8], device[32];
	unsigned int rounds;
	int fd, ret;

	if (sscanf(text, "%d %7s %31s %u", &fd, how, device, &rounds) != 4)
		return -EINVAL;
	kind = bench_kind(how);
	if (!kind || !rounds || rounds > MAX_ROUNDS)
		return -EINVAL;
	imp.grants = !strcmp(how, "grant");

	imp.dmabuf = dma_buf_get(fd);
	if (IS_ERR(imp.dmabuf))
		return PTR_ERR(imp.dmabuf);
	imp.dev = bench_device(device);
	ret = imp.dev ? bench_run(bench, kind, &imp, rounds) : -ENODEV;
	put_device(imp.dev);
	dma_buf_put(imp.dmabuf);
	return ret;
}

static ssize_t bench_write(struct file *file, const char __user *user,
			   size_t len, loff_t *pos)
{
	struct bench *bench = ((struct seq_file *)file->private_data)->private;
	char text[80];
	int ret;

	if (len >= sizeof(text))
		return -EINVAL;
	if (copy_from_user(text, user, len))
		return -EFAULT;
	text[len] = 0;

	if (mutex_lock_interruptible(&bench->lock))
		return -ERESTARTSYS;
	ret = bench_request(bench, text);
	mutex_unlock(&bench->lock);
	return ret ?: len;
}

static int bench_show(struct seq_file *m, void *unused)
{
	struct bench *bench = m->private;
	unsigned int i, k;

	mutex_lock(&bench->lock);
	if (bench->nr)
		seq_printf(m, "pieces %lu bytes %zu\n", bench->pieces, bench->bytes);
	for (i = 0; i < bench->nr; i++)
		for (k = 0; k < BENCH_NR; k++)
			seq_printf(m, "%llu%c", bench->rounds[i].ns[k],
				   k == BENCH_NR - 1 ? '\n' : ' ');
	mutex_unlock(&bench->lock);
	return 0;
}

static int bench_open(struct inode *inode, struct file *file)
{
	struct bench *bench = kzalloc_obj(*bench);
	int ret;

	if (!bench)
		return -ENOMEM;
	mutex_init(&bench->lock);
	ret = single_open(file, bench_show, bench);
	if (ret)
		kfree(bench);
	return ret;
}

static int bench_release(struct inode *inode, struct file *file)
{
	struct bench *bench = ((struct seq_file *)file->private_data)->private;

	kvfree(bench->rounds);
	mutex_destroy(&bench->lock);
	kfree(bench);
	return single_release(inode, file);
}

static const struct file_operations bench_fops = {
	.owner = THIS_MODULE,
	.open = bench_open,
	.read = seq_read,
	.write = bench_write,
	.llseek = seq_lseek,
	.release = bench_release,
};

static int __init bench_init(void)
{
	int ret;

	bench_faux = faux_device_create("dma_buf_import_bench", NULL, NULL);
	if (!bench_faux)
		return -ENODEV;
	bench_faux->dev.dma_parms = &bench_dma;
	dma_set_max_seg_size(&bench_faux->dev, UINT_MAX);
	ret = dma_coerce_mask_and_coherent(&bench_faux->dev, DMA_BIT_MASK(64));
	if (ret) {
		faux_device_destroy(bench_faux);
		return ret;
	}
	bench_dentry = debugfs_create_file("dma_buf_import_bench", 0600, NULL, NULL,
					   &bench_fops);
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove(bench_dentry);
	faux_device_destroy(bench_faux);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("What importing a dma-buf costs, by scatterlist and by page frame number");
MODULE_LICENSE("GPL");
MODULE_IMPORT_NS("DMA_BUF");
MODULE_IMPORT_NS("DMA_BUF_PFN");
