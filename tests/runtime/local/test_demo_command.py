from __future__ import annotations

import pytest

from worker_runtime.cli.scenario_options import parse_faults
from worker_runtime.local.commands.reporting import Misuse
from worker_runtime.local.demo.asked import FAULTS
from worker_runtime.local.stage import accidents


def test_faults_are_listed_with_commas() -> None:
    assert parse_faults("crash, poison") == {"crash", "poison"}


def test_no_faults_are_the_default() -> None:
    assert parse_faults("") == frozenset()


def test_all_is_every_fault() -> None:
    assert parse_faults("all") == set(FAULTS)


def test_an_unknown_fault_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misuse, match=f"no such fault: flood; there are {', '.join(FAULTS)}, or all"):
        parse_faults("flood")


def test_the_stage_knows_the_faults_that_can_be_asked_for() -> None:
    assert set(FAULTS) == accidents.FAULTS
