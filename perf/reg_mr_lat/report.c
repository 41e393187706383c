// SPDX-License-Identifier: GPL-2.0
/* Results for people, in perftest's look, and for programs. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../common/json.h"
#include "reg_mr_lat.h"

#define LINE	"---------------------------------------------------------------------------------------\n"

static const char *const op_names[OPS] = {
	[OP_REG] = "register",
	[OP_REREG] = "reregister",
	[OP_DEREG] = "deregister",
};

static double us(double ns)
{
	return ns / 1000;
}

static const char *on_off(bool on)
{
	return on ? "ON" : "OFF";
}

static const char *device_of(const struct test *t)
{
	return ibv_get_device_name(t->ctx->device);
}

static void json_begin(FILE *f, const struct test *t)
{
	const struct options *o = t->o;

	fprintf(f, "{\n\"program\": \"%s\",\n\"version\": \"%s\",\n\"device\": ", PROGRAM,
		VERSION);
	json_string(f, device_of(t));
	fprintf(f, ",\n\"memory\": ");
	json_string(f, memory_name(&t->memory));
	fprintf(f, ",\n\"threads\": %u,\n\"warmup\": %u,\n\"first_touch\": %s,\n",
		o->threads, o->warmup, o->first_touch ? "true" : "false");
	fprintf(f, "\"odp\": %s,\n\"reregister\": \"%s\",\n\"unit\": \"usec\",\n",
		o->odp ? "true" : "false", rereg_name(o->rereg));
	fprintf(f, "\"clock_cost\": %.3f,\n\"results\": [", us((double)clock_cost()));
}

static void json_samples(FILE *f, const uint64_t *ns, size_t count)
{
	size_t i;

	fprintf(f, ",\n  \"samples\": [");
	for (i = 0; i < count; i++)
		fprintf(f, "%s%.3f", i ? "," : "", us((double)ns[i]));
	fputc(']', f);
}

/* @unsorted: to be written too, or NULL */
static void json_op(struct report *r, const struct result *res, enum op op,
		    const uint64_t *unsorted)
{
	const struct stats *st = &res->stats[op];
	FILE *f = r->json;

	fprintf(f, "%s\n {\"bytes\": %zu, \"operation\": \"%s\", \"iterations\": %zu,\n",
		r->results || op ? "," : "", res->size, op_names[op],
		res->samples.count);
	fprintf(f, "  \"t_min\": %.3f, \"t_max\": %.3f, \"t_typical\": %.3f, \"t_avg\": %.3f,\n",
		us(st->min), us(st->max), us(st->typical), us(st->avg));
	fprintf(f, "  \"t_stdev\": %.3f, \"percentile_99\": %.3f, \"percentile_99.9\": %.3f,\n",
		us(st->stdev), us(st->p99), us(st->p99_9));
	if (res->res.bytes)
		fprintf(f, "  \"mr_bytes\": %llu, ", (unsigned long long)res->res.bytes);
	else
		fprintf(f, "  \"mr_bytes\": null, ");
	fprintf(f, "\"import\": ");
	json_string(f, *res->res.import ? res->res.import : "-");
	if (unsorted)
		json_samples(f, unsorted, res->samples.count);
	fputc('}', f);
}

static void csv_op(FILE *f, const struct report *r, const struct result *res, enum op op)
{
	const struct stats *st = &res->stats[op];

	fprintf(f, "%s,\"%s\",%u,%zu,%zu,%s,", device_of(r->t),
		memory_name(&r->t->memory), r->t->o->threads, res->size,
		res->samples.count, op_names[op]);
	fprintf(f, "%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,%.3f,", us(st->min), us(st->max),
		us(st->typical), us(st->avg), us(st->stdev), us(st->p99),
		us(st->p99_9));
	if (res->res.bytes)
		fprintf(f, "%llu", (unsigned long long)res->res.bytes);
	fprintf(f, ",%s\n", res->res.import);
}

