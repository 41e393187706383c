// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU mappings of buffer objects: user page faults and kernel vmaps.
 */
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include <drm/drm_drv.h>

#include "softgpu.h"

#define PREFAULT_PAGES	16

/*
 * VRAM over RAM: TTM would take it for I/O memory, and on machines with memory
 * encryption map it as such.
 */
static vm_fault_t softgpu_fault_ram(struct softgpu_bo *bo, struct vm_fault *vmf)
{
	const struct softgpu_vram_res *res = to_softgpu_vram_res(bo->tbo.resource);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	struct vm_area_struct *vma = vmf->vma;
	unsigned long pgoff = vmf->pgoff - drm_vma_node_start(&bo->tbo.base.vma_node);
	unsigned long addr = vmf->address & PAGE_MASK;
	vm_fault_t ret = VM_FAULT_SIGBUS;
	unsigned int i;

	for (i = 0; i < PREFAULT_PAGES; i++, pgoff++, addr += PAGE_SIZE) {
		const struct softgpu_extent *ext;
		vm_fault_t err;

		if (pgoff >= softgpu_bo_npages(bo) || addr >= vma->vm_end)
			break;

		ext = softgpu_vram_res_find(res, pgoff);
		err = vmf_insert_pfn(vma, addr,
				     softgpu_vram_pfn(vram, ext->page +
							    (pgoff - ext->pgoff)));
		/* Only the first page was asked for. */
		if (!i)
			ret = err;
		if (err & VM_FAULT_ERROR)
			break;
	}
	return ret;
}

static vm_fault_t softgpu_vm_fault(struct vm_fault *vmf)
{
	struct ttm_buffer_object *tbo = vmf->vma->vm_private_data;
	struct softgpu_bo *bo = ttm_to_softgpu_bo(tbo);
	pgprot_t prot = vmf->vma->vm_page_prot;
	vm_fault_t ret;
	int idx;

	ret = ttm_bo_vm_reserve(tbo, vmf);
	if (ret)
		return ret;

	if (!drm_dev_enter(tbo->base.dev, &idx)) {
		ret = ttm_bo_vm_dummy_page(vmf, prot);
		goto unlock;
	}
	if (softgpu_bo_in_vram(bo) &&
	    !softgpu_vram_is_mmio(&softgpu_bo_dev(bo)->vram))
		ret = softgpu_fault_ram(bo, vmf);
	else
		ret = ttm_bo_vm_fault_reserved(vmf, prot, PREFAULT_PAGES);
	drm_dev_exit(idx);

	/* TTM has dropped the lock already when it asks for a retry. */
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
unlock:
	dma_resv_unlock(tbo->base.resv);
	return ret;
}

const struct vm_operations_struct softgpu_vm_ops = {
	.fault = softgpu_vm_fault,
	.open = ttm_bo_vm_open,
	.close = ttm_bo_vm_close,
};

/**
 * softgpu_bo_mmap() - map a BO into user space
 * @gem: the buffer object, with a reference that becomes the mapping's
 * @vma: the mapping, its vm_ops set
 *
 * Context: mmap_lock held, reservation lock not held.
 * Return: 0, or -EINVAL for a private mapping that could be written to.
 */
int softgpu_bo_mmap(struct drm_gem_object *gem, struct vm_area_struct *vma)
{
	int ret = ttm_bo_mmap_obj(vma, &gem_to_softgpu_bo(gem)->tbo);

	/* TTM took a reference of its own. */
	if (!ret)
		drm_gem_object_put(gem);
	return ret;
}

/**
 * softgpu_bo_vram_pages() - struct pages of a BO in VRAM over RAM
 * @bo: the buffer object, in VRAM that is RAM
 *
 * Context: reservation lock held; may sleep.
 * Return: an array of softgpu_bo_npages() entries for kvfree(), NULL when there
 * is no memory for it.
 */
struct page **softgpu_bo_vram_pages(struct softgpu_bo *bo)
{
	const struct softgpu_vram_res *res = to_softgpu_vram_res(bo->tbo.resource);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	struct page **pages;
	unsigned int i;

	dma_resv_assert_held(bo->tbo.base.resv);

	pages = kvmalloc_objs(*pages, softgpu_bo_npages(bo));
	if (!pages)
		return NULL;

