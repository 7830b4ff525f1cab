"""What one call to AWS made: none, one or several effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping


class Effect(Struct, frozen=True, kw_only=True):
    """One thing that a call made, or was refused.

    ``thing`` is its id: a message's, a sequence number, the values of an item's key; ``sets`` the
    attributes that an item has of it. What it says of
    the record for which it was made: the id that it ``names``, its ``body``, its ``correlation`` id.
    """

    verb: str
    kind: str
    target: str
    thing: str = ""
    sets: Mapping[str, Any] | None = None
    error: str | None = None
    names: str | None = None
    body: str | None = None
    correlation: str | None = None


class Exchange(Struct, frozen=True, kw_only=True):
    """A call and its answer, taken apart: ``operation`` is ``Service.Operation`` of JSON's services."""

    operation: str
    method: str
    path: str
    body: bytes
    status: int
    headers: dict[str, str]
    answer: bytes

    @property
    def good(self) -> bool:
        """Whether the call was taken."""
        return self.status < 300  # noqa: PLR2004 - HTTP's good answers
