# SPDX-License-Identifier: BSD-3-Clause
"""Starts a forwarder on two replayed ports and reads its rate over the telemetry socket."""

import glob
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import time

WINDOW = 0.25  # seconds of one reading


class ForwarderError(RuntimeError):
    """A forwarder that did not forward; the message ends with its last words."""


class Telemetry:
    """A DPDK process's telemetry socket."""

    def __init__(self, prefix, process, patience):
        self.path = f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2"
        end = time.monotonic() + patience
        while process.poll() is None and time.monotonic() < end:
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                self.socket.settimeout(10)
                self.socket.connect(self.path)
                self.socket.recv(1 << 14)
                return
            except OSError:
                self.socket.close()
                time.sleep(0.05)
        raise TimeoutError(f"{self.path}: nobody listens")

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(1 << 16))[command.split(",")[0]]

    def received(self):
        """Packets received by all ports, and when."""
        total = sum((self.ask(f"/ethdev/stats,{port}") or {}).get("ipackets", 0)
                    for port in self.ask("/ethdev/list"))
        return total, time.monotonic()


class Forwarder:
    """One process that forwards between two ports; its first lcore controls, and sleeps."""

    count = 0

    def __init__(self, command, eal, words, log):
        Forwarder.count += 1
        self.prefix = f"bench-{os.getpid()}-{Forwarder.count}"
        self.log = pathlib.Path(log)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [*map(str, command), *eal, "--file-prefix", self.prefix, "--huge-unlink",
                 "--log-level", "4", "--", *map(str, words)],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def fail(self, why):
        self.stop()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise ForwarderError(f"{why}; the end of {self.log}:\n{tail}")

    def put_worker(self, words):
        """Runs the first worker lcore by `words` (machine.priority), and it alone: DPDK's own
        threads poll each other while they start, and starve each other at such a priority."""
        if not words:
            return
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            if (task / "comm").read_text().strip() == "rte-worker-1":
                subprocess.run([*words[:-1], "-p", words[-1], task.name], check=True)

    def rate(self, seconds, warm_up, patience=600):
        """Packets a second: the median reading of `seconds`, once `warm_up` has passed since the
        first packet."""
        end = time.monotonic() + patience
        try:
            telemetry = Telemetry(self.prefix, self.process, patience)
            while telemetry.received()[0] == 0:
                if self.process.poll() is not None:
                    self.fail("it ended before its first packet")
                if time.monotonic() > end:
                    self.fail("it received nothing")
                time.sleep(0.05)
            time.sleep(warm_up)
            readings = [telemetry.received()]
            for _ in range(max(1, round(seconds / WINDOW))):
                time.sleep(WINDOW)
                readings.append(telemetry.received())
            return statistics.median((b[0] - a[0]) / (b[1] - a[1])
                                     for a, b in zip(readings, readings[1:]))
        except (OSError, TimeoutError, ValueError) as e:
            return self.fail(str(e) or type(e).__name__)

    def stop(self):
        """Ends it; its output."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(f"/var/run/dpdk/{self.prefix}", ignore_errors=True)
        for left in glob.glob(f"/dev/hugepages/{self.prefix}map_*"):
            os.unlink(left)
        return self.log.read_text(errors="replace")
