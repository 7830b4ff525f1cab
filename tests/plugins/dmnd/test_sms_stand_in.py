"""The SMS service's stand-in: what it answers, and the receipts that it pushes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from worker_runtime.clients import aws
from worker_runtime.local.stage.names import NotStaged
from workers_dmnd.local import receipts
from workers_dmnd.local.sms import PATH, SmsStandIn, message_id_for
from workers_dmnd.rules import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from worker_runtime.testing import SteppedClock
    from workers_dmnd.local.receipts import Report

FAN = "+13125550142"
SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAMADEUP/20260203/us-east-1/execute-api/aws4_request, "
    f"SignedHeaders=content-type;host;x-amz-date, Signature={'0' * 64}",
    "X-Amz-Date": "20260203T150000Z",
}
WITHIN_S = 5.0


class Sink:
    """Collects receipts; the next ``broken`` deliveries fail."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.broken = 0

    def __call__(self, due: Sequence[Report]) -> None:
        if self.broken:
            self.broken -= 1
            raise ConnectionError("the stream is out of reach")
        self.got.extend(report.body for report in due)

    @property
    def statuses(self) -> list[str]:
        return [body["status"] for body in self.got]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def sms(stepped: SteppedClock, sink: Sink) -> Iterator[SmsStandIn]:
    with SmsStandIn(clock=stepped) as running:
        running.deliver_to(sink)
        yield running


@pytest.fixture
def http(sms: SmsStandIn) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sms.url, headers=SIGNED, timeout=5, trust_env=False) as client:
        yield client


def send(http: httpx.Client, sending: str = "n1:0", *, to: str = FAN, **changed: Any) -> httpx.Response:
    asked = {"clientMessageId": sending, "to": to, "body": "Hello", "locale": "en-US"}
    return http.post(PATH, json=asked | changed)


def all_come(sms: SmsStandIn) -> None:
    ends_at = time.monotonic() + WITHIN_S
    while sms.receipts_to_come:
        assert time.monotonic() < ends_at, f"{sms.receipts_to_come} receipts did not come"
        time.sleep(0.005)


@pytest.fixture
def later(sms: SmsStandIn, stepped: SteppedClock) -> Callable[[float], None]:
    """Let time pass, enough for all receipts that are planned to come."""

    def later(seconds: float) -> None:
        stepped.sleep(seconds)
        all_come(sms)

    return later


def test_a_message_is_taken(http: httpx.Client, sms: SmsStandIn) -> None:
    answer = send(http)

    assert answer.status_code == 202
    assert answer.json() == {"messageId": message_id_for("n1:0"), "status": "queued"}
    (taken,) = sms.messages
    assert (taken.client_message_id, taken.to, taken.body) == ("n1:0", FAN, "Hello")


