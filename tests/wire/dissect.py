#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""dissect.py HOST NETDEV WANTED COMMAND...: what tshark makes of COMMAND's packets.

Captures on NETDEV in the namespace HOST while COMMAND runs, which must succeed.
tshark then has to know every packet to port 4791 as RoCE and find nothing wrong with
any; the ICRC that it shows must be the one that zlib computes; and the fields that
have only one right value must have it. WANTED is a list of opcodes, hexadecimal,
with commas between, each of which must have been seen; "cm" in it means messages
of connection management.

The packets must be on the wire one by one: a train that passes a veth whole is one
frame in a capture, which tshark takes for one long packet.

tshark's quirks (4.4):
- It tries other protocols on the payload of SENDs, by their first bytes; with random
  data that finds malformed packets of protocols that are not there. The dissectors
  that register for that are turned off.
- It calls a UDP checksum of zero illegal over IPv6. For tunnels it is not (RFC 6935),
  and RoCEv2 asks for it (IBTA A17.9.2); that is a preference.
- It does not verify the ICRC, and shows it as a big-endian number. That of a flush
  may be rxe's own.
- It calls sequence errors of RC what is a retransmission; that is a note, no error.
"""

import collections
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

import wire

FIELDS = (
    "frame.number", "frame.protocols", "infiniband.bth.opcode",
    "infiniband.bth.tver", "infiniband.bth.p_key", "infiniband.bth.padcnt",
    "infiniband.bth.destqp", "infiniband.bth.psn", "infiniband.invariant.crc",
    "infiniband.mad.mgmtclass", "ip.checksum.status", "udp.checksum.status",
    "_ws.malformed", "_ws.expert.severity", "_ws.expert.message",
)
SEVERITY_WARN = 0x600000
BAD_CHECKSUM = "0"
CM_CLASS = 7
RC_FLUSH = 0x1C
# packets that are never a message's last, so of the path MTU: FIRST and MIDDLE
WHOLE = {0x00, 0x01, 0x06, 0x07, 0x0E, 0x20, 0x21, 0x26, 0x27}
EXTRA = {0x06: 16, 0x26: 16}  # their extensions: RETH


def dumpcap(host, netdev, path):
    """Start a capture; return when it has begun."""
    process = wire.spawn(host, "dumpcap", "-q", "-P", "-i", netdev, "-B", "256",
                         "-f", "udp port 4791", "-w", path)
    end = time.monotonic() + 30
    while not os.path.exists(path) or os.path.getsize(path) < 24:
        if process.poll() is not None or time.monotonic() > end:
            sys.exit(f"dumpcap does not begin: {process.stdout.read()}")
        time.sleep(0.05)
    return process


def stop(process, path):
    """End a capture when nothing more arrives; nothing may have been lost."""
    size = -1
    while size != os.path.getsize(path):
        size = os.path.getsize(path)
        time.sleep(1.5)  # dumpcap writes once a second
    process.send_signal(signal.SIGINT)
    said = process.communicate()[0]
    if "dropped" in said and "dropped on interface" in said and \
       "/0 " not in said.split("dropped on interface")[1]:
        sys.exit(f"the capture is not complete: {said}")


def frames(path):
    """The frames of a pcap file."""
    with open(path, "rb") as file:
        magic = struct.unpack("<I", file.read(24)[:4])[0]
        if magic not in (0xA1B2C3D4, 0xA1B23C4D):
            sys.exit(f"{path} is no pcap file")
        while header := file.read(16):
            length = struct.unpack("<IIII", header)[2]
            yield file.read(length)


def dissected(path):
    """A dictionary of FIELDS for each packet, by tshark."""
    known = subprocess.run(["tshark", "-G", "heuristic-decodes"], check=True,
                           capture_output=True, text=True).stdout
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=|",
               "-o", "ip.check_checksum:TRUE", "-o", "udp.check_checksum:TRUE",
               "-o", "udp.ignore_ipv6_zero_checksum:TRUE"]
    for line in known.splitlines():
        words = line.split("\t")
        if words[0] in ("infiniband.payload", "infiniband.mad.cm.private") and \
           len(words) > 4:
            command += ["--disable-heuristic", words[4]]
    for name in FIELDS:
        command += ["-e", name]
    out = subprocess.run(command, check=True, capture_output=True, text=True)
    for line in out.stdout.splitlines():
        yield dict(zip(FIELDS, line.split("|")))


def number(text):
    return int(text, 0) if text else None


def icrc_of_rxe_flush(packet):
    """rxe sums the headers of a flush twice, and prxe when it may talk to rxe."""
    if packet.opcode != RC_FLUSH:
        return False
    crc = int.from_bytes(packet.icrc(), "little")
    crc = zlib.crc32(packet.body[:32], crc)  # BTH, FETH, RETH
    return packet.body[-4:] == crc.to_bytes(4, "little")


def faults(fields, packet):
    """What is wrong with a packet, in words."""
    if number(fields["infiniband.bth.opcode"]) != packet.opcode:
        yield f"not known as RoCE: {fields['frame.protocols']}"
        return
    if fields["_ws.malformed"]:
        yield "malformed"
    severities = [int(s) for s in fields["_ws.expert.severity"].split(",") if s]
    if any(s >= SEVERITY_WARN for s in severities):
        yield fields["_ws.expert.message"]
    if BAD_CHECKSUM in (fields["ip.checksum.status"],
                        fields["udp.checksum.status"]):
        yield "IP or UDP checksum"
    if not packet.icrc_ok() and not icrc_of_rxe_flush(packet):
        yield "ICRC"
    if number(fields["infiniband.invariant.crc"]) != \
       int.from_bytes(packet.body[-4:], "big"):
        yield "the ICRC is not where tshark looks for it"
    if number(fields["infiniband.bth.tver"]) != 0:
        yield "header version"
    if number(fields["infiniband.bth.p_key"]) not in (0xFFFF, 0x7FFF):
        yield "partition key"
    if len(packet.body) % 4:
        yield "length"
    pad = number(fields["infiniband.bth.padcnt"])
    if packet.opcode in WHOLE:
        length = len(packet.body) - 16 - EXTRA.get(packet.opcode, 0)
        if pad or length & (length - 1) or not 256 <= length <= 4096:
            yield f"{length} bytes, pad {pad}, in the middle of a message"


def check(path, wanted):
    """Compare tshark's reading with ours, frame by frame. Return: errors."""
    seen, bad, examples = collections.Counter(), collections.Counter(), {}
    count = 0
    for frame, fields in zip(frames(path), dissected(path), strict=True):
        count += 1
        packet = wire.parse(frame, wire.payload_at(frame))
        seen[packet.opcode] += 1
        if number(fields["infiniband.mad.mgmtclass"]) == CM_CLASS:
            seen["cm"] += 1
        for fault in faults(fields, packet):
            bad[fault] += 1
            examples.setdefault(fault, (fields, frame.hex()[:400]))
    print(f"{count} packets; " + ", ".join(
        f"{n} of {o if o == 'cm' else hex(o)}"
        for o, n in sorted(seen.items(), key=str)))
    for fault, n in bad.items():
        print(f"BAD {n}: {fault}: {examples[fault]}")
    missing = [w for w in wanted
               if not seen["cm" if w == "cm" else int(w, 16)]]
    if missing:
        print(f"not seen: {missing}")
    return bool(bad or missing)


def main():
    host, netdev, wanted, *command = sys.argv[1:]
    with tempfile.TemporaryDirectory() as scratch:
        path = f"{scratch}/capture.pcap"
        capture = dumpcap(host, netdev, path)
        status = subprocess.run(command, check=False).returncode
        stop(capture, path)
        failed = check(path, wanted.split(","))
    sys.exit(1 if failed or status else 0)


main()
