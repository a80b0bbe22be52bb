#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the files of the page as C++: embed.py OUTPUT FILE..."""

import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def literal(data):
    """As adjoining literals; a hexadecimal escape would run on into what follows it."""
    lines = []
    for line in data.splitlines(keepends=True):
        lines.append('"' + "".join(
            chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
            for byte in line) + '"')
    return "\n     ".join(lines)


def main():
    output, *files = sys.argv[1:]
    rows = []
    for file in map(pathlib.Path, files):
        data = file.read_bytes()
        rows.append(f'    {{"/{file.name}", "{TYPES[file.suffix]}",\n     {{{literal(data)},\n'
                    f'      {len(data)}}}}},\n')
    pathlib.Path(output).write_text(
        '#include "appliance/page/page.hpp"\n\nnamespace mitibox {\n\nnamespace {\n\n'
        f'constexpr StaticFile kFiles[] = {{\n{"".join(rows)}}};\n\n}}  // namespace\n\n'
        'std::span<const StaticFile> page_files() {\n  return kFiles;\n}\n\n'
        '}  // namespace mitibox\n', encoding="ascii")


main()
