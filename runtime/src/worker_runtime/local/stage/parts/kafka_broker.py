"""A broker that speaks Kafka's protocol on loopback: librdkafka's mock cluster in a process of its own.

What it is sent is in memory, and gone when it stops unless it is ``kept_in`` a folder; of a partition
it holds five megabytes, also of those that nobody has read. A topic is there when it is first asked
about, with four partitions. Transactions are taken and mean nothing.
"""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.child import Child
from worker_runtime.local.stage.parts.kept_ministack import was_lost
from worker_runtime.local.stage.parts.part import Part, PartBroken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO, Self

_PROGRAM = Path(__file__).with_name("mock_kafka.py")
_SERVES = re.compile(rb"^serves (.*)\n", re.MULTILINE)
_POLL_S = 0.01
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 2.0
_SAVING_GRACE_S = 20.0


class KafkaBroker(Part):
    """One broker; ``servers`` is where Kafka's clients begin, once it is started."""

    def __init__(
        self,
        *,
        kept_in: Path | None = None,
        port: int = 0,
        groups: Sequence[str] = (),
        holds: Sequence[int] = (),
    ) -> None:
        """Prepare one that goes on from what is ``kept_in``, with the offsets of these consumer groups.

        Then clients find it at ``port``, or at any where that is 0. ``holds`` are descriptors that stay
        open in it until it has written what is kept.
        """
        self.servers = ""
        self._kept_in = kept_in
        self._port = port
        self._groups = groups
        self._holds = holds
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def start(self) -> Self:
        """Start it and wait until it serves what was kept."""
        if importlib.util.find_spec("confluent_kafka") is None:
            raise PartBroken(
                "workers take from Kafka, and its client is not installed."
                " Cure: pip install 'worker-runtime[kafka]'."
            )
        path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        with tempfile.TemporaryFile() as output:
            self._child = Child(
                [sys.executable, "-P", str(_PROGRAM), *self._what_is_kept()],
                environment={"LANG": "C.UTF-8", **path},
                output=output.fileno(),
                farewell_s=0.0 if self._kept_in is None else _SAVING_GRACE_S,
                holds=self._holds,
            )
            self.servers = self._told(self._child, output)
        return self

    def stop(self) -> None:
        """End it, its topics written or forgotten."""
        self.thaw()
        if self._child is not None:
            self._child.stop(grace_s=_STOP_GRACE_S if self._kept_in is None else _SAVING_GRACE_S)

    def freeze(self) -> None:
        """Let it answer nobody until ``thaw``: an outage in which nothing is lost."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on, first with what it was asked meanwhile."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self.pid is not None:
            os.kill(self.pid, number)

    def _what_is_kept(self) -> list[str]:
        if self._kept_in is None:
            return []
        if was_lost(self._kept_in):
            raise PartBroken(
                f"{self._kept_in}: the Kafka broker was killed before it wrote its topics, so no stage can"
                " go on there. Remove the stage's folder, or name another."
            )
        return [str(self._kept_in), str(self._port), *self._groups]

    def _told(self, child: Child, output: IO[bytes]) -> str:
        """Wait until it says where it serves."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while child.alive and time.monotonic() < deadline:
            if (said := _SERVES.search(_said(output))) is not None:
                return said[1].decode()
            time.sleep(_POLL_S)
        self.stop()
        raise PartBroken(
            f"the Kafka broker did not come up. It said:\n{_said(output).decode(errors='replace')}"
        )


def _said(output: IO[bytes]) -> bytes:
    """Read what the child has printed; the place where it goes on to print is the same file's, and stays."""
    return os.pread(output.fileno(), 10_000, 0)
