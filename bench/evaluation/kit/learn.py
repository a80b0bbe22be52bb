# SPDX-License-Identifier: BSD-3-Clause
"""Classifiers of two classes over columns of small whole numbers. Each: train(columns, labels, indices)
-> score(columns, indices) -> [score]; above nought is class 1. They learn with both classes weighed alike."""

import collections
import math
import random


def weights(labels, indices):
    ones = sum(labels[i] for i in indices)
    return 1 / max(1, len(indices) - ones), 1 / max(1, ones)


def bayes(columns, labels, indices):
    """Naive Bayes."""
    zero, one = weights(labels, indices)
    tables = []
    for column in columns:
        counts = collections.Counter((column[i], labels[i]) for i in indices)
        levels = {level for level, _ in counts}
        tables.append({v: math.log((counts[v, 1] + 1) * one) - math.log((counts[v, 0] + 1) * zero) for v in levels})

    def score(columns, indices):
        return [sum(table.get(column[i], 0) for table, column in zip(tables, columns)) for i in indices]
    return score


def joint(columns, labels, indices):
    """The histogram over all columns at once; where it has too few, naive Bayes."""
    zero, one = weights(labels, indices)
    rows = list(zip(*columns))
    counts = collections.Counter((rows[i], labels[i]) for i in indices)
    rest = bayes(columns, labels, indices)

    def score(columns, indices):
        rows, scores = list(zip(*columns)), rest(columns, indices)
        for place, i in enumerate(indices):
            a, b = counts[rows[i], 0], counts[rows[i], 1]
            if a + b >= 8:
                scores[place] = b * one - a * zero
        return scores
    return score


def forest(columns, labels, indices, trees=16, depth=5):
    """Small trees, each on a sample of the rows, at each node the best of a sample of the columns; a node
    parts the levels of a column by the share of class 1 in them, the best parting of two classes there is."""
    dice = random.Random(len(indices))
    pairs = [[level * 2 + label for level, label in zip(column, labels)] for column in columns]
    zero, one = weights(labels, indices)
    width = max(2, round(math.sqrt(len(columns))) + 1)
    sample = min(len(indices), 5000)

    def split(column, subset):
        counts = collections.Counter(map(pairs[column].__getitem__, subset))
        levels = sorted({pair // 2 for pair in counts},
                        key=lambda v: counts[v * 2 + 1] * one / (counts[v * 2 + 1] * one + counts[v * 2] * zero))
        total0, total1 = (sum(c for p, c in counts.items() if p % 2 == k) * w for k, w in ((0, zero), (1, one)))
        best, a, b, chosen = 0.0, 0.0, 0.0, None
        for place, level in enumerate(levels[:-1], 1):
            a, b = a + counts[level * 2] * zero, b + counts[level * 2 + 1] * one
            left, right = a + b, total0 + total1 - a - b
            gain = (a * a + b * b) / left + ((total0 - a) ** 2 + (total1 - b) ** 2) / right
            if gain > best:
                best, chosen = gain, frozenset(levels[:place])
        return best - (total0 ** 2 + total1 ** 2) / (total0 + total1), column, chosen

    def grow(subset, left):
        ones = sum(map(labels.__getitem__, subset))
        a, b = (len(subset) - ones) * zero, ones * one
        leaf = (b - a) / (a + b)
        if not left or len(subset) < 60 or not a or not b:
            return leaf
        gain, column, chosen = max((split(c, subset) for c in dice.sample(range(len(columns)),
                                                                          min(width, len(columns)))),
                                   key=lambda found: found[0])
        if gain <= 0 or chosen is None:
            return leaf
        values = columns[column]
        inside = [i for i in subset if values[i] in chosen]
        outside = [i for i in subset if values[i] not in chosen]
        return column, chosen, grow(inside, left - 1), grow(outside, left - 1)

    grown = [grow(dice.choices(indices, k=sample), depth) for _ in range(trees)]

    def score(columns, indices):
        totals = dict.fromkeys(indices, 0.0)

        def fall(node, subset):
            if not isinstance(node, tuple):
                for i in subset:
                    totals[i] += node
                return
            column, chosen, inside, outside = node
            values = columns[column]
            fall(inside, [i for i in subset if values[i] in chosen])
            fall(outside, [i for i in subset if values[i] not in chosen])
        for tree in grown:
            fall(tree, indices)
        return [totals[i] for i in indices]
    return score


KINDS = {"bayes": bayes, "joint": joint, "forest": forest}
