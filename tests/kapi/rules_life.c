// SPDX-License-Identifier: GPL-2.0
/*
 * How long what was handed out lives: R3, R5, R6, R13.
 */
#include <string.h>
#include <unistd.h>

#include "mock.h"

static void pinned(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, 0, MOCK_PINNED, MOCK_IMP_NO_OPS);
	struct mock_run run;

	CHECK_EQ(calls(fd, MOCK_CALL_PIN), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 0);
	CHECK_EQ(lookup_err(id, MOCK_GET_PFN_UNLOCKED, 1, &run, 1, NULL), 0);
	CHECK_EQ(run.pfn, ctl_value(fd, MOCK_PFN, 1));
	detach(id);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 1);

	/* Pinned, then refused: unpinned again. */
	CHECK_EQ(attach_err(export_buf(4, MOCK_EXP_MMIO), 0, MOCK_PINNED, 0,
			    NULL), EOPNOTSUPP);
	fd = export_buf(4, MOCK_EXP_MMIO);
	CHECK_EQ(attach_err(fd, 0, MOCK_PINNED, 0, NULL), EOPNOTSUPP);
	CHECK_EQ(calls(fd, MOCK_CALL_PIN), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_DETACH), 1);

	/* The pin fails: nothing to undo there. */
	fd = export_buf(4, MOCK_EXP_PIN_FAILS);
	CHECK_EQ(attach_err(fd, 0, MOCK_PINNED, 0, NULL), ENOSPC);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_DETACH), 1);
}

void test_r3(void)
{
	int fd = export_buf(4, 0);
	int no_pin = export_buf(4, MOCK_EXP_NO_PIN);
	int steady = export_buf(4, MOCK_EXP_NO_PIN | MOCK_EXP_GRANT_PINNED);
	int no_move = export_buf(4, MOCK_EXP_NO_MOVABLE);
	unsigned int id;

	pinned();

	/* No pin operation: the exporter has to say that it never moves. */
	CHECK_EQ(attach_err(no_pin, 0, MOCK_PINNED, 0, NULL), EBUSY);
	CHECK_EQ(calls(no_pin, MOCK_CALL_DETACH), 1);
	detach(attach(steady, 0, MOCK_PINNED, 0));
	detach(attach(no_pin, 0, MOCK_MOVABLE, 0));

	/* Others are not pinned, and must listen. */
	id = attach(fd, 0, MOCK_MOVABLE, 0);
	detach(attach(fd, 0, MOCK_REVOCABLE, 0));
	CHECK_EQ(calls(fd, MOCK_CALL_PIN), 0);
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(import_stat(id).callbacks, 1);
	detach(id);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 0);
	CHECK_EQ(attach_err(fd, 0, MOCK_MOVABLE, MOCK_IMP_NO_OPS, NULL), EINVAL);
	CHECK_EQ(attach_err(fd, 0, MOCK_MOVABLE, MOCK_IMP_NO_CALLBACK, NULL), EINVAL);
	CHECK_EQ(attach_err(fd, 0, MOCK_REVOCABLE, MOCK_IMP_NO_OPS, NULL), EINVAL);
	CHECK_EQ(attach_err(fd, 0, MOCK_REVOCABLE, MOCK_IMP_NO_CALLBACK, NULL), EINVAL);
	detach(attach(fd, 0, MOCK_PINNED, MOCK_IMP_NO_CALLBACK));
	CHECK_EQ(attach_err(fd, 0, 3, 0, NULL), EINVAL);

	/* The exporter sees the lifetime, and has the last word. */
	CHECK_EQ(attach_err(no_move, 0, MOCK_MOVABLE, 0, NULL), EBUSY);
	detach(attach(no_move, 0, MOCK_REVOCABLE, 0));
}

static bool state_is(const char *state)
{
	char buf[4096];

	debugfs_attachments(buf, sizeof(buf));
	return strstr(buf, state);
}

static void cast_out(void)
{
	int fd = export_buf(4, 0);
	unsigned int good = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE,
				 MOCK_IMP_KEEP_GRANT);
	long misuses = debugfs_errors("importer_misuses");

	map(id, 0, 1);
	map(id, 1, 2);
	map(good, 0, 4);
	CHECK(!state_is("broken"));
	ctl(fd, MOCK_MOVE, 0);

	/* Found out, and the exporter has its grants back all the same. */
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
	CHECK(state_is("broken"));
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 3);

	/* Nothing works for it any more, ... */
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), ENOTRECOVERABLE);
	CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, 0), ENOTRECOVERABLE);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), ENOTRECOVERABLE);
	CHECK_EQ(describe_err(id, NULL), ENOTRECOVERABLE);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), ENOTRECOVERABLE);
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), ENOTRECOVERABLE);

	/* ... giving back late does no harm, and others are not touched. */
	unmap(id, 0, 1);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 3);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
	map(good, 0, 4);
	detach(id);
	detach(good);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
	detach(attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0));
}

