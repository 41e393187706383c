#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Run the CTest unit tests that match a pattern; print and count them the way
the guest's runner does. Runs inside the guest root."""

import fnmatch
import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET

BUILD = "/prxe/build"
RESULTS = "/prxe/run/results"
JUNIT = "/prxe/run/unit.xml"


def listed():
    """Names of all tests CTest knows."""
    out = subprocess.run(["ctest", "--test-dir", BUILD, "--show-only=json-v1"],
                         check=True, stdout=subprocess.PIPE, text=True).stdout
    return [test["name"] for test in json.loads(out).get("tests", [])]


def matches(name, pattern):
    """PATTERN is empty, a glob, or a part of unit/NAME."""
    name = "unit/" + name
    return not pattern or fnmatch.fnmatchcase(name, pattern) or pattern in name


def verdict(case):
    """(pass, fail or skip; reason) of one JUnit test case."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "fail", ""
    if case.get("status") in ("run", "passed"):
        return "pass", ""
    lines = (case.findtext("system-out") or "").strip().splitlines()
    return "skip", lines[-1] if lines else "no reason given"


def main():
    pattern = sys.argv[1]
    names = [name for name in listed() if matches(name, pattern)]
    if not names:
        return 0
    chosen = "^(" + "|".join(re.escape(name) for name in names) + ")$"
    subprocess.run(["ctest", "--test-dir", BUILD, "-R", chosen, "--timeout", "600",
                    "--output-junit", JUNIT],
                   check=False, stdout=subprocess.DEVNULL)
    cases = {case.get("name"): case for case in ET.parse(JUNIT).iter("testcase")}
    with open(RESULTS, "a", encoding="utf-8") as results:
        for number, name in enumerate(names, 1):
            case = cases.get(name)
            what, reason = verdict(case) if case is not None else ("fail", "")
            seconds = float(case.get("time") or 0) if case is not None else 0
            output = (case.findtext("system-out") or "") if case is not None else "did not run\n"
            with open(f"/prxe/run/logs/unit.{os.path.basename(name)}.log", "w",
                      encoding="utf-8") as log:
                log.write(output)
            if what == "fail":
                print(f"not ok {number} - unit/{name} ({seconds:.1f} s)")
                print("".join(f"    {line}\n" for line in output.splitlines()), end="")
            elif what == "skip":
                print(f"ok {number} - unit/{name} # SKIP {reason}")
            else:
                print(f"ok {number} - unit/{name} ({seconds:.1f} s)")
            results.write(f"end {what} unit/{name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
