"""One worker run in processes and in the stage's own: all the same to callers, but for what the end lists."""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from tiny import on_the_path
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.execution.answers import (
    MAX_REQUEST_BYTES,
    Crashed,
    FunctionError,
    InitFailed,
    Reply,
    RequestTooLarge,
    Throttled,
    TimedOut,
)
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.in_process import InProcessFunction
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.local.stage.execution.routed_output import RoutedOutput
from worker_runtime.local.stage.threads.real import REAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.invocations import Report
    from worker_runtime.local.stage.polling.delivering import Invoker

    Running = Callable[..., Any]

WORKER = '''
import logging
import os
import sys
import time
from typing import Any

from worker_runtime import Invocation, Invoke, Stack, worker

runs = 0


@worker(Invoke(), stack=Stack("acts"), timeout_s=1)
def work(asked: dict, *, invocation: Invocation) -> Any:
    """Do as told."""
    global runs
    runs += 1
    if "say" in asked:
        print(asked["say"])
        print(asked["say"], "to stderr", file=sys.stderr)
        logging.getLogger(__name__).warning("logged %s", asked["say"])
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "exit" in asked:
        sys.exit(asked["exit"])
    if "raise" in asked:
        raise type(asked["raise"], (Exception,), {})(asked["text"])
    if "large" in asked:
        return "x" * asked["large"]
    if "odd" in asked:
        return {"object": object(), "surrogate": "\\ud800"}[asked["odd"]]
    return {
        "echo": asked,
        "request_id": invocation.request_id,
        "remaining_s": invocation.remaining_s,
        "pid": os.getpid(),
        "runs": runs,
    }
'''


@pytest.fixture(scope="module", autouse=True)
def acts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install a worker that can be told what to do, and one that cannot be loaded."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.install_plugin("acts", worker=WORKER)
    site.install_plugin("broken", worker="raise RuntimeError('no configuration')")
    with on_the_path(site):
        yield


def configured(app: str, **settings: Any) -> Function:
    credentials = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
    return Function(
        **{
            "name": "tried",
            "handler": "worker_runtime.handler.handler",
            "timeout_s": 10,
            "environment": {"APP_NAME": app, "PYTHONPATH": os.environ["PYTHONPATH"], **credentials},
            "task_root": Path(__file__).parent,
            **settings,
        }
    )


@contextmanager
def in_processes(app: str = "acts.work", **settings: Any) -> Iterator[Invoker]:
    with Executor(configured(app, **settings)) as executor:
        yield executor


@contextmanager
def in_this_process(app: str = "acts.work", **settings: Any) -> Iterator[Invoker]:
    function = configured(app, **settings)
    made = InProcessFunction(
        function,
        turn=REAL.places(1),
        clock=ScaledClock(1.0, origin=time.time()),
        wall_timeout_s=function.timeout_s,
        on_log=lambda *_: None,
    )
    with RoutedOutput():
        yield made
        made.stop()


BOTH = pytest.mark.parametrize("running", [in_processes, in_this_process])


def told(answer: Answer) -> tuple[type[Answer], Any]:
    """Tell what a caller sees."""
    return type(answer), answer.payload


# --- alike


@BOTH
def test_a_reply_has_the_same_bytes(running: Running) -> None:
    with running() as invoker:
        report = invoker.invoke({"name": "Zoë", "n": 1.0, "none": None}, request_id="r-1")

    assert report.request_id == "r-1"
    assert isinstance(report.answer, Reply)
    assert '{"name": "Zoë", "n": 1.0, "none": null}'.encode() in report.answer.payload
    assert report.answer.value["request_id"] == "r-1"


@BOTH
def test_the_first_invocation_waits_for_init_and_the_next_does_not(running: Running) -> None:
    with running() as invoker:
        reports = [invoker.invoke({}) for _ in range(2)]

    assert [report.cold for report in reports] == [True, False]


@BOTH
def test_what_it_prints_and_logs_is_its_invocations(running: Running) -> None:
    with running() as invoker:
        reports = [invoker.invoke({"say": word}) for word in ("one", "two")]

    for report, own, other in zip(reports, ("one", "two"), ("two", "one"), strict=True):
        assert f"{own}\n{own} to stderr\n" in report.logs
        assert f'"message": "logged {own}"' in report.logs or f'"message":"logged {own}"' in report.logs
        assert f"{other}\n" not in report.logs
        assert "" not in report.logs.splitlines()


@BOTH
def test_an_exception_is_told_by_its_class_and_redacted(running: Running) -> None:
    with running() as invoker:
        report = invoker.invoke({"raise": "OrderMissing", "text": "of jo@example.com", "say": "before"})

    assert isinstance(report.answer, FunctionError)
    assert report.answer.error_type == "OrderMissing"
    assert "jo@example.com" not in report.answer.message
    assert "before\n" in report.logs


@BOTH
@pytest.mark.parametrize(("status", "exit_code"), [(3, 3), (0, 0), (None, 0), ("a text", 1)])
def test_a_worker_that_exits_is_a_crash_with_its_status(
    running: Running, status: object, exit_code: int
) -> None:
    with running() as invoker:
        report = invoker.invoke({"exit": status, "say": "last words"}, request_id="r-1")

    assert isinstance(report.answer, Crashed)
    assert (report.answer.error_type, report.answer.exit_code) == ("Runtime.ExitError", exit_code)
    assert report.answer.message.startswith("RequestId: r-1 Error: Runtime exited with")
    assert "last words\n" in report.logs


