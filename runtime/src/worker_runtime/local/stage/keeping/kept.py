"""A stage that goes on from its state folder: the folder, its memories, and parts that keep theirs there."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

from worker_runtime.local.stage.keeping.kept_clock import KeptTime
from worker_runtime.local.stage.keeping.messages_in_flight import reveal_in_flight
from worker_runtime.local.stage.keeping.ports import kept_port
from worker_runtime.local.stage.keeping.sqlite_memory import SqliteMemories
from worker_runtime.local.stage.keeping.standing import Told
from worker_runtime.local.stage.keeping.state_folder import StateFolder
from worker_runtime.local.stage.parts.emulator import Emulator
from worker_runtime.local.stage.parts.kafka_broker import KafkaBroker
from worker_runtime.local.stage.parts.part import Part
from worker_runtime.local.stage.parts.redis_server import RedisServer
from worker_runtime.local.stage.polling.visibility import HIDDEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Self

    from worker_runtime.local.stage.keeping.kept_clock import Stretch

VISIBILITY: Final = "visibility"
"""The owner of the visibility book's memory."""


class Kept(Part):
    """What one run of a stage has from those before it, and leaves to the next."""

    def __init__(self, path: Path) -> None:
        self.folder = StateFolder(path)
        self.memories = SqliteMemories(self.folder.memories)
        self.told = Told(path)
        self._parts = ExitStack()

    def start(self) -> Self:
        """Take the folder; raises FolderInUse and FolderRefused."""
        with ExitStack() as parts:
            parts.enter_context(self.folder)
            parts.enter_context(self.memories)
            self._time = KeptTime(self.memories.of("time"))
            parts.callback(self.told.end)
            self._parts = parts.pop_all()
        return self

    def stop(self) -> None:
        """Leave the folder to the next run."""
        self._parts.close()

    def take_up_time(self, *, speed: float) -> list[Stretch]:
        """Go on with the time that stood when the last run ended."""
        ended_at = self.folder.emulator_ended_at()
        return self._time.take_up(speed=speed, now=time.time(), ended_at=ended_at)

    def beat(self, *, stage: float) -> None:
        """Keep the present moment, ``stage`` by the stage's clock."""
        self._time.beat(machine=time.time(), stage=stage)

    def emulator(self, *, speed: float, lost: Callable[[], None]) -> Emulator:
        """Return the emulator that goes on; what was in flight is visible in it, or is in the book.

        ``lost`` is called where it ends though nobody stopped it.
        """
        hidden = {receipt for receipt, _ in self.memories.of(VISIBILITY).read(HIDDEN)}
        reveal_in_flight(self.folder.emulator_state, but=hidden)
        port = kept_port(self.memories.of("ports"), "emulator")
        return Emulator(
            self.folder.emulator,
            kept=True,
            port=port,
            holds=[self.folder.emulator_holds],
            speed=speed,
            lost=lost,
        )

    def kafka(self, *, groups: Sequence[str]) -> KafkaBroker:
        """Return the Kafka that goes on, with the offsets of these consumer groups."""
        return KafkaBroker(
            kept_in=self.folder.kafka,
            port=kept_port(self.memories.of("ports"), "Kafka broker"),
            groups=groups,
            holds=[self.folder.emulator_holds],
        )

    def redis(self) -> RedisServer:
        """Return the Redis that goes on."""
        return RedisServer(port=kept_port(self.memories.of("ports"), "Redis"), kept_in=self.folder.redis)
