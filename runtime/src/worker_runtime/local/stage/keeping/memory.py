"""What a part of the stage does not forget when the stage is killed: entries by kind and key.

A part writes an entry before anybody hears of what it says, and reads all of them when it starts.
``sqlite_memory`` keeps them in the state folder; a stage that is not to go on has ``Forgetful`` ones.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Memory(Protocol):
    """The entries of one part; for many threads. A value is JSON."""

    def read(self, kind: str) -> list[tuple[str, bytes]]:
        """Return the entries of a kind as (key, value), in the order in which the keys were put first."""

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Write an entry, over the one that has the key."""

    def drop(self, kind: str, key: str) -> None:
        """Remove an entry, if it is there."""

    def together(self) -> AbstractContextManager[None]:
        """Have all that is written inside the block survive, or nothing of it; keep the block short."""


class Forgetful:
    """A ``Memory`` of nothing."""

    def read(self, kind: str) -> list[tuple[str, bytes]]:  # noqa: ARG002 - the protocol's
        """Remember nothing."""
        return []

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Forget it."""

    def drop(self, kind: str, key: str) -> None:
        """Do nothing."""

    def together(self) -> AbstractContextManager[None]:
        """Do nothing."""
        return nullcontext()


class Memories(Protocol):
    """The memories of all parts of a stage."""

    def of(self, owner: str) -> Memory:
        """Return the memory of one part."""


class _NoMemories:
    def of(self, owner: str) -> Memory:  # noqa: ARG002 - the protocol's
        return Forgetful()


NO_MEMORIES: Final[Memories] = _NoMemories()
"""Of a stage that is not to go on."""
