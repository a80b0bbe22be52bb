# SPDX-License-Identifier: BSD-3-Clause
"""Captures written and read by hand (pcap, nanoseconds, Ethernet)."""

import pathlib
import struct

ETHERNET = 1
MAGIC = 0xA1B23C4D


def write(path, frames, link=ETHERNET, cut=0):
    """frames: (seconds since 1970, bytes); each kept to `cut` bytes unless that is 0."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 262144, link))
        for seconds, frame in frames:
            nanos = round(seconds * 1_000_000_000)
            kept = frame[:cut] if cut else frame
            file.write(struct.pack("<IIII", *divmod(nanos, 1_000_000_000), len(kept), len(frame)))
            file.write(kept)
    return pathlib.Path(path)


def read(path):
    """(seconds, bytes) of each frame."""
    raw = pathlib.Path(path).read_bytes()
    magic, = struct.unpack_from("<I", raw)
    unit = {MAGIC: 1e-9, 0xA1B2C3D4: 1e-6}[magic]
    frames, at = [], 24
    while at < len(raw):
        seconds, part, kept, _ = struct.unpack_from("<IIII", raw, at)
        frames.append((seconds + part * unit, raw[at + 16:at + 16 + kept]))
        at += 16 + kept
    return frames
