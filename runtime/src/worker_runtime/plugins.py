"""Plugins that were imported, and who implements which hook.

pluggy decides what a hook is. Nearly every plugin has plain ones alone, and those are what they look
like: pluggy, which costs a cold start more than all hooks, is then not imported.
"""

from __future__ import annotations

from types import FunctionType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.errors import BrokenPlugin
from worker_runtime.hookspecs import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType

    Hooks = dict[str, list[tuple[str, Callable[[], Any]]]]

_MARK = f"{PROJECT}_impl"


class Plugins(Struct, frozen=True):
    """Modules by their plugin's name, the outermost first; implementations (plugin, function) by hook."""

    modules: Mapping[str, ModuleType]
    hooks: Hooks


def hooked(modules: Mapping[str, ModuleType], specification: type) -> Plugins:
    """Find the hooks of imported plugins; BrokenPlugin where one is misspelt or takes something."""
    known = [name for name in vars(specification) if not name.startswith("_")]
    hooks: Hooks = {name: [] for name in known}
    for plugin, module in modules.items():
        for name, function in sorted(vars(module).items()):
            if not _is_marked(function):
                continue
            if name not in hooks or not _is_plain(function):
                return Plugins(modules, _by_pluggy(modules, specification, known))
            hooks[name].append((plugin, function))
    if len({*map(id, modules.values())}) < len(modules):
        return Plugins(modules, _by_pluggy(modules, specification, known))
    return Plugins(modules, hooks)


def _is_marked(value: Any) -> bool:
    """Whether a module's attribute may be a hook; nothing that is no routine is asked for the mark."""
    if not hasattr(type(value), "__get__"):
        return False
    inner = getattr(value, "__func__", None)  # of a method, which may carry the mark in its stead
    return getattr(value, _MARK, None) is not None or getattr(inner, _MARK, None) is not None


def _is_plain(function: Any) -> bool:
    """Whether pluggy could say nothing else of a hook: a function that takes nothing, no options."""
    if type(function) is not FunctionType or hasattr(function, "__wrapped__"):
        return False
    code = function.__code__
    takes = code.co_argcount or code.co_kwonlyargcount or code.co_flags & 0x0C  # *args, **kwargs
    options = getattr(function, _MARK)
    return not takes and isinstance(options, dict) and not any(options.values())


def _by_pluggy(modules: Mapping[str, ModuleType], specification: type, known: list[str]) -> Hooks:
    import pluggy  # noqa: PLC0415 - as the module says

    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(specification)
    try:
        for name, module in modules.items():
            manager.register(module, name=name)
        manager.check_pending()
    except pluggy.PluginValidationError as error:
        raise BrokenPlugin(f"plugin {getattr(error.plugin, '__name__', error.plugin)}: {error}") from error
    return {
        hook: [(each.plugin_name, each.function) for each in getattr(manager.hook, hook).get_hookimpls()]
        for hook in known
    }
