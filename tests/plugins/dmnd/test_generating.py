from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from demand_generator import Generator, a_due_sale
from demand_table import FakeEvents, FakeRecipients, FakeSales
from worker_runtime import Reject, Retry, clock
from worker_runtime.testing import run_on
from workers_dmnd.extensions import EventExtensionPublisher, PublishesNothing
from workers_dmnd.generating import Generated, generate_notifications
from workers_dmnd.models import GeneratorInput
from workers_dmnd.policy import NotificationPolicy
from workers_dmnd.rules import timestamp
from workers_dmnd.services import (
    CampaignStore,
    Events,
    GeneratedNotifications,
    Links,
    Recipients,
    Sales,
)

if TYPE_CHECKING:
    from worker_runtime.testing import SteppedClock

RECORDED = Path(__file__).parents[2] / "events"
HOUR_S = 3_600.0


@pytest.fixture
def generator(stepped: SteppedClock) -> Generator:  # noqa: ARG001 - time stands still
    return a_due_sale(fans=25, chunk_size=10)


def test_each_fan_of_a_due_sale_gets_a_notification(generator: Generator) -> None:
    result = generator.run()

    assert result == Generated(sales=1, written=25, skipped=0)
    assert len(generator.notifications()) == 25
    assert generator.generation() == {
        "id": "DONE", "shard": 0, "written": 25, "skipped": 0, "passes": 1
    }  # fmt: skip


def test_a_notification_waits_for_its_time_with_all_that_its_text_needs(generator: Generator) -> None:
    generator.run()

    made = generator.notifications()["u000"]
    now = timestamp(clock.now())
    assert made["status"] == {"id": "PENDING", "at": now, "by": "notificationGenerator"}
    assert made["vars"] == {
        "eventName": "The Night Owls: World Tour",
        "shortUrl": "https://bit.ly/e1",
        "saleName": "Presale",
        "startsAt": "2026-05-01T20:00:00.000Z",
    }
    assert (made["to"], made["locale"], made["templateId"]) == ("+12125550123", "en-US", "sale-open")
    assert (made["attempts"], made["epoch"], made["pass"]) == (0, 0, 1)
    assert (made["sendAt"], made["GSI1SK"]) == (now, now)
    assert made["expiresAt"] == timestamp(clock.now() + 24 * HOUR_S)


def test_a_sale_generated_early_is_sent_at_its_time_and_looked_over_again_then(generator: Generator) -> None:
    at = timestamp(clock.now() + HOUR_S)
    generator.put_due(notifyAt=at, expiresAt=timestamp(clock.now() + 3 * HOUR_S))

    generator.run("s1")

    made = generator.notifications()["u000"]
    assert (made["sendAt"], made["expiresAt"]) == (at, timestamp(clock.now() + 3 * HOUR_S))
    assert generator.sale()["GSI1SK"] == at


def test_words_that_are_not_known_are_left_out(generator: Generator) -> None:
    generator.table.put_event(shortUrl="https://bit.ly/e1")

    generator.run()

    assert set(generator.notifications()["u000"]["vars"]) == {"eventName", "shortUrl", "saleName"}


@pytest.mark.parametrize(
    "changed",
    [{"notify": False}, {"optOut": True}, {"phone": None}, {"phone": ""}, {"eventId": "e2"}],
    ids=["not asked for", "opted out", "no phone", "empty phone", "another event's"],
)
def test_who_does_not_want_to_hear_of_it_or_cannot_is_left_out(
    generator: Generator, changed: dict[str, Any]
) -> None:
    generator.table.put_demand("u000", **changed)

    result = generator.run()

    assert result.written == 24
    assert "u000" not in generator.notifications()


def test_a_demand_that_nobody_can_read_keeps_none_of_the_others(generator: Generator) -> None:
    generator.table.put_demand("u000", notify="yes")

    assert generator.run().written == 24


@pytest.mark.parametrize(
    ("locales", "told"),
    [
        (None, {"en-US", "en-GB", "fr-CA"}),
        (("en",), {"en-US", "en-GB"}),
        (("EN-gb", "fr-CA"), {"en-GB", "fr-CA"}),
        ((), set()),
    ],
)
def test_a_campaign_speaks_to_its_audience_only(
    generator: Generator, locales: tuple[str, ...] | None, told: set[str]
) -> None:
    generator.put_due("s2", campaignId="c1")
    generator.campaigns.put("c1", locales=locales)
    for locale in ("en-US", "en-GB", "fr-CA"):
        generator.table.put_demand(f"fan-{locale}", sale_id="s2", locale=locale)

    generator.run("s2")

    assert {item["locale"] for item in generator.notifications("s2").values()} == told


def test_a_second_pass_writes_nothing_and_is_the_last(generator: Generator, stepped: SteppedClock) -> None:
    generator.run()
    before = generator.notifications()
    stepped.sleep(HOUR_S)

    result = generator.run()

    assert result == Generated(sales=1, written=0, skipped=25)
    assert generator.notifications() == before
    assert generator.generation() | {"id": "DONE", "written": 25, "skipped": 25, "passes": 2} == (
        generator.generation()
    )
    assert "GSI1PK" not in generator.sale()


def test_a_second_pass_tells_who_came_late(generator: Generator, stepped: SteppedClock) -> None:
    generator.run()
    generator.table.put_demand("late")
    stepped.sleep(HOUR_S)

    result = generator.run()

    assert result == Generated(sales=1, written=1, skipped=25)
    assert generator.notifications()["late"]["pass"] == 2
    assert generator.generation()["written"] == 26


