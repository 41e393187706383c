// SPDX-License-Identifier: GPL-2.0-only
/*
 * The mock importer.
 *
 * Keeps the slices it was granted in a few slots. As a real importer would, it
 * uses a slice under a lock of its own, which its invalidate callback takes too
 * before it gives the slices back. Some of its kind do not (MOCK_IMP_*).
 *
 * Locks: reservation lock -> mock_import.lock.
 */
#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#include "mock.h"

#define MOCK_NR_SLOTS	8
#define MOCK_MAX_RUNS	1024
#define MOCK_MAX_MAPS	8

static struct device *mock_dev;

enum mock_slot_state {
	MOCK_SLOT_FREE,
	MOCK_SLOT_GRANTED,
	MOCK_SLOT_STALE,	/* given back, but not forgotten */
};

struct mock_slot {
	enum mock_slot_state state;
	unsigned long pgoff;
	unsigned long npages;
	struct iosys_map map;
};

/**
 * struct mock_import - one import
 * @attach: the attachment
 * @dmabuf: its buffer, of which a reference is held
 * @behave: MOCK_IMP_*
 * @busy: ioctls at work on this; detach waits for no one, but refuses (-EBUSY)
 * @lock: protects what follows
 * @slots: slices
 * @callbacks: invalidations seen
 * @cb_error: answer to the lookup from the callback
 * @cb_seq: sequence as the callback saw it
 */
struct mock_import {
	struct dma_buf_pfn_attachment *attach;
	struct dma_buf *dmabuf;
	u32 behave;
	atomic_t busy;
	spinlock_t lock; /* slots and what follows; inside the reservation lock */
	struct mock_slot slots[MOCK_NR_SLOTS];
	unsigned int callbacks;
	int cb_error;
	u64 cb_seq;
};

static void mock_give_back(struct mock_import *imp,
			   struct dma_buf_pfn_attachment *attach)
{
	unsigned int i;

	dma_resv_assert_held(imp->dmabuf->resv);
	for (i = 0; i < MOCK_NR_SLOTS; i++) {
		struct mock_slot *slot = &imp->slots[i];
		bool granted;

		scoped_guard(spinlock, &imp->lock) {
			granted = slot->state == MOCK_SLOT_GRANTED;
			if (granted)
				slot->state = imp->behave & MOCK_IMP_KEEP_POINTER ?
					MOCK_SLOT_STALE : MOCK_SLOT_FREE;
		}
		if (granted)
			dma_buf_pfn_cpu_unmap(attach, slot->pgoff, slot->npages,
					      &slot->map);
	}
}

static void mock_invalidate(struct dma_buf_pfn_attachment *attach)
{
	struct mock_import *imp = attach->importer_priv;
	struct dma_buf_extent ext;

	scoped_guard(spinlock, &imp->lock) {
		imp->callbacks++;
		imp->cb_seq = dma_buf_pfn_read_begin(attach);
	}
	if (imp->behave & MOCK_IMP_LOOKUP)
		imp->cb_error = dma_buf_get_extents(attach, 0, &ext, 1);
	if (!(imp->behave & MOCK_IMP_KEEP_GRANT))
		mock_give_back(imp, attach);
}

static const struct dma_buf_pfn_importer_ops mock_importer_ops = {
	.name = "mock",
	.invalidate = mock_invalidate,
};

static const struct dma_buf_pfn_importer_ops mock_importer_ops_no_callback = {
	.name = "mock-deaf",
};

/* Two ioctls may use one import at a time, but not one that is being detached. */
static struct mock_import *mock_import_get(struct mock_file *file, u32 id)
{
	struct mock_import *imp;

	xa_lock(&file->imports);
	imp = xa_load(&file->imports, id);
	if (imp)
		atomic_inc(&imp->busy);
	xa_unlock(&file->imports);
	return imp;
}

static void mock_import_put(struct mock_import *imp)
{
	atomic_dec(&imp->busy);
}

