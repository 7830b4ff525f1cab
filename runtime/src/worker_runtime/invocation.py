"""The invocation and the record at hand, wherever the code that asks may stand.

Both are context variables: threads run in a copy of the invocation's context and never mix.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker_runtime import clock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.records import Record


class LambdaContext(Protocol):
    """What Lambda hands over beside the event."""

    @property
    def aws_request_id(self) -> str:
        """The invocation's id."""

    @property
    def function_name(self) -> str:
        """The function's name in AWS."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the time-out."""


_context: ContextVar[LambdaContext | None] = ContextVar("invocation", default=None)
_record: ContextVar[Record[Any] | None] = ContextVar("record", default=None)
_source: ContextVar[str] = ContextVar("source", default="")

set_record: Final = _record.set
current_record: Final = _record.get
set_source: Final = _source.set
current_source: Final = _source.get


class Invocation:
    """The invocation at hand; the same object serves them all."""

    @property
    def request_id(self) -> str:
        """Lambda's request id; empty outside an invocation."""
        context = _context.get()
        return "" if context is None else context.aws_request_id

    @property
    def remaining_s(self) -> float:
        """Seconds until the time-out; infinite outside an invocation."""
        return clock.remaining_s()


@contextmanager
def invoked(context: LambdaContext) -> Iterator[None]:
    """Make ``context`` the invocation at hand, and its time-out the clock's, inside the block."""
    token = _context.set(context)
    left_s = context.get_remaining_time_in_millis() / 1000
    try:
        with clock.deadline_in(left_s):
            yield
    finally:
        _context.reset(token)
        _record.set(None)
        _source.set("")
