"""Records to outcomes: decode, call, classify; lane by lane; no record starts too near the deadline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from worker_runtime.errors import UNDECODABLE, Verdict, text_of
from worker_runtime.invocation import new_hand
from worker_runtime.outcomes import DONE, Done, Failed, Outcome, Rejected, Unstarted, outcome_of
from worker_runtime.records import Batch, Record
from worker_runtime.threads import concurrently

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.sources import Shape, Source

    Attempt = Callable[[Record[Any]], Outcome]
    Decode = Callable[[Record[Any]], Any]


def attempting(function: Callable[..., Any], decode: Decode, *, shape: Shape) -> Attempt:
    """Compose what decodes one record and hands it to the worker; whatever is raised is an outcome."""
    taken = _as_record(decode) if shape == "record" else decode

    def attempt(record: Record[Any]) -> Outcome:
        try:
            body = taken(record)
        except Exception as error:  # noqa: BLE001 - a poison record fails as itself, whatever it does
            return undecodable(error)
        try:
            value = function(body)
        except Exception as error:  # noqa: BLE001 - the one place where a worker's errors become outcomes
            return outcome_of(error)
        if value is None:
            return DONE
        return outcome_of(value) if isinstance(value, Verdict) else Done(value)  # returned by a slip

    return attempt


def _as_record(decode: Decode) -> Decode:
    return lambda record: replace(record, body=decode(record))


def attempt_batch(
    function: Callable[..., Any], decode: Decode, records: Sequence[Record[Any]]
) -> list[Outcome]:
    """Hand all records that can be decoded to the worker at once, and read its marks."""
    outcomes: list[Outcome] = [DONE] * len(records)
    decoded: dict[int, Record[Any]] = {}
    for at, record in enumerate(records):
        try:
            decoded[at] = replace(record, body=decode(record))
        except Exception as error:  # noqa: BLE001 - as above
            outcomes[at] = undecodable(error)
    batch = Batch(tuple(decoded.values()), received=records)
    unmarked: Outcome = DONE
    try:
        if decoded:
            function(batch)
    except Exception as error:  # noqa: BLE001 - as above
        unmarked = outcome_of(error)
        if not isinstance(unmarked, Failed) and len(decoded) > 1:  # it says nothing of any one record
            unmarked = Failed(error)
    if batch.is_marked or unmarked is not DONE:
        for at, record in decoded.items():
            outcomes[at] = batch.outcome(record) or unmarked
    return outcomes


def contained(call: Attempt) -> Attempt:
    """Keep what middleware does wrong to the record at hand."""

    def contain(record: Record[Any]) -> Outcome:
        try:
            outcome = call(record)
        except Exception as error:  # noqa: BLE001 - as above
            return outcome_of(error)
        if isinstance(outcome, Outcome):
            return outcome
        return Failed(TypeError(f"middleware returned {outcome!r}; return the outcome of call_next."))

    return contain


def undecodable(error: Exception) -> Outcome:
    """Classify what decoding raised: never the worker's fault, never worth a retry."""
    if isinstance(error, Verdict):
        return outcome_of(error)
    return Rejected(UNDECODABLE, error)


class Pass(Struct):
    """One way through a batch: what came of each record, and what must not start any more."""

    records: Sequence[Record[Any]]
    source: Source
    attempt: Attempt
    settle: Callable[[int, list[Outcome]], None]
    latest: float
    now: Callable[[], float]
    outcomes: list[Outcome]
    blocked: set[str]
    stopped: str | None = None

    def take_all(self, records: Iterable[tuple[int, Record[Any]]]) -> None:
        """Start records, given with their positions, one after the other, or say why not.

        The hot loop: what it asks for a record is local, and a record that is done costs nothing more.
        """
        attempt, now, latest, blocked = self.attempt, self.now, self.latest, self.blocked
        hand = new_hand()
        for at, record in records:
            if now() > latest or self.stopped is not None or (blocked and record.lane in blocked):
                self._hold_back(at)
                continue
            hand.record = record
            outcome = attempt(record)
            if outcome is not DONE:
                self.outcomes[at] = outcome
                if not isinstance(outcome, Done):
                    self._mind(at, record, outcome)
        hand.record = None

    def _hold_back(self, at: int) -> None:
        """Say why a record is not started."""
        if self.stopped is None and self.now() > self.latest:
            self.stopped = "the deadline is near"
        self.outcomes[at] = Unstarted(self.stopped or "an earlier record of its lane failed")

    def _mind(self, at: int, record: Record[Any], outcome: Outcome) -> None:
        """Write an ordered lane's dead letter before its next record starts; hold back what must wait."""
        self.outcomes[at] = self.source.admit(record, outcome)
        if self.source.ordered and isinstance(self.outcomes[at], Rejected):
            self.settle(at, self.outcomes)
        outcome = self.outcomes[at]
        if not isinstance(outcome, Failed):
            return
        if outcome.halted:
            self.stopped = f"halted: {text_of(outcome.error)}"
        elif self.source.stops:
            self.stopped = "an earlier record of the batch failed"
        elif self.source.ordered:
            self.blocked.add(record.lane)


def run_pass(going: Pass, *, concurrency: int) -> list[Outcome]:
    """Take every record, ``concurrency`` lanes at once; returns when none is running any more."""
    everything = enumerate(going.records)
    if concurrency == 1 or len(going.records) == 1:
        going.take_all(everything)
        return going.outcomes
    units = _lanes(everything) if going.source.ordered else [[one] for one in everything]
    for error in concurrently(going.take_all, units, at_once=concurrency):
        if error is not None:
            raise error
    return going.outcomes


def _lanes(records: Iterable[tuple[int, Record[Any]]]) -> list[list[tuple[int, Record[Any]]]]:
    lanes: dict[str, list[tuple[int, Record[Any]]]] = {}
    for at, record in records:
        lanes.setdefault(record.lane, []).append((at, record))
    return list(lanes.values())
