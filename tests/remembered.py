"""A stage's ``Memory`` that is kept in memory alone, and can be taken as it is at a moment."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Remembered:
    """Entries by kind and key."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], bytes] = {}

    def read(self, kind: str) -> list[tuple[str, bytes]]:
        return [(key, value) for (of, key), value in self._entries.items() if of == kind]

    def put(self, kind: str, key: str, value: bytes) -> None:
        self._entries[kind, key] = value

    def drop(self, kind: str, key: str) -> None:
        self._entries.pop((kind, key), None)

    def together(self) -> AbstractContextManager[None]:
        return nullcontext()

    def copy(self) -> Remembered:
        """Take it as it is now: a killed stage goes on with that."""
        taken = Remembered()
        taken._entries = dict(self._entries)
        return taken
