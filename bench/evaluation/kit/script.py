# SPDX-License-Identifier: BSD-3-Clause
"""The scripts of converse: what a client says, step by step. Sequence numbers are relative to the first byte of
the client, acknowledgements to all that has come in order. The client's stream is an HTTP request that never
ends, so that a web server has nothing to say of its own."""

import dataclasses

STREAM = b"GET / HTTP/1.1\r\nHost: a\r\nX-A: " + b"a" * 4000


@dataclasses.dataclass(frozen=True)
class Step:
    """One segment and how long to listen after it. No flags: only listen. opens: a SYN that is repeated until it
    is answered. rebase: the client goes on from this SYN's number. size: bytes of STREAM, or fill instead."""

    # pylint: disable=too-many-instance-attributes
    flags: str = "A"
    seq: int = 0
    ack: int = 0
    size: int = 0
    wait: float = 0.4
    opens: bool = False
    rebase: bool = False
    fill: bytes = b""
    options: bytes = None
    icmp: tuple = None  # (IPv4 kind, code, IPv6 kind, code, MTU)
    more: dict = dataclasses.field(default_factory=dict)  # window, urgent, reserved, spoil, ttl

    def text(self):
        if not self.flags:
            return f"listen {self.wait:g} s"
        if self.icmp:
            return f"ICMP {self.icmp[0]}/{self.icmp[1]}"
        words = [self.flags, f"seq{self.seq:+d}"]
        words += [f"ack{self.ack:+d}"] if self.ack else []
        words += [f"len {self.size or len(self.fill)}"] if self.size or self.fill else []
        words += [f"{name} {value}" for name, value in self.more.items()]
        words += [f"options {self.options.hex()}"] if self.options else []
        return " ".join(words)


def syn(wait=0.4, **more):
    return Step("S", -1, opens=True, wait=wait, **more)


def quiet(seconds):
    return Step("", wait=seconds)


def say(seq, size, flags="PA", **more):
    return Step(flags, seq, size=size, **more)


ACK = Step("A")
REQUEST = say(0, 31)
UP = (syn(), ACK)  # a finished handshake
UNREACHABLE, EXCEEDED, TOO_BIG = (3, 1, 1, 0, 0), (11, 0, 3, 0, 0), (3, 4, 2, 0, 1280)
SACK = bytes.fromhex("0101050a")
STAMP = bytes.fromhex("0101080a0000100000000000")


def scripts():
    """{name: steps}."""
    return {**_opening(), **_data(), **_closing(), **_odd()}


