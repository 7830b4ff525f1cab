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


class Worded(Struct, frozen=True):
    """What a source worded for these records: a reply and the same in JSON, or an error; neither before."""

    encoded: bytes | None = None
    records: Sequence[Record[Any]] = ()
    error: Exception | None = None


_worded: ContextVar[Worded | None] = ContextVar("worded", default=None)


def begin(*, asked: bool) -> None:
    """Forget the last invocation's reply; ``asked`` once this one's has reached the source."""
    _worded.set(Worded() if asked else None)


def word(source: Source, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
    """Have the source word its reply, note what it returns or raises, and do the same.

    It is noted as JSON: what middleware gets in hand it may change in place.
    """
    try:
        returned = source.reply(records, outcomes)
        encoded = encode(returned)
    except Exception as error:
        _worded.set(Worded(error=error))
        raise
    _worded.set(Worded(encoded, records))
    return returned


def was_worded(error: Exception) -> bool:
    """Whether the source raised this error, so that the record it is of has told it already."""
    worded = _worded.get()
    return worded is not None and worded.error is error


def verified(reply: Any, *, wrapped: bool, asked: Callable[[], tuple[Source, Sequence[Record[Any]]]]) -> Any:
    """Return a reply that Lambda can carry and that AWS reads as it was meant, else raise ReplyRefused.

    ``wrapped`` says that middleware had it in hand; ``asked`` finds out whose the event is and opens it,
    where that replied otherwise.
    """
    worded = _worded.get()
    encoded = (worded.encoded if worded and not wrapped else None) or encode(reply)
    if worded is None:
        source, records = asked()
        _refuse_unsayable(reply)
        source.check_reply(reply, worded=msgspec.UNSET, records=records)
    elif worded.encoded is None:
        raise ReplyRefused("middleware returned a reply where the batch had failed; let the error pass.")
    elif encoded != worded.encoded:
        _refuse_unsayable(reply)
        asked()[0].check_reply(reply, worded=msgspec.json.decode(worded.encoded), records=worded.records)
    _check_bytes(_size(reply, len(encoded), limit=REPLY_BYTES), limit=REPLY_BYTES, taker="Lambda")
    _worded.set(None)  # the records have left memory before the next event comes in
    return reply


def encode(reply: Any) -> bytes:
    """Encode a reply, else raise ReplyRefused."""
    try:
        return msgspec.json.encode(reply)
    except (TypeError, ValueError, RecursionError) as error:
        raise ReplyRefused(f"the reply is no JSON: {error}") from error


def _refuse_unsayable(reply: Any) -> None:
    """Refuse what our encoder can say and Lambda's client cannot: times, NaN."""
    import json  # noqa: PLC0415 - few middlewares change a reply

    try:
        json.dumps(reply, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise ReplyRefused(f"the reply is no JSON: {error}") from error


def check_size(reply: Any, *, limit: int = REPLY_BYTES, taker: str = "Lambda") -> None:
    """Refuse a reply that is no JSON, or that Lambda's client makes more of than its ``taker`` takes."""
    _check_bytes(_size(reply, len(encode(reply)), limit=limit), limit=limit, taker=taker)


def size_of(reply: Any, *, limit: int) -> int:
    """Count a reply's bytes: as they are posted, with spaces and escapes, where they may pass the limit."""
    return _size(reply, len(msgspec.json.encode(reply)), limit=limit)


def _size(reply: Any, compact: int, *, limit: int) -> int:
    return compact if compact * _ESCAPED <= limit else _size_as_posted(reply)


def _check_bytes(size: int, *, limit: int, taker: str) -> None:
    if size > limit:
        raise ReplyRefused(f"the reply has {size} bytes, {taker} takes {limit}; return less.")


def _size_as_posted(reply: Any) -> int:
    """Count the bytes that awslambdaric posts: spaces after commas and colons, text as it is from 3.12 on."""
    import json  # noqa: PLC0415 - few replies are large
    import sys  # noqa: PLC0415 - as above

    return len(json.dumps(reply, ensure_ascii=sys.version_info < (3, 12)).encode())
