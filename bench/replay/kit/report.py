# SPDX-License-Identifier: BSD-3-Clause
"""Figures out of rates, and how they are shown."""

import pathlib
import statistics


def better_half(rates):
    """The higher rates: what the program does when nobody disturbs."""
    return sorted(rates, reverse=True)[:(len(rates) + 1) // 2]


class Figures:
    """One program in one case: a rate in packets a second of each round."""

    def __init__(self, rates, hz):
        if not all(rates):
            raise SystemExit("replay: a program forwarded nothing in one of its rounds: repeat it")
        self.rates = rates
        self.hz = hz  # TSC cycles a second, of all workers together
        self.mpps = statistics.median(rates) / 1e6
        self.mpps_better = statistics.median(better_half(rates)) / 1e6
        self.cycles = [hz / rate for rate in rates]
        self.median = statistics.median(self.cycles)
        self.better = statistics.median(hz / rate for rate in better_half(rates))

    def summary(self):
        return {"mpps": round(self.mpps, 3), "mpps_better_half": round(self.mpps_better, 3),
                "mpps_min": round(min(self.rates) / 1e6, 3),
                "mpps_max": round(max(self.rates) / 1e6, 3),
                "cycles": round(self.median, 1), "cycles_better_half": round(self.better, 1),
                "cycles_min": round(min(self.cycles), 1), "cycles_max": round(max(self.cycles), 1),
                "rounds_mpps": [round(rate / 1e6, 3) for rate in self.rates]}


def above(program, io):
    """Cycles above io: round by round, and between the better halves."""
    each = [a - b for a, b in zip(program.cycles, io.cycles)]
    return {"median": round(statistics.median(each), 1), "min": round(min(each), 1),
            "max": round(max(each), 1), "better_half": round(program.better - io.better, 1)}


def rows(results):
    """Header and rows of the table, as text."""
    others = [p for p in ("macswap", "csum") if any(p in c["programs"] for c in results["cases"])]
    header = ["case", "io Mpps", "mitibox Mpps", "better half", "io cycles",
              *(f"{p} cycles" for p in others), "mitibox cycles", "above io", "better half",
              "goal", "claim"]
    table = []
    for case in results["cases"]:
        programs = case["programs"]
        io, box = programs.get("io"), programs.get("mitibox")

        def value(program, key, form="{:.1f}"):
            return form.format(program[key]) if program else "-"

        def spread(program):
            return (f"{program['cycles']:.0f} ({program['cycles_min']:.0f}.."
                    f"{program['cycles_max']:.0f})" if program else "-")

        difference = case.get("above_io", {}).get("mitibox")
        table.append([
            case["name"], value(io, "mpps", "{:.2f}"), value(box, "mpps", "{:.2f}"),
            value(box, "mpps_better_half", "{:.2f}"), spread(io),
            *(spread(programs.get(p)) for p in others), spread(box),
            (f"{difference['median']:+.0f} ({difference['min']:+.0f}..{difference['max']:+.0f})"
             if difference else "-"),
            f"{difference['better_half']:+.0f}" if difference else "-",
            f"<= {case['goal']}" if case["goal"] else "-",
            {None: "-", True: "holds", False: "FAILS"}[case["claim_holds"]]])
    return header, table


def text_table(results):
    header, table = rows(results)
    widths = [max(len(row[i]) for row in [header, *table]) for i in range(len(header))]
    return "\n".join("  ".join(cell.rjust(w) if i else cell.ljust(w)
                               for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
                     for row in [header, *table])


def markdown(results):
    header, table = rows(results)
    lines = [f"{describe(results)}", "", "| " + " | ".join(header) + " |",
             "| --- |" + " ---: |" * (len(header) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in table]
    lines += ["", "| case | what is sent, and what the box holds | packets a port |",
              "| --- | --- | ---: |"]
    lines += [f"| {c['name']} | {c['text']} | {c['packets']:,} |" for c in results["cases"]]
    return "\n".join(lines)


def describe(results):
    f = results["facts"]
    return (f"Machine `{f['machine']}`: {f['cpu']}, {f['cores']} cores ({f['virtual']}), "
            f"{f['memory_gib']:.0f} GiB, TSC {f['tsc_hz'] / 1e9:.3f} GHz; Linux {f['kernel']}, "
            f"{f['dpdk']}, {f['compiler']}; commit {f['commit']}. {results['workers']} worker"
            f"{'s' if results['workers'] != 1 else ''}, burst 32, {results['rounds']} rounds of "
            f"{results['seconds']:g} s, interleaved; priority: {f['priority']}.")


def disagreements(results):
    return [line for case in results["cases"] for line in case["claim_wrong"]]


def fates(case):
    """What became of the packets of a case, by the box's counters."""
    box = case["box"]
    if not box:
        return ""
    received = max(1, sum(box["received"].values()))
    lines = [("forwarded", sum(box["forwarded"].values())), *sorted(
        box["ended"].items(), key=lambda entry: -entry[1])]
    return "\n".join(f"{100 * count / received:6.2f} %  {name}" for name, count in lines)


def paste(path, text, name="replay"):
    """Replaces what stands between the markers of the file, or the whole of it."""
    path = pathlib.Path(path)
    old = path.read_text(encoding="utf-8") if path.exists() else ""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin in old and end in old:
        head, rest = old.split(begin, 1)
        text = f"{head}{begin}\n{text}\n{end}{rest.split(end, 1)[1]}"
    elif old and name != "replay":
        raise ValueError(f"{path} has no markers {begin} {end}")
    path.write_text(text if text.endswith("\n") else text + "\n", encoding="utf-8")
