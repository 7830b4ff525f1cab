"""Sources: what AWS would do to a worker's records that its author may not expect."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from worker_runtime import clock
from worker_runtime.local.doctor.findings import Finding, warning
from worker_runtime.local.doctor.schedules import examine_schedule
from worker_runtime.outcomes import VERDICTS, Action, Unstarted
from worker_runtime.sources.kafka import Kafka
from worker_runtime.sources.schedule import Schedule
from worker_runtime.sources.sqs import Sqs
from worker_runtime.sources.streams import StreamSource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.sources import Source
    from worker_runtime.workers import Declaration

UNLIMITED = -1


def examine_sources(worker_id: str, declaration: Declaration, *, expected_s: float | None) -> list[Finding]:
    """Warn of what is allowed and surprising; ``expected_s`` is how long one record takes, if known."""
    findings: list[Finding] = []
    for source in declaration.sources:
        who = f"{worker_id}, {source.kind} {source.name}"
        findings.extend(_too_slow(who, source, declaration, expected_s))
        if isinstance(source, Sqs):
            findings.extend(_queue(who, source))
        if isinstance(source, StreamSource):
            findings.extend(_stream(who, source))
        if isinstance(source, Schedule):
            findings.extend(examine_schedule(who, source, declaration, now=clock.now()))
    return findings


def _too_slow(
    who: str, source: Source, declaration: Declaration, expected_s: float | None
) -> Iterator[Finding]:
    """Hold what comes at once, run in rounds of ``concurrency`` records, against the time-out."""
    batch_size = max(getattr(source, "batch_size", 1), 1)  # AppSync's 0 is a request by itself
    at_once, timeout_s = declaration.concurrency, declaration.timeout_s
    if not expected_s or ceil(batch_size / at_once) * expected_s <= timeout_s:
        return
    fitting = int(timeout_s / expected_s) * at_once
    batch = f"a batch of {batch_size} at {expected_s:g} s a record, {at_once} at once,"
    yield warning(
        who,
        f"{batch if batch_size > 1 else f'a record of {expected_s:g} s'} does not fit"
        f" into timeout_s={timeout_s}: {_ends(source, batch_size)}",
        cure=f"say batch_size={fitting} or less, or raise timeout_s." if fitting else "raise timeout_s.",
    )


def _ends(source: Source, batch_size: int) -> str:
    """Say what the end of the time does to the records of a source."""
    if batch_size == 1:
        return "Lambda ends it before it is done."
    if VERDICTS[source.family][Unstarted] is Action.ANSWER:
        return "whoever asked for what was not started in time is told an error."
    if isinstance(source, Kafka) and not source.partial_replies:
        return "the whole batch is delivered again, and never comes to its end."
    return "what was not started in time is delivered again, and AWS counts that as a failed attempt."


def _queue(who: str, source: Sqs) -> Iterator[Finding]:
    if source.dead_letters is None:
        yield warning(
            who,
            "it has no dead_letters: a message that can never be done is received again and again until the"
            " queue forgets it, and then it is lost.",
            cure="name a queue with dead_letters=, from which `workers dead-letters redrive` brings it back.",
        )


def _stream(who: str, source: StreamSource) -> Iterator[Finding]:
    if source.retries != UNLIMITED:
        yield warning(
            who,
            f"while it halts (a secret is missing, say), its {source.retries} retries run out as with any"
            f" failure; Lambda then skips the batch, and {source.dead_letters} gets only the batch's place in"
            " the stream.",
            cure=f"set an alarm on {source.dead_letters} and run `workers dead-letters redrive"
            f" {source.dead_letters}` before the stream forgets the records; or say retries=-1 and a"
            " max_age_s, and the shard waits until the cause is mended.",
        )
    elif source.max_age_s == UNLIMITED:
        yield warning(
            who,
            "it retries without end: a record that always fails holds up all behind it in its shard until"
            " the stream forgets it.",
            cure="say a max_age_s shorter than the stream's retention; what is older goes to"
            f" {source.dead_letters}.",
        )
