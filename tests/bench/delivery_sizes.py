"""The delivery worker by the size of its batches: what a change costs, and what memory a batch takes."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Final

import delivery
from growth import SIZES
from memory import SELF, peak_mb
from rounds import Case, row_of
from sample_changes import delivery_text
from table import Goal, Peer, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rounds import Candidate

CANDIDATES: Final[Mapping[str, Callable[[], Candidate]]] = {
    "ours": delivery.delivering,
    delivery.OBVIOUS: delivery.obvious,
}
MANY: Final = 20
FEW_ROUNDS: Final = 3  # of the largest batches


def rows(*, rounds: int) -> list[Row]:
    """Measure batches of 10 to 10,000 changes, and one batch beside many."""
    return [*_grown(rounds), *_peaks()]


def _grown(rounds: int) -> list[Row]:
    us: dict[int, float] = {}
    listed = []
    peers = {delivery.OBVIOUS: delivery.obvious()}
    for size in SIZES:
        case = Case("", delivery_text(size), delivery.delivering(), peers)
        row = row_of(case, rounds=max(FEW_ROUNDS, rounds // 5) if size > SIZES[2] else rounds)
        us[size] = row.ours / size * 1000
        theirs = tuple(peer._replace(figure=peer.figure / size * 1000) for peer in row.peers)
        listed.append(Row(f"delivery worker, {size:,} at once, a change", us[size], theirs, unit="us"))
    thousand = Peer("one of 1,000", us[1_000])
    goal = Goal(1.3, at_least=False)
    return [*listed, Row("delivery worker, a change of 10,000", us[10_000], (thousand,), goal, unit="us")]


def _peaks() -> list[Row]:
    """Measure what batches add to the highest memory of a process of their own, event and imports aside."""
    listed = []
    mb: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES[2:]:
            event = Path(folder) / f"{size}.json"
            event.write_text(delivery_text(size), encoding="utf-8")
            mb[size] = _apart("ours", event)
            peers = (Peer(delivery.OBVIOUS, _apart(delivery.OBVIOUS, event)),)
            remark = f"the event is {event.stat().st_size / 1024**2:.3g} MB of JSON"
            path = f"peak memory, delivery worker, {size:,} at once"
            listed.append(Row(path, mb[size], peers, unit="MB", remark=remark))
        thousand = Path(folder) / f"{SIZES[2]}.json"
        many = _apart("ours", thousand, times=MANY)
    once = Peer("one batch", mb[SIZES[2]])
    path = f"peak memory, delivery worker, {MANY} batches of {SIZES[2]:,}"
    return [*listed, Row(path, many, (once,), Goal(1.3, at_least=False), unit="MB")]


def _apart(candidate: str, event: Path, *, times: int = 1) -> float:
    ran = subprocess.run(  # noqa: S603 - this file
        [sys.executable, __file__, candidate, str(event), str(times)],
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"{candidate}: {ran.stderr}")
    return float(ran.stdout)


def main(candidate: str, file: str, times: str) -> None:
    """Run a batch some times and print by how many MB that raised the process's peak."""
    run = CANDIDATES[candidate]()
    event = json.loads(Path(file).read_text(encoding="utf-8"))
    if (SELF / "clear_refs").exists():
        (SELF / "clear_refs").write_text("5")  # proc(5): forget the highest so far
    before_mb = peak_mb()
    with redirect_stdout(io.StringIO()):
        for _ in range(int(times)):
            run(event)
    sys.stdout.write(f"{peak_mb() - before_mb:.3f}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