@pytest.mark.parametrize("early", [0, 1, 2])
def test_passes_before_its_time_do_not_stand_in_for_the_last_look(
    generator: Generator, stepped: SteppedClock, early: int
) -> None:
    generator.put_due(notifyAt=timestamp(clock.now() + HOUR_S))
    for _ in range(early):
        generator.run("s1")
    stepped.sleep(HOUR_S)
    generator.run("s1")
    generator.table.put_demand("late")
    stepped.sleep(HOUR_S)

    last, none = generator.run(), generator.run()

    assert (last.written, none) == (1, Generated())
    assert "GSI1PK" not in generator.sale()


def test_passes_go_on_every_hour_until_the_sale_closes(generator: Generator, stepped: SteppedClock) -> None:
    generator.put_due(closesAt=timestamp(clock.now() + 2.5 * HOUR_S))
    passes = []

    for _ in range(5):
        passes.append(generator.run().sales)
        stepped.sleep(HOUR_S)

    assert passes == [1, 1, 1, 0, 0]


def test_a_pass_is_not_made_before_its_time_though_the_index_is_late(generator: Generator) -> None:
    generator.table.hold_indexes()
    generator.run()

    result = generator.run()

    assert result == Generated()
    assert generator.generation()["passes"] == 1


def test_a_sale_without_fans_is_done_at_once(generator: Generator) -> None:
    generator.put_due("empty")

    assert generator.run("empty") == Generated(sales=1)
    assert generator.generation("empty")["id"] == "DONE"


def test_a_tick_takes_five_sales_the_longest_waiting_first(generator: Generator) -> None:
    for at in range(7):
        generator.put_due(f"w{at}", notifyAt=timestamp(clock.now() - 700 + at))

    result = generator.run()

    assert result.sales == 5
    states = [generator.generation(f"w{at}")["id"] for at in range(7)]
    assert states == ["DONE"] * 5 + ["DUE"] * 2


def test_what_somebody_else_has_does_not_count(generator: Generator) -> None:
    for at in range(3):
        leased = {"id": "RUNNING", "leaseOwner": "r0", "leaseUntil": timestamp(clock.now() + 60)}
        generator.put_due(f"w{at}", generation=leased, notifyAt=timestamp(clock.now() - 700 + at))

    result = generator.run()

    assert result == Generated(sales=1, written=25)


@pytest.mark.parametrize("state", ["NONE", "FAILED"])
def test_a_tick_leaves_sales_that_are_not_due_to_others(generator: Generator, state: str) -> None:
    generator.put_due(generation={"id": state})

    assert generator.run() == Generated()


def test_a_sale_that_nobody_can_read_keeps_none_of_the_others(
    generator: Generator, caplog: pytest.LogCaptureFixture
) -> None:
    generator.put_due("broken", templateId=7, notifyAt=timestamp(clock.now() - 60))

    assert generator.run() == Generated(sales=1, written=25)
    assert "sale broken of event e1 has to be mended" in caplog.text


@pytest.mark.parametrize("state", ["NONE", "DUE", "DONE", "FAILED"])
def test_a_sale_that_is_asked_for_is_generated_now(generator: Generator, state: str) -> None:
    generator.put_due(generation={"id": state})

    assert generator.run("s1") == Generated(sales=1, written=25)


def test_a_sale_that_was_given_up_begins_anew_when_somebody_asks(
    generator: Generator, stepped: SteppedClock
) -> None:
    generator.table.put_event(isSuppressed=True)
    generator.run()
    generator.table.put_event(shortUrl="https://bit.ly/e1")

    by_itself, asked = generator.run(), generator.run("s1")
    stepped.sleep(HOUR_S)
    last = generator.run()

    assert (by_itself, asked) == (Generated(), Generated(sales=1, written=25))
    assert last == Generated(sales=1, skipped=25)
    assert "error" not in generator.generation()


def test_who_asks_may_name_the_logs() -> None:
    asked = b'{"eventId": "e1", "saleId": "s1", "correlationId": "support-7"}'

    assert msgspec.json.decode(asked, type=GeneratorInput).sale_id == "s1"


def test_a_sale_that_nobody_knows_is_rejected_to_who_asked() -> None:
    with pytest.raises(Reject) as rejected:
        Generator().run("s9")

    assert rejected.value.code == "SALE_NOT_FOUND"


def test_what_is_made_and_found_is_counted(generator: Generator, stepped: SteppedClock) -> None:
    generator.run()
    first = generator.measured()
    stepped.sleep(HOUR_S)
    generator.run()
    second = generator.measured()

    assert (first["NotificationsCreated"], first["NotificationsAlreadyPresent"]) == ([25], [0])
    assert (second["NotificationsCreated"], second["NotificationsAlreadyPresent"]) == ([0], [25])
    assert len(first["ChunkMs"]) == 3


def test_no_fan_is_named_in_any_log(generator: Generator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    generator.table.put_event()
    generator.links.verdict = Retry(reason="bitly: no answer")
    generator.run()

    assert "sale s1 is put off" in caplog.text
    assert "+1212" not in caplog.text


@pytest.mark.parametrize("recorded", ["dmnd_generator_tick.json", "dmnd_generator_asked.json"])
def test_the_recorded_events_are_understood(generator: Generator, recorded: str) -> None:
    services: dict[type, Any] = {
        Sales: FakeSales(generator.table),
        Events: FakeEvents(generator.table),
        CampaignStore: generator.campaigns,
        Links: generator.links,
        EventExtensionPublisher: PublishesNothing(),
        Recipients: FakeRecipients(generator.table),
        GeneratedNotifications: generator.generated,
        NotificationPolicy: generator.policy,
    }

    reply = run_on(
        generate_notifications,
        json.loads((RECORDED / recorded).read_text()),
        services=services,
        remaining_s=300,
    )

    assert reply == {"sales": 1, "written": 25, "skipped": 0}
