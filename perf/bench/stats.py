# SPDX-License-Identifier: GPL-2.0
"""What is said of figures, and of two runs. Pure."""

import math
from dataclasses import dataclass

# metric: (unit, is more better, what it is called)
METRICS = {
    "bandwidth": ("MiB/s", True, "bandwidth"),
    "rate": ("messages/s", True, "message rate"),
    "typical": ("us", False, "median latency"),
    "average": ("us", False, "mean latency"),
    "p99": ("us", False, "99th percentile"),
    "p99.9": ("us", False, "99.9th percentile"),
    "max": ("us", False, "longest"),
    "register": ("us", False, "register"),
    "deregister": ("us", False, "deregister"),
    "total": ("us", False, "import"),
    "metadata": ("B", False, "metadata of the importer"),
    "mr_bytes": ("B", False, "kernel memory of a region"),
    "pieces": ("", False, "pieces"),
}

# Those that are compared from run to run. The tails of a thousand messages are noise,
# and the rate says what the bandwidth does.
COMPARED = ("bandwidth", "typical", "register", "deregister", "total", "mr_bytes", "metadata")

LEAST_TURNS = 3             # fewer say nothing of their spread
LEAST_CHANGE = 0.05         # less is nothing
LEAST_CONTROLS = 8          # fewer say nothing of the machine
NOISE_RANK = 0.9


def median(values):
    """The middle one, or the mean of the two in the middle."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def percentile(values, part):
    """The least value that PART of all do not exceed: nearest rank."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * part) - 1)]


def spread(values):
    """The range of the values, relative to their median."""
    middle = median(values)
    return (max(values) - min(values)) / middle if middle else 0.0


@dataclass(frozen=True)
class Verdict:
    """What became of one figure: WORD is faster, slower, less, more, same, few, new, gone;
    CHANGE the new median over the old, less 1, or None."""

    word: str
    change: float = None
    needed: float = None


WORDS = {
    "faster": "faster", "slower": "SLOWER", "less": "less", "more": "MORE",
    "same": "no difference", "few": "too few turns", "new": "new", "gone": "not measured",
}


def verdict(old, new, more_is_better, noise=0.0, exact=False):
    """Compare the turns of two runs.

    There is a difference when the turns of the two do not overlap and the medians
    are further apart than the larger of the two spreads, than NOISE, which is how far
    figures went that had no reason to, and than LEAST_CHANGE. EXACT figures, sizes of
    memory, have no noise, and one turn will do."""
    if not old or not new:
        return Verdict("new" if new else "gone")
    before, after = median(old), median(new)
    change = after / before - 1 if before else (math.inf if after else 0.0)
    if exact:
        if abs(change) <= LEAST_CHANGE:
            return Verdict("same", change, LEAST_CHANGE)
        return Verdict("more" if change > 0 else "less", change, LEAST_CHANGE)
    if min(len(old), len(new)) < LEAST_TURNS:
        return Verdict("few", change)
    # the same distance up and down: a half is as far as a double
    distance = abs(math.log(after / before)) if before > 0 and after > 0 else math.inf
    needed = max(LEAST_CHANGE, noise, spread(old), spread(new))
    apart = max(old) < min(new) or max(new) < min(old)
    if not apart or distance <= math.log1p(needed):
        return Verdict("same", change, needed)
    return Verdict("faster" if (change > 0) == more_is_better else "slower", change, needed)


def noise_of(changes):
    """How far figures that nobody worked on (rxe, siw, TCP, memcpy) went from one run to
    the other, up or down: what NOISE_RANK of them stay below. 0 where too few tell."""
    far = [math.expm1(abs(math.log1p(change))) for change in changes if change > -1]
    return percentile(far, NOISE_RANK) if len(far) >= LEAST_CONTROLS else 0.0
