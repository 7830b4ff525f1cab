"""What the workers ask for; adapters serve it, ``plugin`` says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime import Verdict
    from workers_dmnd.models import Event


class Events(Protocol):
    """The events of the demand table."""

    def find(self, event_id: str) -> Event | None:
        """Return the event as it is now; None where there is none."""

    def save_short_url(self, event: Event, short_url: str) -> bool:
        """Save the link; False where the event has one, is suppressed or has another URL by now."""


class Links(Protocol):
    """Short links to long URLs."""

    def shorten(self, url: str) -> str:
        """Return the short link of a URL, always the same one; no link is raised as a verdict."""


class LinkCache(Protocol):
    """Links that were made before; what it forgets costs a call."""

    def find(self, url: str) -> str | None:
        """Return the link of a URL, if it is known."""

    def keep(self, url: str, link: str) -> None:
        """Remember the link of a URL."""


class CallLimit(Protocol):
    """How many calls a minute a service allows, counted for all that call it."""

    def take(self) -> float:
        """Take a call of this minute and return 0, or else the seconds after which to ask again."""

    def block(self, *, for_s: float) -> None:
        """Allow no call for some seconds: the service has said so."""


class ShortUrlQueue(Protocol):
    """Where events wait for their short link."""

    def enqueue(self, events: Mapping[str, str]) -> Mapping[str, Verdict]:
        """Enqueue events (id to correlation id) and return, by id, why some were not."""
