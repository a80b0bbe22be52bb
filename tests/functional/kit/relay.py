# SPDX-License-Identifier: BSD-3-Clause
"""Distance and loss on a wire of the box: mitibox-relay, put between a port and its other end."""

import json
import signal
import subprocess

from .box import BUILD
from .lab import STATE

PROGRAM = BUILD / "bench/transfer/mitibox-relay"
PLAIN = ["tx", "rx", "sg", "tso", "gso", "gro", "txvlan", "rxvlan"]


class Distance:
    """`with Distance(lab, "outside") as wire:` puts a node into the wire of that port of the box,
    before the box starts. Nothing passes until `with wire.relay(...)`."""

    def __init__(self, lab, port):
        self.lab, self.port, self.node = lab, port, f"far-{port}"

    def __enter__(self):
        name, box = f"{self.lab.name}-{self.node}", f"{self.lab.name}-box"
        with open(STATE / self.lab.name / "namespaces", "a", encoding="ascii") as written:
            written.write(f"{name}\n")
        self._do("ip", "netns", "add", name)
        self._do("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
                 "net.ipv6.conf.default.disable_ipv6=1")
        self._do("ip", "-n", box, "link", "set", self.port, "netns", name)
        self._do("ip", "-n", name, "link", "set", self.port, "name", "beyond")
        self._do("ip", "link", "add", self.port, "netns", box, "type", "veth",
                 "peer", "name", "box", "netns", name)
        for node, iface in ((box, self.port), (name, "box"), (name, "beyond")):
            self._bare(node, iface)
        return self

    def __exit__(self, *_):
        name, box = f"{self.lab.name}-{self.node}", f"{self.lab.name}-box"
        self._do("ip", "-n", box, "link", "del", self.port)
        self._do("ip", "-n", name, "link", "set", "beyond", "netns", box)
        self._do("ip", "-n", box, "link", "set", "beyond", "name", self.port)
        self._bare(box, self.port)
        self._do("ip", "netns", "del", name)

    @staticmethod
    def _do(*words):
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)

    def _bare(self, node, iface):
        self._do("ip", "netns", "exec", node, "ethtool", "-K", iface,
                 *(word for name in PLAIN for word in (name, "off")))
        self._do("ip", "netns", "exec", node, "sysctl", "-qw", f"net.ipv6.conf.{iface}.disable_ipv6=1")
        self._do("ip", "-n", node, "link", "set", iface, "up", "arp", "off", "promisc", "on")

    def relay(self, **options):
        """delay_ms, jitter_ms, loss, seed, queue: see mitibox-relay --help."""
        return Relay(self.lab, self.node, options)


class Relay:
    """Runs while the `with` lasts; `counted` afterwards: {interface it came from: what became}."""

    def __init__(self, lab, node, options):
        self.words = [word for name, value in options.items()
                      for word in (f"--{name.replace('_', '-')}", str(value))]
        self.lab, self.node, self.process, self.counted = lab, node, None, {}

    def __enter__(self):
        self.process = self.lab.popen(self.node, PROGRAM, "box", "beyond", *self.words)
        said = self.process.stdout.readline()
        if said != "ready\n":
            raise RuntimeError(f"mitibox-relay: {said}{self.process.communicate()[0]}")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        said = self.process.communicate(timeout=20)[0]
        lines = [json.loads(line) for line in said.splitlines()]
        self.counted = {line.pop("from"): line for line in lines}
