"""Workers of whole stages invoked by their function's name: by people, by workers, by the emulator."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from installed import Site
from post_office import notes, post_office, until
from staged import eventually
from worker_runtime.local.stage.stage import Stage, StageOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

COUNTER = "local-post-counter"


@pytest.fixture(scope="module", autouse=True)
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install the plugin for all tests here."""
    with post_office(Site(tmp_path_factory.mktemp("site"))):
        yield


@pytest.fixture(scope="module")
def stage(plugin: None) -> Iterator[Stage]:  # noqa: ARG001 - it is to be installed first
    """Bring one stage up for all tests here; each asks under a name of its own."""
    with Stage(StageOptions(stacks=("post",), speed=60.0)) as running:
        yield running


@pytest.fixture(scope="module")
def people(stage: Stage) -> Iterator[Any]:
    """Make a Lambda client as a person does, from the stage's environment."""
    environment = stage.environment()
    made = boto3.client(
        "lambda",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    with closing(made):
        yield made


def asked(**what: Any) -> bytes:
    return json.dumps(what).encode()


def test_a_person_invokes_a_worker_and_hears_its_word(people: Any) -> None:
    answer = people.invoke(FunctionName=COUNTER, Payload=asked(name="person"))

    assert (answer["StatusCode"], json.load(answer["Payload"])) == (200, "person")


def test_the_emulator_too_invokes_it_under_its_name(stage: Stage) -> None:
    client = stage.aws("lambda")

    answer = client.invoke(FunctionName=COUNTER, Payload=asked(name="emulator"))
    failed = client.invoke(FunctionName=COUNTER, Payload=asked(name="emulator fails", at_try=9))

    assert json.load(answer["Payload"]) == "emulator"
    assert failed["FunctionError"] == "Unhandled"
    assert json.load(failed["Payload"])["errorType"] == "Slip"


def test_an_error_has_the_name_of_its_class(people: Any) -> None:
    answer = people.invoke(FunctionName=COUNTER, Payload=asked(name="person fails", at_try=9), LogType="Tail")

    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.load(answer["Payload"])["errorType"] == "Slip"
    assert answer["LogResult"]


def test_who_comes_while_another_is_served_is_turned_away(people: Any, stage: Stage) -> None:
    first = threading.Thread(
        target=people.invoke, kwargs={"FunctionName": COUNTER, "Payload": asked(name="first", takes_s=2)}
    )
    first.start()
    eventually(lambda: notes(stage)["first"])

    with pytest.raises(ClientError) as caught:
        people.invoke(FunctionName=COUNTER, Payload=asked(name="second"))
    first.join()

    assert caught.value.response["Error"]["Code"] == "TooManyRequestsException"
    assert notes(stage)["second"] == []


def test_an_event_nobody_waits_for_is_tried_again_as_lambda_does(people: Any, stage: Stage) -> None:
    answer = people.invoke(
        FunctionName=COUNTER, Payload=asked(name="later", at_try=3), InvocationType="Event"
    )
    until(stage, lambda: len(notes(stage)["later"]) == 3)
    stage.wait_idle(timeout_s=20)
    first, second, third = notes(stage)["later"]

    assert answer["StatusCode"] == 202
    assert second["at"] - first["at"] >= 60
    assert third["at"] - second["at"] >= 120


def test_a_state_machine_catches_an_error_by_its_name(stage: Stage) -> None:
    states = stage.aws("stepfunctions")
    definition = {
        "StartAt": "Ask",
        "States": {
            "Ask": {
                "Type": "Task",
                "Resource": f"arn:aws:lambda:us-east-1:000000000000:function:{COUNTER}",
                "Catch": [{"ErrorEquals": ["Slip"], "Next": "Caught"}],
                "End": True,
            },
            "Caught": {"Type": "Pass", "Result": "caught", "End": True},
        },
    }
    machine = states.create_state_machine(
        name="asks", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/asks"
    )["stateMachineArn"]

    def output(what: dict[str, Any]) -> Any:
        run = states.start_execution(stateMachineArn=machine, input=json.dumps(what))["executionArn"]
        eventually(lambda: states.describe_execution(executionArn=run)["status"] != "RUNNING")
        return json.loads(states.describe_execution(executionArn=run)["output"])

    outputs = [output({"name": "machine"}), output({"name": "machine fails", "at_try": 9})]

    assert outputs == ["machine", "caught"]


def test_a_stage_that_is_idle_has_heard_all_answers(people: Any, stage: Stage) -> None:
    people.invoke(FunctionName=COUNTER, Payload=asked(name="in the end"), InvocationType="Event")

    stage.wait_idle(timeout_s=20)

    assert len(notes(stage)["in the end"]) == 1
