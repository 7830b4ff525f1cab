"""What a cold start imports: only what this very worker needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import worker_runtime
from installed import Site
from worker_runtime.catalogue import Catalogue, Entry
from worker_runtime.delivery.worker_index import write_index
from worker_runtime.local.coldstart.layered import layered
from worker_runtime.testing import event_bridge_event, kinesis_event, sns_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker_runtime.local.coldstart.layered import Layered

PLUGINS = {"shop": "shop_things.plugin"}
HEAVY = (
    *("boto3", "botocore", "pydantic", "aws_lambda_powertools", "opentelemetry", "httpx", "redis", "asyncio"),
    *("yaml", "importlib_metadata", "concurrent.futures", "worker_runtime.dynamodb_json"),
    *("worker_runtime.local", "worker_runtime.delivery", "worker_runtime.cli", "worker_runtime.filters"),
    *("worker_runtime.sources.envelopes", "worker_runtime.sources.s3_record", "worker_runtime.testing"),
    *("worker_runtime.dead_letters", "worker_runtime.clients.sqs", "worker_runtime.clients.aws", "pluggy"),
    *("base64", "dataclasses", "email", "gzip", "hashlib", "http", "socket", "ssl", "subprocess"),
)
"""By design.md 4, and more that an SQS worker without a client has no use for."""

WORKER = """
    from msgspec import Struct
    from worker_runtime import Sqs, Stack, worker

    class Order(Struct):
        id: str

    @worker(
        Sqs("orders", dead_letters="orders-dlq", filters=({"body": {"id": [{"exists": True}]}},)),
        stack=Stack("shop"),
    )
    def ship(order: Order) -> None:
        \"\"\"Ship an order.\"\"\"
"""
TABLE_WORKER = """
    from msgspec import Struct
    from worker_runtime import Change, Stack, TableStream, worker

    class Order(Struct):
        PK: str

    @worker(TableStream("orders", dead_letters="orders-dlq"), stack=Stack("shop"), concurrency=4)
    def watch(order: Change[Order]) -> None:
        \"\"\"Watch orders.\"\"\"
"""
TICK_WORKER = """
    from msgspec import Struct
    from worker_runtime import Schedule, Stack, worker

    class Counts(Struct):
        released: int

    @worker(
        Schedule("cron(0 9 ? * MON-FRI *)", timezone="Europe/Paris", payload={"a": 1}), stack=Stack("shop")
    )
    def tick() -> Counts:
        \"\"\"Release what is due.\"\"\"
        return Counts(3)
"""
EVENT_WORKER = """
    from msgspec import Struct
    from worker_runtime import EventBridge, Sns, Stack, worker

    class Order(Struct):
        id: str

    @worker(
        Sns("orders", filter_policy={"kind": ["gift"]}, dead_letters="orders-dlq"),
        EventBridge("orders", pattern={"source": ["shop"]}, dead_letters="orders-dlq"),
        stack=Stack("shop"),
    )
    def hear(order: Order) -> str:
        \"\"\"Hear of orders.\"\"\"
        return order.id
"""
STREAM_WORKER = """
    from msgspec import Struct
    from worker_runtime import Kinesis, Stack, worker

    class Order(Struct):
        id: str

    @worker(
        Kinesis("orders", dead_letters="orders-dlq", filters=({"data": {"id": [{"exists": True}]}},)),
        stack=Stack("shop"),
    )
    def follow(order: Order) -> None:
        \"\"\"Follow orders.\"\"\"
"""
PLUGIN = """
    from worker_runtime import hookimpl

    WORKER_API = (1, 0)

    @hookimpl
    def services():
        return []
"""
LAMBDA = {"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9"}
COLD = """
import json, sys
before = set(sys.modules)
from worker_runtime.handler import handler

class Context:
    aws_request_id = "1"
    function_name = "f"
    def get_remaining_time_in_millis(self):
        return 60_000

