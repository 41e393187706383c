#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""headers.py: what the address vector says is in the IP and UDP headers.

Host A's packets are captured at host B while net_traffic, whose path is in PRXE_BIN,
runs between prxeA and prxeB: source port, traffic class, hop limit, flow label. Then
congestion: packets with a mark, and notifications, of the right form and of wrong ones.
"""

import os
import re
import struct
import subprocess
import sys

import wire

PROGRAM = os.path.join(os.environ["PRXE_BIN"], "net_traffic")
FAMILIES = {4: ("10.77.0.1", "10.77.0.2"), 6: ("fd77::1", "fd77::2")}
CE = 3
CNP = 0x81
# What a host that routes nothing uses for others on its link
HOPS_OF_HOST = 64


def fail(text):
    print(text)
    sys.exit(1)


def port_of_label(label):
    """Annex A17 leaves the mapping open; the kernel's drivers share this one."""
    return 0xC000 | (label & 0x3FFF) ^ (label >> 14)


def label_of_qpns(one, other):
    product = one * other
    product ^= product >> 20
    product ^= product >> 40
    return product & 0xFFFFF


def traffic(family, *options):
    """Run it; the numbers of its queue pairs."""
    a, b = FAMILIES[family]
    done = subprocess.run([PROGRAM, "-n", "3", *map(str, options), "prxeA", a,
                           "prxeB", b], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        fail(f"net_traffic {options}: {done.stdout}")
    return [int(n) for n in re.search(r"queue pairs (\d+) (\d+)",
                                      done.stdout).groups()]


def captured(sock):
    """RoCE packets that are there."""
    found = []
    while True:
        try:
            got = wire.receive(sock)
        except (BlockingIOError, TimeoutError):
            return found
        if got:
            found += got[2]


def fields(packet):
    """(traffic class, hop limit, flow label) of the IP header."""
    if not packet.v6:
        return packet.ip[1], packet.ip[8], None
    first = struct.unpack_from(">I", packet.ip)[0]
    return first >> 20 & 0xFF, packet.ip[7], first & 0xFFFFF


def check(sock, family, transport, label, tclass, hops):
    captured(sock)
    qpns = traffic(family, "-q", transport, "-l", label, "-c", tclass, "-h",
                   hops)
    port = port_of_label(label or label_of_qpns(*qpns))
    seen = set()
    for packet in captured(sock):
        if not packet.icrc_ok():
            fail(f"ICRC of opcode {packet.opcode:#x}")
        got_class, got_hops, got_label = fields(packet)
        if got_class != tclass:
            fail(f"{transport}: traffic class {got_class:#x}, not {tclass:#x}")
        if got_hops not in (hops, HOPS_OF_HOST):
            fail(f"{transport}: hop limit {got_hops}, not {hops}")
        if got_label not in (None, label):
            fail(f"{transport}: flow label {got_label:#x}, not {label:#x}")
        got_port = int.from_bytes(packet.udp[:2], "big")
        if got_port != port:
            fail(f"{transport}, label {label:#x}: port {got_port}, not {port}")
        seen.add(packet.src)
    if len(seen) != 2:
        fail(f"{transport}: packets of {len(seen)} hosts")
    return port


def entropy(sock, family):
    """Connections with no flow label differ."""
    ports = {check(sock, family, "rc", 0, 0, 64) for _ in range(12)}
    if len(ports) < 4:
        fail(f"12 connections, ports {ports}")
    print(f"IPv{family}: 12 connections, {len(ports)} source ports")


def counted(names, action):
    """By how much ACTION raises the counters of prxeB."""
    before = wire.counters("prxeB")
    action()
    after = wire.settle("prxeB", names, {n: before[n] + 1 for n in names}, 3)
    return {n: after[n] - before[n] for n in after if after[n] != before[n]}


def marked(family):
    rose = counted(["rcvd_ecn_marked_pkts"],
                   lambda: traffic(family, "-q", "rc", "-c", CE))
    if rose.get("rcvd_ecn_marked_pkts", 0) != rose["rcvd_pkts"]:
        fail(f"CE marks: {rose}")
    rose = counted(["rcvd_pkts"], lambda: traffic(family, "-c", 2))
    if "rcvd_ecn_marked_pkts" in rose:
        fail(f"not a mark: {rose}")


def notification(packet, length=16, spoil=False, ce=False):
    """A CNP for the queue pair that PACKET is for."""
    cnp = packet.copy()
    cnp.body = packet.body[:12] + bytes(length) + bytes(4)
    cnp.body[0] = CNP
    cnp.body[1] = 0
    cnp.body[4] |= 0x40  # BECN
    cnp.body[8:12] = bytes(4)
    if ce:
        cnp.ip[1] |= CE
    cnp.udp[6:8] = b"\0\0"
    cnp.sealed()
    if spoil:
        cnp.body[14] ^= 1
    return cnp


def notifications(sock, family):
    """Amid traffic, to its queue pairs: counted, and of no other effect."""
    a, b = FAMILIES[family]
    stop = "/tmp/headers.stop"
    if os.path.exists(stop):
        os.unlink(stop)
    captured(sock)
    out = wire.packet_socket("A", "ethA")
    with subprocess.Popen([PROGRAM, "-s", stop, "prxeA", a, "prxeB", b],
                          stdout=subprocess.DEVNULL) as program:
        sample = None
        sock.settimeout(10)
        while sample is None:
            got = wire.receive(sock)
            if got and fields(got[2][0])[1] and is_from_a(got[2][0], family):
                sample = got[2][0]
        sock.settimeout(0.2)
        wants = ((notification(sample), "rcvd_cnp_pkts"),
                 (notification(sample, spoil=True), "icrc_errors"),
                 (notification(sample, length=12), "malformed_pkts"),
                 (notification(sample, length=20), "malformed_pkts"))
        for packet, name in wants:
            rose = counted([name], lambda p=packet: [wire.send(out, p)
                                                     for _ in range(50)])
            if rose.get(name) != 50:
                fail(f"50 notifications for {name}: {rose}")
        with open(stop, "w", encoding="ascii"):
            pass
        if program.wait(60):
            fail("the traffic suffered")


def is_from_a(packet, family):
    text = FAMILIES[family][0]
    kind = wire.socket.AF_INET6 if family == 6 else wire.socket.AF_INET
    return packet.src == wire.socket.inet_pton(kind, text)


def main():
    sock = wire.packet_socket("B", "ethB")
    sock.settimeout(0.2)
    for family in FAMILIES:
        for transport in ("rc", "uc", "ud"):
            check(sock, family, transport, 0, 0, 64)
            check(sock, family, transport, 0x12345, 0x68, 33)
            check(sock, family, transport, 0xFFFFF, 0xB9, 255)
            check(sock, family, transport, 0x04000, 0x02, 1)
        entropy(sock, family)
        marked(family)
        notifications(sock, family)


main()
