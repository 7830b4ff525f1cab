"""Schedules: ticks of rules and of EventBridge Scheduler, payloads by themselves, the worker's word back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel, ConfigDict

from conformance import FOLDER, params
from verdicts import act
from wording import says
from worker_runtime import Record, Retry, Schedule, Stack, Worker, worker
from worker_runtime.clock import SteppedClock, using
from worker_runtime.errors import BatchFailed, DeclarationError, Reject, ReplyRefused, UnrecognisedEvent
from worker_runtime.testing import RecordingSender, kinesis_event, run_on, schedule_event, sqs_event

SHOP = Stack("shop")
EVERY_MINUTE = Schedule("rate(1 minute)")
LETTERED = Schedule("rate(1 minute)", dead_letters="ticks-dlq")
RULE_TICK = {
    "version": "0",
    "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "123456789012",
    "time": "2015-10-08T16:53:06Z",
    "region": "us-east-1",
    "resources": ["arn:aws:events:us-east-1:123456789012:rule/my-scheduled-rule"],
    "detail": {},
}
"""From the EventBridge user guide."""
SCHEDULER_TICK = {
    **RULE_TICK,
    "source": "aws.scheduler",
    "resources": ["arn:aws:scheduler:us-east-1:123456789012:schedule/default/my-schedule"],
    "detail": "{}",
}


class Asked(Struct, rename="camel"):
    sale_id: str = "none"
    verdict: str = ""


class Counts(Struct, rename="camel"):
    released_now: int
    oldest: datetime | None = None


class Person(BaseModel):
    model_config = ConfigDict(strict=True)

    name: str = "nobody"
    born: datetime | None = None


class Told(Struct):
    """A Struct of our own that holds another's model."""

    people: list[Person]


def generating(source: Schedule = EVERY_MINUTE, seen: list[Record[Any]] | None = None) -> Worker[..., Any]:
    @worker(source, stack=SHOP)
    def generate(asked: Record[Asked]) -> str:
        """Do what is asked."""
        if seen is not None:
            seen.append(asked)
        act(asked.body.verdict)
        return asked.body.sale_id

    return generate


def replying(value: Any) -> Worker[..., Any]:
    @worker(EVERY_MINUTE, stack=SHOP)
    def reply() -> Any:
        """Say something."""
        return value

    return reply


TICKS = {
    "rule": RULE_TICK,
    "scheduler": SCHEDULER_TICK,
    "built": schedule_event(),
    "built with a time zone": schedule_event(timezone="Europe/Paris"),
    "empty": {},
    "null": None,
    "payload": {"any": "thing"},
}


@pytest.mark.parametrize("event", TICKS.values(), ids=TICKS)
def test_a_worker_that_takes_nothing_runs_whatever_the_schedule_sends(event: Any) -> None:
    assert run_on(replying("ran"), event) == "ran"


@pytest.mark.parametrize(
    ("event", "sale"),
    [
        (RULE_TICK, "none"),
        (SCHEDULER_TICK, "none"),
        ({}, "none"),
        (None, "none"),
        ({"saleId": "s-1"}, "s-1"),
        ({**RULE_TICK, "detail": {"saleId": "s-1"}}, "s-1"),
        ({**SCHEDULER_TICK, "detail": '{"saleId": "s-1"}'}, "s-1"),
        (schedule_event({"saleId": "s-1"}), "s-1"),
        ({"saleId": "s-1", "id": "mine", "source": "me", "detail": {"no": "envelope"}}, "s-1"),
    ],
)
def test_a_payload_comes_by_itself_or_inside_the_envelope(event: Any, sale: str) -> None:
    assert run_on(generating(), event) == sale


def test_a_tick_is_known_by_its_event_and_when_it_was_due() -> None:
    seen: list[Record[Any]] = []

    run_on(generating(seen=seen), RULE_TICK)

    (tick,) = seen
    assert (tick.id, tick.correlation_id) == (RULE_TICK["id"], RULE_TICK["id"])
    assert tick.sent_at == datetime(2015, 10, 8, 16, 53, 6, tzinfo=UTC)
    assert tick.raw == RULE_TICK
    assert tick.attempt is None


def test_a_payload_by_itself_is_known_by_its_invocation_whose_id_a_retry_keeps() -> None:
    seen: list[Record[Any]] = []

    run_on(generating(seen=seen), {"saleId": "s-1", "correlationId": "c-1"})
    run_on(generating(seen=seen), {"saleId": "s-1"})

    first, second = seen
    assert first.id == second.id == "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
    assert (first.correlation_id, second.correlation_id) == ("c-1", second.id)
    assert first.sent_at is None


