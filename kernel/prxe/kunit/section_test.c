// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sections: a reader on every CPU against one that takes the memory away, again
 * and again. What section.c proves, tried.
 */
#include <kunit/test.h>
#include <linux/cpumask.h>
#include <linux/kthread.h>
#include <linux/processor.h>

#include "section.h"

/* What makes a region wrong for a reader to be inside of. */
#define GONE		0xdeadULL
#define WORDS		64

/* So often must each reader have been inside, and been sent away. */
#define MIN_INSIDE	2000
#define MIN_AWAY	20
#define MIN_ROUNDS	2000
#define MAX_ROUNDS	200000

/*
 * The memory is the generation in every word while @valid, and GONE in all or
 * some of them when it is not.
 */
struct region {
	bool valid;
	u64 word[WORDS];
};

struct reader {
	struct task_struct *task;
	struct region *own;	/* nobody stops this one */
	struct region *shared;
	unsigned long inside;
	unsigned long away;
	unsigned long wrong;
};

static bool words_agree(const struct region *r)
{
	u64 first = READ_ONCE(r->word[0]);
	unsigned int i;

	for (i = 1; i < WORDS; i++)
		if (READ_ONCE(r->word[i]) != first)
			return false;
	return first != GONE;
}

/* As mr_access.c does it. Return: whether it was valid. */
static bool visit(struct reader *me, struct region *r,
		  enum prxe_section_slot slot)
{
	bool valid;

	prxe_section_announce(slot, r);
	/* pairs with the release that made it valid */
	valid = smp_load_acquire(&r->valid);
	if (valid && !words_agree(r))
		me->wrong++;
	prxe_section_withdraw(slot);
	return valid;
}

static int reader_fn(void *arg)
{
	struct reader *me = arg;
	unsigned int i = 0;

	while (!kthread_should_stop()) {
		prxe_section_begin();
		/* now by one slot, now by the other, and in between elsewhere */
		if (visit(me, me->shared, i & 1 ? PRXE_SLOT_SRC : PRXE_SLOT_DST))
			WRITE_ONCE(me->inside, me->inside + 1);
		else
			WRITE_ONCE(me->away, me->away + 1);
		if (i & 2)
			visit(me, me->own, PRXE_SLOT_DST);
		prxe_section_end();
		if (!(++i & 63))
			cond_resched();
	}
	return 0;
}

static void fill(struct region *r, u64 with)
{
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		WRITE_ONCE(r->word[i], with);
}

static void take_away_and_bring_back(struct region *r, u64 generation)
{
	WRITE_ONCE(r->valid, false);
	prxe_section_wait(r);
	fill(r, GONE);
	/* now and then time for the reader of this CPU: to be sent away */
	if (generation % 32 == 0)
		schedule_timeout_idle(1);
	fill(r, generation);
	/* pairs with the acquire in visit(): valid after the words */
	smp_store_release(&r->valid, true);
	/* and to come in again */
	if (generation % 32 == 16)
		schedule_timeout_idle(1);
	else
		cond_resched();
}

static struct region *new_region(struct kunit *test)
{
	struct region *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	fill(r, 1);
	r->valid = true;
	return r;
}

static bool all_had_enough(struct reader *v, int nr)
{
	int i;

	for (i = 0; i < nr; i++)
		if (READ_ONCE(v[i].inside) < MIN_INSIDE ||
		    READ_ONCE(v[i].away) < MIN_AWAY)
			return false;
	return true;
}

/* Return: readers that run. */
static int start_readers(struct kunit *test, struct reader *v,
			 struct region *shared)
{
	int cpu, nr = 0;

	for_each_online_cpu(cpu)
		v[nr++] = (struct reader){
			.shared = shared, .own = new_region(test),
		};
	nr = 0;
	for_each_online_cpu(cpu) {
		struct task_struct *task;

		task = kthread_create_on_cpu(reader_fn, &v[nr], cpu,
					     "prxe_section/%u");
		if (IS_ERR(task))
			break;
		v[nr++].task = task;
		wake_up_process(task);
	}
	return nr;
}

static void section_readers_against_a_stopper(struct kunit *test)
{
	struct region *shared = new_region(test);
	struct reader *v;
	u64 round;
	int nr, i;

	v = kunit_kcalloc(test, num_possible_cpus(), sizeof(*v), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, v);
	nr = start_readers(test, v, shared);

	for (round = 2; round < MAX_ROUNDS; round++) {
		if (round >= MIN_ROUNDS && all_had_enough(v, nr))
			break;
		take_away_and_bring_back(shared, round);
	}

	for (i = 0; i < nr; i++) {
		kthread_stop(v[i].task);
		kunit_info(test, "reader %d: inside %lu, sent away %lu, wrong %lu",
			   i, v[i].inside, v[i].away, v[i].wrong);
		KUNIT_EXPECT_EQ(test, v[i].wrong, 0);
		KUNIT_EXPECT_GE(test, v[i].inside, MIN_INSIDE);
		KUNIT_EXPECT_GE(test, v[i].away, MIN_AWAY);
	}
	kunit_info(test, "%llu rounds", round);
	KUNIT_EXPECT_EQ(test, nr, num_online_cpus());
}

/* A slot is empty, or what was announced, and nothing is left behind. */
static void section_slots(struct kunit *test)
{
	struct region *r = new_region(test), *s = new_region(test);
	const struct prxe_hazard *h;
	const void *in[2][PRXE_NR_SLOTS];

	prxe_section_begin();
	h = this_cpu_ptr(&prxe_hazard);
	prxe_section_announce(PRXE_SLOT_DST, r);
	prxe_section_announce(PRXE_SLOT_SRC, s);
	memcpy(in[0], h->obj, sizeof(in[0]));
	prxe_section_withdraw(PRXE_SLOT_SRC);
	prxe_section_withdraw(PRXE_SLOT_DST);
	memcpy(in[1], h->obj, sizeof(in[1]));
	prxe_section_end();

	KUNIT_EXPECT_PTR_EQ(test, in[0][PRXE_SLOT_DST], (const void *)r);
	KUNIT_EXPECT_PTR_EQ(test, in[0][PRXE_SLOT_SRC], (const void *)s);
	KUNIT_EXPECT_NULL(test, in[1][PRXE_SLOT_DST]);
	KUNIT_EXPECT_NULL(test, in[1][PRXE_SLOT_SRC]);
}

static struct kunit_case section_cases[] = {
	KUNIT_CASE(section_slots),
	KUNIT_CASE_SLOW(section_readers_against_a_stopper),
	{}
};

static struct kunit_suite section_suite = {
	.name = "prxe_section",
	.test_cases = section_cases,
};

kunit_test_suite(section_suite);
