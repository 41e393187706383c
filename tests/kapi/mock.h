/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The mock exporter and importer, as C functions.
 *
 * Functions that end in _err return 0 or the errno that they failed with;
 * the others end the test when they fail.
 */
#ifndef KAPI_MOCK_H
#define KAPI_MOCK_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "mock-abi.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* The tests assume nothing of the page size but this. */
extern unsigned long page_size;

__attribute__((noreturn, format(printf, 1, 2)))
void die(const char *fmt, ...);

#define CHECK(cond)							\
	do {								\
		if (!(cond))						\
			die("%s:%d: not so: %s", __FILE__, __LINE__, #cond); \
	} while (0)

#define CHECK_EQ(got, want)						\
	do {								\
		long long got_ = (long long)(got);			\
		long long want_ = (long long)(want);			\
									\
		if (got_ != want_)					\
			die("%s:%d: %s is %lld, not %s (%lld)", __FILE__, \
			    __LINE__, #got, got_, #want, want_);	\
	} while (0)

void mock_open(void);

/* exporter */
int export_buf(unsigned long npages, unsigned int flags);
int export_chunks(unsigned long npages, unsigned int chunk,
		  unsigned int report, unsigned int flags);
int export_bytes(uint64_t bytes, unsigned int flags);
int ctl_err(int fd, enum mock_ctl_op op, uint64_t arg);
void ctl(int fd, enum mock_ctl_op op, uint64_t arg);
uint64_t ctl_value(int fd, enum mock_ctl_op op, uint64_t arg);
unsigned int calls(int fd, enum mock_call call);
int register_err(enum mock_register_op op);

/* importer */
int attach_err(int fd, unsigned int needs, unsigned int lifetime,
	       unsigned int behave, unsigned int *id);
unsigned int attach(int fd, unsigned int needs, unsigned int lifetime,
		    unsigned int behave);
void detach(unsigned int id);
void detach_and_use(unsigned int id, int32_t errors[5]);
int lookup_err(unsigned int id, enum mock_how how, uint64_t pgoff,
	       struct mock_run *runs, unsigned int nr, unsigned int *got);
unsigned int lookup(unsigned int id, uint64_t pgoff, struct mock_run *runs,
		    unsigned int nr);
int page_err(unsigned int id, enum mock_how how, uint64_t pgoff);
uint64_t page(unsigned int id, uint64_t pgoff);
int describe_err(unsigned int id, struct mock_describe *info);
int map_err(unsigned int id, uint64_t pgoff, uint64_t npages,
	    unsigned int flags, bool *is_iomem);
void map(unsigned int id, uint64_t pgoff, uint64_t npages);
int map_extents_err(unsigned int id, uint64_t pgoff, uint64_t *npages,
		    unsigned int *nr);
int unmap_err(unsigned int id, uint64_t pgoff, uint64_t npages,
	      unsigned int flags);
void unmap(unsigned int id, uint64_t pgoff, uint64_t npages);
int rw_err(unsigned int id, bool write, uint64_t offset, void *data,
	   unsigned int len);
uint64_t seq_begin(unsigned int id);
bool seq_retry(unsigned int id, uint64_t seq);
struct mock_import_stat import_stat(unsigned int id);
struct mock_race race(unsigned int id, unsigned int rounds);

/* /sys/kernel/debug/dma_buf_pfn */
long debugfs_errors(const char *name);
bool debugfs_attachments(char *buf, size_t size);

/* tests */
void test_r1(void);
void test_r1_many(void);
void test_r2(void);
void test_refusals(void);
void test_r3(void);
void test_r4(void);
void test_r5(void);
void test_r6(void);
void test_r7(void);
void test_r8(void);
void test_r9(void);
void test_r10(void);
void test_r11(void);
void test_r13(void);
void test_ranges(void);
void test_lies(void);
void test_misuse(void);
void test_use_after_detach(void);
void test_attach_storm(void);
void test_register(void);
void test_debugfs(void);
void test_race_lookup(void);
void test_race_attach(void);
void test_race_debugfs(void);

#endif /* KAPI_MOCK_H */
