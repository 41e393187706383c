# SPDX-License-Identifier: GPL-2.0
"""What the report shows of memory: dma-bufs beside host memory, registration, import;
of both parts, the native one and that with PCI BARs."""

import plan
import stats
import svg
from sections import (BIG, GREY, LOOKS, MEMORY_LOOKS, NAMES, memory_name, number,
                      perftest_key, ratio)
from svg import Line, size_name

WAYS = {"sg": ("scatterlist", svg.COLOURS[1], 1), "pfn": ("extents (PFN)", svg.COLOURS[0], 0),
        "grant": ("extents and CPU mapping", svg.COLOURS[2], 2)}
MEMORIES = ("host", "softgpu", "vfio", "udmabuf", "heap")


def registration_facts(document, run):
    """At a glance: what registering costs, small and large."""
    rows = []
    for part in run.parts():
        for memory in ("softgpu", "vfio", "udmabuf", "heap", "host"):
            key = f"register/{memory}"
            sizes = run.sizes(part, key, "prxe", "register")
            if len(sizes) < 2:
                continue
            first, last = ([run.median(part, key, size, "prxe", metric)
                            for metric in ("register", "mr_bytes")]
                           for size in (sizes[0], sizes[-1]))
            rows.append([memory_name(part, memory) + _where(run, part), "us", number(first[0]),
                         number(last[0]), size_name(sizes[-1]) + "B",
                         f"{last[0] / first[0]:.2f}", _bytes(first[1]), _bytes(last[1])])
    document.table(["Registration with prxe", "unit", "4 KiB", "largest", "which is",
                    "largest / 4 KiB", "kernel memory, 4 KiB", "largest"], rows)


def import_facts(document, run):
    """At a glance: by scatterlist and by PFN."""
    rows = []
    for part in run.parts():
        for how, words in (("contiguous", "contiguous"), ("apart", "every page apart")):
            key = f"import/softgpu/{how}"
            sizes = run.sizes(part, key, "pfn", "total")
            of = {(way, metric): run.median(part, key, sizes[-1], way, metric)
                  for way in WAYS for metric in ("total", "metadata")} if sizes else {}
            if not of.get(("pfn", "total")) or not of.get(("sg", "total")):
                continue
            rows.append([f"{size_name(sizes[-1])}B, {words}" + _where(run, part), "us",
                         number(of["sg", "total"]), number(of["pfn", "total"]),
                         number(of["grant", "total"]),
                         ratio(of["sg", "total"], of["pfn", "total"], True),
                         _bytes(of["sg", "metadata"]), _bytes(of["pfn", "metadata"])])
    document.table(["Import of VRAM, inside of the kernel", "unit", "scatterlist", "extents",
                    "and CPU mapping", "scatterlist / extents", "metadata of it", "of extents"],
                   rows)


def revocation_facts(document, run):
    """At a glance: what the exporter of VRAM waits for prxe."""
    rows = []
    for part in run.parts():
        name = (part, "revoke/softgpu", BIG, "prxe")
        waits = [wait for turn in run.raw.get(name, []) for wait in turn]
        if waits:
            rows.append([memory_name(part, "softgpu") + _where(run, part), len(waits), "us",
                         *(number(stats.percentile(waits, rank)) for rank in (0.5, 0.99, 1))])
    document.table(["Taken back from prxe under 64 KiB writes of 4 queue pairs", "times", "unit",
                    "the exporter waited: median", "99 %", "longest"], rows)


def _where(run, part):
    """Which machine, if there were two."""
    if len(run.parts()) < 2:
        return ""
    return ", QEMU" if part == "bar" else f", {machine(run, part)}"


def machine(run, part):
    """What ran a part, in a word or two."""
    env = run.environment(part)
    return {"none": "User Mode Linux", "kvm": "QEMU with KVM",
            "tcg": "QEMU without KVM"}.get(env.get("accelerator"), env.get("kernel", "?"))


def _bytes(value):
    if value is None:
        return "-"
    return f"{value:,.0f} B" if value < 10 << 10 else f"{value / 1024:,.0f} KiB"


def memory_kinds(document, run, part):
    """Traffic from a kind of memory to the same kind at the other host."""
    plots = []
    for place, where in (("wire", "two hosts"), ("device", "one device")):
        for figure, size, metric in (("bw", BIG, "bandwidth"), ("lat", 2, "typical")):
            rows = []
            for op in plan.OPS:
                rows += _kind_rows(run, part, place, op, figure, size, metric)
            words = "64 KiB" if figure == "bw" else "2 bytes (less is better)"
            plots.append((f"memory-{part}-{place}-{figure}",
                          svg.bars(f"{words}, {where}, by kind of memory", rows,
                                   stats.METRICS[metric][0])))
    plots.append((f"memcpy-{part}", _memcpy_bars(run, part)))
    if not any(plot for _, plot in plots):
        return
    if part == "bar":
        document.heading("And PCI BARs?")
    else:
        document.heading("What does a dma-buf cost, beside host memory?")
    document.plots(plots)
    if part == "bar":
        document.text(f"All on {machine(run, part)}: bars of this figure may be compared with each "
                      "other, not with those of another machine. The device is a CPU that copies, "
                      "through the mapping that the exporter gives it: write combining for "
                      "softgpu's BAR. VFIO: a second device's BAR, at the server only, because one "
                      "process at a time has such a device; the client has host memory.", "lead")
    else:
        document.text("prxe, the same kind of memory at both ends; rxe and siw cannot register "
                      "dma-bufs. softgpu's VRAM is RAM here.", "lead")


