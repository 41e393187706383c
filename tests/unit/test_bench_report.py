#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""./vm bench: the report of a run whose figures are made up, and two of them beside each
other."""

import json
import os
import re
import tempfile
import unittest
import xml.etree.ElementTree as ET

import compare
import data
import document
import plan
import render
import svg

SPEED = {"prxe": 300.0, "prxe-crc": 150.0, "rxe": 100.0, "siw": 120.0}


def values_of(point, contender, turn, factor):
    """(size, contender, values, raw) of one measurement."""
    wobble = 1 + turn / 100
    speed = SPEED.get(contender, 1000.0) * wobble
    if contender.startswith("prxe"):
        speed *= factor
    if point.tool == "perftest":
        if point.figure == "bw":
            yield point.size, contender, {"bandwidth": speed, "rate": speed * 9}, []
        else:
            yield point.size, contender, {"typical": 3000 / speed}, [10, 11, 12 + turn]
    elif point.tool == "register":
        for size in (4096, 1 << 20):
            yield size, contender, {"register": 8 * wobble, "deregister": 4, "mr_bytes": 800}, [8]
    elif point.tool == "import":
        for size in (4096, 1 << 20):
            yield size, "sg", {"total": 20 * wobble, "metadata": 32}, [20]
            yield size, "pfn", {"total": 5 * wobble, "metadata": 16}, [5]
    elif point.tool == "alloc_pd":
        yield 0, contender, {"typical": 4 * wobble}, [4]
    else:
        yield point.size, contender, {"bandwidth": speed}, []


def lines(factor=1.0, parts=("native", "bar"), turns=3, failure=False):
    """What run.py would write."""
    for part in parts:
        effort = plan.effort_of(True, part == "bar")
        yield {"type": "environment", "part": part, "schema": 1, "time": "2026-11-23T12:00:00Z",
               "kernel": "7.3", "accelerator": "tcg" if part == "bar" else "none", "cpus": 2,
               "mtu": 4200, "crc": "slice", "perftest": "25", "rdma-core": "56", "iperf3": "3",
               "contenders": ["prxe", "rxe", "siw"], "effort": effort.__dict__}
        for turn in range(1, turns + 1):
            for point in plan.points(part, effort):
                for contender in point.contenders:
                    for size, who, values, raw in values_of(point, contender, turn, factor):
                        yield {"type": "sample", "part": part, "turn": turn, "key": point.key,
                               "contender": who, "size": size, "values": values, "raw": raw}
    if failure:
        yield {"type": "failure", "part": "native", "turn": 1, "key": "limit/tcp",
               "contender": "tcp", "error": "iperf3: <no> & connection\nmore"}


class Base(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.TemporaryDirectory()
        self.addCleanup(self.dir.cleanup)

    def run_of(self, **how):
        name = os.path.join(self.dir.name, "lines")
        with open(name, "w", encoding="utf-8") as file:
            for record in lines(**how):
                file.write(json.dumps(record) + "\n")
            file.write('{"type":"sample","part":"na')      # died here
        return data.from_lines(name, {"cpu": "one & only", "commit": "abc"})

    def saved(self, run, **how):
        report, found = render.build(run, **how)
        render.save(report, run, self.dir.name)
        with open(f"{self.dir.name}/report.html", encoding="utf-8") as file:
            return report, found, file.read()


class Report(Base):
    def test_html_is_alone(self):
        _, _, text = self.saved(self.run_of())
        self.assertNotRegex(text, r"(?i)<(script|link|img|iframe|object|embed)\b")
        self.assertNotRegex(text, r"(?i)\b(src|href)\s*=|@import|url\(")
        self.assertEqual(set(re.findall(r"https?://[^'\"< ]*", text)),
                         {"http://www.w3.org/2000/svg"})
        self.assertIn("one &amp; only", text)
        self.assertIn("3.00", text)                        # prxe / rxe

    def test_html_is_well_formed(self):
        _, _, text = self.saved(self.run_of(failure=True))
        text = re.sub(r"<!DOCTYPE[^>]*>|<meta[^>]*>", "", text)
        ET.fromstring(text)
        self.assertIn("&lt;no&gt; &amp; connection", text)
        self.assertIn("1 measurements failed", text)

    def test_markdown_has_its_plots(self):
        report, _, _ = self.saved(self.run_of())
        with open(f"{self.dir.name}/report.md", encoding="utf-8") as file:
            shown = re.findall(r"!\[[^]]*\]\(([^)]*)\)", file.read())
        self.assertEqual(len(shown), len(set(shown)))
        self.assertEqual(len(shown), len(document.plots_of(report)))
        for name in shown:
            ET.parse(f"{self.dir.name}/{name}")

    def test_json_is_everything(self):
        run = self.run_of(failure=True)
        self.saved(run)
        again = data.from_report(f"{self.dir.name}/report.json")
        self.assertEqual(again.samples, run.samples)
        self.assertEqual(again.failures, run.failures)
        self.assertEqual(again.series, run.series)

    def test_any_part_alone(self):
        for parts in (("native",), ("bar",)):
            report, _, _ = self.saved(self.run_of(parts=parts))
            self.assertTrue(document.plots_of(report))
            self.assertTrue(render.at_a_glance(report).strip())
        report, _, _ = self.saved(self.run_of(failure=True))
        self.assertIn("Write bandwidth", render.at_a_glance(report))

    def test_few_figures(self):
        run = self.run_of(parts=("native",))
        for keep in ("limit/tcp", "wire/write/lat/2/", "register/heap", "import/softgpu/apart"):
            samples = [s for s in run.samples if s["key"].startswith(keep)]
            self.assertTrue(samples)
            self.saved(data.Run(run.environments, samples, [], run.host))

    def test_bad_files(self):
        name = f"{self.dir.name}/bad"
        for text in ("", "{", "[]", '{"program": "x"}', '{"program": "prxe bench", "schema": 99}'):
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
            with self.assertRaises(data.BadFile, msg=text):
                data.from_report(name)
        with self.assertRaises(data.BadFile):
            data.from_report(name + ".none")


class Compare(Base):
    def test_same(self):
        found = compare.compare(self.run_of(), self.run_of())
        self.assertEqual({row.verdict.word for row in found.rows}, {"same"})

    def test_faster_and_slower(self):
        for factor, word in ((1.5, "faster"), (0.5, "slower")):
            found = compare.compare(self.run_of(), self.run_of(factor=factor))
            rows = [row for row in found.rows if row.verdict.word != "same"]
            self.assertTrue(rows)
            self.assertEqual({row.verdict.word for row in rows}, {word})
            self.assertTrue(all(row.name[3].startswith("prxe") for row in rows))
            self.assertFalse(found.of(word, controls=True))

    def test_one_turn_is_no_verdict(self):
        found = compare.compare(self.run_of(turns=1), self.run_of(turns=1, factor=2))
        self.assertEqual({row.verdict.word for row in found.rows if row.name[4] not in
                          compare.EXACT}, {"few"})

    def test_in_the_report(self):
        run = self.run_of(factor=1.5)
        _, found, text = self.saved(run, old=self.run_of(), old_name="old.json")
        self.assertIn("Beside old.json", text)
        self.assertIn("+50 %", text)
        self.assertTrue(found.of("faster"))

    def test_missing_part(self):
        old = self.run_of(parts=("native",))
        found = compare.compare(old, self.run_of())
        self.assertIn("new", {row.verdict.word for row in found.rows})
        self.assertTrue(compare.differences(old, self.run_of()))

    def test_other_conditions(self):
        old, new = self.run_of(), self.run_of()
        self.assertFalse(compare.differences(old, new))
        new.host["awake"] = "yes"
        self.assertIn("kept awake", " ".join(compare.differences(old, new)))
        self.assertIn("slept", " ".join(compare.differences(new, old)))


class Svg(unittest.TestCase):
    def test_ticks(self):
        for low, high in ((3, 900), (90, 110), (0.01, 1e6), (5, 5), (100, 100.0), (1, 1000)):
            ticks = svg.log_ticks(low, high)
            self.assertLessEqual(ticks[0], low * 1.001)
            self.assertGreaterEqual(ticks[-1], high * 0.999)
            self.assertGreaterEqual(len(ticks), 2)
            self.assertLessEqual(len(ticks), 9)

    def test_names(self):
        self.assertEqual([svg.size_name(s) for s in (2, 4096, 65536, 1 << 20, 5000)],
                         ["2", "4 Ki", "64 Ki", "1 Mi", "5000"])
        self.assertEqual([svg.short(v) for v in (0.5, 20, 1000, 2.5e6)], ["0.5", "20", "1k", "2.5M"])

    def test_plain(self):
        self.assertEqual([svg.plain(v) for v in (15640.2, 352.6, 10.26, 0.5)],
                         ["15,640", "353", "10.3", "0.5"])

    def test_legend_stays_inside(self):
        lines = [svg.Line("a rather long name", [(2, 1), (4, 2)], "red")] * 5
        root = ET.fromstring(svg.chart("x", lines, "x", "y"))
        named = [e for e in root.iter() if e.text == "a rather long name"]
        self.assertEqual(len(named), 5)
        self.assertLess(max(float(e.get("x")) for e in named), svg.WIDTH - 110)
        self.assertGreater(len({e.get("y") for e in named}), 1)

    def test_nothing_to_draw(self):
        self.assertEqual(svg.chart("", [svg.Line("a", [], "red")], "x", "y"), "")
        self.assertEqual(svg.chart("", [svg.Line("a", [(2, 0)], "red")], "x", "y"), "")
        self.assertEqual(svg.bars("", [("a", None, None, None, None)], "x"), "")

    def test_text_is_escaped(self):
        line = svg.Line("a<b", [(2, 1), (4, 2)], "red")
        ET.fromstring(svg.chart("x & y", [line], "<", ">", limits=(("l & m", 3),)))


if __name__ == "__main__":
    unittest.main()
