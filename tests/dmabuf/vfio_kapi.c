// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_kapi BDF CASE: dma-bufs of VFIO as an importer by page frame number sees
 * them, by the mock importer of the kAPI's tests.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../kapi/mock.h"
#include "../../kernel/softgpu/selftest/importer-abi.h"
#include "vfio_util.h"

#define CAN	(MOCK_NEED_CPU | MOCK_CAN_MMIO)

static struct vfio v;
static const char *bdf;

/* Physical page of the BAR's first byte, as the PCI core knows it. */
static uint64_t bar_pfn(unsigned int bar)
{
	char path[96], line[128] = "";
	unsigned int i;
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", bdf);
	f = fopen(path, "re");
	CHECK(f);
	for (i = 0; i <= bar; i++)
		CHECK(fgets(line, sizeof(line), f));
	fclose(f);
	return strtoull(line, NULL, 16) / VFIO_PAGE;
}

static int buffer(void)
{
	static const struct vfio_range ranges[] = {
		{ 9, 5 }, { 100, 7 }, { 40, 2 }, { 42, 3 }, { 9, 1 },
	};

	return vfio_dmabuf(&v, 2, ranges, ARRAY_SIZE(ranges));
}

/* Runs as they were asked for, neighbours joined, from wherever one begins. */
static void case_extents(void)
{
	static const struct mock_run want[] = {
		{ 9, 5 }, { 100, 7 }, { 40, 5 }, { 9, 1 },
	};
	struct mock_describe info = {};
	struct mock_run runs[8];
	uint64_t base = bar_pfn(2), pgoff = 0;
	unsigned int id, i;
	bool iomem;
	int fd;

	fd = buffer();
	id = attach(fd, CAN, MOCK_MOVABLE, 0);
	info.id = id;
	CHECK_EQ(describe_err(id, &info), 0);
	CHECK_EQ(info.caching, MOCK_UC);
	CHECK_EQ(info.flags, MOCK_IS_MMIO | MOCK_CPU_OK);
	CHECK_EQ(info.provider, 1);
	CHECK_EQ(lookup(id, 0, runs, 8), ARRAY_SIZE(want));
	for (i = 0; i < ARRAY_SIZE(want); i++) {
		CHECK_EQ(runs[i].pfn, base + want[i].pfn);
		CHECK_EQ(runs[i].npages, want[i].npages);
	}
	for (i = 0; i < ARRAY_SIZE(want); i++)
		for (uint64_t skip = 0; skip < want[i].npages; skip++, pgoff++) {
			CHECK_EQ(lookup(id, pgoff, runs, 1), 1);
			CHECK_EQ(runs[0].pfn, base + want[i].pfn + skip);
			CHECK_EQ(runs[0].npages, want[i].npages - skip);
		}
	CHECK_EQ(page_err(id, MOCK_GET_PFN, pgoff), ERANGE);
	/* Over a joint of two ranges; and over the end of a run. */
	CHECK_EQ(map_err(id, 13, 3, 0, &iomem), 0);
	CHECK(iomem);
	unmap(id, 13, 3);
	CHECK_EQ(map_err(id, 4, 2, 0, &iomem), EINVAL);
	detach(id);
	close(fd);
}

static void case_lifetimes(void)
{
	unsigned int id;
	int fd = buffer();

	CHECK_EQ(attach_err(fd, CAN, MOCK_PINNED, 0, NULL), EBUSY);
	CHECK_EQ(attach_err(fd, MOCK_NEED_CPU, MOCK_MOVABLE, 0, NULL), EOPNOTSUPP);
	id = attach(fd, CAN, MOCK_REVOCABLE, 0);
	detach(id);

	/* Withdrawn: may be attached to, and asked until it is there. */
	vfio_memory(&v, false);
	id = attach(fd, CAN, MOCK_REVOCABLE, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), ENODEV);
	vfio_memory(&v, true);
	CHECK_EQ(page(id, 0), bar_pfn(2) + 9);
	map(id, 0, 5);
	CHECK_EQ(import_stat(id).grants, 1);
	vfio_memory(&v, false);
	CHECK_EQ(import_stat(id).grants, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), ENODEV);
	vfio_memory(&v, true);
	map(id, 0, 5);

	/* Closed: gone for good, also when the device is opened again. */
	vfio_close(&v);
	CHECK_EQ(import_stat(id).grants, 0);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EKEYREVOKED);
	CHECK_EQ(attach_err(fd, CAN, MOCK_MOVABLE, 0, NULL), EKEYREVOKED);
	vfio_open(&v, bdf);
	CHECK_EQ(page_err(id, MOCK_GET_PFN, 0), EKEYREVOKED);
	detach(id);
	close(fd);
}

static int import_err(int fd, enum importer_how how)
{
	struct importer_import req = { .fd = fd, .how = how };
	int dev = open("/dev/softgpu_importer", O_RDWR | O_CLOEXEC);
	int err;

	CHECK(dev >= 0);
	err = ioctl(dev, IMPORTER_IMPORT, &req) ? errno : 0;
	close(dev);
	return err;
}

/* R8: page frame numbers for those who can handle it, the CPU for none. */
static void case_private(void)
{
	unsigned int needs = MOCK_CAN_MMIO | MOCK_CAN_PRIVATE;
	struct mock_describe info = {};
	unsigned int id;
	bool iomem;
	int fd;

	CHECK_EQ(vfio_sysfs_err(bdf, "vfio_pci_pfn/private", "0"), EBUSY);
	fd = buffer();
	CHECK_EQ(attach_err(fd, CAN, MOCK_MOVABLE, 0, NULL), EPERM);
	CHECK_EQ(attach_err(fd, MOCK_CAN_MMIO, MOCK_MOVABLE, 0, NULL), EPERM);
	CHECK_EQ(attach_err(fd, CAN | MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0, NULL), EPERM);
	CHECK_EQ(attach_err(fd, MOCK_CAN_PRIVATE, MOCK_MOVABLE, 0, NULL), EOPNOTSUPP);
	CHECK_EQ(import_err(fd, IMPORTER_STATIC), EPERM);
	CHECK_EQ(import_err(fd, IMPORTER_DYNAMIC), EPERM);
	/* Refused at attach while it is withdrawn too. */
	vfio_memory(&v, false);
	CHECK_EQ(attach_err(fd, CAN, MOCK_MOVABLE, 0, NULL), EPERM);
	vfio_memory(&v, true);

	id = attach(fd, needs, MOCK_MOVABLE, 0);
	info.id = id;
	CHECK_EQ(describe_err(id, &info), 0);
	CHECK_EQ(info.flags, MOCK_IS_MMIO | MOCK_IS_PRIVATE);
	CHECK_EQ(page(id, 5), bar_pfn(2) + 100);
	CHECK_EQ(map_err(id, 0, 1, 0, &iomem), EPERM);
	detach(id);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: vfio_kapi BDF CASE\n");
		return 2;
	}
	bdf = argv[1];
	mock_open();
	vfio_open(&v, bdf);
	if (!strcmp(argv[2], "extents"))
		case_extents();
	else if (!strcmp(argv[2], "lifetimes"))
		case_lifetimes();
	else if (!strcmp(argv[2], "private"))
		case_private();
	else
		die("no such case: %s", argv[2]);
	vfio_close(&v);
	return 0;
}
