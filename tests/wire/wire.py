# SPDX-License-Identifier: GPL-2.0
"""RoCEv2 packets for the wire tests: taken apart, checked, made, sent.

Written from the specification (IBTA vol 1, annex A17) and nothing else: no line
and no table is shared with the driver.
"""

import collections.abc
import ctypes
import os
import socket
import struct
import subprocess
import time
import zlib

ROCE_PORT = 4791
ETH_P_ALL = 3
ETH_P_IP = 0x0800
ETH_P_IPV6 = 0x86DD
SOL_PACKET = 263
PACKET_VNET_HDR = 15
SO_RCVBUFFORCE = 33
CLONE_NEWNET = 0x40000000
GSO_UDP_L4 = 5
VNET_HDR = struct.Struct("<BBHHHH")
VNET_NEEDS_CSUM = 1


def in_netns(host, function):
    """Call FUNCTION in the network namespace HOST; sockets it makes stay there."""
    libc = ctypes.CDLL(None, use_errno=True)

    def enter(path):
        fd = os.open(path, os.O_RDONLY)
        try:
            if libc.setns(fd, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {path}")
        finally:
            os.close(fd)

    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        enter(f"/run/netns/{host}")
        try:
            return function()
        finally:
            enter(f"/proc/self/fd/{own}")
    finally:
        os.close(own)


def packet_socket(host, netdev):
    """An AF_PACKET socket that tells how the stack would cut a frame."""

    def make():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                             socket.htons(ETH_P_ALL))
        sock.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 512 << 20)
        sock.bind((netdev, 0))
        return sock

    return in_netns(host, make)


def ones_sum(data):
    """The sum of 16 bit words in one's complement, which is a remainder."""
    if len(data) % 2:
        data += b"\0"
    return int.from_bytes(data, "big") % 0xFFFF


class Packet:
    """One RoCEv2 packet: Ethernet, IP, UDP headers and what is behind them."""

    def __init__(self, eth, ip, udp, body):
        self.eth = bytearray(eth)
        self.ip = bytearray(ip)
        self.udp = bytearray(udp)
        self.body = bytearray(body)  # BTH to ICRC

    def copy(self):
        return Packet(self.eth, self.ip, self.udp, self.body)

    @property
    def v6(self):
        return self.ip[0] >> 4 == 6

    @property
    def opcode(self):
        return self.body[0]

    @property
    def qpn(self):
        return int.from_bytes(self.body[5:8], "big")

    @property
    def src(self):
        return bytes(self.ip[8:24] if self.v6 else self.ip[12:16])

    @property
    def udp_checksum(self):
        return int.from_bytes(self.udp[6:8], "big")

    def icrc(self):
        """What the last four bytes have to be."""
        ip, udp, bth = bytearray(self.ip), bytearray(self.udp), self.body[:12]
        if self.v6:
            ip[0] |= 0x0F  # traffic class, flow label
            ip[1:4] = b"\xff" * 3
            ip[7] = 0xFF  # hop limit
        else:
            ip[1] = 0xFF  # TOS
            ip[8] = 0xFF  # TTL
            ip[10:12] = b"\xff\xff"  # header checksum
        udp[6:8] = b"\xff\xff"  # checksum
        bth[4] = 0xFF  # FECN, BECN, reserved
        whole = b"\xff" * 8 + ip + udp + bth + self.body[12:-4]
        return struct.pack("<I", zlib.crc32(whole))

    def icrc_ok(self):
        return len(self.body) >= 16 and self.icrc() == self.body[-4:]

    def fix_lengths(self):
        """Lengths and, for IPv4, the header checksum."""
        struct.pack_into(">H", self.udp, 4, 8 + len(self.body))
        if self.v6:
            struct.pack_into(">H", self.ip, 4, 8 + len(self.body))
            return self
        struct.pack_into(">H", self.ip, 2,
                         len(self.ip) + 8 + len(self.body))
        struct.pack_into(">H", self.ip, 10, 0)
        struct.pack_into(">H", self.ip, 10, ones_sum(self.ip) ^ 0xFFFF)
        return self

    def sealed(self):
        """The same with right lengths and ICRC."""
        self.fix_lengths()
        self.body[-4:] = self.icrc()
        return self

    def pseudo_header(self):
        """What the UDP checksum covers in front of the UDP header."""
        addresses = self.ip[8:40] if self.v6 else self.ip[12:20]
        return bytes(addresses) + struct.pack(">II", 8 + len(self.body), 17)

    def udp_checksum_ok(self):
        return ones_sum(self.pseudo_header() + self.udp + self.body) == 0

    def frame(self):
        return bytes(self.eth + self.ip + self.udp + self.body)


