"""From an event to its short link: shared by all workers that need one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker_runtime import Defer, Reject, Retry
from workers_dmnd.rules import may_shorten, wanting_link

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime import Metrics
    from workers_dmnd.extensions import EventExtensionPublisher
    from workers_dmnd.models import Event
    from workers_dmnd.services import CallLimit, Events, LinkCache, Links


def give_short_url(event_id: str, *, events: Events, links: Links, publisher: EventExtensionPublisher) -> str:
    """Shorten an event's URL, save the link with the event and return it.

    Raises Skip where the event is gone, suppressed or has a link, Retry where its URL changed
    meanwhile or the link was not saved, and what ``links`` raises. Repeating it is harmless: a URL
    always has the same link.
    """
    event = wanting_link(events.find(event_id))
    short_url = links.shorten(event.url)
    publisher.publish(event_id, short_url)  # before it is saved: an event with a link is not looked at again
    if not events.save_short_url(event, short_url):
        seen = wanting_link(events.find(event_id))
        raise Retry(reason=_why_unsaved(event, seen))
    return short_url


def _why_unsaved(event: Event, seen: Event) -> str:
    if seen.url != event.url:
        return "the event's URL changed meanwhile"
    return "the link was not saved, though the event has its URL still and wants one"


class FrugalLinks:
    """Short links of allowed URLs: from the cache where it knows them, else made within the limit."""

    def __init__(
        self,
        links: Links,
        *,
        cache: LinkCache,
        limit: CallLimit,
        allowed_hosts: Sequence[str],
        metrics: Metrics,
    ) -> None:
        self._links = links
        self._cache = cache
        self._limit = limit
        self._allowed_hosts = allowed_hosts
        self._metrics = metrics

    def shorten(self, url: str) -> str:
        """Return the link; Reject ``BAD_URL``, Defer past the limit, or what making it raises."""
        if not may_shorten(url, allowed_hosts=self._allowed_hosts):
            raise Reject("BAD_URL", "the event's url is not https on one of shortUrl.allowedHosts")
        kept = self._cache.find(url)
        self._metrics.count("CacheMiss" if kept is None else "CacheHit")
        if kept is not None:
            return kept
        link = self._make(url)
        self._cache.keep(url, link)
        return link

    def _make(self, url: str) -> str:
        wait_s = self._limit.take()
        if wait_s > 0:
            self._metrics.count("BitlyThrottled")
            raise Defer(wait_s, reason="no call to Bitly is free")
        self._metrics.count("BitlyCalls")
        try:
            return self._links.shorten(url)
        except Defer as throttled:
            self._metrics.count("BitlyThrottled")
            self._limit.block(for_s=throttled.after_s)
            raise
