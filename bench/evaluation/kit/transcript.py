# SPDX-License-Identifier: BSD-3-Clause
"""What an attacker gets out of all that he saw of a network: one classifier of targets, held out.

A target is (kind, {symbol: count}): kind "service" or another, a symbol what one probe showed. His statistic is the
sum of log-likelihood ratios of all symbols that a target showed, learned from one half of the targets and applied to
the other: the best there is if probes are independent given the kind."""

import collections
import math
import random

from .figures import Z99_UPPER

PRIOR = 1 / 64  # share of services among the destinations of a usual network
SURE = 0.95


def coarse(symbol):
    """The symbol without what a stack's look and latency show: answered or not, known service refused or not."""
    words = symbol.split()
    return " ".join([words[0]] + [w for w in words[1:] if w in ("known", "refused", "first")])


def simplify(targets):
    """The same targets in coarse symbols."""
    simple = []
    for kind, counts in targets:
        merged = collections.Counter()
        for symbol, count in counts.items():
            merged[coarse(symbol)] += count
        simple.append((kind, merged))
    return simple


def ratios(targets):
    """{symbol: log-likelihood ratio of service to none}, smoothed by a tenth of a count."""
    totals = {True: collections.Counter(), False: collections.Counter()}
    for kind, counts in targets:
        totals[kind == "service"].update(counts)
    symbols = sorted(totals[True].keys() | totals[False].keys())
    sums = {c: sum(t.values()) + 0.1 * len(symbols) for c, t in totals.items()}
    return {s: math.log((totals[True][s] + 0.1) / sums[True]) - math.log((totals[False][s] + 0.1) / sums[False])
            for s in symbols}


def scores(targets, ratio):
    return [sum(count * ratio.get(symbol, 0.0) for symbol, count in counts.items()) for _, counts in targets]


def best_threshold(values, labels):
    """Where true positives less false ones are most, over `values` >= threshold."""
    ones, zeros = max(1, sum(labels)), max(1, len(labels) - sum(labels))
    order = sorted(zip(values, labels), reverse=True)
    best, at, true, false = 0.0, order[0][0] + 1, 0, 0
    for place, (value, label) in enumerate(order):
        true, false = true + label, false + (not label)
        last = place + 1 == len(order) or order[place + 1][0] != value
        if last and true / ones - false / zeros > best:
            best = true / ones - false / zeros
            at = value if place + 1 == len(order) else (value + order[place + 1][0]) / 2
    return at


def shares(targets, ratio, threshold):
    """[true positives, services, false positives, others]."""
    counts = [0, 0, 0, 0]
    for (kind, _), value in zip(targets, scores(targets, ratio)):
        place = 0 if kind == "service" else 2
        counts[place] += value >= threshold
        counts[place + 1] += 1
    return counts


def held_out(targets, seed):
    """(counts at the best threshold, counts at 95 % certainty under the prior), each half learning for the other."""
    order = list(targets)
    random.Random(seed).shuffle(order)
    half = len(order) // 2
    best, sure = [0] * 4, [0] * 4
    certain = math.log(SURE / (1 - SURE)) + math.log((1 - PRIOR) / PRIOR)
    for train, test in ((order[:half], order[half:]), (order[half:], order[:half])):
        ratio = ratios(train)
        threshold = best_threshold(scores(train, ratio), [kind == "service" for kind, _ in train])
        best = [a + b for a, b in zip(best, shares(test, ratio, threshold))]
        sure = [a + b for a, b in zip(sure, shares(test, ratio, certain))]
    return best, sure


def difference(counts):
    """Advantage and its upper 99 % bound (Agresti and Caffo)."""
    a, n, b, m = counts
    p, q = (a + 1) / (n + 2), (b + 1) / (m + 2)
    gain = a / max(1, n) - b / max(1, m)
    spread = math.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2))
    return gain, min(1.0, max(0.0, gain) + Z99_UPPER * spread)


def bits(targets):
    """Mutual information of one probe's symbol and the kind under the prior, less its bias (Miller and Madow)."""
    totals = {True: collections.Counter(), False: collections.Counter()}
    for kind, counts in targets:
        totals[kind == "service"].update(counts)
    n, m = (sum(totals[c].values()) for c in (True, False))
    if not n or not m:
        return 0.0
    gained, symbols = 0.0, sorted(totals[True].keys() | totals[False].keys())
    for s in symbols:
        p, q = totals[True][s] / n, totals[False][s] / m
        mean = PRIOR * p + (1 - PRIOR) * q
        gained += PRIOR * p * math.log2(p / mean) if p else 0
        gained += (1 - PRIOR) * q * math.log2(q / mean) if q else 0
    return max(0.0, gained - (len(symbols) - 1) * PRIOR / (2 * math.log(2)) * (1 / n + 1 / m))


def judge(targets, seed=1):
    """All figures of one transcript, or of several of like networks in one list."""
    best, sure = held_out(targets, seed)
    gain, bound = difference(best)
    plain, plain_bound = difference(held_out(simplify(targets), seed)[0])
    a, n, b, m = sure
    listed = PRIOR * a / max(1, n) + (1 - PRIOR) * b / max(1, m)
    return {"advantage": max(0.0, gain), "bound": bound, "counts": best,
            "answers alone": {"advantage": max(0.0, plain), "bound": plain_bound},
            "bits per probe": bits(targets), "found": a / max(1, n),
            "precision": PRIOR * a / max(1, n) / listed if listed else None, "services": n, "others": m}
