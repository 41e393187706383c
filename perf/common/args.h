/* SPDX-License-Identifier: GPL-2.0 */
/* Command lines. All of these end the program, with a message, over what is wrong. */
#ifndef PRXE_PERF_ARGS_H
#define PRXE_PERF_ARGS_H

#include <stddef.h>

/* Status 1. */
void args_wrong(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));
/* @what: of the message: what has to be such a number */
unsigned long args_number(const char *what, const char *text, unsigned long min,
			  unsigned long max);
/* A number of bytes, not 0; k, m, g or t may follow it. */
size_t args_size(const char *text);

#endif /* PRXE_PERF_ARGS_H */