def _kind_rows(run, part, place, op, figure, size, metric):
    rows = []
    for memory in MEMORIES:
        key = perftest_key(place, op, figure, size, memory=memory)
        point = run.point(part, key, size, "prxe", metric)
        if point:
            rows.append((memory_name(part, memory), *point, MEMORY_LOOKS[memory][0]))
    # alone, host memory is in another figure already
    if len(rows) < 2:
        return []
    return [(op, None, None, None, None), *rows]


def _memcpy_bars(run, part):
    rows = []
    for op, words in (("to", "memcpy() from host memory to"),
                      ("from", "memcpy() to host memory from")):
        found = []
        for memory in MEMORIES:
            point = run.point(part, f"limit/memcpy/{op}/{memory}", BIG, "memcpy", "bandwidth")
            if point:
                found.append((memory_name(part, memory), *point, GREY))
        rows += [(words, None, None, None, None), *found] if found else []
    return svg.bars("The limit: memcpy() by a program, 64 KiB", rows, "MiB/s")


def registration(document, run, part):
    """Curves by size."""
    empty = run.median(part, "limit/alloc_pd", 0, "prxe", "typical")
    lines = {metric: [] for metric in ("register", "deregister", "mr_bytes")}
    for memory in MEMORIES:
        for contender in plan.WIRE:
            for metric, of in lines.items():
                points = _by_size(run, part, f"register/{memory}", contender, metric)
                if points:
                    of.append(_registration_line(part, memory, contender, points))
    if not lines["register"]:
        return
    titles = {"register": "Registering memory", "deregister": "Deregistering it",
              "mr_bytes": "Kernel memory of one region, prxe"}
    document.heading("What does a registration cost"
                     + (" of a PCI BAR?" if part == "bar" else "?"))
    document.plots([(f"{metric}-{part}", svg.chart(
        titles[metric], of, "size, bytes", stats.METRICS[metric][0],
        limits=(("empty verbs call", empty),) if metric != "mr_bytes" else ()))
        for metric, of in lines.items()])
    document.text("One call of `ibv_reg_mr()` or `ibv_reg_dmabuf_mr()` as the application sees it "
                  "(`ib_reg_mr_lat`), pages there before. The empty verbs call is `ibv_alloc_pd()`: "
                  "what a system call by libibverbs costs at least on this machine.", "lead")


def _by_size(run, part, key, contender, metric):
    return [(size, *run.point(part, key, size, contender, metric))
            for size in run.sizes(part, key, contender, metric)]


def _registration_line(part, memory, contender, points):
    if contender == "prxe":
        name = "host" if memory == "host" else memory_name(part, memory).split(",")[0]
        return Line(name, points, *MEMORY_LOOKS[memory])
    colour = {"rxe": svg.COLOURS[1], "siw": svg.COLOURS[5]}[contender]
    return Line(f"host, {NAMES[contender]}", points, colour, LOOKS[contender][1])


def importing(document, run, part):
    """By scatterlist and by PFN, by size."""
    plots = []
    for how, words in (("contiguous", "contiguous"), ("apart", "every page apart")):
        key = f"import/softgpu/{how}"
        for metric, title in (("total", f"Import of VRAM, {words}"),
                              ("metadata", f"What the importer keeps, {words}")):
            lines = [Line(name, _by_size(run, part, key, way, metric), colour, marker)
                     for way, (name, colour, marker) in WAYS.items()]
            plots.append((f"import-{part}-{how}-{metric}", svg.chart(
                title, lines, "size, bytes", stats.METRICS[metric][0])))
    if not any(plot for _, plot in plots):
        return
    env = run.environment(part)
    document.heading(f"What does importing cost inside of the kernel, VRAM "
                     f"{'on a PCI BAR' if part == 'bar' else 'in RAM'}?")
    document.plots(plots)
    refused = run.refused(part, "import/softgpu/apart") | \
        run.refused(part, "import/softgpu/contiguous")
    document.text("`dmabuf_import_lat`: attach to detach, timed in the kernel. "
                  + ("The scatterlist is mapped for a PCI device behind an IOMMU. "
                     if part == "bar" else
                     "No PCI device here: mapping the scatterlist is free, so that small contiguous "
                     "buffers may be faster by scatterlist. ")
                  + "".join(f"{WAYS[way][0]}: refused, {why}. " for way, why in refused.items())
                  + (f"Kernel {env.get('kernel')}." if env else ""), "lead")
