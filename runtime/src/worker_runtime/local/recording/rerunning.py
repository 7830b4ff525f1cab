"""A recorded event run again, in this process, through Lambda's own door, at the recorded time."""

from __future__ import annotations

import io
import json
import logging
import os
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

from worker_runtime import clock
from worker_runtime.catalogue import installed
from worker_runtime.errors import text_of
from worker_runtime.local.invoke import prepare
from worker_runtime.local.recording.entering import Taken, entered
from worker_runtime.local.stage.execution import answers
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.local.stage.execution.marshalling import marshalled
from worker_runtime.settings import Environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.invoke import Ready
    from worker_runtime.local.recording.lines import Event
    from worker_runtime.local.stage.execution.answers import Answer


class Workers:
    """Runs events on workers that are loaded when the first event of each comes.

    ``printed`` holds what was printed during the last run.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        """Take ``variables`` into this process's environment, as ``workers invoke`` does."""
        os.environ.update(variables)
        self._ready: dict[str, Ready] = {}
        self._out = io.StringIO()
        said = Environment.read(os.environ).clock
        self._speed = clock.parse(said).speed if said else 1.0
        self.printed = ""

    def load(self, worker: str) -> str:
        """Load a worker, by id or bare name, and return its id; raises what ``prepare`` and ``find`` do."""
        if worker in self._ready:
            return worker  # all that is installed is not looked through for each event
        worker_id = installed().find(worker)
        if worker_id not in self._ready:
            with redirect_stdout(self._out):  # its logs go where stdout is when it is loaded
                self._ready[worker_id] = prepare(worker_id, variables={})
            logging.getLogger("worker_runtime").setLevel(
                logging.INFO
            )  # the outcomes are heard, whatever is shown
        return worker_id

    def run(self, recorded: Event, *, worker: str, in_clear: bool) -> Event:
        """Run an event and return it with what became of it this time.

        The clock shows what it showed then, and goes on as fast as the environment's (WORKER_CLOCK), else
        as the machine's.
        """
        worker_id = self.load(worker)
        self._out.seek(0)
        self._out.truncate()
        begun = clock.ScaledClock(self._speed, origin=recorded.at, began=time.time())
        began = time.monotonic()
        with redirect_stdout(self._out), clock.using(begun):
            answer = _answer(self._ready[worker_id], recorded)
        duration_s, self.printed = time.monotonic() - began, self._out.getvalue()
        request_id = recorded.request_id or ""
        taken = Taken(
            event=bytes(recorded.event),
            at=recorded.at,
            wall=time.time(),
            worker=worker_id,
            request_id=recorded.request_id,
            ids=[fate.id for fate in recorded.records],
        )
        report = Report(request_id=request_id, answer=answer, logs=self.printed, duration_s=duration_s)
        return entered(taken, in_clear=in_clear, report=report, ended=True)


def _answer(ready: Ready, recorded: Event) -> Answer:
    event: Any = json.loads(bytes(recorded.event))
    request_id = recorded.request_id or ""
    try:
        reply = ready(event, request_id=recorded.request_id)
    except SystemExit:
        return answers.crashed(request_id, exit_code=1, started=True)
    except Exception as error:  # noqa: BLE001 - whatever an invocation raises, Lambda reports
        return answers.FunctionError(error_type=type(error).__name__, message=text_of(error))
    return marshalled(reply, request_id=request_id)
