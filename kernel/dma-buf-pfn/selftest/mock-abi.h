/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the tests drive the mock exporter and the mock importer: ioctls on
 * /dev/dma_buf_pfn_mock. Not a stable interface.
 *
 * A buffer is named by its dma-buf file descriptor, an import by a number that
 * is valid on the open file that made it. Closing that file detaches its imports.
 */
#ifndef DMA_BUF_PFN_MOCK_ABI_H
#define DMA_BUF_PFN_MOCK_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* The values of linux/dma-buf-pfn.h, which user space cannot include. */
#define MOCK_PINNED		0
#define MOCK_REVOCABLE		1
#define MOCK_MOVABLE		2

#define MOCK_NEED_CPU		(1U << 0)
#define MOCK_CAN_MMIO		(1U << 1)
#define MOCK_CAN_PRIVATE	(1U << 2)

#define MOCK_WB			0
#define MOCK_WC			1
#define MOCK_UC			2

#define MOCK_IS_MMIO		(1U << 0)
#define MOCK_HAS_PAGES		(1U << 1)
#define MOCK_IS_PRIVATE		(1U << 2)
#define MOCK_CPU_OK		(1U << 3)

/* Exporter: properties of a buffer */
#define MOCK_EXP_MMIO		(1U << 0)	/* I/O memory without pages, WC */
#define MOCK_EXP_PRIVATE	(1U << 1)	/* not for the host CPU */
#define MOCK_EXP_NO_CPU		(1U << 2)	/* grants no CPU access */
#define MOCK_EXP_NO_PIN		(1U << 3)	/* operations without pin */
#define MOCK_EXP_GRANT_PINNED	(1U << 4)	/* accepts pinned importers all the same */
#define MOCK_EXP_NO_PFN		(1U << 5)	/* not registered: an ordinary exporter */
#define MOCK_EXP_BIG		(1U << 6)	/* page frame numbers with no memory behind */
#define MOCK_EXP_NO_MOVABLE	(1U << 7)	/* refuses movable importers */
#define MOCK_EXP_STORMY		(1U << 8)	/* invalidates while it is attached to */
#define MOCK_EXP_PROMISE_CPU	(1U << 9)	/* grants the CPU although it describes none */
#define MOCK_EXP_PIN_FAILS	(1U << 10)	/* pin says -ENOSPC */
#define MOCK_EXP_KEEP_CPU	(1U << 11)	/* for the CPU, but not for this importer's */

struct mock_export {
	__u64 size;
	__u32 chunk;		/* pages that are contiguous; 0: all */
	__u32 report;		/* pages per run reported; 0: whole chunks */
	__u32 flags;		/* MOCK_EXP_* */
	__s32 fd;		/* out */
};

enum mock_ctl_op {
	MOCK_MOVE,		/* to other pages; arg: MOCK_EXP_MMIO if I/O memory there */
	MOCK_WITHDRAW,		/* -ENODEV from now on */
	MOCK_RESTORE,		/* the callback comes before the memory does */
	MOCK_REVOKE,		/* -EKEYREVOKED from now on */
	MOCK_MOVING,		/* arg: get_extents and describe say -EAGAIN */
	MOCK_PRIVATE,		/* becomes private memory */
	MOCK_FENCE_ADD,		/* arg: enum mock_usage */
	MOCK_FENCE_SIGNAL,
	MOCK_LIE,		/* arg: enum mock_lie */
	MOCK_PFN,		/* value: page frame number of page arg */
	MOCK_DAMAGE,		/* value: bytes written to since their page was left */
	MOCK_STOCK,		/* attach, map, unmap, detach as ordinary importers do */
	MOCK_NR_CTL,
};

enum mock_usage {
	MOCK_USAGE_KERNEL,
	MOCK_USAGE_WRITE,
};

/* What a misbehaving exporter answers. */
enum mock_lie {
	MOCK_LIE_NONE,
	MOCK_LIE_NO_RUNS,
	MOCK_LIE_TOO_MANY,
	MOCK_LIE_EMPTY_RUN,
	MOCK_LIE_WRAPPED_RUN,
	MOCK_LIE_LONG_RUN,	/* allowed: is cut */
	MOCK_LIE_RUN_BEYOND,	/* the same */
	MOCK_LIE_FLAGS,
	MOCK_LIE_PRIVATE_CPU,
	MOCK_LIE_CACHING,
	MOCK_LIE_MAP_KIND,
	MOCK_LIE_MAP_NULL,
	MOCK_LIE_MAP_FAILS,	/* no lie: no room (-ENOSPC) beyond the first half */
	MOCK_LIE_GRANT,
	MOCK_LIE_POSITIVE,
};

struct mock_ctl {
	__s32 fd;
	__u32 op;		/* enum mock_ctl_op */
	__u64 arg;
	__u64 value;		/* out */
};

enum mock_call {
	MOCK_CALL_ATTACH,
	MOCK_CALL_DETACH,
	MOCK_CALL_DESCRIBE,
	MOCK_CALL_GET_EXTENTS,
	MOCK_CALL_CPU_MAP,
	MOCK_CALL_CPU_UNMAP,
	MOCK_CALL_PIN,
	MOCK_CALL_UNPIN,
	MOCK_CALL_FENCE_WAIT,	/* somebody began to wait for the mock fence */
	MOCK_CALL_BASE_ATTACH_PFN, /* base attach saw a PFN attachment */
	MOCK_CALL_BASE_ATTACH_P2P, /* ... that can do peer-to-peer */
	MOCK_NR_CALLS,
};

