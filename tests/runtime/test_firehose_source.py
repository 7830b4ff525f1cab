"""Records of a delivery stream: each is answered, with what the worker made of it, or as it came."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Struct
from pydantic import BaseModel

from conformance import sample
from verdicts import act
from wording import says
from worker_runtime import (
    Batch,
    Firehose,
    Middleware,
    Record,
    Skip,
    Stack,
    Transformed,
    Worker,
    correlation_id,
    worker,
)
from worker_runtime.errors import BatchFailed, DeclarationError, Halt, ReplyRefused, UnrecognisedEvent
from worker_runtime.replies import REPLY_BYTES
from worker_runtime.runtime import run
from worker_runtime.testing import Context, RecordingSender, ready, run_on

SHOP = Stack("shop")
ARN = "arn:aws:firehose:us-east-1:000000000000:deliverystream/orders"


class Order(Struct):
    id: str
    verdict: str = ""


class StrictOrder(BaseModel):
    id: str


@worker(Firehose("orders"), stack=SHOP)
def transform(order: Order) -> dict[str, str]:
    """Keep the id alone."""
    act(order.verdict)
    return {"id": order.id}


def event(*data: Any) -> dict[str, Any]:
    encoded = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in data]
    return {
        "invocationId": "i",
        "deliveryStreamArn": ARN,
        "region": "us-east-1",
        "records": [
            {
                "recordId": f"r{at}",
                "approximateArrivalTimestamp": 1_700_000_000_000 + at,
                "data": b64encode(each).decode(),
            }
            for at, each in enumerate(encoded)
        ],
    }


def answers(reply: Any) -> list[tuple[str, bytes]]:
    assert [each["recordId"] for each in reply["records"]] == [
        f"r{at}" for at in range(len(reply["records"]))
    ]
    return [(each["result"], b64decode(each["data"])) for each in reply["records"]]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (Firehose("a b"), "stream is 'a b'; ~"),
        (Firehose("orders", buffer_mb=0.1), "buffer_mb is 0.1; AWS takes 0.2 to 3.0."),
        (Firehose("orders", buffer_mb="1"), "buffer_mb is '1'; ~"),  # type: ignore[arg-type]  # on purpose
        (Firehose("orders", interval_s=901), "interval_s is 901; AWS takes 0 to 900."),
        (Firehose("orders", retries=301), "retries is 301; AWS takes 0 to 300."),
    ],
)
def test_settings_are_refused_that_aws_refuses(source: Firehose, expected: str) -> None:
    with pytest.raises(DeclarationError, match=says(f"transform: Firehose({source.stream!r}) {expected}")):
        worker(source, stack=SHOP)(transform.function)


def test_a_function_may_not_take_longer_than_firehose_waits() -> None:
    with pytest.raises(DeclarationError, match="Firehose waits 300 s for a function, not 301"):
        worker(Firehose("orders"), stack=SHOP, timeout_s=301)(transform.function)


def test_a_batch_is_refused_since_each_record_becomes_another() -> None:
    with pytest.raises(DeclarationError, match="takes a Batch, and firehose orders brings"):

        @worker(Firehose("orders"), stack=SHOP)
        def take(batch: Batch[Order]) -> None:
            """Take a batch."""


def test_each_verdict_has_its_result_and_what_failed_keeps_its_data() -> None:
    verdicts = ("done", "skip", "retry", "defer", "reject", "bug")

    reply = run_on(transform, event(*({"id": "1", "verdict": verdict} for verdict in verdicts), b"no json"))

    results = answers(reply)
    assert [result for result, _ in results] == ["Ok", "Dropped", *["ProcessingFailed"] * 5]
    assert results[0][1] == b'{"id":"1"}'
    assert json.loads(results[2][1]) == {"id": "1", "verdict": "retry"}
    assert results[6][1] == b"no json"


def test_a_halt_fails_the_invocation_which_firehose_tries_again() -> None:
    with pytest.raises(Halt):
        run_on(transform, event({"id": "1", "verdict": "halt"}, {"id": "2"}))


class Kept(Struct):
    name: str


@pytest.mark.parametrize(
    ("made", "delivered"),
    [
        (None, b'"came"'),
        (b"\x00\xff", b"\x00\xff"),
        ("é\n", "é\n".encode()),
        (Kept("x"), b'{"name":"x"}'),
        (StrictOrder(id="7"), b'{"id":"7"}'),
        ([1, 2], b"[1,2]"),
        ("", b""),
        (0, b"0"),
    ],
)
def test_what_is_returned_is_delivered(made: Any, delivered: bytes) -> None:
    @worker(Firehose("orders"), stack=SHOP)
    def make(text: str) -> Any:  # noqa: ARG001 - it makes what it is told
        """Make something."""
        return made

    assert answers(run_on(make, event(b'"came"'))) == [("Ok", delivered)]


@pytest.mark.parametrize("made", [object(), "\ud800", {"of": object()}])
def test_what_has_no_form_in_json_fails_alone(made: Any) -> None:
    @worker(Firehose("orders"), stack=SHOP)
    def make(text: str) -> Any:
        """Make something, once."""
        return made if text == "bad" else text

    assert [result for result, _ in answers(run_on(make, event(b"bad", b"good")))] == [
        "ProcessingFailed",
        "Ok",
    ]


def test_keys_of_dynamic_partitioning_go_with_the_data() -> None:
    @worker(Firehose("orders"), stack=SHOP)
    def place(order: Order) -> Transformed:
        """Say where an order belongs."""
        return Transformed(order, {"id": order.id})

    (answer,) = run_on(place, event({"id": "7"}))["records"]

    assert answer["metadata"] == {"partitionKeys": {"id": "7"}}
    assert b64decode(answer["data"]) == b'{"id":"7","verdict":""}'


def test_a_record_tells_when_it_arrived_and_what_caused_it() -> None:
    told = []

    @worker(Firehose("orders"), stack=SHOP)
    def tell(record: Record[Order]) -> None:
        """Tell about a record."""
        told.append((record.id, record.sent_at and record.sent_at.timestamp(), correlation_id()))

    run_on(tell, event({"id": "1", "correlationId": "c-1"}, {"id": "2"}))

    assert told == [("r0", 1_700_000_000.0, "c-1"), ("r1", 1_700_000_000.001, "r1")]


@pytest.mark.parametrize(
    "keys", [{"k": "\ud800"}, {"k": object()}, {"k": 3}, {"k": None}, {3: "k"}, "abc", 3, None], ids=range(8)
)
def test_keys_that_firehose_cannot_read_fail_their_record_alone(keys: Any) -> None:
    @worker(Firehose("orders"), stack=SHOP)
    def place(order: Order) -> Any:
        """Put the first order nowhere."""
        return Transformed(order, keys) if order.id == "1" else order

    reply = run_on(place, event({"id": "1"}, {"id": "2"}))

    assert [result for result, _ in answers(reply)] == ["ProcessingFailed", "Ok"]
    assert answers(reply)[0][1] == b'{"id": "1"}'


def test_of_what_grows_too_large_for_lambda_only_the_largest_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @worker(Firehose("orders"), stack=SHOP)
    def grow(order: Order) -> bytes:
        """Make more of them than Lambda can carry: base64 adds a third."""
        return b"x" * int(order.id)

    reply = run_on(grow, event({"id": "7"}, {"id": "2000000"}, {"id": "3000000"}))

    assert [(result, len(data)) for result, data in answers(reply)] == [
        ("Ok", 7),
        ("Ok", 2_000_000),
        ("ProcessingFailed", 17),
    ]
    assert len(json.dumps(reply)) <= REPLY_BYTES
    assert "lower buffer_mb, which is 1.0" in caplog.text


def replying(reply: Any) -> Any:
    around = Middleware("forger", around_invocation=lambda call: lambda given: (call(given), reply)[1])
    return run(
        ready(transform, middleware=(around,)),
        event({"id": "1"}),
        context=Context(),
        sender=RecordingSender(),
    )


@pytest.mark.parametrize(
    "reply",
    [
        *(None, [], {"batchItemFailures": []}, {"records": []}),
        {"records": [{"recordId": "r0", "result": "Fine", "data": ""}]},
        {"records": [{"recordId": "r0", "result": "Ok"}]},
        {"records": [{"recordId": "other", "result": "Dropped"}]},
        {"records": [{"recordId": "r0", "result": "Dropped"}] * 2},
    ],
    ids=str,
)
def test_middleware_cannot_leave_a_record_without_an_answer_of_its_own(reply: Any) -> None:
    with pytest.raises(ReplyRefused):
        replying(reply)


def test_middleware_that_does_not_ask_the_worker_answers_each_record_all_the_same() -> None:
    def answering(*names: str) -> Any:
        reply = {"records": [{"recordId": name, "result": "Dropped"} for name in names]}
        instead = Middleware("instead", around_invocation=lambda _: lambda _: reply)
        loaded = ready(transform, middleware=(instead,))
        return run(loaded, event({"id": "1"}, {"id": "2"}), context=Context(), sender=RecordingSender())

    assert len(answering("r0", "r1")["records"]) == 2
    for names in ((), ("r0",), ("r1", "r0"), ("r0", "other")):
        with pytest.raises(ReplyRefused):
            answering(*names)


def test_middleware_may_answer_otherwise() -> None:
    other = {"records": [{"recordId": "r0", "result": "Dropped"}]}

    assert replying(other) == other


@pytest.mark.parametrize("records", [[{}], [{"recordId": 7}], [{"recordId": ""}], [None], ["r"]], ids=str)
def test_records_that_could_not_be_answered_fail_the_batch(records: list[Any]) -> None:
    with pytest.raises(BatchFailed, match="recordId"):
        run_on(transform, {**event(), "records": records})


junk = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary().map(repr),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@given(field=st.sampled_from(["data", "approximateArrivalTimestamp", "kinesisRecordMetadata"]), value=junk)
@example(field="data", value="====")
def test_whatever_stands_in_a_record_the_others_are_answered(field: str, value: Any) -> None:
    given_event = event({"id": "1"}, {"id": "2"})
    given_event["records"][0][field] = value

    reply = run_on(transform, given_event)

    assert [each["recordId"] for each in reply["records"]] == ["r0", "r1"]
    assert reply["records"][1]["result"] == "Ok"


def passing(source: Firehose) -> Worker[..., Any]:
    @worker(source, stack=SHOP)
    def keep(data: bytes) -> None:
        """Let data through."""
        if not data:
            raise Skip("nothing")

    return keep


@pytest.mark.parametrize(
    "name",
    [
        "powertools_kinesisFirehosePutEvent",
        "powertools_kinesisFirehoseSQSEvent",
        "sam_kinesis_kinesis-firehose",
    ],
)
def test_recorded_events_are_taken(name: str) -> None:
    recorded = sample(name)

    reply = run_on(passing(Firehose("any")), recorded)

    assert [each["result"] for each in reply["records"]] == ["Ok"] * len(recorded["records"])


def test_another_event_with_records_is_refused() -> None:
    with pytest.raises(UnrecognisedEvent, match=says("~takes firehose orders; this event is ~")):
        run_on(transform, {"records": [], "applicationArn": "arn:aws:kinesisanalytics:..."})
