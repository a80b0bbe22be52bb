# SPDX-License-Identifier: BSD-3-Clause
"""ARP by hand: any sender, and every answer."""

import socket
import time

from . import prober

REQUEST, REPLY = 1, 2


def ask(iface, mac, sender, target, seconds=0.6):
    """One request for `target` from `sender` (an address; 0.0.0.0: a duplicate-address probe).
    MACs of all answers."""
    ours = bytes.fromhex(mac.replace(":", ""))
    wire = prober.Socket(iface).raw
    wire.send(b"\xff" * 6 + ours + b"\x08\x06" + b"\0\1\x08\0\6\4" + REQUEST.to_bytes(2, "big") +
              ours + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target))
    answers, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            frame = wire.recv(2048)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        if frame[12:14] == b"\x08\x06" and frame[20:22] == REPLY.to_bytes(2, "big") and \
                frame[28:32] == socket.inet_aton(target):
            answers.append(frame[22:28].hex(":"))
    return answers
