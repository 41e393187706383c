// SPDX-License-Identifier: GPL-2.0
/*
 * kapi_mock TEST: run one test of dma_buf_pfn on the mock exporter and importer.
 *
 * Exit status 0: passed; 1: failed, the reason on stderr.
 */
#include <string.h>

#include "mock.h"

static const struct {
	const char *name;
	void (*fn)(void);
} tests[] = {
	{ "r1", test_r1 },
	{ "r1_many", test_r1_many },
	{ "r2", test_r2 },
	{ "r3", test_r3 },
	{ "r4", test_r4 },
	{ "r5", test_r5 },
	{ "r6", test_r6 },
	{ "r7", test_r7 },
	{ "r8", test_r8 },
	{ "r9", test_r9 },
	{ "r10", test_r10 },
	{ "r11", test_r11 },
	{ "r13", test_r13 },
	{ "ranges", test_ranges },
	{ "lies", test_lies },
	{ "misuse", test_misuse },
	{ "use_after_detach", test_use_after_detach },
	{ "attach_storm", test_attach_storm },
	{ "register", test_register },
	{ "debugfs", test_debugfs },
	{ "refusals", test_refusals },
	{ "race_lookup", test_race_lookup },
	{ "race_attach", test_race_attach },
	{ "race_debugfs", test_race_debugfs },
};

int main(int argc, char **argv)
{
	size_t i;

	for (i = 0; argc == 2 && i < ARRAY_SIZE(tests); i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		mock_open();
		tests[i].fn();
		printf("%s: passed\n", argv[1]);
		return 0;
	}
	fprintf(stderr, "usage: %s TEST, one of:", argv[0]);
	for (i = 0; i < ARRAY_SIZE(tests); i++)
		fprintf(stderr, " %s", tests[i].name);
	fprintf(stderr, "\n");
	return 2;
}
