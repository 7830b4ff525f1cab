"""The plugin as Lambda loads it: a table change becomes a message, the message a saved link."""

from __future__ import annotations

import json
import pkgutil
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from demand_items import demand_item, event_item, notification_item, sale_item
from worker_runtime import Environment
from worker_runtime.clients import aws
from worker_runtime.clients.dynamodb import Table
from worker_runtime.hookspecs import ForPeople
from worker_runtime.loading import load
from worker_runtime.local.offers import OutsideService
from worker_runtime.manifest import describe
from worker_runtime.runtime import run
from worker_runtime.settings_files import merged_settings
from worker_runtime.testing import Context, RecordingSender, change, message, table_event
from workers_dmnd import local
from workers_dmnd.generating import generate_notifications
from workers_dmnd.keys import event_keys, notification_keys, pointer_keys
from workers_dmnd.local import BITLY, scenarios, stand_ins
from workers_dmnd.local.bitly import link_for
from workers_dmnd.local.campaign import CampaignStandIn
from workers_dmnd.local.sms import SmsStandIn
from workers_dmnd.sending import send_notification
from workers_dmnd.short_url import shorten_event_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.stage.parts.redis_server import RedisServer
    from worker_runtime.testing import SteppedClock
    from worker_runtime.workers import Worker
    from workers_dmnd.local.bitly import BitlyStandIn

EVENTS = Path(__file__).parents[2] / "events"


@pytest.fixture
def sms(stepped: SteppedClock) -> Iterator[SmsStandIn]:
    with SmsStandIn(clock=stepped) as running:
        yield running


@pytest.fixture
def campaign(stepped: SteppedClock) -> Iterator[CampaignStandIn]:
    with CampaignStandIn(clock=stepped) as running:
        yield running


@pytest.fixture
def variables(  # noqa: PLR0913, PLR0917 - all that the plugin reaches
    table: Table,
    redis_server: RedisServer,
    bitly: BitlyStandIn,
    sms: SmsStandIn,
    campaign: CampaignStandIn,
    tmp_path: Path,
) -> dict[str, str]:
    """Provision what the plugin needs and return the environment that names it."""
    unique = uuid4().hex[:8]
    queue = aws.client("sqs").create_queue(QueueName=f"event-short-url-{unique}")
    for secret, fields in BITLY.secrets.items():
        aws.client("secretsmanager").create_secret(
            Name=f"{secret}-{unique}", SecretString=json.dumps(dict(fields))
        )
    settings = merged_settings("workers_dmnd", config_env="dev")
    settings["http"]["bitly"]["baseUrl"] = bitly.url
    settings["http"]["sms"]["baseUrl"] = sms.url
    settings["http"]["campaign"]["baseUrl"] = campaign.url
    (tmp_path / "settings.json").write_text(json.dumps({"dmnd": settings}))
    return {
        "WORKER_SETTINGS": str(tmp_path / "settings.json"),
        "DEMAND_TABLE": table.name,
        "EVENT_SHORT_URL_QUEUE_URL": queue["QueueUrl"],
        "BITLY_SECRET_ID": f"bitly-{unique}",
        "DMND_REDIS_URL": redis_server.url,
        "SMS_ROLE_ARN": "arn:aws:iam::000000000000:role/sms",
    }


def invoke(worker: str, event: Any, variables: dict[str, str]) -> Any:
    loaded = load(worker, environment=Environment.read(variables))
    with closing(loaded.services):
        return run(loaded, event, context=Context(), sender=RecordingSender())


def received(queue_url: str) -> dict[str, Any]:
    """Receive what waits in a queue as Lambda hands it over."""
    answer = aws.client("sqs").receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
    bodies = [waiting["Body"] for waiting in answer["Messages"]]
    return {"Records": [message(body, at=at) for at, body in enumerate(bodies)]}


def test_changed_events_get_their_short_links(variables: dict[str, str], bitly: BitlyStandIn) -> None:
    table = Table(variables["DEMAND_TABLE"])
    changed = json.loads((EVENTS / "dmnd_event_change_kinesis.json").read_text())
    urls = {
        "vvG1iZ9Y7eXJ1k": "https://www.ticketmaster.com/1",
        "vvG1iZ9Y7eXJ2m": "https://www.ticketmaster.com/2",
    }
    for event_id, url in urls.items():
        table.put({**event_keys(event_id), "id": event_id, "url": url, "isSuppressed": False})

    replies = [
        invoke("demandStreamToSqs", changed, variables),
        invoke("shortenEventUrl", received(variables["EVENT_SHORT_URL_QUEUE_URL"]), variables),
    ]

    items = [table.get(event_keys(event_id), consistent=True) for event_id in urls]
    assert replies == [{"batchItemFailures": []}] * 2
    assert [item and item["shortUrl"] for item in items] == [link_for(url) for url in urls.values()]
    assert bitly.count() == 2


