// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock exporter.
 *
 * A buffer is one block of contiguous memory, cut into chunks that are used in
 * reverse order, so that neighbouring chunks never are contiguous by accident. It
 * moves to another block on command and poisons the one it left, which is kept
 * until the buffer goes: whoever writes there afterwards is found out.
 *
 * Lock: the reservation lock of the buffer, for everything but the call counts.
 */
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/fcntl.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include "mock.h"

#define MOCK_POISON	0x5a
/* Where the invented page frame numbers begin. */
#define MOCK_BIG_PFN	0x1000000000UL

static struct device *mock_dev;

/* The mock fence */

struct mock_fence {
	struct dma_fence base;
	spinlock_t lock; /* for the fence */
	struct mock_buf *buf;
};

static const char *mock_fence_name(struct dma_fence *fence)
{
	return "mock";
}

/* Called when the first waiter comes. */
static bool mock_fence_enable_signaling(struct dma_fence *fence)
{
	struct mock_fence *mf = container_of(fence, struct mock_fence, base);

	atomic_inc(&mf->buf->calls[MOCK_CALL_FENCE_WAIT]);
	return true;
}

static const struct dma_fence_ops mock_fence_ops = {
	.get_driver_name = mock_fence_name,
	.get_timeline_name = mock_fence_name,
	.enable_signaling = mock_fence_enable_signaling,
};

static int mock_fence_add(struct mock_buf *buf, struct dma_resv *resv, u64 arg)
{
	enum dma_resv_usage usage = arg == MOCK_USAGE_WRITE ?
		DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_KERNEL;
	struct mock_fence *fence;
	int ret;

	if (buf->fence)
		return -EBUSY;
	ret = dma_resv_reserve_fences(resv, 1);
	if (ret)
		return ret;
	fence = kzalloc_obj(*fence);
	if (!fence)
		return -ENOMEM;
	spin_lock_init(&fence->lock);
	fence->buf = buf;
	dma_fence_init(&fence->base, &mock_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	dma_resv_add_fence(resv, &fence->base, usage);
	buf->fence = &fence->base;
	return 0;
}

/* A waiter holds the reservation lock: the only writer is this ioctl. */
static int mock_fence_signal(struct mock_buf *buf)
{
	struct dma_fence *fence = xchg(&buf->fence, NULL);

	if (!fence)
		return -ENOENT;
	dma_fence_signal(fence);
	dma_fence_put(fence);
	return 0;
}

/* Memory */

static struct mock_block *mock_block_alloc(struct mock_buf *buf)
{
	static atomic_long_t next_big = ATOMIC_LONG_INIT(MOCK_BIG_PFN);
	struct mock_block *block;

	block = kzalloc_obj(*block);
	if (!block)
		return NULL;
	INIT_LIST_HEAD(&block->node);
	if (buf->flags & MOCK_EXP_BIG) {
		/* A hole between any two, so that they cannot be merged. */
		block->pfn = atomic_long_fetch_add(buf->npages + 1, &next_big);
		return block;
	}
	block->order = get_order(buf->npages << PAGE_SHIFT);
	block->page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_NOWARN,
				  block->order);
	if (!block->page) {
		kfree(block);
		return NULL;
	}
	block->pfn = page_to_pfn(block->page);
	return block;
}

static void mock_block_free(struct mock_block *block)
{
	if (block->page)
		__free_pages(block->page, block->order);
	kfree(block);
}

/* Where in its block is a page of the buffer? */
static unsigned long mock_block_index(const struct mock_buf *buf,
				      unsigned long pgoff)
{
	unsigned long nr_chunks = buf->npages / buf->chunk;

	return (nr_chunks - 1 - pgoff / buf->chunk) * buf->chunk +
	       pgoff % buf->chunk;
}

/**
 * mock_buf_pfn - the page frame number of a page now
 * @buf: the buffer
 * @pgoff: the page
 *
 * Return: the number.
 */
unsigned long mock_buf_pfn(const struct mock_buf *buf, unsigned long pgoff)
{
	return READ_ONCE(buf->block)->pfn + mock_block_index(buf, pgoff);
}

static void mock_buf_free(struct mock_buf *buf)
{
	struct mock_block *block, *next;

	list_for_each_entry_safe(block, next, &buf->left, node)
		mock_block_free(block);
	mock_block_free(buf->block);
	kfree(buf);
}

