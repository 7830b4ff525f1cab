"""One worker process: awslambdaric, its Runtime API, its output; one invocation at a time."""

from __future__ import annotations

from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from worker_runtime.local.stage.execution import answers
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.captured_output import CapturedOutput
from worker_runtime.local.stage.execution.runtime_api import (
    InitError,
    Post,
    Raised,
    Ready,
    ReplyTooLarge,
    Returned,
    RuntimeApi,
)
from worker_runtime.local.stage.execution.worker_environment import worker_environment
from worker_runtime.local.stage.parts.child import Child
from worker_runtime.local.stage.parts.part import PartBroken

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker_runtime.local.stage.execution.answers import Answer, InitFailed
    from worker_runtime.local.stage.execution.invocations import Function, Invocation

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
        try:
            self._child = Child(
                [function.python, "-m", "awslambdaric", function.handler],
                environment=worker_environment(function, runtime_api=self._api.address),
                cwd=function.task_root,
                output=self._output.writer,
                on_exit=self._on_exit,
            )
        except OSError as error:
            self._api.stop()
            raise PartBroken(
                f"{function.name} cannot be started: {error}. Mend its python or its task_root."
            ) from error
        finally:
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
        match self._next_event(timeout_s):
            case Ready():
                return None
            case InitError(body):
                self._child.wait(_STOP_GRACE_S)  # it ends by itself, having logged why
                failure = answers.init_raised(body)
            case _Exited(exit_code):
                failure = answers.init_exited(exit_code)
            case _:
                failure = answers.init_timed_out(timeout_s=timeout_s)
        self.discard()
        return failure

    def run(self, invocation: Invocation, *, timeout_s: float) -> Answer:
        """Run one invocation to its end."""
        self._output.begin(invocation.request_id)
        self._api.hand_over(invocation)
        event = self._next_event(timeout_s)
        if event is None and not self._api.withdraw():
            event = self._next_event(_UNDER_WAY_S)
        match event:
            case Returned(body):
                return Reply(body)
            case Raised(body):
                return answers.raised(body)
            case ReplyTooLarge():
                self._child.wait(_STOP_GRACE_S)  # awslambdaric ends when a post is refused
                answer: Answer = answers.too_large()
            case _Exited(exit_code):
                answer = answers.crashed(
                    invocation.request_id, exit_code=exit_code, started=self._api.was_started()
                )
            case _:
                answer = answers.timed_out(invocation.request_id, timeout_s=self._function.timeout_s)
        self.discard()
        return answer

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
        self._child.kill()
        self._child.wait()
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
