"""The operator of the scenario: has failed notifications sent again, by the command that people use."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from worker_runtime.local.offers import ScenarioStuck

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker_runtime.local.stage.stage import Stage

_LASTS_S: Final = 120


class Operator:
    """Runs ``workers dmnd retry`` in a process of its own, against the stage."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def retry(self, notification_ids: Sequence[str]) -> None:
        """Have failed notifications sent again; raises ScenarioStuck."""
        asked = ["dmnd", "retry", *notification_ids, "--reason", "the SMS service was down", "--yes"]
        ended = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "worker_runtime.cli", *asked],
            env={**os.environ, **self._stage.environment()},
            capture_output=True,
            text=True,
            timeout=_LASTS_S,
            check=False,
        )
        if ended.returncode:
            raise ScenarioStuck(f"workers dmnd retry ended with {ended.returncode}: {ended.stderr.strip()}")
