"""Whole stages whose workers are tasks of state machines, are invoked by name, or transform a stream."""

from __future__ import annotations

import json
from base64 import b64decode
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from installed import Site
from shop import install_shop
from staged import eventually
from tiny import on_the_path
from worker_runtime.local.stage.stage import InvocationFailed, Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPEED = 20.0
WORK = "arn:aws:lambda:us-east-1:000000000000:function:local-shop-tasks_work"
ECHO = "local-shop-tasks_echo"
ROLE = "arn:aws:iam::000000000000:role/flow"


@pytest.fixture(scope="module", autouse=True)
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugin for all tests here."""
    site = Site(tmp_path_factory.mktemp("site"))
    install_shop(site)
    with on_the_path(site):
        yield


@pytest.fixture(scope="module", params=[False, True], ids=["processes", "in-process"])
def stage(request: pytest.FixtureRequest, shop: None) -> Iterator[Stage]:  # noqa: ARG001 - it is installed first
    """Stage the plugin's tasks, twenty times as fast."""
    with Stage(StageOptions(stacks=("tasks",), speed=SPEED, in_process=request.param)) as running:
        yield running


def invoked(stage: Stage, function: str, **given: Any) -> Any:
    """Invoke a function at the endpoint that people are given."""
    named = stage.environment()
    client = boto3.client(
        "lambda",
        endpoint_url=named["AWS_ENDPOINT_URL"],
        region_name=named["AWS_REGION"],
        aws_access_key_id=named["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=named["AWS_SECRET_ACCESS_KEY"],
    )
    with closing(client):
        answer = client.invoke(FunctionName=function, **given)
        return {**answer, "Payload": answer["Payload"].read()}


class Flow:
    """A state machine of one task, at the emulator."""

    def __init__(self, stage: Stage, unique: Callable[[str], str], **task: Any) -> None:
        self._sfn = stage.aws("stepfunctions")
        states: dict[str, Any] = {"Do": {"Type": "Task", "Resource": WORK, "End": True, **task}}
        if "Catch" in task:
            states["Caught"] = {"Type": "Pass", "End": True}
        self._arn = self._sfn.create_state_machine(
            name=unique("flow"), definition=json.dumps({"StartAt": "Do", "States": states}), roleArn=ROLE
        )["stateMachineArn"]

    def run(self, given: Any) -> Any:
        """Run it on an input; how it ended."""
        started = self._sfn.start_execution(stateMachineArn=self._arn, input=json.dumps(given))

        def ended() -> Any:
            told = self._sfn.describe_execution(executionArn=started["executionArn"])
            return None if told["status"] == "RUNNING" else told

        return eventually(ended)


# --- direct invocation


def test_a_worker_is_invoked_by_its_function_s_name(stage: Stage) -> None:
    answer = invoked(stage, ECHO, Payload=b'{"a": 1}')

    assert (answer["StatusCode"], answer["Payload"]) == (200, b'{"a": 1}')
    assert "FunctionError" not in answer


def test_who_invokes_hears_an_error_by_its_name(stage: Stage) -> None:
    answer = invoked(stage, WORK, Payload=b'{"do": "refuse"}')

    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"])["errorType"] == "OutOfStock"


def test_a_stage_s_own_invoke_returns_the_reply_or_says_what_was_raised(stage: Stage) -> None:
    assert stage.invoke("shop.tasks_echo", {"a": 1}) == {"a": 1}
    with pytest.raises(InvocationFailed, match="OutOfStock: STOCK: as asked"):
        stage.invoke("shop.tasks_work", {"do": "refuse"})


# --- state machines


def test_a_task_s_result_is_the_state_s(stage: Stage, unique: Callable[[str], str]) -> None:
    ended = Flow(stage, unique).run({"do": "it"})

    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"did": "it"})


def test_a_worker_s_error_fails_the_execution_under_its_name(
    stage: Stage, unique: Callable[[str], str]
) -> None:
    ended = Flow(stage, unique).run({"do": "refuse"})

    cause = json.loads(ended["cause"])
    assert (ended["status"], ended["error"]) == ("FAILED", "OutOfStock")
    assert (cause["errorType"], cause["errorMessage"]) == ("OutOfStock", "STOCK: as asked")


