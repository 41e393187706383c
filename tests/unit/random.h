/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Random numbers for tests. The seed is printed; PRXE_SEED=number repeats a
 * run.
 */
#ifndef RANDOM_H
#define RANDOM_H

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <linux/types.h>

static u64 random_state;

static inline void random_init(void)
{
	const char *env = getenv("PRXE_SEED");
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	random_state = env ? strtoull(env, NULL, 0) :
			     (u64)ts.tv_sec * 1000000007u + ts.tv_nsec;
	printf("PRXE_SEED=%llu\n", (unsigned long long)random_state);
	fflush(stdout);
}

/* splitmix64: small, and good for any seed */
static inline u64 random_u64(void)
{
	u64 z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static inline u32 random_u32(void)
{
	return random_u64() >> 32;
}

/* 0 to n - 1 */
static inline u32 random_below(u32 n)
{
	return ((u64)random_u32() * n) >> 32;
}

static inline void random_fill(void *buf, size_t len)
{
	u8 *p = buf;

	while (len--)
		*p++ = random_u64() >> 56;
}

#endif
