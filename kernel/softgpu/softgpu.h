/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * softgpu: a DRM device that has nothing of a GPU but its memory.
 *
 * Terms: VRAM is the device's memory and is addressed by *VRAM page*, 0 to
 * size - 1; a PCI BAR or chunks of RAM lie behind it (softgpu_vram.c). A
 * buffer object (BO) has a *placement*, VRAM or system, and in VRAM one or
 * more *extents* (softgpu_vram_mgr.c). Whatever moves a BO goes through
 * softgpu_bo_move() or softgpu_bo_swap_notify(), which tell every importer
 * first (softgpu_bo.c).
 *
 * Lock order:
 *
 *	mmap_lock
 *	  dma_resv of the BO
 *	    softgpu_vram.lock
 *	      reclaim
 *	xa_lock of softgpu.bos: a leaf
 *
 * A BO may be moved, mapped, pinned or described by the holder of its
 * reservation lock only. Device memory is reached inside drm_dev_enter(), or
 * under the reservation lock of a BO once softgpu_is_gone() said no, or
 * through a mapping that lives as long as the drm_device.
 */
#ifndef SOFTGPU_H
#define SOFTGPU_H

#include <linux/dma-buf.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include <linux/gpu_buddy.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_placement.h>
#include <drm/ttm/ttm_resource.h>
#include <drm/ttm/ttm_tt.h>

struct p2pdma_provider;
struct pci_dev;

/* What VRAM over RAM is made of: the largest pieces there are. */
#define SOFTGPU_CHUNK_ORDER	MAX_PAGE_ORDER
#define SOFTGPU_CHUNK_PAGES	BIT(SOFTGPU_CHUNK_ORDER)

/**
 * struct softgpu_vram - the memory of the device and its allocator
 * @man: TTM's view of the allocator
 * @size: in bytes, a multiple of PAGE_SIZE
 * @phys: BAR: its physical address
 * @io: BAR: the standing write-combining mapping; NULL for VRAM over RAM
 * @provider: BAR: who it is in peer-to-peer DMA; valid while plugged in
 * @chunks: RAM: first pages of the chunks, in ascending order of address
 * @nr_chunks: RAM: entries of @chunks that are filled
 * @lock: protects @mm and @fragment
 * @mm: allocator of ranges of VRAM
 * @fragment: longest extent that new placements get, in pages; 0: no limit
 *
 * All but @mm and @fragment are constant after probe.
 */
struct softgpu_vram {
	struct ttm_resource_manager man;
	u64 size;

	phys_addr_t phys;
	void __iomem *io;
	struct p2pdma_provider *provider;

	struct page **chunks;
	unsigned int nr_chunks;

	struct mutex lock;	/* innermost, see the top of the file */
	struct gpu_buddy mm;
	u32 fragment;
};

/**
 * struct softgpu - a device
 * @drm: the DRM device
 * @ttm: buffer object management
 * @vram: the memory
 * @bos: all buffer objects by their number; holds no references
 * @gone: the device is being unplugged, see softgpu_is_gone()
 * @poison: looking for late writes, see softgpu_poison(): for how many
 *	microseconds memory lies poisoned (0: off), how many pages did, and how
 *	many of them were written to meanwhile. No lock: the first is read once
 *	for each move, the others are counters
 */
struct softgpu {
	struct drm_device drm;
	struct ttm_device ttm;
	struct softgpu_vram vram;
	struct xarray bos;
	bool gone;
	struct {
		u32 usecs;
		atomic64_t pages;
		atomic64_t spoiled;
	} poison;
};

/**
 * struct softgpu_extent - a piece of a BO that is contiguous in physical memory
 * @pgoff: where in the BO it begins, in pages
 * @page: its first VRAM page
 * @npages: its length
 */
struct softgpu_extent {
	unsigned long pgoff;
	unsigned long page;
	unsigned long npages;
};

/**
 * struct softgpu_vram_res - a placement in VRAM
 * @base: TTM's part
 * @blocks: what the allocator gave
 * @ext: the extents in order of pgoff, without gaps
 * @nr_ext: their number, at least 1
 *
 * Constant from allocation to free.
 */
struct softgpu_vram_res {
	struct ttm_resource base;
	struct list_head blocks;
	struct softgpu_extent *ext;
	unsigned int nr_ext;
};

/**
 * struct softgpu_bo - a buffer object
 * @tbo: TTM's part. First, because the VMA of a mapping points to it as a GEM
 *	object and as a TTM object alike
 * @dmabuf: the dma-buf it was exported as, until that is released. Not
 *	drm_gem_object.dma_buf, which is forgotten when the last handle is
 *	closed, although importers live on. Protected by the reservation lock
 * @id: its number, for debugfs
 */
struct softgpu_bo {
	struct ttm_buffer_object tbo;
	struct dma_buf *dmabuf;
	u32 id;
};

#define to_softgpu(d) container_of((d), struct softgpu, drm)
#define gem_to_softgpu_bo(g) container_of((g), struct softgpu_bo, tbo.base)
#define ttm_to_softgpu_bo(t) container_of((t), struct softgpu_bo, tbo)
#define ttm_to_softgpu(t) container_of((t), struct softgpu, ttm)
#define to_softgpu_vram_res(r) container_of((r), struct softgpu_vram_res, base)

