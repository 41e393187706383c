// SPDX-License-Identifier: GPL-2.0
/*
 * The translation of a memory region, compared with a model that has one entry
 * for each unit of 16 bytes.
 */
#include <stdlib.h>

#include "cmocka_all.h"
#include "../../kernel/prxe/extent.h"
#include "random.h"

#define UNIT	16

static void *at(u64 addr)
{
	return (void *)(uintptr_t)addr;
}

static void new_table(struct prxe_extents *t, u32 extents)
{
	prxe_extents_init(t);
	if (extents > 1) {
		t->v = calloc(extents + 1, sizeof(*t->v));
		assert_non_null(t->v);
		t->cap = extents + 1;
	}
}

static void free_table(struct prxe_extents *t)
{
	if (t->v != t->one)
		free(t->v);
}

static void one_needs_no_memory(void **state)
{
	struct prxe_extents t;

	(void)state;
	prxe_extents_init(&t);
	assert_int_equal(prxe_extents_end(&t), 0);
	assert_int_equal(prxe_extents_append(&t, at(0x1000), 1ull << 40), 0);
	assert_ptr_equal(t.v, t.one);
	assert_int_equal(t.nr, 1);
	assert_int_equal(prxe_extents_end(&t), 1ull << 40);
	assert_int_equal(prxe_extent_len(&t, 0), 1ull << 40);
	assert_int_equal(prxe_extents_find(&t, 0, 0), 0);
	assert_int_equal(prxe_extents_find(&t, (1ull << 40) - 1, 7), 0);

	/* no room for a second one, and nothing changed */
	assert_int_equal(prxe_extents_append(&t, at(0x100), 16), -ENOSPC);
	assert_int_equal(prxe_extents_extend(&t, at(0x100), 16), -ENOSPC);
	assert_int_equal(t.nr, 1);
	assert_int_equal(prxe_extents_end(&t), 1ull << 40);
	assert_ptr_equal(t.v[0].addr, at(0x1000));

	prxe_extents_clear(&t);
	assert_int_equal(t.nr, 0);
	assert_int_equal(prxe_extents_end(&t), 0);
	assert_int_equal(prxe_extents_append(&t, at(0x2000), 16), 0);
}

static void all_of_memory_is_one(void **state)
{
	struct prxe_extents t;

	(void)state;
	prxe_extents_init(&t);
	assert_int_equal(prxe_extents_append(&t, NULL, U64_MAX), 0);
	assert_int_equal(prxe_extents_find(&t, U64_MAX - 1, 0), 0);
	/* nothing fits behind it */
	assert_int_equal(prxe_extents_extend(&t, at(U64_MAX), 1), -EINVAL);
}

static void refuses_nonsense(void **state)
{
	struct prxe_extents t;

	(void)state;
	new_table(&t, 4);
	assert_int_equal(prxe_extents_append(&t, at(0x1000), 0), -EINVAL);
	assert_int_equal(prxe_extents_append(&t, at(0x1000), 16), 0);
	assert_int_equal(prxe_extents_append(&t, at(0x2000), 0), -EINVAL);
	assert_int_equal(prxe_extents_extend(&t, at(0x1010), 0), -EINVAL);
	assert_int_equal(prxe_extents_append(&t, at(0x2000), U64_MAX - 15), -EINVAL);
	assert_int_equal(prxe_extents_extend(&t, at(0x1010), U64_MAX - 15), -EINVAL);
	assert_int_equal(t.nr, 1);
	assert_int_equal(prxe_extents_end(&t), 16);
	free_table(&t);
}

