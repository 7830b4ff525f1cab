"""Templates to files: filled, imports in order, nothing overwritten."""

from __future__ import annotations

from importlib.resources import files
from itertools import groupby
from string import Template
from typing import TYPE_CHECKING

from worker_runtime.cli.skeletons.places import shown
from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def filled(template: str, names: Mapping[str, str]) -> str:
    """Fill a template of this package; its imports are sorted, since names decide their order."""
    source = files("worker_runtime.cli.skeletons").joinpath("templates", f"{template}.tmpl")
    text = Template(source.read_text(encoding="utf-8")).substitute(names)
    return _sorted_imports(text) if ".py" in template else text


def write_new(texts: Mapping[Path, str]) -> list[Path]:
    """Write files that are not there yet: all, or none where one is."""
    if there := [file for file in texts if file.exists()]:
        raise Misuse(f"{', '.join(map(shown, there))} is there already; nothing was written.")
    for file, text in texts.items():
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            raise Misuse(f"cannot write {file}: {error.strerror}.") from error
    return list(texts)


def _sorted_imports(text: str) -> str:
    """Sort each run of ``from ... import`` lines by module."""
    lines: list[str] = []
    for imports, run in groupby(text.splitlines(), key=lambda line: line.startswith("from ")):
        together = list(run)
        lines.extend(sorted(together, key=lambda line: line.split()[1]) if imports else together)
    return "\n".join(lines) + "\n"
