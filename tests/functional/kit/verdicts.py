# SPDX-License-Identifier: BSD-3-Clause
"""What a corpus is known to hold, and whether the box's verdicts agree.

corpus.json: "classes" of hostile frames, each with the rule, the reason that its frames end under,
and how many they are in each capture; "exceptions" among the genuine captures, with their cause.
"""

import collections
import json
import pathlib

import wireshark

KNOWN = json.loads((pathlib.Path(__file__).resolve().parents[1] / "corpus.json").read_text())

# Reasons under which frames of a genuine capture may end: the coin, the box's own answers, and
# connections whose beginning is not in the capture.
INTENDED = {"coin", "coin-repeat", "answered", "reply-silent", "conversation", "no-connection",
            "neighbour-answered", "challenge", "echo-rate", "icmp-error-rate"}
# Reasons that Wireshark must agree with, and what it says then.
AGREED = {"ip4-checksum": ["ip-checksum"], "tcp-checksum": ["tcp-checksum"],
          "udp-checksum": ["udp-checksum"], "icmp-checksum": ["icmp-checksum"]} | {
              header: ["cut", "malformed"]
              for header in ("frame-truncated", "ip4-header", "ip6-header", "tcp-header",
                             "udp-header", "icmp-header")}


def endings(reports):
    """{capture's name: {reason: most frames in any of its replays}}"""
    most = collections.defaultdict(collections.Counter)
    for line in reports:
        ended = most[pathlib.Path(line["capture"]).name]
        for e in line["report"]["ended"]:
            ended[e["reason"]] = max(ended[e["reason"]], e["frames"])
    return most


def check_hostile(checks, most):
    """Each class of hostile frames ends under its reason, to the last frame."""
    for known in KNOWN["classes"]:
        wrong = [f"{capture}: {most[capture][known['reason']]} of {frames}"
                 for capture, frames in known["captures"].items()
                 if most[capture][known["reason"]] != frames]
        checks.that(not wrong, f"{known['rule']}: {known['what']} end under {known['reason']}",
                    wrong[:5] or f"{sum(known['captures'].values())} frames")


def unexplained(path, ended):
    """What a genuine capture lost without a cause that somebody else confirms."""
    excused = KNOWN["exceptions"].get(path.name, {})
    lost = {reason: frames for reason, frames in ended.items()
            if reason not in INTENDED and reason not in excused}
    faults = wireshark.faults(path) if AGREED.keys() & lost.keys() else {}
    return [f"{path.name}: {frames} {reason}" for reason, frames in lost.items()
            if frames > sum(faults[fault] for fault in AGREED.get(reason, []))]


def check_genuine(checks, files, most):
    """Nothing is lost but what Wireshark too calls cut or wrong, and the listed exceptions."""
    wrong = [line for path in files for line in unexplained(path, most[path.name])]
    checks.that(not wrong, "genuine frames are lost for a cause that Wireshark confirms",
                wrong[:5] or f"{len(files)} captures")
    idle = [f"{capture}: {reason}" for capture, excused in KNOWN["exceptions"].items()
            for reason in excused if most[capture][reason] == 0]
    checks.that(not idle, "every exception is one", idle[:5] or f"{len(KNOWN['exceptions'])}")
