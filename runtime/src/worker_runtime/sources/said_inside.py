"""What of a body is read without knowing the worker's type: the correlation id that its sender gave it."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct, json

from worker_runtime.records import carried_id

CORRELATION: Final = "correlationId"


class _Said(Struct):
    correlationId: Any = None  # noqa: N815 - the field's name


_read: Final = json.Decoder(_Said).decode


def said_inside(body: Any) -> str | None:
    """Return the ``correlationId`` of a JSON text; None where it has none that can be carried on."""
    if isinstance(body, bytes):
        said = CORRELATION.encode() in body
    else:
        said = isinstance(body, str) and CORRELATION in body
    if not said:
        return None
    try:
        return carried_id(_read(body).correlationId)
    except (ValueError, RecursionError):  # a poison body says nothing
        return None
