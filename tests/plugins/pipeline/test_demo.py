"""``workers demo warehouse`` in processes of its own: every change is told once, whatever strikes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from demos import Ran, assert_nothing_lost, demo
from workers_pipeline.local.warehouse.cast import CANARIES
from workers_pipeline.local.warehouse.ledger import MENDED

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Ran]:
    """Run the demo, each time in a folder of its own."""
    return lambda *arguments: demo(tmp_path_factory.mktemp("demo"), "warehouse", "--json", *arguments)


@pytest.fixture(scope="module")
def plain(staged: Callable[..., Ran]) -> Ran:
    """The run without faults, with which those with faults are compared."""
    return staged("--seed", 1)


def test_every_change_is_in_a_file_of_its_date(plain: Ran) -> None:
    assert_nothing_lost(plain)
    assert plain.result["endings"] == {
        "edited twice": 7,
        "not delivered: a sign-up's confirmation": 7,
        "of around last midnight": 7,
        "put once": 32,
        "removed": 7,
    }
    assert plain.result["remarks"][0].startswith("74 rows of 74 changes, in the partitions ")
    assert plain.result["remarks"][0].count("-") == 4  # two dates


@pytest.mark.long
@pytest.mark.parametrize("fault", ["duplicate", "outage", "crash", "lost-reply"])
def test_a_fault_leaves_no_trace_in_the_files(staged: Callable[..., Ran], plain: Ran, fault: str) -> None:
    ran = staged("--seed", 1, "--faults", fault)

    assert_nothing_lost(ran)
    assert ran.result["state"] == plain.result["state"]
    assert ran.result["remarks"][0] == plain.result["remarks"][0]  # no row more: files are stored over
    assert fault != "crash" or ran.total("crashes") > 0


@pytest.mark.long
def test_poison_is_dead_lettered_and_delivered_once_it_is_mended(
    staged: Callable[..., Ran], plain: Ran
) -> None:
    ran = staged("--seed", 1, "--faults", "poison")

    assert_nothing_lost(ran)
    assert ran.result["endings"][MENDED] == 2
    assert ran.result["remarks"][-1] == "dead letters: 2 x SCHEMA_VIOLATION"
    assert ran.result["state"] == plain.result["state"]


def test_nothing_is_lost_under_all_faults(staged: Callable[..., Ran], plain: Ran) -> None:
    ran = staged("--seed", 1, "--faults", "all")

    assert_nothing_lost(ran)
    assert ran.result["state"] == plain.result["state"]
    assert ran.total("crashes") > 0


@pytest.mark.long
def test_in_process_the_same_seed_ends_in_the_same_state(staged: Callable[..., Ran]) -> None:
    runs = [staged("--in-process", "--events", 24, "--seed", 4, "--faults", "all") for _ in range(2)]

    for ran in runs:
        assert_nothing_lost(ran)
    first, second = ({name: ran.result[name] for name in ("events", "state", "findings")} for ran in runs)
    assert first == second


def test_no_personal_data_is_in_what_the_worker_prints(plain: Ran) -> None:
    printed = plain.printed_by_workers

    assert [canary for canary in CANARIES if canary in printed] == []
    assert "pipeline.deliveryWorker" in printed
