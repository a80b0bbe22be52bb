# SPDX-License-Identifier: BSD-3-Clause
"""A raw prober: sends prepared frames at a steady rate and collects what comes back for the
prober's own addresses (198.19.0.0/16, 2001:db8:e::/48), which the kernel does not answer for."""

import itertools
import os
import random
import socket
import time
from collections import Counter, namedtuple

from . import frames

SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 3
SO_RCVBUFFORCE = 33
OURS4, OURS6 = bytes([198, 19]), frames.packed("2001:db8:e::")[:6]

# One probe: its class in the tally, addresses, ports (echo: identifier, sequence), TCP flags.
Probe = namedtuple("Probe", "group src dst sport dport flags")


class Sources:
    """Endless addresses: fresh() gives one that was never used, of either family."""

    def __init__(self, start=1):
        self._next = itertools.count(start)

    def fresh(self, six=False):
        n = next(self._next)
        if six:
            return f"2001:db8:e:{n & 0xffff:x}::1"
        return f"198.19.{n >> 8 & 255}.{n & 255}"


class Socket:
    def __init__(self, iface="eth0"):
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.raw.bind((iface, 0))
        self.raw.setblocking(False)

    def send(self, frame):
        while True:
            try:
                return self.raw.send(frame)
            except (BlockingIOError, OSError) as error:
                if error.errno not in (11, 105):  # EAGAIN, ENOBUFS: the wire is full
                    raise
                time.sleep(0.0005)

    def drain(self, into):
        try:
            while True:
                answer = frames.read(self.raw.recv(2048))
                if answer and (answer.dst[:2] == OURS4 or answer.dst[:6] == OURS6):
                    into.append(answer)
        except BlockingIOError:
            pass


def exchange(batch, rate=8000, linger=1.0):
    """Sends frames, `rate` a second; all answers until `linger` seconds after the last frame."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, range(1, os.cpu_count()))
    wire, answers = Socket(), []
    start = time.monotonic()
    for count, frame in enumerate(batch, 1):
        wire.send(frame)
        if count % 16 == 0:
            wire.drain(answers)
            ahead = count / rate - (time.monotonic() - start)
            if ahead > 0:
                time.sleep(ahead)
    end = time.monotonic() + linger
    while time.monotonic() < end:
        wire.drain(answers)
        time.sleep(0.01)
    return answers


def probes(group, targets, count, sources, seed=1, flags=frames.SYN):
    """count probes of one class; targets: [(address, port)]; sources: callable(six) -> address."""
    dice = random.Random(f"{group}{seed}")
    made = []
    for _ in range(count):
        dst, port = dice.choice(targets)
        made.append(Probe(group, sources(":" in dst), dst, dice.randrange(1024, 65536), port, flags))
    return made


def tcp(lab_macs, wanted, seed=1, **pace):
    """Sends TCP probes in random order; {class: Counter(open, closed, other, sent, again)}."""
    dice = random.Random(seed)
    wanted = list(wanted)
    dice.shuffle(wanted)
    wire, batch, waiting = frames.Wire(*lab_macs), [], {}
    for probe in wanted:
        seq = dice.getrandbits(32)
        ack = dice.getrandbits(32) if probe.flags & frames.ACK else 0
        key = (frames.packed(probe.dst), probe.dport, frames.packed(probe.src), probe.sport)
        if key in waiting:  # a second SYN to an open connection rightly gets a challenge ACK
            continue
        batch.append(wire.tcp(probe.src, probe.dst, (probe.sport, probe.dport), probe.flags, seq, ack))
        waiting[key] = (probe.group, seq)
    tally = {probe.group: Counter() for probe in wanted}
    for group, _ in waiting.values():
        tally[group]["sent"] += 1
    seen = set()
    for answer in exchange(batch, **pace):
        key = (answer.src, answer.sport, answer.dst, answer.dport)
        if answer.protocol != frames.TCP or key not in waiting:
            tally.setdefault("stray", Counter())[f"protocol {answer.protocol}"] += 1
            continue
        group, seq = waiting[key]
        if key in seen:
            tally[group]["again"] += 1
            continue
        seen.add(key)
        both = frames.SYN | frames.ACK
        if answer.flags & both == both and answer.ack == (seq + 1) & 0xFFFFFFFF:
            tally[group]["open"] += 1
        elif answer.flags & frames.RST:
            tally[group]["closed"] += 1
        else:
            tally[group]["other"] += 1
    return tally


def echo(lab_macs, wanted, **pace):
    """As tcp, for echo requests: {class: Counter(answered, sent, again)}."""
    wire, batch, waiting = frames.Wire(*lab_macs), [], {}
    for probe in wanted:
        batch.append(wire.echo(probe.src, probe.dst, probe.sport, probe.dport))
        waiting[frames.packed(probe.dst), frames.packed(probe.src), probe.sport, probe.dport] = \
            probe.group
    tally = {probe.group: Counter() for probe in wanted}
    for group in waiting.values():
        tally[group]["sent"] += 1
    seen = set()
    for answer in exchange(batch, **pace):
        key = (answer.src, answer.dst, answer.sport, answer.dport)
        if answer.kind not in (0, 129) or key not in waiting:
            tally.setdefault("stray", Counter())[f"{answer.protocol}/{answer.kind}"] += 1
            continue
        tally[waiting[key]]["again" if key in seen else "answered"] += 1
        seen.add(key)
    return tally


def udp(lab_macs, wanted, data=b"\0" * 16, **pace):
    """As tcp, for datagrams: {class: Counter(answered, unreachable, sent)}."""
    wire, batch, waiting = frames.Wire(*lab_macs), [], {}
    for probe in wanted:
        batch.append(wire.udp(probe.src, probe.dst, (probe.sport, probe.dport), data))
        waiting[frames.packed(probe.dst), frames.packed(probe.src)] = probe.group
    tally = {probe.group: Counter() for probe in wanted}
    for probe in wanted:
        tally[probe.group]["sent"] += 1
    words = {frames.UDP: "answered", frames.ICMP: "unreachable", frames.ICMP6: "unreachable"}
    for answer in exchange(batch, **pace):
        group = waiting.get((answer.src, answer.dst), "stray")
        tally.setdefault(group, Counter())[words.get(answer.protocol, "other")] += 1
    return tally
