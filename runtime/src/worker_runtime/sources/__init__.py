"""What an event source is: it opens an event, lists the effects of outcomes, and words the reply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from worker_runtime.errors import BatchFailed, DeclarationError, ReplyRefused
from worker_runtime.outcomes import VERDICTS, Action, Deferred, Failed, Outcome, Rejected
from worker_runtime.settings import in_lambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from worker_runtime.effects import Effect
    from worker_runtime.grants import Grant
    from worker_runtime.outcomes import Family
    from worker_runtime.records import Record

Shape = Literal["nothing", "each", "record", "batch"]
"""What a worker's first parameter takes: there is none, a decoded body, a ``Record``, the ``Batch``."""

OF_BATCHES: Final[frozenset[Shape]] = frozenset(("each", "record", "batch"))
"""How a batch may be taken."""

NAME: Final = re.compile(r"[\w.-]+", re.ASCII)  # of queues, tables, streams and buckets


class Source(Protocol):
    """One way for events to reach a worker, declared before ``stack=``.

    A source is settings and pure functions: it keeps nothing from one invocation to the next.
    """

    @property
    def kind(self) -> str:
        """Its name in manifests, logs and errors."""

    @property
    def name(self) -> str:
        """The logical name of the queue, table or stream."""

    @property
    def family(self) -> Family:
        """Its column of the verdict table."""

    @property
    def ordered(self) -> bool:
        """Whether the records of one lane are taken one after the other."""

    @property
    def stops(self) -> bool:
        """Whether one failed record keeps those of all lanes from starting."""

    @property
    def shapes(self) -> frozenset[Shape]:
        """How a worker may take its records."""

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse settings that AWS refuses, or that lose records with this worker."""

    def recognises(self, event: Any) -> bool:
        """Whether the event has this source's outer shape."""

    def owns(self, event: Any) -> bool:
        """Whether the event's ARN names this very queue or stream."""

    def records(self, event: Any) -> list[Record[Any]]:
        """Open the event; nothing inside is parsed yet, so that a poison record fails as itself."""

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Compose what turns one of its records into the worker's type."""

    def admit(self, record: Record[Any], outcome: Outcome) -> Outcome:
        """Turn an outcome that this source cannot carry out into one that it can."""

    def effects(
        self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome], *, worker: str
    ) -> list[Effect]:
        """List what has to be done before the reply; nothing where the batch will be raised."""

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Word the reply, or raise so that the whole batch is delivered again."""

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
        """Refuse what middleware made of a ``worded`` reply where AWS would read something else.

        ``worded`` is UNSET where middleware replied without asking the worker; ``records`` are those of
        the event. Raises ReplyRefused.
        """

    def grants(self) -> tuple[Grant, ...]:
        """List what the source itself needs in order to work."""

    def describe(self, *, timeout_s: int) -> dict[str, Any]:
        """Its settings as plain data, for the manifest: what its event-source mapping is made from."""


def outer_records(event: Any, *event_sources: str) -> bool:
    """Whether the event is a batch of one of these ``eventSource`` values; an empty batch is anybody's."""
    records = event.get("Records") if isinstance(event, dict) else None
    if not isinstance(records, list):
        return False
    first = records[0] if records else {"eventSource": event_sources[0]}
    return isinstance(first, dict) and first.get("eventSource") in event_sources


_AGAIN = {
    family: frozenset(kind for kind, action in row.items() if action is Action.REDELIVER)
    for family, row in VERDICTS.items()
}


def redelivered(family: Family, outcome: Outcome) -> bool:
    """Whether AWS is to deliver the record again."""
    return type(outcome) in _AGAIN[family]


def all_over(family: Family, outcomes: Iterable[Outcome]) -> bool:
    """Whether AWS is to deliver none of the records again."""
    return _AGAIN[family].isdisjoint(map(type, outcomes))


def admitted(family: Family, outcome: Outcome, *, dead_letters: str | None) -> Outcome:
    """Turn a deferral that cannot be carried, and a rejection without dead letters, into a Retry."""
    match outcome:
        case Deferred(error=error, after_s=after_s) if redelivered(family, outcome):
            return Failed(error, after_s)
        case Rejected(error=error) if dead_letters is None:
            return Failed(error)
        case _:
            return outcome


def item_failures(ids: Iterable[Any]) -> dict[str, list[dict[str, str]]]:
    """Word the partial reply; an id that Lambda could not find again raises instead."""
    listed = dict.fromkeys(ids)
    if unusable := [name for name in listed if not isinstance(name, str) or not name]:
        raise BatchFailed(f"{len(unusable)} failed records have no id that a reply could name")
    return {"batchItemFailures": [{"itemIdentifier": name} for name in listed]}


def check_item_failures(reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
    """Let a partial reply list more of the batch than the source did, never less nor anything else."""
    middleware_lists(_listed, reply, worded=worded, records=records)


def middleware_lists(
    ids_in: Callable[[Any], set[str]], reply: Any, *, worded: Any, records: Sequence[Record[Any]]
) -> None:
    """Refuse a partial reply that has lost ids, or has some that are not of the batch."""
    listed = ids_in(reply)
    if worded is not msgspec.UNSET and (lost := ids_in(worded) - listed):
        raise ReplyRefused(
            f"middleware left {len(lost)} failed records out of the reply; return that of call_next."
        )
    if unknown := listed - {record.id for record in records}:
        raise ReplyRefused(f"middleware lists {len(unknown)} records that are not of this batch.")


def _listed(reply: Any) -> set[str]:
    """Read the ids of a partial reply; anything else that Lambda would take for success is refused."""
    match reply:
        case {"batchItemFailures": [*items], **others} if not others:
            ids = [item.get("itemIdentifier") for item in items if isinstance(item, dict)]
            named = {each for each in ids if isinstance(each, str) and each}
            if len(ids) == len(items) and named == {*ids}:
                return named
    raise another_shape(reply, "batchItemFailures")


def another_shape(reply: Any, wanted: str) -> ReplyRefused:
    """Word the refusal of a reply that is not of the shape that AWS reads."""
    return ReplyRefused(
        f"the reply is a {type(reply).__name__} of another shape than {wanted};"
        " middleware must return what call_next returned."
    )


def check_patterns(
    patterns: Sequence[Any], *, data_key: Literal["body", "data", "dynamodb", "value"]
) -> None:
    """Refuse event patterns that AWS would refuse.

    Not in Lambda: there the mapping carries them already, and a cold start has better things to do.
    """
    if patterns and not in_lambda():
        from worker_runtime.filters import compile_filters  # noqa: PLC0415 - see above

        compile_filters(patterns, data_key=data_key)


def check_range(what: str, value: int, low: int, high: int, *, who_says: str = "AWS takes") -> None:
    """Refuse a setting that is no whole number, or outside the limits."""
    if type(value) is not int:  # True is an int, but no number of anything
        raise DeclarationError(f"{what} is {value!r}; say a whole number from {low} to {high}.")
    if not low <= value <= high:
        raise DeclarationError(f"{what} is {value}; {who_says} {low} to {high}.")


def check_names(who: str, **names: object) -> None:
    """Refuse a logical name that no resource of AWS could have; None is a name that was left out."""
    for what, name in names.items():
        if name is not None and not (isinstance(name, str) and NAME.fullmatch(name)):
            raise DeclarationError(
                f"{who} {what} is {name!r}; say a name of letters, digits, '-', '_' and '.'."
            )
