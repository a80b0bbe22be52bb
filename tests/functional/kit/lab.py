# SPDX-License-Identifier: BSD-3-Clause
"""A lab of namespaces for one test: built by scripts/lab, gone when the test ends."""

import ctypes
import json
import multiprocessing
import os
import pathlib
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
STATE = pathlib.Path(os.environ.get("MITIBOX_LABS", "/run/mitibox-lab"))
CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent():
    """For children: the lab must not outlive a test that is killed."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def poll(seconds, condition, every=0.05):
    """Waits until condition() is true; its value, or the last (false) one when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() >= deadline:
            return value
        time.sleep(every)


def _stop(signum, _frame):
    sys.exit(128 + signum)


class Lab:
    """`with Lab() as lab:`; nodes as in scripts/lib/topology.sh."""

    def __init__(self, idle=16, routers=1, box="bare"):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _stop)
        self._options = ["--idle", str(idle), "--routers", str(routers), "--box", box]
        self.name = f"t{os.getpid()}x{time.monotonic_ns() // 1000000 % 10000}"
        self.idle = idle

    def __enter__(self):
        self._lab("up", "--name", self.name, "--owner", str(os.getpid()), *self._options)
        return self

    def __exit__(self, *_):
        self._lab("down", self.name)

    def _lab(self, *words):
        done = subprocess.run([ROOT / "scripts/lab", *words], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"scripts/lab {' '.join(words)}: {done.stdout}")

    @property
    def state(self):
        """Directory of what the lab's services use: ssh/client is a key, web/root a web root."""
        return STATE / self.name

    def bridge(self, on):
        """Puts a plain wire in the box's place, or takes it out."""
        self._lab("bridge", self.name, "on" if on else "off")

    def spawn(self, node, label, *command):
        """A daemon that ends with the lab; its output is in state/label.log."""
        self._lab("daemon", self.name, node, label, *map(str, command))

    def stop(self, label):
        self._lab("stop", self.name, label)

    def command(self, node, *command):
        return ["ip", "netns", "exec", f"{self.name}-{node}", *map(str, command)]

    def run(self, node, *command, timeout=60, **options):
        """Runs a command in a node; CompletedProcess with text; returncode 124 when time is over."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True,
                   "stdin": subprocess.DEVNULL, "check": False, **options}
        if "input" in options:
            del options["stdin"]
        try:
            return subprocess.run(self.command(node, *command), timeout=timeout, **options)
        except subprocess.TimeoutExpired as late:
            text = late.stdout or b""
            text = text if isinstance(text, str) else text.decode(errors="replace")
            return subprocess.CompletedProcess(late.cmd, 124, text, "")

    def popen(self, node, *command, **options):
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True,
                   "stdin": subprocess.DEVNULL, **options}
        return subprocess.Popen(self.command(node, *command), preexec_fn=die_with_parent, **options)

    def json(self, node, *command):
        done = self.run(node, *command)
        return json.loads(done.stdout or "[]")

    def call(self, node, function, *args, **kwargs):
        """function(*args) in a child process inside the node's network namespace."""
        return self.start(node, function, *args, **kwargs)()

    def start(self, node, function, *args, **kwargs):
        """As call, but returns at once: call the result to wait for the answer."""
        ours, theirs = multiprocessing.Pipe(duplex=False)
        fork = multiprocessing.get_context("fork")
        child = fork.Process(target=_inside, daemon=True,
                             args=(f"/run/netns/{self.name}-{node}", theirs, function, args, kwargs))
        child.start()
        theirs.close()

        def answer():
            try:
                good, value = ours.recv()
            except EOFError:
                good, value = False, f"{function.__name__} ended without an answer"
            child.join()
            if not good:
                raise RuntimeError(value)
            return value

        return answer

    def link_address(self, node, iface):
        """MAC of an interface."""
        return self.json(node, "ip", "-j", "link", "show", "dev", iface)[0]["address"]

    def neighbours(self, node, iface):
        """{address: MAC} that the node has resolved on iface."""
        rows = self.json(node, "ip", "-j", "neigh", "show", "dev", iface)
        return {row["dst"]: row["lladdr"] for row in rows if "lladdr" in row}


def _inside(namespace, answer, function, args, kwargs):
    die_with_parent()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    try:
        with open(namespace, "rb") as handle:
            if _libc.setns(handle.fileno(), CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), f"setns {namespace}")
        answer.send((True, function(*args, **kwargs)))
    except BaseException as error:  # pylint: disable=broad-except
        answer.send((False, f"{function.__name__}: {type(error).__name__}: {error}"))
