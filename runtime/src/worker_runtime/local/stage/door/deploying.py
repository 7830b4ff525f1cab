"""Registers workers' functions in the emulator, so that its services find them; the door runs them."""

from __future__ import annotations

import io
import shlex
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from worker_runtime.local.stage.door.door import API

if TYPE_CHECKING:
    from worker_runtime.local.stage.execution.invocations import Function

TIMEOUT_S: Final = 900  # Lambda's longest: the stage itself ends an invocation at its deadline
EXECUTABLE: Final = 0o755

_BOOTSTRAP: Final = Path(__file__).with_name("bootstrap.py")


def deploy(function: Function, *, door_url: str, client: Any) -> None:
    """Register a worker's function, or lead one that is there to this door."""
    environment = {"Variables": {"WORKER_DOOR": f"{door_url}{API}{function.name}/invocations"}}
    shape: Any = {
        "FunctionName": function.name,
        "Role": f"arn:aws:iam::{function.account_id}:role/{function.name}",
        "Timeout": TIMEOUT_S,
        "MemorySize": function.memory_mb,
        "Environment": environment,
    }
    code: Any = {"Runtime": "provided.al2023", "Handler": "bootstrap", "Code": {"ZipFile": bootstrap_zip()}}
    try:
        client.create_function(**shape, **code)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ResourceConflictException":
            raise
        client.update_function_configuration(**shape)
    client.put_function_concurrency(
        FunctionName=function.name, ReservedConcurrentExecutions=function.max_concurrency
    )  # so many bootstraps at most; the executor has no more places anyway
    client.put_function_event_invoke_config(FunctionName=function.name, MaximumRetryAttempts=0)


def bootstrap_zip() -> bytes:
    """Pack the bootstrap, to be run by this Python with nothing of the site on its path."""
    start = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -IS "$LAMBDA_TASK_ROOT/{_BOOTSTRAP.name}"\n'
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = EXECUTABLE << 16
        archive.writestr(entry, start)
        archive.writestr(_BOOTSTRAP.name, _BOOTSTRAP.read_text())
    return packed.getvalue()
