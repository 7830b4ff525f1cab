"""A broker that speaks Kafka's protocol on loopback: librdkafka's mock cluster in a process of its own.

What it is sent is in memory and gone when it stops; of a partition it keeps some twenty thousand
records and drops older ones. A topic is there when it is first asked about, with four partitions.
Transactions are taken and mean nothing.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts.child import Child
from worker_runtime.local.stage.parts.part import Part, PartBroken

if TYPE_CHECKING:
    from typing import IO, Self

_PROGRAM = Path(__file__).with_name("mock_kafka.py")
_POLL_S = 0.01
_START_TIMEOUT_S = 20.0
_STOP_GRACE_S = 2.0


class KafkaBroker(Part):
    """One broker; ``servers`` is where Kafka's clients begin, once it is started."""

    def __init__(self) -> None:
        self.servers = ""
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def start(self) -> Self:
        """Start it and wait until it serves."""
        if importlib.util.find_spec("confluent_kafka") is None:
            raise PartBroken(
                "workers take from Kafka, and its client is not installed."
                " Cure: pip install 'worker-runtime[kafka]'."
            )
        path = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
        with tempfile.TemporaryFile() as output:
            self._child = Child(
                [sys.executable, "-P", str(_PROGRAM)],
                environment={"LANG": "C.UTF-8", **path},
                output=output.fileno(),
            )
            self.servers = self._told(self._child, output)
        return self

    def stop(self) -> None:
        """End it and forget all topics."""
        if self._child is not None:
            self._child.stop(grace_s=_STOP_GRACE_S)

    def _told(self, child: Child, output: IO[bytes]) -> str:
        """Wait for its first line."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while child.alive and time.monotonic() < deadline:
            if b"\n" in (said := _said(output)):
                return said.splitlines()[0].decode()
            time.sleep(_POLL_S)
        self.stop()
        raise PartBroken(
            f"the Kafka broker did not come up. It said:\n{_said(output).decode(errors='replace')}"
        )


def _said(output: IO[bytes]) -> bytes:
    """Read what the child has printed; the place where it goes on to print is the same file's, and stays."""
    return os.pread(output.fileno(), 10_000, 0)