static u64 mock_buf_damage(struct mock_buf *buf)
{
	struct mock_block *block;
	u64 damage = 0;

	list_for_each_entry(block, &buf->left, node) {
		u8 *p = page_address(block->page);
		size_t i;

		for (i = 0; i < PAGE_SIZE << block->order; i++)
			damage += p[i] != MOCK_POISON;
	}
	return damage;
}

/* The move: tell the importers to stop, and from there on trust that they did. */
static void mock_buf_move(struct dma_buf *dmabuf, struct mock_block *to, u64 arg)
{
	struct mock_buf *buf = dmabuf->priv;
	struct mock_block *from = buf->block;

	dma_resv_assert_held(dmabuf->resv);
	dma_buf_invalidate_mappings(dmabuf);
	if (from->page) {
		size_t size = PAGE_SIZE << from->order;

		memcpy(page_address(to->page), page_address(from->page), size);
		memset(page_address(from->page), MOCK_POISON, size);
		list_add(&from->node, &buf->left);
	} else {
		mock_block_free(from);
	}
	buf->flags = (buf->flags & ~MOCK_EXP_MMIO) | (arg & MOCK_EXP_MMIO);
	WRITE_ONCE(buf->block, to);
}

/* PFN operations */

static struct mock_buf *mock_called(struct dma_buf_pfn_attachment *attach,
				    enum mock_call call)
{
	struct mock_buf *buf = attach->dmabuf->priv;

	atomic_inc(&buf->calls[call]);
	return buf;
}

static int mock_where(const struct mock_buf *buf)
{
	static const int errors[] = {
		[MOCK_BUF_HERE] = 0,
		[MOCK_BUF_MOVING] = -EAGAIN,
		[MOCK_BUF_WITHDRAWN] = -ENODEV,
		[MOCK_BUF_REVOKED] = -EKEYREVOKED,
	};

	return errors[buf->state];
}

static int mock_attach(struct dma_buf_pfn_attachment *attach, u32 *granted)
{
	struct mock_buf *buf = mock_called(attach, MOCK_CALL_ATTACH);
	struct dma_resv *resv = attach->dmabuf->resv;

	if (attach->lifetime == DMA_BUF_PFN_MOVABLE &&
	    buf->flags & MOCK_EXP_NO_MOVABLE) {
		atomic_dec(&buf->calls[MOCK_CALL_ATTACH]);
		return -EBUSY;
	}
	if (buf->flags & MOCK_EXP_STORMY) {
		dma_resv_lock(resv, NULL);
		dma_buf_invalidate_mappings(attach->dmabuf);
		dma_resv_unlock(resv);
	}
	attach->exporter_priv = buf;
	if (buf->flags & MOCK_EXP_PROMISE_CPU ||
	    !(buf->flags & (MOCK_EXP_NO_CPU | MOCK_EXP_KEEP_CPU |
			    MOCK_EXP_PRIVATE | MOCK_EXP_BIG)))
		*granted |= DMA_BUF_PFN_GRANT_CPU;
	if (buf->flags & MOCK_EXP_GRANT_PINNED)
		*granted |= DMA_BUF_PFN_GRANT_PINNED;
	if (buf->lie == MOCK_LIE_GRANT)
		*granted |= BIT(31);
	return 0;
}

static void mock_detach(struct dma_buf_pfn_attachment *attach)
{
	mock_called(attach, MOCK_CALL_DETACH);
}

static int mock_describe(struct dma_buf_pfn_attachment *attach,
			 struct dma_buf_pfn_info *info)
{
	struct mock_buf *buf = mock_called(attach, MOCK_CALL_DESCRIBE);

	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->flags & (MOCK_EXP_MMIO | MOCK_EXP_BIG)) {
		info->caching = DMA_BUF_PFN_WC;
		info->flags = DMA_BUF_PFN_IS_MMIO;
		/* Only ever compared. */
		info->provider = (struct p2pdma_provider *)buf;
	} else {
		info->caching = DMA_BUF_PFN_WB;
		info->flags = DMA_BUF_PFN_HAS_PAGES;
	}
	if (buf->flags & MOCK_EXP_PRIVATE)
		info->flags |= DMA_BUF_PFN_IS_PRIVATE;
	else if (!(buf->flags & (MOCK_EXP_NO_CPU | MOCK_EXP_BIG)))
		info->flags |= DMA_BUF_PFN_CPU_OK;

	switch (buf->lie) {
	case MOCK_LIE_FLAGS:
		info->flags |= BIT(31);
		break;
	case MOCK_LIE_PRIVATE_CPU:
		info->flags |= DMA_BUF_PFN_IS_PRIVATE | DMA_BUF_PFN_CPU_OK;
		break;
	case MOCK_LIE_CACHING:
		info->caching = DMA_BUF_PFN_UC + 1;
		break;
	case MOCK_LIE_POSITIVE:
		return 1;
	default:
		break;
	}
	return mock_where(buf);
}

