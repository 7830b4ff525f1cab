"""What plugins offer to people (commands, stand-ins, scenarios), whatever their neighbours are like.

The stage, ``workers demo`` and the command itself ask here; ``workers doctor`` tells the problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pluggy
from msgspec import Struct

from worker_runtime.errors import BrokenPlugin, LoadError
from worker_runtime.hookspecs import ForPeople

if TYPE_CHECKING:
    from types import ModuleType

    from worker_runtime.catalogue import Catalogue, Entry

Hook = Literal["commands", "stand_ins", "scenarios"]


class Problem(Struct, frozen=True):
    """A plugin whose local hooks could not be used, and why."""

    plugin: str
    error: LoadError


class LocalPlugin(Struct, frozen=True):
    """A plugin's module of hooks for people, imported and checked."""

    name: str
    module: ModuleType
    hooks: pluggy.PluginManager

    def offers(self, hook: Hook) -> list[Any]:
        """Call one hook; nothing where the plugin has none, BrokenPlugin where it fails."""
        given: list[Any] = []
        for implementation in getattr(self.hooks.hook, hook).get_hookimpls():
            try:
                given.extend(implementation.function())
            except Exception as error:  # a plugin's hook may raise anything
                raise BrokenPlugin(
                    f"plugin {self.name}: {hook}() raised {type(error).__name__}: {error}; "
                    f"it returns a list (see worker_runtime.hookspecs)."
                ) from error
        return given


class LocalHooks(Struct, frozen=True):
    """The local hooks of all plugins that have usable ones, and what was wrong with the others."""

    plugins: tuple[LocalPlugin, ...]
    problems: tuple[Problem, ...]

    def offered(self, hook: Hook) -> tuple[list[tuple[str, Any]], list[Problem]]:
        """Call one hook of every plugin: (plugin, what it offers) one by one, and who failed."""
        given: list[tuple[str, Any]] = []
        failed: list[Problem] = []
        for plugin in self.plugins:
            try:
                given.extend((plugin.name, each) for each in plugin.offers(hook))
            except LoadError as error:
                failed.append(Problem(plugin.name, error))
        return given, failed


def local_hooks(catalogue: Catalogue) -> LocalHooks:
    """Import the local hooks of all installed plugins; a broken one costs its neighbours nothing."""
    plugins: list[LocalPlugin] = []
    problems: list[Problem] = []
    for name in sorted(catalogue.local):
        try:
            plugins.append(local_plugin(name, catalogue))
        except LoadError as error:
            problems.append(Problem(name, error))
    return LocalHooks(tuple(plugins), tuple(problems))


def local_plugin(name: str, catalogue: Catalogue) -> LocalPlugin:
    """Import one plugin's local hooks; LoadError where the module or a hook's name is wrong."""
    entry = _only_entry(name, catalogue.local[name])
    manager = pluggy.PluginManager("worker_runtime")
    manager.add_hookspecs(ForPeople)
    module = entry.load()
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        known = ", ".join(each for each in vars(ForPeople) if not each.startswith("_"))
        raise BrokenPlugin(
            f"plugin {name}: {entry.value}: {error}; the hooks for people are {known}."
        ) from error
    return LocalPlugin(name, module, manager)


def _only_entry(name: str, entries: list[Entry]) -> Entry:
    if len(entries) > 1:
        whose = " and ".join(f"{entry.distribution} {entry.version}" for entry in entries)
        raise BrokenPlugin(f"plugin {name} has local hooks from {whose}; uninstall one.")
    return entries[0]
