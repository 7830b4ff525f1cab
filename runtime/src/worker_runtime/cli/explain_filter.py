"""``workers explain-filter``: which pattern, path and operator took or refused each record of an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from worker_runtime.errors import BatchFailed, UnrecognisedEvent
from worker_runtime.local.commands.inputs import read_event
from worker_runtime.local.commands.options import AsJson, WorkerName  # noqa: TC001 - typer reads annotations
from worker_runtime.local.commands.reporting import Misuse, answering, examples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker_runtime.local.filter_verdicts import EventVerdict, RecordVerdict

app = typer.Typer(add_completion=False)


@app.command(
    "explain-filter",
    epilog=examples(
        "workers explain-filter dmnd.notificationSend --event event.json",
        "workers explain-filter shop.shipOrder --event event.json --show-values",
        "workers explain-filter shop.shipOrder --event event.json --json | jq .records",
    ),
)
def explain_filter(
    worker: WorkerName,
    *,
    event: Annotated[
        str, typer.Option("--event", metavar="FILE|-", help="The event as JSON, unfiltered; - is stdin.")
    ],
    show_values: Annotated[
        bool, typer.Option("--show-values", help="Show values in clear, personal data among them.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Say for each record of an event which filter takes it, or why every one refuses it.

    Asked are the filters of the event's source: its mapping's, a topic's filter policy, a rule's pattern.

    They are asked as AWS asks them, and the worker is not run. Personal data is masked.

    Exit codes: 0 it is told, whatever was taken, 1 the worker could not be loaded, 2 it was called wrongly.
    """
    with answering(as_json=as_json) as output:
        from worker_runtime.catalogue import installed  # noqa: PLC0415 - help needs none of it
        from worker_runtime.local.filter_verdicts import judge_event  # noqa: PLC0415 - help needs none of it

        worker_id = installed().find(worker)  # before anything is read: who types a name wrong hears of that
        recorded = read_event(event)
        try:
            verdict = judge_event(worker_id, recorded)
        except (UnrecognisedEvent, BatchFailed) as error:
            raise Misuse(f"{str(error).rstrip('.')}; give an event as Lambda would send it.") from None
        if as_json:
            output.json(_plain(verdict, in_clear=show_values))
        else:
            output.lines(list(_lines(verdict, in_clear=show_values)))


def _lines(verdict: EventVerdict, *, in_clear: bool) -> Iterator[tuple[str, str]]:
    for number, record in enumerate(verdict.records, start=1):
        yield from _told(number, record, in_clear=in_clear)
    of_all = f"{verdict.taken} of {len(verdict.records)} taken"
    source = f"{verdict.source.kind} {verdict.source.name}"
    if verdict.filters or not verdict.records:
        yield f"{verdict.worker}, {source}: {of_all}", "bold"
    else:
        yield f"{verdict.worker}, {source}: {of_all}; there are no filters, so all is taken", "bold"


def _told(number: int, record: RecordVerdict, *, in_clear: bool) -> Iterator[tuple[str, str]]:
    explained = record.explanation
    taken = explained.taken
    yield f"record {number} (id {record.id}): {'taken' if taken else 'refused'}", "green" if taken else "red"
    for each in explained.judgements:
        style = "" if each.taken == taken else "dim"
        for at, found in enumerate(each.findings):
            margin = f"  {each.name}: " if at == 0 else " " * len(f"  {each.name}: ")
            yield f"{margin}{found.says(in_clear=in_clear)}", style


def _plain(verdict: EventVerdict, *, in_clear: bool) -> dict[str, Any]:
    records = [
        {"record": number, "id": record.id, **record.explanation.plain(in_clear=in_clear)}
        for number, record in enumerate(verdict.records, start=1)
    ]
    source = {"kind": verdict.source.kind, "name": verdict.source.name}
    refused = len(records) - verdict.taken
    return {
        "worker": verdict.worker,
        "source": source,
        "taken": verdict.taken,
        "refused": refused,
        "records": records,
    }
