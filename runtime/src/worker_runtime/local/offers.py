"""What a plugin's local hooks return: outside tables and services to stand in for, and scenarios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from worker_runtime.errors import WorkerRuntimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker_runtime.clock import Clock
    from worker_runtime.local.demo.outcome import Outcome
    from worker_runtime.local.stage.parts.stand_in import StandIn


class TableIndex(Struct, frozen=True):
    """A global secondary index, all attributes projected."""

    name: str
    hash_key: str
    range_key: str | None = None


class OutsideTable(Struct, frozen=True, kw_only=True):
    """A table that others own: the stage makes it (with a stream of both images), Terraform looks it up.

    Keys are string attributes.
    """

    name: str
    hash_key: str = "PK"
    range_key: str | None = "SK"
    indexes: tuple[TableIndex, ...] = ()


class OutsideSecret(Struct, frozen=True):
    """A secret that no outside service asks for: its logical name, and its value by key."""

    name: str
    value: Mapping[str, str]


class Reach(Protocol):
    """What a stand-in may reach of its stage, where the service itself writes into our queues or streams."""

    def aws(self, service: str) -> Any:
        """Return boto3's low-level client of a service."""

    def named(self, kind: str, name: str) -> str:
        """Return the real name, URL or ARN of a resource; raises NotStaged where no worker wants it."""


class OutsideService(Struct, frozen=True, kw_only=True):
    """A service that others run: how to make its stand-in, and what tells the workers where it is.

    ``setting`` is the dotted path of the base URL in the plugin's settings (``http.bitly.baseUrl``),
    ``secrets`` the values of the secrets (logical name to keys) with which it lets workers in.
    ``connect`` is called with the running stand-in once all that workers need is there, before any
    worker runs.
    """

    name: str
    make: Callable[[Clock, int], StandIn]
    setting: str
    secrets: Mapping[str, Mapping[str, str]] = {}
    connect: Callable[[StandIn, Reach], None] | None = None


class ScenarioStuck(WorkerRuntimeError):
    """A scenario cannot go on; its text says who could not do what."""


class Scenario(Protocol):
    """A job that is driven through a stage and judged by a ledger of its own."""

    @property
    def name(self) -> str:
        """What ``workers demo NAME`` is called with."""

    @property
    def summary(self) -> str:
        """One sentence on what is shown."""

    @property
    def stack(self) -> str:
        """The stack whose workers are staged."""

    @property
    def events(self) -> int:
        """How many items are put where nobody says."""

    @property
    def speed(self) -> float:
        """How many times faster than the wall the stage's time runs where nobody says."""

    def run(
        self, stage: Any, *, events: int, faults: frozenset[str], seed: int, tell: Callable[[str], None]
    ) -> Outcome:
        """Drive the job on a started stage (or a test's fake of one) and return its ledger's outcome."""
