"""Buckets: objects one by one, test events acknowledged, dead letters of what is no notification."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance import FOLDER, params
from doors import door_of
from junk import JUNK, places, replaced
from verdicts import act
from wording import says
from worker_runtime import S3, Kinesis, Record, S3Object, Stack, Worker, worker
from worker_runtime.clock import SteppedClock, using
from worker_runtime.errors import BatchFailed, DeclarationError, ReplyRefused, UnrecognisedEvent
from worker_runtime.testing import (
    RecordingSender,
    event_bridge_event,
    kinesis_event,
    run_on,
    s3_event,
    s3_test_event,
    schedule_event,
    sns_event,
    sqs_event,
)

if TYPE_CHECKING:
    from installed import Site

SHOP = Stack("shop")
UPLOADS = S3("uploads", dead_letters="uploads-dlq")


def taking(seen: list[Record[S3Object]], source: S3 = UPLOADS, *, concurrency: int = 1) -> Worker[..., Any]:
    @worker(source, stack=SHOP, concurrency=concurrency)
    def take(upload: Record[S3Object]) -> str:
        """Do what the object's key says."""
        seen.append(upload)
        act(upload.body.key.rpartition("/")[2])
        return upload.body.key

    return take


def letters(sender: RecordingSender) -> list[Any]:
    return [json.loads(letter.body) for _, letter in sender.sent]


def test_a_worker_takes_the_object_as_s3_s_api_would_name_it() -> None:
    taken = []

    @worker(UPLOADS, stack=SHOP)
    def take(upload: S3Object) -> None:
        """Take it."""
        taken.append(upload)

    with using(SteppedClock()):
        run_on(take, s3_event("summer 2026/Müller+Söhne 100%.jpg", bucket="qa1-uploads"))

    assert taken == [
        S3Object(
            bucket="qa1-uploads",
            key="summer 2026/Müller+Söhne 100%.jpg",
            event_name="ObjectCreated:Put",
            region="us-east-1",
            created_at=datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
            etag="0123456789abcdef0123456789abcdef",
            size=1024,
            sequencer="000000000000000001",
        )
    ]


def test_what_was_deleted_has_neither_etag_nor_size() -> None:
    seen: list[Record[S3Object]] = []

    run_on(taking(seen), s3_event("a", event_name="ObjectRemoved:Delete"))

    (gone,) = seen
    assert (gone.body.event_name, gone.body.etag, gone.body.size) == ("ObjectRemoved:Delete", None, None)


def test_a_record_is_known_by_what_happened_and_tied_to_the_request_that_s3_answered() -> None:
    seen: list[Record[S3Object]] = []
    event = s3_event("a b", "a b")

    run_on(taking(seen), event)
    run_on(taking(seen), event)

    first, second, again, _ = seen
    assert first.id == again.id == first.body.id
    assert first.id != second.id
    assert first.correlation_id == "C3D13FE58DE4C810"
    assert first.sent_at == first.body.created_at
    assert (first.attempt, first.raw) == (None, event["Records"][0])


@pytest.mark.parametrize(
    ("field", "other"), [("versionId", "v2"), ("sequencer", "2"), ("key", "b"), ("eTag", "f" * 32)]
)
def test_the_id_tells_apart_whatever_else_happens_in_the_bucket(field: str, other: str) -> None:
    seen: list[Record[S3Object]] = []
    event = s3_event("a")

    run_on(taking(seen), event)
    run_on(taking(seen), replaced(event, ("Records", 0, "s3", "object", field), other))

    assert len({each.body.id for each in seen}) == 2


def test_a_tag_has_no_sequencer_and_is_known_by_its_time() -> None:
    seen: list[Record[S3Object]] = []
    clock = SteppedClock()

    for _ in range(2):
        with using(clock):
            event = s3_event("a", event_name="ObjectTagging:Put")
        del event["Records"][0]["s3"]["object"]["sequencer"]
        run_on(taking(seen), event)
        clock.sleep(1)

    assert len({each.body.id for each in seen}) == 2


