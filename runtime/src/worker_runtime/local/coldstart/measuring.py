"""One worker and a bare handler, started in turn through Lambda's own client; medians of what took time."""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from worker_runtime.local.coldstart import probe
from worker_runtime.local.coldstart.report import ColdStart, Imported, Phase
from worker_runtime.local.commands.reporting import CommandFailed
from worker_runtime.local.stage.execution.answers import Failure, FunctionError, Reply
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from worker_runtime.local.coldstart.layered import Layered
    from worker_runtime.local.stage.execution.invocations import Report

PROBE: Final = Path(probe.__file__).parent
IMPORTS_SHOWN: Final = 12
_MARKS: Final = re.compile(r"^coldstart (\[.*\])$", re.MULTILINE)
_IMPORT: Final = re.compile(r"^import time: +(\d+) \| +(\d+) \| +([\w.]+)$", re.MULTILINE)


class DidNotStart(CommandFailed):
    """The worker's process never came to its first event, or died with it."""


def functions(site: Layered, *, variables: Mapping[str, str], timeout_s: float) -> tuple[Function, Function]:
    """Describe the worker that ``variables`` name in ``APP_NAME``, and the bare handler beside it."""
    path = f"{PROBE}:{site.packages}"
    worker = Function(
        name=variables["APP_NAME"],
        handler="coldstart_worker.handler",
        timeout_s=timeout_s,
        environment={**variables, "PYTHONPATH": path},
        task_root=site.packages,
        python=site.python,
    )
    bare = replace(worker, name="bare", handler="coldstart_bare.handler", environment={"PYTHONPATH": path})
    return worker, bare


def measure(worker: Function, bare: Function, *, event: Any, rounds: int) -> ColdStart:
    """Start both ``rounds`` times in turn, and the worker as often with its imports timed.

    A first start of each is not counted: it writes bytecode. Raises DidNotStart.
    """
    timed = replace(worker, environment={**worker.environment, "PYTHONPROFILEIMPORTTIME": "1"})
    ours, beside, imports = [], [], []
    for counted in range(rounds + 1):
        ours.append(_phases(worker, event))
        beside.append(_phases(bare, event))
        if counted:
            imports.append(_imports(_started(timed, event)[0]))
    raised = ours[-1][1]
    phases = _medians([phases for phases, _ in ours[1:]])
    bare_phases = _medians([phases for phases, _ in beside[1:]])
    total_ms, bare_ms = (round(sum(each.ms for each in listed), 1) for listed in (phases, bare_phases))
    return ColdStart(
        worker=worker.name,
        rounds=rounds,
        total_ms=total_ms,
        bare_ms=bare_ms,
        ratio=round(total_ms / bare_ms, 2),
        phases=phases,
        bare_phases=bare_phases,
        imports=_longest(imports),
        raised=raised,
    )


def _started(function: Function, event: Any) -> tuple[Report, int]:
    """Start a process for one event and end it; the report, and when the reply was there (nanoseconds)."""
    with Executor(function) as executor:
        report = executor.invoke(event)
        ended = time.monotonic_ns()
    if not isinstance(report.answer, Reply | FunctionError):
        failure = report.answer
        assert isinstance(failure, Failure)  # noqa: S101 - there is nothing else
        raise DidNotStart(f"{function.name}: {failure.error_type}: {failure.message}")
    return report, ended


def _phases(function: Function, event: Any) -> tuple[dict[str, float], str | None]:
    """Start once; milliseconds by phase, and what the invocation raised."""
    began = time.monotonic_ns()
    report, ended = _started(function, event)
    found = _MARKS.search(report.logs)
    assert found is not None  # noqa: S101 - the probe prints it whatever the worker does
    phases: dict[str, float] = {}
    for phase, at in [*json.loads(found[1]), ("reply", ended)]:
        phases[phase] = (at - began) / 1e6
        began = at
    answer = report.answer
    raised = f"{answer.error_type}: {answer.message}" if isinstance(answer, Failure) else None
    return phases, raised


def _medians(runs: Sequence[Mapping[str, float]]) -> list[Phase]:
    return [Phase(name, round(median(run[name] for run in runs), 2)) for name in runs[0]]


def _imports(report: Report) -> dict[str, tuple[int, int]]:
    """Read what -X importtime says from the runtime on: microseconds, own and with all inside."""
    _, _, ours = report.logs.partition("coldstart imports\n")
    return {name: (int(own), int(whole)) for own, whole, name in _IMPORT.findall(ours)}


def _longest(runs: Sequence[Mapping[str, tuple[int, int]]]) -> list[Imported]:
    """List the modules whose import took longest, all that they import with them."""
    medians = [
        Imported(
            name,
            round(median(run[name][1] for run in runs) / 1000, 2),
            round(median(run[name][0] for run in runs) / 1000, 2),
        )
        for name in runs[0]
        if all(name in run for run in runs)
    ]
    return sorted(medians, key=lambda each: each.ms, reverse=True)[:IMPORTS_SHOWN]
