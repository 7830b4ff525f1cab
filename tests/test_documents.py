"""README and CONTRIBUTING do what they say: their commands are run, in order, in a clone of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ELSEWHERE = ("make demo", "make test    #", "make check")  # what CI runs anyway, at length


def commands(document: str) -> list[str]:
    blocks = BLOCK.findall((ROOT / document).read_text(encoding="utf-8"))
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(  # noqa: S602 - the documents are ours
        command, shell=True, cwd=folder, env=environ, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone what is tracked, with an environment of its own made from the lock."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    uv = Path(sys.executable).with_name("uv")
    steps = (
        f"git clone --quiet {ROOT} {folder}",
        f"{uv} venv --quiet --seed --python {sys.executable} {folder}/.venv",
        f"{uv} pip install --quiet --python {folder}/.venv --require-hashes -r {folder}/requirements.lock",
    )
    for step in steps:
        done = run(step, ROOT)
        assert done.returncode == 0, done.stderr
    if (known := ROOT / ".mypy_cache").is_dir():  # of files that are the same there
        shutil.copytree(known, folder / ".mypy_cache")
    return folder


@pytest.mark.long
@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_every_command_of_a_document_works(document: str, clone: Path) -> None:
    assert run("make install", clone).returncode == 0

    for command in commands(document):
        if command.startswith(ELSEWHERE) and document == "README.md":
            continue
        done = run(command, clone)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
