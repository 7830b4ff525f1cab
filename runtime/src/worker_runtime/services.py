"""What plugins provide to workers: found by type, made during INIT, closed at shutdown."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_origin, get_type_hints

from msgspec import Struct

from worker_runtime.errors import BrokenPlugin, ServiceCycle, ServiceMissing
from worker_runtime.parameters import calling, parameters_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from contextlib import AbstractContextManager

_log = logging.getLogger(__name__)


class Provided(Struct, frozen=True):
    """A service's type, the factory that makes it, and what that asks for in turn."""

    type: Any
    factory: Callable[..., Any]
    needs: Mapping[str, Any]
    closes: bool = False


def provide(factory: Callable[..., Any]) -> Provided:
    """Offer what ``factory`` returns under the type it is annotated with.

    Annotated ``Iterator[Type]`` it is a generator: what it yields is served, and it is finished at
    shutdown, best effort. Its parameters are services too. It constructs; connecting is for first use.
    """
    who = f"provide({getattr(factory, '__name__', repr(factory))})"
    call = calling(factory)
    if call.unknown or call.awaits:
        raise BrokenPlugin(f"{who} is no plain function; write one that makes the service.")
    try:
        hints = get_type_hints(factory)
    except (AttributeError, NameError, TypeError) as error:
        raise BrokenPlugin(f"{who}: {error}; import its annotations for real.") from error
    served = hints.pop("return", None)
    closes = get_origin(served) is Iterator
    if closes:
        (served,) = get_args(served)
    if not isinstance(served, type) or served is NoneType:
        raise BrokenPlugin(f"{who} is annotated with {served!r}; annotate it with the type it serves.")
    if call.yields is not closes:
        raise BrokenPlugin(f"{who}: a factory that yields is annotated Iterator[...], and only such a one.")
    for parameter in parameters_of(factory):
        if parameter.name not in hints:
            cure = "say which service it is."
            raise BrokenPlugin(f"{who}: parameter {parameter.name!r} has no annotation; {cure}")
        if parameter.has_default:
            cure = "services are provided, leave it out."
            raise BrokenPlugin(f"{who}: parameter {parameter.name!r} has a default; {cure}")
    return Provided(served, factory, hints, closes)


class Services:
    """Makes each service once, on demand; later offers of a type win over earlier ones."""

    def __init__(self, offers: Iterable[Provided]) -> None:
        self._offers = {offer.type: offer for offer in offers}
        self._made: dict[Any, Any] = {}
        self._opened: list[AbstractContextManager[Any]] = []
        self._making = RLock()

    def check(self, wanted: Mapping[str, Any], *, who: str) -> None:
        """Raise ServiceMissing or ServiceCycle where ``wanted`` could never be made."""
        for name, service in wanted.items():
            self._check(service, asked_by=f"{who}({name})", above=())

    def _check(self, service: Any, *, asked_by: str, above: tuple[Any, ...]) -> None:
        if service in above:
            ring = " -> ".join(_name(each) for each in (*above[above.index(service) :], service))
            raise ServiceCycle(f"{ring}: services that need each other; let one take what both need.")
        offer = self._offers.get(service)
        if offer is None:
            offered = ", ".join(sorted(map(_name, self._offers))) or "nothing"
            raise ServiceMissing(
                f"{asked_by} asks for {_name(service)}, which nobody provides; "
                f"add provide(...) of it to the plugin's services(). Provided: {offered}."
            )
        for name, needed in offer.needs.items():
            self._check(needed, asked_by=f"{_name(service)}'s factory({name})", above=(*above, service))

    def make(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Make the services of these types, and all that they need; each once, whoever asks at once."""
        with self._making:
            return {name: self._make(service) for name, service in wanted.items()}

    def _make(self, service: Any) -> Any:
        if service not in self._made:
            offer = self._offers[service]
            needs = self.make(offer.needs)
            if offer.closes:
                opened = contextmanager(offer.factory)(**needs)
                made = opened.__enter__()
                self._opened.append(opened)
            else:
                made = offer.factory(**needs)
            self._made[service] = made
        return self._made[service]

    def close(self) -> None:
        """Finish what was made, the last first; best effort: what fails is logged and keeps no other open."""
        while self._opened:
            try:
                self._opened.pop().__exit__(None, None, None)
            except Exception:  # noqa: BLE001 - a plugin's clean-up may raise anything, and nobody is left to care
                _log.warning("a service could not be closed", exc_info=True)


def _name(service: Any) -> str:
    return getattr(service, "__name__", repr(service))