def test_a_test_event_is_acknowledged_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Record[S3Object]] = []
    caplog.set_level("INFO")

    assert run_on(taking(seen), s3_test_event()) is None

    assert not seen
    assert [record.reason for record in caplog.records if record.message == "skipped"] == ["s3:TestEvent"]  # type: ignore[attr-defined]  # an extra


@pytest.mark.parametrize(("key", "reply"), [("a", "a"), ("skip", None)])
def test_the_worker_s_word_on_one_object_is_the_reply(key: str, reply: Any) -> None:
    sender = RecordingSender()

    assert run_on(taking([]), s3_event(key), sender=sender) == reply
    assert not sender.sent


@pytest.mark.parametrize(
    ("verdict", "name"),
    [
        ("retry", "Retry"),
        ("retry_in", "Retry"),
        ("defer", "Defer"),
        ("halt", "Halt"),
        ("bug", "KeyError"),
    ],
)
def test_what_is_to_come_again_is_raised_under_its_own_name(verdict: str, name: str) -> None:
    with pytest.raises(Exception, match=r"told to|retry|deferred") as raised:
        run_on(taking([]), s3_event(verdict))

    assert type(raised.value).__name__ == name


def test_a_rejected_object_is_dead_lettered_as_its_record_and_the_others_are_done() -> None:
    sender, seen = RecordingSender(), list[Record[S3Object]]()
    event = s3_event("a", "reject", "b")

    reply = run_on(taking(seen), event, sender=sender)

    (letter,) = letters(sender)
    assert reply is None
    assert [each.body.key for each in seen] == ["a", "reject", "b"]
    assert (letter["source"], letter["code"], letter["record"]) == ("s3", "TOLD_TO", event["Records"][1])
    assert letter["correlationId"] == "C3D13FE58DE4C810"


def test_where_one_object_comes_again_all_do_and_no_letter_is_written() -> None:
    sender = RecordingSender()

    with pytest.raises(Exception, match=r"TOLD_TO|told to"):
        run_on(taking([]), s3_event("reject", "bug", "a"), sender=sender)

    assert not sender.sent


def test_a_halt_starts_no_other_object() -> None:
    seen: list[Record[S3Object]] = []

    with pytest.raises(Exception, match="told to"):
        run_on(taking(seen), s3_event("halt", "a"))

    assert [each.body.key for each in seen] == ["halt"]


def test_objects_of_one_event_run_side_by_side() -> None:
    seen: list[Record[S3Object]] = []

    run_on(taking(seen, concurrency=3), s3_event("a", "b", "c"))

    assert {each.body.key for each in seen} == {"a", "b", "c"}


def test_what_the_deadline_keeps_from_starting_is_raised() -> None:
    with pytest.raises(BatchFailed, match="it was not started"):
        run_on(taking([]), s3_event("a"), remaining_s=1)


def test_a_dead_letter_that_cannot_be_written_is_raised() -> None:
    with pytest.raises(ConnectionError, match="uploads-dlq is out of reach"):
        run_on(taking([]), s3_event("reject"), sender=RecordingSender(broken=["uploads-dlq"]))


def test_a_reply_that_is_not_the_worker_s_is_refused() -> None:
    with pytest.raises(ReplyRefused, match="another shape than the worker's"):
        UPLOADS.check_reply({"batchItemFailures": []}, worded=None, records=[])


@pytest.mark.parametrize("key", ["%FF", "%E4", "a%ED%A0%80"])
def test_a_key_that_is_no_text_is_rejected(key: str) -> None:
    sender = RecordingSender()

    run_on(taking([]), replaced(s3_event("a"), ("Records", 0, "s3", "object", "key"), key), sender=sender)

    assert [letter["code"] for letter in letters(sender)] == ["UNDECODABLE"]


