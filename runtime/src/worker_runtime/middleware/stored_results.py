"""A worker's result as plain JSON that a store keeps, and as the worker's own type again."""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING, Any, Final

import msgspec

from worker_runtime.errors import DeclarationError

if TYPE_CHECKING:
    from collections.abc import Callable

BYTES: Final = "$base64"
"""The key under which bytes are kept; as text they could not be told from a text."""

_MARKED: Final = re.compile(r"\$+base64")  # a worker's own such key is kept with a dollar more


def stored(value: Any) -> Any:
    """Return a result as plain data that is JSON; TypeError where it has no such form."""
    return _kept(msgspec.to_builtins(value, builtin_types=(bytes,), str_keys=True, enc_hook=_dumped))


def reader(returns: Any) -> Callable[[str], Any]:
    """Compose what makes a worker's result out of the JSON that was stored; its type is ``returns``."""
    try:
        msgspec.json.Decoder(returns)
    except TypeError as error:
        raise DeclarationError(f"{returns!r} cannot be read from a store: {error}") from error
    return lambda text: msgspec.convert(_loads(text), returns, str_keys=True, dec_hook=_validated)


def _loads(text: str) -> Any:
    return json.loads(text, object_hook=_found)


def _dumped(value: Any) -> Any:
    if hasattr(value, "model_dump"):  # pydantic's, which only its users import
        return value.model_dump(mode="json")
    raise TypeError(f"a {type(value).__name__} has no form in JSON")


def _validated(kind: type, plain: Any) -> Any:
    if hasattr(kind, "model_validate_json"):  # as above; a strict model takes JSON alone for JSON
        return kind.model_validate_json(json.dumps(plain))
    if isinstance(plain, kind):  # an object is anything
        return plain
    raise TypeError(f"a {kind.__name__} has no form in JSON")


def _kept(plain: Any) -> Any:
    """Mark bytes, and move what only looks like such a mark out of the way."""
    match plain:
        case bytes():
            return {BYTES: b64encode(plain).decode()}
        case list() | tuple():
            return [_kept(each) for each in plain]
        case dict():
            return {f"${name}" if _marks(plain) else name: _kept(each) for name, each in plain.items()}
        case _:
            return plain


def _found(kept: dict[str, Any]) -> Any:
    """Undo what ``_kept`` did to an object."""
    if not _marks(kept):
        return kept
    ((name, value),) = kept.items()
    return b64decode(value) if name == BYTES else {name[1:]: value}


def _marks(plain: dict[str, Any]) -> bool:
    return len(plain) == 1 and _MARKED.fullmatch(next(iter(plain))) is not None
