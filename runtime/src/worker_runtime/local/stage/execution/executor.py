"""Runs one function's invocations in worker processes, as Lambda would: the stage's own Lambda.

Pollers call ``invoke`` from threads of their own. Each invocation has a process to itself, an idle
one where there is one (warm), else a new one (cold); a process that timed out, died or had a reply
refused is replaced. An INIT that fails, or takes more than ten seconds, is begun once more as a part of
the invocation, whose time it takes then (Lambda developer guide, "Runtime environment lifecycle").

A stage may run ``speed`` times as fast as the wall clock. Processes do not: an invocation has
``timeout_s / speed`` of wall time, but not less than ``min_wall_timeout_s`` where its own time-out
is longer than that. ``context.get_remaining_time_in_millis()`` tells that wall time.
"""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import uuid4

from worker_runtime.local.stage.execution.answers import (
    INIT_TIMED_OUT,
    MAX_REQUEST_BYTES,
    Crashed,
    Throttled,
    request_too_large,
    timed_out,
)
from worker_runtime.local.stage.execution.invocations import Invocation, Report, trace_id_of
from worker_runtime.local.stage.execution.worker_process import WorkerProcess
from worker_runtime.local.stage.parts.part import Part, PartBroken

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from worker_runtime.local.stage.execution.answers import InitFailed
    from worker_runtime.local.stage.execution.invocations import Function

    OnLog = Callable[[str, str, str | None], None]

INIT_TIMEOUT_S = 10.0
"""Of the first INIT, in the machine's time."""


class _Start(NamedTuple):
    """A new process, or why there is none; ``spent_s`` of the invocation's time are gone."""

    process: WorkerProcess
    failure: InitFailed | None
    init_s: float
    spent_s: float = 0.0
    logs: str = ""


def _ignore(_line: str, _function: str, _request_id: str | None) -> None:
    """Keep no stream of log lines."""


class Executor(Part):
    """One function, invoked; safe to use from many threads."""

    def __init__(
        self,
        function: Function,
        *,
        speed: float = 1.0,
        min_wall_timeout_s: float = 5.0,
        init_timeout_s: float = INIT_TIMEOUT_S,
        on_log: OnLog = _ignore,
    ) -> None:
        """Prepare; ``on_log`` gets each printed line, the function's name and the request id.

        The request id is None for what is printed outside invocations. ``on_log`` is called in
        threads of the executor and must not raise.
        """
        self.function = function
        self.wall_timeout_s = max(function.timeout_s / speed, min(function.timeout_s, min_wall_timeout_s))
        self._init_timeout_s = init_timeout_s
        self._on_log = on_log
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: list[WorkerProcess] = []
        self._under_way = 0
        self._stopped = False

    def start(self) -> Self:
        """Be ready; processes start when they are needed."""
        return self

    def invoke(self, event: Any, *, request_id: str | None = None) -> Report:
        """Run the function on ``event`` (JSON as bytes, or what becomes JSON) and wait for its end."""
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
        request_id = request_id or str(uuid4())
        if len(payload) > MAX_REQUEST_BYTES:
            return Report(request_id=request_id, answer=request_too_large(len(payload)))
        with self._lock:
            self._refuse_if_stopped()
            if self._under_way >= self.function.max_concurrency:
                return Report(request_id=request_id, answer=Throttled())
            self._under_way += 1
        try:
            return self._run(payload, request_id)
        finally:
            with self._lock:
                self._under_way -= 1

    def pids(self) -> list[int]:
        """List the ids of the processes that are alive."""
        with self._lock:
            return [process.pid for process in [*self._busy, *self._idle] if process.usable]

    def kill_one(self, *, in_flight: bool = True) -> int | None:
        """Kill a process that is busy, or an idle one, by SIGKILL; its id, None where there is none."""
        with self._lock:
            usable = [each for each in (self._busy if in_flight else self._idle) if each.usable]
            if not usable:
                return None
            chosen = usable[0]
            if in_flight:
                chosen.kill()
            else:
                chosen.discard()  # waits for its end: it takes no event that it is handed meanwhile
            return chosen.pid

    def stop(self) -> None:
        """End all processes; what is under way ends as Crashed."""
        with self._lock:
            self._stopped = True
            processes = [*self._busy, *self._idle]
        for process in processes:
            process.stop()

    def _run(self, payload: bytes, request_id: str) -> Report:
        while (process := self._idle_process()) is not None:
            report = self._run_on(_Start(process, None, 0), payload, request_id)
            if not isinstance(report.answer, Crashed) or report.answer.started:
                return report  # else it died while it was idle, and the event is still whole
        start = self._started()
        if start.failure is None:
            return self._run_on(start, payload, request_id)
        late = start.failure.error_type == INIT_TIMED_OUT
        return Report(
            request_id=request_id,
            answer=timed_out(request_id, timeout_s=self.function.timeout_s) if late else start.failure,
            logs=start.logs + start.process.take_logs(),
            init_s=start.init_s,
        )

    def _started(self) -> _Start:
        """Start a process; where its INIT fails another one, in the invocation's own time."""
        first = self._try_to_start(timeout_s=self._init_timeout_s)
        if first.failure is None:
            return first
        again = self._try_to_start(timeout_s=self.wall_timeout_s)
        return again._replace(
            init_s=first.init_s + again.init_s, spent_s=again.init_s, logs=first.process.take_logs()
        )

    def _try_to_start(self, *, timeout_s: float) -> _Start:
        process = self._new_process()
        began = time.monotonic()
        failure = process.init(timeout_s=timeout_s)
        if failure is not None:
            self._check_in(process)
        return _Start(process, failure, time.monotonic() - began)

    def _run_on(self, start: _Start, payload: bytes, request_id: str) -> Report:
        process, timeout_s = start.process, max(self.wall_timeout_s - start.spent_s, 0)
        began = time.monotonic()
        invocation = Invocation(
            request_id=request_id,
            payload=payload,
            deadline_ms=int((time.time() + timeout_s) * 1000),
            function_arn=self.function.arn,
            trace_id=trace_id_of(request_id, at=time.time()),
        )
        try:
            answer = process.run(invocation, timeout_s=timeout_s)
        finally:
            self._check_in(process)
        return Report(
            request_id=request_id,
            answer=answer,
            logs=start.logs + process.take_logs(),
            duration_s=time.monotonic() - began,
            init_s=start.init_s,
        )

    def _idle_process(self) -> WorkerProcess | None:
        with self._lock:
            while self._idle:
                process = self._idle.pop()  # the one used last, as Lambda does
                if process.usable:
                    self._busy.append(process)
                    return process
                process.discard()
        return None

    def _new_process(self) -> WorkerProcess:
        with self._lock:  # so that stop() sees every process
            self._refuse_if_stopped()
            process = WorkerProcess(self.function, on_line=self._on_line)
            self._busy.append(process)
        return process

    def _check_in(self, process: WorkerProcess) -> None:
        with self._lock:
            self._busy.remove(process)
            if process.usable:
                self._idle.append(process)

    def _on_line(self, line: str, request_id: str | None) -> None:
        self._on_log(line, self.function.name, request_id)

    def _refuse_if_stopped(self) -> None:
        if self._stopped:
            raise PartBroken(f"{self.function.name} was invoked on a stopped executor; start a new one.")
