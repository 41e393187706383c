#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# reg_mr_json.py CONDITION: what ib_reg_mr_lat --json has printed, on stdin, is whole,
# agrees with itself, and the condition about it (d: the object; r: its results) holds.

import json
import math
import statistics
import sys

KEYS = {"program", "version", "device", "memory", "threads", "warmup", "first_touch", "odp",
        "reregister", "unit", "clock_cost", "results"}
RESULT = {"bytes", "operation", "iterations", "t_min", "t_max", "t_typical", "t_avg", "t_stdev",
          "percentile_99", "percentile_99.9", "mr_bytes", "import"}


def rank(samples, permille):
    return samples[max(0, math.ceil(len(samples) * permille / 1000) - 1)]


def close(a, b):
    return abs(a - b) <= 0.002


def check_samples(x):
    samples = sorted(x["samples"])
    assert close(samples[0], x["t_min"]) and close(samples[-1], x["t_max"]), x
    assert close(statistics.median(samples), x["t_typical"]), x
    assert close(statistics.fmean(samples), x["t_avg"]), x
    assert abs(statistics.pstdev(samples) - x["t_stdev"]) <= 0.01, x
    assert close(rank(samples, 990), x["percentile_99"]), x
    assert close(rank(samples, 999), x["percentile_99.9"]), x


d = json.load(sys.stdin)
r = d["results"]
assert set(d) == KEYS, set(d) ^ KEYS
assert d["program"] == "ib_reg_mr_lat" and d["unit"] == "usec"
assert r
for x in r:
    assert set(x) - {"samples"} == RESULT, set(x) ^ RESULT
    assert 0 <= x["t_min"] <= x["t_typical"] <= x["percentile_99"] <= x["percentile_99.9"], x
    assert x["percentile_99.9"] <= x["t_max"], x
    assert x["t_min"] <= x["t_avg"] <= x["t_max"], x
    assert 0 <= x["t_stdev"] <= x["t_max"] - x["t_min"] + 0.001, x
    if "samples" in x:
        check_samples(x)
if not eval("(" + sys.argv[1] + ")"):
    sys.exit("not so: " + sys.argv[1])
