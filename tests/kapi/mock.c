// SPDX-License-Identifier: GPL-2.0
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "mock.h"

#define DEBUGFS "/sys/kernel/debug/dma_buf_pfn/"

unsigned long page_size;

static int dev = -1;

void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void mock_open(void)
{
	page_size = sysconf(_SC_PAGESIZE);
	dev = open("/dev/dma_buf_pfn_mock", O_RDWR | O_CLOEXEC);
	if (dev < 0)
		die("/dev/dma_buf_pfn_mock: %s", strerror(errno));
}

static int call(unsigned long cmd, void *arg)
{
	return ioctl(dev, cmd, arg) ? errno : 0;
}

static void must(int err, const char *what)
{
	if (err)
		die("%s: %s", what, strerror(err));
}

static int export(uint64_t bytes, unsigned int chunk, unsigned int report,
		  unsigned int flags)
{
	struct mock_export arg = {
		.size = bytes,
		.chunk = chunk,
		.report = report,
		.flags = flags,
	};

	must(call(MOCK_IOC_EXPORT, &arg), "export");
	return arg.fd;
}

int export_chunks(unsigned long npages, unsigned int chunk,
		  unsigned int report, unsigned int flags)
{
	return export((uint64_t)npages * page_size, chunk, report, flags);
}

int export_buf(unsigned long npages, unsigned int flags)
{
	return export_chunks(npages, 0, 0, flags);
}

int export_bytes(uint64_t bytes, unsigned int flags)
{
	return export(bytes, 0, 0, flags);
}

static int ctl_call(struct mock_ctl *arg)
{
	return call(MOCK_IOC_CTL, arg);
}

int ctl_err(int fd, enum mock_ctl_op op, uint64_t arg)
{
	struct mock_ctl c = { .fd = fd, .op = op, .arg = arg };

	return ctl_call(&c);
}

void ctl(int fd, enum mock_ctl_op op, uint64_t arg)
{
	must(ctl_err(fd, op, arg), "ctl");
}

uint64_t ctl_value(int fd, enum mock_ctl_op op, uint64_t arg)
{
	struct mock_ctl c = { .fd = fd, .op = op, .arg = arg };

	must(ctl_call(&c), "ctl");
	return c.value;
}

unsigned int calls(int fd, enum mock_call which)
{
	struct mock_stats arg = { .fd = fd };

	must(call(MOCK_IOC_STATS, &arg), "stats");
	return arg.calls[which];
}

int register_err(enum mock_register_op op)
{
	struct mock_register arg = { .op = op };

	return call(MOCK_IOC_REGISTER, &arg);
}

int attach_err(int fd, unsigned int needs, unsigned int lifetime,
	       unsigned int behave, unsigned int *id)
{
	struct mock_attach arg = {
		.fd = fd,
		.needs = needs,
		.lifetime = lifetime,
		.behave = behave,
	};
	int err = call(MOCK_IOC_ATTACH, &arg);

	if (id)
		*id = arg.id;
	return err;
}

unsigned int attach(int fd, unsigned int needs, unsigned int lifetime,
		    unsigned int behave)
{
	unsigned int id;

	must(attach_err(fd, needs, lifetime, behave, &id), "attach");
	return id;
}

void detach(unsigned int id)
{
	struct mock_detach arg = { .id = id };

	must(call(MOCK_IOC_DETACH, &arg), "detach");
}

void detach_and_use(unsigned int id, int32_t errors[5])
{
	struct mock_detach arg = { .id = id, .use_after = 1 };

	must(call(MOCK_IOC_DETACH, &arg), "detach");
	memcpy(errors, arg.errors, sizeof(arg.errors));
}

int lookup_err(unsigned int id, enum mock_how how, uint64_t pgoff,
	       struct mock_run *runs, unsigned int nr, unsigned int *got)
{
	struct mock_lookup arg = {
		.id = id,
		.how = how,
		.pgoff = pgoff,
		.nr = nr,
		.vec = (uintptr_t)runs,
	};
	int err = call(MOCK_IOC_LOOKUP, &arg);

	if (got)
		*got = arg.got;
	return err;
}

unsigned int lookup(unsigned int id, uint64_t pgoff, struct mock_run *runs,
		    unsigned int nr)
{
	unsigned int got;

	must(lookup_err(id, MOCK_EXTENTS, pgoff, runs, nr, &got), "get_extents");
	return got;
}

