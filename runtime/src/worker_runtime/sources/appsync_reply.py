"""How a field's resolver reads what came of it: the one place that knows AppSync's forms of a reply.

``enveloped`` needs a response template, which hands ``error`` to ``util.error`` and returns ``data``;
``direct`` is for resolvers without one; the items of a list have one form, which AppSync itself reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn, Protocol

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.sources.told import Told

FormName = Literal["enveloped", "direct"]

_ERROR_KEYS: Final = {"type", "message", "retryable"}


def message_of(told: Told) -> str:
    """Say a failure in one line."""
    if told.kind == "Internal":
        return "internal error"
    if told.retryable:
        return "not now; try again" if told.after_s is None else f"not now; try again in {told.after_s:g} s"
    return f"{told.code}: {told.detail}" if told.detail else told.code


class ReplyForm(Protocol):
    """One form of a field's reply."""

    def data(self, value: Any) -> Any:
        """Word a field's data."""

    def error(self, told: Told) -> Any:
        """Word a failure, or raise it."""

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

    def error(self, told: Told) -> Any:
        """Put a failure into the envelope."""
        error = {"type": told.kind, "message": message_of(told), "retryable": told.retryable}
        return {"data": None, "error": error}

    def fits(self, reply: Any) -> bool:
        """Whether it is such an envelope."""
        if not isinstance(reply, dict) or reply.keys() != {"data", "error"}:
            return False
        error = reply["error"]
        return error is None or (isinstance(error, dict) and error.keys() == _ERROR_KEYS)

    def failed(self, reply: Any) -> bool:
        """Whether there is an error inside."""
        return reply["error"] is not None


class Direct:
    """The data by itself; an error is raised, which AppSync tells by its message alone."""

    def data(self, value: Any) -> Any:
        """Return the data."""
        return value

    def error(self, told: Told) -> NoReturn:
        """Raise an error named for the failure's kind."""
        raise type(told.kind, (WorkerRuntimeError,), {})(f"{told.kind}: {message_of(told)}")

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

    def error(self, told: Told) -> Any:
        """Say the failure of an item."""
        return {"data": None, "errorMessage": message_of(told), "errorType": told.kind}

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
