"""Lambda's door, in this process and through the client that Lambda itself runs."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from imported import import_path
from installed import PLUGINS, WORKERS, Site
from worker_runtime.errors import SettingsError, UnknownWorker
from worker_runtime.handler import open_door
from worker_runtime.local.stage.execution.answers import FunctionError, InitFailed, Reply
from worker_runtime.local.stage.execution.executor import Executor
from worker_runtime.local.stage.execution.invocations import Function
from worker_runtime.testing import Context, change, sqs_event, table_event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PHONE = "+15551234567"
WORKER = """
    import logging
    from typing import Any
    from worker_runtime import Change, Sqs, Stack, TableStream, worker
    from shop_things.shipping import Shipping

    @worker(Sqs("orders", dead_letters="orders-dlq"), stack=Stack("shop"))
    def ship(order: dict[str, Any], *, shipping: Shipping) -> None:
        \"\"\"Ship an order.\"\"\"
        logging.getLogger("shop").info("shipping to %s", order["to"])
        shipping.ship(order["to"])

    @worker(TableStream("orders", dead_letters="orders-dlq"), stack=Stack("shop"))
    def watch(order: Change[dict[str, Any]]) -> None:
        \"\"\"Watch orders.\"\"\"
        raise ValueError(f"{order.new['to']} is no friend of jane@example.com")
"""
SHIPPING = """
    class Shipping:
        def ship(self, to: str) -> None:
            if to == "nowhere":
                raise OSError("no such address")
"""
PLUGIN = """
    from collections.abc import Iterator
    from worker_runtime import Middleware, hookimpl, provide
    from shop_things.shipping import Shipping

    WORKER_API = (1, 0)

    class OrderMissing(Exception):
        pass

    class Unsayable(Exception):
        def __str__(self):
            raise RuntimeError("+15551234567")

    def around(call_next):
        def invoke(event):
            if "missing" in event:
                raise OrderMissing(event["missing"])
            if "unsayable" in event:
                raise Unsayable
            return call_next(event)
        return invoke

    @hookimpl
    def middleware():
        return [Middleware("missing", around_invocation=around)]

    @hookimpl
    def services():
        return [shipping]

    @provide
    def shipping() -> Iterator[Shipping]:
        yield Shipping()
        print("closed", flush=True)
