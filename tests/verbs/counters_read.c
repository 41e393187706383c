// SPDX-License-Identifier: GPL-2.0
#include "counters.h"

#include <dirent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST	64

struct counts {
	unsigned int nr;
	char name[MOST][40];
	uint64_t value[MOST];
};

/* Of A and B. */
static struct counts before[2], now[2];

static struct end *end_of(int i)
{
	return i ? &p.b : &p.a;
}

static void read_one(struct counts *c, const char *dir, const char *name)
{
	unsigned long value;
	char path[512];
	FILE *f;
	int n;

	CHECK(c->nr < MOST && strlen(name) < sizeof(c->name[0]), "a counter more");
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	CHECK(f, "open");
	n = fscanf(f, "%lu", &value);
	CHECK(n == 1, "no number");
	fclose(f);
	memcpy(c->name[c->nr], name, strlen(name) + 1);
	c->value[c->nr++] = value;
}

static void read_all(const struct end *e, struct counts *c)
{
	const struct dirent *entry;
	char dir[256];
	DIR *d;

	snprintf(dir, sizeof(dir), "/sys/class/infiniband/%s/ports/1/hw_counters",
		 ibv_get_device_name(e->ctx->device));
	d = opendir(dir);
	CHECK(d, "%s", dir);
	c->nr = 0;
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lifespan"))
			read_one(c, dir, entry->d_name);
	closedir(d);
}

/* The values that sysfs shows may be 10 ms old. */
static void read_both(struct counts *c)
{
	usleep(20000);
	read_all(&p.a, &c[0]);
	read_all(&p.b, &c[1]);
}

void count_from_here(void)
{
	read_both(before);
}

static uint64_t grown(int i, const char *name)
{
	const struct counts *c = &now[i];
	unsigned int n;

	for (n = 0; n < c->nr; n++)
		if (!strcmp(c->name[n], name))
			return c->value[n] - before[i].value[n];
	FAIL("no counter %s", name);
}

uint64_t counted(const struct end *e, const char *name)
{
	read_both(now);
	return grown(e == &p.b, name);
}

static bool may_move(const char *name)
{
	static const char *const names[] = {
		"sent_trains", "rcvd_trains", "sent_bytes", "rcvd_bytes",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

static bool is_listed(const struct want *w, const char *name)
{
	for (; w->name; w++)
		if (!strcmp(w->name, name))
			return true;
	return false;
}

static bool complete(const struct want *w)
{
	for (; w->name; w++)
		if (grown(0, w->name) < w->a || grown(1, w->name) < w->b)
			return false;
	return true;
}

static int count_errors(const struct want *want)
{
	const struct want *w;
	int errors = 0, i;
	unsigned int n;

	for (w = want; w->name; w++) {
		uint64_t a = grown(0, w->name), b = grown(1, w->name);

		if (a == w->a && b == w->b)
			continue;
		fprintf(stderr, "%s: %lu and %lu, not %lu and %lu\n", w->name,
			(unsigned long)a, (unsigned long)b, (unsigned long)w->a,
			(unsigned long)w->b);
		errors++;
	}
	for (i = 0; i < 2; i++) {
		for (n = 0; n < now[i].nr; n++) {
			uint64_t by = now[i].value[n] - before[i].value[n];

			if (!by || may_move(now[i].name[n]) ||
			    is_listed(want, now[i].name[n]))
				continue;
			fprintf(stderr, "%s of %s: %lu more\n", now[i].name[n],
				ibv_get_device_name(end_of(i)->ctx->device),
				(unsigned long)by);
			errors++;
		}
	}
	return errors;
}

void need_counts(const struct want *want)
{
	int tries = 500;

	do {
		read_both(now);
	} while (!complete(want) && --tries);
	CHECK(!count_errors(want), "counters");
}

int rdma_qp(const struct end *e, char *out, size_t size, const char *format, ...)
{
	char args[256], command[512];
	size_t n = 0;
	va_list ap;
	int status;
	FILE *f;

	va_start(ap, format);
	vsnprintf(args, sizeof(args), format, ap);
	va_end(ap);
	/* the first word, the link, the rest */
	n = strcspn(args, " ");
	snprintf(command, sizeof(command), "rdma -j statistic qp %.*s link %s/1%s 2>&1",
		 (int)n, args, ibv_get_device_name(e->ctx->device), args + n);
	f = popen(command, "re");
	CHECK(f, "popen");
	n = fread(out, 1, size - 1, f);
	out[n] = 0;
	status = pclose(f);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
