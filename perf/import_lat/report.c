// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <string.h>

#include "../common/json.h"
#include "import_lat.h"

#define LINE	"---------------------------------------------------------------------------------------------------------\n"

static FILE *json;
static bool first = true;

static bool quiet(const struct options *o)
{
	return o->json && !strcmp(o->json, "-");
}

int report_open(const struct options *o)
{
	int i;

	if (o->json) {
		json = quiet(o) ? stdout : fopen(o->json, "we");
		if (!json) {
			fprintf(stderr, " Couldn't open %s: %s\n", o->json, strerror(errno));
			return -1;
		}
		fprintf(json, "{\n\"program\": \"" PROGRAM "\",\n\"memory\": ");
		json_string(json, o->dmabuf);
		fprintf(json, ",\n\"importer\": ");
		json_string(json, o->importer);
		fprintf(json, ",\n\"fragment\": %lu,\n\"unit\": \"usec\",\n\"results\": [",
			o->fragment);
	}
	if (quiet(o))
		return 0;
	printf(LINE "                    dma-buf Import Latency Test\n");
	printf(" Memory          : %-24s Importer  : %s\n", o->dmabuf,
	       strcmp(o->importer, "-") ? o->importer : "no PCI device");
	printf(" Iterations      : %-24lu Fragments : ", o->iters);
	if (o->fragment)
		printf("of %lu pages at most\n" LINE, o->fragment);
	else
		printf("as they come\n" LINE);
	printf(" %-11s %-6s %8s %9s", "#bytes", "import", "pieces", "metadata");
	for (i = 0; i < PHASES; i++)
		printf(" %9s", phase_names[i]);
	printf("\n");
	return 0;
}

static void table(size_t size, const struct result r[WAYS])
{
	enum way w;
	int i;

	for (w = 0; w < WAYS; w++) {
		if (!r[w].count && !r[w].err)
			continue;
		printf(" %-11zu %-6s", size, way_names[w]);
		if (r[w].err) {
			printf(" refused: %s\n", strerror(r[w].err));
			continue;
		}
		printf(" %8lu %9zu", r[w].pieces, r[w].bytes);
		for (i = 0; i < PHASES; i++)
			printf(" %9.2f", result_typical(&r[w], i));
		printf("\n");
	}
	fflush(stdout);
}

static void json_result(size_t size, enum way way, const struct result *r)
{
	size_t n;
	int i;

	fprintf(json, "%s\n {\"bytes\": %zu, \"import\": \"%s\", ", first ? "" : ",", size,
		way_names[way]);
	first = false;
	if (r->err) {
		fprintf(json, "\"refused\": ");
		json_string(json, strerror(r->err));
		fputc('}', json);
		return;
	}
	fprintf(json, "\"pieces\": %lu, \"metadata\": %zu", r->pieces, r->bytes);
	for (i = 0; i < PHASES; i++) {
		fprintf(json, ",\n  \"%s\": %.3f, \"%s_sorted\": [", phase_names[i],
			result_typical(r, i), phase_names[i]);
		for (n = 0; n < r->count; n++)
			fprintf(json, "%s%.3f", n ? "," : "", (double)r->ns[i][n] / 1000);
		fputc(']', json);
	}
	fputc('}', json);
}

void report_size(const struct options *o, size_t size, const struct result r[WAYS])
{
	enum way w;

	if (!quiet(o))
		table(size, r);
	for (w = 0; json && w < WAYS; w++)
		if (r[w].count || r[w].err)
			json_result(size, w, &r[w]);
}

int report_close(void)
{
	if (!json)
		return 0;
	fprintf(json, "\n]\n}\n");
	if (!ferror(json) && !fclose(json))
		return 0;
	fprintf(stderr, " Couldn't write the JSON: %s\n", strerror(errno));
	return -1;
}
