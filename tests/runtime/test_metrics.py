"""One line an invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

from worker_runtime import Environment, Metrics
from worker_runtime.clock import SteppedClock, using
from worker_runtime.errors import Retry
from worker_runtime.outcomes import DONE, Deferred, Done, Failed, Rejected, Skipped, Unstarted

QA = Environment(environment_tag="qa1", config_env="qa", region="us-east-1")


def metrics() -> Metrics:
    return Metrics(plugin="shop", worker="shop.shipOrder", environment=QA)


def flushed(measured: Metrics) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(measured.flush() or "{}")
    return line


def test_a_line_names_metrics_units_and_the_dimensions_worker_env_and_region() -> None:
    measured = metrics()
    measured.count("Shipped", 2)
    measured.observe_ms("Took", 1.23456)

    with using(SteppedClock(1_700_000_000.25)):
        line = flushed(measured)

    assert line == {
        "_aws": {
            "Timestamp": 1_700_000_000_250,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Workers/shop",
                    "Dimensions": [["worker", "env", "region"]],
                    "Metrics": [
                        {"Name": "Shipped", "Unit": "Count"},
                        {"Name": "Took", "Unit": "Milliseconds"},
                    ],
                }
            ],
        },
        "worker": "shop.shipOrder",
        "env": "qa1",
        "region": "us-east-1",
        "Shipped": [2],
        "Took": [1.235],
    }


def test_without_a_tag_the_environment_is_the_configuration_s() -> None:
    measured = Metrics(plugin="shop", worker="w", environment=Environment(config_env="qa"))
    measured.count("Shipped")

    line = flushed(measured)

    assert line["env"] == "qa"
    assert "region" not in line  # CloudWatch takes no empty dimension


def test_counts_add_up_and_durations_stand_side_by_side() -> None:
    measured = metrics()
    measured.count("Shipped")
    measured.count("Shipped", 4)
    measured.observe_ms("Took", 1)
    measured.observe_ms("Took", 2)

    line = flushed(measured)

    assert (line["Shipped"], line["Took"]) == ([5], [1, 2])


def test_what_is_counted_by_a_dimension_of_its_own_has_a_line_of_its_own() -> None:
    measured = metrics()
    measured.count("Written", 3)
    for kind, number in (("tea", 1), ("milk", 2), ("tea", 4)):
        measured.count("Written", number, of={"kind": kind})

    lines = [json.loads(line) for line in (measured.flush() or "").splitlines()]

    assert [(line.get("kind"), line["Written"]) for line in lines] == [
        (None, [3]),
        ("tea", [5]),
        ("milk", [2]),
    ]
    assert lines[1]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["worker", "env", "region", "kind"]]
    assert measured.flush() is None


def test_a_flush_begins_anew_and_where_nothing_was_measured_there_is_no_line() -> None:
    measured = metrics()
    measured.count("Shipped")
    measured.flush()

    assert measured.flush() is None


def test_no_metric_has_more_values_than_cloudwatch_takes() -> None:
    measured = metrics()
    for value in range(250):
        measured.observe_ms("Took", value)

    assert len(flushed(measured)["Took"]) == 100


def test_each_outcome_has_its_counter() -> None:
    measured = metrics()
    error = ValueError()

    outcomes = (
        DONE,
        Done("a value"),
        Skipped("x"),
        Failed(error),
        Failed(Retry(30), 30),
        Deferred(error, 30),
        Rejected("X", error, written=True),
        Unstarted("the deadline is near"),
    )
    measured.count_outcomes(Counter(map(type, outcomes)))

    line = flushed(measured)
    assert {name: value for name, (value, *_) in line.items() if name.startswith("Records")} == {
        "RecordsReceived": 8,
        "RecordsSucceeded": 2,
        "RecordsSkipped": 1,
        "RecordsRetried": 2,
        "RecordsDeferred": 1,
        "RecordsDeadLettered": 1,
        "RecordsUnstarted": 1,
    }


def test_threads_count_together() -> None:
    measured = metrics()

    def count() -> None:
        for _ in range(2_000):
            measured.count("Shipped")

    counting = [threading.Thread(target=count) for _ in range(8)]
    for each in counting:
        each.start()
    for each in counting:
        each.join()

    assert flushed(measured)["Shipped"] == [16_000]
