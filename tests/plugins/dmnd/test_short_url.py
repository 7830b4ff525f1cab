from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from worker_runtime import Defer, Halt, Metrics, Reject, Retry, Skip
from worker_runtime.testing import RecordingSender, message, run_on, sqs_event
from workers_dmnd.extensions import EventExtensionPublisher, PublishesNothing
from workers_dmnd.models import Event, ShortUrlMessage
from workers_dmnd.services import Events, Links
from workers_dmnd.short_url import shorten_event_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime import Verdict

RECORDED = Path(__file__).parents[2] / "events" / "dmnd_short_url_sqs.json"
URL = "https://www.ticketmaster.com/event/e1"


def an_event(
    event_id: str = "e1", *, url: str = URL, suppressed: bool = False, short_url: str | None = None
) -> Event:
    return Event(id=event_id, url=url, is_suppressed=suppressed, short_url=short_url)


class FakeEvents:
    """A table of events; ``meanwhile`` is what somebody else makes of one before the link is saved."""

    def __init__(
        self, *events: Event, meanwhile: Callable[[Event], Event | None] = lambda event: event
    ) -> None:
        self.by_id: dict[str, Event] = {event.id: event for event in events}
        self._meanwhile = meanwhile

    def find(self, event_id: str) -> Event | None:
        return self.by_id.get(event_id)

    def save_short_url(self, event: Event, short_url: str) -> bool:
        now = self._meanwhile(self.by_id.pop(event.id))
        if now is None:
            return False
        saved = now == event
        self.by_id[event.id] = replace(now, short_url=short_url) if saved else now
        return saved


class FakeLinks:
    """Makes a link of a URL's last part, or raises what it is told to."""

    def __init__(self, verdict: Verdict | None = None) -> None:
        self.asked: list[str] = []
        self._verdict = verdict

    def shorten(self, url: str) -> str:
        self.asked.append(url)
        if self._verdict is not None:
            raise self._verdict
        return "https://bit.ly/" + url.rpartition("/")[2]


class FakePublisher:
    """Remembers what was published."""

    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []

    def publish(self, event_id: str, short_url: str) -> None:
        self.published.append((event_id, short_url))


@pytest.fixture
def shorten(metrics: Metrics) -> Callable[..., None]:
    """Call the worker for the event ``e1``."""

    def shorten(
        events: FakeEvents, links: FakeLinks, publisher: EventExtensionPublisher | None = None
    ) -> None:
        asked, publisher = ShortUrlMessage.of("e1"), publisher or PublishesNothing()
        shorten_event_url(asked, events=events, links=links, publisher=publisher, metrics=metrics)

    return shorten


def run(event: Any, events: FakeEvents, links: FakeLinks, *, sender: RecordingSender | None = None) -> Any:
    services: dict[type, Any] = {Events: events, Links: links, EventExtensionPublisher: PublishesNothing()}
    return run_on(shorten_event_url, event, services=services, sender=sender)


def asking(event_id: str) -> dict[str, Any]:
    return {"data": {"id": event_id}, "id": event_id}


def test_an_event_gets_its_short_link(shorten: Callable[..., None]) -> None:
    events = FakeEvents(an_event())

    shorten(events, FakeLinks())

    assert events.by_id["e1"].short_url == "https://bit.ly/e1"


@pytest.mark.parametrize(
    "events",
    [
        FakeEvents(),
        FakeEvents(an_event(suppressed=True)),
        FakeEvents(an_event(short_url="https://bit.ly/older")),
    ],
    ids=["gone", "suppressed", "linked"],
)
def test_an_event_that_needs_no_link_costs_no_call(events: FakeEvents, shorten: Callable[..., None]) -> None:
    links, before = FakeLinks(), dict(events.by_id)

    with pytest.raises(Skip):
        shorten(events, links)

    assert links.asked == []
    assert events.by_id == before


@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda _: None,
        lambda event: replace(event, is_suppressed=True),
        lambda event: replace(event, short_url="https://bit.ly/first"),
    ],
    ids=["removed", "suppressed", "linked"],
)
def test_an_event_that_no_longer_needs_it_keeps_what_it_has(
    meanwhile: Callable[[Event], Event | None], shorten: Callable[..., None]
) -> None:
    events = FakeEvents(an_event(), meanwhile=meanwhile)

    with pytest.raises(Skip):
        shorten(events, FakeLinks())

    assert events.by_id.get("e1") == meanwhile(an_event())


def test_a_url_that_changed_meanwhile_is_shortened_next_time(shorten: Callable[..., None]) -> None:
    moved = FakeEvents(an_event(), meanwhile=lambda event: replace(event, url=URL + "-moved"))

    with pytest.raises(Retry, match="changed"):
        shorten(moved, FakeLinks())
    again = FakeEvents(moved.by_id["e1"])
    shorten(again, FakeLinks())

    assert moved.by_id["e1"].short_url is None
    assert again.by_id["e1"].short_url == "https://bit.ly/e1-moved"