/* One run from @pgoff on, as long as the buffer wants to report. */
static void mock_run(const struct mock_buf *buf, unsigned long pgoff,
		     struct dma_buf_extent *ext)
{
	unsigned long rest = buf->report - pgoff % buf->report;

	ext->pfn = mock_buf_pfn(buf, pgoff);
	ext->npages = min(rest, buf->npages - pgoff);
}

static int mock_lie(const struct mock_buf *buf, struct dma_buf_extent *vec,
		    unsigned int nr, int got)
{
	switch (buf->lie) {
	case MOCK_LIE_NO_RUNS:
		return 0;
	case MOCK_LIE_TOO_MANY:
		return nr + 1;
	case MOCK_LIE_EMPTY_RUN:
		vec[0].npages = 0;
		break;
	case MOCK_LIE_WRAPPED_RUN:
		vec[0].pfn = ULONG_MAX;
		vec[0].npages = 2;
		break;
	case MOCK_LIE_LONG_RUN:
		vec[got - 1].npages = buf->npages + 1000;
		break;
	case MOCK_LIE_RUN_BEYOND:
		if (got < nr) {
			vec[got].pfn = 1;
			vec[got].npages = 1;
			got++;
		}
		break;
	default:
		break;
	}
	return got;
}

static int mock_get_extents(struct dma_buf_pfn_attachment *attach,
			    unsigned long pgoff, struct dma_buf_extent *vec,
			    unsigned int nr)
{
	struct mock_buf *buf = mock_called(attach, MOCK_CALL_GET_EXTENTS);
	int ret, got = 0;

	dma_resv_assert_held(attach->dmabuf->resv);
	ret = mock_where(buf);
	if (ret)
		return ret;
	/* Few at a time, so that the core has to come again. */
	while (got < min(nr, 3U) && pgoff < buf->npages) {
		mock_run(buf, pgoff, &vec[got]);
		pgoff += vec[got++].npages;
	}
	return mock_lie(buf, vec, nr, got);
}

static int mock_cpu_map(struct dma_buf_pfn_attachment *attach,
			unsigned long pgoff, unsigned long npages,
			struct iosys_map *map)
{
	struct mock_buf *buf = mock_called(attach, MOCK_CALL_CPU_MAP);
	bool iomem = buf->flags & MOCK_EXP_MMIO;
	void *addr;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->lie == MOCK_LIE_MAP_FAILS && pgoff >= buf->npages / 2)
		return -ENOSPC;
	addr = page_address(buf->block->page) +
	       (mock_block_index(buf, pgoff) << PAGE_SHIFT);
	if (buf->lie == MOCK_LIE_MAP_KIND)
		iomem = !iomem;
	if (buf->lie == MOCK_LIE_MAP_NULL)
		addr = NULL;
	if (iomem)
		iosys_map_set_vaddr_iomem(map, (void __iomem *)addr);
	else
		iosys_map_set_vaddr(map, addr);
	return 0;
}

static void mock_cpu_unmap(struct dma_buf_pfn_attachment *attach,
			   unsigned long pgoff, unsigned long npages,
			   const struct iosys_map *map)
{
	mock_called(attach, MOCK_CALL_CPU_UNMAP);
	dma_resv_assert_held(attach->dmabuf->resv);
}

/* dma-buf operations */

static int mock_base_attach(struct dma_buf *dmabuf,
			    struct dma_buf_attachment *attach)
{
	struct mock_buf *buf = dmabuf->priv;

	if (!dma_buf_pfn_from_attachment(attach))
		return 0;
	atomic_inc(&buf->calls[MOCK_CALL_BASE_ATTACH_PFN]);
	if (attach->peer2peer)
		atomic_inc(&buf->calls[MOCK_CALL_BASE_ATTACH_P2P]);
	return 0;
}

