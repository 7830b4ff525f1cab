"""Runs a worker that never ends and prints its process id: a stage that a test kills."""

# ruff: noqa: T201 - it prints to be read

from __future__ import annotations

import threading
import time
from pathlib import Path

from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function

said = threading.Event()
executor = Executor(
    Function(
        name="endless",
        handler="handlers.behave",
        timeout_s=600,
        environment={"PYTHONPATH": str(Path(__file__).parent)},
    ),
    on_log=lambda *_: said.set(),
)
threading.Thread(target=executor.invoke, args=[{"do": "sleep", "seconds": 600}], daemon=True).start()
said.wait(10)
print(executor.pids()[0], flush=True)
time.sleep(600)
