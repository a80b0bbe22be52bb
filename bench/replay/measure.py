# SPDX-License-Identifier: BSD-3-Clause
"""Starts a forwarder on two replayed ports and reads its rate over the telemetry socket."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

TSC_HZ_FALLBACK = 2.6e9


class Telemetry:
    """A DPDK process's telemetry socket."""

    def __init__(self, prefix, patience):
        self.path = f"/var/run/dpdk/{prefix}/dpdk_telemetry.v2"
        self.socket = None
        end = time.monotonic() + patience
        while time.monotonic() < end:
            try:
                s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
                s.settimeout(5)
                s.connect(self.path)
                s.recv(1 << 14)
                self.socket = s
                return
            except OSError:
                s.close()
                time.sleep(0.05)
        raise TimeoutError(f"{self.path}: nobody listens")

    def ask(self, command):
        self.socket.send(command.encode())
        return json.loads(self.socket.recv(1 << 16))[command.split(",")[0]]

    def received(self):
        """Packets received by both ports, and when."""
        total = sum(self.ask(f"/ethdev/stats,{port}")["ipackets"] for port in (0, 1))
        return total, time.monotonic()


class Forwarder:
    """One process of one lcore that forwards (the first lcore controls, and sleeps)."""

    count = 0

    def __init__(self, command, eal, words, log):
        Forwarder.count += 1
        self.prefix = f"bench-{os.getpid()}-{Forwarder.count}"
        self.log = pathlib.Path(log)
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [command, *eal, "--file-prefix", self.prefix, "--log-level", "4", "--", *words],
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT)

    def fail(self, why):
        self.stop()
        tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
        raise RuntimeError(f"{why}; the end of {self.log}:\n{tail}")

    def rate(self, seconds, warm_up=1.0, patience=240):
        """Packets a second over `seconds`, once packets flow and `warm_up` has passed."""
        end = time.monotonic() + patience
        try:
            telemetry = Telemetry(self.prefix, patience)
            while telemetry.received()[0] == 0:
                if self.process.poll() is not None:
                    self.fail("it ended before its first packet")
                if time.monotonic() > end:
                    self.fail("it received nothing")
                time.sleep(0.05)
            time.sleep(warm_up)
            first, start = telemetry.received()
            time.sleep(seconds)
            last, stop = telemetry.received()
            return (last - first) / (stop - start)
        except (OSError, TimeoutError) as e:
            self.fail(str(e))

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def tsc_hz():
    """Of this machine, as the kernel calibrated it."""
    with open("/proc/cpuinfo", encoding="ascii") as info:
        for line in info:
            if line.startswith("cpu MHz"):
                nominal = float(line.split(":")[1]) * 1e6
                break
        else:
            nominal = TSC_HZ_FALLBACK
    with open("/proc/cpuinfo", encoding="ascii") as info:
        for line in info:
            if line.startswith("bogomips"):
                return float(line.split(":")[1]) * 1e6 / 2
    return nominal
