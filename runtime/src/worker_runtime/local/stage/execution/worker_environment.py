"""The environment variables of a worker process: the given ones and what Lambda sets, no others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.invocations import Function

_DEFAULTS = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "LANG": "C.UTF-8",  # Lambda's en_US.UTF-8 is not installed everywhere
    "TZ": ":UTC",
}
_RUNTIME = "AWS_Lambda_python3.13"  # what we deploy to: awslambdaric encodes replies by it


def worker_environment(function: Function, *, runtime_api: str) -> dict[str, str]:
    """Join the function's own variables with Lambda's, which win.

    See "Defined runtime environment variables" in the Lambda developer guide. ``PATH``, ``LANG``
    and ``TZ`` are only defaults; nothing comes from the stage's own environment.
    """
    return {
        **_DEFAULTS,
        **function.environment,
        "_HANDLER": function.handler,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": _RUNTIME,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{uuid4().hex}",
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_REGION": function.region,
        "LAMBDA_TASK_ROOT": str(function.task_root),
    }
