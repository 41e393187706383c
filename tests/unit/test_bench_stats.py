#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""./vm bench: medians, spreads, and what is said of two runs."""

import math
import unittest

import stats


class Numbers(unittest.TestCase):
    def test_median(self):
        self.assertEqual(stats.median([3, 1, 2]), 2)
        self.assertEqual(stats.median([4, 1, 2, 3]), 2.5)
        self.assertEqual(stats.median([7]), 7)

    def test_percentile(self):
        values = list(range(1, 101))
        self.assertEqual(stats.percentile(values, 0.99), 99)
        self.assertEqual(stats.percentile(values, 0.999), 100)
        self.assertEqual(stats.percentile(values, 0.5), 50)
        self.assertEqual(stats.percentile([5], 0.001), 5)

    def test_spread(self):
        self.assertAlmostEqual(stats.spread([90, 100, 120]), 0.3)
        self.assertEqual(stats.spread([0, 0]), 0)


class Verdicts(unittest.TestCase):
    def word(self, old, new, more=True, **how):
        return stats.verdict(old, new, more, **how).word

    def test_better_and_worse(self):
        old, new = [100, 101, 102], [120, 121, 122]
        self.assertEqual(self.word(old, new), "faster")
        self.assertEqual(self.word(new, old), "slower")
        self.assertEqual(self.word(old, new, more=False), "slower")
        self.assertEqual(self.word(new, old, more=False), "faster")
        self.assertAlmostEqual(stats.verdict(old, new, True).change, 121 / 101 - 1)

    def test_one_turn_is_no_verdict(self):
        self.assertEqual(self.word([100], [300]), "few")
        self.assertEqual(self.word([100, 101, 102], [300]), "few")
        self.assertEqual(self.word([100, 101], [300, 301, 302]), "few")

    def test_small_changes_are_none(self):
        self.assertEqual(self.word([100, 100, 100], [104, 104, 104]), "same")
        self.assertEqual(self.word([100, 100, 100], [107, 107, 107]), "faster")
        self.assertEqual(self.word([1, 1, 1], [1, 1, 1]), "same")

    def test_overlap_is_none(self):
        self.assertEqual(self.word([100, 101, 130], [125, 140, 141]), "same")

    def test_spread_counts(self):
        # apart by a sixth, but each by a third in itself
        self.assertEqual(self.word([80, 100, 112], [113, 117, 140]), "same")
        self.assertEqual(self.word([99, 100, 101], [113, 117, 118]), "faster")

    def test_noise_counts(self):
        old, new = [100, 101, 102], [120, 121, 122]
        self.assertEqual(self.word(old, new, noise=0.3), "same")
        self.assertEqual(self.word(new, old, noise=0.3), "same")
        self.assertEqual(self.word(old, new, noise=0.1), "faster")

    def test_up_and_down_alike(self):
        # a double is as far as a half, whatever the percentages say
        for noise in (0.9, 1.1):
            up = self.word([100] * 3, [200] * 3, noise=noise)
            down = self.word([200] * 3, [100] * 3, noise=noise)
            self.assertEqual(up == "faster", down == "slower")

    def test_missing(self):
        self.assertEqual(self.word([], [1, 2, 3]), "new")
        self.assertEqual(self.word([1, 2, 3], []), "gone")

    def test_exact(self):
        self.assertEqual(self.word([16], [16], more=False, exact=True), "same")
        self.assertEqual(self.word([100], [104], more=False, exact=True), "same")
        self.assertEqual(self.word([16], [17], more=False, exact=True), "more")
        self.assertEqual(self.word([17], [16], more=False, exact=True), "less")

    def test_zero(self):
        self.assertEqual(self.word([0, 0, 0], [0, 0, 0]), "same")
        self.assertEqual(self.word([0, 0, 0], [5, 5, 5]), "faster")
        self.assertEqual(stats.verdict([0, 0, 0], [5, 5, 5], True).change, math.inf)


class Noise(unittest.TestCase):
    def test_rank(self):
        changes = [0.01] * 18 + [0.5, 0.6]
        self.assertAlmostEqual(stats.noise_of(changes), 0.01)
        self.assertAlmostEqual(stats.noise_of([0.25] * 9), 0.25)

    def test_down_is_as_far_as_up(self):
        self.assertAlmostEqual(stats.noise_of([-0.5] * 9), 1.0)

    def test_few_tell_nothing(self):
        self.assertEqual(stats.noise_of([0.5] * 7), 0)
        self.assertEqual(stats.noise_of([]), 0)


if __name__ == "__main__":
    unittest.main()
