# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel's connection tracking makes of frames: a router in a namespace of its own, with a
strict stateful filter, that dies with the process."""

import ctypes
import multiprocessing
import os
import socket
import subprocess
import time

from .lab import CLONE_NEWNET, die_with_parent
from .prober import ETH_P_ALL, PACKET_IGNORE_OUTGOING, SO_RCVBUFFORCE, SOL_PACKET
from .segments import HOSTS, INSIDE, MACS, OUTSIDE, key

RULES = """
table inet strict {
  chain strict {
    type filter hook forward priority 0; policy drop;
    ct state invalid counter drop
    ct state established,related accept
    ct state new tcp flags & (fin | syn | rst | ack) == syn accept
  }
}
"""
PREFIX = {4: 24, 6: 64}
OWN = {OUTSIDE: {4: "198.51.100.1", 6: "2001:db8:ffff::1"},
       INSIDE: {4: "203.0.113.1", 6: "2001:db8:1::1"}}
SETTINGS = ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1", "net.ipv4.conf.all.rp_filter=0",
            "net.ipv4.conf.default.rp_filter=0", "net.ipv4.conf.all.send_redirects=0",
            "net.netfilter.nf_conntrack_tcp_loose=0", "net.netfilter.nf_conntrack_tcp_be_liberal=0",
            "net.netfilter.nf_conntrack_checksum=1")


class Missing(Exception):
    """This kernel does not track connections, or nobody may ask it to."""


def _run(*words, **more):
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stdout.strip()}")


def _build():
    _run("ip", "link", "set", "lo", "up")
    for side in (OUTSIDE, INSIDE):
        end = f"{side}-end"
        _run("ip", "link", "add", side, "type", "veth", "peer", "name", end)
        for name in (side, end):
            _run("ethtool", "-K", name, "tx", "off", "rx", "off", "gso", "off", "gro", "off", "tso", "off")
            _run("sysctl", "-qw", f"net.ipv6.conf.{name}.accept_dad=0", f"net.ipv6.conf.{name}.accept_ra=0")
        _run("sysctl", "-qw", f"net.ipv6.conf.{end}.disable_ipv6=1")
        _run("ip", "link", "set", end, "arp", "off", "up")
        _run("ip", "link", "set", side, "up")
        for family in (4, 6):
            _run("ip", "address", "add", f"{OWN[side][family]}/{PREFIX[family]}", "dev", side,
                 *(["nodad"] if family == 6 else []))
            mac = ":".join(f"{byte:02x}" for byte in MACS[side])
            _run("ip", "neigh", "replace", HOSTS[family][side], "lladdr", mac, "dev", side, "nud", "permanent")
    _run("nft", "-f", "-", input=RULES)
    _run("sysctl", "-qw", *SETTINGS)


class _End:
    """The far end of one of the router's wires."""

    def __init__(self, side):
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as router:
            router.bind((side, 0))
            self._router = router.getsockname()[4]
        self._raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self._raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self._raw.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self._raw.bind((f"{side}-end", 0))
        self._raw.setblocking(False)

    def send(self, frame):
        self._raw.send(self._router + frame[6:])

    def drain(self, into):
        count = 0
        try:
            while True:
                frame = self._raw.recv(65536)
                count += 1
                if frame[12:14] in (b"\x08\x00", b"\x86\xdd"):
                    into.add(key(frame))
        except BlockingIOError:
            return count


def _judge(frames):
    # One CPU: what is sent first is judged first.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ends = {side: _End(side) for side in (OUTSIDE, INSIDE)}
    arrived = {side: set() for side in ends}
    for side, frame in frames:
        ends[side].send(frame)
        for where, end in ends.items():
            end.drain(arrived[where])
    quiet = 0
    while quiet < 20:
        time.sleep(0.02)
        quiet = 0 if any([end.drain(arrived[where]) for where, end in ends.items()]) else quiet + 1
    other = {OUTSIDE: INSIDE, INSIDE: OUTSIDE}
    return [key(frame) in arrived[other[side]] for side, frame in frames]


def _inside(answer, frames):
    die_with_parent()
    try:
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET):
            raise Missing("no network namespace can be made")
        if not os.path.exists("/proc/sys/net/netfilter/nf_conntrack_max"):
            raise Missing("this kernel does not track connections")
        _build()
        answer.send(_judge(frames))
    except Exception as why:  # pylint: disable=broad-except
        answer.send(why)


def passed(frames):
    """frames: [(side, frame)] in their order; whether each was forwarded. Throws Missing."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=_inside, args=(theirs, frames), daemon=True)
    child.start()
    theirs.close()
    try:
        value = ours.recv()
    except EOFError:
        value = RuntimeError("the router ended without an answer")
    child.join()
    if isinstance(value, Exception):
        raise value
    return value
