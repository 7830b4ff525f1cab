from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from worker_runtime.testing import kinesis_event, sqs_event

if TYPE_CHECKING:
    from command import Workers
    from installed import Site

FILTERED = """
    from worker_runtime import (
        Change, EventBridge, Kafka, Kinesis, Schedule, Sns, Sqs, Stack, TableStream, worker
    )


    @worker(
        Sqs("orders", filters=({"body": {"kind": ["sale"]}}, {"body": {"phone": [{"prefix": "+1"}]}})),
        Sqs("all", dead_letters="letters"),
        Kinesis("readings", dead_letters="letters", filters=({"data": {"meter": ["m"]}},)),
        Kafka("clicks", dead_letters="letters", cluster="events", filters=({"value": [{"suffix": "!"}]},)),
        Sns("news", dead_letters="letters", filter_policy={"kind": ["sale"]}),
        EventBridge("uploads", dead_letters="letters", pattern={"source": ["shop"]}),
        stack=Stack("shop"),
    )
    def work(body: dict) -> None:
        "Take what is there."
        raise AssertionError("never run")
"""
CHANGES = """
    from worker_runtime import Change, Stack, TableStream, worker

    @worker(
        TableStream("orders", kinesis="changes", dead_letters="letters",
                    filters=({"dynamodb": {"NewImage": {"type": {"S": ["sale"]}}}},)),
        stack=Stack("shop"),
    )
    def work(change: Change[dict]) -> None:
        "Take what is there."
"""


@pytest.fixture
def site(installed_plugin: Site) -> Site:
    installed_plugin.install_plugin("filtered", worker=FILTERED)
    return installed_plugin


def explain(workers: Workers, site: Site, event: Any, *options: str) -> Any:
    asked = ("explain-filter", "filtered.work", "--event", "-", *options)
    done = workers(*asked, site=site, stdin=json.dumps(event))
    assert (done.code, done.err) == (0, "")
    return done


def test_each_record_is_told_with_every_filter_path_operator_and_value(workers: Workers, site: Site) -> None:
    event = sqs_event({"kind": "sale"}, {"kind": "gift", "phone": "+49155501234"}, "plain", queue="orders")
    first, second, third = (record["messageId"] for record in event["Records"])

    done = explain(workers, site, event)

    assert done.out.splitlines() == [
        f"record 1 (id {first}): taken",
        '  filter 1: body.kind: exact ["sale"] matches "sale"',
        '  filter 2: body.phone: key is missing (prefix "+1" is asked)',
        f"record 2 (id {second}): refused",
        '  filter 1: body.kind: exact ["sale"] does not match "gift"',
        '  filter 2: body.phone: prefix "+1" does not match "+*******1234"',
        f"record 3 (id {third}): refused",
        '  filter 1: body.kind: body is no JSON object or list, but "plain" (exact ["sale"] is asked)',
        '  filter 2: body.phone: body is no JSON object or list, but "plain" (prefix "+1" is asked)',
        "filtered.work, sqs orders: 1 of 3 taken",
    ]


def test_values_are_in_clear_only_where_they_are_asked_for(workers: Workers, site: Site) -> None:
    event = sqs_event({"phone": "+49155501234"}, queue="orders")

    clear = explain(workers, site, event, "--show-values")
    masked = explain(workers, site, event, "--json")

    assert 'prefix "+1" does not match "+49155501234"' in clear.out
    assert "+49155501234" not in masked.out


def test_machines_get_one_line_of_json(workers: Workers, site: Site) -> None:
    event = sqs_event({"kind": "sale"}, {"kind": "gift"}, queue="orders")

    done = explain(workers, site, event, "--json")

    told = done.json
    assert done.out.count("\n") == 1
    assert (told["worker"], told["source"]) == ("filtered.work", {"kind": "sqs", "name": "orders"})
    assert (told["taken"], told["refused"]) == (1, 1)
    assert [(each["record"], each["taken"], each["by"]) for each in told["records"]] == [
        (1, True, "filter 1"),
        (2, False, None),
    ]
    assert told["records"][1]["filters"][0]["findings"] == [
        {
            "path": "body.kind",
            "operators": ["exact"],
            "asked": 'exact ["sale"]',
            "why": "differs",
            "seen": ["gift"],
        }
    ]


def test_a_source_without_filters_takes_all(workers: Workers, site: Site) -> None:
    done = explain(workers, site, sqs_event({"a": 1}, "words", queue="all"))

    assert done.out.splitlines()[-1] == (
        "filtered.work, sqs all: 2 of 2 taken; there are no filters, so all is taken"
    )