loaded = set(sys.modules) - before
reply = handler(json.loads(sys.argv[1]), Context())
print(json.dumps([sorted(loaded), sorted(set(sys.modules) - before), reply]))
"""


def cold(folder: Path, app_name: str, event: object) -> tuple[set[str], set[str], object]:
    """Start a process that has an index; return what loading imported, what running did, the reply."""
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", COLD, json.dumps(event)],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "APP_NAME": app_name, **LAMBDA},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    loaded, run, reply = json.loads(done.stdout.splitlines()[-1])
    return set(loaded), set(run), reply


def made_layer(folder: Path) -> Path:
    """Fill a folder as a layer has it: the runtime, the plugin, the index beside them."""
    (folder / "worker_runtime").symlink_to(Path(worker_runtime.__file__).parent)
    modules = {"__init__": "", "plugin": PLUGIN, "work": WORKER, "watching": TABLE_WORKER}
    modules |= {"ticking": TICK_WORKER, "following": STREAM_WORKER, "hearing": EVENT_WORKER}
    Site(folder).install(
        "workers-shop",
        files={f"shop_things/{name}.py": text for name, text in modules.items()},
        entry_points={},
    )
    workers = {
        "shop.ship": "shop_things.work:ship",
        "shop.watch": "shop_things.watching:watch",
        "shop.tick": "shop_things.ticking:tick",
        "shop.follow": "shop_things.following:follow",
        "shop.hear": "shop_things.hearing:hear",
    }
    write_index(folder, Catalogue(workers=entries(workers), plugins=entries(PLUGINS), local={}))
    return folder


def entries(values: Mapping[str, str]) -> dict[str, list[Entry]]:
    return {name: [Entry(value, "workers-shop", "1.0.0")] for name, value in values.items()}


ORDER = {
    "Records": [
        {
            "messageId": "1",
            "receiptHandle": "r",
            "body": '{"id": "o-1"}',
            "attributes": {},
            "messageAttributes": {},
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:0:orders",
        }
    ]
}


SOURCES = sorted(
    {
        declared.__module__
        for declared in (getattr(worker_runtime, name) for name in worker_runtime.__all__)
        if isinstance(declared, type) and hasattr(declared, "recognises")
    }
)
ONE_SOURCE = "import json, sys, worker_runtime.handler, {}; print(json.dumps([*sys.modules]))"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Layered:
    nothing = Catalogue(workers={}, plugins={}, local={})
    return layered(tmp_path_factory.mktemp("alone"), catalogue=nothing, distributions=("worker-runtime",))


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_imports_no_other_and_nothing_that_only_some_need(source: str, alone: Layered) -> None:
    done = subprocess.run(  # noqa: S603 - our own code
        [alone.python, "-c", ONE_SOURCE.format(source)],
        env={"PYTHONPATH": str(alone.packages), **LAMBDA},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = json.loads(done.stdout)
    others = [each for each in SOURCES if not source.startswith(each)]  # its authorizer may know a source
    assert not {*others}.intersection(loaded)
    assert not {"asyncio", "inspect", "hashlib", "ssl", "pluggy", "typing_extensions"}.intersection(loaded)
    assert not {"worker_runtime.dead_letters", "worker_runtime.clients.sqs"}.intersection(loaded)


@pytest.mark.parametrize("module", HEAVY)
def test_an_sqs_worker_without_a_client_imports_nothing_heavy(
    module: str, sqs_start: tuple[set[str], set[str], object]
) -> None:
    loaded, run, reply = sqs_start

    assert reply == {"batchItemFailures": []}
    assert module not in loaded
    assert module not in run


@pytest.fixture(scope="module")
def sqs_start(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], set[str], object]:
    return cold(made_layer(tmp_path_factory.mktemp("layer")), "shop.ship", ORDER)


def test_a_worker_of_a_kinesis_stream_imports_nothing_heavy(tmp_path: Path) -> None:
    loaded, run, reply = cold(made_layer(tmp_path), "shop.follow", kinesis_event({"id": "o-1"}))

    assert reply == {"batchItemFailures": []}
    assert not loaded.intersection(HEAVY)
    assert run == loaded


@pytest.mark.parametrize("event", [sns_event({"id": "o-1"}), event_bridge_event({"id": "o-1"})])
def test_a_worker_of_a_topic_or_a_rule_imports_neither_filters_nor_envelopes(
    tmp_path: Path, event: dict[str, object]
) -> None:
    loaded, run, reply = cold(made_layer(tmp_path), "shop.hear", event)

    assert reply == "o-1"
    assert run == loaded
    assert not loaded.intersection({*HEAVY, "worker_runtime.sources.sqs", "worker_runtime.dead_letters"})


def test_running_imports_nothing_that_loading_did_not(sqs_start: tuple[set[str], set[str], object]) -> None:
    loaded, run, _ = sqs_start

    assert run == loaded


def test_a_function_imports_its_own_worker_s_module_and_no_other(
    sqs_start: tuple[set[str], set[str], object],
) -> None:
    loaded, _, _ = sqs_start

    assert "shop_things.work" in loaded
    assert "shop_things.watching" not in loaded


def test_a_table_worker_s_decoding_is_ready_before_the_first_event(tmp_path: Path) -> None:
    loaded, _, reply = cold(made_layer(tmp_path), "shop.watch", {"Records": []})

    assert reply == {"batchItemFailures": []}
    assert "worker_runtime.dynamodb_json" in loaded
    assert not {"boto3", "pydantic", "asyncio", "worker_runtime.filters"} & loaded


def test_a_scheduled_worker_imports_neither_expressions_nor_what_writes_dead_letters(tmp_path: Path) -> None:
    loaded, run, reply = cold(made_layer(tmp_path), "shop.tick", {})

    assert reply == {"released": 3}
    assert run == loaded
    needless = {
        *HEAVY,
        *("worker_runtime.sources.cron", "worker_runtime.sources.schedule_expressions", "zoneinfo"),
        *("worker_runtime.sources.sqs", "worker_runtime.sources.streams", "worker_runtime.dead_letters"),
    }
    assert not needless & loaded
