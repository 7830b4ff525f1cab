"""What the worker asks for, as it sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class Warehouse(Protocol):
    """Where files are delivered."""

    def store(self, files: Mapping[str, bytes]) -> None:
        """Store files by key, over what is there; raises a verdict where that is not sure."""
