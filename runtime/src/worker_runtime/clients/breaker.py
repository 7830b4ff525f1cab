"""What the HTTP and Redis clients ask of a circuit breaker; who has none pays nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Breaker(Protocol):
    """Keeps calls away from a service that fails again and again."""

    def calling(self) -> AbstractContextManager[object]:
        """Let one call through, or raise Retry while open; what the block raises is a failure."""
