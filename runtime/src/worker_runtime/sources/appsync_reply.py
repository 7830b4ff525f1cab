"""How a field's resolver is told what came of it: the one place that knows AppSync's forms of a reply.

``enveloped`` needs a response template, which hands ``error`` to ``util.error`` and returns ``data``;
``direct`` is for resolvers without one; the items of a list have one form, which AppSync itself reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Protocol

from msgspec import Struct, to_builtins

from worker_runtime.errors import Retry, Verdict, WorkerRuntimeError, text_of
from worker_runtime.outcomes import Deferred, Done, Failed, Outcome, Rejected, Skipped
from worker_runtime.redaction import redact_text

if TYPE_CHECKING:
    from collections.abc import Mapping

ErrorType = Literal["NotFound", "Unauthorized", "BadRequest", "UpstreamUnavailable", "Internal"]
FormName = Literal["enveloped", "direct"]

MESSAGE_CHARS: Final = 300
_BY_CODE: Final[Mapping[str, ErrorType]] = {
    "NOT_FOUND": "NotFound",
    "UNAUTHORIZED": "Unauthorized",
    "FORBIDDEN": "Unauthorized",
    "UPSTREAM_UNAVAILABLE": "UpstreamUnavailable",
    "INTERNAL": "Internal",
}
"""How the code of a Reject ends; any other is a BadRequest."""


class FieldError(Struct, frozen=True):
    """What a caller is told of a failure: never a stack, nor an error's text that nobody worded for them."""

    type: ErrorType
    message: str
    retryable: bool


INTERNAL: Final = FieldError("Internal", "internal error", retryable=False)


def error_of(outcome: Outcome) -> FieldError | None:
    """Word an outcome's error; None where there is none."""
    match outcome:
        case Done() | Skipped():
            return None
        case Rejected(code=code, error=error):
            told = text_of(error) if isinstance(error, Verdict) else f"{code}: {text_of(error)}"
            return FieldError(type_of(code), redact_text(told)[:MESSAGE_CHARS], retryable=False)
        case Failed(halted=True):
            return INTERNAL
        case Failed(error=error) if not isinstance(error, Retry):  # a bug, or a service without verdicts
            return FieldError(INTERNAL.type, INTERNAL.message, retryable=True)
        case Failed(after_s=after_s) | Deferred(after_s=after_s) if after_s is not None:
            return FieldError("UpstreamUnavailable", f"not now; try again in {after_s:g} s", retryable=True)
        case _:
            return FieldError("UpstreamUnavailable", "not now; try again", retryable=True)


def type_of(code: str) -> ErrorType:
    """Map the code of a Reject to the type that callers match on."""
    return next((kind for end, kind in _BY_CODE.items() if code.endswith(end)), "BadRequest")


class ReplyForm(Protocol):
    """One form of a field's reply."""

    def data(self, value: Any) -> Any:
        """Word a field's data."""

    def error(self, error: FieldError) -> Any:
        """Word an error, or raise it."""

    def fits(self, reply: Any) -> bool:
        """Whether AppSync, or the template, would read this as a reply."""

    def failed(self, reply: Any) -> bool:
        """Whether a fitting reply tells an error."""


class Enveloped:
    """``{data, error: {type, message, retryable} | null}``.

    The resolver's response function takes it apart: ``const { data, error } = ctx.result;``
    ``if (error) util.error(error.message, error.type, data, error); return data;``
    """

    def data(self, value: Any) -> Any:
        """Put data into the envelope."""
        return {"data": value, "error": None}

    def error(self, error: FieldError) -> Any:
        """Put an error into the envelope."""
        return {"data": None, "error": to_builtins(error)}

    def fits(self, reply: Any) -> bool:
        """Whether it is such an envelope."""
        if not isinstance(reply, dict) or reply.keys() != {"data", "error"}:
            return False
        error = reply["error"]
        return error is None or (isinstance(error, dict) and error.keys() == {*FieldError.__struct_fields__})

    def failed(self, reply: Any) -> bool:
        """Whether there is an error inside."""
        return reply["error"] is not None


class Direct:
    """The data by itself; an error is raised, which AppSync tells by its message alone."""

    def data(self, value: Any) -> Any:
        """Return the data."""
        return value

    def error(self, error: FieldError) -> NoReturn:
        """Raise an error named for its type."""
        raise type(error.type, (WorkerRuntimeError,), {})(f"{error.type}: {error.message}")

    def fits(self, reply: Any) -> bool:  # noqa: ARG002 - a field may be anything
        """Whether it is anything at all."""
        return True

    def failed(self, reply: Any) -> bool:  # noqa: ARG002 - as above
        """Never: an error is raised."""
        return False


class Item:
    """``{data, errorMessage, errorType}``, one for each of a list."""

    def data(self, value: Any) -> Any:
        """Say the data of an item."""
        return {"data": value, "errorMessage": None, "errorType": None}

    def error(self, error: FieldError) -> Any:
        """Say the error of an item."""
        return {"data": None, "errorMessage": error.message, "errorType": error.type}

    def fits(self, reply: Any) -> bool:
        """Whether it is such an item."""
        return (
            isinstance(reply, dict)
            and reply.keys() == {"data", "errorMessage", "errorType"}
            and all(isinstance(reply[key], str | None) for key in ("errorMessage", "errorType"))
        )

    def failed(self, reply: Any) -> bool:
        """Whether the item has an error."""
        return reply["errorMessage"] is not None or reply["errorType"] is not None


FORMS: Final[Mapping[FormName, ReplyForm]] = {"enveloped": Enveloped(), "direct": Direct()}
ITEM: Final[ReplyForm] = Item()