def test_a_url_that_bitly_knows_by_now_costs_no_second_call(
    variables: dict[str, str], bitly: BitlyStandIn
) -> None:
    table = Table(variables["DEMAND_TABLE"])
    again = {**event_keys("e1"), "id": "e1", "url": "https://livenation.com/1", "isSuppressed": False}
    asked = {"Records": [message({"data": {"id": "e1"}, "id": "e1"})]}

    for _ in range(2):
        table.put(again)
        invoke("shortenEventUrl", asked, variables)

    item = table.get(event_keys("e1"), consistent=True)
    assert item is not None
    assert item["shortUrl"] == link_for("https://livenation.com/1")
    assert bitly.count() == 1


def test_a_released_notification_becomes_an_sms(variables: dict[str, str], sms: SmsStandIn) -> None:
    table = Table(variables["DEMAND_TABLE"])
    item = notification_item("n1", status="CREATED")
    table.put(item)
    released = table_event(change(new=item, table="demand-table"))

    replies = [invoke("notificationSend", released, variables) for _ in range(2)]

    sent = table.get(notification_keys("n1"), consistent=True)
    (taken,) = sms.messages
    assert replies == [{"batchItemFailures": []}] * 2
    assert sent is not None
    assert (sent["status"]["id"], sent["messageId"]) == ("SENT", taken.message_id)
    assert (taken.to, sms.count()) == (item["to"], 1)
    assert table.get(pointer_keys(taken.message_id), consistent=True) is not None


def test_a_due_sales_fans_are_told_with_the_events_short_link(
    variables: dict[str, str], table: Table, campaign: CampaignStandIn, bitly: BitlyStandIn
) -> None:
    tick = json.loads((EVENTS / "dmnd_generator_tick.json").read_text())
    campaign.put("c1", locales=["en"])
    table.put(event_item())
    table.put(sale_item(campaignId="c1", generation={"id": "DUE"}))
    for user_id, locale in {"u1": "en-US", "u2": "en-GB", "u3": "fr-CA"}.items():
        table.put(demand_item(user_id, locale=locale))

    reply = invoke("notificationGenerator", tick, variables)

    assert reply == {"sales": 1, "written": 2, "skipped": 0}
    assert (bitly.count(), campaign.count()) == (1, 1)
    fans = table.query("GSI2PK = :pk", values={"pk": "USER#u1"}, index="GSI2")
    assert [item["vars"]["shortUrl"] for item in fans] == [link_for("https://www.ticketmaster.com/event/e1")]


def test_each_stand_ins_setting_is_one_that_the_plugin_has() -> None:
    settings = merged_settings("workers_dmnd", config_env="dev")
    services = [offer for offer in stand_ins() if isinstance(offer, OutsideService)]

    base_urls = [reduce(lambda at, key: at[key], each.setting.split("."), settings) for each in services]

    assert base_urls
    assert all(isinstance(base_url, str) for base_url in base_urls)


def test_no_module_stands_where_a_hook_is_looked_for() -> None:
    hooks = {name for name, value in vars(ForPeople).items() if callable(value)}

    modules = {each.name for each in pkgutil.iter_modules(local.__path__)}

    assert hooks & {"commands", "scenarios"}
    assert not hooks & modules  # importing it would put the module in the hook's place


def test_scenarios_have_names_of_their_own() -> None:
    names = [scenario.name for scenario in scenarios()]

    assert len(names) == len(set(names))


@pytest.mark.parametrize("worker", [generate_notifications, send_notification, shorten_event_url])
def test_who_reaches_redis_is_told_of_its_replica(worker: Worker[..., Any]) -> None:
    entry = describe("dmnd.any", worker.declaration, distribution="workers-dmnd", version="1")

    assert {"DMND_REDIS_URL", "DMND_REDIS_READ_ONLY_URL"} <= set(entry.environment)
