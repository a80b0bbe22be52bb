# SPDX-License-Identifier: BSD-3-Clause
"""One conversation: a script played against a destination from a fresh address, and what came back."""

import dataclasses

from . import wire
from .script import STREAM

TRIES = 8  # fresh addresses; each asks twice
PAUSE = 1.0  # between a SYN and its repetition, as kernels do


@dataclasses.dataclass
class Heard:
    """A packet, how long after the segment that the step sent, and the step's number."""

    step: int
    seconds: float
    packet: wire.Packet


class Party:
    """play() yields how long it wants to sleep; hear() is called in between."""

    # pylint: disable=too-many-instance-attributes
    def __init__(self, stage, target, steps, options):
        self.stage, self.target, self.steps, self.options = stage, target, steps, options
        self.heard, self.answered, self.tries = [], False, 0
        self.step, self.sent = 0, 0
        self._begin()

    def _begin(self):
        """Another address, port and number."""
        self.stage.leave(self)
        self.heard = []
        self.src, self.sport, self.isn = self.stage.fresh(self.target.six)
        self.ours, self.theirs = [self.isn], []  # numbers of SYNs: ours, theirs
        self.expected = self.echo = self.acked = None  # next of theirs; their timestamp; what they acknowledged
        self.stage.enter(self)

    def key(self):
        return self.target.address, self.target.port, self.src, self.sport

    def ends(self):
        return self.src, self.target.address, self.sport, self.target.port

    def play(self):
        for self.step, step in enumerate(self.steps):
            if step.opens:
                yield from self._open(step)
                if not self.theirs:
                    return
            else:
                self._send(step)
                yield step.wait
        self.answered = True
        self._hang_up()

    def _open(self, step):
        for self.tries in range(1, TRIES + 1):
            for _ in range(2):
                self._send(step)
                slept = 0.0
                while slept < PAUSE and not self.theirs:
                    yield 0.02
                    slept += 0.02
                if self.theirs:
                    yield max(0.0, step.wait - slept)
                    return
            self._begin()

    def _send(self, step):
        if step.icmp:
            self.sent = self.stage.send(self._error(step.icmp))
        elif step.flags:
            flags = wire.bits(step.flags)
            if step.rebase:
                self.isn = (self.isn + 1 + step.seq) & 0xFFFFFFFF
                self.ours.append(self.isn)
            elif flags & wire.SYN and step.seq != -1:
                self.ours.append((self.isn + 1 + step.seq) & 0xFFFFFFFF)
            seq = self.isn + 1 + (-1 if step.rebase else step.seq)
            ack = (self.expected or 0) + step.ack if flags & wire.ACK else 0
            data = step.fill or STREAM[max(0, step.seq) % 2000:][:step.size]
            self.sent = self.stage.send(self.stage.wire.tcp(
                self.ends(), flags, seq, ack, data=data, options=self._options(step, flags), **step.more))
        else:
            self.sent = self.stage.now()

    def _options(self, step, flags):
        if step.options is not None:
            return step.options
        if flags & wire.SYN:
            return self.options
        if self.echo is None or flags & wire.RST:
            return b""
        return b"\1\1\10\12" + self.stage.ticks().to_bytes(4, "big") + self.echo

    def _error(self, icmp):
        """An ICMP error from our own address that quotes what they sent last."""
        four, six = icmp[:2], icmp[2:4]
        kind, code = six if self.target.six else four
        load = self.target.port.to_bytes(2, "big") + self.sport.to_bytes(2, "big") + \
            ((self.expected or 1) & 0xFFFFFFFF).to_bytes(4, "big") + bytes(12)
        quote = self.stage.wire.ip(self.target.address, self.src, wire.TCP, load)[14:]
        return self.stage.wire.icmp(self.src, self.target.address, kind, code, icmp[4].to_bytes(4, "big"), quote)

    def _hang_up(self):
        if self.acked is not None:
            self.stage.send(self.stage.wire.tcp(self.ends(), wire.RST, self.acked))

    def hear(self, packet):
        self.heard.append(Heard(self.step, (packet.stamp - self.sent) / 1e9, packet))
        if packet.protocol != wire.TCP:
            return
        if packet.flags & wire.ACK:
            self.acked = packet.ack
        for kind, value in wire.options_of(packet):
            if kind == 8 and len(value) == 8:
                self.echo = value[:4]
        if packet.flags & wire.SYN and not packet.flags & wire.RST:
            if packet.seq not in self.theirs:
                self.theirs.append(packet.seq)
            self.expected = (packet.seq + 1) & 0xFFFFFFFF
        elif packet.seq == self.expected:
            self.expected = (packet.seq + len(packet.load) + packet.flags % 2) & 0xFFFFFFFF  # FIN is 1
