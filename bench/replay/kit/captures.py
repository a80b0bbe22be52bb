# SPDX-License-Identifier: BSD-3-Clause
"""The captures that are replayed: generated once and kept, or a user's own, split by side."""

import hashlib
import ipaddress
import os
import pathlib
import shutil
import struct
import subprocess

from . import machine

SEED = 1
SIDES = ("outside", "inside")
HEADER = 24  # bytes of an empty pcap file
SOURCES = ("traffic.cpp", "traffic.hpp", "captures.cpp", "opener.hpp", "../../lib/shard/owner.hpp")


class Pair:
    """The captures of both ports, one for each queue."""

    def __init__(self, folder, queues):
        self.folder = pathlib.Path(folder)
        self.queues = queues

    def files(self, side):
        return [self.folder / f"{side}{q}.pcap" for q in range(self.queues)]

    def vdevs(self):
        """EAL words: net_pcap0 is the outside port, net_pcap1 the inside. Between the queues of two
        workers lies one that nobody polls: the end of each queue's record, read for every packet,
        shares a cache line with the next one's counters."""
        return [word for number, side in enumerate(SIDES)
                for word in self._port(number, self._spaced(self.files(side)))]

    def vdevs_apart(self):
        """As vdevs(), but a pair of ports for each queue: nothing is shared."""
        files = [path for pair in zip(*map(self.files, SIDES)) for path in pair]
        return [word for number, path in enumerate(files) for word in self._port(number, [path])]

    def _spaced(self, files):
        spaced = files[:1]
        for path in files[1:]:
            spacer = path.with_name(f"{path.stem}-spacer.pcap")
            with path.open("rb") as file:
                head = file.read(HEADER + 16)
                length = struct.unpack("<I", head[HEADER + 8:HEADER + 12])[0] if head[HEADER:] else 0
                spacer.write_bytes(head + file.read(length))
            spaced += [spacer, path]
        return spaced

    def _port(self, number, files):
        # An empty capture cannot be replayed for ever: it is simply at its end.
        loop = ",infinite_rx=1" if all(f.stat().st_size > HEADER for f in files) else ""
        return ["--vdev", f"net_pcap{number}," + ",".join(f"rx_pcap={f}" for f in files) + loop]


def generated(case, queues):
    """Made when they are not there yet, or made by older code."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((pathlib.Path(__file__).parents[1] / name).read_bytes())
    folder = machine.CACHE / (f"{case.traffic}-{case.packets}-{case.connections}-{SEED}-{queues}-"
                              f"{digest.hexdigest()[:8]}")
    if not folder.exists():
        work = folder.with_name(f"{folder.name}.{os.getpid()}")
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        subprocess.run([machine.CAPTURES, case.traffic, str(case.packets), str(case.connections),
                        str(SEED), str(queues), work], check=True)
        work.rename(folder)
    return Pair(folder, queues)


def frames(path):
    """The record headers and bytes of a pcap file, the header first."""
    with open(path, "rb") as file:
        header = file.read(HEADER)
        magic = header[:4]
        if magic in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"):
            order = "<"
        elif magic in (b"\xa1\xb2\xc3\xd4", b"\xa1\xb2\x3c\x4d"):
            order = ">"
        else:
            raise machine.Unmet(f"{path} is no pcap file (pcapng: editcap -F pcap IN OUT)")
        if struct.unpack(order + "I", header[20:24])[0] & 0xffff != 1:
            raise machine.Unmet(f"{path} holds no Ethernet frames")
        while len(record := file.read(16)) == 16:
            length = struct.unpack(order + "I", record[8:12])[0]
            yield file.read(length)


def addresses(frame):
    """Source and destination of an IP packet behind at most two VLAN tags, or nothing."""
    at = 12
    while frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8") and at < 20:
        at += 4
    kind, at = frame[at:at + 2], at + 2
    if kind == b"\x08\x00" and len(frame) >= at + 20:
        return (ipaddress.IPv4Address(frame[at + 12:at + 16]),
                ipaddress.IPv4Address(frame[at + 16:at + 20]))
    if kind == b"\x86\xdd" and len(frame) >= at + 40:
        return (ipaddress.IPv6Address(frame[at + 8:at + 24]),
                ipaddress.IPv6Address(frame[at + 24:at + 40]))
    return None


class Splitter:
    """Tells a frame's port as mitibox-replay does: an inside source comes from inside."""

    def __init__(self, policy):
        self.protected = [ipaddress.ip_network(p) for p in policy["protected"]]
        self.gateways = {ipaddress.ip_address(g) for g in policy.get("gateways", [])}
        self.seen = {}   # side of a MAC
        self.known = {}  # whether an address is inside

    def inside(self, address):
        if address not in self.known:
            self.known[address] = address not in self.gateways and any(
                address.version == p.version and address in p for p in self.protected)
        return self.known[address]

    def side(self, frame):
        ends = addresses(frame)
        sender = frame[6:12]
        if ends and (self.inside(ends[0]) or self.inside(ends[1])):
            self.seen[sender] = "inside" if self.inside(ends[0]) else "outside"
        return self.seen.get(sender, "outside")


def owned(files, policy, folder):
    """A user's capture, split by what the policy protects; or two, outside and inside. Returns the
    pair, the frames on the busier port, and the longest frame."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    splitter = Splitter(policy)
    count = {"outside": 0, "inside": 0}
    longest = 60
    with open(folder / "outside0.pcap", "wb") as outside, \
            open(folder / "inside0.pcap", "wb") as inside:
        out = {"outside": outside, "inside": inside}
        for file in out.values():
            file.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number, path in enumerate(files):
            for frame in frames(path):
                if len(frame) < 14:
                    continue
                side = (splitter.side(frame) if len(files) == 1
                        else ("outside", "inside")[number])
                out[side].write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
                count[side] += 1
                longest = max(longest, len(frame))
    if not any(count.values()):
        raise machine.Unmet(f"{' '.join(map(str, files))}: no frames")
    return Pair(folder, 1), max(count.values()), longest
