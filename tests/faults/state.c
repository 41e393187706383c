// SPDX-License-Identifier: GPL-2.0
/* What a call could leave behind, as text that is the same before and after. */
#include <dirent.h>

#include "faults.h"

/* Our modules; those that others may load count as well where they are. */
static bool is_ours(const char *name)
{
	static const char * const ours[] = {
		"prxe", "prxe_kverbs", "dma_buf_pfn", "dma_buf_pfn_mock", "softgpu",
		"softgpu_importer",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ours); i++)
		if (!strcmp(name, ours[i]))
			return true;
	return false;
}

/* Use counts: dma-bufs, attachments, open files. */
void state_modules(FILE *out)
{
	FILE *f = fopen("/proc/modules", "re");
	char line[512], name[64];
	unsigned int refs;

	NEED(f, "/proc/modules: %m");
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%63s %*u %u", name, &refs) == 2 && is_ours(name))
			fprintf(out, "module %s: %u\n", name, refs);
	fclose(f);
}

static void count_fds(FILE *out)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	NEED(dir, "/proc/self/fd: %m");
	while (readdir(dir))
		n++;
	closedir(dir);
	fprintf(out, "open files: %u\n", n);
}

static void count_maps(FILE *out)
{
	FILE *f = fopen("/proc/self/maps", "re");
	unsigned int n = 0;
	char line[512];

	NEED(f, "/proc/self/maps: %m");
	while (fgets(line, sizeof(line), f))
		n += strstr(line, "/dev/") || strstr(line, "dmabuf");
	fclose(f);
	fprintf(out, "mappings of devices: %u\n", n);
}

/* This process: descriptors, mappings, pinned pages. */
void state_self(FILE *out)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[512];

	count_fds(out);
	count_maps(out);
	NEED(f, "/proc/self/status: %m");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "VmPin:", 6) || !strncmp(line, "VmLck:", 6))
			fputs(line, out);
	fclose(f);
}

static void count_lines(FILE *out, const char *path, const char *what)
{
	FILE *f = fopen(path, "re");
	unsigned int n = 0;
	int c;

	if (!f)
		return;
	while ((c = getc(f)) != EOF)
		n += c == '\n';
	fclose(f);
	fprintf(out, "%s: %u\n", what, n);
}

/* dma-bufs, and their attachments by page frame number. */
void state_attachments(FILE *out)
{
	count_lines(out, "/sys/kernel/debug/dma_buf_pfn/attachments", "PFN attachments");
	count_lines(out, "/sys/kernel/debug/dma_buf_pfn/errors", "errors");
	count_lines(out, "/sys/kernel/debug/dma_buf/bufinfo", "bufinfo");
}

/* softgpu's buffers but for their numbers and places, and the VRAM in use. */
void state_gpu(FILE *out, const char *debugfs)
{
	unsigned int bos = 0, pinned = 0, pin, exported = 0, exp;
	char path[256], line[1024];
	FILE *f;

	snprintf(path, sizeof(path), "%s/vram", debugfs);
	f = fopen(path, "re");
	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (!strncmp(line, "used ", 5))
			fprintf(out, "VRAM %s", line);
		if (sscanf(line, "bo %*u: size %*u pinned %u exported %u", &pin, &exp) != 2)
			continue;
		bos++;
		pinned += pin;
		exported += exp;
	}
	fclose(f);
	fprintf(out, "buffers %u pinned %u exported %u\n", bos, pinned, exported);
}

/*
 * Where the kernel counts allocations by place (CONFIG_MEM_ALLOC_PROFILING): what
 * each place in our modules has allocated and not freed.
 */
void state_sites(FILE *out)
{
	FILE *f = fopen("/proc/allocinfo", "re");
	char line[512], module[64];
	unsigned long long bytes, calls;
	char where[256];

	if (!f)
		return;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%llu %llu %255s [%63[^]]]", &bytes, &calls, where, module) != 4)
			continue;
		if (calls && is_ours(module))
			fprintf(out, "%s %s: %llu\n", module, where, calls);
	}
	fclose(f);
}
