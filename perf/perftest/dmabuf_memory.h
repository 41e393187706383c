/* SPDX-License-Identifier: GPL-2.0 */
/* perftest's memory type for dma-bufs: what hooks.patch calls. */
#ifndef DMABUF_MEMORY_H
#define DMABUF_MEMORY_H

struct perftest_parameters;

/* The option's line in the help. */
void dmabuf_memory_usage(void);

/*
 * The option --use_dmabuf=@spec: opens what it names, so that what is wrong with it
 * is said before any connection is made. Return: SUCCESS or FAILURE.
 */
int dmabuf_memory_parse(struct perftest_parameters *params, const char *spec);

#endif /* DMABUF_MEMORY_H */
