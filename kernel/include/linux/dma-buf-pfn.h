/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dma-buf by page frame number: import a dma-buf with no scatterlist.
 *
 * An exporter opts in by registering a struct dma_buf_pfn_ops for its struct
 * dma_buf_ops. An importer attaches with its needs and the lifetime it can live
 * with, asks for extents (runs of page frame numbers) and, where it must touch
 * the memory with the CPU, for grants (counted CPU mappings that remain the
 * exporter's). docs/kapi.md is the guide.
 *
 * The rules that this interface enforces carry the names R1 to R11 and R13 in
 * the comments; docs/kapi.md lists them.
 */
#ifndef _LINUX_DMA_BUF_PFN_H
#define _LINUX_DMA_BUF_PFN_H

#include <linux/bits.h>
#include <linux/iosys-map.h>
#include <linux/types.h>

struct device;
struct dma_buf;
struct dma_buf_ops;
struct module;
struct p2pdma_provider;
struct dma_buf_pfn_attachment;

/**
 * enum dma_buf_pfn_lifetime - what an importer can live with (R3)
 * @DMA_BUF_PFN_PINNED: it cannot lose the memory. The core holds dma_buf_pin()
 *	from attach to detach; an exporter without a pin op has to accept the
 *	attachment with %DMA_BUF_PFN_GRANT_PINNED.
 * @DMA_BUF_PFN_REVOCABLE: the memory stays where it is, but may be withdrawn,
 *	for a while or for good.
 * @DMA_BUF_PFN_MOVABLE: the memory may be somewhere else after every
 *	invalidation; the importer asks again.
 */
enum dma_buf_pfn_lifetime {
	DMA_BUF_PFN_PINNED,
	DMA_BUF_PFN_REVOCABLE,
	DMA_BUF_PFN_MOVABLE,
};

/* What an importer declares when it attaches (R2, R7, R8). */
#define DMA_BUF_PFN_NEED_CPU	BIT(0)	/* must have CPU grants, else attach fails */
#define DMA_BUF_PFN_CAN_MMIO	BIT(1)	/* can use memory without struct pages (peer2peer) */
#define DMA_BUF_PFN_CAN_PRIVATE	BIT(2)	/* can use memory the host may not touch */
#define DMA_BUF_PFN_NEEDS_ALL	(DMA_BUF_PFN_NEED_CPU | DMA_BUF_PFN_CAN_MMIO | \
				 DMA_BUF_PFN_CAN_PRIVATE)

/* What an exporter answers from its attach op. */
#define DMA_BUF_PFN_GRANT_CPU		BIT(0)	/* cpu_map() will work */
#define DMA_BUF_PFN_GRANT_PINNED	BIT(1)	/* no pin op, yet never moves */

/**
 * enum dma_buf_pfn_caching - how the CPU may cache the memory (R7)
 * @DMA_BUF_PFN_WB: ordinary write-back memory
 * @DMA_BUF_PFN_WC: write combining
 * @DMA_BUF_PFN_UC: uncached
 */
enum dma_buf_pfn_caching {
	DMA_BUF_PFN_WB,
	DMA_BUF_PFN_WC,
	DMA_BUF_PFN_UC,
};

#define DMA_BUF_PFN_IS_MMIO	BIT(0)	/* device memory, I/O accessors only (R11) */
#define DMA_BUF_PFN_HAS_PAGES	BIT(1)	/* RAM with struct pages */
#define DMA_BUF_PFN_IS_PRIVATE	BIT(2)	/* the host CPU must not touch it (R8) */
#define DMA_BUF_PFN_CPU_OK	BIT(3)	/* the host CPU can touch it, by grant */

/**
 * struct dma_buf_pfn_info - what the page frame numbers mean (R7)
 * @caching: see &enum dma_buf_pfn_caching
 * @flags: DMA_BUF_PFN_IS_MMIO and its neighbours
 * @provider: the PCI peer-to-peer provider of MMIO; NULL for RAM. Valid as long
 *	as the extents it was asked with.
 */
struct dma_buf_pfn_info {
	enum dma_buf_pfn_caching caching;
	u32 flags;
	struct p2pdma_provider *provider;
};

/**
 * struct dma_buf_extent - a run of pages that are contiguous in physical memory (R9)
 * @pfn: page frame number of the first page
 * @npages: length of the run in pages, at least 1
 */
struct dma_buf_extent {
	unsigned long pfn;
	unsigned long npages;
};

