"""A worker's result as plain JSON that a store keeps, and as the worker's own type again."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES: Final = "$base64"
"""The key under which bytes are kept; as text they could not be told from a text."""


def stored(value: Any) -> Any:
    """Return a result as plain data that is JSON; TypeError where it has no such form."""
    plain = msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True, enc_hook=_dumped)
    return json.loads(json.dumps(plain, default=_marked))


def reader(returns: Any) -> Callable[[str], Any]:
    """Compose what makes a worker's result out of the JSON that was stored; its type is ``returns``."""
    if hasattr(returns, "model_validate"):  # pydantic's, which only its users import
        return lambda text: returns.model_validate(_loads(text))
    try:
        msgspec.json.Decoder(returns)
    except TypeError as error:
        raise DeclarationError(f"{returns!r} cannot be read from a store: {error}") from error
    return lambda text: msgspec.convert(_loads(text), returns)


def _loads(text: str) -> Any:
    return json.loads(text, object_hook=_unmarked)


def _dumped(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _marked(value: Any) -> dict[str, str]:
    if isinstance(value, bytes):
        return {BYTES: b64encode(value).decode()}
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _unmarked(found: dict[str, Any]) -> Any:
    return b64decode(found[BYTES]) if found.keys() == {BYTES} else found
