/* SPDX-License-Identifier: GPL-2.0 */
/*
 * softgpu_test: a libdrm client that checks softgpu. Every case is a function
 * that exits with a message at the first thing that is not as it should be.
 */
#ifndef SOFTGPU_TEST_H
#define SOFTGPU_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The device under test. */
struct device {
	int fd;			/* primary node */
	char node[64];		/* its path */
	char debugfs[128];	/* its debugfs directory */
	size_t vram;		/* bytes of VRAM */
};

struct buffer {
	struct device *dev;
	uint32_t handle;
	uint32_t id;		/* number in debugfs */
	size_t asked;		/* bytes that were asked for and get the pattern */
	size_t size;		/* bytes it has */
	uint8_t *map;
};

/* What debugfs says about one buffer, or about all. */
struct placement {
	unsigned int vram;	/* buffers in VRAM */
	unsigned int system;	/* buffers in system memory */
	unsigned int pinned;	/* pin counts, summed */
	unsigned int extents;	/* extents in VRAM, summed */
	uint32_t last_id;	/* highest number */
};

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define check(cond, ...) do {			\
	if (!(cond))				\
		die(__VA_ARGS__);		\
} while (0)

/* softgpu_util.c */
void device_open(struct device *dev, const char *kind);
bool is_bar(const struct device *dev);
void buffer_create(struct device *dev, struct buffer *buf, size_t size);
void buffer_map(struct buffer *buf);
void buffer_unmap(struct buffer *buf);
void buffer_destroy(struct buffer *buf);
int buffer_export(struct buffer *buf);
uint8_t *fd_map(int fd, size_t size);
void sync_begin(int fd);
void sync_end(int fd);
int debugfs_write(struct device *dev, const char *file, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct placement placement_of(struct device *dev, uint32_t id);
struct placement placement_all(struct device *dev);
void fill(uint8_t *p, size_t size, uint32_t seed);
void verify(const uint8_t *p, size_t size, uint32_t seed, const char *what);
void verify_zero(const uint8_t *p, size_t size, const char *what);

/* softgpu_pfn.c: an importer by page frame number that sees an unplug */
void pfn_before_unplug(int fd);
void pfn_after_unplug(int fd);

/* the cases */
void case_data(struct device *dev);
void case_share(struct device *dev);
void case_overcommit(struct device *dev);
void case_evict(struct device *dev);
void case_fragment(struct device *dev);
void case_busy(struct device *dev);
void case_static(struct device *dev);
void case_dynamic(struct device *dev);
void case_vmap(struct device *dev);
void case_pfn(struct device *dev);
void case_dump(struct device *dev);
void case_bad(struct device *dev);
void case_hold_fd(struct device *dev);
void case_hold_map(struct device *dev);
void case_unbind(struct device *dev);

#endif /* SOFTGPU_TEST_H */
