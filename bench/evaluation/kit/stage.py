# SPDX-License-Identifier: BSD-3-Clause
"""Plays many conversations at a time over one link."""

import heapq
import itertools
import random
import time

from .party import Party


class Stage:
    """What parties share: the link, fresh addresses, the clock."""

    def __init__(self, link, frames, pool, pace=60):
        self.link, self.wire, self.pool, self.pace = link, frames, pool, pace
        self.dice = random.Random()
        self._parties = {}
        self.now, self.send = time.time_ns, link.send

    def fresh(self, six):
        return self.pool.fresh(six), self.dice.randrange(10000, 60000), self.dice.getrandbits(32)

    def ticks(self):
        return 0x1000 + time.monotonic_ns() // 1000000 % 10**8

    def enter(self, party):
        self._parties[party.key()] = party

    def leave(self, party):
        if hasattr(party, "src"):
            self._parties.pop(party.key(), None)

    def play(self, jobs):
        """jobs: [(target, steps, options)], in any order; the Parties in the same order when all have ended."""
        order = list(range(len(jobs)))
        self.dice.shuffle(order)
        parties, start, turn = [None] * len(jobs), time.monotonic(), itertools.count()
        # Each entry wakes a conversation; one that has not begun is a number.
        awake = [(start + place / self.pace, next(turn), number, None) for place, number in enumerate(order)]
        while awake:
            due, _, number, going = awake[0]
            if due > time.monotonic():
                self.link.wait(min(0.05, due - time.monotonic()))
                self._listen()
                continue
            heapq.heappop(awake)
            self._listen()
            if going is None:
                parties[number] = Party(self, *jobs[number])
                going = parties[number].play()
            pause = next(going, None)
            if pause is None:
                self.leave(parties[number])
            else:
                heapq.heappush(awake, (max(due, time.monotonic() - 0.05) + pause, next(turn), number, going))
        return parties

    def _listen(self):
        for packet in self.link.receive():
            party = self._parties.get(packet.key)
            if party:
                party.hear(packet)
