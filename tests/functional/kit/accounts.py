# SPDX-License-Identifier: BSD-3-Clause
"""Whether every frame and every buffer of a box is accounted for."""

from .lab import poll


def difference(stats):
    """What does not add up, or nothing."""
    counters = stats["counters"]
    both = lambda name: counters[f"{name}_outside"] + counters[f"{name}_inside"]
    left = both("forwarded") + both("refused") + sum(stats["reasons"].values()) + counters["held"]
    if both("handed") != both("adopted"):
        return f"handed {both('handed')}, adopted {both('adopted')}"
    return "" if both("received") == left else f"received {both('received')}, left {left}"


def exact(box, seconds=10):
    """Waits until they agree, which they do once nothing is on its way; what is wrong, or nothing."""
    poll(seconds, lambda: not difference(box.stats()), 0.1)
    return difference(box.stats())


def missing(box):
    """{pool: buffers that are somewhere}, of those that lack some."""
    buffers = box.stats()["buffers"]
    return {name: count for name, count in buffers.items() if name.endswith("_in_use") and count}


def all_home(box, seconds=10):
    """Waits until no buffer is missing; those that are."""
    poll(seconds, lambda: not missing(box), 0.2)
    return missing(box)
