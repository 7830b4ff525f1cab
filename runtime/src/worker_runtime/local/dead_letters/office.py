"""Dead letters for people: listed without personal data, sent back, at any endpoint."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime.catalogue import installed
from worker_runtime.errors import SettingsError
from worker_runtime.grants import variable
from worker_runtime.local.dead_letters.letters import UNREADABLE
from worker_runtime.local.dead_letters.opening import NotSentBack, Opener
from worker_runtime.local.dead_letters.readable import readable, readable_record
from worker_runtime.local.dead_letters.redriving import Redriven, Redriver
from worker_runtime.local.dead_letters.walk import peek
from worker_runtime.local.endpoint import Endpoint
from worker_runtime.local.invoke import prepare
from worker_runtime.local.real_names import RealNames
from worker_runtime.local.recording.masking import masked_text
from worker_runtime.local.stage.kafka.needs import SERVERS_VARIABLE
from worker_runtime.local.stage.keeping.clock_outside import clock_outside
from worker_runtime.local.stage.lineage.late_notes import note_sent_back
from worker_runtime.local.stage.polling.mappings import origins_of
from worker_runtime.local.stage.staged_workers import declarations

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from worker_runtime.local.dead_letters.letters import Letter
    from worker_runtime.local.dead_letters.opening import Origin
    from worker_runtime.workers import Declaration


class Listed(Struct, frozen=True, rename="camel"):
    """One dead letter as people see it; ``body`` is plain data where it was JSON, masked.

    ``sent_at`` is by the clock of its queue: AWS's, or the machine's where it is a stage's.
    """

    queue: str
    record_id: str
    shard: str
    worker: str | None
    code: str
    error: str
    form: str
    sent_at: str
    body: Any
    message_id: str

    @property
    def place(self) -> str:
        """The record's id, behind its shard where that is known."""
        return f"{self.shard}:{self.record_id}" if self.shard else self.record_id

    def is_called(self, wanted: str) -> bool:
        """Whether its record's id, with its shard or not, or its own begins like this."""
        return any(each.startswith(wanted) for each in (self.record_id, self.place, self.message_id))


class Opened(Struct, frozen=True, rename="camel"):
    """A dead letter with all that it holds; ``records`` as their worker had them, masked.

    ``problem`` says why there are none where there should be.
    """

    letter: Listed
    receives: int
    records: list[Any]
    problem: str


class Way(Struct, frozen=True, rename="camel"):
    """Where a dead letter would go."""

    record_id: str
    to: str


class Office:
    """All that is done with dead letters from outside a stage; AwsRefused where AWS does not play along."""

    def __init__(self, endpoint_url: str | None) -> None:
        self._aws = Endpoint(endpoint_url)
        self._names = RealNames(os.environ, aws=self._aws)

    def letters(self, queues: Iterable[str]) -> list[Listed]:
        """Look at the letters of some queues and leave them there."""
        with self._aws.asked():
            return [
                _listed(letter, queue=queue)
                for queue in queues
                for letter in peek(self._aws("sqs"), self._names.queue_url(queue))
            ]

    def opened(self, queue: str, wanted: str | None) -> list[Opened]:
        """Open the letters of a queue, or those whose record or message begins with ``wanted``.

        Records that Lambda only named are fetched from their stream again.
        """
        with self._aws.asked():
            opener = Opener(self._origins(queue), aws=self._aws)
            found = peek(self._aws("sqs"), self._names.queue_url(queue))
            return [_opened(each, queue=queue, opener=opener) for each in found if each.is_called(wanted)]

    def ways(self, queue: str, letters: Iterable[Listed]) -> list[Way]:
        """Say where each letter would go."""
        with self._aws.asked():
            origins = self._origins(queue)
        return [Way(letter.record_id, _way(letter, origins)) for letter in letters]

    def redrive(self, queue: str, *, refresh: bool, seen: int, wanted: str | None = None) -> Redriven:
        """Send the letters of a queue back, or those ``wanted``; ``seen`` were there a moment ago."""
        with self._aws.asked():
            redriver = Redriver(
                self._names.queue_url(queue),
                origins=self._origins(queue),
                aws=self._aws,
                invoke=self._invoke,
                sent_back=partial(note_sent_back, os.environ),
            )
            return redriver.redrive(refresh=refresh, seen=seen, wanted=wanted)

    def _origins(self, queue: str) -> list[Origin]:
        declared = declarations(installed(), stack=None)
        sources = [source for each in declared.values() for source in _lettered(each)]
        fitting = {each.dead_letters for each in sources if queue.endswith(each.dead_letters or "/")}
        if not fitting:
            raise SettingsError(f"no installed worker sends its dead letters to {queue}; install its plugin.")
        logical = max(fitting, key=len)  # a URL ends in the queue's name
        names = self._names.of(source for source in sources if source.dead_letters == logical)
        return origins_of(
            logical,
            declarations=declared,
            names=names,
            aws=self._aws,
            clock=clock_outside(os.environ),
            kafka_servers=os.environ.get(SERVERS_VARIABLE, ""),
        )

    def _invoke(self, worker_id: str, event: Any) -> Any:
        """Run a worker in this process; what it needs is looked up as far as no variable names it."""
        declaration = declarations(installed(), stack=None)[worker_id]
        variables = {**self._aws.variables, **self._names.variables(declaration.all_grants)}
        return prepare(worker_id, variables=variables)(event)


def queues_of(stack: str | None) -> list[str]:
    """Name the queues of dead letters that the workers of a stack, or of all, declare."""
    declared = declarations(installed(), stack=stack).values()
    return sorted({source.dead_letters for each in declared for source in _lettered(each)})


def named_queues(environ: Mapping[str, str]) -> list[str]:
    """Name the queues of dead letters, of any stack, whose URLs are in the variables."""
    return [queue for queue in queues_of(None) if environ.get(variable("queue", queue))]


def _lettered(declaration: Declaration) -> list[Any]:
    """List the sources of a worker that have dead letters."""
    return [source for source in declaration.sources if getattr(source, "dead_letters", None)]


def _listed(letter: Letter, *, queue: str) -> Listed:
    system = letter.message.get("Attributes", {})
    sent_at = datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1000, tz=UTC)
    return Listed(
        queue=queue,
        record_id=letter.record_id,
        shard=letter.shard,
        worker=letter.worker,
        code=letter.code,
        error=masked_text(letter.error),
        form=letter.form,
        sent_at=sent_at.isoformat(timespec="seconds"),
        body=readable(letter.body),
        message_id=letter.message_id,
    )


def _opened(letter: Letter, *, queue: str, opener: Opener) -> Opened:
    records, problem = [], letter.error if letter.unreadable else ""
    try:
        records = [] if letter.unreadable else opener.records(letter)
    except NotSentBack as error:
        problem = str(error)
    return Opened(
        letter=_listed(letter, queue=queue),
        receives=int(letter.message.get("Attributes", {}).get("ApproximateReceiveCount", 0)),
        records=[readable_record(record) for record in records],
        problem=masked_text(problem),
    )


def _way(letter: Listed, origins: list[Origin]) -> str:
    if letter.worker is None and letter.code == UNREADABLE:
        return f"nowhere: {letter.error}"
    fitting = [each for each in origins if letter.worker in (None, each.worker_id)]
    if len(fitting) != 1:
        return f"nowhere: {len(fitting)} sources have these dead letters"
    return fitting[0].queue_url or f"{fitting[0].worker_id}, in this process"