SAMPLE = s3_event("first", "second")


@given(path=st.sampled_from([*places(SAMPLE["Records"][0])]), junk=JUNK)
def test_whatever_stands_in_a_record_the_others_are_taken(path: tuple[str | int, ...], junk: Any) -> None:
    sender, seen = RecordingSender(), list[Record[S3Object]]()
    event = replaced(SAMPLE, ("Records", 0, *path), junk)

    try:
        run_on(taking(seen), event, sender=sender)
    except UnrecognisedEvent:
        assert path == ("eventSource",)
    else:
        assert [each.body.key for each in seen][-1] == "second"
        assert len(seen) + len(sender.sent) == 2
        assert {letter["code"] for letter in letters(sender)} <= {"NOT_AN_S3_EVENT", "UNDECODABLE"}
        assert all(letter["recordId"] for letter in letters(sender))


def test_a_null_record_is_rejected_by_itself_though_it_is_the_first() -> None:
    sender, seen = RecordingSender(), list[Record[S3Object]]()

    run_on(taking(seen), {"Records": [None, *s3_event("second")["Records"]]}, sender=sender)

    assert [each.body.key for each in seen] == ["second"]
    assert [letter["code"] for letter in letters(sender)] == ["NOT_AN_S3_EVENT"]


@given(junk=JUNK)
def test_a_record_that_is_no_record_is_rejected_by_itself(junk: Any) -> None:
    sender, seen = RecordingSender(), list[Record[S3Object]]()

    run_on(taking(seen), {"Records": [*SAMPLE["Records"], junk]}, sender=sender)

    assert len(seen) == 2
    assert [letter["code"] for letter in letters(sender)] == ["NOT_AN_S3_EVENT"]


OTHERS = {
    "queue": sqs_event("{}"),
    "topic": sns_event("{}"),
    "stream": kinesis_event({}),
    "schedule": schedule_event(),
    "event": event_bridge_event({}),
    "list": [],
    "null": None,
    "half a test event": {"Event": "s3:TestEvent"},
    "a batch of nothing known": {"Records": [7]},
}


@pytest.mark.parametrize("event", OTHERS.values(), ids=OTHERS)
def test_the_events_of_other_sources_are_refused(event: Any) -> None:
    with pytest.raises(UnrecognisedEvent, match=says("test.take takes s3 uploads; this event is ~")):
        run_on(taking([]), event)


def events_of_aws() -> list[dict[str, Any]]:
    files = sorted((FOLDER / "events").glob("*.json"))
    return [{"name": file.stem, "event": json.loads(file.read_text(encoding="utf-8"))} for file in files]


TAKEN = {
    "powertools_s3EventDecodedKey": ("sourcebucket", "Happy Face.jpg", "version"),
    "powertools_s3EventDeleteObject": (
        "lambda-artifacts-deafc19498e3f2df",
        "b21b84d653bb07b05b1e6b33684dc11b",
        None,
    ),
    "sam_s3_put": ("example-bucket", "test/key", None),
}


@pytest.mark.parametrize("case", params(events_of_aws(), name="name"))
def test_of_all_sample_events_those_of_buckets_are_taken(case: Any) -> None:
    seen: list[Record[S3Object]] = []

    if case["name"] in TAKEN:
        run_on(taking(seen), case["event"])
        assert [(each.body.bucket, each.body.key, each.body.version_id) for each in seen] == [
            TAKEN[case["name"]]
        ]
    else:
        assert not UPLOADS.recognises(case["event"])


def test_of_two_buckets_the_record_says_whose_it_is() -> None:
    sender = RecordingSender()

    @worker(UPLOADS, S3("exports", dead_letters="exports-dlq"), stack=SHOP)
    def take(upload: S3Object) -> None:
        """Do what the object's key says."""
        act(upload.key)

    for bucket in ("qa1-uploads", "qa1-exports"):
        run_on(take, s3_event("reject", bucket=bucket), sender=sender)
        run_on(take, s3_test_event(bucket=bucket), sender=sender)

    assert [queue for queue, _ in sender.sent] == ["uploads-dlq", "exports-dlq"]


