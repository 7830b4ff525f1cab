"""The delivery worker as Lambda runs it, in this process; in a dry run without its effects."""

from __future__ import annotations

import io
import logging
from collections.abc import Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from worker_runtime import Environment, Halt, Provided, provide, redact_text
from worker_runtime.local.commands.reporting import CommandFailed
from worker_runtime.local.worker_here import worker_here
from workers_pipeline.avro_files import AvroFiles
from workers_pipeline.local.backfill.batches import WORKER
from workers_pipeline.local.backfill.watching import (
    Letter,
    Watch,
    WatchedFiles,
    WatchedSender,
    WatchedWarehouse,
)
from workers_pipeline.partitions import PartitionPolicy
from workers_pipeline.services import Warehouse
from workers_pipeline.settings import PipelineSettings
from workers_pipeline.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class NotDelivered(CommandFailed):
    """A batch was not delivered; ``halted`` where somebody has to mend something before another try."""

    def __init__(self, why: str, *, halted: bool) -> None:
        super().__init__(why)
        self.halted = halted


class Unaccounted(CommandFailed):
    """What the worker says that it did is not what was seen."""


class Delivered(Struct, frozen=True):
    """What became of a batch: (rows, bytes) by file, reasons to skip, dead letters."""

    files: Mapping[str, tuple[int, int]]
    skipped: Mapping[str, int]
    letters: Sequence[Letter]


class DeliveryWorker:
    """Delivers batch after batch."""

    def __init__(self, run: Callable[[Any], Any], watch: Watch) -> None:
        self._run = run
        self._watch = watch

    def deliver(self, event: Mapping[str, Any]) -> Delivered:
        """Run the worker on an event; raises NotDelivered where Lambda would deliver it again."""
        watch = self._watch
        watch.begin()
        try:
            with redirect_stdout(io.StringIO()):  # its metrics are for CloudWatch
                self._run(event)
        except Exception as error:
            raise NotDelivered(_worded(error), halted=_halted(error)) from error
        told = [watch.outcomes.get(kind, 0) for kind in ("done", "skipped", "rejected")]
        seen = [sum(watch.rows.values()), watch.skipped.total(), len(watch.letters)]
        if told != seen or sum(seen) != len(event["Records"]) or watch.rows.keys() != watch.bytes.keys():
            raise Unaccounted(
                f"of {len(event['Records'])} changes {WORKER} says (stored, skipped, dead-lettered) {told},"
                f" and {seen} were seen; this is a mistake in the worker or in this command."
            )
        files = {key: (rows, watch.bytes[key]) for key, rows in watch.rows.items()}
        return Delivered(files, dict(watch.skipped), list(watch.letters))


@contextmanager
def delivery_worker(
    environment: Environment, *, data_types: Sequence[str], dry_run: bool
) -> Iterator[DeliveryWorker]:
    """Load the worker as Lambda does, for rows of some types; in a dry run it stores and sends nothing."""
    watch = Watch()

    @provide
    def tables(settings: PipelineSettings, policy: PartitionPolicy) -> Tables:
        return Tables(data_types, policy=policy, salt=settings.delivery.salt.reveal)

    def instead(provided: Mapping[Any, Provided]) -> Iterable[Provided]:
        yield tables
        yield _around(provided[AvroFiles], lambda made: WatchedFiles(made, watch))
        yield _around(provided[Warehouse], lambda made: WatchedWarehouse(None if dry_run else made, watch))

    with (
        _heard_by(watch),
        worker_here(
            WORKER,
            environment=environment,
            instead=instead,
            sender=lambda own: WatchedSender(None if dry_run else own, watch),
        ) as run,
    ):
        yield DeliveryWorker(run, watch)


def _around(offer: Provided, wrap: Callable[[Any], Any]) -> Provided:
    """Offer what wraps a service."""
    return Provided(offer.type, lambda **needs: wrap(offer.factory(**needs)), offer.needs)


@contextmanager
def _heard_by(watch: Watch) -> Iterator[None]:
    """Let the runtime's log lines be heard there, and nowhere else."""
    logger = logging.getLogger("worker_runtime")
    before = logger.level, logger.propagate, logger.handlers
    logger.setLevel(logging.INFO)
    logger.propagate, logger.handlers = False, [watch]
    try:
        yield
    finally:
        logger.setLevel(before[0])
        logger.propagate, logger.handlers = before[1:]


def _halted(error: BaseException | None) -> bool:
    while error is not None and not isinstance(error, Halt):
        error = error.__cause__
    return error is not None


def _worded(error: Exception) -> str:
    """Say what is behind a batch's failure, without the record that was hit by it first."""
    return redact_text(str(error.__cause__ or error))
