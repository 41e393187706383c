// SPDX-License-Identifier: GPL-2.0
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"

void args_wrong(const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, " ");
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, "\n");
	exit(1);
}

unsigned long args_number(const char *what, const char *text, unsigned long min,
			  unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 0);
	if (!isdigit((unsigned char)*text) || *end || errno || value < min ||
	    value > max)
		args_wrong("%s has to be a number from %lu to %lu: %s", what, min, max,
			   text);
	return value;
}

size_t args_size(const char *text)
{
	static const char units[] = "kmgt";
	unsigned long long value;
	const char *unit = units;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 0);
	if (*end && !end[1])
		unit = strchr(units, tolower((unsigned char)*end));
	if (!isdigit((unsigned char)*text) || errno || !value || !unit ||
	    (*end && end[1]))
		args_wrong("Size has to be a number of bytes, as 65536, 64k, 1m, 2g: %s",
			   text);
	for (; *end && unit >= units; unit--) {
		if (value > SIZE_MAX / 1024)
			args_wrong("Size is too large: %s", text);
		value *= 1024;
	}
	return value;
}
