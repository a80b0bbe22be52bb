# SPDX-License-Identifier: BSD-3-Clause
"""Verdicts: each check prints a line; a test fails when one of them does."""

import math
import sys
import time
import traceback

SKIPPED = 77  # exit status that scripts/test reads as "skipped"
Z99 = 2.576  # two-sided 99%


def share(answered, total):
    return answered / total if total else math.nan


def differ(one, other):
    """Upper 99% bound of the difference of two shares, each given as (hits, total)."""
    (a, n), (b, m) = one, other
    p, q = share(a, n), share(b, m)
    return abs(p - q) + Z99 * math.sqrt(p * (1 - p) / n + q * (1 - q) / m)


class Checks:
    """Collects verdicts: checks.that(condition, "what holds", detail)."""

    def __init__(self):
        self.failed = 0
        self.passed = 0
        self._start = time.monotonic()

    def that(self, condition, what, detail=""):
        if condition:
            self.passed += 1
        else:
            self.failed += 1
        seconds = time.monotonic() - self._start
        print(f"{'ok  ' if condition else 'FAIL'} {seconds:6.1f}s {what}"
              f"{': ' if detail != '' else ''}{detail}", flush=True)
        return bool(condition)

    def near(self, value, wanted, tolerance, what):
        return self.that(abs(value - wanted) <= tolerance, what,
                         f"{value:.4f}, wanted {wanted} +-{tolerance}")

    def alike(self, classes, what, limit=0.06, least=3000):
        """classes: {name: (hits, total)}; every two differ by at most limit, to 99%."""
        names = sorted(classes)
        shown = ", ".join(f"{name} {share(*classes[name]):.3f} of {classes[name][1]}"
                          for name in names)
        self.that(all(total >= least for _, total in classes.values()),
                  f"{what}: at least {least} probes a class", shown)
        worst = max(((differ(classes[a], classes[b]), a, b)
                     for i, a in enumerate(names) for b in names[i + 1:]), default=(0, "", ""))
        return self.that(worst[0] <= limit, f"{what}: alike",
                         f"{shown}; bound {worst[0]:.4f} ({worst[1]}, {worst[2]})")

    def case(self, function, *args):
        """Runs a part of the test; an exception is a failure of that part, not of the rest."""
        try:
            function(*args)
        except Exception as error:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            self.that(False, f"{function.__name__} runs to its end", f"{error}")

    def finish(self):
        print(f"{self.passed} checks passed, {self.failed} failed", flush=True)
        sys.exit(1 if self.failed or not self.passed else 0)
