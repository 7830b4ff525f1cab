"""Lets one worker be invoked by its name, from the stage's start to its end; beside its pollers."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from worker_runtime.local.stage.door.deploying import deploy
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from typing import Self

    from worker_runtime.local.stage.door.door import Door
    from worker_runtime.local.stage.execution.invocations import Function, Report
    from worker_runtime.local.stage.polling.async_events import AsyncEvents

_log = logging.getLogger(__name__)


class Asked(Protocol):
    """The way to a worker whose caller waits: ``Delivery``."""

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Run the worker on an event; None while the stage is taken down."""


class WayIn(Part):
    """One worker at the door: its ``Callee``, which goes with the stage's pollers."""

    def __init__(
        self,
        function: Function,
        *,
        door: Door,
        delivery: Asked,
        events: AsyncEvents,
        emulator: Any | None = None,
    ) -> None:
        """Ask by ``delivery``; what nobody waits for goes to ``events``.

        ``emulator`` is a Lambda client of the emulator that is to know the function as well.
        """
        self._function = function
        self._emulator = emulator
        self._door = door
        self._delivery = delivery
        self._events = events

    def start(self) -> Self:
        """Open the door."""
        self._events.take_up()
        self._door.admit(self._function.name, arn=self._function.arn, callee=self)
        if self._emulator is not None:
            self._deploy(self._emulator)
        return self

    def _deploy(self, emulator: Any) -> None:
        try:
            deploy(self._function, door_url=self._door.url, client=emulator)
        except ClientError as error:
            _log.warning("the endpoint's own services cannot call %s: %s", self._function.name, error)

    def ask(self, event: bytes, *, request_id: str) -> Report | None:
        """Run the worker on an event and wait for its end."""
        return self._delivery.ask(event, request_id=request_id)

    def queue(self, event: Any) -> None:
        """Put an event into the worker's queue."""
        self._events.put(event)

    def busy(self) -> bool:
        """Whether somebody waits for an answer, or an event for its end."""
        return self._door.busy() or self._events.busy()

    def quit(self) -> None:
        """Try no event again; what is in flight goes on."""
        self._events.quit()

    def stop(self) -> None:
        """Wait for the end of what is in flight."""
        self.quit()
        self._events.join()
