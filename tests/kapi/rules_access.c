// SPDX-License-Identifier: GPL-2.0
/*
 * Who may reach the memory, and how: R1, R2, R7, R8, R11.
 */
#include <string.h>
#include <unistd.h>

#include "mock.h"

void test_r1(void)
{
	int fd = export_buf(16, 0);
	unsigned int deaf = attach(fd, 0, MOCK_MOVABLE, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	long misuses = debugfs_errors("importer_misuses");
	char out[] = "through a grant", in[sizeof(out)] = "";
	struct mock_run runs[16];

	/* An importer that did not declare CPU access gets none, ... */
	CHECK_EQ(map_err(deaf, 0, 4, 0, NULL), EPERM);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 0);
	CHECK_EQ(rw_err(deaf, true, 0, out, sizeof(out)), ENOENT);

	/* ... one that did gets it from the exporter, who knows of each grant. */
	CHECK_EQ(lookup(id, 0, runs, 16), 1);
	map(id, 0, 4);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 1);
	CHECK_EQ(rw_err(id, true, 100, out, sizeof(out)), 0);
	CHECK_EQ(rw_err(id, false, 100, in, sizeof(in)), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
	unmap(id, 0, 4);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 1);
	CHECK_EQ(rw_err(id, false, 100, in, sizeof(in)), ENOENT);

	/* The exporter never hears of a grant that it did not make. */
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses);
	CHECK_EQ(unmap_err(id, 0, 4, MOCK_MAP_FORGED), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 1);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
	map(id, 4, 4);
	CHECK_EQ(unmap_err(id, 4, 5, MOCK_MAP_FORGED), 0);
	CHECK_EQ(unmap_err(id, 5, 3, MOCK_MAP_FORGED), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 1);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 3);

	/* The same range twice is two grants, and two to give back. */
	map(id, 4, 4);
	unmap(id, 4, 4);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 2);
	map(id, 8, 8);

	/* It can take them back at any time. */
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(import_stat(id).grants, 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 4);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 4);

	/* One that is kept until detach goes back then. */
	detach(id);
	id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, MOCK_IMP_KEEP_GRANT);
	map(id, 0, 1);
	map(id, 1, 2);
	detach(id);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), 6);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 4);
	detach(deaf);
}

/* Many runs are one grant: each of them from the exporter, who gets each of them back. */
void test_r1_many(void)
{
	int fd = export_chunks(16, 2, 0, 0);
	unsigned int id = attach(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	unsigned int deaf = attach(fd, 0, MOCK_MOVABLE, 0);
	long misuses = debugfs_errors("importer_misuses");
	unsigned int nr = 8, asked = 0, given = 0;
	uint64_t npages = 16;

	CHECK_EQ(map_extents_err(deaf, 0, &npages, &nr), EPERM);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 0);

	/* The mock asks for each run alone as well, to compare. */
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), 0);
	CHECK_EQ(nr, 8);
	CHECK_EQ(npages, 16);
	asked += 16, given += 8;
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), asked);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), given);

	/* It goes back as one: no part of it is known. */
	CHECK_EQ(unmap_err(id, 0, 2, MOCK_MAP_FORGED), 0);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
	unmap(id, 0, 16);
	given += 8;
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), given);

	/* A range in the middle of runs, and less room than it has runs. */
	npages = 7, nr = 8;
	CHECK_EQ(map_extents_err(id, 3, &npages, &nr), 0);
	CHECK_EQ(nr, 4);
	CHECK_EQ(npages, 7);
	asked += 8, given += 4;
	npages = 16, nr = 3;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), 0);
	CHECK_EQ(nr, 3);
	CHECK_EQ(npages, 6);
	asked += 6, given += 3;

	/* All at once, and what there is none of. */
	CHECK_EQ(unmap_err(id, 0, 0, MOCK_MAP_ALL), 0);
	given += 7;
	CHECK_EQ(unmap_err(id, 0, 0, MOCK_MAP_ALL), 0);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), asked);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), given);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);

	/* Given back when the exporter wants it. */
	npages = 16, nr = 8;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), 0);
	ctl(fd, MOCK_MOVE, 0);
	asked += 16, given += 16;
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), given);

	/* Half of it cannot be had: nothing is. */
	ctl(fd, MOCK_LIE, MOCK_LIE_MAP_FAILS);
	npages = 16, nr = 8;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), ENOSPC);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), asked + 5);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), given + 4);
	CHECK_EQ(import_stat(id).grants, 0);
	ctl(fd, MOCK_LIE, MOCK_LIE_NONE);

	npages = 17, nr = 8;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), ERANGE);
	npages = 0;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), EINVAL);
	npages = 1, nr = 0;
	CHECK_EQ(map_extents_err(id, 0, &npages, &nr), EINVAL);
	detach(id);
	detach(deaf);
	CHECK_EQ(debugfs_errors("importer_misuses"), misuses + 1);
}

