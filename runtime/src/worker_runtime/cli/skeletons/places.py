"""Where a plugin is, or goes: in a workspace like this project's, or on its own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from msgspec import Struct

from worker_runtime.catalogue import PLUGINS
from worker_runtime.local.commands.reporting import Misuse

_STACK = re.compile(r'^(?P<name>[A-Z]\w*)(?:: \w+)? = Stack\("', re.MULTILINE)


class Place(Struct, frozen=True):
    """A plugin's folder, its package's, its tests' and events'; ``alone`` where no workspace brings tools."""

    folder: Path
    package: Path
    tests: Path
    events: Path
    alone: bool


def new_place(plugin: str, *, package: str, distribution: str, into: Path | None) -> Place:
    """Choose where a new plugin goes: ``plugins/NAME`` of the workspace around, else a folder of its own."""
    workspace = _workspace((into or Path()).resolve())
    if into is None and workspace is not None:
        folder = workspace / "plugins" / plugin
    else:
        folder = (into or Path()).resolve() / (distribution if into is None else "")
    return _place(folder, package=package, plugin=plugin)


def find_place(plugin: str, *, package: str, distribution: str, into: Path | None) -> Place:
    """Find an existing plugin: the folder that is named, the workspace's, the one here."""
    here = Path.cwd()
    workspace = _workspace(here)
    usual = [here, here / distribution, *([workspace / "plugins" / plugin] if workspace else [])]
    for folder in [into.resolve()] if into else usual:
        if _has_plugin(folder / "pyproject.toml", plugin):
            return _place(folder, package=package, plugin=plugin)
    looked = into or "here or in plugins/"
    raise Misuse(f"no plugin {plugin} is {looked}; begin one with `workers new plugin {plugin}`.")


def find_stack(place: Place, *, package: str) -> tuple[str, str]:
    """Find where a plugin declares what is deployed together: (module, name)."""
    for file in sorted(place.package.rglob("*.py")):
        if found := _STACK.search(file.read_text(encoding="utf-8")):
            parts = file.relative_to(place.package).with_suffix("").parts
            return ".".join((package, *(part for part in parts if part != "__init__"))), found["name"]
    raise Misuse(f'{place.package} declares no stack; write NAME = Stack("...") into its stacks.py.')


def shown(file: Path) -> str:
    """Name a file as seen from here."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def _place(folder: Path, *, package: str, plugin: str) -> Place:
    workspace = _workspace(folder)
    all_tests = (workspace or folder) / "tests"
    return Place(
        folder=folder,
        package=folder / "src" / package,
        tests=all_tests / "plugins" / plugin if workspace else all_tests,
        events=all_tests / "events",
        alone=workspace is None,
    )


def _workspace(folder: Path) -> Path | None:
    """Find the workspace that has its plugins in ``plugins/``, at or above a folder."""
    for each in (folder, *folder.parents):
        members = _table(each / "pyproject.toml", "tool", "uv", "workspace").get("members", [])
        if "plugins/*" in members:
            return each
    return None


def _has_plugin(file: Path, plugin: str) -> bool:
    return plugin in _table(file, "project", "entry-points", PLUGINS)


def _table(file: Path, *keys: str) -> dict[str, Any]:
    """Read one table of a TOML file; empty where there is none."""
    if not file.is_file():
        return {}
    try:
        table: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Misuse(f"{file} is no TOML: {error}.") from error
    for key in keys:
        table = table.get(key, {}) if isinstance(table, dict) else {}
    return table if isinstance(table, dict) else {}
