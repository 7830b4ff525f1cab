"""What is counted of each worker: from how invocations end, and from the metrics that they print."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from worker_runtime.errors import Reject, Retry
from worker_runtime.local.stage.counting import Tally, WorkerCounts
from worker_runtime.local.stage.execution.answers import Crashed, Reply
from worker_runtime.local.stage.execution.invocations import Report
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.outcomes import DONE, Deferred, Failed, Rejected, Skipped, Unstarted
from worker_runtime.settings import Environment

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.answers import Answer

WORKER = "test.worker"
CRASH = Crashed(error_type="Runtime.ExitError", message="killed", exit_code=-9)


def invocation(
    tally: Tally, answer: Answer, *lines: str, failed: bool, request_id: str = "r"
) -> WorkerCounts:
    """Let one invocation of six records pass by the tally."""
    tally.handed_over(WORKER, records=6)
    for line in lines:
        tally.read_line(line, request_id)
    report = Report(request_id=request_id, answer=answer, duration_s=0.5)
    tally.ended(WORKER, report, records=6, crashed=isinstance(answer, Crashed), failed=failed)
    return tally.by_worker()[WORKER]


def metrics_of_one_each() -> str:
    metrics = Metrics(plugin="test", worker=WORKER, environment=Environment())
    retry, reject = Retry(), Reject("BAD")
    outcomes: Any = [
        DONE,
        Skipped("x"),
        Failed(retry),
        Deferred(retry, 1),
        Rejected("BAD", reject),
        Unstarted("x"),
    ]
    metrics.count_outcomes(Counter(map(type, outcomes)))
    line = metrics.flush()
    assert line is not None
    return line


def test_the_runtimes_own_metrics_are_counted() -> None:
    counts = invocation(Tally([WORKER]), Reply(b"{}"), metrics_of_one_each(), failed=True)

    assert counts == WorkerCounts(
        invocations=1,
        records=6,
        retries=1,
        deferred=1,
        skipped=1,
        dead_letters=1,
        unstarted=1,
        busy_s=0.5,
    )


def test_all_records_of_a_crash_are_retries() -> None:
    counts = invocation(Tally([WORKER]), CRASH, failed=True)

    assert (counts.crashes, counts.retries) == (1, 6)


def test_what_lambda_gives_up_is_a_dead_letter() -> None:
    tally = Tally([WORKER])

    tally.gave_up(WORKER, records=3)

    assert tally.by_worker()[WORKER].dead_letters == 3


def test_lines_that_are_no_metrics_and_strangers_metrics_say_nothing() -> None:
    tally = Tally([WORKER])
    stranger = json.dumps({"_aws": {}, "worker": "other.worker", "RecordsSkipped": [1]})

    for line in ("hello", '{"message": "x"}', '{"_aws": broken', stranger):
        tally.read_line(line, "r")

    assert tally.by_worker() == {WORKER: WorkerCounts()}


def test_everything_that_happens_moves_the_tally() -> None:
    tally = Tally([WORKER])
    seen = [tally.moves]

    invocation(tally, Reply(b"{}"), failed=False)
    seen.append(tally.moves)
    tally.moved()
    seen.append(tally.moves)

    assert seen == sorted(set(seen))
