"""Functions in real worker processes: how each ending is told, and that nothing is left over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

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
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.local.stage.parts.part import PartBroken

HERE = Path(__file__).parent


def function(handler: str = "handlers.behave", **settings: Any) -> Function:
    environment = {"PYTHONPATH": str(HERE), **settings.pop("environment", {})}
    return Function(
        **{
            "name": "tried",
            "handler": handler,
            "timeout_s": 10,
            "environment": environment,
            "task_root": HERE.parent,
            **settings,
        }
    )


def gone(pid: int) -> bool:
    """Whether the process has ended; one that nobody has waited for yet counts as ended."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def wait_until_gone(*pids: int) -> None:
    deadline = time.monotonic() + 5
    while not all(map(gone, pids)):
        assert time.monotonic() < deadline, f"{pids} are still there"
        time.sleep(0.01)


def wait_for_line(lines: list[str], wanted: str) -> None:
    deadline = time.monotonic() + 5
    while wanted not in lines:
        assert time.monotonic() < deadline, f"no line {wanted!r} in {lines}"
        time.sleep(0.005)


# --- replies


def test_the_first_invocation_is_cold_and_the_next_one_warm() -> None:
    with Executor(function("handlers.echo")) as executor:
        first = executor.invoke({"a": [1, None, "ü"]})
        second = executor.invoke(b'{"raw": true}')

        assert (first.cold, second.cold) == (True, False)
        assert isinstance(first.answer, Reply)
        assert first.answer.value == {"a": [1, None, "ü"]}
        assert isinstance(second.answer, Reply)
        assert second.answer.value == {"raw": True}
        assert len(executor.pids()) == 1


def test_a_worker_sees_lambdas_context_and_none_of_our_environment() -> None:
    with Executor(function("handlers.describe", environment={"MINE": "1"})) as executor:
        report = executor.invoke({}, request_id="request-1")

    assert isinstance(report.answer, Reply)
    seen = report.answer.value
    assert seen["request_id"] == report.request_id == "request-1"
    assert seen["arn"] == "arn:aws:lambda:us-east-1:000000000000:function:tried"
    assert 9_000 < seen["remaining_ms"] <= 10_000
    assert seen["environment"]["MINE"] == "1"
    assert set(seen["environment"]) == {
        *("MINE", "PYTHONPATH", "PATH", "LANG", "TZ", "_HANDLER", "_X_AMZN_TRACE_ID"),
        *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        "AWS_LAMBDA_RUNTIME_API",
    }


def test_a_reply_over_6_mb_is_refused_and_the_process_replaced() -> None:
    with Executor(function()) as executor:
        report = executor.invoke({"do": "large", "size": 7 * 1024 * 1024})
        following = executor.invoke({"do": "large", "size": 6 * 1024 * 1024})

    assert isinstance(report.answer, FunctionError)
    assert report.answer.error_type == "Function.ResponseSizeTooLarge"
    assert "(6291556 bytes)" in report.answer.message
    assert "413" in report.logs
    assert isinstance(following.answer, Reply)
    assert following.cold


def test_an_event_over_6_mb_is_refused_before_anything_starts() -> None:
    with Executor(function("handlers.echo")) as executor:
        refused = executor.invoke(b'"' + b"x" * (MAX_REQUEST_BYTES - 1) + b'"')
        taken = executor.invoke(b'"' + b"x" * (MAX_REQUEST_BYTES - 2) + b'"')

    assert isinstance(refused.answer, RequestTooLarge)
    assert "6291457 byte payload is too large" in refused.answer.message
    assert isinstance(taken.answer, Reply)


# --- failures


def test_an_exception_is_posted_and_the_process_lives_on() -> None:
    with Executor(function()) as executor:
        report = executor.invoke({"do": "fail", "text": "no such order", "kind": "OrderMissing"})
        following = executor.invoke({"do": "say", "text": "still here"})

    assert isinstance(report.answer, FunctionError)
    assert (report.answer.error_type, report.answer.message) == ("OrderMissing", "no such order")
    assert any("handlers.py" in frame for frame in report.answer.stack_trace)
    assert "[ERROR] OrderMissing: no such order\nTraceback" in report.logs
    assert not following.cold


def test_an_exception_with_a_very_long_text_is_still_an_error_and_no_crash() -> None:
    with Executor(function()) as executor:
        report = executor.invoke({"do": "fail", "text": "x" * 300_000})

    assert isinstance(report.answer, FunctionError)
    assert len(report.answer.message) == 300_000


