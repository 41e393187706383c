#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""malformed.py 4|6: packets that no peer sends, amid traffic that goes on.

A packet of a running ibv_rc_pingpong between A and B is captured, spoiled in one
way, and sent to B from A's network device. Each way has its counter, which must
have grown by exactly the packets sent, and no other error counter by any; in the
end the ping-pong, which any error of its connection would have ended, goes on.
"""

import random
import subprocess
import sys
import time
import zlib

import wire

COPIES = 10
SEED = 20261123
ERRORS = ("malformed_pkts", "icrc_errors", "unknown_qp_pkts",
          "mismatched_pkts")
RC_SEND_ONLY = 0x04
RC_WRITE_ONLY = 0x0A
RC_ACK = 0x11
RC_RESERVED = 0x15
RC_FLUSH = 0x1C
RC_ATOMIC_WRITE = 0x1D
UD_SEND_ONLY = 0x64
CNP = 0x81


def shorten(packet, length):
    packet.body = packet.body[:length]
    return packet.fix_lengths()


def lengthen(packet, count):
    packet.body[-4:-4] = bytes(count)
    return packet.sealed()


def opcode(packet, code):
    packet.body[0] = code
    return packet.sealed()


def version(packet):
    packet.body[1] |= 1
    return packet.sealed()


def lone_header(packet, code):
    """Only a BTH and an ICRC, of an opcode that has more headers."""
    packet.body = packet.body[:16]
    return opcode(packet, code)


def pad_without_payload(packet):
    packet.body = packet.body[:16]
    packet.body[1] |= 0x30
    return packet.sealed()


def ack_with_payload(packet):
    packet.body[12:-4] = bytes(4 + 64)
    return opcode(packet, RC_ACK)


def flush_with_payload(packet):
    packet.body[12:-4] = bytes(4 + 16 + 64)
    return opcode(packet, RC_FLUSH)


def flush_of_rxe(packet, qpn, code=RC_FLUSH):
    """A flush, for which the headers are summed twice; nothing else may be so."""
    packet.body[12:-4] = bytes(4 + 16)
    packet.body[0] = code
    packet.body[1] &= ~0x30
    queue_pair(packet, qpn)
    crc = zlib.crc32(packet.body[:-4],
                     int.from_bytes(packet.body[-4:], "little"))
    packet.body[-4:] = crc.to_bytes(4, "little")
    return packet


def extension(packet):
    """IPv4 options, or an IPv6 extension header."""
    if packet.v6:
        packet.ip += bytes((17, 0, 1, 4, 0, 0, 0, 0))
        packet.ip[6] = 60  # destination options, with a PadN
        packet.sealed()
        length = int.from_bytes(packet.ip[4:6], "big") + 8
        packet.ip[4:6] = length.to_bytes(2, "big")
        return packet
    packet.ip += b"\x01\x01\x01\x00"
    packet.ip[0] = 0x46
    return packet.sealed()


def flip(packet, at, bit=0x10):
    packet.body[at] ^= bit
    return packet.fix_lengths()


def other_length(packet):
    """A UDP length that says less than what is there: its ICRC is another."""
    packet.body = packet.body[:-8]
    return packet.fix_lengths()


def partition(packet):
    packet.body[2:4] = b"\x80\x01"
    return packet.sealed()


def queue_pair(packet, qpn):
    packet.body[5:8] = qpn.to_bytes(3, "big")
    return packet.sealed()


def stranger(packet):
    packet.ip[23 if packet.v6 else 15] = 77
    return packet.sealed()


def datagram(packet):
    packet.body[12:-4] = bytes(8 + 64)
    packet.body[1] &= ~0x30
    return opcode(packet, UD_SEND_ONLY)


WAYS = (
    ("no payload at all", "malformed_pkts", lambda p: shorten(p, 0)),
    ("one byte", "malformed_pkts", lambda p: shorten(p, 1)),
    ("less than a BTH", "malformed_pkts", lambda p: shorten(p, 11)),
    ("a BTH without ICRC", "malformed_pkts", lambda p: shorten(p, 12)),
    ("a length that is no multiple of 4", "malformed_pkts",
     lambda p: lengthen(p, 2)),
    ("a header version", "malformed_pkts", version),
    ("a reserved opcode", "malformed_pkts", lambda p: opcode(p, RC_RESERVED)),
    ("a manufacturer's opcode", "malformed_pkts", lambda p: opcode(p, 0xFF)),
    ("a congestion notification", "malformed_pkts", lambda p: opcode(p, CNP)),
    ("a write without RETH", "malformed_pkts",
     lambda p: lone_header(p, RC_WRITE_ONLY)),
    ("an ACK without AETH", "malformed_pkts",
     lambda p: lone_header(p, RC_ACK)),
    ("an ACK with payload", "malformed_pkts", ack_with_payload),
    ("pad without payload", "malformed_pkts", pad_without_payload),
    ("a flush without FETH", "malformed_pkts",
     lambda p: lone_header(p, RC_FLUSH)),
    ("a flush with payload", "malformed_pkts", flush_with_payload),
    ("an atomic write without RETH", "malformed_pkts",
     lambda p: lone_header(p, RC_ATOMIC_WRITE)),
    ("a flush of rxe's to an unknown QP", "unknown_qp_pkts",
     lambda p: flush_of_rxe(p, 0xABCDEF)),
    ("another opcode with its ICRC", "icrc_errors",
     lambda p: flush_of_rxe(p, 0xABCDEF, RC_SEND_ONLY)),
    ("IP options", "malformed_pkts", extension),
    ("a bit of payload", "icrc_errors", lambda p: flip(p, 40)),
    ("a bit of the PSN", "icrc_errors", lambda p: flip(p, 11)),
    ("a bit of the ICRC", "icrc_errors", lambda p: flip(p, -1)),
    ("a cut off end", "icrc_errors", other_length),
    ("a partition", "mismatched_pkts", partition),
    ("an unknown QP", "unknown_qp_pkts", lambda p: queue_pair(p, 0xABCDEF)),
    ("QP 0", "unknown_qp_pkts", lambda p: queue_pair(p, 0)),
    ("the multicast QP, by a reliable connection", "mismatched_pkts",
     lambda p: queue_pair(p, 0xFFFFFF)),
    ("somebody else's address", "mismatched_pkts", stranger),
    ("a datagram to an RC QP", "mismatched_pkts", datagram),
    ("a request to QP 1", "mismatched_pkts", lambda p: queue_pair(p, 1)),
)


def grown(before, after):
    return {n: after[n] - before[n] for n in ERRORS if after[n] != before[n]}


def expect(name, before, want):
    after = wire.settle("prxeB", want,
                        {n: before[n] + c for n, c in want.items()})
    got = grown(before, after)
    print(f"{'ok' if got == want else 'NOT ok':6} {name}: {got}")
    return got == want


def sample(sock, is_from):
    """A SEND of the ping-pong from A with more than 40 bytes."""
    while True:
        got = wire.receive(sock)
        if not got or got[0]:
            continue
        packet = got[2][0]
        if packet.src == is_from and packet.opcode == RC_SEND_ONLY and \
           len(packet.body) > 64:
            return packet


def spoil_one_by_one(sock, good):
    ok = True
    for name, counter, spoil in WAYS:
        bad = spoil(good.copy())
        before = wire.counters("prxeB")
        for _ in range(COPIES):
            wire.send(sock, bad)
        ok &= expect(name, before, {counter: COPIES})
    return ok


def spoil_in_trains(sock, good):
    """Of four packets in one sk_buff, what is wrong with one touches no other."""
    ok = True
    strangers = []
    for i in range(4):
        packet = good.copy()
        if not packet.v6:
            ip_id = int.from_bytes(packet.ip[4:6], "big") + i
            packet.ip[4:6] = (ip_id & 0xFFFF).to_bytes(2, "big")
        strangers.append(queue_pair(packet, 0xABCDEF))
    for i in range(4):
        train = [p.copy() for p in strangers]
        flip(train[i], 40)
        before = wire.counters("prxeB")
        wire.send_train(sock, train)
        ok &= expect(f"a bit of packet {i} in a train", before,
                     {"unknown_qp_pkts": 3, "icrc_errors": 1})
    for length in (1, 8, 12):
        train = [p.copy() for p in strangers]
        train[3].body = train[3].body[:length]
        before = wire.counters("prxeB")
        wire.send_train(sock, train)
        ok &= expect(f"a train whose last packet has {length} bytes", before,
                     {"unknown_qp_pkts": 3, "malformed_pkts": 1})
    return ok


def spoil_at_random(sock, good):
    """Any bytes but those that the ICRC leaves out; with a wrong ICRC."""
    rng = random.Random(SEED)
    print(f"       random bytes, seed {SEED}")
    before = wire.counters("prxeB")
    count = 2000
    for _ in range(count):
        bad = good.copy()
        for _ in range(rng.randint(1, 8)):
            at = rng.choice([i for i in range(len(bad.body)) if i != 4])
            bad.body[at] = rng.randrange(256)
        if bad.icrc_ok():
            count -= 1
            continue
        wire.send(sock, bad)
    end = time.monotonic() + 10
    while True:
        got = grown(before, wire.counters("prxeB"))
        total = sum(got.values())
        if total >= count or time.monotonic() > end:
            break
        time.sleep(0.02)
    ok = total == count and set(got) <= {"malformed_pkts", "icrc_errors"}
    print(f"{'ok' if ok else 'NOT ok':6} {count} with random bytes: {got}")
    return ok


def gid_index(device, family):
    command = '. "$PRXE_TESTS/lib/topology.sh"; gid_index "$0" "$1"'
    return subprocess.run(["sh", "-c", command, device, family], check=True,
                          capture_output=True, text=True).stdout.strip()


def listening(host, port=18515, seconds=20):
    """Wait until somebody listens for the ping-pong's out-of-band connection."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        out = subprocess.run(["ip", "netns", "exec", host, "ss", "-ltn"],
                             check=True, capture_output=True, text=True)
        if f":{port} " in out.stdout:
            return
        time.sleep(0.05)
    sys.exit("the ping-pong's server does not come up")


