/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tests drive the importer without PFNs: one ioctl on
 * /dev/softgpu_importer, then pread() and pwrite(). Not a stable interface.
 */
#ifndef SOFTGPU_IMPORTER_ABI_H
#define SOFTGPU_IMPORTER_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

enum importer_how {
	IMPORTER_STATIC,	/* scatterlist, cannot follow moves */
	IMPORTER_DYNAMIC,	/* scatterlist, follows moves */
	IMPORTER_VMAP,		/* kernel mapping, cannot follow moves */
};

struct importer_import {
	__s32 fd;
	__u32 how;
};

struct importer_state {
	__u32 nents;		/* entries of the scatterlist, 0: not mapped now */
	__u32 invalidations;
};

/* Attach the dma-buf to this open file, until it is closed. */
#define IMPORTER_IMPORT	_IOW('S', 0x40, struct importer_import)
#define IMPORTER_STATE	_IOR('S', 0x41, struct importer_state)

#endif /* SOFTGPU_IMPORTER_ABI_H */
