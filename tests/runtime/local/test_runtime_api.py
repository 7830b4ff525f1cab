"""The Runtime API as a client of it sees it: awslambdaric, and plain HTTP where it cannot be made to err."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from worker_runtime.local.stage.execution.answers import MAX_REPLY_BYTES
from worker_runtime.local.stage.execution.invocations import Invocation
from worker_runtime.local.stage.execution.runtime_api import (
    InitError,
    Post,
    Raised,
    Ready,
    ReplyTooLarge,
    Returned,
    RuntimeApi,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = "/2018-06-01/runtime"


class Process:
    """Stands for the worker process: asks and posts as it would."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address, timeout=5)

    def ask(self, method: str, path: str, **arguments: Any) -> tuple[int, dict[str, str], bytes]:
        self._connection.request(method, ROOT + path, **arguments)
        answer = self._connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def post(self, path: str, body: bytes, **arguments: Any) -> tuple[int, Any]:
        status, _, answer = self.ask("POST", path, body=body, **arguments)
        return status, json.loads(answer)

    def close(self) -> None:
        self._connection.close()


@contextmanager
def connected() -> Iterator[tuple[RuntimeApi, Process, SimpleQueue[Post]]]:
    posts: SimpleQueue[Post] = SimpleQueue()
    with RuntimeApi(posts.put) as api, closing(Process(api.address)) as process:
        yield api, process, posts


def invocation(request_id: str) -> Invocation:
    return Invocation(
        request_id=request_id,
        payload=b'{"a": 1}',
        deadline_ms=1_700_000_000_000,
        function_arn="arn:aws:lambda:us-east-1:000000000000:function:tried",
        trace_id="Root=1-0-0",
    )


def test_asking_for_the_first_event_says_that_init_is_over() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))

        status, headers, body = process.ask("GET", "/invocation/next")

        assert posts.get_nowait() == Ready()
        assert (status, body) == (200, b'{"a": 1}')
        assert headers == {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": "one",
            "Lambda-Runtime-Deadline-Ms": "1700000000000",
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:us-east-1:000000000000:function:tried",
            "Lambda-Runtime-Trace-Id": "Root=1-0-0",
            "Content-Length": "8",
        }


def test_a_reply_and_an_error_are_accepted_and_passed_on() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")
        replied = process.post("/invocation/one/response", b'"done"')
        api.hand_over(invocation("two"))
        process.ask("GET", "/invocation/next")
        raised = process.post("/invocation/two/error", b'{"errorType": "X"}')

        assert [posts.get_nowait() for _ in range(3)] == [
            Ready(),
            Returned(b'"done"'),
            Raised(b'{"errorType": "X"}'),
        ]
        assert replied == raised == (202, {"status": "OK"})


def test_an_answer_to_another_request_or_a_second_one_is_refused() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")

        other = process.post("/invocation/two/response", b"1")
        first = process.post("/invocation/one/response", b"1")
        second = process.post("/invocation/one/response", b"2")

        refused = (400, {"errorMessage": "Invalid request ID", "errorType": "InvalidRequestID"})
        assert (other, second) == (refused, refused)
        assert first[0] == 202
        assert [posts.get_nowait(), posts.get_nowait(), posts.empty()] == [Ready(), Returned(b"1"), True]


def test_an_answer_after_the_deadline_is_refused() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")
        posts.get_nowait()

        withdrawn = api.withdraw()
        status, error = process.post("/invocation/one/response", b"1")

        assert withdrawn
        assert (status, error["errorType"]) == (400, "InvalidRequestID")
        assert posts.empty()


def test_a_reply_of_just_over_6_mb_is_refused_with_awss_words() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")
        posts.get_nowait()

        status, error = process.post("/invocation/one/response", b"x" * (MAX_REPLY_BYTES + 1))

        assert status == 413
        assert error == {
            "errorMessage": "Exceeded maximum allowed payload size (6291556 bytes).",
            "errorType": "RequestEntityTooLarge",
        }
        assert posts.get_nowait() == ReplyTooLarge()


def test_the_largest_reply_is_accepted() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")
        posts.get_nowait()

        status, _ = process.post("/invocation/one/response", b"x" * MAX_REPLY_BYTES)

        assert status == 202
        assert isinstance(posts.get_nowait(), Returned)


def test_an_error_with_a_header_of_nearly_1_mib_is_read() -> None:
    with connected() as (api, process, posts):
        api.hand_over(invocation("one"))
        process.ask("GET", "/invocation/next")
        posts.get_nowait()

        cause = {"Lambda-Runtime-Function-XRay-Error-Cause": "x" * 1_000_000}
        status, _ = process.post("/invocation/one/error", b"{}", headers=cause)

        assert status == 202


def test_an_init_error_is_passed_on() -> None:
    with connected() as (_, process, posts):
        status, _ = process.post("/init/error", b'{"errorType": "X"}')

        assert status == 202
        assert posts.get_nowait() == InitError(b'{"errorType": "X"}')


def test_anything_else_is_not_found() -> None:
    with connected() as (_, process, _posts):
        assert process.ask("GET", "/nothing")[0] == 404


def test_a_process_that_waits_ends_by_itself_when_the_api_goes() -> None:
    posts: SimpleQueue[Post] = SimpleQueue()
    with RuntimeApi(posts.put) as api:
        process = subprocess.Popen(
            [sys.executable, "-m", "awslambdaric", "handlers.echo"],
            cwd=Path(__file__).parent,
            env={**os.environ, "AWS_LAMBDA_RUNTIME_API": api.address},
            stderr=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        assert posts.get(timeout=10) == Ready()

    assert process.wait(timeout=5) == 1


def test_an_exchange_takes_well_under_a_millisecond_on_our_side() -> None:
    with connected() as (api, process, _posts):
        took = []
        for at in range(200):
            began = time.perf_counter()
            api.hand_over(invocation(str(at)))
            process.ask("GET", "/invocation/next")
            process.post(f"/invocation/{at}/response", b"1")
            took.append(time.perf_counter() - began)

        assert sorted(took)[100] < 0.01  # 44 ms each with Nagle's delay; 0.5 ms without
