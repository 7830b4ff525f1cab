"""Lambda's Invoke API at the door of a stage, word for word, with workers that do what a test says."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import pytest

from callees import FakeCallee
from worker_runtime.local.stage.door.door import API, Door
from worker_runtime.local.stage.door.function_names import FunctionName, function_named
from worker_runtime.local.stage.door.rest_calls import InvokeCalls
from worker_runtime.local.stage.execution.answers import FunctionError, Reply, Throttled, timed_out
from worker_runtime.local.stage.parts.http_server import Request
from worker_runtime.local.stage.parts.http_wire import WireMessage

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.parts.http_server import Response

ARN = "arn:aws:lambda:us-east-1:000000000000:function:local-w"
MIB = 1_048_576


def door_to(callee: FakeCallee) -> Door:
    door = Door(request_ids=lambda: "r-1")
    door.admit("local-w", arn=ARN, callee=callee)
    return door


def invoke(
    door: Door, body: bytes = b"{}", *, name: str = "local-w", qualifier: str = "", **headers: str
) -> Response:
    response = door.answer(
        Request(
            method="POST",
            path=f"{API}{name}/invocations",
            query={"Qualifier": qualifier} if qualifier else {},
            headers={f"x-amz-{header.replace('_', '-')}": value for header, value in headers.items()},
            body=body,
        )
    )
    assert response is not None
    return response


def refusal(response: Response) -> tuple[int, str, str]:
    body = json.loads(response.body)
    return response.status, response.headers["x-amzn-ErrorType"], body["message"]


def test_a_reply_goes_to_the_caller_as_the_worker_gave_it() -> None:
    callee = FakeCallee(Reply(b'{"n": 1.0}'))

    response = invoke(door_to(callee), b'{"a":  1}')

    assert (response.status, response.body) == (200, b'{"n": 1.0}')
    assert "X-Amz-Function-Error" not in response.headers
    assert response.headers["X-Amz-Executed-Version"] == "$LATEST"
    assert response.headers["x-amzn-RequestId"] == "r-1"
    assert callee.asked == [b'{"a":  1}']


def test_an_error_keeps_its_name_and_says_where_it_was_raised() -> None:
    error = FunctionError(error_type="SaleClosed", message="too late", stack_trace=("line 1",))

    response = invoke(door_to(FakeCallee(error)))

    assert (response.status, response.headers["X-Amz-Function-Error"]) == (200, "Unhandled")
    assert json.loads(response.body) == {
        "errorMessage": "too late",
        "errorType": "SaleClosed",
        "requestId": "r-1",
        "stackTrace": ["line 1"],
    }


def test_a_time_out_has_no_stack_trace() -> None:
    response = invoke(door_to(FakeCallee(timed_out("r-1", timeout_s=3))))

    assert response.headers["X-Amz-Function-Error"] == "Unhandled"
    assert json.loads(response.body) == {
        "errorMessage": "RequestId: r-1 Error: Task timed out after 3.00 seconds",
        "errorType": "Sandbox.Timedout",
    }


def test_more_at_once_than_the_function_may_is_refused() -> None:
    response = invoke(door_to(FakeCallee(Throttled())))

    assert refusal(response) == (429, "TooManyRequestsException", "Rate Exceeded.")
    assert json.loads(response.body)["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_stage_that_goes_down_says_so() -> None:
    response = invoke(door_to(FakeCallee(None)))

    assert refusal(response)[:2] == (502, "ServiceException")


def test_who_asks_for_it_gets_the_end_of_the_log() -> None:
    door = door_to(FakeCallee(Reply(b"null"), logs="x" * 5_000 + "end\n"))

    without, tail = invoke(door), invoke(door, log_type="Tail")

    told = base64.b64decode(tail.headers["X-Amz-Log-Result"])
    assert "X-Amz-Log-Result" not in without.headers
    assert (len(told), told[-4:]) == (4_096, b"end\n")


def test_an_event_nobody_waits_for_is_queued() -> None:
    callee = FakeCallee()

    response = invoke(door_to(callee), b'{"a": 1}', invocation_type="Event")

    assert (response.status, response.body) == (202, b"")
    assert (callee.queued, callee.asked) == ([{"a": 1}], [])


def test_a_dry_run_runs_nothing() -> None:
    callee = FakeCallee()

    response = invoke(door_to(callee), invocation_type="DryRun")

    assert (response.status, callee.asked, callee.queued) == (204, [], [])


def test_no_event_at_all_is_an_empty_one() -> None:
    callee = FakeCallee(Reply(b"null"))

    invoke(door_to(callee), b"")

    assert callee.asked == [b"{}"]


@pytest.mark.parametrize(("kind", "most"), [("RequestResponse", 6 * MIB), ("Event", MIB)])
def test_an_event_has_so_many_bytes_at_most(kind: str, most: int) -> None:
    door = door_to(FakeCallee(Reply(b"null")))

    largest = invoke(door, b'"' + b"x" * (most - 2) + b'"', invocation_type=kind)
    larger = invoke(door, b'"' + b"x" * (most - 1) + b'"', invocation_type=kind)

    assert largest.status in {200, 202}
    assert refusal(larger) == (
        413,
        "RequestEntityTooLargeException",
        f"{most + 1} byte payload is too large for the {kind} invocation type (limit {most} bytes)",
    )


def test_what_is_no_json_or_no_way_to_invoke_is_refused() -> None:
    door = door_to(FakeCallee(Reply(b"null")))

    assert refusal(invoke(door, b"{"))[:2] == (400, "InvalidRequestContentException")
    assert refusal(invoke(door, invocation_type="Later"))[:2] == (400, "InvalidParameterValueException")


@pytest.mark.parametrize(
    "name",
    [
        "local-w",
        "local-w:$LATEST",
        "function:local-w",
        "000000000000:function:local-w",
        ARN,
        f"{ARN}:$LATEST",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Alocal-w",
    ],
)
def test_a_function_is_called_by_name_or_arn(name: str) -> None:
    assert invoke(door_to(FakeCallee(Reply(b"1"))), name=name).body == b"1"


def test_there_is_no_version_but_the_latest() -> None:
    door = door_to(FakeCallee(Reply(b"1")))

    expected = (404, "ResourceNotFoundException", f"Function not found: {ARN}:7")
    assert refusal(invoke(door, name="local-w:7")) == expected
    assert refusal(invoke(door, qualifier="7")) == expected
    assert invoke(door, qualifier="$LATEST").status == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", f"{API}nobody/invocations"),
        ("GET", f"{API}local-w"),
        ("POST", "/2015-03-31/functions"),
        ("POST", f"{API}local-w/invocations/more"),
        ("POST", f"{API}/invocations"),
    ],
)
def test_other_calls_are_not_the_doors(method: str, path: str) -> None:
    assert door_to(FakeCallee(Reply(b"1"))).answer(Request(method=method, path=path)) is None


def test_somebody_who_waits_keeps_the_door_busy() -> None:
    class Looking(FakeCallee):
        busy = False

        def ask(self, event: bytes, *, request_id: str) -> Report | None:
            self.busy = door.busy()
            return super().ask(event, request_id=request_id)

    callee = Looking(Reply(b"1"))
    door = door_to(callee)

    invoke(door)

    assert callee.busy
    assert not door.busy()


def test_at_a_gateway_the_door_answers_a_request_as_bytes() -> None:
    calls = InvokeCalls(door_to(FakeCallee(Reply(b'"hi"'))))
    head = (
        b"POST %slocal-w/invocations?Qualifier=%%24LATEST HTTP/1.1\r\nX-Amz-Log-Type: Tail\r\n\r\n"
        % API.encode()
    )

    answer = calls(WireMessage(head, b"{}"))
    other = calls(WireMessage(b"GET /bucket/key HTTP/1.1\r\n\r\n", b""))

    assert answer is not None
    start, *_ = answer.split(b"\r\n")
    assert (start, answer[-4:]) == (b"HTTP/1.1 200 -", b'"hi"')
    assert b"X-Amz-Log-Result" in answer
    assert other is None


@pytest.mark.parametrize("given", ["", "a b", "arn:aws:sqs:us-east-1:000000000000:w", "w:", "w/x"])
def test_what_no_function_can_be_called_is_no_name(given: str) -> None:
    assert function_named(given) is None


def test_a_name_may_say_a_version() -> None:
    assert function_named(f"{ARN}:live") == FunctionName("local-w", "live")
