// SPDX-License-Identifier: GPL-2.0
/* Scatter/gather lists, against a list of single bytes. */
#include "cmocka_all.h"
#include "random.h"
#include "sge.h"

#define ENTRIES	8
#define BYTES	200

/* The bytes of a list one by one: of which entry, and where in it. */
struct flat {
	struct prxe_sge list[ENTRIES];
	u64 addr[BYTES];
	u32 key[BYTES];
	u32 nr;
};

static void make(struct flat *f)
{
	u32 i, j;

	f->nr = 0;
	for (i = 0; i < ENTRIES; i++) {
		struct prxe_sge *e = &f->list[i];

		e->addr = random_u64();
		e->lkey = random_u32();
		/* many of no bytes */
		e->length = random_below(3) ? random_below(BYTES / ENTRIES) : 0;
		for (j = 0; j < e->length; j++) {
			f->addr[f->nr] = e->addr + j;
			f->key[f->nr++] = e->lkey;
		}
	}
}

/* Walk from @at to @end in pieces of at most @max. */
static void walk(const struct flat *f, u32 at, u32 end, u32 max)
{
	struct prxe_sge_pos pos = { .sge = f->list, .off = at };

	while (at < end) {
		u32 want = end - at < max ? end - at : max, i;
		struct prxe_sge piece = prxe_sge_next(&pos, want);

		assert_in_range(piece.length, 1, want);
		for (i = 0; i < piece.length; i++) {
			assert_int_equal(piece.addr + i, f->addr[at + i]);
			assert_int_equal(piece.lkey, f->key[at + i]);
		}
		at += piece.length;
		/* as long as it can be */
		if (piece.length < want)
			assert_true(f->addr[at] != f->addr[at - 1] + 1 ||
				    f->key[at] != f->key[at - 1]);
	}
	assert_int_equal(at, end);
}

static void agrees_with_single_bytes(void **state)
{
	struct flat f;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		u32 at, end;

		make(&f);
		at = random_below(f.nr + 1);
		end = at + random_below(f.nr - at + 1);
		walk(&f, at, end, 1 + random_below(40));
		walk(&f, 0, f.nr, BYTES);
	}
}

static void empty_entries_are_passed(void **state)
{
	const struct prxe_sge list[] = {
		{ .addr = 1, .length = 0, .lkey = 1 },
		{ .addr = 100, .length = 5, .lkey = 2 },
		{ .addr = 2, .length = 0, .lkey = 3 },
		{ .addr = 3, .length = 0, .lkey = 4 },
		{ .addr = 200, .length = 7, .lkey = 5 },
	};
	struct prxe_sge_pos pos = { .sge = list, .off = 3 };
	struct prxe_sge piece;

	(void)state;
	piece = prxe_sge_next(&pos, 9);
	assert_int_equal(piece.addr, 103);
	assert_int_equal(piece.length, 2);
	assert_int_equal(piece.lkey, 2);
	piece = prxe_sge_next(&pos, 3);
	assert_int_equal(piece.addr, 200);
	assert_int_equal(piece.length, 3);
	assert_int_equal(piece.lkey, 5);
	piece = prxe_sge_next(&pos, 4);
	assert_int_equal(piece.addr, 203);
	assert_int_equal(piece.length, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_single_bytes),
		cmocka_unit_test(empty_entries_are_passed),
	};

	random_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
