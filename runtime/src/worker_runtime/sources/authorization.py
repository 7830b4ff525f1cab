"""What an authorizer's worker is handed and says: one payload and one result for all that ask about a token.

AppSync is told flags and a context, API Gateway a policy, a direct invoker the result itself, so that one
worker serves them all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.errors import ReplyRefused
from worker_runtime.sources.asynchronous import plain

if TYPE_CHECKING:
    from collections.abc import Mapping


class Authorization(Struct, frozen=True, kw_only=True, rename="camel"):
    """A worker's word on a token: whether it holds, whose it is, else the ``reason``.

    Derive from it (``class Bearer(Authorization, frozen=True): iss: str = ""``) to say more of the bearer:
    what such fields hold is handed on as text to what the caller may reach. Who calls an API learns no
    reason, a direct invoker does. AppSync keeps the answer for ``ttl_s`` seconds, an hour at most, and
    answers ``denied_fields`` ("Type.field") with null.
    """

    valid: bool
    sub: str = ""
    reason: str = ""
    ttl_s: int | None = None
    denied_fields: tuple[str, ...] = ()


def presented(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an authorizer's event with its token as ``token``, as direct invokers send it."""
    return {**event, "token": event.get("authorizationToken")}


def authorization_of(value: Any) -> Authorization:
    """Return what the worker said; anything else is refused, so that nobody gets in by a slip."""
    if isinstance(value, Authorization):
        return value
    raise ReplyRefused(
        f"the worker of an authorizer returned a {type(value).__name__}; return Authorization(valid=...)."
    )


def bearer_of(authorization: Authorization) -> dict[str, str]:
    """Say as flat text what is known of a bearer: ``sub`` and the fields of the worker's own; no empty ones.

    Raises ReplyRefused where a field holds what has no flat text.
    """
    own = {name: value for name, value in plain(authorization).items() if name not in _OURS}
    return {name: _text(name, value) for name, value in own.items() if value not in (None, "")}


_OURS = frozenset(Authorization.__struct_encode_fields__) - {"sub"}


def _text(name: str, value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            raise ReplyRefused(
                f"{name} of the Authorization is a {type(value).__name__}; it is handed on as flat text,"
                " so say a text, a number or a flag."
            )
