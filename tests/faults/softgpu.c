// SPDX-License-Identifier: GPL-2.0
/*
 * faults_softgpu rest|vmap: what softgpu offers to its clients and to importers. It
 * is loaded with vram_mb=4, and nobody else uses it. The kernel warns when an
 * exporter's vmap fails, whatever the reason: hence those calls apart.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xf86drm.h>
#include <xf86drmMode.h>

#include "../../kernel/dma-buf-pfn/selftest/mock-abi.h"
#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "../dmabuf/softgpu_test.h"
#include "faults.h"

#define PAGE	4096ul
#define LITTLE	(64 * PAGE)
#define LARGE	(3ul << 20)	/* no two of them fit */
#define SEED	7

static struct device gpu;
static struct buffer buf, big, pinned;
static int dmabuf = -1, importer = -1, pin_importer = -1, mock = -1;
static uint32_t handle, import_id;
static void *map;

static void gpu_write(const char *file, const char *text)
{
	int err = debugfs_write(&gpu, file, "%s", text);

	NEED(!err, "%s > %s: %s", text, file, strerror(err));
}

/* --- a client's buffers --- */

static int create(size_t size)
{
	uint32_t pitch;
	uint64_t real;

	return -drmModeCreateDumbBuffer(gpu.fd, size, 1, 8, 0, &handle, &pitch, &real);
}

static int call_create(void) { return create(LITTLE); }
static int call_create_large(void) { return create(LARGE); }

static void undo_create(void)
{
	NEED(!drmModeDestroyDumbBuffer(gpu.fd, handle), "destroy: %m");
}

/* It reads as zeroes, wherever it is. */
static void verify_create(void)
{
	uint64_t offset;
	uint8_t *p;

	NEED(!drmModeMapDumbBuffer(gpu.fd, handle, &offset), "map offset: %m");
	p = mmap(NULL, LITTLE, PROT_READ, MAP_SHARED, gpu.fd, offset);
	NEED(p != MAP_FAILED, "mmap: %m");
	verify_zero(p, LITTLE, "a new buffer");
	munmap(p, LITTLE);
}

static void fragment(void) { gpu_write("fragment", "1"); }
static void no_fragment(void) { gpu_write("fragment", "0"); }

/* One with contents, mapped and exported. */
static void make_buffer(void)
{
	buffer_create(&gpu, &buf, LITTLE);
	dmabuf = buffer_export(&buf);
	buffer_map(&buf);
	fill(buf.map, buf.asked, SEED);
}

static void make_fragments(void)
{
	fragment();
	make_buffer();
	no_fragment();
	NEED(placement_of(&gpu, buf.id).extents == LITTLE / PAGE, "not in pieces");
}

static void make_system(void)
{
	make_buffer();
	gpu_write("evict", "all");
	NEED(placement_of(&gpu, buf.id).system == 1, "not evicted");
}

static void verify_contents(void)
{
	verify(buf.map, buf.asked, SEED, "the contents");
}

static void drop_buffer(void)
{
	verify_contents();
	close(dmabuf);
	dmabuf = -1;
	buffer_destroy(&buf);
}

/* One that has to go before another of its size can come. */
static void make_big(void)
{
	buffer_create(&gpu, &big, LARGE);
	buffer_map(&big);
	fill(big.map, big.asked, SEED);
}

static void drop_big(void)
{
	verify(big.map, big.asked, SEED, "what was evicted");
	buffer_destroy(&big);
}

static void undo_overcommit(void)
{
	undo_create();
	gpu_write("restore", "all");
}

