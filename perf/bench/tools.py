# SPDX-License-Identifier: GPL-2.0
"""What the tools of ./vm bench print, as numbers. Pure: text in, dicts out.

Each function raises ValueError for a text that has no usable figure."""

import json
import re

import stats

# perftest's columns behind #bytes and #iterations
BW_COLUMNS = ("peak", "average", "rate")
LAT_COLUMNS = ("min", "max", "typical", "average", "stdev", "p99", "p99.9")


class Uncalibrated(ValueError):
    """perftest measured with a clock that stands still: try again."""


def _row(text, columns):
    """The row of figures behind the last line that begins with #bytes. With -U there is
    one before the samples, too."""
    _, head, rest = text.rpartition("#bytes")
    for row in rest.splitlines()[1:] if head else []:
        words = row.split()
        if len(words) < 2 + len(columns):
            continue
        try:
            figures = [float(word) for word in words[2:2 + len(columns)]]
        except ValueError:
            break
        if not all(0 <= figure < float("inf") for figure in figures):
            raise Uncalibrated("figures that are none: " + row.strip())
        return dict(zip(columns, figures))
    if re.search(r"correlation coefficient|measured timestamp", text, re.I):
        raise Uncalibrated("the time stamp counter was not calibrated")
    raise ValueError("no row of figures")


def bandwidth(text):
    """ib_*_bw: MiB/s and messages a second."""
    row = _row(text, BW_COLUMNS)
    if row["average"] <= 0 and row["rate"] <= 0:
        raise Uncalibrated("no time went by")
    return {"bandwidth": row["average"], "rate": row["rate"] * 1e6}


def latency(text):
    """ib_*_lat with -U: (microseconds by percentile, all samples)."""
    samples = [float(value) for value in re.findall(r"^\d+, ([0-9.e+-]+)$", text, re.M)]
    row = _row(text, LAT_COLUMNS)
    if row["typical"] <= 0:
        raise Uncalibrated("no time went by")
    values = {name: row[name] for name in ("typical", "average", "p99", "p99.9")}
    return values, [round(sample, 2) for sample in samples]


def registration(text):
    """ib_reg_mr_lat -a --json -U: (size, values, samples) of each size."""
    by_size = {}
    for result in json.loads(text)["results"]:
        values, samples = by_size.setdefault(result["bytes"], ({}, {}))
        name = result["operation"]
        values[name] = result["t_typical"]
        samples[name] = result.get("samples", [])
        if result.get("mr_bytes") is not None:
            values["mr_bytes"] = result["mr_bytes"]
    if not by_size:
        raise ValueError("no results")
    return [(size, *by_size[size]) for size in sorted(by_size)]


def importing(text):
    """dmabuf_import_lat -a --json: (size, way, values, samples); refused ways have a text
    in the place of values."""
    found = []
    for result in json.loads(text)["results"]:
        if "refused" in result:
            found.append((result["bytes"], result["import"], result["refused"], []))
            continue
        values = {"total": result["total"], "metadata": result["metadata"],
                  "pieces": result["pieces"]}
        found.append((result["bytes"], result["import"], values, result["total_sorted"]))
    if not found:
        raise ValueError("no results")
    return found


def invalidations(text):
    """Events dma_buf_pfn:invalidate of prxe: how long the exporter waited, in us."""
    samples = [int(ns) / 1000 for ns in
               re.findall(r"invalidate: .*importer=prxe .* ns=(\d+)$", text, re.M)]
    if not samples:
        raise ValueError("nothing was taken away")
    return {"typical": stats.median(samples), "p99": stats.percentile(samples, 0.99),
            "max": max(samples)}, samples


def tcp(text):
    """iperf3 -J: MiB/s that arrived."""
    report = json.loads(text)
    if "error" in report:
        raise ValueError(report["error"])
    return {"bandwidth": report["end"]["sum_received"]["bits_per_second"] / 8 / (1 << 20)}


def limits(text):
    """bench_limits: an object of numbers, and perhaps samples."""
    report = json.loads(text)
    samples = report.pop("samples", [])
    return report, samples
