#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Make report.html, report.md with plots/, and report.json of what was measured.

Runs on the host, in the guest root; needs nothing but Python's own library."""

import argparse
import json
import os
import sys

import data
import document
import sections
import sections_memory
import words


def build(run, old=None, old_name=""):
    """(the document, the comparison or None)."""
    found = None
    report = document.Document("prxe: the performance report")
    words.conditions(report, run)
    sections.summary(report, run)
    sections_memory.registration_facts(report, run)
    sections_memory.import_facts(report, run)
    sections_memory.revocation_facts(report, run)
    words.failures(report, run)
    if old:
        found = words.comparison(report, old, run, old_name)
    sections.bandwidth(report, run)
    sections.latency(report, run)
    sections.queue_pairs(report, run)
    sections.one_device(report, run)
    for part in run.parts():
        sections_memory.memory_kinds(report, run, part)
        sections_memory.registration(report, run, part)
        sections_memory.importing(report, run, part)
    words.caveats(report)
    words.reproduce(report, run)
    words.all_figures(report, run)
    return report, found


def write(name, text):
    """A whole file or none."""
    with open(name + ".tmp", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(name + ".tmp", name)


def save(report, run, out):
    """The three files, and the plots that the Markdown shows."""
    os.makedirs(f"{out}/plots", exist_ok=True)
    for old in os.listdir(f"{out}/plots"):
        if old.endswith(".svg"):
            os.remove(f"{out}/plots/{old}")
    for name, svg in document.plots_of(report):
        write(f"{out}/plots/{name}.svg", svg + "\n")
    write(f"{out}/report.html", document.html(report))
    write(f"{out}/report.md", document.markdown(report))
    write(f"{out}/report.json", json.dumps(run.as_json(), separators=(",", ":")) + "\n")


def at_a_glance(report):
    """The first tables, as text for a terminal."""
    lines = []
    for kind, what in report.blocks:
        if kind == "heading":
            break
        if kind != "table":
            continue
        rows = [what.head, *what.rows]
        texts = [[getattr(cell, "text", str(cell)).replace("`", "") for cell in row]
                 for row in rows]
        widths = [max(len(row[i]) for row in texts if len(row) == len(what.head))
                  for i in range(len(what.head))]
        for row in texts:
            lines.append("  ".join(text.ljust(width) if i == 0 else text.rjust(width)
                                   for i, (text, width) in enumerate(zip(row, widths))).rstrip())
        lines.append("")
    return "\n".join(lines)


def options():
    """The command line, from ./vm bench."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--lines", help="what run.py wrote")
    parser.add_argument("--report", help="or an earlier report.json")
    parser.add_argument("--host", help="name=value lines of the host")
    parser.add_argument("--compare", help="a report.json to compare with")
    parser.add_argument("--name", default="", help="what it is called")
    parser.add_argument("--check", action="store_true", help="only: is --compare usable?")
    parser.add_argument("--out")
    return parser.parse_args()


def host_of(name):
    """{name: value}."""
    if not name:
        return {}
    with open(name, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("=", 1) for line in file if "=" in line)


def main():
    args = options()
    try:
        old = data.from_report(args.compare) if args.compare else None
        run = data.from_report(args.report) if args.report else None
        if args.check:
            return 0
        run = run or data.from_lines(args.lines, host_of(args.host))
    except data.BadFile as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    if not run.environments or not (run.samples or run.failures):
        print("bench: nothing was measured", file=sys.stderr)
        return 1
    report, found = build(run, old, args.name or args.compare)
    save(report, run, args.out)
    print(at_a_glance(report), end="")
    if found:
        print(f"Beside {args.name or args.compare}: {words.verdict_text(found)}\n")
    return 1 if run.failures else 0


if __name__ == "__main__":
    sys.exit(main())
