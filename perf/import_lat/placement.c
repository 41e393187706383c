// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "placement.h"

#define FILES	"/sys/kernel/debug/dri/*/fragment"

static int put(const char *path, unsigned long pages)
{
	FILE *f = fopen(path, "we");
	int ret;

	ret = !f || fprintf(f, "%lu\n", pages) < 0 || fflush(f) ? -1 : 0;
	if (ret)
		fprintf(stderr, " --fragment: %s: %s\n", path, strerror(errno));
	if (f)
		fclose(f);
	return ret;
}

int placement_fragment(unsigned long pages)
{
	glob_t found;
	size_t i;
	int ret = 0;

	if (glob(FILES, 0, NULL, &found)) {
		fprintf(stderr, " --fragment: no softgpu (" FILES ")\n");
		return -1;
	}
	for (i = 0; i < found.gl_pathc; i++)
		ret |= put(found.gl_pathv[i], pages);
	globfree(&found);
	return ret;
}
