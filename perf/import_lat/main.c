// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/args.h"
#include "import_lat.h"
#include "placement.h"

#define DEF_SIZE	(64ul << 20)
#define DEF_ITERS	100
#define DEF_TURNS	5

enum { OPT_DMABUF = 256, OPT_FRAGMENT, OPT_IMPORT, OPT_IMPORTER, OPT_JSON, OPT_TURNS };

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "help", no_argument, NULL, 'h' },
	{ "iters", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "fragment", required_argument, NULL, OPT_FRAGMENT },
	{ "import", required_argument, NULL, OPT_IMPORT },
	{ "importer", required_argument, NULL, OPT_IMPORTER },
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "turns", required_argument, NULL, OPT_TURNS },
	{ "use_dmabuf", required_argument, NULL, OPT_DMABUF },
	{ 0 },
};

__attribute__((noreturn))
static void usage(void)
{
	printf("Usage:\n"
	       "  %s [options]     measure the import of a dma-buf, in the kernel\n\n"
	       "Options:\n"
	       "  -a, --all  Run sizes from a page to -s, each four times the one before\n"
	       "  -h, --help  Show this help screen.\n"
	       "  -n, --iters=<iters>  Imports by each way (default %d)\n"
	       "  -s, --size=<size>  Size of the buffer, also as 64k, 1m, 2g (default %lum)\n\n"
	       "      --fragment=<pages>  softgpu: make it of runs of so many pages at most\n"
	       "      --import=<way>  Only by sg (scatterlist), pfn (page frame numbers) or grant\n"
	       "          (these, and the exporter's CPU mapping of each run)\n"
	       "      --importer=<PCI address>  The device that imports (default \"-\", one that is\n"
	       "          not a PCI device: no peer-to-peer)\n"
	       "      --json[=<file>]  Report as JSON with all samples, to stdout or <file>\n"
	       "      --turns=<number>  Number of turns that the ways take (default %d)\n"
	       "      --use_dmabuf=<kind>  The dma-buf, of kind\n",
	       PROGRAM, DEF_ITERS, DEF_SIZE >> 20, DEF_TURNS);
	dmabuf_help(10);
	exit(0);
}

static enum way way_of(const char *name)
{
	enum way w;

	for (w = 0; w < WAYS; w++)
		if (!strcmp(name, way_names[w]))
			return w;
	args_wrong("--import is sg, pfn or grant: %s", name);
}

static void parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt_long(argc, argv, "ahn:s:", long_options, NULL)) >= 0) {
		switch (c) {
		case 'a':
			o->all = true;
			break;
		case 'h':
			usage();
		case 'n':
			o->iters = args_number("Iteration num", optarg, 1, 1000000);
			break;
		case 's':
			o->size = args_size(optarg);
			break;
		case OPT_DMABUF:
			o->dmabuf = optarg;
			break;
		case OPT_FRAGMENT:
			o->fragment = args_number("--fragment", optarg, 1, UINT32_MAX);
			break;
		case OPT_IMPORT:
			o->only = way_of(optarg);
			break;
		case OPT_IMPORTER:
			o->importer = optarg;
			break;
		case OPT_JSON:
			o->json = optarg ?: "-";
			break;
		case OPT_TURNS:
			o->turns = args_number("--turns", optarg, 1, 1000);
			break;
		default:
			fprintf(stderr, " See %s --help\n", PROGRAM);
			exit(1);
		}
	}
	if (optind < argc)
		args_wrong("%s takes no argument: %s", PROGRAM, argv[optind]);
	if (!o->dmabuf)
		args_wrong("--use_dmabuf is missing; see %s --help", PROGRAM);
	if (o->iters < o->turns)
		o->turns = o->iters;
}

static bool wanted(const struct options *o, enum way w)
{
	return o->only == WAYS || o->only == w;
}

/* One buffer by every way, in turns. */
static int run_buffer(const struct options *o, const struct dmabuf_buf *b)
{
	struct result r[WAYS] = { 0 };
	unsigned long turn;
	int ret = 0;
	enum way w;

	for (turn = 0; turn < o->turns && !ret; turn++)
		for (w = 0; w < WAYS && !ret; w++)
			if (wanted(o, w) && !r[w].err)
				ret = import(b->fd, w, o->importer, o->iters / o->turns,
					     &r[w]);
	for (w = 0; w < WAYS; w++)
		result_sort(&r[w]);
	if (!ret)
		report_size(o, b->size, r);
	for (w = 0; w < WAYS; w++)
		result_free(&r[w]);
	return ret;
}

static int run_size(const struct options *o, struct dmabuf_source *s, size_t size)
{
	struct dmabuf_buf b;
	int ret;

	if (dmabuf_alloc(s, size, &b))
		return -1;
	ret = run_buffer(o, &b);
	dmabuf_free(s, &b);
	return ret;
}

static int run(const struct options *o, struct dmabuf_source *s)
{
	size_t size = o->all ? (size_t)sysconf(_SC_PAGESIZE) : o->size;

	for (; size < o->size; size *= 4)
		if (run_size(o, s, size))
			return -1;
	return run_size(o, s, o->size);
}

int main(int argc, char **argv)
{
	struct options o = {
		.importer = "-", .size = DEF_SIZE, .only = WAYS, .iters = DEF_ITERS,
		.turns = DEF_TURNS,
	};
	struct dmabuf_source *s;
	int ret;

	parse(&o, argc, argv);
	s = dmabuf_open(o.dmabuf);
	if (!s)
		return 1;
	ret = o.fragment ? placement_fragment(o.fragment) : 0;
	if (!ret)
		ret = report_open(&o);
	if (!ret) {
		ret = run(&o, s);
		ret = report_close() || ret;
	}
	if (o.fragment)
		placement_fragment(0);
	dmabuf_close(s);
	return ret ? 1 : 0;
}
