"""What is installed: worker ids and plugins, from the layer's index or a scan of entry points."""

from __future__ import annotations

import os
from typing import Any, Final

import msgspec
from msgspec import Struct

from worker_runtime.errors import AmbiguousWorker, BrokenPlugin, DuplicateWorker, UnknownWorker, text_of

INDEX_FILE: Final = "worker_index.json"
WORKERS: Final = "worker_runtime.workers"
PLUGINS: Final = "worker_runtime.plugins"
LOCAL: Final = "worker_runtime.local"


class Entry(Struct, frozen=True):
    """One entry point: ``module`` or ``module:attribute``, and the distribution that brings it."""

    value: str
    distribution: str
    version: str

    def load(self) -> Any:
        """Import what it points to; whatever that raises is a BrokenPlugin."""
        from importlib import import_module  # noqa: PLC0415 - a cold start has it imported already

        module, _, attribute = self.value.partition(":")
        try:
            loaded = import_module(module)
            return getattr(loaded, attribute) if attribute else loaded
        except (Exception, SystemExit) as error:  # a plugin's module may raise anything
            gone = isinstance(error, ModuleNotFoundError) and error.name == module.partition(".")[0]
            cure = f"; install it anew, or `pip uninstall {self.distribution}`." if gone else ""
            raise BrokenPlugin(
                f"{self.distribution} {self.version}: {self.value}: {_said(error)}{cure}"
            ) from error


class Catalogue(Struct, frozen=True):
    """Entry points by name; several under one name are kept, so that the error can say whose.

    ``runtime`` is the runtime's own version.
    """

    workers: dict[str, list[Entry]]
    plugins: dict[str, list[Entry]]
    local: dict[str, list[Entry]]
    runtime: str = ""

    def find(self, name: str) -> str:
        """Return the id that ``name`` means: itself, or the only one with this bare name."""
        if name in self.workers:
            return name
        named = sorted(each for each in self.workers if each.partition(".")[2] == name)
        if len(named) > 1:
            raise AmbiguousWorker(f"{name} is in {' and '.join(named)}; say which.")
        if not named:
            known = ", ".join(sorted(self.workers)) or "none; install a plugin"
            meant = f" Did you mean {' or '.join(like)}?" if (like := self._like(name)) else ""
            raise UnknownWorker(f"no installed plugin has the worker {name!r}.{meant} Installed: {known}.")
        return named[0]

    def _like(self, name: str) -> list[str]:
        """Find the ids whose bare names are almost this one's."""
        from difflib import get_close_matches  # noqa: PLC0415 - only who types a name wrong pays

        bare = {worker_id.partition(".")[2].lower() for worker_id in self.workers}
        near = get_close_matches(name.rpartition(".")[2].lower(), bare, cutoff=0.75)
        return sorted(each for each in self.workers if each.partition(".")[2].lower() in near)

    def worker(self, worker_id: str) -> Entry:
        """Return the entry of a worker id; claimed twice it is a DuplicateWorker."""
        return _only(worker_id, self.workers[worker_id])

    def plugin(self, name: str) -> Entry:
        """Return the entry of a plugin."""
        if name not in self.plugins:
            raise BrokenPlugin(
                f'no distribution has the plugin {name!r}; add it to [project.entry-points."{PLUGINS}"].'
            )
        return _only(name, self.plugins[name])


def _only(name: str, entries: list[Entry]) -> Entry:
    if len(entries) > 1:
        whose = " and ".join(sorted(f"{entry.distribution} {entry.version}" for entry in entries))
        raise DuplicateWorker(f"{name} is claimed by {whose}; uninstall one.")
    return entries[0]


def installed() -> Catalogue:
    """Read the index beside the package (layers carry one), else scan what is installed."""
    index = os.path.join(os.path.dirname(os.path.dirname(__file__)), INDEX_FILE)  # noqa: PTH118, PTH120 - no pathlib
    try:
        with open(index, "rb") as file:  # noqa: PTH123 - pathlib costs a cold start
            return msgspec.json.decode(file.read(), type=Catalogue)
    except FileNotFoundError:
        return scan()


def scan() -> Catalogue:
    """Read the entry points of every installed distribution."""
    from importlib_metadata import entry_points, version  # noqa: PLC0415 - only the fallback pays

    groups: dict[str, dict[str, list[Entry]]] = {WORKERS: {}, PLUGINS: {}, LOCAL: {}}
    for group, found in groups.items():
        for point in entry_points(group=group):
            brought = point.dist
            entry = Entry(point.value, brought.name if brought else "?", brought.version if brought else "?")
            if entry not in found.setdefault(point.name, []):
                found[point.name].append(entry)
    return Catalogue(groups[WORKERS], groups[PLUGINS], groups[LOCAL], version("worker-runtime"))


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {text_of(error)}"
