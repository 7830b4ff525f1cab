from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime import Reject
from workers_dmnd.adapters.events import EventsTable
from workers_dmnd.keys import event_keys
from workers_dmnd.models import Event

if TYPE_CHECKING:
    from worker_runtime.clients.dynamodb import Table
    from worker_runtime.testing import SteppedClock

URL = "https://www.ticketmaster.com/event/e1"
LINK = "https://bit.ly/e1"


@pytest.fixture
def events(table: Table) -> EventsTable:
    return EventsTable(table)


def put(table: Table, **changed: Any) -> dict[str, Any]:
    item = {
        **event_keys("e1"),
        "type": "event",
        "id": "e1",
        "name": "The Night Owls: World Tour",
        "url": URL,
        "isSuppressed": False,
        "version": 3,
        "updatedAt": "2020-01-01T00:00:00.000Z",
    }
    item |= changed
    table.put({name: value for name, value in item.items() if value is not None})
    return item


def stored(table: Table) -> dict[str, Any]:
    item = table.get(event_keys("e1"), consistent=True)
    assert item is not None
    return item


def test_an_event_is_found_as_it_stands_in_the_table(events: EventsTable, table: Table) -> None:
    put(table, shortUrl=LINK)

    found = events.find("e1")

    assert found is not None
    assert (found.id, found.url, found.is_suppressed, found.short_url) == ("e1", URL, False, LINK)


def test_an_event_that_is_not_there_is_none(events: EventsTable) -> None:
    assert events.find("e1") is None


@pytest.mark.parametrize("changed", [{"url": None}, {"url": 7}, {"isSuppressed": "no"}])
def test_an_item_that_is_no_event_is_rejected(
    events: EventsTable, table: Table, changed: dict[str, Any]
) -> None:
    put(table, **changed)

    with pytest.raises(Reject) as rejected:
        events.find("e1")

    assert rejected.value.code == "BAD_EVENT"


def test_a_link_is_saved_with_its_time_and_a_version_more(
    events: EventsTable, table: Table, stepped: SteppedClock
) -> None:
    before = put(table)
    event = events.find("e1")
    assert event is not None

    saved = events.save_short_url(event, LINK)

    at = "2023-11-14T22:14:00.000Z"
    assert stepped.now() == 1_700_000_040
    assert saved
    assert stored(table) == {**before, "shortUrl": LINK, "shortUrlAt": at, "updatedAt": at, "version": 4}


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"shortUrl": "https://bit.ly/first"},
        {"isSuppressed": True},
        {"isSuppressed": None},
        {"url": URL + "-moved"},
    ],
    ids=["linked", "suppressed", "no longer told", "moved"],
)
def test_a_link_is_not_saved_where_it_no_longer_belongs(
    events: EventsTable, table: Table, meanwhile: dict[str, Any]
) -> None:
    put(table)
    event = events.find("e1")
    assert event is not None
    put(table, **meanwhile)
    before = stored(table)

    saved = events.save_short_url(event, LINK)

    assert not saved
    assert stored(table) == before


def test_a_link_does_not_bring_a_removed_event_back(events: EventsTable) -> None:
    gone = Event(id="e1", url=URL, is_suppressed=False)

    saved = events.save_short_url(gone, LINK)

    assert not saved
    assert events.find("e1") is None


def test_a_link_that_is_null_is_no_link_and_is_replaced(events: EventsTable, table: Table) -> None:
    put(table)
    table.update(event_keys("e1"), set={"shortUrl": None})
    event = events.find("e1")
    assert event is not None

    saved = events.save_short_url(event, LINK)

    assert event.short_url is None
    assert saved
    assert stored(table)["shortUrl"] == LINK
