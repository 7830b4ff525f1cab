"""The stage's own process made ready for workers that run in it: where AWS is, and which lots are drawn."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

from worker_runtime.clients import aws, secrets
from worker_runtime.local.stage.parts.part import Part

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


class ProcessEnvironment(Part):
    """Points this process's AWS clients at the stage and lets it draw the seed's lots, from start to stop."""

    def __init__(self, variables: Mapping[str, str], *, seed: int) -> None:
        self._variables = variables
        self._seed = seed
        self._before: dict[str, str | None] = {}

    def start(self) -> Self:
        """Set the variables."""
        self._before = {name: os.environ.get(name) for name in self._variables}
        os.environ.update(self._variables)
        self._lots = random.getstate()
        random.seed(self._seed)  # back-offs of clients are drawn from it
        aws.forget()
        secrets.forget()
        return self

    def stop(self) -> None:
        """Put the former ones back."""
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        self._before = {}
        random.setstate(self._lots)
        aws.forget()
        secrets.forget()
