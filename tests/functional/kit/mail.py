# SPDX-License-Identifier: BSD-3-Clause
"""Mail sessions with the lab's mail host, from one address each."""

import socket


def conversation(source, ready, goes_on):
    """A mail session: greeting, then one more command after goes_on is set."""
    with socket.socket() as wire:
        wire.bind((source, 0))
        wire.settimeout(6)
        wire.connect(("203.0.113.25", 25))
        greeting = wire.recv(200)
        ready.set()
        goes_on.wait(20)
        wire.send(b"NOOP\r\n")
        return greeting, wire.recv(200)


def greeting_of(source, seconds=3):
    """What a new mail session says: nothing when the conversation is forged."""
    with socket.socket() as wire:
        wire.bind((source, 0))
        wire.settimeout(seconds)
        try:
            wire.connect(("203.0.113.25", 25))
            return wire.recv(200)
        except OSError:
            return b""
