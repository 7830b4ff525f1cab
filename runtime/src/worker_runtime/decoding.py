"""A raw body as the worker's type; composed once, at cold start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from worker_runtime.errors import DeclarationError
from worker_runtime.records import Change

if TYPE_CHECKING:
    from collections.abc import Callable


def json_decoder(model: Any) -> Callable[[str | bytes], Any]:
    """Compose the decoder of a JSON text: Struct, dataclass, TypedDict, dict, pydantic model.

    ``bytes`` and ``str`` take the text as it is. What the decoder raises makes the record a Reject.
    """
    if model is bytes:
        return lambda text: text.encode() if isinstance(text, str) else text
    if model is str:
        return lambda text: text if isinstance(text, str) else text.decode()
    if hasattr(model, "model_validate_json"):  # pydantic's, which only its users import
        return model.model_validate_json  # type: ignore[no-any-return]  # a classmethod of an unknown class
    if getattr(model, "__origin__", None) is Change:
        raise DeclarationError(
            "Change[...] is what a table stream yields; a queue or HTTP body has another type."
        )
    try:
        return msgspec.json.Decoder(model).decode
    except TypeError as error:
        raise DeclarationError(f"{model!r} cannot be decoded from JSON: {error}") from error
