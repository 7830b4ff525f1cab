"""A worker's process has the variables that the manifest names and Lambda's own, and no others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from worker_runtime.catalogue import installed
from worker_runtime.clock import ScaledClock
from worker_runtime.local.stage.aws_clients import DUMMY_CREDENTIALS
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.names import Names
from worker_runtime.local.stage.staged_workers import Surroundings, declarations, function_of
from worker_runtime.manifest import describe

if TYPE_CHECKING:
    from worker_runtime.workers import Declaration

LAMBDAS_OWN = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV"),
    *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
    *("AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"),
    *("LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "TZ"),
    *("_HANDLER", "_X_AMZN_TRACE_ID"),
}
"""Lambda developer guide, "Defined runtime environment variables"."""

POINTING_AT_THE_STAGE = {"AWS_ENDPOINT_URL", "WORKER_CLOCK"}
HANDLERS = Path(__file__).parents[2] / "runtime" / "local"
WORKERS = declarations(installed(), stack="dmnd")


def surroundings(declaration: Declaration) -> Surroundings:
    names = Names()
    for grant in declaration.all_grants:
        if grant.kind == "index":
            names.add("table", grant.name.partition("/")[0], "local")
        else:
            names.add(grant.kind, grant.name, "local")
    return Surroundings(
        names=names,
        endpoint_url="http://127.0.0.1:1",
        settings_file=Path("settings.json"),
        clock=ScaledClock(1.0, origin=1_000.0),
        credentials=DUMMY_CREDENTIALS,
        region="us-east-1",
    )


@pytest.mark.parametrize("worker_id", WORKERS)
def test_a_process_has_what_the_manifest_names_and_lambdas_own_variables(worker_id: str) -> None:
    declaration = WORKERS[worker_id]
    entry = describe(worker_id, declaration, distribution="", version="")
    named = set(entry.environment) - {grant.read_only_variable for grant in entry.grants}  # left out here
    staged = function_of(worker_id, declaration, around=surroundings(declaration), folder=HANDLERS)

    with Executor(replace(staged, handler="handlers.describe")) as executor:
        report = executor.invoke({})

    assert isinstance(report.answer, Reply)
    there = set(report.answer.value["environment"])
    assert there >= named | POINTING_AT_THE_STAGE
    assert there - named - POINTING_AT_THE_STAGE <= LAMBDAS_OWN
