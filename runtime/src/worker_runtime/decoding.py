"""A raw body as the worker's type; composed once, at cold start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args, get_origin

import msgspec
import msgspec.structs

from worker_runtime.errors import DeclarationError
from worker_runtime.records import Batch, Record
from worker_runtime.settings import in_lambda

if TYPE_CHECKING:
    from collections.abc import Callable


def json_decoder(model: Any) -> Callable[[str | bytes], Any]:
    """Compose the decoder of a JSON text: Struct, dataclass, TypedDict, dict, pydantic model.

    ``bytes`` and ``str`` take the text as it is. What the decoder raises makes the record a Reject.
    """
    if model is bytes:
        return _as_bytes
    if model is str:
        return lambda text: text if isinstance(text, str) else text.decode()
    _refuse_ours(model)
    if hasattr(model, "model_validate_json"):  # pydantic's, which only its users import
        return model.model_validate_json  # type: ignore[no-any-return]  # a classmethod of an unknown class
    try:
        decode = msgspec.json.Decoder(model).decode
    except (NameError, TypeError) as error:
        raise DeclarationError(f"{model!r} cannot be decoded from JSON: {error}") from error
    if not in_lambda():
        _refuse_foreign(model)
    return decode


def _as_bytes(text: str | bytes) -> bytes:
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, bytes):
        return text
    raise TypeError(f"a body is text or bytes, not {type(text).__name__}")


def _refuse_ours(model: Any) -> None:
    """Refuse what wraps a body, or what some sources alone bring, where the body's own type is asked for."""
    for part in (model, *get_args(model)):
        kind = get_origin(part) or part
        if isinstance(sources := getattr(kind, "__brought_by__", None), str):
            raise DeclarationError(
                f"{kind.__name__} is what {sources} brings; a body of JSON has another type."
            )
    kind = get_origin(model) or model
    if kind in (Batch, Record):
        name = kind.__name__
        raise DeclarationError(f"{name} says nothing of its body; write {name}[YourModel], and only once.")


def _refuse_foreign(model: Any) -> None:
    """Refuse a type that msgspec knows nothing of: each record would be rejected."""
    from msgspec import inspect  # noqa: PLC0415 - not in Lambda

    todo: list[Any] = [inspect.type_info(model)]
    seen = set()
    while todo:
        part = todo.pop()
        if isinstance(part, inspect.CustomType):
            cure = "use a Struct, a dataclass, a TypedDict, a dict or a pydantic model that stands alone."
            raise DeclarationError(f"{model!r} cannot be decoded from JSON, for its {part.cls!r}; {cure}")
        if isinstance(part, inspect.Type | inspect.Field) and id(part) not in seen:
            seen.add(id(part))
            for value in msgspec.structs.astuple(part):
                todo.extend(value if isinstance(value, tuple) else (value,))