/* A refused attachment leaves nothing behind at the exporter. */
static void refused(int fd, unsigned int needs, int err)
{
	CHECK_EQ(attach_err(fd, needs, MOCK_MOVABLE, 0, NULL), err);
	CHECK_EQ(calls(fd, MOCK_CALL_ATTACH), calls(fd, MOCK_CALL_DETACH));
}

void test_r2(void)
{
	int ram = export_buf(4, 0);
	int mmio = export_buf(4, MOCK_EXP_MMIO);
	int no_cpu = export_buf(4, MOCK_EXP_NO_CPU);
	int kept = export_buf(4, MOCK_EXP_KEEP_CPU);
	int promised = export_buf(4, MOCK_EXP_NO_CPU | MOCK_EXP_PROMISE_CPU);
	unsigned int id;

	/* CPU access */
	refused(no_cpu, MOCK_NEED_CPU, EOPNOTSUPP);
	refused(kept, MOCK_NEED_CPU, EOPNOTSUPP);
	refused(promised, MOCK_NEED_CPU, EOPNOTSUPP);
	detach(attach(no_cpu, 0, MOCK_MOVABLE, 0));
	detach(attach(ram, MOCK_NEED_CPU, MOCK_MOVABLE, 0));

	/* memory without pages; who needs pages is shown as such to dma-buf */
	CHECK_EQ(calls(ram, MOCK_CALL_BASE_ATTACH_PFN), 1);
	CHECK_EQ(calls(ram, MOCK_CALL_BASE_ATTACH_P2P), 0);
	refused(mmio, 0, EOPNOTSUPP);
	refused(mmio, MOCK_NEED_CPU, EOPNOTSUPP);
	CHECK_EQ(calls(mmio, MOCK_CALL_BASE_ATTACH_P2P), 0);
	detach(attach(mmio, MOCK_CAN_MMIO | MOCK_NEED_CPU, MOCK_MOVABLE, 0));
	CHECK_EQ(calls(mmio, MOCK_CALL_BASE_ATTACH_P2P), 1);

	/* needs nobody has heard of */
	CHECK_EQ(attach_err(ram, 1U << 3, MOCK_MOVABLE, 0, NULL), EINVAL);
	CHECK_EQ(attach_err(ram, 1U << 31, MOCK_MOVABLE, 0, NULL), EINVAL);

	/* Memory may become something else later: each lookup looks again. */
	id = attach(ram, MOCK_NEED_CPU, MOCK_MOVABLE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);
	ctl(ram, MOCK_MOVE, MOCK_EXP_MMIO);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EOPNOTSUPP);
	CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, 0), EOPNOTSUPP);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), EOPNOTSUPP);
	CHECK_EQ(describe_err(id, NULL), EOPNOTSUPP);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), EOPNOTSUPP);
	ctl(ram, MOCK_MOVE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);
	map(id, 0, 1);
	detach(id);

	/* A buffer that is away for a moment may be attached to ... */
	ctl(mmio, MOCK_MOVING, 1);
	id = attach(mmio, 0, MOCK_MOVABLE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EAGAIN);
	/* ... but is not used as what it is not allowed to be. */
	ctl(mmio, MOCK_MOVING, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EOPNOTSUPP);
	detach(id);

	/* One that is gone for good may not. */
	ctl(ram, MOCK_REVOKE, 0);
	refused(ram, 0, EKEYREVOKED);
}

