# SPDX-License-Identifier: BSD-3-Clause
"""What the programs here share: the functional tests' lab, and testpmd in the box's place."""

import contextlib
import io
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/functional"))
sys.dont_write_bytecode = True
# pylint: disable=wrong-import-position
from kit import Box, Lab, policy, poll  # noqa: E402
from kit.lab import die_with_parent  # noqa: E402
from kit.relay import Distance  # noqa: E402
from kit.transfers import Job, run  # noqa: E402

__all__ = ["Box", "Distance", "Io", "Job", "Lab", "forwarder", "median", "opened", "poll", "rows",
           "quiet", "run", "stack", "write"]

# What a host of the LAN may lack, beside the default.
STACKS = {
    "default": {},
    "no-sack": {"net.ipv4.tcp_sack": 0},
    "no-scaling": {"net.ipv4.tcp_window_scaling": 0},
    "no-timestamps": {"net.ipv4.tcp_timestamps": 0},
}


class Io:
    """`with Io(lab):` testpmd's io mode on the ports that the box would have."""

    def __init__(self, lab):
        self.lab, self.prefix, self.process = lab, f"{lab.name}-io-{os.urandom(3).hex()}", None

    def __enter__(self):
        # The first lcore only waits: it stands on the other CPU, as what controls the box does.
        self.process = subprocess.Popen(
            self.lab.command("box", "dpdk-testpmd", "--lcores", "0@1,1@0", "--no-huge", "-m", "512",
                             "--no-pci", "--file-prefix", self.prefix, "--log-level", "4",
                             "--vdev", "net_af_packet0,iface=outside,framecnt=4096",
                             "--vdev", "net_af_packet1,iface=inside,framecnt=4096",
                             "--", "--forward-mode=io", "--auto-start", "--total-num-mbufs=32768"),
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent)
        if not poll(20, self._started):
            self.__exit__()
            raise RuntimeError("testpmd does not start")
        return self

    def _started(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as asked:
            asked.settimeout(2)
            try:
                asked.connect(f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2")
                asked.recv(16384)
                asked.send(b"/ethdev/link_status,1")
                return b"UP" in asked.recv(16384)
            except OSError:
                return False

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)


def opened(ports, **changes):
    """The lab's policy with these TCP ports of the web and the mail host."""
    made = policy(**changes)
    for service in made["services"]:
        if service["address"].endswith((".10", ":10", ".25", ":25")):
            service["tcp"] += list(ports)
    return made


def forwarder(name, lab, made):
    """`io` or `mitibox`, to be entered."""
    return Io(lab) if name == "io" else Box(lab, made, warm=False)


def stack(lab, node, name):
    """Gives a host that configuration, and everything else its default."""
    for settings in STACKS.values():
        for key in settings:
            lab.run(node, "sysctl", "-qw", f"{key}=1")
    for key, value in STACKS[name].items():
        lab.run(node, "sysctl", "-qw", f"{key}={value}")


def quiet():
    """Swallows what the box prints when it ends."""
    return contextlib.redirect_stdout(io.StringIO())


def median(values):
    return statistics.median(values)


def rows(head, lines):
    """A table of Markdown."""
    align = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in (head, align, *lines))


def write(path, made):
    if path:
        pathlib.Path(path).write_text(json.dumps(made, indent=1) + "\n", encoding="ascii")