def payload_at(frame):
    """Where the BTH begins; None for what is not RoCEv2."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == ETH_P_IP:
        at, proto = 14 + (frame[14] & 0x0F) * 4, frame[23]
    elif kind == ETH_P_IPV6:
        at, proto = 54, frame[20]
    else:
        return None
    if proto != 17 or int.from_bytes(frame[at + 2:at + 4], "big") != ROCE_PORT:
        return None
    return at + 8


def parse(frame, at):
    """The Packet, perhaps of several segments, whose BTH is at AT."""
    return Packet(frame[:14], frame[14:at - 8], frame[at - 8:at], frame[at:])


class Segments(collections.abc.Sequence):
    """The packets that a train becomes (what UDP GSO does to headers)."""

    def __init__(self, packet, gso_size):
        self.whole = packet
        self.size = gso_size

    def __len__(self):
        return -(-len(self.whole.body) // self.size)

    def __getitem__(self, i):
        if not 0 <= i < len(self):
            raise IndexError(i)
        seg = self.whole.copy()
        seg.body = self.whole.body[i * self.size:(i + 1) * self.size]
        if not seg.v6:
            ip_id = int.from_bytes(seg.ip[4:6], "big") + i
            struct.pack_into(">H", seg.ip, 4, ip_id & 0xFFFF)
        return seg.fix_lengths()


_buffer = bytearray(1 << 17)


def receive(sock, wanted=lambda train, opcode: True):
    """(is it a train, was its checksum left to the device, packets) or None.

    None also for what is not WANTED, which is told before the work begins.
    """
    data = memoryview(_buffer)[:sock.recv_into(_buffer)]
    flags, gso, _, gso_size, _, _ = VNET_HDR.unpack_from(data)
    frame = data[VNET_HDR.size:]
    at = payload_at(frame)
    train = gso == GSO_UDP_L4
    if at is None or not wanted(train, frame[at] if at < len(frame) else None):
        return None
    packet = parse(frame, at)
    partial = bool(flags & VNET_NEEDS_CSUM)
    return train, partial, Segments(packet, gso_size) if train else [packet]


def send(sock, packet):
    """Put a packet on the wire as it is."""
    sock.send(bytes(VNET_HDR.size) + packet.frame())


def send_train(sock, packets):
    """The same for packets of one size that follow one another, in one frame."""
    first = packets[0].copy()
    gso_size = len(first.body)
    first.body = b"".join(bytes(p.body) for p in packets)
    first.body = bytearray(first.body)
    first.fix_lengths()
    struct.pack_into(">H", first.udp, 6, ones_sum(first.pseudo_header()))
    hdr_len = len(first.eth) + len(first.ip) + len(first.udp)
    hdr = VNET_HDR.pack(VNET_NEEDS_CSUM, GSO_UDP_L4, hdr_len, gso_size,
                        hdr_len - 8, 6)
    sock.send(hdr + first.frame())


def counters(device):
    """The device's counters by name."""
    found = {}
    path = f"/sys/class/infiniband/{device}/ports/1/hw_counters"
    for name in os.listdir(path):
        if name == "lifespan":
            continue
        with open(f"{path}/{name}", encoding="ascii") as file:
            found[name] = int(file.read())
    return found


def settle(device, names, want, seconds=10):
    """Counters NAMES, when they have reached WANT or time is over."""
    end = time.monotonic() + seconds
    while True:
        now = counters(device)
        if all(now[n] >= want[n] for n in names) or time.monotonic() > end:
            return now
        time.sleep(0.02)


def spawn(host, *command):
    """Start a command in a namespace."""
    return subprocess.Popen(["ip", "netns", "exec", host, *command],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)