static int mock_base_pin(struct dma_buf_attachment *attach)
{
	struct mock_buf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	if (buf->flags & MOCK_EXP_PIN_FAILS)
		return -ENOSPC;
	atomic_inc(&buf->calls[MOCK_CALL_PIN]);
	return 0;
}

static void mock_base_unpin(struct dma_buf_attachment *attach)
{
	struct mock_buf *buf = attach->dmabuf->priv;

	dma_resv_assert_held(attach->dmabuf->resv);
	atomic_inc(&buf->calls[MOCK_CALL_UNPIN]);
}

static struct sg_table *mock_base_map(struct dma_buf_attachment *attach,
				      enum dma_data_direction dir)
{
	struct mock_buf *buf = attach->dmabuf->priv;
	struct sg_table *sgt;

	sgt = kzalloc_obj(*sgt);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, 1, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	sg_set_page(sgt->sgl, buf->block->page, buf->npages << PAGE_SHIFT, 0);
	sg_dma_address(sgt->sgl) = page_to_phys(buf->block->page);
	sg_dma_len(sgt->sgl) = buf->npages << PAGE_SHIFT;
	return sgt;
}

static void mock_base_unmap(struct dma_buf_attachment *attach,
			    struct sg_table *sgt, enum dma_data_direction dir)
{
	sg_free_table(sgt);
	kfree(sgt);
}

static void mock_base_release(struct dma_buf *dmabuf)
{
	struct mock_buf *buf = dmabuf->priv;

	mock_fence_signal(buf);
	mock_buf_free(buf);
}

#define MOCK_BASE_OPS					\
	.attach = mock_base_attach,			\
	.map_dma_buf = mock_base_map,			\
	.unmap_dma_buf = mock_base_unmap,		\
	.release = mock_base_release

static const struct dma_buf_ops mock_base_ops = {
	MOCK_BASE_OPS,
	.pin = mock_base_pin,
	.unpin = mock_base_unpin,
};

static const struct dma_buf_ops mock_base_ops_no_pin = {
	MOCK_BASE_OPS,
};

/* Registered only when a test says so. */
static const struct dma_buf_ops mock_base_ops_no_pfn = {
	MOCK_BASE_OPS,
};

#define MOCK_PFN_OPS					\
	.owner = THIS_MODULE,				\
	.attach = mock_attach,				\
	.detach = mock_detach,				\
	.describe = mock_describe,			\
	.get_extents = mock_get_extents,		\
	.cpu_map = mock_cpu_map,			\
	.cpu_unmap = mock_cpu_unmap

static const struct dma_buf_pfn_ops mock_pfn_ops = {
	MOCK_PFN_OPS,
	.base = &mock_base_ops,
};

static const struct dma_buf_pfn_ops mock_pfn_ops_no_pin = {
	MOCK_PFN_OPS,
	.base = &mock_base_ops_no_pin,
};

static const struct dma_buf_pfn_ops mock_pfn_ops_late = {
	MOCK_PFN_OPS,
	.base = &mock_base_ops_no_pfn,
};

/**
 * mock_is_mine - is this one of the mock exporter's buffers?
 * @dmabuf: the buffer
 *
 * Return: true if its private data is a struct mock_buf.
 */
bool mock_is_mine(const struct dma_buf *dmabuf)
{
	return dmabuf->ops == &mock_base_ops ||
	       dmabuf->ops == &mock_base_ops_no_pin ||
	       dmabuf->ops == &mock_base_ops_no_pfn;
}

/* ioctls */

static struct mock_buf *mock_buf_alloc(const struct mock_export *arg)
{
	unsigned long npages = arg->size >> PAGE_SHIFT;
	struct mock_buf *buf;

	/* An odd size is allowed: the core is to refuse it. */
	npages += !!(arg->size & ~PAGE_MASK);
	if (!npages || (arg->chunk && npages % arg->chunk) ||
	    (!(arg->flags & MOCK_EXP_BIG) && npages > MAX_ORDER_NR_PAGES))
		return ERR_PTR(-EINVAL);
	buf = kzalloc_obj(*buf);
	if (!buf)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&buf->left);
	buf->flags = arg->flags;
	buf->npages = npages;
	buf->chunk = arg->chunk ?: npages;
	buf->report = arg->report ?: buf->chunk;
	buf->block = mock_block_alloc(buf);
	if (!buf->block) {
		kfree(buf);
		return ERR_PTR(-ENOMEM);
	}
	return buf;
}