/**
 * struct dma_buf_pfn_ops - what an exporter adds to its struct dma_buf_ops (R13)
 * @base: the &struct dma_buf_ops this extends; the key of the registration
 * @owner: module of the functions below
 */
struct dma_buf_pfn_ops {
	const struct dma_buf_ops *base;
	struct module *owner;

	/**
	 * @attach: Accept or refuse an importer (R2, R3, R8).
	 *
	 * Reads &dma_buf_pfn_attachment.needs and .lifetime and stores in
	 * @granted, which is 0 before, what it grants. The core has checked that
	 * the needs are known bits. Afterwards it fails the attachment with
	 * -EOPNOTSUPP when CPU access was needed and not granted, pins the buffer
	 * for a pinned importer, and refuses what @describe then says and the
	 * importer did not declare; so only what @describe cannot know has to be
	 * refused here. May store &dma_buf_pfn_attachment.exporter_priv.
	 *
	 * Context: process, reservation lock not held; after dma_buf_ops.attach,
	 * before dma_buf_ops.pin.
	 * Return: 0, or -EOPNOTSUPP (a need cannot be met), -EPERM (private
	 * memory), -EBUSY (lifetime refused), -ENODEV (withdrawn), -EKEYREVOKED.
	 */
	int (*attach)(struct dma_buf_pfn_attachment *attach, u32 *granted);

	/**
	 * @detach: The counterpart of a successful @attach. Optional.
	 *
	 * Also called when the core refuses the importer after @attach.
	 *
	 * Context: process, reservation lock not held; no grant is left, and the
	 * buffer is not pinned for this importer any more.
	 */
	void (*detach)(struct dma_buf_pfn_attachment *attach);

	/**
	 * @describe: Say what the page frame numbers mean now (R7).
	 *
	 * Asked at attach and at each lookup; @info is zeroed before. Private
	 * memory and %DMA_BUF_PFN_CPU_OK exclude each other.
	 *
	 * Context: reservation lock held.
	 * Return: 0, or as @get_extents.
	 */
	int (*describe)(struct dma_buf_pfn_attachment *attach,
			struct dma_buf_pfn_info *info);

	/**
	 * @get_extents: List the runs of pages from @pgoff on (R4, R9).
	 *
	 * Fills at most @nr entries of @vec, the first run beginning exactly at
	 * @pgoff, the following ones without gaps; it need not merge neighbours.
	 * It reports the pages where they are and never migrates the buffer.
	 * The core has checked that @pgoff is inside the buffer, clips the last
	 * run at its end, and waits for the KERNEL fences itself (R10).
	 *
	 * Context: reservation lock held, may sleep, must not allocate with
	 * a lock that is taken under reclaim.
	 * Return: number of runs (1 or more); -EAGAIN while the buffer moves,
	 * -ENODEV while it is withdrawn, -EKEYREVOKED when it is gone for good.
	 */
	int (*get_extents)(struct dma_buf_pfn_attachment *attach,
			   unsigned long pgoff, struct dma_buf_extent *vec,
			   unsigned int nr);

	/**
	 * @cpu_map: Hand out a slice of the exporter's own CPU mapping (R1, R11).
	 *
	 * The range lies within one run that @get_extents reported since the last
	 * invalidation. Costs nothing per page: the mapping is standing.
	 * Required when @attach can grant %DMA_BUF_PFN_GRANT_CPU.
	 *
	 * Context: reservation lock held.
	 * Return: 0 with @map set, or as @get_extents, or -EINVAL for a range
	 * that is not contiguous.
	 */
	int (*cpu_map)(struct dma_buf_pfn_attachment *attach,
		       unsigned long pgoff, unsigned long npages,
		       struct iosys_map *map);

	/**
	 * @cpu_map_extents: The same for @nr runs that follow each other from
	 * @pgoff on, one map each. Optional: without it the core calls @cpu_map
	 * for each run.
	 *
	 * Context: reservation lock held.
	 * Return: 0 with all @maps set, or an error with nothing handed out.
	 */
	int (*cpu_map_extents)(struct dma_buf_pfn_attachment *attach,
			       unsigned long pgoff,
			       const struct dma_buf_extent *vec,
			       struct iosys_map *maps, unsigned int nr);

	/**
	 * @cpu_unmap: Take a slice back. Optional.
	 *
	 * Context: reservation lock held; also inside an invalidation, so it
	 * must not allocate.
	 */
	void (*cpu_unmap)(struct dma_buf_pfn_attachment *attach,
			  unsigned long pgoff, unsigned long npages,
			  const struct iosys_map *map);
};

