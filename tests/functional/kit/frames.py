# SPDX-License-Identifier: BSD-3-Clause
"""Frames written and read by hand, fast enough for tens of thousands of probes."""

import socket
import struct

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
SYN_OPTIONS = bytes.fromhex("020405b40402080a0000000100000000" "01030307")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


class Wire:
    """Builds Ethernet frames from one MAC to another."""

    def __init__(self, ours, theirs):
        macs = bytes.fromhex(theirs.replace(":", "")) + bytes.fromhex(ours.replace(":", ""))
        self._v4, self._v6 = macs + b"\x08\x00", macs + b"\x86\xdd"

    def ip(self, src, dst, protocol, body, ttl=64):
        """body(pseudo header) -> transport bytes."""
        source, target = packed(src), packed(dst)
        if len(source) == 4:
            length = len(body(b""))
            load = body(source + target + struct.pack("!BBH", 0, protocol, length))
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 0, 0x4000, ttl, protocol, 0,
                               source, target)
            head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
            return self._v4 + head + load
        length = len(body(b""))
        load = body(source + target + struct.pack("!IHBB", length, 0, 0, protocol))
        return self._v6 + struct.pack("!IHBB", 6 << 28, length, protocol, ttl) + source + target + load

    def tcp(self, src, dst, ports, flags=SYN, seq=0, ack=0, options=None, data=b""):
        if options is None:
            options = SYN_OPTIONS if flags == SYN else b""

        def body(pseudo):
            head = struct.pack("!HHIIBBHHH", *ports, seq, ack, (20 + len(options)) // 4 << 4, flags,
                               64240, 0, 0) + options + data
            return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:] if pseudo \
                else head

        return self.ip(src, dst, TCP, body)

    def udp(self, src, dst, ports, data=b""):
        def body(pseudo):
            head = struct.pack("!HHHH", *ports, 8 + len(data), 0) + data
            return head[:6] + struct.pack("!H", checksum(pseudo + head) or 0xFFFF) + head[8:] \
                if pseudo else head

        return self.ip(src, dst, UDP, body)

    def echo(self, src, dst, ident, sequence, data=b"mitibox lab ping"):
        six = ":" in dst

        def body(pseudo):
            head = struct.pack("!BBHHH", 128 if six else 8, 0, 0, ident, sequence) + data
            return head[:2] + struct.pack("!H", checksum((pseudo if six else b"") + head)) + head[4:]

        return self.ip(src, dst, ICMP6 if six else ICMP, body)


class Answer:
    """What came back: addresses as packed bytes, then what the protocol has."""

    __slots__ = ("src", "dst", "protocol", "sport", "dport", "seq", "ack", "flags", "kind", "load")

    def __init__(self, src, dst, protocol, load):
        self.src, self.dst, self.protocol, self.load = src, dst, protocol, load
        self.sport = self.dport = self.seq = self.ack = self.flags = self.kind = 0
        if protocol == TCP and len(load) >= 20:
            self.sport, self.dport, self.seq, self.ack, _, self.flags = struct.unpack_from(
                "!HHIIBB", load)
        elif protocol == UDP and len(load) >= 8:
            self.sport, self.dport = struct.unpack_from("!HH", load)
        elif protocol in (ICMP, ICMP6) and len(load) >= 8:
            self.kind, _, _, self.sport, self.dport = struct.unpack_from("!BBHHH", load)


def read(frame):
    """The Answer in an Ethernet frame, or None."""
    kind = frame[12:14]
    if kind == b"\x08\x00" and len(frame) >= 34:
        head = (frame[14] & 15) * 4
        length = int.from_bytes(frame[16:18], "big")
        return Answer(frame[26:30], frame[30:34], frame[23], frame[14 + head:14 + length])
    if kind == b"\x86\xdd" and len(frame) >= 54:
        length = int.from_bytes(frame[18:20], "big")
        return Answer(frame[22:38], frame[38:54], frame[20], frame[54:54 + length])
    return None
