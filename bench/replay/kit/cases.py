# SPDX-License-Identifier: BSD-3-Clause
"""The cases: what is sent, what the box holds meanwhile, and what must become of it."""

import copy
import dataclasses
import math

SPARE_MBUFS = 16384
MBUF_OVERHEAD = 64 + 128 + 64  # mempool header, rte_mbuf, spread over the memory channels
MIB = 1 << 20

# A capture holds the numbers of both ends: hosts answer for themselves, and keep theirs. Whatever
# else is asked for the box answers.
BASE = {
    "protected": ["203.0.113.0/24", "2001:db8:1::/64"],
    "services": [
        {"address": "203.0.113.10", "tcp": [443], "udp": [443], "admission": "forward"},
        {"address": "203.0.113.20", "tcp": [443], "admission": "forward"},
        {"address": "2001:db8:1::a", "tcp": [443], "admission": "forward"},
    ],
    "normalise": {"isn": False},
    "probability": {"drop": 0},
    "timeouts": {"grace": "0s", "established": "7d", "udp_replied": "7d"},
    "tables": {"connections": 16384, "sources": 16384, "retransmissions": 1048576,
               "conversations": 4096},
}


def policy(**changes):
    made = copy.deepcopy(BASE)
    for key, value in changes.items():
        made[key] = {**made[key], **value} if isinstance(made.get(key), dict) else value
    return made


def ended(result, *reasons):
    return sum(result["ended"].get(reason, 0) for reason in reasons)


def total(result, what):
    return sum(result[what].values())


def share(part, whole):
    return part / whole if whole else math.nan


class Claim:
    """What the counters must say; calling it returns what they say otherwise, a line each."""

    def __init__(self, *conditions):
        self.conditions = conditions

    def __call__(self, result):
        wrong = [text for text, holds in self.conditions if not holds(result)]
        if total(result, "refused") + total(result, "made_refused"):
            wrong.append("the ports took everything")
        return wrong


def forwarded_all(r):
    return total(r, "received") == total(r, "forwarded") and not r["ended"]


def all_ended(*reasons, least=1.0):
    return lambda r: (total(r, "forwarded") == 0
                      and share(ended(r, *reasons), total(r, "received")) >= least)


def between(low, high, part):
    return lambda r: low <= share(part(r), total(r, "received")) <= high


MALFORMED = ("ip4-header", "ip4-checksum", "tcp-header", "tcp-checksum", "tcp-flags")
FORWARDED = Claim(("every packet is forwarded", forwarded_all))
COIN = Claim(("99 % of the SYNs end under `coin`", all_ended("coin", least=0.99)))
ANSWERED = Claim(
    ("every SYN ends under `answered`", all_ended("answered")),
    # Some are answered once more after a second.
    ("every SYN is answered",
     lambda r: ended(r, "answered") <= r["made"]["outside"] <= 1.05 * ended(r, "answered")))
FLOOD = Claim(
    ("every SYN ends under `coin`, `coin-repeat` or `answered`",
     all_ended("coin", "coin-repeat", "answered")),
    # More than half: a replayed flood repeats itself, which a real one cannot.
    ("40 to 90 % are answered", between(0.4, 0.9, lambda r: ended(r, "answered"))))
DROPPED = Claim(("every packet ends as malformed", all_ended(*MALFORMED)))
MIXED = Claim(
    ("the LAN's packets are forwarded",
     lambda r: r["forwarded"]["outside"] == r["received"]["inside"]),
    ("60 to 70 % of the outside's packets are forwarded",
     lambda r: 0.6 <= share(r["forwarded"]["inside"], r["received"]["outside"]) <= 0.7),
    ("the rest ends under `coin`, `coin-repeat` or `answered`",
     lambda r: total(r, "received") == total(r, "forwarded")
     + ended(r, "coin", "coin-repeat", "answered")))


@dataclasses.dataclass
class Case:
    """One row of the table."""

    name: str
    text: str
    traffic: str = ""
    packets: int = 10_000
    connections: int = 0
    policy: dict = dataclasses.field(default_factory=policy)
    claim: Claim = None
    goal: float = None  # TSC cycles a packet above testpmd io
    words: tuple = ()   # for mitibox-bench
    room: int = 256     # bytes of a buffer, headroom included
    inside: bool = True  # the LAN sends too

    def mbufs(self):
        return self.packets * (2 if self.inside else 1) + SPARE_MBUFS

    def pages(self):
        """Huge pages of 2 MiB that the hungrier of the forwarders takes, by a safe estimate."""
        tables = self.policy.get("tables", {})
        need = (self.mbufs() * (self.room + MBUF_OVERHEAD + 24)
                + tables.get("connections", MIB) * 300
                + tables.get("sources", MIB) * 200
                + tables.get("retransmissions", MIB) * 5
                + tables.get("conversations", 65536) * 200
                + tables.get("reply_buffers", 8192) * 2560
                + 96 * MIB)
        return math.ceil(need / (2 * MIB))