/**
 * struct dma_buf_pfn_importer_ops - what an importer implements
 * @name: short name, for debugfs and tracepoints
 */
struct dma_buf_pfn_importer_ops {
	const char *name;

	/**
	 * @invalidate: Stop (R5).
	 *
	 * On return the importer touches the memory no more, uses no PFN it
	 * was given, and has given back every grant. There is no reason: the
	 * next lookup tells (-EAGAIN, -ENODEV, -EKEYREVOKED, or new extents).
	 * The memory may not be there yet when this returns, so ask at the
	 * next access and not from here.
	 *
	 * A grant that is left over is a bug of the importer: the core warns
	 * once, takes the grant back itself, and answers every later call of
	 * that attachment with -ENOTRECOVERABLE. Lookups from here are answered
	 * with -EAGAIN.
	 *
	 * Context: reservation lock held; must not allocate, must not wait for
	 * anything that takes a reservation lock, mmap_lock, or allocates;
	 * bounded time. May be called before dma_buf_pfn_attach() has returned.
	 */
	void (*invalidate)(struct dma_buf_pfn_attachment *attach);
};

/**
 * struct dma_buf_pfn_attachment - one importer's use of one dma-buf
 * @dmabuf: the buffer; the core holds a reference from attach to detach
 * @dev: the importer's device
 * @needs: what the importer declared
 * @lifetime: what it can live with
 * @ops: the importer's callbacks; NULL only for %DMA_BUF_PFN_PINNED
 * @importer_priv: the importer's
 * @exporter_priv: the exporter's
 *
 * All but @exporter_priv are constant from attach to detach.
 */
struct dma_buf_pfn_attachment {
	struct dma_buf *dmabuf;
	struct device *dev;
	u32 needs;
	enum dma_buf_pfn_lifetime lifetime;
	const struct dma_buf_pfn_importer_ops *ops;
	void *importer_priv;
	void *exporter_priv;
};

/* for exporters */
struct dma_buf_attachment;

int dma_buf_pfn_register_exporter(const struct dma_buf_pfn_ops *ops);
void dma_buf_pfn_unregister_exporter(const struct dma_buf_pfn_ops *ops);
struct dma_buf_pfn_attachment *
dma_buf_pfn_from_attachment(const struct dma_buf_attachment *attach);

/* for importers */
bool dma_buf_pfn_capable(const struct dma_buf *dmabuf);
struct dma_buf_pfn_attachment *
dma_buf_pfn_attach(struct dma_buf *dmabuf, struct device *dev, u32 needs,
		   enum dma_buf_pfn_lifetime lifetime,
		   const struct dma_buf_pfn_importer_ops *ops, void *importer_priv);
void dma_buf_pfn_detach(struct dma_buf_pfn_attachment *attach);
int dma_buf_pfn_describe(struct dma_buf_pfn_attachment *attach,
			 struct dma_buf_pfn_info *info);
int dma_buf_get_extents(struct dma_buf_pfn_attachment *attach,
			unsigned long pgoff, struct dma_buf_extent *vec,
			unsigned int nr);
int dma_buf_get_pfn(struct dma_buf_pfn_attachment *attach, unsigned long pgoff,
		    unsigned long *pfn, unsigned int *max_order);
int dma_buf_get_pfn_unlocked(struct dma_buf_pfn_attachment *attach,
			     unsigned long pgoff, unsigned long *pfn,
			     unsigned int *max_order);
unsigned long dma_buf_pfn_read_begin(const struct dma_buf_pfn_attachment *attach);
bool dma_buf_pfn_read_retry(const struct dma_buf_pfn_attachment *attach,
			    unsigned long seq);
int dma_buf_pfn_cpu_map(struct dma_buf_pfn_attachment *attach,
			unsigned long pgoff, unsigned long npages,
			struct iosys_map *map);
int dma_buf_pfn_cpu_map_extents(struct dma_buf_pfn_attachment *attach,
				unsigned long pgoff, unsigned long npages,
				struct dma_buf_extent *vec,
				struct iosys_map *maps, unsigned int nr);
void dma_buf_pfn_cpu_unmap(struct dma_buf_pfn_attachment *attach,
			   unsigned long pgoff, unsigned long npages,
			   const struct iosys_map *map);
void dma_buf_pfn_cpu_unmap_all(struct dma_buf_pfn_attachment *attach);
size_t dma_buf_pfn_footprint(const struct dma_buf_pfn_attachment *attach);

#endif /* _LINUX_DMA_BUF_PFN_H */