static int call_open(void)
{
	int fd = open(gpu.node, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

static int call_map_offset(void)
{
	uint64_t offset;

	return -drmModeMapDumbBuffer(gpu.fd, buf.handle, &offset);
}

static void undo_map_offset(void)
{
	gpu_write("evict", "all");
}

static int call_mmap(void)
{
	uint64_t offset;

	if (drmModeMapDumbBuffer(gpu.fd, buf.handle, &offset))
		return errno;
	map = mmap(NULL, LITTLE, PROT_READ, MAP_SHARED, gpu.fd, offset);
	return map == MAP_FAILED ? errno : 0;
}

/* Far from everything else, so that a fault has page tables to allocate. */
static int call_dmabuf_mmap(void)
{
	map = mmap((void *)0x200000000, LITTLE, PROT_READ, MAP_SHARED, dmabuf, 0);
	return map == MAP_FAILED ? errno : 0;
}

static void verify_mmap(void)
{
	verify(map, LITTLE, SEED, "through the mapping");
}

static void undo_mmap(void)
{
	munmap(map, LITTLE);
}

static void make_mapping(void)
{
	NEED(!call_dmabuf_mmap(), "mmap: %m");
}

static void make_untouched(void)
{
	make_buffer();
	make_mapping();
}

static void make_untouched_system(void)
{
	make_system();
	make_mapping();
}

/* A fault that finds no memory is taken again, as for any memory. */
static int call_touch(void)
{
	volatile const uint8_t *p = map;

	for (size_t i = 0; i < LITTLE; i += PAGE)
		(void)p[i];
	return 0;
}

static void undo_touch(void)
{
	undo_mmap();
	make_mapping();
}

static void drop_mapping(void)
{
	undo_mmap();
	drop_buffer();
}

/* debugfs_write() of the other tests ends the program when it cannot open the file. */
static int try_write(const char *file, const char *text)
{
	char path[160];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", gpu.debugfs, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		err = errno;
	close(fd);
	return err;
}

static int call_evict(void) { return try_write("evict", "all"); }
static int call_restore(void) { return try_write("restore", "all"); }

static void verify_evict(void)
{
	NEED(placement_of(&gpu, buf.id).system == 1, "not evicted");
	verify_contents();
}

static void verify_restore(void)
{
	NEED(placement_of(&gpu, buf.id).vram == 1, "not restored");
	verify_contents();
}

static void undo_evict(void) { gpu_write("restore", "all"); }
static void undo_restore(void) { gpu_write("evict", "all"); }

static int call_fragment(void) { return try_write("fragment", "0"); }
static int call_poison(void) { return try_write("poison", "0"); }

static int try_read(const char *file)
{
	char path[160], text[4096];
	int fd, err = 0;

	snprintf(path, sizeof(path), "%s/%s", gpu.debugfs, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (read(fd, text, sizeof(text)) <= 0)
		err = errno;
	close(fd);
	return err;
}

static int call_vram(void) { return try_read("vram"); }
static int call_poison_show(void) { return try_read("poison"); }

/* --- PRIME --- */

/* Each time a new one: the dma-buf of a buffer is kept while it has a handle. */
static int call_export(void)
{
	return drmPrimeHandleToFD(gpu.fd, buf.handle, DRM_CLOEXEC | DRM_RDWR, &dmabuf) ?
	       errno : 0;
}

static void make_unexported(void)
{
	buffer_create(&gpu, &buf, LITTLE);
}

/* A failure after the export: the dma-buf is kept as long as there is a handle. */
static void renew_unexported(void)
{
	buffer_destroy(&buf);
	make_unexported();
}

static void undo_export(void)
{
	close(dmabuf);
	dmabuf = -1;
	renew_unexported();
}

static void drop_unexported(void)
{
	buffer_destroy(&buf);
}

/* By a file that has no handle of it yet. */
static int other_node;

static void make_node(void)
{
	make_buffer();
	other_node = open(gpu.node, O_RDWR | O_CLOEXEC);
	NEED(other_node >= 0, "%s: %m", gpu.node);
}

static void drop_node(void)
{
	close(other_node);
	drop_buffer();
}

static int call_import(void)
{
	return drmPrimeFDToHandle(other_node, dmabuf, &handle) ? errno : 0;
}

static void undo_import(void)
{
	struct drm_gem_close arg = { .handle = handle };

	NEED(!drmIoctl(other_node, DRM_IOCTL_GEM_CLOSE, &arg), "GEM_CLOSE: %m");
}

/* --- importers by scatterlist and by vmap --- */

static int import(int *fd, enum importer_how how)
{
	struct importer_import req = { .fd = dmabuf, .how = how };
	int err = 0;

	*fd = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC);
	if (*fd < 0)
		return errno;
	if (ioctl(*fd, IMPORTER_IMPORT, &req)) {
		err = errno;
		close(*fd);
		*fd = -1;
	}
	return err;
}

static int call_static(void) { return import(&importer, IMPORTER_STATIC); }
static int call_vmap(void) { return import(&importer, IMPORTER_VMAP); }

static void undo_importer(void)
{
	close(importer);
	importer = -1;
}

static int read_through(void)
{
	static uint8_t copy[LITTLE];

	size_t done = 0;
	ssize_t n;

	while (done < sizeof(copy)) {
		n = pread(importer, copy + done, sizeof(copy) - done, done);
		if (n <= 0)
			return n ? errno : EIO;
		done += n;
	}
	verify(copy, sizeof(copy), SEED, "through the importer");
	return 0;
}

static void verify_importer(void)
{
	int err = read_through();

	NEED(!err, "read: %s", strerror(err));
}

/* A dynamic importer maps at its first access. */
static int call_dynamic(void)
{
	int err = import(&importer, IMPORTER_DYNAMIC);

	if (err)
		return err;
	err = read_through();
	if (err)
		undo_importer();
	return err;
}

/* --- importers by page frame number --- */

static int attach(uint32_t lifetime)
{
	struct mock_attach arg = {
		.fd = dmabuf, .needs = MOCK_NEED_CPU | MOCK_CAN_MMIO, .lifetime = lifetime,
	};

	if (ioctl(mock, MOCK_IOC_ATTACH, &arg))
		return errno;
	import_id = arg.id;
	return 0;
}

static int call_pinned(void) { return attach(MOCK_PINNED); }
static int call_revocable(void) { return attach(MOCK_REVOCABLE); }
static int call_movable(void) { return attach(MOCK_MOVABLE); }

static void undo_attach(void)
{
	struct mock_detach arg = { .id = import_id };

	NEED(!ioctl(mock, MOCK_IOC_DETACH, &arg), "detach: %m");
}

static int call_lookup(void)
{
	struct mock_run runs[8];
	struct mock_lookup arg = {
		.id = import_id, .how = MOCK_EXTENTS, .nr = 8, .vec = (uintptr_t)runs,
	};

	return ioctl(mock, MOCK_IOC_LOOKUP, &arg) ? errno : 0;
}

static void verify_attach(void)
{
	int err = call_lookup();

	NEED(!err, "lookup: %s", strerror(err));
}

static int call_cpu_map(void)
{
	struct mock_map arg = { .id = import_id, .npages = 1 };

	return ioctl(mock, MOCK_IOC_MAP, &arg) ? errno : 0;
}

static void undo_cpu_map(void)
{
	struct mock_map arg = { .id = import_id, .npages = 1 };

	NEED(!ioctl(mock, MOCK_IOC_UNMAP, &arg), "unmap: %m");
}

static void make_attached(void)
{
	make_fragments();
	NEED(!call_movable(), "attach: %m");
}

static void drop_attached(void)
{
	undo_attach();
	drop_buffer();
}

/* VRAM is full of what cannot go, so the next buffer begins in system memory. */
static void fill_vram(void)
{
	buffer_create(&gpu, &pinned, gpu.vram);
	dmabuf = buffer_export(&pinned);
	NEED(!import(&pin_importer, IMPORTER_STATIC), "import: %m");
	close(dmabuf);
}

static void make_unpopulated(void)
{
	buffer_create(&gpu, &buf, LITTLE);
	dmabuf = buffer_export(&buf);
	NEED(placement_of(&gpu, buf.id).system == 1, "not in system memory");
	NEED(!call_movable(), "attach: %m");
}

static void drop_unpopulated(void)
{
	undo_attach();
	close(dmabuf);
	dmabuf = -1;
	buffer_destroy(&buf);
}

static void undo_populate(void)
{
	drop_unpopulated();
	make_unpopulated();
}

static void make_full(void)
{
	fill_vram();
	make_unpopulated();
}

static void drop_full(void)
{
	drop_unpopulated();
	close(pin_importer);
	buffer_destroy(&pinned);
}

#define ON(where)	.prepare = make_##where, .unprepare = drop_buffer
#define IMPORT(where)	.undo = undo_importer, .verify = verify_importer, ON(where)
#define ATTACH(where)	.undo = undo_attach, .verify = verify_attach, ON(where)

static const struct fault_call calls[] = {
	CALL("open", "", call_open),
	CALL("create", "softgpu_driver.dumb_create softgpu_gem_funcs.free "
	     "softgpu_vram_mgr_func.alloc softgpu_vram_mgr_func.free "
	     "softgpu_ttm_funcs.ttm_tt_create softgpu_ttm_funcs.ttm_tt_destroy",
	     call_create, .undo = undo_create, .verify = verify_create),
	CALL("create, 64 fragments", "softgpu_vram_mgr_func.alloc", call_create,
	     .undo = undo_create, .verify = verify_create, .prepare = fragment,
	     .unprepare = no_fragment),
	CALL("create, evicting another", "softgpu_ttm_funcs.move softgpu_ttm_funcs.evict_flags",
	     call_create_large, .undo = undo_overcommit, .verify = verify_create,
	     .failed = undo_evict,
	     .prepare = make_big, .unprepare = drop_big),
	CALL("map offset, evicted", "softgpu_driver.dumb_map_offset", call_map_offset,
	     .undo = undo_map_offset, ON(system)),
	CALL("mmap", "softgpu_gem_funcs.mmap", call_mmap, .undo = undo_mmap,
	     .verify = verify_mmap, ON(buffer)),
	CALL("mmap of the dma-buf", "softgpu_dmabuf_ops.mmap", call_dmabuf_mmap,
	     .undo = undo_mmap, .verify = verify_mmap, ON(buffer)),
	CALL("page fault, VRAM", "softgpu_vm_ops.fault", call_touch, .undo = undo_touch,
	     .verify = verify_mmap, .prepare = make_untouched, .unprepare = drop_mapping,
	     .flags = FAULT_NEVER_FAILS),
	CALL("page fault, system memory", "softgpu_vm_ops.fault", call_touch,
	     .undo = undo_touch, .verify = verify_mmap, .prepare = make_untouched_system,
	     .unprepare = drop_mapping, .flags = FAULT_NEVER_FAILS),
	CALL("evict", "softgpu_ttm_funcs.move softgpu_evict_fops.write", call_evict,
	     .undo = undo_evict, .verify = verify_evict, ON(buffer)),
	CALL("restore", "softgpu_ttm_funcs.move softgpu_restore_fops.write", call_restore,
	     .undo = undo_restore, .verify = verify_restore, ON(system),
	     .flags = FAULT_HALF_DONE),	/* stays where it is */
	CALL("fragment", "softgpu_fragment_fops.set", call_fragment),
	CALL("poison", "softgpu_poison.write", call_poison),
	CALL("poison, read", "softgpu_poison.show", call_poison_show),
	CALL("placements", "softgpu_vram.show", call_vram, ON(buffer)),

	CALL("PRIME export", "softgpu_gem_funcs.export softgpu_dmabuf_ops.release", call_export,
	     .undo = undo_export, .failed = renew_unexported, .prepare = make_unexported,
	     .unprepare = drop_unexported),
	CALL("PRIME import", "softgpu_driver.gem_prime_import", call_import,
	     .undo = undo_import, .prepare = make_node, .unprepare = drop_node),

	CALL("scatterlist, VRAM", "softgpu_dmabuf_ops.attach softgpu_dmabuf_ops.pin "
	     "softgpu_dmabuf_ops.map_dma_buf softgpu_dmabuf_ops.unmap_dma_buf",
	     call_static, IMPORT(buffer)),
	CALL("scatterlist, 64 fragments", "softgpu_dmabuf_ops.map_dma_buf", call_static,
	     IMPORT(fragments)),
	CALL("scatterlist, system memory", "softgpu_dmabuf_ops.map_dma_buf", call_static,
	     IMPORT(system)),
	CALL("scatterlist, dynamic", "softgpu_dmabuf_ops.map_dma_buf", call_dynamic,
	     IMPORT(buffer)),
	CALL("attach by PFN, pinned", "softgpu_dmabuf_ops.pin softgpu_dmabuf_ops.unpin",
	     call_pinned, ATTACH(buffer)),
	CALL("attach by PFN, revocable", "softgpu_pfn_ops.attach softgpu_pfn_ops.detach",
	     call_revocable, ATTACH(system)),
	CALL("attach by PFN, movable", "softgpu_pfn_ops.attach softgpu_pfn_ops.describe",
	     call_movable, ATTACH(buffer)),
	CALL("get_extents", "softgpu_pfn_ops.get_extents", call_lookup,
	     .prepare = make_attached, .unprepare = drop_attached),
	CALL("get_extents, no pages yet", "softgpu_pfn_ops.get_extents", call_lookup,
	     .undo = undo_populate, .prepare = make_full, .unprepare = drop_full),
	CALL("cpu_map", "softgpu_pfn_ops.cpu_map", call_cpu_map, .undo = undo_cpu_map,
	     .prepare = make_attached, .unprepare = drop_attached),

	CALL("vmap, VRAM", "softgpu_gem_funcs.vmap softgpu_dmabuf_ops.vmap "
	     "softgpu_gem_funcs.vunmap softgpu_dmabuf_ops.vunmap", call_vmap, IMPORT(buffer),
	     .flags = FAULT_KERNEL_WARNS),
	CALL("vmap, 64 fragments", "softgpu_gem_funcs.vmap", call_vmap, IMPORT(fragments),
	     .flags = FAULT_KERNEL_WARNS),
	CALL("vmap, system memory", "softgpu_gem_funcs.vmap", call_vmap, IMPORT(system),
	     .flags = FAULT_KERNEL_WARNS),
};

static struct fault_table table;

static void open_all(char **argv)
{
	table.warns = !strcmp(argv[0], "vmap");
	device_open(&gpu, "ram");
	mock = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);
	NEED(mock >= 0, "/dev/dma_buf_pfn_mock: %m");
}

static void close_all(void)
{
	close(mock);
	close(gpu.fd);
}

static void state(FILE *out)
{
	state_modules(out);
	state_self(out);
	state_attachments(out);
	state_gpu(out, gpu.debugfs);
	state_sites(out);
}

int main(int argc, char **argv)
{
	table = (struct fault_table) {
		.calls = calls, .nr = ARRAY_SIZE(calls), .open = open_all,
		.close = close_all, .state = state,
	};
	return fault_main(&table, argc, argv, 1);
}
