"""The plugin as Lambda loads it: changes become files in a bucket, and a cold start pays for nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from deliveries import rows_of
from worker_runtime import Environment, Halt
from worker_runtime.clients import aws
from worker_runtime.loading import load
from worker_runtime.manifest import describe
from worker_runtime.runtime import run
from worker_runtime.settings_files import merged_settings
from worker_runtime.testing import Context, RecordingSender
from workers_pipeline.delivering import deliver_changes

if TYPE_CHECKING:
    from buckets import Bucket

RECORDED = Path(__file__).parents[2] / "events" / "pipeline_changes_kinesis.json"
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
    *("boto3", "botocore", "pydantic", "aws_lambda_powertools", "opentelemetry", "fastavro", "backports"),
    *("httpx", "redis", "asyncio", "yaml", "ssl", "workers_dmnd"),
}


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"pipeline": merged_settings("workers_pipeline", config_env="dev")}))
    return {
        "AWS_REGION": "us-east-1",
        "WORKER_SETTINGS": str(settings),
        "DEMAND_CAPTURE_BUCKET": "demand-capture",
        "PIPELINE_HASHES_SECRET_ID": f"pipeline-hashes-{uuid4().hex[:8]}",
    }


@pytest.mark.parametrize("codec", ["deflate", "zstandard"])
def test_changes_become_files_in_the_bucket(bucket: Bucket, variables: dict[str, str], codec: str) -> None:
    settings = merged_settings("workers_pipeline", config_env="dev")
    settings["delivery"]["codec"] = codec
    Path(variables["WORKER_SETTINGS"]).write_text(json.dumps({"pipeline": settings}))
    salted = json.dumps({"salt": "pepper"})
    aws.client("secretsmanager").create_secret(
        Name=variables["PIPELINE_HASHES_SECRET_ID"], SecretString=salted
    )
    environment = Environment.read({**variables, "DEMAND_CAPTURE_BUCKET": bucket.name})
    loaded = load("deliveryWorker", environment=environment)

    with closing(loaded.services):
        reply = run(loaded, json.loads(RECORDED.read_text()), context=Context(), sender=RecordingSender())

    rows = [row for data in bucket.objects().values() for row in rows_of(data)]
    assert reply == {"batchItemFailures": []}
    assert len(rows) == 5
    assert all(codec.encode() in data[:100] for data in bucket.objects().values())


def test_a_salt_that_is_missing_halts_the_worker_and_stores_nothing(
    bucket: Bucket, variables: dict[str, str]
) -> None:
    environment = Environment.read({**variables, "DEMAND_CAPTURE_BUCKET": bucket.name})
    loaded = load("deliveryWorker", environment=environment)

    with (
        closing(loaded.services),
        pytest.raises(Exception, match="check credentials, region, grants") as raised,
    ):
        run(loaded, json.loads(RECORDED.read_text()), context=Context(), sender=RecordingSender())

    assert isinstance(raised.value.__cause__, Halt)
    assert bucket.objects() == {}


def test_a_cold_start_makes_all_services_and_imports_no_client_and_no_codec_of_others(
    variables: dict[str, str],
) -> None:
    environment = {
        **variables,
        "APP_NAME": "pipeline.deliveryWorker",
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1",  # only a function's process has it
    }

    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", LOADS], env=environment, capture_output=True, text=True, check=True
    )

    loaded = json.loads(done.stdout)
    assert loaded["services"] == ["files", "metrics", "tables", "warehouse"]
    assert done.stderr == ""
    assert FIRST_USE & {*loaded["modules"]} == set()


def test_it_may_put_avro_files_and_spilt_dead_letters_and_nothing_else_into_the_bucket() -> None:
    entry = describe(
        "pipeline.deliveryWorker", deliver_changes.declaration, distribution="workers-pipeline", version="1"
    )

    assert [(each.actions, each.keys) for each in entry.grants if each.kind == "bucket"] == [
        (["s3:PutObject"], ["dead-letters/*"]),
        (["s3:PutObject"], ["data-pipeline/avro/*"]),
    ]


def test_a_batch_is_never_cut_and_tried_for_half_a_day() -> None:
    (source,) = deliver_changes.declaration.sources
    settings = source.describe(timeout_s=120)

    told = ("bisect", "onFailure", "retries", "maxAgeS", "parallelization", "batchSize", "start")
    assert [settings[name] for name in told] == [False, "repeat", -1, 43_200, 2, 1000, "LATEST"]
