// SPDX-License-Identifier: GPL-2.0
/*
 * usage: prxe_demo STEP bar|ram [--quick] PRXE-DEVICE PRXE-DEVICE
 *		    [RXE-DEVICE RXE-DEVICE]
 *
 * The two devices of a kind are at the two ends of a wire.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"

static const struct {
	const char *name;
	void (*run)(struct demo *d);
} steps[] = {
	{ "data", step_data },
	{ "evict", step_evict },
	{ "register", step_register },
	{ "speed", step_speed },
};

void result(const char *key, double value)
{
	const char *path = getenv("DEMO_RESULTS");
	FILE *f;

	if (!path)
		return;
	f = fopen(path, "ae");
	CHECK(f, "%s: %s", path, strerror(errno));
	fprintf(f, "%s %.4f\n", key, value);
	CHECK(!fclose(f), "%s: %s", path, strerror(errno));
}

double now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts @v. */
double median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), compare);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* The counters that rdma statistic shows, of port 1. */
uint64_t counter_of(const char *device, const char *name)
{
	unsigned long long value;
	char path[256];
	FILE *f;
	int n;

	snprintf(path, sizeof(path),
		 "/sys/class/infiniband/%s/ports/1/hw_counters/%s", device, name);
	f = fopen(path, "re");
	CHECK(f, "%s: %s", path, strerror(errno));
	n = fscanf(f, "%llu", &value);
	CHECK(n == 1, "cannot read %s", path);
	fclose(f);
	return value;
}

const char *size_text(size_t size)
{
	static char text[4][24];
	static unsigned int turn;
	char *s = text[turn++ % 4];

	if (size >= MIB && size % MIB == 0)
		snprintf(s, sizeof(text[0]), "%zu MiB", size / MIB);
	else if (size >= KIB && size % KIB == 0)
		snprintf(s, sizeof(text[0]), "%zu KiB", size / KIB);
	else
		snprintf(s, sizeof(text[0]), "%zu B", size);
	return s;
}

int main(int argc, char **argv)
{
	struct demo d = { 0 };
	const char *names[4] = { 0 };
	int n = 0;

	for (int i = 3; i < argc; i++) {
		if (!strcmp(argv[i], "--quick"))
			d.quick = true;
		else if (n < 4)
			names[n++] = argv[i];
	}
	CHECK(n == 2 || n == 4,
	      "usage: %s STEP bar|ram [--quick] PRXE PRXE [RXE RXE]", argv[0]);
	d.a = names[0];
	d.b = names[1];
	d.c = names[2];
	d.d = names[3];
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		if (strcmp(steps[i].name, argv[1]))
			continue;
		device_open(&d.gpu, argv[2]);
		steps[i].run(&d);
		close(d.gpu.fd);
		if (d.failures)
			printf("%u checks FAILED\n", d.failures);
		return d.failures ? 1 : 0;
	}
	FAIL("no step %s", argv[1]);
}