@pytest.mark.parametrize(
    "poison", [{"id": 7}, {"id": ""}, {"time": "soon"}, {"time": None}, {"resources": None}]
)
def test_an_envelope_that_says_nothing_usable_is_a_tick_all_the_same(poison: Any) -> None:
    seen: list[Record[Any]] = []

    run_on(generating(seen=seen), {**RULE_TICK, **poison})

    (tick,) = seen
    assert tick.id
    assert tick.sent_at is None or "time" not in poison


OTHERS = {
    "queue": sqs_event("{}"),
    "stream": kinesis_event({}),
    "empty batch": {"Records": []},
    "another rule's event": {**RULE_TICK, "detail-type": "EC2 Instance State-change Notification"},
    "another's scheduled event": {**RULE_TICK, "source": "my.app"},
    "kafka": {"eventSource": "aws:kafka", "records": {}},
    "http": {"requestContext": {}, "body": "{}"},
    "firehose": {"invocationId": "1", "deliveryStreamArn": "arn", "records": []},
    "list": [],
    "text": "now",
    "number": 0,
    "false": False,
}


@pytest.mark.parametrize("event", OTHERS.values(), ids=OTHERS)
def test_the_events_of_other_sources_are_refused(event: Any) -> None:
    with pytest.raises(
        UnrecognisedEvent, match=says("test.reply takes schedule rate(1 minute); this event is ~")
    ):
        run_on(replying(1), event)


def events_of_aws() -> list[dict[str, Any]]:
    """List sample events of other services; none of them is a schedule's."""
    files = sorted((FOLDER / "events").glob("*.json"))
    return [{"name": file.stem, "event": json.loads(file.read_text(encoding="utf-8"))} for file in files]


@pytest.mark.parametrize("case", params(events_of_aws(), name="name"))
def test_a_sample_event_of_another_service_is_refused_or_taken_for_a_payload(case: Any) -> None:
    event = case["event"]
    batch = isinstance(event, dict) and ("Records" in event or "requestContext" in event)
    enveloped = isinstance(event, dict) and "detail-type" in event

    if batch or enveloped or not isinstance(event, dict):
        assert not EVERY_MINUTE.recognises(event)
    elif EVERY_MINUTE.recognises(event):
        assert run_on(replying("ran"), event) == "ran"


@pytest.mark.parametrize("named", ["awsConfigRuleScheduled", "config_periodic-rule"])
def test_what_another_service_has_scheduled_is_a_payload(named: str) -> None:
    found = [case["event"] for case in events_of_aws() if case["name"].endswith(named)]
    if not found:
        pytest.skip(f"no {named} in {FOLDER}; WORKERS_CONFORMANCE names the folder")

    assert run_on(replying("ran"), found[0]) == "ran"


def test_of_two_schedules_the_rule_or_the_payload_says_whose_tick_it_is() -> None:
    nightly = Schedule("cron(0 3 * * ? *)", rule="nightly", dead_letters="nightly-dlq")
    hourly = Schedule("rate(1 hour)", payload={"verdict": "reject"}, dead_letters="hourly-dlq")
    sender = RecordingSender()

    @worker(nightly, hourly, stack=SHOP)
    def sweep(asked: Asked) -> None:
        """Reject all."""
        raise Reject("TOLD_TO", asked.sale_id)

    run_on(sweep, schedule_event(rule="nightly"), sender=sender)
    run_on(sweep, hourly.payload, sender=sender)

    assert [queue for queue, _ in sender.sent] == ["nightly-dlq", "hourly-dlq"]


@pytest.mark.parametrize(
    ("value", "reply"),
    [
        (None, None),
        (3, 3),
        ("done", "done"),
        ({"a": [1, 2]}, {"a": [1, 2]}),
        ({1: (2, 3)}, {"1": [2, 3]}),
        (Counts(3, datetime(2026, 1, 1, tzinfo=UTC)), {"releasedNow": 3, "oldest": "2026-01-01T00:00:00Z"}),
        (Decimal("1.10"), "1.10"),
        (
            Person(name="Ann", born=datetime(2000, 1, 1, tzinfo=UTC)),
            {"name": "Ann", "born": "2000-01-01T00:00:00Z"},
        ),
        (Told([Person(name="Ann")]), {"people": [{"name": "Ann", "born": None}]}),
    ],
    ids=str,
)
def test_what_the_worker_returns_is_the_reply_as_plain_data(value: Any, reply: Any) -> None:
    assert json.loads(json.dumps(run_on(replying(value), None))) == reply


def test_a_verdict_that_is_returned_by_a_slip_is_one() -> None:
    with pytest.raises(Retry):
        run_on(replying(Retry()), None)


