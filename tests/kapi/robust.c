// SPDX-License-Identifier: GPL-2.0
/*
 * Wrong use, nonsense, and what can be seen of it.
 */
#include <string.h>

#include "mock.h"

void test_ranges(void)
{
	int fd = export_chunks(16, 4, 0, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	const enum mock_how hows[] = {
		MOCK_EXTENTS, MOCK_GET_PFN, MOCK_GET_PFN_UNLOCKED,
	};
	struct mock_run run;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hows); i++) {
		CHECK_EQ(page_err(id, hows[i], 15), 0);
		CHECK_EQ(page_err(id, hows[i], 16), ERANGE);
		CHECK_EQ(page_err(id, hows[i], 1UL << 52), ERANGE);
		CHECK_EQ(page_err(id, hows[i], ~0UL), ERANGE);
	}
	CHECK_EQ(lookup_err(id, MOCK_EXTENTS, 0, &run, 0, NULL), EINVAL);

	/* grants: empty, past the end, wrapped, over the end of a run */
	CHECK_EQ(map_err(id, 0, 0, 0, NULL), EINVAL);
	CHECK_EQ(map_err(id, 16, 1, 0, NULL), ERANGE);
	CHECK_EQ(map_err(id, 15, 2, 0, NULL), ERANGE);
	CHECK_EQ(map_err(id, 1, ~0UL, 0, NULL), ERANGE);
	CHECK_EQ(map_err(id, ~0UL, 2, 0, NULL), ERANGE);
	CHECK_EQ(map_err(id, 3, 2, 0, NULL), EINVAL);
	CHECK_EQ(map_err(id, 0, 16, 0, NULL), EINVAL);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 0);
	map(id, 12, 4);
	map(id, 5, 3);
	detach(id);

	/* A run that the exporter reports page by page is one all the same. */
	fd = export_chunks(16, 4, 1, 0);
	id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	map(id, 4, 4);
	CHECK_EQ(map_err(id, 4, 5, 0, NULL), EINVAL);
	detach(id);

	/* not a whole number of pages */
	CHECK_EQ(attach_err(export_bytes(page_size + 1, 0), 0, MOCK_MOVABLE, 0,
			    NULL), EINVAL);
	CHECK_EQ(attach_err(export_bytes(1, 0), 0, MOCK_MOVABLE, 0, NULL), EINVAL);
	/* not a dma-buf */
	CHECK_EQ(attach_err(-1, 0, MOCK_MOVABLE, 0, NULL), EBADF);
	CHECK_EQ(attach_err(0, 0, MOCK_MOVABLE, 0, NULL), EINVAL);
}

void test_lies(void)
{
	const enum mock_lie lies[] = {
		MOCK_LIE_NO_RUNS, MOCK_LIE_TOO_MANY, MOCK_LIE_EMPTY_RUN,
		MOCK_LIE_WRAPPED_RUN,
	};
	int fd = export_chunks(4, 2, 0, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	struct mock_run runs[8];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		long before = debugfs_errors("exporter_errors");

		ctl(fd, MOCK_LIE, lies[i]);
		CHECK_EQ(lookup_err(id, MOCK_EXTENTS, 0, runs, 8, NULL), EIO);
		CHECK_EQ(debugfs_errors("exporter_errors"), before + 1);
		CHECK_EQ(map_err(id, 0, 1, 0, NULL), EIO);
	}

	/* There may be too much: it is cut where the buffer ends. */
	ctl(fd, MOCK_LIE, MOCK_LIE_LONG_RUN);
	CHECK_EQ(lookup(id, 2, runs, 8), 1);
	CHECK_EQ(runs[0].npages, 2);
	ctl(fd, MOCK_LIE, MOCK_LIE_RUN_BEYOND);
	CHECK_EQ(lookup(id, 2, runs, 8), 1);
	CHECK_EQ(runs[0].npages, 2);

	/* A grant that does not exist. */
	ctl(fd, MOCK_LIE, MOCK_LIE_GRANT);
	CHECK_EQ(attach_err(fd, 0, MOCK_MOVABLE, 0, NULL), EIO);
	CHECK_EQ(calls(fd, MOCK_CALL_DETACH), 1);

	/* None of this is held against the importer. */
	ctl(fd, MOCK_LIE, MOCK_LIE_NONE);
	CHECK_EQ(lookup(id, 0, runs, 8), 2);
	detach(id);
}

