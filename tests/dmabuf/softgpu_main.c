// SPDX-License-Identifier: GPL-2.0
/*
 * usage: softgpu_test ram|bar CASE
 */
#include <stdio.h>
#include <string.h>

#include "softgpu_test.h"

static const struct {
	const char *name;
	void (*run)(struct device *dev);
} cases[] = {
	{ "data", case_data },
	{ "share", case_share },
	{ "overcommit", case_overcommit },
	{ "evict", case_evict },
	{ "fragment", case_fragment },
	{ "busy", case_busy },
	{ "static", case_static },
	{ "dynamic", case_dynamic },
	{ "vmap", case_vmap },
	{ "pfn", case_pfn },
	{ "dump", case_dump },
	{ "bad", case_bad },
	{ "hold-fd", case_hold_fd },
	{ "hold-map", case_hold_map },
	{ "unbind", case_unbind },
};

int main(int argc, char **argv)
{
	struct device dev;

	setvbuf(stdout, NULL, _IOLBF, 0);
	check(argc == 3, "usage: softgpu_test ram|bar CASE");
	device_open(&dev, argv[1]);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(argv[2], cases[i].name))
			continue;
		cases[i].run(&dev);
		return 0;
	}
	die("no case %s", argv[2]);
}
