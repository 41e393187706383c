# SPDX-License-Identifier: GPL-2.0
"""The samples of a run, from the guest's JSON lines or from an earlier report.json."""

import json

import stats

SCHEMA = 1


class BadFile(Exception):
    """Not what ./vm bench writes; the text says why."""


class Run:
    """One run: environments (of each part), samples, failures, and the host's own words.

    A figure is named by part, key, size and contender; of each it has the values of all
    turns by metric."""

    def __init__(self, environments, samples, failures, host):
        self.environments = environments
        self.samples = samples
        self.failures = failures
        self.host = host
        self.series = {}
        self.raw = {}
        for sample in samples:
            name = (sample["part"], sample["key"], sample.get("size", 0), sample["contender"])
            for metric, value in sample.get("values", {}).items():
                self.series.setdefault((*name, metric), []).append(value)
            if isinstance(sample.get("raw"), list) and sample["raw"]:
                self.raw.setdefault(name, []).append(sample["raw"])

    def parts(self):
        """Those that were measured, in order."""
        return list(dict.fromkeys(env["part"] for env in self.environments))

    def environment(self, part):
        """Of that part, or {}."""
        return next((env for env in self.environments if env["part"] == part), {})

    def values(self, part, key, size, contender, metric):
        """Of all turns; [] where it was not measured."""
        return self.series.get((part, key, size, contender, metric), [])

    def median(self, *name):
        """Of the turns, or None."""
        values = self.values(*name)
        return stats.median(values) if values else None

    def point(self, *name):
        """(median, least, most), or None."""
        values = self.values(*name)
        return (stats.median(values), min(values), max(values)) if values else None

    def sizes(self, part, key, contender, metric):
        """Those that the key was measured with, in order."""
        return sorted(size for p, k, size, c, m in self.series
                      if (p, k, c, m) == (part, key, contender, metric))

    def refused(self, part, key):
        """{contender: why} of what could not be measured at all."""
        return {s["contender"]: s["refused"] for s in self.samples
                if s["part"] == part and s["key"] == key and "refused" in s}

    def as_json(self):
        """What report.json holds."""
        return {"program": "prxe bench", "schema": SCHEMA, "host": self.host,
                "environments": self.environments, "samples": self.samples,
                "failures": self.failures}


def from_lines(name, host):
    """Read what run.py wrote. A guest that died may have left half a line at the end."""
    found = {"environment": [], "sample": [], "failure": []}
    with open(name, encoding="utf-8") as file:
        for line in file:
            try:
                record = json.loads(line)
            except ValueError:
                continue
            found[record.pop("type")].append(record)
    return Run(found["environment"], found["sample"], found["failure"], host)


def from_report(name):
    """Read a report.json."""
    try:
        with open(name, encoding="utf-8") as file:
            report = json.load(file)
    except OSError as error:
        raise BadFile(f"{name}: {error.strerror}") from None
    except ValueError as error:
        raise BadFile(f"{name}: not JSON: {error}") from None
    if not isinstance(report, dict) or report.get("program") != "prxe bench":
        raise BadFile(f"{name}: not a report of ./vm bench")
    if report.get("schema") != SCHEMA:
        raise BadFile(f"{name}: schema {report.get('schema')}, this program knows {SCHEMA}")
    return Run(report["environments"], report["samples"], report["failures"], report["host"])