struct mock_stats {
	__s32 fd;
	__u32 calls[MOCK_NR_CALLS];	/* out */
};

/* Importer: how it behaves */
#define MOCK_IMP_KEEP_GRANT	(1U << 0)	/* gives nothing back */
#define MOCK_IMP_KEEP_POINTER	(1U << 1)	/* gives back, yet goes on using it */
#define MOCK_IMP_LOOKUP		(1U << 2)	/* looks up from the callback */
#define MOCK_IMP_NO_OPS		(1U << 3)	/* has no operations */
#define MOCK_IMP_NO_CALLBACK	(1U << 4)	/* has operations without the callback */

struct mock_attach {
	__s32 fd;
	__u32 needs;
	__u32 lifetime;
	__u32 behave;		/* MOCK_IMP_* */
	__u32 id;		/* out */
};

struct mock_detach {
	__u32 id;
	__u32 use_after;	/* go on using the attachment afterwards */
	__s32 errors[5];	/* out: what that was answered with */
};

enum mock_how {
	MOCK_EXTENTS,
	MOCK_EXTENTS_NO_LOCK,
	MOCK_GET_PFN,
	MOCK_GET_PFN_UNLOCKED,
};

struct mock_run {
	__u64 pfn;
	__u64 npages;
};

struct mock_lookup {
	__u32 id;
	__u32 how;		/* enum mock_how */
	__u64 pgoff;
	__u32 nr;		/* entries of vec */
	__u32 got;		/* out */
	__u64 vec;		/* user pointer to struct mock_run; a page's is pfn, 1 << order */
};

struct mock_describe {
	__u32 id;
	__u32 caching;		/* out */
	__u32 flags;		/* out */
	__u32 provider;		/* out: is there one? */
};

#define MOCK_MAP_NO_LOCK	(1U << 0)
#define MOCK_MAP_FORGED		(1U << 1)	/* unmap something that was not mapped */
#define MOCK_MAP_EXTENTS	(1U << 2)	/* map: many runs, in one grant */
#define MOCK_MAP_ALL		(1U << 3)	/* unmap: all grants */

struct mock_map {
	__u32 id;
	__u32 flags;
	__u64 pgoff;
	__u64 npages;		/* in; out of MOCK_MAP_EXTENTS: those that were mapped */
	__u32 is_iomem;		/* out of map */
	__u32 nr;		/* MOCK_MAP_EXTENTS: in: runs at most; out: runs */
};

struct mock_rw {
	__u32 id;
	__u32 write;
	__u64 offset;		/* bytes from the start of the buffer */
	__u32 len;		/* at most a page */
	__u32 reserved;
	__u64 data;		/* user pointer */
};

struct mock_seq {
	__u32 id;
	__u32 retry;		/* in: 0 begin, 1 retry; out of retry: its answer */
	__u64 seq;
};

struct mock_import_stat {
	__u32 id;
	__u32 callbacks;	/* out, as all that follow */
	__u32 grants;		/* slices the importer believes it has */
	__s32 cb_error;		/* answer to the lookup from the callback */
	__u64 cb_seq;		/* sequence as the callback saw it */
};

struct mock_race {
	__u32 id;
	__u32 rounds;
	__u32 accepted;		/* out, as all that follow */
	__u32 retried;
	__u32 failed;
	__u32 stale;		/* accepted, and wrong */
	__u32 written;		/* bytes written through a grant */
	__u32 reserved;
};

enum mock_register_op {
	MOCK_REGISTER,
	MOCK_UNREGISTER,
	MOCK_REGISTER_TWICE,	/* the same again */
	MOCK_REGISTER_NO_BASE,
	MOCK_REGISTER_NO_ATTACH,
	MOCK_REGISTER_NO_DESCRIBE,
	MOCK_REGISTER_NO_EXTENTS,
	MOCK_REGISTER_NO_MAP,
	MOCK_UNREGISTER_OTHER,	/* equal operations that are not the registered ones */
};

struct mock_register {
	__u32 op;		/* enum mock_register_op */
};

#define MOCK_IOC_EXPORT		_IOWR('P', 0, struct mock_export)
#define MOCK_IOC_CTL		_IOWR('P', 1, struct mock_ctl)
#define MOCK_IOC_STATS		_IOWR('P', 2, struct mock_stats)
#define MOCK_IOC_ATTACH		_IOWR('P', 3, struct mock_attach)
#define MOCK_IOC_DETACH		_IOWR('P', 4, struct mock_detach)
#define MOCK_IOC_LOOKUP		_IOWR('P', 5, struct mock_lookup)
#define MOCK_IOC_DESCRIBE	_IOWR('P', 6, struct mock_describe)
#define MOCK_IOC_MAP		_IOWR('P', 7, struct mock_map)
#define MOCK_IOC_UNMAP		_IOWR('P', 8, struct mock_map)
#define MOCK_IOC_RW		_IOWR('P', 9, struct mock_rw)
#define MOCK_IOC_SEQ		_IOWR('P', 10, struct mock_seq)
#define MOCK_IOC_IMPORT_STAT	_IOWR('P', 11, struct mock_import_stat)
#define MOCK_IOC_RACE		_IOWR('P', 12, struct mock_race)
#define MOCK_IOC_REGISTER	_IOWR('P', 13, struct mock_register)

#endif /* DMA_BUF_PFN_MOCK_ABI_H */
