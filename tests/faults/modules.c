// SPDX-License-Identifier: GPL-2.0
/*
 * faults_modules DMA_BUF_PFN PRXE SOFTGPU: load each module from its file. The
 * first allocations are those of the kernel's module loader.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"

static struct module {
	const char *name;
	const char *params;
	void *image;
	size_t size;
} modules[] = {
	{ .name = "dma_buf_pfn" },
	{ .name = "prxe" },
	{ .name = "softgpu", .params = "vram_mb=256 bind=none" },
};

static void load_image(struct module *m, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	NEED(fd >= 0 && !fstat(fd, &st), "%s: %m", path);
	m->size = st.st_size;
	m->image = malloc(m->size);
	NEED(m->image, "%s: no memory", path);
	NEED(read(fd, m->image, m->size) == (ssize_t)m->size, "%s: %m", path);
	close(fd);
}

static int load(struct module *m)
{
	return syscall(SYS_init_module, m->image, m->size, m->params ?: "") ? errno : 0;
}

static void unload(struct module *m)
{
	NEED(!syscall(SYS_delete_module, m->name, O_NONBLOCK), "rmmod %s: %m", m->name);
}

/*
 * What precedes a module's init function is the loader's. The last allocations are
 * those of init, and some of the loader's again.
 */
static unsigned int last(int (*call)(void), void (*undo)(void), unsigned int nr)
{
	int err;
	unsigned int all = inject_count(call, &err);

	NEED(!err, "%s", strerror(err));
	undo();
	return all > nr ? all - nr : 1;
}

static int call_pfn(void) { return load(&modules[0]); }
static int call_prxe(void) { return load(&modules[1]); }
static int call_softgpu(void) { return load(&modules[2]); }
static void undo_pfn(void) { unload(&modules[0]); }
static void undo_prxe(void) { unload(&modules[1]); }
static void undo_softgpu(void) { unload(&modules[2]); }

static void need_pfn(void)
{
	int err = call_pfn();

	NEED(!err, "insmod dma_buf_pfn: %s", strerror(err));
}

static unsigned int from_pfn(void) { return last(call_pfn, undo_pfn, 35); }
static unsigned int from_prxe(void) { return last(call_prxe, undo_prxe, 50); }

/*
 * Two parts of a probe cannot be swept (7.3): the making of a drm_device, where
 * drm_minor_alloc() follows an error pointer when it finds no memory, and that of
 * the first TTM device, which does not look whether its lists could be made. Between
 * them is the VRAM, behind them the rest of ours. A probe that fails after the first
 * part, because so much VRAM can never be, tells where that ends, and a little more,
 * for it has to be undone; the many chunks of VRAM are in that little.
 */
static unsigned int from_probe(void)
{
	const char *params = modules[2].params;
	unsigned int all;
	int err;

	modules[2].params = "vram_mb=4000000 bind=none";
	all = inject_count(call_softgpu, &err);
	modules[2].params = params;
	NEED(err == ENOMEM, "a probe for too much VRAM: %s", strerror(err));
	return all;
}

static unsigned int from_rest(void) { return last(call_softgpu, undo_softgpu, 45); }

static void verify_softgpu(void)
{
	NEED(!access("/sys/kernel/debug/dri/softgpu/vram", R_OK), "no device: %m");
}

static const struct fault_call calls[] = {
	CALL("load dma_buf_pfn", "pfn_init", call_pfn, .undo = undo_pfn, .from = from_pfn,
	     .flags = FAULT_OBJECTS_ONLY),
	CALL("load prxe", "prxe_init", call_prxe, .undo = undo_prxe,
	     .prepare = need_pfn, .unprepare = undo_pfn, .from = from_prxe,
	     .flags = FAULT_OBJECTS_ONLY),
	CALL("load softgpu, VRAM", "softgpu_faux_ops.probe", call_softgpu,
	     .undo = undo_softgpu, .verify = verify_softgpu, .prepare = need_pfn,
	     .unprepare = undo_pfn, .from = from_probe, .nr = 20,
	     .flags = FAULT_PAGES_ONLY),
	CALL("load softgpu, the rest", "softgpu_init softgpu_faux_ops.probe", call_softgpu,
	     .undo = undo_softgpu, .verify = verify_softgpu, .prepare = need_pfn,
	     .unprepare = undo_pfn, .from = from_rest,
	     .flags = FAULT_HALF_DONE | FAULT_OBJECTS_ONLY,
	     .also = EINVAL, .why = "no directory of drivers"),
};

static void open_all(char **argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(modules); i++)
		load_image(&modules[i], argv[i]);
}

static void close_all(void)
{
}

static void state(FILE *out)
{
	state_modules(out);
	state_self(out);
}

int main(int argc, char **argv)
{
	static const struct fault_table table = {
		calls, ARRAY_SIZE(calls), open_all, close_all, state, false,
	};

	return fault_main(&table, argc, argv, 3);
}
