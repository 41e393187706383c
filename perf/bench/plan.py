# SPDX-License-Identifier: GPL-2.0
"""What ./vm bench measures: a list of points, each with its contenders.

A point has a key, as wire/write/bw/65536/q1/host, which --only selects by and
which names the figure in the JSON. Nothing here runs anything."""

import fnmatch
from dataclasses import dataclass

KIB, MIB = 1 << 10, 1 << 20

WIRE = ("prxe", "rxe", "siw")
ALL = ("prxe", "prxe-crc", "rxe", "siw")
DEVICE = ("prxe", "rxe")            # iWARP: one device does not do
OPS = ("write", "read", "send")
DMABUFS = ("softgpu", "udmabuf", "heap")
BARS = ("softgpu", "vfio")


@dataclass(frozen=True)
class Point:
    """One question. TOOL says who answers it: perftest, revoke, register, import,
    tcp, memcpy or alloc_pd."""

    tool: str
    place: str
    op: str = ""
    figure: str = ""
    size: int = 0                   # of a message; the largest, where there are many
    qps: int = 1
    memory: str = "host"
    contenders: tuple = ("prxe",)
    fragment: int = 0               # pages of a run, of an import

    @property
    def key(self):
        """The name of the point."""
        if self.tool == "perftest":
            return f"{self.place}/{self.op}/{self.figure}/{self.size}/q{self.qps}/{self.memory}"
        if self.tool in ("register", "revoke"):
            return f"{self.tool}/{self.memory}"
        if self.tool == "import":
            return f"import/{self.memory}/{'apart' if self.fragment else 'contiguous'}"
        if self.tool == "memcpy":
            return f"limit/memcpy/{self.op}/{self.memory}"
        return f"limit/{self.tool}"

    @property
    def cost(self):
        """About how long it takes, in seconds on a machine of two years ago: only
        the proportions matter."""
        base = {"perftest": 0.9, "tcp": 2.0, "register": 1.0, "import": 1.5, "revoke": 6.0}
        return base.get(self.tool, 0.4) + 0.01 * self.qps


@dataclass(frozen=True)
class Effort:
    """How much is done."""

    name: str
    turns: int
    bytes: int                      # of a bandwidth run, at most
    messages: int                   # of a bandwidth run, at most
    latencies: int
    tcp_seconds: int
    register_size: int
    register_iters: int
    import_size: int
    revoke_seconds: int


QUICK = Effort("quick", 3, 16 * MIB, 5000, 1000, 1, 16 * MIB, 8, 4 * MIB, 3)
FULL = Effort("full", 5, 64 * MIB, 20000, 2000, 2, 64 * MIB, 50, 64 * MIB, 6)

SIZES = (2, 64, 512, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, MIB, 4 * MIB)
SIZES_QUICK = (2, 4 * KIB, 64 * KIB, MIB)
LAT_SIZES = (2, 64, KIB, 4 * KIB, 64 * KIB)
QPS = (1, 2, 4, 8, 16, 32, 64)
QPS_QUICK = (1, 64)


def _wire(quick):
    """Bandwidth, message rate and latency between two hosts, host memory."""
    for op in OPS:
        for size in SIZES_QUICK if quick else SIZES:
            if quick and op != "write" and size != 64 * KIB:
                continue
            who = ALL if size == 64 * KIB else WIRE
            yield Point("perftest", "wire", op, "bw", size, contenders=who)
        for size in (2,) if quick else LAT_SIZES:
            who = ALL if size == 2 and not quick else WIRE
            yield Point("perftest", "wire", op, "lat", size, contenders=who)
    for qps in QPS_QUICK if quick else QPS:
        if qps == 1:                # above
            continue
        yield Point("perftest", "wire", "write", "bw", 64 * KIB, qps, contenders=WIRE)
        if not quick:
            yield Point("perftest", "wire", "send", "bw", 64, qps, contenders=WIRE)


def _memory(quick):
    """The same with dma-bufs at both ends, which only prxe can register."""
    for memory in DMABUFS:
        for op in ("write",) if quick else OPS:
            yield Point("perftest", "wire", op, "bw", 64 * KIB, memory=memory)
            if not quick:
                yield Point("perftest", "device", op, "bw", 64 * KIB, memory=memory)
                yield Point("perftest", "wire", op, "lat", 2, memory=memory)


def _device(quick):
    """Both ends on one device."""
    for op in OPS:
        yield Point("perftest", "device", op, "bw", 64 * KIB, contenders=DEVICE)
        if not quick or op == "write":
            yield Point("perftest", "device", op, "lat", 2, contenders=DEVICE)


def _limits():
    yield Point("tcp", "wire", contenders=("tcp",))
    yield Point("alloc_pd", "host", contenders=WIRE)
    for memory in ("host",) + DMABUFS:
        for op in ("to", "from"):
            if (op, memory) != ("from", "host"):
                yield Point("memcpy", "host", op, size=64 * KIB, memory=memory,
                            contenders=("memcpy",))


def _register(effort):
    for memory in ("host",) + DMABUFS:
        # udmabuf's own limit is 64 MiB for all that it has
        size = min(effort.register_size, 16 * MIB) if memory == "udmabuf" else effort.register_size
        yield Point("register", "host", size=size, memory=memory,
                    contenders=WIRE if memory == "host" else ("prxe",))


def _import(effort):
    for fragment in (0, 1):
        yield Point("import", "host", size=effort.import_size, memory="softgpu",
                    contenders=("kernel",), fragment=fragment)


def _revoke():
    """softgpu's VRAM is taken away and given back under traffic of four queue pairs."""
    yield Point("revoke", "wire", "write", "bw", 64 * KIB, 4, "softgpu")


def _bar(effort, quick):
    """What needs PCI: VRAM on a BAR, and a BAR by VFIO."""
    for memory in ("host",) + BARS:
        for op in OPS:
            yield Point("perftest", "wire", op, "bw", 64 * KIB, memory=memory)
            if op == "write" or not quick:
                yield Point("perftest", "wire", op, "lat", 2, memory=memory)
        yield Point("register", "host", size=effort.register_size, memory=memory)
        for op in ("to", "from"):
            if (op, memory) != ("from", "host"):
                yield Point("memcpy", "host", op, size=64 * KIB, memory=memory,
                            contenders=("memcpy",))
    yield from _import(effort)
    yield from _revoke()


def effort_of(quick, emulated):
    """Emulated, everything is tens of times slower."""
    effort = QUICK if quick else FULL
    if not emulated:
        return effort
    return Effort(effort.name, 3, 8 * MIB, 1000, 300, 1, effort.register_size,
                  effort.register_iters, effort.import_size, effort.revoke_seconds)


def matches(key, pattern):
    """PATTERN is a glob or a part of the key; several with commas between; or nothing."""
    return not pattern or any(fnmatch.fnmatchcase(key, one) or one in key
                              for one in pattern.split(",") if one)


def points(part, effort, only="", have=ALL):
    """The points of a part, native or bar, whose contenders are among HAVE."""
    quick = effort.name == "quick"
    if part == "bar":
        wanted = _bar(effort, quick)
    else:
        wanted = (*_wire(quick), *_limits(), *_device(quick), *_memory(quick),
                  *_register(effort), *_import(effort), *_revoke())
    for point in wanted:
        who = tuple(c for c in point.contenders if c not in ALL or c in have)
        if who and matches(point.key, only):
            yield Point(**{**point.__dict__, "contenders": who})


def messages(effort, size, qps=1):
    """How many messages of SIZE each of QPS queue pairs sends in a bandwidth run."""
    return max(16, min(effort.messages, effort.bytes // size) // qps)
