// SPDX-License-Identifier: GPL-2.0
/* What is written, and whether it is there. */
#include <string.h>

#include "torture.h"

#define GUARD	0xa7

/* A new GPU buffer is zeroes, and nobody fills it by the CPU. */
uint8_t guard_of(const struct cell *c)
{
	return on_gpu(c) ? 0 : GUARD;
}

void pattern_fill(uint8_t *p, size_t len, uint64_t seed, uint64_t id)
{
	struct rng rng = { seed ^ id * 0xd1342543de82ef95ull };
	uint64_t word;

	for (; len >= 8; p += 8, len -= 8) {
		word = rng_next(&rng);
		memcpy(p, &word, 8);
	}
	word = rng_next(&rng);
	memcpy(p, &word, len);
}

/* The bytes that pattern @id of @c consists of. */
static void expect(const struct cell *c, uint64_t id, uint8_t *p, size_t len)
{
	if (id)
		pattern_fill(p, len, c->seed, id);
	else
		memset(p, guard_of(c), len);
}

bool pattern_is(const uint8_t *p, size_t len, const struct cell *c, uint64_t id)
{
	uint8_t want[SLOT_MAX];

	expect(c, id, want, len);
	return !memcmp(p, want, len);
}

static bool guard_verify(const struct cell *c, const uint8_t *p, size_t from,
			 size_t to)
{
	uint8_t guard = guard_of(c);

	for (size_t i = from; i < to; i++) {
		if (p[i] == guard)
			continue;
		fprintf(stderr, "byte %zu, in no slot, is %#x instead of %#x\n", i,
			p[i], guard);
		return false;
	}
	return true;
}

/*
 * What was done is there. If another pattern is on its way, each byte is of one
 * or the other.
 */
static bool slot_verify(const struct cell *c, const uint8_t *p, int slot)
{
	uint64_t done = c->done[slot], posted = c->posted[slot];
	static uint8_t old[SLOT_MAX], new[SLOT_MAX];

	expect(c, done, old, c->slot_len);
	expect(c, posted, new, c->slot_len);
	p += SLOT_AT(slot);
	for (size_t i = 0; i < c->slot_len; i++) {
		if (p[i] == old[i] || p[i] == new[i])
			continue;
		fprintf(stderr, "slot %d: byte %zu of %u is %#x, not %#x (done, %llu) nor %#x (posted, %llu)\n",
			slot, i, c->slot_len, p[i], old[i],
			(unsigned long long)done, new[i],
			(unsigned long long)posted);
		return false;
	}
	return true;
}

static bool counter_verify(const struct cell *c, const uint8_t *p)
{
	uint64_t guard, value;

	memset(&guard, guard_of(c), sizeof(guard));
	memcpy(&value, p + COUNTER_AT, sizeof(value));
	value -= guard;
	if (value >= c->count_done && value <= c->count_posted)
		return true;
	fprintf(stderr, "counter is %llu, not in %lu..%lu\n",
		(unsigned long long)value, c->count_done, c->count_posted);
	return false;
}

bool memory_verify(const struct cell *c, const uint8_t *p)
{
	bool ok = guard_verify(c, p, 0, SLOT_AT(0));

	for (int i = 0; i < NSLOT; i++) {
		ok &= slot_verify(c, p, i);
		ok &= guard_verify(c, p, SLOT_AT(i) + c->slot_len,
				   i + 1 < NSLOT ? SLOT_AT(i + 1) : COUNTER_AT);
	}
	ok &= counter_verify(c, p);
	ok &= guard_verify(c, p, COUNTER_AT + 8, RECV_AT(0));
	ok &= guard_verify(c, p, RECV_AT(NRECV), BUF_SIZE);
	return ok;
}

uint64_t memory_sum(const uint8_t *p)
{
	uint64_t sum = 0, word;

	for (size_t i = 0; i < BUF_SIZE; i += 8) {
		memcpy(&word, p + i, 8);
		sum = (sum ^ word) * 0x9e3779b97f4a7c15ull;
		sum ^= sum >> 32;
	}
	return sum;
}
