# SPDX-License-Identifier: BSD-3-Clause
"""A second opinion on frames: what Wireshark calls malformed, in the layers that the box reads."""

import collections
import os
import subprocess

LAYERS = ("eth", "ethertype", "vlan", "ip", "ipv6", "ipv6.fraghdr", "ipv6.routing", "tcp", "udp",
          "icmp", "icmpv6", "ipv6.hopopts", "frame", "data")
FIELDS = ("frame.number", "frame.cap_len", "ip.checksum.status", "tcp.checksum.status",
          "udp.checksum.status", "icmp.checksum.status", "icmpv6.checksum.status", "ip.len",
          "ipv6.plen", "_ws.malformed", "frame.protocols", "ip.bogus_ip_version",
          "ip.bogus_ip_length", "ip.bogus_header_length", "ipv6.bogus_ipv6_version",
          "tcp.bogus_header_length", "udp.length.bad", "udp.length.bad_zero")
BAD = "0"  # a checksum status
CHECKED = ("ip", "tcp", "udp")
ETHERNET = 14


def bare(frame):
    """Whether Wireshark saw nothing beyond the layers, such as an application or a tunnel."""
    return all(p in LAYERS or p.startswith("_ws") for p in frame["frame.protocols"].split(":"))


# What a frame is found guilty of.
FAULTS = {
    "ip-checksum": lambda f: f["ip.checksum.status"] == BAD,
    "tcp-checksum": lambda f: f["tcp.checksum.status"] == BAD,
    "udp-checksum": lambda f: f["udp.checksum.status"] == BAD,
    "icmp-checksum": lambda f: BAD in (f["icmp.checksum.status"], f["icmpv6.checksum.status"]),
    "cut": lambda f: (int(f["ip.len"] or 0) + ETHERNET > int(f["frame.cap_len"])
                      or (f["ipv6.plen"] != "" and
                          int(f["ipv6.plen"]) + 40 + ETHERNET > int(f["frame.cap_len"]))),
    "malformed": lambda f: f["_ws.malformed"] != "" and bare(f),
}

# And what it remarks on without calling the frame malformed.
REMARKS = {"bogus": lambda f: any(f[name] for name in FIELDS if "bogus" in name or "bad" in name)}


def command(path):
    """What applications say is not the box's affair: they are off, as far as they can be."""
    words = ["tshark", "-n", "-r", str(path), "-T", "fields", "-E", "occurrence=f",
             "-E", "separator=|", "--disable-protocol", "ALL"]
    for layer in LAYERS:
        words += ["--enable-protocol", layer]
    for layer in CHECKED:
        words += ["-o", f"{layer}.check_checksum:TRUE"]
    words += ["-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE",
              "-o", "tcp.desegment_tcp_streams:FALSE"]
    for field in FIELDS:
        words += ["-e", field]
    return words


def each(path, known=None):
    """Of each frame of a capture the faults that it is guilty of, of those known."""
    known = known or FAULTS
    done = subprocess.run(command(path), capture_output=True, check=False, timeout=300,
                          env=os.environ | {"LC_ALL": "C"})
    found = []
    for line in done.stdout.decode(errors="replace").splitlines():
        frame = dict(zip(FIELDS, line.split("|")))
        found.append(frozenset(fault for fault, is_guilty in known.items() if is_guilty(frame)))
    if not found:
        raise RuntimeError(f"tshark reads nothing of {path}: {done.stderr.decode()[:300]}")
    return found


def faults(path):
    """Counter of faults over the frames of a capture; a frame may have several."""
    found = each(path)
    return collections.Counter(frames=len(found)) + collections.Counter(
        fault for frame in found for fault in frame)