class StubbornEvents(FakeEvents):
    """A table that takes no link."""

    def save_short_url(self, event: Event, short_url: str) -> bool:  # noqa: ARG002 - the Protocol's
        return False


def test_a_link_that_is_refused_for_no_known_reason_says_so(shorten: Callable[..., None]) -> None:
    with pytest.raises(Retry, match="not saved, though the event has its URL still and wants one"):
        shorten(StubbornEvents(an_event()), FakeLinks())


def test_a_link_is_published_where_somebody_listens(shorten: Callable[..., None]) -> None:
    publisher = FakePublisher()

    shorten(FakeEvents(an_event()), FakeLinks(), publisher)

    assert publisher.published == [("e1", "https://bit.ly/e1")]


def test_a_message_that_comes_twice_is_skipped_the_second_time() -> None:
    events, links = FakeEvents(an_event()), FakeLinks()

    replies = [run(sqs_event(asking("e1")), events, links) for _ in range(2)]

    assert replies == [{"batchItemFailures": []}] * 2
    assert links.asked == [URL]


def test_each_event_of_a_batch_gets_its_link() -> None:
    names = [f"e{at}" for at in range(10)]
    events = FakeEvents(*(an_event(name, url=f"https://www.ticketmaster.com/event/{name}") for name in names))

    reply = run(sqs_event(*map(asking, names)), events, FakeLinks())

    assert reply == {"batchItemFailures": []}
    assert {event.short_url for event in events.by_id.values()} == {
        f"https://bit.ly/{name}" for name in names
    }


def test_garbage_goes_to_the_dead_letters_and_the_others_get_their_links() -> None:
    events, sender = FakeEvents(an_event()), RecordingSender()

    reply = run(sqs_event("Hi!", {"id": 7}, asking("e1")), events, FakeLinks(), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert [(to, sent.body) for to, sent in sender.sent] == [
        ("event-short-url-dlq", "Hi!"),
        ("event-short-url-dlq", '{"id": 7}'),
    ]
    assert events.by_id["e1"].short_url is not None


def test_a_throttled_message_is_sent_again_and_spends_no_receive() -> None:
    sender = RecordingSender()

    reply = run(sqs_event(asking("e1")), FakeEvents(an_event()), FakeLinks(Defer(75)), sender=sender)

    ((to, again),) = sender.sent
    assert reply == {"batchItemFailures": []}
    assert (to, again.delay_s, again.attributes["deferrals"]) == ("event-short-url", 75, "1")
    assert json.loads(again.body) == asking("e1")


def test_a_message_deferred_48_times_goes_to_the_dead_letters() -> None:
    tired = {"Records": [message(asking("e1"), attributes={"deferrals": "48"})]}
    sender = RecordingSender()

    run(tired, FakeEvents(an_event()), FakeLinks(Defer(75)), sender=sender)

    assert [to for to, _ in sender.sent] == ["event-short-url-dlq"]


def test_a_bad_url_goes_to_the_dead_letters() -> None:
    sender = RecordingSender()

    reply = run(sqs_event(asking("e1")), FakeEvents(an_event()), FakeLinks(Reject("BAD_URL")), sender=sender)

    assert reply == {"batchItemFailures": []}
    assert [to for to, _ in sender.sent] == ["event-short-url-dlq"]


def test_bitly_out_of_order_has_the_message_delivered_again() -> None:
    links = FakeLinks(Retry(reason="bitly: POST /v4/shorten answered 503"))

    reply = run(sqs_event(asking("e1")), FakeEvents(an_event()), links)

    assert len(reply["batchItemFailures"]) == 1


def test_a_spent_quota_holds_the_messages_back() -> None:
    sender = RecordingSender()
    links = FakeLinks(Halt("bitly: the month is spent"))

    reply = run(sqs_event(asking("e1")), FakeEvents(an_event()), links, sender=sender)

    assert len(reply["batchItemFailures"]) == 1
    assert list(sender.hidden.values()) == [900]
    assert sender.sent == []


def test_only_saved_links_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    events = FakeEvents(an_event("e1"), an_event("e2", suppressed=True))

    run(sqs_event(asking("e1"), asking("e2")), events, FakeLinks())

    measured = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert measured["UrlsShortened"] == [1]
    assert measured["RecordsSkipped"] == [1]


def test_the_recorded_event_is_understood() -> None:
    events = FakeEvents(an_event("vvG1iZ9Y7eXJ1k"), an_event("vvG1iZ9Y7eXJ2m"))

    reply = run(json.loads(RECORDED.read_text()), events, FakeLinks())

    assert reply == {"batchItemFailures": []}
    assert all(event.short_url for event in events.by_id.values())
