"""A person's command gets what a plugin's workers get."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest
from msgspec import Struct

from worker_runtime import clock
from worker_runtime.errors import ServiceMissing, SettingsError
from worker_runtime.local.commands.provided import provided

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installed import Site

HOOKS = """
    from __future__ import annotations
    from collections.abc import Iterator
    from worker_runtime import Environment, hookimpl, provide
    from till_things.goods import Till

    WORKER_API = (1, 0)

    @provide
    def till(environment: Environment) -> Iterator[Till]:
        opened = Till(environment.named("table", "till"))
        yield opened
        opened.is_open = False

    @hookimpl
    def services():
        return [till]
"""
GOODS = """
    class Till:
        is_open = True

        def __init__(self, name):
            self.name = name
"""


@pytest.fixture
def installed(installed_plugin: Site) -> Iterator[None]:
    installed_plugin.install_plugin("till", hooks=HOOKS, files={"goods.py": GOODS})
    sys.path.insert(0, str(installed_plugin.folder))
    before = dict(os.environ)
    try:
        yield
    finally:
        sys.path.remove(str(installed_plugin.folder))
        for module in [name for name in sys.modules if name.startswith("till_things")]:
            del sys.modules[module]
        os.environ.clear()
        os.environ.update(before)


def wanted() -> type[Struct]:
    from till_things.goods import Till  # type: ignore[import-not-found]  # noqa: PLC0415 - installed by the test

    class Counter(Struct):
        till: Till

    Counter.__annotations__["till"] = Till
    return Counter


@pytest.mark.usefixtures("installed")
def test_services_are_made_by_the_plugins_factories_and_closed_in_the_end() -> None:
    os.environ["TILL_TABLE"] = "prod-till"

    with provided(wanted(), plugin="till") as counter:
        till = counter.till  # type: ignore[attr-defined]  # as the test made it

        assert (till.name, till.is_open) == ("prod-till", True)

    assert not till.is_open


@pytest.mark.usefixtures("installed")
def test_the_block_has_the_clock_of_a_stage_where_the_environment_names_one() -> None:
    os.environ |= {"TILL_TABLE": "till", "WORKER_CLOCK": "20@1700000000"}

    with provided(wanted(), plugin="till"):
        inside = clock.current().speed

    assert (inside, clock.current().speed) == (20, 1)


@pytest.mark.usefixtures("installed")
def test_what_nobody_provides_and_what_no_variable_names_is_told() -> None:
    class Odd(Struct):
        drawer: int

    with pytest.raises(ServiceMissing, match=r"Odd\(drawer\) asks for int"), provided(Odd, plugin="till"):
        pass
    with pytest.raises(SettingsError, match="TILL_TABLE is not set"), provided(wanted(), plugin="till"):
        pass
