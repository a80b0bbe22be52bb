#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""man_commands.py MITIBOXCTL PAGE [--write]: the commands of the page are those of the program's
--help, word by word. Without --write says what differs, status 1."""

import pathlib
import re
import subprocess
import sys

BEGIN, END = ".Sh COMMANDS\n", ".Sh OPTIONS\n"


def commands(program):
    """[(word, pattern, help)] of --help: two spaces and the command, six and what it does."""
    text = subprocess.run([program, "--help"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return re.findall(r"^  ([a-z][a-z-]*)(?: (.*))?\n      (.*)$", text.split("\nOptions", 1)[0],
                      re.MULTILINE)


def section(rows):
    lines = [".Bl -tag -width Ds\n"]
    for word, pattern, told in rows:
        typed = f" No {pattern}" if pattern else ""
        lines.append(f".It Cm {word}{typed}\n")
        sentence = told[0].upper() + told[1:] + ("" if told.endswith(".") else ".")
        lines.append(re.sub(r"([.;]) (?=[A-Z])", r"\1\n", sentence) + "\n")
    return "".join([*lines, ".El\n"])


def main():
    program, page = sys.argv[1], pathlib.Path(sys.argv[2])
    text = page.read_text()
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    made = before + BEGIN + section(commands(program)) + END + after
    if "--write" in sys.argv:
        page.write_text(made)
    elif made != text:
        sys.exit(f"{page}: its commands are not those of {program} --help; "
                 "scripts/package --renew writes them")


main()
