"""A recording from its first line to its last: each event run again, compared, counted."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct, field

from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.recording.comparing import Compared, Verdict, compare
from worker_runtime.local.recording.files import BadLine

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.recording.files import Recording
    from worker_runtime.local.recording.lines import Event

SHOWN_SAME: Final = 50
SHOWN_OTHERS: Final = 1_000


class Reruns(Protocol):
    """Runs a recorded event again."""

    def run(self, recorded: Event, *, worker: str, in_clear: bool) -> Event:
        """Return the event with what became of it this time."""


class Replayed(Struct, rename="camel"):
    """What a replay found: all is counted; rows are kept as far as somebody reads them.

    Up to ``SHOWN_SAME`` rows are of records that are the same, up to ``SHOWN_OTHERS`` of others.
    """

    events: int = 0
    counts: Counter[Verdict] = field(default_factory=Counter)
    records: list[Compared] = []
    left_out: int = 0
    unread: int = 0
    bad_lines: list[BadLine] = []

    @property
    def agrees(self) -> bool:
        """Whether nothing differs and every line could be read."""
        return not self.counts["different"] and not self.unread

    def pass_over(self, bad: BadLine) -> None:
        """Count a line that cannot be read, and keep it where it is one of the first."""
        self.unread += 1
        if self.unread <= SHOWN_OTHERS:
            self.bad_lines.append(bad)

    def add(self, compared: Compared) -> None:
        """Count a record, and keep it where it is one of the first."""
        self.counts[compared.verdict] += 1
        same = self.counts["same"]
        others = self.counts.total() - same
        room = same <= SHOWN_SAME if compared.verdict == "same" else others <= SHOWN_OTHERS
        if room:
            self.records.append(compared)
        else:
            self.left_out += 1


def chosen_by(event: Event, *, worker: str | None) -> str | None:
    """Name the worker that an event is run on; None where ``worker`` is asked for and it is another's."""
    if worker is not None and event.worker not in (None, worker):
        return None
    return event.worker or worker


def replay(
    recording: Recording,
    *,
    workers: Reruns,
    worker: str | None,
    done_before: bool = False,
    done: Callable[[Event], None] = lambda _: None,
) -> Replayed:
    """Run the events of a recording again, or those of one worker (its id), and compare.

    ``done_before`` says that what is skipped now may be what was done then; ``done`` hears of each event.
    Raises Misuse where an event says no worker and none is asked for.
    """
    replayed = Replayed()
    for number, line in recording:
        if isinstance(line, BadLine):
            replayed.pass_over(line)
            continue
        worker_id = chosen_by(line, worker=worker)
        if worker_id is None:
            if line.worker is None:
                raise Misuse(f"{recording.path}, line {number} names no worker; say one with --worker ID.")
            continue
        now = workers.run(line, worker=worker_id, in_clear=recording.head.in_clear)
        replayed.events += 1
        for compared in compare(number, line, now, done_before=done_before):
            replayed.add(compared)
        done(now)
    return replayed
