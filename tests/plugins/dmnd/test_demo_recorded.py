"""A demo that is recorded, and its recording run again on the stage that it kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from command import Workers
from worker_runtime.local.recording.files import Recording
from worker_runtime.local.recording.lines import Event

if TYPE_CHECKING:
    from pathlib import Path

WORKERS = (sys.executable, "-m", "worker_runtime.cli")
STAYS_UP = "The stage stays up until Ctrl-C"
END_WITHIN_S = 20.0


@pytest.mark.long
def test_a_recorded_demo_is_the_same_on_the_stage_that_it_kept(tmp_path: Path) -> None:
    asked = (
        "demo",
        "short-links",
        "--in-process",
        "--events",
        "10",
        "--record",
        "r.jsonl",
        "--keep",
        "k.env",
    )
    with subprocess.Popen(  # noqa: S603 - our own command
        [*WORKERS, *asked],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stderr is not None
        try:
            assert any(STAYS_UP in line for line in demo.stderr)
            recorded = [line for _, line in Recording(tmp_path / "r.jsonl")]
            again = Workers(tmp_path)("replay", "r.jsonl", "--env-file", "k.env", "--done-before", "--json")
        finally:
            demo.send_signal(signal.SIGINT)
            demo.stderr.read()
            demo.wait(END_WITHIN_S)

    records = sum(len(event.records) for event in recorded if isinstance(event, Event))
    assert again.code == 0, again.err + again.out
    assert again.json["counts"] == {"same": records}
    assert {event.worker for event in recorded if isinstance(event, Event)} == {
        "dmnd.demandStreamToSqs",
        "dmnd.shortenEventUrl",
    }