def test_a_return_value_that_is_no_json_is_refused_by_name() -> None:
    with pytest.raises(ReplyRefused, match=says("the worker returned a object that is no JSON: ~")):
        run_on(replying(object()), None)


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("retry", "Retry"),
        ("retry_in", "Retry"),
        ("defer", "Defer"),
        ("halt", "Halt"),
        ("reject", "Reject"),  # nobody keeps its dead letters
        ("bug", "KeyError"),
    ],
)
def test_what_is_to_come_again_is_raised_under_its_own_name(verdict: str, name: str) -> None:
    with pytest.raises(Exception, match=r"told to|TOLD_TO|retry|deferred") as raised:
        run_on(generating(), {"verdict": verdict})

    assert type(raised.value).__name__ == name


@pytest.mark.parametrize("source", [EVERY_MINUTE, LETTERED])
def test_what_is_skipped_is_done(source: Schedule) -> None:
    sender = RecordingSender()

    assert run_on(generating(source), {"verdict": "skip"}, sender=sender) is None
    assert not sender.sent


def test_a_failure_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(KeyError):
        run_on(generating(), {"verdict": "bug"})

    assert [record.message for record in caplog.records if record.exc_info] == ["failed"]


def test_a_rejected_payload_is_dead_lettered_whole_and_then_done() -> None:
    sender = RecordingSender()
    event = {**RULE_TICK, "detail": {"verdict": "reject", "correlationId": "c-1"}}

    with using(SteppedClock()):
        reply = run_on(generating(LETTERED), event, sender=sender)

    ((queue, letter),) = sender.sent
    assert reply is None
    assert queue == "ticks-dlq"
    assert json.loads(letter.body) == {
        "worker": "test.generate",
        "source": "schedule",
        "code": "TOLD_TO",
        "error": "TOLD_TO",
        "recordId": RULE_TICK["id"],
        "correlationId": "c-1",
        "attempts": None,
        "at": "2023-11-14T22:13:20.000+00:00",
        "version": 1,
        "record": event,
    }


@pytest.mark.parametrize(
    "payload", [{"saleId": 7}, {"verdict": "\ud800"}, {"saleId": "1" * 3, "verdict": None}]
)
def test_a_payload_that_is_none_of_the_worker_s_is_rejected(payload: Any) -> None:
    sender = RecordingSender()

    run_on(generating(LETTERED), payload, sender=sender)

    ((_, letter),) = sender.sent
    assert json.loads(letter.body)["code"] == "UNDECODABLE"
    with pytest.raises(ValueError, match=r"[Ee]xpected|surrogates"):
        run_on(generating(), payload)


@pytest.mark.parametrize("detail", ["", "{", "[]", '"now"', "7"])
def test_a_schedulers_detail_that_is_no_object_is_rejected_unless_it_is_empty(detail: str) -> None:
    sender = RecordingSender()

    run_on(generating(LETTERED), {**SCHEDULER_TICK, "detail": detail}, sender=sender)

    assert [json.loads(letter.body)["code"] for _, letter in sender.sent] == (
        ["UNDECODABLE"] if detail else []
    )


def test_a_dead_letter_that_cannot_be_written_is_raised() -> None:
    with pytest.raises(ConnectionError, match="ticks-dlq is out of reach"):
        run_on(generating(LETTERED), {"verdict": "reject"}, sender=RecordingSender(broken=["ticks-dlq"]))


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="it was not started"):
        run_on(generating(), {}, remaining_s=1)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_a_payload_of_any_shape_is_run_rejected_or_refused_never_lost(event: Any) -> None:
    ran: list[Any] = []

    @worker(LETTERED, stack=SHOP)
    def take(asked: dict[str, Any]) -> None:
        """Take it."""
        ran.append(asked)

    sender = RecordingSender()
    try:
        run_on(take, event, sender=sender)
    except UnrecognisedEvent:
        assert not isinstance(event, dict | None) or not {"Records", "eventSource"}.isdisjoint(event or {})
    else:
        assert len(ran) + len(sender.sent) == 1


@pytest.mark.parametrize(
    ("model", "event", "taken"),
    [
        (dict[str, Any], {"a": 1}, {"a": 1}),
        (Asked, {"saleId": "s"}, Asked("s")),
        (
            Person,
            {"name": "Ann", "born": "2000-01-01T00:00:00Z"},
            Person(name="Ann", born=datetime(2000, 1, 1, tzinfo=UTC)),
        ),
        (bytes, {"a": 1}, b'{"a":1}'),
        (str, None, "{}"),
    ],
    ids=["dict", "struct", "pydantic", "bytes", "str"],
)
def test_a_payload_becomes_the_worker_s_type(model: Any, event: Any, taken: Any) -> None:
    seen = []

    def take(asked: Any) -> None:
        """Take it."""
        seen.append(asked)

    take.__annotations__["asked"] = model
    run_on(worker(EVERY_MINUTE, stack=SHOP)(take), event)

    assert seen == [taken]


