# SPDX-License-Identifier: BSD-3-Clause
"""What two destinations answered, as words; and which words differ more than a coin explains."""

import collections
import fnmatch
import math

from . import wire

BUCKETS = ((0.002, "0-2ms"), (0.02, "2-20ms"), (0.1, "20-100ms"), (0.5, "100-500ms"), (1.5, "0.5-1.5s"),
           (4.0, "1.5-4s"))
FIELDS = ("packets", "seq", "ack", "window", "options", "payload", "ip", "timing")
NEAR = 1 << 27


def bucket(seconds):
    return next((name for limit, name in BUCKETS if seconds < limit), "over 4s")


def relative(number, bases):
    """A sequence number as a word: the distance to the SYN of the side that it belongs to."""
    if number == 0:
        return "zero"
    for place, base in enumerate(bases):
        apart = (number - base + (1 << 31)) % (1 << 32) - (1 << 31)
        if abs(apart) < 65536:
            return f"{apart}" if not place else f"isn{place + 1}{apart:+d}"
    return next((f"{(number - base) % (1 << 32) - 1}" for base in bases[:1]
                 if (number - base) % (1 << 32) <= NEAR), "far")


def options_text(packet, party):
    words = []
    for kind, value in wire.options_of(packet):
        if kind == 8:
            words.append("8")
        elif kind == 5:
            edges = [int.from_bytes(value[i:i + 4], "big") for i in range(0, len(value), 4)]
            words.append("5:" + "/".join(relative(edge, party.ours) for edge in edges))
        else:
            words.append(f"{kind}" + (f":{value.hex()}" if value else ""))
    return "[" + " ".join(words) + "]"


def words_of(packet, party):
    """One packet: {field: word}."""
    ip = f"ttl {packet.ttl} tos {packet.tos} bits {packet.bits} id {'0' if not packet.ident else 'set'}"
    if packet.protocol != wire.TCP:
        return {"packets": f"icmp {packet.kind}/{packet.code}", "payload": str(len(packet.load)), "ip": ip}
    ack = relative(packet.ack, party.ours) if packet.flags & wire.ACK or packet.ack else "none"
    return {"packets": wire.letters(packet.flags) + ("!" if packet.reserved or packet.urgent else ""),
            "seq": relative(packet.seq, party.theirs), "ack": ack, "window": str(packet.window),
            "options": options_text(packet, party), "payload": str(len(packet.load)),
            "ip": ip + ("" if packet.sound else " bad checksum")}


def outcome(party):
    """[{field: word}], one for each step; None for a conversation that nobody opened."""
    if not party.answered:
        return None
    steps = [collections.defaultdict(list) for _ in party.steps]
    for heard in party.heard:
        for field, word in words_of(heard.packet, party).items():
            steps[heard.step][field].append(word)
        steps[heard.step]["timing"].append(bucket(heard.seconds))
    return [{field: ", ".join(step[field]) or "-" for field in FIELDS} | {
        "packets": ", ".join(step["packets"]) or "never"} for step in steps]


def fisher(a, n, b, m):
    """Two-sided p of a of n against b of m."""
    total, hits = n + m, a + b
    chance = [math.comb(n, k) * math.comb(m, hits - k) / math.comb(total, hits)
              for k in range(max(0, hits - m), min(n, hits) + 1)]
    mine = math.comb(n, a) * math.comb(m, b) / math.comb(total, hits)
    return sum(p for p in chance if p <= mine * 1.0000001)


def apart(one, other, limit):
    """Do two lists of words differ in the share of some word?"""
    p, q = collections.Counter(one), collections.Counter(other)
    return any(fisher(p[word], len(one), q[word], len(other)) <= limit for word in p.keys() | q.keys())


def show(words):
    return "; ".join(f"{word} ({count}x)" for word, count in collections.Counter(words).most_common(2))


def differences(one, other, steps, limit):
    """one, other: lists of outcomes of the same script. [{step, text, field, a, b}]. The finer fields are compared
    among the runs whose packets have the same flags on both sides."""
    opened = [[run is not None for run in side] for side in (one, other)]
    if apart(*opened, limit):
        return [{"step": 0, "text": steps[0].text(), "field": "opens", "a": f"{sum(opened[0])} of {len(one)}",
                 "b": f"{sum(opened[1])} of {len(other)}"}]
    runs, found = [[run for run in side if run] for side in (one, other)], []
    for number, step in enumerate(steps):
        kinds = [{run[number]["packets"] for run in side} for side in runs]
        alike = kinds[0] & kinds[1]
        for field in FIELDS:
            words = [[run[number][field] for run in side if field == "packets" or run[number]["packets"] in alike]
                     for side in runs]
            if all(words) and apart(*words, limit):
                found.append({"step": number, "text": step.text(), "field": field, "a": show(words[0]),
                              "b": show(words[1])})
    return found


class Known:
    """Lines `script field reason`; script is NAME or NAME/OPTIONS, both may be patterns (*)."""

    def __init__(self, text):
        self.rules = []
        for line in text.splitlines():
            words = line.split("#")[0].split(None, 2)
            if len(words) == 3:
                self.rules.append(words)
            elif words:
                raise ValueError(f"{line}: write SCRIPT FIELD REASON")

    def reason(self, name, options, field):
        for script, known, reason in self.rules:
            if fnmatch.fnmatch(field, known) and (fnmatch.fnmatch(name, script) or
                                                  fnmatch.fnmatch(f"{name}/{options}", script)):
                return reason
        return None
