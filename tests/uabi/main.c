// SPDX-License-Identifier: GPL-2.0
/* usage: uabi_test TEST DEVICE [ARGUMENT...] */
#include "uabi.h"

int failures;

static const struct {
	const char *name;
	int (*run)(const char *dev, char **argv);
} tests[] = {
	{ "mmap", test_mmap },
	{ "udata", test_udata },
	{ "limits", test_limits },
	{ "modify", test_modify },
	{ "cq", test_cq },
	{ "scribble", test_scribble },
	{ "hold", test_hold },
};

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; argc >= 3 && i < ARRAY_SIZE(tests); i++) {
		if (strcmp(argv[1], tests[i].name))
			continue;
		int ret = tests[i].run(argv[2], argv + 3);

		if (failures)
			printf("%s: %d checks failed\n", argv[1], failures);
		return ret || failures;
	}
	fprintf(stderr, "usage: uabi_test TEST DEVICE [ARGUMENT...]\n");
	return 2;
}
