# SPDX-License-Identifier: BSD-3-Clause
"""What of a capture came out of the box again: as it was, and to the inside nothing malformed."""

import collections
import ipaddress
import json
import pathlib
import subprocess

import captures
import wireshark

# Hosts' headers stay as they are, and no frame is lost to the coin.
POLICY = {"probability": {"drop": 0},
          "normalise": {"ecn": "keep", "headers": False, "options": False, "isn": False,
                        "echo_rate": 0, "error_rate": 0}}
TAGS = (0x8100, 0x88A8, 0x9100)
MACS = 12
LEAST = 60  # bytes that a frame is padded to


def network(frame):
    """(type, offset) behind the VLAN tags."""
    at = MACS
    while int.from_bytes(frame[at:at + 2], "big") in TAGS:
        at += 4
    return int.from_bytes(frame[at:at + 2], "big"), at + 2


def destination(frame):
    kind, at = network(frame)
    if kind == 0x0800 and len(frame) >= at + 20:
        return ipaddress.ip_address(frame[at + 16:at + 20])
    if kind == 0x86DD and len(frame) >= at + 40:
        return ipaddress.ip_address(frame[at + 24:at + 40])
    return None


def content(frame):
    """What the box must not touch: all but MACs (a host may have a new one) and padding."""
    kind, at = network(frame)
    end = max(len(frame), LEAST)
    if kind == 0x0800:
        end = at + int.from_bytes(frame[at + 2:at + 4], "big")
    elif kind == 0x86DD:
        end = at + 40 + int.from_bytes(frame[at + 4:at + 6], "big")
    return frame.ljust(LEAST, b"\0")[MACS:end]


def replay(tool, files, folder, most):
    """Reports of a run in which both ports' frames are kept, in files of their own."""
    policy = folder / "policy.json"
    policy.write_text(json.dumps(POLICY))
    words = [tool, "--each", str(most), "--key", "0" * 32, "--top", "1", "--policy", policy,
             "--out-inside", folder / "inside", "--out-outside", folder / "outside", *files]
    done = subprocess.run(words, capture_output=True, check=False, timeout=900)
    lines = [json.loads(line) for line in done.stdout.decode().splitlines() if line]
    return [line for line in lines if "report" in line]


def recorded(path, folder):
    """The frames of a capture of whatever format."""
    plain = folder / "plain.pcap"
    subprocess.run(["editcap", "-F", "nsecpcap", path, plain], check=True, capture_output=True)
    return collections.Counter(content(frame) for _, frame in captures.read(plain))


def strangers(line, known):
    """Frames that left though they never came, beyond those that the box made."""
    found = []
    for side in ("inside", "outside"):
        left = collections.Counter(content(frame)
                                   for _, frame in captures.read(line[f"out_{side}"]))
        new = sum((left - known).values()) - line["report"]["made"][side]
        if new > 0:
            found.append(f"{pathlib.Path(line['capture']).name} "
                         f"({line['protected']}): {new} to {side}")
    return found


def check_unchanged(checks, lines, folder, excused):
    """Genuine frames leave as they came."""
    known, of, wrong = None, None, []
    for line in lines:
        if line["capture"] != of:
            of = line["capture"]
            known = recorded(of, folder)
        if pathlib.Path(of).name not in excused:
            wrong += strangers(line, known)
    checks.that(not wrong, "what is passed is what came, byte by byte",
                wrong[:8] or f"{len(lines)} replays")


def check_inside(checks, lines, folder):
    """Nothing that Wireshark calls malformed reaches a protected address."""
    reached = []
    for line in lines:
        if line["protected"] == "nobody":
            continue
        protected = ipaddress.ip_address(line["protected"])
        reached += [(0, frame) for _, frame in captures.read(line["out_inside"])
                    if destination(frame) == protected]
    captures.write(folder / "reached.pcap", reached)
    found = wireshark.faults(folder / "reached.pcap")
    checks.that(found["frames"] == len(reached) and set(found) == {"frames"},
                "nothing malformed reaches the inside", dict(found))
