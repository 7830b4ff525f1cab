"""Every recorded case is run by a test, or listed in the README with the reason why it does not hold."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from conformance import FOLDER, recorded
from known_gaps import ABSENT, known_gaps
from snapshots import NAMES

ROOT = Path(__file__).parents[3]
RUNTIME = "tests/runtime"
LOCAL = f"{RUNTIME}/local"
FILES = {
    "batch_cases.json": (f"{RUNTIME}/test_batch_conformance.py", f"{LOCAL}/test_redelivery_conformance.py"),
    "ruler_cases.json": (f"{RUNTIME}/test_filters_conformance.py",),
    "localstack_pattern_cases.json": (f"{RUNTIME}/test_filters_conformance.py",),
    "esm_filter_cases.json": (f"{RUNTIME}/test_filters_conformance.py",),
    "sns_filter_cases.json": (f"{RUNTIME}/test_filter_policies.py",),
    "ddb_cases.json": (f"{RUNTIME}/test_dynamodb_json.py",),
    "events": (f"{RUNTIME}/test_events_conformance.py",),
    "esm_snapshots": tuple(f"{LOCAL}/test_{each}_snapshots.py" for each in ("stream", "queue", "async")),
}

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)


def cases(file: str) -> set[str]:
    """Name the cases of a file or folder."""
    if file == "esm_snapshots":
        return {*NAMES}
    if file == "events":
        return {each.stem for each in (FOLDER / file).glob("*.json")}
    return {str(case.get("id", case.get("name"))) for case in recorded(file)}


@cache
def collected() -> str:
    """List the tests of all these modules as pytest does, a line each."""
    modules = sorted({module for several in FILES.values() for module in several})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *modules]
    return subprocess.run(  # noqa: S603 - our own tests
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout


def run_by(*modules: str) -> set[str]:
    """Name the cases that tests of these modules are made of; pytest numbers those of one name."""
    lines = [line for line in collected().splitlines() if line.startswith(modules)]
    ids = {found[1] for line in lines if (found := re.search(r"\[(.+)\]$", line))}
    return ids | {re.sub(r"_?\d+$", "", each) for each in ids}


@pytest.mark.parametrize("file", FILES)
def test_every_case_is_run_or_listed_with_a_reason(file: str) -> None:
    unheld = cases(file) - run_by(*FILES[file]) - known_gaps().keys()

    assert unheld == set()


def test_what_is_in_the_folder_is_known_here() -> None:
    there = {each.name for each in FOLDER.iterdir() if each.is_dir() or each.suffix == ".json"}

    assert there == FILES.keys()


def test_what_is_listed_is_a_case_and_has_a_reason() -> None:
    known: set[str] = set().union(*map(cases, FILES))

    assert {*known_gaps()} - known == set()
    assert all(len(reason) > len("a reason") for reason in known_gaps().values())


@pytest.mark.parametrize("file", [file for file in FILES if file != "sns_filter_cases.json"])
def test_what_is_listed_is_expected_to_fail_where_it_is_run(file: str) -> None:
    """Of SNS the matcher runs every case, and the stage may still deliver otherwise."""
    heedless = [each for each in FILES[file] if "known_gaps" not in (ROOT / each).read_text(encoding="utf-8")]

    assert known_gaps().keys() & cases(file) & run_by(*heedless) == set()
