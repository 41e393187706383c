#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# nvme.py DEVICE BACKING SECONDS [SEED]: reads and writes of every size and offset, past
# the page cache, several at once; what is read is compared with what was written,
# and at the end BACKING, what is behind the device, with all of it.
#
# Each worker has a stripe of the device to itself, and a copy of what must be in it.

import mmap
import os
import random
import sys
import threading
import time

SECTOR = 512
LONGEST = 512 * 1024
WORKERS = 6
STRIPE = 3 * 1024 * 1024


def aligned(data):
    """The bytes in memory of its own, beginning with a page."""
    buf = mmap.mmap(-1, len(data))
    buf[:] = data
    return buf


class Worker(threading.Thread):
    """Random I/O on a stripe of its own."""

    def __init__(self, fd, index, seed, until):
        super().__init__()
        self.fd = fd
        self.base = index * STRIPE
        self.rnd = random.Random(seed * 1000 + index)
        self.until = until
        self.shadow = bytearray(self.rnd.randbytes(STRIPE))
        self.ops = [0, 0]
        self.error = None

    def piece(self):
        """Small ones as often as large ones, rarely on a page."""
        most = SECTOR << self.rnd.randrange((LONGEST // SECTOR).bit_length())
        length = self.rnd.randrange(SECTOR, most + 1, SECTOR)
        return self.rnd.randrange(0, STRIPE - length, SECTOR), length

    def write(self, off, length, memory_off):
        data = self.rnd.randbytes(length)
        buf = aligned(bytes(memory_off) + data)
        done = os.pwritev(self.fd, [memoryview(buf)[memory_off:]], self.base + off)
        if done != length:
            raise OSError(f"wrote {done} of {length} bytes")
        self.shadow[off:off + length] = data
        self.ops[1] += 1

    def read(self, off, length, memory_off):
        buf = aligned(bytes(memory_off + length))
        done = os.preadv(self.fd, [memoryview(buf)[memory_off:]], self.base + off)
        if done != length:
            raise OSError(f"read {done} of {length} bytes")
        if buf[memory_off:] != self.shadow[off:off + length]:
            raise OSError(f"other bytes at {self.base + off}, {length} of them")
        self.ops[0] += 1

    def run(self):
        try:
            for off in range(0, STRIPE, LONGEST):
                buf = aligned(bytes(self.shadow[off:off + LONGEST]))
                os.pwritev(self.fd, [buf], self.base + off)
            while time.monotonic() < self.until or min(self.ops) < 20:
                memory_off = self.rnd.randrange(0, 4096, SECTOR)
                todo = self.rnd.choice((self.read, self.write))
                todo(*self.piece(), memory_off)
        except OSError as err:
            self.error = err


def main():
    device, backing, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(10**6)
    print(f"seed {seed}")
    fd = os.open(device, os.O_RDWR | os.O_DIRECT)
    until = time.monotonic() + seconds
    workers = [Worker(fd, i, seed, until) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    os.close(fd)
    for worker in workers:
        if worker.error:
            sys.exit(f"{device}: {worker.error}")
    fd = os.open(backing, os.O_RDONLY | os.O_DIRECT)
    for worker in workers:
        buf = aligned(bytes(STRIPE))
        if os.preadv(fd, [buf], worker.base) != STRIPE or buf[:] != worker.shadow:
            sys.exit(f"{backing}: not what was written")
    os.close(fd)
    print(f"{sum(w.ops[0] for w in workers)} reads, "
          f"{sum(w.ops[1] for w in workers)} writes")


main()