def _opening():
    return {
        "syn": (syn(4.5),),
        "syn-again-1s": (syn(), quiet(0.5), Step("S", -1, wait=0.5)),
        "syn-again-9s": (syn(), quiet(8.6), Step("S", -1, wait=1.0)),
        "syn-other-isn": (syn(), Step("S", 70000, wait=1.0)),
        "syn-other-isn-ack": (syn(), Step("S", 70000, wait=0.5), ACK, REQUEST),
        "syn-data": (syn(size=10), ACK, REQUEST),
        "syn-ecn": (Step("SEC", -1, opens=True), ACK, REQUEST),
        "syn-psh": (Step("SP", -1, wait=1.2),),
        "syn-urg": (Step("SU", -1, wait=1.2, more={"urgent": 1}),),
        "syn-fin": (Step("SF", -1, wait=1.2),),
        "syn-rst-flags": (Step("SR", -1, wait=1.2),),
        "syn-reserved": (syn(more={"reserved": 4}), ACK),
        "syn-mss-265": (syn(options=bytes.fromhex("02040109")), ACK, REQUEST),
        "syn-mss-9000": (syn(options=bytes.fromhex("02042328")), ACK, REQUEST),
        "syn-window-0": (syn(more={"window": 0}), ACK, REQUEST),
        "syn-scale-15": (syn(options=bytes.fromhex("020405b40103030f")), ACK, REQUEST),
        "syn-fast-open": (syn(options=bytes.fromhex("020405b422020101")), ACK, REQUEST),
        "syn-ttl-3": (syn(more={"ttl": 3}), ACK),
        "syn-spoilt": (Step("S", -1, wait=1.2, more={"spoil": 1}),),
        "half-rst": (syn(), Step("R", wait=1.5), ACK, REQUEST),
        "half-rst-syn": (syn(), Step("R"), Step("S", -1, wait=1.0)),
        "half-rst-wrong": (syn(), Step("R", 999), ACK, REQUEST),
        "half-fin": (syn(), Step("FA", wait=1.0)),
        "half-unreachable": (syn(), Step(icmp=UNREACHABLE), ACK, REQUEST),
        "half-data-without-ack": (syn(), say(0, 31, "P"), ACK, REQUEST),
        "third-data": (syn(), REQUEST, quiet(0.8)),
        "third-data-fin": (syn(), say(0, 31, "FPA"), quiet(0.8)),
        "third-wrong-ack": (syn(), Step("A", ack=1), ACK, REQUEST),
        "third-wrong-ack-low": (syn(), Step("A", ack=-1), ACK, REQUEST),
        "third-wrong-seq": (syn(), Step("A", 1), ACK, REQUEST),
        "third-seq-far": (syn(), Step("A", 1 << 20), ACK, REQUEST),
        "third-spoilt": (syn(), Step("A", more={"spoil": 1}), ACK, REQUEST),
        "third-after-12s": (syn(), quiet(11.6), ACK, REQUEST),
        "third-twice": (*UP, ACK, REQUEST),
        "ack-unasked": (Step("A", wait=1.0),),
        "synack-unasked": (Step("SA", wait=1.0),),
        "null-unasked": (Step("-", wait=1.0),),
        "xmas-unasked": (Step("FPU", wait=1.0),),
        "fin-unasked": (Step("F", wait=1.0),),
        "rst-unasked": (Step("R", wait=1.0),),
    }


def _data():
    return {
        "silent": (*UP, quiet(3.5)),
        "data": (*UP, REQUEST, say(31, 100), say(131, 1000), say(1131, 1)),
        "data-large": (*UP, say(0, 1400), say(1400, 1400), say(2800, 1200, wait=0.6)),
        "data-small": (*UP, *(say(i, 1, wait=0.1) for i in range(6)), quiet(0.5)),
        "data-without-psh": (*UP, say(0, 31, "A", wait=0.6), say(31, 20, "A", wait=0.6)),
        "data-later": (*UP, quiet(2.0), REQUEST),
        "gap": (*UP, say(31, 50), REQUEST),
        "gap-two": (*UP, say(31, 10), say(61, 10), say(91, 10), say(41, 20), REQUEST, say(71, 20)),
        "overlap-same": (*UP, say(31, 50), say(11, 40), REQUEST),
        "overlap-other": (*UP, say(31, 50), Step("PA", 31, fill=b"b" * 50), REQUEST),
        "overlap-low": (*UP, REQUEST, say(21, 40)),
        "twice": (*UP, REQUEST, REQUEST),
        "before-window": (*UP, REQUEST, say(-60, 30)),
        "beyond-window": (*UP, say(1 << 24, 30), REQUEST),
        "window-edge": (*UP, say(64000, 400), REQUEST),
        "keepalive": (*UP, REQUEST, Step("A", 30), quiet(0.3), Step("A", 30)),
        "keepalive-byte": (*UP, REQUEST, say(30, 1, "A")),
        "keepalive-silent": (*UP, Step("A", -1), Step("A", -1, size=0, fill=b"\0")),
        "zero-window": (*UP, Step("A", more={"window": 0}), Step("PA", size=31, more={"window": 0}), quiet(1.0)),
        "window-shrink": (*UP, Step("A", more={"window": 500}), Step("PA", size=31, more={"window": 5}), ACK),
        "ack-unsent": (*UP, Step("A", ack=100000), REQUEST),
        "ack-unsent-data": (*UP, Step("PA", ack=100000, size=31), REQUEST),
        "ack-old": (*UP, Step("A", ack=-100000), REQUEST),
        "ack-older-data": (*UP, Step("PA", ack=-(1 << 30), size=31), REQUEST),
        "data-spoilt": (*UP, Step("PA", size=31, more={"spoil": 1}), REQUEST),
        "data-sack": (*UP, Step("A", options=SACK + bytes(8)), REQUEST),
        "data-stamp": (*UP, Step("PA", size=31, options=STAMP), say(31, 20)),
        "data-bad-option": (*UP, Step("PA", size=31, options=b"\x08\x03\0\0"), REQUEST),
    }


