/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A device by VFIO, as any VFIO program uses it: group, container, type 1 IOMMU.
 *
 * Functions that end in _err return 0 or an errno; the others end the process
 * with a message when something fails. Names of other helpers are avoided, so that
 * this goes with each of them.
 */
#ifndef VFIO_UTIL_H
#define VFIO_UTIL_H

#include <linux/vfio.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VFIO_PAGE	4096UL

struct vfio {
	int container;
	int group;
	int dev;
	char bdf[16];
};

/* A range of a BAR in pages. */
struct vfio_range {
	uint64_t page;
	uint64_t npages;
};

void vfio_open(struct vfio *v, const char *bdf);
void vfio_close(struct vfio *v);
struct vfio_region_info vfio_region(const struct vfio *v, unsigned int index);
void *vfio_bar_map(const struct vfio *v, unsigned int bar, uint64_t offset,
		   size_t len);
/* A file descriptor, or the negative errno. */
int vfio_dmabuf_try(const struct vfio *v, unsigned int bar,
		    const struct vfio_range *ranges, unsigned int nr);
int vfio_dmabuf(const struct vfio *v, unsigned int bar,
		const struct vfio_range *ranges, unsigned int nr);
void vfio_memory(const struct vfio *v, bool on);
int vfio_reset_err(const struct vfio *v);
int vfio_low_power_err(const struct vfio *v, bool enter);
/* Writes @text to the file below the device in sysfs. */
int vfio_sysfs_err(const char *bdf, const char *file, const char *text);

#endif /* VFIO_UTIL_H */