@pytest.mark.parametrize("name", ["OutOfStock", "States.TaskFailed", "States.ALL"])
def test_an_error_is_caught_by_its_name(stage: Stage, unique: Callable[[str], str], name: str) -> None:
    catch = [{"ErrorEquals": ["Other"], "Next": "Do"}, {"ErrorEquals": [name], "Next": "Caught"}]

    ended = Flow(stage, unique, Catch=catch).run({"do": "refuse"})

    assert (ended["status"], json.loads(ended["output"])["Error"]) == ("SUCCEEDED", "OutOfStock")


def test_an_error_is_retried_by_its_name_on_the_stage_s_clock(
    stage: Stage, unique: Callable[[str], str]
) -> None:
    retry = [{"ErrorEquals": ["ConnectionError"], "IntervalSeconds": 20, "MaxAttempts": 3}]
    before = stage.workers()["shop.tasks_work"].invocations

    ended = Flow(stage, unique, Retry=retry).run({"do": "twice"})

    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"did": "twice"})
    assert stage.workers()["shop.tasks_work"].invocations - before == 3


def test_what_cannot_be_decoded_is_a_rejection(stage: Stage, unique: Callable[[str], str]) -> None:
    ended = Flow(stage, unique).run({"do": 7})

    assert ended["error"] == "Reject"


@pytest.mark.parametrize(
    ("size", "status"), [(262_144 - 12, "SUCCEEDED"), (262_144 - 11, "FAILED")], ids=["256 KiB", "more"]
)
def test_a_result_over_256_kib_can_be_caught(
    stage: Stage, unique: Callable[[str], str], size: int, status: str
) -> None:
    ended = Flow(stage, unique).run({"do": "large", "size": size})

    assert (ended["status"], ended.get("error")) == (
        status,
        None if status == "SUCCEEDED" else "ReplyRefused",
    )


def test_lambda_invoke_wraps_the_result(stage: Stage, unique: Callable[[str], str]) -> None:
    given = {"FunctionName": WORK, "Payload.$": "$"}

    ended = Flow(stage, unique, Resource="arn:aws:states:::lambda:invoke", Parameters=given).run({"do": "it"})

    assert json.loads(ended["output"])["Payload"] == {"did": "it"}


def test_a_task_that_sleeps_too_long_is_timed_out(unique: Callable[[str], str]) -> None:
    with Stage(StageOptions(stacks=("tasks",))) as real:
        ended = Flow(real, unique).run({"do": "sleep"})

    assert ended["error"] == "Sandbox.Timedout"
    assert "Task timed out after 3.00 seconds" in ended["cause"]


# --- delivery streams


def put(stage: Stage, *records: bytes) -> dict[str, list[str]]:
    """Put records into the stage's delivery stream; what it has delivered and what not, as text."""
    firehose, s3 = stage.aws("firehose"), stage.aws("s3")
    firehose.put_record_batch(DeliveryStreamName="local-lines", Records=[{"Data": each} for each in records])
    found: dict[str, list[str]] = {"delivered": [], "failed": []}
    for listed in s3.list_objects_v2(Bucket="local-lines-delivered").get("Contents", []):
        body = s3.get_object(Bucket="local-lines-delivered", Key=listed["Key"])["Body"].read().decode()
        found["failed" if listed["Key"].startswith("processing-failed/") else "delivered"].append(body)
        s3.delete_object(Bucket="local-lines-delivered", Key=listed["Key"])
    return found


def test_what_goes_through_a_delivery_stream_is_transformed_or_dropped(stage: Stage) -> None:
    found = put(stage, b'{"text": "a"}', b'{"text": "drop"}', b'{"text": "b"}')

    assert (sorted(found["delivered"]), found["failed"]) == (["A\n", "B\n"], [])


def test_what_cannot_be_transformed_goes_to_the_error_output_as_it_was(stage: Stage) -> None:
    found = put(stage, b"no json")

    (line,) = found["failed"]
    told = json.loads(line)
    assert found["delivered"] == []
    assert b64decode(told["rawData"]) == b"no json"
    assert (told["errorCode"], told["attemptsMade"]) == ("Lambda.ProcessingFailedStatus", 1)


def test_a_failed_transformation_is_tried_again_before_it_is_given_up(stage: Stage) -> None:
    before = stage.workers()["shop.tasks_shout"].invocations

    found = put(stage, b'{"text": "halt"}')

    told = json.loads(found["failed"][0])
    assert (told["errorCode"], told["attemptsMade"]) == ("Lambda.FunctionError", 3)
    assert told["errorMessage"] == "the printer is out of ink"
    assert stage.workers()["shop.tasks_shout"].invocations - before == 3
