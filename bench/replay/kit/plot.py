# SPDX-License-Identifier: BSD-3-Clause
"""A plot of the table: cycles a packet, one group of bars a case."""

from xml.sax.saxutils import escape

COLOURS = {"io": "#9aa5b1", "macswap": "#c3b091", "csum": "#8fb39a", "mitibox": "#2f6db3"}
LABEL, WIDTH, RIGHT = 140, 620, 60
BAR, GAP, TOP = 11, 12, 54


def step(top):
    """A round distance between grid lines."""
    for width in (10, 20, 25, 50, 100, 200, 250, 500, 1000, 2500):
        if top / width <= 8:
            return width
    return 5000


def svg(results, described):
    cases = results["cases"]
    programs = [p for p in COLOURS if any(p in c["programs"] for c in cases)]
    top = max(p["cycles_max"] for c in cases for p in c["programs"].values())
    top = max([top, *(c["programs"]["io"]["cycles"] + c["goal"] for c in cases
                      if c["goal"] and "io" in c["programs"])]) * 1.03
    group = BAR * len(programs) + GAP
    height = TOP + group * len(cases) + 40

    def x(cycles):
        return round(LABEL + WIDTH * cycles / top, 1)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LABEL + WIDTH + RIGHT}" '
           f'height="{height}" font-family="sans-serif" font-size="11">',
           f"<title>{escape(described)}</title>",
           f'<rect width="{LABEL + WIDTH + RIGHT}" height="{height}" fill="white"/>',
           f'<text x="{LABEL}" y="16" font-size="13">TSC cycles a packet, less is better '
           '(bar: median; line: least to most; red: goal)</text>']
    for i, program in enumerate(programs):
        out.append(f'<rect x="{LABEL + 110 * i}" y="26" width="10" height="10" '
                   f'fill="{COLOURS[program]}"/><text x="{LABEL + 110 * i + 15}" y="35">'
                   f"{'testpmd ' if program != 'mitibox' else ''}{program}</text>")
    for cycles in range(0, int(top) + 1, step(top)):
        out.append(f'<line x1="{x(cycles)}" y1="{TOP - 8}" x2="{x(cycles)}" y2="{height - 30}" '
                   f'stroke="#ddd"/><text x="{x(cycles)}" y="{height - 14}" '
                   f'text-anchor="middle">{cycles}</text>')
    for i, case in enumerate(cases):
        y = TOP + group * i
        out.append(f'<text x="{LABEL - 6}" y="{y + group / 2}" text-anchor="end">'
                   f'{escape(case["name"])}</text>')
        for k, program in enumerate(p for p in programs if p in case["programs"]):
            p = case["programs"][program]
            at, middle = y + BAR * k, y + BAR * k + (BAR - 1) / 2
            out.append(f'<rect x="{LABEL}" y="{at}" width="{x(p["cycles"]) - LABEL:.1f}" '
                       f'height="{BAR - 1}" fill="{COLOURS[program]}"/>'
                       f'<line x1="{x(p["cycles_min"])}" y1="{middle}" x2="{x(p["cycles_max"])}" '
                       f'y2="{middle}" stroke="#333"/>'
                       f'<text x="{x(p["cycles_max"]) + 4}" y="{at + BAR - 2}" font-size="9">'
                       f'{p["cycles"]:.0f}</text>')
        if case["goal"] and "io" in case["programs"]:
            goal = x(case["programs"]["io"]["cycles"] + case["goal"])
            out.append(f'<line x1="{goal}" y1="{y - 2}" x2="{goal}" y2="{y + group - GAP + 2}" '
                       'stroke="#c0392b" stroke-width="2"/>')
    out.append("</svg>")
    return "\n".join(out) + "\n"
