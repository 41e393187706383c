// SPDX-License-Identifier: GPL-2.0
#include "cases.h"

#include <string.h>

struct pair p;
uint8_t *abuf, *bbuf;
struct ibv_mr *amr, *bmr;

static void run(const struct case_table *t, const struct test_case *c)
{
	const struct pair_opt opt = p.opt;

	if (c->options)
		c->options(&p.opt);
	pair_connect(&p);
	if (t->before)
		t->before();
	c->run();
	pair_disconnect(&p);
	p.opt = opt;
	if (t->after && !c->manual)
		t->after();
	printf("%s: ok\n", c->name);
}

static unsigned int run_all(const struct case_table *t, const char *name)
{
	unsigned int n = 0;
	size_t i;

	for (i = 0; i < t->nr; i++) {
		if (name ? strcmp(name, t->cases[i].name) : t->cases[i].manual)
			continue;
		run(t, &t->cases[i]);
		n++;
	}
	return n;
}

static void open_all(const struct case_table *t, char **devices)
{
	struct pair_opt opt = pair_defaults;
	int rights = t->rights ? t->rights : all_rights;
	size_t len = t->len ? t->len : LEN;

	if (t->options)
		t->options(&opt);
	pair_open(&p, devices[0], devices[1], &opt);
	abuf = aligned_alloc(4096, len);
	bbuf = aligned_alloc(4096, len);
	CHECK(abuf && bbuf, "no memory");
	amr = need_mr(&p.a, abuf, len, rights);
	bmr = need_mr(&p.b, bbuf, len, rights);
}

static void close_all(void)
{
	CHECK(!ibv_dereg_mr(amr) && !ibv_dereg_mr(bmr), "ibv_dereg_mr");
	pair_close(&p);
	free(abuf);
	free(bbuf);
}

int cases_main(const struct case_table *t, int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc < 3) {
		fprintf(stderr, "usage: %s DEVICE DEVICE [CASE]\n", argv[0]);
		return 2;
	}
	open_all(t, argv + 1);
	CHECK(run_all(t, argv[3]), "no such case: %s", argv[3]);
	close_all();
	return 0;
}
