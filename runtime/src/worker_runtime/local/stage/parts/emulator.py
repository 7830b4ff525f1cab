"""AWS on one machine: MiniStack, as a process of its own on loopback.

Its state is in memory and gone when it stops, unless it is to be kept; what it writes goes below the
folder it is given. One that is kept writes its state whenever it ends in order, which a killed stage
leaves it the time for.
Docker is hidden from it: at start it removes containers that carry its label, whoever made them.
"""

from __future__ import annotations

import http.client
import sys
import time
from typing import TYPE_CHECKING

from worker_runtime.local.stage.parts import kept_ministack
from worker_runtime.local.stage.parts.child import Child
from worker_runtime.local.stage.parts.part import Part, PartBroken
from worker_runtime.local.stage.parts.ports import LOOPBACK, free_port, listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

_POLL_S = 0.05
_STOP_GRACE_S = 3.0
_SAVING_GRACE_S = 30.0
_LAST_OUTPUT_CHARS = 2_000


class Emulator(Part):
    """One MiniStack; ``endpoint_url`` serves every AWS service once it is started."""

    def __init__(  # noqa: PLR0913 - where it is, what it keeps, how it is started
        self,
        state: Path,
        *,
        region: str = "us-east-1",
        environment: Mapping[str, str] | None = None,
        start_timeout_s: float = 30.0,
        kept: bool = False,
        port: int = 0,
        holds: Sequence[int] = (),
        speed: float = 1.0,
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare one that keeps to the folder ``state``; ``environment`` adds to its own variables.

        One that is ``kept`` goes on from what is in the folder. It serves on ``port``, or on a free
        one where it is 0, and ``holds`` descriptors open for as long as it lives. Waits and
        retries of state machines last as long on a clock that runs at ``speed``. Where it ends
        though nobody stopped it, ``lost`` is called, in another thread.
        """
        self._state = state
        self._region = region
        self._environment = dict(environment or {})
        self._start_timeout_s = start_timeout_s
        self._kept = kept
        self._holds = holds
        self._speed = speed
        self._lost = lost
        self._serves = False
        self._child: Child | None = None
        self.port = port

    @property
    def endpoint_url(self) -> str:
        """The URL to give AWS clients as their endpoint; any key id and secret will do."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid if self._child is not None and self._child.alive else None

    def start(self) -> Self:
        """Start it, wait until it serves, and see that it listens on loopback only."""
        self.saved_state.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        with self._log.open("wb") as output:
            self._child = Child(
                [sys.executable, "-m", kept_ministack.__name__ if self._kept else "ministack"],
                environment={**self._settings(), **self._environment},
                output=output.fileno(),
                cwd=self._state,
                farewell_s=_SAVING_GRACE_S if self._kept else 0.0,
                holds=self._holds,
                on_exit=self._ended,
            )
        try:
            self._wait_until_ready(self._child)
            self._serves = True
            self.refuse_open_listeners()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End it, its state written or forgotten."""
        self._serves = False
        if self._child is not None:
            self._child.stop(grace_s=_SAVING_GRACE_S if self._kept else _STOP_GRACE_S)

    def reset(self) -> None:
        """Forget all resources and data, as after a fresh start."""
        self._ask("POST", "/_ministack/reset")

    def refuse_open_listeners(self) -> None:
        """Raise ``PartBroken`` where it accepts connections from beyond this machine (Linux only)."""
        if self.pid is None:
            return
        beyond = [f"{address}:{port}" for address, port in listeners(self.pid) if not address.is_loopback]
        if beyond:
            raise PartBroken(
                f"MiniStack listens on {', '.join(beyond)}; the stage keeps to {LOOPBACK}."
                " Turn that service off through the emulator's environment."
            )

    @property
    def saved_state(self) -> Path:
        """The folder of what it writes in the end."""
        return self._state / "state"

    def _ended(self, _exit_code: int) -> None:
        if self._serves:
            self._lost()

    @property
    def _log(self) -> Path:
        return self._state / "ministack.log"

    def _settings(self) -> dict[str, str]:
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": str(self._state),
            "TMPDIR": str(self._state),
            "GATEWAY_PORT": str(self.port),
            "BIND_HOST": LOOPBACK,
            "IOT_MTLS_ENABLED": "0",  # else it listens on every interface
            "SFTP_ENABLED": "0",  # the same
            "DOCKER_HOST": f"unix://{self._state}/no-docker.sock",
            "PERSIST_STATE": str(int(self._kept)),
            "S3_PERSIST": str(int(self._kept)),
            "STATE_DIR": str(self.saved_state),
            "S3_DATA_DIR": str(self._state / "s3"),
            "MINISTACK_REGION": self._region,
            "SFN_WAIT_SCALE": str(1 / self._speed),
            "LOG_LEVEL": "WARNING",
        }

    def _wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + self._start_timeout_s
        while time.monotonic() < deadline:
            if not child.alive:
                raise PartBroken(f"MiniStack ended with {child.exit_code} before it served.{self._said()}")
            try:
                if self._ask("GET", "/_ministack/ready") == http.client.OK:
                    return
            except OSError:
                pass  # it does not listen yet
            time.sleep(_POLL_S)
        raise PartBroken(f"MiniStack did not serve within {self._start_timeout_s:g} seconds.{self._said()}")

    def _ask(self, method: str, path: str) -> int:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=5)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()

    def _said(self) -> str:
        text = self._log.read_text(errors="replace").strip()
        return f" It said last:\n{text[-_LAST_OUTPUT_CHARS:]}" if text else " It said nothing."
