# SPDX-License-Identifier: BSD-3-Clause
"""The policy against the router: whether it can resolve every address that is probed."""

import ipaddress
import json

LINUX = (128, 512, 1024)  # gc_thresh1..3 of a Linux router that nobody tuned
MOST_ANSWERED = 1024      # what the box answers for


def load(report, file):
    """The policy as JSON, or None."""
    try:
        with open(file, encoding="utf-8") as text:
            made = json.load(text)
        if not isinstance(made, dict):
            raise ValueError("expected an object")
    except (OSError, ValueError) as error:
        report.fail("policy", file, str(error), "docs/configuration.md describes every key")
        return None
    return made


def check(machine, report, file, program):
    """mitibox itself judges it, where it is at hand."""
    status, text = machine.both(program, "--check", file)
    last = text.strip().splitlines()[-1] if text.strip() else ""
    if status == 127:
        report.warn("policy", file, "mitibox is not at hand to check it", "mitibox --check FILE")
    elif status:
        report.fail("policy", file, last, "docs/configuration.md describes every key")
    else:
        warned = [line for line in text.splitlines() if line.startswith("warning: ")]
        for line in warned:
            report.warn("policy", file, line.removeprefix("warning: "), "mitibox --check FILE")
        if not warned:
            report.ok("policy", file, "mitibox accepts it")


def _networks(values, version):
    found = []
    for value in values if isinstance(values, list) else []:
        try:
            net = ipaddress.ip_network(value)
        except ValueError:
            continue
        if net.version == version:
            found.append(net)
    return list(ipaddress.collapse_addresses(found))


def neighbours(report, made, thresholds):
    """Every probed address takes an entry of the router's table, answered or not. `thresholds`:
    gc_thresh1..3 of the router, or None: a Linux router as it comes."""
    soft, hard, full = thresholds or LINUX
    known = "the router's" if thresholds else "an untuned Linux router's"
    count = sum(net.num_addresses for net in _networks(made.get("protected"), 4))
    asked = (f"ask the router's operator for net.ipv4.neigh.default.gc_thresh1={count} "
             f"gc_thresh2={2 * count} gc_thresh3={4 * count}, or for a route of the prefix with "
             "static neighbour entries")
    if count > full:
        complain = report.fail if thresholds else report.warn
        complain("neighbours-ipv4", "router", f"{count} protected addresses, {known} table takes "
                    f"{full} (gc_thresh3): a scan fills it and cuts off hosts", asked)
    elif count > soft:
        report.warn("neighbours-ipv4", "router", f"{count} protected addresses, {known} table is "
                    f"swept from {soft} on (gc_thresh1{', hard from ' + str(hard) if count > hard else ''})"
                    ": live hosts are asked for again and again", asked)
    else:
        report.ok("neighbours-ipv4", "router", f"{count} protected addresses fit into {known} table")
    wide = [str(n) for n in _networks(made.get("protected"), 6) if n.num_addresses > full]
    if wide:
        report.warn("neighbours-ipv6", "router", f"{wide[0]} has more addresses than any table: a "
                    "scan fills the router's (RFC 6583)",
                    "ask for a rate limit of unresolved neighbours (Linux: net.ipv6.neigh.default."
                    "gc_thresh3, unres_qlen_bytes), and a filter for what is not used")
    else:
        report.ok("neighbours-ipv6", "router", "no IPv6 prefix is wider than its table")
    _dark(report, made)


def _dark(report, made):
    answered = made.get("neighbours", {}).get("answer_dark") if \
        isinstance(made.get("neighbours"), dict) else None
    if answered:
        count = sum(n.num_addresses for v in (4, 6) for n in _networks(answered, v))
        if count > MOST_ANSWERED:
            report.fail("answered", "router", f"neighbours.answer_dark has {count} addresses, the "
                        f"box answers for {MOST_ANSWERED}", "shorten it, and route the rest")
        else:
            report.ok("answered", "router", f"the box answers the router for {count} addresses")
    else:
        report.warn("answered", "router", "the box answers for no dark address: their probes end "
                    "at the router, which tells them from live ones",
                    "neighbours.answer_dark, or static neighbour entries on the router")