static inline struct softgpu *softgpu_bo_dev(struct softgpu_bo *bo)
{
	return to_softgpu(bo->tbo.base.dev);
}

/* Is VRAM device memory without struct pages? */
static inline bool softgpu_vram_is_mmio(const struct softgpu_vram *vram)
{
	return vram->io;
}

/**
 * softgpu_vram_pfn() - page frame number of a VRAM page
 * @vram: the memory
 * @page: VRAM page, inside the memory
 *
 * Context: any.
 * Return: the page frame number.
 */
static inline unsigned long softgpu_vram_pfn(const struct softgpu_vram *vram,
					     unsigned long page)
{
	if (softgpu_vram_is_mmio(vram))
		return PHYS_PFN(vram->phys) + page;

	return page_to_pfn(vram->chunks[page >> SOFTGPU_CHUNK_ORDER]) +
	       (page & (SOFTGPU_CHUNK_PAGES - 1));
}

static inline bool softgpu_bo_in_vram(struct softgpu_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);
	return bo->tbo.resource->mem_type == TTM_PL_VRAM;
}

static inline unsigned long softgpu_bo_npages(struct softgpu_bo *bo)
{
	return bo->tbo.base.size >> PAGE_SHIFT;
}

/**
 * softgpu_is_gone() - has the device of a BO been unplugged?
 * @bo: the BO
 *
 * A no stays true enough to use the memory as long as the reservation lock is
 * held: softgpu_stop() sets @gone, then takes the lock of each BO and invalidates
 * it before it lets go of the device. A BO that it passes over was numbered after
 * it had looked, under the same xa_lock, so that its dma-buf, which is younger
 * still, sees @gone. For the operations of a dma-buf, where the SRCU of
 * drm_dev_enter() would cost more than the work; what outlives the lock and is not
 * invalidated, such as a page table entry, needs that one.
 *
 * Context: reservation lock of @bo, reference to its dma-buf.
 */
static inline bool softgpu_is_gone(struct softgpu_bo *bo)
{
	dma_resv_assert_held(bo->tbo.base.resv);
	return READ_ONCE(softgpu_bo_dev(bo)->gone);
}

/* softgpu_vram.c */
int softgpu_vram_init_bar(struct softgpu *sg, struct pci_dev *pdev, int bar,
			  u64 max);
int softgpu_vram_init_ram(struct softgpu *sg, u64 size);
unsigned long softgpu_vram_run(const struct softgpu_vram *vram,
			       unsigned long page, unsigned long max);
void softgpu_vram_map(const struct softgpu_vram *vram, unsigned long page,
		      struct iosys_map *map);

/* softgpu_vram_mgr.c */
int softgpu_vram_mgr_init(struct softgpu *sg);
const struct softgpu_extent *
softgpu_vram_res_find(const struct softgpu_vram_res *res, unsigned long pgoff);

/* softgpu_bo.c */
extern const struct ttm_device_funcs softgpu_ttm_funcs;
struct softgpu_bo *softgpu_bo_create(struct softgpu *sg, size_t size);
struct softgpu_bo *softgpu_bo_next(struct softgpu *sg, unsigned long *id);
int softgpu_bo_announce(struct softgpu_bo *bo);
int softgpu_bo_to_vram(struct softgpu_bo *bo, bool evict_others);
int softgpu_bo_to_system(struct softgpu_bo *bo);
int softgpu_bo_populate(struct softgpu_bo *bo);
void softgpu_bo_invalidate(struct softgpu_bo *bo);

/* softgpu_bo_map.c */
extern const struct vm_operations_struct softgpu_vm_ops;
int softgpu_bo_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma);
int softgpu_bo_vmap(struct drm_gem_object *gem, struct iosys_map *map);
void softgpu_bo_vunmap(struct drm_gem_object *gem, struct iosys_map *map);
struct page **softgpu_bo_vram_pages(struct softgpu_bo *bo);

/* softgpu_poison.c */
u64 *softgpu_poison_marks(struct softgpu_bo *bo, struct ttm_kmap_iter *iter);
void softgpu_poison_unmark(struct softgpu_bo *bo, u64 *words,
			   struct ttm_kmap_iter *from, struct ttm_kmap_iter *to);
void softgpu_poison(struct softgpu_bo *bo, struct ttm_kmap_iter *iter);

/* softgpu_prime.c */
extern const struct dma_buf_ops softgpu_dmabuf_ops;
struct dma_buf *softgpu_gem_export(struct drm_gem_object *gem, int flags);
struct drm_gem_object *softgpu_gem_import(struct drm_device *drm,
					  struct dma_buf *dmabuf);

/* softgpu_pfn.c */
int softgpu_pfn_register(void);
void softgpu_pfn_unregister(void);

/* softgpu_debugfs.c */
void softgpu_debugfs_init(struct softgpu *sg);

#endif /* SOFTGPU_H */
