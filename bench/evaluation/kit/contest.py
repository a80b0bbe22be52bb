# SPDX-License-Identifier: BSD-3-Clause
"""Tables and curves of what `compare` and `live` have measured."""

import math
import re


NAMES = {"none": "none", "firewall": "firewall", "scrubber": "scrubber", "threshold": "threshold", "trw": "TRW",
         "decoy": "decoy", "paper": "MitiBox paper", "forward": "MitiBox forward", "default": "MitiBox default"}
COLOURS = {"none": "#888888", "firewall": "#c08020", "scrubber": "#b0a0d0", "threshold": "#40a060", "trw": "#207040",
           "decoy": "#d06080", "paper": "#80b0e0", "forward": "#4070c0", "default": "#102060"}


def markdown(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(c) for c in row) + " |" for row in rows])


def into_docs(path, made):
    """Puts each table between its marks in a text."""
    text = path.read_text()
    for name, table in made.items():
        text = re.sub(rf"(<!-- {name} -->\n).*?(<!-- / -->)", lambda m, t=table: m[1] + t + "\n" + m[2], text,
                      flags=re.S)
    path.write_text(text)


def share(value, digits=1):
    return "-" if value is None or math.isnan(value) else f"{100 * value:.{digits}f} %"


def thousands(number):
    return f"{number:,}"


def scan_rows(cells, scans, names, shown):
    return [[scan] + [shown(cells[scan, name]) if (scan, name) in cells else "" for name in names] for scan in scans]


def advantages(cells, scans, names):
    """Advantage and bound, for each attacker and defence."""
    return markdown(["attacker"] + [NAMES[n] for n in names],
                    scan_rows(cells, scans, names, lambda c: f"{c['advantage']:.3f} ({c['bound']:.3f})"))


def answers(cells, scans, names):
    return markdown(["attacker"] + [NAMES[n] for n in names],
                    scan_rows(cells, scans, names, lambda c: f"{c['answers alone']['advantage']:.3f}"))


def found(cells, scans, names):
    """Share of the services that are on his list, and how many entries of the list are."""
    return markdown(["attacker"] + [NAMES[n] for n in names], scan_rows(
        cells, scans, names, lambda c: f"{share(c['found'], 0)} ({share(c['precision'], 0)})"))


def learned(cells, scans, names):
    return markdown(["attacker"] + [NAMES[n] for n in names],
                    scan_rows(cells, scans, names, lambda c: f"{c['bits per probe']:.5f}"))


def budgets(cells, scans, names):
    rows = []
    for scan in scans:
        c = next(cells[scan, n] for n in names if (scan, n) in cells)
        rows.append([scan, thousands(c["packets"]), thousands(c["sources"]), f"{c['hours']:.2f}",
                     f"{c['services']} and {c['others']}"])
    return markdown(["attacker", "probes", "sources", "hours", "services and other targets"], rows)


def rate_of(pace):
    """Wrong guesses an hour and source that tell something: those made, times the share that is let through, which
    is that of right ones which are answered."""
    return 3600 / pace["seconds"] * pace["found"] / max(1, pace["right"])


def pace_words(seconds):
    return f"{seconds} s" if seconds < 60 else f"{seconds // 60} min"


def guesses(cells, names):
    rows = []
    for name in names:
        c = cells["guess", name]
        rates = [(rate_of(p), p) for p in c["paces"]]
        row = [NAMES[name]]
        for rate, pace in rates:
            row.append(f"{rate:.1f} ({share(pace['found'] / max(1, pace['right']), 0)})")
        row += [thousands(round((p["wrong"] + p["right"]) / p["runs"] * p["found"] / max(1, p["right"])))
                for p in c["prefix"]]
        rows.append(row)
    heads = [f"one in {pace_words(p['seconds'])}" for p in cells["guess", names[0]]["paces"]]
    return markdown(["W (right ones answered)"] + heads +
                    ["a /48 in 10 min, /64 in a row", "spread over /56"], rows)


def first_frame(cell):
    """The fewest forged SYNs behind which a client is refused more than chance and the coin explain."""
    calls, refused = 2 * cell["of minutes"], cell["control"] / cell["of minutes"]
    noise = 3 * math.sqrt(2 * calls * refused * (1 - refused)) / 2
    return next((n for n, minutes in cell["forged"] if minutes > cell["control"] + noise + 0.6), None)


def harms(cells, names):
    rows = []
    for name in names:
        c, f = cells["frame", name], cells["flush", name]
        n = first_frame(c)
        most = max(c["forged"], key=lambda pair: (pair[1] - c["control"]) / pair[0])
        worth = max(0.0, most[1] - c["control"]) / most[0] if n else 0
        forgotten = "holds nothing" if not f["held against"] else (
            thousands(f["forgotten after"]) if f["forgotten after"] else f"not by {thousands(f['sent'])}")
        rows.append([NAMES[name], n if n else f"not by {thousands(c['forged'][-1][0])}", f"{worth:.2f}", forgotten])
    return markdown(["defence", "SYNs that frame a client", "victim-minutes a packet (within an hour)",
                     "SYNs that flush a scanner"], rows)