static void mock_import_end(struct mock_import *imp)
{
	/* A rude importer leaves its grants to the core. */
	if (!(imp->behave & MOCK_IMP_KEEP_GRANT)) {
		dma_resv_lock(imp->dmabuf->resv, NULL);
		mock_give_back(imp, imp->attach);
		dma_resv_unlock(imp->dmabuf->resv);
	}
	dma_buf_pfn_detach(imp->attach);
}

static void mock_import_free(struct mock_import *imp)
{
	dma_buf_put(imp->dmabuf);
	kfree(imp);
}

/**
 * mock_ioc_attach - import a buffer
 * @file: open file
 * @data: struct mock_attach; any dma-buf will do
 *
 * Return: 0 or what the core answered.
 */
int mock_ioc_attach(struct mock_file *file, void *data)
{
	const struct dma_buf_pfn_importer_ops *ops = &mock_importer_ops;
	struct mock_attach *arg = data;
	struct mock_import *imp;
	int ret;

	imp = kzalloc_obj(*imp);
	if (!imp)
		return -ENOMEM;
	spin_lock_init(&imp->lock);
	imp->behave = arg->behave;
	imp->dmabuf = dma_buf_get(arg->fd);
	if (IS_ERR(imp->dmabuf)) {
		ret = PTR_ERR(imp->dmabuf);
		goto err_free;
	}
	if (arg->behave & MOCK_IMP_NO_OPS)
		ops = NULL;
	if (arg->behave & MOCK_IMP_NO_CALLBACK)
		ops = &mock_importer_ops_no_callback;
	imp->attach = dma_buf_pfn_attach(imp->dmabuf, mock_dev, arg->needs,
					 arg->lifetime, ops, imp);
	if (IS_ERR(imp->attach)) {
		ret = PTR_ERR(imp->attach);
		goto err_put;
	}
	ret = xa_alloc(&file->imports, &arg->id, imp, xa_limit_31b, GFP_KERNEL);
	if (!ret)
		return 0;

	dma_buf_pfn_detach(imp->attach);
err_put:
	dma_buf_put(imp->dmabuf);
err_free:
	kfree(imp);
	return ret;
}

/* Everything an importer could still do with an attachment that is no more. */
static void mock_use_after(struct mock_import *imp, s32 *errors)
{
	struct dma_buf_pfn_attachment *attach = imp->attach;
	struct dma_buf_pfn_info info;
	struct dma_buf_extent ext;
	struct iosys_map map;
	unsigned long pfn;

	dma_resv_lock(imp->dmabuf->resv, NULL);
	errors[0] = dma_buf_get_extents(attach, 0, &ext, 1);
	errors[1] = dma_buf_get_pfn(attach, 0, &pfn, NULL);
	errors[2] = dma_buf_pfn_describe(attach, &info);
	errors[3] = dma_buf_pfn_cpu_map(attach, 0, 1, &map);
	dma_buf_pfn_cpu_unmap(attach, 0, 1, &map);
	dma_resv_unlock(imp->dmabuf->resv);
	errors[4] = dma_buf_get_pfn_unlocked(attach, 0, &pfn, NULL);
	dma_buf_pfn_detach(attach);
}

/**
 * mock_ioc_detach - end an import
 * @file: open file
 * @data: struct mock_detach
 *
 * Return: 0, -ENOENT, -EBUSY if another ioctl uses the import.
 */
int mock_ioc_detach(struct mock_file *file, void *data)
{
	struct mock_detach *arg = data;
	struct mock_import *imp;

	xa_lock(&file->imports);
	imp = xa_load(&file->imports, arg->id);
	if (imp && atomic_read(&imp->busy)) {
		xa_unlock(&file->imports);
		return -EBUSY;
	}
	__xa_erase(&file->imports, arg->id);
	xa_unlock(&file->imports);
	if (!imp)
		return -ENOENT;

	mock_import_end(imp);
	if (arg->use_after)
		mock_use_after(imp, arg->errors);
	mock_import_free(imp);
	return 0;
}

/**
 * mock_file_release - end all imports
 * @file: open file, which nobody uses any more
 */
void mock_file_release(struct mock_file *file)
{
	struct mock_import *imp;
	unsigned long id;

	xa_for_each(&file->imports, id, imp) {
		mock_import_end(imp);
		mock_import_free(imp);
	}
	xa_destroy(&file->imports);
}

