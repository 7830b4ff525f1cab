"""Workers in the stage's own process: heard apart, and aborted where a crash is asked for."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from installed import Site
from staged import eventually
from tiny import on_the_path
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.execution.answers import Crashed, FunctionError, InitFailed, Reply
from worker_runtime.local.stage.execution.in_process import InProcessFunction
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.local.stage.execution.process_environment import ProcessEnvironment
from worker_runtime.local.stage.execution.routed_output import RoutedOutput
from worker_runtime.local.stage.threads.real import REAL
from worker_runtime.testing import sqs_event

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER = '''
import logging
import threading

from worker_runtime import Sqs, Stack, worker
from worker_runtime import clock

go_on = threading.Event()
started = threading.Event()
seen = []


@worker(Sqs("orders"), stack=Stack("here"))
def work(order: dict) -> None:
    """Do as told."""
    seen.append((order["do"], clock.now()))
    if order["do"] == "speak":
        print("printed")
        logging.getLogger(__name__).warning("logged")
    if order["do"] == "wait":
        started.set()
        go_on.wait(10)
'''


@pytest.fixture(scope="module", autouse=True)
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Install a plugin whose worker can be told what to do."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.install_plugin("here", worker=WORKER)
    with on_the_path(site):
        yield


def function(lines: list[str], *, app: str = "here.work", origin: float = 1_000.0) -> InProcessFunction:
    configured = Function(name="local-here-work", handler="h", timeout_s=60, environment={"APP_NAME": app})
    return InProcessFunction(
        configured,
        turn=REAL.places(1),
        clock=ScaledClock(1.0, origin=origin),
        wall_timeout_s=10,
        on_log=lambda line, _function, _request_id: lines.append(line),
    )


def module() -> Any:
    return sys.modules["here_things.work"]


def test_a_worker_runs_and_replies() -> None:
    report = function([]).invoke(sqs_event({"do": "nothing"}), request_id="r")

    assert report.request_id == "r"
    assert isinstance(report.answer, Reply)
    assert report.answer.value == {"batchItemFailures": []}


def test_what_it_prints_and_logs_goes_to_its_log_and_nowhere_else(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []

    with RoutedOutput():
        function(lines).invoke(sqs_event({"do": "speak"}))
        print("the stage's own")  # noqa: T201 - to be captured

    assert "printed" in lines
    assert any('"message": "logged"' in line for line in lines)
    assert any(line.startswith('{"_aws"') for line in lines)
    assert capsys.readouterr().out == "the stage's own\n"


def test_others_logs_go_where_they_went_before(caplog: pytest.LogCaptureFixture) -> None:
    with RoutedOutput(), caplog.at_level(logging.WARNING):
        logging.getLogger("stage").warning("of the stage")

    assert logging.getLogger().handlers != []
    assert "of the stage" in caplog.text


def test_a_crash_comes_when_the_record_at_hand_has_ended() -> None:
    function_here = function([])
    module_before = function_here.invoke(sqs_event({"do": "nothing"}))
    module().seen.clear()
    reports: list[Any] = []
    event = sqs_event({"do": "wait"}, {"do": "never"})
    thread = threading.Thread(target=lambda: reports.append(function_here.invoke(event)))

    thread.start()
    eventually(module().started.is_set)
    killed = function_here.kill_one()
    module().go_on.set()
    thread.join()

    assert isinstance(module_before.answer, Reply)
    assert killed == os.getpid()
    assert isinstance(reports[0].answer, Crashed)
    assert [do for do, _ in module().seen] == ["wait"]


def test_where_nothing_runs_nobody_is_killed() -> None:
    assert function([]).kill_one() is None


def test_a_stopped_function_starts_nothing_more() -> None:
    function_here = function([])
    function_here.stop()

    report = function_here.invoke(sqs_event({"do": "nothing"}))

    assert isinstance(report.answer, Crashed)


def test_an_event_that_it_does_not_know_is_a_function_error() -> None:
    answer = function([]).invoke({"strange": 1}).answer

    assert isinstance(answer, FunctionError)
    assert answer.error_type == "UnrecognisedEvent"


def test_a_worker_that_cannot_be_loaded_is_told() -> None:
    answer = function([], app="here.unknown").invoke({}).answer

    assert isinstance(answer, InitFailed)
    assert "here.unknown" in answer.message


def test_the_environment_is_as_it_was_when_the_stage_has_gone() -> None:
    before = dict(os.environ)

    with ProcessEnvironment({"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "PATH": "/nowhere"}, seed=1):
        inside = os.environ["AWS_ENDPOINT_URL"], os.environ["PATH"]

    assert inside == ("http://127.0.0.1:1", "/nowhere")
    assert dict(os.environ) == before
