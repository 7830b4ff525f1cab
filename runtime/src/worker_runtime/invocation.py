"""The invocation and the record at hand, wherever the code that asks may stand.

Both are context variables: threads run in a copy of the invocation's context and never mix, since each
lane of a batch has a hand of its own.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from worker_runtime import clock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker_runtime.records import Record
    from worker_runtime.sources import Source


XRAY_VARIABLE: Final = "_X_AMZN_TRACE_ID"  # written by Lambda's client before each invocation


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


class Trace(NamedTuple):
    """Where the work at hand stands in a trace: ids and flags in hexadecimal, as W3C writes them."""

    trace_id: str
    span_id: str
    flags: str

    @property
    def traceparent(self) -> str:
        """The W3C header that makes what is called a part of the trace."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


class Hand:
    """Holds the record that a lane is at: to change it for each record costs next to nothing.

    Threads that a worker starts in copies of its context see its record as long as it runs.
    """

    __slots__ = ("record",)

    def __init__(self) -> None:
        self.record: Record[Any] | None = None


def _untraced() -> None:
    """Say that nothing is traced."""


_context: ContextVar[LambdaContext | None] = ContextVar("invocation", default=None)
_hand: ContextVar[Hand | None] = ContextVar("hand", default=None)
_source: ContextVar[str] = ContextVar("source", default="")
_note_call: ContextVar[Callable[[str, float, str | None], None] | None] = ContextVar("calls", default=None)
_note_records: ContextVar[Callable[[Source, Sequence[Record[Any]]], None] | None] = ContextVar(
    "records", default=None
)
_read_trace: ContextVar[Callable[[], Trace | None]] = ContextVar("trace", default=_untraced)

set_source: Final = _source.set
current_source: Final = _source.get
set_trace: Final = _read_trace.set
set_note_call: Final = _note_call.set
note_call: Final = _note_call.get
set_note_records: Final = _note_records.set
note_records: Final = _note_records.get


def new_hand() -> Hand:
    """Give the lane that begins here, and what it calls, a hand of their own."""
    hand = Hand()
    _hand.set(hand)
    return hand


def set_record(record: Record[Any] | None) -> None:
    """Take a record in hand, or none."""
    (_hand.get() or new_hand()).record = record


def current_record() -> Record[Any] | None:
    """Return the record at hand."""
    hand = _hand.get()
    return None if hand is None else hand.record


def current_trace() -> Trace | None:
    """Return where the code that asks stands in a trace; None where nothing is traced."""
    return _read_trace.get()()


def xray_trace_id() -> str:
    """Return the id that Lambda itself traces the invocation under; empty where it says none."""
    root, _, _ = os.environ.get(XRAY_VARIABLE, "").partition(";")
    return root.removeprefix("Root=")


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
        _hand.set(None)
        _source.set("")
        _read_trace.set(_untraced)
        _note_call.set(None)
        _note_records.set(None)