/**
 * mock_ioc_export - make a buffer
 * @file: open file
 * @data: struct mock_export
 *
 * Return: 0 or a negative errno.
 */
int mock_ioc_export(struct mock_file *file, void *data)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);
	struct mock_export *arg = data;
	struct dma_buf *dmabuf;
	struct mock_buf *buf;
	int fd;

	buf = mock_buf_alloc(arg);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	info.ops = &mock_base_ops;
	if (arg->flags & MOCK_EXP_NO_PIN)
		info.ops = &mock_base_ops_no_pin;
	if (arg->flags & MOCK_EXP_NO_PFN)
		info.ops = &mock_base_ops_no_pfn;
	info.exp_name = "mock";
	info.size = arg->size;
	info.flags = O_RDWR;
	info.priv = buf;
	dmabuf = dma_buf_export(&info);
	if (IS_ERR(dmabuf)) {
		mock_buf_free(buf);
		return PTR_ERR(dmabuf);
	}
	/* The buffer is the dma-buf's from here on. */
	fd = dma_buf_fd(dmabuf, O_CLOEXEC);
	if (fd < 0) {
		dma_buf_put(dmabuf);
		return fd;
	}
	arg->fd = fd;
	return 0;
}

/* What importers did before there were page frame numbers. */
static int mock_stock_import(struct dma_buf *dmabuf, u64 *addr)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	attach = dma_buf_attach(dmabuf, mock_dev);
	if (IS_ERR(attach))
		return PTR_ERR(attach);
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		dma_buf_detach(dmabuf, attach);
		return PTR_ERR(sgt);
	}
	*addr = sg_dma_address(sgt->sgl);
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(dmabuf, attach);
	return 0;
}

static int mock_ctl_locked(struct dma_buf *dmabuf, struct mock_ctl *arg)
{
	struct mock_buf *buf = dmabuf->priv;

	dma_resv_assert_held(dmabuf->resv);
	switch (arg->op) {
	case MOCK_WITHDRAW:
		buf->state = MOCK_BUF_WITHDRAWN;
		dma_buf_invalidate_mappings(dmabuf);
		return 0;
	case MOCK_RESTORE:
		dma_buf_invalidate_mappings(dmabuf);
		buf->state = MOCK_BUF_HERE;
		return 0;
	case MOCK_REVOKE:
		buf->state = MOCK_BUF_REVOKED;
		dma_buf_invalidate_mappings(dmabuf);
		return 0;
	case MOCK_MOVING:
		buf->state = arg->arg ? MOCK_BUF_MOVING : MOCK_BUF_HERE;
		return 0;
	case MOCK_PRIVATE:
		dma_buf_invalidate_mappings(dmabuf);
		buf->flags |= MOCK_EXP_PRIVATE;
		return 0;
	case MOCK_FENCE_ADD:
		return mock_fence_add(buf, dmabuf->resv, arg->arg);
	case MOCK_LIE:
		buf->lie = arg->arg;
		return 0;
	case MOCK_PFN:
		if (arg->arg >= buf->npages)
			return -ERANGE;
		arg->value = mock_buf_pfn(buf, arg->arg);
		return 0;
	case MOCK_DAMAGE:
		arg->value = mock_buf_damage(buf);
		return 0;
	default:
		return -EINVAL;
	}
}

static int mock_ctl(struct dma_buf *dmabuf, struct mock_ctl *arg)
{
	struct mock_buf *buf = dmabuf->priv;
	struct mock_block *to = NULL;
	int ret = 0;

	if (arg->op == MOCK_FENCE_SIGNAL)
		return mock_fence_signal(buf);
	if (arg->op == MOCK_STOCK)
		return mock_stock_import(dmabuf, &arg->value);
	if (arg->op == MOCK_MOVE) {
		to = mock_block_alloc(buf);
		if (!to)
			return -ENOMEM;
	}
	dma_resv_lock(dmabuf->resv, NULL);
	if (to)
		mock_buf_move(dmabuf, to, arg->arg);
	else
		ret = mock_ctl_locked(dmabuf, arg);
	dma_resv_unlock(dmabuf->resv);
	return ret;
}

