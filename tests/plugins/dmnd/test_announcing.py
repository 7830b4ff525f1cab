from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from demand_generator import FakeCampaigns, Generator, a_due_sale
from worker_runtime import Defer, Halt, Reject, Retry
from workers_dmnd.generating import Generated
from workers_dmnd.keys import event_keys, sale_keys

if TYPE_CHECKING:
    from worker_runtime import Verdict
    from worker_runtime.testing import SteppedClock
    from workers_dmnd.models import Campaign

HOUR_S = 3_600.0
DOWN = Retry(reason="bitly: POST /v4/shorten answered 503")


@pytest.fixture
def generator(stepped: SteppedClock) -> Generator:  # noqa: ARG001 - time stands still
    return a_due_sale(fans=25, chunk_size=10)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"isSuppressed": True}, "EVENT_SUPPRESSED"),
        ({"status": {"id": "CANCELLED"}}, "EVENT_CANCELLED"),
        ({"isSuppressed": None}, "BAD_EVENT"),
    ],
)
def test_an_event_that_is_off_fails_the_generation(
    generator: Generator, changed: dict[str, Any], code: str
) -> None:
    generator.table.put_event(**changed)

    result = generator.run()

    assert result == Generated(sales=1)
    assert (generator.generation()["id"], generator.generation()["error"]) == ("FAILED", code)
    assert "leaseOwner" not in generator.generation()
    assert "GSI1PK" not in generator.sale()
    assert generator.notifications() == {}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"status": "CANCELLED"}, "SALE_CANCELLED"),
        ({"campaignId": "c9"}, "CAMPAIGN_GONE"),
        ({"event_id": "e9"}, "EVENT_GONE"),
        ({"closesAt": "tomorrow"}, "BAD_SALE"),
        ({"notifyAt": "soon"}, "BAD_SALE"),
    ],
)
def test_a_sale_that_cannot_be_announced_fails(
    generator: Generator, changed: dict[str, Any], code: str
) -> None:
    event_id = changed.pop("event_id", "e1")
    generator.table.put_sale("s9", event_id=event_id, generation={"id": "DUE"}, **changed)

    generator.run("s9", event_id=event_id)

    item = generator.table.item(sale_keys(event_id, "s9")) or {}
    assert (item["generation"]["id"], item["generation"]["error"]) == ("FAILED", code)


def test_a_campaign_service_out_of_order_puts_the_sale_off(generator: Generator) -> None:
    generator.put_due(campaignId="c1")
    generator.campaigns.put("c1")
    generator.campaigns.verdict = Retry(reason="campaign: no answer")

    put_off = generator.run()
    generator.campaigns.verdict = None
    then = generator.run()

    assert (put_off, then) == (Generated(sales=1), Generated(sales=1, written=25))


def test_a_refusal_puts_the_sale_off_and_fails_the_tick_after_the_others(generator: Generator) -> None:
    generator.put_due(campaignId="c1")
    generator.campaigns.verdict = Halt("campaign answered 401")
    generator.put_due("s2")
    generator.put_fans(3, sale_id="s2")

    with pytest.raises(Halt, match="campaign answered 401"):
        generator.run()

    assert generator.generation()["id"] == "DUE"
    assert len(generator.notifications("s2")) == 3


def test_a_refusal_by_bitly_fails_the_tick_while_its_link_is_waited_for(
    generator: Generator, stepped: SteppedClock
) -> None:
    generator.table.put_event()
    generator.links.verdict = Halt("bitly answered 401")

    with pytest.raises(Halt, match="bitly answered 401"):
        generator.run()
    state = generator.generation()["id"]
    stepped.sleep(600)
    then = generator.run()

    assert (state, then) == ("DUE", Generated(sales=1, written=25))


def test_a_refusal_is_told_though_the_lease_is_lost(generator: Generator) -> None:
    class Refused(FakeCampaigns):
        def find(self, campaign_id: str) -> Campaign | None:
            generator.put_due(campaignId=campaign_id)
            raise Halt("campaign answered 401")

    generator.campaigns = Refused()
    generator.put_due(campaignId="c1")

    with pytest.raises(Halt, match="campaign answered 401"):
        generator.run()


def test_an_event_without_a_link_gets_one_first(generator: Generator) -> None:
    generator.table.put_event()

    generator.run()

    event = generator.table.item(event_keys("e1")) or {}
    assert event["shortUrl"] == "https://bit.ly/e1"
    assert generator.notifications()["u000"]["vars"]["shortUrl"] == "https://bit.ly/e1"


@pytest.mark.parametrize("verdict", [DOWN, Defer(75), Reject("REFUSED_BY_BITLY")])
def test_while_bitly_is_down_a_sale_waits_ten_minutes_for_its_link(
    generator: Generator, stepped: SteppedClock, verdict: Verdict
) -> None:
    generator.table.put_event()
    generator.links.verdict = verdict

    waited = [generator.run()]
    state = generator.generation()
    for _ in range(10):
        stepped.sleep(60)
        waited.append(generator.run())

    assert waited == [Generated(sales=1)] * 10 + [Generated(sales=1, written=25)]
    assert state == {"id": "DUE", "shard": 0, "written": 0, "skipped": 0, "passes": 0}
    made = generator.notifications()["u000"]
    assert made["vars"]["shortUrl"] == "https://www.ticketmaster.com/event/e1"
    assert generator.generation()["passes"] == 1


def test_a_url_that_is_not_allowed_fails_the_generation(generator: Generator, stepped: SteppedClock) -> None:
    generator.table.put_event()
    generator.links.verdict = Reject("BAD_URL")
    stepped.sleep(HOUR_S)

    generator.run()

    assert (generator.generation()["id"], generator.generation()["error"]) == ("FAILED", "BAD_URL")


def test_a_link_that_another_worker_sets_meanwhile_is_the_one(generator: Generator) -> None:
    generator.table.put_event()
    reads = 0

    def linked(key: tuple[str, str]) -> None:
        nonlocal reads
        reads += key == ("EVENT#e1", "EVENT")
        if reads == 2:
            generator.table.put_event(shortUrl="https://bit.ly/first")

    generator.table.before_read = linked
    first = generator.run()
    then = generator.run()

    assert (first.written, then.written) == (0, 25)
    assert generator.notifications()["u000"]["vars"]["shortUrl"] == "https://bit.ly/first"
    assert generator.links.asked == 0
