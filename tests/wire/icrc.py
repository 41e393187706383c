#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""icrc.py HOST NETDEV whole|cut COMMAND...: check what COMMAND puts on the wire.

Captures on NETDEV in the namespace HOST while COMMAND runs. Every RoCEv2 packet
that is looked at must have the ICRC that zlib computes: the first FIRST sk_buffs
of each opcode, all packets in them, then one of each NEXT. whole: trains have to be seen in one piece,
and packets that are alone have no UDP checksum; cut: the network device segments
nothing, so no train may be seen, and every UDP checksum is right or zero.
"""

import collections
import subprocess
import sys
import threading

import wire

FIRST = 100
NEXT = 25


def capture(sock, seen, bad, mode):
    def wanted(train, opcode):
        kind = "trains" if train else "alone"
        seen[kind] += 1
        seen[kind, opcode] += 1
        count = seen[kind, opcode]
        return count <= FIRST or count % NEXT == 0

    while True:
        try:
            got = wire.receive(sock, wanted)
        except TimeoutError:
            if seen["stop"]:
                return
            continue
        if got is None:
            continue
        train, partial, packets = got
        for packet in packets:
            check(packet, train, partial, seen, bad, mode)


def check(packet, train, partial, seen, bad, mode):
    seen["packets checked"] += 1
    if not packet.icrc_ok():
        bad["ICRC"] += 1
    if packet.udp_checksum:
        seen["with UDP checksum"] += 1
        if not partial and not packet.udp_checksum_ok():
            bad["UDP checksum"] += 1
        if not train and mode == "whole":
            bad["UDP checksum where none was expected"] += 1


def main():
    host, netdev, mode, *command = sys.argv[1:]
    sock = wire.packet_socket(host, netdev)
    sock.settimeout(0.5)
    seen, bad = collections.Counter(), collections.Counter()
    thread = threading.Thread(target=capture, args=(sock, seen, bad, mode))
    thread.start()
    status = subprocess.run(command, check=False).returncode
    seen["stop"] = 1
    thread.join()
    del seen["stop"]
    for name in ("alone", "trains", "packets checked", "with UDP checksum"):
        print(f"{seen[name]:8} {name}")
    for opcode in sorted({key[1] for key in seen if isinstance(key, tuple)}):
        print(f"{seen['alone', opcode]:8} alone, "
              f"{seen['trains', opcode]:8} trains of opcode {opcode:#04x}")
    for name, count in bad.items():
        print(f"{count:8} BAD {name}")
    if seen["packets checked"] < 1000:
        sys.exit("too few packets seen to say anything")
    if (seen["trains"] > 0) != (mode == "whole"):
        sys.exit(f"{seen['trains']} trains seen with a device that is {mode}")
    if mode == "cut" and not seen["with UDP checksum"]:
        sys.exit("no segment of a train was seen")
    sys.exit(1 if bad or status else 0)


main()
