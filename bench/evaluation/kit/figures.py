# SPDX-License-Identifier: BSD-3-Clause
"""Distances between two classes, and what chance alone makes of them."""

import bisect
import collections
import math
import random

Z99 = 2.576  # two-sided 99 %
Z99_UPPER = 2.326  # one-sided


def rates(one, other):
    """Shares given as (hits, total): difference and its upper 99 % bound. Agresti and Caffo's plus two keeps
    the bound honest at nought and at one."""
    (a, n), (b, m) = one, other
    if not n or not m:
        return {"difference": math.nan, "bound": math.nan}
    p, q = (a + 1) / (n + 2), (b + 1) / (m + 2)
    apart = abs(a / n - b / m)
    return {"difference": apart, "bound": apart + Z99 * math.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2))}


def variation(one, other):
    """Total variation distance of two lists."""
    p, q = collections.Counter(one), collections.Counter(other)
    n, m = len(one), len(other)
    return sum(abs(p[value] / n - q[value] / m) for value in p.keys() | q.keys()) / 2


def fields(one, other, rounds=20, seed=1):
    """{field: distance, noise (its mean under permuted labels), excess, worst (the largest such), values};
    a field that is the same everywhere is left out."""
    dice, found = random.Random(seed), {}
    names = sorted({name for row in one + other for name in row})
    columns = {}
    for name in names:
        column = [row.get(name, "absent") for row in one + other]
        if len(set(column)) > 1:
            columns[name] = column
    orders = []
    for _ in range(rounds if columns else 0):
        order = list(range(len(one) + len(other)))
        dice.shuffle(order)
        orders.append(order)
    for name, column in columns.items():
        distance = variation(column[:len(one)], column[len(one):])
        chance = []
        for order in orders:
            mixed = [column[i] for i in order]
            chance.append(variation(mixed[:len(one)], mixed[len(one):]))
        noise = sum(chance) / len(chance)
        found[name] = {"distance": distance, "noise": noise, "excess": max(0.0, distance - noise),
                       "worst": max(chance), "values": [common(column[:len(one)]), common(column[len(one):])]}
    return found


def common(column):
    """The three most frequent values with their shares."""
    return [[str(value), round(count / len(column), 4)]
            for value, count in collections.Counter(column).most_common(3)]


def kolmogorov(one, other):
    """KS distance D of two samples; noise: its mean if they were alike; limit: passed by chance in 1 %."""
    a, b = sorted(one), sorted(other)
    n, m = len(a), len(b)
    apart = max(abs(bisect.bisect_right(a, x) / n - bisect.bisect_right(b, x) / m) for x in set(a) | set(b))
    scale = math.sqrt((n + m) / (n * m))
    return {"distance": apart, "noise": 0.8687 * scale, "limit": 1.6276 * scale,
            "excess": max(0.0, apart - 0.8687 * scale)}


def quantiles(sample):
    """Percentiles 1, 25, 50, 75, 99."""
    ordered = sorted(sample)
    return [ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (1, 25, 50, 75, 99)]
