# SPDX-License-Identifier: GPL-2.0
"""What the report shows of a run, section by section: one question each. A section
whose figures were not measured is left out."""

import plan
import stats
import svg
from document import Cell
from svg import COLOURS, Line, size_name

BLUE, ORANGE, GREEN, PURPLE, OCHRE, GREY = COLOURS
NAMES = {"prxe": "prxe", "prxe-crc": "prxe, `crc=kernel`", "rxe": "rxe", "siw": "siw"}
LOOKS = {"prxe": (BLUE, 0), "rxe": (ORANGE, 1), "siw": (GREEN, 2), "prxe-crc": (GREY, 3)}
MEMORIES = {"host": "host memory", "softgpu": "softgpu", "udmabuf": "udmabuf",
            "heap": "system heap", "vfio": "VFIO"}
MEMORY_LOOKS = {"host": (BLUE, 0), "softgpu": (PURPLE, 3), "udmabuf": (GREEN, 2),
                "heap": (OCHRE, 1), "vfio": (ORANGE, 1)}
BIG = 64 * plan.KIB
PERCENTILES = (("50 %", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("99.9 %", 0.999))


def perftest_key(place, op, figure, size, qps=1, memory="host"):
    """As plan.Point.key has it."""
    return plan.Point("perftest", place, op, figure, size, qps, memory).key


def memory_name(part, memory):
    """What it is: softgpu's VRAM may be RAM."""
    if memory == "softgpu":
        return "softgpu, BAR" if part == "bar" else "softgpu, RAM"
    if memory == "vfio":
        return "VFIO, BAR"
    return MEMORIES[memory]


def number(value):
    """With three digits that count."""
    if value is None:
        return "-"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(one, other, more_is_better):
    """A cell: green where ONE is better by more than nothing, red where worse."""
    if not one or not other:
        return Cell("-")
    quotient = one / other
    kind = ""
    if abs(quotient - 1) > stats.LEAST_CHANGE:
        kind = "good" if (quotient > 1) == more_is_better else "bad"
    return Cell(f"{quotient:.2f}" if quotient < 10 else f"{quotient:.1f}", kind)


def size_lines(run, part, place, op, figure, metric, contenders, qps=1):
    """A line for each contender over the sizes of messages."""
    lines = []
    for contender in contenders:
        points = []
        for size in plan.SIZES if figure == "bw" else plan.LAT_SIZES:
            point = run.point(part, perftest_key(place, op, figure, size, qps), size, contender,
                              metric)
            if point:
                points.append((size, *point))
        colour, marker = LOOKS[contender]
        lines.append(Line(NAMES[contender], points, colour, marker))
    return lines


def enough(lines):
    """Are there sizes to go along? One is no curve."""
    return any(len(line.points) > 1 for line in lines)


def summary(document, run):
    """The table at the top."""
    part = "native"
    crc = run.values(part, perftest_key("wire", "write", "bw", BIG), BIG, "prxe-crc", "bandwidth")
    siw = "siw" in run.environment(part).get("contenders", ["siw"])
    head = ["", "unit", "prxe"] + (["prxe, `crc=kernel`"] if crc else []) + ["rxe"]
    head += (["siw"] if siw else []) + ["prxe / rxe"]
    head += (["`crc=kernel` / rxe"] if crc else []) + (["prxe / siw"] if siw else [])
    rows = []
    for place, title in (("wire", "Two hosts"), ("device", "One device")):
        lines = [_summary_row(run, place, op, figure, size, metric, crc, siw)
                 for figure, size, metric in (("bw", BIG, "bandwidth"), ("lat", 2, "typical"))
                 for op in plan.OPS]
        lines = [line for line in lines if line]
        if lines:
            rows += [[title], *lines]
    document.table(head, rows)
    if rows:
        document.text("Medians of all turns. Bandwidth: more is better; latency, the median of "
                      "half a round trip (read: of a whole one): less is better. Ratios in green "
                      "where prxe is better by more than 5 %, in red where it is worse.", "lead")


def _summary_row(run, place, op, figure, size, metric, crc, siw):
    key = perftest_key(place, op, figure, size)
    of = {who: run.median("native", key, size, who, metric) for who in plan.ALL}
    if of["prxe"] is None:
        return None
    unit, more, _ = stats.METRICS[metric]
    words = {"bw": f"{op.capitalize()} bandwidth, {size_name(size)}B",
             "lat": f"{op.capitalize()} latency, {size} bytes"}
    row = [words[figure], unit, number(of["prxe"])] + ([number(of["prxe-crc"])] if crc else [])
    row += [number(of["rxe"])] + ([number(of["siw"])] if siw else [])
    row += [ratio(of["prxe"], of["rxe"], more)]
    row += [ratio(of["prxe-crc"], of["rxe"], more)] if crc else []
    return row + ([ratio(of["prxe"], of["siw"], more)] if siw else [])


def bandwidth(document, run):
    """By size of messages."""
    part = "native"
    tcp = run.median(part, "limit/tcp", 0, "tcp", "bandwidth")
    copy = run.median(part, "limit/memcpy/to/host", BIG, "memcpy", "bandwidth")
    plots, rates = [], []
    for op in plan.OPS:
        lines = size_lines(run, part, "wire", op, "bw", "bandwidth", plan.WIRE)
        if enough(lines):
            plots.append((f"bandwidth-{op}", svg.chart(
                f"{op.capitalize()} bandwidth between two hosts", lines, "message, bytes", "MiB/s",
                limits=(("TCP, iperf3", tcp), ("memcpy", copy)))))
        lines = size_lines(run, part, "wire", op, "bw", "rate", plan.WIRE)
        if enough(lines):
            rates.append((f"rate-{op}", svg.chart(
                f"{op.capitalize()}: messages a second", lines, "message, bytes", "messages/s")))
    if not plots:
        return
    document.heading("How much goes through, by size of the message?")
    document.plots(plots + rates)
    document.text("One queue pair, host memory, MTU "
                  f"{run.environment(part).get('mtu')}. Marks are medians of the turns, "
                  "upright lines the range of all turns. memcpy copies 64 KiB between buffers of "
                  "the same kind, in the cache; TCP is iperf3 over the same pair of veth devices.",
                  "lead")


def latency(document, run):
    """Percentiles of the smallest message, and medians by size."""
    plots, sizes = [], []
    for op in plan.OPS:
        lines = [_percentile_line(run, op, contender) for contender in plan.WIRE]
        plots.append((f"percentiles-{op}", svg.chart(
            f"{op.capitalize()} latency, 2 bytes", lines, "of all messages, this many are faster",
            "us", labels=str, by_place=True)))
        lines = size_lines(run, "native", "wire", op, "lat", "typical", plan.WIRE)
        if enough(lines):
            sizes.append((f"latency-{op}", svg.chart(
                f"{op.capitalize()}: median latency by size", lines, "message, bytes", "us")))
    if not any(plot for _, plot in plots):
        return
    document.heading("How long does a message take?")
    document.plots(plots)
    document.plots(sizes)
    document.text("All samples of all turns together; upright lines are the range of the turns' own "
                  "percentiles. Two processes poll on as many processors as there are kernels' "
                  "interrupts to run: the tail is the scheduler's as much as the device's.", "lead")


def _percentile_line(run, op, contender):
    name = ("native", perftest_key("wire", op, "lat", 2), 2, contender)
    turns = run.raw.get(name, [])
    points = []
    for label, part in PERCENTILES if turns else ():
        of_turns = [stats.percentile(turn, part) for turn in turns]
        everything = [sample for turn in turns for sample in turn]
        points.append((label, stats.percentile(everything, part), min(of_turns), max(of_turns)))
    colour, marker = LOOKS[contender]
    return Line(NAMES[contender], points, colour, marker)


def queue_pairs(document, run):
    """1 to 64 of them."""
    plots = []
    for op, size, metric, title in (
            ("write", BIG, "bandwidth", "64 KiB writes by number of queue pairs"),
            ("send", 64, "rate", "64-byte sends by number of queue pairs")):
        lines = []
        for contender in plan.WIRE:
            points = []
            for qps in plan.QPS:
                point = run.point("native", perftest_key("wire", op, "bw", size, qps), size,
                                  contender, metric)
                if point:
                    points.append((qps, *point))
            colour, marker = LOOKS[contender]
            lines.append(Line(NAMES[contender], points, colour, marker))
        if enough(lines):
            plots.append((f"queue-pairs-{op}", svg.chart(title, lines, "queue pairs",
                                                         stats.METRICS[metric][0], labels=str)))
    if plots:
        document.heading("What do many queue pairs do?")
        document.plots(plots)


def one_device(document, run):
    """Bars of both ends on one device."""
    plots = []
    for figure, size, metric, title in (
            ("bw", BIG, "bandwidth", "64 KiB, both ends on one device"),
            ("lat", 2, "typical", "2 bytes, both ends on one device (less is better)")):
        rows = []
        for op in plan.OPS:
            found = [(NAMES[who], run.point("native", perftest_key("device", op, figure, size),
                                            size, who, metric), LOOKS[who][0])
                     for who in plan.DEVICE]
            rows += _bar_rows(op, found)
        plots.append((f"device-{figure}", svg.bars(title, rows, stats.METRICS[metric][0])))
    if any(plot for _, plot in plots):
        document.heading("And on one device?")
        document.plots(plots)
        document.text("prxe sends no packets there and copies once; rxe sends itself packets. siw "
                      "cannot connect a device to itself by perftest.", "lead")


def _bar_rows(title, found):
    rows = [(name, *point, colour) for name, point, colour in found if point]
    return [(title, None, None, None, None), *rows] if rows else []
