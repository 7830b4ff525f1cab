"""The endpoint that workers see: the emulator's byte for byte, SQS on the stage's clock, and outages."""

from __future__ import annotations

import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.gateway import Gateway
from worker_runtime.local.stage.polling.visibility import VisibilityBook
from worker_runtime.local.stage.sqs_calls import SqsCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_sqs import SQSClient

    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]

SPEED = 100.0


class Behind:
    """What a worker has: clients that know nothing but the gateway."""

    def __init__(self, emulator: Emulator, sqs: SQSClient) -> None:
        self.clock = ScaledClock(SPEED, origin=time.time())
        self.book = VisibilityBook(sqs, clock=self.clock).start()
        self.calls = 0
        answer = SqsCalls(self.book, clock=self.clock)
        self.gateway = Gateway(emulator.endpoint_url, answer=answer, called=self._count).start()
        self.made: list[Any] = []

    def client(self, service: str, *, attempts: int = 1) -> Any:
        made = boto3.client(
            service,  # type: ignore[call-overload]  # the stubs want a literal
            endpoint_url=self.gateway.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"mode": "standard", "total_max_attempts": attempts}),
        )
        self.made.append(made)
        return made

    def stop(self) -> None:
        for each in self.made:
            each.close()
        self.gateway.stop()
        self.book.stop()

    def _count(self) -> None:
        self.calls += 1


@pytest.fixture
def behind(emulator: Emulator, sqs: SQSClient) -> Iterator[Behind]:
    """Put a gateway before the emulator."""
    with closing(_Stopped(Behind(emulator, sqs))) as made:
        yield made.behind


class _Stopped:
    def __init__(self, behind: Behind) -> None:
        self.behind = behind

    def close(self) -> None:
        self.behind.stop()


def polled(behind: Behind, sqs: SQSClient, url: str, *, visibility_s: float = 62) -> str:
    """Receive one message as the poller does; its receipt handle."""
    (message,) = sqs.receive_message(QueueUrl=url, VisibilityTimeout=43_200)["Messages"]
    behind.book.polls(url)
    behind.book.enter(url, [message["ReceiptHandle"]], visibility_s=visibility_s)
    return message["ReceiptHandle"]


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_what_a_client_stores_comes_back_byte_for_byte(behind: Behind, unique: Unique) -> None:
    s3 = behind.client("s3")
    bucket, key, body = unique("bucket"), "a b/ü%2F+&?.json.gz", bytes(range(256)) * 5_000
    s3.create_bucket(Bucket=bucket)

    s3.put_object(Bucket=bucket, Key=key, Body=body)

    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == body
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == len(body)
    s3.delete_object(Bucket=bucket, Key=key)


def test_the_emulators_errors_come_through(behind: Behind) -> None:
    dynamodb = behind.client("dynamodb")

    code = code_of(dynamodb.get_item, TableName="missing", Key={"PK": {"S": "a"}})

    assert code == "ResourceNotFoundException"


def test_a_kept_connection_adds_little_to_a_call(behind: Behind, sqs: SQSClient) -> None:
    through = behind.client("sqs")
    calls = 100

    def took_s(client: Any) -> float:
        client.list_queues(MaxResults=1)
        began = time.perf_counter()
        for _ in range(calls):
            client.list_queues(MaxResults=1)
        return (time.perf_counter() - began) / calls

    extra_s = took_s(through) - took_s(sqs)

    assert extra_s < 0.01


