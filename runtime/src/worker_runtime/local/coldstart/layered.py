"""What is installed, laid out as Lambda has it: one folder of packages with the worker index, a bare Python.

An editable installation, a scan and the other distributions of this environment cost a cold start
what no function pays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING
from venv import EnvBuilder

from worker_runtime.delivery.worker_index import write_index

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker_runtime.catalogue import Catalogue

_REQUIREMENT = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?:\[(?P<extras>[^\]]*)\])?")
_OF_EXTRA = re.compile(r"""extra\s*==\s*['"]([\w.-]+)['"]""")
_NO_PACKAGES = frozenset(("..", "__pycache__", "bin"))


@dataclass(frozen=True, slots=True)
class Layered:
    """The folder for PYTHONPATH, and a Python that has nothing else."""

    packages: Path
    python: str


def layered(folder: Path, *, catalogue: Catalogue, distributions: Iterable[str]) -> Layered:
    """Link what these distributions need into ``folder``, beside the index of ``catalogue``."""
    packages = folder / "packages"
    packages.mkdir()
    for each in needed(distributions):
        for place in _places(each):
            link = packages / place.name
            if not link.exists():
                link.symlink_to(place)
    write_index(packages, catalogue)
    EnvBuilder(symlinks=True).create(folder / "python")
    return Layered(packages, str(folder / "python" / "bin" / "python"))


def needed(distributions: Iterable[str]) -> Iterator[Distribution]:
    """Find distributions (``name`` or ``name[extra]``) and, one after the other, all that they require.

    Of markers only ``extra`` is read: what is not installed is not needed here.
    """
    todo = [part for name in distributions for part in _parts(name)]
    asked: set[tuple[str, str]] = set()
    while todo:
        name, extra = todo.pop()
        if (name, extra) in asked:
            continue
        asked.add((name, extra))
        try:
            found = distribution(name)
        except PackageNotFoundError:
            continue
        if not extra:
            yield found
        for text in found.requires or ():
            requirement, _, marker = text.partition(";")
            of_extra = _OF_EXTRA.search(marker)
            if (of_extra[1] if of_extra else "") == extra:
                todo.extend(_parts(requirement))


def _parts(requirement: str) -> Iterator[tuple[str, str]]:
    """Take a requirement apart: the distribution, then each extra of it."""
    if found := _REQUIREMENT.match(requirement):
        name = re.sub(r"[-_.]+", "-", found["name"]).lower()
        yield name, ""
        for extra in filter(None, (each.strip() for each in (found["extras"] or "").split(","))):
            yield name, extra


def _places(brought: Distribution) -> Iterator[Path]:
    """Find the packages and modules of a distribution, editable ones by their entry points."""
    for top in sorted({file.parts[0] for file in brought.files or ()} - _NO_PACKAGES):
        if not top.endswith(".pth"):
            yield Path(str(brought.locate_file(top)))
    for top in sorted({point.module.partition(".")[0] for point in brought.entry_points}):
        spec = find_spec(top)
        if spec is not None and spec.submodule_search_locations:
            yield Path(next(iter(spec.submodule_search_locations)))
        elif spec is not None and spec.origin:
            yield Path(spec.origin)
