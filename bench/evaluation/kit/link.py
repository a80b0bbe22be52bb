# SPDX-License-Identifier: BSD-3-Clause
"""The raw socket, with the kernel's time of arrival; the way to the box; whose addresses are ours."""

import ipaddress
import json
import os
import pathlib
import random
import select
import socket
import struct
import subprocess
import time

from . import wire

SOL_PACKET, PACKET_IGNORE_OUTGOING, ETH_P_ALL = 263, 23, 3
SO_RCVBUFFORCE, SO_TIMESTAMPNS = 33, 35


class Unmet(Exception):
    """A precondition does not hold; the text says which and what to do."""


class Link:
    """Sends frames and receives Packets that are for one of our prefixes."""

    def __init__(self, interface, prefixes):
        self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.raw.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.raw.bind((interface, 0))
        self.raw.setblocking(False)
        self._ours = [(int.from_bytes(net.network_address.packed, "big"),
                       int(net.netmask), len(net.network_address.packed)) for net in prefixes]

    def send(self, frame):
        """Sends; wall-clock nanoseconds from just before."""
        while True:
            try:
                now = time.time_ns()
                self.raw.send(frame)
                return now
            except OSError as error:
                if error.errno not in (11, 105):  # EAGAIN, ENOBUFS: the wire is full
                    raise
                time.sleep(0.0002)

    def wait(self, seconds):
        """Until something may be read, `seconds` at most."""
        if seconds > 0:
            select.select([self.raw], [], [], seconds)

    def receive(self, most=64):
        """The Packets that are there, at most so many."""
        found = []
        for _ in range(most):
            try:
                frame, extra, _, _ = self.raw.recvmsg(4096, 64)
            except BlockingIOError:
                break
            stamp = next((sec * 10**9 + ns for level, kind, data in extra if kind == SO_TIMESTAMPNS
                          and level == socket.SOL_SOCKET for sec, ns in [struct.unpack("qq", data[:16])]),
                         0) or time.time_ns()
            packet = wire.read(frame, stamp)
            if packet and packet.key and self._is_ours(packet.dst):
                found.append(packet)
        return found

    def _is_ours(self, address):
        number = int.from_bytes(address, "big")
        return any(len(address) == size and number & mask == net for net, mask, size in self._ours)


def own_mac(interface):
    path = pathlib.Path("/sys/class/net") / interface / "address"
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        raise Unmet(f"there is no interface {interface}; see `ip link`") from None


def gateway_mac(target, interface):
    """MAC of the next hop on the way to target, asked for if need be."""
    def ask(*words):
        done = subprocess.run(["ip", "-j", *words], stdout=subprocess.PIPE, text=True, check=False)
        return json.loads(done.stdout or "[]")

    routes = ask("route", "get", target)
    hop = routes[0].get("gateway", target) if routes else target
    family = socket.AF_INET6 if ":" in hop else socket.AF_INET
    for _ in range(20):
        for row in ask("neigh", "show", hop, "dev", interface):
            if "lladdr" in row:
                return row["lladdr"]
        with socket.socket(family, socket.SOCK_DGRAM) as asker:
            try:
                asker.sendto(b"", (hop, 9))
            except OSError:
                break
        time.sleep(0.1)
    raise Unmet(f"no MAC for the next hop {hop} on {interface}: give --gateway-mac")


class Pool:
    """Fresh source addresses, each once, until the prefixes are used up; IPv6: each of another /64."""

    def __init__(self, prefixes, seed=None):
        dice, self.reused, self._left = random.Random(seed), False, {}
        for net in prefixes:
            bits = min(16, (32 if net.version == 4 else 64) - net.prefixlen)
            if bits < 0:
                raise Unmet(f"{net}: give an IPv6 source prefix of /64 or shorter")
            step = 0 if net.version == 4 else 64
            base = int(net.network_address)
            low = dice.getrandbits(63) << 1 | 1 if step else 0
            numbers = [(base + (n << step)) | low for n in range(1 if bits > 1 else 0, (1 << bits) - (bits > 1))]
            size = 16 if step else 4
            self._left.setdefault(net.version, []).extend(n.to_bytes(size, "big") for n in numbers or [base])
        for addresses in self._left.values():
            dice.shuffle(addresses)
        self._turn = dict.fromkeys(self._left, 0)

    def fresh(self, six):
        version = 6 if six else 4
        if version not in self._left:
            raise Unmet(f"no source prefix of IPv{version}: give one with --sources")
        addresses, turn = self._left[version], self._turn[version]
        self.reused = self.reused or turn >= len(addresses)
        self._turn[version] = turn + 1
        return addresses[turn % len(addresses)]


def prefix(text):
    """For argparse."""
    return ipaddress.ip_network(text, strict=False)


def leave_first_cpu():
    """In a lab the box polls on the first CPU."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, range(1, os.cpu_count()))
