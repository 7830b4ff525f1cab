"""What happens to a stage on purpose at moments that a seed decides: crashes, outages, slowness.

Moments are counted in the workers' calls to AWS and to outside services, not in seconds, so that they
always fall into the work: a crash comes right after a call has had its effect and before the worker can
tell of it. What goes wrong with single deliveries is ``mischief``'s.

The words, all over the stage:

fault     what people ask for by its name (``FAULTS``, ``--faults``); brings accidents of a kind or more
accident  one time that something goes wrong on purpose: a row of the lineage's ``accidents``, here those
          that are planned by counting calls
mischief  decides on the accidents between Lambda and a worker, delivery by delivery (``mischief``)
mishap    such an accident that befalls one invocation, in Lambda's words (``polling.mishap``)
struck    what an accident does to an invocation or a place; ``Struck`` is the note of it
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Self

FAULTS: Final = frozenset(
    {
        "crash",
        "delay",
        "duplicate",
        "latency",
        "lost-reply",
        "malformed-reply",
        "outage",
        "poison",
        "reorder",
        "throttle",
    }
)
"""``poison`` is the scenario's own: only it knows what its workers cannot digest."""

AWS: Final = "AWS"
"""Where the calls are counted that go to no outside service."""

_CALLS_BETWEEN = (6, 24)  # accidents of one kind
_CALLS_LATER = (30, 90)  # the same, once every worker has had one
_ANSWERS_BEFORE = (2, 8)  # a crash that comes right after an outside service's answer

_log = logging.getLogger(__name__)


class UnknownFault(WorkerRuntimeError):
    """A fault that no stage knows."""


@dataclass(frozen=True, slots=True)
class Accident:
    """What happens once workers have made ``after`` calls to a ``place``; False where it has to wait."""

    place: str
    after: int
    happen: Callable[[], bool]


class Accidents(Part):
    """Makes accidents happen; for many threads."""

    def __init__(self, faults: Collection[str], *, seed: int, at_once: bool = False) -> None:
        """Prepare the ``faults`` named; raises UnknownFault.

        ``at_once`` makes them happen before the caller gets its answer, so that a run can be repeated.
        """
        if unknown := set(faults) - FAULTS:
            raise UnknownFault(f"{sorted(unknown)} are no faults of the stage; it knows {sorted(FAULTS)}.")
        self._faults = frozenset(faults)
        self._at_once = at_once
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._calls: Counter[str] = Counter()
        self._planned: list[Accident] = []
        self._due: SimpleQueue[Accident | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._happen, name="accidents", daemon=True)

    def start(self) -> Self:
        """Begin to count calls."""
        if not self._at_once:
            self._thread.start()
        return self

    def stop(self) -> None:
        """Let nothing more happen."""
        with self._lock:
            self._planned.clear()
        self._due.put(None)
        if self._thread.is_alive():
            self._thread.join()

    def plan_crashes(
        self,
        crashes: Collection[Callable[[], bool]],
        *,
        services: Collection[str],
        crash_all: Callable[[], bool],
    ) -> None:
        """Call each of ``crashes`` (one a worker) twice, where they are wanted: soon, and once more later.

        ``crash_all`` is called right after an answer of each of the ``services``. What is False is tried
        again at the next call.
        """
        if "crash" not in self._faults:
            return
        for between in (_CALLS_BETWEEN, _CALLS_LATER):
            self._plan(self._random.sample([*crashes], len(crashes)), between=between)
        with self._lock:
            for service in services:
                after = self._random.randint(*_ANSWERS_BEFORE)
                self._planned.append(Accident(service, after, crash_all))

    def plan_once(self, fault: str, happenings: Collection[Callable[[], None]]) -> None:
        """Call each of ``happenings`` once, where the ``fault`` is wanted that they are."""

        def once(happening: Callable[[], None]) -> Callable[[], bool]:
            def happen() -> bool:
                happening()
                return True

            return happen

        if fault in self._faults:
            self._plan([once(happening) for happening in happenings], between=_CALLS_BETWEEN)

    def called(self, place: str = AWS) -> None:
        """Note that a worker made a call, to AWS or an outside service, and has its answer."""
        with self._lock:
            self._calls[place] += 1
            for accident in [each for each in self._planned if self._is_due(each)]:
                self._planned.remove(accident)
                self._due.put(accident)
        if self._at_once:
            self._happen_until_empty()

    def _is_due(self, accident: Accident) -> bool:
        return accident.after <= self._calls[accident.place]

    def _plan(self, happenings: Collection[Callable[[], bool]], *, between: tuple[int, int]) -> None:
        after = 0
        with self._lock:
            for happen in happenings:
                after += self._random.randint(*between)
                self._planned.append(Accident(AWS, after, happen))
            self._planned.sort(key=lambda accident: accident.after)

    def _happen(self) -> None:
        while (accident := self._due.get()) is not None:
            self._let_happen(accident)

    def _happen_until_empty(self) -> None:
        while True:
            try:
                accident = self._due.get_nowait()
            except Empty:
                return
            if accident is not None:
                self._let_happen(accident)

    def _let_happen(self, accident: Accident) -> None:
        try:
            happened = accident.happen()
        except (WorkerRuntimeError, OSError):
            _log.exception("an accident did not go as planned")
            return
        if not happened:
            with self._lock:
                again = self._calls[accident.place] + 1
                self._planned.insert(0, Accident(accident.place, again, accident.happen))
