"""The goals of speed hold, by a margin for noise: ratios beside the alternatives in one run, never times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parent / "bench"


@pytest.mark.long
def test_no_path_is_far_from_its_goal() -> None:
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(BENCH), "--short"], capture_output=True, text=True, check=False
    )

    assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr[-2_000:]}"
