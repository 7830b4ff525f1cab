"""Cases recorded from AWS and its reference implementations, where the folder that holds them is there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("WORKERS_CONFORMANCE") or Path(__file__).parents[2] / "shared" / "conformance")


def recorded(name: str) -> list[dict[str, Any]]:
    """Return the cases of a file; none where the folder is absent."""
    file = FOLDER / name
    if not file.is_file():
        return []
    loaded = json.loads(file.read_text(encoding="utf-8"))
    cases: list[dict[str, Any]] = loaded if isinstance(loaded, list) else loaded["cases"]
    return cases


def params(cases: list[dict[str, Any]], *, name: str) -> list[Any]:
    """Return one pytest parameter a case, or a single skipped one that says what is missing."""
    if cases:
        return [pytest.param(case, id=str(case[name])) for case in cases]
    reason = f"no cases in {FOLDER}; WORKERS_CONFORMANCE names the folder"
    return [pytest.param({}, id="absent", marks=pytest.mark.skip(reason=reason))]


def snapshot(name: str) -> dict[str, Any]:
    """Return what was recorded of AWS under this name, or skip the test, saying what is missing."""
    file = FOLDER / "esm_snapshots" / f"{name}.json"
    if not file.is_file():
        pytest.skip(f"no {name} in {FOLDER}; WORKERS_CONFORMANCE names the folder")
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))["content"]
    return content


def sample(name: str) -> Any:
    """Return a sample event of this name, or skip the test, saying what is missing."""
    file = FOLDER / "events" / f"{name}.json"
    if not file.is_file():
        pytest.skip(f"no {name} in {FOLDER}; WORKERS_CONFORMANCE names the folder")
    return json.loads(file.read_text(encoding="utf-8"))