static int mock_lookup(struct mock_import *imp, const struct mock_lookup *arg,
		       struct dma_buf_extent *vec)
{
	struct dma_resv *resv = imp->dmabuf->resv;
	unsigned int order;
	int ret;

	switch (arg->how) {
	case MOCK_EXTENTS_NO_LOCK:
		return dma_buf_get_extents(imp->attach, arg->pgoff, vec, arg->nr);
	case MOCK_EXTENTS:
		dma_resv_lock(resv, NULL);
		ret = dma_buf_get_extents(imp->attach, arg->pgoff, vec, arg->nr);
		dma_resv_unlock(resv);
		return ret;
	case MOCK_GET_PFN:
		dma_resv_lock(resv, NULL);
		ret = dma_buf_get_pfn(imp->attach, arg->pgoff, &vec->pfn, &order);
		dma_resv_unlock(resv);
		break;
	case MOCK_GET_PFN_UNLOCKED:
		ret = dma_buf_get_pfn_unlocked(imp->attach, arg->pgoff,
					       &vec->pfn, &order);
		break;
	default:
		return -ENOTTY;
	}
	if (ret)
		return ret;
	vec->npages = 1UL << order;
	return 1;
}

/**
 * mock_ioc_lookup - ask for page frame numbers
 * @file: open file
 * @data: struct mock_lookup
 *
 * Return: 0 or what the core answered.
 */
int mock_ioc_lookup(struct mock_file *file, void *data)
{
	struct mock_lookup *arg = data;
	struct mock_run __user *user = u64_to_user_ptr(arg->vec);
	struct dma_buf_extent *vec;
	struct mock_import *imp;
	int ret, i;

	if (arg->nr > MOCK_MAX_RUNS)
		return -E2BIG;
	vec = kcalloc(arg->nr + 1, sizeof(*vec), GFP_KERNEL);
	if (!vec)
		return -ENOMEM;
	imp = mock_import_get(file, arg->id);
	if (!imp) {
		kfree(vec);
		return -ENOENT;
	}
	ret = mock_lookup(imp, arg, vec);
	mock_import_put(imp);
	if (ret > 0) {
		arg->got = ret;
		ret = 0;
		for (i = 0; i < arg->got && !ret; i++) {
			struct mock_run run = { vec[i].pfn, vec[i].npages };

			if (copy_to_user(&user[i], &run, sizeof(run)))
				ret = -EFAULT;
		}
	}
	kfree(vec);
	return ret;
}

/**
 * mock_ioc_describe - ask what the memory is
 * @file: open file
 * @data: struct mock_describe
 *
 * Return: 0 or what the core answered.
 */
int mock_ioc_describe(struct mock_file *file, void *data)
{
	struct mock_describe *arg = data;
	struct dma_buf_pfn_info info = {};
	struct mock_import *imp;
	int ret;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	ret = dma_buf_pfn_describe(imp->attach, &info);
	dma_resv_unlock(imp->dmabuf->resv);
	mock_import_put(imp);
	arg->caching = info.caching;
	arg->flags = info.flags;
	arg->provider = !!info.provider;
	return ret;
}

static struct mock_slot *mock_slot_find(struct mock_import *imp,
					enum mock_slot_state state)
{
	unsigned int i;

	for (i = 0; i < MOCK_NR_SLOTS; i++)
		if (imp->slots[i].state == state)
			return &imp->slots[i];
	return NULL;
}

static int mock_map(struct mock_import *imp, unsigned long pgoff,
		    unsigned long npages, struct iosys_map *map)
{
	struct mock_slot *slot;
	int ret;

	dma_resv_assert_held(imp->dmabuf->resv);
	slot = mock_slot_find(imp, MOCK_SLOT_FREE);
	if (!slot)
		return -ENOSPC;
	ret = dma_buf_pfn_cpu_map(imp->attach, pgoff, npages, map);
	if (ret)
		return ret;
	guard(spinlock)(&imp->lock);
	slot->pgoff = pgoff;
	slot->npages = npages;
	slot->map = *map;
	slot->state = MOCK_SLOT_GRANTED;
	return 0;
}

