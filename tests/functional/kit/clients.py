# SPDX-License-Identifier: BSD-3-Clause
"""Many genuine clients at once: ordinary sockets of the kernel, each bound to its own address."""

import errno
import os
import select
import socket
import time
from collections import namedtuple

IP_BIND_ADDRESS_NO_PORT = 24

# seconds: until connected (None: never); answer: what the service said; error: errno or 0.
Outcome = namedtuple("Outcome", "source target seconds answer error")


class _Client:
    def __init__(self, source, target, request, began):
        family = socket.AF_INET6 if ":" in source else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        if request is None:  # a scanner hangs up with a reset
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.source, self.target = source, target
        self.request, self.began = request, began
        self.seconds, self.answer, self.error = None, b"", 0
        self.socket.bind((source, 0))
        code = self.socket.connect_ex(target)
        if code not in (0, errno.EINPROGRESS):
            self.error = code

    def connected(self, now):
        self.error = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if self.error:
            return False
        self.seconds = now - self.began
        if self.request:
            self.socket.send(self.request)
        return True

    def readable(self):
        """True when there is nothing more to wait for."""
        try:
            data = self.socket.recv(4096)
        except OSError as error:
            self.error = error.errno
            return True
        self.answer += data
        return not data or self.answer.endswith(b"\n")


def connect_many(jobs, timeout=4.0, request=None, wait=None, concurrency=700, rate=1500):
    """jobs: [(source, (address, port))]. Connects each; with `request` (b"" for services that speak
    first) also waits for a line of answer, up to `wait` seconds after the timeout. [Outcome]."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, range(1, os.cpu_count()))
    poller, open_now, outcomes = select.epoll(), {}, []
    jobs, start, begun = list(jobs), time.monotonic(), 0

    def finish(client):
        open_now.pop(client.socket.fileno(), None)
        client.socket.close()
        outcomes.append(Outcome(client.source, client.target, client.seconds, client.answer, client.error))

    while begun < len(jobs) or open_now:
        now = time.monotonic()
        while begun < len(jobs) and len(open_now) < concurrency and begun < (now - start) * rate + 1:
            client = _Client(*jobs[begun], request, time.monotonic())
            begun += 1
            open_now[client.socket.fileno()] = client
            if client.error:
                finish(client)
            else:
                poller.register(client.socket, select.EPOLLOUT)
        for number, _ in poller.poll(0.005):
            client = open_now.get(number)
            if client is None:
                continue
            if client.seconds is not None:
                if client.readable():
                    finish(client)
            elif not client.connected(time.monotonic()) or request is None:
                finish(client)
            else:
                poller.modify(number, select.EPOLLIN)
        now = time.monotonic()
        for client in [c for c in open_now.values() if now - c.began > timeout]:
            if client.seconds is None or now - client.began > timeout + (wait or 0):
                finish(client)
    return outcomes
