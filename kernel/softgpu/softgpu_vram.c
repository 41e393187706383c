// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies behind VRAM: a PCI BAR, mapped once and write combining, or chunks
 * of RAM, reached through the direct map. Either lives until the last
 * reference to the drm_device is dropped, so that a kernel mapping handed to
 * an importer never dangles, not even after an unplug.
 */
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "softgpu.h"

#define CHUNK_SIZE	(SOFTGPU_CHUNK_PAGES << PAGE_SHIFT)

/**
 * softgpu_vram_run() - how far VRAM is contiguous in physical memory
 * @vram: the memory
 * @page: VRAM page, inside the memory
 * @max: number of pages of interest, at least 1; page + max is inside
 *
 * Context: any.
 * Return: number of pages from @page on, at least 1 and at most @max.
 */
unsigned long softgpu_vram_run(const struct softgpu_vram *vram,
			       unsigned long page, unsigned long max)
{
	unsigned long pfn = softgpu_vram_pfn(vram, page);
	unsigned long n;

	if (softgpu_vram_is_mmio(vram))
		return max;

	n = SOFTGPU_CHUNK_PAGES - (page & (SOFTGPU_CHUNK_PAGES - 1));
	while (n < max && softgpu_vram_pfn(vram, page + n) == pfn + n)
		n += SOFTGPU_CHUNK_PAGES;

	return min(n, max);
}

/**
 * softgpu_vram_map() - the standing kernel mapping of VRAM
 * @vram: the memory
 * @page: VRAM page
 * @map: set to the address of the page; valid for as many pages as
 *	softgpu_vram_run() says
 *
 * Context: any.
 */
void softgpu_vram_map(const struct softgpu_vram *vram, unsigned long page,
		      struct iosys_map *map)
{
	if (softgpu_vram_is_mmio(vram))
		iosys_map_set_vaddr_iomem(map, vram->io + (page << PAGE_SHIFT));
	else
		iosys_map_set_vaddr(map, __va(PFN_PHYS(softgpu_vram_pfn(vram, page))));
}

static void softgpu_vram_fini_bar(struct drm_device *drm, void *data)
{
	struct softgpu_vram *vram = data;

	iounmap(vram->io);
}

/**
 * softgpu_vram_init_bar() - take a PCI BAR as VRAM
 * @sg: the device
 * @pdev: the PCI device, enabled
 * @bar: index of the BAR
 * @max: how many bytes of it to use at most, not less than PAGE_SIZE
 *
 * Context: probe.
 * Return: 0, -ENODEV when there is no such memory BAR, -EBUSY when somebody
 * else owns it, or another negative error.
 */
int softgpu_vram_init_bar(struct softgpu *sg, struct pci_dev *pdev, int bar,
			  u64 max)
{
	struct softgpu_vram *vram = &sg->vram;
	int ret;

	if (!(pci_resource_flags(pdev, bar) & IORESOURCE_MEM) ||
	    pci_resource_len(pdev, bar) < PAGE_SIZE)
		return dev_err_probe(&pdev->dev, -ENODEV,
				     "BAR %d is no memory BAR\n", bar);

	ret = pcim_request_region(pdev, bar, "softgpu");
	if (ret)
		return ret;

	ret = pcim_p2pdma_init(pdev);
	if (!ret)
		vram->provider = pcim_p2pdma_provider(pdev, bar);
	else if (ret != -EOPNOTSUPP)
		return ret;

	vram->phys = pci_resource_start(pdev, bar);
	vram->size = ALIGN_DOWN(min_t(u64, pci_resource_len(pdev, bar), max),
				PAGE_SIZE);
	vram->io = ioremap_wc(vram->phys, vram->size);
	if (!vram->io)
		return -ENOMEM;

	return drmm_add_action_or_reset(&sg->drm, softgpu_vram_fini_bar, vram);
}

static void softgpu_vram_fini_ram(struct drm_device *drm, void *data)
{
	struct softgpu_vram *vram = data;

	while (vram->nr_chunks)
		__free_pages(vram->chunks[--vram->nr_chunks], SOFTGPU_CHUNK_ORDER);
	kvfree(vram->chunks);
}

static int softgpu_cmp_chunks(const void *a, const void *b)
{
	unsigned long pfn_a = page_to_pfn(*(struct page *const *)a);
	unsigned long pfn_b = page_to_pfn(*(struct page *const *)b);

	return pfn_a < pfn_b ? -1 : pfn_a > pfn_b;
}

/**
 * softgpu_vram_init_ram() - set RAM aside as VRAM
 * @sg: the device
 * @size: in bytes, a multiple of PAGE_SIZE, not 0
 *
 * The chunks are sorted by address, so that neighbours which the page
 * allocator cut from one piece are contiguous again.
 *
 * Context: probe.
 * Return: 0 or -ENOMEM.
 */
int softgpu_vram_init_ram(struct softgpu *sg, u64 size)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	struct softgpu_vram *vram = &sg->vram;
	unsigned int nr = DIV_ROUND_UP_ULL(size, CHUNK_SIZE);
	int ret;

	/* Do not run the machine dry only to find out. */
	if (size >> PAGE_SHIFT > totalram_pages() / 4 * 3) {
		drm_err(&sg->drm, "%llu MiB of VRAM is more than three quarters of RAM\n",
			size / SZ_1M);
		return -ENOMEM;
	}

	vram->chunks = kvcalloc(nr, sizeof(*vram->chunks), GFP_KERNEL);
	if (!vram->chunks)
		return -ENOMEM;

	ret = drmm_add_action_or_reset(&sg->drm, softgpu_vram_fini_ram, vram);
	if (ret)
		return ret;

	while (vram->nr_chunks < nr) {
		struct page *page = alloc_pages(gfp, SOFTGPU_CHUNK_ORDER);

		if (!page) {
			drm_err(&sg->drm, "no memory for %llu MiB of VRAM\n",
				size / SZ_1M);
			return -ENOMEM;
		}
		vram->chunks[vram->nr_chunks++] = page;
	}

	sort(vram->chunks, nr, sizeof(*vram->chunks), softgpu_cmp_chunks, NULL);
	vram->size = size;
	return 0;
}
