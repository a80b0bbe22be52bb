# SPDX-License-Identifier: BSD-3-Clause
"""From probes to what they tell: figures of each pair of classes, and the tables of tell."""

import collections
import itertools

from . import features, figures, judge

LEVEL = " distrusted"  # ends the name of a class asked from distrusted sources
LEAST = 400  # answers a class below which nothing is learnt


def compare(one, other, permutations):
    """What two lists of (fields, latency) tell: {fields, latency, classifier}, or {} when they are too short."""
    if min(len(one), len(other)) < LEAST:
        return {"too few": [len(one), len(other)]}
    return {"fields": figures.fields([row for row, _ in one], [row for row, _ in other]),
            "latency": {**figures.kolmogorov([late for _, late in one], [late for _, late in other]),
                        "us": [figures.quantiles([late for _, late in side]) for side in (one, other)]},
            "classifier": judge.advantage(one, other, permutations)}


def apart(one, other):
    """Whether two classes differ in what they are and in trust: such a pair says nothing that the others do not."""
    return one.removesuffix(LEVEL) != other.removesuffix(LEVEL) and one.endswith(LEVEL) != other.endswith(LEVEL)


def heard(probes):
    """What was heard, of simple values only: {classes: {name: counts}, answers, talks: {name: [(fields, us)]}}."""
    answers, classes = features.answer_rows(probes), {}
    talks, shares = features.talk_rows(probes)
    sent = collections.Counter(probe.group for probe in probes)
    for name in sorted(sent):
        late = [us for _, us in answers.get(name, [])]
        classes[name] = {"sent": sent[name], "answered": len(late),
                         "latency_us": figures.quantiles(late) if late else None,
                         "followed": dict(zip(("asked", "answered", "application"), shares.get(name, (0, 0, 0))))}
    return {"classes": classes, "answers": answers, "talks": talks}


def judged(said, permutations=5, against=None):
    """Everything that --json writes, from what heard() gave. against: only the pairs with this class."""
    classes, pairs = said["classes"], []
    for one, other in itertools.combinations(classes, 2):
        if against not in (None, one, other) or apart(one, other):
            continue
        pairs.append({"pair": [one, other],
                      "rate": figures.rates(*((classes[c]["answered"], classes[c]["sent"]) for c in (one, other))),
                      **{part: compare(*(said[kept].get(c, []) for c in (one, other)), permutations)
                         for part, kept in (("answer", "answers"), ("talk", "talks"))}})
    return {"classes": classes, "pairs": pairs}


def bounds(found):
    """[(pair, what, bound)]: every upper 99 % bound that a limit is held against."""
    listed = []
    for pair in found["pairs"]:
        listed.append((pair["pair"], "reply rate", pair["rate"]["bound"]))
        for part in ("answer", "talk"):
            if "classifier" in pair[part]:
                listed.append((pair["pair"], f"classifier, {part}", pair[part]["classifier"]["bound"]))
    return listed


def table(head, rows):
    """Aligned text; numbers to the right."""
    cells = [head, *([f"{c:.4f}" if isinstance(c, float) else str(c) for c in row] for row in rows)]
    wide = [max(len(row[i]) for row in cells) for i in range(len(head))]
    return "\n".join("  ".join(c.ljust(w) if i < 2 else c.rjust(w) for i, (c, w) in enumerate(zip(row, wide)))
                     .rstrip() for row in cells)


def shown(value):
    return value if len(value) <= 34 else value[:31] + "..."


def describe(found, fields=8):
    """The tables that an operator reads."""
    parts = [table(["class", "", "sent", "answered", "rate", "latency us: 1%", "25%", "50%", "75%", "99%",
                    "followed", "answered", "application"],
                   [[name, "", each["sent"], each["answered"], each["answered"] / max(1, each["sent"]),
                     *(each["latency_us"] or ["-"] * 5), *each["followed"].values()]
                    for name, each in found["classes"].items()])]
    lines = []
    for pair in found["pairs"]:
        name = " / ".join(pair["pair"])
        lines.append([name, "reply rate", pair["rate"]["difference"], "", pair["rate"]["bound"], ""])
        for part in ("answer", "talk"):
            told = pair[part]
            if "too few" in told:
                lines.append([name, part, "-", "", "-", f"too few: {told['too few'][0]}, {told['too few'][1]}"])
                continue
            late, guess = told["latency"], told["classifier"]
            middle = [" ".join(map(str, side[1:4])) for side in late["us"]]
            lines.append([name, f"{part}: latency, KS", late["distance"], late["noise"], "",
                          "  us " + " against ".join(middle) if late["distance"] > late["limit"] else ""])
            told_by = [item for item in told["fields"].items() if item[1]["distance"] > item[1]["worst"]]
            for field, figure in sorted(told_by, key=lambda item: -item[1]["excess"])[:fields]:
                values = [" | ".join(shown(f"{v} {share:.2f}") for v, share in side[:2]) for side in figure["values"]]
                lines.append([name, f"{part}: {field}", figure["distance"], figure["noise"], "",
                              "  against  ".join(values)])
            lines.append([name, f"{part}: classifier", guess["advantage"], guess["noise"], guess["bound"],
                          guess["classifier"]])
    parts.append(table(["classes", "what", "distance", "noise", "99% bound", "  "], lines))
    return "\n\n".join(parts)
