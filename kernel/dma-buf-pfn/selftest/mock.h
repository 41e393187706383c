/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef DMA_BUF_PFN_MOCK_H
#define DMA_BUF_PFN_MOCK_H

#include <linux/atomic.h>
#include <linux/dma-buf.h>
#include <linux/dma-buf-pfn.h>
#include <linux/list.h>
#include <linux/xarray.h>

#include "mock-abi.h"

struct device;
struct dma_fence;

/**
 * struct mock_block - where a mock buffer's contents are, or were
 * @node: in &mock_buf.left
 * @page: physically contiguous memory; NULL for a buffer without memory
 * @order: its order
 * @pfn: its page frame number, real or invented
 */
struct mock_block {
	struct list_head node;
	struct page *page;
	unsigned int order;
	unsigned long pfn;
};

enum mock_buf_state {
	MOCK_BUF_HERE,
	MOCK_BUF_MOVING,
	MOCK_BUF_WITHDRAWN,
	MOCK_BUF_REVOKED,
};

/**
 * struct mock_buf - a buffer of the mock exporter
 * @npages: its size
 * @chunk: pages that are contiguous; the chunks lie in the block in reverse order
 * @report: pages per run that get_extents reports
 * @flags: MOCK_EXP_*; reservation lock
 * @state: &enum mock_buf_state; reservation lock
 * @lie: &enum mock_lie; reservation lock
 * @block: where the contents are; reservation lock
 * @left: blocks that were moved away from, poisoned; reservation lock
 * @fence: mock fence or NULL; reservation lock
 * @calls: how often which operation was called
 */
struct mock_buf {
	unsigned long npages;
	unsigned long chunk;
	unsigned long report;
	u32 flags;
	enum mock_buf_state state;
	enum mock_lie lie;
	struct mock_block *block;
	struct list_head left;
	struct dma_fence *fence;
	atomic_t calls[MOCK_NR_CALLS];
};

/**
 * struct mock_file - an open file of the device
 * @imports: struct mock_import by number
 */
struct mock_file {
	struct xarray imports;
};

/* exporter.c */
int mock_exporter_init(struct device *dev);
void mock_exporter_exit(void);
bool mock_is_mine(const struct dma_buf *dmabuf);
unsigned long mock_buf_pfn(const struct mock_buf *buf, unsigned long pgoff);
int mock_ioc_export(struct mock_file *file, void *arg);
int mock_ioc_ctl(struct mock_file *file, void *arg);
int mock_ioc_stats(struct mock_file *file, void *arg);
int mock_ioc_register(struct mock_file *file, void *arg);

/* importer.c */
void mock_importer_init(struct device *dev);
void mock_file_release(struct mock_file *file);
int mock_ioc_attach(struct mock_file *file, void *arg);
int mock_ioc_detach(struct mock_file *file, void *arg);
int mock_ioc_lookup(struct mock_file *file, void *arg);
int mock_ioc_describe(struct mock_file *file, void *arg);
int mock_ioc_map(struct mock_file *file, void *arg);
int mock_ioc_unmap(struct mock_file *file, void *arg);
int mock_ioc_rw(struct mock_file *file, void *arg);
int mock_ioc_seq(struct mock_file *file, void *arg);
int mock_ioc_import_stat(struct mock_file *file, void *arg);
int mock_ioc_race(struct mock_file *file, void *arg);

#endif /* DMA_BUF_PFN_MOCK_H */
