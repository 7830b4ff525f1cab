"""Hooks that are read without pluggy are those that pluggy finds."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pluggy
import pytest

from wording import says
from worker_runtime import hookimpl
from worker_runtime.errors import BrokenPlugin
from worker_runtime.hookspecs import ForLambda, ForPeople
from worker_runtime.plugins import hooked


def services() -> list[Any]:
    return []


def unmarked() -> list[Any]:
    return []


def module(**given: Any) -> ModuleType:
    made = ModuleType("shop.plugin")
    vars(made).update(given)
    return made


def marked(**options: Any) -> Any:
    def hook() -> list[Any]:
        return []

    return hookimpl(**options)(hook) if options else hookimpl(hook)


def by_pluggy(modules: dict[str, ModuleType], specification: type = ForLambda) -> dict[str, list[Any]]:
    manager = pluggy.PluginManager("worker_runtime")
    manager.add_hookspecs(specification)
    for name, each in modules.items():
        manager.register(each, name=name)
    manager.check_pending()
    return {
        hook: [(each.plugin_name, each.function) for each in getattr(manager.hook, hook).get_hookimpls()]
        for hook in ("services", "middleware", "settings")
    }


@pytest.mark.parametrize(
    "modules",
    [
        {"a": module(services=marked(), settings=marked(), other=unmarked, number=1)},
        {"a": module(services=marked()), "b": module(services=marked(), middleware=marked())},
        {"a": module(services=marked(tryfirst=True)), "b": module(services=marked())},
        {"a": module(services=marked()), "b": module(services=marked(trylast=True))},
        {"a": module(offered=marked(specname="services")), "b": module(services=marked())},
        {"a": module(nowhere=marked(optionalhook=True), services=marked())},
        {"a": module(services=pluggy.HookimplMarker("worker_runtime")(services))},
        {"a": module(services=staticmethod(marked()))},
    ],
    ids=["plain", "two", "first", "last", "renamed", "optional", "pluggy-s-own-mark", "static"],
)
def test_the_hooks_of_plugins_and_their_order_are_pluggy_s(modules: dict[str, ModuleType]) -> None:
    assert hooked(modules, ForLambda).hooks == by_pluggy(modules)


def test_a_plain_mark_is_one_that_pluggy_reads() -> None:
    manager = pluggy.PluginManager("worker_runtime")
    manager.add_hookspecs(ForPeople)
    commands = marked()

    manager.register(module(commands=commands))

    manager.check_pending()
    assert [each.function for each in manager.hook.commands.get_hookimpls()] == [commands]


def test_plugins_of_a_second_load_are_read_as_those_of_the_first() -> None:
    modules = {"a": module(services=marked())}
    by_pluggy(modules)

    assert hooked(modules, ForLambda).hooks == by_pluggy(modules)


def test_a_hook_that_nobody_knows_and_one_that_takes_something_are_refused() -> None:
    with pytest.raises(BrokenPlugin, match=says("plugin shop.plugin: unknown hook 'servises' ~")):
        hooked({"a": module(servises=marked())}, ForLambda)
    with pytest.raises(BrokenPlugin, match=says("plugin shop.plugin: ~aws~")):
        hooked({"a": module(services=hookimpl(lambda aws: [aws]))}, ForLambda)