@pytest.mark.parametrize(
    ("event", "exit_code", "text"),
    [
        ({"do": "exit", "code": 3}, 3, "Runtime exited with error: exit status 3"),
        ({"do": "exit", "code": 0}, 0, "Runtime exited without providing a reason"),
        ({"do": "vanish", "code": 4}, 4, "Runtime exited with error: exit status 4"),
        ({"do": "kill"}, -signal.SIGKILL, "Runtime exited with error: signal: killed"),
        ({"do": "break"}, -signal.SIGSEGV, "Runtime exited with error: signal: segmentation fault"),
    ],
)
def test_a_process_that_ends_by_itself_is_seen_at_once_and_replaced(
    event: dict[str, Any], exit_code: int, text: str
) -> None:
    with Executor(function()) as executor:
        report = executor.invoke(event)
        following = executor.invoke({"do": "say", "text": "a new one"})

    assert isinstance(report.answer, Crashed)
    assert report.answer.exit_code == exit_code
    assert report.answer.error_type == "Runtime.ExitError"
    assert report.answer.message == f"RequestId: {report.request_id} Error: {text}"
    assert report.duration_s < 2
    assert isinstance(following.answer, Reply)
    assert following.cold


def test_a_process_past_its_deadline_is_killed_and_replaced() -> None:
    with Executor(function(timeout_s=0.3)) as executor:
        pid = executor.invoke({"do": "say", "text": "warm"}).answer
        report = executor.invoke({"do": "sleep", "seconds": 60})
        following = executor.invoke({"do": "say", "text": "a new one"})

    assert isinstance(report.answer, TimedOut)
    assert report.answer.message.endswith("Task timed out after 0.30 seconds")
    assert 0.3 <= report.duration_s < 2
    assert report.logs == "sleeping\n"
    assert isinstance(pid, Reply)
    assert gone(pid.value)
    assert following.cold


def test_init_does_not_count_towards_the_time_out() -> None:
    slow_start = function("slow_start.handle", timeout_s=0.3)

    with Executor(slow_start) as executor:
        report = executor.invoke({})

    assert isinstance(report.answer, Reply)
    assert report.init_s > 0.5


@pytest.mark.parametrize(
    ("handler", "error_type", "text"),
    [
        ("nowhere.handle", "Runtime.ImportModuleError", "No module named 'nowhere'"),
        ("handlers.nowhere", "Runtime.HandlerNotFound", "'nowhere' missing"),
        ("raises_at_import.handle", "RuntimeError", "no configuration"),
        ("exits_at_import.handle", "Runtime.ExitError", "exit status 5"),
    ],
)
def test_a_failing_init_is_told_with_its_text(handler: str, error_type: str, text: str) -> None:
    with Executor(function(handler)) as executor:
        report = executor.invoke({})

        assert isinstance(report.answer, InitFailed)
        assert report.answer.error_type == error_type
        assert text in report.answer.message
        assert executor.pids() == []


def test_an_init_that_failed_is_begun_again_in_the_invocations_own_time(tmp_path: Path) -> None:
    environment = {"IMPORTED": str(tmp_path / "imported")}

    with Executor(function("exits_at_first_import.handle", environment=environment)) as executor:
        report = executor.invoke({})

    assert isinstance(report.answer, Reply)
    assert report.answer.value < 10_000 - 10
    assert report.logs == "importing\nimporting\n"
    assert report.cold


def test_an_init_that_takes_too_long_is_begun_again() -> None:
    with Executor(function("slow_start.handle"), init_timeout_s=0.2) as executor:
        report = executor.invoke({})

        assert isinstance(report.answer, Reply)
        assert report.init_s > 0.7
        assert len(executor.pids()) == 1


def test_an_init_that_never_ends_is_a_time_out_of_the_invocation() -> None:
    with Executor(function("slow_start.handle", timeout_s=0.2), init_timeout_s=0.1) as executor:
        report = executor.invoke({})

        assert isinstance(report.answer, TimedOut)
        assert report.answer.message.endswith("Task timed out after 0.20 seconds")
        assert executor.pids() == []


def test_a_process_that_cannot_be_started_is_an_error_with_its_cure() -> None:
    executor = Executor(function(task_root=HERE / "nowhere"))

    with pytest.raises(PartBroken, match=r"tried cannot be started.*nowhere.*Mend"):
        executor.invoke({})


# --- time on a fast stage


def test_a_fast_stage_shortens_time_outs_but_not_below_the_wall_minimum() -> None:
    assert Executor(function(timeout_s=300), speed=10).wall_timeout_s == 30
    assert Executor(function(timeout_s=30), speed=10).wall_timeout_s == 5
    assert Executor(function(timeout_s=3), speed=10).wall_timeout_s == 3
    assert Executor(function(timeout_s=300)).wall_timeout_s == 300


# --- logs


