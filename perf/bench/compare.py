# SPDX-License-Identifier: GPL-2.0
"""Two runs, figure by figure."""

from dataclasses import dataclass

import stats

# What nobody works on when prxe changes: how much they differ is the machine's doing.
CONTROLS = ("rxe", "siw", "tcp", "memcpy")
EXACT = ("mr_bytes", "metadata")


@dataclass(frozen=True)
class Row:
    """One figure of both: NAME is (part, key, size, contender, metric)."""

    name: tuple
    old: list
    new: list
    verdict: stats.Verdict

    @property
    def control(self):
        """Is it one that should not have changed?"""
        return self.name[3] in CONTROLS


@dataclass(frozen=True)
class Comparison:
    """ROWS in the order of the new run; NOISE as stats.noise_of(); CONTROLS is how many
    figures it comes from."""

    rows: list
    noise: float
    controls: int

    def of(self, *words, controls=False):
        """Rows with such a verdict; only those of the controls, or none of them."""
        return [row for row in self.rows
                if row.verdict.word in words and row.control == controls]


def _changes(old, new, names):
    for name in names:
        before, after = old.series.get(name), new.series.get(name)
        if before and after and stats.median(before) > 0:
            yield stats.median(after) / stats.median(before) - 1


def compare(old, new):
    """Every figure that is in one of the runs and is compared at all."""
    names = [name for name in new.series if name[4] in stats.COMPARED]
    parts = new.parts()
    names += [name for name in old.series if name[4] in stats.COMPARED
              and name not in new.series and name[0] in parts]
    controls = [n for n in names if n[3] in CONTROLS and n[4] not in EXACT
                and n in old.series and n in new.series]
    noise = stats.noise_of(_changes(old, new, controls))
    rows = [Row(name, old.series.get(name, []), new.series.get(name, []),
                stats.verdict(old.series.get(name, []), new.series.get(name, []),
                              stats.METRICS[name[4]][1], noise, name[4] in EXACT))
            for name in names]
    return Comparison(rows, noise, len(controls))


def differences(old, new):
    """What makes the two runs hard to compare, in words."""
    found = []
    for part in new.parts():
        before, after = old.environment(part), new.environment(part)
        if not before:
            found.append(f"the old run has no part {part}")
            continue
        for name in ("kernel", "accelerator", "mtu", "crc", "perftest", "rdma-core", "cpus"):
            if before.get(name) != after.get(name):
                found.append(f"{part}: {name} was {before.get(name)}, is {after.get(name)}")
        if before.get("effort", {}).get("name") != after.get("effort", {}).get("name"):
            found.append(f"{part}: one run was quick, the other full: other numbers of messages")
    if old.host.get("cpu") != new.host.get("cpu"):
        found.append(f"another machine: {old.host.get('cpu')}, now {new.host.get('cpu')}")
    if old.host.get("awake", "") != new.host.get("awake", ""):
        found.append("idle processors " + ("slept before, now they were kept awake"
                                           if new.host.get("awake") else
                                           "were kept awake before, now they slept"))
    return found
