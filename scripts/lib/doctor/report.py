# SPDX-License-Identifier: BSD-3-Clause
"""What was found: a line each, as text or JSON, and the exit status that follows."""

import dataclasses
import enum
import json


class Level(enum.IntEnum):
    """The value is the exit status."""
    OK = 0
    WARN = 1
    FAIL = 2


@dataclasses.dataclass(frozen=True)
class Finding:
    level: Level
    check: str   # a stable name, for programs
    about: str   # an interface, a PCI address, or "host"
    said: str
    remedy: str  # empty when all is well


class Report:
    def __init__(self):
        self.findings = []

    def ok(self, check, about, said):
        self.findings.append(Finding(Level.OK, check, about, said, ""))

    def warn(self, check, about, said, remedy):
        self.findings.append(Finding(Level.WARN, check, about, said, remedy))

    def fail(self, check, about, said, remedy):
        self.findings.append(Finding(Level.FAIL, check, about, said, remedy))

    @property
    def status(self):
        return int(max((f.level for f in self.findings), default=Level.OK))

    def text(self):
        lines = []
        for f in self.findings:
            remedy = f"  -> {f.remedy}" if f.remedy else ""
            lines.append(f"{f.level.name:<5}{f.about}: {f.said}{remedy}")
        return "\n".join(lines)

    def json(self):
        rows = [{"level": f.level.name.lower(), "check": f.check, "about": f.about,
                 "found": f.said, "remedy": f.remedy} for f in self.findings]
        return json.dumps({"status": self.status, "findings": rows}, indent=2)