/* Is each mapping what a grant of that run alone would have? */
static int mock_check_maps(struct mock_import *imp, unsigned long pgoff,
			   const struct dma_buf_extent *vec,
			   const struct iosys_map *maps, int nr)
{
	struct iosys_map one;
	int i, ret;

	for (i = 0; i < nr; i++) {
		ret = dma_buf_pfn_cpu_map(imp->attach, pgoff, vec[i].npages, &one);
		if (ret)
			return ret;
		dma_buf_pfn_cpu_unmap(imp->attach, pgoff, vec[i].npages, &one);
		if (!iosys_map_is_equal(&one, &maps[i]))
			return -EBADMSG;
		pgoff += vec[i].npages;
	}
	return 0;
}

/* The slot remembers the grant, of which it can use the first run. */
static int mock_map_extents(struct mock_import *imp, struct mock_map *arg,
			    struct iosys_map *map)
{
	struct dma_buf_extent vec[MOCK_MAX_MAPS];
	struct iosys_map maps[MOCK_MAX_MAPS];
	unsigned long npages = 0;
	struct mock_slot *slot;
	int nr, i, ret;

	slot = mock_slot_find(imp, MOCK_SLOT_FREE);
	if (!slot)
		return -ENOSPC;
	nr = dma_buf_pfn_cpu_map_extents(imp->attach, arg->pgoff, arg->npages, vec,
					 maps, min_t(u32, arg->nr, MOCK_MAX_MAPS));
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++)
		npages += vec[i].npages;
	ret = mock_check_maps(imp, arg->pgoff, vec, maps, nr);
	if (ret) {
		dma_buf_pfn_cpu_unmap(imp->attach, arg->pgoff, npages, &maps[0]);
		return ret;
	}
	*map = maps[0];
	arg->npages = npages;
	arg->nr = nr;
	scoped_guard(spinlock, &imp->lock) {
		slot->pgoff = arg->pgoff;
		slot->npages = npages;
		slot->map = maps[0];
		slot->state = MOCK_SLOT_GRANTED;
	}
	return 0;
}

/**
 * mock_ioc_map - ask for a grant and keep it
 * @file: open file
 * @data: struct mock_map
 *
 * Return: 0 or what the core answered.
 */
int mock_ioc_map(struct mock_file *file, void *data)
{
	struct mock_map *arg = data;
	struct mock_import *imp;
	struct iosys_map map;
	int ret;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	if (arg->flags & MOCK_MAP_NO_LOCK) {
		ret = dma_buf_pfn_cpu_map(imp->attach, arg->pgoff, arg->npages,
					  &map);
	} else {
		dma_resv_lock(imp->dmabuf->resv, NULL);
		ret = arg->flags & MOCK_MAP_EXTENTS ?
			mock_map_extents(imp, arg, &map) :
			mock_map(imp, arg->pgoff, arg->npages, &map);
		dma_resv_unlock(imp->dmabuf->resv);
	}
	if (!ret)
		arg->is_iomem = map.is_iomem;
	mock_import_put(imp);
	return ret;
}

static struct mock_slot *mock_granted(struct mock_import *imp,
				      unsigned long pgoff, unsigned long npages)
{
	unsigned int i;

	for (i = 0; i < MOCK_NR_SLOTS; i++) {
		struct mock_slot *slot = &imp->slots[i];

		if (slot->state == MOCK_SLOT_GRANTED && slot->pgoff == pgoff &&
		    slot->npages == npages)
			return slot;
	}
	return NULL;
}

static int mock_unmap_all(struct mock_import *imp)
{
	unsigned int i;

	scoped_guard(spinlock, &imp->lock)
		for (i = 0; i < MOCK_NR_SLOTS; i++)
			imp->slots[i].state = MOCK_SLOT_FREE;
	dma_buf_pfn_cpu_unmap_all(imp->attach);
	return 0;
}