class Needed(Struct):
    id: str


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            EVERY_MINUTE,
            (
                "Schedule('rate(1 minute)'): its ticks come without a payload, which does not become ~Needed~"
                " (Object missing required field `id`); give its fields defaults, or say payload=."
            ),
        ),
        (
            Schedule("rate(1 minute)", payload={"id": 7}),
            "~ its ticks come with the payload {'id': 7}, which does not become ~",
        ),
    ],
)
def test_a_type_that_the_schedule_s_own_ticks_do_not_fit_is_refused(source: Schedule, expected: str) -> None:
    def take(asked: Needed) -> None:
        """Take it."""

    with pytest.raises(DeclarationError, match=says(expected)):
        worker(source, stack=SHOP)(take)


REFUSED = [
    (Schedule("rate(1 minutes)"), "AWS says 1 minute."),
    (
        Schedule("every minute"),
        "AWS does not know it; say rate(5 minutes), cron(0 9 ? * MON-FRI *) or at(2026-05-01T09:00:00).",
    ),
    (Schedule(7), "is no text; say the expression as one."),  # type: ignore[arg-type]  # as a plugin might
    (
        Schedule("rate(1 minute)", timezone="Mars/Olympus"),
        "timezone is 'Mars/Olympus'; say a name of IANA's, as 'Europe/Paris'.",
    ),
    (Schedule("rate(1 minute)", timezone="../UTC"), "timezone is '../UTC'; ~"),
    (Schedule("rate(1 minute)", rule="user info"), "rule is 'user info'; say a name of ~"),
    (Schedule("rate(1 minute)", rule="r" * 65), "rule has over 64 characters; AWS takes no more."),
    (Schedule("rate(1 minute)", retries=3), "retries is 3; AWS takes 0 to 2."),
    (Schedule("rate(1 minute)", max_age_s=59), "max_age_s is 59; AWS takes 60 to 21600."),
    (Schedule("rate(1 minute)", max_age_s=21_601), "max_age_s is 21601; AWS takes 60 to 21600."),
    (
        Schedule("rate(1 minute)", dead_letters="dlq.fifo"),
        "dead_letters is FIFO; the destination of a failed invocation cannot be.",
    ),
    (
        Schedule("rate(1 minute)", spill_bucket="b"),
        "has a spill_bucket and no dead_letters to fill it; name a queue.",
    ),
    (
        Schedule("rate(1 minute)", payload={"Records": []}),
        "payload is {'Records': []}; say a dict that looks like no other source's event.",
    ),
    (Schedule("rate(1 minute)", payload=[1]), "payload is [1]; say a dict ~"),  # type: ignore[arg-type]  # as a plugin might
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[expected[:40] for _, expected in REFUSED])
def test_what_aws_refuses_is_refused_when_it_is_declared(source: Schedule, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"tick: Schedule({source.expression!r})~{expected}")):

        @worker(source, stack=SHOP)
        def tick() -> None:
            """Tick."""


def test_a_schedule_needs_no_permission_but_to_write_its_dead_letters() -> None:
    assert EVERY_MINUTE.grants() == ()
    assert [(each.kind, each.name, each.actions) for each in LETTERED.grants()] == [
        ("queue", "ticks-dlq", ("sqs:SendMessage",))
    ]


@pytest.mark.parametrize(
    ("source", "name", "made_by"),
    [
        (EVERY_MINUTE, "rate(1 minute)", "rule"),
        (Schedule("rate(1 minute)", rule="user-info"), "user-info", "rule"),
        (Schedule("rate(1 minute)", timezone="UTC"), "rate(1 minute)", "scheduler"),
        (Schedule("at(2026-05-01T09:00:00)"), "at(2026-05-01T09:00:00)", "scheduler"),
    ],
)
def test_the_manifest_says_what_makes_the_schedule_and_with_which_settings(
    source: Schedule, name: str, made_by: str
) -> None:
    described = source.describe(timeout_s=60)

    assert described == {
        "kind": "schedule",
        "name": name,
        "madeBy": made_by,
        "expression": source.expression,
        "timezone": source.timezone,
        "payload": None,
        "rule": source.rule,
        "retries": 0,
        "maxAgeS": 60,
        "deadLetters": None,
        "spillBucket": None,
    }
    assert json.loads(json.dumps(described)) == described
