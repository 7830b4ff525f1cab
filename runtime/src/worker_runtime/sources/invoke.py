"""Direct invocation and tasks of Step Functions: a payload in, the worker's word or its error's name out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.decoding import json_decoder
from worker_runtime.errors import Reject, Retry, Verdict, text_of
from worker_runtime.invocation import Invocation
from worker_runtime.outcomes import Deferred, Done, Failed, Family, Outcome, Rejected, Unstarted
from worker_runtime.records import Record, T, carried_id
from worker_runtime.replies import REPLY_BYTES, check_size
from worker_runtime.sources import another_shape, check_names, check_range
from worker_runtime.sources.answering import AnsweringSource
from worker_runtime.sources.asynchronous import plain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.sources import Shape

STATE_BYTES: Final = 262_144  # Step Functions quotas: input or output of a state
_SHAPES: Final[frozenset[Shape]] = frozenset(("nothing", "each", "record"))

_invocation: Final = Invocation()


class InvokeRecord(Record[T], frozen=True):
    """The one payload of an invocation; ``id`` is the invocation's, ``raw`` empty where it is no object."""

    @property
    def correlation_id(self) -> str:
        """The payload's ``correlationId``, else the invocation's id."""
        return carried_id(self.raw.get("correlationId")) or self.id


class Invoke(AnsweringSource, frozen=True, kw_only=True, rename="camel"):
    """Be invoked by whoever may: another function, a person, a task of ``state_machine``.

    The payload may be anything, so a worker's other sources are asked first. What the worker returns is the
    result, None where it skips. All else is raised under its class name, which Retry and Catch of a state
    machine match: ``Retry``, ``Defer``, ``Reject`` (also where the payload cannot be decoded), ``Halt``, a
    class derived from one of these (``ServiceRefused`` is what our clients reject), any other error. A
    result over ``max_reply_bytes`` is ``ReplyRefused``, which can be caught, before it is
    ``States.DataLimitExceeded``, which ``States.ALL`` does not catch; the default is what Step Functions
    takes of a state for a ``state_machine``, else what Lambda takes. A state counts what it adds to the
    result as well (``ResultPath``): say less where it adds much.

    Who invokes with ``InvocationType`` Event hears nothing: Lambda drops the result, tries what is raised, a
    Reject too, two times more, and keeps no dead letter of it. Use a queue where that is not good enough.
    """

    state_machine: str | None = None
    max_reply_bytes: int | None = None

    @property
    def kind(self) -> str:
        """``invoke``."""
        return "invoke"

    @property
    def name(self) -> str:
        """The state machine's logical name, else ``direct``."""
        return self.state_machine or "direct"

    @property
    def family(self) -> Family:
        """Whoever calls gets the result, or the error by its name."""
        return Family.INVOKE

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes the payload, its record, or nothing."""
        return _SHAPES

    @property
    def limit_bytes(self) -> int:
        """How large a result may be."""
        return self.max_reply_bytes or (STATE_BYTES if self.state_machine else REPLY_BYTES)

    def check(self, *, worker: str, timeout_s: float) -> None:  # noqa: ARG002 - callers wait as long as they like
        """Refuse a name or a size that AWS refuses."""
        who = f"{worker}: Invoke({self.name!r})"
        check_names(who, state_machine=self.state_machine)
        if self.max_reply_bytes is not None:
            most = STATE_BYTES if self.state_machine else REPLY_BYTES
            check_range(f"{who} max_reply_bytes", self.max_reply_bytes, 1, most)

    def recognises(self, event: Any) -> bool:  # noqa: ARG002 - whatever it is
        """Whether the event is a payload: anything is."""
        return True

    def owns(self, event: Any) -> bool:  # noqa: ARG002 - a payload names nobody
        """Never: a payload does not say who sent it."""
        return False

    def records(self, event: Any) -> list[Record[Any]]:
        """One record an invocation, whose id a retry keeps."""
        named = _invocation.request_id or self.name
        return [InvokeRecord(named, event, event if isinstance(event, dict) else {})]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the payload; ``bytes`` take its JSON text."""
        decode = json_decoder(model) if model is not str else msgspec.json.Decoder(str).decode
        return lambda record: decode(msgspec.json.encode(record.body))

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:  # noqa: ARG002 - one payload
        """Return what the worker returned, as plain data; raise all else under its name."""
        (outcome,) = outcomes
        match outcome:
            case Rejected(code=code, error=error) if not isinstance(error, Verdict):  # it was not decoded
                raise Reject(code, text_of(error)) from error
            case Failed(error=error) | Deferred(error=error) | Rejected(error=error):
                raise error
            case Unstarted(reason=reason):
                raise Retry(reason=f"it was not started: {reason}")
        result = plain(outcome.value) if isinstance(outcome, Done) else None
        self._check_size(result)
        return result

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:  # noqa: ARG002 - there are none
        """Refuse any other result: whoever reads it is to hear the worker itself, where it was asked."""
        if worded is not msgspec.UNSET and reply != worded:
            raise another_shape(reply, "the worker's")
        self._check_size(reply)

    def _check_size(self, result: Any) -> None:
        taker = "Step Functions" if self.state_machine else "Lambda"
        check_size(result, limit=self.limit_bytes, taker=taker)

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}
