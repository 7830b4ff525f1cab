"""What Lambda reads in an answer: which records of a batch it takes for done, and which not.

Between a poller and the function: the pollers ask here and never look into a reply themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.execution.answers import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from worker_runtime.local.stage.execution.answers import Answer


@dataclass(frozen=True, slots=True)
class AllDone:
    """Every record is done."""


@dataclass(frozen=True, slots=True)
class SomeFailed:
    """The records of these ids are not done; a queue deletes the others."""

    ids: frozenset[str]

    def first_of(self, ids: Sequence[str]) -> int:
        """Find the position of the lowest failed sequence number: a stream goes on from there."""
        return min((at for at, each in enumerate(ids) if each in self.ids), key=lambda at: int(ids[at]))


@dataclass(frozen=True, slots=True)
class BatchFailed:
    """No record is done; ``raised`` tells an error, a time-out or a crash from a malformed reply."""

    reason: str
    raised: bool


Reading = AllDone | SomeFailed | BatchFailed


def plain_id(identifier: object) -> str | None:
    """Read an ``itemIdentifier`` that is a record's id itself."""
    return identifier if isinstance(identifier, str) else None


def read_answer(
    answer: Answer, *, ids: Collection[str], id_in: Callable[[object], str | None] = plain_id
) -> Reading:
    """Read how an invocation on the records of these ids ended; ``id_in`` finds the id in an identifier."""
    if isinstance(answer, Reply):
        return read_reply(answer.payload, ids=ids, id_in=id_in)
    return BatchFailed(f"{answer.error_type}: {answer.message}", raised=True)


def read_reply(
    payload: bytes, *, ids: Collection[str], id_in: Callable[[object], str | None] = plain_id
) -> Reading:
    """Read a reply as a mapping with ``ReportBatchItemFailures`` does.

    Recorded from AWS: nothing at all, ``null``, an empty object, list or text, and an absent, null
    or empty ``batchItemFailures`` are success; one item whose ``itemIdentifier`` is absent, null,
    empty or unknown fails the whole batch. Where AWS is silent (no JSON, another type) the batch
    fails too: a record too often rather than one lost.
    """
    try:
        reply = json.loads(payload or b"null")
    except (ValueError, RecursionError):  # the latter where it is nested too deeply
        return BatchFailed("the reply is no JSON", raised=False)
    if not reply:
        return AllDone()
    if not isinstance(reply, dict):
        return BatchFailed(f"the reply is a JSON {type(reply).__name__}", raised=False)
    return _read_failures(reply.get("batchItemFailures"), ids, id_in)


def _read_failures(listed: Any, ids: Collection[str], id_in: Callable[[object], str | None]) -> Reading:
    if listed is None:
        return AllDone()
    if not isinstance(listed, list):
        return BatchFailed("batchItemFailures is no list", raised=False)
    failed: set[str] = set()
    for item in listed:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        named = id_in(identifier)
        if named is None or named not in ids:
            return BatchFailed(f"itemIdentifier {identifier!r} is not of this batch", raised=False)
        failed.add(named)
    return SomeFailed(frozenset(failed)) if failed else AllDone()
