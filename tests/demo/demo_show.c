// SPDX-License-Identifier: GPL-2.0
/* What the kernel tells about a memory region. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>

#include "demo.h"

static void take(struct mr_facts *f, const char *key, const char *value)
{
	if (!strcmp(key, "drv_import"))
		snprintf(f->import, sizeof(f->import), "%s", value);
	else if (!strcmp(key, "drv_exporter"))
		snprintf(f->exporter, sizeof(f->exporter), "%s", value);
	else if (!strcmp(key, "drv_memory"))
		snprintf(f->memory, sizeof(f->memory), "%s", value);
	else if (!strcmp(key, "drv_state"))
		snprintf(f->state, sizeof(f->state), "%s", value);
	else if (!strcmp(key, "drv_extents"))
		f->extents = (unsigned int)strtoul(value, NULL, 0);
	else if (!strcmp(key, "drv_moves"))
		f->moves = strtoul(value, NULL, 0);
	else if (!strcmp(key, "mrlen"))
		f->length = strtoull(value, NULL, 0);
}

/*
 * A region is the word "dev", then keys and values, on as many lines as rdma
 * likes; values of ours have no blanks.
 */
void mr_facts_of(const char *device, uint32_t rkey, struct mr_facts *facts)
{
	char cmd[128], word[128], key[128] = "";
	bool found = false;
	struct mr_facts f;
	FILE *p;

	snprintf(cmd, sizeof(cmd), "rdma -dd resource show mr dev %s", device);
	p = popen(cmd, "re");
	CHECK(p, "%s: %s", cmd, strerror(errno));
	memset(&f, 0, sizeof(f));
	while (fscanf(p, "%127s", word) == 1) {
		if (!strcmp(word, "dev")) {
			if (found)
				*facts = f;
			found = false;
			memset(&f, 0, sizeof(f));
		}
		if (!strcmp(key, "rkey") && strtoul(word, NULL, 0) == rkey)
			found = true;
		take(&f, key, word);
		strcpy(key, word);
	}
	if (found)
		*facts = f;
	CHECK(!pclose(p), "%s failed", cmd);
	CHECK(facts->import[0], "%s does not show the region with key %#x", cmd, rkey);
}
