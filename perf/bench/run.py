#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Measure, in the guest: perf/bench.sh has made the hosts and calls this.

Writes one JSON object a line: the environment first, then each sample of each
turn as it comes, failures among them. The contenders of a point take turns, and
all points are gone through once in each turn, so that a machine that changes while
this runs shows as spread and not as a difference."""

import argparse
import glob
import json
import os
import re
import subprocess
import sys
import time

import plan
import progress
import revoke
import tools

BIN = os.environ.get("PRXE_BIN", "/usr/lib/prxe/tests")
ENGINE = "/sys/module/prxe/parameters/crc"
EMULATED = os.environ.get("PRXE_ACCEL") == "tcg"
SLOW = EMULATED or os.path.exists("/proc/lockdep")  # a debug kernel
PATIENCE = 300 if SLOW else 60
TRIES = 6

# contender: kind of device, server's host, client's host, server's address
HOSTS = {
    "prxe": ("prxe", "A", "B", "10.77.0.1"),
    "prxe-crc": ("prxe", "A", "B", "10.77.0.1"),
    "rxe": ("rxe", "C", "D", "10.77.1.1"),
    "siw": ("siw", "E", "F", "10.77.2.1"),
}


class Failure(Exception):
    """A tool that did not do it; the text says why."""


def on(host, command):
    """COMMAND in the network namespace of HOST."""
    return ["ip", "netns", "exec", host, *command]


def run(command):
    """Output of a command that has to succeed."""
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise Failure(f"{' '.join(command)}: not done after {PATIENCE} s") from None
    if done.returncode:
        raise Failure(f"{' '.join(command)}: status {done.returncode}\n"
                      + (done.stdout + done.stderr)[-2000:])
    return done.stdout


def listens(pid, port):
    """Does a TCP socket listen on PORT in the namespace of that process?"""
    for name in ("tcp", "tcp6"):
        try:
            with open(f"/proc/{pid}/net/{name}", encoding="ascii") as table:
                for line in table:
                    words = line.split()
                    if words[3] == "0A" and words[1].endswith(f":{port:04X}"):
                        return True
        except OSError:
            return False
    return False


def cm_listens(device):
    """Does rdma_cm listen on the device?"""
    shown = subprocess.run(["rdma", "resource", "show", "cm_id"], stdout=subprocess.PIPE,
                           text=True, check=False).stdout
    return any(device in line and "LISTEN" in line for line in shown.splitlines())


def said(log):
    """The end of a log that somebody else writes."""
    log.seek(0)
    return log.read()[-2000:]


def come_again(client):
    """What a client printed that is refused, perhaps, at first: rdma_cm says of an ID that it
    listens a moment before it does, and the server does not hear of who comes in between."""
    for left in reversed(range(TRIES)):
        try:
            return run(client)
        except Failure as failure:
            if not left or "Connection refused" not in str(failure):
                raise
        time.sleep(0.2)
    raise AssertionError


def pair(server, client, ready):
    """Run a server until its client is done; what the client printed. READY tells of the
    server's process whether it listens."""
    # what it prints may be more than a pipe holds
    with open("server.log", "w+", encoding="utf-8") as log, \
            subprocess.Popen(server, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            end = time.monotonic() + PATIENCE
            while not ready(process.pid):
                if process.poll() is not None or time.monotonic() > end:
                    raise Failure("the server does not listen")
                time.sleep(0.01)
            text = come_again(client)
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failure("the server does not end\nserver: " + said(log)) from None
        except Failure as failure:
            raise Failure(f"{failure}\nserver: {said(log)}") from None
        finally:
            process.kill()
    return text


def memory_option(memory):
    """--use_dmabuf of perftest and ib_reg_mr_lat, or nothing."""
    if memory == "host":
        return []
    if memory == "vfio":
        return ["--use_dmabuf=vfio:" + os.environ["BENCH_VFIO"]]
    return ["--use_dmabuf=" + memory]


def set_engine(contender):
    """prxe-crc is prxe with rxe's checksum function, the kernel's crc32_le()."""
    if contender.startswith("prxe"):
        with open(ENGINE, "w", encoding="ascii") as engine:
            engine.write("kernel" if contender == "prxe-crc" else "auto")


def perftest(point, contender, effort):
    """(values, samples) of one run of a perftest program."""
    kind, srv, cli, address = HOSTS[contender]
    if point.place == "device":
        cli = srv
    program = f"ib_{point.op}_{point.figure}"
    if point.memory != "host":
        program = "/usr/lib/prxe/perftest/" + program
    command = [program, "-F", "-s", str(point.size)]
    if point.tool == "revoke":
        command += ["-D", str(effort.revoke_seconds), "-f", "0", "-q", str(point.qps)]
    elif point.figure == "bw":
        command += ["-n", str(plan.messages(effort, point.size, point.qps)), "-q", str(point.qps)]
    else:
        command += ["-n", str(effort.latencies), "-U"]
    server = command + memory_option(point.memory) + ["-d", kind + srv]
    # one process at a time has a VFIO device
    other = "host" if point.memory == "vfio" else point.memory
    client = command + memory_option(other) + ["-d", kind + cli]
    if kind == "siw":               # iWARP connects by rdma_cm only
        server += ["-R", "--bind_source_ip", address]
        client += ["-R"]
    set_engine(contender)
    text = pair(on(srv, server), on(cli, client + [address]),
                lambda pid: cm_listens(kind + srv) if kind == "siw" else listens(pid, 18515))
    return (tools.bandwidth(text), []) if point.figure == "bw" else tools.latency(text)


def calibrated(measure, *args):
    """perftest's calibration of the clock fails now and then on a busy machine: only that
    is tried again."""
    for left in reversed(range(TRIES)):
        try:
            return measure(*args)
        except tools.Uncalibrated:
            if not left:
                raise
        except Failure as failure:
            if not left or not re.search("correlation coefficient|measured timestamp",
                                         str(failure), re.I):
                raise
    raise AssertionError


def measure_perftest(point, contender, effort):
    """One sample. The single messages are kept where the report shows percentiles."""
    values, samples = calibrated(perftest, point, contender, effort)
    if (point.place, point.memory, point.size) != ("wire", "host", 2):
        samples = []
    yield {"size": point.size, "values": values, "raw": samples}


def measure_revoke(point, contender, effort):
    """How long the exporter waits for memory that writes go to."""
    kind, _, cli, _ = HOSTS[contender]

    def once():
        with revoke.moving(kind + cli) as events:
            perftest(point, contender, effort)
            return events()

    values, samples = tools.invalidations(calibrated(once))
    yield {"size": point.size, "values": values, "raw": samples}


def measure_register(point, contender, effort):
    """A sample for each size from a page on."""
    device = contender + HOSTS[contender][1]
    text = run(["ib_reg_mr_lat", "-d", device, "-a", "-s", str(point.size), "-U",
                "-n", str(effort.register_iters), "--warmup=3", "--json",
                *memory_option(point.memory)])
    for size, values, samples in tools.registration(text):
        yield {"size": size, "values": values, "raw": samples}


def measure_import(point, _contender, effort):
    """A sample for each size and way: the ways are the contenders."""
    command = ["dmabuf_import_lat", "--use_dmabuf=" + point.memory, "-a", "-s", str(point.size),
               "-n", str(effort.register_iters), "--turns=1", "--json",
               "--importer=" + os.environ.get("BENCH_IMPORTER", "-")]
    if point.fragment:
        command.append(f"--fragment={point.fragment}")
    for size, way, values, samples in tools.importing(run(command)):
        if isinstance(values, str):
            yield {"size": size, "contender": way, "refused": values}
        else:
            yield {"size": size, "contender": way, "values": values, "raw": samples}


def measure_tcp(_point, _contender, effort):
    """iperf3 over the veth pair of prxe."""
    text = pair(on("A", ["iperf3", "-s", "-1"]),
                on("B", ["iperf3", "-c", "10.77.0.1", "-J", "-t", str(effort.tcp_seconds)]),
                lambda pid: listens(pid, 5201))
    yield {"values": tools.tcp(text)}


def measure_memcpy(point, _contender, _effort):
    """The C library's memcpy() between host memory and such a buffer, both mapped."""
    other = memory_option(point.memory)[-1].split("=", 1)[1] if point.memory != "host" else "host"
    ends = (other, "host") if point.op == "to" else ("host", other)
    values, _ = tools.limits(run([f"{BIN}/bench_limits", "memcpy", *ends, str(point.size), "100"]))
    yield {"size": point.size, "values": values}


def measure_alloc_pd(_point, contender, _effort):
    """The verbs call that does next to nothing."""
    device = contender + HOSTS[contender][1]
    values, samples = tools.limits(run([f"{BIN}/bench_limits", "alloc_pd", device, "200"]))
    yield {"values": values, "raw": samples}


MEASURE = {
    "perftest": measure_perftest,
    "revoke": measure_revoke,
    "register": measure_register,
    "import": measure_import,
    "tcp": measure_tcp,
    "memcpy": measure_memcpy,
    "alloc_pd": measure_alloc_pd,
}


class Output:
    """The file of JSON lines."""

    def __init__(self, name):
        self.file = open(name, "a", encoding="utf-8")
        self.failures = 0

    def write(self, record):
        """One line, at once: a guest that dies leaves what it had."""
        json.dump(record, self.file, separators=(",", ":"))
        self.file.write("\n")
        self.file.flush()

    def measure(self, part, turn, point, contender, effort):
        """The samples of one contender at one point, or its failure."""
        head = {"type": "sample", "part": part, "turn": turn, "key": point.key,
                "tool": point.tool, "place": point.place, "op": point.op,
                "figure": point.figure, "qps": point.qps, "memory": point.memory,
                "contender": contender}
        begin = time.monotonic()
        try:
            for sample in MEASURE[point.tool](point, contender, effort):
                sample["seconds"] = round(time.monotonic() - begin, 3)
                self.write({**head, **sample})
        except (Failure, ValueError, KeyError, OSError) as failure:
            self.failures += 1
            self.write({**head, "type": "failure", "error": str(failure)})
            print(f"bench: {contender} failed: {point.key}: {failure}", file=sys.stderr)


def version_of(package):
    """The version of a Debian package."""
    shown = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                           check=False)
    return shown.stdout