@pytest.mark.parametrize("model", [dict[str, Any], bytes, list[S3Object]], ids=str)
def test_a_worker_that_takes_anything_but_the_object_is_refused(model: Any) -> None:
    def take(upload: Any) -> None:
        """Take it."""

    take.__annotations__["upload"] = model

    with pytest.raises(DeclarationError, match=says("a bucket tells of one S3Object a record, not of ~")):
        worker(UPLOADS, stack=SHOP)(take)


def test_an_object_is_no_body_of_a_stream() -> None:
    with pytest.raises(
        DeclarationError, match=says("S3Object is what S3, Sns, Sqs or EventBridge brings; ~")
    ):
        Kinesis("uploads", dead_letters="d").decoder(S3Object)


REFUSED = [
    (S3("uploads"), "has no dead_letters; what is rejected or given up would be lost. Name a queue."),
    (S3("up loads", dead_letters="d"), "bucket is 'up loads'; say a name of ~"),
    (S3("uploads", dead_letters="d.fifo"), "dead_letters is FIFO; ~"),
    (S3("uploads", dead_letters="d", events=()), "events is (); say a tuple of at least one."),
    (
        S3("uploads", dead_letters="d", events=("s3:ObjectCreated:*",)),
        "events has 's3:ObjectCreated:*', which S3 does not know; say 'ObjectCreated:*' or another of ~",
    ),
    (S3("uploads", dead_letters="d", events=("ObjectCreated:Put",) * 2), "events has one twice; ~"),
    (S3("uploads", dead_letters="d", prefix=""), "prefix is ''; say 1 to 1024 bytes of a key."),
    (S3("uploads", dead_letters="d", suffix="é" * 513), "suffix is ~; say 1 to 1024 bytes of a key."),
    (S3("uploads", dead_letters="d", retries=3), "retries is 3; AWS takes 0 to 2."),
]


@pytest.mark.parametrize(("source", "expected"), REFUSED, ids=[expected[:30] for _, expected in REFUSED])
def test_what_s3_refuses_or_what_loses_events_is_refused_when_it_is_declared(
    source: S3, expected: str
) -> None:
    with pytest.raises(DeclarationError, match=says(f"take: S3({source.bucket!r}) {expected}")):
        taking([], source)


def test_the_manifest_says_what_the_bucket_s_notification_is_made_from() -> None:
    source = S3("uploads", events=("ObjectCreated:Put",), prefix="in/", suffix=".jpg", dead_letters="d")

    assert source.describe(timeout_s=60) == {
        "kind": "s3",
        "name": "uploads",
        "bucket": "uploads",
        "events": ["s3:ObjectCreated:Put"],
        "prefix": "in/",
        "suffix": ".jpg",
        "retries": 2,
        "maxAgeS": 21_600,
        "deadLetters": "d",
        "spillBucket": None,
    }


def test_a_bucket_s_notification_needs_no_permission_of_the_worker_but_to_write_dead_letters() -> None:
    assert [(each.kind, each.name, each.actions) for each in UPLOADS.grants()] == [
        ("queue", "uploads-dlq", ("sqs:SendMessage",))
    ]


def test_lambda_s_door_takes_a_bucket_s_event(installed_plugin: Site) -> None:
    source = '''
        from worker_runtime import S3, S3Object, Stack, worker

        @worker(S3("uploads", dead_letters="uploads-dlq"), stack=Stack("shop"))
        def work(upload: S3Object) -> str:
            """Say the key."""
            return upload.key
    '''
    installed_plugin.install_plugin("shop", worker=source)

    with door_of(installed_plugin, "shop.work") as handle:
        assert handle(s3_event("a b")) == "a b"
        assert handle(s3_test_event()) is None