def test_the_same_sending_is_taken_once(http: httpx.Client, sms: SmsStandIn) -> None:
    first, second, other = send(http), send(http), send(http, "n1:1")

    assert [first.status_code, second.status_code, other.status_code] == [202, 200, 202]
    assert first.json() == second.json()
    assert (sms.count(), len(sms.messages)) == (3, 2)


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": ""},
        {"Authorization": "Bearer token"},
        {"Authorization": SIGNED["Authorization"].replace("0" * 64, "0")},
        {"X-Amz-Date": None},
    ],
    ids=["nothing", "token", "no signature", "no date"],
)
def test_what_is_not_signed_is_not_let_in(sms: SmsStandIn, headers: dict[str, str | None]) -> None:
    given = {name: value for name, value in (SIGNED | headers).items() if value is not None}

    answer = httpx.post(f"{sms.url}{PATH}", json={"clientMessageId": "n1:0"}, headers=given, trust_env=False)

    assert (answer.status_code, answer.json()) == (403, {"message": "Missing Authentication Token"})
    assert sms.messages == ()


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"to": "+13125550142"}'])
def test_what_is_no_message_is_refused(http: httpx.Client, body: bytes) -> None:
    answer = http.post(PATH, content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")


def test_what_is_no_number_is_refused(http: httpx.Client) -> None:
    answer = send(http, to="312-555-0142")

    assert (answer.status_code, answer.json()["code"]) == (422, "INVALID_NUMBER")


@pytest.mark.parametrize(("code", "status"), [("INVALID_NUMBER", 422), ("OPTED_OUT", 403)])
def test_a_number_may_be_refused_for_ever(
    http: httpx.Client, sms: SmsStandIn, code: str, status: int
) -> None:
    sms.numbers.refuse(FAN, code=code)

    answers = [send(http), send(http, "n1:1"), send(http, to="+13125550199")]

    assert [answer.status_code for answer in answers] == [status, status, 202]
    assert answers[0].json() == {"code": code}


def test_a_number_may_fail_for_a_while(http: httpx.Client, sms: SmsStandIn) -> None:
    sms.numbers.fail(FAN, times=2, status=429, retry_after_s=7)

    answers = [send(http) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [429, 429, 202]
    assert answers[0].headers["Retry-After"] == "7"


def test_a_number_may_fail_for_ever(http: httpx.Client, sms: SmsStandIn) -> None:
    sms.numbers.fail(FAN)

    assert {send(http).status_code for _ in range(5)} == {503}
    assert send(http, to="+13125550199").status_code == 202


@pytest.mark.parametrize("whose", [FAN, None], ids=["one number's", "anybody's"])
def test_an_answer_may_be_lost_and_the_message_be_taken(
    http: httpx.Client, sms: SmsStandIn, whose: str | None
) -> None:
    sms.numbers.lose_answers(whose)

    with pytest.raises(httpx.RemoteProtocolError):
        send(http)
    again = send(http)

    assert (again.status_code, again.json()["messageId"]) == (200, message_id_for("n1:0"))
    assert len(sms.messages) == 1


def test_it_fails_as_any_stand_in_does(http: httpx.Client, sms: SmsStandIn) -> None:
    sms.fail_next(2)

    assert [send(http).status_code for _ in range(3)] == [503, 503, 202]


def test_another_route_is_not_there(http: httpx.Client) -> None:
    assert http.get(PATH).status_code == 404


def test_a_message_is_reported_sent_and_then_delivered(
    http: httpx.Client, sms: SmsStandIn, sink: Sink, stepped: SteppedClock, later: Callable[[float], None]
) -> None:
    taken_at = stepped.now()
    send(http)
    unheard = (list(sink.got), sms.receipts_to_come)

    later(10)

    assert unheard == ([], 2)
    assert sink.statuses == ["sent", "delivered"]
    assert sink.got[1]["messageId"] == message_id_for("n1:0")
    assert sink.got[1]["timestamp"] == timestamp(taken_at + 4)


def test_a_receipt_comes_when_it_is_due_and_not_before(
    http: httpx.Client, sms: SmsStandIn, sink: Sink, stepped: SteppedClock, later: Callable[[float], None]
) -> None:
    sms.numbers.plan(FAN, receipts.LATE)
    send(http)

    stepped.sleep(299)
    time.sleep(0.1)
    early = list(sink.statuses)
    later(1)

    assert early == ["sent"]
    assert sink.statuses == ["sent", "delivered"]


PLANNED = {
    "twice": (receipts.TWICE, ["sent", "delivered", "delivered"]),
    "out of order": (receipts.OUT_OF_ORDER, ["delivered", "sent", "queued"]),
    "undelivered": (receipts.UNDELIVERED, ["sent", "undelivered"]),
    "failed": (receipts.FAILED, ["sent", "failed"]),
    "none": (receipts.NONE, []),
}


@pytest.mark.parametrize("planned", PLANNED)
def test_each_number_has_the_receipts_that_are_planned(
    planned: str, http: httpx.Client, sms: SmsStandIn, sink: Sink, later: Callable[[float], None]
) -> None:
    plan, statuses = PLANNED[planned]
    sms.numbers.plan(FAN, plan)

    send(http)
    later(3600)

    assert sink.statuses == statuses


def test_receipts_out_of_order_tell_the_times_of_what_happened(
    http: httpx.Client, sms: SmsStandIn, sink: Sink, later: Callable[[float], None]
) -> None:
    sms.numbers.plan(FAN, receipts.OUT_OF_ORDER)

    send(http)
    later(60)

    times = [body["timestamp"] for body in sink.got]
    assert times == sorted(times, reverse=True)


def test_the_next_sending_may_fare_better(
    http: httpx.Client, sms: SmsStandIn, sink: Sink, later: Callable[[float], None]
) -> None:
    sms.numbers.plan(FAN, receipts.UNDELIVERED, receipts.DELIVERED)

    for sending in ("n1:0", "n1:0", "n1:1", "n1:2"):
        send(http, sending)
        later(60)

    ends = [body["status"] for body in sink.got if body["status"] != "sent"]
    assert ends == ["undelivered", "delivered", "delivered"]
    assert sink.got[1]["errorCode"] == "30003"


def test_a_receipt_may_come_before_the_answer(http: httpx.Client, sms: SmsStandIn, sink: Sink) -> None:
    sms.numbers.plan(FAN, receipts.BEFORE_THE_ANSWER)

    send(http)
    all_come(sms)

    assert sink.statuses == ["delivered"]
    assert "clientMessageId" not in sink.got[0]


def test_half_of_the_messages_are_reported_by_their_messageid_alone(
    http: httpx.Client, sink: Sink, later: Callable[[float], None]
) -> None:
    for at in range(40):
        send(http, f"n{at}:0")
    later(60)

    named = sum("clientMessageId" in body for body in sink.got)
    assert len(sink.got) == 80
    assert 20 < named < 60


def test_beside_a_message_one_that_nobody_sent_may_be_reported(
    http: httpx.Client, sms: SmsStandIn, sink: Sink, later: Callable[[float], None]
) -> None:
    sms.numbers.plan(FAN, receipts.STRAY_TOO)

    send(http)
    later(60)

    (stray,) = (body for body in sink.got if body["messageId"] != message_id_for("n1:0"))
    assert stray["status"] == "delivered"
    assert "clientMessageId" not in stray


def test_a_message_that_nobody_sent_is_an_hour_old(
    sms: SmsStandIn, sink: Sink, stepped: SteppedClock, later: Callable[[float], None]
) -> None:
    made_up = sms.report_stray()
    later(1)

    an_hour_ago = timestamp(stepped.now() - 1 - 3600)
    assert sink.got == [{"messageId": made_up, "status": "delivered", "timestamp": an_hour_ago}]


def test_a_receipt_that_the_stream_did_not_take_is_put_again(
    http: httpx.Client, sink: Sink, later: Callable[[float], None]
) -> None:
    sink.broken = 2

    send(http)
    later(60)

    assert sorted(sink.statuses) == ["delivered", "sent"]


def test_it_stops_with_receipts_still_to_come(http: httpx.Client, sms: SmsStandIn, sink: Sink) -> None:
    send(http)

    sms.stop()

    assert (sms.receipts_to_come, sink.got) == (2, [])


class Stage:
    """What a stage lets a stand-in reach; the stream is not there where no worker reads it."""

    def __init__(self, stream_arn: str | None) -> None:
        self._stream_arn = stream_arn

    def aws(self, service: str) -> Any:
        return aws.client(service)

    def named(self, kind: str, name: str) -> str:
        if self._stream_arn is None:
            raise NotStaged(f"the stage has no {kind} {name!r}")
        return self._stream_arn


@pytest.fixture
def status_stream(cloud: None) -> str:  # noqa: ARG001 - the emulator has to be there
    name = f"sms-status-{uuid4().hex[:8]}"
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    kinesis.get_waiter("stream_exists").wait(StreamName=name, WaiterConfig={"Delay": 1})
    return str(kinesis.describe_stream(StreamName=name)["StreamDescription"]["StreamARN"])


def in_stream(stream_arn: str) -> list[tuple[str, bytes]]:
    kinesis = aws.client("kinesis")
    (shard,) = kinesis.list_shards(StreamARN=stream_arn)["Shards"]
    begin = kinesis.get_shard_iterator(
        StreamARN=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    records = kinesis.get_records(ShardIterator=begin["ShardIterator"])["Records"]
    return [(record["PartitionKey"], record["Data"]) for record in records]


def test_on_a_stage_receipts_go_into_the_status_stream(
    http: httpx.Client, sms: SmsStandIn, status_stream: str, later: Callable[[float], None]
) -> None:
    sms.connect(Stage(status_stream))

    send(http)
    later(60)

    found = in_stream(status_stream)
    assert [key for key, _ in found] == [message_id_for("n1:0")] * 2
    assert b'"status":"delivered"' in found[1][1]


def test_where_nobody_reads_receipts_none_are_kept(
    http: httpx.Client, sms: SmsStandIn, stepped: SteppedClock
) -> None:
    sms.deliver_to(lambda _: None)
    sms.connect(Stage(None))

    send(http)
    stepped.sleep(60)

    all_come(sms)
