"""The generator asked for one sale: as it is deployed, or run in this process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, Protocol

from worker_runtime import Verdict
from worker_runtime.clients import aws
from worker_runtime.local.commands.reporting import CommandFailed
from worker_runtime.local.invoke import prepare

if TYPE_CHECKING:
    from workers_dmnd.models import Sale

WORKER: Final = "dmnd.notificationGenerator"
LONGEST_S: Final = 310.0  # the function's own time-out, and a little for Lambda


class GeneratorFailed(CommandFailed):
    """The generator raised, or its answer is none of its own."""


class Generator(Protocol):
    """Makes a sale's notifications, as far as one invocation goes."""

    def __call__(self, sale: Sale) -> dict[str, Any]:
        """Return the generator's own reply: ``{sales, written, skipped}``."""


class DeployedGenerator:
    """Invokes the function by its name or ARN and waits for its reply; called once, never repeated."""

    def __init__(self, function: str) -> None:
        self._function = function

    def __call__(self, sale: Sale) -> dict[str, Any]:
        """Return the function's reply; GeneratorFailed with what it raised."""
        answer, said = self._invoked(_asked(sale))
        if "FunctionError" in answer:
            why = f"{said.get('errorType')}: {said.get('errorMessage')}" if isinstance(said, dict) else said
            raise GeneratorFailed(f"{self._function} raised {why}.")
        return _reply(said, of=self._function)

    def _invoked(self, asked: dict[str, str]) -> tuple[dict[str, Any], Any]:
        """Return Lambda's answer and the payload in it."""
        try:
            with aws.verdicts("lambda"):
                invoke = aws.client("lambda", attempts=1, read_timeout_s=LONGEST_S).invoke
                answer = invoke(FunctionName=self._function, Payload=json.dumps(asked))
                return answer, json.loads(answer["Payload"].read() or b"null")
        except Verdict as verdict:
            why = str(verdict).rstrip(".")
            cure = "is that its name, and may you invoke it?"
            raise GeneratorFailed(f"{self._function} was not invoked: {why}; {cure}") from verdict


class GeneratorHere:
    """Runs the worker in this process, through the door that Lambda uses."""

    def __init__(self) -> None:
        self._ready = prepare(WORKER, variables={})

    def __call__(self, sale: Sale) -> dict[str, Any]:
        """Return the worker's reply; GeneratorFailed with what it raised."""
        try:
            said = self._ready(_asked(sale))
        except Exception as error:
            raise GeneratorFailed(f"{WORKER} raised {type(error).__name__}: {error}.") from error
        return _reply(said, of=WORKER)


def _asked(sale: Sale) -> dict[str, str]:
    return {"eventId": sale.event_id, "saleId": sale.sale_id}


def _reply(said: Any, *, of: str) -> dict[str, Any]:
    if isinstance(said, dict) and {"sales", "written", "skipped"} <= said.keys():
        return said
    raise GeneratorFailed(f"{of} replied {said!r}, which no generator says; is it the right function?")