/* One refusal for each reason, and no more: the log takes few at a time. */
void test_refusals(void)
{
	static const struct {
		unsigned int buffer, needs, lifetime;
		int err;
	} cases[] = {
		{ MOCK_EXP_NO_CPU, MOCK_NEED_CPU, MOCK_MOVABLE, EOPNOTSUPP },
		{ MOCK_EXP_NO_CPU | MOCK_EXP_PROMISE_CPU, MOCK_NEED_CPU,
		  MOCK_MOVABLE, EOPNOTSUPP },
		{ MOCK_EXP_MMIO, MOCK_NEED_CPU, MOCK_REVOCABLE, EOPNOTSUPP },
		{ MOCK_EXP_PRIVATE, MOCK_CAN_MMIO, MOCK_MOVABLE, EPERM },
		{ MOCK_EXP_NO_PIN, 0, MOCK_PINNED, EBUSY },
		{ MOCK_EXP_PIN_FAILS, 0, MOCK_PINNED, ENOSPC },
		{ MOCK_EXP_NO_MOVABLE, MOCK_CAN_PRIVATE, MOCK_MOVABLE, EBUSY },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		CHECK_EQ(attach_err(export_buf(4, cases[i].buffer), cases[i].needs,
				    cases[i].lifetime, 0, NULL), cases[i].err);
}

static void described(unsigned int flags, unsigned int needs,
		      unsigned int caching, unsigned int want, bool provider)
{
	int fd = export_buf(4, flags);
	unsigned int id = attach(fd, needs, MOCK_MOVABLE, 0);
	struct mock_describe info;

	CHECK_EQ(describe_err(id, &info), 0);
	CHECK_EQ(info.caching, caching);
	CHECK_EQ(info.flags, want);
	CHECK_EQ(info.provider, provider);
	detach(id);
	close(fd);
}

void test_r7(void)
{
	const enum mock_lie lies[] = {
		MOCK_LIE_FLAGS, MOCK_LIE_PRIVATE_CPU, MOCK_LIE_CACHING,
		MOCK_LIE_POSITIVE,
	};
	int fd = export_buf(4, 0);
	unsigned int id = attach(fd, MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0);
	struct mock_describe info;
	size_t i;

	described(0, 0, MOCK_WB, MOCK_HAS_PAGES | MOCK_CPU_OK, false);
	described(MOCK_EXP_NO_CPU, 0, MOCK_WB, MOCK_HAS_PAGES, false);
	described(MOCK_EXP_MMIO, MOCK_CAN_MMIO, MOCK_WC,
		  MOCK_IS_MMIO | MOCK_CPU_OK, true);
	described(MOCK_EXP_MMIO | MOCK_EXP_PRIVATE,
		  MOCK_CAN_MMIO | MOCK_CAN_PRIVATE, MOCK_WC,
		  MOCK_IS_MMIO | MOCK_IS_PRIVATE, true);
	described(MOCK_EXP_PRIVATE, MOCK_CAN_PRIVATE, MOCK_WB,
		  MOCK_HAS_PAGES | MOCK_IS_PRIVATE, false);

	/* An answer that contradicts itself is none. */
	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		long before = debugfs_errors("exporter_errors");

		ctl(fd, MOCK_LIE, lies[i]);
		CHECK_EQ(describe_err(id, NULL), EIO);
		CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EIO);
		CHECK_EQ(attach_err(fd, MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0, NULL), EIO);
		CHECK_EQ(debugfs_errors("exporter_errors"), before + 3);
	}
	ctl(fd, MOCK_LIE, MOCK_LIE_NONE);

	/* It says what is, not what was. */
	CHECK_EQ(describe_err(id, &info), 0);
	CHECK_EQ(info.flags, MOCK_HAS_PAGES | MOCK_CPU_OK);
	detach(id);
	id = attach(fd, MOCK_CAN_MMIO, MOCK_MOVABLE, 0);
	ctl(fd, MOCK_MOVE, MOCK_EXP_MMIO);
	CHECK_EQ(describe_err(id, &info), 0);
	CHECK_EQ(info.flags, MOCK_IS_MMIO | MOCK_CPU_OK);
	detach(id);
}