def established(name, text, connections, goal=None, **more):
    # UDP flows have half of the table.
    table = max(32768, connections * 17 // 16)
    packets = more.pop("packets", max(10_000, connections))
    return Case(name, text, more.pop("traffic", "established"), packets, connections,
                policy(tables={"connections": table}), FORWARDED, goal, **more)


HOLD = {"drop": 1, "retransmission": "hold"}
ADMIT = {"drop": 1, "retransmission": "admit"}

CASES = [
    established("established-1", "established TCP, both ways, 1 connection", 1, 120),
    established("established-10k", "established TCP, both ways, 10,000 connections", 10_000, 120),
    established("established-1M", "established TCP, both ways, 1,000,000 connections", 1_000_000,
                180),
    established("established-8M", "established TCP, 8,000,000 connections, half of them on each "
                "port", 8_000_000, 260, packets=4_000_000),
    Case("coin-hold", "SYNs from outside, all end by the coin, nothing remembered; 10,000 "
         "connections open", "coin", 10_000, 10_000, policy(probability=HOLD),
         COIN, 80, ("--open-from-inside",), inside=False),
    # The box's clock jumps by 17 s before the capture comes round: what it brings is no repetition.
    # Who probes most is counted in full for the first thousand a second, of that clock: left out.
    Case("coin-admit", "SYNs from outside, all end by the coin and are remembered; the capture "
         "comes again more than 10 s of the box's time later; 10,000 connections open",
         "coin", 10_000, 10_000, policy(probability=ADMIT), COIN, 110,
         ("--open-from-inside", "--unobserved", "--clock", "40000", "--jump", "34"), inside=False),
    Case("coin-admit-1M", "as coin-admit, 1,000,000 SYNs; neither they nor what is remembered fit "
         "a cache", "coin", 1_000_000, 10_000,
         policy(probability=ADMIT, tables={"retransmissions": 4194304}), COIN, None,
         ("--open-from-inside", "--unobserved", "--clock", "400", "--jump", "34"), inside=False),
    Case("answered-10k", "SYNs from 10,000 sources, each answered from the cookie",
         "answered", 10_000, 0, policy(), ANSWERED, 150, inside=False),
    Case("answered-1M", "1,000,000 SYNs from 131,072 sources, each answered",
         "answered", 1_000_000, 0, policy(tables={"sources": 524288}), ANSWERED,
         inside=False),
    Case("flood", "1,000,000 SYNs from as many spoofed sources to dark addresses, the default "
         "policy (coin 1/2, admit)", "flood", 1_000_000, 0,
         policy(probability={"drop": 0.5}, tables={"sources": 1048576}), FLOOD, inside=False),
    Case("malformed", "malformed TCP over IPv4 from outside: checksums, flags, lengths",
         "malformed", 10_000, 0, policy(), DROPPED, 60, inside=False),
    established("udp-10k", "established UDP, both ways, 10,000 flows", 10_000, traffic="udp",
                words=("--udp",)),
    established("ipv6-10k", "established TCP over IPv6, both ways, 10,000 connections", 10_000,
                traffic="ipv6", words=("--ipv6",)),
    established("imix-10k", "established TCP, 7:4:1 of 64, 594 and 1518 bytes, 10,000 connections",
                10_000, traffic="imix", room=1728),
    Case("mixed", "from outside 60 % established (10,000 connections), 30 % SYN scan of dark "
         "addresses, 10 % new connections; from inside established; the default policy",
         "mixed", 100_000, 10_000,
         policy(probability={"drop": 0.5}, tables={"connections": 131072, "sources": 262144}),
         MIXED, words=("--open-from-inside",)),
]


def named(names):
    by_name = {case.name: case for case in CASES}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise SystemExit(f"replay: no such case: {' '.join(unknown)} (see --list)")
    return [by_name[name] for name in names] if names else CASES
