from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from installed import Site
from worker_runtime.testing import sqs_event

if TYPE_CHECKING:
    from pathlib import Path

    from command import Done, Workers

UNSURE = """
    import os
    import worker_runtime
    from worker_runtime import Sqs, Stack, worker

    os._exit(3) if "AWS_LAMBDA_RUNTIME_API" in os.environ else None

    @worker(Sqs("orders"), stack=Stack("shop"))
    def work(order: dict) -> None:
        "Never get to work."
"""
CALLED = """
    from worker_runtime import Invoke, Stack, worker

    @worker(Invoke(), stack=Stack("shop"))
    def work(order: dict) -> None:
        "Do what is asked."
        raise ValueError("out of paper")
"""


@pytest.fixture(scope="module")
def measured(workers: Workers, shop: Site) -> Done:
    return workers("coldstart", "shop.work", "--rounds", "1", "--json", site=shop)


def test_a_cold_start_is_told_part_by_part_beside_a_bare_handler_s(measured: Done) -> None:
    found = measured.json

    assert (measured.code, found["worker"], found["rounds"], found["raised"]) == (0, "shop.work", 1, None)
    expected = ["python", "awslambdaric", "runtime", "index", "worker", "plugin", "services"]
    assert [each["name"] for each in found["phases"]] == [*expected, "event", "invocation", "reply"]
    assert all(each["ms"] >= 0 for each in found["phases"])
    bare = ["python", "awslambdaric", "event", "invocation", "reply"]
    assert [each["name"] for each in found["barePhases"]] == bare
    assert found["totalMs"] == pytest.approx(sum(each["ms"] for each in found["phases"]), abs=0.1)
    assert found["ratio"] == pytest.approx(found["totalMs"] / found["bareMs"], abs=0.01)


def test_the_longest_imports_are_listed_from_the_runtime_on(measured: Done) -> None:
    imports = measured.json["imports"]

    assert [each["ms"] for each in imports] == sorted((each["ms"] for each in imports), reverse=True)
    assert "worker_runtime.handler" in [each["module"] for each in imports]
    assert not [each for each in imports if each["module"].startswith("awslambdaric")]


def test_a_worker_is_measured_without_what_other_distributions_bring(measured: Done) -> None:
    modules = {each["module"] for each in measured.json["imports"]}

    assert "importlib_metadata" not in modules  # it read an index
    assert "typing_extensions" not in modules  # it is installed here, and nothing of the worker's needs it


def test_people_get_tables_and_one_sentence(workers: Workers, shop: Site) -> None:
    done = workers("coldstart", "shop.work", "--rounds", "1", site=shop)

    assert done.code == 0
    assert "the runtime is imported" in done.out
    assert done.out.rstrip().endswith("to its first reply (medians of 1).")
    assert "shop.work takes " in done.out


def test_the_first_event_may_be_a_recorded_one(workers: Workers, tmp_path: Path, shop: Site) -> None:
    event = tmp_path / "event.json"
    event.write_text(json.dumps(sqs_event({"id": "1"}, queue="orders")))

    done = workers("coldstart", "shop.work", "--rounds", "1", "--event", str(event), site=shop)

    assert done.code == 0
    assert "shop.work takes " in done.out


def test_a_worker_that_does_not_start_is_one_line(workers: Workers, site: Site) -> None:
    site.install_plugin("shop", worker=UNSURE)

    done = workers("coldstart", "shop.work", "--rounds", "1", "--json", site=site)

    assert (done.code, done.out, done.error["kind"]) == (1, "", "DidNotStart")
    assert done.error["message"].startswith("shop.work: Runtime.ExitError: ")


def test_a_worker_that_takes_no_batches_needs_an_event_and_may_raise(
    workers: Workers, site: Site, tmp_path: Path
) -> None:
    site.install_plugin("shop", worker=CALLED)
    event = tmp_path / "event.json"
    event.write_text('{"any": "thing"}')

    without = workers("coldstart", "shop.work", "--rounds", "1", site=site)
    given = workers("coldstart", "shop.work", "--rounds", "1", "--json", "--event", str(event), site=site)

    assert without.code == 2
    assert without.err == "workers: shop.work takes no batches; give an event with --event FILE.\n"
    assert (given.code, given.json["raised"]) == (1, "ValueError: out of paper")


def test_an_event_of_another_source_is_told_and_exit_code_1(
    workers: Workers, shop: Site, tmp_path: Path
) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"Records": [{"eventSource": "aws:s3"}]}')

    done = workers("coldstart", "shop.work", "--rounds", "1", "--event", str(event), site=shop)

    assert done.code == 1
    assert "The first invocation raised UnrecognisedEvent: shop.work takes sqs orders" in done.err


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")
