"""What may leave: a reply that Lambda reads as it was meant, whatever middleware made of it."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import ReplyRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.outcomes import Outcome
    from worker_runtime.records import Record
    from worker_runtime.sources import Source

REPLY_BYTES: Final = 6_291_556  # Lambda quotas: 6 MB for a synchronous reply
_ESCAPED: Final = 6  # bytes that one may become in JSON: \\u00e9
_UNWORDED: Final = object()


class Worded(Struct, frozen=True):
    """What a source worded for these records: a reply, or an error; neither before."""

    reply: Any = _UNWORDED
    records: Sequence[Record[Any]] = ()
    error: Exception | None = None

    @property
    def ids(self) -> frozenset[str]:
        """What a reply may name; few middlewares make one of their own."""
        return frozenset(record.id for record in self.records)


_worded: ContextVar[Worded | None] = ContextVar("worded", default=None)


def begin(*, asked: bool) -> None:
    """Forget the last invocation's reply; ``asked`` once this one's has reached the source."""
    _worded.set(Worded() if asked else None)


def word(source: Source, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
    """Have the source word its reply, note what it returns or raises, and do the same."""
    try:
        returned = source.reply(records, outcomes)
    except Exception as error:
        _worded.set(Worded(error=error))
        raise
    _worded.set(Worded(returned, records))
    return returned


def was_worded(error: Exception) -> bool:
    """Whether the source raised this error, so that the record it is of has told it already."""
    worded = _worded.get()
    return worded is not None and worded.error is error


def verified(reply: Any, *, source: Callable[[], Source]) -> Any:
    """Return a reply that Lambda can carry and that AWS reads as it was meant, else raise ReplyRefused.

    ``source`` finds out whose the event is, where middleware replied without asking the worker.
    """
    worded = _worded.get()
    if worded is None:
        source().check_reply(reply, worded=reply, ids=None)
    elif worded.reply is _UNWORDED:
        raise ReplyRefused("middleware returned a reply where the batch had failed; let the error pass.")
    elif reply is not worded.reply:
        source().check_reply(reply, worded=worded.reply, ids=worded.ids)
    check_size(reply)
    _worded.set(None)  # the records have left memory before the next event comes in
    return reply


def check_size(reply: Any, *, limit: int = REPLY_BYTES, taker: str = "Lambda") -> None:
    """Refuse a reply that is no JSON, or that Lambda's client makes more of than its ``taker`` takes."""
    try:
        size = size_of(reply, limit=limit)
    except (TypeError, ValueError) as error:
        raise ReplyRefused(f"the reply is no JSON: {error}") from error
    if size > limit:
        raise ReplyRefused(f"the reply has {size} bytes, {taker} takes {limit}; return less.")


def size_of(reply: Any, *, limit: int) -> int:
    """Count a reply's bytes: as they are posted, with spaces and escapes, where they may pass the limit."""
    size = len(msgspec.json.encode(reply))
    return size if size * _ESCAPED <= limit else _size_as_posted(reply)


def _size_as_posted(reply: Any) -> int:
    """Count the bytes that awslambdaric posts: spaces after commas and colons, text as it is from 3.12 on."""
    import json  # noqa: PLC0415 - few replies are large
    import sys  # noqa: PLC0415 - as above

    return len(json.dumps(reply, ensure_ascii=sys.version_info < (3, 12)).encode())