	for (i = 0; i < res->nr_ext; i++) {
		const struct softgpu_extent *ext = &res->ext[i];
		struct page *first = pfn_to_page(softgpu_vram_pfn(vram, ext->page));
		unsigned long j;

		for (j = 0; j < ext->npages; j++)
			pages[ext->pgoff + j] = first + j;
	}
	return pages;
}

static int softgpu_vmap_ram(struct softgpu_bo *bo, struct iosys_map *map)
{
	struct page **pages = softgpu_bo_vram_pages(bo);
	void *addr;

	if (!pages)
		return -ENOMEM;
	addr = vmap(pages, softgpu_bo_npages(bo), 0, PAGE_KERNEL);
	kvfree(pages);
	if (!addr)
		return -ENOMEM;

	iosys_map_set_vaddr(map, addr);
	return 0;
}

#ifdef CONFIG_VMAP_PFN
static int softgpu_vmap_bar(struct softgpu_bo *bo, struct iosys_map *map)
{
	unsigned long i, n = softgpu_bo_npages(bo);
	unsigned long *pfns;
	void *addr;

	pfns = kvmalloc_objs(*pfns, n);
	if (!pfns)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		pfns[i] = softgpu_ttm_funcs.io_mem_pfn(&bo->tbo, i);
	addr = vmap_pfn(pfns, n, pgprot_writecombine(PAGE_KERNEL));
	kvfree(pfns);
	if (!addr)
		return -ENOMEM;

	iosys_map_set_vaddr_iomem(map, (void __iomem *)addr);
	return 0;
}
#else
/* Nothing maps pieces of a BAR side by side: as a GPU that cannot map its VRAM. */
static int softgpu_vmap_bar(struct softgpu_bo *bo, struct iosys_map *map)
{
	int ret = softgpu_bo_to_system(bo);

	return ret ?: ttm_bo_vmap(&bo->tbo, map);
}
#endif

/**
 * softgpu_bo_vmap() - map a whole BO into the kernel
 * @gem: the buffer object
 * @map: set to the address
 *
 * One extent in VRAM is a slice of the standing mapping; anything else gets a
 * mapping of its own. Pieces of a BAR can be mapped so by vmap_pfn() only: on
 * kernels without that, the BO is moved to system memory. It is pinned where it is
 * then until softgpu_bo_vunmap(), since the users of a vmap are not told about moves.
 *
 * Context: reservation lock held; may sleep.
 * Return: 0, -ENOMEM, -ENODEV after an unplug; or, of the move, -EINVAL when it is
 * pinned in VRAM, -ERESTARTSYS.
 */
int softgpu_bo_vmap(struct drm_gem_object *gem, struct iosys_map *map)
{
	struct softgpu_bo *bo = gem_to_softgpu_bo(gem);
	const struct softgpu_vram *vram = &softgpu_bo_dev(bo)->vram;
	int ret;

	dma_resv_assert_held(gem->resv);

	/* Its BAR may belong to somebody else by now. */
	if (drm_dev_is_unplugged(gem->dev))
		return -ENODEV;

	if (!softgpu_bo_in_vram(bo)) {
		ret = ttm_bo_vmap(&bo->tbo, map);
	} else if (to_softgpu_vram_res(bo->tbo.resource)->nr_ext == 1) {
		softgpu_vram_map(vram, bo->tbo.resource->start, map);
		ret = 0;
	} else if (softgpu_vram_is_mmio(vram)) {
		ret = softgpu_vmap_bar(bo, map);
	} else {
		ret = softgpu_vmap_ram(bo, map);
	}
	if (!ret)
		ttm_bo_pin(&bo->tbo);
	return ret;
}

/**
 * softgpu_bo_vunmap() - the counterpart of softgpu_bo_vmap()
 * @gem: the buffer object
 * @map: the mapping
 *
 * Context: reservation lock held.
 */
void softgpu_bo_vunmap(struct drm_gem_object *gem, struct iosys_map *map)
{
	struct softgpu_bo *bo = gem_to_softgpu_bo(gem);

	dma_resv_assert_held(gem->resv);

	/* It was pinned, so it is mapped the way it would be mapped now. */
	if (!softgpu_bo_in_vram(bo) ||
	    to_softgpu_vram_res(bo->tbo.resource)->nr_ext > 1)
		vunmap(map->is_iomem ? (void __force *)map->vaddr_iomem : map->vaddr);
	iosys_map_clear(map);
	ttm_bo_unpin(&bo->tbo);
}
