// SPDX-License-Identifier: GPL-2.0
/*
 * Ranges of a BAR as runs of pages: joining and finding, compared with a model
 * that works page by page.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../kernel/vfio-pci-pfn/runs.h"

#define RANGES	40
#define LONGEST	9

#define CHECK(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #cond);			\
			exit(1);					\
		}							\
	} while (0)

/* Every page of the buffer, and the runs that should be the same. */
struct model {
	unsigned long page[RANGES * LONGEST];
	size_t npages;
	struct vpp_run runs[RANGES];
	size_t nr;
};

static void append(struct model *m, unsigned long pfn, unsigned long npages)
{
	m->nr = vpp_runs_append(m->runs, m->nr, pfn, npages);
	for (unsigned long i = 0; i < npages; i++)
		m->page[m->npages++] = pfn + i;
}

static void compare(const struct model *m)
{
	size_t i, joints = 0;

	for (i = 0; i < m->npages; i++) {
		size_t at = vpp_runs_find(m->runs, m->nr, i);
		const struct vpp_run *run = &m->runs[at];

		CHECK(at < m->nr);
		CHECK(run->pgoff <= i && i - run->pgoff < run->npages);
		CHECK(run->pfn + (i - run->pgoff) == m->page[i]);
		joints += i && m->page[i] != m->page[i - 1] + 1;
	}
	/* As long as they can be. */
	CHECK(m->nr == joints + 1);
}

static void test_some(void)
{
	struct model m = {};

	append(&m, 100, 1);
	compare(&m);
	append(&m, 101, 4);
	CHECK(m.nr == 1 && m.runs[0].npages == 5);
	append(&m, 100, 5);	/* the same once more */
	append(&m, 104, 1);	/* inside of the last */
	append(&m, 99, 1);	/* right before it */
	append(&m, 0, 2);
	CHECK(m.nr == 5);
	compare(&m);
}

static void test_random(void)
{
	unsigned int round, i;

	srand(1);
	for (round = 0; round < 3000; round++) {
		struct model m = {};
		unsigned int nr = 1 + (unsigned int)rand() % RANGES;

		for (i = 0; i < nr; i++) {
			unsigned long pfn = (unsigned long)rand() % 64;

			/* Often one behind the other. */
			if (i && rand() % 2)
				pfn = m.page[m.npages - 1] + 1;
			append(&m, pfn, 1 + (unsigned long)rand() % LONGEST);
		}
		compare(&m);
	}
}

int main(void)
{
	test_some();
	test_random();
	return 0;
}