def test_each_invocation_has_its_own_output() -> None:
    with Executor(function()) as executor:
        first = executor.invoke({"do": "say", "text": "größer"})
        second = executor.invoke({"do": "say", "text": "two"})

    assert first.logs.splitlines()[:2] == ["größer", "größer to stderr"]
    assert first.logs.splitlines()[2].endswith(f"{first.request_id}\tgrößer logged")
    assert "größer" not in second.logs
    assert second.logs.startswith("two\n")


def test_what_a_dying_process_said_is_kept() -> None:
    with Executor(function()) as executor:
        report = executor.invoke({"do": "say_and_vanish", "text": "last words"})

    assert isinstance(report.answer, Crashed)
    assert report.logs == "last words\n"


def test_lines_are_offered_as_one_stream_with_their_request() -> None:
    lines: list[tuple[str, str, str | None]] = []

    with Executor(function("says_at_import.handle"), on_log=lambda *line: lines.append(line)) as executor:
        report = executor.invoke({})

    assert lines == [
        ("starting", "tried", None),
        ("handling", "tried", report.request_id),
    ]
    assert report.logs == "starting\nhandling\n"


# --- concurrency


def test_invocations_side_by_side_have_a_process_each() -> None:
    with Executor(function()) as executor, ThreadPoolExecutor(4) as threads:
        reports = list(threads.map(executor.invoke, [{"do": "sleep", "seconds": 0.3} for _ in range(4)]))

        pids = {report.answer.value for report in reports if isinstance(report.answer, Reply)}
        assert len(pids) == 4
        assert set(executor.pids()) == pids


def test_one_invocation_too_many_is_throttled() -> None:
    lines: list[str] = []
    executor = Executor(function(max_concurrency=1), on_log=lambda line, *_: lines.append(line))

    with executor, ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(executor.invoke, {"do": "sleep", "seconds": 0.3})
        wait_for_line(lines, "sleeping")
        refused = executor.invoke({"do": "say", "text": "me too"})
        under_way.result()
        later = executor.invoke({"do": "say", "text": "now"})

    assert isinstance(refused.answer, Throttled)
    assert refused.answer.error_type == "TooManyRequestsException"
    assert isinstance(later.answer, Reply)


# --- chaos


def test_killing_a_busy_process_crashes_its_invocation() -> None:
    lines: list[str] = []
    executor = Executor(function(), on_log=lambda line, *_: lines.append(line))

    with executor, ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(executor.invoke, {"do": "sleep", "seconds": 60})
        wait_for_line(lines, "sleeping")
        killed = executor.kill_one()
        report = under_way.result()

    assert killed is not None
    assert gone(killed)
    assert isinstance(report.answer, Crashed)
    assert report.answer.exit_code == -signal.SIGKILL
    assert report.logs == "sleeping\n"


def test_killing_an_idle_process_costs_no_invocation() -> None:
    with Executor(function()) as executor:
        executor.invoke({"do": "say", "text": "warm"})

        killed = executor.kill_one(in_flight=False)
        report = executor.invoke({"do": "say", "text": "again"})

        assert killed is not None
        assert isinstance(report.answer, Reply)
        assert report.cold
        assert executor.kill_one(in_flight=True) is None


# --- the end


def test_stopping_leaves_no_process_and_ends_what_is_under_way() -> None:
    lines: list[str] = []
    executor = Executor(function(), on_log=lambda line, *_: lines.append(line))
    executor.invoke({"do": "say", "text": "warm"})
    threads_before = threading.active_count()

    with ThreadPoolExecutor(1) as threads:
        under_way = threads.submit(executor.invoke, {"do": "sleep", "seconds": 60})
        wait_for_line(lines, "sleeping")
        pids = executor.pids()
        executor.stop()
        report = under_way.result()

    assert isinstance(report.answer, Crashed)
    assert pids
    assert all(map(gone, pids))
    assert executor.pids() == []
    assert threading.active_count() <= threads_before
    with pytest.raises(PartBroken, match="tried was invoked on a stopped executor"):
        executor.invoke({})


def test_what_a_worker_started_ends_with_it() -> None:
    with Executor(function()) as executor:
        report = executor.invoke({"do": "start_another"})

    assert isinstance(report.answer, Reply)
    wait_until_gone(report.answer.value)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux only")
def test_worker_processes_die_with_a_stage_that_is_killed() -> None:
    stage = subprocess.Popen(  # noqa: S603 - our own script
        [sys.executable, str(HERE / "stage_to_be_killed.py")], stdout=subprocess.PIPE, text=True
    )
    assert stage.stdout is not None
    with stage.stdout as said:
        worker = int(said.readline())

        os.kill(stage.pid, signal.SIGKILL)
        stage.wait()

    wait_until_gone(worker)
