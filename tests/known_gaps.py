"""The recorded cases that do not hold on the stage, as ``tests/runtime/local/README.md`` lists them.

What is listed is expected to fail, and has to be struck out when it holds; what no test runs is listed too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from conformance import FOLDER
from snapshots import named

if TYPE_CHECKING:
    from collections.abc import Mapping

README = Path(__file__).parent / "runtime" / "local" / "README.md"
ABSENT = f"no cases in {FOLDER}; WORKERS_CONFORMANCE names the folder"

_TABLE = re.compile(r"^\| case \|.*\n\|[-|]+\n((?:\|.*\n?)+)", re.MULTILINE)
_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def known_gaps() -> dict[str, str]:
    """Return the reason for each case in the tables of cases; a snapshot's name is that of its file."""
    tables = _TABLE.findall(README.read_text(encoding="utf-8"))
    return {name: reason for table in tables for name, reason in _ROW.findall(table)}


def recordings(*patterns: str) -> list[Any]:
    """Return one pytest parameter a snapshot that is named so, those that are listed expected to fail."""
    return each_of(named(*patterns), marks=_expected())


def cases(recorded: list[dict[str, Any]]) -> list[Any]:
    """Return one pytest parameter a case, those that are listed expected to fail."""
    by_name = {case["name"]: case for case in recorded}
    made = each_of(list(by_name), marks=_expected())
    return [pytest.param(by_name.get(each.id, {}), id=each.id, marks=each.marks) for each in made]


def each_of(names: list[str], *, marks: Mapping[str, pytest.MarkDecorator] | None = None) -> list[Any]:
    """Return one pytest parameter a snapshot, or a single skipped one that says what is missing."""
    if not names:
        return [pytest.param("", id="absent", marks=pytest.mark.skip(reason=ABSENT))]
    found = marks or {}
    return [pytest.param(name, id=name, marks=[found[name]] if name in found else []) for name in names]


def _expected() -> dict[str, pytest.MarkDecorator]:
    return {name: pytest.mark.xfail(reason=why) for name, why in known_gaps().items()}