def test_a_changed_visibility_is_of_the_stages_clock(behind: Behind, sqs: SQSClient, unique: Unique) -> None:
    url = sqs.create_queue(QueueName=unique("visible"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipt = polled(behind, sqs, url, visibility_s=10_000)

    behind.client("sqs").change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=30)
    behind.book.let_go([receipt])

    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    time.sleep(0.4)  # 40 s of the stage's time
    assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_visibility_is_refused_as_sqs_refuses_it(behind: Behind, sqs: SQSClient, unique: Unique) -> None:
    url = sqs.create_queue(QueueName=unique("refused"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipt = polled(behind, sqs, url)
    change = behind.client("sqs").change_message_visibility

    too_long = code_of(change, QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=43_201)
    negative = code_of(change, QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=-1)
    stale = code_of(change, QueueUrl=url, ReceiptHandle="stale", VisibilityTimeout=1)
    time.sleep(0.05)
    beyond_12_hours = code_of(change, QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=43_200)

    assert (too_long, negative, beyond_12_hours) == ("InvalidParameterValue",) * 3
    assert stale == "ReceiptHandleIsInvalid"


def test_a_batch_of_visibility_changes_lists_what_failed(
    behind: Behind, sqs: SQSClient, unique: Unique
) -> None:
    url = sqs.create_queue(QueueName=unique("batch"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    receipt = polled(behind, sqs, url)

    answer = behind.client("sqs").change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "good", "ReceiptHandle": receipt, "VisibilityTimeout": 600},
            {"Id": "stale", "ReceiptHandle": "stale", "VisibilityTimeout": 600},
        ],
    )

    assert [each["Id"] for each in answer["Successful"]] == ["good"]
    assert [(each["Id"], each["Code"]) for each in answer["Failed"]] == [("stale", "ReceiptHandleIsInvalid")]


def test_a_queue_that_nobody_polls_keeps_its_own_visibility(
    behind: Behind, sqs: SQSClient, unique: Unique
) -> None:
    url = sqs.create_queue(QueueName=unique("own"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="a")
    own = behind.client("sqs")
    (message,) = own.receive_message(QueueUrl=url, VisibilityTimeout=600)["Messages"]

    own.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)

    assert sqs.receive_message(QueueUrl=url)["Messages"]


def test_a_delay_is_shortened_by_the_speed(behind: Behind, sqs: SQSClient, unique: Unique) -> None:
    url = sqs.create_queue(QueueName=unique("delayed"))["QueueUrl"]

    behind.client("sqs").send_message(QueueUrl=url, MessageBody='{"DelaySeconds":1}', DelaySeconds=100)
    behind.client("sqs").send_message_batch(
        QueueUrl=url, Entries=[{"Id": "0", "MessageBody": "ü\n", "DelaySeconds": 60}]
    )

    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    time.sleep(1.05)  # 100 s of the stage's time
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert sorted(each["Body"] for each in messages) == ['{"DelaySeconds":1}', "ü\n"]


def test_a_delay_that_sqs_refuses_is_refused(behind: Behind, sqs: SQSClient, unique: Unique) -> None:
    url = sqs.create_queue(QueueName=unique("far"))["QueueUrl"]

    code = code_of(behind.client("sqs").send_message, QueueUrl=url, MessageBody="a", DelaySeconds=901)

    assert code == "InvalidParameterValue"


def test_an_outage_fails_as_many_calls_as_it_is_told(behind: Behind) -> None:
    sqs = behind.client("sqs")
    behind.gateway.fail_next(2)

    codes = [code_of(sqs.list_queues), code_of(sqs.list_queues)]

    assert codes == ["ServiceUnavailable", "ServiceUnavailable"]
    assert sqs.list_queues()


def test_an_outage_has_the_error_that_it_is_told(behind: Behind) -> None:
    behind.gateway.fail_next(1, code="InternalServerError", status=500)

    assert code_of(behind.client("sqs").list_queues) == "InternalServerError"


def test_calls_wait_as_they_are_told_and_are_answered_then(behind: Behind) -> None:
    sqs = behind.client("sqs")
    waits: list[str] = []
    behind.gateway.slow_next(2, wait=lambda: waits.append("waited"))

    answers = [sqs.list_queues() for _ in range(3)]

    assert len(answers) == 3
    assert waits == ["waited", "waited"]


def test_a_short_outage_is_bridged_by_the_clients_own_retries(behind: Behind) -> None:
    behind.gateway.fail_next(1)

    assert behind.client("sqs", attempts=3).list_queues()


def test_while_it_is_down_nobody_gets_an_answer(behind: Behind) -> None:
    sqs = behind.client("sqs")
    sqs.list_queues()

    behind.gateway.hang_up(2)
    for _ in range(2):
        with pytest.raises(BotoCoreError):
            sqs.list_queues()

    assert sqs.list_queues()


def test_each_answered_call_is_told(behind: Behind) -> None:
    sqs = behind.client("sqs")

    for _ in range(3):
        sqs.list_queues()

    assert behind.calls == 3
