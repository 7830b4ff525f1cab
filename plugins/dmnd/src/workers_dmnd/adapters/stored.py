"""What the demand table holds, as the plugin's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from worker_runtime import Reject

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")


def stored(item: Mapping[str, Any] | None, kind: type[T], *, code: str) -> T | None:
    """Read an item as a model, None as None; one of another shape is Reject ``code``."""
    if item is None:
        return None
    try:
        return msgspec.convert(item, kind)
    except msgspec.ValidationError as error:
        raise Reject(code, str(error)) from error
