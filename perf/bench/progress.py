# SPDX-License-Identifier: GPL-2.0
"""How far a run is, and how long it will still take."""

import time


def duration(seconds):
    """In words, as exact as an estimate is: "50 s", "3 min", "1 h 20 min"."""
    if seconds < 90:
        return f"{max(0, round(seconds / 10) * 10)} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


class Progress:
    """COSTS are what the steps take, in any unit: what was done so far tells how
    long a unit is on this machine."""

    def __init__(self, costs, clock=time.monotonic):
        self.costs = costs
        self.done = 0
        self.clock = clock
        self.began = clock()

    def step(self):
        """One more is done."""
        self.done += 1

    def left(self):
        """Seconds to go; None while nobody can know."""
        spent = sum(self.costs[:self.done])
        if not spent:
            return None
        return (self.clock() - self.began) * sum(self.costs[self.done:]) / spent

    def line(self, where, what):
        """What is printed before the next step."""
        left = self.left()
        text = f"bench: {self.done + 1:3}/{len(self.costs)}  {where}  {what}"
        return text if left is None else f"{text:<58}  about {duration(left)} left"
