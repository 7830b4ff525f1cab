"""Workers' functions in the emulator: what it says of them goes through the bootstrap to the door and back.

A test whose name says "unlike AWS" holds a difference that our own code has to make up for; re-run when
MiniStack's pin moves.
"""

from __future__ import annotations

import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from callees import FakeCallee
from worker_runtime.local.stage.aws_clients import AwsClients, credentials
from worker_runtime.local.stage.door.deploying import TIMEOUT_S, deploy
from worker_runtime.local.stage.door.door import Door
from worker_runtime.local.stage.execution.answers import FunctionError, Reply, Throttled
from worker_runtime.local.stage.execution.invocations import Function

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.parts.emulator import Emulator

    Unique = Callable[[str], str]

RAISING = """
class Slip(Exception):
    pass

def handler(event, context):
    raise Slip("as asked")
"""


@pytest.fixture(scope="module")
def emulated(emulator: Emulator) -> Iterator[Any]:
    """Make a Lambda client of the emulator."""
    with AwsClients(emulator.endpoint_url, region="us-east-1", credentials=credentials(None)) as aws:
        yield aws("lambda")


@pytest.fixture
def door() -> Iterator[Door]:
    """Open a door."""
    with Door() as opened:
        yield opened


def deployed(
    name: str, answer: Answer | None, *, door: Door, client: Any, **settings: Any
) -> tuple[Function, FakeCallee]:
    function = Function(name=name, handler="unused", timeout_s=3, **settings)
    callee = FakeCallee(answer, logs="printed\n")
    deploy(function, door_url=door.url, client=client)
    door.admit(name, arn=function.arn, callee=callee)
    return function, callee


def error_of(answer: Any) -> Any:
    assert answer["FunctionError"] == "Unhandled"
    return json.load(answer["Payload"])


def test_a_reply_comes_back_whole(door: Door, emulated: Any, unique: Unique) -> None:
    function, callee = deployed(unique("f"), Reply(b'{"n": 1.0}'), door=door, client=emulated)

    answer = emulated.invoke(FunctionName=function.name, Payload=b'{"a": "\xc3\xbc"}', LogType="Tail")

    assert json.load(answer["Payload"]) == {"n": 1.0}
    assert json.loads(callee.asked[0]) == {"a": "ü"}
    assert answer["LogResult"]


def test_an_error_keeps_its_name(door: Door, emulated: Any, unique: Unique) -> None:
    slip = FunctionError(error_type="Slip", message="as asked", stack_trace=("here",))
    function, _ = deployed(unique("f"), slip, door=door, client=emulated)

    error = error_of(emulated.invoke(FunctionName=function.name))

    assert (error["errorType"], error["errorMessage"], error["stackTrace"]) == ("Slip", "as asked", ["here"])


def test_a_throttle_has_the_name_that_state_machines_know(door: Door, emulated: Any, unique: Unique) -> None:
    function, _ = deployed(unique("f"), Throttled(), door=door, client=emulated)

    error = error_of(emulated.invoke(FunctionName=function.name))

    assert error == {"errorType": "Lambda.TooManyRequestsException", "errorMessage": "Rate Exceeded."}


def test_a_stage_that_goes_down_and_one_that_is_gone_are_errors(
    door: Door, emulated: Any, unique: Unique
) -> None:
    function, _ = deployed(unique("f"), None, door=door, client=emulated)

    going = error_of(emulated.invoke(FunctionName=function.name))
    door.stop()
    gone = error_of(emulated.invoke(FunctionName=function.name))

    assert going["errorType"] == "Lambda.ServiceException"
    assert gone["errorType"] == "Runtime.Unreachable"


def test_a_function_that_is_there_is_led_to_the_new_door(door: Door, emulated: Any, unique: Unique) -> None:
    function, _ = deployed(unique("f"), Reply(b"1"), door=door, client=emulated)
    emulated.invoke(FunctionName=function.name)

    with Door() as other:
        deployed(function.name, Reply(b"2"), door=other, client=emulated)
        answer = emulated.invoke(FunctionName=function.name)

        assert json.load(answer["Payload"]) == 2


def test_several_are_served_at_once_and_no_more_than_the_function_may(
    door: Door, emulated: Any, unique: Unique
) -> None:
    class Together(FakeCallee):
        """Answers nobody before two have come."""

        both = threading.Barrier(2, timeout=10)

        def ask(self, event: bytes, *, request_id: str) -> Any:
            self.both.wait()
            return super().ask(event, request_id=request_id)

    function, _ = deployed(unique("f"), None, door=door, client=emulated, max_concurrency=2)
    door.admit(function.name, arn=function.arn, callee=Together(Reply(b"1")))

    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(emulated.invoke, FunctionName=function.name) for _ in range(2)]
        answers = [json.load(each.result()["Payload"]) for each in asked]

    told = emulated.get_function_concurrency(FunctionName=function.name)
    assert answers == [1, 1]
    assert told["ReservedConcurrentExecutions"] == 2


def test_the_emulator_leaves_retries_and_time_outs_to_the_stage(
    door: Door, emulated: Any, unique: Unique
) -> None:
    function, _ = deployed(unique("f"), Reply(b"1"), door=door, client=emulated)

    settings = emulated.get_function_event_invoke_config(FunctionName=function.name)
    configuration = emulated.get_function_configuration(FunctionName=function.name)

    assert settings["MaximumRetryAttempts"] == 0
    assert (configuration["Timeout"], configuration["Runtime"]) == (TIMEOUT_S, "provided.al2023")
    assert configuration["FunctionArn"] == function.arn


def test_unlike_aws_the_emulators_own_python_loses_an_errors_name(emulated: Any, unique: Unique) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("raising.py", RAISING)
    name = unique("f")
    emulated.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="raising.handler",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": packed.getvalue()},
    )

    assert error_of(emulated.invoke(FunctionName=name))["errorType"] != "Slip"


def test_unlike_its_bootstrap_the_emulators_proxy_loses_an_errors_name(
    door: Door, emulated: Any, unique: Unique
) -> None:
    slip = FunctionError(error_type="Slip", message="as asked")
    function, _ = deployed(unique("f"), slip, door=door, client=emulated)
    url = f"{door.url}/2015-03-31/functions/{function.name}/invocations"

    emulated.update_function_configuration(
        FunctionName=function.name, Environment={"Variables": {"MINISTACK_LAMBDA_PROXY_URL": url}}
    )

    answer = emulated.invoke(FunctionName=function.name)
    assert "FunctionError" not in answer  # nor does it tell an error at all, where the door says 200
