#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# named_tests.py: what the table of rules in docs/dma-buf.md names must exist: each
# test as tests/GROUP/NAME.test, each function in the file that is named before it.
# And the table has all sixteen rules, each with both.
#
#   tests/vm/named_tests.py [TOP]

import pathlib
import re
import sys

TOP = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else
                   pathlib.Path(__file__).resolve().parents[2])
DOC = "docs/dma-buf.md"
RULES = 16
bad = 0


def complain(text):
    global bad
    print(f"{DOC}: {text}")
    bad = 1


def check_code(rule, cell):
    """`FILE`: `function()`, ...; a file lasts until the next one."""
    source, count = None, 0
    for name in re.findall(r"`([^`]+)`", cell):
        if "/" in name:
            source = TOP / name
            if not source.is_file():
                complain(f"{rule}: no file {name}")
                source = None
        elif name.endswith("()"):
            count += 1
            function = re.escape(name[:-2])
            if source and not re.search(rf"^[A-Za-z][^;\n]*\b{function}\(", source.read_text(),
                                        re.M):
                complain(f"{rule}: no function {name} in {source.name}")
        else:
            complain(f"{rule}: what is {name}?")
    if not count:
        complain(f"{rule}: no function")


def check_tests(rule, cell):
    names = re.findall(r"`([^`]+)`", cell)
    for name in names:
        if not (TOP / "tests" / f"{name}.test").is_file():
            complain(f"{rule}: no test {name}")
    if not names:
        complain(f"{rule}: no test")


rows = re.findall(r"^\| (R\d+) \|.*\| (.*) \| (.*) \|$", (TOP / DOC).read_text(), re.M)
if [row[0] for row in rows] != [f"R{n}" for n in range(1, RULES + 1)]:
    complain(f"not the rules R1 to R{RULES}: {' '.join(row[0] for row in rows)}")
for rule_, code, tests in rows:
    check_code(rule_, code)
    check_tests(rule_, tests)
sys.exit(bad)
