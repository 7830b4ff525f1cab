"""What may leave: a reply that Lambda reads as it was meant, whatever middleware made of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import ReplyRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.records import Record

REPLY_BYTES: Final = 6_291_556  # Lambda quotas: 6 MB for a synchronous reply


_UNWORDED: Final = object()


class Worded(Struct, frozen=True):
    """What the source worded for the records of these ids: a reply, or an error; neither before."""

    reply: Any = _UNWORDED
    ids: frozenset[str] = frozenset()
    error: Exception | None = None


_worded: ContextVar[Worded | None] = ContextVar("worded", default=None)


def begin(*, asked: bool) -> None:
    """Forget the last invocation's reply; ``asked`` once this one's has reached the source."""
    _worded.set(Worded() if asked else None)


def word(reply: Callable[[], Any], records: Sequence[Record[Any]]) -> Any:
    """Have the source word its reply, note what it returns or raises, and do the same."""
    ids = frozenset(record.id for record in records)
    try:
        returned = reply()
    except Exception as error:
        _worded.set(Worded(ids=ids, error=error))
        raise
    _worded.set(Worded(returned, ids))
    return returned


def was_worded(error: Exception) -> bool:
    """Whether the source raised this error, so that the record it is of has told it already."""
    worded = _worded.get()
    return worded is not None and worded.error is error


def verified(reply: Any) -> Any:
    """Return a reply that Lambda can carry and that lists what has failed, else raise ReplyRefused."""
    worded = _worded.get()
    if worded is None or reply is not worded.reply:
        _refuse_forgery(reply, worded)
    try:
        size = len(msgspec.json.encode(reply))
    except (TypeError, ValueError) as error:
        raise ReplyRefused(f"the reply is no JSON: {error}") from error
    if size > REPLY_BYTES:
        raise ReplyRefused(f"the reply has {size} bytes, Lambda takes {REPLY_BYTES}; return less.")
    return reply


def _refuse_forgery(reply: Any, worded: Worded | None) -> None:
    """Refuse what middleware returns in the source's place and AWS would read as "all is done"."""
    if worded is not None and worded.reply is _UNWORDED:
        raise ReplyRefused("middleware returned a reply where the batch had failed; let the error pass.")
    listed = _listed(reply)
    if worded is not None and (lost := _listed(worded.reply) - listed):
        raise ReplyRefused(
            f"middleware left {len(lost)} failed records out of the reply; return that of call_next."
        )
    if worded is not None and (unknown := listed - worded.ids):
        raise ReplyRefused(f"middleware lists {len(unknown)} records that are not of this batch.")


def _listed(reply: Any) -> set[str]:
    """Read the ids of a partial reply; anything else that Lambda would take for success is refused."""
    match reply:
        case {"batchItemFailures": [*items], **others} if not others:
            ids = [item.get("itemIdentifier") for item in items if isinstance(item, dict)]
            named = {each for each in ids if isinstance(each, str) and each}
            if len(ids) == len(items) and named == {*ids}:
                return named
    raise ReplyRefused(
        f"the reply is a {type(reply).__name__} of another shape than batchItemFailures;"
        " middleware must return what call_next returned."
    )
