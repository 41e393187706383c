/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prxe_demo: the steps of the demo that need a program. Each prints a table. What
 * is wrong with data is printed and counted, and makes the exit status 1; what
 * should never fail ends the program with a message. Figures are written to the
 * file named by DEMO_RESULTS too, a "key value" a line.
 */
#ifndef PRXE_DEMO_H
#define PRXE_DEMO_H

#include "../verbs/pair.h"

/* softgpu's helpers have a fill() of their own, eight bytes at a time. */
#define fill softgpu_fill
#include "../dmabuf/softgpu_test.h"
#undef fill

#define KIB		1024ul
#define MIB		(1024 * KIB)
#define PAGE		4096ul

#define RW (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_READ | \
	    IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_ATOMIC)

/* Where dma-buf regions begin for the RDMA peers; any number will do. */
#define VRAM_IOVA	0x7700000000ul

/* What all steps are given. */
struct demo {
	struct device gpu;
	const char *a, *b;	/* prxe devices, joined by a wire */
	const char *c, *d;	/* the same of rxe */
	bool quick;
	unsigned int failures;
};

enum mem_kind {
	MEM_HOST,
	MEM_VRAM,
};

/* Memory that the CPU sees at map, and RDMA at iova with the keys of mr. */
struct mem {
	enum mem_kind kind;
	size_t size;
	uint8_t *map;
	uint64_t iova;
	struct ibv_mr *mr;
	struct buffer buf;	/* VRAM */
	int fd;			/* dma-buf */
};

/* demo_mem.c */
void mem_make(struct demo *d, struct mem *m, enum mem_kind kind, size_t size);
struct ibv_mr *mem_register(struct mem *m, struct ibv_pd *pd);
void mem_deregister(struct ibv_mr *mr);
void mem_free(struct mem *m);
/* Around every look of the CPU at it. */
void mem_cpu_begin(struct mem *m);
void mem_cpu_end(struct mem *m);
struct ibv_sge mem_sge(const struct mem *m, size_t off, size_t len);
/* Later buffers get extents of so many pages; 0: one, where possible. */
void set_fragment(struct demo *d, size_t pages);
const char *mem_name(enum mem_kind kind);
/* Number of bytes that are not those of the pattern; not @value. */
size_t count_wrong(const uint8_t *p, size_t len, uint32_t seed);
size_t count_not(const uint8_t *p, size_t len, uint8_t value);

/* demo_main.c */
void result(const char *key, double value);
double now_us(void);
double median(double *v, size_t n);
uint64_t counter_of(const char *device, const char *name);
/* "4 KiB", "1000003 B"; the text is valid until four calls later */
const char *size_text(size_t size);

/* demo_show.c: what rdma -dd resource show mr says of one region */
struct mr_facts {
	char import[128];
	char exporter[128];
	char memory[128];
	char state[128];
	unsigned int extents;
	unsigned long moves;
	unsigned long long length;
};

void mr_facts_of(const char *device, uint32_t rkey, struct mr_facts *facts);

/* the steps */
void step_data(struct demo *d);
void step_evict(struct demo *d);
void step_register(struct demo *d);
void step_speed(struct demo *d);

#endif /* PRXE_DEMO_H */