static void extend_merges_neighbours_only(void **state)
{
	struct prxe_extents t;

	(void)state;
	new_table(&t, 4);
	assert_int_equal(prxe_extents_extend(&t, at(0x1000), 0x1000), 0);
	assert_int_equal(prxe_extents_extend(&t, at(0x2000), 0x1000), 0);
	assert_int_equal(t.nr, 1);
	assert_int_equal(prxe_extents_extend(&t, at(0x4000), 0x1000), 0);
	assert_int_equal(prxe_extents_extend(&t, at(0x3000), 0x1000), 0);
	assert_int_equal(prxe_extents_extend(&t, at(0x4000), 0x2000), 0);
	assert_int_equal(t.nr, 3);
	assert_int_equal(prxe_extent_len(&t, 0), 0x2000);
	assert_int_equal(prxe_extent_len(&t, 1), 0x1000);
	assert_int_equal(prxe_extent_len(&t, 2), 0x3000);
	/* append does not merge: a grant is given back as it was got */
	assert_int_equal(prxe_extents_append(&t, at(0x6000), 0x1000), 0);
	assert_int_equal(t.nr, 4);
	assert_int_equal(prxe_extents_append(&t, at(0x9000), 0x1000), -ENOSPC);
	free_table(&t);
}

/* Random tables; every offset, with every kind of hint. */
static void find_agrees_with_the_model(void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 300; round++) {
		u32 want = 1 + random_below(60), units = 0, i, k;
		u32 *model = calloc(want * 8, sizeof(*model));
		struct prxe_extents t;

		assert_non_null(model);
		new_table(&t, want);
		for (i = 0; i < want; i++) {
			u32 len = 1 + random_below(8);

			assert_int_equal(prxe_extents_append(&t,
							     at(random_u32()),
							     (u64)len * UNIT), 0);
			for (k = 0; k < len; k++)
				model[units++] = i;
		}
		assert_int_equal(prxe_extents_end(&t), (u64)units * UNIT);
		for (i = 0; i < units; i++) {
			u64 first = (u64)i * UNIT, last = first + UNIT - 1;

			for (k = 0; k < want; k++)
				assert_int_equal(prxe_extents_find(&t, first, k),
						 model[i]);
			assert_int_equal(prxe_extents_find(&t, last, random_u32()),
					 model[i]);
			assert_int_equal(prxe_extents_find(&t, last, U32_MAX),
					 model[i]);
		}
		free_table(&t);
		free(model);
	}
}

static void range(void **state)
{
	(void)state;
	assert_true(prxe_range_ok(0x1000, 0x100, 0x1000, 0x100));
	assert_true(prxe_range_ok(0x1000, 0x100, 0x10ff, 1));
	assert_false(prxe_range_ok(0x1000, 0x100, 0x1000, 0x101));
	assert_false(prxe_range_ok(0x1000, 0x100, 0x1001, 0x100));
	assert_false(prxe_range_ok(0x1000, 0x100, 0x1100, 1));
	assert_false(prxe_range_ok(0x1000, 0x100, 0xfff, 1));
	assert_false(prxe_range_ok(0x1000, 0x100, 0xfff, 2));
	/* sums that overflow */
	assert_false(prxe_range_ok(0x1000, 0x100, 0x1080, U64_MAX));
	assert_false(prxe_range_ok(0x1000, 0x100, 0x1080, U64_MAX - 0x7f));
	assert_false(prxe_range_ok(0x1000, 0x100, U64_MAX, 0x1000));
	assert_false(prxe_range_ok(0x1000, 0x100, U64_MAX, 2));
	/* up to the end of the address space */
	assert_true(prxe_range_ok(U64_MAX - 0xff, 0x100, U64_MAX, 1));
	assert_true(prxe_range_ok(U64_MAX - 0xff, 0x100, U64_MAX - 0xff, 0x100));
	assert_false(prxe_range_ok(U64_MAX - 0xff, 0x100, U64_MAX, 2));
	assert_false(prxe_range_ok(U64_MAX - 0xff, 0x100, 0, 1));
	assert_true(prxe_range_ok(0, U64_MAX, U64_MAX - 1, 1));
	assert_false(prxe_range_ok(0, U64_MAX, U64_MAX, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_needs_no_memory),
		cmocka_unit_test(all_of_memory_is_one),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(extend_merges_neighbours_only),
		cmocka_unit_test(find_agrees_with_the_model),
		cmocka_unit_test(range),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
