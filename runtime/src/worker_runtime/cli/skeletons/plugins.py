"""The skeleton of a plugin: a distribution with one small worker that shows every room."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from worker_runtime.cli.skeletons.names import plugin_names
from worker_runtime.cli.skeletons.places import Place, new_place, shown
from worker_runtime.cli.skeletons.writing import filled, write_new
from worker_runtime.loading import WORKER_API
from worker_runtime.local.commands.reporting import Misuse

if TYPE_CHECKING:
    from pathlib import Path

MODULES: Final = {
    "__init__.py": "__init__.py",
    "adapters/__init__.py": "adapters_init.py",
    "adapters/log.py": "adapters_log.py",
    "keep_note.py": "keep_note.py",
    "models.py": "models.py",
    "plugin.py": "plugin.py",
    "rules.py": "rules.py",
    "services.py": "services.py",
    "stacks.py": "stacks.py",
}
"""Files of the package, and their templates."""


def write_plugin(name: str, *, into: Path | None) -> tuple[Place, list[Path]]:
    """Write a new plugin; Misuse where its name cannot be one or a file is there already."""
    names = {
        **plugin_names(name),
        "api": repr(WORKER_API),
        "runtime_range": _range(version("worker-runtime")),
    }
    place = new_place(
        names["plugin"], package=names["package"], distribution=names["distribution"], into=into
    )
    if (place.folder / "pyproject.toml").exists():
        raise Misuse(f"{shown(place.folder)} is there already; name another.")
    texts = {
        place.folder / file: filled(f"plugin/{file}", names)
        for file in ("pyproject.toml", "README.md", "CHANGELOG.md")
    }
    if place.alone:
        texts[place.folder / "pyproject.toml"] += filled("plugin/tools.toml", names)
    for file, template in MODULES.items():
        texts[place.package / file] = filled(f"plugin/{template}", names)
    texts[place.package / "py.typed"] = ""
    texts[place.tests / "test_keep_note.py"] = filled("plugin/test_keep_note.py", names)
    return place, write_new(texts)


def _range(installed: str) -> str:
    """Accept this minor version and later ones, up to the next major."""
    major, minor, *_ = installed.split(".")
    return f">={major}.{minor},<{int(major) + 1}"
