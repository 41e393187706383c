// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "reg_mr_lat.h"

/* @name: NULL: the first device that there is */
static struct ibv_context *open_device(const char *name)
{
	struct ibv_device **list = ibv_get_device_list(NULL);
	struct ibv_context *ctx = NULL;
	bool found = false;
	int i;

	for (i = 0; list && list[i] && !found; i++) {
		if (name && strcmp(ibv_get_device_name(list[i]), name))
			continue;
		found = true;
		ctx = ibv_open_device(list[i]);
		if (!ctx)
			fprintf(stderr, " Couldn't open IB device %s: %s\n",
				ibv_get_device_name(list[i]), strerror(errno));
	}
	if (!found && name)
		fprintf(stderr, " IB device %s not found\n", name);
	else if (!found)
		fprintf(stderr, " No IB devices found\n");
	if (list)
		ibv_free_device_list(list);
	return ctx;
}

static int test_open(struct test *t, const struct options *o)
{
	*t = (struct test) { .o = o };
	if (memory_open(&t->memory, o))
		return -1;
	t->ctx = open_device(o->device);
	if (!t->ctx)
		return -1;
	t->pd = ibv_alloc_pd(t->ctx);
	t->pd2 = ibv_alloc_pd(t->ctx);
	if (t->pd && t->pd2)
		return 0;
	fprintf(stderr, " Couldn't allocate PD: %s\n", strerror(errno));
	return -1;
}

static void test_close(struct test *t)
{
	if (t->pd)
		ibv_dealloc_pd(t->pd);
	if (t->pd2)
		ibv_dealloc_pd(t->pd2);
	if (t->ctx)
		ibv_close_device(t->ctx);
	memory_close(&t->memory);
}

/* A region of its own, to be asked about: not one of those that are timed. */
static void ask_driver(struct test *t, size_t size, struct mr_res *res)
{
	struct buffer b;
	struct ibv_mr *mr;

	*res = (struct mr_res) { 0 };
	if (buffer_make(&t->memory, size, true, &b))
		return;
	mr = register_buffer(t, &b);
	if (mr) {
		mr_res_get(t->ctx, mr->lkey, res);
		ibv_dereg_mr(mr);
	}
	buffer_free(&t->memory, &b);
}

static int run_size(struct test *t, struct report *r, size_t size)
{
	struct result result = { .size = size };

	if (measure(t, size, &result.samples))
		return -1;
	ask_driver(t, size, &result.res);
	report_result(r, &result);
	samples_free(&result.samples);
	return 0;
}

static int run(struct test *t, struct report *r)
{
	size_t size, last = t->o->size;

	if (!t->o->all)
		return run_size(t, r, last);
	for (size = (size_t)sysconf(_SC_PAGESIZE); size <= last; size *= 2)
		if (run_size(t, r, size))
			return -1;
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct report r;
	struct test t;
	int ret;

	options_parse(&o, argc, argv);
	ret = test_open(&t, &o);
	if (!ret) {
		ret = report_open(&r, &t);
		if (!ret) {
			ret = run(&t, &r);
			/* What was measured before it failed is worth to be seen. */
			ret = report_close(&r) || ret;
		}
	}
	test_close(&t);
	return ret ? 1 : 0;
}
