# SPDX-License-Identifier: BSD-3-Clause
"""Frames built and read by hand: every header field, fast enough for thousands a second."""

import socket
import struct

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = 1, 2, 4, 8, 16, 32, 64, 128
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
LETTERS = "FSRPAUEC"


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def letters(flags):
    """SYN|ACK -> "SA"."""
    return "".join(name for bit, name in enumerate(LETTERS) if flags >> bit & 1) or "-"


def bits(text):
    """"SA" -> SYN|ACK; "-" -> 0."""
    return sum(1 << LETTERS.index(letter) for letter in text if letter != "-")


class Wire:
    """Builds Ethernet frames from one MAC to another; addresses are packed bytes."""

    def __init__(self, ours, theirs):
        macs = bytes.fromhex(theirs.replace(":", "")) + bytes.fromhex(ours.replace(":", ""))
        self._v4, self._v6 = macs + b"\x08\x00", macs + b"\x86\xdd"

    def ip(self, src, dst, protocol, load, ttl=64):
        if len(src) == 4:
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(load), 0, 0x4000, ttl, protocol, 0,
                               src, dst)
            return self._v4 + head[:10] + struct.pack("!H", checksum(head)) + head[12:] + load
        return self._v6 + struct.pack("!IHBB", 6 << 28, len(load), protocol, ttl) + src + dst + load

    def tcp(self, ends, flags, seq, ack=0, **more):
        """ends: (src, dst, sport, dport). more: options, data, window, urgent, reserved (3 bits),
        spoil (a wrong checksum), ttl."""
        src, dst, sport, dport = ends
        options, data = more.get("options", b""), more.get("data", b"")
        offset = (20 + len(options)) // 4 << 4 | more.get("reserved", 0) << 1
        load = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, offset,
                           flags & 255, more.get("window", 64240), 0, more.get("urgent", 0)) + options + data
        total = checksum(pseudo(src, dst, TCP, len(load)) + load) ^ (0x5555 if more.get("spoil") else 0)
        load = load[:16] + struct.pack("!H", total) + load[18:]
        return self.ip(src, dst, TCP, load, more.get("ttl", 64))

    def udp(self, ends, data=b""):
        src, dst, sport, dport = ends
        load = struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data
        total = checksum(pseudo(src, dst, UDP, len(load)) + load) or 0xFFFF
        return self.ip(src, dst, UDP, load[:6] + struct.pack("!H", total) + load[8:])

    def icmp(self, src, dst, kind, code, rest, data):
        """Kind and code are those of the family; rest: the four bytes after the checksum."""
        six = len(src) == 16
        load = struct.pack("!BBH4s", kind, code, 0, rest) + data
        before = pseudo(src, dst, ICMP6, len(load)) if six else b""
        load = load[:2] + struct.pack("!H", checksum(before + load)) + load[4:]
        return self.ip(src, dst, ICMP6 if six else ICMP, load)


def pseudo(src, dst, protocol, length):
    if len(src) == 16:
        return src + dst + struct.pack("!IHBB", length, 0, 0, protocol)
    return src + dst + struct.pack("!BBH", 0, protocol, length)


class Packet:
    """What came back. `key` is what a prober asks with: (their address, port, our address, port);
    of an ICMP error, those of the packet that it quotes; of an echo reply (theirs, id, ours, sequence)."""

    # pylint: disable=too-many-instance-attributes
    __slots__ = ("stamp", "src", "dst", "protocol", "ttl", "tos", "ident", "bits", "length", "label",
                 "key", "seq", "ack", "flags", "reserved", "window", "urgent", "options", "load",
                 "kind", "code", "quote", "sound")


def read(frame, stamp=0):
    """The Packet in an Ethernet frame, or None."""
    ether, p = frame[12:14], Packet()
    p.stamp, p.label = stamp, 0
    if ether == b"\x08\x00" and len(frame) >= 34:
        head = (frame[14] & 15) * 4
        p.tos, p.length, p.ident, p.bits, p.ttl, p.protocol = struct.unpack_from("!xBHHHBB", frame, 14)
        p.src, p.dst = frame[26:30], frame[30:34]
        p.sound = checksum(frame[14:14 + head]) == 0
        load = frame[14 + head:14 + p.length]
    elif ether == b"\x86\xdd" and len(frame) >= 54:
        first, p.length, p.protocol, p.ttl = struct.unpack_from("!IHBB", frame, 14)
        p.tos, p.label, p.ident, p.bits = first >> 20 & 255, first & 0xFFFFF, 0, 0
        p.src, p.dst, p.sound = frame[22:38], frame[38:54], True
        load = frame[54:54 + p.length]
    else:
        return None
    p.seq = p.ack = p.flags = p.reserved = p.window = p.urgent = p.kind = p.code = 0
    p.options = p.quote = b""
    if p.protocol == TCP and len(load) >= 20:
        sport, dport, p.seq, p.ack, offset, p.flags, p.window, p.urgent = struct.unpack_from(
            "!HHIIBBHxxH", load)
        p.reserved, end = offset & 15, (offset >> 4) * 4
        p.options, p.load = load[20:end], load[end:]
        p.key = (p.src, sport, p.dst, dport)
    elif p.protocol == UDP and len(load) >= 8:
        sport, dport = struct.unpack_from("!HH", load)
        p.load, p.key = load[8:], (p.src, sport, p.dst, dport)
    elif p.protocol in (ICMP, ICMP6) and len(load) >= 8:
        p.kind, p.code, ident, number = struct.unpack_from("!BBxxHH", load)
        p.load, p.key = load[8:], (p.src, ident, p.dst, number)
        if p.kind in (3, 11, 12) if p.protocol == ICMP else p.kind < 128:
            p.quote, p.key = p.load, quoted(p.load)
    else:
        return None
    if p.protocol == ICMP:
        p.sound = p.sound and checksum(load) == 0
    elif not (p.protocol == UDP and load[6:8] == b"\0\0"):
        p.sound = p.sound and checksum(pseudo(p.src, p.dst, p.protocol, len(load)) + load) == 0
    return p


def quoted(quote):
    """The key of a quoted packet of ours; None when it is too short."""
    six = quote[:1] and quote[0] >> 4 == 6
    at = 40 if six else (quote[0] & 15) * 4 if quote else 0
    if len(quote) < at + 8 or not at:
        return None
    src, dst = (quote[8:24], quote[24:40]) if six else (quote[12:16], quote[16:20])
    if quote[6 if six else 9] in (ICMP, ICMP6):
        ident, number = struct.unpack_from("!HH", quote, at + 4)
        return dst, ident, src, number
    sport, dport = struct.unpack_from("!HH", quote, at)
    return dst, dport, src, sport


def options_of(packet):
    """[(kind, value bytes)] of a TCP packet's options in their order; a broken rest has kind -1."""
    rest, found = packet.options, []
    while rest:
        if rest[0] in (0, 1):
            found.append((rest[0], b""))
            rest = rest[1:] if rest[0] else b""
        elif len(rest) < 2 or not 2 <= rest[1] <= len(rest):
            found.append((-1, rest))
            rest = b""
        else:
            found.append((rest[0], rest[2:rest[1]]))
            rest = rest[rest[1]:]
    return found