def worms(cells, names, scenario):
    """Shares of the vulnerable that are infected, at sites without and with the defence."""
    def fallen(run, minute, kind):
        if not run["vulnerable"][kind]:
            return "-"
        return share(run["infected"][min(minute, len(run["infected"])) - 1][kind] / run["vulnerable"][kind], 0)

    rows = []
    for name in names:
        row = [NAMES[name]]
        for run in [r for r in cells[scenario, name]["runs"] if r["defended"]]:
            kinds = (0, 1) if run["defended"] < run["sites"] else (1,)
            row += [" / ".join(fallen(run, minute, kind) for minute in (5, 10, 60)) for kind in kinds]
        rows.append(row)
    return markdown(["infected after 5, 10, 60 min", "half defended: the others", "half defended: these",
                     "all defended"], rows)


def quantile(ordered, part):
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else math.nan


def people(cells, populations, names):
    rows = []
    for population in populations:
        for name in names:
            c = cells.get((population, name))
            if c is None:
                continue
            ordered = sorted(c["seconds"])
            n = c["connections"]
            within = [sum(1 for s in ordered if s <= limit) / n for limit in (1, 4, 10, math.inf)]
            rows.append([population, NAMES[name], thousands(n)] + [share(w, 2) for w in within] +
                        [f"{quantile(ordered, p):.2f}" if ordered else "-" for p in (0.5, 0.99)] +
                        [f"{c['banned at the end']} of {c['addresses']}"])
    return markdown(["population", "defence", "connections", "within 1 s", "4 s", "10 s", "in the end", "median s",
                     "99 %", "addresses held against at the end"], rows)


def goals(cells, scans):
    """The default policy against what it promises: [(goal, measured, holds)]."""
    rows = []
    below = [s for s in scans if (s, "default") in cells and cells[s, "default"]["below application"]]
    for s in below:
        c = cells[s, "default"]
        rows.append((f"advantage <= 0.05, {s}", f"{c['advantage']:.3f} ({c['bound']:.3f})", c["bound"] <= 0.05))
    if ("guess", "default") in cells:
        paces = cells["guess", "default"]["paces"]
        rates = [(rate_of(p), p["seconds"]) for p in paces]
        rows.append(("W <= 1.5, guesses that are certain", f"{rates[0][0]:.2f}", rates[0][0] <= 1.55))
        most = max(rates)
        rows.append(("W <= 1.5, at any pace", f"{most[0]:.2f} at one in {pace_words(most[1])}", most[0] <= 1.55))
    if ("frame", "default") in cells:
        c = cells["frame", "default"]
        n = first_frame(c)
        rows.append(("no framing", f"{n} SYNs" if n else f"not by {thousands(c['forged'][-1][0])} SYNs", n is None))
    if ("flush", "default") in cells:
        f = cells["flush", "default"]
        rows.append(("no flushing", "forgotten" if f["forgotten after"] else f"not by {thousands(f['sent'])} SYNs",
                     f["held against"] and not f["forgotten after"]))
    for population in ("clients", "flooded", "monitor", "nat-256-careful", "eyeballs", "mail", "dns"):
        c = cells.get((population, "default"))
        if c:
            got = sum(1 for s in c["seconds"] if s <= 4) / c["connections"]
            rows.append((f">= 99.9 % within 4 s, {population}", share(got, 2), got >= 0.999))
            rows.append((f"none distrusted, {population}", str(c["banned at the end"]), c["banned at the end"] == 0))
    return markdown(["goal of the default policy", "measured", ""],
                    [(a, b, "holds" if ok else "**missed**") for a, b, ok in rows])


def plot(path, curve, lines):
    """lines: {name: [(x, y)]}; curve: title, labels of the axes, whether they are logarithmic."""
    import matplotlib  # pylint: disable=import-outside-toplevel
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "mitibox"
    from matplotlib import pyplot  # pylint: disable=import-outside-toplevel
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    for name, points in lines.items():
        axes.plot([x for x, _ in points], [y for _, y in points], marker="o", markersize=3,
                  label=NAMES.get(name, name), color=COLOURS.get(name))
    if curve.get("log"):
        axes.set_xscale("log", base=2)
    if curve.get("log y"):
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
    axes.set_title(curve["title"], fontsize=10)
    axes.set_xlabel(curve["x"])
    axes.set_ylabel(curve["y"])
    axes.grid(alpha=0.3)
    axes.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