static int mock_unmap(struct mock_import *imp, const struct mock_map *arg)
{
	struct mock_slot *slot = mock_granted(imp, arg->pgoff, arg->npages);
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(NULL);

	if (arg->flags & MOCK_MAP_ALL)
		return mock_unmap_all(imp);
	if (!(arg->flags & MOCK_MAP_FORGED)) {
		if (!slot)
			return -ENOENT;
		map = slot->map;
	}
	/* A call that is to be refused leaves the importer its grant. */
	if (!arg->flags) {
		spin_lock(&imp->lock);
		slot->state = MOCK_SLOT_FREE;
		spin_unlock(&imp->lock);
	}
	dma_buf_pfn_cpu_unmap(imp->attach, arg->pgoff, arg->npages, &map);
	return 0;
}

/**
 * mock_ioc_unmap - give a grant back, or one that never was
 * @file: open file
 * @data: struct mock_map
 *
 * Return: 0, or -ENOENT.
 */
int mock_ioc_unmap(struct mock_file *file, void *data)
{
	struct mock_map *arg = data;
	struct mock_import *imp;
	int ret;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	if (arg->flags & MOCK_MAP_NO_LOCK) {
		ret = mock_unmap(imp, arg);
	} else {
		dma_resv_lock(imp->dmabuf->resv, NULL);
		ret = mock_unmap(imp, arg);
		dma_resv_unlock(imp->dmabuf->resv);
	}
	mock_import_put(imp);
	return ret;
}

/*
 * I/O memory of the mock is RAM. Where the I/O accessors do not end up in plain
 * loads and stores, as on User Mode Linux, they cannot reach it.
 */
static bool mock_can_touch(const struct mock_slot *slot)
{
	return !slot->map.is_iomem || !IS_ENABLED(CONFIG_INDIRECT_IOMEM);
}

/* Through a slot that the importer has, or believes to have. */
static int mock_copy(struct mock_import *imp, const struct mock_rw *arg,
		     void *data)
{
	unsigned int i;

	guard(spinlock)(&imp->lock);
	for (i = 0; i < MOCK_NR_SLOTS; i++) {
		struct mock_slot *slot = &imp->slots[i];
		u64 start = (u64)slot->pgoff << PAGE_SHIFT;
		u64 end = start + ((u64)slot->npages << PAGE_SHIFT);

		if (slot->state == MOCK_SLOT_FREE || arg->offset < start ||
		    arg->offset + arg->len > end)
			continue;
		if (!mock_can_touch(slot))
			return -EOPNOTSUPP;
		if (arg->write)
			iosys_map_memcpy_to(&slot->map, arg->offset - start,
					    data, arg->len);
		else
			iosys_map_memcpy_from(data, &slot->map,
					      arg->offset - start, arg->len);
		return 0;
	}
	return -ENOENT;
}

/**
 * mock_ioc_rw - read or write through a grant
 * @file: open file
 * @data: struct mock_rw
 *
 * Return: 0; -ENOENT if no grant covers the range; -EOPNOTSUPP if this machine
 * cannot reach mock I/O memory.
 */
int mock_ioc_rw(struct mock_file *file, void *data)
{
	const struct mock_rw *arg = data;
	void __user *user = u64_to_user_ptr(arg->data);
	struct mock_import *imp;
	void *bounce;
	int ret;

	if (arg->len > PAGE_SIZE)
		return -E2BIG;
	bounce = kzalloc(PAGE_SIZE, GFP_KERNEL);
	if (!bounce)
		return -ENOMEM;
	imp = mock_import_get(file, arg->id);
	ret = imp ? 0 : -ENOENT;
	if (!ret && arg->write && copy_from_user(bounce, user, arg->len))
		ret = -EFAULT;
	if (!ret)
		ret = mock_copy(imp, arg, bounce);
	if (!ret && !arg->write && copy_to_user(user, bounce, arg->len))
		ret = -EFAULT;
	if (imp)
		mock_import_put(imp);
	kfree(bounce);
	return ret;
}

/**
 * mock_ioc_seq - read_begin or read_retry
 * @file: open file
 * @data: struct mock_seq
 *
 * Return: 0 or -ENOENT.
 */