static void table_begin(const struct test *t)
{
	const struct options *o = t->o;

	printf(LINE "                    Memory Registration Latency Test\n");
	printf(" Device          : %-18s Memory          : %s\n", device_of(t),
	       memory_name(&t->memory));
	printf(" Threads         : %-18u Warm-up         : %u\n", o->threads, o->warmup);
	printf(" First touch     : %-18s Re-registration : %s\n", on_off(o->first_touch),
	       rereg_name(o->rereg));
	if (o->memory == MEMORY_DMABUF)
		printf(" Registered by   : ibv_reg_dmabuf_mr\n");
	else
		printf(" Registered by   : ibv_reg_mr%s\n", o->odp ? ", on demand" : "");
	printf(LINE " #bytes     #iterations operation   t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99%% percentile[usec]   99.9%% percentile[usec]   MR[bytes]   import\n");
}

static void table_op(const struct result *res, enum op op)
{
	const struct stats *st = &res->stats[op];
	char bytes[24] = "-";

	if (res->res.bytes)
		snprintf(bytes, sizeof(bytes), "%llu",
			 (unsigned long long)res->res.bytes);
	printf(" %-10zu %-11zu %-11s %-14.2f %-12.2f %-18.2f %-14.2f %-15.2f %-22.2f %-24.2f %-11s %s\n",
	       res->size, res->samples.count, op_names[op], us(st->min), us(st->max),
	       us(st->typical), us(st->avg), us(st->stdev), us(st->p99), us(st->p99_9),
	       bytes, *res->res.import ? res->res.import : "-");
}

static void table_samples(enum op op, const uint64_t *ns, size_t count)
{
	size_t i;

	printf("#, usec, %s\n", op_names[op]);
	for (i = 0; i < count; i++)
		printf("%zu, %g\n", i + 1, us((double)ns[i]));
}

/* stdout for "-"; NULL for none; false if it cannot be opened. */
static bool open_file(const char *name, FILE **f)
{
	*f = NULL;
	if (!name)
		return true;
	*f = strcmp(name, "-") ? fopen(name, "we") : stdout;
	if (!*f)
		fprintf(stderr, " Couldn't open %s: %s\n", name, strerror(errno));
	return *f;
}

int report_open(struct report *r, const struct test *t)
{
	*r = (struct report) { .t = t };
	if (!open_file(t->o->json, &r->json) || !open_file(t->o->csv, &r->csv))
		return -1;
	r->table = r->json != stdout && r->csv != stdout;
	if (r->json)
		json_begin(r->json, t);
	if (r->csv)
		fprintf(r->csv, "device,memory,threads,bytes,iterations,operation,t_min,t_max,t_typical,t_avg,t_stdev,percentile_99,percentile_99.9,mr_bytes,import\n");
	if (r->table)
		table_begin(t);
	return 0;
}

/* Sorts the samples, when what needs their order is written. */
void report_result(struct report *r, struct result *res)
{
	const struct options *o = r->t->o;
	size_t count = res->samples.count;
	uint64_t *ns, *unsorted;
	enum op op;

	for (op = 0; op < OPS; op++) {
		ns = res->samples.ns[op];
		if (!ns)
			continue;
		if (r->table && o->unsorted)
			table_samples(op, ns, count);
		unsorted = r->json && o->unsorted ? malloc(count * sizeof(*ns)) : NULL;
		if (unsorted)
			memcpy(unsorted, ns, count * sizeof(*ns));
		stats_sort(ns, count);
		stats_of(ns, count, &res->stats[op]);
		if (r->table && o->histogram)
			table_samples(op, ns, count);
		if (r->table)
			table_op(res, op);
		if (r->json)
			json_op(r, res, op, unsorted);
		if (r->csv)
			csv_op(r->csv, r, res, op);
		free(unsorted);
	}
	r->results++;
	fflush(NULL);
}

static int close_file(FILE *f, const char *name)
{
	bool bad;

	if (!f)
		return 0;
	bad = ferror(f);
	bad |= f == stdout ? fflush(f) : fclose(f);
	if (bad)
		fprintf(stderr, " Couldn't write %s\n", name);
	return bad ? -1 : 0;
}

int report_close(struct report *r)
{
	int ret;

	if (r->json)
		fprintf(r->json, "\n]\n}\n");
	if (r->table)
		printf(LINE);
	ret = close_file(r->json, r->t->o->json);
	return close_file(r->csv, r->t->o->csv) || ret ? -1 : 0;
}