void test_misuse(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	long before = debugfs_errors("importer_misuses");

	/* Giving back without the lock is refused, and the grant stays. */
	map(id, 0, 1);
	CHECK_EQ(unmap_err(id, 0, 1, MOCK_MAP_NO_LOCK), 0);
	CHECK_EQ(debugfs_errors("importer_misuses"), before + 1);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 0);

	/* With another mapping too: whose would that be? */
	CHECK_EQ(unmap_err(id, 0, 1, MOCK_MAP_FORGED), 0);
	CHECK_EQ(debugfs_errors("importer_misuses"), before + 2);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 0);

	/* As it was granted: fine. */
	unmap(id, 0, 1);
	CHECK_EQ(debugfs_errors("importer_misuses"), before + 2);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 1);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);
	detach(id);
}

void test_use_after_detach(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	long before = debugfs_errors("importer_misuses");
	unsigned int i, described = calls(fd, MOCK_CALL_DESCRIBE);
	int32_t errors[5];

	detach_and_use(id, errors);
	for (i = 0; i < ARRAY_SIZE(errors); i++)
		CHECK_EQ(errors[i], -ENOTCONN);
	/* The two that cannot say no: cpu_unmap, and a second detach. */
	CHECK_EQ(debugfs_errors("importer_misuses"), before + 2);
	CHECK_EQ(calls(fd, MOCK_CALL_DETACH), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_DESCRIBE), described);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 0);
}

/* An invalidation may come when the attachment is on the list, but half made. */
void test_attach_storm(void)
{
	int fd = export_buf(4, MOCK_EXP_STORMY);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, MOCK_IMP_LOOKUP);
	unsigned int other;

	CHECK_EQ(import_stat(id).callbacks, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);
	map(id, 0, 4);
	/* That of another reaches those who are there. */
	other = attach(fd, 0, MOCK_MOVABLE, 0);
	CHECK_EQ(import_stat(id).callbacks, 1);
	CHECK_EQ(import_stat(id).grants, 0);
	CHECK_EQ(import_stat(other).callbacks, 0);
	detach(id);
	detach(other);
}

void test_register(void)
{
	const enum mock_register_op bad[] = {
		MOCK_REGISTER_NO_BASE, MOCK_REGISTER_NO_ATTACH,
		MOCK_REGISTER_NO_DESCRIBE, MOCK_REGISTER_NO_EXTENTS,
		MOCK_REGISTER_NO_MAP,
	};
	int plain = export_buf(4, MOCK_EXP_NO_PFN);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK_EQ(register_err(bad[i]), EINVAL);
	CHECK_EQ(register_err(MOCK_REGISTER_TWICE), EEXIST);

	CHECK_EQ(register_err(MOCK_REGISTER), 0);
	CHECK_EQ(register_err(MOCK_REGISTER), EEXIST);
	/* Only who registered can take it away. */
	CHECK_EQ(register_err(MOCK_UNREGISTER_OTHER), 0);
	detach(attach(plain, 0, MOCK_MOVABLE, 0));
	CHECK_EQ(register_err(MOCK_UNREGISTER), 0);
	CHECK_EQ(register_err(MOCK_UNREGISTER), 0);
	CHECK_EQ(attach_err(plain, 0, MOCK_MOVABLE, 0, NULL), EOPNOTSUPP);
}

void test_debugfs(void)
{
	int fd = export_chunks(16, 4, 0, 0);
	char buf[4096], want[512];
	struct mock_run runs[16];
	unsigned int id;

	CHECK(!debugfs_attachments(buf, sizeof(buf)));
	id = attach(fd, MOCK_NEED_CPU | MOCK_CAN_MMIO, MOCK_REVOCABLE, 0);
	CHECK_EQ(lookup(id, 0, runs, 16), 4);
	CHECK_EQ(lookup(id, 4, runs, 16), 3);
	map(id, 0, 4);
	ctl(fd, MOCK_MOVE, 0);
	map(id, 4, 4);
	map(id, 8, 4);

	CHECK(debugfs_attachments(buf, sizeof(buf)));
	snprintf(want, sizeof(want), "%14lu %-12s %-9s %-16s %8d %8d %8d %8d %-12s",
		 16 * page_size, "mock", "revocable", "cpu,mmio", 7, 2, 3, 1,
		 "live");
	if (!strstr(buf, want))
		die("wanted ...%s...\ngot %s", want, buf);
	CHECK(!strncmp(buf, "mock ", 5));
	detach(id);
	CHECK(!debugfs_attachments(buf, sizeof(buf)));
}
