"""What a batch of 10,000 takes of memory at its peak, each candidate in a process of its own."""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path

import batches
from sample_events import changes_text, kinesis_text, sqs_text
from table import Peer, Row

RECORDS = 10_000
CANDIDATES = ("ours", batches.DATA_CLASSES, batches.PYDANTIC)
SELF = Path("/proc/self")


def rows() -> list[Row]:
    """Run every candidate of three batches apart and compare what it added to its process."""
    listed = []
    with tempfile.TemporaryDirectory() as folder:
        event = Path(folder) / "event.json"
        for at, (path, text) in enumerate(
            (("SQS", sqs_text), ("Kinesis", kinesis_text), ("changes", changes_text))
        ):
            event.write_text(text(RECORDS), encoding="utf-8")
            mb = {name: _apart(at, name, event) for name in CANDIDATES}
            peers = tuple(Peer(name, mb[name]) for name in CANDIDATES[1:])
            listed.append(Row(f"peak memory, {path}, {RECORDS:,} at once", mb["ours"], peers, unit="MB"))
    return listed


def _apart(at: int, candidate: str, event: Path) -> float:
    ran = subprocess.run(  # noqa: S603 - this file
        [sys.executable, __file__, str(at), candidate, str(event)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{candidate}: {ran.stderr}")
    return float(ran.stdout)


def peak_mb() -> float:
    """Read this process's highest memory: since it was forgotten (Linux), else since its start."""
    status = SELF / "status"
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2  # macOS counts bytes
    lines = status.read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def main(at: int, candidate: str, file: str) -> None:
    """Run one batch and print by how many MB it raised the process's peak."""
    case = batches.cases(1)[at]
    run = {"ours": case.ours, **case.peers}[candidate]
    event = json.loads(Path(file).read_text(encoding="utf-8"))
    if (SELF / "clear_refs").exists():
        (SELF / "clear_refs").write_text("5")  # proc(5): forget the highest so far
    before_mb = peak_mb()
    with redirect_stdout(io.StringIO()):
        run(event)
    sys.stdout.write(f"{peak_mb() - before_mb:.3f}\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
