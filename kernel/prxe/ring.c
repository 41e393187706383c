// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the rings, and their mmap.
 *
 * A shared ring belongs to its mmap entry: the queue holds one reference, an
 * mmap() call in progress another, and the last one frees the memory. A mapping
 * that is established holds the pages themselves, so it may outlive both; what
 * it then shows is nobody else's any more.
 */
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <rdma/ib_verbs.h>

#include "ring.h"

/**
 * struct prxe_mmap_entry - a ring that user space may map
 * @rdma: the core's
 * @mem: the ring, vmalloc_user()
 */
struct prxe_mmap_entry {
	struct rdma_user_mmap_entry rdma;
	void *mem;
};

static struct rdma_user_mmap_entry *share(struct ib_ucontext *uc, void *mem,
					  size_t size)
{
	struct prxe_mmap_entry *entry;
	int err;

	entry = kzalloc_obj(*entry);
	if (!entry)
		return ERR_PTR(-ENOMEM);
	entry->mem = mem;
	err = rdma_user_mmap_entry_insert(uc, &entry->rdma, size);
	if (err) {
		kfree(entry);
		return ERR_PTR(err);
	}
	return &entry->rdma;
}

int prxe_queue_create(struct prxe_queue *q, struct ib_ucontext *uc,
		      u32 min_slots, u32 stride, struct prxe_ring_info *info)
{
	const u32 first = sizeof(struct prxe_ring);
	struct rdma_user_mmap_entry *entry = NULL;
	u32 size, nr;
	void *mem;

	if (!min_slots || min_slots > BIT(30) || !stride || stride % 8)
		return -EINVAL;
	nr = roundup_pow_of_two(min_slots);
	if (check_mul_overflow(nr, stride, &size) ||
	    check_add_overflow(size, first + (u32)PAGE_SIZE - 1, &size))
		return -EINVAL;
	size &= PAGE_MASK;

	mem = uc ? vmalloc_user(size) : kvzalloc(size, GFP_KERNEL);
	if (!mem)
		return -ENOMEM;
	if (uc) {
		entry = share(uc, mem, size);
		if (IS_ERR(entry)) {
			vfree(mem);
			return PTR_ERR(entry);
		}
	}

	*q = (struct prxe_queue) {
		.ring = mem,
		.slots = mem + first,
		.nr = nr,
		.stride = stride,
		.size = size,
		.entry = entry,
		.user = uc,
	};
	if (info)
		*info = (struct prxe_ring_info) {
			.offset = entry ? rdma_user_mmap_get_offset(entry) : 0,
			.size = size,
			.slots = nr,
			.stride = stride,
			.first = first,
		};
	return 0;
}

void prxe_queue_destroy(struct prxe_queue *q)
{
	if (q->entry)
		rdma_user_mmap_entry_remove(q->entry);	/* gives the memory up */
	else
		kvfree(q->ring);
	memset(q, 0, sizeof(*q));
}

/**
 * prxe_mmap() - map a ring into the caller's address space
 * @uc: the user context the ring was made in
 * @vma: shared, of the size and at the offset of a &struct prxe_ring_info
 *
 * The mapping is not inherited over fork().
 *
 * Return: 0; -EINVAL if there is no such ring, its size is another or the
 * mapping is private; -EPERM if it is to be executed.
 */
int prxe_mmap(struct ib_ucontext *uc, struct vm_area_struct *vma)
{
	struct rdma_user_mmap_entry *entry;
	int err;

	if (vma->vm_flags & VM_EXEC)
		return -EPERM;
	entry = rdma_user_mmap_entry_get(uc, vma);
	if (!entry)
		return -EINVAL;

	/* A child shares neither the queue pairs nor their locks. */
	vm_flags_mod(vma, VM_DONTCOPY, VM_MAYEXEC);
	err = remap_vmalloc_range(vma,
				  container_of(entry, struct prxe_mmap_entry,
					       rdma)->mem, 0);
	rdma_user_mmap_entry_put(entry);
	return err;
}

/**
 * prxe_mmap_free() - the last reference to a ring's mmap entry is gone
 * @rdma: the entry
 */
void prxe_mmap_free(struct rdma_user_mmap_entry *rdma)
{
	struct prxe_mmap_entry *entry =
		container_of(rdma, struct prxe_mmap_entry, rdma);

	vfree(entry->mem);
	kfree(entry);
}
