#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""rdma_core.py DEVICE GID [PATTERN...]: rdma-core's own tests on DEVICE, compared
with rdma_core.list, which says what each of them must come to.

The tests, from the source of the installed rdma-core, are in PRXE_BIN/rdma-core.
Some of them at a time run in a process of their own. When it hangs or dies, that is
the failure of the test that it was at, and another process goes on behind it. The
status is not 0 when any test came to something else than the list says, be it
better or worse. With patterns, only the tests whose names match are run; with
--column rxe, the list's other column counts.
"""

import argparse
import collections
import fnmatch
import functools
import gc
import importlib.util
import json
import os
import re
import select
import signal
import sys
import tempfile
import traceback
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
COLUMNS = ("prxe", "rxe")
HANG = 90  # seconds; the suite's own waits end after 15
CHUNK = 50  # tests or more for one process: python is slow to fork


class List:
    """rdma_core.list: a word for each column, then a name or pattern."""

    def __init__(self, path):
        self.reasons = {}
        self.rows = {}
        with open(path, encoding="ascii") as lines:
            for line in lines:
                words = line.split(None, 2)
                if not words or line.startswith("#"):
                    continue
                if words[0] == "reason":
                    self.reasons[words[1]] = re.compile(words[2].strip())
                    continue
                *expected, name = line.split()
                if len(expected) != len(COLUMNS) or name in self.rows:
                    sys.exit(f"{path}: bad row, or a second one: {line}")
                self.rows[name] = dict(zip(COLUMNS, expected))
        for name, row in self.rows.items():
            for word in row.values():
                if not set(word.split("|")) <= {"pass", *self.reasons}:
                    sys.exit(f"{path}: {name}: unknown reason: {word}")

    def pattern(self, name):
        """The row for a test: its own, or the first pattern that matches."""
        if name in self.rows:
            return name
        return next((p for p in self.rows if fnmatch.fnmatchcase(name, p)), None)

    def reason(self, message):
        """The reason that a message stands for."""
        return next((r for r, e in self.reasons.items() if e.search(message)),
                    "?")


class Reporter(unittest.TestResult):
    """Tells the parent, a line each, which test begins and what it comes to."""

    def __init__(self, fd):
        super().__init__()
        self.fd = fd

    def say(self, event, test, text=""):
        name = test.id().removeprefix("tests.")
        os.write(self.fd, json.dumps([event, name, text]).encode() + b"\n")

    def startTest(self, test):
        super().startTest(test)
        self.say("start", test)

    def addSuccess(self, test):
        self.say("pass", test)

    addExpectedFailure = addSuccess

    def addSkip(self, test, reason):
        self.say("skip", test, reason)

    def addError(self, test, err):
        self.say("fail", test, "".join(traceback.format_exception(*err)))

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err:
            self.addError(test, err)

    def addUnexpectedSuccess(self, test):
        self.say("fail", test, "an unexpected success")


def load(source, device, gid):
    """The suite's modules, as its own run_tests.py would load them."""
    sys.dont_write_bytecode = True
    sys.path.insert(0, source)
    # with an index given, not each test goes through the whole table
    sys.argv = [sys.argv[0], "--dev", device, "--gid", gid]
    spec = importlib.util.spec_from_file_location(
        "tests", os.path.join(source, "__init__.py"),
        submodule_search_locations=[source])
    tests = importlib.util.module_from_spec(spec)
    sys.modules["tests"] = tests
    spec.loader.exec_module(tests)
    sys.modules["args_parser"].parser.parse_args()
    remember_addresses(sys.modules["tests.base"].RDMATestCase, device)
    complete_dmabuf()
    return tests.__test_modules__


def remember_addresses(case, device):
    """Each test runs rdma and ip to ask for what does not change: they are run once
    for all."""
    for name in ("get_net_name", "get_ip_mac_address"):
        setattr(case, name,
                staticmethod(functools.cache(getattr(case, name))))
    net = case.get_net_name(device, 1)
    if net:
        case.get_ip_mac_address(net)


def complete_dmabuf():
    """pyverbs makes no region of a dma-buf that it allocated: it calls a method that
    only its C can see (56.1). Here is one that it finds. It has nothing to do, since each
    region is closed before its buffer."""
    from pyverbs.dmabuf import DmaBuf
    from pyverbs.mr import DmaBufMR

    class Buffer(DmaBuf):
        def add_ref(self, region):
            pass

    class Region(DmaBufMR):
        def __init__(self, pd, length, access, dmabuf=None, offset=0, gpu=0, gtt=0):
            super().__init__(pd, length, access, offset=offset,
                             dmabuf=dmabuf or Buffer(length + offset, gpu, gtt))

    sys.modules["tests.test_mr"].DmaBufMR = Region


