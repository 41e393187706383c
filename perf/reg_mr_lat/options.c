// SPDX-License-Identifier: GPL-2.0
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/args.h"
#include "reg_mr_lat.h"

#define DEF_SIZE	65536
#define DEF_ALL		(64ul << 20)
#define DEF_ITERS	1000
#define MIN_ITERS	5
#define MAX_ITERS	100000000
#define DEF_WARMUP	10
#define MAX_THREADS	1024

enum {
	OPT_CSV = 256,
	OPT_DMABUF,
	OPT_FIRST_TOUCH,
	OPT_HUGEPAGES,
	OPT_JSON,
	OPT_ODP,
	OPT_REREG,
	OPT_THP,
	OPT_THREADS,
	OPT_WARMUP,
};

static const struct option long_options[] = {
	{ "all", no_argument, NULL, 'a' },
	{ "ib-dev", required_argument, NULL, 'd' },
	{ "duration", required_argument, NULL, 'D' },
	{ "CPU-freq", no_argument, NULL, 'F' },
	{ "help", no_argument, NULL, 'h' },
	{ "report-histogram", no_argument, NULL, 'H' },
	{ "ib-port", required_argument, NULL, 'i' },
	{ "iters", required_argument, NULL, 'n' },
	{ "size", required_argument, NULL, 's' },
	{ "report-unsorted", no_argument, NULL, 'U' },
	{ "version", no_argument, NULL, 'V' },
	{ "gid-index", required_argument, NULL, 'x' },
	{ "csv", optional_argument, NULL, OPT_CSV },
	{ "use_dmabuf", required_argument, NULL, OPT_DMABUF },
	{ "first_touch", no_argument, NULL, OPT_FIRST_TOUCH },
	{ "use_hugepages", no_argument, NULL, OPT_HUGEPAGES },
	{ "json", optional_argument, NULL, OPT_JSON },
	{ "odp", no_argument, NULL, OPT_ODP },
	{ "rereg", optional_argument, NULL, OPT_REREG },
	{ "use_thp", no_argument, NULL, OPT_THP },
	{ "threads", required_argument, NULL, OPT_THREADS },
	{ "warmup", required_argument, NULL, OPT_WARMUP },
	{ 0 },
};

static const char *const rereg_names[] = {
	[REREG_NONE] = "OFF",
	[REREG_TRANSLATION] = "translation",
	[REREG_ACCESS] = "access",
	[REREG_PD] = "pd",
};

const char *rereg_name(enum rereg what)
{
	return rereg_names[what];
}

__attribute__((noreturn))
static void usage(void)
{
	printf("Usage:\n"
	       "  %s [options]     measure the registration of memory on one host\n\n"
	       "Options:\n"
	       "  -a, --all  Run sizes from a page to -s (default %lu), all powers of 2\n"
	       "  -d, --ib-dev=<dev>  Use IB device <dev> (default first device found)\n"
	       "  -D, --duration=<seconds>  Run each size for so long\n"
	       "  -h, --help  Show this help screen.\n"
	       "  -H, --report-histogram  Print out all results, sorted (default print summary only)\n"
	       "  -n, --iters=<iters>  Number of registrations of each thread (at least %d, default %d)\n"
	       "  -s, --size=<size>  Size of the memory, also as 64k, 1m, 2g (default %d)\n"
	       "  -U, --report-unsorted  Print out all results, in their order\n"
	       "  -V, --version  Display version number\n"
	       "  -F, -i <port>, -x <index>  Taken as by perftest, without effect\n\n"
	       "      --csv[=<file>]  Report as comma-separated values, to stdout or <file>\n"
	       "      --first_touch  Register memory that is new each time, and was never touched\n"
	       "      --json[=<file>]  Report as JSON, to stdout or <file>\n"
	       "      --odp  Register memory on demand\n"
	       "      --rereg[=translation|access|pd]  Also measure ibv_rereg_mr (default translation,\n"
	       "          to a second buffer); not of dma-bufs\n"
	       "      --threads=<number>  Threads, each with a buffer of its own (default 1)\n"
	       "      --warmup=<number>  Registrations of each thread before the measured ones (default %d)\n"
	       "      --use_hugepages  Use pages of hugetlb, of 2 MiB\n"
	       "      --use_thp  Use transparent huge pages (default: pages that are not huge)\n"
	       "      --use_dmabuf=<kind>  Use a dma-buf, registered by ibv_reg_dmabuf_mr, of kind\n",
	       PROGRAM, DEF_ALL, MIN_ITERS, DEF_ITERS, DEF_SIZE, DEF_WARMUP);
	dmabuf_help(10);
	exit(0);
}

