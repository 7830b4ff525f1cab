"""A peer in Node.js: packages in a temporary folder, and a script there that answers line by line."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from rounds import Candidate

INSTALL_S: Final = 180


class Absent(Exception):
    """Node.js, npm or a package cannot be had; the text says why."""


class NodeProcess:
    """A script that runs; it takes a line and answers with one."""

    def __init__(self, folder: Path, *, packages: Sequence[str], asked: IO[str], said: IO[str]) -> None:
        self.folder = folder
        self._packages = packages
        self._asked = asked
        self._said = said

    def ask(self, line: str) -> str:
        """Send a line and wait for the answer."""
        self._asked.write(f"{line}\n")
        self._asked.flush()
        answer = self._said.readline()
        if not answer:
            raise SystemExit(f"the script in Node.js ended when it was asked for {line}")
        return answer.strip()

    def candidate(self, name: str) -> Candidate:
        """Make a candidate of what the script does under a name; it takes its own time, in milliseconds."""
        return lambda _event: float(self.ask(name))

    @property
    def versions(self) -> str:
        """The packages as they were installed."""
        installed = []
        for name in self._packages:
            package = json.loads((self.folder / "node_modules" / name / "package.json").read_bytes())
            installed.append(f"{name} {package['version']}")
        return ", ".join(installed)


@contextmanager
def node(script: str, *, packages: Sequence[str], files: Mapping[str, str]) -> Iterator[NodeProcess]:
    """Install packages into a folder beside files and run a script of this folder there; Absent where not."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        raise Absent("no node or npm on the path")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _install(folder, packages)
        shutil.copy(Path(__file__).with_name(script), folder)
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        with subprocess.Popen(  # noqa: S603 - our own script
            ["node", script],  # noqa: S607 - whichever node the path has
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stdin is not None
            assert running.stdout is not None
            yield NodeProcess(folder, packages=packages, asked=running.stdin, said=running.stdout)
            running.communicate()


def _install(folder: Path, packages: Sequence[str]) -> None:
    (folder / "package.json").write_text('{"type": "module", "private": true}')
    quiet = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")
    try:
        done = subprocess.run(  # noqa: S603 - names of ours
            ["npm", "install", *quiet, *packages],  # noqa: S607 - whichever npm the path has
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Absent(f"npm had not installed {' and '.join(packages)} after {INSTALL_S} s") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise Absent(f"npm: {said[0] if said else done.returncode}")