def main():
    family = sys.argv[1]
    source = bytes((10, 77, 0, 1)) if family == "4" else \
        bytes.fromhex("fd77") + bytes(13) + b"\x01"
    sock = wire.packet_socket("A", "ethA")
    sock.settimeout(20)
    # More than it will get to.
    common = ("-s", "1024", "-m", "1024", "-n", "100000000")
    server = wire.spawn("B", "ibv_rc_pingpong", "-d", "prxeB", "-g",
                        gid_index("prxeB", family), *common)
    listening("B")
    client = wire.spawn("A", "ibv_rc_pingpong", "-d", "prxeA", "-g",
                        gid_index("prxeA", family), *common, "10.77.0.2")
    good = sample(sock, source)
    ok = spoil_one_by_one(sock, good)
    ok &= spoil_in_trains(sock, good)
    ok &= spoil_at_random(sock, good)

    for program in (server, client):
        if program.poll() is not None:
            print(f"ping-pong ended: {program.stdout.read()}")
            ok = False
    before = wire.counters("prxeB")["rcvd_pkts"]
    end = time.monotonic() + 10
    while wire.counters("prxeB")["rcvd_pkts"] < before + 100 and \
            time.monotonic() < end:
        time.sleep(0.02)
    after = wire.counters("prxeB")["rcvd_pkts"]
    if after < before + 100:
        print(f"NOT ok traffic stands still ({after - before} packets)")
        ok = False
    for program in (client, server):
        program.kill()
        program.wait()
    sys.exit(0 if ok else 1)


main()