static struct dma_buf *mock_dmabuf_get(int fd)
{
	struct dma_buf *dmabuf;

	dmabuf = dma_buf_get(fd);
	if (IS_ERR(dmabuf) || mock_is_mine(dmabuf))
		return dmabuf;
	dma_buf_put(dmabuf);
	return ERR_PTR(-EINVAL);
}

/**
 * mock_ioc_ctl - make a buffer do something
 * @file: open file
 * @data: struct mock_ctl
 *
 * Return: 0 or a negative errno.
 */
int mock_ioc_ctl(struct mock_file *file, void *data)
{
	struct mock_ctl *arg = data;
	struct dma_buf *dmabuf;
	int ret;

	dmabuf = mock_dmabuf_get(arg->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	ret = mock_ctl(dmabuf, arg);
	dma_buf_put(dmabuf);
	return ret;
}

/**
 * mock_ioc_stats - how often which of a buffer's operations was called
 * @file: open file
 * @data: struct mock_stats
 *
 * Return: 0 or a negative errno.
 */
int mock_ioc_stats(struct mock_file *file, void *data)
{
	struct mock_stats *arg = data;
	struct dma_buf *dmabuf;
	struct mock_buf *buf;
	int i;

	dmabuf = mock_dmabuf_get(arg->fd);
	if (IS_ERR(dmabuf))
		return PTR_ERR(dmabuf);
	buf = dmabuf->priv;
	for (i = 0; i < MOCK_NR_CALLS; i++)
		arg->calls[i] = atomic_read(&buf->calls[i]);
	dma_buf_put(dmabuf);
	return 0;
}

/**
 * mock_ioc_register - register or unregister the late exporter, or try to
 * @file: open file
 * @data: struct mock_register
 *
 * Return: what the core answered.
 */
int mock_ioc_register(struct mock_file *file, void *data)
{
	struct dma_buf_pfn_ops ops = mock_pfn_ops_late;
	const struct mock_register *arg = data;
	int ret;

	switch (arg->op) {
	case MOCK_REGISTER:
		return dma_buf_pfn_register_exporter(&mock_pfn_ops_late);
	case MOCK_UNREGISTER:
		dma_buf_pfn_unregister_exporter(&mock_pfn_ops_late);
		return 0;
	case MOCK_UNREGISTER_OTHER:
		dma_buf_pfn_unregister_exporter(&ops);
		return 0;
	case MOCK_REGISTER_TWICE:
		return dma_buf_pfn_register_exporter(&mock_pfn_ops);
	case MOCK_REGISTER_NO_BASE:
		ops.base = NULL;
		break;
	case MOCK_REGISTER_NO_ATTACH:
		ops.attach = NULL;
		break;
	case MOCK_REGISTER_NO_DESCRIBE:
		ops.describe = NULL;
		break;
	case MOCK_REGISTER_NO_EXTENTS:
		ops.get_extents = NULL;
		break;
	case MOCK_REGISTER_NO_MAP:
		ops.cpu_map = NULL;
		break;
	default:
		return -ENOTTY;
	}
	/* On the stack: it must be refused. If not, take it away at once. */
	ret = dma_buf_pfn_register_exporter(&ops);
	if (!ret)
		dma_buf_pfn_unregister_exporter(&ops);
	return ret;
}

/**
 * mock_exporter_init - register
 * @dev: device of the stock importer
 *
 * Return: 0 or a negative errno.
 */
int mock_exporter_init(struct device *dev)
{
	int ret;

	mock_dev = dev;
	ret = dma_buf_pfn_register_exporter(&mock_pfn_ops);
	if (ret)
		return ret;
	ret = dma_buf_pfn_register_exporter(&mock_pfn_ops_no_pin);
	if (ret)
		dma_buf_pfn_unregister_exporter(&mock_pfn_ops);
	return ret;
}

/**
 * mock_exporter_exit - unregister
 */
void mock_exporter_exit(void)
{
	dma_buf_pfn_unregister_exporter(&mock_pfn_ops_late);
	dma_buf_pfn_unregister_exporter(&mock_pfn_ops_no_pin);
	dma_buf_pfn_unregister_exporter(&mock_pfn_ops);
}
