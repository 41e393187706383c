/* SPDX-License-Identifier: GPL-2.0 */
#ifndef PRXE_PERF_JSON_H
#define PRXE_PERF_JSON_H

#include <stdio.h>

/* @s in quotes. Names of files and devices may hold anything. */
void json_string(FILE *f, const char *s);

#endif /* PRXE_PERF_JSON_H */
