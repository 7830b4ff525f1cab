"""Node.js beside us, where it is: middy and Powertools for TypeScript on the same SQS batch."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ours
from rounds import Case, row_of
from sample_events import sqs_text
from table import Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rounds import Candidate

PACKAGES = ("@middy/core", "@aws-lambda-powertools/batch")
PATH = "SQS, 1,000 messages, beside Node.js"
INSTALL_S = 180


def rows(*, rounds: int) -> list[Row]:
    """Install both into a temporary folder and time them in a process that stays; say why where not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        return [Row(PATH, 0, remark="not measured: no node or npm on the path")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if why := _install(folder):
            return [Row(PATH, 0, remark=f"not measured: {why}")]
        text = sqs_text(1000)
        (folder / "event.json").write_text(text, encoding="utf-8")
        with _node(folder) as ask:
            peers: dict[str, Candidate] = {
                f"middy + Powertools {kind}, node": lambda _event, kind=kind: ask(kind)  # type: ignore[misc]  # bound now
                for kind in ("async", "sync")
            }
            row = row_of(Case(PATH, text, ours.running(ours.take_message), peers), rounds=rounds)
        return [row._replace(remark=_versions(folder))]


def _install(folder: Path) -> str:
    """Install the packages; return why that cannot be done, else nothing."""
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    try:
        done = subprocess.run(  # noqa: S603 - names of ours
            ["npm", "install", *quiet, *PACKAGES],  # noqa: S607 - whichever npm the path has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm had not installed {' and '.join(PACKAGES)} after {INSTALL_S} s"
    said = (done.stderr or done.stdout).strip().splitlines()
    return "" if done.returncode == 0 else f"npm: {said[0] if said else done.returncode}"


@contextmanager
def _node(folder: Path) -> Iterator[Any]:
    script = folder / "bench.mjs"
    script.write_text(Path(__file__).with_name("_node.mjs").read_text(encoding="utf-8"), encoding="utf-8")
    with subprocess.Popen(  # noqa: S603 - our own script
        ["node", str(script), "event.json"],  # noqa: S607 - whichever node the path has
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        stdin, stdout = running.stdin, running.stdout

        def ask(kind: str) -> float:
            stdin.write(f"{kind}\n")
            stdin.flush()
            return float(stdout.readline())

        yield ask
        running.communicate()


def _versions(folder: Path) -> str:
    versions = []
    for name in PACKAGES:
        package = json.loads((folder / "node_modules" / name / "package.json").read_text(encoding="utf-8"))
        versions.append(f"{name} {package['version']}")
    return ", ".join(versions)
