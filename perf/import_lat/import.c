// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/stats.h"
#include "import_lat.h"

#define MODULE	"/sys/kernel/debug/dma_buf_import_bench"

const char *const way_names[WAYS] = {
	[WAY_SG] = "sg",
	[WAY_PFN] = "pfn",
	[WAY_GRANT] = "grant",
};

const char *const phase_names[PHASES] = {
	[PHASE_ATTACH] = "attach",
	[PHASE_MAP] = "map",
	[PHASE_WALK] = "walk",
	[PHASE_UNMAP] = "unmap",
	[PHASE_DETACH] = "detach",
	[PHASE_TOTAL] = "total",
};

/* Room for @times more of each phase. */
static int grow(struct result *r, unsigned long times)
{
	uint64_t *ns;
	int i;

	for (i = 0; i < PHASES; i++) {
		ns = reallocarray(r->ns[i], r->count + times, sizeof(*ns));
		if (!ns) {
			fprintf(stderr, " No memory for %lu samples\n", times);
			return -1;
		}
		r->ns[i] = ns;
	}
	return 0;
}

static int read_answer(FILE *f, unsigned long times, struct result *r)
{
	unsigned long long ns[PHASE_TOTAL], total;
	unsigned long n;
	int i;

	if (fscanf(f, "pieces %lu bytes %zu", &r->pieces, &r->bytes) != 2)
		return -1;
	for (n = 0; n < times; n++) {
		if (fscanf(f, "%llu %llu %llu %llu %llu", &ns[0], &ns[1], &ns[2], &ns[3],
			   &ns[4]) != PHASE_TOTAL)
			return -1;
		for (i = 0, total = 0; i < PHASE_TOTAL; i++) {
			r->ns[i][r->count] = ns[i];
			total += ns[i];
		}
		r->ns[PHASE_TOTAL][r->count++] = total;
	}
	return 0;
}

int import(int fd, enum way way, const char *importer, unsigned long times,
	   struct result *r)
{
	FILE *f = fopen(MODULE, "r+e");
	int ret = 0;

	if (!f) {
		fprintf(stderr, " Couldn't open %s: %s%s\n", MODULE, strerror(errno),
			errno == ENOENT ? " (modprobe dma_buf_import_bench)" : "");
		return -1;
	}
	setvbuf(f, NULL, _IOLBF, 0);
	if (grow(r, times)) {
		ret = -1;
	} else if (fprintf(f, "%d %s %s %lu\n", fd, way_names[way], importer, times) < 0 ||
		   fflush(f)) {
		r->err = errno;
	} else {
		rewind(f);
		if (read_answer(f, times, r)) {
			fprintf(stderr, " %s: not the answer that was expected\n", MODULE);
			ret = -1;
		}
	}
	fclose(f);
	return ret;
}

void result_sort(struct result *r)
{
	int i;

	for (i = 0; i < PHASES && r->count; i++)
		stats_sort(r->ns[i], r->count);
}

double result_typical(const struct result *r, enum phase phase)
{
	struct stats st;

	stats_of(r->ns[phase], r->count, &st);
	return st.typical / 1000;
}

void result_free(struct result *r)
{
	int i;

	for (i = 0; i < PHASES; i++)
		free(r->ns[i]);
}
