"""The recorded cases that do not hold on the stage, as ``tests/runtime/local/README.md`` lists them.

What is listed is expected to fail, and has to be struck out when it holds; what no test runs is listed too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conformance import FOLDER
from snapshots import named

README = Path(__file__).parent / "runtime" / "local" / "README.md"

_ROW = re.compile(r"^\| `([^`]+)` \| (.+) \|$", re.MULTILINE)


def known_gaps() -> dict[str, str]:
    """Return the reason for each listed case; of a snapshot the case is the name of its file."""
    return dict(_ROW.findall(README.read_text(encoding="utf-8")))


def recordings(*patterns: str) -> list[Any]:
    """Return one pytest parameter a snapshot that is named so, those that are listed expected to fail."""
    names = named(*patterns)
    if not names:
        reason = f"no snapshots in {FOLDER}; WORKERS_CONFORMANCE names the folder"
        return [pytest.param("", id="absent", marks=pytest.mark.skip(reason=reason))]
    return [expected(name) for name in names]


def expected(name: str) -> Any:
    """Return the parameter of one case."""
    reason = known_gaps().get(name)
    marks = [pytest.mark.xfail(reason=reason)] if reason else []
    return pytest.param(name, id=name, marks=marks)
