# SPDX-License-Identifier: GPL-2.0
"""What the report says beside figures: where they come from, how to have them again,
what they do not mean; and what became of an older run's."""

import compare
import stats
from document import Cell
from sections import number
from sections_memory import machine


def conditions(document, run):
    """At the top: when, of what, where."""
    host, env = run.host, run.environments[0]
    when = env["time"].replace("T", " ").replace("Z", " UTC")
    effort = env["effort"]
    document.text(f"{when}, commit {host.get('commit') or 'unknown'}, {effort['name']} run of "
                  f"{effort['turns']} turns; host: {host.get('cpu') or 'unknown processor'}"
                  + (f", load {host['load']} before" if host.get("load") else "")
                  + (", idle processors kept awake" if host.get("awake") else ""), "lead")
    for part in run.parts():
        env = run.environment(part)
        what = "PCI BARs" if part == "bar" else "Traffic, registration, limits"
        document.text(f"{what}: {machine(run, part)}, Linux {env['kernel']}, {env['cpus']} "
                      "processors", "lead")
    if run.failures:
        document.text(f"{len(run.failures)} measurements failed: see below.")


def failures(document, run):
    """What could not be measured."""
    if not run.failures:
        return
    document.heading("What could not be measured")
    document.table(["figure", "contender", "turn", "why"], [
        [f["key"], f["contender"], f["turn"], Cell(" ".join(f["error"].split())[:300], "text")]
        for f in run.failures])


def all_figures(document, run):
    """Every one, folded."""
    document.heading("All figures")
    for part in run.parts():
        rows = []
        for (of, key, size, contender, metric), values in run.series.items():
            if of != part or metric in ("pieces", "average"):
                continue
            middle = stats.median(values)
            rows.append([f"{key}" + (f", {size}" if key.startswith(("register", "import")) else ""),
                         contender, stats.METRICS[metric][2], stats.METRICS[metric][0],
                         number(middle), number(min(values)), number(max(values)),
                         f"{100 * stats.spread(values):.0f} %", len(values)])
        document.table(["figure", "contender", "what", "unit", "median", "least", "most", "range",
                        "turns"], rows, f"{len(rows)} figures of {machine(run, part)}")


def reproduce(document, run):
    """The commands."""
    document.heading("How to have these figures again")
    env = run.environments[0]
    host = run.host
    document.commands("\n".join([
        "git clone <this repository> && cd <it>" if not host.get("commit") else
        f"git checkout {host['commit'].removesuffix('-dirty')}",
        "./vm bench" + (" " + host["arguments"] if host.get("arguments") else ""),
        "./vm bench --compare report.json        # and a verdict on each figure of this run"]))
    versions = ", ".join(f"{name} {env[name]}" for name in ("perftest", "rdma-core", "iperf3")
                         if env.get(name))
    effort = env["effort"]
    document.points([
        f"Versions: {versions}; {host.get('os', '')}",
        f"prxe's ICRC function was `{env['crc']}`; `crc=kernel` is the module parameter that makes "
        "it the kernel's `crc32_le()`, which is what rxe has.",
        "Bandwidth: `ib_write_bw -F -s SIZE -n N -q QPS`, and `ib_read_bw`, `ib_send_bw`; N such that "
        f"{effort['bytes'] >> 20} MiB go through, at most {effort['messages']} messages, at least 16 for each queue pair. "
        f"Latency: `ib_write_lat -F -s SIZE -n {effort['latencies']} -U`. siw with `-R`. "
        "dma-bufs: the same programs with `--use_dmabuf=KIND` at both ends.",
        f"Registration: `ib_reg_mr_lat -a -n {effort['register_iters']} --warmup=3`. Import: "
        "`dmabuf_import_lat -a`, with `--fragment=1` for pages apart.",
        f"Taken back: `ib_write_bw --use_dmabuf=softgpu -q 4 -D {effort['revoke_seconds']}` between two hosts "
        "while `evict` and `restore` of softgpu's debugfs move both buffers every 30 and 50 ms; the time is that of "
        "the event `dma_buf_pfn:invalidate`, from the exporter's call to its return.",
        "Each turn goes through all points; within a point the contenders alternate, in one boot "
        "of one kernel, and no one is always the first.",
        "`report.json` has every sample of every turn, by name."])