int page_err(unsigned int id, enum mock_how how, uint64_t pgoff)
{
	struct mock_run run;

	return lookup_err(id, how, pgoff, &run, 1, NULL);
}

uint64_t page(unsigned int id, uint64_t pgoff)
{
	struct mock_run run;

	must(lookup_err(id, MOCK_GET_PFN, pgoff, &run, 1, NULL), "get_pfn");
	return run.pfn;
}

int describe_err(unsigned int id, struct mock_describe *info)
{
	struct mock_describe arg = { .id = id };
	int err = call(MOCK_IOC_DESCRIBE, &arg);

	if (info)
		*info = arg;
	return err;
}

int map_err(unsigned int id, uint64_t pgoff, uint64_t npages,
	    unsigned int flags, bool *is_iomem)
{
	struct mock_map arg = {
		.id = id,
		.flags = flags,
		.pgoff = pgoff,
		.npages = npages,
	};
	int err = call(MOCK_IOC_MAP, &arg);

	if (is_iomem)
		*is_iomem = arg.is_iomem;
	return err;
}

void map(unsigned int id, uint64_t pgoff, uint64_t npages)
{
	must(map_err(id, pgoff, npages, 0, NULL), "cpu_map");
}

/* @npages, @nr: out too */
int map_extents_err(unsigned int id, uint64_t pgoff, uint64_t *npages,
		    unsigned int *nr)
{
	struct mock_map arg = {
		.id = id,
		.flags = MOCK_MAP_EXTENTS,
		.pgoff = pgoff,
		.npages = *npages,
		.nr = *nr,
	};
	int err = call(MOCK_IOC_MAP, &arg);

	*npages = arg.npages;
	*nr = arg.nr;
	return err;
}

int unmap_err(unsigned int id, uint64_t pgoff, uint64_t npages,
	      unsigned int flags)
{
	struct mock_map arg = {
		.id = id,
		.flags = flags,
		.pgoff = pgoff,
		.npages = npages,
	};

	return call(MOCK_IOC_UNMAP, &arg);
}

void unmap(unsigned int id, uint64_t pgoff, uint64_t npages)
{
	must(unmap_err(id, pgoff, npages, 0), "cpu_unmap");
}

int rw_err(unsigned int id, bool write, uint64_t offset, void *data,
	   unsigned int len)
{
	struct mock_rw arg = {
		.id = id,
		.write = write,
		.offset = offset,
		.len = len,
		.data = (uintptr_t)data,
	};

	return call(MOCK_IOC_RW, &arg);
}

uint64_t seq_begin(unsigned int id)
{
	struct mock_seq arg = { .id = id };

	must(call(MOCK_IOC_SEQ, &arg), "read_begin");
	return arg.seq;
}

bool seq_retry(unsigned int id, uint64_t seq)
{
	struct mock_seq arg = { .id = id, .retry = 1, .seq = seq };

	must(call(MOCK_IOC_SEQ, &arg), "read_retry");
	return arg.retry;
}

struct mock_import_stat import_stat(unsigned int id)
{
	struct mock_import_stat arg = { .id = id };

	must(call(MOCK_IOC_IMPORT_STAT, &arg), "import_stat");
	return arg;
}

struct mock_race race(unsigned int id, unsigned int rounds)
{
	struct mock_race arg = { .id = id, .rounds = rounds };

	must(call(MOCK_IOC_RACE, &arg), "race");
	return arg;
}

static void read_file(const char *path, char *buf, size_t size)
{
	FILE *file = fopen(path, "r");

	if (!file)
		die("%s: %s", path, strerror(errno));
	buf[fread(buf, 1, size - 1, file)] = '\0';
	fclose(file);
}

long debugfs_errors(const char *name)
{
	char buf[256], *at;

	read_file(DEBUGFS "errors", buf, sizeof(buf));
	at = strstr(buf, name);
	if (!at)
		die("no %s in " DEBUGFS "errors", name);
	return atol(at + strlen(name));
}

/* The lines behind the heading; false if there is none. */
bool debugfs_attachments(char *buf, size_t size)
{
	char *end;

	read_file(DEBUGFS "attachments", buf, size);
	end = strchr(buf, '\n');
	if (!end || strncmp(buf, "exporter ", 9))
		die(DEBUGFS "attachments has no heading");
	memmove(buf, end + 1, strlen(end + 1) + 1);
	return *buf;
}