def test_an_event_without_records_has_nothing_to_tell(workers: Workers, site: Site) -> None:
    event = {"eventSource": "aws:kafka", "records": {}}

    assert explain(workers, site, event).out == "filtered.work, kafka clicks: 0 of 0 taken\n"


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (
            kinesis_event({"meter": "n"}, stream="readings"),
            'refused|  filter 1: data.meter: exact ["m"] does not match "n"',
        ),
        (
            {"Records": [{"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "1"}}]},
            'refused|  filter 1: data.meter: key is missing, as is data (exact ["m"] is asked)',
        ),
        (
            {
                "eventSource": "aws:kafka",
                "records": {"clicks-0": [{"offset": 7, "value": b64encode(b"hi").decode()}]},
            },
            'refused|  filter 1: value: suffix "!" does not match "hi"',
        ),
        (
            {
                "Records": [
                    {
                        "EventSource": "aws:sns",
                        "Sns": {
                            "MessageId": "1",
                            "Message": "{}",
                            "MessageAttributes": {"kind": {"Type": "String", "Value": "gift"}},
                        },
                    }
                ]
            },
            'refused|  filter policy: kind: exact ["sale"] does not match "gift"',
        ),
        (
            {
                "id": "1",
                "version": "0",
                "detail-type": "a",
                "source": "shop",
                "account": "1",
                "time": "",
                "region": "",
                "resources": [],
                "detail": {},
            },
            'taken|  pattern: source: exact ["shop"] matches "shop"',
        ),
    ],
    ids=["kinesis", "kinesis without data", "kafka", "sns", "event bridge"],
)
def test_every_source_that_filters_is_explained(workers: Workers, site: Site, event: Any, told: str) -> None:
    verdict, filtered = told.split("|")

    first, second, _ = explain(workers, site, event).out.splitlines()

    assert first.endswith(f"): {verdict}")
    assert second == filtered


def test_a_change_is_explained_whichever_way_it_comes(workers: Workers, installed_plugin: Site) -> None:
    installed_plugin.install_plugin("changes", worker=CHANGES)
    image = {"NewImage": {"type": {"S": "gift"}}}
    carried = b64encode(json.dumps({"dynamodb": image}).encode()).decode()
    own = {"eventSource": "aws:dynamodb", "dynamodb": {"SequenceNumber": "1", **image}}
    over_kinesis = {"eventSource": "aws:kinesis", "kinesis": {"sequenceNumber": "1", "data": carried}}

    told = [
        workers(
            "explain-filter",
            "changes.work",
            "--event",
            "-",
            site=installed_plugin,
            stdin=json.dumps({"Records": [record]}),
        ).out.splitlines()[1]
        for record in (own, over_kinesis)
    ]

    assert told == [
        '  filter 1: dynamodb.NewImage.type.S: exact ["sale"] does not match "gift"',
        '  filter 1: data.dynamodb.NewImage.type.S: exact ["sale"] does not match "gift"',
    ]


@pytest.mark.parametrize(
    ("arguments", "stdin", "told"),
    [
        (("nobody", "--event", "-"), "{}", "no installed plugin has the worker 'nobody'."),
        (("filtered.work",), "", "Missing option '--event'"),
        (("filtered.work", "--event", "absent.json"), "", "cannot read absent.json: No such file"),
        (("filtered.work", "--event", "-"), "words", "stdin is not JSON"),
        (
            ("filtered.work", "--event", "-"),
            '{"Records": [{"eventSource": "aws:s3"}]}',
            "this event is a batch of 'aws:s3'; give an event as Lambda would send it.",
        ),
        (
            ("filtered.work", "--event", "-"),
            '{"Records": [{"eventSource": "aws:kinesis"}]}',
            "a record has no sequence number, so no reply could name it; give an event",
        ),
    ],
)
def test_what_it_cannot_use_is_one_line_and_exit_code_2(
    workers: Workers, site: Site, arguments: tuple[str, ...], stdin: str, told: str
) -> None:
    done = workers("explain-filter", *arguments, site=site, stdin=stdin)

    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert told in line


def test_a_worker_that_cannot_be_loaded_is_one_line_and_exit_code_1(workers: Workers, shop: Site) -> None:
    done = workers("explain-filter", "crash.work", "--event", "-", "--json", site=shop, stdin="{}")

    assert (done.code, done.out) == (1, "")
    assert done.error["kind"] == "BrokenPlugin"
