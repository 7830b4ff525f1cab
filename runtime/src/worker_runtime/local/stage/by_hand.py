"""What a person does with a running stage past its pollers: runs a worker, looks at letters, resends them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from worker_runtime.errors import WorkerRuntimeError
from worker_runtime.local.dead_letters.redriving import Redriver
from worker_runtime.local.dead_letters.walk import peek
from worker_runtime.local.stage.execution.answers import Reply
from worker_runtime.local.stage.lineage.happenings import Ended, EventHandedOver, SentBack
from worker_runtime.local.stage.polling.mappings import origins_of

if TYPE_CHECKING:
    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.stage.company import Company
    from worker_runtime.local.stage.counting import Tally
    from worker_runtime.local.stage.scenery import Play, Scenery


class InvocationFailed(WorkerRuntimeError):
    """A worker that was invoked by hand did not return."""


class ByHand:
    """Acts on one play; the journal is told of all of it."""

    def __init__(self, play: Play, *, scenery: Scenery, company: Company, tally: Tally) -> None:
        self._play = play
        self._scenery = scenery
        self._company = company
        self._tally = tally

    def invoke(self, worker_id: str, event: Any) -> Any:
        """Run a worker on an event and return its reply; raises InvocationFailed."""
        note = self._play.journal.note
        self._tally.moved()
        request_id = str(uuid4())
        note(EventHandedOver(worker_id, request_id, json.dumps(event).encode()))
        report = self._company.invoker(worker_id).invoke(event, request_id=request_id)
        note(Ended(worker_id, request_id, report))
        answer = report.answer
        self._tally.moved()
        if not isinstance(answer, Reply):
            raise InvocationFailed(f"{worker_id}: {answer.error_type}: {answer.message}")
        return answer.value

    def dead_letters(self, queue: str) -> list[Letter]:
        """Look at what waits in a dead-letter queue, and leave it there."""
        return peek(self._scenery.aws("sqs"), self._url(queue), patience_s=0)

    def redrive(self, queue: str, *, refresh: bool) -> int:
        """Send back the letters of a dead-letter queue and return how many went."""
        scenery = self._scenery
        redriver = Redriver(
            self._url(queue),
            origins=origins_of(
                queue,
                declarations=self._play.declarations,
                names=scenery.names,
                aws=scenery.aws,
                clock=self._play.clock,
                kafka_servers=scenery.kafka.servers,
            ),
            aws=scenery.aws,
            invoke=self.invoke,
            patience_s=0,
            sent_back=lambda *told: self._play.journal.note(SentBack(*told)),
        )
        return redriver.redrive(refresh=refresh).sent

    def _url(self, queue: str) -> str:
        return self._scenery.names.named("queue", queue)
