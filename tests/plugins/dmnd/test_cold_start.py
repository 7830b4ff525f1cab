"""What a cold start of each worker imports: nothing that it does not need before its first record."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from worker_runtime.settings_files import merged_settings

if TYPE_CHECKING:
    from pathlib import Path

LOADS = """
import json, os, sys
import worker_runtime.handler
from worker_runtime.loading import load
from worker_runtime.settings import Environment

loaded = load(os.environ["APP_NAME"], environment=Environment.read(os.environ))
wanted = loaded.declaration.services
services = sorted(name for name, service in wanted.items() if service in loaded.services._made)
print(json.dumps({"id": loaded.id, "services": services, "modules": [*sys.modules]}))
"""

FIRST_USE = {
    *("boto3", "botocore", "pydantic", "aws_lambda_powertools", "opentelemetry"),
    *("httpx", "redis", "asyncio", "yaml", "ssl"),
}
PEOPLES = ("local", "delivery", "cli", "filters")


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"dmnd": merged_settings("workers_dmnd", config_env="dev")}))
    return {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",  # only a function's process has it
        "AWS_REGION": "us-east-1",
        "WORKER_SETTINGS": str(settings),
        "DEMAND_TABLE": "prd3292-dev1-us-east-1-demand-table",
        "EVENT_SHORT_URL_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/000000000000/event-short-url",
        "BITLY_SECRET_ID": "bitly",
        "DMND_REDIS_URL": "redis://127.0.0.1:1/0",
        "SMS_ROLE_ARN": "arn:aws:iam::000000000000:role/sms",
    }


@pytest.mark.parametrize(
    ("worker", "services"),
    [
        ("dmnd.demandStreamToSqs", ["metrics", "queue"]),
        (
            "dmnd.notificationSend",
            ["invocation", "metrics", "notifications", "policy", "rate", "receipts", "sms", "texts"],
        ),
        ("dmnd.shortenEventUrl", ["events", "links", "metrics", "publisher"]),
    ],
)
def test_a_cold_start_makes_all_services_and_imports_no_client_library(
    worker: str, services: list[str], variables: dict[str, str]
) -> None:
    environment = {**variables, "APP_NAME": worker}

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LOADS], env=environment, capture_output=True, text=True, check=True
    )

    loaded = json.loads(done.stdout)
    assert (loaded["id"], loaded["services"]) == (worker, services)
    assert done.stderr == ""
    assert FIRST_USE.isdisjoint(loaded["modules"])
    assert not [f"worker_runtime.{room}" for room in PEOPLES if f"worker_runtime.{room}" in loaded["modules"]]
    if worker == "dmnd.demandStreamToSqs":
        assert "workers_dmnd.adapters.bitly" not in loaded["modules"]  # a neighbour's adapters cost nothing
