// SPDX-License-Identifier: GPL-2.0
/*
 * A deck has each kind of event once; when it is used up it is shuffled again. So
 * every kind comes soon, in an order that the seed decides.
 */
#include "torture.h"

/* splitmix64 */
uint64_t rng_next(struct rng *rng)
{
	uint64_t z = rng->state += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

unsigned int rng_below(struct rng *rng, unsigned int n)
{
	return (unsigned int)(rng_next(rng) % n);
}

unsigned int deck_draw(struct deck *deck, struct rng *rng)
{
	if (!deck->left) {
		for (unsigned int i = 0; i < deck->kinds; i++) {
			unsigned int k = rng_below(rng, i + 1);

			deck->card[i] = deck->card[k];
			deck->card[k] = (uint8_t)i;
		}
		deck->left = deck->kinds;
	}
	return deck->card[--deck->left];
}