int mock_ioc_seq(struct mock_file *file, void *data)
{
	struct mock_seq *arg = data;
	struct mock_import *imp;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	scoped_guard(spinlock, &imp->lock) {
		if (arg->retry)
			arg->retry = dma_buf_pfn_read_retry(imp->attach, arg->seq);
		else
			arg->seq = dma_buf_pfn_read_begin(imp->attach);
	}
	mock_import_put(imp);
	return 0;
}

/**
 * mock_ioc_import_stat - what the importer saw
 * @file: open file
 * @data: struct mock_import_stat
 *
 * Return: 0 or -ENOENT.
 */
int mock_ioc_import_stat(struct mock_file *file, void *data)
{
	struct mock_import_stat *arg = data;
	struct mock_import *imp;
	unsigned int i;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	scoped_guard(spinlock, &imp->lock) {
		arg->callbacks = imp->callbacks;
		arg->cb_error = imp->cb_error;
		arg->cb_seq = imp->cb_seq;
		arg->grants = 0;
		for (i = 0; i < MOCK_NR_SLOTS; i++)
			arg->grants += imp->slots[i].state == MOCK_SLOT_GRANTED;
	}
	mock_import_put(imp);
	return 0;
}

/* The idiom of R4; what is accepted must be where the buffer is. */
static void mock_race_lookup(struct mock_import *imp, struct mock_race *arg,
			     unsigned long pgoff)
{
	struct mock_buf *buf = imp->dmabuf->priv;
	unsigned long seq, pfn;

	seq = dma_buf_pfn_read_begin(imp->attach);
	if (dma_buf_get_pfn_unlocked(imp->attach, pgoff, &pfn, NULL)) {
		arg->failed++;
		return;
	}
	/* Room for an invalidation. */
	if (pgoff & 1)
		usleep_range(1, 20);

	guard(spinlock)(&imp->lock);
	if (dma_buf_pfn_read_retry(imp->attach, seq)) {
		arg->retried++;
		return;
	}
	arg->accepted++;
	arg->stale += pfn != mock_buf_pfn(buf, pgoff);
}

/* Write through the grant if there is one, else get one. */
static void mock_race_write(struct mock_import *imp, struct mock_race *arg)
{
	struct mock_slot *slot = &imp->slots[0];
	struct iosys_map map;
	bool granted;

	scoped_guard(spinlock, &imp->lock) {
		granted = slot->state == MOCK_SLOT_GRANTED;
		if (granted && mock_can_touch(slot)) {
			iosys_map_wr(&slot->map, 0, u64, arg->written);
			arg->written += sizeof(u64);
		}
	}
	if (granted || !(imp->attach->needs & DMA_BUF_PFN_NEED_CPU))
		return;
	dma_resv_lock(imp->dmabuf->resv, NULL);
	if (slot->state == MOCK_SLOT_FREE)
		mock_map(imp, 0, 1, &map);
	dma_resv_unlock(imp->dmabuf->resv);
}

/**
 * mock_ioc_race - use a buffer while others move it
 * @file: open file
 * @data: struct mock_race
 *
 * Return: 0; -EINTR; -EINVAL if the buffer is not the mock exporter's.
 */
int mock_ioc_race(struct mock_file *file, void *data)
{
	struct mock_race *arg = data;
	struct mock_import *imp;
	struct mock_buf *buf;
	unsigned int i;
	int ret = 0;

	imp = mock_import_get(file, arg->id);
	if (!imp)
		return -ENOENT;
	if (!mock_is_mine(imp->dmabuf)) {
		mock_import_put(imp);
		return -EINVAL;
	}
	buf = imp->dmabuf->priv;
	for (i = 0; i < arg->rounds && !ret; i++) {
		mock_race_lookup(imp, arg, i % buf->npages);
		mock_race_write(imp, arg);
		cond_resched();
		if (signal_pending(current))
			ret = -EINTR;
	}
	mock_import_put(imp);
	return ret;
}

/**
 * mock_importer_init - say whose imports these are
 * @dev: the importing device
 */
void mock_importer_init(struct device *dev)
{
	mock_dev = dev;
}
