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
    ``dead_letters`` counts those that were written, by queue.
    """

    events: int = 0
    counts: Counter[Verdict] = field(default_factory=Counter)
    records: list[Compared] = []
    left_out: int = 0
    unread: int = 0
    bad_lines: list[BadLine] = []
    dead_letters: Counter[str] = field(default_factory=Counter)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs and every line could be read."""
        return not self.counts["different"] and not self.unread

    @property
    def differing(self) -> list[Compared]:
        """The rows of records that are not the same."""
        return [each for each in self.records if each.verdict != "same"]

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


def survey(recording: Recording, *, worker: str | None) -> Counter[str]:
    """Count the events that are to be run, by worker: those of ``worker`` (its id), or all.

    Raises Misuse where an event names no worker and none is asked for.
    """
    found: Counter[str] = Counter()
    for number, line in recording:
        if isinstance(line, BadLine):
            continue
        if line.worker is None and worker is None:
            raise Misuse(f"{recording.path}, line {number} names no worker; say one with --worker ID.")
        if (chosen := _chosen(line, worker)) is not None:
            found[chosen] += 1
    return found


def replay(
    recording: Recording,
    *,
    workers: Reruns,
    worker: str | None,
    done_before: bool = False,
    done: Callable[[Event], None] = lambda _: None,
) -> Replayed:
    """Run the events that ``survey`` counts again, and compare.

    ``done_before`` says that what is skipped now may be what was done then; ``done`` hears of each event.
    """
    replayed = Replayed()
    for number, line in recording:
        if isinstance(line, BadLine):
            replayed.pass_over(line)
        elif (worker_id := _chosen(line, worker)) is not None:
            now = workers.run(line, worker=worker_id, in_clear=recording.head.in_clear)
            replayed.events += 1
            for compared in compare(number, line, now, done_before=done_before):
                replayed.add(compared)
            done(now)
    return replayed


def _chosen(event: Event, worker: str | None) -> str | None:
    """Name the worker that an event is run on; None where only another's events are asked for."""
    if worker is not None and event.worker not in (None, worker):
        return None
    return event.worker or worker
