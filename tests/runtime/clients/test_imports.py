"""A cold start that needs no client pays for none."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import worker_runtime.clients

HEAVY = {
    *("boto3", "botocore", "urllib3", "httpx", "redis", "tenacity", "circuitbreaker", "pydantic"),
    *("asyncio", "concurrent.futures", "ssl"),
}

WITH_THE_FIRST_CLIENT = {"worker_runtime.clients.aws_models"}


def test_importing_the_clients_loads_no_sdk() -> None:
    rooms = pkgutil.iter_modules(worker_runtime.clients.__path__, "worker_runtime.clients.")
    names = [room.name for room in rooms if room.name not in WITH_THE_FIRST_CLIENT]
    program = f"import sys, {', '.join(names)}; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)  # noqa: S603 - our own program

    assert "worker_runtime.clients.sqs" in loaded.stdout.split()
    assert HEAVY.isdisjoint(loaded.stdout.split())