static enum rereg rereg_of(const char *text)
{
	enum rereg what;

	if (!text)
		return REREG_NONE + 1;
	for (what = REREG_TRANSLATION; what <= REREG_PD; what++)
		if (!strcmp(text, rereg_names[what]))
			return what;
	args_wrong("--rereg is of translation, access or pd: %s", text);
}

static void set_memory(struct options *o, enum memory kind)
{
	if (o->memory != MEMORY_PAGES && o->memory != kind)
		args_wrong("Can't use multiple memory types");
	o->memory = kind;
}

static void parse_long(struct options *o, int c)
{
	switch (c) {
	case OPT_CSV:
		o->csv = optarg ?: "-";
		break;
	case OPT_DMABUF:
		set_memory(o, MEMORY_DMABUF);
		o->dmabuf = optarg;
		break;
	case OPT_FIRST_TOUCH:
		o->first_touch = true;
		break;
	case OPT_HUGEPAGES:
		set_memory(o, MEMORY_HUGETLB);
		break;
	case OPT_JSON:
		o->json = optarg ?: "-";
		break;
	case OPT_ODP:
		o->odp = true;
		break;
	case OPT_REREG:
		o->rereg = rereg_of(optarg);
		break;
	case OPT_THP:
		set_memory(o, MEMORY_THP);
		break;
	case OPT_THREADS:
		o->threads = (unsigned int)args_number("Number of threads", optarg, 1,
						       MAX_THREADS);
		break;
	case OPT_WARMUP:
		o->warmup = (unsigned int)args_number("Warm-up", optarg, 0, MAX_ITERS);
		break;
	default:
		fprintf(stderr, " See %s --help\n", PROGRAM);
		exit(1);
	}
}

static void parse_one(struct options *o, int c)
{
	switch (c) {
	case 'a':
		o->all = true;
		break;
	case 'd':
		o->device = optarg;
		break;
	case 'D':
		o->duration = (unsigned int)args_number("Duration", optarg, 1, 86400);
		break;
	case 'F':
	case 'i':
	case 'x':
		break;
	case 'h':
		usage();
	case 'H':
		o->histogram = true;
		break;
	case 'n':
		o->iters = args_number("Iteration num", optarg, MIN_ITERS, MAX_ITERS);
		break;
	case 's':
		o->size = args_size(optarg);
		break;
	case 'U':
		o->unsorted = true;
		break;
	case 'V':
		printf("%s: %s\n", PROGRAM, VERSION);
		exit(0);
	default:
		parse_long(o, c);
	}
}

/* What goes together, and what was not said. */
static void complete(struct options *o)
{
	bool to_stdout = (o->json && !strcmp(o->json, "-")) ||
		(o->csv && !strcmp(o->csv, "-"));

	if (o->json && o->csv && !strcmp(o->json, o->csv))
		args_wrong("--json and --csv cannot go to the same place");
	if (to_stdout && (o->histogram || (o->unsorted && !o->json)))
		args_wrong("-H and -U print a table: not with --csv or --json on stdout (--json -U has all samples)");
	if (o->duration && o->iters)
		args_wrong("-n and -D exclude each other");
	if (!o->duration && !o->iters)
		o->iters = DEF_ITERS;
	if (!o->size)
		o->size = o->all ? DEF_ALL : DEF_SIZE;
	if (o->all && o->size < (size_t)sysconf(_SC_PAGESIZE))
		args_wrong("-a begins at a page, -s is less");
	if (o->memory != MEMORY_DMABUF)
		return;
	if (o->odp)
		args_wrong("--odp is for host memory");
	if (o->rereg)
		args_wrong("--rereg is for host memory: ibv_rereg_mr() takes no regions of dma-bufs");
}

void options_parse(struct options *o, int argc, char **argv)
{
	int c;

	*o = (struct options) { .threads = 1, .warmup = DEF_WARMUP };
	while ((c = getopt_long(argc, argv, "ad:D:FhHi:n:s:UVx:", long_options,
				NULL)) >= 0)
		parse_one(o, c);
	if (optind < argc)
		args_wrong("%s needs no server: %s", PROGRAM, argv[optind]);
	complete(o);
}