@BOTH
@pytest.mark.parametrize(
    ("app", "error_type", "text"),
    [("broken.work", "BrokenPlugin", "no configuration"), ("nowhere.work", "UnknownWorker", "nowhere.work")],
)
def test_an_init_that_fails_is_told(running: Running, app: str, error_type: str, text: str) -> None:
    with running(app) as invoker:
        report = invoker.invoke({})

    assert isinstance(report.answer, InitFailed)
    assert report.answer.error_type == error_type
    assert text in report.answer.message


@BOTH
def test_an_event_over_6_mb_is_refused(running: Running) -> None:
    with running() as invoker:
        answer = invoker.invoke(b'"' + b"x" * MAX_REQUEST_BYTES + b'"').answer

    assert isinstance(answer, RequestTooLarge)
    assert answer.error_type == "RequestEntityTooLargeException"


@pytest.mark.parametrize("asked", [{"large": 7_000_000}, {"odd": "object"}, {"odd": "surrogate"}], ids=str)
def test_a_reply_that_lambda_refuses_is_the_same_error(asked: dict[str, Any]) -> None:
    with in_processes() as processes, in_this_process() as here:
        there, in_process = processes.invoke(asked).answer, here.invoke(asked).answer

    assert not isinstance(there, Reply)
    assert told(there) == told(in_process)


@BOTH
def test_it_sees_its_deadline(running: Running) -> None:
    with running(timeout_s=10) as invoker:
        answer = invoker.invoke({"sleep": 0.1}).answer

    assert isinstance(answer, Reply)
    assert 5 < answer.value["remaining_s"] < 9.9


@BOTH
def test_an_answer_after_the_deadline_is_a_time_out_and_what_was_printed_is_kept(running: Running) -> None:
    with running(timeout_s=0.4) as invoker:
        report = invoker.invoke({"say": "sleeping", "sleep": 0.6})

    assert isinstance(report.answer, TimedOut)
    assert report.answer.message.endswith("Task timed out after 0.40 seconds")
    assert "sleeping\n" in report.logs


@BOTH
def test_one_invocation_too_many_is_throttled(running: Running) -> None:
    with running(max_concurrency=1) as invoker, ThreadPoolExecutor(2) as threads:
        reports = list(threads.map(invoker.invoke, [{"sleep": 0.3}] * 2))
        later = invoker.invoke({})

    answers = sorted((report.answer for report in reports), key=lambda answer: isinstance(answer, Reply))
    assert isinstance(answers[0], Throttled)
    assert isinstance(answers[1], Reply)
    assert isinstance(later.answer, Reply)


# --- what differs: all that differs, since one process is not many


def test_side_by_side_and_one_after_the_other() -> None:
    """Each concurrent invocation has a process to itself; in-process they take turns in the stage's."""
    with in_processes() as processes, in_this_process() as here, ThreadPoolExecutor(2) as threads:
        there = list(threads.map(processes.invoke, [{"sleep": 0.3}] * 2))
        in_process = list(threads.map(here.invoke, [{"sleep": 0.05}] * 2))

    assert len({pid(report) for report in there}) == 2
    assert {pid(report) for report in in_process} == {os.getpid()}


def test_what_a_module_keeps_is_lost_with_a_process_and_outlives_a_crash_in_process() -> None:
    runs = []
    for running in (in_processes, in_this_process):
        with running() as invoker:
            before = invoker.invoke({}).answer
            invoker.invoke({"exit": 1})
            after = invoker.invoke({}).answer
        assert isinstance(before, Reply)
        assert isinstance(after, Reply)
        runs.append(after.value["runs"] - before.value["runs"])

    assert runs == [0, 2]


def test_a_stack_trace_is_told_and_printed_by_the_runtime_client_alone() -> None:
    with in_processes() as processes, in_this_process() as here:
        there, in_process = (each.invoke({"raise": "Odd", "text": "so"}) for each in (processes, here))

    assert json.loads(there.answer.payload) == json.loads(in_process.answer.payload)
    assert isinstance(there.answer, FunctionError)
    assert isinstance(in_process.answer, FunctionError)
    assert (there.answer.stack_trace != (), in_process.answer.stack_trace) == (True, ())
    assert ("[ERROR] Odd: so" in there.logs, "[ERROR] Odd: so" in in_process.logs) == (True, False)


def test_at_the_deadline_a_process_is_killed_and_the_stage_itself_is_not() -> None:
    """Nor can ``os._exit`` or a signal be tried in-process: they are the stage's own end."""
    took = []
    for running in (in_processes, in_this_process):
        with running(timeout_s=0.4) as invoker:
            invoker.invoke({})
            report = invoker.invoke({"sleep": 2.5})
        assert isinstance(report.answer, TimedOut)
        took.append(report.duration_s)

    assert took[0] < 2.2 <= took[1]


def pid(report: Report) -> int:
    assert isinstance(report.answer, Reply)
    return int(report.answer.value["pid"])
