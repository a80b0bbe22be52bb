# SPDX-License-Identifier: BSD-3-Clause
"""ARP by hand: any sender, and every answer."""

import socket
import time

from . import prober

REQUEST, REPLY = 1, 2
SOLICITATION = 135


def _request(mac, sender, target, to="ff:ff:ff:ff:ff:ff"):
    ours, theirs = (bytes.fromhex(m.replace(":", "")) for m in (mac, to))
    return (theirs + ours + b"\x08\x06" + b"\0\1\x08\0\6\4" + REQUEST.to_bytes(2, "big") + ours +
            socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target))


def announce(iface, mac, address):
    """A gratuitous ARP."""
    prober.Socket(iface).raw.send(_request(mac, address, address))


def ask(iface, mac, sender, target, seconds=0.6, to="ff:ff:ff:ff:ff:ff"):
    """One request for `target` from `sender` (an address; 0.0.0.0: a duplicate-address probe).
    MACs of all answers."""
    wire = prober.Socket(iface).raw
    wire.send(_request(mac, sender, target, to))
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


def questions(iface, seconds):
    """(asker, target) of all ARP requests and neighbour solicitations that arrive on iface; the
    box's own probes have the asker 0.0.0.0 or ::."""
    wire = prober.Socket(iface).raw
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            frame = wire.recv(2048)
        except BlockingIOError:
            time.sleep(0.01)
            continue
        if frame[12:14] == b"\x08\x06" and frame[20:22] == REQUEST.to_bytes(2, "big"):
            found.append((socket.inet_ntoa(frame[28:32]), socket.inet_ntoa(frame[38:42])))
        elif frame[12:14] == b"\x86\xdd" and frame[20] == 58 and frame[54] == SOLICITATION:
            found.append((socket.inet_ntop(socket.AF_INET6, frame[22:38]),
                          socket.inet_ntop(socket.AF_INET6, frame[62:78])))
    return found
