# SPDX-License-Identifier: BSD-3-Clause
"""Bytes that a host outside and one inside send each other over TCP, checked at both ends."""

import hashlib
import multiprocessing
import os
import random
import socket
import threading
import time
from collections import namedtuple

# up, down: bytes to the LAN and from it, at once.
Job = namedtuple("Job", "source address port up down")
# intact: both ways, whole; connected, seconds: until connected; from then to the last byte.
Fared = namedtuple("Fared", "intact connected seconds got_up got_down")


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def content(job, way):
    return random.Random(f"{way} {job.address} {job.port}").randbytes(getattr(job, way))


def leave_first_cpu():
    """The box polls there."""
    if os.cpu_count() > 1:
        os.sched_setaffinity(0, range(1, os.cpu_count()))


def run(lab, host, jobs, patience=60, client="out", congestion=None):
    """Plays all jobs at once between nodes `client` and `host`; [Fared] in the same order.
    `patience`: seconds without a byte; `congestion`: control of both ends, else the machine's."""
    ready = [multiprocessing.Event() for _ in jobs]
    servers = [lab.start(host, _serve, job, patience, congestion, event) for job, event in zip(jobs, ready)]
    for event in ready:
        event.wait(patience)
    clients = [lab.start(client, _connect, job, patience, congestion) for job in jobs]
    fared = []
    for job, server, ended in zip(jobs, servers, clients):
        down, connected, seconds = ended()
        up, _, took = server()
        intact = up == _expected(job, "up") and down == _expected(job, "down")
        fared.append(Fared(intact, connected, max(seconds, took), up[1], down[1]))
    return fared


def _expected(job, way):
    return hashlib.sha256(content(job, way)).hexdigest(), getattr(job, way)


def _control(peer, congestion):
    if congestion:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, congestion.encode())


def _serve(job, patience, congestion, ready):
    leave_first_cpu()
    data = content(job, "down")
    with socket.create_server((job.address, job.port), family=family_of(job.address)) as server:
        server.settimeout(patience)
        _control(server, congestion)
        ready.set()
        peer, _ = server.accept()
        with peer:
            return _exchange(peer, data, 0.0, patience)


def _connect(job, patience, congestion):
    leave_first_cpu()
    data = content(job, "up")
    with socket.socket(family_of(job.address)) as peer:
        peer.bind((job.source, 0))
        _control(peer, congestion)
        peer.settimeout(patience)
        began = time.monotonic()
        peer.connect((job.address, job.port))
        return _exchange(peer, data, time.monotonic() - began, patience)


def _exchange(peer, data, connected, patience):
    """((digest, size) of what came, connected, seconds until its last byte)."""
    peer.settimeout(patience)
    began = time.monotonic()

    def send():
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    digest, size = hashlib.sha256(), 0
    while came := peer.recv(1 << 18):
        digest.update(came)
        size += len(came)
    seconds = time.monotonic() - began
    sender.join(patience)
    return (digest.hexdigest(), size), connected, seconds
