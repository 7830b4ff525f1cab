"""Candidates timed in turn, round by round, so that a noisy neighbour is noisy for all; medians count."""

from __future__ import annotations

import gc
import io
import json
import statistics
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, NamedTuple

from table import Goal, Peer, Row

Candidate = Callable[[Any], float | None]
"""Takes a parsed event; one that takes its own time returns it, in milliseconds."""

ROUNDS = 21
SHORT_ROUNDS = 5


class Case(NamedTuple):
    """One path: the event as its JSON text, our candidate and the peers', the goal's first.

    The event is parsed anew before each call, as Lambda's client does. What is not ``steady`` depends on
    more of the machine than its speed: no reason to fail CI.
    """

    path: str
    event: str
    ours: Candidate
    peers: dict[str, Candidate]
    goal: Goal | None = None
    steady: bool = True

    def short(self) -> Case:
        """Leave out all but the peer that the goal is about."""
        return self._replace(peers=dict([*self.peers.items()][:1]))


class Collected(NamedTuple):
    """What garbage collection took inside the timed calls."""

    share: float
    full: int


def row_of(case: Case, *, rounds: int = ROUNDS) -> Row:
    """Time a case's candidates and word the row; a ratio is the median of the rounds' ratios."""
    took = times_ms(case, rounds=rounds)
    ours = took.pop("ours")
    peers = tuple(_peer(name, times, ours) for name, times in took.items())
    return Row(case.path, statistics.median(ours), peers, case.goal)


def _peer(name: str, times: list[float], ours: list[float]) -> Peer:
    ratios = [theirs / own for theirs, own in zip(times, ours, strict=True)]
    return Peer(name, statistics.median(times), statistics.median(ratios))


def times_ms(case: Case, *, rounds: int) -> dict[str, list[float]]:
    """Call each candidate once a round, one after the other, and skip the first round."""
    candidates = {"ours": case.ours, **case.peers}
    took: dict[str, list[float]] = {name: [] for name in candidates}
    for counted in range(rounds + 1):
        for name, candidate in candidates.items():
            gc.collect()  # nobody pays for what another left behind
            ms = _call_ms(candidate, json.loads(case.event))
            if counted:
                took[name].append(ms)
    return took


def _call_ms(candidate: Candidate, event: Any) -> float:
    with redirect_stdout(io.StringIO()):
        began = time.perf_counter()
        own_ms = candidate(event)
        took_ms = (time.perf_counter() - began) * 1000
    return took_ms if own_ms is None else own_ms


def collected(candidate: Candidate, event: str) -> Collected:
    """Find out what part of a call is garbage collection, and how often it was a full one."""
    began = spent = 0.0
    full = 0

    def note(phase: str, info: dict[str, int]) -> None:
        nonlocal began, spent, full
        if phase == "start":
            began = time.perf_counter()
        else:
            spent += time.perf_counter() - began
            full += info["generation"] == 2

    gc.collect()
    parsed = json.loads(event)
    gc.callbacks.append(note)
    try:
        ms = _call_ms(candidate, parsed)
    finally:
        gc.callbacks.remove(note)
    return Collected(spent * 1000 / ms, full)
