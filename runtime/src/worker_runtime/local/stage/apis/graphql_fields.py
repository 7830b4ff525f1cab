"""What AppSync hands to the worker behind a field, and how it reads the answer: one by one, or in lists.

The resolver's own code is not run: a form ``enveloped`` is taken apart as its response function does, see
``sources.appsync_reply``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.stage.execution.answers import Reply, Throttled
from worker_runtime.sources.appsync import ANSWER_BYTES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.sources.appsync_reply import FormName

UNHANDLED: Final = "Lambda:Unhandled"
_TEMPLATE: Final = "Code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the identity that AppSync established, the headers, the fields that are denied."""

    identity: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FieldError:
    """Why a field has no data."""

    kind: str
    message: str
    info: Any = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """What came of a field."""

    data: Any = None
    error: FieldError | None = None


def context_of(  # noqa: PLR0913 - AppSync hands over as much
    *,
    type_name: str,
    field_name: str,
    arguments: Mapping[str, Any],
    source: Any,
    caller: Caller,
    variables: Mapping[str, Any],
    asked: Sequence[str],
    asked_text: str,
) -> dict[str, Any]:
    """Make the context of a field (AppSync developer guide, "Direct Lambda resolvers")."""
    return {
        "arguments": dict(arguments),
        "identity": caller.identity,
        "source": source,
        "request": {"headers": dict(caller.headers), "domainName": None},
        "prev": None,
        "info": {
            "selectionSetList": list(asked),
            "selectionSetGraphQL": asked_text,
            "fieldName": field_name,
            "parentTypeName": type_name,
            "variables": dict(variables),
        },
        "stash": {},
    }


def resolved_one(answer: Answer | None, *, form: FormName) -> Resolved:
    """Read the answer to one context."""
    if (error := _failure(answer)) is not None:
        return Resolved(error=error)
    assert isinstance(answer, Reply)  # noqa: S101 - anything else is a failure
    if form == "direct":
        return Resolved(answer.value)
    match answer.value:
        case {"data": data, "error": None}:
            return Resolved(data)
        case {"data": data, "error": {"type": str(kind), "message": str(message)} as info}:
            return Resolved(data, FieldError(kind, message, info))
    return Resolved(error=FieldError(_TEMPLATE, "Runtime Error"))


def resolved_many(answer: Answer | None, *, count: int) -> list[Resolved]:
    """Read the answer to a list of contexts: an item for each, in their order."""
    if (error := _failure(answer)) is not None:
        return [Resolved(error=error)] * count
    assert isinstance(answer, Reply)  # noqa: S101 - as above
    items = answer.value
    if not isinstance(items, list) or len(items) != count:
        said = f"a list of {len(items)}" if isinstance(items, list) else "no list"
        wrong = FieldError("Lambda:IllegalArgument", f"BatchInvoke of {count} was answered with {said}.")
        return [Resolved(error=wrong)] * count
    return [_item(each) for each in items]


def _item(item: Any) -> Resolved:
    if not isinstance(item, dict):
        return Resolved(item)
    kind, message = item.get("errorType"), item.get("errorMessage")
    if kind is None and message is None:
        return Resolved(item.get("data"))
    return Resolved(item.get("data"), FieldError(kind or UNHANDLED, message or ""))


def _failure(answer: Answer | None) -> FieldError | None:
    match answer:
        case None:
            return FieldError("InternalFailure", "the stage is being taken down")
        case Reply(payload=payload) if len(payload) > ANSWER_BYTES:
            return FieldError("Lambda:IllegalArgument", f"The answer has over {ANSWER_BYTES} bytes.")
        case Reply():
            return None
        case Throttled(message=message):
            return FieldError("Lambda:TooManyRequestsException", message)
    return FieldError(UNHANDLED, answer.message)


def encoded(context: Any) -> bytes:
    """Put a context, or a list of them, into the payload of an invocation."""
    return json.dumps(context).encode()
