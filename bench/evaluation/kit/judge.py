# SPDX-License-Identifier: BSD-3-Clause
"""The advantage of an attacker who learns from half of the answers and judges the other half."""

import bisect
import collections
import math
import random

from . import learn
from .figures import Z99_UPPER

LEVELS = 48


def columns_of(rows, latencies, bins=24):
    """Fields and binned latency as columns of small whole numbers; constant ones are left out."""
    made = {}
    for name in sorted({name for row in rows for name in row}):
        values = [row.get(name, "absent") for row in rows]
        ranks = {value: min(rank, LEVELS - 1)
                 for rank, (value, _) in enumerate(collections.Counter(values).most_common())}
        if len(ranks) > 1:
            made[name] = [ranks[value] for value in values]
    ordered = sorted(latencies)
    edges = sorted({ordered[len(ordered) * k // bins] for k in range(1, bins)})
    if edges:
        made["latency"] = [bisect.bisect_right(edges, value) for value in latencies]
    return list(made.values())


def balanced(score, columns, labels, indices):
    """(right among class 0, class 0, right among class 1, class 1); a score of nought is half right."""
    right, total = [0.0, 0.0], [0, 0]
    for i, value in zip(indices, score(columns, indices)):
        total[labels[i]] += 1
        right[labels[i]] += 0.5 if value == 0 else (value > 0) == (labels[i] == 1)
    return right[0], total[0], right[1], total[1]


def accuracy(counts):
    return (counts[0] / max(1, counts[1]) + counts[2] / max(1, counts[3])) / 2


def held_out(columns, labels, dice, kinds):
    """Each half learns for the other: counts of balanced() over both, and the classifier that each chose by
    a part that it kept from its own half."""
    order = list(range(len(labels)))
    dice.shuffle(order)
    middle, counts, chosen = len(order) // 2, [0, 0, 0, 0], []
    for train, test in ((order[:middle], order[middle:]), (order[middle:], order[:middle])):
        kind = kinds[0]
        if len(kinds) > 1:
            cut = len(train) * 2 // 3
            kind = max(kinds, key=lambda name: accuracy(balanced(
                learn.KINDS[name](columns, labels, train[:cut]), columns, labels, train[cut:])))
        chosen.append(kind)
        score = learn.KINDS[kind](columns, labels, train)
        counts = [a + b for a, b in zip(counts, balanced(score, columns, labels, test))]
    return counts, chosen


def advantage(one, other, permutations=5, seed=1):
    """one, other: [(fields, latency)]. {advantage, bound (upper, 99 %), accuracy, noise (the mean advantage
    with permuted labels), classifier}."""
    dice = random.Random(seed)
    both = one + other
    columns = columns_of([row for row, _ in both], [late for _, late in both])
    labels = [0] * len(one) + [1] * len(other)
    if not columns:
        return {"advantage": 0.0, "bound": 0.0, "accuracy": 0.5, "noise": 0.0, "classifier": "all alike"}
    counts, chosen = held_out(columns, labels, dice, list(learn.KINDS))
    chance = []
    for turn in range(permutations):
        mixed = labels[:]
        dice.shuffle(mixed)
        chance.append(2 * accuracy(held_out(columns, mixed, dice, [chosen[turn % 2]])[0]) - 1)
    noise = sum(chance) / len(chance) if chance else 0.0
    gain = 2 * accuracy(counts) - 1 - noise
    spread = math.sqrt(sum((right + 1) / (total + 2) * (1 - (right + 1) / (total + 2)) / (total + 2)
                           for right, total in (counts[:2], counts[2:])))
    spread *= math.sqrt(1 + 1 / permutations) if permutations else 1  # the baseline is a measurement, too
    return {"advantage": gain, "bound": gain + Z99_UPPER * spread, "accuracy": accuracy(counts), "noise": noise,
            "classifier": "/".join(sorted(set(chosen)))}
