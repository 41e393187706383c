#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""./vm bench: what it reads out of the tools' output, the list of points, and the time
that is left."""

import json
import unittest

import plan
import progress
import tools

BW = """
 #bytes     #iterations    BW peak[MiB/sec]    BW average[MiB/sec]   MsgRate[Mpps]
 65536      512              311.10             307.25 		   0.004916
---------------------------------------------------------------------------------------
"""
LAT = """
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec]
#, usec
1, 23.5
2, 1e+02
3, 24
---------------------------------------------------------------------------------------
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec]
 2       1000          20.10          99.00        23.30              24.00          1.00            40.00                  80.00
"""


class Perftest(unittest.TestCase):
    def test_bandwidth(self):
        self.assertEqual(tools.bandwidth(BW), {"bandwidth": 307.25, "rate": 4916.0})

    def test_latency(self):
        values, samples = tools.latency(LAT)
        self.assertEqual(values, {"typical": 23.3, "average": 24, "p99": 40, "p99.9": 80})
        self.assertEqual(samples, [23.5, 100, 24])

    def test_clock_that_stands_still(self):
        for figure in ("inf", "0.00", "-nan"):
            with self.assertRaises(tools.Uncalibrated, msg=figure):
                tools.bandwidth(BW.replace("307.25", figure).replace("0.004916", figure))
            with self.assertRaises(tools.Uncalibrated, msg=figure):
                tools.latency(LAT.replace("23.30", figure))
        with self.assertRaises(tools.Uncalibrated):
            tools.bandwidth("Correlation coefficient r^2: 0.5 < 0.9\n")

    def test_no_figures(self):
        for text in ("", "Couldn't connect\n", "#bytes\n", BW.replace("307.25", "none")):
            with self.assertRaises(ValueError) as raised:
                tools.bandwidth(text)
            self.assertNotIsInstance(raised.exception, tools.Uncalibrated)


EVENTS = """# tracer: nop
   kworker-1 [000] .....  1.0: invalidate: ino=5 importer=prxe seq=2 held=1 leftover=0 ns=2500
   kworker-1 [001] .....  1.1: invalidate: ino=5 importer=other seq=2 held=1 leftover=0 ns=9
   kworker-1 [000] .....  1.2: invalidate: ino=6 importer=prxe seq=4 held=3 leftover=0 ns=500
   kworker-1 [000] .....  1.3: invalidate: ino=6 importer=prxe seq=6 held=3 leftover=0 ns=1000
"""


class Invalidations(unittest.TestCase):
    def test_of_prxe(self):
        self.assertEqual(tools.invalidations(EVENTS),
                         ({"typical": 1, "p99": 2.5, "max": 2.5}, [2.5, 0.5, 1]))

    def test_none(self):
        with self.assertRaises(ValueError):
            tools.invalidations("# tracer: nop\n")


class Json(unittest.TestCase):
    def test_registration(self):
        results = [{"bytes": size, "operation": op, "t_typical": size / 4096 + i,
                    "mr_bytes": 100 if size == 4096 else None, "samples": [1, 2]}
                   for size in (8192, 4096) for i, op in enumerate(("register", "deregister"))]
        found = tools.registration(json.dumps({"results": results}))
        self.assertEqual([size for size, _, _ in found], [4096, 8192])
        self.assertEqual(found[0][1], {"register": 1, "deregister": 2, "mr_bytes": 100})
        self.assertEqual(found[1][1], {"register": 2, "deregister": 3})
        self.assertEqual(found[0][2], {"register": [1, 2], "deregister": [1, 2]})
        with self.assertRaises(ValueError):
            tools.registration('{"results": []}')

    def test_import(self):
        text = json.dumps({"results": [
            {"bytes": 4096, "import": "sg", "total": 5, "metadata": 32, "pieces": 1,
             "total_sorted": [4, 5, 6]},
            {"bytes": 4096, "import": "pfn", "refused": "Operation not supported"}]})
        self.assertEqual(tools.importing(text), [
            (4096, "sg", {"total": 5, "metadata": 32, "pieces": 1}, [4, 5, 6]),
            (4096, "pfn", "Operation not supported", [])])

    def test_tcp(self):
        text = json.dumps({"end": {"sum_received": {"bits_per_second": 8 << 20}}})
        self.assertEqual(tools.tcp(text), {"bandwidth": 1})
        with self.assertRaises(ValueError):
            tools.tcp('{"error": "unable to connect"}')

    def test_limits(self):
        self.assertEqual(tools.limits('{"typical": 2, "samples": [1, 3]}'), ({"typical": 2}, [1, 3]))
        self.assertEqual(tools.limits('{"bandwidth": 2}'), ({"bandwidth": 2}, []))


class Plan(unittest.TestCase):
    def test_keys_are_of_one_point(self):
        for quick in (False, True):
            for part in ("native", "bar"):
                keys = [p.key for p in plan.points(part, plan.effort_of(quick, False))]
                self.assertEqual(len(keys), len(set(keys)))

    def test_quick_is_a_part_of_full(self):
        for part in ("native", "bar"):
            full = {p.key for p in plan.points(part, plan.FULL)}
            self.assertLessEqual({p.key for p in plan.points(part, plan.QUICK)}, full)

    def test_only(self):
        keys = [p.key for p in plan.points("native", plan.FULL, "register")]
        self.assertTrue(keys and all("register" in key for key in keys))
        self.assertEqual([p.key for p in plan.points("native", plan.FULL, "*/tcp")], ["limit/tcp"])
        self.assertEqual(list(plan.points("native", plan.FULL, "nothing")), [])
        two = {p.key for p in plan.points("native", plan.FULL, "limit/tcp,*alloc_pd,")}
        self.assertEqual(two, {"limit/tcp", "limit/alloc_pd"})

    def test_contenders_that_there_are(self):
        for point in plan.points("native", plan.FULL, have=("prxe", "rxe")):
            self.assertTrue(point.contenders)
            self.assertFalse({"siw", "prxe-crc"} & set(point.contenders))

    def test_messages(self):
        self.assertEqual(plan.messages(plan.FULL, 2), plan.FULL.messages)
        self.assertEqual(plan.messages(plan.FULL, 64 * plan.KIB), plan.FULL.bytes // 65536)
        self.assertEqual(plan.messages(plan.QUICK, 64 * plan.MIB), 16)
        self.assertEqual(plan.messages(plan.FULL, 64 * plan.KIB, 8), 128)


class Left(unittest.TestCase):
    def test_words(self):
        self.assertEqual([progress.duration(s) for s in (0, 44, 89, 100, 5000, 6000)],
                         ["0 s", "40 s", "90 s", "2 min", "83 min", "1 h 40 min"])

    def test_estimate(self):
        now = [100.0]
        bar = progress.Progress([1, 1, 2], clock=lambda: now[0])
        self.assertIsNone(bar.left())
        self.assertNotIn("left", bar.line("turn 1/1", "a"))
        now[0] += 10
        bar.step()
        self.assertEqual(bar.left(), 30)
        self.assertIn("about 30 s left", bar.line("turn 1/1", "b"))
        bar.step()
        bar.step()
        self.assertEqual(bar.left(), 0)


if __name__ == "__main__":
    unittest.main()
