# SPDX-License-Identifier: BSD-3-Clause
"""mitibox in a lab: started, asked, stopped, its figures printed at the end."""

import copy
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from .lab import ROOT, die_with_parent, poll

BUILD = pathlib.Path(os.environ.get("MITIBOX_BUILD", ROOT / "build"))
KEY = "000102030405060708090a0b0c0d0e0f"
PROGRAM = BUILD / "app/mitibox"
CONTROL = BUILD / "app/mitiboxctl"

BASE = {
    "protected": ["203.0.113.0/24", "2001:db8:1::/64"],
    "gateways": ["203.0.113.1", "2001:db8:1::1"],
    "services": [
        {"address": "203.0.113.10", "tcp": [80, 443], "udp": [443], "echo": True},
        {"address": "203.0.113.25", "tcp": [22, 25]},
        {"address": "203.0.113.53", "tcp": [53], "udp": [53]},
        {"address": "203.0.113.40", "tcp": [5201], "udp": [5201]},
        {"address": "2001:db8:1::10", "tcp": [80, 443], "udp": [443], "echo": True},
        {"address": "2001:db8:1::25", "tcp": [22, 25]},
        {"address": "2001:db8:1::53", "tcp": [53], "udp": [53]},
    ],
    "neighbours": {"answer_dark": ["203.0.113.0/24", "2001:db8:1::d0/124"]},
    "tables": {"connections": 65536, "sources": 131072, "retransmissions": 262144,
               "conversations": 65536, "persist": False},
}


def policy(**changes):
    """The lab's policy with top-level keys replaced, or merged when both are objects."""
    made = copy.deepcopy(BASE)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(made.get(key), dict):
            made[key].update(value)
        else:
            made[key] = value
    return made


def without(made, *keys):
    return {key: value for key, value in made.items() if key not in keys}


NOBODY = 65534
CAPABILITIES = "-all,+net_raw,+net_admin,+ipc_lock"
# As the systemd unit does.
UNPRIVILEGED = ["setpriv", "--pdeathsig", "KILL",
                f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs",
                f"--inh-caps={CAPABILITIES}", f"--ambient-caps={CAPABILITIES}",
                f"--bounding-set={CAPABILITIES}"]


