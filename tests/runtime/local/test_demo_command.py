from __future__ import annotations

import pytest

from worker_runtime.cli.demo import parse_faults
from worker_runtime.cli.reporting import Misuse


def test_faults_are_listed_with_commas() -> None:
    assert parse_faults("crash, poison", in_process=False) == {"crash", "poison"}


def test_no_faults_are_the_default() -> None:
    assert parse_faults("", in_process=False) == frozenset()


def test_all_is_every_fault() -> None:
    assert parse_faults("all", in_process=False) == {"duplicate", "poison", "outage", "crash"}


def test_in_process_all_is_every_fault_but_the_crash() -> None:
    assert parse_faults("all", in_process=True) == {"duplicate", "poison", "outage"}


def test_an_unknown_fault_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(Misuse, match="no such fault: flood; there are duplicate, poison, outage, crash"):
        parse_faults("flood", in_process=False)


def test_a_crash_needs_processes() -> None:
    with pytest.raises(Misuse, match="leave --in-process out"):
        parse_faults("crash", in_process=True)