CAVEATS = (
    "Absolute figures are those of this machine while this ran. Two hosts are two network "
    "namespaces of one kernel: sender and receiver share its processors.",
    "User Mode Linux runs native code, but entering its kernel and switching processes costs "
    "several microseconds: latencies are longer than on hardware, for all contenders. A processor of a "
    "virtual machine that sleeps takes tens of microseconds to wake for that; the bench keeps them awake "
    "(PM QoS) where it may.",
    "On User Mode Linux the kernel's `crc32_le()` is a table of bytes (some 450 MiB/s), and rxe has "
    "nothing else, while prxe has a faster one of its own: `crc=kernel` is prxe with the same "
    "function, for a fair look at the rest. On real x86 both have a fast one.",
    "QEMU without KVM (TCG) translates every instruction: tens of times slower, and not evenly so; "
    "a read of an uncached BAR costs no more than one of RAM there. Only ratios within one figure "
    "mean something.",
    "prxe is a CPU that copies. It reaches a BAR through a write-combining or uncached mapping: real "
    "CPUs write there at gigabytes a second and read 10 to 100 times slower. RDMA reads from VRAM, "
    "and sends out of it, are slow on hardware for this reason, which a NIC's DMA does not have.",
    "softgpu over RAM is RAM: what differs from host memory is the import alone.",
    "siw is iWARP over TCP, a protocol with other checksums and no ICRC. TCP by iperf3 may pass "
    "64 KiB through veth in one piece and sums nothing there: a limit, not a rival.",
    "A registration is timed as one call; a buffer that moves later costs a fetch at its next "
    "access, which is not in these curves.",
)


def caveats(document):
    """What not to read into it."""
    document.heading("What these figures do not say")
    document.points(list(CAVEATS))


def _compared_row(row):
    part, key, size, contender, metric = row.name
    verdict = row.verdict
    kind = {"faster": "good", "less": "good", "slower": "bad", "more": "bad"}.get(verdict.word, "")
    return [key + (f", {size}" if key.startswith(("register", "import")) else "")
            + (" (BAR)" if part == "bar" else ""), contender, stats.METRICS[metric][2],
            number(stats.median(row.old)) if row.old else "-",
            number(stats.median(row.new)) if row.new else "-",
            stats.METRICS[metric][0],
            "-" if verdict.change is None else f"{100 * verdict.change:+.0f} %",
            "-" if verdict.needed is None else f"{100 * verdict.needed:.0f} %",
            Cell(stats.WORDS[verdict.word], kind)]


def verdict_text(found):
    """One sentence."""
    counts = [(len(found.of(*words)), text) for words, text in (
        (("faster", "less"), "better"), (("slower", "more"), "worse"),
        (("same",), "without a difference"), (("few",), "with too few turns to tell"))]
    return "prxe: " + ", ".join(f"{count} figures {text}" for count, text in counts
                                if count or text != "with too few turns to tell") + "."


def comparison(document, old, new, name):
    """Beside an older run."""
    found = compare.compare(old, new)
    document.heading(f"Beside {name}")
    document.text(verdict_text(found))
    changed = found.of("faster", "slower", "less", "more")
    head = ["figure", "contender", "what", "then", "now", "unit", "change", "needed", "verdict"]
    document.table(head, [_compared_row(row) for row in changed])
    moved = found.of("faster", "slower", controls=True)
    document.text(
        f"Then: {old.environments[0]['time']}, commit {old.host.get('commit', 'unknown')}. A figure "
        "is faster or slower when the turns of the two runs do not overlap and the medians are "
        "further apart than either run's own range, than 5 %, and than what 9 of 10 figures moved "
        "by that have nothing to do with prxe (rxe, siw, TCP, memcpy: "
        + (f"{100 * found.noise:.0f} % among {found.controls}" if found.noise else
           f"only {found.controls}, too few to tell")
        + f"). {len(moved)} of those moved by more than that themselves.", "lead")
    differences = compare.differences(old, new)
    if differences:
        document.points(["Not the same conditions: " + text for text in differences])
    document.table(head, [_compared_row(row) for row in found.rows], "All figures of both runs")
    return found
