"""Messages in, short links out: each queued event gets its link."""

from __future__ import annotations

from worker_runtime import Metrics, Sqs, cache, reads, secret, updates, worker
from workers_dmnd.extensions import EventExtensionPublisher
from workers_dmnd.models import ShortUrlMessage
from workers_dmnd.services import Events, Links
from workers_dmnd.shortening import give_short_url
from workers_dmnd.stacks import DEMAND


@worker(
    Sqs("event-short-url", batch_size=10, max_receives=3, dead_letters="event-short-url-dlq"),
    stack=DEMAND,
    grants=(reads("demand-table"), updates("demand-table"), secret("bitly"), cache("dmnd")),
    timeout_s=60,
    concurrency=10,
)
def shorten_event_url(
    message: ShortUrlMessage,
    *,
    events: Events,
    links: Links,
    publisher: EventExtensionPublisher,
    metrics: Metrics,
) -> None:
    """Give an event its short link."""
    give_short_url(message.id, events=events, links=links, publisher=publisher)
    metrics.count("UrlsShortened")
