"""A worker run in the stage's own process: the quick mode, without cold starts and processes.

Its limits: one invocation at a time in the whole process, one record at a time in it; nobody ends a worker
at its deadline, though what it answers later is refused; a crash cannot come in the middle of a record,
it comes when one has ended or before the reply leaves; what a worker keeps in module variables outlives
a crash, and its stage.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import contextmanager
from contextvars import copy_context
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec

from worker_runtime import clock as clocks
from worker_runtime.errors import text_of
from worker_runtime.invocation import XRAY_VARIABLE
from worker_runtime.loading import load
from worker_runtime.local.stage.execution import answers
from worker_runtime.local.stage.execution.invocations import Report, trace_id_of
from worker_runtime.local.stage.execution.marshalling import marshalled
from worker_runtime.local.stage.execution.routed_output import heard
from worker_runtime.redaction import redact_text
from worker_runtime.runtime import run
from worker_runtime.sending import AwsSender
from worker_runtime.settings import Environment
from worker_runtime.threads import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker_runtime.clock import Clock
    from worker_runtime.loading import LoadedWorker, Route
    from worker_runtime.local.stage.execution.answers import Answer
    from worker_runtime.local.stage.execution.executor import OnLog
    from worker_runtime.local.stage.execution.invocations import Function
    from worker_runtime.local.stage.threads.threads import Places


class Aborted(BaseException):
    """The invocation is cut short, as a killed process would."""


class InProcessFunction:
    """One worker, loaded at its first invocation; ``Invoker`` of the pollers."""

    def __init__(
        self, function: Function, *, clock: Clock, turn: Places, wall_timeout_s: float, on_log: OnLog
    ) -> None:
        """Prepare; ``turn`` is the one place that all functions of the process share."""
        self._function = function
        self._clock = clock
        self._turn = turn
        self._wall_timeout_s = wall_timeout_s
        self._on_log = on_log
        self._environment = Environment.read({**function.environment, "AWS_REGION": function.region})
        self._sender = AwsSender(self._environment)
        self._worker: LoadedWorker | None = None
        self._lock = Lock()
        self._under_way = 0
        self._busy = False
        self._abort = False
        self._stopped = False

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        """Run the worker on ``event`` (JSON as bytes, or what becomes JSON) in a context of its own."""
        request_id = request_id or "in-process"
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        if len(payload) > answers.MAX_REQUEST_BYTES:
            return Report(request_id=request_id, answer=answers.request_too_large(len(payload)))
        with self._lock:
            if self._under_way >= self._function.max_concurrency:
                return Report(request_id=request_id, answer=answers.Throttled())
            self._under_way += 1
        try:
            with self._its_turn(), self._traced(request_id):
                self._busy, self._abort = True, False
                report = copy_context().run(self._run, json.loads(payload), request_id)
                self._busy = False
        finally:
            with self._lock:
                self._under_way -= 1
        return report

    def kill_one(self, *, in_flight: bool = True) -> int | None:
        """Abort the invocation under way at its next record; this process's id, None where there is none."""
        if not (in_flight and self._busy):
            return None
        self._abort = True
        return os.getpid()

    def stop(self) -> None:
        """Abort what is under way, start nothing more and close the worker's services."""
        self._stopped = self._abort = True
        with self._its_turn():
            if self._worker is not None:
                self._worker.services.close()

    @contextmanager
    def _its_turn(self) -> Iterator[None]:
        self._turn.acquire()
        try:
            yield
        finally:
            self._turn.release()

    @contextmanager
    def _traced(self, request_id: str) -> Iterator[None]:
        """Set what lets AWS's SDK name the invocation in its calls, as in a process of Lambda."""
        trace_id = trace_id_of(request_id, at=self._clock.now())
        variables = {"AWS_LAMBDA_FUNCTION_NAME": self._function.name, XRAY_VARIABLE: trace_id}
        os.environ.update(variables)
        try:
            yield
        finally:
            for name in variables:
                os.environ.pop(name, None)

    def _run(self, event: Any, request_id: str) -> Report:
        """Run inside a context of its own, which is the invocation's."""
        clocks.use(self._clock)
        lines: list[str] = []

        def hear(line: str) -> None:
            lines.append(f"{line}\n")
            self._on_log(line, self._function.name, request_id)

        cold, began = self._worker is None, time.monotonic()
        loaded = self._loaded(hear)
        init_s, began = (time.monotonic() - began if cold else 0.0), time.monotonic()
        if isinstance(loaded, answers.InitFailed):
            answer: Answer = loaded
        else:
            with heard(hear, fields=loaded.log_fields(self._environment)), in_turn():
                answer = self._answer(loaded, event, request_id)
        return Report(
            request_id=request_id,
            answer=answer,
            logs="".join(lines),
            duration_s=time.monotonic() - began,
            init_s=init_s,
        )

    def _loaded(self, hear: Callable[[str], None]) -> LoadedWorker | answers.InitFailed:
        """Return the worker, loaded where it is not yet: its INIT."""
        try:
            with heard(hear, fields={}):
                worker = self._worker = self._worker or self._load()
        except SystemExit as ended:
            return answers.init_exited(_exit_code(ended))
        except Exception as error:  # noqa: BLE001 - as below
            return answers.InitFailed(error_type=type(error).__name__, message=text_of(error))
        return worker

    def _answer(self, worker: LoadedWorker, event: Any, request_id: str) -> Answer:
        context = _Context(request_id, self._function.name, self._wall_timeout_s, self._clock)
        try:
            self._die_if_told()
            reply = run(worker, event, context=context, sender=self._sender)
            self._die_if_told()
        except (Aborted, SystemExit) as ended:
            worker.metrics.flush()  # a killed process takes its counts with it
            return answers.crashed(request_id, exit_code=_exit_code(ended), started=True)
        except Exception as error:  # noqa: BLE001 - what leaves the door is Lambda's to tell
            answer: Answer = answers.FunctionError(
                error_type=type(error).__name__, message=redact_text(text_of(error))
            )
        else:
            answer = marshalled(reply, request_id=request_id)
        if context.get_remaining_time_in_millis() > 0:
            return answer
        return answers.timed_out(request_id, timeout_s=self._function.timeout_s)  # nobody hears it any more

    def _load(self) -> LoadedWorker:
        worker = load(self._environment.app_name, environment=self._environment)
        return msgspec.structs.replace(
            worker,
            routes=tuple(map(self._abortable, worker.routes)),
        )

    def _abortable(self, route: Route) -> Route:
        """Let a crash come after any record of a batch, or after all of one that is taken whole."""
        one, whole = route.attempt, route.attempt_batch
        return msgspec.structs.replace(
            route,
            attempt=None if one is None else self._then_die(one),
            attempt_batch=None if whole is None else self._then_die(whole),
        )

    def _then_die(self, attempt: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def tried(records: Any) -> Any:
            outcome = attempt(records)
            self._die_if_told()
            return outcome

        return tried

    def _die_if_told(self) -> None:
        if self._abort or self._stopped:
            raise Aborted


def _exit_code(ended: BaseException) -> int:
    """Tell the status with which a process would have ended."""
    if not isinstance(ended, SystemExit):
        return answers.KILLED
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    return 1  # having printed it


class _Context:
    """Lambda's context as far as the runtime reads it."""

    def __init__(self, request_id: str, function_name: str, wall_timeout_s: float, clock: Clock) -> None:
        self.aws_request_id = request_id
        self.function_name = function_name
        self._clock = clock
        self._ends_at = clock.now() + wall_timeout_s * clock.speed

    def get_remaining_time_in_millis(self) -> int:
        """Tell the machine's milliseconds, as the runtime client does on a stage that runs faster."""
        return int(max(self._ends_at - self._clock.now(), 0) / self._clock.speed * 1000)