/* The exporter poisons what it left; poison stays poison. */
static void off_the_memory(void)
{
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	char out[] = "still here", in[sizeof(out)] = "";

	map(id, 0, 4);
	CHECK_EQ(rw_err(id, true, 5, out, sizeof(out)), 0);
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(rw_err(id, true, 5, in, sizeof(in)), ENOENT);
	CHECK_EQ(ctl_value(fd, MOCK_DAMAGE, 0), 0);
	map(id, 0, 4);
	CHECK_EQ(rw_err(id, false, 5, in, sizeof(in)), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	CHECK_EQ(rw_err(id, true, 5, out, sizeof(out)), 0);
	CHECK_EQ(ctl_value(fd, MOCK_DAMAGE, 0), 0);
	detach(id);

	/* The proof that this can be seen: one that kept the pointer. */
	id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, MOCK_IMP_KEEP_POINTER);
	map(id, 0, 4);
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(rw_err(id, true, 5, out, sizeof(out)), 0);
	CHECK_EQ(ctl_value(fd, MOCK_DAMAGE, 0), sizeof(out));
	detach(id);
}

void test_r5(void)
{
	off_the_memory();
	cast_out();
}

void test_r6(void)
{
	int fd = export_buf(8, 0);
	unsigned int a = attach(fd, 0, MOCK_MOVABLE, 0);
	unsigned int b = attach(fd, 0, MOCK_PINNED, 0);
	long misuses = debugfs_errors("importer_misuses");
	uint64_t pfn = page(a, 3);
	unsigned int i, held;
	char buf[4096];

	/* Any number of lookups, none given back: the same answer each time, ... */
	for (i = 0; i < 1000; i++) {
		CHECK_EQ(page(a, 3), pfn);
		CHECK_EQ(page(b, 3), pfn);
	}
	/* ... and nothing is held, */
	CHECK(debugfs_attachments(buf, sizeof(buf)));
	CHECK_EQ(sscanf(buf, "%*s %*s %*s %*s %*s %*s %*s %u", &held), 1);
	CHECK_EQ(held, 0);

	/* which neither a move nor a detach could miss. */
	ctl(fd, MOCK_MOVE, 0);
	CHECK(page(a, 3) != pfn);
	CHECK_EQ(page(a, 3), page(b, 3));
	detach(a);
	detach(b);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 0);
}

static void no_pfn_calls(int fd)
{
	CHECK_EQ(calls(fd, MOCK_CALL_ATTACH), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_DESCRIBE), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_GET_EXTENTS), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_BASE_ATTACH_PFN), 0);
}

void test_r13(void)
{
	int fd = export_buf(4, 0);
	int plain = export_buf(4, MOCK_EXP_NO_PFN);
	unsigned int id, old;

	/* An ordinary import of a buffer whose exporter opted in: as ever. */
	ctl(fd, MOCK_STOCK, 0);
	no_pfn_calls(fd);
	CHECK_EQ(calls(fd, MOCK_CALL_PIN), 1);
	CHECK_EQ(calls(fd, MOCK_CALL_UNPIN), 1);

	/* Both kinds at a time. */
	id = attach(fd, 0, MOCK_MOVABLE, 0);
	CHECK_EQ(ctl_value(fd, MOCK_STOCK, 0), page(id, 0) * page_size);
	detach(id);

	/* An exporter that did not opt in is not asked. */
	CHECK_EQ(attach_err(plain, 0, MOCK_MOVABLE, 0, NULL), EOPNOTSUPP);
	ctl(plain, MOCK_STOCK, 0);
	no_pfn_calls(plain);

	/* It opts in: buffers that exist speak PFN, and are imported as ever. */
	CHECK_EQ(register_err(MOCK_REGISTER), 0);
	old = attach(plain, 0, MOCK_MOVABLE, 0);
	CHECK_EQ(page_err(old, MOCK_GET_PFN, 0), 0);
	ctl(plain, MOCK_STOCK, 0);

	/* It opts out: who is there stays, nobody new comes. */
	CHECK_EQ(register_err(MOCK_UNREGISTER), 0);
	CHECK_EQ(attach_err(plain, 0, MOCK_MOVABLE, 0, NULL), EOPNOTSUPP);
	CHECK_EQ(page_err(old, MOCK_GET_PFN, 0), 0);
	ctl(plain, MOCK_MOVE, 0);
	CHECK_EQ(import_stat(old).callbacks, 1);
	CHECK_EQ(page(old, 0), ctl_value(plain, MOCK_PFN, 0));
	ctl(plain, MOCK_STOCK, 0);
	detach(old);
}
