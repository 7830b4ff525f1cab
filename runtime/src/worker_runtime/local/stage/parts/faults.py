"""What a stand-in is told to get wrong: the next n requests, every n-th one, or some by chance.

What is scripted and how far it is used up are remembered, chance is not.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.parts.http_server import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.stage.keeping.memory import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What one request gets: a delay, then ``response``, no answer, a hang-up, or (None) the real one."""

    response: Response | None = None
    latency_s: float = 0.0
    hang: bool = False
    hangs_up: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Throttle:
    """Which requests are refused: every ``every``-th, and each with probability ``share``."""

    every: int = 0
    share: float = 0.0
    response: Response = field(default_factory=lambda: Response(status=429))


class _Stand(Struct, frozen=True):
    script: list[Fault]
    throttle: Throttle
    seen: int


class Faults:
    """Decides for each request in turn; the same seed and order of requests decide the same."""

    def __init__(self, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._script: deque[Fault] = deque()
        self._throttle = Throttle()
        self._seen = 0
        self._memory: Memory = Forgetful()

    def recall(self, memory: Memory) -> None:
        """Go on with what ``memory`` has, and keep it there from now on."""
        self._memory = memory
        for _, value in memory.read("faults"):
            kept = msgspec.json.decode(value, type=_Stand)
            self._script, self._throttle, self._seen = deque(kept.script), kept.throttle, kept.seen

    def script(self, fault: Fault, *, times: int) -> None:
        """Let the next ``times`` requests get ``fault``, after those already scripted."""
        with self._lock:
            self._script.extend([fault] * times)
            self._remember()

    def throttle(self, throttle: Throttle) -> None:
        """Refuse requests as ``throttle`` says, from now on."""
        with self._lock:
            self._throttle = throttle
            self._seen = 0
            self._remember()

    def clear(self) -> None:
        """Let everything through again."""
        with self._lock:
            self._script.clear()
            self._throttle = Throttle()
            self._remember()

    def next(self) -> Fault | None:
        """Decide for the next request; None lets it through."""
        with self._lock:
            fault = self._scripted() if self._script else self._throttled()
            self._remember()
        return fault

    def _scripted(self) -> Fault:
        """Take the next of the script; one that is only late is refused as any other is."""
        fault = self._script.popleft()
        if fault.response is None and not fault.hang and not fault.hangs_up:
            refused = self._throttled()
            return fault if refused is None else replace(fault, response=refused.response)
        return fault

    def _throttled(self) -> Fault | None:
        self._seen += 1
        throttle = self._throttle
        nth = throttle.every > 0 and self._seen % throttle.every == 0
        if nth or (throttle.share > 0 and self._random.random() < throttle.share):
            return Fault(response=throttle.response)
        return None

    def _remember(self) -> None:
        stand = _Stand([*self._script], self._throttle, self._seen)
        self._memory.put("faults", "now", msgspec.json.encode(stand))


def failing(
    status: int, *, headers: Mapping[str, str] | None, body: bytes | str | dict[str, object] | None
) -> Response:
    """Make the response of a failure; a ``dict`` is sent as JSON."""
    if isinstance(body, dict):
        return Response.json(body, status=status, headers=headers)
    raw = body.encode() if isinstance(body, str) else body or b""
    return Response(status=status, headers=dict(headers or {}), body=raw)
