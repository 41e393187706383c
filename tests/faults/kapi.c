// SPDX-License-Identifier: GPL-2.0
/*
 * faults_kapi: each call of dma_buf_pfn, between the mock exporter and the mock
 * importer of kernel/dma-buf-pfn/selftest. What the mock itself allocates on the way
 * fails as well.
 */
#include <unistd.h>

#include "../kapi/mock.h"

/* Ours says which call it was in. */
#undef ARRAY_SIZE
#include "faults.h"

#define PAGES	16

static int fd = -1;
static unsigned int id;

/* Sixteen pages in runs of four. */
static void make_buffer(void)
{
	fd = export_chunks(PAGES, 4, 0, 0);
}

static void make_mmio(void)
{
	fd = export_chunks(PAGES, 4, 0, MOCK_EXP_MMIO);
}

static void drop_buffer(void)
{
	NEED(calls(fd, MOCK_CALL_ATTACH) == calls(fd, MOCK_CALL_DETACH), "attached");
	NEED(calls(fd, MOCK_CALL_PIN) == calls(fd, MOCK_CALL_UNPIN), "pinned");
	NEED(calls(fd, MOCK_CALL_CPU_MAP) == calls(fd, MOCK_CALL_CPU_UNMAP), "mapped");
	close(fd);
	fd = -1;
}

static int call_pinned(void)
{
	return attach_err(fd, MOCK_NEED_CPU, MOCK_PINNED, 0, &id);
}

static int call_revocable(void)
{
	return attach_err(fd, MOCK_NEED_CPU, MOCK_REVOCABLE, 0, &id);
}

static int call_movable(void)
{
	return attach_err(fd, MOCK_NEED_CPU | MOCK_CAN_MMIO, MOCK_MOVABLE, 0, &id);
}

static void undo_attach(void)
{
	detach(id);
}

static void verify_attach(void)
{
	NEED(!page_err(id, MOCK_GET_PFN, 0), "no page");
}

static void make_import(void)
{
	make_buffer();
	id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
}

static void drop_import(void)
{
	detach(id);
	drop_buffer();
}

static struct mock_run runs[PAGES];
static unsigned int got;

static int call_extents(void)
{
	return lookup_err(id, MOCK_EXTENTS, 0, runs, PAGES, &got);
}

static void verify_extents(void)
{
	NEED(got == 4 && runs[3].npages == 4, "%u runs", got);
}

static int call_pfn(void)
{
	return page_err(id, MOCK_GET_PFN, 5);
}

static int call_pfn_unlocked(void)
{
	return page_err(id, MOCK_GET_PFN_UNLOCKED, 5);
}

static int call_describe(void)
{
	return describe_err(id, NULL);
}

static int call_map(void)
{
	return map_err(id, 4, 4, 0, NULL);
}

static void verify_map(void)
{
	char byte;

	NEED(import_stat(id).grants == 1, "%u grants", import_stat(id).grants);
	NEED(!rw_err(id, false, 5 * page_size, &byte, 1), "no access");
}

static void undo_map(void)
{
	unmap(id, 4, 4);
}

static int call_map_extents(void)
{
	uint64_t npages = 8;
	unsigned int nr = 4;

	return map_extents_err(id, 4, &npages, &nr);
}

static void undo_map_extents(void)
{
	NEED(!unmap_err(id, 0, 0, MOCK_MAP_ALL), "cpu_unmap_all");
}

static void make_map(void)
{
	make_import();
	map(id, 4, 4);
}

static int call_unmap(void)
{
	return unmap_err(id, 4, 4, 0);
}

static void redo_map(void)
{
	map(id, 4, 4);
}

/* The detach that a process does by closing its file is the same. */
static int call_detach(void)
{
	detach(id);
	return 0;
}

static void redo_attach(void)
{
	id = attach(fd, MOCK_NEED_CPU, MOCK_PINNED, 0);
	map(id, 0, 4);
	unmap(id, 0, 4);
}

static void make_attached(void)
{
	make_buffer();
	redo_attach();
}

/* An importer with a grant is told to stop; the exporter moves its pages. */
static int call_move(void)
{
	return ctl_err(fd, MOCK_MOVE, 0);
}

static void verify_move(void)
{
	NEED(!import_stat(id).grants, "a grant is left");
	map(id, 4, 4);
}

static void undo_move(void)
{
	if (!import_stat(id).grants)
		map(id, 4, 4);
}

static int call_register(void)
{
	return register_err(MOCK_REGISTER);
}

static void undo_register(void)
{
	NEED(!register_err(MOCK_UNREGISTER), "unregister");
}