"""
REGISTERED = {"shop.ship": "shop_things.work:ship", "shop.watch": "shop_things.work:watch"}
VARIABLES = {"APP_NAME": "shop.ship", "ENVIRONMENT_TAG": "qa1", "AWS_REGION": "us-east-1"}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    files = {"__init__": "", "plugin": PLUGIN, "shipping": SHIPPING, "work": WORKER}
    made = Site(tmp_path)
    made.install(
        "workers-shop",
        files={f"shop_things/{name}.py": source for name, source in files.items()},
        entry_points={WORKERS: REGISTERED, PLUGINS: {"shop": "shop_things.plugin"}},
    )
    return made


@pytest.fixture
def importable(site: Site) -> Iterator[Site]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with import_path(site.folder):
        yield site
    root.handlers[:] = handlers
    root.setLevel(level)


def executor(site: Site, *, name: str = "shop.ship", lines: list[str] | None = None) -> Executor:
    environment = {**VARIABLES, "APP_NAME": name, "PYTHONPATH": str(site.folder)}
    function = Function(
        name="ship", handler="worker_runtime.handler.handler", timeout_s=20, environment=environment
    )
    if lines is None:
        return Executor(function)
    return Executor(function, on_log=lambda line, _function, _request_id: lines.append(line))


def invoked(variables: Mapping[str, str], event: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Open the door and call it; return the reply and the lines printed."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        reply = open_door(variables, at_end=lambda _close: None)(event, Context())
    return reply, [json.loads(line) for line in printed.getvalue().splitlines()]


@pytest.mark.usefixtures("importable")
def test_the_door_loads_what_app_name_names_and_logs_under_its_name() -> None:
    reply, lines = invoked(VARIABLES, sqs_event({"to": PHONE}))

    shipping, summary, metrics = lines
    assert reply == {"batchItemFailures": []}
    assert shipping["message"] == "shipping to +*******4567"
    assert {line["worker"] for line in (shipping, summary, metrics)} == {"shop.ship"}
    assert {line["env"] for line in (shipping, summary, metrics)} == {"qa1"}
    assert (summary["service"], summary["plugin_version"]) == ("shop", "1.0.0")
    assert metrics["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Workers/shop"


@pytest.mark.usefixtures("importable")
def test_a_bare_name_opens_the_door_while_it_is_unique() -> None:
    reply, _ = invoked({"APP_NAME": "ship"}, sqs_event())

    assert reply == {"batchItemFailures": []}


def test_a_function_without_an_app_name_says_so() -> None:
    with pytest.raises(SettingsError, match="APP_NAME is not set; it names the worker"):
        open_door({})


@pytest.mark.usefixtures("importable")
def test_an_app_name_that_nobody_has_lists_what_there_is() -> None:
    with pytest.raises(
        UnknownWorker, match=r"no installed plugin has the worker 'shop\.pack'\. Installed: .*shop\.ship"
    ):
        open_door({"APP_NAME": "shop.pack"})


@pytest.mark.usefixtures("importable")
def test_a_queue_whose_variable_is_missing_fails_its_own_record_only() -> None:
    event = sqs_event("no JSON", {"to": "somewhere"})

    reply, _ = invoked(VARIABLES, event)

    assert reply == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}


@pytest.mark.usefixtures("importable")
def test_what_leaves_the_door_has_its_class_s_name_and_a_redacted_text() -> None:
    door = open_door(VARIABLES, at_end=lambda _close: None)

    with pytest.raises(Exception, match=r"^no order of \+\*\*\*\*\*\*\*4567$") as raised:
        door({"missing": f"no order of {PHONE}"}, Context())

    assert type(raised.value).__name__ == "OrderMissing"
    assert raised.value.__suppress_context__


@pytest.mark.usefixtures("importable")
def test_an_error_that_cannot_be_put_into_words_leaves_by_its_name() -> None:
    door = open_door(VARIABLES, at_end=lambda _close: None)

    with pytest.raises(Exception, match=r"^Unsayable, which cannot say more$") as raised:
        door({"unsayable": True}, Context())

    assert type(raised.value).__name__ == "Unsayable"


@pytest.mark.usefixtures("importable")
def test_services_are_handed_over_to_be_closed_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    at_end: list[Any] = []
    open_door(VARIABLES, at_end=at_end.append)

    for close in at_end:
        close()

    assert capsys.readouterr().out == "closed\n"


def test_through_lambda_s_own_client_a_batch_is_replied_to(site: Site) -> None:
    with executor(site) as running:
        report = running.invoke(sqs_event({"to": "somewhere"}, {"to": "nowhere"}))

    assert isinstance(report.answer, Reply)
    assert len(report.answer.value["batchItemFailures"]) == 1
    assert '"exception_name": "OSError"' in report.logs


@pytest.mark.parametrize(
    ("name", "event", "error_type"),
    [
        ("shop.ship", {"missing": f"no order of {PHONE}"}, "OrderMissing"),
        ("shop.ship", {"unsayable": True}, "Unsayable"),
        ("shop.ship", {PHONE: 1, "jane@example.com": 2}, "UnrecognisedEvent"),
        (
            "shop.watch",
            table_event(change(new={"PK": "1", "to": PHONE}), change(new={"PK": "2", "to": PHONE}, at=1)),
            "BatchFailed",
        ),
    ],
)
def test_lambda_s_own_client_prints_and_posts_nothing_personal(
    site: Site, name: str, event: Any, error_type: str
) -> None:
    with executor(site, name=name) as running:
        report = running.invoke(event)

    assert isinstance(report.answer, FunctionError)
    assert report.answer.error_type == error_type
    everything = report.answer.message + report.logs + "".join(report.answer.stack_trace)
    assert "555123" not in everything
    assert "jane" not in everything
    assert f"[ERROR] {error_type}" in report.logs
    logged = '"exception_name"' in report.logs
    assert logged == (error_type != "UnrecognisedEvent")  # which says all there is in its one line


def test_a_door_that_cannot_open_fails_during_init(site: Site) -> None:
    with executor(site, name="shop.pack") as running:
        report = running.invoke({})

    assert isinstance(report.answer, InitFailed)
    assert report.answer.error_type == "UnknownWorker"


def test_services_are_closed_when_lambda_ends_the_process(site: Site) -> None:
    lines: list[str] = []
    with executor(site, lines=lines) as running:
        running.invoke(sqs_event())
        os.kill(running.pids()[0], signal.SIGTERM)
        deadline = time.monotonic() + 5
        while "closed" not in lines and time.monotonic() < deadline:
            time.sleep(0.01)

    assert "closed" in lines


def test_a_process_that_ends_by_itself_closes_its_services(site: Site) -> None:
    ending = "import os; from worker_runtime.handler import open_door; open_door(os.environ)"

    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", ending],
        env={**os.environ, **VARIABLES, "PYTHONPATH": str(site.folder)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    assert done.stdout == "closed\n"
