"""AppSync: the resolver of one field; its arguments in, its data or an error out, one by one or in lists."""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin

import msgspec
from msgspec import UNSET

from worker_runtime.errors import DeclarationError, ReplyRefused
from worker_runtime.invocation import Invocation
from worker_runtime.outcomes import Done, Family, Outcome
from worker_runtime.replies import check_size
from worker_runtime.sources import another_shape, check_range
from worker_runtime.sources.answering import AnsweringSource, fitting
from worker_runtime.sources.appsync_record import (
    FieldRecord,
    FieldRequest,
    arguments_decoder,
    field_of,
    is_field_context,
    request_decoder,
)
from worker_runtime.sources.appsync_reply import FORMS, ITEM, FormName, ReplyForm
from worker_runtime.sources.asynchronous import plain
from worker_runtime.sources.told import INTERNAL, told_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from worker_runtime.records import Record
    from worker_runtime.sources import Shape

TIMEOUT_MAX_S: Final = 30  # AppSync quotas: a resolver's execution
ANSWER_BYTES: Final = 5_000_000  # AppSync quotas: 5 MB, what a function may answer
BATCH: Final = (0, 2_000)  # CreateResolver, maxBatchSize
FIELD: Final = re.compile(r"[_A-Za-z]\w*\.[_A-Za-z]\w*", re.ASCII)  # "Type.field", names of GraphQL
_SHAPES: Final[frozenset[Shape]] = frozenset(("nothing", "each", "record", "batch"))

_invocation: Final = Invocation()
_log = logging.getLogger(__name__)


class Resolver(AnsweringSource, frozen=True, kw_only=True, rename="camel"):
    """What stands behind a field, by name."""

    batch_size: int = 0
    form: FormName = "enveloped"