def _closing():
    return {
        "fin": (*UP, Step("FA", wait=1.5), Step("A", 1), quiet(1.0)),
        "fin-unacked": (*UP, Step("FA", wait=4.0)),
        "fin-twice": (*UP, Step("FA"), Step("FA"), Step("A", 1)),
        "fin-data": (*UP, Step("FPA", size=31, wait=1.0)),
        "fin-gap": (*UP, Step("FA", 31), REQUEST, quiet(0.5)),
        "fin-then-data": (*UP, Step("FA"), say(1, 30), quiet(0.4)),
        "fin-without-ack": (*UP, Step("F"), REQUEST),
        "half-close": (*UP, REQUEST, Step("FA", 31, wait=1.5), Step("A", 32), quiet(0.6)),
        "reuse": (*UP, Step("FA", wait=0.6), Step("A", 1), Step("S", 500000, rebase=True, wait=1.0), ACK, REQUEST),
        "reuse-lower": (*UP, Step("FA", wait=0.6), Step("A", 1), Step("S", -500000, rebase=True, wait=1.0)),
        "stray-after-close": (*UP, Step("FA", wait=0.6), Step("A", 1), Step("A", 1), say(1, 30)),
        "rst": (*UP, Step("R"), REQUEST),
        "rst-ack": (*UP, Step("RA"), REQUEST),
        "rst-in-window": (*UP, Step("R", 100), REQUEST),
        "rst-low": (*UP, REQUEST, Step("R", 30), say(31, 20)),
        "rst-out-of-window": (*UP, Step("R", 1 << 26), REQUEST),
        "rst-spoilt": (*UP, Step("R", more={"spoil": 1}), REQUEST),
        "rst-then-syn": (*UP, Step("R"), Step("S", 500000, rebase=True, wait=1.0), ACK),
    }


def _odd():
    return {
        "syn-in-window": (*UP, Step("S", 50), REQUEST),
        "syn-same": (*UP, Step("S", -1), REQUEST),
        "syn-out-of-window": (*UP, Step("S", 1 << 28), REQUEST),
        "syn-challenged-rst": (*UP, Step("S", 50), Step("R"), REQUEST),
        "synack-in-window": (*UP, Step("SA", 50), REQUEST),
        "synack-same": (*UP, Step("SA", -1), REQUEST),
        "unreachable": (*UP, Step(icmp=UNREACHABLE), REQUEST),
        "exceeded": (*UP, Step(icmp=EXCEEDED), REQUEST),
        "too-big": (*UP, Step(icmp=TOO_BIG), REQUEST),
        "urg": (*UP, Step("PAU", size=31, more={"urgent": 5}), say(31, 20)),
        "urg-pointer-only": (*UP, Step("PA", size=31, more={"urgent": 5}), say(31, 20)),
        "psh-empty": (*UP, Step("PA"), REQUEST),
        "null": (*UP, Step("-"), REQUEST),
        "xmas": (*UP, Step("FPU"), REQUEST),
        "syn-fin-inside": (*UP, Step("SF"), REQUEST),
        "fin-rst": (*UP, Step("FR"), REQUEST),
        "data-flags-none": (*UP, say(0, 31, "P"), REQUEST),
        "ece-cwr": (*UP, Step("PAEC", size=31), say(31, 20)),
        "reserved": (*UP, Step("PA", size=31, more={"reserved": 4}), say(31, 20)),
        "ttl-3": (*UP, Step("PA", size=31, more={"ttl": 3}), say(31, 20)),
        "challenges": (*UP, *(Step("S", 50, wait=0.1) for _ in range(5)), quiet(1.0), Step("S", 50)),
    }


OPTION_SETS = {"none": b"", "mss": bytes.fromhex("020405b4"),
               "all": bytes.fromhex("020405b40402080a000010000000000001030307")}