def read(name, default=""):
    """The text of a small file."""
    try:
        with open(name, encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return default


def environment(part, effort, args):
    """What the figures depend on, as the guest sees it."""
    model = [line.split(":", 1)[1].strip() for line in read("/proc/cpuinfo").splitlines()
             if line.startswith("model name")]
    return {
        "type": "environment", "part": part, "schema": 1,
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "kernel": os.uname().release, "kind": os.environ.get("PRXE_KERNEL", ""),
        "accelerator": os.environ.get("PRXE_ACCEL", ""),
        "guest_cpu": model[0] if model else "", "cpus": os.cpu_count(),
        "mtu": int(os.environ.get("MTU", 0)), "crc": read(ENGINE),
        "rdma-core": version_of("rdma-core"), "perftest": version_of("perftest"),
        "iperf3": version_of("iperf3"), "contenders": args.contenders.split(),
        "vram": os.environ.get("BENCH_VRAM", ""), "only": args.only,
        "effort": {**effort.__dict__, "turns": args.turns or effort.turns},
    }


def options():
    """The command line, from perf/bench.sh."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--turns", type=int, default=0)
    parser.add_argument("--part", choices=("native", "bar"), required=True)
    parser.add_argument("--contenders", default="prxe")
    parser.add_argument("--output", required=True)
    return parser.parse_args()


def main():
    args = options()
    effort = plan.effort_of(args.quick, EMULATED)
    turns = args.turns or effort.turns
    points = list(plan.points(args.part, effort, args.only, args.contenders.split()))
    if not points:
        print(f"bench: no point of the part {args.part} matches {args.only!r}", file=sys.stderr)
        return 0
    output = Output(args.output)
    output.write(environment(args.part, effort, args))
    bar = progress.Progress([point.cost * len(point.contenders) for point in points] * turns)
    for turn in range(1, turns + 1):
        for point in points:
            print(bar.line(f"turn {turn}/{turns}", point.key), file=sys.stderr, flush=True)
            # nobody is always the first
            shift = (turn - 1) % len(point.contenders)
            for contender in point.contenders[shift:] + point.contenders[:shift]:
                output.measure(args.part, turn, point, contender, effort)
            bar.step()
    if glob.glob(ENGINE):
        set_engine("prxe")
    return 1 if output.failures else 0


if __name__ == "__main__":
    sys.exit(main())
