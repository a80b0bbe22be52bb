# SPDX-License-Identifier: BSD-3-Clause
"""Probes classes of targets in random order and keeps everything that comes back for each probe."""

import collections
import random
import time

from . import wire

OPTIONS = bytes.fromhex("020405b40402080a0000000100000000" "01030307")
DATAGRAM = b"\0" * 12


class Probe:
    """One question: when it was sent, (what, when) was said after it, and the Packets that came."""

    __slots__ = ("group", "target", "src", "sport", "seq", "follows", "sent", "acked", "answers")

    def __init__(self, group, target, src, sport, seq):
        self.group, self.target, self.src, self.sport, self.seq = group, target, src, sport, seq
        self.follows, self.sent, self.acked, self.answers = False, 0, 0, []

    def ends(self):
        return self.src, self.target.address, self.sport, self.target.port

    def key(self):
        return self.target.address, self.target.port, self.src, self.sport


class Prober:
    """One run. kind: "tcp", "udp" or "echo"; data: the client's first bytes, or None."""

    # pylint: disable=too-many-instance-attributes
    def __init__(self, link, frames, kind="tcp", **chosen):
        self.link, self.wire, self.kind = link, frames, kind
        self.rate, self.hold = chosen.get("rate", 3000), chosen.get("hold", 3.5)
        self.follow, self.data = chosen.get("follow", 0.5), chosen.get("data")
        self.dice = random.Random(chosen.get("seed"))
        self.probes, self.open, self.strays = [], {}, 0
        self._hang_up = collections.deque()
        self._behind = 0

    def run(self, pick, enough):
        """pick(dice) -> (group, target, source); enough(self) is asked before each probe."""
        due = time.monotonic()
        while not enough(self):
            now = time.monotonic()
            if now >= due:
                self._ask(*pick(self.dice))
                due += 1 / self.rate
                if now - due > 0.05:
                    self._behind += 1
                    due = now
            self._turn(due)
        end = time.monotonic() + self.hold + 0.5
        while self._hang_up or time.monotonic() < end:
            self._turn(time.monotonic() + 0.05)
        return self.probes

    @property
    def behind(self):
        """How often the rate was not kept."""
        return self._behind

    def _turn(self, until):
        self.link.wait(until - time.monotonic())
        for packet in self.link.receive():
            self._hear(packet)
        now = time.monotonic()
        while self._hang_up and self._hang_up[0][0] <= now:
            self._forget(self._hang_up.popleft()[1])

    def _ask(self, group, target, src):
        dice = self.dice
        sport, seq = dice.randrange(10000, 65536), dice.getrandbits(32)
        if self.kind == "echo":
            target, seq = target._replace(port=dice.randrange(1, 65536)), dice.randrange(65536)
            probe = Probe(group, target, src, seq, 0)  # the key of an echo: identifier, sequence
        else:
            probe = Probe(group, target, src, sport, seq)
        probe.follows = self.kind == "tcp" and dice.random() < self.follow
        if probe.key() in self.open:
            return
        frame = self._frame(probe)
        self.open[probe.key()] = probe
        self.probes.append(probe)
        probe.sent = self.link.send(frame)
        self._hang_up.append((time.monotonic() + self.hold, probe))

    def _frame(self, probe):
        if self.kind == "tcp":
            return self.wire.tcp(probe.ends(), wire.SYN, probe.seq, options=OPTIONS)
        if self.kind == "udp":
            return self.wire.udp(probe.ends(), self.data or DATAGRAM)
        rest = probe.target.port.to_bytes(2, "big") + probe.sport.to_bytes(2, "big")
        return self.wire.icmp(probe.src, probe.target.address, 128 if probe.target.six else 8, 0, rest,
                              bytes(range(48)))

    def _hear(self, packet):
        probe = self.open.get(packet.key)
        if probe is None:
            self.strays += 1
            return
        probe.answers.append(packet)
        if self.kind == "tcp" and probe.follows and not probe.acked and is_open(packet):
            probe.acked = self.link.send(self._tcp(probe, packet, wire.ACK))
            if self.data:
                probe.acked = self.link.send(self._tcp(probe, packet, wire.ACK | wire.PSH, self.data))

    def _tcp(self, probe, packet, flags, data=b""):
        mine = probe.seq + 1
        if flags & wire.RST and probe.acked:
            mine += len(self.data or b"")
        stamps = [value for kind, value in wire.options_of(packet) if kind == 8 and len(value) == 8]
        options = b"\1\1\10\12\0\0\0\2" + stamps[0][:4] if stamps and not flags & wire.RST else b""
        return self.wire.tcp(probe.ends(), flags, mine, packet.seq + 1, options=options, data=data)

    def _forget(self, probe):
        """Hangs up, so that no host keeps what was only a question."""
        if self.kind == "tcp":
            first = next((p for p in probe.answers if is_open(p)), None)
            if first:
                self.link.send(self._tcp(probe, first, wire.RST))
        self.open.pop(probe.key(), None)


def is_open(packet):
    return packet.protocol == wire.TCP and packet.flags & (wire.SYN | wire.ACK) == wire.SYN | wire.ACK


def burn(link, frames, sources, targets, seconds=8.0):
    """Finishes handshakes with the targets from each source until one is done; the sources that did."""
    dice, waiting, done = random.Random(), {}, set()
    end = time.monotonic() + seconds
    while time.monotonic() < end and len(done) < len(sources):
        for src in sources:
            if src in done:
                continue
            target = dice.choice([t for t in targets if t.six == (len(src) == 16)] or targets)
            sport, seq = dice.randrange(10000, 65536), dice.getrandbits(32)
            ends = src, target.address, sport, target.port or dice.randrange(1, 1024)
            waiting[ends[1], ends[3], src, sport] = ends, seq
            link.send(frames.tcp(ends, wire.SYN, seq, options=OPTIONS))
            time.sleep(0.0005)
        until = time.monotonic() + 0.25
        while time.monotonic() < until:
            link.wait(0.05)
            for packet in link.receive():
                if packet.key in waiting and is_open(packet):
                    ends, seq = waiting.pop(packet.key)
                    link.send(frames.tcp(ends, wire.ACK, seq + 1, packet.seq + 1))
                    link.send(frames.tcp(ends, wire.ACK | wire.PSH, seq + 1, packet.seq + 1, data=b"\r\n"))
                    done.add(ends[0])
    return sorted(done)
