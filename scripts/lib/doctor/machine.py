# SPDX-License-Identifier: BSD-3-Clause
"""The machine as the checks see it: files under a root, and the output of commands."""

import json
import pathlib
import shutil
import subprocess


def numbers(text):
    """{2, 3, 8} of the kernel's "2-3,8"; what is no such list is empty."""
    found = set()
    for item in (text or "").replace("\n", ",").split(","):
        first, _, last = item.strip().partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            found.update(range(int(first), int(last or first) + 1))
    return found


def listed(values):
    """The shortest such list."""
    runs = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


class Machine:
    """`root` stands in for /; `run` for starting a command: (words) -> (status, output)."""

    def __init__(self, root="/", run=None):
        self._root = pathlib.Path(root)
        self._run = run or self._start

    @staticmethod
    def _start(words):
        if shutil.which(words[0]) is None:
            return 127, ""
        try:
            done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  text=True, timeout=20, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return 126, ""
        return done.returncode, done.stdout or done.stderr

    def path(self, name):
        return self._root / str(name).lstrip("/")

    def text(self, name):
        """What stands in a file, without the end of line; None when it cannot be read."""
        try:
            return self.path(name).read_text(errors="replace").strip()
        except OSError:
            return None

    def number(self, name):
        try:
            return int(self.text(name) or "", 0)
        except ValueError:
            return None

    def exists(self, name):
        return self.path(name).exists()

    def names(self, folder):
        try:
            return sorted(entry.name for entry in self.path(folder).iterdir())
        except OSError:
            return []

    def target(self, link):
        """The last part of where a link leads; empty without one."""
        at = self.path(link)
        return at.resolve().name if at.is_symlink() else ""

    def output(self, *words):
        """What a command printed; None when there is no such command or it failed."""
        status, text = self._run([str(word) for word in words])
        return text if status == 0 else None

    def both(self, *words):
        """Its exit status (127: no such command), and what it printed, or else complained."""
        return self._run([str(word) for word in words])

    def rows(self, *words):
        """The same of a command that prints a JSON list."""
        try:
            return json.loads(self.output(*words) or "[]")
        except ValueError:
            return []

    def mounts(self, kind):
        """Where file systems of a kind are mounted."""
        lines = (self.text("/proc/mounts") or "").splitlines()
        words = [line.split() for line in lines]
        return [w[1] for w in words if len(w) > 2 and w[2] == kind]

    def default_interfaces(self):
        """Those that carry a default route: cutting one cuts the operator off."""
        routes = (self.rows("ip", "-j", "route", "show", "default") +
                  self.rows("ip", "-6", "-j", "route", "show", "default"))
        hops = [hop for route in routes for hop in [route, *route.get("nexthops", [])]]
        return {hop["dev"] for hop in hops if "dev" in hop}
