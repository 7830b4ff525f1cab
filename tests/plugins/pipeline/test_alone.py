"""``pip install workers-pipeline`` into an empty environment brings what it needs, and it runs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INSTALL_S = 240
RUNS = """
import json, sys
from importlib.metadata import distributions

from worker_runtime.testing import run_on
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.data_types import DEMAND_DATA_TYPES
from workers_pipeline.delivering import deliver_changes
from workers_pipeline.partitions import PartitionPolicy
from workers_pipeline.services import Warehouse
from workers_pipeline.tables import Tables

class Kept(dict):
    def store(self, files):
        self.update(files)

kept = Kept()
tables = Tables(DEMAND_DATA_TYPES, policy=PartitionPolicy(), salt=lambda: "pepper")
services = {Tables: tables, AvroFiles: AvroFiles("deflate"), Warehouse: kept}
reply = run_on(deliver_changes, json.load(open(sys.argv[1])), services=services)
names = sorted(each.name.lower() for each in distributions())
print(json.dumps({"reply": reply, "files": len(kept), "installed": names}))
"""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment with nothing in it but the plugin and what it asks for."""
    folder = tmp_path_factory.mktemp("alone")
    uv = [sys.executable, "-m", "uv"]
    wheels = folder / "wheels"
    for package in ("runtime", "plugins/pipeline"):
        build = [*uv, "build", "--quiet", "--wheel", "--out-dir", str(wheels), str(ROOT / package)]
        subprocess.run(build, check=True, timeout=INSTALL_S)  # noqa: S603 - our own packages
    subprocess.run([*uv, "venv", "--quiet", str(folder / "venv")], check=True, timeout=INSTALL_S)  # noqa: S603 - uv
    python = folder / "venv" / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--python", str(python), "--find-links", str(wheels)]
    subprocess.run([*install, "workers-pipeline"], check=True, timeout=INSTALL_S)  # noqa: S603 - as above
    return python


@pytest.mark.long
def test_it_brings_no_redis_kafka_or_http_client_and_its_worker_runs_on_a_recorded_event(alone: Path) -> None:
    event = ROOT / "tests" / "events" / "pipeline_changes_kinesis.json"

    done = subprocess.run(  # noqa: S603 - the environment of ours
        [str(alone), "-c", RUNS, str(event)],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert (told["reply"], told["files"]) == ({"batchItemFailures": []}, 4)
    strangers = {"redis", "confluent-kafka", "httpx", "requests", "aiohttp", "pydantic", "workers-dmnd"}
    assert strangers & {*told["installed"]} == set()
    assert {"workers-pipeline", "worker-runtime", "fastavro", "boto3", "pybase64"} <= {*told["installed"]}
