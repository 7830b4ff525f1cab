"""Log lines and metrics stand under the names that Powertools gives them, so dashboards and queries agree."""

from __future__ import annotations

import io
import json
import logging
from contextlib import redirect_stdout
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools import Metrics as PowertoolsMetrics
from aws_lambda_powertools.metrics import MetricUnit

from worker_runtime.invocation import invoked
from worker_runtime.middleware.logging import JsonFormatter
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.settings import Environment
from worker_runtime.testing import Context

SHARED = {"level", "location", "message", "timestamp", "service", "correlation_id", "function_request_id"}


def line_of(formatter: logging.Formatter) -> dict[str, Any]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    error = ValueError("broken")
    at_hand = (type(error), error, error.__traceback__)
    handler.handle(logging.LogRecord("shop", logging.ERROR, __file__, 1, "it failed", (), at_hand, "act"))
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def test_a_log_line_has_powertools_s_fields() -> None:
    theirs = Logger(service="shop", stream=io.StringIO())
    theirs.append_keys(correlation_id="c", function_request_id="r")

    with invoked(Context()):
        ours = line_of(JsonFormatter({"service": "shop"}))

    named = line_of(theirs.registered_formatter)
    assert named.keys() >= SHARED
    assert ours.keys() >= SHARED | {"exception", "exception_name"}
    assert {name: type(named[name]) for name in SHARED} == {name: type(ours[name]) for name in SHARED}


def test_a_metrics_line_is_read_as_powertools_s_is() -> None:
    ours = Metrics(plugin="shop", worker="shop.shipOrder", environment=Environment(environment_tag="qa1"))
    theirs = PowertoolsMetrics(namespace="Workers/shop")
    for name, value in {"worker": "shop.shipOrder", "env": "qa1", "region": "-"}.items():
        theirs.add_dimension(name=name, value=value)

    ours.count("Shipped", 3)
    ours.observe_ms("Took", 12.5)
    theirs.add_metric(name="Shipped", unit=MetricUnit.Count, value=3)
    theirs.add_metric(name="Took", unit=MetricUnit.Milliseconds, value=12.5)

    printed = io.StringIO()
    with redirect_stdout(printed):
        theirs.flush_metrics()
    expected, got = json.loads(printed.getvalue()), json.loads(ours.flush() or "{}")
    assert got["Shipped"] == expected["Shipped"]
    assert got["Took"] == expected["Took"]
    assert got["_aws"].keys() == expected["_aws"].keys()
    (expected_directive,), (directive,) = (
        expected["_aws"]["CloudWatchMetrics"],
        got["_aws"]["CloudWatchMetrics"],
    )
    assert directive["Namespace"] == expected_directive["Namespace"]
    assert directive["Metrics"] == expected_directive["Metrics"]
    assert {*directive["Dimensions"][0]} == {"worker", "env"}  # no region here, and none may be empty
