"""What may happen beside the workers' own job, off until a plugin's owner turns it on.

To publish short links, write a class like ``PublishesNothing`` that calls TM Publish and return it
from ``publisher`` in ``plugin``.
"""

from __future__ import annotations

from typing import Protocol


class EventExtensionPublisher(Protocol):
    """Tells the outside of an event's short link."""

    def publish(self, event_id: str, short_url: str) -> None:
        """Publish the link; called again with the same one where a worker was interrupted."""


class PublishesNothing:
    """Keeps the link to the demand table."""

    def publish(self, event_id: str, short_url: str) -> None:
        """Do nothing."""
