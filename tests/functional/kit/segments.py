# SPDX-License-Identifier: BSD-3-Clause
"""Segments of a connection by what they say: numbers counted from the ISNs, sides by who opened."""

import struct
from collections import namedtuple

from .frames import ACK, FIN, ICMP, ICMP6, PSH, RST, SYN, TCP, URG, checksum, packed

ECE, CWR = 64, 128
OUTSIDE, INSIDE = "outside", "inside"
WINDOW = 64240
MSS = b"\2\4\5\xb4"
MACS = {OUTSIDE: bytes.fromhex("02000000000a"), INSIDE: bytes.fromhex("02000000000b")}
HOSTS = {4: {OUTSIDE: "198.51.100.7", INSIDE: "203.0.113.10"},
         6: {OUTSIDE: "2001:db8:ffff::7", INSIDE: "2001:db8:1::10"}}
ROUTER = {4: "198.51.100.2", 6: "2001:db8:ffff::2"}  # beyond the one that is asked
SERVICE = 443

# who: "c" opened the connection, "s" is the other. seq, ack: from their ISNs; ack None: says nothing.
# about: an ICMP error of a router about the last segment of who's peer, whose number it gives wrong
# by so much (None: no error).
Step = namedtuple("Step", "who flags seq ack size window options about spoil")


def step(who, flags, seq=0, ack=None, size=0, window=WINDOW, options=b"", about=None, spoil=None):
    return Step(who, flags, seq, ack, size, window, options, about, spoil)


def client(*words, **more):
    return step("c", *words, **more)


def server(*words, **more):
    return step("s", *words, **more)


def opening(**more):
    return [client(SYN, **more), server(SYN | ACK, 0, 1, **more), client(ACK, 1, 1, **more)]


class Flow:
    """Frames of a connection between the two hosts. opener: the side of who opens it."""

    def __init__(self, family, opener, number, isns=(1_000_000, 5_000_000)):
        self.family, self.opener = family, opener
        self.ports = {"c": 1024 + number, "s": SERVICE}
        self.isns = dict(zip("cs", isns))
        self.last = {}

    def side(self, who):
        other = {OUTSIDE: INSIDE, INSIDE: OUTSIDE}[self.opener]
        return self.opener if who == "c" else other

    def frame(self, ident, step_):
        """(side that it comes from, the frame); ident is its own among all frames."""
        here = self.side(step_.who)
        there = {OUTSIDE: INSIDE, INSIDE: OUTSIDE}[here]
        hosts = HOSTS[self.family]
        if step_.about is not None:
            return here, self._error(ident, here, there, step_)
        peer = "s" if step_.who == "c" else "c"
        ack = 0 if step_.ack is None else (self.isns[peer] + step_.ack) & 0xFFFFFFFF
        head = struct.pack("!HHIIBBHHH", self.ports[step_.who], self.ports[peer],
                           (self.isns[step_.who] + step_.seq) & 0xFFFFFFFF, ack,
                           (20 + len(step_.options)) // 4 << 4, step_.flags, step_.window, 0, 0)
        body = head + step_.options + bytes(step_.size)
        summed = checksum(pseudo(hosts[here], hosts[there], TCP, len(body)) + body)
        if step_.spoil == "checksum":
            summed ^= 0x0101
        body = body[:16] + struct.pack("!H", summed) + body[18:]
        if step_.spoil == "offset":
            body = body[:12] + b"\x40" + body[13:]
        packet = ip(hosts[here], hosts[there], TCP, ident, body)
        self.last[step_.who] = packet
        return here, ether(here, there, packet)

    def _error(self, ident, here, there, step_):
        """Port unreachable, quoting what the other one sent last."""
        peer = "s" if step_.who == "c" else "c"
        quoted = self.last[peer]
        at = (20 if self.family == 4 else 40) + 4
        seq = (int.from_bytes(quoted[at:at + 4], "big") + step_.about) & 0xFFFFFFFF
        quoted = quoted[:at] + seq.to_bytes(4, "big") + quoted[at + 4:]
        source = ROUTER[self.family] if here == OUTSIDE else HOSTS[self.family][here]
        target = HOSTS[self.family][there]
        kind = b"\3\3" if self.family == 4 else b"\1\4"
        body = kind + bytes(6) + quoted[:at + 16]
        protocol = ICMP if self.family == 4 else ICMP6
        over = b"" if self.family == 4 else pseudo(source, target, protocol, len(body))
        body = body[:2] + struct.pack("!H", checksum(over + body)) + body[4:]
        return ether(here, there, ip(source, target, protocol, ident, body))


def pseudo(src, dst, protocol, length):
    if ":" in src:
        return packed(src) + packed(dst) + struct.pack("!IHBB", length, 0, 0, protocol)
    return packed(src) + packed(dst) + struct.pack("!BBH", 0, protocol, length)


def ip(src, dst, protocol, ident, body):
    if ":" in src:
        return struct.pack("!IHBB", 6 << 28 | ident, len(body), protocol, 64) + packed(src) + packed(dst) + body
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, 0x4000, 64, protocol, 0,
                       packed(src), packed(dst))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def ether(here, there, packet):
    kind = b"\x08\x00" if packet[0] >> 4 == 4 else b"\x86\xdd"
    return MACS[there] + MACS[here] + kind + packet


def key(frame):
    """What a frame is known by wherever it has been forwarded: all but MACs, TTL and padding."""
    if frame[12:14] == b"\x08\x00":
        length = int.from_bytes(frame[16:18], "big")
        return frame[18:20] + frame[26:14 + length]
    length = 40 + int.from_bytes(frame[18:20], "big")
    return frame[15:18] + frame[22:14 + length]


__all__ = ["ACK", "CWR", "ECE", "FIN", "Flow", "INSIDE", "MSS", "OUTSIDE", "PSH", "RST", "SYN", "Step", "URG",
           "client", "key", "opening", "server", "step"]
