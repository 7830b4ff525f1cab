"""Messages that SQS is to hold back, held back on a clock that jumps: the emulator would wait in real time.

Only where threads take turns. What is held is sent on when it is due, or when the stage is taken down.
"""

from __future__ import annotations

import heapq
import json
from hashlib import md5
from itertools import count
from typing import TYPE_CHECKING, Any
from urllib.request import Request, urlopen
from uuid import uuid4

import msgspec

from worker_runtime.local.stage.keeping.memory import Forgetful
from worker_runtime.local.stage.lineage.happenings import Renamed
from worker_runtime.local.stage.lineage.journal import NO_JOURNAL
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.polling.stage_time import machine_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from worker_runtime.clock import Clock
    from worker_runtime.local.stage.keeping.memory import Memory
    from worker_runtime.local.stage.lineage.journal import Journal
    from worker_runtime.local.stage.threads.threads import Threads

    Call = Mapping[str, Any]  # as it is on the wire

_SEND_S = 30.0
_HELD = "held"


class DelayedMessages(Part):
    """Holds calls of ``SendMessage`` back; for many threads."""

    def __init__(
        self,
        *,
        clock: Clock,
        threads: Threads,
        send: Callable[[Call], str],
        journal: Journal = NO_JOURNAL,
        memory: Memory | None = None,
    ) -> None:
        """Prepare; ``send`` makes a call at last and returns the message's id.

        With a ``memory`` what is held in the end is left to the next that has it.
        """
        self._memory = Forgetful() if memory is None else memory
        self._leaves = memory is not None
        self._clock = clock
        self._threads = threads
        self._send_now = send
        self._journal = journal
        self._numbers = count()
        self._held: list[tuple[float, int, str, Call]] = []
        self._changed = threads.condition()
        self._stopped = False
        self._keeper = threads.thread(self._keep, name="delays")

    def start(self) -> Self:
        """Begin to let go of what is due, of what is remembered too."""
        for named, value in self._memory.read(_HELD):
            at, call = msgspec.json.decode(value)
            heapq.heappush(self._held, (at, next(self._numbers), named, call))
        self._keeper.start()
        return self

    def stop(self) -> None:
        """Send all that is held, or leave it to the next run, and end."""
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._keeper.is_alive():
            self._keeper.join()
        while self._held and not self._leaves:
            self._send(*heapq.heappop(self._held)[2:])

    def busy(self) -> bool:
        """Whether a message is held."""
        with self._changed:
            return bool(self._held)

    def hold(self, call: Call, *, delay_s: float) -> dict[str, str]:
        """Take a call's message for so many seconds; what SQS answers to it."""
        named = str(uuid4())
        with self._changed:
            due_at = self._clock.now() + delay_s
            self._memory.put(_HELD, named, msgspec.json.encode([due_at, call]))
            heapq.heappush(self._held, (due_at, next(self._numbers), named, call))
            self._changed.notify()
        digest = md5(call["MessageBody"].encode(), usedforsecurity=False).hexdigest()
        return {"MessageId": named, "MD5OfMessageBody": digest}

    def _keep(self) -> None:
        while (due := self._take_due()) is not None:
            self._send(*due)
            self._threads.news()

    def _send(self, named: str, call: Call) -> None:
        """Send a message on, and note under which id it arrives: its sender was told another."""
        self._journal.note(Renamed(named, self._send_now(call)))
        self._memory.drop(_HELD, named)

    def _take_due(self) -> tuple[str, Call] | None:
        """Wait for a message that is due and take it; None once it is stopped."""
        with self._changed:
            while not self._stopped:
                now = self._clock.now()
                if self._held and self._held[0][0] <= now:
                    _, _, named, call = heapq.heappop(self._held)
                    return named, call
                left_s = machine_seconds(self._clock, self._held[0][0] - now) if self._held else None
                self._changed.wait(left_s)
        return None


def sender_to(endpoint_url: str) -> Callable[[Call], str]:
    """Make the way to an emulator's SQS for calls as they are on the wire."""

    def send(call: Call) -> str:
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage"}
        request = Request(endpoint_url, data=json.dumps(call).encode(), headers=headers)  # noqa: S310 - the stage's own emulator
        with urlopen(request, timeout=_SEND_S) as answer:  # noqa: S310 - the same
            named: str = json.loads(answer.read())["MessageId"]
        return named

    return send
