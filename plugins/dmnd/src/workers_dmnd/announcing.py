"""From a sale to what its fans are told, or why nobody is told anything.

``generating`` asks for it before the first chunk of a pass.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from worker_runtime import Halt, Reject, Retry, Skip, Verdict, clock
from workers_dmnd.models import Audience
from workers_dmnd.new_notification import Announcement, words_of
from workers_dmnd.policy import instant
from workers_dmnd.shortening import give_short_url

if TYPE_CHECKING:
    from workers_dmnd.extensions import EventExtensionPublisher
    from workers_dmnd.models import Event, Sale
    from workers_dmnd.services import CampaignStore, Events, Links

LINK_AWAITED_S: Final = 600.0
"""How long after its time a sale waits for a short link before its fans get the long one."""

log = logging.getLogger(__name__)


class Announcements:
    """Gathers what the fans of a sale are told: of its event, its campaign and the event's short link."""

    def __init__(
        self,
        *,
        events: Events,
        campaigns: CampaignStore,
        links: Links,
        publisher: EventExtensionPublisher,
    ) -> None:
        self._events = events
        self._campaigns = campaigns
        self._links = links
        self._publisher = publisher

    def of(self, sale: Sale) -> Announcement:
        """Return what the sale's fans are told; the event gets its short link where it has none.

        Rejects under a code what nobody is to be told of: ``SALE_CANCELLED``, ``BAD_SALE``,
        ``EVENT_GONE``, ``EVENT_SUPPRESSED``, ``EVENT_CANCELLED``, ``CAMPAIGN_GONE``, ``BAD_URL``. Any
        other verdict means: not yet.
        """
        notify_at = _checked(sale)
        event = _told_of(self._events.find(sale.event_id))
        audience = self._audience(sale)
        return Announcement(
            event_id=sale.event_id,
            sale_id=sale.sale_id,
            template_id=sale.template_id,
            vars=words_of(sale, event, link=self._link(event, notify_at=notify_at)),
            notify_at=notify_at,
            expires_at=sale.expires_at,
            audience=audience,
        )

    def _audience(self, sale: Sale) -> Audience:
        if sale.campaign_id is None:
            return Audience()
        campaign = self._campaigns.find(sale.campaign_id)
        if campaign is None:
            raise Reject("CAMPAIGN_GONE", f"there is no campaign {sale.campaign_id}")
        return campaign.audience

    def _link(self, event: Event, *, notify_at: float) -> str:
        """Return the event's short link, or its own URL where there is none and no more time to wait."""
        if event.short_url is not None:
            return event.short_url
        try:
            return give_short_url(event.id, events=self._events, links=self._links, publisher=self._publisher)
        except Skip as skipped:  # somebody was faster, with the link or with the event's end
            raise Retry(reason=f"meanwhile {skipped}") from skipped
        except Verdict as verdict:
            if isinstance(verdict, Reject) and verdict.code == "BAD_URL":
                raise
            if clock.now() < notify_at + LINK_AWAITED_S:
                if isinstance(verdict, Halt):
                    raise
                raise Retry(reason=f"no short link yet: {verdict}") from verdict
            log.warning("event %s is announced by its long URL: %s", event.id, verdict)
            return event.url


def _checked(sale: Sale) -> float:
    """Refuse a sale that is off, or whose times nobody can read; return when its fans are told."""
    if sale.is_cancelled:
        raise Reject("SALE_CANCELLED")
    for text in (sale.closes_at, sale.expires_at):
        if text is not None:
            instant(text, code="BAD_SALE")
    return instant(sale.notify_at, code="BAD_SALE")


def _told_of(event: Event | None) -> Event:
    if event is None:
        raise Reject("EVENT_GONE")
    if event.is_suppressed:
        raise Reject("EVENT_SUPPRESSED")
    if event.is_cancelled:
        raise Reject("EVENT_CANCELLED")
    return event