def cases_of(module, patterns):
    """Its tests, by name."""
    cases = {}

    def add(suite):
        for test in suite:
            if isinstance(test, unittest.TestSuite):
                add(test)
                continue
            name = test.id().removeprefix("tests.")
            if any(fnmatch.fnmatchcase(name, p) for p in patterns):
                cases[name] = test

    add(unittest.defaultTestLoader.loadTestsFromModule(module))
    return cases


def child(tests, fd, log):
    """Run them, in a process group whose end is the end of all they began.

    pyverbs destroys an object that is collected late through a device that was
    closed before, and may crash at that: nothing is collected here, neither while
    the tests run nor at the end of python.
    """
    os.setpgid(0, 0)
    gc.disable()
    os.dup2(log, 1)
    os.dup2(log, 2)
    unittest.TestSuite(tests).run(Reporter(fd))
    os.write(fd, b'["end", "", ""]\n')
    os._exit(0)


class Worker:
    """A child; events() yields what it says, and then how it ended."""

    def __init__(self, tests):
        self.log = tempfile.TemporaryFile()
        self.fd, fd = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if not self.pid:
            os.close(self.fd)
            child(tests, fd, self.log.fileno())
        os.close(fd)

    def events(self):
        rest = b""
        while True:
            if not select.select([self.fd], [], [], HANG)[0]:
                yield "hang", "", f"nothing for {HANG} s"
                break
            data = os.read(self.fd, 65536)
            if not data:
                yield "crash", "", "its process died"
                break
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                yield json.loads(line)
            if lines and json.loads(lines[-1])[0] == "end":
                break

    def stop(self):
        """End it; what it printed."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has ended, and all that it began
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        self.log.seek(0)
        return self.log.read().decode(errors="replace")


def run(cases, results):
    """Adds (what, text) of each of the tests to @results."""
    left = dict(cases)
    while left:
        worker = Worker(list(left.values()))
        current, ended, bad = None, "", False
        for event, name, text in worker.events():
            if event == "start":
                current = name
                left.pop(name, None)
            elif event in ("hang", "crash"):
                ended, bad = event, True
                results[current or next(iter(left))] = (event, text)
                left = {} if current is None else left
            elif event == "end":
                ended = event
                left = {}
            elif results.get(name, ("", ""))[0] != "fail":
                results[name] = (event, text)
                bad |= event == "fail"
        output = worker.stop()
        if bad:
            print(f"-- output of a process, {ended} at {current}:")
            print(output[-4000:])


def compare(results, expect, column, whole):
    """Print the differences; their number."""
    bad, used = 0, set()
    for name, (what, text) in sorted(results.items()):
        pattern = expect.pattern(name)
        used.add(pattern)
        wanted = expect.rows[pattern][column] if pattern else "nothing"
        word = expect.reason(text) if what == "skip" else what
        if word in wanted.split("|"):
            continue
        bad += 1
        better = ", so update the list" if word == "pass" else ""
        print(f"{name}: {word}, the list says {wanted}{better}")
        if text:
            print("    " + text.rstrip().replace("\n", "\n    "))
    for pattern in expect.rows if whole else ():
        if pattern not in used:
            bad += 1
            print(f"{pattern}: in the list, but there is no such test")
    return bad


def summary(results, expect):
    count = collections.Counter(
        expect.reason(text) if what == "skip" else what
        for what, text in results.values())
    passed = count.pop("pass", 0)
    print(f"{len(results)} tests: {passed} pass",
          *(f"{n} {word}" for word, n in count.most_common()), sep=", ")
    behind = [name for name, (what, _) in results.items() if what != "pass" and
              expect.rows.get(name, {}).get("rxe") == "pass"]
    if behind:
        print("pass with rxe alone:", *behind, sep="\n  ")


def main():
    args = argparse.ArgumentParser()
    args.add_argument("device")
    args.add_argument("gid", help="index of its GID")
    args.add_argument("pattern", nargs="*")
    args.add_argument("--column", choices=COLUMNS, default=COLUMNS[0])
    args.add_argument("--list", default=os.path.join(HERE, "rdma_core.list"))
    args.add_argument("--source",
                      default=os.environ.get("PRXE_BIN", "") + "/rdma-core")
    opt = args.parse_args()
    expect = List(opt.list)
    results, chunk = {}, {}
    for module in load(opt.source, opt.device, opt.gid):
        chunk.update(cases_of(module, opt.pattern or ["*"]))
        if len(chunk) >= CHUNK:
            run(chunk, results)
            chunk = {}
    run(chunk, results)
    bad = compare(results, expect, opt.column, not opt.pattern)
    summary(results, expect)
    if not results:
        sys.exit("no such test")
    sys.exit(1 if bad else 0)


main()
