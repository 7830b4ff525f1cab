"""Plugins: API, hooks for Lambda and for people, services, middleware, settings."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from msgspec import Struct

from worker_runtime.errors import LoadError, SettingsError
from worker_runtime.hookspecs import ForLambda, ForPeople, hookimpl
from worker_runtime.loading import answers, load_plugins, middleware_of, offers
from worker_runtime.local.doctor.findings import Finding, broken
from worker_runtime.local.hooks import Hook, local_plugin
from worker_runtime.middleware.metrics import Metrics
from worker_runtime.settings import Environment, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from worker_runtime.catalogue import Catalogue
    from worker_runtime.plugins import Plugins
    from worker_runtime.services import Provided
    from worker_runtime.settings import Settings

HOOKS_FOR_PEOPLE: Final[tuple[Hook, ...]] = ("commands", "stand_ins", "scenarios")


class Examined(Struct, frozen=True):
    """A plugin that could be loaded: all that it offers to its workers."""

    name: str
    plugins: Plugins
    offers: tuple[Provided, ...]


def examine_plugin(name: str, catalogue: Catalogue) -> tuple[Examined | None, list[Finding]]:
    """Load a plugin's hooks for Lambda; nothing is made, so nothing is connected."""
    who = f"plugin {name}"
    try:
        plugins = load_plugins((name,), catalogue)
        environment = Environment(app_name=name)
        metrics = Metrics(plugin=name, worker=name, environment=environment)
        offered = tuple(offers(plugins, metrics, environment))
        middleware_of(plugins)
    except LoadError as error:
        return None, [broken(who, error)]
    unmarked = list(_unmarked(who, plugins.modules[name], ForLambda))
    read = read_settings(name, plugins)
    wrong = [broken(who, error) for error in read if isinstance(error, SettingsError)]
    return Examined(name, plugins, offered), [*unmarked, *wrong]


def examine_hooks_for_people(name: str, catalogue: Catalogue) -> list[Finding]:
    """Load a plugin's local hooks and call each."""
    who = f"plugin {name}, local hooks"
    findings = []
    try:
        plugin = local_plugin(name, catalogue)
    except LoadError as error:
        return [broken(who, error)]
    for hook in HOOKS_FOR_PEOPLE:
        try:
            plugin.offers(hook)
        except LoadError as error:
            findings.append(broken(who, error))
    return [*findings, *_unmarked(who, plugin.module, ForPeople)]


def read_settings(name: str, plugins: Plugins) -> Iterator[Settings | SettingsError]:
    """Read a plugin's settings for every environment, or find what is wrong with them."""
    for plugin, model in answers(plugins, "settings"):
        package = getattr(plugins.modules[plugin], "__package__", "") or ""
        for config_env in _environments(package) if plugin == name else ():
            environment = Environment(config_env=config_env)
            try:
                yield load_settings(model, plugin=plugin, package=package, environment=environment)
            except SettingsError as error:
                yield error


def _environments(package: str) -> list[str]:
    """Name the environments that a plugin has settings files for; without any, the default one."""
    folder = files(package).joinpath("settings")
    found = [each.name for each in folder.iterdir()] if folder.is_dir() else []
    named = {each.removesuffix(".config.yml") for each in found if each.endswith(".config.yml")}
    return sorted(named - {"default"}) or ["dev"]


def _unmarked(who: str, module: ModuleType | Any, hooks: type) -> Iterator[Finding]:
    """Find functions that are named like a hook and lack its mark: nobody would ever call them."""
    mark = f"{hookimpl.project_name}_impl"
    for hook in (each for each in vars(hooks) if not each.startswith("_")):
        function = vars(module).get(hook)
        if callable(function) and not hasattr(function, mark):
            what = f"{module.__name__}.{hook} is named like a hook and is none; it is never called."
            yield Finding("broken", who, what, "put @hookimpl on it, or call it something else.")
