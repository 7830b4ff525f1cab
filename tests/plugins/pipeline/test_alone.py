"""``pip install workers-pipeline`` into an empty environment brings what it needs, and it runs there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from deliveries import rows_of
from worker_runtime.settings_files import merged_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
INSTALL_S = 240
RUNS = """
import json, sys
from importlib.metadata import distributions

from worker_runtime.handler import handler

class Context:
    aws_request_id = "r-1"
    function_name = "deliveryWorker"

    def get_remaining_time_in_millis(self):
        return 60_000

reply = handler(json.load(open(sys.argv[1])), Context())
names = sorted(each.name.lower() for each in distributions())
print(json.dumps({"reply": reply, "installed": names}))
"""


class Aws(ThreadingHTTPServer):
    """As much of AWS as the worker asks: it keeps objects, and tells one secret."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.objects: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    """Answers one request."""

    server: Aws
    protocol_version = "HTTP/1.1"

    def do_PUT(self) -> None:
        """Keep an object."""
        self.server.objects[unquote(self.path)] = self._body()
        self._answer(b"", ETag='"e"')

    def do_POST(self) -> None:
        """Tell the secret."""
        asked = (self.headers["X-Amz-Target"], json.loads(self._body()))
        assert asked == ("secretsmanager.GetSecretValue", {"SecretId": "hashes"})
        self._answer(json.dumps({"Name": "hashes", "SecretString": '{"salt": "pepper"}'}).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _body(self) -> bytes:
        if self.headers.get("Expect") == "100-continue":
            self.send_response_only(100)
            self.end_headers()
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def answering() -> Iterator[Aws]:
    with Aws() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


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
def test_it_brings_no_redis_kafka_or_http_client_and_lambda_runs_it_on_a_recorded_event(
    alone: Path, tmp_path: Path
) -> None:
    event = ROOT / "tests" / "events" / "pipeline_changes_kinesis.json"
    settings = tmp_path / "settings.json"
    settings.write_text(json.dumps({"pipeline": merged_settings("workers_pipeline", config_env="dev")}))

    with answering() as aws:
        done = subprocess.run(  # noqa: S603 - the environment of ours
            [str(alone), "-c", RUNS, str(event)],
            env={
                "PATH": os.environ["PATH"],
                "APP_NAME": "pipeline.deliveryWorker",
                "WORKER_SETTINGS": str(settings),
                "DEMAND_CAPTURE_BUCKET": "demand-capture",
                "DELIVERY_DEAD_LETTERS_BUCKET": "letters",
                "PIPELINE_HASHES_SECRET_ID": "hashes",
                "DELIVERY_WORKER_DLQ_QUEUE_URL": f"{aws.url}/000000000000/dlq",
                "AWS_ENDPOINT_URL": aws.url,
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "test",
                "AWS_SECRET_ACCESS_KEY": "test",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["reply"] == {"batchItemFailures": []}
    assert {key.split("/")[4] for key in aws.objects} == {"demand", "sale", "event", "notification"}
    assert all(key.startswith("/demand-capture/data-pipeline/avro/") for key in aws.objects)
    assert len([row for data in aws.objects.values() for row in rows_of(data)]) == 5
    strangers = {"redis", "confluent-kafka", "httpx", "requests", "aiohttp", "pydantic", "workers-dmnd"}
    assert strangers & {*told["installed"]} == set()
    assert {"workers-pipeline", "worker-runtime", "fastavro", "boto3", "pybase64"} <= {*told["installed"]}