class AppSync(Resolver, frozen=True, rename="camel"):
    """Resolve one field, named "Type.field", or be the function of its pipeline.

    The worker takes the arguments, or a ``FieldRequest`` of them: who asks, the parent object, the headers.
    What it returns is the field's data. With ``batch_size`` AppSync gathers that many requests into a list
    (BatchInvoke), and each is answered by itself, whatever becomes of the others. A request by itself is
    answered ``{data, error}``, which the resolver's response template takes apart; ``form="direct"`` is for
    a resolver without one: the data alone, and errors raised.
    """

    field: str

    @property
    def kind(self) -> str:
        """``appsync``."""
        return "appsync"

    @property
    def name(self) -> str:
        """The field: "Type.field"."""
        return self.field

    @property
    def family(self) -> Family:
        """Whatever becomes of a request is told in the reply."""
        return Family.APPSYNC

    @property
    def shapes(self) -> frozenset[Shape]:
        """A worker takes nothing, the arguments, their record, or a list's records at once."""
        return _SHAPES

    def check(self, *, worker: str, timeout_s: float) -> None:
        """Refuse what is no field, and what AppSync would not wait for."""
        who = f"{worker}: AppSync({self.field!r})"
        if not FIELD.fullmatch(str(self.field)):
            raise DeclarationError(
                f"{who}: the field is no name of one; say \"Type.field\", as 'Query.order'."
            )
        if self.form not in FORMS:
            raise DeclarationError(f"{who} form is {self.form!r}; say {' or '.join(map(repr, FORMS))}.")
        check_range(f"{who} batch_size", self.batch_size, *BATCH)
        if timeout_s > TIMEOUT_MAX_S:  # its caller would never hear of the end
            raise DeclarationError(
                f"{who}: timeout_s is {timeout_s:g}, AppSync waits {TIMEOUT_MAX_S} s; say timeout_s=10."
            )

    def recognises(self, event: Any) -> bool:
        """Whether the event is the context of a field, or a list of such contexts."""
        return any(map(is_field_context, event)) if isinstance(event, list) else is_field_context(event)

    def owns(self, event: Any) -> bool:
        """Whether it is this very field that is asked for."""
        contexts = event if isinstance(event, list) else [event]
        return any(is_field_context(each) and field_of(each) == self.field for each in contexts)

    def records(self, event: Any) -> list[Record[Any]]:
        """One record a request."""
        named = _invocation.request_id or self.field
        if not isinstance(event, list):
            return [FieldRecord(named, event, event)]
        return [
            FieldRecord(f"{named}:{at}", each, each if isinstance(each, dict) else {}, batched=True)
            for at, each in enumerate(event)
        ]

    def decoder(self, model: Any) -> Callable[[Record[Any]], Any]:
        """Decode the arguments, or all of the request where the worker takes a ``FieldRequest``."""
        if model is FieldRequest:
            raise DeclarationError(
                "FieldRequest says nothing of the arguments; write FieldRequest[YourModel]."
            )
        if get_origin(model) is FieldRequest:
            return request_decoder(get_args(model)[0])
        return arguments_decoder(model)

    def reply(self, records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> Any:
        """Word each request's data or error: a list for a list, in its order."""
        if _are_listed(records):
            return _answers(records, outcomes)
        return _answer(FORMS[self.form], records[0], outcomes[0])

    def check_reply(self, reply: Any, *, worded: Any, records: Sequence[Record[Any]]) -> None:
        """Let middleware change data, never the form, the number of answers, nor an error into data."""
        if not _are_listed(records):
            _check_answer(FORMS[self.form], reply, worded)
            return
        if not isinstance(reply, list) or len(reply) != len(records):
            raise another_shape(reply, "the list of an answer for each request")
        for at, told in enumerate(reply):
            _check_answer(ITEM, told, worded if worded is UNSET else worded[at])

    def describe(self, *, timeout_s: int) -> dict[str, Any]:  # noqa: ARG002 - it decides nothing here
        """Its settings as plain data, for the manifest."""
        return {"kind": self.kind, "name": self.name, **msgspec.to_builtins(self)}


def _answer(form: ReplyForm, record: Record[Any], outcome: Outcome) -> Any:
    """Word one answer; data that cannot be told is an internal error of this request alone."""
    try:
        told = plain(_worded(form, outcome))
        check_size(told, limit=ANSWER_BYTES, taker="AppSync")
    except ReplyRefused as refused:
        _log.error("the data of %s cannot be told: %s", record.id, refused)
        return form.error(INTERNAL)
    return told


def _worded(form: ReplyForm, outcome: Outcome) -> Any:
    if isinstance(outcome, Done):  # as most are
        return form.data(outcome.value)
    told = told_of(outcome)
    return form.data(None) if told is None else form.error(told)


def _are_listed(records: Sequence[Record[Any]]) -> bool:
    """Whether they came in a list, which is answered with a list."""
    return all(isinstance(record, FieldRecord) and record.batched for record in records)


def _answers(records: Sequence[Record[Any]], outcomes: Sequence[Outcome]) -> list[Any]:
    """Word a list of answers: all at once, or one by one where one of them cannot be told."""
    try:
        told: list[Any] = plain([_worded(ITEM, outcome) for outcome in outcomes])
        check_size(told, limit=ANSWER_BYTES, taker="AppSync")
    except ReplyRefused:
        told = [_answer(ITEM, *pair) for pair in zip(records, outcomes, strict=True)]
        for at in fitting(told, limit=ANSWER_BYTES, instead=lambda _: ITEM.error(INTERNAL)):
            _log.error("the data of %s is left out: AppSync takes %d bytes", records[at].id, ANSWER_BYTES)
    return told


def _check_answer(form: ReplyForm, told: Any, before: Any) -> None:
    """Refuse an answer of another form, and data that has been an error before."""
    if not form.fits(told):
        raise another_shape(told, f"AppSync's {type(form).__name__.lower()} answer")
    if before is not UNSET and form.failed(before) and not form.failed(told):
        raise ReplyRefused("middleware made data of an error; return the reply of call_next.")
