/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM dma_buf_pfn

#if !defined(DMA_BUF_PFN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define DMA_BUF_PFN_TRACE_H

#include <linux/fs.h>
#include <linux/tracepoint.h>

#include "internal.h"

/* Every event names the buffer by the inode number that lsof and fdinfo show. */

TRACE_EVENT(attach,
	TP_PROTO(const struct pfn_attachment *p, int ret),
	TP_ARGS(p, ret),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(size_t, size)
		__field(u32, needs)
		__field(u32, granted)
		__field(int, lifetime)
		__field(int, ret)
		__string(exporter, p->pub.dmabuf->exp_name)
		__string(importer, pfn_importer_name(p))
		__string(why, p->why ? p->why : "-")
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->size = p->pub.dmabuf->size;
		__entry->needs = p->pub.needs;
		__entry->granted = p->granted;
		__entry->lifetime = p->pub.lifetime;
		__entry->ret = ret;
		__assign_str(exporter);
		__assign_str(importer);
		__assign_str(why);
	),
	TP_printk("ino=%lu exporter=%s size=%zu importer=%s needs=%#x lifetime=%d granted=%#x ret=%d why=%s",
		  __entry->ino, __get_str(exporter), __entry->size,
		  __get_str(importer), __entry->needs, __entry->lifetime,
		  __entry->granted, __entry->ret, __get_str(why))
);

TRACE_EVENT(get_extents,
	TP_PROTO(const struct pfn_attachment *p, unsigned long pgoff,
		 unsigned int nr, const struct dma_buf_extent *vec, int ret),
	TP_ARGS(p, pgoff, nr, vec, ret),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(unsigned long, pgoff)
		__field(unsigned int, nr)
		__field(unsigned long, pfn)
		__field(unsigned long, npages)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->pgoff = pgoff;
		__entry->nr = nr;
		__entry->pfn = ret > 0 ? vec[0].pfn : 0;
		__entry->npages = ret > 0 ? vec[0].npages : 0;
		__entry->ret = ret;
	),
	TP_printk("ino=%lu pgoff=%lu nr=%u ret=%d first=%#lx+%lu",
		  __entry->ino, __entry->pgoff, __entry->nr, __entry->ret,
		  __entry->pfn, __entry->npages)
);

TRACE_EVENT(invalidate,
	TP_PROTO(const struct pfn_attachment *p, unsigned int held,
		 unsigned int leftover, u64 ns),
	TP_ARGS(p, held, leftover, ns),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(unsigned long, seq)
		__field(unsigned int, held)
		__field(unsigned int, leftover)
		__field(u64, ns)
		__string(importer, pfn_importer_name(p))
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->seq = p->seq;
		__entry->held = held;
		__entry->leftover = leftover;
		__entry->ns = ns;
		__assign_str(importer);
	),
	TP_printk("ino=%lu importer=%s seq=%lu held=%u leftover=%u ns=%llu",
		  __entry->ino, __get_str(importer), __entry->seq,
		  __entry->held, __entry->leftover, __entry->ns)
);

TRACE_EVENT(cpu_map,
	TP_PROTO(const struct pfn_attachment *p, unsigned long pgoff,
		 unsigned long npages, int ret),
	TP_ARGS(p, pgoff, npages, ret),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(unsigned long, pgoff)
		__field(unsigned long, npages)
		__field(unsigned int, grants)
		__field(int, ret)
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->pgoff = pgoff;
		__entry->npages = npages;
		__entry->grants = p->nr_grants;
		__entry->ret = ret;
	),
	TP_printk("ino=%lu pgoff=%lu npages=%lu grants=%u ret=%d",
		  __entry->ino, __entry->pgoff, __entry->npages,
		  __entry->grants, __entry->ret)
);

TRACE_EVENT(cpu_unmap,
	TP_PROTO(const struct pfn_attachment *p, unsigned long pgoff,
		 unsigned long npages),
	TP_ARGS(p, pgoff, npages),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(unsigned long, pgoff)
		__field(unsigned long, npages)
		__field(unsigned int, grants)
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->pgoff = pgoff;
		__entry->npages = npages;
		__entry->grants = p->nr_grants;
	),
	TP_printk("ino=%lu pgoff=%lu npages=%lu grants=%u", __entry->ino,
		  __entry->pgoff, __entry->npages, __entry->grants)
);

TRACE_EVENT(detach,
	TP_PROTO(const struct pfn_attachment *p, unsigned int leftover),
	TP_ARGS(p, leftover),
	TP_STRUCT__entry(
		__field(unsigned long, ino)
		__field(unsigned long, extents)
		__field(unsigned long, maps)
		__field(unsigned long, seq)
		__field(unsigned int, leftover)
		__string(importer, pfn_importer_name(p))
	),
	TP_fast_assign(
		__entry->ino = file_inode(p->pub.dmabuf->file)->i_ino;
		__entry->extents = p->nr_extents;
		__entry->maps = p->nr_maps;
		__entry->seq = p->seq;
		__entry->leftover = leftover;
		__assign_str(importer);
	),
	TP_printk("ino=%lu importer=%s extents=%lu maps=%lu seq=%lu leftover=%u",
		  __entry->ino, __get_str(importer), __entry->extents,
		  __entry->maps, __entry->seq, __entry->leftover)
);

#endif /* DMA_BUF_PFN_TRACE_H */

#undef TRACE_INCLUDE_PATH
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_PATH .
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
