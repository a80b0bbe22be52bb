# SPDX-License-Identifier: BSD-3-Clause
"""What the figures depend on, and what must hold before anything runs."""

import contextlib
import fcntl
import os
import pathlib
import platform
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get("MITIBOX_BUILD", ROOT / "build")).resolve()
BENCH = BUILD / "bench/replay/mitibox-bench"
CAPTURES = BUILD / "bench/replay/mitibox-bench-captures"
CACHE = BUILD / "bench/captures"
LOGS = BUILD / "bench/logs"
PAGE = 2 << 20
PAGES_FILE = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")


class Unmet(RuntimeError):
    """A precondition that does not hold; the message says how to meet it."""


def testpmd():
    for name in ("dpdk-testpmd", "testpmd"):
        found = shutil.which(name)
        if found:
            return found
    raise Unmet("testpmd is missing: scripts/install bench (Debian's package dpdk-dev)")


def check(pages):
    """Everything but the pages of the machine itself: `pages` of 2 MiB are wanted at once."""
    if os.geteuid() != 0:
        raise Unmet("needs root (huge pages, DPDK's run-time files): run it with sudo")
    for program in (BENCH, CAPTURES):
        if not program.exists():
            raise Unmet(f"there is no {program}: build first (scripts/build)")
    testpmd()
    mounts = pathlib.Path("/proc/mounts").read_text(encoding="ascii").split("\n")
    if not any(line.split()[2:3] == ["hugetlbfs"] for line in mounts):
        raise Unmet("no hugetlbfs is mounted: "
                    "mkdir -p /dev/hugepages && mount -t hugetlbfs none /dev/hugepages")
    if not PAGES_FILE.exists():
        raise Unmet("this kernel has no huge pages of 2 MiB")
    free = int((PAGES_FILE / "free_hugepages").read_text())
    total = int((PAGES_FILE / "nr_hugepages").read_text())
    if free < pages:
        raise Unmet(f"{pages} huge pages of 2 MiB are needed, {free} of {total} are free: "
                    f"echo {total - free + pages} > {PAGES_FILE}/nr_hugepages")
    if os.cpu_count() < 2:
        raise Unmet("two cores are needed: one forwards, one controls")


@contextlib.contextmanager
def alone():
    """One measurement at a time on this machine, whoever else measures."""
    with open("/run/lock/mitibox-bench", "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def priority(workers):
    """The words that run a command above everything else, if that is permitted and does good."""
    # A core on which a worker never sleeps must still let the control thread in.
    if workers >= os.cpu_count():
        return []
    limit = pathlib.Path("/proc/sys/kernel/sched_rt_runtime_us")
    # Kernels before 6.12 stop a real-time thread that never sleeps for 5 % of each second.
    version = tuple(int("".join(c for c in n if c.isdigit()) or 0)
                    for n in platform.release().split(".")[:2])
    if version < (6, 12) and limit.exists() and int(limit.read_text()) != -1:
        return []
    words = ["chrt", "-f", "10"]
    try:
        done = subprocess.run([*words, "true"], capture_output=True, check=False)
    except OSError:
        return []
    return words if done.returncode == 0 else []


def _first(path, key):
    try:
        for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == key:
                return value.strip()
    except OSError:
        pass
    return ""


def tsc_hz():
    """As the kernel calibrated it; mitibox-bench knows better."""
    return float(_first("/proc/cpuinfo", "bogomips") or 0) * 1e6 / 2


def _output(*words):
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def facts(workers):
    """Of this machine, for the report."""
    commit = _output("git", "rev-parse", "--short", "HEAD")
    if commit and _output("git", "status", "--porcelain", "--untracked-files=no"):
        commit += "+changes"
    return {
        "machine": os.environ.get("MITIBOX_MACHINE") or platform.node(),
        "cpu": _first("/proc/cpuinfo", "model name"),
        "cores": os.cpu_count(),
        "virtual": _output("systemd-detect-virt", "--vm") or "no virtual machine",
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / (1 << 20), 1),
        "kernel": platform.release(),
        "compiler": _output("c++", "--version").splitlines()[0] if shutil.which("c++") else "",
        "commit": commit,
        "priority": " ".join(priority(workers)) or "ordinary",
    }
