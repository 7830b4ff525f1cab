"""What a backfill comes to, for people and for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.filesize import decimal

from worker_runtime.local.commands.reporting import counted
from workers_pipeline.local.backfill.tally import NAMED_MAX
from workers_pipeline.local.stored.local_files import legible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.commands.reporting import Output
    from workers_pipeline.local.backfill.books import Books, NoBooks
    from workers_pipeline.local.backfill.tally import Counts, Refusal, Tally
    from workers_pipeline.local.backfill.target import Target

SHOWN_MAX: Final = 20
_PARTITION: Final = "/partition_date="


def show(books: Books | NoBooks, output: Output, *, target: Target) -> None:
    """Write what was stored, or would be, by table and partition, and what was not and why."""
    tally, dry_run = books.progress.tally, books.is_dry
    if output.as_json:
        output.json({**_plain(books), "bucket": target.bucket, "at": target.at, "queue": target.queue})
        return
    if tally.stored:
        output.table(("table", "partition date", "files", "rows", "size"), list(_rows(tally)))
    output.lines([(_summary(tally, dry_run=dry_run), "bold" if tally.is_clean else "bold red")])
    output.lines([(f"{'it would go to' if dry_run else 'to'} {target}", "dim")])
    if tally.out_of_range and not tally.batches:
        output.lines([("no change is in the range that was asked for: --since, --until, --type", "yellow")])
    output.lines([(f"  skipped: {each}", "dim") for each in _told(tally.skipped)])
    verb = "would be dead-lettered" if dry_run else "dead-lettered"
    output.lines([(f"  {verb}: {each}", "red") for each in _told(tally.dead_lettered)])
    output.lines([(f"  not read: {each}", "red") for each in _told(tally.unread)])
    output.lines([(f"  broken files: {each}", "red") for each in _told(tally.broken)])
    if books.progress.lost and not dry_run:
        output.lines([("  once they are put right, the same command takes those files, and no others", "")])
    output.lines([(f"  {_named(each)}", "") for each in tally.named[:SHOWN_MAX]])
    if len(tally.named) > SHOWN_MAX:
        output.lines([(f"  and more; --json names the first {NAMED_MAX}", "dim")])
    if not tally.is_clean and books.refusals is not None:
        output.lines([(f"all that was not delivered: {books.refusals}", "dim")])


def _plain(books: Books | NoBooks) -> dict[str, Any]:
    tally = books.progress.tally
    return {
        "dryRun": books.is_dry,
        "deliveredBefore": books.were_closed,
        "read": tally.read,
        "rows": tally.rows,
        "files": tally.files,
        "bytes": tally.bytes,
        "skipped": tally.skipped,
        "deadLettered": tally.dead_lettered,
        "notRead": tally.unread,
        "brokenFiles": tally.broken,
        "passedOver": tally.passed_over,
        "outOfRange": tally.out_of_range,
        "storedAgain": tally.again,
        "tables": [
            dict(zip(("table", "partitionDate"), _place(key), strict=True)) | msgspec.to_builtins(each)
            for key, each in sorted(tally.stored.items())
        ],
        "refused": tally.named,
        "refusedFile": None if tally.is_clean or books.refusals is None else legible(books.refusals),
        "state": None if books.state is None else legible(books.state),
    }


def _place(key: str) -> tuple[str, str]:
    table, _, date = key.partition(_PARTITION)
    return table, date


def _rows(tally: Tally) -> Iterator[list[tuple[str, str]]]:
    for key, each in sorted(tally.stored.items()):
        counts = f"{each.files:,}", f"{each.rows:,}", decimal(each.bytes)
        yield [(text, "") for text in (*_place(key), *counts)]


def _summary(tally: Tally, *, dry_run: bool) -> str:
    would = "would be " if dry_run else ""
    others = {
        "skipped": sum(tally.skipped.values()),
        f"{would}dead-lettered": sum(tally.dead_lettered.values()),
        "not read": sum(tally.unread.values()),
        "out of range": tally.out_of_range,
        "another worker's": tally.passed_over,
    }
    rows = f"{counted(tally.rows, 'row')} in {counted(tally.files, 'file')} {would}stored"
    again = f"{counted(tally.again.rows, 'row')} of batches that came again, over the same files"
    told = (
        rows,
        *((again,) if tally.again.rows else ()),
        *(f"{many:,} {what}" for what, many in others.items() if many),
    )
    return f"{counted(tally.read, 'change')}: {', '.join(told)}"


def _told(counts: Counts) -> list[str]:
    return [f"{many:,} x {what}" for what, many in sorted(counts.items())]


def _named(refusal: Refusal) -> str:
    line = "" if refusal.line is None else f", line {refusal.line:,}"
    return f"{refusal.file}{line}: {refusal.code}: {refusal.why}"
