"""The hooks of a plugin: three for Lambda, three for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pluggy

    from worker_runtime.middleware import Middleware
    from worker_runtime.services import Provided

PROJECT: Final = "worker_runtime"
"""Under this name pluggy finds what was marked."""

if TYPE_CHECKING:
    hookspec = pluggy.HookspecMarker(PROJECT)
    hookimpl = pluggy.HookimplMarker(PROJECT)
else:

    class _Marker:
        """Marks as pluggy's own marker does, which a mark without options need not import."""

        project_name = PROJECT

        def __init__(self, name: str, *, suffix: str) -> None:
            self._name = name
            self._mark = f"{PROJECT}{suffix}"

        def __call__(self, function: Any = None, **options: Any) -> Any:
            if function is None or options:
                import pluggy  # noqa: PLC0415 - few hooks have options

                return getattr(pluggy, self._name)(PROJECT)(function, **options)
            setattr(function, self._mark, {})  # pluggy reads what is not there as its default
            return function

    hookspec = _Marker("HookspecMarker", suffix="_spec")
    hookimpl = _Marker("HookimplMarker", suffix="_impl")


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