void test_r8(void)
{
	int fd = export_buf(4, MOCK_EXP_PRIVATE);
	int promised = export_buf(4, MOCK_EXP_PRIVATE | MOCK_EXP_PROMISE_CPU);
	int later = export_buf(4, 0);
	unsigned int id, cpu;

	refused(fd, 0, EPERM);
	refused(fd, MOCK_CAN_MMIO, EPERM);
	refused(fd, MOCK_NEED_CPU | MOCK_CAN_PRIVATE, EOPNOTSUPP);

	/* Not even if the exporter would let it. */
	refused(promised, MOCK_NEED_CPU, EPERM);
	refused(promised, MOCK_NEED_CPU | MOCK_CAN_PRIVATE, EPERM);

	id = attach(fd, MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), 0);
	CHECK_EQ(map_err(id, 0, 1, 0, NULL), EPERM);
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_MAP), 0);
	detach(id);

	/* Memory that becomes private is out of reach from then on. */
	id = attach(later, 0, MOCK_MOVABLE, 0);
	cpu = attach(later, MOCK_NEED_CPU | MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0);
	map(cpu, 0, 1);
	ctl(later, MOCK_PRIVATE, 0);
	CHECK_EQ(import_stat(cpu).grants, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EPERM);
	CHECK_EQ(page_err(id, MOCK_GET_PFN_UNLOCKED, 0), EPERM);
	CHECK_EQ(page_err(id, MOCK_EXTENTS, 0), EPERM);
	CHECK_EQ(describe_err(id, NULL), EPERM);
	CHECK_EQ(map_err(cpu, 0, 1, 0, NULL), EPERM);
	CHECK_EQ(calls(later, MOCK_CALL_CPU_MAP), 1);
	detach(cpu);
	detach(id);
}

static void mapped_wrongly(unsigned int flags, unsigned int needs)
{
	const enum mock_lie lies[] = { MOCK_LIE_MAP_KIND, MOCK_LIE_MAP_NULL };
	int fd = export_buf(4, flags);
	unsigned int id = attach(fd, needs, MOCK_MOVABLE, 0);
	unsigned int nr = 4;
	uint64_t npages = 4;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lies); i++) {
		long before = debugfs_errors("exporter_errors");

		ctl(fd, MOCK_LIE, lies[i]);
		CHECK_EQ(map_err(id, 0, 1, 0, NULL), EIO);
		CHECK_EQ(map_extents_err(id, 0, &npages, &nr), EIO);
		CHECK_EQ(debugfs_errors("exporter_errors"), before + 2);
	}
	/* What was refused was given back to it. */
	CHECK_EQ(calls(fd, MOCK_CALL_CPU_UNMAP), calls(fd, MOCK_CALL_CPU_MAP));
	detach(id);
	close(fd);
}

/* Writes, and reads it back; through the grant of the first pages. */
static void written(unsigned int id)
{
	char out[77], in[sizeof(out)] = "";
	size_t i;
	int err;

	for (i = 0; i < sizeof(out); i++)
		out[i] = i * 7 + 1;
	err = rw_err(id, true, page_size + 3, out, sizeof(out));
	if (err == EOPNOTSUPP) {
		printf("this kernel's I/O accessors do not reach mock MMIO: not written to\n");
		return;
	}
	CHECK_EQ(err, 0);
	CHECK_EQ(rw_err(id, false, page_size + 3, in, sizeof(in)), 0);
	CHECK(!memcmp(in, out, sizeof(in)));
}

void test_r11(void)
{
	int fd = export_buf(4, MOCK_EXP_MMIO);
	unsigned int id = attach(fd, MOCK_NEED_CPU | MOCK_CAN_MMIO, MOCK_MOVABLE, 0);
	bool is_iomem = false;

	CHECK_EQ(map_err(id, 1, 2, 0, &is_iomem), 0);
	CHECK(is_iomem);
	written(id);

	/* Now in RAM: the kind follows the memory. */
	ctl(fd, MOCK_MOVE, 0);
	CHECK_EQ(map_err(id, 1, 2, 0, &is_iomem), 0);
	CHECK(!is_iomem);
	written(id);
	detach(id);

	/* A plain pointer to MMIO, or an I/O one to RAM, reaches no importer. */
	mapped_wrongly(MOCK_EXP_MMIO, MOCK_NEED_CPU | MOCK_CAN_MMIO);
	mapped_wrongly(0, MOCK_NEED_CPU);
}