class Box:
    """`with Box(lab, policy()) as box:`: mitibox between the box node's two ports.
    root=False: as a user with three capabilities. ports: more arguments of both devices.
    environment: more of it."""

    def __init__(self, lab, made, *options, warm=True, workers=1, keyed=True, root=True, ports="",
                 environment=None):
        self.lab = lab
        self.workers = workers
        self.keyed = keyed
        self.policy = made
        self.options = options
        self.warm_up = warm
        self.prefix = f"{lab.name}-{os.urandom(3).hex()}"
        self.process = None
        self.output = ""
        self._files = pathlib.Path(tempfile.mkdtemp(prefix="mitibox-"))
        self._ports = f",{ports}" if ports else ""
        self._wrapper, self._environment = [], dict(environment or {})
        if not root:
            self._wrapper = UNPRIVILEGED
            self._environment["RUNTIME_DIRECTORY"] = str(self._files)
            self.options += ("--control", self._files / "control")
            os.chown(self._files, NOBODY, NOBODY)
            # Where all look for it that ask a box.
            self._runtime.parent.mkdir(parents=True, exist_ok=True)
            self._runtime.symlink_to(self._files / "dpdk" / self.prefix)

    @property
    def _runtime(self):
        return pathlib.Path(f"/var/run/dpdk/{self.prefix}")

    @property
    def state(self):
        """Its --state, unless the options name another."""
        return self._files / "state"

    def __enter__(self):
        try:
            self.start()
            if self.warm_up:
                self.warm()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        code = self.stop()
        print(f"--- mitibox ended with {code}; its output:\n{self.output.rstrip()}\n---", flush=True)
        shutil.rmtree(self._files, ignore_errors=True)
        if self._runtime.is_symlink():
            self._runtime.unlink()
        shutil.rmtree(self._runtime, ignore_errors=True)
        pathlib.Path(f"/run/mitibox/{self.prefix}.sock").unlink(missing_ok=True)
        for left in pathlib.Path("/dev/shm").glob(f"{self.prefix}.*"):
            left.unlink()

    def start(self):
        if not PROGRAM.exists():
            raise RuntimeError(f"there is no {PROGRAM}; build first (scripts/build)")
        file = self._files / "policy.json"
        file.write_text(json.dumps(self.policy, indent=2))
        lcores = ["-l", "0"]
        if self.workers > 1:  # one that controls beside the first
            lcores = ["--lcores", ",".join(f"{i}@{max(0, i - 1) % os.cpu_count()}"
                                           for i in range(self.workers + 1))]
        queues = f"framecnt=4096,qpairs={self.workers}{self._ports}"
        command = self.lab.command(
            "box", *self._wrapper, PROGRAM, *lcores, "--no-huge", "--no-pci", "--file-prefix", self.prefix,
            "--vdev", f"net_af_packet0,iface=outside,{queues}",
            "--vdev", f"net_af_packet1,iface=inside,{queues}",
            "--", "--policy", file,
            *([] if "--state" in self.options else ["--state", self.state]),
            *(["--key", KEY] if self.keyed else []), *self.options)
        with open(self._files / "output", "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                preexec_fn=die_with_parent,
                env={**os.environ, **self._environment, "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"})
        if not poll(60, lambda: self.process.poll() is not None or self._answers()):
            raise RuntimeError("mitibox does not answer on its sockets")
        if self.process.poll() is not None:
            raise RuntimeError(f"mitibox ended at start with {self.process.returncode}:\n"
                               + (self._files / "output").read_text(errors="replace"))

    def _answers(self):
        path = f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2"
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as probe:
            try:
                probe.connect(path)
            except OSError:
                return False
        return self.control("stats").returncode == 0

    def stop(self, number=signal.SIGTERM):
        """Ends the box; its exit status, or None when it never ran."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if (self._files / "output").exists():
            self.output = (self._files / "output").read_text(errors="replace")
        return self.process.returncode

    def control(self, *words):
        """mitiboxctl; CompletedProcess."""
        place = ["--file-prefix", self.prefix]
        if "--control" in self.options:
            place = ["--socket", self.options[self.options.index("--control") + 1]]
        return subprocess.run([CONTROL, *map(str, [*place, *words])], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              timeout=20)

    def stats(self):
        done = self.control("stats", "--json")
        return json.loads(done.stdout)

    def ask(self, command):
        """A telemetry command, as dpdk-telemetry.py sends it; what stands under its name."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as wire:
            wire.settimeout(10)
            wire.connect(f"/var/run/dpdk/{self.prefix}/dpdk_telemetry.v2")
            wire.recv(16384)
            wire.send(command.encode())
            return json.loads(wire.recv(65536))[command.split(",")[0]]

    def warm(self):
        """Waits until the router has an Ethernet address for each dark address as well."""
        dark = self.policy.get("neighbours", {}).get("answer_dark", [])
        wanted = set()
        if "203.0.113.0/24" in dark:
            wanted |= {f"203.0.113.{i}" for i in range(2, 255)}
        if "2001:db8:1::d0/124" in dark:
            wanted |= {f"2001:db8:1::d{i:x}" for i in range(0, 16)}
        if not wanted:
            return
        missing = lambda: wanted - set(self.lab.neighbours("rtr", "lan"))
        poll(30, lambda: not self.lab.call("rtr", _ask, missing()) or not missing(), 0.5)
        left = missing()
        if left:
            raise RuntimeError(f"the router has no neighbour entry for {len(left)} dark addresses, "
                               f"e.g. {sorted(left)[:3]}")


def _ask(addresses):
    """Makes the kernel ask for these neighbours: a datagram to each."""
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            try:
                sender.sendto(b"", (address, 9))
            except OSError:
                pass
    return len(addresses)
