// SPDX-License-Identifier: GPL-2.0 OR Linux-OpenIB
/* Mapping the rings that the kernel made. */

#include <errno.h>
#include <sys/mman.h>

#include "prxe.h"

/**
 * prxe_map_ring() - map a ring that a create command answered
 * @context: whose command file descriptor the offset is for
 * @info: where the ring is; a size of 0 means that there is none
 * @min_stride: bytes a slot must have
 * @map: to be handed to prxe_unmap_ring()
 * @q: the view of it, initialized here; the caller takes the indices over
 *
 * A child of fork() does not inherit the mapping: two processes that move the
 * same index would spoil the queue, and the objects are the parent's anyhow.
 *
 * Return: 0 or an errno.
 */
int prxe_map_ring(struct ibv_context *context,
		  const struct prxe_ring_info *info, size_t min_stride,
		  struct prxe_map *map, struct prxe_queue *q)
{
	void *base;
	int ret;

	if (!info->size)
		return 0;
	ret = prxe_ring_info_check(info, min_stride);
	if (ret) {
		verbs_err(verbs_get_ctx(context),
			  "prxe.ko and this provider disagree on a ring\n");
		return ret;
	}
	base = mmap(NULL, info->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		    context->cmd_fd, info->offset);
	if (base == MAP_FAILED)
		return errno;
	/* Small kernels are made without the call (ADVISE_SYSCALLS). */
	if (madvise(base, info->size, MADV_DONTFORK) && errno != ENOSYS) {
		ret = errno;
		munmap(base, info->size);
		return ret;
	}
	map->base = base;
	map->size = info->size;
	prxe_queue_init(q, base, info);
	return 0;
}

void prxe_unmap_ring(struct prxe_map *map)
{
	if (map->base)
		munmap(map->base, map->size);
	map->base = NULL;
}
