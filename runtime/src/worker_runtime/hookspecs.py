"""The hooks of a plugin: three for Lambda, three for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from worker_runtime.middleware import Middleware
    from worker_runtime.services import Provided

hookspec = pluggy.HookspecMarker("worker_runtime")
hookimpl = pluggy.HookimplMarker("worker_runtime")


class ForLambda:
    """Hooks of a plugin's module under ``worker_runtime.plugins``."""

    @hookspec
    def services(self) -> list[Provided]:
        """Offer the services that the plugin's workers ask for, each made by ``provide(factory)``."""
        raise AssertionError("a specification is never called")

    @hookspec
    def middleware(self) -> list[Middleware]:
        """Wrap every invocation or record, in this order, the first outermost."""
        raise AssertionError("a specification is never called")

    @hookspec
    def settings(self) -> type[Any]:
        """Name the ``Settings`` type that the plugin's settings files fill and services ask for."""
        raise AssertionError("a specification is never called")


class ForPeople:
    """Hooks of a plugin's module under ``worker_runtime.local``; never in a layer's import path."""

    @hookspec
    def commands(self) -> list[Any]:
        """Add typer groups to the ``workers`` command."""
        raise AssertionError("a specification is never called")

    @hookspec
    def stand_ins(self) -> list[Any]:
        """Offer local stand-ins for the outside services that the workers call."""
        raise AssertionError("a specification is never called")

    @hookspec
    def scenarios(self) -> list[Any]:
        """Offer scenarios: seed data, a driver and the expectation of a run on the stage."""
        raise AssertionError("a specification is never called")