static int call_debugfs(void)
{
	FILE *f = fopen("/sys/kernel/debug/dma_buf_pfn/attachments", "re");
	char line[256];
	int err = 0;

	if (!f)
		return errno;
	setvbuf(f, NULL, _IONBF, 0);
	errno = 0;
	while (fgets(line, sizeof(line), f))
		;
	if (ferror(f))
		err = errno ?: EIO;
	fclose(f);
	return err;
}

static const struct fault_call table_calls[] = {
	CALL("attach, pinned", "dma_buf_pfn_attach dma_buf_pfn_detach", call_pinned,
	     .undo = undo_attach, .verify = verify_attach, .prepare = make_buffer,
	     .unprepare = drop_buffer),
	CALL("attach, revocable", "dma_buf_pfn_attach", call_revocable,
	     .undo = undo_attach, .verify = verify_attach, .prepare = make_buffer,
	     .unprepare = drop_buffer),
	CALL("attach, movable, MMIO", "dma_buf_pfn_attach dma_buf_pfn_from_attachment",
	     call_movable, .undo = undo_attach, .verify = verify_attach,
	     .prepare = make_mmio, .unprepare = drop_buffer),
	CALL("detach", "dma_buf_pfn_detach", call_detach, .undo = redo_attach,
	     .prepare = make_attached, .unprepare = drop_import,
	     .flags = FAULT_NEVER_FAILS | FAULT_MAY_BE_NONE),
	CALL("get_extents", "dma_buf_get_extents", call_extents, .verify = verify_extents,
	     .prepare = make_import, .unprepare = drop_import),
	CALL("get_pfn", "dma_buf_get_pfn", call_pfn, .prepare = make_import,
	     .unprepare = drop_import, .flags = FAULT_MAY_BE_NONE),
	CALL("get_pfn_unlocked", "dma_buf_get_pfn_unlocked", call_pfn_unlocked,
	     .prepare = make_import, .unprepare = drop_import, .flags = FAULT_MAY_BE_NONE),
	CALL("describe", "dma_buf_pfn_describe", call_describe, .prepare = make_import,
	     .unprepare = drop_import, .flags = FAULT_MAY_BE_NONE),
	CALL("cpu_map", "dma_buf_pfn_cpu_map dma_buf_pfn_cpu_unmap", call_map,
	     .undo = undo_map, .verify = verify_map, .prepare = make_import,
	     .unprepare = drop_import),
	CALL("cpu_map_extents", "dma_buf_pfn_cpu_map_extents dma_buf_pfn_cpu_unmap_all",
	     call_map_extents, .undo = undo_map_extents, .prepare = make_import,
	     .unprepare = drop_import),
	CALL("cpu_unmap", "dma_buf_pfn_cpu_unmap", call_unmap, .undo = redo_map,
	     .prepare = make_map, .unprepare = drop_import,
	     .flags = FAULT_NEVER_FAILS | FAULT_MAY_BE_NONE),
	CALL("invalidate", "pfn_attach_ops_p2p.invalidate_mappings "
	     "pfn_attach_ops_pages.invalidate_mappings", call_move, .undo = undo_move,
	     .verify = verify_move, .prepare = make_map, .unprepare = drop_import),
	CALL("register_exporter",
	     "dma_buf_pfn_register_exporter dma_buf_pfn_unregister_exporter", call_register,
	     .undo = undo_register),
	CALL("attachments in debugfs", "pfn_attachments.show", call_debugfs,
	     .prepare = make_import, .unprepare = drop_import),
};

static void open_all(char **argv)
{
	(void)argv;
	mock_open();
}

static void close_all(void)
{
}

static void state(FILE *out)
{
	state_modules(out);
	state_self(out);
	state_attachments(out);
	if (fd >= 0) {
		fprintf(out, "attached %u pinned %u mapped %u\n",
			calls(fd, MOCK_CALL_ATTACH) - calls(fd, MOCK_CALL_DETACH),
			calls(fd, MOCK_CALL_PIN) - calls(fd, MOCK_CALL_UNPIN),
			calls(fd, MOCK_CALL_CPU_MAP) - calls(fd, MOCK_CALL_CPU_UNMAP));
		fprintf(out, "misuses %ld\n", debugfs_errors("importer_misuses"));
	}
	state_sites(out);
}

int main(int argc, char **argv)
{
	static const struct fault_table table = {
		table_calls, sizeof(table_calls) / sizeof(table_calls[0]),
		open_all, close_all, state, false,
	};

	return fault_main(&table, argc, argv, 0);
}
