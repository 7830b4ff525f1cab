"""One worker process: awslambdaric, its Runtime API, its output; one invocation at a time."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from worker_runtime.local.stage.captured_output import CapturedOutput
from worker_runtime.local.stage.child import Child
from worker_runtime.local.stage.invocations import Crashed, FunctionError, InitFailed, Reply, TimedOut
from worker_runtime.local.stage.runtime_api import (
    MAX_REPLY_BYTES,
    InitError,
    Post,
    Raised,
    Ready,
    ReplyTooLarge,
    Returned,
    RuntimeApi,
)
from worker_runtime.local.stage.worker_environment import worker_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.stage.invocations import Answer, Function, Invocation

_STOP_GRACE_S = 1.0
_UNDER_WAY_S = 5.0  # for a post that was accepted in time and has not come through yet


@dataclass(frozen=True, slots=True)
class _Exited:
    exit_code: int


class WorkerProcess:
    """A real ``python -m awslambdaric HANDLER``, started by making it."""

    def __init__(self, function: Function, *, on_line: Callable[[str, str | None], None]) -> None:
        self._function = function
        self._events: SimpleQueue[Post | _Exited] = SimpleQueue()
        self._logs = ""
        self._spent = False
        self._output = CapturedOutput(on_line)
        self._api = RuntimeApi(self._on_post).start()
        self._child = Child(
            [function.python, "-m", "awslambdaric", function.handler],
            environment=worker_environment(function, runtime_api=self._api.address),
            cwd=function.task_root,
            output=self._output.writer,
            on_exit=self._on_exit,
        )
        self._output.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    @property
    def usable(self) -> bool:
        """Whether it can take another invocation."""
        return self._child.alive and not self._spent

    def init(self, *, timeout_s: float) -> InitFailed | None:
        """Wait for the end of INIT; what went wrong, if anything did."""
        event = self._next_event(timeout_s)
        match event:
            case Ready():
                return None
            case InitError(body):
                self._child.wait(_STOP_GRACE_S)  # it ends by itself, having logged why
                error = json.loads(body)
                failure = InitFailed(error_type=error["errorType"], message=error["errorMessage"])
            case _Exited(exit_code):
                failure = InitFailed(error_type="Runtime.ExitError", message=_exit_text(exit_code))
            case _:
                failure = InitFailed(
                    error_type="Sandbox.Timedout", message=f"INIT took longer than {timeout_s:g} seconds."
                )
        self.discard()
        return failure

    def run(self, invocation: Invocation, *, timeout_s: float) -> Answer:
        """Run one invocation to its end."""
        self._output.begin(invocation.request_id)
        self._api.hand_over(invocation)
        event = self._next_event(timeout_s)
        if event is None and not self._api.withdraw():
            event = self._next_event(_UNDER_WAY_S)
        prefix = f"RequestId: {invocation.request_id} Error:"
        match event:
            case Returned(body):
                return Reply(body)
            case Raised(body):
                return _function_error(body)
            case _Exited(exit_code):
                self.discard()
                return Crashed(
                    error_type="Runtime.ExitError",
                    message=f"{prefix} {_exit_text(exit_code)}",
                    exit_code=exit_code,
                    started=self._api.was_started(),
                )
            case ReplyTooLarge():
                self._child.wait(_STOP_GRACE_S)  # awslambdaric ends when a post is refused
                self.discard()
                return _too_large()
        self.discard()
        text = f"{prefix} Task timed out after {self._function.timeout_s:.2f} seconds"
        return TimedOut(error_type="Sandbox.Timedout", message=text)

    def take_logs(self) -> str:
        """Return what was printed since the last call, up to the end of the last invocation."""
        logs, self._logs = self._logs, ""
        return logs

    def kill(self) -> None:
        """Kill it at once, as the machine might."""
        self._child.kill()

    def discard(self) -> None:
        """Kill it, whatever it does, and free what belongs to it."""
        self._spent = True
        self._child.stop(grace_s=0)
        self._close()

    def stop(self) -> None:
        """Ask it to end, kill it after a moment, and free what belongs to it."""
        self._spent = True
        self._child.stop(grace_s=_STOP_GRACE_S)
        self._close()

    def _close(self) -> None:
        self._logs += self._output.take()
        self._output.close()
        self._api.stop()

    def _next_event(self, timeout_s: float) -> Post | _Exited | None:
        try:
            return self._events.get(timeout=timeout_s)
        except Empty:
            return None

    def _on_post(self, post: Post) -> None:
        if isinstance(post, Returned | Raised):
            self._logs += self._output.take()
        self._events.put(post)

    def _on_exit(self, exit_code: int) -> None:
        self._events.put(_Exited(exit_code))


def _function_error(body: bytes) -> FunctionError:
    error = json.loads(body)
    return FunctionError(
        error_type=error["errorType"],
        message=error["errorMessage"],
        stack_trace=tuple(error.get("stackTrace") or ()),
    )


def _too_large() -> FunctionError:
    return FunctionError(
        error_type="Function.ResponseSizeTooLarge",
        message=f"Response payload size exceeded maximum allowed payload size ({MAX_REPLY_BYTES} bytes).",
    )


def _exit_text(exit_code: int) -> str:
    if exit_code == 0:
        return "Runtime exited without providing a reason"
    if exit_code > 0:
        return f"Runtime exited with error: exit status {exit_code}"
    words = signal.strsignal(-exit_code) or str(-exit_code)
    return f"Runtime exited with error: signal: {words.lower()}"
