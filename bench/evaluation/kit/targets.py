# SPDX-License-Identifier: BSD-3-Clause
"""Classes of targets, from the command line or a file."""

import collections
import ipaddress
import json
import pathlib

from . import wire
from .link import Unmet

Target = collections.namedtuple("Target", "address port six text")


def target(text):
    """203.0.113.10:80, [2001:db8::10]:80, or an address alone (port 0)."""
    host, port = text, "0"
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port[1:] or "0"
    elif text.count(":") == 1:
        host, port = text.split(":")
    try:
        address = ipaddress.ip_address(host)
        return Target(wire.packed(str(address)), int(port), address.version == 6, text)
    except ValueError:
        raise Unmet(f"{text}: not a target; write 203.0.113.10:80 or [2001:db8::10]:80") from None


def classes(words, file):
    """{class: [Target]} from NAME=TARGET,... words and a JSON file {"NAME": ["TARGET", ...]}."""
    texts = json.loads(pathlib.Path(file).read_text(encoding="utf-8")) if file else {}
    for word in words:
        name, equals, rest = word.partition("=")
        if not equals:
            raise Unmet(f"--class {word}: write NAME=TARGET,TARGET,...")
        texts.setdefault(name, []).extend(filter(None, rest.split(",")))
    found = {name: [target(text) for text in each] for name, each in texts.items()}
    if len(found) < 2 or not all(found.values()):
        raise Unmet("at least two classes, each with a target, can be compared")
    return found


def by_family(found):
    """[{class: [Target]}, ...]: one for each family that every class has; others would compare families."""
    kept = [{name: [t for t in each if t.six == six] for name, each in found.items()} for six in (False, True)]
    kept = [family for family in kept if all(family.values())]
    if not kept:
        raise Unmet("the classes have no address family in common")
    left = sum(map(len, found.values())) - sum(len(each) for family in kept for each in family.values())
    return kept, left
